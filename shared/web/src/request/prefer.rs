//! The preference `wait` of RFC 7240: how long the answer to an order may be held back, so that the job has ended by
//! then.
//!
//! A preference is no demand. What is not understood is left alone, as the RFC has it, and what is honoured is told in
//! `Preference-Applied`.

use std::{fmt, time::Duration};

/// The longest wait, in seconds. An answer must be out before the gateway gives up, which is after 30.
const SECONDS_MAX: u64 = 25;
/// The longest wait.
pub const WAIT_MAX: Duration = Duration::from_secs(SECONDS_MAX);

/// How long a caller prefers to wait: 1 to 25 seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wait {
    seconds: u64,
}

impl Wait {
    /// Reads it from what stands in the headers `Prefer`. Of preferences of one name the first counts; longer than
    /// the longest is the longest.
    pub(super) fn read<'a>(headers: impl Iterator<Item = &'a str>) -> Option<Self> {
        let mut preferences = headers.flat_map(|header| split(header, ','));
        let value = preferences.find_map(|preference| {
            let preference = split(preference, ';').next()?;
            let (name, value) = preference.split_once('=').unwrap_or((preference, ""));
            name.trim().eq_ignore_ascii_case("wait").then_some(value.trim())
        })?;
        let quoted = value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
        let digits = quoted.unwrap_or(value);
        let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        // More digits than fit are more than the longest, too.
        let seconds = is_number.then(|| digits.parse().unwrap_or(u64::MAX))?;
        (seconds > 0).then_some(Self { seconds: seconds.min(SECONDS_MAX) })
    }

    /// The time itself.
    #[must_use]
    pub const fn duration(self) -> Duration {
        Duration::from_secs(self.seconds)
    }
}

/// As it is written in `Preference-Applied`.
impl fmt::Display for Wait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "wait={}", self.seconds)
    }
}

/// The parts between separators that do not stand in quotes.
fn split(text: &str, separator: char) -> impl Iterator<Item = &str> {
    let (mut quoted, mut escaped) = (false, false);
    text.split(move |c| {
        if escaped {
            escaped = false;
        } else if quoted && c == '\\' {
            escaped = true;
        } else if c == '"' {
            quoted = !quoted;
        } else {
            return c == separator && !quoted;
        }
        false
    })
}

#[cfg(test)]
mod tests;
