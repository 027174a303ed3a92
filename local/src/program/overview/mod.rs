//! What a person meets first: the banner, the variables for a shell, and the page that says what runs where.
//!
//! Neither the banner nor the page holds a token: terminals are shown to others, and pages are kept.

mod contents;

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::plumbing::shell::quoted;
use crate::program::html::{self, Html, code, escape, link, row, table};
use crate::program::options::{Options, TemplateSource};
use crate::template::{HttpRoute, Template};

/// Where video is sent and watched, and where clients chat.
pub(crate) struct MediaPlane {
    /// The stream key comes after it, as after the next.
    pub(crate) rtmps_url: String,
    pub(crate) rtmp_url: String,
    pub(crate) playback_url: String,
    pub(crate) chat_url: String,
    /// That of the authority behind RTMPS, if it is kept.
    pub(crate) certificate: Option<PathBuf>,
}

/// What runs where.
pub(crate) struct Overview {
    api_url: String,
    aws_url: String,
    media: MediaPlane,
    stack_name: String,
    region: String,
    template: String,
    /// Where state is kept, if it is.
    data_dir: Option<String>,
    /// Where the built pages are, if any are to be shown.
    pages: Option<PathBuf>,
    /// A request that works with the variables of a shell, as `curl` makes it.
    first_request: Option<String>,
    /// The part of the page that the template makes.
    contents: Html,
    has_document: bool,
    /// What the template makes, as JSON.
    about: Value,
    /// Of pages that the template lets call the API.
    origins: Vec<String>,
    /// URL of the front, if a container may be a process.
    tasks_url: Option<String>,
    /// Programs that the containers' images hold, and that are not found here.
    missing: Vec<String>,
}

impl Overview {
    /// For a local cloud with these options, at these addresses.
    pub(crate) fn new(
        options: &Options,
        template: &Template,
        api_url: String,
        aws_url: String,
        media: MediaPlane,
        tasks_url: String,
    ) -> Self {
        let missing = template.programs.iter().filter(|program| !is_found(program, env::var_os("PATH")));
        Self {
            api_url,
            aws_url,
            media,
            stack_name: options.stack_name.clone(),
            region: options.region.clone(),
            template: match &options.template {
                TemplateSource::Path(path) => shown(path),
                TemplateSource::Text(_) => "a template in memory".to_owned(),
            },
            data_dir: options.data_dir.as_deref().map(shown),
            pages: options.web_dir.clone(),
            first_request: first_request(&template.api.routes),
            contents: contents::contents(template),
            about: contents::about(template),
            has_document: template.api.routes.iter().any(|route| route.key() == "GET /openapi.json"),
            origins: template.api.cors.iter().flat_map(|cors| cors.allow_origins.clone()).collect(),
            missing: missing.cloned().collect(),
            tasks_url: (!template.images().is_empty()).then_some(tasks_url),
        }
    }

    /// Base URL of the API, without a slash at its end.
    pub(crate) fn api_url(&self) -> &str {
        &self.api_url
    }

    pub(crate) fn stack_name(&self) -> &str {
        &self.stack_name
    }

    /// What runs where, as JSON.
    pub(crate) fn about(&self) -> Value {
        let mut about = self.about.clone();
        about["stack"] = json!(self.stack_name);
        about["region"] = json!(self.region);
        about["template"] = json!(self.template);
        about["version"] = json!(env!("CARGO_PKG_VERSION"));
        about["dataDir"] = json!(self.data_dir);
        about["faultServices"] = json!(crate::aws::services());
        about["addresses"] = json!({
            "api": self.api_url,
            "aws": self.aws_url,
            "rtmps": self.media.rtmps_url,
            "rtmp": self.media.rtmp_url,
            "playback": self.media.playback_url,
            "chat": self.media.chat_url,
            "tasks": self.tasks_url,
        });
        about
    }

    /// What a terminal of 80 columns and 24 lines shows at the start. Lines to paste begin at their margin.
    pub(crate) fn banner(&self) -> String {
        let Self { api_url, aws_url, stack_name, region, template, .. } = self;
        let MediaPlane { rtmps_url, rtmp_url, playback_url, .. } = &self.media;
        format!(
            "\nOpen {api_url}/ in a browser: {}\nThe stack {stack_name} of {template} runs here, in {region}.\n\nAPI           {api_url}\nAWS endpoint  \
             {aws_url}\nSend video    {rtmps_url} or {rtmp_url}\nWatch         {playback_url}\nState         {}\n{}\nIn another \
             terminal, this sets the variables and makes a first request:\n\n{}\n\nCtrl-C stops it.\n",
            self.front_door(),
            self.state(),
            self.missing_programs(),
            self.first_lines()
        )
    }

    /// What the containers' processes do not find here, and how to get it: a program is in the package of its name.
    fn missing_programs(&self) -> String {
        match self.missing.join(" ") {
            names if names.is_empty() => names,
            names => format!("Missing       {names} (apt install {names}, brew install {names}); all else works\n"),
        }
    }

