//! The headers of answers, which say who may keep them and what to do next.

use serde_json::json;

use super::*;
use crate::event::{header, text};

#[test]
fn what_is_the_same_for_everyone_may_be_kept_for_a_minute() {
    for (freshness, kept, again) in [
        (Freshness::Public, "public, max-age=60", ""),
        (Freshness::Private, "no-store", ""),
        (Freshness::Unfinished, "no-store", "1"),
    ] {
        let response = answer(StatusCode::OK, &json!({"a": 1}), freshness).unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(header(&response, "cache-control"), kept);
        assert_eq!(header(&response, "retry-after"), again);
        assert_eq!(header(&response, "content-type"), "application/json");
        assert_eq!(header(&response, "x-content-type-options"), "nosniff");
        assert_eq!(text(&response), r#"{"a":1}"#);
    }
}

#[test]
fn a_new_job_is_told_apart_from_one_that_was_there() {
    let response = created(&json!({}), "/v1/jobs/x").unwrap();
    assert_eq!(response.status(), 202);
    assert_eq!(header(&response, "location"), "/v1/jobs/x");
    assert_eq!(header(&response, "retry-after"), "1");
    assert_eq!(header(&response, "idempotent-replayed"), "");

    for (freshness, again) in [(Freshness::Unfinished, "1"), (Freshness::Private, "")] {
        let response = replayed(&json!({}), "/v1/jobs/x", freshness).unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(header(&response, "location"), "/v1/jobs/x");
        assert_eq!(header(&response, "retry-after"), again);
        assert_eq!(header(&response, "idempotent-replayed"), "true");
        assert_eq!(header(&response, "cache-control"), "no-store");
    }
}

#[test]
fn every_answer_names_its_request() {
    let good = answer(StatusCode::OK, &json!({}), Freshness::Public);
    assert_eq!(header(&respond(good, "req-1"), "x-request-id"), "req-1");
    let refused = respond(Err(Refusal::JobNotFound), "req-1");
    assert_eq!(header(&refused, "x-request-id"), "req-1");
    assert_eq!(refused.status(), 404);
}

#[test]
fn what_cannot_be_a_header_is_left_out() {
    let refused = respond(Err(Refusal::JobNotFound), "a\r\nb: c");
    assert_eq!(refused.headers().get("x-request-id"), None);
    let located = created(&json!({}), "a\r\nb: c");
    assert!(matches!(located, Err(Refusal::Internal(_))));
}

#[test]
fn what_cannot_be_written_is_a_bug_and_no_panic() {
    let unwritable = std::collections::BTreeMap::from([([1], 1)]);
    let failed = answer(StatusCode::OK, &unwritable, Freshness::Private);
    assert!(matches!(failed, Err(Refusal::Internal(_))));
}
