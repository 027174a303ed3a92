//! Web origins that a playback token allows.

/// Whether an entry of `aws:access-control-allow-origin` is for this origin. Its host name may begin with `*`.
pub(super) fn allows(entry: &str, origin: &str) -> bool {
    match entry.split_once("://*") {
        None => entry.eq_ignore_ascii_case(origin),
        Some((scheme, end)) => origin.split_once("://").is_some_and(|(of, host)| {
            // In bytes: an origin may be any text, and its end need not fall between characters.
            let (host, end) = (host.as_bytes(), end.as_bytes());
            of.eq_ignore_ascii_case(scheme)
                && host.len() > end.len()
                && host[host.len() - end.len()..].eq_ignore_ascii_case(end)
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::allows;

    #[test]
    fn an_origin_is_scheme_host_and_port() {
        for (entry, origin, expected) in [
            ("https://app.test", "https://app.test", true),
            ("https://app.test", "HTTPS://App.test", true),
            ("https://app.test", "http://app.test", false),
            ("https://app.test", "https://app.test:8443", false),
            ("https://app.test", "https://app.test.evil.test", false),
            ("https://*.app.test", "https://www.app.test", true),
            ("https://*.app.test", "https://a.b.app.test", true),
            ("https://*.app.test", "https://app.test", false),
            ("https://*.app.test", "https://.app.test", false),
            ("https://*.app.test", "http://www.app.test", false),
            ("https://*.app.test", "https://wwwöapp.test", false),
            ("*", "https://app.test", false),
        ] {
            assert_eq!(allows(entry, origin), expected, "{entry} {origin}");
        }
    }
}
