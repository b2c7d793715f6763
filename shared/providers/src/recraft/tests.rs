use domain::{catalogue::ModelId, order::Order, upstream::Upstream};
use testkit::Reply;

use super::*;
use crate::testing::{CALL, Stage, job, order, said, told, unknowns};

fn two() -> Order {
    order(ModelId::RecraftV3, 2, &json!({}))
}

fn stage() -> Stage {
    Stage::new(Upstream::Recraft, two())
}

#[tokio::test]
async fn pictures_are_made_by_one_request_and_fetched_from_what_was_noted() {
    let stage = stage();
    let task = stage.task().await;
    for _ in 0..2 {
        assert_eq!(told(&stage.poll(&task, CALL).await), "2 done, 0 withheld");
    }
    assert_eq!(stage.upstream.seen("POST", GENERATE).len(), 1);
    stage.finish();
}

#[test]
fn the_model_is_always_sent_and_sizes_are_its_own() {
    let extra = json!({
        "seed": 5, "style": "digital_illustration", "substyle": "grain", "negative_prompt": "fog",
        "controls": {"no_text": true},
    });
    let mut order = order(ModelId::RecraftV3, 3, &extra);
    assert_eq!(
        body(&job(Upstream::Recraft, order.clone())),
        json!({
            "prompt": "a cinematic hourglass", "model": "recraftv3", "n": 3, "response_format": "url",
            "random_seed": 5, "size": "1024x1024", "style": "digital_illustration",
            "substyle": "grain", "negative_prompt": "fog", "controls": {"no_text": true},
        })
    );
    let sizes = ["1024x1820", "1024x1365", "1024x1024", "1365x1024", "1820x1024", "2048x1024"];
    for (ratio, size) in Ratio::ALL.into_iter().zip(sizes) {
        order.ratio = Some(ratio);
        assert_eq!(body(&job(Upstream::Recraft, order.clone()))["size"], size);
    }
}

#[tokio::test]
async fn every_order_that_may_be_agreed_to_is_one_that_it_takes() {
    for extra in [
        json!({"style": "any"}),
        json!({"style": "realistic_image", "substyle": "hdr"}),
        json!({"style": "logo_raster", "negative_prompt": "fog"}),
        json!({"controls": {"artistic_level": 2, "colors": [{"rgb": [1, 2, 3]}], "no_text": true}}),
    ] {
        for ratio in Ratio::ALL {
            let mut order = order(ModelId::RecraftV3, 4, &extra);
            order.ratio = Some(ratio);
            let stage = Stage::new(Upstream::Recraft, order);
            assert_eq!(said(&stage.submit().await), "taken", "{extra} {ratio:?}");
            stage.finish();
        }
    }
}

#[tokio::test]
async fn a_seed_is_told_where_it_made_the_one_picture() {
    for (n, seed) in [(1, Some(5)), (2, None)] {
        let stage =
            Stage::new(Upstream::Recraft, order(ModelId::RecraftV3, n, &json!({"seed": 5})));
        let task = stage.task().await;
        let Ok(Progress::Done { pictures, .. }) = stage.poll(&task, CALL).await else { panic!() };
        assert!(pictures.iter().all(|picture| picture.seed() == seed));
    }
}

#[tokio::test]
async fn what_it_costs_is_what_it_says() {
    for (reply, cost) in [
        (Reply::fixture("recraft/ok").set("/credits", json!(80)), Some(80_000)),
        (Reply::fixture("recraft/dearer"), None),
        (Reply::fixture("recraft/ok").set("/credits", json!(0)), Some(0)),
        (Reply::fixture("recraft/ok").set("/credits", json!(40.0)), Some(40_000)),
        (Reply::fixture("recraft/ok").without("/credits"), None),
    ] {
        let stage = stage();
        stage.upstream.first("POST", GENERATE, reply.clone());
        let told = stage.submit().await.unwrap().cost.map(MicroUsd::micros);
        match cost {
            None if format!("{reply:?}").contains("credits") => assert!(told > Some(40_000)),
            cost => assert_eq!(told, cost, "{reply:?}"),
        }
    }
}

/// F-42: a cost that is none never costs the pictures.
#[tokio::test]
async fn what_only_describes_a_picture_does_not_keep_it_from_being_delivered() {
    for credits in [json!(-1), json!("40"), json!(40.5), json!(1e300), json!([]), json!(null)] {
        let stage = stage();
        let reply = Reply::fixture("recraft/ok")
            .set("/credits", credits.clone())
            .set("/data", json!([{"url": "{base}/results/x/0.png"}, {"b64_json": "x"}, null]));
        stage.upstream.first("POST", GENERATE, reply);
        let Receipt { task, cost } = stage.submit().await.unwrap();
        assert_eq!(cost, None, "{credits}");
        assert_eq!(told(&stage.poll(&task, CALL).await), "1 done, 0 withheld", "{credits}");
    }
}

#[tokio::test]
async fn an_answer_to_an_order_is_sorted_by_what_it_means() {
    for (reply, expected) in [
        (Reply::fixture("recraft/400"), "provider_rejected"),
        (Reply::fixture("recraft/401"), "trouble"),
        (Reply::fixture("recraft/out_of_units"), "trouble"),
        (Reply::fixture("recraft/429"), "busy"),
        (Reply::json(400, json!({"message": "Prompt failed moderation"})), "content_moderated"),
    ] {
        let stage = stage();
        stage.upstream.first("POST", GENERATE, reply.clone());
        assert_eq!(said(&stage.submit().await), expected, "{reply:?}");
    }
    for reply in unknowns("recraft/ok") {
        let stage = stage();
        stage.upstream.first("POST", GENERATE, reply.clone());
        assert_eq!(said(&stage.submit().await), "unknown", "{reply:?}");
    }
}
