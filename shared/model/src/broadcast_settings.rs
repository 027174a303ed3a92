//! Broadcast settings: where a user's broadcasts go, saved by and for that user alone.
//!
//! A server will connect to the ingest URL one day, so it must not name a machine of our own networks. What a host name
//! resolves to is known only then: whoever connects has to check the address again.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use serde::{Deserialize, Serialize};
use url::{Host, Url};

use crate::Field;
use crate::channel::StreamKeyText;

/// What takes the broadcast.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Kind {
    /// Amazon IVS.
    Ivs,
    /// AWS Elemental MediaLive.
    MediaLive,
    /// Any other RTMP server.
    Custom,
}

impl Kind {
    const ALL: [Self; 3] = [Self::Ivs, Self::MediaLive, Self::Custom];

    /// The word used in the API and in the table.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ivs => "ivs",
            Self::MediaLive => "mediaLive",
            Self::Custom => "custom",
        }
    }

    /// Reads that word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }
}

impl Field for Kind {
    const RULE: &'static str = "must be ivs, mediaLive or custom";
}

/// The longest URL that is saved, in bytes.
const LONGEST_URL: usize = 2048;

/// Declares a URL: its doc, the schemes that it may have, and the rule for the caller.
macro_rules! public_url {
    ($(#[$doc:meta])* $name:ident, $schemes:expr, $rule:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(try_from = "String")]
        pub struct $name(String);

        impl $name {
            /// The URL as it was given.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = NotPublic;

            fn try_from(text: String) -> Result<Self, NotPublic> {
                if is_public(&text, &$schemes) { Ok(Self(text)) } else { Err(NotPublic) }
            }
        }

        impl std::str::FromStr for $name {
            type Err = NotPublic;

            fn from_str(text: &str) -> Result<Self, NotPublic> {
                Self::try_from(text.to_owned())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl Field for $name {
            const RULE: &'static str = $rule;
        }
    };
}

/// Not a URL that may be saved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a URL with a public host")]
pub struct NotPublic;

public_url!(
    /// Where the broadcast is sent.
    IngestUrl,
    ["rtmp", "rtmps"],
    "must be an rtmp or rtmps URL of at most 2048 characters with a public host, without user name, query or fragment"
);

public_url!(
    /// Where it can be watched.
    PlaybackUrl,
    ["https"],
    "must be an https URL of at most 2048 characters with a public host, without user name, query or fragment"
);

/// Whether the URL has one of these schemes and a host that may be public.
fn is_public(text: &str, schemes: &[&str]) -> bool {
    let Some((scheme, rest)) = text.split_once("://") else { return false };
    if text.len() > LONGEST_URL || !text.is_ascii() || !schemes.contains(&scheme.to_ascii_lowercase().as_str()) {
        return false;
    }
    // Read as https: for other schemes, the URL standard takes a host as it stands, and 0x7f.1 would pass for a name.
    let Ok(url) = Url::parse(&format!("https://{rest}")) else { return false };
    // The standard forgives what an RTMP client reads otherwise: a backslash, white space, an empty user name.
    let authority = rest.split('/').next().unwrap_or_default();
    let forgiven = rest.contains(['\\', '?', '#', '@'])
        || authority.contains('%')
        || rest.chars().any(|c| c.is_whitespace() || c.is_control());
    let public = match url.host() {
        Some(Host::Domain(name)) => is_public_name(name),
        Some(Host::Ipv4(address)) => is_public_address(address.into()),
        Some(Host::Ipv6(address)) => is_public_address(address.into()),
        None => false,
    };
    public && !forgiven && !authority.is_empty()
}

/// A name of the public DNS: with a dot, and under none of the names that stay within a network (RFC 6761, RFC 6762,
/// RFC 8375, and AWS's own).
pub(crate) fn is_public_name(name: &str) -> bool {
    const PRIVATE: [&str; 17] = [
        "localhost",
        "localdomain",
        "localdomain4",
        "localdomain6",
        "local",
        "internal",
        "intranet",
        "lan",
        "home",
        "corp",
        "private",
        "arpa",
        "invalid",
        "test",
        "example",
        "onion",
        "alt",
    ];
    let name = name.trim_end_matches('.').to_ascii_lowercase();
    name.contains('.') && !PRIVATE.iter().any(|private| name == *private || name.ends_with(&format!(".{private}")))
}

/// Whether an address is one of the public internet. What a host name resolves to has to be asked so before it is connected to.
pub fn is_public_address(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

/// Globally reachable, as far as the IANA special-purpose registry says.
fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    !(address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_multicast()
        || address.is_documentation()
        || a == 0
        || a >= 240
        || (a == 100 && (64..128).contains(&b))
        || (a == 192 && b == 0 && c == 0)
        || (a == 192 && b == 88 && c == 99)
        || (a == 198 && (18..20).contains(&b)))
}

/// Global unicast (2000::/3) that neither carries an IPv4 address nor is set apart for documentation or protocols.
fn is_public_v6(address: Ipv6Addr) -> bool {
    let [a, b, ..] = address.segments();
    let global = (0x2000..0x4000).contains(&a);
    let transition = a == 0x2002 || (a == 0x2001 && b < 0x200);
    let documentation = (a == 0x2001 && b == 0xdb8) || a == 0x3fff;
    global && !transition && !documentation
}

/// The stream key of the settings, as a request has it: 1 to 256 printable characters.
impl<'de> Deserialize<'de> for StreamKeyText {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let valid = (1..=256).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic());
        if valid { Ok(Self::new(text)) } else { Err(serde::de::Error::custom(Self::RULE)) }
    }
}

impl Field for StreamKeyText {
    const RULE: &'static str = "must be 1 to 256 printable ASCII characters without spaces";
}

/// What a user has saved. A PUT replaces it whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BroadcastSettings {
    /// What takes the broadcast.
    pub kind: Kind,
    /// Where it is sent.
    pub ingest_url: IngestUrl,
    /// The key that the server wants.
    pub stream_key: StreamKeyText,
    /// Where it can be watched.
    pub playback_url: PlaybackUrl,
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use proptest::prelude::*;
    use proptest::test_runner::TestRunner;

    use super::*;

    #[test]
    fn public_hosts_are_taken() {
        for url in [
            "rtmps://a1b2c3.global-contribute.live-video.net:443/app/",
            "rtmp://live.example.com/app",
            "RTMP://live.example.com/app",
            "rtmp://93.184.216.34:1935/live",
            "rtmps://[2606:2800:220:1:248:1893:25c8:1946]/live",
        ] {
            assert!(url.parse::<IngestUrl>().is_ok(), "{url}");
        }
        assert!("https://cdn.example.com/live/index.m3u8".parse::<PlaybackUrl>().is_ok());
    }

    #[test]
    fn hosts_that_are_not_public_are_refused_however_they_are_written() {
        for host in [
            "127.0.0.1",
            "127.1",
            "0x7f.1",
            "0x7f000001",
            "2130706433",
            "017700000001",
            "0",
            "0.0.0.0",
            "10.1.2.3",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "192.0.0.8",
            "198.18.0.1",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "192.0.2.1",
            "[::1]",
            "[::]",
            "[::ffff:127.0.0.1]",
            "[::ffff:7f00:1]",
            "[::ffff:93.184.216.34]",
            "[::127.0.0.1]",
            "[64:ff9b::7f00:1]",
            "[2002:7f00:1::]",
            "[fe80::1]",
            "[fc00::1]",
            "[fd12::1]",
            "[ff02::1]",
            "[2001:db8::1]",
            "localhost",
            "LOCALHOST",
            "localhost.",
            "a.localhost",
            "metadata",
            "db.internal",
            "instance-data.ec2.internal",
            "printer.local",
            "router.lan",
            "box.home.arpa",
            "localhost.localdomain",
            "localhost6.localdomain6",
            "a.test",
            "a.example",
            "",
        ] {
            assert!(format!("rtmp://{host}/app").parse::<IngestUrl>().is_err(), "{host}");
            assert!(format!("https://{host}/x").parse::<PlaybackUrl>().is_err(), "{host}");
        }
    }

    #[test]
    fn tricks_with_the_rest_of_the_url_are_refused() {
        for url in [
            "http://live.example.com/app",
            "file:///etc/passwd",
            "rtmp:live.example.com",
            "rtmp:/live.example.com/app",
            "rtmp://user@live.example.com/app",
            "rtmp://user:key@live.example.com/app",
            "rtmp://@live.example.com/app",
            "rtmp://127.0.0.1\\@live.example.com/app",
            "rtmp://live.example.com\\.evil.example/app",
            "rtmp://live.example.com/app?host=127.0.0.1",
            "rtmp://live.example.com/app#x",
            "rtmp:///app",
            "rtmp://",
            " rtmp://live.example.com/app",
            "rtmp://live.example.com/a b",
            "rtmp://live.example.com\n/app",
            "rtmp://live.ex%61mple.com/app",
            "rtmp://live.exämple.com/app",
            "rtmp://live.example.com:99999/app",
            "rtmp://[::1/app",
        ] {
            assert!(url.parse::<IngestUrl>().is_err(), "{url:?}");
        }
        assert!(format!("rtmp://live.example.com/{}", "x".repeat(2048)).parse::<IngestUrl>().is_err());
        assert!("rtmp://live.example.com/app".parse::<PlaybackUrl>().is_err());
    }

    proptest! {
        #[test]
        fn no_private_v4_address_passes_in_any_notation(a in prop_oneof![Just(10u8), Just(127), Just(0)], rest in any::<[u8; 3]>()) {
            let octets = [a, rest[0], rest[1], rest[2]];
            let number = u32::from_be_bytes(octets);
            let [b, c, d] = rest;
            for host in [
                format!("{a}.{b}.{c}.{d}"), format!("{number}"), format!("{number:#x}"), format!("{a:#x}.{b:#o}.{c}.{d}")
                    .replace("0o", "0"),
                format!("[::ffff:{a}.{b}.{c}.{d}]"), format!("[::{a}.{b}.{c}.{d}]"),
            ] {
                prop_assert!(format!("rtmp://{host}/app").parse::<IngestUrl>().is_err(), "{}", host);
            }
        }
    }

    /// URLs of parts, and whether each part may be saved.
    fn urls() -> impl Strategy<Value = (String, bool)> {
        let part = |right: &'static [&'static str], wrong: &'static [&'static str]| {
            prop_oneof![
                8 => prop::sample::select(right).prop_map(|part| (part.to_owned(), true)),
                1 => prop::sample::select(wrong).prop_map(|part| (part.to_owned(), false)),
            ]
        };
        let label = "[a-z][a-z0-9]{0,8}";
        let host = prop_oneof![
            4 => (label, label).prop_map(|(a, b)| (format!("{a}.{b}.com"), true)),
            2 => (1u8..=9, any::<[u8; 3]>()).prop_map(|(a, [b, c, d])| (format!("{a}.{b}.{c}.{d}"), true)),
            1 => any::<[u16; 3]>().prop_map(|[a, b, c]| (format!("[2606:2800:{a:x}:1:248:1893:{b:x}:{c:x}]"), true)),
            1 => any::<[u8; 3]>().prop_map(|[b, c, d]| (format!("10.{b}.{c}.{d}"), false)),
            1 => (224u8.., any::<[u8; 3]>()).prop_map(|(a, [b, c, d])| (format!("{a}.{b}.{c}.{d}"), false)),
            1 => label.prop_map(|a| (format!("{a}.internal"), false)),
            1 => any::<u16>().prop_map(|a| (format!("[fd12::{a:x}]"), false)),
            1 => Just((String::new(), false)),
        ];
        let parts = (
            part(&["rtmp://", "rtmps://", "RTMPS://"], &["http://", "rtmp:", "rtmp:/", "", "//"]),
            part(&[""], &["user@", "user:key@", "@", "\\"]),
            host,
            part(&["", ":443", ":1935"], &[":99999", ":x", "%2e", " "]),
            part(&["", "/", "/app", "/app/key", "/a%20b"], &["/a b", "/a\\b", "/a\n"]),
            part(&[""], &["?a=b", "#c", "?"]),
        );
        parts.prop_map(|(scheme, user, host, port, path, query)| {
            let valid = [&scheme, &user, &host, &port, &path, &query].iter().all(|(_, valid)| *valid);
            (format!("{}{}{}{}{}{}", scheme.0, user.0, host.0, port.0, path.0, query.0), valid)
        })
    }

    #[test]
    fn a_url_is_taken_if_each_of_its_parts_may_be_saved() {
        const CASES: u32 = 2048;
        let config = ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(CASES) };
        let (read, taken) = (Cell::new(0), Cell::new(0));
        let checked = TestRunner::new(config).run(&urls(), |(text, valid)| {
            let is_url = text.split_once("://").is_some_and(|(_, rest)| Url::parse(&format!("https://{rest}")).is_ok());
            read.set(read.get() + u32::from(is_url));
            taken.set(taken.get() + u32::from(valid));
            prop_assert_eq!(text.parse::<IngestUrl>().is_ok(), valid, "{:?}", text);
            prop_assert!(text.parse::<PlaybackUrl>().is_err());
            let watched = text.replacen("rtmps://", "https://", 1);
            prop_assert_eq!(watched.parse::<PlaybackUrl>().is_ok(), valid && watched != text, "{:?}", watched);
            Ok(())
        });
        checked.unwrap_or_else(|failure| panic!("{failure}"));
        assert!(read.get() > CASES / 2, "{read:?} of {CASES} were URLs");
        assert!((CASES / 5..CASES * 4 / 5).contains(&taken.get()), "{taken:?} of {CASES} may be saved");
    }
}
