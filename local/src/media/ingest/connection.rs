//! One connection, from its first byte to its end.

use bytes::BytesMut;
use rtmp::server::Event;
use rtmp::{Output, ServerSession, StreamKey};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::mpsc::unbounded_channel;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until, timeout};

use super::Ingest;
use super::publication::{Finish, Publication};
use super::refusal::{argument, to_encoder};
use crate::aws::{Admission, Attempt, LastHeard, Order, Publisher};
use crate::plumbing::clock;

/// The application of every ingest URL of IVS.
const APP: &str = "app";
/// What is read at once.
const READ: usize = 64 << 10;

/// What a connection is made of.
pub(super) trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

/// Serves a peer until one of the two ends the connection.
pub(super) async fn drive<S: Stream>(ingest: &Ingest, stream: S, is_secure: bool) {
    let mut connection = Connection {
        ingest,
        stream,
        session: ServerSession::new(rtmp::Limits::default()),
        is_secure,
        encoder: None,
        last_heard: LastHeard::new(),
        publication: None,
        until: Instant::now() + ingest.limits.handshake,
    };
    let end = connection.run().await;
    // Before it lingers, which takes its time: the channel is off the air now.
    if let Some(publication) = connection.publication.take() {
        publication.leave(ingest);
    }
    if let End::Here = end {
        connection.linger().await;
    }
}

/// The next order to the publication, if there is one.
async fn order(publication: &mut Option<Publication>) -> Option<Order> {
    publication.as_mut()?.order().await
}

/// Who ended the connection.
enum End {
    /// The peer, or the network.
    There,
    /// This side; the peer may still read.
    Here,
}

struct Connection<'a, S> {
    ingest: &'a Ingest,
    stream: S,
    session: ServerSession,
    /// Whether a channel that wants TLS takes what comes here.
    is_secure: bool,
    /// What the peer says it is.
    encoder: Option<String>,
    last_heard: LastHeard,
    publication: Option<Publication>,
    /// As long as there is no publication, the peer must get on until then.
    until: Instant,
}

/// A bug in here must not leave the channel on air for ever. A connection that is dropped otherwise, when the local cloud
/// ends, has nobody to tell.
impl<S> Drop for Connection<'_, S> {
    fn drop(&mut self) {
        if std::thread::panicking()
            && let Some(publication) = self.publication.take()
        {
            publication.leave(self.ingest);
        }
    }
}

