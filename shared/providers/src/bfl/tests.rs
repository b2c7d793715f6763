use domain::{order::Order, size::Ratio, upstream::Upstream};
use testkit::{Plan, Reply};

use super::*;
use crate::testing::{CALL, LAST, LIMITS, Stage, job, order, said, told};

const ULTRA: &str = "/v1/flux-pro-1.1-ultra";

fn ultra(n: u64) -> Order {
    order(ModelId::Flux11Ultra, n, &json!({}))
}

fn stage(n: u64) -> Stage {
    Stage::new(Upstream::Bfl, ultra(n))
}

#[tokio::test]
async fn a_picture_is_ordered_asked_for_and_fetched() {
    let stage = stage(1);
    let Receipt { task, .. } = stage.submit().await.unwrap();
    let Ok(Progress::Pending { again }) = stage.poll(&task, CALL).await else { panic!("too soon") };
    assert_eq!(again, LIMITS.pause);
    let Ok(Progress::Done { pictures, withheld: 0 }) = stage.follow(&task).await else {
        panic!("it should be done")
    };
    let [picture] = pictures.as_slice() else { panic!("{pictures:?}") };
    assert_eq!(picture.content_type(), "image/jpeg");
    assert!(picture.width() > picture.height(), "16:9 is asked for");
    assert_eq!(stage.upstream.seen("POST", ULTRA).len(), 1);
    stage.finish();
}

#[tokio::test]
async fn each_picture_is_a_request_with_a_seed_of_its_own() {
    let stage = Stage::new(Upstream::Bfl, order(ModelId::Flux11Ultra, 4, &json!({"seed": 9})));
    let task = stage.task().await;
    let Ok(Progress::Done { pictures, .. }) = stage.follow(&task).await else { panic!("not done") };
    let mut seeds: Vec<_> = pictures.iter().filter_map(crate::Picture::seed).collect();
    seeds.sort_unstable();
    assert_eq!(seeds, [9, 10, 11, 12]);
    assert_eq!(stage.upstream.seen("POST", ULTRA).len(), 4);
    stage.finish();
}

#[test]
fn the_ratio_is_always_sent_and_the_rest_as_ordered() {
    let extra = json!({"raw": true, "safety_tolerance": 6, "output_format": "png", "seed": 1});
    let mut order = order(ModelId::Flux11Ultra, 1, &extra);
    let sent = |order: &Order| body(&job(Upstream::Bfl, order.clone()), 1, None);
    let expected = json!({
        "prompt": "a cinematic hourglass", "seed": 1, "aspect_ratio": "16:9", "raw": true,
        "safety_tolerance": 6, "output_format": "png",
    });
    assert_eq!(sent(&order), expected);
    for ratio in Ratio::ALL {
        order.ratio = Some(ratio);
        assert_eq!(sent(&order)["aspect_ratio"], ratio.as_str());
    }
}

#[test]
fn an_edit_keeps_the_shape_of_its_source_unless_another_is_asked_for() {
    let mut order = order(ModelId::FluxKontextPro, 1, &json!({}));
    assert_eq!(body(&job(Upstream::Bfl, order.clone()), 1, None).get("aspect_ratio"), None);
    order.ratio = Some(Ratio::Cinema);
    assert_eq!(body(&job(Upstream::Bfl, order), 1, None)["aspect_ratio"], "21:9");
}

#[test]
fn credits_are_cents_and_no_float_touches_them() {
    for (credits, micros_of) in
        [("6.0", Some(60_000)), ("4", Some(40_000)), ("0", Some(0)), ("0.05", Some(500))]
    {
        let number: serde_json::Number = credits.parse().unwrap();
        assert_eq!(micros(&number).map(MicroUsd::micros), micros_of, "{credits}");
    }
    for credits in ["-1", "1e400", "0.0000001"] {
        assert_eq!(credits.parse().ok().as_ref().and_then(micros), None, "{credits}");
    }
}

#[tokio::test]
async fn what_it_costs_is_what_it_says_for_all_requests() {
    for (replies, cost) in [
        (vec![Reply::fixture("bfl/submit").set("/cost", json!(6.0)); 2], Some(120_000)),
        (vec![Reply::fixture("bfl/submit").set("/cost", json!(null)); 2], None),
        (vec![Reply::fixture("bfl/submit").without("/cost"); 2], None),
        (vec![Reply::fixture("bfl/submit").set("/cost", json!("6.0")); 2], None),
        (vec![Reply::fixture("bfl/submit").set("/cost", json!({"eur": 6})); 2], None),
    ] {
        let stage = stage(2);
        stage.upstream.first("POST", ULTRA, replies);
        assert_eq!(stage.submit().await.unwrap().cost.map(MicroUsd::micros), cost);
    }
}

