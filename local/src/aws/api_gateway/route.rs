//! Which route a request takes.
//!
//! As an HTTP API selects: the most specific route that matches path and method, where at each segment a literal goes
//! before a parameter and a parameter before a greedy one; then a route's own method before `ANY`; then `$default`.
//!
//! The path is decoded before it is matched, and never again. So `%2F` is a slash like any other and makes a route of plain
//! parameters miss; what follows a decoded `?` is lost; `%25` stays as it is, as far as anybody has seen.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use percent_encoding::percent_decode_str;

use crate::template::HttpRoute;

/// The routes of the API.
pub(crate) struct Router {
    routes: Vec<(Vec<Segment>, HttpRoute)>,
}

/// The higher, the more specific.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Segment {
    Greedy(String),
    Parameter(String),
    Literal(String),
}

impl Segment {
    fn parse(text: &str) -> Self {
        match text.strip_prefix('{').and_then(|name| name.strip_suffix('}')) {
            Some(name) => match name.strip_suffix('+') {
                Some(name) => Self::Greedy(name.to_owned()),
                None => Self::Parameter(name.to_owned()),
            },
            None => Self::Literal(text.to_owned()),
        }
    }

    fn rank(&self) -> u8 {
        match self {
            Self::Greedy(_) => 0,
            Self::Parameter(_) => 1,
            Self::Literal(_) => 2,
        }
    }
}

/// A route, the path as it was matched, and what its parameters are.
#[derive(Debug)]
pub(crate) struct Match<'a> {
    pub(crate) route: &'a HttpRoute,
    pub(crate) path: String,
    pub(crate) parameters: BTreeMap<String, String>,
}

impl Router {
    pub(crate) fn new(routes: &[HttpRoute]) -> Self {
        let segments = |route: &HttpRoute| match route.path.strip_prefix('/') {
            Some(path) => path.split('/').map(Segment::parse).collect(),
            // `$default` takes every path.
            None => Vec::new(),
        };
        let mut routes: Vec<_> = routes.iter().map(|route| (segments(route), route.clone())).collect();
        routes.sort_by_key(|(segments, route)| {
            let ranks: Vec<u8> = segments.iter().map(Segment::rank).collect();
            (route.path.is_empty(), Reverse(ranks), route.method == "ANY")
        });
        Self { routes }
    }

    /// The route of a request, by the path as it was sent.
    pub(crate) fn find(&self, method: &str, path: &str) -> Option<Match<'_>> {
        let path = decode(path);
        let parts: Vec<_> = path.strip_prefix('/').unwrap_or(&path).split('/').collect();
        let (route, parameters) = self.routes.iter().find_map(|(segments, route)| {
            if route.path.is_empty() {
                return Some((route, BTreeMap::new()));
            }
            let parameters =
                (route.method == "ANY" || route.method == method).then(|| parameters(segments, &parts))??;
            Some((route, parameters))
        })?;
        Some(Match { route, path, parameters })
    }
}

/// The parameters, if the path matches.
fn parameters(segments: &[Segment], path: &[&str]) -> Option<BTreeMap<String, String>> {
    let mut parameters = BTreeMap::new();
    for (index, segment) in segments.iter().enumerate() {
        let part = *path.get(index)?;
        match segment {
            Segment::Literal(literal) if literal == part => {}
            Segment::Parameter(name) if !part.is_empty() => {
                parameters.insert(name.clone(), part.to_owned());
            }
            Segment::Greedy(name) => {
                let rest = path[index..].join("/");
                return (!rest.is_empty()).then(|| {
                    parameters.insert(name.clone(), rest);
                    parameters
                });
            }
            Segment::Literal(_) | Segment::Parameter(_) => return None,
        }
    }
    (segments.len() == path.len()).then_some(parameters)
}

