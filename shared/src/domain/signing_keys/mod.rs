//! The keys that sign tokens: made, followed by their successors, and removed once no token can still need them.
//!
//! Of a kind of token there is one secret, whose current version is the key that signs, and up to three public keys in
//! IVS, with which it verifies. Runs of [`maintain`] may die at any step and overlap as they like, since
//!
//! - a key is in IVS before the secret names it, and becomes current by a compare-and-set on the secret's version: of
//!   two runs, one wins;
//! - a key bears in IVS what has become of it ([`Marks`]). One that may have signed is kept for [`RETENTION`] after it
//!   was found replaced; one that never can, because its maker is dead, is removed at once;
//! - only its maker makes a key current, within the maker's lease.

#[cfg(test)]
mod tests;

use std::fmt;
use std::time::Duration;

use super::signing::{KeyPair, PrivatePem};
use super::{ClaimId, Timestamp};
use crate::Error;

/// How long a key stays in IVS after it was found replaced: a token lives for 14 days at most, an instance that cannot
/// reach Secrets Manager goes on with an earlier key for [`super::signing::STALE`], and 15 minutes are for whatever was
/// under way.
pub const RETENTION: Duration = Duration::from_secs((14 * 24 + 24) * 60 * 60 + 15 * 60);

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

/// One kind of key, with its secret and its place in IVS: those of participant tokens, or those of playback tokens.
pub trait KeyStore {
    /// What names a key in IVS.
    type Arn: Clone + PartialEq + fmt::Display;

    /// What there is: the secret first, then a complete listing.
    fn read(&self) -> impl Future<Output = Result<Keys<Self::Arn>, Error>>;

    /// Adds a version without a key, with which functions sign nothing, and answers its id. It is current only if it is
    /// the first one. [`Error::NotFound`] if the secret is gone.
    fn store_empty(&self) -> impl Future<Output = Result<SecretVersion, Error>>;

    /// Imports a public half. The claim finds it again if the answer is lost.
    fn import(
        &self,
        pair: &KeyPair,
        claim: &ClaimId,
        lease_until: Timestamp,
    ) -> impl Future<Output = Result<Self::Arn, Error>>;

    /// Adds a version with this key to the secret, without making it current.
    fn store(&self, arn: &Self::Arn, private: &PrivatePem) -> impl Future<Output = Result<SecretVersion, Error>>;

    /// Notes a time on a key, or takes the note off.
    fn mark(&self, arn: &Self::Arn, mark: Mark, at: Option<Timestamp>) -> impl Future<Output = Result<(), Error>>;

    /// Makes a version the current one in place of `from`. False if another has taken that place.
    fn promote(&self, from: &SecretVersion, to: &SecretVersion) -> impl Future<Output = Result<bool, Error>>;

    /// Removes a key from IVS: tokens that it signed open nothing any more. One that is gone already is fine.
    fn delete(&self, arn: &Self::Arn) -> impl Future<Output = Result<(), Error>>;
}

/// How [`maintain`] is to go about it.
#[derive(Debug, Clone)]
pub struct Maintenance {
    /// This run, and no other.
    pub run: ClaimId,
    /// How long a key signs before another follows it.
    pub rotate_after: Duration,
    /// Longer than the run may take.
    pub lease: Duration,
    /// Who asks.
    pub asked: Asked,
}

/// Why keys are looked after.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// It is time to look.
    BySchedule,
    /// The stack is created or updated.
    ByStack,
    /// An operator wants another key now, whatever the age of this one.
    ToRotate,
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

/// Sees to it that there is a key that signs, makes another when it is time, and removes what no token can need. Each run
/// goes on from wherever an earlier one has stopped.
///
/// # Errors
/// What IVS and Secrets Manager fail with; [`Error::Internal`] for a malformed secret. [`Error::QuotaExceeded`] when IVS
/// has no place for another key: then the present one goes on.
pub async fn maintain<K: KeyStore>(keys: &K, now: Timestamp, how: &Maintenance) -> Result<Maintained, Error> {
    let found = keys.read().await?;
    if let Some(current) = &found.current {
        current.value.key()?;
    }
    let mut done = Maintained::default();
    if how.asked == Asked::BySchedule && found.is_being_deleted(now) {
        return Ok(done);
    }
    // First, because IVS has places for three.
    for arn in found.unneeded(now) {
        keys.delete(arn).await?;
        done.deleted += 1;
    }
    // A note of an earlier time would end the key too early once it is replaced for good.
    if let Some(arn) = found.wrongly_retired() {
        keys.mark(arn, Mark::RetiredAt, None).await?;
    }
    // Before another is made: without a place for one, these are what makes room in the end.
    for arn in found.replaced() {
        keys.mark(arn, Mark::RetiredAt, Some(now)).await?;
        done.retired += 1;
    }
    if found.wants_another(now, how) {
        done.made = make(keys, &found, now, how).await?;
        if let Some(arn) = found.own_signing().filter(|_| done.made) {
            keys.mark(arn, Mark::RetiredAt, Some(now)).await?;
            done.retired += 1;
        }
    }
    Ok(done)
}

