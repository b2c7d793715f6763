//! The searches: that the protocol holds within the bounds, and that a spoiled one does not.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may stop at the first surprise")]

mod guards;
mod holds;
mod teeth;
