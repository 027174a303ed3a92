//! What becomes of a message before anybody reads it.
//!
//! A word is found whatever its case, its width or its form (NFKC), as a whole word, and also where somebody has hidden
//! it simply: with punctuation or invisible characters between its letters, or spelt with blanks. It is a filter for
//! what is said in passing, and no more: who wants to be read will find a spelling.

use std::str::FromStr;

use unicode_normalization::UnicodeNormalization;

/// The fewest letters of a word that is found where it is spelt with blanks: two letters alone stand beside each other
/// in many a sentence.
const FEWEST_SPELT: usize = 3;

/// Why a message is not delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// It has a word that is not wanted here.
    Word,
    /// Its sender may read only.
    Muted,
    /// Its sender is not to be here.
    Removed,
    /// Its sender's last message was a moment ago, and the room is in slow mode.
    TooSoon,
}

impl Refusal {
    /// In a word, for the log.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Word => "word",
            Self::Muted => "muted",
            Self::Removed => "removed",
            Self::TooSoon => "tooSoon",
        }
    }

    /// What the sender is told. It names no word: who is told which it was tries the next spelling.
    pub fn reason(self) -> &'static str {
        match self {
            Self::Word => "the message has a word that is not wanted here",
            Self::Muted => "you are muted in this chat",
            Self::Removed => "you are removed from this chat",
            Self::TooSoon => "this chat is in slow mode: wait before the next message",
        }
    }
}

/// What becomes of a message that nobody has answered for in time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Fallback {
    /// It is delivered.
    #[default]
    Allow,
    /// It is not.
    Deny,
}

impl FromStr for Fallback {
    type Err = UnknownFallback;

    fn from_str(word: &str) -> Result<Self, UnknownFallback> {
        match word {
            "ALLOW" => Ok(Self::Allow),
            "DENY" => Ok(Self::Deny),
            _ => Err(UnknownFallback),
        }
    }
}

/// A word for none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be ALLOW or DENY")]
pub struct UnknownFallback;

/// Words that no message may have.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Words(Vec<Vec<char>>);

impl Words {
    /// These words. Blanks and punctuation in them do not matter; what has nothing else is passed over.
    pub fn new<'a>(words: impl IntoIterator<Item = &'a str>) -> Self {
        let letters = |word: &str| folded(word).into_iter().filter(|c| is_letter(*c)).collect::<Vec<_>>();
        Self(words.into_iter().map(letters).filter(|word| !word.is_empty()).collect())
    }

    /// Words with commas between.
    pub fn of_list(list: &str) -> Self {
        Self::new(list.split(','))
    }

    /// Whether the text has one of the words.
    pub fn are_in(&self, text: &str) -> bool {
        if self.0.is_empty() {
            return false;
        }
        let text = folded(text);
        let begins = |at: &usize| is_letter(text[*at]) && (*at == 0 || !is_letter(text[*at - 1]));
        (0..text.len()).filter(begins).any(|at| self.0.iter().any(|word| stands_at(word, &text[at..])))
    }
}

/// Whether the text begins with the word, and the word ends there.
fn stands_at(word: &[char], text: &[char]) -> bool {
    let (mut at, mut has_blank, mut has_joint) = (0, false, false);
    for (n, letter) in word.iter().enumerate() {
        if n > 0 {
            let gap = text[at..].iter().take_while(|c| !is_letter(**c)).count();
            has_blank |= text[at..at + gap].iter().any(|c| c.is_whitespace());
            has_joint |= gap == 0;
            at += gap;
        }
        if text.get(at) != Some(letter) {
            return false;
        }
        at += 1;
    }
    // `the pen is red`: words beside each other are no spelling, single letters are.
    let is_spelling = !has_blank || (!has_joint && word.len() >= FEWEST_SPELT);
    is_spelling && text.get(at).is_none_or(|next| !is_letter(*next))
}

/// The text in one form: case folded, compatible characters alike, without what nobody sees.
fn folded(text: &str) -> Vec<char> {
    let lower = text.nfkc().flat_map(char::to_lowercase);
    // Lower case may come apart again, as that of İ does.
    lower.nfkc().filter(|c| !is_invisible(*c)).collect()
}

fn is_letter(c: char) -> bool {
    c.is_alphanumeric()
}

/// Characters that take no room: soft hyphens, joiners, marks of direction, variation selectors.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}')
        || matches!(c, '\u{fe00}'..='\u{fe0f}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_word_is_found_whatever_its_form_and_nowhere_within_another() {
        let words = Words::of_list("darn, Straße,two words,,!");
        for text in [
            "darn",
            "Oh DARN it",
            "darn!",
            "(darn)",
            "ｄａｒｎ",
            "d.a.r.n",
            "d-arn",
            "d a r n",
            "well, d  a  r  n.",
            "da\u{200b}rn",
            "d\u{ad}arn",
            "𝐝𝐚𝐫𝐧",
            "STRAßE",
            "two.words",
            "twowords",
        ] {
            assert!(words.are_in(text), "{text}");
        }
        for text in ["", "darning", "undarn", "da rn", "dar n", "dark", "d4rn", "the road", "!", "darñ", "words two"] {
            assert!(!words.are_in(text), "{text}");
        }
    }

    #[test]
    fn words_that_stand_beside_each_other_are_not_another_word() {
        assert!(!Words::of_list("penis").are_in("the pen is red"));
        assert!(!Words::of_list("ab").are_in("plan a b"));
        assert!(Words::of_list("ab").are_in("plan ab"));
    }

    #[test]
    fn without_words_everything_may_be_said() {
        assert_eq!(Words::of_list(" , !!"), Words::default());
        assert!(!Words::default().are_in("anything"));
    }

    /// Words of letters that have one case pair each.
    fn word() -> impl Strategy<Value = String> {
        "[a-zà-öø-þа-я]{3,12}"
    }

    proptest! {
        #[test]
        fn a_word_between_others_is_found_in_any_case(word in word(), before in "[a-z]{0,9}", after in "[a-z]{0,9}") {
            let words = Words::new([word.as_str()]);
            for text in [format!("{before} {word} {after}"), format!("{before} {}, {after}", word.to_uppercase())] {
                prop_assert!(words.are_in(&text), "{text}");
            }
        }

        #[test]
        fn what_stands_between_its_letters_does_not_hide_a_word(
            word in word(),
            between in prop::sample::select(vec![" ", ".", "-", "_", "*", "\u{200b}", "  ", ". ", "\u{feff}"]),
        ) {
            let letters: Vec<_> = word.chars().map(String::from).collect();
            prop_assert!(Words::new([word.as_str()]).are_in(&letters.join(between)));
        }

        #[test]
        fn a_word_within_a_longer_one_is_left_alone(word in word(), more in "[a-z]{1,5}") {
            let words = Words::new([word.as_str()]);
            let longer = [format!("x{word}"), format!("{word}{more}")];
            prop_assert!(longer.iter().all(|text| !words.are_in(text)));
        }

        #[test]
        fn any_text_is_judged(list in ".{0,60}", text in ".{0,500}") {
            let _ = Words::of_list(&list).are_in(&text);
        }
    }
}
