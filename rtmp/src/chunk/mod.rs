//! Chunks: messages are cut into them, and those of several chunk streams may be interleaved.

mod message;
mod reader;
#[cfg(test)]
mod tests;
mod writer;

pub use message::Message;
pub use reader::Reader;
pub use writer::{Chunks, Writer};