/// The path with its escapes undone, once; what is no escape stays as it is.
fn decode(path: &str) -> String {
    let kept = path.replace("%25", "%2525");
    let mut path = percent_decode_str(&kept).decode_utf8_lossy().into_owned();
    if let Some(cut) = path.find('?') {
        path.truncate(cut);
    }
    path
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn router(keys: &[&str]) -> Router {
        let route = |key: &&str| {
            let (method, path) = key.split_once(' ').unwrap_or_default();
            HttpRoute {
                method: method.into(),
                path: path.into(),
                function: "F".into(),
                authorizer: None,
                scopes: Vec::new(),
                timeout: Duration::from_secs(1),
            }
        };
        Router::new(&keys.iter().map(route).collect::<Vec<_>>())
    }

    fn find(keys: &[&str], method: &str, path: &str) -> Option<(String, Vec<(String, String)>)> {
        let router = router(keys);
        let found = router.find(method, path)?;
        Some((found.route.key(), found.parameters.into_iter().collect()))
    }

    #[test]
    fn the_most_specific_route_wins() {
        let keys = ["$default", "ANY /{proxy+}", "GET /a/{x}", "GET /a/b", "ANY /a/b", "GET /a/{x}/c", "GET /{y}/b"];
        for (method, path, expected) in [
            ("GET", "/a/b", "GET /a/b"),
            ("PUT", "/a/b", "ANY /a/b"),
            ("GET", "/a/z", "GET /a/{x}"),
            ("GET", "/z/b", "GET /{y}/b"),
            ("GET", "/a/z/c", "GET /a/{x}/c"),
            ("GET", "/a/z/d", "ANY /{proxy+}"),
            ("PUT", "/a/z", "ANY /{proxy+}"),
            ("GET", "/", "$default"),
        ] {
            assert_eq!(find(&keys, method, path).unwrap().0, expected, "{method} {path}");
        }
    }

    #[test]
    fn the_path_is_decoded_before_it_is_matched_and_only_once() {
        let keys = ["GET /a/{x}", "GET /a/{x}/{y}", "GET /g/{p+}", "GET /a/me"];
        for (path, key, decoded, parameters) in [
            ("/a/%C3%A9", "GET /a/{x}", "/a/é", &[("x", "é")][..]),
            ("/%61/%6De", "GET /a/me", "/a/me", &[]),
            ("/a/b%2Fc", "GET /a/{x}/{y}", "/a/b/c", &[("x", "b"), ("y", "c")]),
            ("/a/b%2fc", "GET /a/{x}/{y}", "/a/b/c", &[("x", "b"), ("y", "c")]),
            ("/g/b%2Fc//d%20e", "GET /g/{p+}", "/g/b/c//d e", &[("p", "b/c//d e")]),
            ("/a/b%3Fc", "GET /a/{x}", "/a/b", &[("x", "b")]),
            ("/a/b%3Fc/d", "GET /a/{x}", "/a/b", &[("x", "b")]),
            ("/g/a%23b%2Bc+d", "GET /g/{p+}", "/g/a#b+c+d", &[("p", "a#b+c+d")]),
            ("/a/p%25q", "GET /a/{x}", "/a/p%25q", &[("x", "p%25q")]),
            ("/a/p%252Fq", "GET /a/{x}", "/a/p%252Fq", &[("x", "p%252Fq")]),
            ("/a/%FF", "GET /a/{x}", "/a/\u{fffd}", &[("x", "\u{fffd}")]),
        ] {
            let router = router(&keys);
            let found = router.find("GET", path).unwrap();
            let got: Vec<_> = found.parameters.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
            assert_eq!(
                (found.route.key().as_str(), found.path.as_str(), &got[..]),
                (key, decoded, parameters),
                "{path}"
            );
        }
        for miss in ["/a/%2F", "/a/b%2Fc%2Fd", "/a/%3Fb", "/a%3F/b"] {
            assert!(find(&keys, "GET", miss).is_none(), "{miss}");
        }
    }

    #[test]
    fn a_wrong_method_an_empty_parameter_or_a_longer_path_is_no_match() {
        let keys = ["GET /a/{x}"];
        for (method, path) in [("PUT", "/a/b"), ("GET", "/a/"), ("GET", "/a"), ("GET", "/a/b/"), ("GET", "/A/b")] {
            assert!(find(&keys, method, path).is_none(), "{method} {path}");
        }
    }

    #[test]
    fn what_is_no_escape_stays_as_it_is() {
        for (sent, expected) in [("100%", "100%"), ("%zz%4", "%zz%4"), ("%e2%82%ac", "€"), ("€%41", "€A")] {
            assert_eq!(find(&["GET /a/{x}"], "GET", &format!("/a/{sent}")).unwrap().1[0].1, expected);
        }
    }

    proptest::proptest! {
        #[test]
        fn a_parameter_carries_any_text_but_what_means_something_in_a_path(text in "[^/?%]{1,20}") {
            let encoded: String = text.bytes().map(|byte| format!("%{byte:02X}")).collect();
            let found = find(&["GET /a/{x}"], "GET", &format!("/a/{encoded}")).unwrap();
            proptest::prop_assert_eq!(&found.1[0].1, &text);
        }
    }
}
