//! The `participants` table: one row a user of a stage. Rows with nothing to say end by TTL.

use aws_claim::read_row as read_name_row;
use aws_client::{Aws, AwsFailure, sdk_client};
use aws_item::{Fields, Item, item, m, n, page, s};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::types::{AttributeValue, KeysAndAttributes, ReturnValuesOnConditionCheckFailure};
use aws_stage::StageRows;
use model::claim::NameRow;
use model::participant::{
    Access, Attributes, Capabilities, Capability, EarlierToken, Grant, IssuedToken, Participant, TokenOrigin,
};
use model::stage::Stage;
use model::token::ParticipantToken;
use model::{Cursor, Error, Limit, Page, RowVersion, StageName, Timestamp, UserId};

/// The `participants` table, read together with `stages`.
pub struct ParticipantTable {
    dynamodb: Client,
    table: String,
    stages_table: String,
}

impl ParticipantTable {
    /// The tables of those names.
    pub fn new(aws: &Aws, table: String, stages_table: String) -> Self {
        Self { dynamodb: sdk_client!(aws, aws_sdk_dynamodb, "DYNAMODB"), table, stages_table }
    }

    /// The row of the stage and that of the user, consistently and in one call.
    ///
    /// # Errors
    /// What DynamoDB fails with.
    pub async fn read_with_stage(
        &self,
        stage: &StageName,
        user_id: &UserId,
    ) -> Result<(Option<NameRow<Stage>>, Option<Participant>), Error> {
        let one =
            |key: Item| KeysAndAttributes::builder().keys(key).consistent_read(true).build().map_err(Error::internal);
        let batch = self
            .dynamodb
            .batch_get_item()
            .request_items(&self.stages_table, one(item([("name", s(stage))]))?)
            .request_items(&self.table, one(item([("stage", s(stage)), ("userId", s(user_id))]))?);
        let found = aws_item::batch_get(batch).await?;
        let row = |table: &str| found.get(table)?.first();
        let stage = row(&self.stages_table).map(read_name_row::<StageRows>).transpose()?;
        let participant = row(&self.table).map(read_row).transpose()?;
        Ok((stage, participant))
    }

    /// Writes a row on top of the version that was read, and gives it its new one. False: somebody else wrote in
    /// between.
    ///
    /// # Errors
    /// What DynamoDB fails with.
    pub async fn write(&self, participant: &mut Participant) -> Result<bool, Error> {
        let next = Participant { version: Some(RowVersion::random()?), ..participant.clone() };
        let put = self
            .dynamodb
            .put_item()
            .table_name(&self.table)
            .set_item(Some(participant_item(&next)))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        let put = match &participant.version {
            None => put.condition_expression("attribute_not_exists(userId)"),
            Some(version) => put
                .condition_expression("#version = :version")
                .expression_attribute_names("#version", "version")
                .expression_attribute_values(":version", s(version)),
        };
        let written = match put.send().await {
            Ok(_) => true,
            Err(error) => match error.as_service_error() {
                // The SDK may repeat a write whose answer was lost, and then meets its own row.
                Some(PutItemError::ConditionalCheckFailedException(refusal)) => {
                    refusal.item().map(read_row).transpose()?.is_some_and(|existing| existing == next)
                }
                _ => return Err(AwsFailure::new("dynamodb:PutItem", &error).into_error()),
            },
        };
        if written {
            participant.version = next.version;
        }
        Ok(written)
    }

    /// Who holds an unexpired token for the stage, newest first. One Query on the index; expired rows that TTL has not
    /// deleted yet are left out, so a page may be short and still have a successor.
    ///
    /// # Errors
    /// What DynamoDB fails with.
    pub async fn list(
        &self,
        stage: &Stage,
        now: Timestamp,
        limit: Limit,
        cursor: Option<Cursor>,
    ) -> Result<Page<Participant>, Error> {
        let oldest = Participant::oldest_issue(now);
        // DynamoDB refuses to start outside of what it is asked for, and there is nothing to be found.
        if cursor.as_ref().is_some_and(|cursor| cursor.at < oldest) {
            return Ok(Page { items: Vec::new(), cursor: None });
        }
        let start = cursor.map(|Cursor { at, id }| {
            item([("stageArn", s(&stage.arn)), ("issuedAt", s(at)), ("stage", s(&stage.name)), ("userId", s(id))])
        });
        let query = self
            .dynamodb
            .query()
            .table_name(&self.table)
            .index_name("by-stage")
            .key_condition_expression("stageArn = :arn AND issuedAt >= :oldest")
            .filter_expression("heldUntil > :now")
            .expression_attribute_values(":arn", s(&stage.arn))
            .expression_attribute_values(":now", s(now))
            .expression_attribute_values(":oldest", s(oldest))
            .scan_index_forward(false)
            .limit(i32::from(limit.get()))
            .set_exclusive_start_key(start);
        let found = query.send().await.map_err(|error| AwsFailure::new("dynamodb:Query", &error).into_error())?;
        let participants: Result<Vec<Participant>, Error> = found.items().iter().map(read_row).collect();
        page(participants?, found.last_evaluated_key(), "participant", "issuedAt", "userId")
    }
}

