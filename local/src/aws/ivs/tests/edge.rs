//! Who may broadcast and who may watch.

use proptest::prelude::*;
use serde_json::{Value, json};
use time::{Duration, OffsetDateTime};

use super::*;

#[test]
fn a_current_stream_key_is_accepted() {
    let service = empty();
    let (channel, key) = create(&service, json!({}));
    let accepted = json!({"accepted": true, "channelArn": channel["arn"]});
    assert_eq!(service.ingest(&json!({"streamKey": key["value"]})).unwrap(), accepted);
    let endpoint = channel["ingestEndpoint"].as_str().unwrap();
    for endpoint in [endpoint.to_owned(), format!("rtmps://{endpoint}/app/"), format!("{endpoint}/app")] {
        let body = json!({"streamKey": key["value"], "ingestEndpoint": endpoint});
        assert_eq!(service.ingest(&body).unwrap(), accepted, "{endpoint}");
    }
}

#[test]
fn a_key_that_is_deleted_or_anothers_or_none_is_not_accepted() {
    let service = empty();
    let (channel, old) = create(&service, json!({}));
    let elsewhere = json!({"streamKey": old["value"], "ingestEndpoint": "a1b2c3.global-contribute.live-video.net"});
    assert_eq!(service.ingest(&elsewhere).unwrap()["accepted"], false);
    call(&service, "DeleteStreamKey", json!({"arn": old["arn"]}));
    let new = call(&service, "CreateStreamKey", json!({"channelArn": channel["arn"]}))["streamKey"].clone();
    for (value, accepted) in
        [(&old["value"], false), (&json!("sk_none"), false), (&json!(""), false), (&new["value"], true)]
    {
        let answer = service.ingest(&json!({"streamKey": value})).unwrap();
        assert_eq!(answer["accepted"], accepted);
        assert_eq!(answer["reason"].is_string(), !accepted);
    }
    assert_eq!(service.ingest(&json!({})).unwrap_err().status, 400);
}

/// A private channel, and a key that the account has imported.
struct Cinema {
    service: Ivs,
    channel: Value,
    key: SigningKey,
    pair: Value,
}

impl Cinema {
    fn new() -> Self {
        let service = empty();
        let key = SigningKey::generate();
        let pair = import(&service, &key);
        let channel = create(&service, json!({"authorized": true})).0;
        Self { service, channel, key, pair }
    }

    /// A token good for the channel for five minutes, with these claims changed; null takes one away.
    fn token(&self, changes: Value) -> String {
        let mut claims = json!({"aws:channel-arn": self.channel["arn"], "exp": seconds(Duration::minutes(5))});
        for (claim, value) in changes.as_object().unwrap() {
            claims[claim] = value.clone();
        }
        claims.as_object_mut().unwrap().retain(|_, value| !value.is_null());
        self.key.sign(&json!({"alg": "ES384", "typ": "JWT"}), &claims)
    }

    /// Why the token does not play; none if it does.
    fn refusal(&self, token: &str) -> Option<String> {
        self.refusal_of(json!({"token": token}), NOW)
    }

    fn refusal_of(&self, viewer: Value, now: OffsetDateTime) -> Option<String> {
        let mut body = viewer;
        if body.get("playbackUrl").is_none() {
            body["playbackUrl"] = self.channel["playbackUrl"].clone();
        }
        let answer = self.service.play(&body, now).unwrap();
        assert_eq!(answer["plays"] == true, answer["reason"].is_null(), "{answer}");
        answer["reason"].as_str().map(str::to_owned)
    }
}

/// Seconds since 1970 at that time from now on.
fn seconds(from_now: Duration) -> i64 {
    (NOW + from_now).unix_timestamp()
}

#[test]
fn a_public_channel_plays_for_everyone() {
    let service = empty();
    let channel = channel(&service);
    for token in [Value::Null, json!("nonsense")] {
        let body = json!({"playbackUrl": channel["playbackUrl"], "token": token});
        assert_eq!(service.play(&body, NOW).unwrap(), json!({"plays": true}));
    }
}

#[test]
fn an_unknown_url_does_not_play() {
    let cinema = Cinema::new();
    let reason = cinema.refusal_of(json!({"playbackUrl": "https://a.test/b.m3u8"}), NOW);
    assert_eq!(reason.as_deref(), Some("no channel has this playback URL"));
    assert_eq!(cinema.service.play(&json!({}), NOW).unwrap_err().status, 400);
}

