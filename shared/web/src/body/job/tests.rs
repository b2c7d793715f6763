//! The job object in every state, field by field.

use std::time::Duration;

use domain::{
    hold::Hold,
    ids::JobId,
    job::{Dispatch, Fence, Run, Status, Task},
    money::MicroUsd,
    order::{Draft, Order},
    upstream::Upstream,
};
use serde_json::{Value, json};

use super::*;
use crate::event::sorted;

/// 2026-04-25T10:00:00.123Z
const NOW: Timestamp = Timestamp::from_millis(1_777_111_200_123);

pub(crate) fn after(seconds: u64) -> Timestamp {
    NOW.plus(Duration::from_secs(seconds))
}

fn usd_of(micros: u64) -> MicroUsd {
    MicroUsd::constant(micros)
}

/// A job for two pictures, with everything set that callers must not see.
pub(crate) fn job_in(state: State) -> Job {
    let order = Order::agree(Draft {
        model: "flux-1.1-ultra".to_owned(),
        prompt: "a cinematic hourglass".to_owned(),
        n: Some(2),
        size: Some("1024x1024".to_owned()),
        extra: json!({"seed": 7}).as_object().unwrap().clone(),
        metadata: [("order".to_owned(), "A-17".to_owned())].into(),
        ..Draft::default()
    })
    .unwrap();
    Job {
        id: JobId::new(NOW, &[1; 10]),
        user: "demo".parse().unwrap(),
        hold: Hold::new(usd_of(81_000), order.n).unwrap(),
        order,
        upstream: Upstream::Sandbox,
        turn: None,
        created_at: NOW,
        deadline: after(900),
        expires_at: after(1_800),
        state,
    }
}

pub(crate) fn image(index: u32, seed: Option<u32>) -> Image {
    let key = format!("jobs/secret-key/{index}");
    Image { key, width: 1_024, height: 768, content_type: "image/png".to_owned(), seed }
}

fn links(count: usize) -> Links {
    let urls = (0..count).map(|index| format!("https://images.example.com/{index}?sig=x"));
    Links { urls: urls.collect(), expires_at: after(3_600) }
}

fn run() -> Run {
    Run {
        fence: Fence(3),
        lease_until: Some(after(60)),
        deadline: after(300),
        submits: 1,
        dispatch: Dispatch::Accepted(Task("task-of-the-upstream".to_owned())),
    }
}

fn text(state: State, pictures: usize) -> String {
    let (job, links) = (job_in(state), links(pictures));
    let (body, _) = super::job(&job, &links);
    serde_json::to_string(&body).unwrap()
}

pub(crate) fn value(state: State, pictures: usize) -> Value {
    serde_json::from_str(&text(state, pictures)).unwrap()
}

pub(crate) fn succeeded(charged: u64, images: Vec<Image>) -> State {
    State::Succeeded { at: after(30), images, charged: usd_of(charged) }
}

pub(crate) fn canceled() -> State {
    State::Refunded { at: after(30), why: Refund::Canceled }
}

/// It has pictures, which are not shown any more.
pub(crate) fn given_back() -> State {
    let why = Refund::Reversed { at: after(90), images: vec![image(0, None)] };
    State::Refunded { at: after(30), why }
}

/// Every state there is, and how many pictures it has.
pub(crate) fn states() -> Vec<(State, usize)> {
    vec![
        (State::Pending, 0),
        (State::Processing(run()), 0),
        (succeeded(81_000, vec![image(0, None)]), 1),
        (State::Failed { at: after(30), verdict: Failure::ProviderFailed.into() }, 0),
        (State::Expired { at: after(1_800) }, 0),
        (canceled(), 0),
        (given_back(), 0),
    ]
}

