//! Where a browser connects to a server: the deployer's scheme, port and path around the server's address.

use std::net::IpAddr;
use std::str::FromStr;

use super::Server;

/// A URL with places to fill in: `{publicIp}`, `{dashedIp}` (with dashes for dots and colons, for names under a
/// wildcard certificate), `{taskId}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UrlTemplate(String);

/// Why a text is no [`UrlTemplate`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "must be a ws or wss URL with {{publicIp}} or {{dashedIp}} in its host, and no other places than those and {{taskId}}"
)]
pub struct InvalidUrlTemplate;

impl UrlTemplate {
    /// The URL of a server.
    pub fn fill(&self, server: &Server) -> String {
        fill(&self.0, server.public_ip, server.id.as_str())
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
        let sample = |ip: [u8; 4]| {
            let url = fill(text, IpAddr::from(ip), "task");
            // What is left of braces would be a place that nobody fills.
            if url.contains(['{', '}']) {
                return Err(InvalidUrlTemplate);
            }
            ::url::Url::parse(&url).map_err(|_| InvalidUrlTemplate)
        };
        let (one, other) = (sample([192, 0, 2, 1])?, sample([192, 0, 2, 2])?);
        let differs = one.host_str() != other.host_str();
        if matches!(one.scheme(), "ws" | "wss") && differs {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidUrlTemplate)
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
        ] {
            assert_eq!(url(template).as_deref(), Ok(expected));
        }
    }

    #[test]
    fn a_template_that_would_give_no_url_is_refused() {
        for template in [
            "",
            "{publicIp}:8443",
            "https://{publicIp}/",
            "wss://live.example.com/{publicIp}",
            "wss://{publicIp}:{port}/",
            "wss://{publicIp}:99999/",
            "wss://{publicIp}/{",
        ] {
            assert_eq!(url(template), Err(InvalidUrlTemplate), "{template}");
        }
    }
}
