//! Participants: what a user may do on a stage, and the tokens that let them.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::claim::owned_by;
use super::stage::{Admission, Stage};
use super::token::{ParticipantSigner, ParticipantToken, TokenClaims};
use super::{Cursor, Field, Limit, Page, ParticipantId, RowVersion, StageArn, StageName, Timestamp, UserId};
use crate::aws::{IvsRealTime, ParticipantTable, Signers, StageTable};
use crate::error::{Conflict, Denial, Error, FieldError};

/// A token that ends sooner than this is not handed out again.
const REUSE_MARGIN: Duration = Duration::from_secs(5 * 60);

/// How many unexpired tokens one user may hold for one stage. A removal disconnects each of them, at five a second.
const MOST_TOKENS: usize = 10;

/// What a participant may do. Never empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<Capability>", into = "Vec<Capability>")]
pub struct Capabilities {
    publish: bool,
    subscribe: bool,
}

/// One thing that a participant may do, by IVS's name for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Capability {
    /// Send audio and video.
    Publish,
    /// Receive it.
    Subscribe,
}

/// A list of capabilities without any.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must name PUBLISH, SUBSCRIBE or both")]
pub struct NoCapabilities;

impl Capabilities {
    /// Publish and subscribe.
    pub const ALL: Self = Self { publish: true, subscribe: true };
    /// Watch and listen.
    pub const SUBSCRIBE: Self = Self { publish: false, subscribe: true };

    /// Whether the participant may send audio and video.
    pub fn publish(self) -> bool {
        self.publish
    }

    /// Whether the participant may receive it.
    pub fn subscribe(self) -> bool {
        self.subscribe
    }

    /// Whether every one of these is among `allowed`.
    pub fn within(self, allowed: Self) -> bool {
        (allowed.publish || !self.publish) && (allowed.subscribe || !self.subscribe)
    }
}

impl TryFrom<Vec<Capability>> for Capabilities {
    type Error = NoCapabilities;

    fn try_from(list: Vec<Capability>) -> Result<Self, NoCapabilities> {
        if list.is_empty() {
            return Err(NoCapabilities);
        }
        Ok(Self { publish: list.contains(&Capability::Publish), subscribe: list.contains(&Capability::Subscribe) })
    }
}

impl Field for Capabilities {
    const RULE: &'static str = "must be a list of PUBLISH, SUBSCRIBE or both";
}

impl From<Capabilities> for Vec<Capability> {
    fn from(capabilities: Capabilities) -> Self {
        let publish = capabilities.publish.then_some(Capability::Publish);
        publish.into_iter().chain(capabilities.subscribe.then_some(Capability::Subscribe)).collect()
    }
}

/// What every participant of the stage can read of a participant. Not for personal data.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "BTreeMap<String, String>")]
pub struct Attributes(BTreeMap<String, String>);

/// Attributes that cannot be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidAttributes {
    /// More than IVS takes.
    #[error("must be at most 1024 bytes in all, keys and values together")]
    TooLong,
    /// DynamoDB has no attribute without a name.
    #[error("must not have an empty key")]
    EmptyKey,
}

impl Attributes {
    /// Keys and values together, in bytes (Real-Time API reference, `CreateParticipantToken`).
    const LONGEST: usize = 1024;

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Key and value of each, in the order of the keys.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(key, value)| (key.as_str(), value.as_str()))
    }

    /// These, and those of `granted` in place of any of the same key.
    fn overlaid_with(&self, granted: &Self) -> Result<Self, InvalidAttributes> {
        let mut all = self.0.clone();
        all.extend(granted.0.clone());
        Self::try_from(all)
    }
}

impl TryFrom<BTreeMap<String, String>> for Attributes {
    type Error = InvalidAttributes;

    fn try_from(map: BTreeMap<String, String>) -> Result<Self, InvalidAttributes> {
        let length: usize = map.iter().map(|(key, value)| key.len() + value.len()).sum();
        if length > Self::LONGEST {
            return Err(InvalidAttributes::TooLong);
        }
        if map.contains_key("") { Err(InvalidAttributes::EmptyKey) } else { Ok(Self(map)) }
    }
}

impl Field for Attributes {
    const RULE: &'static str = "must be an object of strings, at most 1024 bytes in all, without an empty key";
}

impl<const N: usize> TryFrom<[(String, String); N]> for Attributes {
    type Error = InvalidAttributes;

    fn try_from(pairs: [(String, String); N]) -> Result<Self, InvalidAttributes> {
        Self::try_from(BTreeMap::from(pairs))
    }
}

/// How long a token can be used to join: 1 minute to 14 days, an hour unless told. Who has joined by then stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "i64")]
pub struct TokenDuration(u16);

/// Outside of what IVS takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be 1 to 20160 minutes")]
pub struct InvalidDuration;

