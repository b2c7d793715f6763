//! The tables through the real SDK, on the embedded stand-in. The books are audited after each
//! scenario.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may stop at the first surprise")]

mod accept;
mod accept_at_once;
mod api_keys;
mod audit;
mod audit_large;
mod capacity;
mod claim;
mod credit;
mod deliveries;
mod due;
mod endpoints;
mod entries;
mod events;
mod finish;
mod finish_refused;
mod jobs;
mod meeting;
mod notes;
mod open;
mod pockets;
mod record;
mod reverse;
mod schema;
mod support;
mod turns;
mod versions;
mod world;
