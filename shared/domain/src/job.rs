//! Jobs: what was ordered, by when it must end, and where it stands.
//!
//! ```text
//!               claim                    settle
//!   pending ────────────▶ processing ────────────▶ succeeded
//!      │                   │  ▲   │
//!      │                   └──┘   ├───────────────▶ failed
//!      │               claim again└───────────────▶ expired
//!      ├──────────────────────────────────────────▶ expired
//!      └──────────────────────────────────────────▶ refunded   (canceled)
//!
//!   succeeded ───────────────────────────────────▶ refunded   (given back)
//!                          reverse
//! ```
//!
//! Each arrow into the right-hand column is one transaction that also resolves the hold. Nothing leaves
//! it, but that the operator may give the charge of a success back: one transaction, too, which adds a
//! reversal and changes no record.

use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{
    failure::Verdict,
    hold::{Hold, Resolution},
    ids::{JobId, UserId},
    money::MicroUsd,
    order::{Count, Order, SEED_MAX},
    pocket::Pocket,
    time::Timestamp,
    upstream::Upstream,
};

/// Where a job stands, in the one word that callers see.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Accepted, not begun.
    Pending,
    /// A worker has begun.
    Processing,
    /// There are pictures, and they are paid.
    Succeeded,
    /// There will be no pictures.
    Failed,
    /// There were no pictures in time.
    Expired,
    /// Canceled before it began, or its charge was given back by the operator.
    Refunded,
}

impl Status {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Pending,
        Self::Processing,
        Self::Succeeded,
        Self::Failed,
        Self::Expired,
        Self::Refunded,
    ];

    /// Whether it is final.
    #[must_use]
    pub const fn is_terminal(self) -> bool {
        match self {
            Self::Pending | Self::Processing => false,
            Self::Succeeded | Self::Failed | Self::Expired | Self::Refunded => true,
        }
    }

    /// Whether a job that stands here may stand there later, by any number of the arrows above.
    #[must_use]
    pub const fn leads_to(self, later: Self) -> bool {
        match self {
            Self::Pending => true,
            Self::Processing => !matches!(later, Self::Pending),
            Self::Succeeded => matches!(later, Self::Succeeded | Self::Refunded),
            Self::Failed => matches!(later, Self::Failed),
            Self::Expired => matches!(later, Self::Expired),
            Self::Refunded => matches!(later, Self::Refunded),
        }
    }

    /// The word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Processing => "processing",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Expired => "expired",
            Self::Refunded => "refunded",
        }
    }
}

/// How often a job has been claimed. A write that bears an older fence is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Fence(pub u32);

/// The upstream's own name for our request, in whatever form its adapter needs to ask again.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Task(pub String);

impl Task {
    /// Its SHA-256 in hexadecimal, to tell one task from another without showing either.
    #[must_use]
    pub fn digest(&self) -> String {
        hex::encode(Sha256::digest(self.0.as_bytes()))
    }
}

impl fmt::Debug for Task {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Task(***)")
    }
}

/// What we know of the upstream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Dispatch {
    /// It has nothing of ours: either nothing was sent, or it said that it did not take it.
    Unsent,
    /// Something may have been sent, and no answer was recorded.
    Intended,
    /// It has our request, under this name.
    Accepted(Task),
}

/// A job being worked on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    /// How often it has been claimed.
    pub fence: Fence,
    /// Until when nobody else may claim it; `None` when it was put down.
    pub lease_until: Option<Timestamp>,
    /// By when the upstream must have finished.
    pub deadline: Timestamp,
    /// How many requests the upstream accepted, or may have accepted.
    pub submits: u8,
    /// What we know of the latest of them.
    pub dispatch: Dispatch,
}

/// A picture in our own store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Image {
    /// Its key in the object store.
    pub key: String,
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
    /// `image/png` and the like.
    pub content_type: String,
    /// The seed it was made with, where the upstream tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seed: Option<u32>,
}

/// Where a job stands, with what belongs to it there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// Accepted, not begun.
    Pending,
    /// Being worked on.
    Processing(Run),
    /// Done and paid.
    Succeeded {
        /// When.
        at: Timestamp,
        /// The pictures, at least one.
        images: Vec<Image>,
        /// What they cost.
        charged: MicroUsd,
    },
    /// Ended without pictures.
    Failed {
        /// When.
        at: Timestamp,
        /// Why.
        verdict: Verdict,
    },
    /// Ended by time.
    Expired {
        /// When.
        at: Timestamp,
    },
    /// Canceled, or its charge was given back.
    Refunded {
        /// When it ended; a success that is given back has ended before.
        at: Timestamp,
        /// Which of the two.
        why: Refund,
    },
}

/// Why a job is refunded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refund {
    /// Its owner canceled it before it began.
    Canceled,
    /// It had succeeded, and the operator gave the charge back.
    Reversed {
        /// When.
        at: Timestamp,
        /// What had been delivered. It is not shown any more: who has pictures has paid for them.
        images: Vec<Image>,
    },
}