#[test]
fn a_private_channel_asks_for_a_token_in_the_url_or_beside_it() {
    let cinema = Cinema::new();
    let token = cinema.token(json!({}));
    let url = cinema.channel["playbackUrl"].as_str().unwrap();
    assert_eq!(cinema.refusal(&token), None);
    assert_eq!(cinema.refusal_of(json!({"playbackUrl": format!("{url}?token={token}")}), NOW), None);
    let reason = cinema.refusal_of(json!({}), NOW);
    assert_eq!(reason.as_deref(), Some("the channel is private and there is no token"));
}

#[test]
fn only_the_holder_of_an_imported_key_vouches_for_a_token() {
    let cinema = Cinema::new();
    let claims = json!({"aws:channel-arn": cinema.channel["arn"], "exp": seconds(Duration::minutes(5))});
    let unsigned = Some("the signature is not that of a playback key".to_owned());
    let stranger = SigningKey::generate();
    let header = json!({"alg": "ES384", "typ": "JWT"});
    assert_eq!(cinema.refusal(&stranger.sign(&header, &claims)), unsigned);
    import(&cinema.service, &stranger);
    assert_eq!(cinema.refusal(&stranger.sign(&header, &claims)), None, "each of the account's keys is good");
    assert_eq!(cinema.refusal(&cinema.token(json!({}))), None);
    call(&cinema.service, "DeletePlaybackKeyPair", json!({"arn": cinema.pair["arn"]}));
    assert_eq!(cinema.refusal(&cinema.token(json!({}))), unsigned);
}

#[test]
fn the_claims_have_their_limits() {
    let cinema = Cinema::new();
    let uuid = "a9a2b1f0-0000-4000-8000-00000000000";
    let other = channel(&cinema.service)["arn"].clone();
    for (changes, reason) in [
        (json!({"aws:channel-arn": other}), Some("the token is for another channel")),
        (json!({"exp": seconds(Duration::ZERO)}), Some("the token has expired")),
        (json!({"exp": seconds(Duration::days(400))}), None),
        (json!({"aws:viewer-id": "ö".repeat(40), "exp": seconds(Duration::minutes(10))}), None),
        (json!({"aws:viewer-id": "v".repeat(41)}), Some("the claim aws:viewer-id is over 40 characters")),
        (
            json!({"aws:viewer-id": "v", "exp": seconds(Duration::seconds(601))}),
            Some("with aws:viewer-id, exp is at most 10 minutes from now"),
        ),
        (json!({"aws:single-use-uuid": format!("{uuid}1"), "exp": seconds(Duration::minutes(10))}), None),
        (json!({"aws:single-use-uuid": uuid}), Some("the claim aws:single-use-uuid is not a UUID")),
        (
            json!({"aws:single-use-uuid": format!("{uuid}2"), "exp": seconds(Duration::seconds(601))}),
            Some("with aws:single-use-uuid, exp is at most 10 minutes from now"),
        ),
        (json!({"aws:maximum-resolution": "HD"}), None),
        (json!({"aws:maximum-resolution": "4K"}), Some("the claim aws:maximum-resolution is not SD, HD or FULL_HD")),
        (json!({"sub": "alice"}), None),
    ] {
        assert_eq!(cinema.refusal(&cinema.token(changes.clone())).as_deref(), reason, "{changes}");
    }
}

#[test]
fn a_malformed_token_does_not_play() {
    let cinema = Cinema::new();
    let signed = |header: Value| cinema.key.sign(&header, &json!({"aws:channel-arn": "x", "exp": 1}));
    for (token, reason) in [
        ("nonsense".to_owned(), "a token has three parts"),
        ("a.b.c".to_owned(), "the token's header cannot be read"),
        (signed(json!({"alg": "HS256", "typ": "JWT"})), "the header's alg is not ES384"),
        (signed(json!({"alg": "ES384", "typ": "X"})), "the header's typ is not JWT"),
        (cinema.token(json!({"exp": null})), "the token's claims cannot be read"),
        (cinema.token(json!({"exp": "soon"})), "the token's claims cannot be read"),
        (cinema.token(json!({"exp": 1.5e10})), "the token's claims cannot be read"),
        (cinema.token(json!({"aws:channel-arn": null})), "the token's claims cannot be read"),
        (cinema.token(json!({"padding": "x".repeat(2048)})), "the token is over 2 KB"),
    ] {
        let refusal = cinema.refusal(&token).unwrap();
        assert!(refusal.starts_with(reason), "{refusal}");
    }
}

#[test]
fn a_token_for_a_single_use_plays_once() {
    let cinema = Cinema::new();
    let token = cinema.token(json!({"aws:single-use-uuid": "a9a2b1f0-0000-4000-8000-000000000001"}));
    let from = |origin: &str| cinema.refusal_of(json!({"token": token, "origin": origin}), NOW);
    assert_eq!(from("https://app.test"), None);
    assert_eq!(from("https://app.test").as_deref(), Some("the token has been used"));
    let other = cinema.token(json!({"aws:single-use-uuid": "a9a2b1f0-0000-4000-8000-000000000002"}));
    assert_eq!(cinema.refusal(&other), None);
}

