//! One type per kind of id. Each is made by parsing alone, so that a value of the type is a valid one.

use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

use crate::Field;

/// Why a text is not an id of the wanted kind; the text is the rule that it breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidId(&'static str);

/// Declares an id: its doc, its rule as a predicate, and the sentence that states the rule.
macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $valid:expr, $rule:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String")]
        pub struct $name(String);

        impl $name {
            /// The id as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidId;

            fn try_from(text: String) -> Result<Self, InvalidId> {
                let valid: fn(&str) -> bool = $valid;
                if valid(&text) { Ok(Self(text)) } else { Err(InvalidId(Self::RULE)) }
            }
        }

        impl Field for $name {
            const RULE: &'static str = $rule;
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                Self::try_from(text.to_owned())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

id!(
    /// The name of a stage, chosen by its first caller and unique in the deployment. It is the IVS name of the stage,
    /// too.
    StageName,
    |text| is_name(text, 128),
    "must be 1 to 128 characters of A-Z, a-z, 0-9, _ and -"
);

id!(
    /// What a user calls one of their devices or tabs, each of which has a participant token of its own.
    DeviceName,
    |text| is_name(text, 64),
    "must be 1 to 64 characters of A-Z, a-z, 0-9, _ and -"
);

id!(
    /// Who calls: the `sub` claim of the access token. IVS takes up to 128 characters as a `userId`.
    UserId,
    |text| (1..=128).contains(&text.chars().count()) && !text.chars().any(char::is_control),
    "must be 1 to 128 characters without control characters"
);

id!(
    /// The ARN of an IVS stage, `arn:aws:ivs:<region>:<account>:stage/<id>`.
    StageArn,
    |text| is_ivs_arn(text, "stage"),
    "must be the ARN of an IVS stage"
);

impl RoomName {
    /// Of the room of a stage.
    pub fn of_stage(name: &StageName) -> Self {
        Self(format!("stage/{name}"))
    }

    /// Of the room of a channel.
    pub fn of_channel(name: &ChannelName) -> Self {
        Self(format!("channel/{name}"))
    }

    /// What an operator sees of it in IVS Chat, which takes no `/`, and 128 characters at most. Which room it is of, the
    /// room's tags say.
    pub fn shown(&self) -> String {
        self.0.replace('/', "-").chars().take(128).collect()
    }
}

impl StageArn {
    /// What stands after `stage/`: the topic of a participant token.
    pub fn topic(&self) -> &str {
        self.0.rsplit_once('/').map_or("", |(_, id)| id)
    }
}

id!(
    /// The name of a chat room: `stage/<name>` or `channel/<name>`, of what it belongs to.
    RoomName,
    |text| match text.split_once('/') {
        Some(("stage" | "channel", name)) => is_name(name, 128),
        _ => false,
    },
    "must be stage/ or channel/ and the name of one"
);

id!(
    /// The ARN of an IVS Chat room, `arn:aws:ivschat:<region>:<account>:room/<id>`.
    RoomArn,
    |text| is_arn(text, "ivschat", "room"),
    "must be the ARN of an IVS Chat room"
);

id!(
    /// A message in a chat room, as IVS Chat names it: 12 characters.
    MessageId,
    |text| text.len() == 12 && text.bytes().all(|b| b.is_ascii_alphanumeric()),
    "must be 12 characters of A-Z, a-z and 0-9"
);

id!(
    /// The name of a channel, chosen by its first caller and unique in the deployment. It is the IVS name of the
    /// channel, too.
    ChannelName,
    |text| is_name(text, 128),
    "must be 1 to 128 characters of A-Z, a-z, 0-9, _ and -"
);

id!(
    /// What tells a channel from an earlier one of its name: the ARN of an IVS channel,
    /// `arn:aws:ivs:<region>:<account>:channel/<id>`, or `self-hosted:<id>` of one that IVS has no part in.
    ChannelArn,
    |text| is_ivs_arn(text, "channel") || is_self_hosted(text),
    "must be the ARN of an IVS channel, or self-hosted: and an id"
);

impl ChannelArn {
    /// Of a channel that IVS has no part in.
    ///
    /// # Errors
    /// Only when the operating system has no randomness to give.
    pub fn self_hosted() -> Result<Self, crate::Error> {
        Ok(Self(format!("{SELF_HOSTED}{}", random()?)))
    }

    /// Whether IVS has no part in the channel.
    pub fn is_self_hosted(&self) -> bool {
        is_self_hosted(&self.0)
    }
}

id!(
    /// One broadcast of a channel, from its start to its end, new each time: IVS's stream id, `st-` and 23 characters, or
    /// one of ours, `sh-`.
    StreamId,
    |text| is_name(text, 64),
    "must be 1 to 64 characters of A-Z, a-z, 0-9, _ and -"
);

impl StreamId {
    /// A new one, of a self-hosted channel.
    ///
    /// # Errors
    /// Only when the operating system has no randomness to give.
    pub fn self_hosted() -> Result<Self, crate::Error> {
        Ok(Self(format!("sh-{}", random()?)))
    }
}

id!(
    /// What tells a stream key from its channel's earlier ones, and is no secret: the ARN of an IVS stream key, or
    /// `self-hosted:<id>` of a key of ours.
    StreamKeyArn,
    |text| is_ivs_arn(text, "stream-key") || is_self_hosted(text),
    "must be the ARN of an IVS stream key, or self-hosted: and an id"
);

impl StreamKeyArn {
    /// Of a key of ours.
    ///
    /// # Errors
    /// Only when the operating system has no randomness to give.
    pub fn self_hosted() -> Result<Self, crate::Error> {
        Ok(Self(format!("{SELF_HOSTED}{}", random()?)))
    }
}

id!(
    /// One of the renditions that a self-hosted channel is broadcast in, such as `high`.
    Quality,
    |text| is_name(text, 32),
    "must be 1 to 32 characters of A-Z, a-z, 0-9, _ and -"
);

id!(
    /// The ARN of a playback key imported to IVS.
    PlaybackKeyArn,
    |text| is_ivs_arn(text, "playback-key"),
    "must be the ARN of an IVS playback key"
);

id!(
    /// What stands last in the ARN of an ECS task: 32 hexadecimal digits, unique among all tasks.
    TaskId,
    |text| is_name(text, 64),
    "must be 1 to 64 characters of A-Z, a-z, 0-9, _ and -"
);

id!(
    /// The ARN of an ECS cluster, `arn:aws:ecs:<region>:<account>:cluster/<name>`.
    ClusterArn,
    |text| text.starts_with("arn:") && text.contains(":ecs:") && text.contains(":cluster/") && text.len() <= 512,
    "must be the ARN of an ECS cluster"
);

id!(
    /// The id of a network interface in EC2, `eni-` and hexadecimal digits.
    InterfaceId,
    |text| text.strip_prefix("eni-").is_some_and(|digits| is_name(digits, 64)),
    "must be the id of a network interface"
);

id!(
    /// Who watches, as a playback token tells IVS, so that a viewer's sessions can be revoked.
    ViewerId,
    |text| is_name(text, 40),
    "must be 1 to 40 characters of A-Z, a-z, 0-9, _ and -"
);

id!(
    /// The ARN of a public key imported to IVS: the `kid` of a participant token.
    PublicKeyArn,
    |text| is_ivs_arn(text, "public-key"),
    "must be the ARN of an IVS public key"
);

id!(
    /// Who a participant is to IVS: the `jti` of a participant token, unique per token.
    ParticipantId,
    |text| is_name(text, 64),
    "must be 1 to 64 characters of A-Z, a-z, 0-9, _ and -"
);

id!(
    /// A session of a stage: from the first participant's coming to the last one's leaving. `st-` and letters and digits.
    SessionId,
    |text| text.strip_prefix("st-").is_some_and(|rest| is_name(rest, 64)),
    "must be the id of a session of a stage"
);

id!(
    /// One attempt to create something: whoever's id stands in the row may finish it.
    ClaimId,
    |text| is_name(text, 64),
    "must be 1 to 64 characters of A-Z, a-z, 0-9, _ and -"
);

id!(
    /// One time that a user goes live, through whatever reconnects and moves: `bc-` and 22 characters.
    BroadcastId,
    |text| text.strip_prefix("bc-").is_some_and(|rest| is_name(rest, 61)),
    "must be the id of a broadcast"
);

impl BroadcastId {
    /// A new one.
    ///
    /// # Errors
    /// Only when the operating system has no randomness to give.
    pub fn random() -> Result<Self, crate::Error> {
        Ok(Self(format!("bc-{}", random()?)))
    }
}

id!(
    /// One redemption of a ticket: whoever's attempt stands in the row owns the broadcast.
    AttemptId,
    |text| is_name(text, 64),
    "must be 1 to 64 characters of A-Z, a-z, 0-9, _ and -"
);

impl AttemptId {
    /// A new one.
    ///
    /// # Errors
    /// Only when the operating system has no randomness to give.
    pub fn random() -> Result<Self, crate::Error> {
        random().map(Self)
    }
}

/// 128 random bits in 22 characters: enough that no two ever meet.
fn random() -> Result<String, crate::Error> {
    random_bytes::<16>().map(|bytes| BASE64_URL_SAFE_NO_PAD.encode(bytes))
}

/// Bytes that nobody can foresee.
///
/// # Errors
/// Only when the operating system has no randomness to give.
pub(super) fn random_bytes<const N: usize>() -> Result<[u8; N], crate::Error> {
    let mut bytes = [0; N];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| crate::Error::internal("no randomness to be had"))?;
    Ok(bytes)
}

