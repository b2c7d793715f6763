//! Checking that a webhook comes from where it says, by Standard Webhooks 1.0
//! (<https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md>).
//!
//! The signature covers the id, the time and the bytes of the body as they came: check before the body is
//! parsed. Keep the ids of the last days, too: a delivery may come twice.

use std::{fmt, time::Duration};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hmac::{Hmac, Mac as _};
use sha2::Sha256;
use subtle::ConstantTimeEq as _;

/// What a secret begins with.
const PREFIX: &str = "whsec_";
/// How old or how far ahead a delivery may be, unless the caller says otherwise.
const TOLERANCE: Duration = Duration::from_mins(5);

/// The secret of an endpoint.
#[derive(Clone)]
pub struct Verifier {
    secret: Vec<u8>,
    tolerance: Duration,
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Verifier(***)")
    }
}

/// The text is no secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a webhook secret is whsec_ and base 64")]
pub struct BadSecret;

/// The three headers of a delivery.
#[derive(Clone, Copy, Debug)]
pub struct Headers<'a> {
    /// `webhook-id`
    pub id: &'a str,
    /// `webhook-timestamp`
    pub timestamp: &'a str,
    /// `webhook-signature`
    pub signature: &'a str,
}

/// Why a delivery is not to be believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unverified {
    /// The time is no number of seconds.
    #[error("webhook-timestamp is not a number of seconds")]
    BadTimestamp,
    /// It is from another time: an old delivery that somebody repeats, or a clock is wrong.
    #[error("the delivery is too old, or from the future")]
    OutOfTime,
    /// None of the signatures is one by our secret.
    #[error("no signature is one by this secret")]
    BadSignature,
}

impl Verifier {
    /// For a secret, as it was shown: `whsec_…`.
    ///
    /// # Errors
    /// [`BadSecret`]
    pub fn new(secret: &str) -> Result<Self, BadSecret> {
        let text = secret.strip_prefix(PREFIX).unwrap_or(secret);
        let secret = STANDARD.decode(text).map_err(|_| BadSecret)?;
        if secret.is_empty() {
            return Err(BadSecret);
        }
        Ok(Self { secret, tolerance: TOLERANCE })
    }

    /// With another tolerance for clocks and for the way.
    #[must_use]
    pub fn with_tolerance(self, tolerance: Duration) -> Self {
        Self { tolerance, ..self }
    }

    /// Checks a delivery; `now` is in seconds since 1970. It is good if one of its signatures is: while a secret
    /// is being rotated there are two.
    ///
    /// # Errors
    /// [`Unverified`]
    pub fn verify(&self, headers: Headers<'_>, body: &[u8], now: u64) -> Result<(), Unverified> {
        let at: u64 = headers.timestamp.parse().map_err(|_| Unverified::BadTimestamp)?;
        if at.abs_diff(now) > self.tolerance.as_secs() {
            return Err(Unverified::OutOfTime);
        }
        let mut mac =
            Hmac::<Sha256>::new_from_slice(&self.secret).map_err(|_| Unverified::BadSignature)?;
        for part in [headers.id.as_bytes(), b".", headers.timestamp.as_bytes(), b".", body] {
            mac.update(part);
        }
        let expected = mac.finalize().into_bytes();
        let versioned = headers.signature.split(' ').filter_map(|one| one.strip_prefix("v1,"));
        let told = versioned.filter_map(|text| STANDARD.decode(text).ok());
        // All of them are looked at, whichever it is.
        let good =
            told.fold(false, |good, told| good | bool::from(expected.ct_eq(told.as_slice())));
        if good { Ok(()) } else { Err(Unverified::BadSignature) }
    }
}

#[cfg(test)]
mod tests;