    /// What the address of the API shows.
    fn front_door(&self) -> &'static str {
        match self.pages.as_deref().map(Path::is_dir) {
            Some(true) => "go live, watch, and see what happens.",
            Some(false) => "what runs, and how to get the pages.",
            None => "what runs where.",
        }
    }

    /// The origins of pages that the template lets call the API.
    pub(crate) fn origins(&self) -> &[String] {
        &self.origins
    }

    /// The variables of a user with this token, for `eval` of any POSIX shell.
    pub(crate) fn variables(&self, token: &str) -> String {
        let variables = [
            ("API", self.api_url.as_str()),
            ("TOKEN", token),
            ("AWS_ENDPOINT_URL", &self.aws_url),
            ("AWS_ACCESS_KEY_ID", "local"),
            ("AWS_SECRET_ACCESS_KEY", "local"),
            ("AWS_REGION", &self.region),
            ("AWS_DEFAULT_REGION", &self.region),
            // Lines that are pasted must not go to a pager, which the AWS CLI opens for most answers.
            ("AWS_PAGER", ""),
            ("RTMPS_URL", &self.media.rtmps_url),
            ("RTMP_URL", &self.media.rtmp_url),
        ];
        let exports = variables.map(|(name, value)| format!("export {name}={}", quoted(value)));
        exports.join("\n")
    }

    /// The page, with what the side door can do: method, path and what it is for. `unbuilt` is the project of the pages
    /// that would be in its place.
    pub(crate) fn page<'a>(
        &self,
        side_door: impl Iterator<Item = (&'a str, String, &'a str)>,
        unbuilt: Option<&Path>,
    ) -> String {
        let Self { api_url, aws_url, stack_name, region, template, .. } = self;
        let document = if self.has_document {
            row([escape("OpenAPI document"), link("/openapi.json", "/openapi.json")])
        } else {
            Html::default()
        };
        let tasks = self
            .tasks_url
            .as_ref()
            .map(|url| row([escape("Processes of ECS tasks"), code(&format!("{url}/{{taskId}}/"))]));
        let tasks = tasks.unwrap_or_default();
        let addresses = table(
            ["what", "where"],
            [
                row([escape("API"), code(api_url)]),
                row([escape("AWS endpoint"), code(aws_url)]),
                row([escape("Send video (RTMPS)"), code(&self.media.rtmps_url)]),
                row([escape("Send video (plain RTMP)"), code(&self.media.rtmp_url)]),
                row([escape("Certificate to trust for RTMPS"), self.certificate()]),
                row([escape("Watch (HLS)"), code(&self.media.playback_url)]),
                row([escape("Chat (WebSocket)"), code(&self.media.chat_url)]),
                tasks,
                document,
                row([escape("Template"), code(template)]),
                row([escape("Stack"), code(stack_name)]),
                row([escape("Region"), code(region)]),
                row([escape("State"), escape(&self.state())]),
            ],
        );
        let routes = side_door.map(|(method, path, what)| {
            let opens = method == "GET" && !path.contains('{');
            row([escape(method), if opens { link(&path, &path) } else { code(&path) }, escape(what)])
        });
        let routes = table(["method", "path", "does"], routes);
        html::document(
            &format!("{stack_name}: local cloud"),
            &[
                html::heading(1, &format!("The stack {stack_name} runs here")),
                unbuilt.map(how_to_build).unwrap_or_default(),
                addresses,
                html::heading(2, "First steps"),
                html::paragraph(
                    "In a terminal, the first line sets API, TOKEN and the variables of AWS's own clients, and the second makes \
                 a request with them. Add ?sub=bob to the address to be somebody else.",
                ),
                html::preformatted(&self.first_lines()),
                html::paragraph("A token alone, for a page that you write or a tool of yours:"),
                html::list([link("/_local/token?sub=alice", "/_local/token?sub=alice")]),
                self.contents.clone(),
                html::heading(2, "The side door"),
                html::paragraph("What AWS has no API for: tokens, faults, broadcasts, events, the clock of ECS tasks."),
                routes,
            ],
        )
    }

    fn certificate(&self) -> Html {
        let route = link("/_local/ca.pem", "/_local/ca.pem");
        match &self.media.certificate {
            Some(file) => html::joined([route, escape(" or "), code(&shown(file))]),
            None => route,
        }
    }

    fn state(&self) -> String {
        match &self.data_dir {
            Some(data_dir) => format!("kept in {data_dir}"),
            None => "kept nowhere: it is forgotten at the end".to_owned(),
        }
    }

    /// What sets a shell up, and a request that works then.
    fn first_lines(&self) -> String {
        let variables = format!("eval \"$(curl -s {}/_local/env)\"", self.api_url);
        [Some(variables), self.first_request.clone()].into_iter().flatten().collect::<Vec<_>>().join("\n")
    }
}

