//! What a user is called in a room. Two names that look alike are the same one.

use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization;
use unicode_security::{GeneralSecurityProfile, MixedScript};

use crate::{Field, UserId};

/// What a user is called in a room: 1 to 50 characters, as they are shown (NFC).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct DisplayName(String);

/// No name that can be shown beside others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{}", DisplayName::RULE)]
pub struct InvalidDisplayName;

impl DisplayName {
    const LONGEST: usize = 50;

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What all names have in common that look like this one.
    pub fn skeleton(&self) -> String {
        skeleton(&self.0)
    }

    /// Whether it could be taken for the id of that user.
    pub fn looks_like(&self, user_id: &UserId) -> bool {
        self.skeleton() == skeleton(user_id.as_str())
    }
}

/// The skeleton of UTS #39, in which a capital is its small letter and blanks count for nothing. As the capital I looks like
/// a small l, so its small letter is one, too.
fn skeleton(text: &str) -> String {
    let once = |text: &str| {
        let folded: String = text.nfkc().flat_map(char::to_lowercase).filter(|char| !char.is_whitespace()).collect();
        unicode_security::skeleton(&folded).collect::<String>()
    };
    // Until nothing changes: what the skeleton makes of a letter may be a capital again. It never takes a third time.
    let (mut before, mut now) = (String::new(), once(text));
    for _ in 0..4 {
        if before == now {
            break;
        }
        before = std::mem::take(&mut now);
        now = once(&before);
    }
    now.replace('i', "l")
}

impl TryFrom<String> for DisplayName {
    type Error = InvalidDisplayName;

    fn try_from(text: String) -> Result<Self, InvalidDisplayName> {
        let name: String = text.nfc().collect();
        let is_shown = |char: char| {
            char == ' ' || (!char.is_whitespace() && !char.is_control() && (char.identifier_allowed() || is_sign(char)))
        };
        let blanks = name.starts_with(' ') || name.ends_with(' ') || name.contains("  ");
        // Scripts are mixed within a word, or not at all: a Greek surname may follow a Latin first name.
        let valid = (1..=Self::LONGEST).contains(&name.chars().count())
            && !blanks
            && name.chars().all(is_shown)
            && name.split(' ').all(MixedScript::is_single_script)
            && !skeleton(&name).is_empty();
        if valid { Ok(Self(name)) } else { Err(InvalidDisplayName) }
    }
}

/// Signs that names have, besides letters and digits: of ASCII, as others look like letters or cannot be seen.
fn is_sign(char: char) -> bool {
    char.is_ascii_graphic()
}

impl std::str::FromStr for DisplayName {
    type Err = InvalidDisplayName;

    fn from_str(text: &str) -> Result<Self, InvalidDisplayName> {
        text.to_owned().try_into()
    }
}

impl std::fmt::Display for DisplayName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl Field for DisplayName {
    const RULE: &'static str =
        "must be 1 to 50 letters, digits, ASCII signs and single blanks between them, each word in one script";
}
