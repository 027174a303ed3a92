//! Where deliveries go.
//!
//! A host name is checked as far as a name can be. What it resolves to is known only when somebody connects, and has to be
//! asked of [`Addresses::may_reach`] then, each time.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use url::{Host, Url};

use crate::Field;
use crate::broadcast_settings::{is_public_address, is_public_name};

/// The longest URL that is saved, in bytes.
const LONGEST: usize = 2048;

/// An http or https URL of a receiver, as it was given. It may hold a key in its path or query, so that it is shown to
/// operators alone.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct WebhookUrl(String);

/// Not such a URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{}", WebhookUrl::RULE)]
pub struct InvalidWebhookUrl;

impl WebhookUrl {
    /// The URL as it was given.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for WebhookUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WebhookUrl(redacted)")
    }
}

impl TryFrom<String> for WebhookUrl {
    type Error = InvalidWebhookUrl;

    fn try_from(text: String) -> Result<Self, InvalidWebhookUrl> {
        if is_valid(&text) { Ok(Self(text)) } else { Err(InvalidWebhookUrl) }
    }
}

impl FromStr for WebhookUrl {
    type Err = InvalidWebhookUrl;

    fn from_str(text: &str) -> Result<Self, InvalidWebhookUrl> {
        Self::try_from(text.to_owned())
    }
}

impl Field for WebhookUrl {
    const RULE: &'static str = "must be an https URL of at most 2048 ASCII characters, without user name or fragment";
}

/// What the URL standard forgives, a client may read otherwise: a backslash, white space, an empty user name, a host in
/// escapes.
fn is_valid(text: &str) -> bool {
    let Some((_, rest)) = text.split_once("://") else { return false };
    let authority = rest.split(['/', '?']).next().unwrap_or_default();
    let forgiven = rest.contains(['\\', '#'])
        || authority.contains(['@', '%'])
        || !text.bytes().all(|byte| byte.is_ascii_graphic());
    let Ok(url) = Url::parse(text) else { return false };
    !forgiven && !authority.is_empty() && text.len() <= LONGEST && matches!(url.scheme(), "http" | "https")
}

/// Which receivers a deployment reaches, by the parameter `WebhookPrivateAddresses`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Addresses {
    /// Those of the public internet, by https.
    Public,
    /// Any, by http too: for the laptop, and for a deployment whose receivers are within its own network.
    Any,
}

/// Neither `refused` nor `allowed`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be refused or allowed")]
pub struct InvalidAddresses;

impl FromStr for Addresses {
    type Err = InvalidAddresses;

    /// Whether private addresses are refused or allowed.
    fn from_str(text: &str) -> Result<Self, InvalidAddresses> {
        match text {
            "refused" => Ok(Self::Public),
            "allowed" => Ok(Self::Any),
            _ => Err(InvalidAddresses),
        }
    }
}

