use domain::order::Order;
use testkit::{Plan, Reply};

use super::*;
use crate::testing::{CALL, LAST, Stage, job, order, said, told, unknowns};

const IDEOGRAM: &str = "/fal-ai/ideogram/v3";
const RECRAFT: &str = "/fal-ai/recraft/v3/text-to-image";
/// Leaves out the last part of the model's name, as fal does.
const STATUS: &str = "/fal-ai/ideogram/requests/*/status";
const RESULT: &str = "/fal-ai/ideogram/requests/*";

fn stage(model: ModelId, n: u64) -> Stage {
    Stage::new(Upstream::Fal, order(model, n, &json!({})))
}

/// Ready at the first question.
fn ready_at_once(n: u64) -> Stage {
    let order = order(ModelId::IdeogramV3, n, &json!({}));
    Stage::with(Upstream::Fal, order, Plan { polls_before_ready: 0, ..Plan::default() })
}

#[tokio::test]
async fn every_model_is_ordered_asked_for_and_fetched() {
    for (model, requests) in
        [(ModelId::Flux11Ultra, 1), (ModelId::IdeogramV3, 1), (ModelId::RecraftV3, 3)]
    {
        let stage = stage(model, 3);
        let task = stage.task().await;
        assert_eq!(told(&stage.poll(&task, CALL).await), "pending");
        assert_eq!(told(&stage.follow(&task).await), "3 done, 0 withheld");
        assert_eq!(stage.upstream.seen("POST", "/fal-ai/*").len(), requests, "{model:?}");
        stage.finish();
    }
}