fn read_row(item: &Item) -> Result<Participant, Error> {
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
    let current = match row.map("token")? {
        None => None,
        Some(token) => {
            let attributes = read_attributes(&token, "attributes")?;
            let asked = if token.has("askedAttributes") {
                read_attributes(&token, "askedAttributes")?
            } else {
                attributes.clone()
            };
            Some(IssuedToken {
                participant_id: token.parse("participantId")?,
                issued_at: row.parse("issuedAt")?,
                expires_at: token.parse("expiresAt")?,
                capabilities: read_capabilities(&token, "capabilities")?
                    .ok_or_else(|| Error::internal("a participant row's token has no capabilities"))?,
                asked,
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
    };
    let earlier = row.maps("earlier")?.into_iter().map(|token| {
        Ok(EarlierToken { participant_id: token.parse("participantId")?, expires_at: token.parse("expiresAt")? })
    });
    Ok(Participant {
        stage: row.parse("stage")?,
        stage_arn: row.parse("stageArn")?,
        user_id: row.parse("userId")?,
        version: Some(row.parse("version")?),
        access,
        // Rows of before hold what was asked for as long as the token that says so.
        asked: match &current {
            Some(token) if !row.has("askedAttributes") => token.asked.clone(),
            _ => read_attributes(&row, "askedAttributes")?,
        },
        current,
        earlier: earlier.collect::<Result<_, Error>>()?,
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

fn participant_item(participant: &Participant) -> Item {
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
        Access::Removed => set("standing", s("removed")),
        Access::Granted(grant) => {
            if let Some(capabilities) = grant.capabilities {
                set("grantedCapabilities", capabilities_value(capabilities));
            }
            set("grantedAttributes", attributes_value(&grant.attributes));
            set("standing", s("granted"))
        }
    };
    // Empty beside a token, too: without it, a row is of before, and the token says it.
    if !participant.asked.is_empty() || participant.current.is_some() {
        set("askedAttributes", attributes_value(&participant.asked));
    }
    if let Some(token) = &participant.current {
        // Outside of `token`, because the index sorts by it.
        set("issuedAt", s(token.issued_at));
        if let Some(end) = participant.held_until() {
            set("heldUntil", s(end));
        }
        set("token", token_value(token));
    }
    if !participant.earlier.is_empty() {
        let earlier = participant
            .earlier
            .iter()
            .map(|token| m([("participantId", s(&token.participant_id)), ("expiresAt", s(token.expires_at))]));
        set("earlier", AttributeValue::L(earlier.collect()));
    }
    if let Some(end) = participant.ends_at() {
        set("ttl", n(end.epoch_seconds()));
    }
    row
}

fn token_value(token: &IssuedToken) -> AttributeValue {
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
    AttributeValue::M(fields)
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
            current: Some(IssuedToken {
                participant_id: "p1".parse().unwrap(),
                issued_at: now,
                asked: Attributes::try_from([("name".to_owned(), "Bob".to_owned())]).unwrap(),
                expires_at: now + Duration::from_secs(60),
                capabilities: Capabilities::SUBSCRIBE,
                attributes,
                origin,
                outdated: true,
            }),
            earlier: vec![EarlierToken {
                participant_id: "p0".parse().unwrap(),
                expires_at: now + Duration::from_secs(90),
            }],
        }
    }

    fn signed() -> TokenOrigin {
        TokenOrigin::Signed { events_url: "wss://e.example".to_owned(), whip_url: "https://w.example".to_owned() }
    }

    #[test]
    fn every_form_of_a_row_is_read_as_it_was_written() {
        let grant = Grant { capabilities: Some(Capabilities::ALL), attributes: Attributes::default() };
        for row in [
            participant(Access::ByAdmission, signed()),
            participant(Access::Granted(grant), signed()),
            participant(Access::Granted(Grant::default()), signed()),
            participant(Access::ByAdmission, TokenOrigin::Ivs(ParticipantToken::new("ey".to_owned()))),
            Participant { current: None, earlier: Vec::new(), ..participant(Access::Removed, signed()) },
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
        let token = row.current.unwrap();
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
