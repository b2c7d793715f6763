//! The functions as the programs that they are, each under a Runtime API of its own, with a proxy between it
//! and everything that it talks to.
//!
//! A process is killed when its traffic has come to a point ([`traffic`]); another goes on from what is in the
//! tables. Or it lives, and what it sends is lost, doubled, late or refused. Each scenario has a stack of its
//! own ([`world`]) and ends with an audit of everybody's books.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "tests may stop at the first surprise, and say how far they have come"
)]

mod dying;
mod lost;
mod outages;
mod program;
mod refused;
mod traffic;
mod unheard;
mod world;
