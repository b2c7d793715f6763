//! Whatever comes in from outside, thrown at what reads it: bytes at random, and valid input that was
//! changed in a few places.
//!
//! Each test is a target. It runs all seeds of its corpus, then as many inputs as `cargo test` can wait
//! for; `just fuzz` runs more. Nothing may panic or hang, what is read must be within its bounds, and
//! what is written must read as what it was. A target that fails prints `BOLERO_RANDOM_SEED`, which has
//! the same input made again; what was found becomes a test beside the code that was wrong.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::float_arithmetic,
    clippy::wildcard_enum_match_arm,
    reason = "tests may stop at the first surprise, and count as they like"
)]

mod addresses;
mod corpus;
mod metrics;
mod mutation;
mod orders;
mod pictures;
mod rows;
mod upstreams;
mod words;
