//! What nginx-rtmp tells its hooks (`on_publish`, `on_publish_done`, `on_update`), read as it is written.
//!
//! The body looks like a form and is none: nginx writes its own fields in a fixed order, their values escaped, and
//! appends the arguments of the publisher's URL as they came, so that `?name=somebody-else` makes a second `name`, and
//! blanks and any other bytes stand there raw. So fields are read by their place: what follows nginx's last one is the
//! publisher's, and nothing of it counts.

use crate::secret;

/// A notification of nginx-rtmp.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notification {
    /// What it is about.
    pub call: Call,
    /// The address that the publisher connected from.
    pub addr: String,
    /// The connection, counted since nginx was started; a restart begins again at 1.
    pub client_id: u64,
    /// What the publisher calls its stream. For one from outside, it holds a stream key.
    pub name: PublishedAs,
}

secret!(
    /// The name of a stream as its publisher gave it: a stream key is part of it.
    PublishedAs
);

/// What a notification is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Call {
    /// Somebody wants to publish; the answer decides.
    Publish,
    /// A publisher is gone. The answer does not matter.
    PublishDone,
    /// A publisher is still there.
    Update {
        /// For how many seconds it has been publishing.
        seconds: u64,
        /// The timestamp of the media that came last, in milliseconds.
        timestamp: u64,
    },
}

/// Why a body is no notification.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// A field of nginx's is not at its place.
    #[error("{0} is not where nginx-rtmp writes it")]
    Misplaced(&'static str),
    /// It is not a number.
    #[error("{0} is not a number")]
    NoNumber(&'static str),
}

/// nginx's fields of every notification of a connection, before `call`.
const COMMON: [&str; 7] = ["app", "flashver", "swfurl", "tcurl", "pageurl", "addr", "clientid"];

/// Reads a body; `None` for a notification about something else than publishing, such as a viewer or a connection.
///
/// # Errors
/// [`Unreadable`], if nginx-rtmp did not write it.
pub fn read(body: &[u8]) -> Result<Option<Notification>, Unreadable> {
    let mut fields = Fields { rest: Some(body) };
    let mut common = [&[][..]; COMMON.len()];
    for (value, name) in common.iter_mut().zip(COMMON) {
        let (found, text) = fields.next().ok_or(Unreadable::Misplaced(name))?;
        match (found, name) {
            // A connection that is being made has no id yet.
            (b"epoch", "clientid") => return Ok(None),
            (found, name) if found == name.as_bytes() => *value = text,
            _ => return Err(Unreadable::Misplaced(name)),
        }
    }
    let [.., addr, client_id] = common;
    let call = match fields.expect("call")? {
        b"publish" => Call::Publish,
        b"publish_done" => Call::PublishDone,
        b"update_publish" => {
            Call::Update { seconds: number(fields.expect("time")?, "time")?, timestamp: timestamp(&mut fields)? }
        }
        _ => return Ok(None),
    };
    // Left out when it is empty, except in front of `type`.
    let name = match (fields.next(), call) {
        (Some((b"name", name)), _) => name,
        (_, Call::Publish) => return Err(Unreadable::Misplaced("name")),
        _ => &[],
    };
    if call == Call::Publish {
        fields.expect("type")?;
    }
    let (addr, client_id) = (unescape(addr), number(client_id, "clientid")?);
    Ok(Some(Notification { call, addr, client_id, name: PublishedAs::new(unescape(name)) }))
}

fn timestamp(fields: &mut Fields<'_>) -> Result<u64, Unreadable> {
    number(fields.expect("timestamp")?, "timestamp")
}

/// What stands between `&`, in its order.
struct Fields<'a> {
    rest: Option<&'a [u8]>,
}

impl<'a> Fields<'a> {
    /// Name and value of the next field.
    fn next(&mut self) -> Option<(&'a [u8], &'a [u8])> {
        let (field, rest) = split(self.rest?, b'&');
        self.rest = rest;
        let (name, value) = split(field, b'=');
        Some((name, value.unwrap_or_default()))
    }