impl Addresses {
    /// Whether a URL may be registered and sent to, as far as the URL itself tells. It comes back as the URL standard
    /// writes it, so that what is connected to is what was checked.
    ///
    /// # Errors
    /// The rule that it breaks.
    pub fn check(self, url: &WebhookUrl) -> Result<String, &'static str> {
        let Ok(url) = Url::parse(&url.0) else { return Err(WebhookUrl::RULE) };
        if self == Self::Any {
            return Ok(url.into());
        }
        if url.scheme() != "https" {
            return Err("must be an https URL");
        }
        let is_public = match url.host() {
            Some(Host::Domain(name)) => is_public_name(name),
            Some(Host::Ipv4(address)) => is_public_address(address.into()),
            Some(Host::Ipv6(address)) => is_public_address(address.into()),
            None => false,
        };
        if is_public { Ok(url.into()) } else { Err("must have a host of the public internet") }
    }

    /// Whether an address may be connected to: of what is not public, neither one in the disguise of IPv6 (mapped, NAT64,
    /// 6to4).
    pub fn may_reach(self, address: IpAddr) -> bool {
        self == Self::Any || is_public_address(address)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_https_url_of_a_public_host_is_taken() {
        for url in [
            "https://app.example.com",
            "https://app.example.com/hooks?key=a%20b&x=1",
            "HTTPS://app.example.com:8443/hooks",
            "https://93.184.216.34/hooks",
            "https://[2606:2800:220:1:248:1893:25c8:1946]/hooks",
            "https://app.example.com/hooks/@me",
        ] {
            let url: WebhookUrl = url.parse().unwrap();
            assert!(Addresses::Public.check(&url).is_ok(), "{}", url.as_str());
        }
    }

    #[test]
    fn what_clients_read_differently_is_refused_wherever_it_goes() {
        for url in [
            "",
            "app.example.com/hooks",
            "ftp://app.example.com/",
            "file:///etc/passwd",
            "https:app.example.com",
            "https:///hooks",
            "https://?a",
            "https://user@app.example.com/",
            "https://user:key@app.example.com/",
            "https://@app.example.com/",
            "https://app.example.com#x",
            "https://app.example.com\\@127.0.0.1/",
            "https://app.ex%61mple.com/",
            "https://app.exämple.com/",
            "https://app.example.com/a b",
            " https://app.example.com/",
            "https://app.example.com/\n",
            "https://app.example.com:99999/",
            "https://[::1/",
        ] {
            assert!(url.parse::<WebhookUrl>().is_err(), "{url:?}");
        }
        assert!(format!("https://app.example.com/{}", "x".repeat(2048)).parse::<WebhookUrl>().is_err());
    }

    #[test]
    fn private_hosts_and_http_are_for_deployments_that_allow_them() {
        for url in [
            "http://app.example.com/hooks",
            "https://127.0.0.1/",
            "https://127.1/",
            "https://0x7f000001/",
            "https://2130706433/",
            "https://169.254.169.254/latest/meta-data",
            "https://10.0.0.1/",
            "https://100.64.0.1/",
            "https://[::1]/",
            "https://[::ffff:10.0.0.1]/",
            "https://[64:ff9b::a9fe:a9fe]/",
            "https://[2002:7f00:1::]/",
            "https://[fe80::1]/",
            "https://[fd00:ec2::254]/",
            "https://localhost/",
            "https://LOCALHOST./",
            "https://db.internal/",
            "https://metadata/",
        ] {
            let read: WebhookUrl = url.parse().unwrap_or_else(|_| panic!("{url}"));
            assert!(Addresses::Public.check(&read).is_err(), "{url}");
            assert!(Addresses::Any.check(&read).is_ok(), "{url}");
        }
    }

    #[test]
    fn what_is_sent_to_is_written_as_the_url_standard_has_it() {
        let sent_to = |url: &str| Addresses::Any.check(&url.parse().unwrap()).unwrap();
        assert_eq!(sent_to("HTTP://0x7f.1:80"), "http://127.0.0.1/");
        assert_eq!(sent_to("https://App.example.com/a?b=c"), "https://app.example.com/a?b=c");
    }

    proptest! {
        #[test]
        fn no_private_address_is_reached_in_the_disguise_of_ipv6(
            a in prop_oneof![Just(10u8), Just(127), Just(0)], rest in any::<[u8; 3]>()
        ) {
            let v4 = std::net::Ipv4Addr::new(a, rest[0], rest[1], rest[2]);
            let [b, c] = [u16::from_be_bytes([a, rest[0]]), u16::from_be_bytes([rest[1], rest[2]])];
            let nat64 = std::net::Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, b, c);
            let six_to_four = std::net::Ipv6Addr::new(0x2002, b, c, 0, 0, 0, 0, 1);
            let disguised = [v4.to_ipv6_mapped(), v4.to_ipv6_compatible(), nat64, six_to_four];
            for address in disguised.map(IpAddr::V6).into_iter().chain([IpAddr::V4(v4)]) {
                prop_assert!(!Addresses::Public.may_reach(address), "{}", address);
                prop_assert!(Addresses::Any.may_reach(address));
            }
        }
    }
}
