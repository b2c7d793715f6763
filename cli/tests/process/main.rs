//! The binary as a process: what it prints, how it stops, what survives when it is killed, and
//! whether the README tells the truth.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a test may stop at the first surprise, and asks the clock how long it waits"
)]

mod commands;
mod crash;
mod readme;
mod server;
