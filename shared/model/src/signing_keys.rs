//! The keys that sign tokens: what becomes of each, by what the secret and IVS say of it.
//!
//! Of a kind of token there is one secret, whose current version is the key that signs, and up to three public keys in
//! IVS, with which it verifies. Runs that look after them may die at any step and overlap as they like, since
//!
//! - a key is in IVS before the secret names it, and becomes current by a compare-and-set on the secret's version: of
//!   two runs, one wins;
//! - a key bears in IVS what has become of it ([`Marks`]). One that may have signed is kept for [`RETENTION`] after it
//!   was found replaced; one that never can, because its maker is dead, is removed at once;
//! - only its maker makes a key current, within the maker's lease;
//! - what the stack did not make is neither emptied nor removed: a version of the secret that it stored has an id that
//!   says so ([`SecretVersion::of_stack`]), a public key that it imported has its marks.

use std::time::Duration;

use crate::{ClaimId, Error, Timestamp};

/// How long a key stays in IVS after it was found replaced: a token lives for 14 days at most, an instance that cannot
/// reach Secrets Manager goes on with an earlier key for [`STALE`](crate::signing::STALE), and 15 minutes are for
/// whatever was under way.
pub const RETENTION: Duration = Duration::from_secs((14 * 24 + 24) * 60 * 60 + 15 * 60);

/// How long a key that a stack has just made current may be missing in a listing, which may be behind.
const LISTED: Duration = Duration::from_secs(60);

/// What is under way in an instance that has just learnt of another key, at most.
const UNDER_WAY: Duration = Duration::from_secs(15);

/// How long a secret that was emptied stays so without a new request: its stack is being deleted.
const QUIET: Duration = Duration::from_secs(60 * 60);

/// What there is of one kind of key.
#[derive(Debug, Clone)]
pub struct Keys<A> {
    /// The secret's current version; `None` while it has none.
    pub current: Option<Current<A>>,
    /// Every key in IVS, of a complete listing that began after `current` was read.
    pub imported: Vec<Imported<A>>,
}

/// The version of the secret that the functions read.
#[derive(Debug, Clone)]
pub struct Current<A> {
    /// Its id.
    pub version: SecretVersion,
    /// When it was made.
    pub since: Timestamp,
    /// What it holds.
    pub value: SecretValue<A>,
}

/// What a version of the secret holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretValue<A> {
    /// No key, so that nothing is signed.
    Empty,
    /// A key, by its name in IVS.
    Key(A),
    /// A key by a name that IVS cannot know: it verifies nothing.
    UnknownKey,
    /// Something else than the documented form, which somebody put there by hand.
    Malformed,
}

impl<A> SecretValue<A> {
    /// The key, if there is one that can be named.
    ///
    /// # Errors
    /// [`Error::Internal`] for a malformed value, which the text does not quote.
    pub fn key(&self) -> Result<Option<&A>, Error> {
        match self {
            Self::Key(key) => Ok(Some(key)),
            Self::Empty | Self::UnknownKey => Ok(None),
            Self::Malformed => Err(Error::internal(
                "the signing key's secret is not {\"keyId\": <ARN>, \"privateKey\": <PEM>}, nor {}",
            )),
        }
    }
}

/// A public key in IVS.
#[derive(Debug, Clone)]
pub struct Imported<A> {
    /// What names it in IVS, and in the header of a participant token.
    pub arn: A,
    /// What this stack noted on it; `None` if it is somebody else's.
    pub marks: Option<Marks>,
}

/// What a key's tags in IVS say of it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Marks {
    /// When its maker is dead: it can become current no later.
    pub lease_until: Option<Timestamp>,
    /// Since when it may have signed something.
    pub signs_since: Option<Timestamp>,
    /// When it was found replaced.
    pub retired_at: Option<Timestamp>,
}

/// Which of the marks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// [`Marks::signs_since`].
    SignsSince,
    /// [`Marks::retired_at`].
    RetiredAt,
}

/// The id of a version of the secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretVersion(pub String);

impl SecretVersion {
    const OF_STACK: &str = "greenroom-";

    /// The id of a version that the stack is about to store.
    pub fn of_stack(claim: &ClaimId) -> Self {
        Self(format!("{}{claim}", Self::OF_STACK))
    }

    /// Whether the stack has stored it. Nothing is known of versions of before such ids, or by hand.
    pub fn is_of_stack(&self) -> bool {
        self.0.starts_with(Self::OF_STACK)
    }
}

/// How a run is to go about it.
#[derive(Debug, Clone)]
pub struct Maintenance {
    /// This run, and no other.
    pub run: ClaimId,
    /// How long a key signs before another follows it.
    pub rotate_after: Duration,
    /// Longer than the run may take.
    pub lease: Duration,
    /// Who asks.
    pub trigger: Trigger,
}

