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

#[cfg(test)]
use super::Usd;
use super::{List, date_time, usd, webhooks::named};
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

/// What was ordered, and what has become of it. All fields are always there.
#[derive(Serialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[cfg_attr(test, schema(as = Job))]
pub(crate) struct JobOut<'a> {
    /// Where it is asked for: `/v1/jobs/{id}`.
    id: String,
    object: &'static str,
    /// `pending` and `processing` are not final; the others are.
    status: &'static str,
    model: &'static str,
    #[cfg_attr(test, schema(format = DateTime))]
    created_at: String,
    /// When it ended; null until then.
    #[cfg_attr(test, schema(format = DateTime))]
    completed_at: Option<String>,
    /// The pictures; null unless it has succeeded.
    output: Option<Output<'a>>,
    /// Why there are no pictures; null unless it ended without.
    error: Option<ErrorOut>,
    /// What was held for it: the price of all pictures that were ordered.
    #[cfg_attr(test, schema(value_type = Usd))]
    estimated_cost: Box<RawValue>,
    /// What it cost: the price of the pictures that were delivered. Null until it has ended.
    #[cfg_attr(test, schema(value_type = Option<Usd>))]
    charged_amount: Option<Box<RawValue>>,
    /// How many pictures were ordered.
    n: u8,
    /// The shape that is made; `auto` is that of the picture to be changed.
    size: &'static str,
    /// When it has ended at the latest.
    #[cfg_attr(test, schema(format = DateTime))]
    expires_at: String,
    /// As it was given.
    metadata: &'a BTreeMap<String, String>,
    /// Where it is told what becomes of the job, as it was given; null if the order named none.
    webhook_url: Option<&'a str>,
    /// What it is told of; null for all events, and where there is no `webhook_url`.
    webhook_events: Option<Vec<&'static str>>,
}

/// The pictures of a job.
#[derive(Serialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[cfg_attr(test, schema(as = Output))]
pub(crate) struct Output<'a> {
    /// The first picture.
    url: &'a str,
    /// All of them.
    images: Vec<ImageOut<'a>>,
    /// Until when the URLs work; asking for the job again signs new ones.
    #[cfg_attr(test, schema(format = DateTime))]
    url_expires_at: String,
}

/// A picture.
#[derive(Serialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[cfg_attr(test, schema(as = Image))]
pub(crate) struct ImageOut<'a> {
    /// Opens it to whoever has it.
    url: &'a str,
    /// In pixels.
    width: u32,
    /// In pixels.
    height: u32,
    content_type: &'a str,
    /// What draws it again, where the provider says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, schema(nullable = false))]
    seed: Option<u32>,
}

/// Why a job ended without pictures.
#[derive(Serialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[cfg_attr(test, schema(as = JobError))]
pub(crate) struct ErrorOut {
    code: &'static str,
    /// For people.
    #[cfg_attr(test, schema(value_type = String))]
    message: Cow<'static, str>,
    /// Whether the same order, sent as a new job, may well succeed.
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
    let webhook = job.order.webhook.as_ref();
    JobOut {
        id: job.id.to_string(),
        object: "image.job",
        status: state.status().as_str(),
        model: job.order.model.model().slug,
        created_at: date_time(job.created_at),
        completed_at: state.completed_at().map(date_time),
        output: output(state, links),
        error: error_of(state),
        estimated_cost: usd(job.hold.amount()),
        charged_amount: charged.map(usd),
        n: job.order.n.get(),
        size: job.order.shape().map_or("auto", Ratio::as_str),
        expires_at: date_time(job.expires_at),
        metadata: &job.order.metadata,
        webhook_url: webhook.map(|webhook| webhook.url.as_str()),
        webhook_events: webhook.and_then(|webhook| named(&webhook.events)),
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

pub(super) fn error_of(state: &State) -> Option<ErrorOut> {
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
pub(crate) mod tests;
