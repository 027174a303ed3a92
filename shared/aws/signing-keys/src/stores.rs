//! The two kinds of signing keys: those of participant tokens, which IVS Real-Time calls public keys, and those of
//! playback tokens, which IVS calls playback key pairs. Each kind has a secret of its own.

use std::collections::HashMap;
use std::fmt;
use std::str::FromStr;

use aws_client::{Aws, AwsFailure, SdkClient, listing_retries, sdk_client};
use aws_sdk_ivs::operation::delete_playback_key_pair::DeletePlaybackKeyPairError;
use aws_sdk_ivs::operation::import_playback_key_pair::ImportPlaybackKeyPairError;
use aws_sdk_ivsrealtime::operation::delete_public_key::DeletePublicKeyError;
use aws_sdk_ivsrealtime::operation::import_public_key::ImportPublicKeyError;
use aws_signer::KeySecret;
use model::signing::{KeyPair, PrivatePem};
use model::signing_keys::{Current, Imported, Keys, Mark, Marks, SecretValue, SecretVersion};
use model::tags::{TAG_CLAIM, TAG_LEASE_UNTIL, TAG_STACK};
use model::{ClaimId, Error, PlaybackKeyArn, PublicKeyArn, Timestamp};

use crate::KeyStore;

/// Since when a key may have signed something.
const TAG_SIGNS_SINCE: &str = "greenroom:signs-since";
/// When it was found replaced.
const TAG_RETIRED_AT: &str = "greenroom:retired-at";

type Tags = HashMap<String, String>;

/// A kind of key with its secret.
pub struct SigningKeys<P> {
    registry: P,
    secret: KeySecret,
    stack: String,
}

/// Where IVS Real-Time keeps what verifies participant tokens.
pub struct PublicKeys(SdkClient<aws_sdk_ivsrealtime::Client>);

/// Where IVS keeps what verifies playback tokens.
pub struct PlaybackKeyPairs(SdkClient<aws_sdk_ivs::Client>);

impl SigningKeys<PublicKeys> {
    /// The keys of participant tokens, with their secret's name or ARN.
    pub fn of_participants(aws: &Aws, stack: String, secret: String) -> Self {
        Self {
            registry: PublicKeys(sdk_client!(aws, aws_sdk_ivsrealtime, "IVS_REALTIME")),
            secret: KeySecret::new(aws, secret),
            stack,
        }
    }
}

impl SigningKeys<PlaybackKeyPairs> {
    /// The keys of playback tokens, with their secret's name or ARN.
    pub fn of_playback(aws: &Aws, stack: String, secret: String) -> Self {
        Self {
            registry: PlaybackKeyPairs(sdk_client!(aws, aws_sdk_ivs, "IVS")),
            secret: KeySecret::new(aws, secret),
            stack,
        }
    }
}

/// One page of a listing.
pub struct KeyPage<A> {
    /// Keys with their tags.
    keys: Vec<(A, Tags)>,
    /// Where the next page begins.
    next: Option<String>,
}

/// What the two services have in common and their SDKs have not.
pub trait KeyRegistry {
    /// What names a key.
    type Arn: Clone + PartialEq + fmt::Display + FromStr;

    /// One page of all keys of the region.
    fn page(&self, from: Option<String>) -> impl Future<Output = Result<KeyPage<Self::Arn>, Error>>;
    /// Imports a public half. `None`: this very key is there already.
    fn import(&self, pem: &str, name: &str, tags: Tags) -> impl Future<Output = Result<Option<Self::Arn>, Error>>;
    /// Tags a key.
    fn tag(&self, arn: &Self::Arn, key: &str, value: &str) -> impl Future<Output = Result<(), Error>>;
    /// Takes a tag off a key.
    fn untag(&self, arn: &Self::Arn, key: &str) -> impl Future<Output = Result<(), Error>>;
    /// Deletes a key. One that is gone already is fine.
    fn delete(&self, arn: &Self::Arn) -> impl Future<Output = Result<(), Error>>;
}

