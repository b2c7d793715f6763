//! What deliveries are signed with: HMAC-SHA256 over id, time and body.

use std::fmt;

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use hmac::{Hmac, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

use super::EventId;
use crate::time::Timestamp;

/// How many random bytes a fresh secret needs.
pub const SECRET_BYTES: usize = 32;
/// What the text of a secret begins with.
const SECRET: &str = "whsec_";

/// What deliveries to one receiver are signed with. It is not shown.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Secret([u8; SECRET_BYTES]);

/// The text is not a secret of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a webhook secret")]
pub struct BadSecret;

impl Secret {
    /// A secret made of random bytes.
    #[must_use]
    pub const fn new(random: [u8; SECRET_BYTES]) -> Self {
        Self(random)
    }

    /// The secret as its owner is told it, once.
    #[must_use]
    pub fn reveal(&self) -> String {
        format!("{SECRET}{}", BASE64.encode(self.0))
    }

    /// The signature of an attempt at `at`: `v1,` and base 64.
    #[must_use]
    pub fn sign(&self, event: &EventId, at: Timestamp, body: &str) -> String {
        // A key of any length will do.
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&self.0) else { return String::new() };
        mac.update(format!("{event}.{}.{body}", at.seconds()).as_bytes());
        format!("v1,{}", BASE64.encode(mac.finalize().into_bytes()))
    }
}

impl TryFrom<String> for Secret {
    type Error = BadSecret;

    fn try_from(text: String) -> Result<Self, BadSecret> {
        let bytes = text.strip_prefix(SECRET).and_then(|text| BASE64.decode(text).ok());
        let bytes = bytes.and_then(|bytes| bytes.try_into().ok());
        bytes.map(Self).ok_or(BadSecret)
    }
}

impl From<Secret> for String {
    fn from(secret: Secret) -> Self {
        secret.reveal()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(***)")
    }
}

/// The secrets of a receiver: the one in use, and while it is rotated the one before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Secrets {
    /// The one in use.
    pub current: Secret,
    /// The one before, and until when it signs as well.
    pub previous: Option<(Secret, Timestamp)>,
}

impl Secrets {
    /// The header `webhook-signature`: one signature for each secret that counts, with a blank between.
    #[must_use]
    pub fn sign(&self, event: &EventId, at: Timestamp, body: &str) -> String {
        let signature = self.current.sign(event, at, body);
        match &self.previous {
            Some((previous, until)) if at < *until => {
                format!("{signature} {}", previous.sign(event, at, body))
            }
            Some(_) | None => signature,
        }
    }
}

#[cfg(test)]
mod tests;