/// Ends all keys of the stack: first nothing is signed with them any more, then nothing verifies. What an operator put
/// into the secret stays there, since a stack that fails to take keys over is rolled back by the same request.
///
/// # Errors
/// What IVS and Secrets Manager fail with; to call it again goes on.
pub async fn end<K: KeyStore>(keys: &K) -> Result<Maintained, Error> {
    empty(keys).await?;
    let mut done = Maintained::default();
    for key in keys.read().await?.imported.iter().filter(|key| key.marks.is_some()) {
        keys.delete(&key.arn).await?;
        done.deleted += 1;
    }
    Ok(done)
}

/// Makes a version without a key the current one, unless the secret holds what is not the stack's own.
async fn empty<K: KeyStore>(keys: &K) -> Result<(), Error> {
    // Each time that it is lost, somebody else has changed the secret meanwhile.
    const ATTEMPTS: usize = 10;
    for _ in 0..ATTEMPTS {
        let found = keys.read().await?;
        if found.is_of_others() {
            return Ok(());
        }
        // Also where there is no key: a run that is under way cannot put one in the place of another version.
        let empty = match keys.store_empty().await {
            Ok(empty) => empty,
            Err(Error::NotFound(_)) => return Ok(()),
            Err(error) => return Err(error),
        };
        if let Some(current) = found.current
            && keys.promote(&current.version, &empty).await?
        {
            return Ok(());
        }
    }
    Err(Error::unavailable("the secret of a signing key is changed again and again"))
}

/// Makes a key and makes it current. False if another run did so meanwhile.
async fn make<K: KeyStore>(keys: &K, found: &Keys<K::Arn>, now: Timestamp, how: &Maintenance) -> Result<bool, Error> {
    let from = match &found.current {
        Some(current) => current.version.clone(),
        // The first version of a secret is current by itself, and must not name a key that is not marked yet.
        None => keys.store_empty().await?,
    };
    let pair = KeyPair::generate()?;
    let arn = keys.import(&pair, &how.run, now + how.lease).await?;
    let version = keys.store(&arn, &pair.private).await?;
    keys.mark(&arn, Mark::SignsSince, Some(now)).await?;
    let promoted = keys.promote(&from, &version).await?;
    if !promoted {
        // Nobody else can make it current, so it has signed nothing and never will.
        keys.delete(&arn).await?;
    }
    Ok(promoted)
}

impl<A: Clone + PartialEq> Keys<A> {
    fn signing(&self) -> Option<&A> {
        self.current.as_ref()?.value.key().ok()?
    }

    fn is_being_deleted(&self, now: Timestamp) -> bool {
        self.current.as_ref().is_some_and(|current| current.value == SecretValue::Empty && current.since + QUIET > now)
    }

    /// Whether the secret holds what the stack did not put there. A key that IVS does not have counts as the stack's: it
    /// verifies nothing, and a run that was overtaken by the end of its stack leaves one.
    fn is_of_others(&self) -> bool {
        match self.current.as_ref().map(|current| &current.value) {
            None | Some(SecretValue::Empty) => false,
            Some(SecretValue::Key(arn)) => self.imported.iter().any(|key| key.arn == *arn && key.marks.is_none()),
            Some(SecretValue::UnknownKey | SecretValue::Malformed) => true,
        }
    }

    /// The stack's own keys but for the one that signs.
    fn others(&self) -> impl Iterator<Item = (&A, Marks)> {
        let signing = self.signing();
        let ours = self.imported.iter().filter_map(|key| Some((&key.arn, key.marks?)));
        ours.filter(move |(arn, _)| signing != Some(*arn))
    }

    /// Keys that no valid token is signed with, and none will be.
    fn unneeded(&self, now: Timestamp) -> impl Iterator<Item = &A> {
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
    fn own_signing(&self) -> Option<&A> {
        self.signing_marks().map(|(arn, _)| arn)
    }

    /// The key that signs, if it is marked as replaced.
    fn wrongly_retired(&self) -> Option<&A> {
        self.signing_marks().filter(|(_, marks)| marks.retired_at.is_some()).map(|(arn, _)| arn)
    }

    /// Whether there is no key that signs and verifies, or it is time for the next one.
    fn wants_another(&self, now: Timestamp, how: &Maintenance) -> bool {
        let Some((current, signing)) = self.current.as_ref().zip(self.signing()) else { return true };
        if !self.imported.iter().any(|key| key.arn == *signing) {
            return true;
        }
        let is_old = current.since + how.rotate_after <= now;
        match how.asked {
            Asked::ToRotate => true,
            Asked::BySchedule => is_old,
            // An operator's key is not followed before the stack stands: it may be rolled back yet.
            Asked::ByStack => is_old && self.own_signing().is_some(),
        }
    }

    /// Keys that sign no longer and are not marked so.
    fn replaced(&self) -> impl Iterator<Item = &A> {
        let replaced = |marks: Marks| marks.signs_since.is_some() && marks.retired_at.is_none();
        self.others().filter(move |(_, marks)| replaced(*marks)).map(|(arn, _)| arn)
    }
}
