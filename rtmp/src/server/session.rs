//! The session.

use std::fmt;

use bytes::BytesMut;

use crate::{
    Error, Limits, Output, StreamKey,
    amf::Value,
    connection::{Connection, Incoming, WINDOW},
    message::{self, Command, Said},
};

use super::event::Event;

const BAD_NAME: &str = "NetStream.Publish.BadName";

/// The server's side of a connection, which takes what a publisher sends.
pub struct ServerSession {
    connection: Connection<Event>,
    /// Those of a publisher.
    limits: Limits,
    state: State,
    /// What came while an answer was awaited.
    held: BytesMut,
    app: String,
    last_stream: u32,
    error: Option<Error>,
}

/// How far the peer has come.
enum State {
    New,
    /// The connection is welcome unless the caller says otherwise.
    Connecting(Command),
    Connected,
    /// The caller is to say whether this may be published.
    Asking(Command, StreamKey),
    Publishing(Command, StreamKey),
}

/// Why a publish is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reject {
    /// `NetStream.Publish.BadName`: the name cannot be published, such as one that is on air.
    BadName,
    /// `NetStream.Publish.Denied`: not with this key.
    Unauthorized,
}

impl ServerSession {
    /// A session whose peer has not said anything yet.
    pub fn new(limits: Limits) -> Self {
        Self {
            connection: Connection::server(limits.of_stranger()),
            limits,
            state: State::New,
            held: BytesMut::new(),
            app: String::new(),
            last_stream: 0,
            error: None,
        }
    }

    /// Takes bytes of the peer. After an error, send what is still to be sent and close.
    pub fn input(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.welcome();
        self.proceed(bytes);
        self.error.clone().map_or(Ok(()), Err)
    }

    /// What is to be done next, until there is nothing.
    pub fn poll(&mut self) -> Option<Output<Event>> {
        if let Some(output) = self.connection.poll() {
            return Some(output);
        }
        self.welcome();
        self.connection.poll()
    }

    /// Refuses the connection of the last [`Event::Connect`], and closes.
    pub fn reject_connect(&mut self, description: &str) {
        if let State::Connecting(connect) = std::mem::replace(&mut self.state, State::New) {
            self.refuse_connect(&connect, description);
        }
    }

    /// Lets the peer publish that asked to.
    pub fn accept_publish(&mut self) {
        match std::mem::replace(&mut self.state, State::Connected) {
            State::Asking(publish, key) => {
                self.status(&publish, "status", "NetStream.Publish.Start", "on air");
                self.state = State::Publishing(publish, key);
                self.connection.set_limits(self.limits);
                self.resume();
            }
            other => self.state = other,
        }
    }

    /// Refuses the publish that was asked for, and closes. The peer shows the description to its user, and writes it into its log:
    /// one that holds the key is replaced.
    pub fn reject_publish(&mut self, reject: Reject, description: &str) {
        if let State::Asking(publish, key) = std::mem::replace(&mut self.state, State::Connected) {
            self.refuse(&publish, &key, reject, description);
        }
    }

    /// Takes the publish back that was accepted, says why as [`Self::reject_publish`] does, and closes. No [`Event::Unpublish`]
    /// follows.
    pub fn revoke_publish(&mut self, reject: Reject, description: &str) {
        if let State::Publishing(publish, key) = std::mem::replace(&mut self.state, State::Connected) {
            self.refuse(&publish, &key, reject, description);
        }
    }

    fn refuse(&mut self, publish: &Command, key: &StreamKey, reject: Reject, description: &str) {
        let code = match reject {
            Reject::BadName => BAD_NAME,
            Reject::Unauthorized => "NetStream.Publish.Denied",
        };
        // A word that happens to be somebody's key says nothing to anybody else.
        let description = if description.contains(key.expose()) { "refused" } else { description };
        self.status(publish, "error", code, description);
        self.connection.close();
    }

    /// Ends the publish from this side, and closes. No [`Event::Unpublish`] follows.
    pub fn stop(&mut self) {
        if let State::Publishing(publish, _) = std::mem::replace(&mut self.state, State::Connected) {
            self.status(&publish, "status", "NetStream.Unpublish.Success", "stopped by the server");
        }
        self.connection.close();
    }

    /// Why the session ended, if it was by an error. One that comes to light when the caller has answered is found here, after
    /// `Close`, and by the next `input`.
    pub fn error(&self) -> Option<&Error> {
        self.error.as_ref()
    }

    /// How many bytes of the peer it holds; at most [`Limits::buffered`] and a handshake.
    pub fn buffered(&self) -> usize {
        self.connection.buffered() + self.held.len()
    }

    /// Answers a connect that nobody has refused.
    fn welcome(&mut self) {
        let State::Connecting(connect) = &self.state else { return };
        let encoding = connect.arguments.first().and_then(|object| object.field("objectEncoding")?.as_number());
        let mut information = message::information("status", "NetConnection.Connect.Success", "welcome");
        information.push(("objectEncoding".to_owned(), Value::Number(encoding.unwrap_or_default())));
        let properties = vec![
            ("fmsVer".to_owned(), Value::String("FMS/3,0,1,123".to_owned())),
            ("capabilities".to_owned(), Value::Number(31.0)),
        ];
        let arguments = vec![message::object(properties), message::object(information)];
        let answer = connect.answer("_result", connect.transaction, arguments);
        self.connection.control(&message::window(WINDOW));
        self.connection.control(&message::peer_bandwidth(WINDOW));
        self.connection.command(answer);
        self.state = State::Connected;
        self.resume();
    }

    /// Goes on with what came while an answer was awaited.
    fn resume(&mut self) {
        let held = std::mem::take(&mut self.held);
        self.proceed(&held);
    }

