//! What a message may make of itself: a few bytes of AMF can ask for any amount of memory.

/// How deep values may be nested.
pub const MAX_DEPTH: usize = 8;
/// How many values a message may have, nested ones and names included.
pub const MAX_VALUES: usize = 8192;
/// How many bytes of text a message may have; one that is referred to counts each time.
pub const MAX_TEXT: usize = 1 << 20;

/// Why bytes are no AMF.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The bytes end inside a value.
    #[error("it ends inside a value")]
    Short,
    /// A marker that stands for no value.
    #[error("a value of an unknown kind")]
    UnknownKind,
    /// Nested deeper than [`MAX_DEPTH`].
    #[error("values nested deeper than {MAX_DEPTH}")]
    TooDeep,
    /// More values than [`MAX_VALUES`], or more text than [`MAX_TEXT`].
    #[error("too many values")]
    TooMany,
    /// A reference to a string or a class that was not there before.
    #[error("a reference to nothing")]
    Reference,
    /// An object whose class alone knows how to read it.
    #[error("an object in a form of its own")]
    Externalizable,
}

/// What is left for a message.
#[derive(Debug)]
pub(super) struct Budget {
    values: usize,
    text: usize,
}

impl Budget {
    pub(super) fn new() -> Self {
        Self { values: MAX_VALUES, text: MAX_TEXT }
    }

    pub(super) fn values(&mut self, count: usize) -> Result<(), Error> {
        self.values = self.values.checked_sub(count).ok_or(Error::TooMany)?;
        Ok(())
    }

    /// Counts a text, and makes it. What is not UTF-8 comes from old encoders' titles, and is no reason to end a session.
    pub(super) fn text(&mut self, bytes: &[u8]) -> Result<String, Error> {
        self.text = self.text.checked_sub(bytes.len()).ok_or(Error::TooMany)?;
        Ok(String::from_utf8_lossy(bytes).into_owned())
    }
}

/// The depth of what is in a value of that depth.
pub(super) fn deeper(depth: usize) -> Result<usize, Error> {
    if depth < MAX_DEPTH { Ok(depth + 1) } else { Err(Error::TooDeep) }
}
