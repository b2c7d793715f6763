//! The product as its callers have it: the real handlers, behind real HTTP, with the real SDK.
//!
//! Each scenario has a stack of its own ([`world`]), does what callers do, and ends with an audit of
//! everybody's books. Beside HTTP it touches what an operator can: accounts, keys, the queue.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::needless_pass_by_value,
    reason = "tests may stop at the first surprise, and read best when they are brief"
)]

mod agreement;
mod answers;
mod cancel;
mod client;
mod counts;
mod expiry;
mod idempotency;
mod jobs;
mod keys;
mod limits;
mod logs;
mod money;
mod path;
mod queue;
mod quotes;
mod refusals;
mod rights;
mod routes;
mod tenants;
mod transactions;
mod turns;
mod waiting;
mod webhooks;
mod webhooks_routes;
mod world;
