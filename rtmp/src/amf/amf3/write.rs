//! Writing.

use std::collections::HashMap;

use bytes::{BufMut, Bytes, BytesMut};

use crate::amf::value::{Object, Value};

use super::markers::*;

/// Integers have 29 bits.
const INTEGERS: std::ops::Range<f64> = -268_435_456.0..268_435_456.0;

/// Writes values one after the other. A field without a name cannot be said and is left out.
pub fn write(values: &[Value]) -> Bytes {
    let (mut out, mut written) = (BytesMut::new(), Written::default());
    for value in values {
        put(&mut out, &mut written, value);
    }
    out.freeze()
}

/// The strings that were written before in a message.
#[derive(Debug, Default)]
pub(in crate::amf) struct Written(HashMap<String, u32>);

/// Writes one value.
pub(in crate::amf) fn put(out: &mut BytesMut, written: &mut Written, value: &Value) {
    match value {
        Value::Undefined | Value::Unsupported => out.put_u8(UNDEFINED),
        Value::Null => out.put_u8(NULL),
        Value::Boolean(false) => out.put_u8(FALSE),
        Value::Boolean(true) => out.put_u8(TRUE),
        // Minus zero is no integer.
        Value::Number(number)
            if INTEGERS.contains(number) && number.fract() == 0.0 && (*number != 0.0 || number.is_sign_positive()) =>
        {
            out.put_u8(INTEGER);
            put_u29(out, (*number as i32).cast_unsigned() & 0x1fff_ffff);
        }
        Value::Number(number) => {
            out.put_u8(DOUBLE);
            out.put_f64(*number);
        }
        Value::String(text) => {
            out.put_u8(STRING);
            put_text(out, written, text);
        }
        Value::Object(Object { class, fields }) => {
            // Here with its class, which has no fields of its own and takes any.
            out.put_slice(&[OBJECT, 0x0b]);
            put_text(out, written, class);
            put_fields(out, written, fields);
        }
        Value::Map(fields) => {
            out.put_slice(&[ARRAY, 1]);
            put_fields(out, written, fields);
        }
        Value::Array(values) => {
            out.put_u8(ARRAY);
            put_inline(out, values.len());
            put_fields(out, written, &[]);
            for value in values {
                put(out, written, value);
            }
        }
        Value::Date(milliseconds) => {
            out.put_slice(&[DATE, 1]);
            out.put_f64(*milliseconds);
        }
        Value::Xml(text) => {
            out.put_u8(XML);
            put_inline(out, text.len());
            out.put_slice(text.as_bytes());
        }
        Value::Bytes(bytes) => {
            out.put_u8(BYTES);
            put_inline(out, bytes.len());
            out.put_slice(bytes);
        }
        Value::Dictionary(pairs) => {
            out.put_u8(DICTIONARY);
            put_inline(out, pairs.len());
            out.put_u8(0);
            for (key, value) in pairs {
                put(out, written, key);
                put(out, written, value);
            }
        }
        Value::Reference(number) => {
            out.put_u8(OBJECT);
            put_u29(out, number << 1);
        }
    }
}

fn put_fields(out: &mut BytesMut, written: &mut Written, fields: &[(String, Value)]) {
    for (name, value) in fields.iter().filter(|(name, _)| !name.is_empty()) {
        put_text(out, written, name);
        put(out, written, value);
    }
    put_text(out, written, "");
}

fn put_text(out: &mut BytesMut, Written(written): &mut Written, text: &str) {
    if let Some(number) = written.get(text) {
        return put_u29(out, number << 1);
    }
    if !text.is_empty() {
        written.insert(text.to_owned(), written.len() as u32);
    }
    put_inline(out, text.len());
    out.put_slice(text.as_bytes());
}

/// A length or a count of what follows here.
fn put_inline(out: &mut BytesMut, length: usize) {
    put_u29(out, (length as u32) << 1 | 1);
}

fn put_u29(out: &mut BytesMut, number: u32) {
    match number {
        0..0x80 => out.put_u8(number as u8),
        0x80..0x4000 => out.put_slice(&[(number >> 7) as u8 | 0x80, number as u8 & 0x7f]),
        0x4000..0x20_0000 => {
            out.put_slice(&[(number >> 14) as u8 | 0x80, (number >> 7) as u8 | 0x80, number as u8 & 0x7f]);
        }
        // Of the fourth byte, all bits count.
        _ => {
            let [a, b, c] = [number >> 22, number >> 15, number >> 8].map(|bits| bits as u8 | 0x80);
            out.put_slice(&[a, b, c, number as u8]);
        }
    }
}
