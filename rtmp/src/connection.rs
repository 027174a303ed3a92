//! What both sides of a session have in common: handshake, chunks, acknowledgements, and what waits to be sent.

use std::collections::VecDeque;

use bytes::BytesMut;

use crate::{
    Error, Limits, Output,
    chunk::{Message, Reader, Writer},
    handshake::{Handshake, hello},
    message::{self, Command, Said},
};

/// The chunk streams that we write to.
const CONTROL: u32 = 2;
const COMMANDS: u32 = 3;
/// After how many bytes we say that they came, unless told otherwise; and want to be told.
pub(crate) const WINDOW: u32 = 2_500_000;
/// A smaller window would cost more bytes in answers than it counts.
const SMALLEST_WINDOW: u32 = 1024;

pub(crate) struct Connection<E> {
    limits: Limits,
    is_server: bool,
    handshake: Handshake,
    reader: Reader,
    writer: Writer,
    received: u32,
    acknowledged: u32,
    window: u32,
    unsent: BytesMut,
    outputs: VecDeque<Output<E>>,
    closed: bool,
}

/// What a session has to deal with.
pub(crate) enum Incoming {
    /// The handshake is done.
    Ready,
    Said(Said),
}

impl<E> Connection<E> {
    pub(crate) fn server(limits: Limits) -> Self {
        Self::new(limits, true)
    }

    /// The client's side, which speaks first.
    pub(crate) fn client(limits: Limits) -> Self {
        let mut connection = Self::new(limits, false);
        connection.unsent.extend_from_slice(&hello());
        connection
    }

    fn new(limits: Limits, is_server: bool) -> Self {
        Self {
            limits,
            is_server,
            handshake: Handshake::new(),
            reader: Reader::new(limits),
            writer: Writer::default(),
            received: 0,
            acknowledged: 0,
            window: WINDOW,
            unsent: BytesMut::new(),
            outputs: VecDeque::new(),
            closed: false,
        }
    }

    pub(crate) fn limits(&self) -> Limits {
        self.limits
    }

    /// Sets the limits of what the peer sends from now on.
    pub(crate) fn set_limits(&mut self, limits: Limits) {
        self.limits = limits;
        self.reader.set_limits(limits);
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.closed
    }

    /// How many bytes of the peer are held.
    pub(crate) fn buffered(&self) -> usize {
        self.handshake.buffered() + self.reader.buffered()
    }

    /// The next thing that the session has to deal with. `None`: the input is used up.
    pub(crate) fn read(&mut self, input: &mut &[u8]) -> Result<Option<Incoming>, Error> {
        while !self.handshake.is_done() {
            if input.is_empty() {
                return Ok(None);
            }
            if let Some(echo) = self.handshake.read(input)? {
                if self.is_server {
                    self.unsent.extend_from_slice(&hello());
                }
                self.unsent.extend_from_slice(&echo);
            }
            if self.handshake.is_done() {
                return Ok(Some(Incoming::Ready));
            }
        }
        let before = input.len();
        let message = self.reader.read(input)?;
        self.received = self.received.wrapping_add((before - input.len()) as u32);
        if self.received.wrapping_sub(self.acknowledged) >= self.window {
            self.acknowledged = self.received;
            self.control(&message::acknowledgement(self.received));
        }
        let Some(message) = message else { return Ok(None) };
        let said = message::read(message, self.limits.command)?;
        match said {
            // Its first bit says nothing.
            Said::ChunkSize(size) => self.reader.set_chunk_size(size & 0x7fff_ffff)?,
            Said::Abort(chunk_stream) => self.reader.abort(chunk_stream),
            Said::Window(size) => self.window = size.max(SMALLEST_WINDOW),
            Said::Ping(bytes) => self.control(&message::pong(bytes)),
            _ => {}
        }
        Ok(Some(Incoming::Said(said)))
    }

    pub(crate) fn control(&mut self, message: &Message) {
        self.send(CONTROL, message);
    }

    pub(crate) fn command(&mut self, command: Command) {
        self.send(COMMANDS, &command.message());
    }

    pub(crate) fn send(&mut self, chunk_stream: u32, message: &Message) {
        if !self.closed {
            self.writer.write(chunk_stream, message, &mut self.unsent);
        }
    }

    /// Tells the peer of a size of chunks, and uses it.
    pub(crate) fn set_chunk_size(&mut self, size: u32) {
        self.control(&message::chunk_size(size));
        self.writer.set_chunk_size(size as usize);
    }

    pub(crate) fn event(&mut self, event: E) {
        self.flush();
        self.outputs.push_back(Output::Event(event));
    }

    /// Nothing is sent after this.
    pub(crate) fn close(&mut self) {
        if !std::mem::replace(&mut self.closed, true) {
            self.flush();
            self.outputs.push_back(Output::Close);
        }
    }

    pub(crate) fn poll(&mut self) -> Option<Output<E>> {
        if self.outputs.is_empty() {
            self.flush();
        }
        self.outputs.pop_front()
    }

    fn flush(&mut self) {
        if !self.unsent.is_empty() {
            self.outputs.push_back(Output::Transmit(self.unsent.split().freeze()));
        }
    }
}
