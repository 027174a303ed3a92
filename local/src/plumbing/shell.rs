//! Texts for POSIX shells.

/// A text as one word of a shell, whatever is in it.
pub(crate) fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quoted_word_is_one_word_whatever_is_in_it() {
        assert_eq!(quoted("a b$c`d\"e"), "'a b$c`d\"e'");
        assert_eq!(quoted("it's"), r"'it'\''s'");
    }
}
