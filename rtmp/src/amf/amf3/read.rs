//! Reading.

use std::rc::Rc;

use bytes::Bytes;

use crate::{
    amf::{
        budget::{Budget, Error, deeper},
        value::{Object, Value},
    },
    cursor::Cursor,
};

use super::markers::*;

/// Reads values until the bytes end.
pub fn read(bytes: &[u8]) -> Result<Vec<Value>, Error> {
    let (mut cursor, mut tables, mut budget) = (Cursor(bytes), Tables::default(), Budget::new());
    let mut values = Vec::new();
    while !cursor.0.is_empty() {
        budget.values(1)?;
        values.push(value(&mut cursor, &mut tables, &mut budget, 0)?);
    }
    Ok(values)
}

/// What was read before in a message, and can be referred to.
#[derive(Debug, Default)]
pub(in crate::amf) struct Tables {
    strings: Vec<Rc<[u8]>>,
    classes: Vec<Rc<Class>>,
}

#[derive(Debug)]
struct Class {
    name: String,
    fields: Vec<String>,
    /// Whether its objects have more fields than these.
    dynamic: bool,
}

/// Reads one value, already counted, of that depth.
pub(in crate::amf) fn value(
    cursor: &mut Cursor<'_>,
    tables: &mut Tables,
    budget: &mut Budget,
    depth: usize,
) -> Result<Value, Error> {
    Reader { cursor, tables, budget }.value(depth)
}

struct Reader<'r, 'a> {
    cursor: &'r mut Cursor<'a>,
    tables: &'r mut Tables,
    budget: &'r mut Budget,
}

