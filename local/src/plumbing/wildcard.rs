//! Texts with `*` and `?`, in the dialects of IAM and of EventBridge.

/// A compiled text with wildcards.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wildcard(Vec<Token>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Token {
    /// Any number of characters.
    Many,
    /// Exactly one character.
    One,
    /// This character.
    Exactly(char),
}

impl Wildcard {
    /// IAM: `*` any number of characters, `?` one.
    pub(crate) fn iam(text: &str) -> Self {
        Self(
            text.chars()
                .map(|character| match character {
                    '*' => Token::Many,
                    '?' => Token::One,
                    other => Token::Exactly(other),
                })
                .collect(),
        )
    }

    /// EventBridge: `*` any number of characters; `\*` and `\\` stand for themselves.
    ///
    /// # Errors
    /// Another escape, or two `*` in a row, which EventBridge refuses too.
    pub(crate) fn event_bridge(text: &str) -> Result<Self, String> {
        let mut tokens = Vec::new();
        let mut characters = text.chars();
        while let Some(character) = characters.next() {
            tokens.push(match character {
                '*' if tokens.last() == Some(&Token::Many) => return Err("consecutive wildcards".to_owned()),
                '*' => Token::Many,
                '\\' => match characters.next() {
                    Some(escaped @ ('*' | '\\')) => Token::Exactly(escaped),
                    _ => return Err("an escape of neither * nor \\".to_owned()),
                },
                other => Token::Exactly(other),
            });
        }
        Ok(Self(tokens))
    }

    /// Whether the whole text matches.
    pub(crate) fn matches(&self, text: &str) -> bool {
        let text: Vec<char> = text.chars().collect();
        let (mut token, mut at) = (0, 0);
        // Where to go on when a later token fails: after the last `Many`, one character further.
        let mut retry: Option<(usize, usize)> = None;
        loop {
            match self.0.get(token) {
                Some(Token::Many) => {
                    retry = Some((token + 1, at));
                    token += 1;
                    continue;
                }
                Some(Token::One) if at < text.len() => {
                    (token, at) = (token + 1, at + 1);
                    continue;
                }
                Some(Token::Exactly(character)) if text.get(at) == Some(character) => {
                    (token, at) = (token + 1, at + 1);
                    continue;
                }
                None if at == text.len() => return true,
                _ => {}
            }
            match retry {
                Some((after, from)) if from < text.len() => {
                    retry = Some((after, from + 1));
                    (token, at) = (after, from + 1);
                }
                _ => return false,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_and_question_marks_match_as_iam_says() {
        for (pattern, text, expected) in [
            ("*", "", true),
            ("a*c", "abbc", true),
            ("a*c", "abcb", false),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("*ab*ab", "xabyabab", true),
            ("ivs:*stage", "ivs:createstage", true),
            ("", "", true),
            ("", "x", false),
        ] {
            assert_eq!(Wildcard::iam(pattern).matches(text), expected, "{pattern} on {text}");
        }
    }

    #[test]
    fn event_bridge_escapes_stars_and_knows_no_question_mark() {
        let matches = |pattern: &str, text: &str| Wildcard::event_bridge(pattern).unwrap().matches(text);
        assert!(matches(r"a\*b*", "a*bc"));
        assert!(!matches(r"a\*b*", "axbc"));
        assert!(matches("a?", "a?") && !matches("a?", "ab"));
        assert!(Wildcard::event_bridge("a**").is_err());
        assert!(Wildcard::event_bridge(r"a\n").is_err());
    }

    proptest::proptest! {
        #[test]
        fn a_text_matches_itself_with_any_part_replaced_by_a_star(text in "[a-z]{0,12}", from in 0_usize..13, to in 0_usize..13) {
            let (from, to) = (from.min(to).min(text.len()), to.max(from).min(text.len()));
            let pattern = format!("{}*{}", &text[..from], &text[to..]);
            proptest::prop_assert!(Wildcard::iam(&pattern).matches(&text));
        }
    }
}
