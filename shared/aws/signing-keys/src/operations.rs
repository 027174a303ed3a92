//! Runs over one kind of key: [`maintain`], and [`stop`] with [`end`]. What becomes of each key is decided in
//! [`model::signing_keys`]; the order of the steps is what lets runs die and overlap.

use std::fmt;
use std::time::Duration;

use model::signing::{KeyPair, PrivatePem};
use model::signing_keys::{Keys, Maintained, Maintenance, Mark, SecretVersion, Trigger};
use model::{ClaimId, Error, Timestamp};

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

/// Sees to it that there is a key that signs, makes another when it is time, and removes what no token can need. Each
/// run goes on from wherever an earlier one has stopped.
///
/// # Errors
/// What IVS and Secrets Manager fail with; [`Error::Internal`] for a malformed secret. [`Error::QuotaExceeded`] when
/// IVS has no place for another key: then the present one goes on.
pub async fn maintain<K: KeyStore>(keys: &K, now: Timestamp, how: &Maintenance) -> Result<Maintained, Error> {
    let found = keys.read().await?;
    if let Some(current) = &found.current {
        current.value.key()?;
    }
    let mut done = Maintained::default();
    if how.trigger == Trigger::Schedule && found.is_being_deleted(now) {
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

/// Has the stack's keys sign no more, and answers when the last instance has heard of it, if any has to: instances ask
/// for the key again after `cache`. What an operator put into the secret stays there, since a stack that fails to take
/// keys over is rolled back by the same request.
///
/// # Errors
/// What IVS and Secrets Manager fail with; to call it again goes on.
pub async fn stop<K: KeyStore>(keys: &K, now: Timestamp, cache: Duration) -> Result<Option<Timestamp>, Error> {
    empty(keys).await?;
    Ok(keys.read().await?.signed_until(now, cache))
}

/// Ends all keys of the stack: nothing that they signed is good for anything from now on. To be called when [`stop`] says
/// that nobody signs with them any more; what came meanwhile is stopped, too.
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