impl<P: KeyRegistry> SigningKeys<P> {
    /// Every key in IVS, whosever it is.
    async fn list(&self) -> Result<Vec<(P::Arn, Tags)>, Error> {
        let mut keys = Vec::new();
        let mut next = None;
        loop {
            let page = self.registry.page(next).await?;
            keys.extend(page.keys);
            next = page.next;
            if next.is_none() {
                return Ok(keys);
            }
        }
    }

    /// What the stack noted on a key; `None` if it is not the stack's.
    fn marks(&self, tags: &Tags) -> Option<Marks> {
        let at = |tag: &str| tags.get(tag).and_then(|at| at.parse().ok());
        // Whoever tags a key of theirs with the stack's name has made no claim.
        tags.get(TAG_STACK).filter(|stack| **stack == self.stack && tags.contains_key(TAG_CLAIM))?;
        Some(Marks {
            lease_until: at(TAG_LEASE_UNTIL),
            signs_since: at(TAG_SIGNS_SINCE),
            retired_at: at(TAG_RETIRED_AT),
        })
    }
}

impl<P: KeyRegistry> KeyStore for SigningKeys<P> {
    type Arn = P::Arn;

    async fn read(&self) -> Result<Keys<P::Arn>, Error> {
        let current = self.secret.read().await?.map(|current| Current {
            version: current.version,
            since: current.since,
            value: match current.value {
                SecretValue::Key(key) => key.id.parse().map_or(SecretValue::UnknownKey, SecretValue::Key),
                SecretValue::UnknownKey => SecretValue::UnknownKey,
                SecretValue::Empty => SecretValue::Empty,
                SecretValue::Malformed => SecretValue::Malformed,
            },
        });
        let listed = self.list().await?.into_iter();
        let imported = listed.map(|(arn, tags)| Imported { marks: self.marks(&tags), arn });
        Ok(Keys { current, imported: imported.collect() })
    }

    async fn store_empty(&self) -> Result<SecretVersion, Error> {
        self.secret.store_empty().await
    }

    async fn import(&self, pair: &KeyPair, claim: &ClaimId, lease_until: Timestamp) -> Result<P::Arn, Error> {
        let tags = Tags::from([
            (TAG_STACK.to_owned(), self.stack.clone()),
            (TAG_CLAIM.to_owned(), claim.to_string()),
            (TAG_LEASE_UNTIL.to_owned(), lease_until.to_string()),
        ]);
        if let Some(arn) = self.registry.import(&pair.public, &self.stack, tags).await? {
            return Ok(arn);
        }
        // An earlier attempt imported it, and its answer was lost.
        let claimed = |tags: &Tags| tags.get(TAG_CLAIM).is_some_and(|id| id == claim.as_str());
        let found = self.list().await?.into_iter().find(|(_, tags)| claimed(tags));
        found.map(|(arn, _)| arn).ok_or_else(|| Error::unavailable("ivs has the new key and does not list it"))
    }

    async fn store(&self, arn: &P::Arn, private: &PrivatePem) -> Result<SecretVersion, Error> {
        self.secret.store(&arn.to_string(), private).await
    }

    async fn mark(&self, arn: &P::Arn, mark: Mark, at: Option<Timestamp>) -> Result<(), Error> {
        let tag = match mark {
            Mark::SignsSince => TAG_SIGNS_SINCE,
            Mark::RetiredAt => TAG_RETIRED_AT,
        };
        match at {
            Some(at) => self.registry.tag(arn, tag, &at.to_string()).await,
            None => self.registry.untag(arn, tag).await,
        }
    }

    async fn promote(&self, from: &SecretVersion, to: &SecretVersion) -> Result<bool, Error> {
        self.secret.promote(from, to).await
    }

    async fn delete(&self, arn: &P::Arn) -> Result<(), Error> {
        self.registry.delete(arn).await
    }
}

