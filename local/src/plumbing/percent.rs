//! Percent-encoding of paths and query strings.

/// Decodes `%XX`; a `%` that starts no escape stays as it is, and so do bytes that are not UTF-8 (as U+FFFD).
pub(crate) fn decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let escape = (bytes[at] == b'%').then(|| text.get(at + 1..at + 3)).flatten();
        match escape.filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit())) {
            Some(digits) => {
                decoded.push(u8::from_str_radix(digits, 16).unwrap_or(b'%'));
                at += 3;
            }
            None => {
                decoded.push(bytes[at]);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

/// The pairs of a query string or form in their order, decoded; a key without `=` has an empty value.
pub(crate) fn pairs(query: &str) -> Vec<(String, String)> {
    let decode_form = |text: &str| decode(&text.replace('+', " "));
    query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decode_form(key), decode_form(value))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_decoded_and_broken_ones_kept() {
        assert_eq!(decode("a%20b%2Fc"), "a b/c");
        assert_eq!(decode("100%"), "100%");
        assert_eq!(decode("%zz%4"), "%zz%4");
        assert_eq!(decode("%e2%82%ac"), "€");
        assert_eq!(decode("€%41"), "€A");
    }

    #[test]
    fn a_query_keeps_its_order_and_its_duplicates() {
        let expected = [("b", "1"), ("a", "x y"), ("b", "2"), ("flag", "")];
        assert_eq!(pairs("b=1&a=x+y&&b=2&flag"), expected.map(|(k, v)| (k.to_owned(), v.to_owned())));
    }

    proptest::proptest! {
        #[test]
        fn decoding_never_fails(text: String) {
            let _ = (decode(&text), pairs(&text));
        }
    }
}