id!(
    /// Which write a row is of. No two writes have the same, not even of rows that came after one another.
    RowVersion,
    |text| is_name(text, 64),
    "must be 1 to 64 characters of A-Z, a-z, 0-9, _ and -"
);

id!(
    /// What operators call a webhook.
    WebhookName,
    |text| is_name(text, 128),
    "must be 1 to 128 characters of A-Z, a-z, 0-9, _ and -"
);

id!(
    /// One event of those that webhooks are told of, the same each time it is told. It has no period: where a signature is
    /// of id, time and body with periods between, some receivers refuse it.
    EventId,
    |text| is_name(text, 128),
    "must be 1 to 128 characters of A-Z, a-z, 0-9, _ and -"
);

impl RowVersion {
    /// A new one.
    ///
    /// # Errors
    /// Only when the operating system has no randomness to give.
    pub fn random() -> Result<Self, crate::Error> {
        random().map(Self)
    }
}

impl ParticipantId {
    /// A new one.
    ///
    /// # Errors
    /// Only when the operating system has no randomness to give.
    pub fn random() -> Result<Self, crate::Error> {
        random().map(Self)
    }
}

impl ClaimId {
    /// A new one.
    ///
    /// # Errors
    /// Only when the operating system has no randomness to give.
    pub fn random() -> Result<Self, crate::Error> {
        random().map(Self)
    }
}

