//! HTTP as callers see it: how a request is read, what each failure becomes, and the bodies of all
//! answers.

mod answer;
mod body;
#[cfg(test)]
mod event;
mod refusal;
pub mod request;

pub use answer::{Freshness, Queue, answer, created, replayed, respond, tell_applied, tell_queue};
pub use body::{
    balance::balance,
    catalogue::{index, models, pricing},
    job::{Links, job, jobs},
    limits::{limits, tiers},
    quote::quote,
    transactions::transactions,
};
pub use refusal::Refusal;
