//! A container that does what a request says, for the tests of the local cloud.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::thread;

use serde_json::{Value, json};

#[cfg(unix)]
fn main() -> io::Result<()> {
    use std::os::fd::AsFd;
    use std::os::unix::process::CommandExt;

    // A signal that is ignored stays so in the program that comes in its place.
    if std::env::args().nth(1).as_deref() == Some("deaf") {
        let this = std::env::current_exe()?;
        return Err(Command::new("/bin/sh").args(["-c", "trap '' TERM; exec \"$0\""]).arg(this).exec());
    }
    let listener = TcpListener::from(io::stdin().as_fd().try_clone_to_owned()?);
    let _ = writeln!(io::stdout(), "listens");
    loop {
        let (connection, _) = listener.accept()?;
        thread::spawn(|| serve(connection));
    }
}

#[cfg(not(unix))]
fn main() {}

fn serve(mut connection: TcpStream) -> io::Result<()> {
    let mut reader = BufReader::new(connection.try_clone()?);
    let (mut line, mut length) = (String::new(), 0);
    reader.read_line(&mut line)?;
    let path = line.split(' ').nth(1).unwrap_or_default().to_owned();
    while line.trim() != "" {
        line.clear();
        reader.read_line(&mut line)?;
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap_or_default();
        }
    }
    if path == "/echo" {
        connection.write_all(b"HTTP/1.1 101 Switching Protocols\r\n\r\n")?;
        return io::copy(&mut reader, &mut connection).map(drop);
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    let answer = obey(&path, &serde_json::from_slice(&body).unwrap_or_default())?.to_string();
    write!(connection, "HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{answer}", answer.len())
}

fn obey(path: &str, order: &Value) -> io::Result<Value> {
    let mut words = path.trim_start_matches('/').splitn(2, '/');
    Ok(match (words.next().unwrap_or_default(), words.next().unwrap_or_default()) {
        ("exit", code) => std::process::exit(code.parse().unwrap_or_default()),
        ("environment", _) => environment().map(|(name, value)| (name, Value::from(value))).collect(),
        ("metadata", "") => fetch(&variable("ECS_CONTAINER_METADATA_URI_V4"))?,
        ("metadata", rest) => fetch(&format!("{}/{rest}", variable("ECS_CONTAINER_METADATA_URI_V4")))?,
        ("credentials", _) => fetch(&variable("AWS_CONTAINER_CREDENTIALS_FULL_URI"))?,
        // Something that would outlive it.
        ("child", _) => json!(Command::new("sleep").arg("1000").spawn()?.id()),
        ("process", _) => json!(std::process::id()),
        ("aws", _) => call_aws(order)?,
        _ => json!(path),
    })
}

/// Calls the AWS endpoint with the credentials of the task's role.
fn call_aws(order: &Value) -> io::Result<Value> {
    let credentials = fetch(&variable("AWS_CONTAINER_CREDENTIALS_FULL_URI"))?;
    let text = |of: &Value| of.as_str().unwrap_or_default().to_owned();
    let credential =
        format!("{}/20300101/us-east-1/{}/aws4_request", text(&credentials["AccessKeyId"]), text(&order["service"]));
    let headers = format!(
        "authorization: AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders=host, Signature=0\r\nx-amz-security-token: \
         {}\r\nx-amz-date: 20300101T000000Z\r\nx-amz-target: {}\r\ncontent-type: application/x-amz-json-1.0\r\n",
        text(&credentials["Token"]),
        text(&order["target"])
    );
    request("POST", &format!("{}/", variable("AWS_ENDPOINT_URL")), &headers, &order["input"].to_string())
}

fn fetch(url: &str) -> io::Result<Value> {
    request("GET", url, "", "")
}

fn request(method: &str, url: &str, headers: &str, body: &str) -> io::Result<Value> {
    let (host, path) = url.trim_start_matches("http://").split_once('/').ok_or(io::ErrorKind::InvalidInput)?;
    let mut connection = TcpStream::connect(host)?;
    let length = body.len();
    write!(
        connection,
        "{method} /{path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n{headers}content-length: {length}\r\n\r\n{body}"
    )?;
    let mut answer = String::new();
    connection.read_to_string(&mut answer)?;
    let (_, body) = answer.split_once("\r\n\r\n").ok_or(io::ErrorKind::UnexpectedEof)?;
    Ok(serde_json::from_str(body).unwrap_or(Value::from(body)))
}

/// All that the process was started with.
#[expect(clippy::disallowed_methods, reason = "what it is asked to show")]
fn environment() -> impl Iterator<Item = (String, String)> {
    std::env::vars()
}

#[expect(clippy::disallowed_methods, reason = "a test program has no configuration to speak of")]
fn variable(name: &str) -> String {
    std::env::var(name).unwrap_or_default()
}
