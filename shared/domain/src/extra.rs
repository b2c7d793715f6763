//! What a model takes in `extra`: keys that reach the upstream, each with the values that it takes.
//!
//! A key that changes how much is delivered or what it costs is in no model's list.

use serde_json::Value;

use crate::order::{OrderError, SEED_MAX};

/// A key of `extra`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extra {
    /// The key.
    pub key: &'static str,
    /// The values that it takes.
    pub takes: Takes,
}

/// The values that a key of `extra` takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Takes {
    /// A whole number from 0 to [`SEED_MAX`].
    Seed,
    /// `true` or `false`.
    Flag,
    /// A whole number from 0 to this one.
    UpTo(u64),
    /// One of these words.
    OneOf(&'static [&'static str]),
    /// One of these words. Others are for sale elsewhere, at another price.
    Style(&'static [&'static str]),
    /// The name of a style within a style, of at most so many characters: small letters, digits and
    /// underscores. One that draws vectors is for sale elsewhere, at another price.
    Substyle(usize),
    /// Text of at most so many characters.
    Text(usize),
    /// At most so many texts of eight hexadecimal digits.
    Codes(usize),
    /// An object, which the upstream reads. Its numbers must be exact.
    Object,
}

impl Extra {
    /// Whether the key takes this value.
    ///
    /// # Errors
    /// If it does not, with what it takes.
    pub fn check(&self, value: &Value) -> Result<(), OrderError> {
        if self.takes.fits(value) {
            return Ok(());
        }
        let key = self.key;
        if matches!(self.takes, Takes::Style(_)) {
            return Err(OrderError::ExtraNotAllowed(key.to_owned()));
        }
        Err(OrderError::BadExtra { key, rule: self.takes.rule() })
    }
}

impl Takes {
    fn fits(self, value: &Value) -> bool {
        match self {
            Self::Seed => value.as_u64().is_some_and(|seed| seed <= u64::from(SEED_MAX)),
            Self::Flag => value.is_boolean(),
            Self::UpTo(most) => value.as_u64().is_some_and(|number| number <= most),
            Self::OneOf(words) | Self::Style(words) => {
                value.as_str().is_some_and(|word| words.contains(&word))
            }
            Self::Substyle(most) => {
                let name = |text: &&str| {
                    text.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_'))
                };
                value.as_str().filter(name).is_some_and(|text| {
                    (1..=most).contains(&text.len()) && !text.contains("vector")
                })
            }
            Self::Text(most) => {
                value.as_str().is_some_and(|text| (1..=most).contains(&text.chars().count()))
            }
            Self::Codes(most) => value.as_array().is_some_and(|codes| {
                (1..=most).contains(&codes.len()) && codes.iter().all(is_code)
            }),
            Self::Object => value.is_object() && is_exact(value),
        }
    }

    /// What it takes, for error messages.
    #[must_use]
    pub fn rule(self) -> String {
        match self {
            Self::Seed => format!("must be a whole number from 0 to {SEED_MAX}"),
            Self::Flag => "must be true or false".to_owned(),
            Self::UpTo(most) => format!("must be a whole number from 0 to {most}"),
            Self::OneOf(words) | Self::Style(words) => {
                format!("must be one of {}", words.join(", "))
            }
            Self::Substyle(most) => {
                format!("must be the name of a raster substyle: 1 to {most} of a-z, 0-9 and _")
            }
            Self::Text(most) => format!("must be text of 1 to {most} characters"),
            Self::Codes(most) => {
                format!("must be 1 to {most} texts of eight hexadecimal digits")
            }
            Self::Object => {
                "must be an object without numbers beyond 9007199254740991, which cannot be passed \
                 on exactly"
                    .to_owned()
            }
        }
    }
}

fn is_code(value: &Value) -> bool {
    value
        .as_str()
        .is_some_and(|code| code.len() == 8 && code.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

/// Whether all numbers in a value are below 2^53, up to where every whole number is its own double.
/// Beyond, two requests that differ could not be told apart.
fn is_exact(value: &Value) -> bool {
    const BOUND: f64 = 9_007_199_254_740_991.0;
    match value {
        Value::Number(number) => number.as_f64().is_some_and(|number| number.abs() <= BOUND),
        Value::Array(values) => values.iter().all(is_exact),
        Value::Object(members) => members.values().all(is_exact),
        Value::Null | Value::Bool(_) | Value::String(_) => true,
    }
}

#[cfg(test)]
mod tests;
