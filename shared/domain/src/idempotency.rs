//! What makes two requests the same request: the key that a caller chose.

use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// The longest key, in characters.
pub const KEY_CHARS_MAX: usize = 128;

/// A caller's name for one attempt to order something: 1 to 128 characters, none of them a
/// control character. It is compared, never shown or logged.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct IdempotencyKey(String);

/// The text is not an idempotency key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an idempotency key has 1 to 128 characters and no control characters")]
pub struct BadKey;

impl IdempotencyKey {
    /// The key's SHA-256 in hexadecimal: what is stored instead of the key, of one length whatever
    /// the caller wrote.
    #[must_use]
    pub fn digest(&self) -> String {
        hex::encode(Sha256::digest(self.0.as_bytes()))
    }
}

impl TryFrom<String> for IdempotencyKey {
    type Error = BadKey;

    fn try_from(text: String) -> Result<Self, BadKey> {
        let length = text.chars().take(KEY_CHARS_MAX.saturating_add(1)).count();
        let fits = (1..=KEY_CHARS_MAX).contains(&length);
        if fits && !text.chars().any(char::is_control) { Ok(Self(text)) } else { Err(BadKey) }
    }
}

impl From<IdempotencyKey> for String {
    fn from(key: IdempotencyKey) -> Self {
        key.0
    }
}

impl fmt::Debug for IdempotencyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("IdempotencyKey(***)")
    }
}

#[cfg(test)]
mod tests;
