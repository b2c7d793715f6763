//! What became of an order.

use domain::{failure::Failure, job::Status, order::METADATA_PAIRS_MAX, scope::Scope, size::Ratio};
use serde_json::{Value, json};

use super::{
    operation::Operation,
    schema::{Schemas, constant, list, one_of},
};
use crate::body::job::JobOut;

pub(super) const TAG: &str = "Jobs";

/// How much of a list is asked for.
pub(super) fn paged(operation: Operation) -> Operation {
    operation
        .query(
            "limit",
            "How many at the most.",
            json!({ "type": "integer", "minimum": 1, "maximum": 100, "default": 20 }),
        )
        .query(
            "cursor",
            "The `next_cursor` of an earlier answer to you, of this list.",
            json!({ "type": "string" }),
        )
}

pub(super) fn operations() -> Vec<Operation> {
    let of_user = Operation::closed(
        ("GET", "/v1/jobs"),
        Scope::JobsRead,
        "listJobs",
        "List your jobs",
        "The newest first.",
    )
    .query("status", "Only those with this status.", statuses());
    let list = paged(of_user).answers(
        200,
        "A part of your jobs.",
        &["Cache-Control"],
        list("Job"),
        json!({ "jobs": example::list(&[example::succeeded(), example::failed()]) }),
    );
    let get = Operation::closed(
        ("GET", "/v1/jobs/{id}"),
        Scope::JobsRead,
        "getJob",
        "Ask what became of a job",
        "Every second or two until `status` is final. Each answer signs the URLs of the pictures anew. A job of \
         somebody else is answered like one that is not there.",
    )
    .job_id()
    .answers(
        200,
        "The job as it is now.",
        &["Retry-After", "Cache-Control"],
        super::schema::named("Job"),
        json!({
            "pending": example::pending(),
            "succeeded": example::succeeded(),
            "failed": example::failed(),
        }),
    );
    let cancel = Operation::closed(
        ("POST", "/v1/jobs/{id}/cancel"),
        Scope::JobsWrite,
        "cancelJob",
        "Cancel a job that has not begun",
        "Its price is given back. What has begun may be paid for already, and ends as it ends. Canceled again is \
         the same answer.",
    )
    .job_id()
    .nothing()
    .answers(
        200,
        "The job: `refunded`, with `error.code` `canceled`.",
        &["Cache-Control"],
        super::schema::named("Job"),
        json!({ "canceled": example::canceled() }),
    )
    .refuses(&["job_not_cancelable", "account_busy"]);
    vec![list, get, cancel]
}

fn statuses() -> Value {
    one_of(Status::ALL.map(Status::as_str))
}

pub(super) fn describe(schemas: &mut Schemas) {
    schemas
        .add::<JobOut<'_>>()
        .refine("Job", "id", json!({ "format": "uuid" }))
        .refine("Job", "object", constant("image.job"))
        .refine("Job", "status", statuses())
        .refine("Job", "model", super::catalogue::slugs())
        .refine("Job", "n", json!({ "minimum": 1, "maximum": domain::order::IMAGES_MAX }))
        .refine("Job", "size", sizes())
        .refine("Job", "metadata", json!({ "maxProperties": METADATA_PAIRS_MAX }))
        .refine("Job", "webhook_url", json!({ "format": "uri" }))
        .refine("Job", "webhook_events", json!({ "items": super::images::events() }))
        .refine("Output", "url", json!({ "format": "uri" }))
        .refine("Output", "images", json!({ "minItems": 1, "maxItems": domain::order::IMAGES_MAX }))
        .refine("Image", "url", json!({ "format": "uri" }))
        .refine("Image", "width", json!({ "minimum": 1 }))
        .refine("Image", "height", json!({ "minimum": 1 }))
        .refine("Image", "content_type", one_of(["image/png", "image/jpeg", "image/webp"]))
        .refine("Image", "seed", json!({ "maximum": u32::MAX }))
        .refine("JobError", "code", one_of(codes()));
}

/// The shapes that are made; `auto` is that of the picture to be changed.
pub(super) fn sizes() -> Value {
    one_of(Ratio::ALL.map(Ratio::as_str).into_iter().chain(["auto"]))
}

/// Why a job may end without pictures.
fn codes() -> Vec<&'static str> {
    let failures = [
        Failure::ContentModerated,
        Failure::ProviderRejected,
        Failure::ProviderFailed,
        Failure::ImageUrlUnreachable,
        Failure::ImageUrlNotAPicture,
        Failure::OutputInvalid,
        Failure::OutcomeUnknown,
        Failure::JobExpired,
    ];
    failures.iter().map(|failure| failure.code()).chain(["canceled", "refunded"]).collect()
}

/// Jobs as the API writes them.
pub(super) mod example {
    use domain::{failure::Failure, job::State};
    use serde_json::{Value, json};

    use crate::body::job::tests::{
        after, canceled as canceled_state, image, succeeded as done, value,
    };

    pub(in crate::openapi) fn pending() -> Value {
        value(State::Pending, 0)
    }

    pub(in crate::openapi) fn succeeded() -> Value {
        value(done(162_000, vec![image(0, Some(7)), image(1, None)]), 2)
    }

    pub(in crate::openapi) fn failed() -> Value {
        value(State::Failed { at: after(30), verdict: Failure::ContentModerated.into() }, 0)
    }

    pub(in crate::openapi) fn canceled() -> Value {
        value(canceled_state(), 0)
    }

    pub(in crate::openapi) fn list(rows: &[Value]) -> Value {
        json!({ "object": "list", "data": rows, "has_more": true, "next_cursor": "bmV4dA" })
    }
}

#[test]
fn every_state_of_a_job_is_what_is_described() {
    let check = super::validator(&super::schema::named("Job"));
    for (state, pictures) in crate::body::job::tests::states() {
        let body = crate::body::job::tests::value(state, pictures);
        if let Err(error) = check.validate(&body) {
            panic!("{error} at {}: {body}", error.instance_path());
        }
    }
}
