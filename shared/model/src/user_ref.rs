//! User ids in paths.
//!
//! API Gateway decodes a path before it matches it: a `%2F` makes the route miss, a decoded `?` or `#` cuts the path, and
//! what becomes of `%25` is not settled. So an id of harmless characters stands in a path as it is, and any id may stand
//! as `~` and the unpadded base64url of its UTF-8.

use std::borrow::Cow;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;

use crate::UserId;

/// What an encoded id begins with. An id that begins so itself has to be encoded.
const ENCODED: char = '~';

/// What stands beside letters and digits in an id that is written as it is.
const PLAIN: &str = "-._@:|+";

/// The text of a path names no user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be a userRef of a list: a user id of letters, digits and - . _ @ : | +, or ~ and the base64url of one")]
pub struct InvalidUserRef;

impl UserId {
    /// The user whom a path's text names, which the gateway has decoded. Text that is neither of the two forms is refused
    /// rather than guessed at: what the caller wrote may have changed on its way.
    ///
    /// # Errors
    /// [`InvalidUserRef`].
    pub fn from_path(text: &str) -> Result<Self, InvalidUserRef> {
        let id = match text.strip_prefix(ENCODED) {
            Some(encoded) => {
                let bytes = BASE64_URL_SAFE_NO_PAD.decode(encoded).map_err(|_| InvalidUserRef)?;
                String::from_utf8(bytes).map_err(|_| InvalidUserRef)?
            }
            None if text.chars().all(|char| char.is_alphanumeric() || PLAIN.contains(char)) => text.to_owned(),
            None => return Err(InvalidUserRef),
        };
        id.try_into().map_err(|_| InvalidUserRef)
    }

    /// The id as it stands in a path, in ASCII that no client or gateway changes.
    pub fn user_ref(&self) -> Cow<'_, str> {
        let id = self.as_str();
        let plain = id.bytes().all(|byte| byte.is_ascii_alphanumeric() || PLAIN.as_bytes().contains(&byte));
        // Of a path's segments, clients drop these two, however they are escaped.
        if plain && !matches!(id, "." | "..") {
            Cow::Borrowed(id)
        } else {
            Cow::Owned(format!("{ENCODED}{}", BASE64_URL_SAFE_NO_PAD.encode(id)))
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn user(id: &str) -> UserId {
        id.parse().unwrap()
    }

    proptest! {
        #[test]
        fn any_user_is_found_by_the_reference_that_lists_give(id in "[^\\p{Cc}]{1,128}") {
            let user = user(&id);
            let reference = user.user_ref();
            prop_assert!(reference.bytes().all(|byte| byte.is_ascii_graphic() && !b"/?#%\\".contains(&byte)));
            prop_assert_eq!(UserId::from_path(&reference), Ok(user.clone()));
            // Nothing is decoded twice, and nothing but the two forms is taken.
            prop_assert_eq!(UserId::from_path(&format!("~{}", BASE64_URL_SAFE_NO_PAD.encode(&id))), Ok(user));
            if let Ok(taken) = UserId::from_path(&id) {
                prop_assert!(id.starts_with('~') || taken.as_str() == id);
            }
        }
    }

    #[test]
    fn an_id_of_harmless_characters_stands_as_it_is() {
        for id in ["alice", "auth0|5f7c8ec7", "a.b-c_d@e.example", "us-east-1:0f3c", "a+b"] {
            assert_eq!((user(id).user_ref().as_ref(), UserId::from_path(id)), (id, Ok(user(id))));
        }
        assert_eq!(UserId::from_path("zoë"), Ok(user("zoë")));
    }

    #[test]
    fn any_other_id_is_encoded() {
        for (id, reference) in [
            ("https://id.example/u/1", "~aHR0cHM6Ly9pZC5leGFtcGxlL3UvMQ"),
            ("a?b", "~YT9i"),
            ("a#b", "~YSNi"),
            ("a%b", "~YSVi"),
            ("a b", "~YSBi"),
            ("~alice", "~fmFsaWNl"),
            ("zoë", "~em_Dqw"),
            ("..", "~Li4"),
        ] {
            assert_eq!((user(id).user_ref().as_ref(), UserId::from_path(reference)), (reference, Ok(user(id))));
        }
    }

    #[test]
    fn what_a_gateway_may_have_changed_is_refused() {
        for text in ["", "~", "a/b", "a?b", "a#b", "a%b", "a%2Fb", "a b", "a\nb", "a\u{fffd}b", "a~b"] {
            assert_eq!(UserId::from_path(text), Err(InvalidUserRef), "{text}");
        }
        // Padded, of the other alphabet, with bits that mean nothing, no UTF-8, and no user id inside.
        for text in ["~YQ==", "~em/Dqw", "~YR", "~_w", "~YQpi"] {
            assert_eq!(UserId::from_path(text), Err(InvalidUserRef), "{text}");
        }
    }
}
