//! Every failure there is, as it is sent.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::*;
use crate::event::{header, sorted, text};

/// A cause with something in it that is nobody's business.
fn cause() -> Source {
    "the table ledger-7 at 10.0.0.7 is locked by hush".into()
}

fn usd_of(micros: u64) -> MicroUsd {
    MicroUsd::constant(micros)
}

/// A row of the table, as callers meet it.
pub(crate) struct Told {
    pub(crate) status: u16,
    pub(crate) kind: &'static str,
    pub(crate) code: &'static str,
    pub(crate) retry_after: Option<u32>,
    pub(crate) body: Value,
}

/// The table: one row for each code.
pub(crate) fn table() -> Vec<Told> {
    let mut rows = Vec::<Told>::new();
    for refusal in refusals() {
        let Row { status, kind, code, retry_after } = refusal.row();
        let response = refusal.into_response("JKJaXmPLvHcESHA=");
        let body = serde_json::from_str(text(&response)).unwrap();
        if rows.iter().all(|row| row.code != code) {
            rows.push(Told { status: status.as_u16(), kind, code, retry_after, body });
        }
    }
    rows
}

fn refusals() -> Vec<Refusal> {
    let extra = OrderError::BadExtra { key: "seed", rule: "must be a whole number".to_owned() };
    let poor = Refusal::InsufficientBalance { required: usd_of(81_000), available: usd_of(20_001) };
    vec![
        Refusal::InvalidApiKey,
        Refusal::NoAccount,
        Refusal::InsufficientScope(Scope::JobsWrite),
        Refusal::AccountSuspended,
        Refusal::BodyTooLarge(262_144),
        Refusal::NotJson,
        Refusal::MalformedJson("see line 1 column 4".to_owned()),
        Refusal::UnknownParameter("colour".to_owned()),
        Refusal::DuplicateParameter("n".to_owned()),
        Refusal::MissingParameter("prompt"),
        Refusal::InvalidParameter { param: "limit", expected: "a whole number from 1 to 100" },
        Refusal::Order(OrderError::ModelNotFound),
        Refusal::Order(OrderError::PromptEmpty),
        Refusal::Order(OrderError::PromptTooLong(4_000)),
        Refusal::Order(OrderError::CountOutOfRange),
        Refusal::Order(OrderError::ImageUrlRequired),
        Refusal::Order(OrderError::BadImageUrl),
        Refusal::Order(OrderError::ExtraNotAllowed("n".to_owned())),
        Refusal::Order(extra),
        Refusal::Order(OrderError::ExtraTooLarge),
        Refusal::Order(OrderError::BadMetadata),
        Refusal::Order(OrderError::BadWebhookUrl),
        Refusal::Order(OrderError::BadWebhookEvents),
        Refusal::Order(OrderError::WebhookEventsWithoutUrl),
        Refusal::WebhookSecretRequired,
        Refusal::BadEndpointUrl,
        Refusal::TooManyEndpoints,
        Refusal::EndpointNotFound,
        Refusal::DeliveryNotFound,
        Refusal::BadIdempotencyKey,
        Refusal::IdempotencyKeysDiffer,
        Refusal::KeyReused,
        poor,
        Refusal::QueueFull { cap: 6 },
        Refusal::JobNotFound,
        Refusal::JobNotCancelable,
        Refusal::RouteNotFound,
        Refusal::MethodNotAllowed { allow: "GET, DELETE".to_owned() },
        Refusal::AccountBusy,
        Refusal::Unavailable(cause()),
        Refusal::Internal(cause()),
    ]
}

/// The place of a refusal in the list above. A new one does not compile until it has one, and the
/// test below fails until it is in the list.
fn place(refusal: &Refusal) -> usize {
    match refusal {
        Refusal::InvalidApiKey => 0,
        Refusal::NoAccount => 1,
        Refusal::InsufficientScope(_) => 2,
        Refusal::AccountSuspended => 3,
        Refusal::BodyTooLarge(_) => 4,
        Refusal::NotJson => 5,
        Refusal::MalformedJson(_) => 6,
        Refusal::UnknownParameter(_) => 7,
        Refusal::DuplicateParameter(_) => 8,
        Refusal::MissingParameter(_) => 9,
        Refusal::InvalidParameter { .. } => 10,
        Refusal::Order(error) => match error {
            OrderError::ModelNotFound => 11,
            OrderError::PromptEmpty => 12,
            OrderError::PromptTooLong(_) => 13,
            OrderError::CountOutOfRange => 14,
            OrderError::ImageUrlRequired => 15,
            OrderError::BadImageUrl => 16,
            OrderError::ExtraNotAllowed(_) => 17,
            OrderError::BadExtra { .. } => 18,
            OrderError::ExtraTooLarge => 19,
            OrderError::BadMetadata => 20,
            OrderError::BadWebhookUrl => 21,
            OrderError::BadWebhookEvents => 22,
            OrderError::WebhookEventsWithoutUrl => 23,
        },
        Refusal::WebhookSecretRequired => 24,
        Refusal::BadEndpointUrl => 25,
        Refusal::TooManyEndpoints => 26,
        Refusal::EndpointNotFound => 27,
        Refusal::DeliveryNotFound => 28,
        Refusal::BadIdempotencyKey => 29,
        Refusal::IdempotencyKeysDiffer => 30,
        Refusal::KeyReused => 31,
        Refusal::InsufficientBalance { .. } => 32,
        Refusal::QueueFull { .. } => 33,
        Refusal::JobNotFound => 34,
        Refusal::JobNotCancelable => 35,
        Refusal::RouteNotFound => 36,
        Refusal::MethodNotAllowed { .. } => 37,
        Refusal::AccountBusy => 38,
        Refusal::Unavailable(_) => 39,
        Refusal::Internal(_) => 40,
    }
}