impl TokenDuration {
    /// So many minutes, or the nearest that IVS takes.
    pub fn of_minutes(minutes: u16) -> Self {
        Self(minutes.clamp(1, 20160))
    }

    /// Whole minutes, as IVS counts.
    pub fn minutes(self) -> u16 {
        self.0
    }
}

impl Default for TokenDuration {
    fn default() -> Self {
        Self(60)
    }
}

impl TryFrom<i64> for TokenDuration {
    type Error = InvalidDuration;

    fn try_from(minutes: i64) -> Result<Self, InvalidDuration> {
        let minutes = u16::try_from(minutes).map_err(|_| InvalidDuration)?;
        if (1..=20160).contains(&minutes) { Ok(Self(minutes)) } else { Err(InvalidDuration) }
    }
}

impl Field for TokenDuration {
    const RULE: &'static str = "must be a whole number of minutes, 1 to 20160";
}

impl From<TokenDuration> for Duration {
    fn from(duration: TokenDuration) -> Self {
        Self::from_secs(u64::from(duration.0) * 60)
    }
}

/// What the owner has said about a user of the stage.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Standing {
    /// Nothing: the stage's admission decides.
    #[default]
    Unspoken,
    /// What this user may do from now on. Holds before they ever came, too.
    Granted(Grant),
    /// Disconnected, and not let in again until granted.
    Removed,
}

/// An invitation, a promotion, or the opposite.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Grant {
    /// Absent: as the stage's admission has it.
    pub capabilities: Option<Capabilities>,
    /// Put over whatever attributes the user asks for.
    pub attributes: Attributes,
}

/// A token that was given out: its claims, never its text, which the same claims signed again give back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssuedToken {
    /// The token's `jti`.
    pub participant_id: ParticipantId,
    /// To the millisecond, for the order of the list; the token's `iat` has whole seconds.
    pub issued_at: Timestamp,
    /// Whole seconds, as the token's `exp`.
    pub expires_at: Timestamp,
    /// What it allows.
    pub capabilities: Capabilities,
    /// What others see.
    pub attributes: Attributes,
    /// Who made it.
    pub origin: TokenOrigin,
    /// The owner has changed the grant since: it is not given out again.
    pub outdated: bool,
}

impl IssuedToken {
    /// Whether another token can be made for the same participant: both must be signed here.
    fn can_be_exchanged(&self, can_sign: bool) -> bool {
        can_sign && matches!(self.origin, TokenOrigin::Signed { .. })
    }

    /// Whether this is what the user would get now, good for a while, and something that can be given again.
    fn serves(
        &self,
        capabilities: Capabilities,
        attributes: Option<&Attributes>,
        can_sign: bool,
        now: Timestamp,
    ) -> bool {
        !self.outdated
            && now.until(self.expires_at) >= REUSE_MARGIN
            && self.capabilities == capabilities
            && attributes.is_none_or(|asked| *asked == self.attributes)
            && (can_sign || matches!(self.origin, TokenOrigin::Ivs(_)))
    }
}

/// Who made a token, and what is needed to give it out again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TokenOrigin {
    /// Signed here, with these URLs, which an exchange has to keep.
    Signed {
        /// The `events_url` claim.
        events_url: String,
        /// The `whip_url` claim.
        whip_url: String,
    },
    /// By `CreateParticipantToken`, while no signing key was configured: it cannot be made again, so its text is kept.
    Ivs(ParticipantToken),
}

/// A token of the past that can still be used to join, and so must be disconnected when its user is removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EarlierToken {
    /// The token's `jti`.
    pub participant_id: ParticipantId,
    /// When it ends by itself.
    pub expires_at: Timestamp,
}

/// A user of a stage: what was granted, and what was given out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Participant {
    /// The stage's name: with `user_id`, the key of the row.
    pub stage: StageName,
    /// Which stage of that name: a row of one that was deleted counts for nothing.
    pub stage_arn: StageArn,
    /// The user.
    pub user_id: UserId,
    /// Which write this is of; a write on top of another than was read is refused. Absent: not stored yet.
    pub version: Option<RowVersion>,
    /// What the owner has said.
    pub standing: Standing,
    /// The latest token.
    pub current: Option<IssuedToken>,
    /// Others that have not expired.
    pub earlier: Vec<EarlierToken>,
}

impl Participant {
    /// A user that nothing is known about.
    fn unknown(stage: &Stage, user_id: UserId) -> Self {
        Self {
            stage: stage.name.clone(),
            stage_arn: stage.arn.clone(),
            user_id,
            version: None,
            standing: Standing::Unspoken,
            current: None,
            earlier: Vec::new(),
        }
    }

    /// The row as read, or what it amounts to when it is of an earlier stage of that name.
    fn of(stage: &Stage, user_id: UserId, row: Option<Self>) -> Self {
        match row {
            Some(row) if row.stage_arn == stage.arn => row,
            Some(row) => Self { version: row.version, ..Self::unknown(stage, user_id) },
            None => Self::unknown(stage, user_id),
        }
    }

