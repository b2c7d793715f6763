//! The rules of Holdfast: what may be ordered, what it costs, how a job and its hold live and end.
//!
//! Pure: no I/O, no clock, no AWS. Time, randomness and fresh ids are arguments. Whoever reads this
//! crate from top to bottom knows the product; everything else carries its decisions out.

pub mod api_key;
pub mod audit;
pub mod catalogue;
pub mod causes;
pub mod extra;
pub mod failure;
pub mod fingerprint;
pub mod hold;
pub mod idempotency;
pub mod ids;
pub mod job;
pub mod ledger;
pub mod money;
pub mod order;
pub mod pocket;
pub mod sandbox;
pub mod schedule;
pub mod scope;
pub mod size;
pub mod tier;
pub mod time;
pub mod upstream;
pub mod webhook;
