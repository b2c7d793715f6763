//! The tables through the real SDK, on the embedded stand-in. After each scenario the books are
//! audited.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test may stop at the first surprise"
)]

mod support;
mod smoke;
