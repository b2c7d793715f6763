//! The product as it is deployed: real functions as programs, each under its own role, behind an HTTP API with
//! its authorizer, with the event source mapping, the schedule and the queues of template.yaml.
//!
//! `HOLDFAST_DEPLOYED` names a file that says where all that is. `deploy.py` beside this file deploys a stack
//! onto this machine, writes the file, and runs this.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::needless_pass_by_value,
    reason = "tests may stop at the first surprise, and read best when they are brief"
)]

mod jobs;
mod queue;
mod roles;
mod routes;
mod world;