    /// Deals with input as far as it can be dealt with, and holds the rest.
    fn proceed(&mut self, mut input: &[u8]) {
        while !self.connection.is_closed() {
            if matches!(self.state, State::Connecting(_) | State::Asking(..)) {
                let limit = self.connection.limits().buffered;
                if self.buffered() + input.len() > limit {
                    return self.fail(Error::TooMuchBuffered(limit));
                }
                self.held.extend_from_slice(input);
                return;
            }
            match self.connection.read(&mut input) {
                Ok(Some(Incoming::Said(said))) => {
                    if let Err(error) = self.handle_message(said) {
                        return self.fail(error);
                    }
                }
                Ok(Some(Incoming::Ready)) => {}
                Ok(None) => return,
                Err(error) => return self.fail(error),
            }
        }
    }

    fn fail(&mut self, error: Error) {
        self.error = Some(error);
        self.connection.close();
    }

    fn handle_message(&mut self, said: Said) -> Result<(), Error> {
        match said {
            Said::Command(command) => self.handle_command(command)?,
            Said::Audio { timestamp, body } if self.is_publishing() => {
                self.connection.event(Event::Audio { timestamp, body })
            }
            Said::Video { timestamp, body } if self.is_publishing() => {
                self.connection.event(Event::Video { timestamp, body })
            }
            Said::Data(values) if self.is_publishing() => {
                if let Some(fields) = metadata(values) {
                    self.connection.event(Event::Metadata(fields));
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn is_publishing(&self) -> bool {
        matches!(self.state, State::Publishing(..))
    }

    fn handle_command(&mut self, command: Command) -> Result<(), Error> {
        match (command.name.as_str(), &self.state) {
            ("connect", State::New) => self.connect(command),
            ("connect", _) => return Err(Error::Unexpected("a second connect")),
            ("createStream" | "publish" | "play", State::New) => {
                return Err(Error::Unexpected("a command came before connect"));
            }
            ("createStream", _) => {
                self.last_stream = self.last_stream.wrapping_add(1);
                let arguments = vec![Value::Null, Value::Number(self.last_stream.into())];
                self.connection.command(command.answer("_result", command.transaction, arguments));
            }
            // The one on air goes on.
            ("publish", State::Publishing(..)) => {
                self.status(&command, "error", BAD_NAME, "this connection is publishing already");
            }
            ("publish", _) => self.publish(command),
            ("play", _) => {
                self.status(
                    &command,
                    "error",
                    "NetStream.Play.Failed",
                    "streams are published here, and played elsewhere",
                );
                self.connection.close();
            }
            // Whatever they name: OBS sends them for a publish that was refused, too, and GStreamer the key in place of the number.
            ("FCUnpublish" | "deleteStream" | "closeStream", State::Publishing(..)) => {
                self.state = State::Connected;
                self.connection.event(Event::Unpublish);
            }
            // releaseStream, FCPublish and others, which no encoder wants an answer to.
            _ => {}
        }
        Ok(())
    }

    fn connect(&mut self, command: Command) {
        let text = |name| Some(command.arguments.first()?.field(name)?.as_str()?.to_owned());
        let Some(app) = text("app") else { return self.refuse_connect(&command, "no application is named") };
        let app = app.split_once('?').map_or(app.as_str(), |(app, _)| app);
        self.app = app.trim_matches('/').to_owned();
        let (tc_url, encoder) = (text("tcUrl"), text("flashVer"));
        self.connection.event(Event::Connect { app: self.app.clone(), tc_url, encoder });
        self.state = State::Connecting(command);
    }

    fn refuse_connect(&mut self, connect: &Command, description: &str) {
        let information = message::information("error", "NetConnection.Connect.Rejected", description);
        let arguments = vec![Value::Null, message::object(information)];
        self.connection.command(connect.answer("_error", connect.transaction, arguments));
        // OBS does not act on it.
        self.connection.close();
    }

    fn publish(&mut self, command: Command) {
        let name = command.arguments.get(1).and_then(Value::as_str).unwrap_or_default().trim_start_matches('/');
        let (key, arguments) = name.split_once('?').unwrap_or((name, ""));
        let problem = if key.is_empty() {
            "no stream key is given"
        } else if key.contains('/') {
            "a stream key has no slash in it; look where the URL ends and the key begins"
        } else {
            let (key, arguments) = (StreamKey::new(key.to_owned()), arguments.to_owned());
            self.connection.event(Event::Publish { app: self.app.clone(), key: key.clone(), arguments });
            self.state = State::Asking(command, key);
            return;
        };
        self.status(&command, "error", BAD_NAME, problem);
        self.connection.close();
    }

    /// Tells how it stands with a stream.
    fn status(&mut self, about: &Command, level: &str, code: &str, description: &str) {
        let information = message::object(message::information(level, code, description));
        self.connection.command(about.answer("onStatus", 0.0, vec![Value::Null, information]));
    }
}

/// What `onMetaData` says, also as a client tells the server to keep it for those who come later.
fn metadata(values: Vec<Value>) -> Option<Vec<(String, Value)>> {
    let mut values = values.into_iter().skip_while(|value| value.as_str() == Some("@setDataFrame"));
    if values.next()?.as_str() != Some("onMetaData") {
        return None;
    }
    values.next()?.into_fields()
}

/// Shows nothing of what was said, which holds the key.
impl fmt::Debug for ServerSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match self.state {
            State::New => "new",
            State::Connecting(_) => "connecting",
            State::Connected => "connected",
            State::Asking(..) => "asking",
            State::Publishing(..) => "publishing",
        };
        write!(f, "ServerSession({state}, {} bytes)", self.buffered())
    }
}