impl<S: Stream> Connection<'_, S> {
    async fn run(&mut self) -> End {
        let mut bytes = BytesMut::with_capacity(READ);
        let mut ticks = interval(self.ingest.limits.tick);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            if let Err(end) = self.drain().await {
                return end;
            }
            let is_publishing = self.publication.is_some();
            // Each of these may be given up half way without losing anything.
            let finish = tokio::select! {
                Some(order) = order(&mut self.publication) => self.handle_order(order),
                _ = ticks.tick(), if is_publishing => self.look(),
                read = self.stream.read_buf(&mut bytes) => match read {
                    Ok(0) | Err(_) => return End::There,
                    Ok(_) => {
                        self.last_heard.update();
                        let taken = self.session.input(&bytes);
                        bytes.clear();
                        taken.err().map(|error| {
                            self.ingest.log(format!("{}: closed, as {error}", self.name()));
                            Finish::Closed
                        })
                    }
                },
                () = sleep_until(self.until), if !is_publishing => {
                    self.ingest.log("an encoder's connection was closed, as it asked to publish nothing".to_owned());
                    Some(Finish::Closed)
                }
            };
            if let Some(finish) = finish
                && let Err(end) = self.finish(finish).await
            {
                return end;
            }
        }
    }

    /// Sends what is to be sent, and acts on what happened.
    async fn drain(&mut self) -> Result<(), End> {
        while let Some(output) = self.session.poll() {
            let finish = match output {
                Output::Transmit(bytes) => {
                    self.write(&bytes).await?;
                    None
                }
                Output::Event(event) => self.act(event),
                Output::Close => {
                    if let Some(error) = self.session.error() {
                        self.ingest.log(format!("{}: closed, as {error}", self.name()));
                    }
                    return Err(End::Here);
                }
            };
            if let Some(finish) = finish {
                self.finish(finish).await?;
            }
        }
        Ok(())
    }

    async fn write(&mut self, bytes: &[u8]) -> Result<(), End> {
        let written = timeout(self.ingest.limits.write, async {
            self.stream.write_all(bytes).await?;
            self.stream.flush().await
        });
        match written.await {
            Ok(Ok(())) => Ok(()),
            _ => Err(End::There),
        }
    }

    fn act(&mut self, event: Event) -> Option<Finish> {
        match event {
            Event::Connect { app, encoder, .. } => {
                self.until = Instant::now() + self.ingest.limits.publish;
                self.encoder = encoder;
                if app != APP {
                    self.session
                        .reject_connect("the path of the ingest URL is /app/, and the stream key comes after it");
                    self.ingest.log("an encoder was refused: the path of its URL is not /app/".to_owned());
                }
                None
            }
            Event::Publish { key, arguments, .. } => {
                self.publish(&key, &arguments);
                None
            }
            Event::Metadata(fields) => {
                if let Some(publication) = &mut self.publication {
                    publication.metadata(self.ingest, &fields);
                }
                None
            }
            Event::Video { timestamp, body } => self.publication.as_mut()?.video(self.ingest, timestamp, body),
            Event::Audio { timestamp, body } => self.publication.as_mut()?.audio(self.ingest, timestamp, body),
            Event::Unpublish => {
                if let Some(publication) = self.publication.take() {
                    publication.leave(self.ingest);
                }
                self.until = Instant::now() + self.ingest.limits.publish;
                None
            }
        }
    }

    /// Lets the encoder in, or says why not.
    fn publish(&mut self, key: &StreamKey, arguments: &str) {
        let priority = argument(arguments, "priority");
        let attempt = Attempt {
            key: key.expose(),
            priority: priority.as_deref(),
            is_secure: self.is_secure,
            grace: self.ingest.limits.grace,
        };
        // Of this publish alone: an order to stop one must not stop the next.
        let (orders, received) = unbounded_channel();
        let publisher = Publisher { orders, last_heard: self.last_heard.clone() };
        let encoder = self.encoder.clone().unwrap_or_default();
        match self.ingest.ivs.admit(&attempt, publisher, clock::now()) {
            Ok(Admission::Begun(seat)) => {
                self.session.accept_publish();
                self.ingest.log(format!("{}: an encoder is connected, {}", seat.channel(), seat.stream_id()));
                self.publication = Some(Publication::begin(self.ingest, seat, encoder, received));
            }
            Ok(Admission::Contends(contender)) => {
                self.session.accept_publish();
                self.publication = Some(Publication::contend(contender, encoder, received));
            }
            Err(refusal) => {
                let (reject, why) = to_encoder(refusal);
                let channel = self.ingest.ivs.channel_of_key(key.expose());
                let whose = channel.map_or_else(|| "an encoder".to_owned(), |name| format!("{name}: an encoder"));
                self.ingest.log(format!("{whose} was refused: {why}"));
                self.session.reject_publish(reject, why);
            }
        }
    }

    fn handle_order(&mut self, order: Order) -> Option<Finish> {
        match order {
            Order::Stop => Some(Finish::Stopped),
            Order::Metadata(text) => {
                self.publication.as_ref()?.put_metadata(&text);
                None
            }
        }
    }

    /// Looks at the time.
    fn look(&mut self) -> Option<Finish> {
        self.publication.as_mut()?.look(self.ingest)
    }

    /// Ends the publication from this side. What is left to be said is said.
    async fn finish(&mut self, finish: Finish) -> Result<(), End> {
        if let Some(publication) = self.publication.take() {
            if let Some(why) = finish.reason() {
                self.ingest.log(format!("{}: the encoder's connection is closed, {why}", publication.channel()));
            }
            publication.leave(self.ingest);
            match finish {
                Finish::Refused(refusal) => {
                    let (reject, why) = to_encoder(refusal);
                    self.session.revoke_publish(reject, why);
                }
                _ => self.session.stop(),
            }
        }
        while let Some(output) = self.session.poll() {
            if let Output::Transmit(bytes) = output {
                self.write(&bytes).await?;
            }
        }
        Err(End::Here)
    }

    /// Leaves the peer a moment to read the last words: a connection that is closed with bytes unread is reset.
    async fn linger(&mut self) {
        let _ = timeout(self.ingest.limits.linger, async {
            let _ = self.stream.shutdown().await;
            let mut unread = [0; 4 << 10];
            while self.stream.read(&mut unread).await.is_ok_and(|count| count > 0) {}
        })
        .await;
    }

    /// Whose connection this is, in the log.
    fn name(&self) -> &str {
        self.publication.as_ref().map_or("an encoder's connection", Publication::channel)
    }
}
