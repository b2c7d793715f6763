//! Names that cannot be mixed up: of users, jobs and API keys. Each has one spelling.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::time::Timestamp;

/// The text is not an id of this kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an id of this kind")]
pub struct BadId;

/// Ten random bytes, the random part of a fresh id.
pub type Entropy = [u8; 10];

/// A UUIDv7: ids made later sort later.
fn uuid_v7(now: Timestamp, entropy: &Entropy) -> Uuid {
    uuid::Builder::from_unix_timestamp_millis(now.millis(), entropy).into_uuid()
}

/// A job, named by a UUIDv7 in its hyphenated lower-case spelling. Jobs made later sort later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct JobId(Uuid);

impl JobId {
    /// A fresh id.
    #[must_use]
    pub fn new(now: Timestamp, entropy: &Entropy) -> Self {
        Self(uuid_v7(now, entropy))
    }

    /// The id's 128 bits; the last ones are random.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 16] {
        self.0.as_bytes()
    }

    /// When the id was made, which is when its job was accepted.
    #[must_use]
    pub fn made_at(&self) -> Timestamp {
        // A UUIDv7 begins with 48 bits of milliseconds.
        let millis = u128::from_be_bytes(*self.as_bytes()) >> 80;
        Timestamp::from_millis(u64::try_from(millis).unwrap_or(u64::MAX))
    }
}

impl FromStr for JobId {
    type Err = BadId;

    /// Reads the one spelling that [`JobId`] writes, and no other that a UUID may have.
    fn from_str(text: &str) -> Result<Self, BadId> {
        let uuid = Uuid::try_parse(text).map_err(|_| BadId)?;
        let same = uuid.get_version_num() == 7 && uuid.hyphenated().to_string() == text;
        if same { Ok(Self(uuid)) } else { Err(BadId) }
    }
}

impl fmt::Display for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(f)
    }
}

impl TryFrom<String> for JobId {
    type Error = BadId;

    fn try_from(text: String) -> Result<Self, BadId> {
        text.parse()
    }
}

impl From<JobId> for String {
    fn from(id: JobId) -> Self {
        id.to_string()
    }
}

/// An entry of the ledger that belongs to no job: a credit. A UUIDv7 like a [`JobId`], so that all
/// entries of a user sort by time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct CreditId(Uuid);

impl CreditId {
    /// A fresh id.
    #[must_use]
    pub fn new(now: Timestamp, entropy: &Entropy) -> Self {
        Self(uuid_v7(now, entropy))
    }
}

impl fmt::Display for CreditId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(f)
    }
}

/// Text of 1 to `longest` lower-case letters, digits, `_` and `-`.
fn plain(text: &str, longest: usize) -> bool {
    let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_' || b == b'-';
    !text.is_empty() && text.len() <= longest && text.bytes().all(allowed)
}

/// Who pays: up to 64 lower-case letters, digits, `_` and `-`, given by the operator.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct UserId(String);

impl UserId {
    /// A fresh id, for operators who bring no name of their own.
    #[must_use]
    pub fn new(now: Timestamp, entropy: &Entropy) -> Self {
        Self(format!("user_{}", uuid_v7(now, entropy).simple()))
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for UserId {
    type Err = BadId;

    fn from_str(text: &str) -> Result<Self, BadId> {
        if plain(text, 64) { Ok(Self(text.to_owned())) } else { Err(BadId) }
    }
}

impl fmt::Display for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for UserId {
    type Error = BadId;

    fn try_from(text: String) -> Result<Self, BadId> {
        text.parse()
    }
}

impl From<UserId> for String {
    fn from(id: UserId) -> Self {
        id.0
    }
}

#[cfg(test)]
mod tests;