    /// What this user may do on the stage now.
    ///
    /// # Errors
    /// [`Denial::Removed`]; [`Denial::StageClosed`] for all but the owner while the stage is not live.
    pub fn allowed(&self, stage: &Stage) -> Result<Capabilities, Denial> {
        let owner = self.user_id == stage.owner;
        if !stage.live && !owner {
            return Err(Denial::StageClosed);
        }
        match &self.standing {
            Standing::Removed => Err(Denial::Removed),
            Standing::Granted(Grant { capabilities: Some(capabilities), .. }) => Ok(*capabilities),
            Standing::Granted(_) | Standing::Unspoken => Ok(default_capabilities(stage, owner)),
        }
    }

    /// The grant as it works on this stage.
    fn granted(&self, stage: &Stage) -> Grant {
        let grant = match &self.standing {
            Standing::Granted(grant) => grant.clone(),
            Standing::Unspoken | Standing::Removed => Grant::default(),
        };
        let default = default_capabilities(stage, self.user_id == stage.owner);
        Grant { capabilities: Some(grant.capabilities.unwrap_or(default)), ..grant }
    }

    /// What others will see: what the user asks for, with the owner's word over it.
    fn attributes(&self, asked: &Attributes) -> Result<Attributes, Error> {
        let Standing::Granted(grant) = &self.standing else { return Ok(asked.clone()) };
        asked.overlaid_with(&grant.attributes).map_err(|error| {
            let reason = format!("{error}, together with those that the owner granted");
            Error::InvalidRequest(vec![FieldError::new("attributes", reason)])
        })
    }

    /// Every participant id that can still be used to join.
    fn unexpired(&self, now: Timestamp) -> BTreeSet<&ParticipantId> {
        let current = self.current.iter().map(|token| (&token.participant_id, token.expires_at));
        let earlier = self.earlier.iter().map(|token| (&token.participant_id, token.expires_at));
        current.chain(earlier).filter(|(_, expires_at)| *expires_at > now).map(|(id, _)| id).collect()
    }

    /// Moves the current token among the earlier ones, and forgets those that have expired.
    fn retire_current(&mut self, now: Timestamp) {
        if let Some(IssuedToken { participant_id, expires_at, .. }) = self.current.take() {
            // After an exchange, two tokens bear one participant id; the later end counts.
            match self.earlier.iter_mut().find(|token| token.participant_id == participant_id) {
                Some(token) => token.expires_at = token.expires_at.max(expires_at),
                None => self.earlier.push(EarlierToken { participant_id, expires_at }),
            }
        }
        self.earlier.retain(|token| token.expires_at > now);
    }

    fn change_standing(&mut self, standing: Standing) {
        if let Some(token) = &mut self.current {
            token.outdated |= self.standing != standing;
        }
        self.standing = standing;
    }

    /// Until when the user can join with some token of theirs.
    pub fn held_until(&self) -> Option<Timestamp> {
        let current = self.current.iter().map(|token| token.expires_at);
        current.chain(self.earlier.iter().map(|token| token.expires_at)).max()
    }

    /// When the row has nothing left to say; never, while it holds a word of the owner's.
    pub fn ends_at(&self) -> Option<Timestamp> {
        match self.standing {
            Standing::Unspoken => self.held_until(),
            Standing::Granted(_) | Standing::Removed => None,
        }
    }
}

fn default_capabilities(stage: &Stage, owner: bool) -> Capabilities {
    match stage.admission {
        Admission::Open => Capabilities::ALL,
        Admission::Hosted if owner => Capabilities::ALL,
        Admission::Hosted => Capabilities::SUBSCRIBE,
    }
}

/// What `POST /stages/{stage}/participants` asks for.
#[derive(Debug, Clone)]
pub struct RequestToken {
    /// Which stage.
    pub stage: StageName,
    /// Who asks, and whom the token stands for.
    pub caller: UserId,
    /// Of a new token; one that is given out again keeps its end.
    pub duration: TokenDuration,
    /// Absent: all that are allowed.
    pub capabilities: Option<Capabilities>,
    /// Absent: whatever the current token has, none for a new one.
    pub attributes: Option<Attributes>,
    /// What to do about a token that the caller holds already.
    pub held: Held,
    /// Fresh for this request.
    pub participant_id: ParticipantId,
}

/// What to do about a token that the caller holds already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Held {
    /// Give it out again while it serves.
    Reuse,
    /// Make a new one, for a new participant.
    Renew,
    /// Make one for the same participant under the present grant, for the SDK's `exchangeToken()`.
    Exchange,
}

