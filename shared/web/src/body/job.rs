//! The job object, in every state.

use std::{borrow::Cow, collections::BTreeMap};

use domain::{
    failure::{Failure, Verdict},
    job::{Image, Job, Refund, State},
    size::Ratio,
    time::Timestamp,
};
use serde::Serialize;
use serde_json::value::RawValue;

use super::{List, date_time, usd};
use crate::Freshness;

/// Where the pictures of a job can be fetched, in their order, and until when.
#[derive(Clone)]
pub struct Links {
    /// One for each picture.
    pub urls: Vec<String>,
    /// When they stop working.
    pub expires_at: Timestamp,
}

/// A signed URL opens a picture to whoever has it.
impl std::fmt::Debug for Links {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Links(***)")
    }
}

#[derive(Serialize)]
struct JobOut<'a> {
    id: String,
    object: &'static str,
    status: &'static str,
    model: &'static str,
    created_at: String,
    completed_at: Option<String>,
    output: Option<Output<'a>>,
    error: Option<ErrorOut>,
    estimated_cost: Box<RawValue>,
    charged_amount: Option<Box<RawValue>>,
    n: u8,
    size: &'static str,
    expires_at: String,
    metadata: &'a BTreeMap<String, String>,
}

#[derive(Serialize)]
struct Output<'a> {
    url: &'a str,
    images: Vec<ImageOut<'a>>,
    url_expires_at: String,
}

#[derive(Serialize)]
struct ImageOut<'a> {
    url: &'a str,
    width: u32,
    height: u32,
    content_type: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    seed: Option<u32>,
}

#[derive(Serialize)]
struct ErrorOut {
    code: &'static str,
    message: Cow<'static, str>,
    retryable: bool,
}

/// A job as its owner sees it. `links` are those of its pictures; none while it has none.
#[must_use]
pub fn job<'a>(job: &'a Job, links: &'a Links) -> (impl Serialize + 'a, Freshness) {
    let ended = job.state.status().is_terminal();
    (job_out(job, links), if ended { Freshness::Private } else { Freshness::Unfinished })
}

fn job_out<'a>(job: &'a Job, links: &'a Links) -> JobOut<'a> {
    let state = &job.state;
    let charged = match state {
        State::Pending | State::Processing(_) => None,
        State::Succeeded { charged, .. } => Some(*charged),
        State::Failed { .. } | State::Expired { .. } | State::Refunded { .. } => {
            Some(domain::money::MicroUsd::ZERO)
        }
    };
    JobOut {
        id: job.id.to_string(),
        object: "image.job",
        status: state.status().as_str(),
        model: job.order.model.model().slug,
        created_at: date_time(job.created_at),
        completed_at: state.completed_at().map(date_time),
        output: output(state, links),
        error: error(state),
        estimated_cost: usd(job.hold.amount()),
        charged_amount: charged.map(usd),
        n: job.order.n.get(),
        size: job.order.shape().map_or("auto", Ratio::as_str),
        expires_at: date_time(job.expires_at),
        metadata: &job.order.metadata,
    }
}

/// A part of a user's jobs, each with the links of its pictures, and where the next part begins.
#[must_use]
pub fn jobs(jobs: &[(Job, Links)], next: Option<String>) -> impl Serialize + '_ {
    List::new(jobs.iter().map(|(of, links)| job_out(of, links)).collect(), next)
}

fn output<'a>(state: &'a State, links: &'a Links) -> Option<Output<'a>> {
    let image = |(image, url): (&'a Image, &'a String)| ImageOut {
        url,
        width: image.width,
        height: image.height,
        content_type: &image.content_type,
        seed: image.seed,
    };
    Some(Output {
        url: links.urls.first()?,
        images: state.images().iter().zip(&links.urls).map(image).collect(),
        url_expires_at: date_time(links.expires_at),
    })
}

fn error(state: &State) -> Option<ErrorOut> {
    let told = |Verdict { failure, reason }: &Verdict| ErrorOut {
        code: failure.code(),
        message: match reason {
            None => Cow::Borrowed(failure.message()),
            Some(reason) => {
                Cow::Owned(format!("{} It says: {}", failure.message(), reason.as_str()))
            }
        },
        retryable: failure.retryable(),
    };
    match state {
        State::Pending | State::Processing(_) | State::Succeeded { .. } => None,
        State::Failed { verdict, .. } => Some(told(verdict)),
        State::Expired { .. } => Some(told(&Failure::JobExpired.into())),
        State::Refunded { why: Refund::Reversed { .. }, .. } => Some(ErrorOut {
            code: "refunded",
            message: Cow::Borrowed("The charge was given back by the operator."),
            retryable: true,
        }),
        State::Refunded { why: Refund::Canceled, .. } => Some(ErrorOut {
            code: "canceled",
            message: Cow::Borrowed("The job was canceled before it began."),
            retryable: true,
        }),
    }
}

#[cfg(test)]
mod tests;
