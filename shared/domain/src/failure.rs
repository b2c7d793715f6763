//! Why a job ended without pictures: one code each, with what a caller may be told.

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
            Self::OutputInvalid => "The image provider did not deliver a picture.",
            Self::OutcomeUnknown => "The image provider did not answer.",
            Self::JobExpired => "There was no result in time.",
        }
    }

    /// Whether the same order, sent as a new job, may well succeed.
    #[must_use]
    pub const fn retryable(self) -> bool {
        match self {
            Self::ContentModerated | Self::ProviderRejected => false,
            Self::ProviderFailed
            | Self::OutputInvalid
            | Self::OutcomeUnknown
            | Self::JobExpired => true,
        }
    }
}
