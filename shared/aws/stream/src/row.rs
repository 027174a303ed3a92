//! How a row of `streams` is written and read.
//!
//! | `state` | attributes |
//! |---|---|
//! | `live` | `confirmedAt`, `leaseUntil`, `viewerCount`, `health`, `healthAt`; `listed`, which makes the index `by-start` sparse |
//! | `offline` | `endedAt`, `ttl`, by which the row ends |
//!
//! Both have `channel`, `arn`, `private`, `playbackUrl`, `source`, `session`, `startedAt`, `ended`, `rivals`, and a
//! `version` that no other write has.

use aws_item::{Fields, Item, item, n, s};
use aws_sdk_dynamodb::types::AttributeValue;
use model::stream::{Health, KEPT, Live, Source, State, StreamChannel, StreamRow};
use model::{Error, RowVersion, StreamId, Timestamp};

/// What a row is of, for messages.
pub(crate) const OF: &str = "stream";

/// Which of the streams on air.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Partition {
    /// Those that everybody may watch.
    Public,
    /// Those of private channels, which are on no list.
    Private,
}

impl Partition {
    /// The word in the index.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Public => "live",
            Self::Private => "private",
        }
    }

    /// That of a channel's stream.
    pub(crate) fn of(channel: &StreamChannel) -> Self {
        if channel.private { Self::Private } else { Self::Public }
    }
}

pub(crate) fn write(row: &StreamRow, version: &RowVersion, now: Timestamp) -> Item {
    let mut fields = item([
        ("channel", s(&row.channel.name)),
        ("arn", s(&row.channel.arn)),
        ("private", AttributeValue::Bool(row.channel.private)),
        ("playbackUrl", s(&row.channel.playback_url)),
        ("source", s(row.source.as_str())),
        ("session", s(&row.session)),
        ("version", s(version)),
    ]);
    let mut put = |name: &str, value: Option<AttributeValue>| {
        fields.extend(value.map(|value| (name.to_owned(), value)));
    };
    put("startedAt", row.started_at.map(s));
    put("ended", sessions(&row.ended));
    put("rivals", sessions(&row.rivals));
    match &row.state {
        State::Live(live) => {
            put("state", Some(s("live")));
            put("listed", Some(s(Partition::of(&row.channel).as_str())));
            put("confirmedAt", Some(s(live.confirmed_at)));
            put("leaseUntil", Some(s(live.lease_until)));
            put("viewerCount", live.viewer_count.map(n));
            put("health", live.health.map(|health| s(health.as_str())));
            put("healthAt", live.health_at.map(s));
        }
        State::Offline { ended_at } => {
            put("state", Some(s("offline")));
            put("endedAt", Some(s(ended_at)));
            put("ttl", Some(n((now + KEPT).epoch_seconds())));
        }
    }
    fields
}

/// What else a row has, and keeps when it is written anew: a self-hosted channel's parts (crate `aws-rtmp-hook`).
pub(crate) fn rest(item: &Item) -> Item {
    let rest = ["parts", "gone"].into_iter().filter_map(|name| Some((name.to_owned(), item.get(name)?.clone())));
    rest.collect()
}

/// A list of sessions, as long as there are any.
fn sessions(sessions: &[StreamId]) -> Option<AttributeValue> {
    (!sessions.is_empty()).then(|| AttributeValue::L(sessions.iter().map(s).collect()))
}

pub(crate) fn read(item: &Item) -> Result<StreamRow, Error> {
    let row = Fields::of(OF, item);
    let invalid = |field: &str| Error::internal(format!("a stream row has no valid {field}"));
    let sessions = |field: &str| -> Result<Vec<StreamId>, Error> {
        let words = row.words(field)?.unwrap_or_default();
        words.into_iter().map(|word| word.parse().map_err(|_| invalid(field))).collect()
    };
    let state = match row.text("state")? {
        "live" => State::Live(Live {
            confirmed_at: row.parse("confirmedAt")?,
            lease_until: row.parse("leaseUntil")?,
            viewer_count: match row.has("viewerCount") {
                true => Some(row.number("viewerCount")?.try_into().map_err(|_| invalid("viewerCount"))?),
                false => None,
            },
            health: match row.has("health") {
                true => Some(Health::parse(row.text("health")?).ok_or_else(|| invalid("health"))?),
                false => None,
            },
            health_at: row.has("healthAt").then(|| row.parse("healthAt")).transpose()?,
        }),
        "offline" => State::Offline { ended_at: row.parse("endedAt")? },
        _ => return Err(invalid("state")),
    };
    Ok(StreamRow {
        channel: StreamChannel {
            name: row.parse("channel")?,
            arn: row.parse("arn")?,
            private: row.flag("private")?,
            playback_url: row.text("playbackUrl")?.to_owned(),
        },
        source: Source::parse(row.text("source")?).ok_or_else(|| invalid("source"))?,
        session: row.parse("session")?,
        started_at: row.has("startedAt").then(|| row.parse("startedAt")).transpose()?,
        state,
        ended: sessions("ended")?,
        rivals: sessions("rivals")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(state: State) -> StreamRow {
        StreamRow {
            channel: StreamChannel {
                name: "demo".parse().unwrap(),
                arn: "arn:aws:ivs:us-east-1:000000000000:channel/abc".parse().unwrap(),
                private: true,
                playback_url: "https://p.example/x.m3u8".to_owned(),
            },
            source: Source::Ivs,
            session: "st-1".parse().unwrap(),
            started_at: "2026-03-01T12:00:00Z".parse().ok(),
            state,
            ended: vec!["st-0".parse().unwrap()],
            rivals: Vec::new(),
        }
    }

    #[test]
    fn every_form_of_a_row_is_read_as_it_was_written() {
        let at: Timestamp = "2026-03-01T12:00:00Z".parse().unwrap();
        let known = Live { viewer_count: Some(7), health: Some(Health::Starving), health_at: Some(at), ..Live::at(at) };
        let version = "v1".parse().unwrap();
        for state in [State::Live(Live::at(at)), State::Live(known), State::Offline { ended_at: at }] {
            for row in [row(state.clone()), StreamRow { started_at: None, ended: Vec::new(), ..row(state.clone()) }] {
                let item = write(&row, &version, at);
                assert_eq!(read(&item).unwrap(), row);
                // What is on air does not end by itself, and what is not is in no list.
                let is_live = matches!(state, State::Live(_));
                assert_eq!((item.contains_key("listed"), item.contains_key("ttl")), (is_live, !is_live));
            }
        }
    }
}