/// Why keys are looked after.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trigger {
    /// It is time to look.
    Schedule,
    /// The stack is created or updated.
    Stack,
    /// An operator wants another key now, whatever the age of this one.
    Rotate,
}

/// What a run did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Maintained {
    /// Whether a new key signs now.
    pub made: bool,
    /// Keys that were found replaced.
    pub retired: usize,
    /// Keys that were removed from IVS.
    pub deleted: usize,
}

impl<A: Clone + PartialEq> Keys<A> {
    fn signing(&self) -> Option<&A> {
        self.current.as_ref()?.value.key().ok()?
    }

    /// Whether the secret was emptied so lately that its stack may be on the way out.
    pub fn is_being_deleted(&self, now: Timestamp) -> bool {
        self.current.as_ref().is_some_and(|current| current.value == SecretValue::Empty && current.since + QUIET > now)
    }

    /// Whether the secret holds what the stack did not put there, as far as anything says so. A key that IVS does not
    /// show says nothing of whose it is; the version's id does.
    pub fn is_of_others(&self) -> bool {
        let Some(current) = &self.current else { return false };
        match &current.value {
            SecretValue::Empty => false,
            SecretValue::Key(arn) => match self.imported.iter().find(|key| key.arn == *arn) {
                Some(key) => key.marks.is_none(),
                None => !current.version.is_of_stack(),
            },
            SecretValue::UnknownKey | SecretValue::Malformed => true,
        }
    }

    /// Until when instances may sign with a key of the stack's that the secret names no longer, since they ask for the
    /// key again after `cache` alone; `None` if no such key has ever signed.
    pub fn signed_until(&self, now: Timestamp, cache: Duration) -> Option<Timestamp> {
        self.others().find(|(_, marks)| marks.signs_since.is_some())?;
        let since = self.current.as_ref().map_or(now, |current| current.since);
        Some(since + cache + cache.min(UNDER_WAY))
    }

    /// The stack's own keys but for the one that signs.
    fn others(&self) -> impl Iterator<Item = (&A, Marks)> {
        let signing = self.signing();
        let ours = self.imported.iter().filter_map(|key| Some((&key.arn, key.marks?)));
        ours.filter(move |(arn, _)| signing != Some(*arn))
    }

    /// Keys that no valid token is signed with, and none will be.
    pub fn unneeded(&self, now: Timestamp) -> impl Iterator<Item = &A> {
        let unneeded = move |marks: Marks| match (marks.retired_at, marks.signs_since) {
            (Some(retired_at), _) => retired_at + RETENTION <= now,
            (None, Some(_)) => false,
            (None, None) => marks.lease_until.is_none_or(|lease_until| lease_until <= now),
        };
        self.others().filter(move |(_, marks)| unneeded(*marks)).map(|(arn, _)| arn)
    }

    /// The key that signs, if it is the stack's own and in IVS, with its marks.
    fn signing_marks(&self) -> Option<(&A, Marks)> {
        let signing = self.imported.iter().find(|key| Some(&key.arn) == self.signing())?;
        Some((&signing.arn, signing.marks?))
    }

    /// The key that signs, if it can be marked.
    pub fn own_signing(&self) -> Option<&A> {
        self.signing_marks().map(|(arn, _)| arn)
    }

    /// The key that signs, if it is marked as replaced.
    pub fn wrongly_retired(&self) -> Option<&A> {
        self.signing_marks().filter(|(_, marks)| marks.retired_at.is_some()).map(|(arn, _)| arn)
    }

    /// Whether there is no key that signs and verifies, or it is time for the next one.
    pub fn wants_another(&self, now: Timestamp, how: &Maintenance) -> bool {
        // An operator's key is not followed before the stack stands, though IVS does not show it: the stack may be rolled
        // back yet.
        if how.trigger == Trigger::Stack && self.is_of_others() {
            return false;
        }
        let Some((current, signing)) = self.current.as_ref().zip(self.signing()) else { return true };
        let is_new = current.version.is_of_stack() && now < current.since + LISTED;
        let is_missing = !is_new && !self.imported.iter().any(|key| key.arn == *signing);
        let is_old = current.since + how.rotate_after <= now;
        match how.trigger {
            Trigger::Rotate => true,
            Trigger::Schedule | Trigger::Stack => is_missing || is_old,
        }
    }

    /// Keys that sign no longer and are not marked so.
    pub fn replaced(&self) -> impl Iterator<Item = &A> {
        let replaced = |marks: Marks| marks.signs_since.is_some() && marks.retired_at.is_none();
        self.others().filter(move |(_, marks)| replaced(*marks)).map(|(arn, _)| arn)
    }
}