#[tokio::test]
async fn an_answer_to_an_order_is_sorted_by_what_it_means() {
    let stage = stage(1);
    let mut meanings = Vec::new();
    for reply in [
        "bfl/401",
        "bfl/402",
        "bfl/422",
        "bfl/429",
        "cut",
        "truncated",
        "html",
        "no url",
        "500",
        "silence",
    ] {
        let played = match reply {
            "cut" => Reply::cut(),
            "truncated" => Reply::fixture("bfl/submit").truncated(),
            "html" => Reply::html(200),
            "no url" => Reply::fixture("bfl/submit").without("/polling_url"),
            "500" => Reply::json(500, json!({"error": "oops"})),
            "silence" => Reply::silence(),
            fixture => Reply::fixture(fixture),
        };
        stage.upstream.first("POST", ULTRA, played);
        meanings.push((reply, said(&stage.submit().await)));
    }
    assert_eq!(
        meanings,
        [
            ("bfl/401", "trouble"),
            ("bfl/402", "trouble"),
            ("bfl/422", "provider_rejected"),
            ("bfl/429", "busy"),
            ("cut", "unknown"),
            ("truncated", "unknown"),
            ("html", "unknown"),
            ("no url", "unknown"),
            ("500", "unknown"),
            ("silence", "unknown"),
        ]
    );
}

#[tokio::test]
async fn an_answer_about_a_task_is_sorted_by_what_it_means() {
    for (reply, expected) in [
        (Reply::fixture("bfl/pending"), "pending"),
        (Reply::fixture("bfl/pending").set("/status", json!("Reticulating")), "pending"),
        // A word of older versions of its documents.
        (Reply::fixture("bfl/unknown_status"), "provider_failed"),
        (Reply::fixture("bfl/request_moderated"), "content_moderated"),
        (Reply::fixture("bfl/content_moderated"), "all withheld"),
        (Reply::fixture("bfl/error"), "provider_failed"),
        (Reply::fixture("bfl/task_not_found"), "incomplete provider_failed"),
        (Reply::json(404, json!({"detail": "no"})), "incomplete provider_failed"),
        (Reply::fixture("bfl/429"), "busy"),
        (Reply::json(503, json!({})).header("retry-after", "900"), "busy"),
        (
            Reply::fixture("bfl/ready").set("/result/seed", json!(9_007_199_254_740_991_u64)),
            "1 done, 0 withheld",
        ),
        (Reply::fixture("bfl/ready").set("/result/seed", json!("7")), "1 done, 0 withheld"),
        (Reply::fixture("bfl/401"), "trouble"),
        (Reply::json(500, json!({})), "unanswered"),
        (Reply::html(200), "unanswered"),
        (Reply::cut(), "unanswered"),
        (Reply::fixture("bfl/ready").without("/result"), "unanswered"),
        (
            Reply::fixture("bfl/ready").set("/result/sample", json!("https://evil.example/x.png")),
            "incomplete output_invalid",
        ),
    ] {
        let stage = stage(1);
        let task = stage.task().await;
        stage.upstream.first("GET", "/v1/get_result", reply.clone());
        assert_eq!(told(&stage.poll(&task, CALL).await), expected, "{reply:?}");
    }
}

/// That it is busy says nothing about the task, least of all that it is not done: at the last question
/// that would throw away what was paid for.
#[tokio::test]
async fn busy_at_the_last_question_is_no_answer() {
    let stage = stage(1);
    let task = stage.task().await;
    stage.upstream.first("GET", "/v1/get_result", Reply::fixture("bfl/429"));
    assert_eq!(told(&stage.poll(&task, LAST).await), "busy");
}

/// Whose URLs are asked with our key is decided by us.
#[tokio::test]
async fn a_url_of_somebody_else_is_not_asked_with_our_key() {
    let (stage, stranger) = (stage(1), testkit::Upstream::start());
    let foreign = format!("{}/v1/get_result?id=1", stranger.url());
    let reply = Reply::fixture("bfl/submit").set("/polling_url", json!(foreign));
    stage.upstream.first("POST", ULTRA, reply);
    let task = stage.task().await;
    assert_eq!(told(&stage.poll(&task, CALL).await), "incomplete provider_failed");
    assert!(stranger.requests().is_empty());
}

#[tokio::test]
async fn a_part_that_is_not_answered_is_not_sent_again_while_others_are_under_way() {
    let stage = stage(3);
    stage.upstream.first("POST", ULTRA, Reply::cut());
    let task = stage.task().await;
    let Ok(Progress::Done { pictures, withheld: 0 }) = stage.follow(&task).await else {
        panic!("two are done")
    };
    assert_eq!(pictures.len(), 2);
    assert_eq!(stage.upstream.seen("POST", ULTRA).len(), 3);
}

