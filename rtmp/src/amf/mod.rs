//! AMF, in which commands and metadata are written: AMF0, and AMF3 within it.

pub mod amf0;
pub mod amf3;
mod budget;
#[cfg(test)]
mod tests;
mod value;

pub use budget::{Error, MAX_DEPTH, MAX_TEXT, MAX_VALUES};
pub use value::{Object, Value};