#[test]
fn the_list_is_complete() {
    let places: Vec<usize> = refusals().iter().map(place).collect();
    assert_eq!(places, (0..41).collect::<Vec<_>>());
}

/// A row of the table: status, type, code, parameter and `Retry-After`, then the message.
fn row_of(refusal: Refusal) -> String {
    let response = refusal.into_response("id");
    let body: Value = serde_json::from_str(text(&response)).unwrap();
    let field = |name: &str| body["error"][name].as_str().unwrap_or("-").to_owned();
    let (status, again) = (response.status().as_u16(), header(&response, "retry-after"));
    let [kind, code, param] = ["type", "code", "param"].map(field);
    let again = if again.is_empty() { "-" } else { again };
    format!("{status} {kind} {code} {param} {again}\n    {}", field("message"))
}

#[test]
fn each_failure_has_its_status_its_code_and_its_words() {
    let table: Vec<String> = refusals().into_iter().map(row_of).collect();
    insta::assert_snapshot!(table.join("\n"), @r#"
    401 authentication_error invalid_api_key - -
        this API key is not valid
    403 permission_error account_not_found - -
        there is no account for this API key
    403 permission_error insufficient_scope - -
        this API key may not be used for this: it does not have the scope jobs:write
    403 permission_error account_suspended - -
        this account is suspended: what was accepted goes on, and nothing new is
    413 invalid_request_error request_too_large - -
        the body must have at most 262144 bytes
    415 invalid_request_error unsupported_media_type - -
        send the body with `Content-Type: application/json`
    400 invalid_request_error invalid_json - -
        the body must be a JSON object: see line 1 column 4
    400 invalid_request_error unknown_parameter colour -
        colour is not a parameter of this request
    400 invalid_request_error duplicate_parameter n -
        n is there twice
    400 invalid_request_error missing_parameter prompt -
        prompt is required
    400 invalid_request_error invalid_parameter limit -
        limit must be a whole number from 1 to 100
    404 not_found model_not_found model -
        there is no such model; GET /v1/models lists them
    400 invalid_request_error prompt_empty prompt -
        prompt must not be blank
    400 invalid_request_error prompt_too_long prompt -
        prompt must have at most 4000 characters for this model
    400 invalid_request_error invalid_parameter n -
        n must be from 1 to 4
    400 invalid_request_error image_url_required image_url -
        this model changes a picture: image_url must say where it is
    400 invalid_request_error invalid_image_url image_url -
        image_url must be an https URL of at most 2048 bytes, without credentials
    400 invalid_request_error extra_not_allowed extra.n -
        extra.n is not taken by this model
    400 invalid_request_error invalid_extra extra.seed -
        extra.seed must be a whole number
    400 invalid_request_error extra_too_large extra -
        extra must have at most 4096 bytes
    400 invalid_request_error invalid_metadata metadata -
        metadata must have at most 16 pairs, keys of 1 to 64 and values of at most 512 characters
    400 invalid_request_error invalid_webhook_url webhook_url -
        webhook_url must be an https URL of at most 2048 bytes with a public host, without credentials and without a fragment
    400 invalid_request_error invalid_parameter webhook_events -
        each of webhook_events must be one of job.succeeded, job.failed, job.expired and job.refunded
    400 invalid_request_error invalid_parameter webhook_events -
        webhook_events says what is told to webhook_url, which is missing
    400 invalid_request_error webhook_secret_required webhook_url -
        what is sent to webhook_url is signed with your secret, and you have none yet: POST /v1/webhooks/secret
    400 invalid_request_error invalid_webhook_url url -
        url must be an https URL of at most 2048 bytes with a public host, without credentials and without a fragment
    409 conflict too_many_endpoints - -
        there are 10 endpoints already; remove one
    404 not_found endpoint_not_found - -
        there is no such endpoint
    404 not_found delivery_not_found - -
        there is no such delivery
    400 invalid_request_error invalid_idempotency_key idempotency_key -
        an idempotency key has 1 to 128 characters, no control characters, and in the header no comma
    400 invalid_request_error idempotency_keys_differ idempotency_key -
        the header Idempotency-Key and the field idempotency_key differ
    422 idempotency_error idempotency_key_reused idempotency_key -
        this idempotency key was used for another request; take a new key for a new request
    402 insufficient_balance insufficient_balance - -
        the balance is below the price: 0.020001 USD are available, 0.081 are required
    429 rate_limit queue_full - 5
        6 jobs are unfinished, which is what your tier allows; send it again when one has ended
    404 not_found job_not_found - -
        there is no such job
    409 conflict job_not_cancelable - -
        this job has begun or ended; only a job that is pending can be canceled
    404 not_found route_not_found - -
        there is no such route
    405 invalid_request_error method_not_allowed - -
        this route takes GET, DELETE
    503 api_error account_busy - 1
        the account is busy; send it again with the same idempotency key
    503 api_error unavailable - 2
        this is temporarily unavailable; send it again with the same idempotency key
    500 api_error internal_error - -
        something went wrong here
    "#);
}

#[test]
fn no_two_failures_share_a_code_but_those_of_a_value() {
    let codes = refusals().into_iter().map(|refusal| refusal.row().code);
    let mut seen = BTreeSet::new();
    let twice: Vec<&str> = codes.filter(|code| !seen.insert(*code)).collect();
    let of_values = ["invalid_parameter", "invalid_parameter", "invalid_parameter"];
    assert_eq!(twice, [&of_values[..], &["invalid_webhook_url"]].concat());
}

#[test]
fn an_envelope_has_only_what_is_known() {
    let sent = |refusal: Refusal| {
        let response = refusal.into_response("req-1");
        serde_json::from_str::<Value>(text(&response)).unwrap()
    };
    insta::assert_json_snapshot!(sorted(&sent(Refusal::RouteNotFound)), @r#"
    {
      "error": {
        "code": "route_not_found",
        "message": "there is no such route",
        "request_id": "req-1",
        "type": "not_found"
      }
    }
    "#);
    insta::assert_json_snapshot!(sorted(&sent(Refusal::MissingParameter("prompt"))), @r#"
    {
      "error": {
        "code": "missing_parameter",
        "message": "prompt is required",
        "param": "prompt",
        "request_id": "req-1",
        "type": "invalid_request_error"
      }
    }
    "#);
}

#[test]
fn who_cannot_pay_is_told_both_amounts_exactly() {
    let (required, available) = (usd_of(81_000), usd_of(20_001));
    let refusal = Refusal::InsufficientBalance { required, available };
    let response = refusal.into_response("req-1");
    let body = text(&response);
    assert!(body.contains(r#""required":0.081"#), "{body}");
    assert!(body.contains(r#""available":0.020001"#), "{body}");
    insta::assert_json_snapshot!(sorted(&serde_json::from_str::<Value>(body).unwrap()), @r#"
    {
      "error": {
        "available": 0.020001,
        "code": "insufficient_balance",
        "message": "the balance is below the price: 0.020001 USD are available, 0.081 are required",
        "request_id": "req-1",
        "required": 0.081,
        "type": "insufficient_balance"
      }
    }
    "#);
}

#[test]
fn every_refusal_is_json_that_nobody_keeps() {
    for refusal in refusals() {
        let response = refusal.into_response("req-1");
        assert_eq!(header(&response, "content-type"), "application/json");
        assert_eq!(header(&response, "cache-control"), "no-store");
        assert_eq!(header(&response, "x-content-type-options"), "nosniff");
        let body: Value = serde_json::from_str(text(&response)).unwrap();
        assert_eq!(body["error"]["request_id"], json!("req-1"));
        assert_eq!(body.as_object().unwrap().len(), 1);
    }
}

#[test]
fn what_may_work_later_says_when_to_try_again_and_nothing_else_does() {
    for refusal in refusals() {
        let response = refusal.into_response("req-1");
        let is_for_later = [429, 503].contains(&response.status().as_u16());
        let again = header(&response, "retry-after");
        assert_eq!(is_for_later, again.parse::<u32>().is_ok(), "{}", text(&response));
    }
}

#[test]
fn causes_are_not_sent() {
    for refusal in refusals() {
        let response = refusal.into_response("req-1");
        let (parts, body) = (format!("{:?}", response.headers()), text(&response));
        for secret in ["ledger-7", "10.0.0.7", "hush"] {
            assert!(!body.contains(secret) && !parts.contains(secret), "{body}");
        }
    }
}

#[test]
fn all_causes_are_named_for_the_log_but_the_refusal_itself() {
    #[derive(Debug, thiserror::Error)]
    #[error("outer")]
    struct Outer(#[source] Source);

    assert_eq!(causes(&Refusal::JobNotFound), "");
    assert_eq!(causes(&Refusal::Internal(Box::new(Outer("inner".into())))), "outer: inner");
}

#[test]
fn what_a_caller_chose_is_escaped() {
    let name = "\"},\u{202e}</script>\u{1}".to_owned();
    let response = Refusal::UnknownParameter(name.clone()).into_response("\"");
    let body: Value = serde_json::from_str(text(&response)).unwrap();
    assert_eq!(body["error"]["param"], json!(name));
    assert_eq!(body["error"]["request_id"], json!("\""));
}
