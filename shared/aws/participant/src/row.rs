//! What a row of the `participants` table holds.

use std::collections::BTreeMap;

use aws_item::{Fields, Item, item, n, s};
use aws_sdk_dynamodb::types::AttributeValue;
use model::participant::{
    Access, Attributes, Capabilities, Capability, EarlierToken, Grant, IssuedToken, Participant, TokenOrigin,
};
use model::token::ParticipantToken;
use model::{Error, ParticipantId, Timestamp};

pub(crate) fn read_row(item: &Item) -> Result<Participant, Error> {
    let row = Fields::of("participant", item);
    let access = match row.text("standing")? {
        "unspoken" => Access::ByAdmission,
        "removed" => Access::Removed,
        "granted" => Access::Granted(Grant {
            capabilities: read_capabilities(&row, "grantedCapabilities")?,
            attributes: read_attributes(&row, "grantedAttributes")?,
        }),
        _ => return Err(Error::internal("a participant row has no valid standing")),
    };
    let mut current = BTreeMap::new();
    if let Some(token) = row.map("token")? {
        current.insert(None, read_token(&token, row.parse("issuedAt")?)?);
    }
    for token in row.maps("devices")? {
        current.insert(Some(token.parse("device")?), read_token(&token, token.parse("issuedAt")?)?);
    }
    let earlier = row.maps("earlier")?.into_iter().filter(|token| !token.has("device")).map(|token| {
        Ok(EarlierToken { participant_id: token.parse("participantId")?, expires_at: token.parse("expiresAt")? })
    });
    Ok(Participant {
        stage: row.parse("stage")?,
        stage_arn: row.parse("stageArn")?,
        user_id: row.parse("userId")?,
        version: Some(row.parse("version")?),
        access,
        // Rows of before hold what was asked for as long as the token that says so.
        asked: match current.get(&None) {
            Some(token) if !row.has("askedAttributes") => token.asked.clone(),
            _ => read_attributes(&row, "askedAttributes")?,
        },
        current,
        earlier: earlier.collect::<Result<_, Error>>()?,
    })
}

fn read_token(token: &Fields<'_>, issued_at: Timestamp) -> Result<IssuedToken, Error> {
    let attributes = read_attributes(token, "attributes")?;
    Ok(IssuedToken {
        participant_id: token.parse("participantId")?,
        issued_at: if token.has("issuedAt") { token.parse("issuedAt")? } else { issued_at },
        expires_at: token.parse("expiresAt")?,
        capabilities: read_capabilities(token, "capabilities")?
            .ok_or_else(|| Error::internal("a participant row's token has no capabilities"))?,
        asked: if token.has("askedAttributes") {
            read_attributes(token, "askedAttributes")?
        } else {
            attributes.clone()
        },
        attributes,
        origin: match token.text("origin")? {
            "signed" => TokenOrigin::Signed {
                events_url: token.text("eventsUrl")?.to_owned(),
                whip_url: token.text("whipUrl")?.to_owned(),
            },
            "ivs" => TokenOrigin::Ivs(ParticipantToken::new(token.text("text")?.to_owned())),
            _ => return Err(Error::internal("a participant row's token has no valid origin")),
        },
        outdated: token.flag("outdated")?,
    })
}

fn read_capabilities(fields: &Fields<'_>, field: &str) -> Result<Option<Capabilities>, Error> {
    let Some(words) = fields.words(field)? else { return Ok(None) };
    let capabilities: Option<Vec<Capability>> = words
        .into_iter()
        .map(|word| match word {
            "PUBLISH" => Some(Capability::Publish),
            "SUBSCRIBE" => Some(Capability::Subscribe),
            _ => None,
        })
        .collect();
    let capabilities = capabilities.and_then(|list| Capabilities::try_from(list).ok());
    capabilities.map(Some).ok_or_else(|| Error::internal("a participant row has no valid capabilities"))
}

fn read_attributes(fields: &Fields<'_>, field: &str) -> Result<Attributes, Error> {
    let Some(map) = fields.map(field)? else { return Ok(Attributes::default()) };
    Attributes::try_from(map.texts()?.collect::<std::collections::BTreeMap<_, _>>()).map_err(Error::internal)
}

