//! Why a job ended without pictures: one code each, with what a caller may be told.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Why there are no pictures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Failure {
    /// Content moderation refused the prompt or the result.
    ContentModerated,
    /// The provider does not take this request, and would not take it again.
    ProviderRejected,
    /// The provider tried and failed.
    ProviderFailed,
    /// The picture at `image_url` cannot be fetched.
    ImageUrlUnreachable,
    /// What is at `image_url` is no picture that can be changed.
    ImageUrlNotAPicture,
    /// The provider answered with something that is not a picture.
    OutputInvalid,
    /// It was never learned whether the provider had accepted the request, twice.
    OutcomeUnknown,
    /// There was no result in time.
    JobExpired,
}

impl Failure {
    /// The stable code in `error.code`.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::ContentModerated => "content_moderated",
            Self::ProviderRejected => "provider_rejected",
            Self::ProviderFailed => "provider_failed",
            Self::ImageUrlUnreachable => "image_url_unreachable",
            Self::ImageUrlNotAPicture => "image_url_not_a_picture",
            Self::OutputInvalid => "output_invalid",
            Self::OutcomeUnknown => "outcome_unknown",
            Self::JobExpired => "job_expired",
        }
    }

    /// A sentence for people. It says what happened, never what became of the money: the amounts
    /// in the job say that.
    #[must_use]
    pub const fn message(self) -> &'static str {
        match self {
            Self::ContentModerated => "Content moderation refused this request.",
            Self::ProviderRejected => "The image provider does not take this request.",
            Self::ProviderFailed => "The image provider failed.",
            Self::ImageUrlUnreachable => "The picture at image_url could not be fetched.",
            Self::ImageUrlNotAPicture => {
                "What is at image_url is not a PNG, JPEG or WebP of at most 10 MiB and 8192 pixels a side."
            }
            Self::OutputInvalid => "The image provider did not deliver a picture.",
            Self::OutcomeUnknown => "The image provider did not answer.",
            Self::JobExpired => "There was no result in time.",
        }
    }

    /// Whether the same order, sent as a new job, may well succeed.
    #[must_use]
    pub const fn retryable(self) -> bool {
        match self {
            Self::ContentModerated | Self::ProviderRejected | Self::ImageUrlNotAPicture => false,
            Self::ProviderFailed
            | Self::ImageUrlUnreachable
            | Self::OutputInvalid
            | Self::OutcomeUnknown
            | Self::JobExpired => true,
        }
    }
}

/// Why a job fails: the code, and what the provider said, where that helps the caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// The code.
    pub failure: Failure,
    /// What the provider said.
    pub reason: Option<Reason>,
}

impl From<Failure> for Verdict {
    fn from(failure: Failure) -> Self {
        Self { failure, reason: None }
    }
}

/// What a provider said about a request that it does not take, fit to be shown to the caller: one
/// short line that names neither the provider nor any address. Never logged: it may quote the prompt.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Reason(String);

/// The longest reason that is shown, in characters.
const REASON_CHARS_MAX: usize = 200;

/// What gives away who the provider is, or where. Whoever says one of these is not quoted at all.
const TELLTALES: [&str; 11] = [
    "black forest",
    "bfl",
    "ideogram",
    "recraft",
    "http",
    "www.",
    "api key",
    "api_key",
    "x-key",
    "token",
    "traceback",
];

/// The same, where it is a word of its own: it is a part of many others.
const TELLTALE_WORD: &str = "fal";
/// A word of at least so many characters, with so many digits, is an id of something of the provider's.
const ID_CHARS: usize = 16;
/// See [`ID_CHARS`].
const ID_DIGITS: usize = 4;

impl Reason {
    /// Cleans what a provider said. `None` if nothing is left, or it would give away too much.
    #[must_use]
    pub fn clean(said: &str) -> Option<Self> {
        // A bound before the work: an upstream may say a megabyte.
        let start: String = said.chars().take(REASON_CHARS_MAX.saturating_mul(8)).collect();
        let visible = |c: char| if c.is_control() || !is_plain(c) { ' ' } else { c };
        let line: String = start.chars().map(visible).collect();
        let words: Vec<&str> = line.split_whitespace().collect();
        let line: String = words.join(" ").chars().take(REASON_CHARS_MAX).collect();
        let lower = line.to_lowercase();
        let told = line.is_empty()
            || TELLTALES.iter().any(|telltale| lower.contains(telltale))
            || lower.split(|c: char| !c.is_alphanumeric()).any(|word| word == TELLTALE_WORD)
            || lower.split(|c: char| !is_of_id(c)).any(is_id);
        (!told).then_some(Self(line))
    }

    /// The line.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn is_of_id(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '-' | '_')
}

fn is_id(word: &str) -> bool {
    let digits = word.chars().filter(char::is_ascii_digit).count();
    word.chars().count() >= ID_CHARS && digits >= ID_DIGITS
}

/// Whether a character is one that nobody can hide text with: no markup, no direction marks.
const fn is_plain(c: char) -> bool {
    !matches!(c, '<' | '>' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

impl fmt::Debug for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Reason(***)")
    }
}

#[cfg(test)]
mod tests;
