//! The rules of admission, reuse and exchange, on their own: no clock, no store.

use super::row::{IssuedToken, Participant};
use super::values::{Attributes, Capabilities, TokenDuration};
use crate::error::{Conflict, Denial, Error};
use crate::stage::Stage;
use crate::{DeviceName, ParticipantId, StageName, Timestamp, UserId};

/// How many unexpired tokens one user may hold for one stage. A removal disconnects each of them, at five a second.
pub(super) const MOST_TOKENS: usize = 10;

/// What `POST /stages/{stage}/participants` asks for.
#[derive(Debug, Clone)]
pub struct TokenRequest {
    /// Which stage.
    pub stage: StageName,
    /// Who asks, and whom the token stands for.
    pub caller: UserId,
    /// Which of their devices or tabs asks: each has a current token of its own, and so has who does not say.
    pub device: Option<DeviceName>,
    /// Of a new token; one that is given out again keeps its end.
    pub duration: TokenDuration,
    /// Absent: all that are allowed.
    pub capabilities: Option<Capabilities>,
    /// Absent: those that the user asked for before.
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

/// What to answer to a [`TokenRequest`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// The current token.
    GiveAgain(IssuedToken),
    /// A new one; for the same participant, when it replaces another.
    Issue {
        /// What it allows.
        capabilities: Capabilities,
        /// What the user asked others to see.
        asked: Attributes,
        /// What others see.
        attributes: Attributes,
        /// The token whose participant it is for.
        replaces: Option<IssuedToken>,
    },
}

/// The rules of admission, reuse and exchange, on their own.
///
/// # Errors
/// [`Error::Forbidden`] by the rules of admission; [`Error::Conflict`] for an exchange that is not possible or too many
/// tokens; [`Error::InvalidRequest`] for attributes that do not fit those granted.
pub fn decide(
    stage: &Stage,
    participant: &Participant,
    command: &TokenRequest,
    can_sign: bool,
    now: Timestamp,
) -> Result<Decision, Error> {
    let allowed = participant.allowed(stage).map_err(Error::Forbidden)?;
    let capabilities = command.capabilities.unwrap_or(allowed);
    if !capabilities.within(allowed) {
        return Err(Error::Forbidden(Denial::Capabilities));
    }
    let (asked, attributes) = participant.attributes(&command.device, command.attributes.as_ref())?;
    let current = participant.current.get(&command.device).filter(|token| token.expires_at > now);
    match (command.held, current) {
        (Held::Reuse, Some(token)) if token.serves(capabilities, &attributes, can_sign, now) => {
            Ok(Decision::GiveAgain(token.clone()))
        }
        (Held::Exchange, None) => Err(Error::Conflict(Conflict::NothingToExchange)),
        (Held::Exchange, Some(token)) if !token.can_be_exchanged(can_sign) => {
            Err(Error::Conflict(Conflict::ExchangeNotSupported))
        }
        (Held::Exchange, Some(token)) => {
            Ok(Decision::Issue { capabilities, asked, attributes, replaces: Some(token.clone()) })
        }
        (held @ (Held::Reuse | Held::Renew), _) => {
            let replaces = if participant.unexpired(now).len() < MOST_TOKENS {
                None
            } else {
                // No further participant, but who did not ask for one still gets what they may have.
                let replaceable = current.filter(|token| held == Held::Reuse && token.can_be_exchanged(can_sign));
                Some(replaceable.cloned().ok_or(Error::Conflict(Conflict::TooManyTokens))?)
            };
            Ok(Decision::Issue { capabilities, asked, attributes, replaces })
        }
    }
}
