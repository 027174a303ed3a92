//! Where a browser connects to a server: the deployer's scheme, port and path around the server's address, or one address
//! that all servers are behind.

use std::net::IpAddr;
use std::str::FromStr;

use super::Server;

/// A URL with places to fill in: `{publicIp}`, `{dashedIp}` (with dashes for dots and colons, for names under a
/// wildcard certificate), `{taskId}`. Without any, it is one address for all servers: a load balancer's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UrlTemplate(String);

/// Why a text is no [`UrlTemplate`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be a ws or wss URL, with no other places than {{publicIp}}, {{dashedIp}} and {{taskId}}")]
pub struct InvalidUrlTemplate;

impl UrlTemplate {
    /// The URL of a server.
    pub fn fill(&self, server: &Server) -> String {
        fill(&self.0, server.public_ip, server.id.as_str())
    }

    /// The URL that all servers are behind, unless each has its own.
    pub fn one_for_all(&self) -> Option<&str> {
        (!self.0.contains('{')).then_some(self.0.as_str())
    }
}

fn fill(template: &str, ip: IpAddr, task: &str) -> String {
    let text = match ip {
        IpAddr::V4(ip) => ip.to_string(),
        IpAddr::V6(ip) => format!("[{ip}]"),
    };
    let dashed = ip.to_string().replace(['.', ':'], "-");
    template.replace("{publicIp}", &text).replace("{dashedIp}", &dashed).replace("{taskId}", task)
}

impl FromStr for UrlTemplate {
    type Err = InvalidUrlTemplate;

    fn from_str(text: &str) -> Result<Self, InvalidUrlTemplate> {
        let sample = fill(text, IpAddr::from([192, 0, 2, 1]), "task");
        // What is left of braces would be a place that nobody fills.
        let url = ::url::Url::parse(&sample).ok().filter(|_| !sample.contains(['{', '}']));
        match url.as_ref().map(::url::Url::scheme) {
            Some("ws" | "wss") => Ok(Self(text.to_owned())),
            _ => Err(InvalidUrlTemplate),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(template: &str) -> Result<String, InvalidUrlTemplate> {
        let server = Server {
            id: "0a1b".parse().unwrap(),
            public_ip: "198.51.100.7".parse().unwrap(),
            availability_zone: None,
            started_at: None,
        };
        template.parse::<UrlTemplate>().map(|template| template.fill(&server))
    }

    #[test]
    fn places_are_filled_with_what_the_server_is() {
        for (template, expected) in [
            ("wss://{publicIp}:8443/ingest", "wss://198.51.100.7:8443/ingest"),
            ("ws://{publicIp}/", "ws://198.51.100.7/"),
            ("wss://{dashedIp}.live.example.com/{taskId}", "wss://198-51-100-7.live.example.com/0a1b"),
            ("ws://127.0.0.1:8443/{taskId}", "ws://127.0.0.1:8443/0a1b"),
            ("wss://live.example.com/ingest", "wss://live.example.com/ingest"),
        ] {
            assert_eq!(url(template).as_deref(), Ok(expected));
        }
    }

    #[test]
    fn a_template_without_places_is_one_address_for_all() {
        let one_for_all = |text: &str| text.parse::<UrlTemplate>().unwrap().one_for_all().map(str::to_owned);
        assert_eq!(one_for_all("wss://live.example.com/").as_deref(), Some("wss://live.example.com/"));
        for own in ["wss://{publicIp}:8443/", "wss://{dashedIp}.live.example.com/", "ws://127.0.0.1:8443/{taskId}"] {
            assert_eq!(one_for_all(own), None, "{own}");
        }
    }

    #[test]
    fn a_template_that_would_give_no_url_is_refused() {
        for template in [
            "",
            "{publicIp}:8443",
            "https://{publicIp}/",
            "wss://{publicIp}:{port}/",
            "wss://{publicIp}:99999/",
            "wss://{publicIp}/{",
        ] {
            assert_eq!(url(template), Err(InvalidUrlTemplate), "{template}");
        }
    }
}
