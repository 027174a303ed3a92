//! AMF0.

use bytes::{BufMut, Bytes, BytesMut};

use crate::cursor::Cursor;

use super::{
    amf3,
    budget::{Budget, Error, deeper},
    value::{Object, Value},
};

const NUMBER: u8 = 0x00;
const BOOLEAN: u8 = 0x01;
const STRING: u8 = 0x02;
const OBJECT: u8 = 0x03;
const NULL: u8 = 0x05;
const UNDEFINED: u8 = 0x06;
const REFERENCE: u8 = 0x07;
const MAP: u8 = 0x08;
const END: u8 = 0x09;
const ARRAY: u8 = 0x0a;
const DATE: u8 = 0x0b;
const LONG_STRING: u8 = 0x0c;
const UNSUPPORTED: u8 = 0x0d;
const XML: u8 = 0x0f;
const TYPED_OBJECT: u8 = 0x10;
/// A value of AMF3 follows.
const AMF3: u8 = 0x11;

/// Reads values until the bytes end.
pub fn read(bytes: &[u8]) -> Result<Vec<Value>, Error> {
    let mut reader = Reader { cursor: Cursor(bytes), budget: Budget::new(), tables: amf3::Tables::default() };
    let mut values = Vec::new();
    while !reader.cursor.0.is_empty() {
        values.push(reader.value(0)?);
    }
    Ok(values)
}

/// Writes values one after the other. What AMF0 has no word for is written in AMF3; a name of more than 65,535 bytes is left out,
/// with its value.
pub fn write(values: &[Value]) -> Bytes {
    let mut writer = Writer { out: BytesMut::new(), tables: amf3::Written::default() };
    for value in values {
        writer.value(value);
    }
    writer.out.freeze()
}

struct Reader<'a> {
    cursor: Cursor<'a>,
    budget: Budget,
    tables: amf3::Tables,
}

impl Reader<'_> {
    fn value(&mut self, depth: usize) -> Result<Value, Error> {
        self.budget.values(1)?;
        Ok(match self.cursor.u8().ok_or(Error::Short)? {
            NUMBER => Value::Number(self.cursor.f64().ok_or(Error::Short)?),
            BOOLEAN => Value::Boolean(self.cursor.u8().ok_or(Error::Short)? != 0),
            STRING => Value::String(self.short_text()?),
            OBJECT => Value::Object(Object { class: String::new(), fields: self.fields(deeper(depth)?, false)? }),
            NULL => Value::Null,
            UNDEFINED => Value::Undefined,
            REFERENCE => Value::Reference(self.cursor.u16().ok_or(Error::Short)?.into()),
            MAP => {
                // How many there are is often said wrongly.
                self.cursor.u32().ok_or(Error::Short)?;
                Value::Map(self.fields(deeper(depth)?, true)?)
            }
            ARRAY => {
                let depth = deeper(depth)?;
                let count = self.cursor.u32().ok_or(Error::Short)?;
                Value::Array((0..count).map(|_| self.value(depth)).collect::<Result<_, _>>()?)
            }
            DATE => {
                let milliseconds = self.cursor.f64().ok_or(Error::Short)?;
                // A time zone that is reserved, and 0.
                self.cursor.u16().ok_or(Error::Short)?;
                Value::Date(milliseconds)
            }
            LONG_STRING => Value::String(self.long_text()?),
            UNSUPPORTED => Value::Unsupported,
            XML => Value::Xml(self.long_text()?),
            TYPED_OBJECT => {
                let depth = deeper(depth)?;
                Value::Object(Object { class: self.short_text()?, fields: self.fields(depth, false)? })
            }
            AMF3 => amf3::value(&mut self.cursor, &mut self.tables, &mut self.budget, depth)?,
            _ => return Err(Error::UnknownKind),
        })
    }

    /// Named values up to the mark of their end, which some encoders leave out when nothing follows a map.
    fn fields(&mut self, depth: usize, may_lack_end: bool) -> Result<Vec<(String, Value)>, Error> {
        let mut fields = Vec::new();
        while !(may_lack_end && self.cursor.0.is_empty()) {
            let name = self.short_text()?;
            if name.is_empty() && self.cursor.0.first() == Some(&END) {
                self.cursor.u8();
                break;
            }
            fields.push((name, self.value(depth)?));
        }
        Ok(fields)
    }

    fn short_text(&mut self) -> Result<String, Error> {
        let length = self.cursor.u16().ok_or(Error::Short)?;
        self.budget.text(self.cursor.take(length.into()).ok_or(Error::Short)?)
    }

    fn long_text(&mut self) -> Result<String, Error> {
        let length = self.cursor.u32().ok_or(Error::Short)?;
        self.budget.text(self.cursor.take(length as usize).ok_or(Error::Short)?)
    }
}

struct Writer {
    out: BytesMut,
    tables: amf3::Written,
}

impl Writer {
    fn value(&mut self, value: &Value) {
        match value {
            Value::Number(number) => {
                self.out.put_u8(NUMBER);
                self.out.put_f64(*number);
            }
            Value::Boolean(boolean) => self.out.put_slice(&[BOOLEAN, u8::from(*boolean)]),
            Value::String(text) => match u16::try_from(text.len()) {
                Ok(length) => {
                    self.out.put_u8(STRING);
                    self.short_text(length, text);
                }
                Err(_) => self.long_text(LONG_STRING, text),
            },
            Value::Object(Object { class, fields }) => {
                match u16::try_from(class.len()) {
                    Ok(length @ 1..) => {
                        self.out.put_u8(TYPED_OBJECT);
                        self.short_text(length, class);
                    }
                    _ => self.out.put_u8(OBJECT),
                }
                self.fields(fields);
            }
            Value::Null => self.out.put_u8(NULL),
            Value::Undefined => self.out.put_u8(UNDEFINED),
            Value::Map(fields) => {
                self.out.put_u8(MAP);
                self.out.put_u32(fields.len() as u32);
                self.fields(fields);
            }
            Value::Array(values) => {
                self.out.put_u8(ARRAY);
                self.out.put_u32(values.len() as u32);
                for value in values {
                    self.value(value);
                }
            }
            Value::Date(milliseconds) => {
                self.out.put_u8(DATE);
                self.out.put_f64(*milliseconds);
                self.out.put_u16(0);
            }
            Value::Unsupported => self.out.put_u8(UNSUPPORTED),
            Value::Xml(text) => self.long_text(XML, text),
            Value::Reference(number @ 0..=0xffff) => {
                self.out.put_u8(REFERENCE);
                self.out.put_u16(*number as u16);
            }
            Value::Reference(_) | Value::Bytes(_) | Value::Dictionary(_) => {
                self.out.put_u8(AMF3);
                amf3::put(&mut self.out, &mut self.tables, value);
            }
        }
    }

    fn fields(&mut self, fields: &[(String, Value)]) {
        for (name, value) in fields {
            if let Ok(length) = u16::try_from(name.len()) {
                self.short_text(length, name);
                self.value(value);
            }
        }
        self.out.put_slice(&[0, 0, END]);
    }

    fn short_text(&mut self, length: u16, text: &str) {
        self.out.put_u16(length);
        self.out.put_slice(text.as_bytes());
    }

    fn long_text(&mut self, marker: u8, text: &str) {
        self.out.put_u8(marker);
        self.out.put_u32(text.len() as u32);
        self.out.put_slice(text.as_bytes());
    }
}