pub(crate) fn participant_item(participant: &Participant) -> Item {
    let mut row = item([
        ("stage", s(&participant.stage)),
        ("userId", s(&participant.user_id)),
        ("stageArn", s(&participant.stage_arn)),
    ]);
    let mut set = |name: &str, value: AttributeValue| row.insert(name.to_owned(), value);
    if let Some(version) = &participant.version {
        set("version", s(version));
    }
    match &participant.access {
        Access::ByAdmission => set("standing", s("unspoken")),
        Access::Removed => {
            // The index `by-removal` has those who are, and nobody else.
            set("removedFrom", s(&participant.stage_arn));
            set("standing", s("removed"))
        }
        Access::Granted(grant) => {
            if let Some(capabilities) = grant.capabilities {
                set("grantedCapabilities", capabilities_value(capabilities));
            }
            set("grantedAttributes", attributes_value(&grant.attributes));
            set("standing", s("granted"))
        }
    };
    // Empty beside a token, too: without it, a row is of before, and the token says it.
    if !participant.asked.is_empty() || !participant.current.is_empty() {
        set("askedAttributes", attributes_value(&participant.asked));
    }
    let newest = participant.newest_first().first().map(|(_, token)| token.issued_at);
    if let (Some(newest), Some(end)) = (newest, participant.held_until()) {
        // The index sorts by it.
        set("issuedAt", s(newest));
        set("heldUntil", s(end));
    }
    let mut earlier: Vec<AttributeValue> = participant
        .earlier
        .iter()
        .map(|EarlierToken { participant_id, expires_at }| AttributeValue::M(earlier_item(participant_id, *expires_at)))
        .collect();
    let mut devices = Vec::new();
    for (device, token) in &participant.current {
        let mut fields = token_item(token);
        let Some(device) = device else {
            if newest != Some(token.issued_at) {
                fields.insert("issuedAt".to_owned(), s(token.issued_at));
            }
            set("token", AttributeValue::M(fields));
            continue;
        };
        fields.extend(item([("device", s(device)), ("issuedAt", s(token.issued_at))]));
        devices.push(AttributeValue::M(fields));
        // A version that knows no devices disconnects them as earlier tokens, and keeps them when it writes the row.
        let mut known = earlier_item(&token.participant_id, token.expires_at);
        known.insert("device".to_owned(), s(device));
        earlier.push(AttributeValue::M(known));
    }
    for (name, list) in [("devices", devices), ("earlier", earlier)] {
        if !list.is_empty() {
            set(name, AttributeValue::L(list));
        }
    }
    if let Some(end) = participant.ends_at() {
        set("ttl", n(end.epoch_seconds()));
    }
    row
}

fn earlier_item(participant_id: &ParticipantId, expires_at: Timestamp) -> Item {
    item([("participantId", s(participant_id)), ("expiresAt", s(expires_at))])
}

fn token_item(token: &IssuedToken) -> Item {
    let mut fields = item([
        ("participantId", s(&token.participant_id)),
        ("expiresAt", s(token.expires_at)),
        ("capabilities", capabilities_value(token.capabilities)),
        ("attributes", attributes_value(&token.attributes)),
        ("outdated", AttributeValue::Bool(token.outdated)),
    ]);
    if token.asked != token.attributes {
        fields.insert("askedAttributes".to_owned(), attributes_value(&token.asked));
    }
    fields.extend(match &token.origin {
        TokenOrigin::Signed { events_url, whip_url } => {
            item([("origin", s("signed")), ("eventsUrl", s(events_url)), ("whipUrl", s(whip_url))])
        }
        TokenOrigin::Ivs(text) => item([("origin", s("ivs")), ("text", s(text.expose()))]),
    });
    fields
}

fn capabilities_value(capabilities: Capabilities) -> AttributeValue {
    let words = Vec::from(capabilities).into_iter().map(|capability| match capability {
        Capability::Publish => s("PUBLISH"),
        Capability::Subscribe => s("SUBSCRIBE"),
    });
    AttributeValue::L(words.collect())
}

