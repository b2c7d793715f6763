//! The headers of answers, which say who may keep them and what to do next.

use serde_json::json;
use sfv::{BareItem, ListEntry};

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
    for (freshness, status, again) in
        [(Freshness::Unfinished, 202, "1"), (Freshness::Private, 200, "")]
    {
        let response = created(&json!({}), "/v1/jobs/x", freshness).unwrap();
        assert_eq!(response.status(), status);
        assert_eq!(header(&response, "location"), "/v1/jobs/x");
        assert_eq!(header(&response, "retry-after"), again);
        assert_eq!(header(&response, "idempotent-replayed"), "");
    }

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
    let located = created(&json!({}), "a\r\nb: c", Freshness::Private);
    assert!(matches!(located, Err(Refusal::Internal(_))));
}

#[test]
fn what_cannot_be_written_is_a_bug_and_no_panic() {
    let unwritable = std::collections::BTreeMap::from([([1], 1)]);
    let failed = answer(StatusCode::OK, &unwritable, Freshness::Private);
    assert!(matches!(failed, Err(Refusal::Internal(_))));
}

/// What a structured-field parser makes of a header: the name of its one member, and the parameters.
fn parsed(response: &Response<Body>, name: &str) -> (String, Vec<(String, BareItem)>) {
    let list: sfv::List = sfv::Parser::new(header(response, name)).parse().unwrap();
    let [ListEntry::Item(item)] = list.as_slice() else { panic!("{name}: {list:?}") };
    let BareItem::String(policy) = &item.bare_item else { panic!("{name}: {item:?}") };
    let parameters = item.params.iter().map(|(name, value)| (name.to_string(), value.clone()));
    (policy.to_string(), parameters.collect())
}

#[test]
fn a_queue_is_told_in_structured_fields_as_the_draft_has_them() {
    for (cap, free) in [(6, 6), (114, 3), (6, 0), (u32::MAX, u32::MAX)] {
        let mut response = answer(StatusCode::OK, &json!({}), Freshness::Private).unwrap();
        tell_queue(&mut response, Queue { cap, free });
        let number = |number: u32| BareItem::Integer(number.into());
        let unit = BareItem::String("concurrent-requests".to_owned().try_into().unwrap());
        let (policy, parameters) = parsed(&response, "ratelimit-policy");
        assert_eq!(parameters, [("q".to_owned(), number(cap)), ("qu".to_owned(), unit)]);
        let (limited, parameters) = parsed(&response, "ratelimit");
        assert_eq!(parameters, [("r".to_owned(), number(free))]);
        assert_eq!(policy, limited);
    }
}

#[test]
fn a_full_queue_is_told_as_one_that_has_no_room() {
    let response = respond(Err(Refusal::QueueFull { cap: 30 }), "req-1");
    let policy = r#""unfinished-jobs";q=30;qu="concurrent-requests""#;
    assert_eq!(header(&response, "ratelimit-policy"), policy);
    assert_eq!(header(&response, "ratelimit"), r#""unfinished-jobs";r=0"#);
    assert_eq!(header(&response, "retry-after"), "5");
    let other = respond(Err(Refusal::AccountBusy), "req-1");
    assert_eq!(header(&other, "ratelimit"), "");
}