#[test]
fn a_refused_token_for_a_single_use_is_not_used_up() {
    let cinema = Cinema::new();
    let token = cinema.token(json!({
        "aws:single-use-uuid": "a9a2b1f0-0000-4000-8000-000000000001",
        "aws:access-control-allow-origin": "https://app.test",
    }));
    let from = |origin: &str| cinema.refusal_of(json!({"token": token, "origin": origin}), NOW);
    assert!(from("https://other.test").is_some());
    assert_eq!(from("https://app.test"), None);
}

#[test]
fn a_token_may_allow_some_origins_only() {
    let cinema = Cinema::new();
    let allowed = "https://app.test, https://*.example.test";
    for (strict, origin, plays) in [
        (false, json!("https://app.test"), true),
        (false, json!("https://www.example.test"), true),
        (false, json!("https://other.test"), false),
        (false, Value::Null, true),
        (true, json!("https://app.test"), true),
        (true, json!("https://other.test"), false),
        (true, Value::Null, false),
    ] {
        let claims = json!({"aws:access-control-allow-origin": allowed, "aws:strict-origin-enforcement": strict});
        let viewer = json!({"token": cinema.token(claims), "origin": origin});
        assert_eq!(cinema.refusal_of(viewer, NOW).is_none(), plays, "{strict} {origin}");
    }
    let six = ["https://app.test"; 6].join(",");
    let claims = json!({"aws:access-control-allow-origin": six, "aws:strict-origin-enforcement": true});
    assert!(cinema.refusal(&cinema.token(claims)).unwrap().contains("at most 5 origins"));
}

#[test]
fn a_revoked_session_plays_no_more_and_a_later_version_does() {
    let cinema = Cinema::new();
    let token = |version: Value| cinema.token(json!({"aws:viewer-id": "v", "aws:viewer-session-version": version}));
    let revoke = |version: Value| {
        let arn = &cinema.channel["arn"];
        let input = json!({"channelArn": arn, "viewerId": "v", "viewerSessionVersionsLessThanOrEqualTo": version});
        assert_eq!(call(&cinema.service, "StartViewerSessionRevocation", input), json!({}));
    };
    assert_eq!(cinema.refusal(&token(Value::Null)), None);
    revoke(Value::Null);
    assert_eq!(cinema.refusal(&token(Value::Null)).as_deref(), Some("the viewer's session was revoked"));
    assert_eq!(cinema.refusal(&token(json!(1))), None);
    revoke(json!(3));
    revoke(json!(2));
    assert!(cinema.refusal(&token(json!(3))).is_some());
    assert_eq!(cinema.refusal(&token(json!(4))), None);
    assert_eq!(cinema.refusal(&cinema.token(json!({"aws:viewer-id": "w"}))), None);
    assert_eq!(cinema.refusal(&cinema.token(json!({}))), None, "a token without a viewer has no session");
}

#[test]
fn what_was_used_and_revoked_survives_a_restart() {
    use crate::plumbing::state_file::tests::TemporaryDirectory;

    let directory = TemporaryDirectory::new();
    let service = Ivs::open("eu-central-1", Some(directory.file())).unwrap();
    let key = SigningKey::generate();
    let pair = import(&service, &key);
    let channel = create(&service, json!({"authorized": true})).0;
    let mut cinema = Cinema { service, channel, key, pair };
    let used = cinema.token(json!({"aws:single-use-uuid": "a9a2b1f0-0000-4000-8000-000000000001"}));
    let revoked = cinema.token(json!({"aws:viewer-id": "v"}));
    assert_eq!(cinema.refusal(&used), None);
    let input = json!({"channelArn": cinema.channel["arn"], "viewerId": "v"});
    call(&cinema.service, "StartViewerSessionRevocation", input);
    cinema.service = Ivs::open("eu-central-1", Some(directory.file())).unwrap();
    assert!(cinema.refusal(&used).is_some() && cinema.refusal(&revoked).is_some());
}

proptest! {
    #![proptest_config(proptest::test_runner::Config::with_cases(32))]
    #[test]
    fn no_changed_token_plays(at in any::<proptest::sample::Index>(), with in "[A-Za-z0-9_-]") {
        let cinema = Cinema::new();
        let mut token = cinema.token(json!({}));
        let at = at.index(token.len());
        prop_assume!(token[at..=at] != with);
        token.replace_range(at..=at, &with);
        prop_assert!(cinema.refusal(&token).is_some());
    }
}
