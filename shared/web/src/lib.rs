//! HTTP as callers see it: how a request is read, what each failure becomes, and the bodies of all
//! answers.

mod answer;
mod body;
#[cfg(test)]
mod event;
#[cfg(test)]
mod openapi;
mod refusal;
pub mod request;
mod routes;

pub use answer::{
    Freshness, Queue, answer, created, nothing, replayed, respond, tell_applied, tell_queue,
    written,
};
pub use body::{
    balance::balance,
    catalogue::{index, models, pricing},
    job::{Links, job, jobs},
    limits::{limits, tiers},
    quote::quote,
    told::{detail, webhook},
    transactions::transactions,
    webhooks::{
        Attempt, Delivery, Endpoint, deliveries, delivery, endpoint, endpoints, webhook_secret,
    },
};
pub use refusal::Refusal;
pub use routes::{ROUTES, allowed};

/// The description of the API, as `docs/openapi.json` has it, on one line: `GET /v1/openapi.json`. A test generates it.
pub const OPENAPI: &str = include_str!(concat!(env!("OUT_DIR"), "/openapi.json"));
