//! HTTP as callers see it: how a request is read, what each failure becomes, and the bodies of all
//! answers.

mod answer;
mod body;
#[cfg(test)]
mod event;
mod refusal;
pub mod request;

pub use answer::{Freshness, answer, created, replayed, respond};
pub use body::{
    balance::balance,
    catalogue::{index, models, pricing},
    job::{Links, job, jobs},
    limits::{limits, tiers},
    transactions::transactions,
};
pub use refusal::Refusal;