#[tokio::test]
async fn a_part_that_found_no_room_is_sent_again_in_time() {
    let stage = stage(3);
    let busy = Reply::fixture("bfl/429").header("retry-after", "1");
    stage.upstream.first("POST", ULTRA, busy);
    let task = stage.task().await;
    let Ok(Progress::Done { pictures, .. }) = stage.follow(&task).await else { panic!("not done") };
    assert_eq!(pictures.len(), 3);
    assert_eq!(stage.upstream.seen("POST", ULTRA).len(), 4);
}

#[tokio::test]
async fn what_is_withheld_is_not_delivered() {
    let stage =
        Stage::with(Upstream::Bfl, ultra(2), Plan { polls_before_ready: 0, ..Plan::default() });
    let task = stage.task().await;
    stage.upstream.first("GET", "/v1/get_result", Reply::fixture("bfl/content_moderated"));
    let Ok(Progress::Done { pictures, withheld }) = stage.poll(&task, CALL).await else {
        panic!("one is done")
    };
    assert_eq!((pictures.len(), withheld), (1, 1));
}

/// Three of four are done and one never will be: at the last question the three are delivered.
#[tokio::test]
async fn at_the_last_question_what_is_done_is_delivered() {
    let stage =
        Stage::with(Upstream::Bfl, ultra(4), Plan { polls_before_ready: 0, ..Plan::default() });
    let task = stage.task().await;
    for (late, call) in [("bfl/pending", CALL), ("bfl/pending", LAST), ("bfl/task_not_found", LAST)]
    {
        stage.upstream.first("GET", "/v1/get_result", Reply::fixture(late));
        match stage.poll(&task, call).await {
            Ok(Progress::Pending { .. }) => assert!(!call.is_last),
            Ok(Progress::Incomplete { pictures, .. }) => {
                assert!(call.is_last);
                assert_eq!(pictures.len(), 3);
            }
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn a_picture_that_cannot_be_had_is_not_a_success() {
    for reply in [
        Reply::json(403, json!({})),
        Reply::json(404, json!({})),
        Reply::json(500, json!({})),
        Reply::html(200),
        Reply::cut(),
        Reply::bytes(200, "image/png", testkit::picture::png(4, 4)).truncated(),
        Reply::bytes(200, "image/png", b"\x89PNG\r\n\x1a\n".to_vec()),
        Reply::bytes(200, "image/svg+xml", b"<svg xmlns='http://www.w3.org/2000/svg'/>".to_vec()),
        Reply::endless(1_000_000_000),
        Reply::bytes(200, "image/png", vec![0; 64]).claiming(1_000_000_000),
        Reply::silence(),
        Reply::bytes(200, "image/png", testkit::picture::png(4, 4)).drip(Duration::from_millis(50)),
        Reply::json(302, json!({})).header("location", "/results/other/0.png"),
    ] {
        let stage =
            Stage::with(Upstream::Bfl, ultra(1), Plan { polls_before_ready: 0, ..Plan::default() });
        let task = stage.task().await;
        stage.upstream.first("GET", "/results/*", reply.clone());
        let told = stage.poll(&task, CALL).await;
        let Ok(Progress::Incomplete { failure: Failure::OutputInvalid, pictures, why }) = told
        else {
            panic!("{reply:?}: {told:?}")
        };
        assert!(pictures.is_empty());
        let shown = format!("{why:?} {}", domain::causes::chain(why.as_ref()));
        assert!(!shown.contains("127.0.0.1") && !shown.contains("results"), "{shown}");
        // Sixteen megabytes and what is on the way are taken of a gigabyte.
        assert!(stage.upstream.streamed() < 64_000_000, "{}", stage.upstream.streamed());
        // It can be had the next time.
        assert!(matches!(stage.poll(&task, CALL).await, Ok(Progress::Done { .. })), "{reply:?}");
    }
}

#[tokio::test]
async fn no_error_and_no_log_tells_a_key_or_a_url() {
    let stage = stage(1);
    let shown = format!("{:?}", stage.providers);
    assert!(!shown.contains(Plan::default().key.as_str()), "{shown}");
    stage.upstream.first("POST", ULTRA, Reply::cut());
    let error = stage.submit().await.unwrap_err();
    let shown = format!("{error:?} {}", domain::causes::chain(&error));
    assert!(!shown.contains("127.0.0.1") && !shown.contains("flux"), "{shown}");
    let task = stage.task().await;
    assert!(!format!("{task:?}").contains("get_result"));
    stage.upstream.first("GET", "/v1/get_result", Reply::cut());
    let error = stage.poll(&task, CALL).await.unwrap_err();
    let shown = format!("{error:?} {}", domain::causes::chain(&error));
    assert!(!shown.contains("127.0.0.1") && !shown.contains("get_result"), "{shown}");
}
