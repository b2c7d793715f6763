//! The worker against an upstream that says what it is told to, one test for each way that a visit
//! can go. The tables and the pictures are the real ones, on the stand-ins; nobody rings but the
//! test. The books are audited after each scenario.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may stop at the first surprise")]

mod canary;
mod crashes;
mod crowds;
mod deadlines;
mod faults;
mod matrix;
mod metrics;
mod places;
mod played;
mod polls;
mod script;
mod submits;
mod trouble;
mod turns;
mod world;