/// What to answer to a [`RequestToken`].
#[derive(Debug, Clone, PartialEq, Eq)]
enum Decision {
    /// The current token.
    GiveAgain(IssuedToken),
    /// A new one; for the same participant, when it replaces another.
    Issue { capabilities: Capabilities, attributes: Attributes, replaces: Option<IssuedToken> },
}

/// The rules of admission, reuse and exchange, on their own.
fn decide(
    stage: &Stage,
    participant: &Participant,
    command: &RequestToken,
    can_sign: bool,
    now: Timestamp,
) -> Result<Decision, Error> {
    let allowed = participant.allowed(stage).map_err(Error::Forbidden)?;
    let capabilities = command.capabilities.unwrap_or(allowed);
    if !capabilities.within(allowed) {
        return Err(Error::Forbidden(Denial::Capabilities));
    }
    let asked = command.attributes.as_ref().map(|asked| participant.attributes(asked)).transpose()?;
    let current = participant.current.as_ref().filter(|token| token.expires_at > now);
    match (command.held, current) {
        (Held::Reuse, Some(token)) if token.serves(capabilities, asked.as_ref(), can_sign, now) => {
            Ok(Decision::GiveAgain(token.clone()))
        }
        (Held::Exchange, None) => Err(Error::Conflict(Conflict::NothingToExchange)),
        (Held::Exchange, Some(token)) if !token.can_be_exchanged(can_sign) => {
            Err(Error::Conflict(Conflict::ExchangeNotSupported))
        }
        (Held::Exchange, Some(token)) => {
            // An exchange is for what changed: attributes that nobody speaks of stay.
            let attributes = asked.map_or_else(|| participant.attributes(&token.attributes), Ok)?;
            Ok(Decision::Issue { capabilities, attributes, replaces: Some(token.clone()) })
        }
        (held @ (Held::Reuse | Held::Renew), _) => {
            let attributes = asked.map_or_else(|| participant.attributes(&Attributes::default()), Ok)?;
            let replaces = if participant.unexpired(now).len() < MOST_TOKENS {
                None
            } else {
                // No further participant, but who did not ask for one still gets what they may have.
                let current = participant.current.as_ref();
                let replaceable = current.filter(|token| held == Held::Reuse && token.can_be_exchanged(can_sign));
                Some(replaceable.cloned().ok_or(Error::Conflict(Conflict::TooManyTokens))?)
            };
            Ok(Decision::Issue { capabilities, attributes, replaces })
        }
    }
}

/// A token for the user who asked, with what the answer shows of it.
#[derive(Debug)]
pub struct GivenToken {
    /// Its claims.
    pub issued: IssuedToken,
    /// Its text.
    pub text: ParticipantToken,
    /// Whether this request made it.
    pub new: bool,
}

/// How often a request starts over because another wrote the same row in between.
const ATTEMPTS: usize = 8;

fn contended() -> Error {
    Error::Busy { resource: "participant", retry_after: Duration::from_secs(1) }
}

/// Gives the caller a participant token for the stage: the current one while it serves, else a new one. One read; a
/// new token costs one write as well. IVS is not called, unless it has to mint the token because no key is configured.
///
/// # Errors
/// [`Error::NotFound`] for the stage; [`Error::Forbidden`] by the rules of admission; [`Error::Conflict`] for an
/// exchange that is not possible or too many tokens; what AWS fails with.
pub async fn request_token(
    ivs: &IvsRealTime,
    stages: &StageTable,
    participants: &ParticipantTable,
    signers: &Signers<ParticipantSigner>,
    now: Timestamp,
    command: RequestToken,
) -> Result<GivenToken, Error> {
    let signer = signers.current(now).await?;
    let signer = signer.as_deref();
    for _ in 0..ATTEMPTS {
        let (stage, mut participant) = read(participants, &command.stage, &command.caller, now).await?;
        let issued = match decide(&stage, &participant, &command, signer.is_some(), now)? {
            Decision::GiveAgain(issued) => {
                return Ok(GivenToken { text: text_of(&issued, signer, &stage, &command.caller)?, issued, new: false });
            }
            Decision::Issue { capabilities, attributes, replaces } => {
                let expires_at = now.whole_seconds() + command.duration.into();
                let (participant_id, expires_at, origin) = match (replaces, signer) {
                    (Some(token), _) => (token.participant_id, expires_at, token.origin),
                    (None, Some(_)) => {
                        let endpoints = fresh_endpoints(ivs, stages, &stage, now).await?;
                        let origin = TokenOrigin::Signed { events_url: endpoints.events, whip_url: endpoints.whip };
                        (command.participant_id.clone(), expires_at, origin)
                    }
                    (None, None) => {
                        let minted = ivs
                            .create_participant_token(
                                &stage.arn,
                                &command.caller,
                                command.duration,
                                capabilities,
                                &attributes,
                            )
                            .await?;
                        (minted.participant_id, minted.expires_at, TokenOrigin::Ivs(minted.text))
                    }
                };
                IssuedToken {
                    participant_id,
                    issued_at: now,
                    expires_at,
                    capabilities,
                    attributes,
                    origin,
                    outdated: false,
                }
            }
        };
        // The row is written before the token is given out, so that a removal that comes next knows of it.
        participant.retire_current(now);
        participant.current = Some(issued.clone());
        if participants.write(&mut participant).await? {
            return Ok(GivenToken { text: text_of(&issued, signer, &stage, &command.caller)?, issued, new: true });
        }
    }
    Err(contended())
}