/// How to get the pages that the local cloud would show.
fn how_to_build(project: &Path) -> Html {
    let directory = quoted(&shown(project));
    html::joined([
        html::paragraph(
            "The pages to go live, to watch, and to see what happens here are not built. Install Node.js 20.19 or later from \
             https://nodejs.org, and start the local cloud again; or build them while it runs, and load this page again:",
        ),
        html::preformatted(&format!("(cd {directory} && npm ci && npm run build)")),
    ])
}

/// Makes something, if a route does; else a request that needs no name.
fn first_request(routes: &[HttpRoute]) -> Option<String> {
    let made = routes.iter().find(|route| route.method == "PUT" && route.path.contains('{'));
    let route = made.or_else(|| routes.iter().find(|route| route.method == "GET" && !route.path.contains('{')))?;
    let method = if route.method == "GET" { String::new() } else { format!(" -X {}", route.method) };
    let token = if route.authorizer.is_some() { " -H \"authorization: Bearer $TOKEN\"" } else { "" };
    let segments = route.path.split('/').map(|segment| if segment.starts_with('{') { "demo" } else { segment });
    Some(format!("curl{method}{token} \"$API{}\"", segments.collect::<Vec<_>>().join("/")))
}

/// Whether a program is in one of the directories of `PATH`.
fn is_found(program: &str, path: Option<OsString>) -> bool {
    path.is_some_and(|path| env::split_paths(&path).any(|directory| directory.join(program).is_file()))
}

/// A path as seen from the working directory, if it is below.
fn shown(path: &Path) -> String {
    let below = env::current_dir().ok().and_then(|here| path.strip_prefix(here).ok().map(Path::to_owned));
    below.as_deref().unwrap_or(path).display().to_string()
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;
    use std::time::Duration;

    use super::*;

    fn route(key: &str, authorizer: Option<&str>) -> HttpRoute {
        let (method, path) = key.split_once(' ').unwrap_or_default();
        HttpRoute {
            method: method.to_owned(),
            path: path.to_owned(),
            function: "F".to_owned(),
            authorizer: authorizer.map(str::to_owned),
            scopes: Vec::new(),
            timeout: Duration::from_secs(1),
        }
    }

    #[test]
    fn the_first_request_makes_something_or_else_reads_what_needs_no_name() {
        for (keys, expected) in [
            (&["GET /a", "PUT /a", "PUT /a/{b}/{c+}"][..], Some("curl -X PUT \"$API/a/demo/demo\"")),
            (&["$default", "POST /a", "GET /a/{b}", "GET /a"], Some("curl \"$API/a\"")),
            (&["$default", "POST /a"], None),
        ] {
            let open: Vec<_> = keys.iter().map(|key| route(key, None)).collect();
            assert_eq!(first_request(&open).as_deref(), expected, "{keys:?}");
        }
        let closed = first_request(&[route("GET /a", Some("Jwt"))]);
        assert_eq!(closed.as_deref(), Some("curl -H \"authorization: Bearer $TOKEN\" \"$API/a\""));
    }

    #[test]
    fn a_banner_with_the_longest_addresses_and_a_deep_directory_fits_a_screen() {
        let template = Template::load(
            include_str!("../../../tests/template.yaml"),
            "s",
            "r",
            "http://sqs.test",
            &Default::default(),
            &|name, _| name.to_owned(),
        );
        let options = Options {
            template: TemplateSource::Path("/home/somebody/projects/frontends/greenroom/template.yaml".into()),
            stack_name: "a".repeat(128),
            region: "ap-southeast-3".to_owned(),
            data_dir: Some(PathBuf::from(format!("/{}", "directory/".repeat(30)))),
            web_dir: Some(PathBuf::from("/nowhere")),
            ..Options::default()
        };
        let url = |port: u16| format!("http://127.0.0.1:{port}");
        let media = MediaPlane {
            rtmps_url: "rtmps://127.0.0.1:65533/app/".to_owned(),
            rtmp_url: "rtmp://127.0.0.1:65532/app/".to_owned(),
            playback_url: url(65_531),
            chat_url: "ws://127.0.0.1:65529".to_owned(),
            certificate: None,
        };
        let mut template = template.unwrap();
        template.programs = vec!["no-such-program".to_owned()];
        let banner = Overview::new(&options, &template, url(65_535), url(65_534), media, url(65_530)).banner();
        assert!(banner.contains("apt install no-such-program"), "{banner}");
        let rows: usize = banner.lines().map(|line| line.chars().count().div_ceil(80).max(1)).sum();
        assert!(rows <= 24, "{banner}");
        let pasted = banner.lines().filter(|line| line.starts_with("eval ") || line.starts_with("curl "));
        assert!(pasted.clone().count() == 2 && pasted.clone().all(|line| line.len() <= 80), "{banner}");
    }

    #[test]
    fn a_program_is_looked_for_in_the_directories_of_the_path() {
        let path = Some(OsString::from("/no/such/directory:/bin"));
        assert!(is_found("sh", path.clone()));
        assert!(!is_found("no-such-program", path));
        assert!(!is_found("sh", None));
    }
}
