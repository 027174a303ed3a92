//! Which route a request takes.
//!
//! As an HTTP API selects: the most specific route that matches path and method, where at each segment a literal goes
//! before a parameter and a parameter before a greedy one; then a route's own method before `ANY`; then `$default`.

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

/// A route and what its path parameters are, decoded.
#[derive(Debug)]
pub(crate) struct Match<'a> {
    pub(crate) route: &'a HttpRoute,
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

    /// The route of a request, by its undecoded path.
    pub(crate) fn find(&self, method: &str, path: &str) -> Option<Match<'_>> {
        let path: Vec<_> = path.strip_prefix('/').unwrap_or(path).split('/').collect();
        self.routes.iter().find_map(|(segments, route)| {
            if route.path.is_empty() {
                return Some(Match { route, parameters: BTreeMap::new() });
            }
            let parameters =
                (route.method == "ANY" || route.method == method).then(|| parameters(segments, &path))??;
            Some(Match { route, parameters })
        })
    }
}

/// The parameters, if the path matches.
fn parameters(segments: &[Segment], path: &[&str]) -> Option<BTreeMap<String, String>> {
    let mut parameters = BTreeMap::new();
    for (index, segment) in segments.iter().enumerate() {
        let part = decode(path.get(index)?);
        match segment {
            Segment::Literal(literal) if *literal == part => {}
            Segment::Parameter(name) if !part.is_empty() => {
                parameters.insert(name.clone(), part);
            }
            Segment::Greedy(name) => {
                let rest = decode(&path[index..].join("/"));
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

/// What is no escape stays as it is.
fn decode(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
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
    fn parameters_are_decoded_after_the_path_is_split() {
        let found = find(&["GET /a/{x}/{y}"], "GET", "/a/b%2Fc/%C3%A9").unwrap();
        assert_eq!(found.1, [("x".to_owned(), "b/c".to_owned()), ("y".to_owned(), "é".to_owned())]);
        let found = find(&["GET /a/{p+}"], "GET", "/a/b/c%20d").unwrap();
        assert_eq!(found.1, [("p".to_owned(), "b/c d".to_owned())]);
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
        fn a_parameter_carries_any_text(text in "[^/]{1,20}") {
            let encoded: String = text.bytes().map(|byte| format!("%{byte:02X}")).collect();
            let found = find(&["GET /a/{x}"], "GET", &format!("/a/{encoded}")).unwrap();
            proptest::prop_assert_eq!(&found.1[0].1, &text);
        }
    }
}