/// The methods of [`KeyRegistry`] over one SDK: the two differ in names alone, and their builders have no common trait.
macro_rules! registry {
    (
        $registry:ident, $arn:ty, $config:path, list: $list:ident $summaries:ident $list_name:literal,
        import: $import:ident $imported:ident $import_error:ident $import_name:literal,
        delete: $delete:ident $delete_error:ident $delete_name:literal
    ) => {
        impl KeyRegistry for $registry {
            type Arn = $arn;

            async fn page(&self, from: Option<String>) -> Result<KeyPage<$arn>, Error> {
                let listed = self
                    .0
                    .$list()
                    .max_results(100)
                    .set_next_token(from)
                    .customize()
                    .config_override(<$config>::builder().retry_config(listing_retries()))
                    .send()
                    .await
                    .map_err(|error| AwsFailure::new($list_name, &error).into_error())?;
                let key = |arn: Option<&str>, tags: Option<&Tags>| {
                    Some((arn?.parse().ok()?, tags.cloned().unwrap_or_default()))
                };
                let keys = listed.$summaries().iter().map(|found| key(found.arn(), found.tags()));
                let keys = keys.collect::<Option<Vec<_>>>();
                let keys = keys.ok_or_else(|| Error::internal(AwsFailure::malformed($list_name, "no ARN")))?;
                Ok(KeyPage { keys, next: listed.next_token().map(str::to_owned) })
            }

            async fn import(&self, pem: &str, name: &str, tags: Tags) -> Result<Option<$arn>, Error> {
                let import = self.0.$import().public_key_material(pem).name(name).set_tags(Some(tags));
                match import.send().await {
                    Ok(answer) => {
                        let arn = answer.$imported().and_then(|key| key.arn()?.parse().ok());
                        arn.map(Some).ok_or_else(|| Error::unavailable(AwsFailure::malformed($import_name, "no ARN")))
                    }
                    Err(error) => match error.as_service_error() {
                        Some($import_error::ConflictException(_)) => Ok(None),
                        _ => Err(AwsFailure::new($import_name, &error).into_error()),
                    },
                }
            }

            async fn tag(&self, arn: &$arn, key: &str, value: &str) -> Result<(), Error> {
                let tag = self.0.tag_resource().resource_arn(arn.as_str()).tags(key, value);
                tag.send().await.map(drop).map_err(|error| AwsFailure::new("ivs:TagResource", &error).into_error())
            }

            async fn untag(&self, arn: &$arn, key: &str) -> Result<(), Error> {
                let untag = self.0.untag_resource().resource_arn(arn.as_str()).tag_keys(key);
                untag.send().await.map(drop).map_err(|error| AwsFailure::new("ivs:UntagResource", &error).into_error())
            }

            async fn delete(&self, arn: &$arn) -> Result<(), Error> {
                match self.0.$delete().arn(arn.as_str()).send().await {
                    Ok(_) => Ok(()),
                    Err(error) => match error.as_service_error() {
                        Some($delete_error::ResourceNotFoundException(_)) => Ok(()),
                        _ => Err(AwsFailure::new($delete_name, &error).into_error()),
                    },
                }
            }
        }
    };
}

registry!(
    PublicKeys, PublicKeyArn, aws_sdk_ivsrealtime::Config,
    list: list_public_keys public_keys "ivs:ListPublicKeys",
    import: import_public_key public_key ImportPublicKeyError "ivs:ImportPublicKey",
    delete: delete_public_key DeletePublicKeyError "ivs:DeletePublicKey"
);
registry!(
    PlaybackKeyPairs, PlaybackKeyArn, aws_sdk_ivs::Config,
    list: list_playback_key_pairs key_pairs "ivs:ListPlaybackKeyPairs",
    import: import_playback_key_pair key_pair ImportPlaybackKeyPairError "ivs:ImportPlaybackKeyPair",
    delete: delete_playback_key_pair DeletePlaybackKeyPairError "ivs:DeletePlaybackKeyPair"
);