#[test]
fn a_pending_job_has_all_fields() {
    insta::assert_json_snapshot!(sorted(&value(State::Pending, 0)), @r#"
    {
      "charged_amount": null,
      "completed_at": null,
      "created_at": "2026-04-25T10:00:00.123Z",
      "error": null,
      "estimated_cost": 0.162,
      "expires_at": "2026-04-25T10:30:00.123Z",
      "id": "019dc414-f17b-7101-8101-010101010101",
      "metadata": {
        "order": "A-17"
      },
      "model": "flux-1.1-ultra",
      "n": 2,
      "object": "image.job",
      "output": null,
      "size": "1:1",
      "status": "pending",
      "webhook_events": null,
      "webhook_url": null
    }
    "#);
}

#[test]
fn a_job_at_work_shows_nothing_of_the_work() {
    let mut pending = value(State::Pending, 0);
    pending["status"] = json!("processing");
    assert_eq!(value(State::Processing(run()), 0), pending);
}

#[test]
fn a_job_that_succeeded_has_its_pictures_and_its_price() {
    let images = vec![image(0, Some(7)), image(1, None)];
    insta::assert_json_snapshot!(sorted(&value(succeeded(162_000, images), 2)), @r#"
    {
      "charged_amount": 0.162,
      "completed_at": "2026-04-25T10:00:30.123Z",
      "created_at": "2026-04-25T10:00:00.123Z",
      "error": null,
      "estimated_cost": 0.162,
      "expires_at": "2026-04-25T10:30:00.123Z",
      "id": "019dc414-f17b-7101-8101-010101010101",
      "metadata": {
        "order": "A-17"
      },
      "model": "flux-1.1-ultra",
      "n": 2,
      "object": "image.job",
      "output": {
        "images": [
          {
            "content_type": "image/png",
            "height": 768,
            "seed": 7,
            "url": "https://images.example.com/0?sig=x",
            "width": 1024
          },
          {
            "content_type": "image/png",
            "height": 768,
            "url": "https://images.example.com/1?sig=x",
            "width": 1024
          }
        ],
        "url": "https://images.example.com/0?sig=x",
        "url_expires_at": "2026-04-25T11:00:00.123Z"
      },
      "size": "1:1",
      "status": "succeeded",
      "webhook_events": null,
      "webhook_url": null
    }
    "#);
}

#[test]
fn fewer_pictures_than_ordered_cost_less_than_was_held() {
    let body = text(succeeded(81_000, vec![image(0, None)]), 1);
    assert!(body.contains(r#""estimated_cost":0.162,"charged_amount":0.081,"n":2"#), "{body}");
    let body: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(body["output"]["images"].as_array().unwrap().len(), 1);
}

#[test]
fn a_job_that_failed_says_why_and_costs_nothing() {
    let failed = State::Failed { at: after(30), verdict: Failure::ContentModerated.into() };
    insta::assert_json_snapshot!(sorted(&value(failed, 0)), @r#"
    {
      "charged_amount": 0,
      "completed_at": "2026-04-25T10:00:30.123Z",
      "created_at": "2026-04-25T10:00:00.123Z",
      "error": {
        "code": "content_moderated",
        "message": "Content moderation refused this request.",
        "retryable": false
      },
      "estimated_cost": 0.162,
      "expires_at": "2026-04-25T10:30:00.123Z",
      "id": "019dc414-f17b-7101-8101-010101010101",
      "metadata": {
        "order": "A-17"
      },
      "model": "flux-1.1-ultra",
      "n": 2,
      "object": "image.job",
      "output": null,
      "size": "1:1",
      "status": "failed",
      "webhook_events": null,
      "webhook_url": null
    }
    "#);
}

#[test]
fn each_other_ending_differs_in_status_time_and_error_alone() {
    let mut failed = value(State::Failed { at: after(30), verdict: Failure::JobExpired.into() }, 0);
    failed["status"] = json!("expired");
    assert_eq!(value(State::Expired { at: after(30) }, 0), failed);

    failed["status"] = json!("refunded");
    failed["error"] = json!({
        "code": "canceled",
        "message": "The job was canceled before it began.",
        "retryable": true,
    });
    assert_eq!(value(canceled(), 0), failed);

    failed["error"] = json!({
        "code": "refunded",
        "message": "The charge was given back by the operator.",
        "retryable": true,
    });
    assert_eq!(value(given_back(), 0), failed);
}

#[test]
fn each_failure_is_told_in_its_own_words() {
    for failure in [
        Failure::ContentModerated,
        Failure::ProviderRejected,
        Failure::ProviderFailed,
        Failure::ImageUrlUnreachable,
        Failure::ImageUrlNotAPicture,
        Failure::OutputInvalid,
        Failure::OutcomeUnknown,
        Failure::JobExpired,
    ] {
        let error = json!({
            "code": failure.code(),
            "message": failure.message(),
            "retryable": failure.retryable(),
        });
        assert_eq!(value(State::Failed { at: NOW, verdict: failure.into() }, 0)["error"], error);
    }
}

#[test]
fn the_fields_are_the_same_in_every_state() {
    let names = |body: &Value| body.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    let first = names(&value(State::Pending, 0));
    assert_eq!(first.len(), 16);
    for (state, pictures) in states() {
        let status = state.status();
        let body = value(state, pictures);
        assert_eq!(names(&body), first, "{status:?}");
        assert_eq!(body["status"], json!(status.as_str()));
        assert_eq!(body["completed_at"].is_null(), !status.is_terminal(), "{status:?}");
        assert_eq!(body["charged_amount"].is_null(), !status.is_terminal(), "{status:?}");
        assert_eq!(body["output"].is_null(), status != Status::Succeeded, "{status:?}");
        let failed = status.is_terminal() && status != Status::Succeeded;
        assert_eq!(body["error"].is_null(), !failed, "{status:?}");
    }
}

#[test]
fn who_is_told_comes_back_as_it_was_given() {
    let url = "https://example.com/hooks?key=hush";
    for (events, told) in [
        (None, json!(null)),
        (Some(vec!["job.failed", "job.succeeded"]), json!(["job.succeeded", "job.failed"])),
    ] {
        let mut job = job_in(State::Pending);
        job.order = Order::agree(Draft {
            model: "recraft-v3".to_owned(),
            prompt: "a cat".to_owned(),
            webhook_url: Some(url.to_owned()),
            webhook_events: events.map(|events| events.into_iter().map(str::to_owned).collect()),
            ..Draft::default()
        })
        .unwrap();
        let links = links(0);
        let body = serde_json::to_value(super::job(&job, &links).0).unwrap();
        assert_eq!((&body["webhook_url"], &body["webhook_events"]), (&json!(url), &told));
        assert!(!format!("{job:?}").contains("hush"), "{job:?}");
    }
}

#[test]
fn money_is_written_digit_by_digit() {
    for (state, pictures) in states() {
        let status = state.status();
        let body = text(state, pictures);
        let charged = match status {
            Status::Pending | Status::Processing => "null",
            Status::Succeeded => "0.081",
            Status::Failed | Status::Expired | Status::Refunded => "0",
        };
        let money = format!(r#""estimated_cost":0.162,"charged_amount":{charged},"#);
        assert!(body.contains(&money), "{body}");
    }
}

#[test]
fn nothing_internal_is_in_it() {
    for (state, pictures) in states() {
        let body = text(state, pictures);
        for word in ["demo", "hourglass", "secret-key", "task-of", "fence", "lease", "andbox"] {
            assert!(!body.contains(word), "{word}: {body}");
        }
    }
}

#[test]
fn an_unfinished_job_is_worth_asking_for_again() {
    for (state, pictures) in states() {
        let terminal = state.status().is_terminal();
        let (job, links) = (job_in(state), links(pictures));
        let (_, freshness) = super::job(&job, &links);
        let expected = if terminal { Freshness::Private } else { Freshness::Unfinished };
        assert_eq!(freshness, expected);
    }
}

#[test]
fn the_size_is_the_shape_that_is_made() {
    let sized = |size: Option<&str>| {
        let mut job = job_in(State::Pending);
        let draft = Draft {
            model: "flux-1.1-ultra".to_owned(),
            prompt: "a cat".to_owned(),
            size: size.map(str::to_owned),
            ..Draft::default()
        };
        job.order = Order::agree(draft).unwrap();
        let links = links(0);
        let (body, _) = super::job(&job, &links);
        serde_json::to_value(body).unwrap()["size"].clone()
    };
    assert_eq!(sized(Some("1024x1024")), json!("1:1"));
    assert_eq!(sized(Some("nonsense")), json!("16:9"));
    assert_eq!(sized(None), json!("16:9"));
}

#[test]
fn times_have_milliseconds_and_z() {
    for (millis, text) in [
        (0, "1970-01-01T00:00:00.000Z"),
        (1_777_111_200_123, "2026-04-25T10:00:00.123Z"),
        (1_709_164_800_007, "2024-02-29T00:00:00.007Z"),
        (253_402_300_799_999, "9999-12-31T23:59:59.999Z"),
        (u64::MAX, ""),
    ] {
        assert_eq!(date_time(Timestamp::from_millis(millis)), text);
    }
}