fn attributes_value(attributes: &Attributes) -> AttributeValue {
    AttributeValue::M(attributes.iter().map(|(key, value)| (key.to_owned(), s(value))).collect())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn participant(access: Access, origin: TokenOrigin) -> Participant {
        let now: Timestamp = "2026-03-01T12:00:00Z".parse().unwrap();
        let attributes = Attributes::try_from([("role".to_owned(), "host".to_owned())]).unwrap();
        Participant {
            stage: "demo".parse().unwrap(),
            stage_arn: "arn:aws:ivs:us-east-1:000000000000:stage/abc".parse().unwrap(),
            user_id: "auth0|1".parse().unwrap(),
            version: Some("v7".parse().unwrap()),
            access,
            asked: Attributes::default(),
            current: BTreeMap::from([(
                None,
                IssuedToken {
                    participant_id: "p1".parse().unwrap(),
                    issued_at: now,
                    asked: Attributes::try_from([("name".to_owned(), "Bob".to_owned())]).unwrap(),
                    expires_at: now + Duration::from_secs(60),
                    capabilities: Capabilities::SUBSCRIBE,
                    attributes,
                    origin,
                    outdated: true,
                },
            )]),
            earlier: vec![EarlierToken {
                participant_id: "p0".parse().unwrap(),
                expires_at: now + Duration::from_secs(90),
            }],
        }
    }

    fn signed() -> TokenOrigin {
        TokenOrigin::Signed { events_url: "wss://e.example".to_owned(), whip_url: "https://w.example".to_owned() }
    }

    /// Two devices with names, of which one got its token last.
    fn with_devices() -> Participant {
        let mut row = participant(Access::ByAdmission, signed());
        let token = row.current[&None].clone();
        let later = token.issued_at + Duration::from_secs(9);
        let phone = IssuedToken { participant_id: "p2".parse().unwrap(), ..token.clone() };
        let desk = IssuedToken { participant_id: "p3".parse().unwrap(), issued_at: later, ..token };
        row.current.insert(Some("phone".parse().unwrap()), phone);
        row.current.insert(Some("desk".parse().unwrap()), desk);
        row
    }

    #[test]
    fn what_knows_no_devices_finds_their_tokens_among_the_earlier_ones() {
        let item = participant_item(&with_devices());
        let earlier = Fields::of("participant", &item).maps("earlier").unwrap();
        let ids: Vec<_> = earlier.iter().map(|token| token.text("participantId").unwrap()).collect();
        assert_eq!(ids, ["p0", "p3", "p2"]);
        assert_eq!(item["issuedAt"], s("2026-03-01T12:00:09.000Z"));
        assert_eq!(item["token"].as_m().unwrap()["issuedAt"], s("2026-03-01T12:00:00.000Z"));
    }

    #[test]
    fn every_form_of_a_row_is_read_as_it_was_written() {
        let grant = Grant { capabilities: Some(Capabilities::ALL), attributes: Attributes::default() };
        for row in [
            participant(Access::ByAdmission, signed()),
            participant(Access::Granted(grant), signed()),
            participant(Access::Granted(Grant::default()), signed()),
            participant(Access::ByAdmission, TokenOrigin::Ivs(ParticipantToken::new("ey".to_owned()))),
            Participant { current: BTreeMap::new(), earlier: Vec::new(), ..participant(Access::Removed, signed()) },
            with_devices(),
            Participant { asked: Attributes::default(), ..with_devices() },
        ] {
            assert_eq!(read_row(&participant_item(&row)).unwrap(), row);
        }
    }

    #[test]
    fn what_a_row_of_before_does_not_say_was_asked_for_is_what_its_token_shows() {
        let mut item = participant_item(&participant(Access::ByAdmission, signed()));
        item.remove("askedAttributes");
        let token = item.get_mut("token").unwrap().as_m().unwrap().clone();
        let token = token.into_iter().filter(|(name, _)| name != "askedAttributes").collect();
        item.insert("token".to_owned(), AttributeValue::M(token));
        let row = read_row(&item).unwrap();
        let token = &row.current[&None];
        assert_eq!((&row.asked, &token.asked), (&token.attributes, &token.attributes));
        assert!(!row.asked.is_empty());
    }

    #[test]
    fn a_row_ends_with_its_last_token_unless_the_owner_has_spoken() {
        let unspoken = participant_item(&participant(Access::ByAdmission, signed()));
        assert_eq!(unspoken.get("ttl"), Some(&n(1_772_366_490)));
        assert_eq!(participant_item(&participant(Access::Removed, signed())).get("ttl"), None);
    }

    #[test]
    fn the_text_of_a_signed_token_is_not_stored() {
        let row = format!("{:?}", participant_item(&participant(Access::ByAdmission, signed())));
        assert!(!row.contains("\"text\""), "{row}");
    }
}