impl<'a> Reader<'_, 'a> {
    fn counted(&mut self, depth: usize) -> Result<Value, Error> {
        self.budget.values(1)?;
        self.value(depth)
    }

    fn value(&mut self, depth: usize) -> Result<Value, Error> {
        let marker = self.cursor.u8().ok_or(Error::Short)?;
        Ok(match marker {
            UNDEFINED => Value::Undefined,
            NULL => Value::Null,
            FALSE => Value::Boolean(false),
            TRUE => Value::Boolean(true),
            // The sign is the 29th bit.
            INTEGER => Value::Number(f64::from((self.u29()? << 3).cast_signed() >> 3)),
            DOUBLE => Value::Number(self.double()?),
            STRING => Value::String(self.text()?),
            XML_DOCUMENT..=DICTIONARY => {
                let header = self.u29()?;
                let rest = header >> 1;
                if header & 1 == 0 {
                    return Ok(Value::Reference(rest));
                }
                match marker {
                    DATE => Value::Date(self.double()?),
                    XML_DOCUMENT | XML => Value::Xml(self.inline_text(rest)?),
                    BYTES => Value::Bytes(Bytes::copy_from_slice(self.take(rest)?)),
                    ARRAY => self.array(rest, deeper(depth)?)?,
                    OBJECT => Value::Object(self.object(rest, deeper(depth)?)?),
                    DICTIONARY => self.dictionary(rest, deeper(depth)?)?,
                    _ => self.vector(marker, rest, deeper(depth)?)?,
                }
            }
            _ => return Err(Error::UnknownKind),
        })
    }

    /// Named values up to an empty name, then values by their place.
    fn array(&mut self, count: u32, depth: usize) -> Result<Value, Error> {
        let mut named = self.fields(depth)?;
        if named.is_empty() {
            return Ok(Value::Array((0..count).map(|_| self.counted(depth)).collect::<Result<_, _>>()?));
        }
        for place in 0..count {
            named.push((place.to_string(), self.counted(depth)?));
        }
        Ok(Value::Map(named))
    }

    fn object(&mut self, header: u32, depth: usize) -> Result<Object, Error> {
        let class = self.class(header)?;
        let mut fields = Vec::new();
        for name in &class.fields {
            let name = self.budget.text(name.as_bytes())?;
            fields.push((name, self.counted(depth)?));
        }
        if class.dynamic {
            fields.append(&mut self.fields(depth)?);
        }
        Ok(Object { class: self.budget.text(class.name.as_bytes())?, fields })
    }

    fn class(&mut self, header: u32) -> Result<Rc<Class>, Error> {
        let rest = header >> 1;
        if header & 1 == 0 {
            return self.tables.classes.get(rest as usize).cloned().ok_or(Error::Reference);
        }
        if rest & 1 != 0 {
            return Err(Error::Externalizable);
        }
        let (dynamic, count) = (rest & 2 != 0, rest >> 2);
        let name = self.text()?;
        self.budget.values(count as usize)?;
        let fields = (0..count).map(|_| self.text()).collect::<Result<_, _>>()?;
        let class = Rc::new(Class { name, fields, dynamic });
        self.tables.classes.push(class.clone());
        Ok(class)
    }

    fn vector(&mut self, marker: u8, count: u32, depth: usize) -> Result<Value, Error> {
        // Whether it may grow.
        self.cursor.u8().ok_or(Error::Short)?;
        if marker == VECTOR_OBJECT {
            // The class of them all.
            self.text()?;
        }
        let element = |reader: &mut Self| {
            Ok(match marker {
                VECTOR_INT => Value::Number(reader.cursor.u32().ok_or(Error::Short)?.cast_signed().into()),
                VECTOR_UINT => Value::Number(reader.cursor.u32().ok_or(Error::Short)?.into()),
                VECTOR_DOUBLE => Value::Number(reader.double()?),
                _ => return reader.counted(depth),
            })
        };
        if marker != VECTOR_OBJECT {
            self.budget.values(count as usize)?;
        }
        Ok(Value::Array((0..count).map(|_| element(self)).collect::<Result<_, _>>()?))
    }

    fn dictionary(&mut self, count: u32, depth: usize) -> Result<Value, Error> {
        // Whether it keeps its keys from being collected.
        self.cursor.u8().ok_or(Error::Short)?;
        let pairs = (0..count).map(|_| Ok((self.counted(depth)?, self.counted(depth)?)));
        Ok(Value::Dictionary(pairs.collect::<Result<_, _>>()?))
    }

    fn fields(&mut self, depth: usize) -> Result<Vec<(String, Value)>, Error> {
        let mut fields = Vec::new();
        loop {
            let name = self.text()?;
            if name.is_empty() {
                return Ok(fields);
            }
            fields.push((name, self.counted(depth)?));
        }
    }

    fn text(&mut self) -> Result<String, Error> {
        let header = self.u29()?;
        let rest = header >> 1;
        if header & 1 == 0 {
            let bytes = self.tables.strings.get(rest as usize).ok_or(Error::Reference)?;
            return self.budget.text(bytes);
        }
        let bytes = self.cursor.take(rest as usize).ok_or(Error::Short)?;
        // The empty one is never referred to.
        if !bytes.is_empty() {
            self.tables.strings.push(bytes.into());
        }
        self.budget.text(bytes)
    }

    fn inline_text(&mut self, length: u32) -> Result<String, Error> {
        let bytes = self.take(length)?;
        self.budget.text(bytes)
    }

    fn take(&mut self, length: u32) -> Result<&'a [u8], Error> {
        self.cursor.take(length as usize).ok_or(Error::Short)
    }

    fn double(&mut self) -> Result<f64, Error> {
        self.cursor.f64().ok_or(Error::Short)
    }

    /// An integer of up to 29 bits: seven a byte and a bit that says whether more follow, eight in the fourth.
    fn u29(&mut self) -> Result<u32, Error> {
        let mut number = 0;
        for _ in 0..3 {
            let byte = self.cursor.u8().ok_or(Error::Short)?;
            number = number << 7 | u32::from(byte & 0x7f);
            if byte & 0x80 == 0 {
                return Ok(number);
            }
        }
        Ok(number << 8 | u32::from(self.cursor.u8().ok_or(Error::Short)?))
    }
}