fn is_name(text: &str, longest: usize) -> bool {
    (1..=longest).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
}

const SELF_HOSTED: &str = "self-hosted:";

fn is_self_hosted(text: &str) -> bool {
    text.strip_prefix(SELF_HOSTED).is_some_and(|id| is_name(id, 64))
}

fn is_ivs_arn(text: &str, kind: &str) -> bool {
    is_arn(text, "ivs", kind)
}

fn is_arn(text: &str, of_service: &str, kind: &str) -> bool {
    let parts: Vec<&str> = text.splitn(6, ':').collect();
    let [arn, partition, service, region, account, resource] = parts[..] else { return false };
    let Some(id) = resource.strip_prefix(kind).and_then(|rest| rest.strip_prefix('/')) else { return false };
    text.len() <= 128
        && arn == "arn"
        && partition.starts_with("aws")
        && service == of_service
        && !region.is_empty()
        && account.bytes().all(|b| b.is_ascii_digit())
        && is_name(id, 64)
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use proptest::prelude::*;
    use proptest::test_runner::TestRunner;

    use super::*;

    proptest! {
        #[test]
        fn every_name_in_the_alphabet_is_a_stage_name(text in "[A-Za-z0-9_-]{1,128}") {
            prop_assert_eq!(text.parse::<StageName>().map(|name| name.to_string()), Ok(text));
        }

        #[test]
        fn no_other_character_makes_a_stage_name(text in ".*[^A-Za-z0-9_-].*") {
            prop_assert!(text.parse::<StageName>().is_err());
        }
    }

    /// Texts near the form of an ARN: its parts, each wrong now and then.
    fn arn_texts() -> impl Strategy<Value = (String, bool)> {
        let part = |right: &'static [&'static str], wrong: &'static [&'static str]| {
            prop_oneof![
                12 => prop::sample::select(right).prop_map(|part| (part.to_owned(), true)),
                1 => prop::sample::select(wrong).prop_map(|part| (part.to_owned(), false)),
            ]
        };
        let id = prop_oneof![
            8 => "[A-Za-z0-9_-]{1,64}".prop_map(|id| (id, true)),
            1 => "[A-Za-z0-9_-]{65}".prop_map(|id| (id, false)),
            1 => "[a-z]{0,4}[/:. é][a-z]{0,4}".prop_map(|id| (id, false)),
            1 => Just((String::new(), false)),
        ];
        let parts = (
            part(&["arn"], &["", "urn", "ARN"]),
            part(&["aws", "aws-cn", "aws-us-gov"], &["", "azure"]),
            part(&["ivs"], &["", "ecs", "ivschat"]),
            part(&["us-east-1", "eu-central-1"], &[""]),
            // API Gateway's and other ARNs have no account.
            part(&["000000000000", "123456789012", ""], &["me", "-1"]),
            // None of these becomes right by what an id begins with: "stage" would, by "/a".
            part(&["stage/"], &["", "stage:", "channel/", "stage/stage/", "stages/"]),
            id,
        );
        parts.prop_map(|(arn, partition, service, region, account, kind, id)| {
            let valid = [&arn, &partition, &service, &region, &account, &kind, &id].iter().all(|(_, valid)| *valid);
            let text = format!("{}:{}:{}:{}:{}:{}{}", arn.0, partition.0, service.0, region.0, account.0, kind.0, id.0);
            (text, valid)
        })
    }

    #[test]
    fn a_text_is_an_arn_if_each_of_its_parts_is_right() {
        const CASES: u32 = 2048;
        let config = ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(CASES) };
        let taken = Cell::new(0);
        let checked = TestRunner::new(config).run(&arn_texts(), |(text, valid)| {
            let parsed = text.parse::<StageArn>();
            taken.set(taken.get() + u32::from(parsed.is_ok()));
            prop_assert_eq!(parsed.is_ok(), valid, "{}", text);
            // Of other kinds, whatever it is of this one.
            let _ = (text.parse::<StageName>(), text.parse::<UserId>(), text.parse::<ClusterArn>());
            prop_assert!(text.parse::<ChannelArn>().is_err() || text.contains(":channel/"));
            Ok(())
        });
        checked.unwrap_or_else(|failure| panic!("{failure}"));
        assert!((CASES / 5..CASES * 4 / 5).contains(&taken.get()), "{taken:?} of {CASES} were ARNs");
    }

    #[test]
    fn names_end_at_128_characters() {
        assert!("a".repeat(128).parse::<StageName>().is_ok());
        assert!("a".repeat(129).parse::<StageName>().is_err());
        assert!("".parse::<StageName>().is_err());
    }

    #[test]
    fn a_user_id_may_hold_what_identity_providers_put_there() {
        for text in ["auth0|5f7c8ec7c33c6c004bbafe82", "google-oauth2|1042", "zoë", "a@b.example"] {
            assert!(text.parse::<UserId>().is_ok(), "{text}");
        }
        assert!("a\nb".parse::<UserId>().is_err());
        assert!("é".repeat(128).parse::<UserId>().is_ok());
        assert!("é".repeat(129).parse::<UserId>().is_err());
    }

    #[test]
    fn random_ids_are_valid_and_differ() {
        let (a, b) = (ParticipantId::random().unwrap(), ParticipantId::random().unwrap());
        assert!(a.as_str().parse::<ParticipantId>().is_ok() && a != b);
    }

    #[test]
    fn the_topic_is_what_follows_the_kind() {
        let arn: StageArn = "arn:aws:ivs:us-west-2:123456789012:stage/oRmLNwuCeMlQ".parse().unwrap();
        assert_eq!(arn.topic(), "oRmLNwuCeMlQ");
    }

    #[test]
    fn an_arn_of_another_kind_is_refused() {
        for text in [
            "arn:aws:ivs:us-west-2:123456789012:channel/oRmLNwuCeMlQ",
            "arn:aws:ecs:us-west-2:123456789012:stage/oRmLNwuCeMlQ",
            "arn:aws:ivs:us-west-2:123456789012:stage/",
            "stage/oRmLNwuCeMlQ",
            "",
        ] {
            assert!(text.parse::<StageArn>().is_err(), "{text}");
        }
    }
}
