//! What AMF can say.

use bytes::Bytes;

/// A value of AMF0 or AMF3, whichever it was written in.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// No value.
    Undefined,
    /// Nothing.
    Null,
    /// True or false.
    Boolean(bool),
    /// A number; AMF3's integers, too.
    Number(f64),
    /// A text.
    String(String),
    /// An object with its fields in order.
    Object(Object),
    /// An ECMA array: named values in order.
    Map(Vec<(String, Value)>),
    /// Values in order.
    Array(Vec<Value>),
    /// Milliseconds since 1970, UTC.
    Date(f64),
    /// An XML document.
    Xml(String),
    /// Bytes (AMF3).
    Bytes(Bytes),
    /// Values by values of any kind (AMF3).
    Dictionary(Vec<(Value, Value)>),
    /// An object, array, date... that was there before, by its number. Not followed: a few bytes could mean any amount of memory.
    Reference(u32),
    /// What its writer could not express.
    Unsupported,
}

/// An object, and the name of its class if it has one.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Object {
    /// The name of its class; empty for a plain object.
    pub class: String,
    /// The fields, in order.
    pub fields: Vec<(String, Value)>,
}

impl Value {
    /// The number, if it is one.
    pub fn as_number(&self) -> Option<f64> {
        if let Self::Number(number) = self { Some(*number) } else { None }
    }

    /// The text, if it is one.
    pub fn as_str(&self) -> Option<&str> {
        if let Self::String(text) = self { Some(text) } else { None }
    }

    /// The named values of an object or a map.
    pub fn fields(&self) -> Option<&[(String, Value)]> {
        match self {
            Self::Object(Object { fields, .. }) | Self::Map(fields) => Some(fields),
            _ => None,
        }
    }

    /// The same, taken out of it.
    pub fn into_fields(self) -> Option<Vec<(String, Self)>> {
        match self {
            Self::Object(Object { fields, .. }) | Self::Map(fields) => Some(fields),
            _ => None,
        }
    }

    /// The named value of an object or a map.
    pub fn field(&self, name: &str) -> Option<&Value> {
        self.fields()?.iter().find_map(|(key, value)| (key == name).then_some(value))
    }
}
