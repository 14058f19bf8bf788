//! AMF0: how RTMP writes commands and metadata (Adobe's "Action Message Format -- AMF 0").
//!
//! What is read is bounded by [`MOST_VALUES`] and [`DEEPEST`]; a length or a count reserves nothing.

use bytes::{BufMut, BytesMut};

/// Values within one message. A `connect` has some twenty, metadata of the most talkative encoders about fifty.
pub const MOST_VALUES: usize = 1024;
/// Objects within objects. Commands of real clients have two.
pub const DEEPEST: usize = 16;

const NUMBER: u8 = 0x00;
const BOOLEAN: u8 = 0x01;
const STRING: u8 = 0x02;
const OBJECT: u8 = 0x03;
const NULL: u8 = 0x05;
const UNDEFINED: u8 = 0x06;
const REFERENCE: u8 = 0x07;
const ECMA_ARRAY: u8 = 0x08;
const OBJECT_END: u8 = 0x09;
const STRICT_ARRAY: u8 = 0x0a;
const DATE: u8 = 0x0b;
const LONG_STRING: u8 = 0x0c;
const UNSUPPORTED: u8 = 0x0d;
const XML: u8 = 0x0f;
const TYPED_OBJECT: u8 = 0x10;

#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Number(f64),
    Boolean(bool),
    Text(String),
    Object(Vec<(String, Self)>),
    /// The same with a hint of its length, which nobody relies on.
    Map(Vec<(String, Self)>),
    List(Vec<Self>),
    /// Milliseconds since 1970.
    Date(f64),
    Null,
    /// Also stands for what has no meaning here: references, and what the sender could not write.
    Undefined,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    #[error("it ends within a value")]
    Short,
    #[error("a value is of the unknown type {0:#04x}")]
    Type(u8),
    #[error("it has too many values, or they are nested too deeply")]
    TooMuch,
    #[error("it does not begin with a name")]
    Unnamed,
}

impl Value {
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    /// Of members in this order.
    pub fn object<const N: usize>(members: [(&str, Self); N]) -> Self {
        Self::Object(members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
    }

    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    pub const fn as_number(&self) -> Option<f64> {
        match self {
            Self::Number(number) => Some(*number),
            _ => None,
        }
    }

    /// The member of this name, of what has members.
    pub fn member(&self, name: &str) -> Option<&Self> {
        self.members().iter().find(|(other, _)| other == name).map(|(_, value)| value)
    }

    pub fn members(&self) -> &[(String, Self)] {
        match self {
            Self::Object(members) | Self::Map(members) => members,
            _ => &[],
        }
    }
}

/// All values of a message.
pub fn read(bytes: &[u8]) -> Result<Vec<Value>, Malformed> {
    let mut decoder = Decoder { rest: bytes, values: 0 };
    let mut values = Vec::new();
    while !decoder.rest.is_empty() {
        values.push(decoder.value(0)?);
    }
    Ok(values)
}

/// Writes values one behind the other.
pub fn write<'a>(out: &mut BytesMut, values: impl IntoIterator<Item = &'a Value>) {
    values.into_iter().for_each(|value| put(out, value));
}

struct Decoder<'a> {
    rest: &'a [u8],
    values: usize,
}

impl<'a> Decoder<'a> {
    fn value(&mut self, depth: usize) -> Result<Value, Malformed> {
        self.values += 1;
        if depth > DEEPEST || self.values > MOST_VALUES {
            return Err(Malformed::TooMuch);
        }
        Ok(match self.byte()? {
            NUMBER => Value::Number(self.number()?),
            BOOLEAN => Value::Boolean(self.byte()? != 0),
            STRING => Value::Text(self.short_text()?),
            OBJECT => Value::Object(self.members_at(depth)?),
            NULL => Value::Null,
            UNDEFINED | UNSUPPORTED => Value::Undefined,
            REFERENCE => self.take(2).map(|_| Value::Undefined)?,
            ECMA_ARRAY => {
                self.take(4)?;
                Value::Map(self.members_at(depth)?)
            }
            STRICT_ARRAY => Value::List(self.list(depth)?),
            DATE => {
                let date = self.number()?;
                self.take(2)?; // A time zone that is always 0.
                Value::Date(date)
            }
            LONG_STRING | XML => Value::Text(self.long_text()?),
            TYPED_OBJECT => {
                self.short_text()?;
                Value::Object(self.members_at(depth)?)
            }
            other => return Err(Malformed::Type(other)),
        })
    }

    fn members_at(&mut self, depth: usize) -> Result<Vec<(String, Value)>, Malformed> {
        let mut members = Vec::new();
        loop {
            let name = self.short_text()?;
            if name.is_empty() && self.rest.first() == Some(&OBJECT_END) {
                self.take(1)?;
                return Ok(members);
            }
            members.push((name, self.value(depth + 1)?));
        }
    }

    fn list(&mut self, depth: usize) -> Result<Vec<Value>, Malformed> {
        let count = self.length32()?;
        let mut values = Vec::new();
        for _ in 0..count {
            values.push(self.value(depth + 1)?);
        }
        Ok(values)
    }

    fn short_text(&mut self) -> Result<String, Malformed> {
        let length = self.take(2)?;
        self.text(usize::from(u16::from_be_bytes([length[0], length[1]])))
    }

    fn long_text(&mut self) -> Result<String, Malformed> {
        let length = self.length32()?;
        self.text(length)
    }