/// Signs the claims, or takes the text that IVS gave.
fn text_of(
    token: &IssuedToken,
    signer: Option<&ParticipantSigner>,
    stage: &Stage,
    user_id: &UserId,
) -> Result<ParticipantToken, Error> {
    match (&token.origin, signer) {
        (TokenOrigin::Ivs(text), _) => Ok(text.clone()),
        (TokenOrigin::Signed { events_url, whip_url }, Some(signer)) => signer.sign(&TokenClaims {
            participant_id: &token.participant_id,
            user_id,
            stage: &stage.arn,
            events_url,
            whip_url,
            capabilities: token.capabilities,
            attributes: &token.attributes,
            issued_at: token.issued_at,
            expires_at: token.expires_at,
        }),
        (TokenOrigin::Signed { .. }, None) => Err(Error::internal("a signed token was chosen without a key")),
    }
}

/// The stage's endpoints, asked of IVS anew once the stored ones are older than a token may carry.
async fn fresh_endpoints(
    ivs: &IvsRealTime,
    stages: &StageTable,
    stage: &Stage,
    now: Timestamp,
) -> Result<super::stage::Endpoints, Error> {
    if !stage.endpoints.are_stale(now) {
        return Ok(stage.endpoints.clone());
    }
    let endpoints = ivs.read_endpoints(&stage.arn, now).await?.ok_or(Error::NotFound("stage"))?;
    stages.refresh_endpoints(stage, &endpoints).await?;
    Ok(endpoints)
}

/// The stage and a user of it, in one read.
async fn read(
    participants: &ParticipantTable,
    stage: &StageName,
    user_id: &UserId,
    now: Timestamp,
) -> Result<(Stage, Participant), Error> {
    let (stage, row) = participants.read_with_stage(stage, user_id).await?;
    let stage = stage.ok_or(Error::NotFound("stage"))?.into_active(now)?;
    let participant = Participant::of(&stage, user_id.clone(), row);
    Ok((stage, participant))
}

/// Returns who holds a token for the caller's own stage, newest first.
///
/// # Errors
/// [`Error::NotFound`] for the stage, [`Denial::NotOwner`], what DynamoDB fails with.
pub async fn list(
    stages: &StageTable,
    participants: &ParticipantTable,
    now: Timestamp,
    caller: &UserId,
    stage: &StageName,
    limit: Limit,
    cursor: Option<Cursor>,
) -> Result<Page<Participant>, Error> {
    let stage = owned_by(super::stage::fetch(stages, stage, now).await?, caller)?;
    participants.list(&stage, now, limit, cursor).await
}

/// What `PATCH /stages/{stage}/participants/{userId}` says; what is absent stays as it was granted before.
#[derive(Debug, Clone)]
pub struct GrantChanges {
    /// What the user may do.
    pub capabilities: Option<Capabilities>,
    /// In place of all attributes granted before.
    pub attributes: Option<Attributes>,
}

/// Says what a user of the caller's own stage may do from now on, and lets a removed one back in. A token that the
/// user holds keeps what it allows until it is exchanged or ends.
///
/// # Errors
/// [`Error::NotFound`] for the stage, [`Denial::NotOwner`], what DynamoDB fails with.
pub async fn grant(
    participants: &ParticipantTable,
    now: Timestamp,
    caller: &UserId,
    stage: &StageName,
    user_id: &UserId,
    changes: GrantChanges,
) -> Result<Grant, Error> {
    for _ in 0..ATTEMPTS {
        let (stage, mut participant) = read(participants, stage, user_id, now).await?;
        let stage = owned_by(stage, caller)?;
        let before = match &participant.standing {
            Standing::Granted(grant) => grant.clone(),
            Standing::Unspoken | Standing::Removed => Grant::default(),
        };
        let grant = Grant {
            capabilities: changes.capabilities.or(before.capabilities),
            attributes: changes.attributes.clone().unwrap_or(before.attributes),
        };
        // A row with a grant stays: it must not keep what has ended.
        if participant.current.as_ref().is_some_and(|token| token.expires_at <= now) {
            participant.retire_current(now);
        }
        participant.change_standing(Standing::Granted(grant));
        if participants.write(&mut participant).await? {
            return Ok(participant.granted(&stage));
        }
    }
    Err(contended())
}

