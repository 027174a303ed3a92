//! Where a broadcast goes.

use rtmp::StreamKey;
use url::Url;

use super::failure::TargetRefused;

/// Where a broadcast goes, and how far that is trusted.
#[derive(Debug, Clone)]
pub struct Target {
    /// The URL up to the application, as it is configured or saved.
    pub url: String,
    /// The key to publish with.
    pub key: StreamKey,
    /// Whether it may be on a private network. What a user has saved may not.
    pub trusted: bool,
    /// Amazon IVS lets a higher one take over.
    pub priority: Option<u32>,
    /// Whether another connection with this key may still be there for a while.
    pub takes_over: bool,
}

/// The parts of a target's URL, and what is published there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// Whether it is RTMPS.
    pub tls: bool,
    /// The name or address, without the brackets of one.
    pub host: String,
    /// The port.
    pub port: u16,
    /// The application, without slashes around it.
    pub app: String,
    /// The URL up to the application, as the server is told it.
    pub tc_url: String,
    key: StreamKey,
    priority: Option<u32>,
}

impl Endpoint {
    /// Takes a target apart.
    pub fn of(target: &Target) -> Result<Self, TargetRefused> {
        let url = Url::parse(&target.url).map_err(|_| TargetRefused::Url)?;
        let (tls, usual) = match url.scheme() {
            "rtmp" => (false, 1935),
            "rtmps" => (true, 443),
            _ => return Err(TargetRefused::Url),
        };
        let app = url.path().trim_matches('/');
        let host = url.host_str().unwrap_or_default();
        let stranger =
            !url.username().is_empty() || url.password().is_some() || url.query().is_some() || url.fragment().is_some();
        if stranger || host.is_empty() || app.is_empty() {
            return Err(TargetRefused::Url);
        }
        let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
        Ok(Self {
            tls,
            host: host.trim_start_matches('[').trim_end_matches(']').to_owned(),
            port: url.port().unwrap_or(usual),
            app: app.to_owned(),
            tc_url: format!("{}://{host}{port}/{app}", url.scheme()),
            key: target.key.clone(),
            priority: target.priority,
        })
    }

    /// What is published: the key, with the priority if there is one. `connections`: how many of this broadcast have been on air
    /// before. Each next one has to be let in before the ingest has noticed that the last is dead; those of a later broadcast have
    /// a priority that is higher by the seconds in between.
    pub fn name(&self, connections: u32) -> StreamKey {
        let Some(priority) = self.priority else { return self.key.clone() };
        let (key, priority) = (self.key.expose(), priority.saturating_add(connections));
        let mark = if key.contains('?') { '&' } else { '?' };
        StreamKey::new(format!("{key}{mark}priority={priority}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint(url: &str, key: &str, priority: Option<u32>) -> Result<Endpoint, TargetRefused> {
        let key = StreamKey::new(key.into());
        Endpoint::of(&Target { url: url.into(), key, trusted: true, priority, takes_over: false })
    }

    #[test]
    fn urls_of_ingests_are_taken_apart() {
        for (url, (tls, host, port, app, tc_url)) in [
            ("rtmps://a.example.com:443/app/", (true, "a.example.com", 443, "app", "rtmps://a.example.com:443/app")),
            ("rtmps://a.example.com/app", (true, "a.example.com", 443, "app", "rtmps://a.example.com/app")),
            ("rtmp://127.0.0.1/live/x", (false, "127.0.0.1", 1935, "live/x", "rtmp://127.0.0.1/live/x")),
            ("RTMP://[::1]:1936/live", (false, "::1", 1936, "live", "rtmp://[::1]:1936/live")),
        ] {
            let read = endpoint(url, "sk", None).unwrap();
            assert_eq!((read.tls, &*read.host, read.port, &*read.app, &*read.tc_url), (tls, host, port, app, tc_url));
        }
    }

    #[test]
    fn what_is_no_ingest_is_refused() {
        for url in [
            "http://a.example.com/app",
            "rtmp://a.example.com",
            "rtmp:///app",
            "rtmp://u@a.example.com/app",
            "rtmp://a/app?x",
            "x",
        ] {
            assert_eq!(endpoint(url, "sk", None), Err(TargetRefused::Url), "{url}");
        }
    }

    #[test]
    fn the_priority_is_part_of_the_name_and_the_key_of_no_debug() {
        for (key, name) in [("sk_1", "sk_1?priority=7"), ("sk_1?a=b", "sk_1?a=b&priority=7")] {
            let read = endpoint("rtmp://a.example.com/app", key, Some(7)).unwrap();
            assert_eq!(read.name(0).expose(), name);
            assert_eq!(read.name(2).expose(), name.replace('7', "9"));
            assert!(!format!("{read:?}").contains("sk_1"));
        }
    }
}
