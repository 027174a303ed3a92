//! The built pages on the API's port.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::fs;
use std::path::{Path, PathBuf};

use super::*;

/// Pages as a build leaves them, and a secret beside them.
struct Build(PathBuf);

impl Build {
    fn new() -> Self {
        static BUILDS: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
        let number = BUILDS.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let root = std::env::temp_dir().join(format!("local-cloud-pages-{}-{number}", std::process::id()));
        fs::create_dir_all(root.join("dist/assets")).unwrap();
        for file in ["console.html", "index.html", "broadcast.html", "watch.html", "signed-in.html"] {
            fs::write(root.join("dist").join(file), format!("<title>{file}</title>")).unwrap();
        }
        for file in
            ["dist/assets/watch-R9rTt2PE.js", "dist/assets/licenses.txt", "dist/mark.svg", "dist/.env", "secret.txt"]
        {
            fs::write(root.join(file), file).unwrap();
        }
        Self(root)
    }

    fn directory(&self) -> PathBuf {
        self.0.join("dist")
    }

    async fn start(&self) -> LocalCloud {
        LocalCloud::start(Options { web_dir: Some(self.directory()), ..options() }).await.unwrap()
    }
}

impl Drop for Build {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

async fn get(cloud: &LocalCloud, path: &str) -> Answer {
    send("GET", format!("{}{path}", cloud.api_url()), &[], "").await
}

#[tokio::test]
async fn each_page_is_at_its_path_and_may_load_what_it_needs() {
    let build = Build::new();
    let cloud = build.start().await;
    for (path, file, frames) in [
        ("/", "console.html", "frame-ancestors 'none'"),
        ("/home", "index.html", "frame-ancestors 'none'"),
        ("/broadcast/demo", "broadcast.html", "frame-ancestors 'none'"),
        ("/watch/demo?muted=1", "watch.html", "frame-ancestors *"),
        ("/signed-in?code=x", "signed-in.html", "frame-ancestors 'none'"),
    ] {
        let answer = get(&cloud, path).await;
        let body = String::from_utf8_lossy(&answer.body);
        assert_eq!((answer.status, body.as_ref()), (200, &*format!("<title>{file}</title>")), "{path}");
        assert_eq!(answer.header("content-type"), "text/html; charset=utf-8");
        assert_eq!(answer.header("cache-control"), "no-cache");
        let policy = answer.header("content-security-policy");
        assert!(policy.starts_with("default-src 'none'; script-src 'self'; ") && policy.ends_with(frames), "{policy}");
        assert!(answer.header("permissions-policy").contains("camera=(self), microphone=(self)"));
    }
    let head = send("HEAD", format!("{}/", cloud.api_url()), &[], "").await;
    assert_eq!((head.status, head.body.len(), head.header("content-length")), (200, 0, "27"));
}

#[tokio::test]
async fn a_page_of_a_channel_without_its_name_leads_to_where_it_is_named() {
    let build = Build::new();
    let cloud = build.start().await;
    for path in ["/broadcast", "/broadcast/", "/watch", "/watch/?muted=1"] {
        let answer = raw(&cloud, path).await;
        assert!(answer.starts_with("HTTP/1.1 302 ") && answer.contains("location: /home\r\n"), "{path}: {answer}");
    }
    assert_eq!(get(&cloud, "/broadcast/a/b").await.status, 404);
}

#[tokio::test]
async fn files_are_kept_as_long_as_their_names_say_and_not_sent_twice() {
    let build = Build::new();
    let cloud = build.start().await;
    for (path, content_type, kept) in [
        ("/assets/watch-R9rTt2PE.js", "text/javascript; charset=utf-8", "public, max-age=31536000, immutable"),
        ("/assets/licenses.txt", "text/plain; charset=utf-8", "no-cache"),
        ("/mark.svg", "image/svg+xml; charset=utf-8", "no-cache"),
    ] {
        let answer = get(&cloud, path).await;
        let told =
            (answer.header("content-type"), answer.header("cache-control"), answer.header("x-content-type-options"));
        assert_eq!((answer.status, told), (200, (content_type, kept, "nosniff")), "{path}");
        let known = [("if-none-match", answer.header("etag"))];
        let again = send("GET", format!("{}{path}", cloud.api_url()), &known, "").await;
        assert_eq!((again.status, again.body.len()), (304, 0), "{path}");
    }
    fs::write(build.directory().join("index.html"), "changed").unwrap();
    assert_eq!(get(&cloud, "/home").await.body, "changed", "a build while it runs is seen");
}

#[tokio::test]
async fn nothing_outside_the_build_is_shown() {
    let build = Build::new();
    let cloud = build.start().await;
    #[cfg(unix)]
    std::os::unix::fs::symlink(build.0.join("secret.txt"), build.directory().join("link.txt")).unwrap();
    for path in [
        "/../secret.txt",
        "/%2e%2e/secret.txt",
        "/..%2fsecret.txt",
        "/broadcast/..%2fdemo",
        "/assets/..%2f..%2fsecret.txt",
        "/assets/../../secret.txt",
        "/..%5csecret.txt",
        "/%2fetc/passwd",
        "//etc/passwd",
        "/.env",
        "/assets",
        "/link.txt",
        "/mark.svg%00",
        "/%ff",
    ] {
        // As it is: clients would tidy the path up.
        let answer = raw(&cloud, path).await;
        assert!(answer.starts_with("HTTP/1.1 404 "), "{path}: {answer}");
        assert!(!answer.contains("secret"), "{path}: {answer}");
    }
}

async fn raw(cloud: &LocalCloud, target: &str) -> String {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let address = cloud.api_url().replace("http://", "");
    let mut client = tokio::net::TcpStream::connect(&address).await.unwrap();
    let request = format!("GET {target} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n");
    client.write_all(request.as_bytes()).await.unwrap();
    let mut said = Vec::new();
    client.read_to_end(&mut said).await.unwrap();
    String::from_utf8_lossy(&said).into_owned()
}

#[tokio::test]
async fn a_route_of_the_template_wins_over_a_page() {
    let build = Build::new();
    let template =
        include_str!("../template.yaml").replace("Method: POST, Path: \"/probe\"", "Method: GET, Path: \"/home\"");
    let options = Options { template: TemplateSource::Text(template), web_dir: Some(build.directory()), ..options() };
    let cloud = LocalCloud::start(options).await.unwrap();
    let answer = get(&cloud, "/home").await;
    assert!(!answer.header("apigw-requestid").is_empty(), "{:?}", answer.body);
    assert_eq!(get(&cloud, "/watch/demo").await.status, 200);
}

#[tokio::test]
async fn the_configuration_is_of_the_name_that_was_asked() {
    let build = Build::new();
    let cloud = build.start().await;
    let port = cloud.api_url().rsplit_once(':').unwrap().1.to_owned();
    let origin = format!("http://localhost:{port}");
    let host = [("host", origin.strip_prefix("http://").unwrap())];
    let config = send("GET", format!("{}/config.json", cloud.api_url()), &host, "").await;
    let expected = json!({
        "api": origin,
        "signIn": {
            "authorizeUrl": format!("{origin}/_local/oauth2/authorize"),
            "tokenUrl": format!("{origin}/_local/oauth2/token"),
            "logoutUrl": format!("{origin}/_local/logout"),
            "clientId": "app",
            "scope": "openid",
        },
        "local": true,
    });
    assert_eq!((config.json(), config.header("cache-control")), (expected, "no-store"));
    for path in ["/config.json", "/", "/mark.svg"] {
        let foreign = send("GET", format!("{}{path}", cloud.api_url()), &[("host", "evil.test")], "").await;
        assert_eq!(foreign.status, 403, "{path}");
    }
}

#[tokio::test]
async fn pages_that_are_not_built_say_how_to_build_them() {
    let options = Options { web_dir: Some(Path::new("/nowhere/web/dist").to_owned()), ..options() };
    let cloud = LocalCloud::start(options).await.unwrap();
    for path in ["/", "/watch/demo"] {
        let page = get(&cloud, path).await;
        let body = String::from_utf8_lossy(&page.body);
        assert!(
            page.status == 200
                && body.contains("(cd &#39;/nowhere/web&#39; &amp;&amp; npm ci &amp;&amp; npm run build)"),
            "{body}"
        );
        assert!(body.contains("The side door"), "what runs where is there as well");
    }
    let overview = get(&cloud, "/_local/overview").await;
    let body = String::from_utf8_lossy(&overview.body);
    assert!(body.contains("The side door") && !body.contains("npm"), "{body}");
    assert_eq!(get(&start().await, "/watch/demo").await.status, 404, "without pages, they are no paths");
}