/// Disconnects a user from the caller's own stage, with every token they can still join with. The user gets no new
/// one until a [`grant`]. Repeating it is harmless, and finishes what was cut short.
///
/// # Errors
/// [`Error::NotFound`] for the stage, [`Denial::NotOwner`], what AWS fails with; the user stays barred even then.
pub async fn remove(
    ivs: &IvsRealTime,
    participants: &ParticipantTable,
    now: Timestamp,
    caller: &UserId,
    stage: &StageName,
    user_id: &UserId,
) -> Result<(), Error> {
    for _ in 0..ATTEMPTS {
        let (stage, before) = read(participants, stage, user_id, now).await?;
        let stage = owned_by(stage, caller)?;
        let mut barred = Participant { standing: Standing::Removed, ..before.clone() };
        barred.retire_current(now);
        // Barred first: a token given out after the disconnect would not be known to it.
        if barred == before || participants.write(&mut barred).await? {
            return disconnect(ivs, participants, &stage, barred).await;
        }
    }
    Err(contended())
}

/// Disconnects a barred user with each token they can still join with. Those that are disconnected are forgotten, so
/// that a retry goes on with the rest.
async fn disconnect(
    ivs: &IvsRealTime,
    participants: &ParticipantTable,
    stage: &Stage,
    mut barred: Participant,
) -> Result<(), Error> {
    let mut failure = None;
    let mut left = Vec::new();
    for token in std::mem::take(&mut barred.earlier) {
        if let Err(error) = ivs.disconnect(&stage.arn, &token.participant_id).await {
            failure = Some(error);
            left.push(token);
        }
    }
    barred.earlier = left;
    // If somebody wrote in between, a grant say, the ids stay in the row: disconnecting them again is harmless.
    participants.write(&mut barred).await?;
    failure.map_or(Ok(()), Err)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::stage::Endpoints;
    use super::*;

    const PUBLISH: Capabilities = Capabilities { publish: true, subscribe: false };

    fn now() -> Timestamp {
        "2026-03-01T12:00:00Z".parse().unwrap()
    }

    fn minutes(minutes: u64) -> Duration {
        Duration::from_secs(minutes * 60)
    }

    fn user(id: &str) -> UserId {
        id.parse().unwrap()
    }

    fn stage(admission: Admission) -> Stage {
        Stage {
            name: "demo".parse().unwrap(),
            arn: "arn:aws:ivs:us-east-1:000000000000:stage/abc".parse().unwrap(),
            owner: user("owner"),
            live: true,
            admission,
            endpoints: Endpoints { events: String::new(), whip: String::new(), fetched_at: now() },
            created_at: now(),
        }
    }

    fn guest(stage: &Stage) -> Participant {
        Participant::unknown(stage, user("guest"))
    }

    fn token(id: &str, left: Duration) -> IssuedToken {
        IssuedToken {
            participant_id: id.parse().unwrap(),
            issued_at: now(),
            expires_at: now() + left,
            capabilities: Capabilities::ALL,
            attributes: Attributes::default(),
            origin: TokenOrigin::Signed { events_url: String::new(), whip_url: String::new() },
            outdated: false,
        }
    }

    fn command(held: Held) -> RequestToken {
        RequestToken {
            stage: "demo".parse().unwrap(),
            caller: user("guest"),
            duration: TokenDuration::default(),
            capabilities: None,
            attributes: None,
            held,
            participant_id: "new".parse().unwrap(),
        }
    }

    fn attributes(role: &str) -> Attributes {
        Attributes::try_from([("role".to_owned(), role.to_owned())]).unwrap()
    }

    fn is_given_again(participant: &Participant, command: &RequestToken) -> bool {
        let decision = decide(&stage(Admission::Open), participant, command, true, now()).unwrap();
        matches!(decision, Decision::GiveAgain(_))
    }

    #[test]
    fn admission_decides_until_the_owner_speaks() {
        let (open, hosted) = (stage(Admission::Open), stage(Admission::Hosted));
        let owner = Participant::unknown(&hosted, user("owner"));
        assert_eq!(guest(&open).allowed(&open), Ok(Capabilities::ALL));
        assert_eq!(guest(&hosted).allowed(&hosted), Ok(Capabilities::SUBSCRIBE));
        assert_eq!(owner.allowed(&hosted), Ok(Capabilities::ALL));
        let grant = Grant { capabilities: Some(PUBLISH), attributes: Attributes::default() };
        let granted = Participant { standing: Standing::Granted(grant), ..guest(&hosted) };
        assert_eq!(granted.allowed(&hosted), Ok(PUBLISH));
        let removed = Participant { standing: Standing::Removed, ..guest(&open) };
        assert_eq!(removed.allowed(&open), Err(Denial::Removed));
    }

    #[test]
    fn a_closed_stage_lets_only_its_owner_in() {
        let closed = Stage { live: false, ..stage(Admission::Open) };
        let invited = Participant { standing: Standing::Granted(Grant::default()), ..guest(&closed) };
        assert_eq!(invited.allowed(&closed), Err(Denial::StageClosed));
        assert_eq!(Participant::unknown(&closed, user("owner")).allowed(&closed), Ok(Capabilities::ALL));
    }

    #[test]
    fn fewer_capabilities_may_be_asked_for_and_more_may_not() {
        let hosted = stage(Admission::Hosted);
        let asking = |capabilities| RequestToken { capabilities: Some(capabilities), ..command(Held::Reuse) };
        let decide = |command| decide(&hosted, &guest(&hosted), &command, true, now());
        assert!(decide(asking(Capabilities::SUBSCRIBE)).is_ok());
        for more in [Capabilities::ALL, PUBLISH] {
            assert!(matches!(decide(asking(more)), Err(Error::Forbidden(Denial::Capabilities))));
        }
    }

    #[test]
    fn a_token_is_given_again_while_it_has_five_minutes_left() {
        let holding = |left| Participant { current: Some(token("p1", left)), ..guest(&stage(Admission::Open)) };
        assert!(is_given_again(&holding(minutes(5)), &command(Held::Reuse)));
        assert!(!is_given_again(&holding(minutes(5) - Duration::from_secs(1)), &command(Held::Reuse)));
        assert!(!is_given_again(&holding(minutes(60)), &command(Held::Renew)));
    }

    #[test]
    fn a_token_is_not_given_to_who_asks_for_something_else() {
        let current = IssuedToken { attributes: attributes("guest"), ..token("p1", minutes(60)) };
        let holding = Participant { current: Some(current), ..guest(&stage(Admission::Open)) };
        let asking = |capabilities, attributes| RequestToken { capabilities, attributes, ..command(Held::Reuse) };
        assert!(is_given_again(&holding, &asking(Some(Capabilities::ALL), Some(attributes("guest")))));
        assert!(!is_given_again(&holding, &asking(Some(PUBLISH), None)));
        assert!(!is_given_again(&holding, &asking(None, Some(attributes("host")))));
    }

    #[test]
    fn a_token_of_before_a_changed_grant_is_not_given_again() {
        let mut holding = Participant { current: Some(token("p1", minutes(60))), ..guest(&stage(Admission::Open)) };
        holding.change_standing(Standing::Unspoken);
        assert!(is_given_again(&holding, &command(Held::Reuse)));
        holding.change_standing(Standing::Granted(Grant { attributes: attributes("speaker"), ..Grant::default() }));
        assert!(!is_given_again(&holding, &command(Held::Reuse)));
    }

    #[test]
    fn an_exchange_keeps_the_participant_and_takes_the_present_grant() {
        let hosted = stage(Admission::Hosted);
        let current = IssuedToken { capabilities: Capabilities::SUBSCRIBE, ..token("p1", minutes(60)) };
        let grant = Grant { capabilities: Some(Capabilities::ALL), attributes: attributes("speaker") };
        let promoted =
            Participant { current: Some(current.clone()), standing: Standing::Granted(grant), ..guest(&hosted) };
        assert_eq!(
            decide(&hosted, &promoted, &command(Held::Exchange), true, now()).unwrap(),
            Decision::Issue {
                capabilities: Capabilities::ALL,
                attributes: attributes("speaker"),
                replaces: Some(current)
            }
        );
    }

    #[test]
    fn an_exchange_needs_a_valid_token_that_was_signed_here() {
        let open = stage(Admission::Open);
        let by_ivs = TokenOrigin::Ivs(ParticipantToken::new("ey".to_owned()));
        let holding = |token| Participant { current: token, ..guest(&open) };
        let refusal = |token, can_sign| match decide(&open, &holding(token), &command(Held::Exchange), can_sign, now())
        {
            Err(Error::Conflict(conflict)) => Some(conflict),
            _ => None,
        };
        assert_eq!(refusal(None, true), Some(Conflict::NothingToExchange));
        assert_eq!(refusal(Some(token("p1", Duration::ZERO)), true), Some(Conflict::NothingToExchange));
        let ivs = IssuedToken { origin: by_ivs, ..token("p1", minutes(60)) };
        assert_eq!(refusal(Some(ivs), true), Some(Conflict::ExchangeNotSupported));
        assert_eq!(refusal(Some(token("p1", minutes(60))), false), Some(Conflict::ExchangeNotSupported));
    }

    #[test]
    fn a_signed_token_cannot_be_given_again_without_a_key() {
        let open = stage(Admission::Open);
        let holding = Participant { current: Some(token("p1", minutes(60))), ..guest(&open) };
        let decision = decide(&open, &holding, &command(Held::Reuse), false, now()).unwrap();
        assert!(matches!(decision, Decision::Issue { replaces: None, .. }));
    }

    #[test]
    fn what_the_owner_grants_comes_over_what_the_user_asks_for() {
        let open = stage(Admission::Open);
        let grant = Grant { capabilities: None, attributes: attributes("guest") };
        let granted = Participant { standing: Standing::Granted(grant), ..guest(&open) };
        let asking = RequestToken { attributes: Some(attributes("host")), ..command(Held::Reuse) };
        let Decision::Issue { attributes: given, .. } = decide(&open, &granted, &asking, true, now()).unwrap() else {
            panic!("given again");
        };
        assert_eq!(given, attributes("guest"));
    }

    #[test]
    fn nobody_hoards_tokens() {
        let open = stage(Admission::Open);
        let earlier = (1..MOST_TOKENS).map(|n| EarlierToken {
            participant_id: format!("p{n}").parse().unwrap(),
            expires_at: now() + minutes(60),
        });
        let mut holding = Participant { earlier: earlier.collect(), ..guest(&open) };
        assert!(decide(&open, &holding, &command(Held::Renew), true, now()).is_ok());
        holding.current = Some(token("p0", minutes(60)));
        let refused = decide(&open, &holding, &command(Held::Renew), true, now());
        assert!(matches!(refused, Err(Error::Conflict(Conflict::TooManyTokens))));
        assert!(decide(&open, &holding, &command(Held::Exchange), true, now()).is_ok());
    }

    #[test]
    fn a_row_of_an_earlier_stage_of_that_name_counts_for_nothing() {
        let before = Participant {
            standing: Standing::Removed,
            version: Some("v3".parse().unwrap()),
            ..guest(&stage(Admission::Open))
        };
        let again =
            Stage { arn: "arn:aws:ivs:us-east-1:000000000000:stage/def".parse().unwrap(), ..stage(Admission::Open) };
        let read = Participant::of(&again, user("guest"), Some(before));
        assert_eq!(read.version.unwrap().as_str(), "v3");
        assert_eq!((&read.standing, &read.stage_arn), (&Standing::Unspoken, &again.arn));
    }

    proptest! {
        /// Whatever order tokens were issued, exchanged and expired in: a removal disconnects each that can still join.
        #[test]
        fn every_token_that_can_still_join_is_known(
            steps in prop::collection::vec((0u8..5, 1u64..300, 0u64..60), 1..30)
        ) {
            let mut participant = guest(&stage(Admission::Open));
            let mut given: Vec<(ParticipantId, Timestamp)> = Vec::new();
            let mut at = now();
            for (id, lasts, passes) in steps {
                at = at + minutes(passes);
                let issued = IssuedToken { expires_at: at + minutes(lasts), ..token(&format!("p{id}"), minutes(0)) };
                given.push((issued.participant_id.clone(), issued.expires_at));
                participant.retire_current(at);
                participant.current = Some(issued);
                let alive: BTreeSet<&ParticipantId> =
                    given.iter().filter(|(_, end)| *end > at).map(|(id, _)| id).collect();
                prop_assert_eq!(participant.unexpired(at), alive);
            }
        }

        #[test]
        fn nothing_beyond_what_is_allowed_is_ever_issued(
            publish in any::<bool>(), ask in prop::option::of(0u8..3), hosted in any::<bool>(), live in any::<bool>()
        ) {
            let ask = ask.map(|n| [PUBLISH, Capabilities::SUBSCRIBE, Capabilities::ALL][usize::from(n)]);
            let stage = Stage { live, ..stage(if hosted { Admission::Hosted } else { Admission::Open }) };
            let current = if publish { Some(token("p1", minutes(60))) } else { None };
            let participant = Participant { current, ..guest(&stage) };
            let command = RequestToken { capabilities: ask, ..command(Held::Reuse) };
            match (decide(&stage, &participant, &command, true, now()), participant.allowed(&stage)) {
                (Ok(Decision::GiveAgain(token)), Ok(allowed)) => prop_assert!(token.capabilities.within(allowed)),
                (Ok(Decision::Issue { capabilities, .. }), Ok(allowed)) => prop_assert!(capabilities.within(allowed)),
                (decision, allowed) => prop_assert!(decision.is_err(), "{:?} {:?}", decision, allowed),
            }
        }
    }

    #[test]
    fn limits_are_those_of_ivs() {
        assert!(TokenDuration::try_from(20160).is_ok() && TokenDuration::try_from(1).is_ok());
        for minutes in [0, -1, 20161, 65_596, i64::MAX] {
            assert_eq!(TokenDuration::try_from(minutes), Err(InvalidDuration));
        }
        assert!(Attributes::try_from([("k".to_owned(), "v".repeat(1023))]).is_ok());
        assert!(Attributes::try_from([("k".to_owned(), "v".repeat(1024))]).is_err());
        assert!(Capabilities::try_from(Vec::new()).is_err());
    }
}
