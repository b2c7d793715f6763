//! The product under every fault that AWS, networks and upstreams have, in one thread, from one seed.
//!
//! The handlers are those that are deployed, and so is the SDK. Its HTTP client is replaced by a network in
//! this process (`cloud`), with the stand-in for DynamoDB behind it and small fakes of SQS, S3 and an
//! upstream. Time stands still until nobody has anything to do, so half an hour of a job's life takes
//! milliseconds, and the same seed is the same run, to the last retry.
//!
//! After every write the books of whoever it concerned are audited. After a while the faults stop; then every
//! job must end. At the end the books are checked against what callers were told, what the upstream was
//! asked and what is in the bucket.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::wildcard_enum_match_arm,
    reason = "a simulation may stop at the first surprise"
)]

mod api;
mod callers;
mod chance;
mod check;
mod cloud;
mod contention;
mod functions;
mod ledger;
mod process;
mod run;
mod sight;
mod time;
mod trace;
mod upstream;
mod weather;

pub use contention::{Contention, contend, percentile};
pub use run::{Report, run};
pub use sight::{Sight, Sights};

#[cfg(test)]
mod tests;