impl State {
    /// The one word for it.
    #[must_use]
    pub const fn status(&self) -> Status {
        match self {
            Self::Pending => Status::Pending,
            Self::Processing(_) => Status::Processing,
            Self::Succeeded { .. } => Status::Succeeded,
            Self::Failed { .. } => Status::Failed,
            Self::Expired { .. } => Status::Expired,
            Self::Refunded { .. } => Status::Refunded,
        }
    }

    /// Whether its owner canceled it.
    #[must_use]
    pub const fn is_canceled(&self) -> bool {
        match self {
            Self::Refunded { why: Refund::Canceled, .. } => true,
            Self::Pending
            | Self::Processing(_)
            | Self::Succeeded { .. }
            | Self::Failed { .. }
            | Self::Refunded { why: Refund::Reversed { .. }, .. }
            | Self::Expired { .. } => false,
        }
    }

    /// The pictures, where there are some.
    #[must_use]
    pub fn images(&self) -> &[Image] {
        match self {
            Self::Succeeded { images, .. } => images,
            Self::Pending
            | Self::Processing(_)
            | Self::Failed { .. }
            | Self::Expired { .. }
            | Self::Refunded { .. } => &[],
        }
    }

    /// The pictures that were delivered, also if their charge was given back since.
    #[must_use]
    pub fn delivered(&self) -> &[Image] {
        match self {
            Self::Refunded { why: Refund::Reversed { images, .. }, .. } => images,
            Self::Pending
            | Self::Processing(_)
            | Self::Succeeded { .. }
            | Self::Failed { .. }
            | Self::Expired { .. }
            | Self::Refunded { why: Refund::Canceled, .. } => self.images(),
        }
    }

    /// When it ended, if it has.
    #[must_use]
    pub const fn completed_at(&self) -> Option<Timestamp> {
        match self {
            Self::Pending | Self::Processing(_) => None,
            Self::Succeeded { at, .. }
            | Self::Failed { at, .. }
            | Self::Expired { at }
            | Self::Refunded { at, .. } => Some(*at),
        }
    }
}

/// A job.
#[derive(Clone, Debug, PartialEq)]
pub struct Job {
    /// Its name.
    pub id: JobId,
    /// Whose it is.
    pub user: UserId,
    /// What was ordered.
    pub order: Order,
    /// Who makes the pictures: chosen when the job was accepted, so that whoever resumes it asks the
    /// same one.
    pub upstream: Upstream,
    /// What is set aside for it.
    pub hold: Hold,
    /// The pocket that its turn is of, once it has one. Without a turn it is not begun.
    pub turn: Option<Pocket>,
    /// When it was accepted.
    pub created_at: Timestamp,
    /// From when on no new work is begun on it.
    pub deadline: Timestamp,
    /// When it ends, whatever is still going on.
    pub expires_at: Timestamp,
    /// Where it stands.
    pub state: State,
}

impl Job {
    /// The seed of its first picture: the caller's, or one that follows from the job's name, so
    /// that a resumed job draws the same.
    #[must_use]
    pub fn seed(&self) -> u32 {
        let [.., a, b, c, d] = *self.id.as_bytes();
        self.order.seed().unwrap_or(u32::from_be_bytes([a, b, c, d]) & SEED_MAX)
    }
}

/// How a job ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// With these pictures, all of them stored.
    Succeeded(Delivered),
    /// Without pictures.
    Failed(Verdict),
    /// By time.
    Expired,
    /// By its owner, before it began.
    Canceled,
}

/// One to four pictures in our store: what makes a success.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivered {
    images: Vec<Image>,
    count: Count,
}

impl Delivered {
    /// The pictures, unless there are none or too many.
    #[must_use]
    pub fn new(images: Vec<Image>) -> Option<Self> {
        let count = u8::try_from(images.len()).ok().and_then(|n| Count::try_from(n).ok())?;
        Some(Self { images, count })
    }

    /// The pictures.
    #[must_use]
    pub fn images(&self) -> &[Image] {
        &self.images
    }
}

impl Ending {
    /// What the ending means for the money.
    #[must_use]
    pub fn resolve(&self, hold: &Hold) -> Resolution {
        match self {
            Self::Succeeded(delivered) => hold.settle(delivered.count),
            Self::Failed(_) | Self::Expired | Self::Canceled => hold.refund(),
        }
    }

    /// Where the job stands from then on.
    #[must_use]
    pub const fn status(&self) -> Status {
        match self {
            Self::Succeeded(_) => Status::Succeeded,
            Self::Failed(_) => Status::Failed,
            Self::Expired => Status::Expired,
            Self::Canceled => Status::Refunded,
        }
    }
}

#[cfg(test)]
mod tests;
