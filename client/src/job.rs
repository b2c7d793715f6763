//! A job, as the API tells of it.

use std::{collections::BTreeMap, fmt};

use serde::Deserialize;

use crate::Usd;

/// What was ordered, and what has become of it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct Job {
    /// What it is asked for by.
    pub id: String,
    /// Where it stands.
    pub status: Status,
    /// Which model draws.
    pub model: String,
    /// When it was accepted, as RFC 3339.
    pub created_at: String,
    /// When it ended.
    pub completed_at: Option<String>,
    /// The pictures, if it has succeeded.
    pub output: Option<Output>,
    /// Why there are none, if it ended without.
    pub error: Option<JobError>,
    /// What is held for it.
    pub estimated_cost: Usd,
    /// What it cost; none until it has ended.
    pub charged_amount: Option<Usd>,
    /// How many pictures were ordered.
    pub n: u8,
    /// The shape that is made.
    pub size: String,
    /// When it has ended at the latest.
    pub expires_at: String,
    /// As it was given.
    pub metadata: BTreeMap<String, String>,
}

/// Where a job stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Status {
    /// Nobody has begun.
    Pending,
    /// Somebody is at it.
    Processing,
    /// There are pictures.
    Succeeded,
    /// There are none.
    Failed,
    /// There were none in time.
    Expired,
    /// It was canceled, or the operator gave the money back.
    Refunded,
    /// A status of a later version: not an end that we know.
    #[serde(other)]
    Other,
}

impl Status {
    /// Whether it stays so.
    #[must_use]
    pub const fn is_final(self) -> bool {
        match self {
            Self::Succeeded | Self::Failed | Self::Expired | Self::Refunded => true,
            Self::Pending | Self::Processing | Self::Other => false,
        }
    }

    /// The word that the API has for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Processing => "processing",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Expired => "expired",
            Self::Refunded => "refunded",
            Self::Other => "other",
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The pictures of a job.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct Output {
    /// All of them.
    pub images: Vec<Image>,
    /// Until when their URLs work. Asking for the job again signs new ones.
    pub url_expires_at: String,
}

/// A picture.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct Image {
    /// Opens it to whoever has it.
    pub url: String,
    /// In pixels.
    pub width: u32,
    /// In pixels.
    pub height: u32,
    /// Such as `image/png`.
    pub content_type: String,
    /// What draws it again, where the provider says so.
    pub seed: Option<u32>,
}

impl fmt::Debug for Image {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { url: _, width, height, content_type, seed } = self;
        write!(f, "Image({width}x{height} {content_type}, seed {seed:?})")
    }
}

/// Why a job ended without pictures.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct JobError {
    /// For programs.
    pub code: String,
    /// For people.
    pub message: String,
    /// Whether the same order, as a new job, may well succeed.
    pub retryable: bool,
}
