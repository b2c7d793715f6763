//! Reads a JSON object whose members each have a name of their own.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, Visitor};
use serde_json::{Map, Value};

use super::shorten;
use crate::Refusal;

/// The members of the object in `body`.
///
/// # Errors
/// [`Refusal::MalformedJson`] or [`Refusal::DuplicateParameter`].
pub(super) fn read(body: &[u8]) -> Result<Map<String, Value>, Refusal> {
    let mut doubled = None;
    let mut json = serde_json::Deserializer::from_slice(body);
    let read = Members { doubled: &mut doubled }.deserialize(&mut json);
    let read = read.and_then(|members| json.end().map(|()| members));
    match (read, doubled) {
        (_, Some(name)) => Err(Refusal::DuplicateParameter(shorten(&name))),
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

struct Members<'a> {
    doubled: &'a mut Option<String>,
}

impl<'de> DeserializeSeed<'de> for Members<'_> {
    type Value = Map<String, Value>;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Self::Value, D::Error> {
        json.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Members<'_> {
    type Value = Map<String, Value>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Self::Value, A::Error> {
        let mut members = Map::new();
        while let Some((name, value)) = access.next_entry::<String, Value>()? {
            if members.contains_key(&name) {
                *self.doubled = Some(name);
                return Err(A::Error::custom("doubled"));
            }
            members.insert(name, value);
        }
        Ok(members)
    }
}
