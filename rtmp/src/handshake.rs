//! The handshake: 1 + 1536 bytes of each side, and 1536 of each in answer to the other's.
//!
//! Flash and some encoders sign theirs ("complex" handshake) and check nothing of the answer but that it echoes them, or fall back
//! when it does; so both get the plain one.

use bytes::{BufMut, Bytes, BytesMut};

use crate::Error;

const VERSION: u8 = 3;
const SIZE: usize = 1536;

/// One side of the handshake.
pub(crate) struct Handshake {
    /// The version and the first packet of the peer, as far as they have come.
    received: BytesMut,
    /// How much of the peer's answer is yet to come.
    answer: usize,
}

/// The first bytes of a client.
pub(crate) fn hello() -> Bytes {
    let mut hello = BytesMut::zeroed(1 + SIZE);
    hello[0] = VERSION;
    hello.freeze()
}

impl Handshake {
    pub(crate) fn new() -> Self {
        Self { received: BytesMut::new(), answer: SIZE }
    }

    pub(crate) fn is_done(&self) -> bool {
        self.answer == 0
    }

    /// Takes of the input what belongs to the handshake. Gives the echo of the peer's first packet once it is there. Fails with the
    /// first byte of a peer that speaks something else.
    pub(crate) fn read(&mut self, input: &mut &[u8]) -> Result<Option<Bytes>, Error> {
        if self.received.len() < 1 + SIZE {
            if self.received.is_empty()
                && let Some(&first) = input.first()
                && first != VERSION
            {
                return Err(stranger(first));
            }
            self.received.put_slice(take(input, 1 + SIZE - self.received.len()));
            return Ok((self.received.len() == 1 + SIZE).then(|| Bytes::copy_from_slice(&self.received[1..])));
        }
        self.answer -= take(input, self.answer).len();
        if self.is_done() {
            self.received = BytesMut::new();
        }
        Ok(None)
    }

    /// How many bytes it holds.
    pub(crate) fn buffered(&self) -> usize {
        self.received.len()
    }
}

fn take<'a>(input: &mut &'a [u8], most: usize) -> &'a [u8] {
    let (taken, rest) = input.split_at(most.min(input.len()));
    *input = rest;
    taken
}

fn stranger(first: u8) -> Error {
    match first {
        // A TLS record of a handshake.
        0x16 => Error::Tls,
        // The first letters of HTTP's methods.
        b'C' | b'D' | b'G' | b'H' | b'O' | b'P' | b'T' => Error::Http,
        // Old versions, RTMPE, and what is reserved for later ones.
        0..32 => Error::Version,
        _ => Error::NotRtmp,
    }
}
