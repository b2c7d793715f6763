//! Reads JSON in which the members of each object, at any depth, have names of their own.
//!
//! `serde_json`'s own reader of values keeps the last of two members of one name. It also takes an
//! object that begins with one of its marks for the JSON in a text, which it reads to any depth:
//! such a value could be stored, but not be read again.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use super::shorten;
use crate::Refusal;

/// What the marks of `serde_json` begin with.
const MARK: &str = "$serde_json::private::";

/// The members of the object in `body`.
///
/// # Errors
/// [`Refusal::MalformedJson`], [`Refusal::DuplicateParameter`], or [`Refusal::UnknownParameter`]
/// for a mark.
pub(super) fn read(body: &[u8]) -> Result<Map<String, Value>, Refusal> {
    let mut refusal = None;
    let mut json = serde_json::Deserializer::from_slice(body);
    let read = json.deserialize_map(Members(Reader { refusal: &mut refusal }));
    let read = read.and_then(|members| json.end().map(|()| members));
    match (read, refusal) {
        (_, Some(refusal)) => Err(refusal),
        (Ok(members), None) => Ok(members),
        (Err(error), None) => Err(Refusal::MalformedJson(describe(&error))),
    }
}

/// Where it went wrong, without repeating what was there.
fn describe(error: &serde_json::Error) -> String {
    let (line, column) = (error.line(), error.column());
    if error.is_eof() {
        format!("it ends too early, at line {line} column {column}")
    } else {
        format!("see line {line} column {column}")
    }
}

/// Reads a value, and notes why it does not.
struct Reader<'a> {
    refusal: &'a mut Option<Refusal>,
}

impl Reader<'_> {
    fn members<'de, A: MapAccess<'de>>(
        self,
        mut access: A,
    ) -> Result<Map<String, Value>, A::Error> {
        let mut members = Map::new();
        while let Some(name) = access.next_key::<String>()? {
            let refusal = if name.starts_with(MARK) {
                Refusal::UnknownParameter
            } else if members.contains_key(&name) {
                Refusal::DuplicateParameter
            } else {
                let value = access.next_value_seed(Reader { refusal: &mut *self.refusal })?;
                members.insert(name, value);
                continue;
            };
            *self.refusal = Some(refusal(shorten(&name)));
            return Err(A::Error::custom("refused"));
        }
        Ok(members)
    }
}

impl<'de> DeserializeSeed<'de> for Reader<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Value, D::Error> {
        json.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Reader<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut values = Vec::new();
        while let Some(value) = access.next_element_seed(Reader { refusal: &mut *self.refusal })? {
            values.push(value);
        }
        Ok(values.into())
    }

    fn visit_map<A: MapAccess<'de>>(self, access: A) -> Result<Value, A::Error> {
        self.members(access).map(Value::Object)
    }
}

/// Reads an object and nothing else.
struct Members<'a>(Reader<'a>);

impl<'de> Visitor<'de> for Members<'_> {
    type Value = Map<String, Value>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, access: A) -> Result<Self::Value, A::Error> {
        self.0.members(access)
    }
}