    /// The value of the next field, which has this name.
    fn expect(&mut self, name: &'static str) -> Result<&'a [u8], Unreadable> {
        match self.next() {
            Some((found, value)) if found == name.as_bytes() => Ok(value),
            _ => Err(Unreadable::Misplaced(name)),
        }
    }
}

fn split(text: &[u8], at: u8) -> (&[u8], Option<&[u8]>) {
    match text.iter().position(|byte| *byte == at) {
        Some(position) => (&text[..position], Some(&text[position + 1..])),
        None => (text, None),
    }
}

fn number(digits: &[u8], name: &'static str) -> Result<u64, Unreadable> {
    let digits = std::str::from_utf8(digits).ok().filter(|digits| digits.bytes().all(|digit| digit.is_ascii_digit()));
    digits.and_then(|digits| digits.parse().ok()).ok_or(Unreadable::NoNumber(name))
}

/// The text behind nginx's escapes. What is no escape stays, and what is no UTF-8 becomes a replacement character, which
/// no name of ours has.
fn unescape(escaped: &[u8]) -> String {
    let digit = |at: usize| char::from(*escaped.get(at)?).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let mut text = Vec::with_capacity(escaped.len());
    let mut at = 0;
    while at < escaped.len() {
        match (escaped[at], digit(at + 1), digit(at + 2)) {
            (b'%', Some(high), Some(low)) => {
                text.push(high * 16 + low);
                at += 3;
            }
            (byte, ..) => {
                text.push(byte);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&text).into_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// As nginx-rtmp 1.2.2 wrote them.
    const PUBLISH: &str = "app=live&flashver=FMLE/3.0%20(compatible%3B%20Lavf59.27&swfurl=&\
                           tcurl=rtmp://127.0.0.1:28350/live&pageurl=&addr=192.0.2.7&clientid=4&call=publish&\
                           name=key_high&type=live";
    const UPDATE: &str = "app=live&flashver=LNX.11,1,102,55&swfurl=&tcurl=rtmp://127.0.0.1:28350/live&pageurl=&\
                          addr=192.0.2.7&clientid=4&call=update_publish&time=2&timestamp=1823&name=key_high";
    const DONE: &str = "app=live&flashver=LNX.11,1,102,55&swfurl=&tcurl=rtmp://127.0.0.1:28350/live&pageurl=&\
                        addr=192.0.2.7&clientid=4&call=publish_done&name=key_high";

    fn notification(call: Call) -> Notification {
        Notification { call, addr: "192.0.2.7".to_owned(), client_id: 4, name: PublishedAs::new("key_high".to_owned()) }
    }

    #[test]
    fn each_notification_is_read_as_nginx_writes_it() {
        assert_eq!(read(PUBLISH.as_bytes()), Ok(Some(notification(Call::Publish))));
        assert_eq!(read(DONE.as_bytes()), Ok(Some(notification(Call::PublishDone))));
        let update = notification(Call::Update { seconds: 2, timestamp: 1823 });
        assert_eq!(read(UPDATE.as_bytes()), Ok(Some(update)));
    }

    #[test]
    fn client_arguments_that_repeat_nginx_s_fields_count_for_nothing() {
        for own in [PUBLISH, UPDATE, DONE] {
            let with_more = format!("{own}&name=evil&app=x&addr=127.0.0.1&clientid=9&call=publish_done&type=x");
            assert_eq!(read(with_more.as_bytes()), read(own.as_bytes()));
        }
    }

    #[test]
    fn an_empty_name_stays_empty() {
        let empty = PUBLISH.replace("key_high", "");
        assert_eq!(read(empty.as_bytes()).unwrap().unwrap().name.expose(), "");
        let left_out = DONE.replace("&name=key_high", "&token=x");
        assert_eq!(read(left_out.as_bytes()).unwrap().unwrap().name.expose(), "");
    }

    #[test]
    fn a_field_of_nginx_s_that_is_missing_or_no_number_is_named() {
        let without = |field: &str| {
            let fields = PUBLISH.split('&').filter(|it| it.split('=').next() != Some(field));
            read(fields.collect::<Vec<_>>().join("&").as_bytes())
        };
        for field in ["app", "flashver", "addr", "clientid", "call", "name", "type"] {
            assert_eq!(without(field), Err(Unreadable::Misplaced(field)), "{field}");
        }
        for (right, wrong, field) in
            [("clientid=4", "clientid=-4", "clientid"), ("time=2", "time=", "time"), ("1823", "1e3", "timestamp")]
        {
            assert_eq!(read(UPDATE.replace(right, wrong).as_bytes()), Err(Unreadable::NoNumber(field)));
        }
    }

    #[test]
    fn what_is_not_about_publishing_is_none() {
        let play =
            PUBLISH.replace("call=publish&name=key_high&type=live", "call=play&name=x&start=0&duration=0&reset=0");
        // Of the connection with which nginx pushes to another application.
        let update = UPDATE.replace("update_publish", "update_play").replace("app=live", "app=");
        let connect = "app=live&flashver=&swfurl=&tcurl=&pageurl=&addr=192.0.2.7&epoch=7&call=connect";
        for body in [play.as_str(), &update, connect] {
            assert_eq!(read(body.as_bytes()), Ok(None), "{body}");
        }
    }

    #[test]
    fn a_name_is_never_shown() {
        let read = read(PUBLISH.as_bytes()).unwrap();
        assert!(!format!("{read:?}").contains("key_high"));
    }

    /// As nginx escapes a value, and a little more.
    fn escape(text: &str) -> String {
        let escape = |byte: u8| match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'/' | b':' | b'=' => {
                char::from(byte).to_string()
            }
            _ => format!("%{byte:02X}"),
        };
        text.bytes().map(escape).collect()
    }

    /// A whole notification: its body, what it says, and where its own part ends.
    fn written() -> impl Strategy<Value = (Vec<u8>, Notification)> {
        let call = prop_oneof![
            Just(Call::Publish),
            Just(Call::PublishDone),
            (any::<u32>(), any::<u32>())
                .prop_map(|(seconds, ms)| Call::Update { seconds: seconds.into(), timestamp: ms.into() }),
        ];
        let values = prop::array::uniform5("\\PC{0,12}");
        // What a publisher may add: near the form of nginx's own fields, and any bytes.
        let arguments = prop::collection::vec(
            prop_oneof![
                "&(name|app|addr|clientid|call|type|time|timestamp)=[a-z0-9]{0,8}".prop_map(String::into_bytes),
                "&[a-z]{1,5}=[ -~]{0,8}".prop_map(String::into_bytes),
                prop::collection::vec(any::<u8>(), 0..6).prop_map(|bytes| [&b"&"[..], &bytes].concat()),
            ],
            0..4,
        );
        (call, values, "[0-9.]{7,15}", any::<u64>(), "\\PC{1,30}", arguments).prop_map(
            |(call, values, addr, client_id, name, arguments)| {
                let [app, flashver, swfurl, tcurl, pageurl] = values.map(|value| escape(&value));
                let escaped = escape(&name);
                let mut body = format!(
                    "app={app}&flashver={flashver}&swfurl={swfurl}&tcurl={tcurl}&pageurl={pageurl}&addr={addr}&\
                     clientid={client_id}&call="
                );
                body += &match call {
                    Call::Publish => format!("publish&name={escaped}&type=live"),
                    Call::PublishDone => format!("publish_done&name={escaped}"),
                    Call::Update { seconds, timestamp } => {
                        format!("update_publish&time={seconds}&timestamp={timestamp}&name={escaped}")
                    }
                };
                let mut body = body.into_bytes();
                body.extend(arguments.concat());
                (body, Notification { call, addr, client_id, name: PublishedAs::new(name) })
            },
        )
    }

    proptest! {
        #[test]
        fn whatever_a_publisher_appends_nginx_s_own_fields_are_read((body, expected) in written()) {
            prop_assert_eq!(read(&body), Ok(Some(expected)));
        }

        #[test]
        fn a_notification_that_is_cut_off_or_changed_anywhere_is_read_or_refused(
            (mut body, _) in written(), at in any::<prop::sample::Index>(), byte in any::<u8>(), cut in any::<bool>(),
        ) {
            let at = at.index(body.len());
            if cut {
                body.truncate(at);
            } else {
                body[at] = byte;
            }
            let _ = read(&body);
        }
    }
}
