//! By which name a request came, and from which page.

use std::net::IpAddr;

use http::header::{HOST, ORIGIN};
use http::uri::Authority;
use http::{HeaderMap, Uri};

use super::answer::Refused;
use crate::aws::api_gateway::cors;
use crate::program::log::printable;

/// The name that a request came by, if it is neither an address nor this machine's own name.
pub(super) fn foreign(uri: &Uri, headers: &HeaderMap) -> Option<String> {
    let named = headers.get_all(HOST).iter().map(|host| String::from_utf8_lossy(host.as_bytes()).into_owned());
    let target = uri.authority().map(Authority::to_string);
    named.chain(target).find(|name| !is_here(name)).map(|name| printable(&name))
}

fn is_here(name: &str) -> bool {
    let Ok(authority) = name.parse::<Authority>() else { return false };
    let host = authority.host();
    let address = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    // Names below `localhost` are this machine's, too (RFC 6761).
    let host = host.to_ascii_lowercase();
    address.parse::<IpAddr>().is_ok() || host == "localhost" || host.ends_with(".localhost")
}

/// The origin of the pages that a request by this name comes from, if they are of here.
pub(super) fn origin(headers: &HeaderMap) -> Option<String> {
    Some(format!("http://{}", headers.get(HOST)?.to_str().ok()?))
}

pub(super) fn refusal(name: &str, url: &str) -> Refused {
    Refused(403, format!("`{name}` is no name of this machine: use {url}, or send the header `host: localhost`"))
}

/// The page that a request came from, if it is neither of this machine nor of an origin that the template allows: it
/// could read tokens, and empty everything.
pub(super) fn foreign_origin(headers: &HeaderMap, allowed: &[String]) -> Option<String> {
    let origin = String::from_utf8_lossy(headers.get(ORIGIN)?.as_bytes()).into_owned();
    (!is_known(&origin, headers, allowed)).then(|| printable(&origin))
}

/// Whether pages of an origin are of this machine, under whatever name the request came by, or allowed by the template.
pub(super) fn is_known(origin: &str, headers: &HeaderMap, allowed: &[String]) -> bool {
    cors::is_of_this_machine(origin)
        || self::origin(headers).is_some_and(|own| own == origin)
        || allowed.iter().any(|allowed| allowed == origin)
}

pub(super) fn refusal_of_origin(origin: &str) -> Refused {
    Refused(
        403,
        format!(
            "a page of {origin} may not use the side door: pages of http://localhost and http://127.0.0.1 may, and those \
             of the template's origins"
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(host: &str) -> Option<String> {
        foreign(&Uri::from_static("/_local/env"), &HeaderMap::from_iter([(HOST, host.parse().unwrap())]))
    }

    #[test]
    fn addresses_and_localhost_are_no_foreign_names_at_any_port() {
        for host in [
            "127.0.0.1",
            "127.0.0.1:8080",
            "[::1]:8080",
            "192.168.1.2:80",
            "localhost",
            "LocalHost:1",
            "app.localhost:8080",
        ] {
            assert_eq!(of(host), None, "{host}");
        }
        assert_eq!(foreign(&Uri::from_static("/"), &HeaderMap::new()), None, "HTTP/1.0 has no such header");
    }

    #[test]
    fn any_other_name_is_foreign_wherever_it_stands() {
        for host in
            ["evil.test", "evil.test:8080", "localhost.evil.test", "127.0.0.1.evil.test", "notlocalhost", "", "a b"]
        {
            assert_eq!(of(host).as_deref(), Some(host));
        }
        let uri = Uri::from_static("http://evil.test/_local/env");
        let own = HeaderMap::from_iter([(HOST, "localhost".parse().unwrap())]);
        assert_eq!(foreign(&uri, &own).as_deref(), Some("evil.test"));
    }
}
