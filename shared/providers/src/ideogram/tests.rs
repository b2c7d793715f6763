use domain::{catalogue::ModelId, upstream::Upstream};
use testkit::Reply;

use super::*;
use crate::testing::{CALL, Stage, job, order, said, told, unknowns};

fn stage(n: u64) -> Stage {
    Stage::new(Upstream::Ideogram, order(ModelId::IdeogramV3, n, &json!({})))
}

#[tokio::test]
async fn pictures_are_made_by_one_request_and_fetched_from_what_was_noted() {
    let stage = stage(4);
    let task = stage.task().await;
    // Whoever comes later, knowing only the task, fetches the same.
    for _ in 0..2 {
        assert_eq!(told(&stage.poll(&task, CALL).await), "4 done, 0 withheld");
    }
    assert_eq!(stage.upstream.seen("POST", GENERATE).len(), 1);
    stage.finish();
}

#[tokio::test]
async fn its_seeds_are_the_pictures_seeds() {
    let stage = stage(1);
    stage.upstream.first(
        "POST",
        GENERATE,
        Reply::fixture("ideogram/ok_1").set("/data/0/seed", json!(77)),
    );
    let task = stage.task().await;
    let Ok(Progress::Done { pictures, .. }) = stage.poll(&task, CALL).await else { panic!("done") };
    assert_eq!(pictures.iter().map(crate::Picture::seed).collect::<Vec<_>>(), [Some(77)]);
}

#[test]
fn the_speed_is_pinned_and_ratios_are_spelled_its_way() {
    let extra = json!({
        "seed": 5, "magic_prompt": "OFF", "style_type": "DESIGN", "negative_prompt": "fog",
        "color_palette": {"name": "EMBER"},
    });
    let mut order = order(ModelId::IdeogramV3, 3, &extra);
    let mut sent = body(&job(Upstream::Ideogram, order.clone()));
    assert_eq!(
        sent,
        json!({
            "prompt": "a cinematic hourglass", "num_images": 3, "rendering_speed": "DEFAULT", "seed": 5,
            "aspect_ratio": "1x1", "magic_prompt": "OFF", "style_type": "DESIGN",
            "negative_prompt": "fog", "color_palette": {"name": "EMBER"},
        })
    );
    let spelled = [
        ("9x16", None),
        ("3x4", None),
        ("1x1", None),
        ("4x3", None),
        ("16x9", None),
        ("", Some("1472x640")),
    ];
    for (ratio, (aspect, resolution)) in Ratio::ALL.into_iter().zip(spelled) {
        order.ratio = Some(ratio);
        sent = body(&job(Upstream::Ideogram, order.clone()));
        assert_eq!(sent.get("resolution").and_then(Value::as_str), resolution);
        assert_eq!(sent.get("aspect_ratio").and_then(Value::as_str).unwrap_or_default(), aspect);
    }
}

#[tokio::test]
async fn every_order_that_may_be_agreed_to_is_one_that_it_takes() {
    for extra in [
        json!({"magic_prompt": "AUTO", "style_type": "GENERAL", "style_preset": "BAUHAUS"}),
        json!({"style_codes": ["AABBCCDD", "00112233"], "negative_prompt": "fog"}),
        json!({"color_palette": {"members": [{"color_hex": "#ff0000", "color_weight": 1.0}]}}),
    ] {
        for ratio in Ratio::ALL {
            let mut order = order(ModelId::IdeogramV3, 1, &extra);
            order.ratio = Some(ratio);
            let stage = Stage::new(Upstream::Ideogram, order);
            assert_eq!(said(&stage.submit().await), "taken", "{extra} {ratio:?}");
            stage.finish();
        }
    }
}

#[tokio::test]
async fn what_its_filter_withholds_is_not_delivered() {
    for (fixture, n, expected) in [
        ("ideogram/one_unsafe", 4, "3 done, 1 withheld"),
        ("ideogram/one_unsafe_empty", 4, "3 done, 1 withheld"),
        ("ideogram/all_unsafe", 4, "all withheld"),
    ] {
        let stage = stage(n);
        stage.upstream.first("POST", GENERATE, Reply::fixture(fixture));
        let made = Reply::fixture(fixture);
        let task = stage.task().await;
        assert_eq!(told(&stage.poll(&task, CALL).await), expected, "{made:?}");
    }
}

#[tokio::test]
async fn what_only_describes_a_picture_does_not_keep_it_from_being_delivered() {
    let stage = stage(3);
    let url = |i| format!("{{base}}/results/x/{i}.png");
    let data = json!([
        {"url": url(0), "seed": "7", "is_image_safe": true},
        {"url": url(1)},
        {"url": url(2), "is_image_safe": null},
        // More than were ordered.
        {"url": url(3), "is_image_safe": true},
    ]);
    stage.upstream.first("POST", GENERATE, Reply::json(200, json!({ "data": data })));
    let task = stage.task().await;
    assert_eq!(told(&stage.poll(&task, CALL).await), "3 done, 0 withheld");
}

/// A row of the table could not hold it, and what cannot be noted is sent again.
#[tokio::test]
async fn an_answer_that_is_too_long_to_be_noted_is_no_answer() {
    let long = json!([{"url": format!("{{base}}/{}", "x".repeat(5_000)), "is_image_safe": true}]);
    let stage = stage(1);
    stage.upstream.first("POST", GENERATE, Reply::json(200, json!({ "data": long })));
    let task = stage.task().await;
    assert!(task.0.len() < 100);
    assert_eq!(told(&stage.poll(&task, CALL).await), "output_invalid");
}

#[tokio::test]
async fn an_answer_to_an_order_is_sorted_by_what_it_means() {
    for (reply, expected) in [
        (Reply::fixture("ideogram/400"), "provider_rejected"),
        (Reply::fixture("ideogram/422_safety"), "content_moderated"),
        (Reply::json(422, json!({})), "content_moderated"),
        (Reply::fixture("ideogram/401"), "trouble"),
        (Reply::fixture("ideogram/402"), "trouble"),
        (Reply::fixture("ideogram/429_inflight_limit"), "busy"),
    ] {
        let stage = stage(1);
        stage.upstream.first("POST", GENERATE, reply.clone());
        assert_eq!(said(&stage.submit().await), expected, "{reply:?}");
    }
    for reply in unknowns("ideogram/ok_1") {
        let stage = stage(1);
        stage.upstream.first("POST", GENERATE, reply.clone());
        assert_eq!(said(&stage.submit().await), "unknown", "{reply:?}");
    }
}

#[tokio::test]
async fn pictures_come_from_its_own_hosts_only() {
    let (stage, stranger) = (stage(1), testkit::Upstream::start());
    let url = format!("{}/results/1/0.png", stranger.url());
    let reply = Reply::fixture("ideogram/ok_1").set("/data/0/url", json!(url));
    stage.upstream.first("POST", GENERATE, reply);
    let task = stage.task().await;
    assert_eq!(told(&stage.poll(&task, CALL).await), "incomplete output_invalid");
    assert!(stranger.requests().is_empty());
}
