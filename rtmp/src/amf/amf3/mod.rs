//! AMF3. It refers to strings, classes and objects that it had before by number; strings and classes are followed, objects are
//! left as [`Value::Reference`](super::Value::Reference).

mod markers;
mod read;
mod write;

pub use read::read;
pub(super) use read::{Tables, value};
pub use write::write;
pub(super) use write::{Written, put};