    fn text(&mut self, length: usize) -> Result<String, Malformed> {
        Ok(String::from_utf8_lossy(self.take(length)?).into_owned())
    }

    fn number(&mut self) -> Result<f64, Malformed> {
        let bytes = self.take(8)?;
        Ok(f64::from_be_bytes(bytes.try_into().map_err(|_| Malformed::Short)?))
    }

    fn length32(&mut self) -> Result<usize, Malformed> {
        let bytes = self.take(4)?;
        Ok(u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]) as usize)
    }

    fn byte(&mut self) -> Result<u8, Malformed> {
        Ok(self.take(1)?[0])
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], Malformed> {
        let (taken, rest) = self.rest.split_at_checked(length).ok_or(Malformed::Short)?;
        self.rest = rest;
        Ok(taken)
    }
}

fn put(out: &mut BytesMut, value: &Value) {
    match value {
        Value::Number(number) => {
            out.put_u8(NUMBER);
            out.put_f64(*number);
        }
        Value::Boolean(truth) => out.put_slice(&[BOOLEAN, u8::from(*truth)]),
        Value::Text(text) => put_text(out, text),
        Value::Object(members) => {
            out.put_u8(OBJECT);
            put_members(out, members);
        }
        Value::Map(members) => {
            out.put_u8(ECMA_ARRAY);
            out.put_u32(u32::try_from(members.len()).unwrap_or(u32::MAX));
            put_members(out, members);
        }
        Value::List(values) => {
            out.put_u8(STRICT_ARRAY);
            out.put_u32(u32::try_from(values.len()).unwrap_or(u32::MAX));
            write(out, values);
        }
        Value::Date(date) => {
            out.put_u8(DATE);
            out.put_f64(*date);
            out.put_u16(0);
        }
        Value::Null => out.put_u8(NULL),
        Value::Undefined => out.put_u8(UNDEFINED),
    }
}

fn put_text(out: &mut BytesMut, text: &str) {
    match u16::try_from(text.len()) {
        Ok(_) => {
            out.put_u8(STRING);
            put_name(out, text);
        }
        Err(_) => {
            out.put_u8(LONG_STRING);
            out.put_u32(u32::try_from(text.len()).unwrap_or(u32::MAX));
            out.put_slice(text.as_bytes());
        }
    }
}

fn put_members(out: &mut BytesMut, members: &[(String, Value)]) {
    for (name, value) in members {
        put_name(out, name);
        put(out, value);
    }
    out.put_slice(&[0, 0, OBJECT_END]);
}

/// A name is no longer than its length can say.
fn put_name(out: &mut BytesMut, name: &str) {
    let length = u16::try_from(name.len()).unwrap_or(u16::MAX);
    out.put_u16(length);
    out.put_slice(&name.as_bytes()[..usize::from(length)]);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            any::<u32>().prop_map(|number| Value::Number(number.into())),
            any::<bool>().prop_map(Value::Boolean),
            ".{0,20}".prop_map(Value::Text),
            any::<u32>().prop_map(|date| Value::Date(date.into())),
            Just(Value::Null),
            Just(Value::Undefined),
        ];
        leaf.prop_recursive(4, 40, 5, |inner| {
            let members = prop::collection::vec(("[a-z]{1,8}", inner.clone()), 0..5);
            prop_oneof![
                members.clone().prop_map(Value::Object),
                members.prop_map(Value::Map),
                prop::collection::vec(inner, 0..5).prop_map(Value::List),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(values in prop::collection::vec(value(), 0..5)) {
            let mut out = BytesMut::new();
            write(&mut out, &values);
            prop_assert_eq!(read(&out), Ok(values));
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
            let _ = read(&bytes);
        }

        #[test]
        fn bytes_of_values_with_any_one_changed_are_read_or_refused(
            values in prop::collection::vec(value(), 1..4),
            at in any::<prop::sample::Index>(),
            byte in any::<u8>(),
        ) {
            let mut out = BytesMut::new();
            write(&mut out, &values);
            let at = at.index(out.len());
            out[at] = byte;
            let _ = read(&out);
        }
    }

    #[test]
    fn nesting_is_bounded_and_so_is_the_number_of_values() {
        let deep: Vec<u8> = [OBJECT, 0, 1, b'a'].repeat(DEEPEST + 2);
        assert_eq!(read(&deep), Err(Malformed::TooMuch));
        let many = vec![NULL; MOST_VALUES + 1];
        assert_eq!(read(&many), Err(Malformed::TooMuch));
        assert!(read(&many[1..]).is_ok());
    }

    #[test]
    fn a_count_reserves_nothing() {
        assert_eq!(read(&[STRICT_ARRAY, 0xff, 0xff, 0xff, 0xff]), Err(Malformed::Short));
        assert_eq!(read(&[LONG_STRING, 0xff, 0xff, 0xff, 0xff, b'a']), Err(Malformed::Short));
    }

    #[test]
    fn a_text_longer_than_64_kib_is_written_as_a_long_one() {
        let long = Value::Text("a".repeat(70_000));
        let mut out = BytesMut::new();
        write(&mut out, [&long]);
        assert_eq!(read(&out), Ok(vec![long]));
    }

    #[test]
    fn an_object_of_a_class_is_an_object() {
        let bytes = [&[TYPED_OBJECT, 0, 1, b'C', 0, 1, b'a', NULL][..], &[0, 0, OBJECT_END]].concat();
        assert_eq!(read(&bytes), Ok(vec![Value::object([("a", Value::Null)])]));
    }
}