#[tokio::test]
async fn what_it_made_is_not_kept_for_ever() {
    let stage = stage(ModelId::IdeogramV3, 1);
    let _task = stage.task().await;
    let seen = stage.upstream.seen("POST", IDEOGRAM);
    let kept = seen.first().and_then(|seen| seen.header(LIFECYCLE));
    assert_eq!(kept, Some(r#"{"expiration_duration_seconds":86400}"#));
}

fn sent(order: Order) -> Value {
    body(&job(Upstream::Fal, order), None)
}

#[test]
fn an_order_is_spelled_its_way() {
    let extra = json!({
        "seed": 5, "raw": true, "safety_tolerance": 0, "prompt_upsampling": true,
        "output_format": "png",
    });
    assert_eq!(
        sent(order(ModelId::Flux11Ultra, 2, &extra)),
        json!({
            "prompt": "a cinematic hourglass", "num_images": 2, "seed": 5, "aspect_ratio": "16:9",
            "raw": true, "safety_tolerance": "1", "enhance_prompt": true, "output_format": "png",
        })
    );
    let extra = json!({
        "seed": 5, "magic_prompt": "OFF", "style_type": "DESIGN", "style_preset": "BAUHAUS",
        "negative_prompt": "fog", "color_palette": {"name": "EMBER"},
    });
    assert_eq!(
        sent(order(ModelId::IdeogramV3, 2, &extra)),
        json!({
            "prompt": "a cinematic hourglass", "num_images": 2, "seed": 5, "image_size": "square_hd",
            "rendering_speed": "BALANCED", "expand_prompt": false, "style": "DESIGN",
            "style_preset": "BAUHAUS", "negative_prompt": "fog", "color_palette": {"name": "EMBER"},
        })
    );
    let extra = json!({"style": "realistic_image", "substyle": "hdr"});
    assert_eq!(
        sent(order(ModelId::RecraftV3, 2, &extra)),
        json!({
            "prompt": "a cinematic hourglass", "image_size": "square_hd",
            "style": "realistic_image/hdr",
        })
    );
}

#[tokio::test]
async fn every_order_that_may_be_agreed_to_is_one_that_it_takes() {
    for (model, extra) in [
        (ModelId::Flux11Ultra, json!({"safety_tolerance": 0, "raw": false})),
        (ModelId::Flux11Ultra, json!({"safety_tolerance": 6, "output_format": "jpeg"})),
        (ModelId::IdeogramV3, json!({"magic_prompt": "ON", "style_type": "AUTO"})),
        (ModelId::IdeogramV3, json!({"style_codes": ["AABBCCDD"]})),
        (ModelId::RecraftV3, json!({"style": "any"})),
        (ModelId::RecraftV3, json!({"style": "digital_illustration", "substyle": "grain"})),
    ] {
        for ratio in Ratio::ALL {
            let mut order = order(model, 4, &extra);
            order.ratio = Some(ratio);
            let plan = Plan { polls_before_ready: 0, ..Plan::default() };
            let stage = Stage::with(Upstream::Fal, order, plan);
            let task = stage.task().await;
            // It refuses a bad order only in the result.
            let done = told(&stage.poll(&task, CALL).await);
            assert_eq!(done, "4 done, 0 withheld", "{extra} {ratio:?}");
            stage.finish();
        }
    }
}

#[tokio::test]
async fn an_answer_to_an_order_is_sorted_by_what_it_means() {
    for (reply, expected) in [
        (Reply::fixture("fal/401"), "trouble"),
        (Reply::fixture("fal/403_exhausted_balance"), "trouble"),
        (Reply::fixture("fal/403_locked"), "trouble"),
        (Reply::fixture("fal/404"), "trouble"),
        (Reply::fixture("fal/429"), "busy"),
        (Reply::fixture("fal/422_validation"), "provider_rejected"),
        (Reply::fixture("fal/422_content_policy_violation"), "content_moderated"),
        (Reply::fixture("fal/504_request_timeout"), "unknown"),
        (Reply::fixture("fal/500_infrastructure"), "unknown"),
        (Reply::fixture("fal/submit").without("/status_url"), "unknown"),
    ] {
        let stage = stage(ModelId::IdeogramV3, 1);
        stage.upstream.first("POST", IDEOGRAM, reply.clone());
        assert_eq!(said(&stage.submit().await), expected, "{reply:?}");
    }
    for reply in unknowns("fal/submit") {
        let stage = stage(ModelId::IdeogramV3, 1);
        stage.upstream.first("POST", IDEOGRAM, reply.clone());
        assert_eq!(said(&stage.submit().await), "unknown", "{reply:?}");
    }
}

#[tokio::test]
async fn an_answer_about_a_task_is_sorted_by_what_it_means() {
    for (status, expected) in [
        (Reply::fixture("fal/in_queue"), "pending"),
        (Reply::fixture("fal/in_progress"), "pending"),
        (Reply::fixture("fal/in_progress").set("/status", json!("THINKING")), "pending"),
        (Reply::fixture("fal/429"), "busy"),
        (Reply::fixture("fal/404"), "incomplete provider_failed"),
        (Reply::fixture("fal/401"), "trouble"),
        (Reply::fixture("fal/500_infrastructure"), "unanswered"),
        (Reply::fixture("fal/504_request_timeout"), "unanswered"),
        (Reply::html(200), "unanswered"),
        (Reply::cut(), "unanswered"),
    ] {
        let stage = ready_at_once(1);
        let task = stage.task().await;
        stage.upstream.first("GET", STATUS, status.clone());
        assert_eq!(told(&stage.poll(&task, CALL).await), expected, "{status:?}");
    }
}

#[tokio::test]
async fn completed_is_not_success_before_the_result_says_so() {
    let done = || Reply::fixture("fal/completed");
    let failed = || Reply::fixture("fal/completed_with_error");
    for (status, result, expected) in [
        (done(), Reply::fixture("fal/422_content_policy_violation"), "content_moderated"),
        (done(), Reply::fixture("fal/422_validation"), "provider_rejected"),
        (done(), Reply::fixture("fal/result_in_progress"), "incomplete provider_failed"),
        (done(), Reply::fixture("fal/429"), "busy"),
        (done(), Reply::fixture("fal/500_infrastructure"), "unanswered"),
        (done(), Reply::fixture("fal/404"), "incomplete provider_failed"),
        (done(), Reply::json(200, json!({"images": "none"})), "unanswered"),
        (done(), Reply::json(200, json!({"images": []})), "output_invalid"),
        (failed(), Reply::fixture("fal/503_runner_disconnected"), "provider_failed"),
        (failed(), Reply::fixture("fal/499_client_cancelled"), "provider_failed"),
        (failed(), Reply::fixture("fal/422_content_policy_violation"), "content_moderated"),
        (failed(), Reply::cut(), "provider_failed"),
        (failed(), Reply::fixture("fal/result_ideogram"), "provider_failed"),
    ] {
        let stage = ready_at_once(1);
        let task = stage.task().await;
        stage.upstream.first("GET", STATUS, status);
        stage.upstream.first("GET", RESULT, result.clone());
        assert_eq!(told(&stage.poll(&task, CALL).await), expected, "{result:?}");
    }
}

#[tokio::test]
async fn what_its_filter_marks_is_not_delivered() {
    for (marks, expected) in [
        (json!([true, false]), "1 done, 1 withheld"),
        (json!([true, true]), "all withheld"),
        (json!([false]), "2 done, 0 withheld"),
        (json!(null), "2 done, 0 withheld"),
        (json!([null, "x"]), "2 done, 0 withheld"),
        (json!("none"), "2 done, 0 withheld"),
    ] {
        let stage = ready_at_once(2);
        let task = stage.task().await;
        let picture = |i| json!({"url": format!("{{base}}/results/x/{i}.png")});
        let result = json!({
            "images": [picture(0), picture(1)], "seed": 7, "has_nsfw_concepts": marks,
        });
        stage.upstream.first("GET", STATUS, Reply::fixture("fal/completed"));
        stage.upstream.first("GET", RESULT, Reply::json(200, result));
        assert_eq!(told(&stage.poll(&task, CALL).await), expected, "{marks}");
    }
}

#[tokio::test]
async fn one_of_three_requests_that_fails_takes_none_of_the_others_along() {
    let order = order(ModelId::RecraftV3, 3, &json!({}));
    let plan = Plan { polls_before_ready: 0, ..Plan::default() };
    let stage = Stage::with(Upstream::Fal, order, plan);
    stage.upstream.first("POST", RECRAFT, Reply::cut());
    let task = stage.task().await;
    assert_eq!(told(&stage.poll(&task, LAST).await), "2 done, 0 withheld");
    assert_eq!(stage.upstream.seen("POST", RECRAFT).len(), 3);
}

#[tokio::test]
async fn what_only_describes_a_picture_does_not_keep_it_from_being_delivered() {
    let stage = ready_at_once(2);
    stage.upstream.first("POST", IDEOGRAM, Reply::fixture("fal/submit").without("/cancel_url"));
    let task = stage.task().await;
    stage.cancel(&task).await;
    let stage = ready_at_once(2);
    let task = stage.task().await;
    let picture = json!({"url": "{base}/results/x/0.png", "width": "wide"});
    let result = json!({"images": [picture, {"file": "none"}, null], "seed": -1});
    stage.upstream.first("GET", STATUS, Reply::fixture("fal/completed"));
    stage.upstream.first("GET", RESULT, Reply::json(200, result));
    assert_eq!(told(&stage.poll(&task, CALL).await), "1 done, 0 withheld");
}

#[tokio::test]
async fn who_waits_no_more_says_so() {
    let stage = stage(ModelId::RecraftV3, 2);
    let task = stage.task().await;
    stage.cancel(&task).await;
    assert_eq!(stage.upstream.seen("PUT", "/fal-ai/recraft/requests/*/cancel").len(), 2);
    stage.finish();
    // An answer that does not come is not waited for longer than the call lasts.
    stage.upstream.on("PUT", "/fal-ai/recraft/requests/*/cancel", Reply::silence());
    stage.cancel(&task).await;
}
