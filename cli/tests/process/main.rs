//! The binary as a process: what it prints, how it stops, what survives when it is killed, and
//! whether the README tells the truth.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may stop at the first surprise"
)]

mod commands;
mod crash;
mod documents;
mod on_call;
mod scripts;
mod server;
mod upstreams;
