//! API keys: `hf_<live|test>_<id>_<secret><checksum>`.
//!
//! The prefix lets secret scanners find a leaked key, the id names the row to look up and may
//! appear in logs, the secret has 190 random bits, and the checksum (CRC-32 of everything before
//! it) refuses a mistyped key without asking a table. Only the SHA-256 of the whole key is stored,
//! which is enough for a secret that cannot be guessed.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const ID_CHARS: usize = 12;
const SECRET_CHARS: usize = 32;
const CHECKSUM_CHARS: usize = 6;

/// How many keys of a user may open anything at a time: one in use, and one that takes its place.
pub const ACTIVE_MAX: usize = 2;

/// How many random bytes a fresh key needs.
pub const ENTROPY_BYTES: usize = ID_CHARS + SECRET_CHARS;

/// Whether a key is for trying things out or for real.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Environment {
    /// A deployed stack.
    Live,
    /// A stack on one machine.
    Test,
}

impl Environment {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Test => "test",
        }
    }
}

/// The text is not an environment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("neither `live` nor `test`")]
pub struct BadEnvironment;

impl FromStr for Environment {
    type Err = BadEnvironment;

    fn from_str(text: &str) -> Result<Self, BadEnvironment> {
        match text {
            "live" => Ok(Self::Live),
            "test" => Ok(Self::Test),
            _ => Err(BadEnvironment),
        }
    }
}

/// The public part of a key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct KeyId(String);

impl KeyId {
    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for KeyId {
    type Error = BadApiKey;

    fn try_from(text: String) -> Result<Self, BadApiKey> {
        let good = text.len() == ID_CHARS && text.bytes().all(|b| ALPHABET.contains(&b));
        if good { Ok(Self(text)) } else { Err(BadApiKey) }
    }
}

impl FromStr for KeyId {
    type Err = BadApiKey;

    fn from_str(text: &str) -> Result<Self, BadApiKey> {
        text.to_owned().try_into()
    }
}

impl From<KeyId> for String {
    fn from(id: KeyId) -> Self {
        id.0
    }
}

/// The text does not have the form of a key, or was mistyped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an API key")]
pub struct BadApiKey;

/// The SHA-256 of a key, in hexadecimal: what is stored of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct KeyHash(pub String);

/// A whole key, secret included. It is shown once, when it is made, and never logged.
#[derive(Clone, PartialEq, Eq)]
pub struct ApiKey {
    text: String,
    id: KeyId,
}

impl ApiKey {
    /// A fresh key from random bytes.
    #[must_use]
    pub fn mint(environment: Environment, entropy: &[u8; ENTROPY_BYTES]) -> Self {
        // 256 is no multiple of 62, so some letters are 5 in 256 and others 4: each still carries
        // more than 5.9 bits, and 32 of them 190.
        let letters: String = entropy.iter().map(|byte| letter(u32::from(*byte))).collect();
        let (id, secret) = letters.split_at(ID_CHARS);
        let body = format!("hf_{}_{id}_{secret}", environment.as_str());
        let text = format!("{body}{}", checksum(&body));
        Self { text, id: KeyId(id.to_owned()) }
    }

    /// The public part.
    #[must_use]
    pub fn id(&self) -> &KeyId {
        &self.id
    }

    /// What is stored of it.
    #[must_use]
    pub fn hash(&self) -> KeyHash {
        KeyHash(hex::encode(Sha256::digest(self.text.as_bytes())))
    }

    /// The key itself, for the one time that it is shown.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.text
    }
}

impl FromStr for ApiKey {
    type Err = BadApiKey;

    fn from_str(text: &str) -> Result<Self, BadApiKey> {
        let rest = text.strip_prefix("hf_live_").or_else(|| text.strip_prefix("hf_test_"));
        let (id, secret) = rest.and_then(|rest| rest.split_once('_')).ok_or(BadApiKey)?;
        let long_enough = secret.len() == SECRET_CHARS.saturating_add(CHECKSUM_CHARS);
        if !long_enough || !secret.bytes().all(|b| ALPHABET.contains(&b)) {
            return Err(BadApiKey);
        }
        let end = text.len().saturating_sub(CHECKSUM_CHARS);
        let (body, sum) = text.split_at_checked(end).ok_or(BadApiKey)?;
        if checksum(body) == sum {
            Ok(Self { text: text.to_owned(), id: id.parse()? })
        } else {
            Err(BadApiKey)
        }
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ApiKey({}, ***)", self.id)
    }
}

/// The letter for a number, counted round the alphabet.
fn letter(number: u32) -> char {
    let index = usize::try_from(number % 62).unwrap_or_default();
    ALPHABET.get(index).copied().map_or('0', char::from)
}

/// Six letters for the CRC-32 of a text; 62^6 is above 2^32, so none of it is lost.
fn checksum(text: &str) -> String {
    let mut rest = crc32fast::hash(text.as_bytes());
    let mut letters = [' '; CHECKSUM_CHARS];
    for place in letters.iter_mut().rev() {
        *place = letter(rest);
        rest /= 62;
    }
    letters.iter().collect()
}

#[cfg(test)]
mod tests;
