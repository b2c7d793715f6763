//! The players: what is right gets pictures, what is wrong is refused.

use super::*;

/// Sends JSON under a header.
async fn post(url: &str, (header, key): (&str, &str), body: &Value) -> Response {
    client().post(url).header(header, key).json(body).send().await.unwrap()
}

/// The size and the content type of a picture.
async fn picture_at(url: &Value) -> ((u32, u32), String) {
    let answer = get(url.as_str().unwrap()).await;
    assert_eq!(answer.status(), 200);
    let content_type = answer.headers()["content-type"].to_str().unwrap().to_owned();
    let bytes = answer.bytes().await.unwrap();
    (picture::width_height(&bytes).unwrap(), content_type)
}

const BFL: (&str, &str) = ("x-key", "test-key");

#[tokio::test]
async fn bfl_gives_one_picture_after_polling_in_the_shape_that_was_asked_for() {
    let upstream = Upstream::start();
    play::bfl(&upstream, Plan { polls_before_ready: 2, ..Plan::default() });
    let url = format!("{}/v1/flux-pro-1.1-ultra", upstream.url());

    let order = json!({ "prompt": "a fox", "aspect_ratio": "21:9", "output_format": "webp" });
    let taken = body(post(&url, BFL, &order).await).await;
    assert_eq!(taken["cost"], 6.0);
    let poll = taken["polling_url"].as_str().unwrap();

    assert_eq!(body(get(poll).await).await["status"], "Pending");
    assert_eq!(body(get(poll).await).await["status"], "Pending");
    let ready = body(get(poll).await).await;
    assert_eq!(ready["status"], "Ready");
    assert_eq!(ready["id"], taken["id"]);
    let (size, content_type) = picture_at(&ready["result"]["sample"]).await;
    assert_eq!((size, &*content_type), ((128, 55), "image/webp"));
    assert!(upstream.violations().is_empty() && upstream.unexpected().is_empty());
}

#[tokio::test]
async fn bfl_kontext_needs_a_prompt_and_makes_png_unless_told_otherwise() {
    let upstream = Upstream::start();
    play::bfl(&upstream, Plan { polls_before_ready: 0, ..Plan::default() });
    let url = format!("{}/v1/flux-kontext-pro", upstream.url());

    let refused = post(&url, BFL, &json!({ "input_image": "https://example.com/a.png" })).await;
    assert_eq!(refused.status(), 422);
    assert_eq!(body(refused).await["detail"][0]["loc"], json!(["body", "prompt"]));

    let order = json!({ "prompt": "a hat", "input_image": "https://example.com/a.png" });
    let taken = body(post(&url, BFL, &order).await).await;
    assert_eq!(taken["cost"], 4.0);
    let ready = body(get(taken["polling_url"].as_str().unwrap()).await).await;
    assert_eq!(picture_at(&ready["result"]["sample"]).await.1, "image/png");
}

#[tokio::test]
async fn bfl_answers_an_order_with_a_webhook_without_a_polling_url() {
    let upstream = Upstream::start();
    play::bfl(&upstream, Plan::default());
    let url = format!("{}/v1/flux-pro-1.1-ultra", upstream.url());

    let order = json!({ "prompt": "a fox", "webhook_url": "https://example.com/me" });
    let taken = body(post(&url, BFL, &order).await).await;

    assert!(taken.get("polling_url").is_none());
    assert_eq!(taken["webhook_url"], "https://example.com/me");
}

#[tokio::test]
async fn bfl_refuses_what_is_not_in_its_schema() {
    let upstream = Upstream::start();
    play::bfl(&upstream, Plan::default());
    let url = format!("{}/v1/flux-pro-1.1-ultra", upstream.url());

    for wrong in [
        json!({ "prompt": "a fox", "num_images": 2 }),
        json!({ "prompt": 7 }),
        json!({ "prompt": "a fox", "safety_tolerance": "2" }),
        json!({ "prompt": "a fox", "safety_tolerance": 7 }),
        json!({ "prompt": "a fox", "output_format": "jpg" }),
        json!({ "prompt": "a fox", "aspect_ratio": "3:1" }),
        json!({ "prompt": "a fox", "aspect_ratio": "1024x1024" }),
        json!({ "prompt": "a fox", "seed": 1.5 }),
        json!(["a fox"]),
    ] {
        let before = upstream.violations().len();
        let answer = post(&url, BFL, &wrong).await;
        assert_eq!(answer.status(), 422, "{wrong}");
        assert_eq!(upstream.violations().len(), before + 1, "{wrong}");
    }
}

#[tokio::test]
async fn every_player_knows_its_key() {
    let upstream = Upstream::start();
    play::bfl(&upstream, Plan::default());
    play::ideogram(&upstream, Plan::default());
    play::recraft(&upstream, Plan::default());
    play::fal(&upstream, Plan::default());

    for path in [
        "/v1/flux-pro-1.1-ultra",
        "/v1/flux-kontext-pro",
        "/v1/ideogram-v3/generate",
        "/v1/images/generations",
        "/fal-ai/flux-pro/v1.1-ultra",
    ] {
        let url = format!("{}{path}", upstream.url());
        for header in ["x-key", "api-key", "authorization", "x-nothing"] {
            let answer = post(&url, (header, "Bearer wrong"), &json!({ "prompt": "a fox" })).await;
            assert_eq!(answer.status(), 401, "{path} {header}");
        }
    }
    assert_eq!(upstream.violations().len(), 20);
}

const IDEOGRAM: (&str, &str) = ("Api-Key", "test-key");

#[tokio::test]
async fn ideogram_gives_as_many_pictures_as_asked_for() {
    let upstream = Upstream::start();
    play::ideogram(&upstream, Plan::default());
    let url = format!("{}/v1/ideogram-v3/generate", upstream.url());

    let order = json!({
        "prompt": "a fox", "num_images": 3, "aspect_ratio": "9x16", "rendering_speed": "TURBO",
    });
    let answer = body(post(&url, IDEOGRAM, &order).await).await;

    let data = answer["data"].as_array().unwrap();
    assert_eq!(data.len(), 3);
    for image in data {
        assert_eq!(image["resolution"], "736x1312");
        assert_eq!(image["is_image_safe"], true);
        assert_eq!(picture_at(&image["url"]).await, ((72, 128), "image/png".to_owned()));
    }
    assert!(upstream.violations().is_empty());
}

#[tokio::test]
async fn ideogram_takes_a_form_as_well() {
    let upstream = Upstream::start();
    play::ideogram(&upstream, Plan::default());
    let url = format!("{}/v1/ideogram-v3/generate", upstream.url());
    let form = reqwest::multipart::Form::new()
        .text("prompt", "a fox, \"quoted\"\r\nin two lines")
        .text("num_images", "2")
        .text("seed", "9")
        .text("resolution", "1472x640");

    let request = client().post(&url).header("Api-Key", "test-key").multipart(form);
    let answer = body(request.send().await.unwrap()).await;

    assert_eq!(answer["data"].as_array().map(Vec::len), Some(2), "{answer}");
    assert_eq!(answer["data"][0]["seed"], 9);
    assert_eq!(answer["data"][0]["prompt"], "a fox, \"quoted\"\r\nin two lines");
    assert_eq!(picture_at(&answer["data"][1]["url"]).await.0, (128, 56));
    assert!(upstream.violations().is_empty());
}

#[tokio::test]
async fn ideogram_refuses_what_is_not_in_its_schema() {
    let upstream = Upstream::start();
    play::ideogram(&upstream, Plan::default());
    let url = format!("{}/v1/ideogram-v3/generate", upstream.url());

    for wrong in [
        json!({}),
        json!({ "prompt": "" }),
        json!({ "prompt": "a fox", "aspect_ratio": "16:9" }),
        json!({ "prompt": "a fox", "aspect_ratio": "21x9" }),
        json!({ "prompt": "a fox", "aspect_ratio": "1x1", "resolution": "1024x1024" }),
        json!({ "prompt": "a fox", "resolution": "1000x1000" }),
        json!({ "prompt": "a fox", "num_images": 9 }),
        json!({ "prompt": "a fox", "num_images": "2" }),
        json!({ "prompt": "a fox", "rendering_speed": "default" }),
        json!({ "prompt": "a fox", "seed": -1 }),
        json!({ "prompt": "a fox", "style_codes": ["xyz"] }),
        json!({ "prompt": "a fox", "model": "V_3" }),
    ] {
        let answer = post(&url, IDEOGRAM, &wrong).await;
        assert_eq!(answer.status(), 400, "{wrong}");
    }
    assert_eq!(upstream.violations().len(), 12);
}

const RECRAFT: (&str, &str) = ("Authorization", "Bearer test-key");

#[tokio::test]
async fn recraft_gives_pictures_and_says_what_they_cost() {
    let upstream = Upstream::start();
    play::recraft(&upstream, Plan { metadata: true, ..Plan::default() });
    let url = format!("{}/v1/images/generations", upstream.url());

    let order = json!({ "prompt": "a fox", "model": "recraftv3", "n": 2, "size": "1820x1024" });
    let answer = body(post(&url, RECRAFT, &order).await).await;
    assert_eq!(answer["credits"], 80);
    assert_eq!(answer["data"].as_array().map(Vec::len), Some(2));
    assert_ne!(answer["data"][0]["image_id"], answer["data"][1]["image_id"]);
    assert_eq!(picture_at(&answer["data"][1]["url"]).await, ((128, 72), "image/webp".to_owned()));
    let first = get(answer["data"][0]["url"].as_str().unwrap()).await.bytes().await.unwrap();
    let mark = picture::MARK.as_bytes();
    assert!(first.windows(mark.len()).any(|part| part == mark));

    let vector = json!({ "prompt": "a fox", "model": "recraftv3", "style": "vector_illustration" });
    assert_eq!(body(post(&url, RECRAFT, &vector).await).await["credits"], 80);
    let inline = json!({ "prompt": "a fox", "model": "recraftv3", "response_format": "b64_json" });
    assert!(body(post(&url, RECRAFT, &inline).await).await["data"][0]["b64_json"].is_string());
    assert!(upstream.violations().is_empty());
}

#[tokio::test]
async fn recraft_refuses_what_is_not_in_its_schema() {
    let upstream = Upstream::start();
    play::recraft(&upstream, Plan::default());
    let url = format!("{}/v1/images/generations", upstream.url());

    for wrong in [
        json!({ "prompt": "a fox" }),
        json!({ "model": "recraftv3" }),
        json!({ "prompt": "\u{e9}".repeat(501), "model": "recraftv3" }),
        json!({ "prompt": "a fox", "model": "recraftv3", "substyle": "no such style" }),
        json!({ "prompt": "a fox", "model": "recraft-v3" }),
        json!({ "prompt": "a fox", "model": "recraftv3", "size": "21:9" }),
        json!({ "prompt": "a fox", "model": "recraftv3", "n": 7 }),
        json!({ "prompt": "a fox", "model": "recraftv3", "seed": 1 }),
        json!({ "prompt": "a fox", "model": "recraftv3", "image_format": "jpeg" }),
        json!({ "prompt": "a fox", "model": "recraftv3", "controls": { "colour": 1 } }),
        json!({ "prompt": "a fox", "model": "recraftv3", "style": "any", "style_id": "1" }),
    ] {
        let answer = post(&url, RECRAFT, &wrong).await;
        assert_eq!(answer.status(), 400, "{wrong}");
    }
    assert_eq!(upstream.violations().len(), 11);
}

const FAL: (&str, &str) = ("Authorization", "Key test-key");

async fn fal_get(url: &Value) -> Response {
    client().get(url.as_str().unwrap()).header(FAL.0, FAL.1).send().await.unwrap()
}

async fn fal_cancel(taken: &Value) -> Response {
    let url = taken["cancel_url"].as_str().unwrap();
    client().put(url).header(FAL.0, FAL.1).send().await.unwrap()
}

#[tokio::test]
async fn fal_gives_the_pictures_of_every_model_below_the_url_of_its_app() {
    let upstream = Upstream::start();
    play::fal(&upstream, Plan { polls_before_ready: 2, ..Plan::default() });
    for (model, app, order, count, size, kind) in [
        (
            "fal-ai/flux-pro/v1.1-ultra",
            "fal-ai/flux-pro",
            json!({ "prompt": "a fox", "num_images": 2, "safety_tolerance": "2" }),
            2,
            (128, 72),
            "image/jpeg",
        ),
        (
            "fal-ai/flux-pro/kontext",
            "fal-ai/flux-pro",
            json!({
                "prompt": "a hat", "image_url": "https://example.com/a.png",
                "aspect_ratio": "3:4", "output_format": "png",
            }),
            1,
            (96, 128),
            "image/png",
        ),
        (
            "fal-ai/ideogram/v3",
            "fal-ai/ideogram",
            json!({
                "prompt": "a fox", "num_images": 4,
                "image_size": { "width": 2100, "height": 900 },
            }),
            4,
            (128, 55),
            "image/png",
        ),
        (
            "fal-ai/recraft/v3/text-to-image",
            "fal-ai/recraft",
            json!({ "prompt": "a fox", "image_size": "landscape_4_3" }),
            1,
            (128, 96),
            "image/webp",
        ),
    ] {
        let url = format!("{}/{model}", upstream.url());
        let taken = body(post(&url, FAL, &order).await).await;
        let id = taken["request_id"].as_str().unwrap();
        let below = format!("{}/{app}/requests/{id}", upstream.url());
        assert_eq!(taken["status"], "IN_QUEUE");
        assert_eq!(taken["response_url"], below);
        assert_eq!(taken["status_url"], format!("{below}/status"));
        assert_eq!(taken["cancel_url"], format!("{below}/cancel"));

        let mut states = Vec::new();
        for _ in 0..3 {
            let answer = fal_get(&taken["status_url"]).await;
            let code = answer.status().as_u16();
            states.push((code, body(answer).await["status"].as_str().unwrap().to_owned()));
        }
        let expected = [(202, "IN_QUEUE"), (202, "IN_PROGRESS"), (200, "COMPLETED")];
        assert_eq!(states, expected.map(|(code, state)| (code, state.to_owned())), "{model}");

        let result = body(fal_get(&taken["response_url"]).await).await;
        let images = result["images"].as_array().unwrap();
        assert_eq!(images.len(), count, "{model}");
        for image in images {
            assert_eq!(image["content_type"], kind);
            assert_eq!(picture_at(&image["url"]).await, (size, kind.to_owned()), "{model}");
        }
    }
    assert_eq!(upstream.violations(), Vec::<String>::new());
}

#[tokio::test]
async fn fal_takes_a_wrong_order_and_tells_with_the_result() {
    let upstream = Upstream::start();
    play::fal(&upstream, Plan { polls_before_ready: 0, ..Plan::default() });
    for (model, wrong) in [
        ("fal-ai/flux-pro/v1.1-ultra", json!({ "prompt": "a fox", "safety_tolerance": 2 })),
        ("fal-ai/flux-pro/v1.1-ultra", json!({ "prompt": "a fox", "num_images": 5 })),
        ("fal-ai/flux-pro/v1.1-ultra", json!({ "prompt": "a fox", "output_format": "webp" })),
        ("fal-ai/flux-pro/kontext", json!({ "prompt": "a hat" })),
        ("fal-ai/ideogram/v3", json!({ "prompt": "a fox", "aspect_ratio": "1:1" })),
        ("fal-ai/ideogram/v3", json!({ "prompt": "a fox", "rendering_speed": "DEFAULT" })),
        ("fal-ai/ideogram/v3", json!({ "prompt": "a fox", "image_size": { "width": 5 } })),
        ("fal-ai/recraft/v3/text-to-image", json!({ "prompt": "a fox", "num_images": 1 })),
        ("fal-ai/recraft/v3/text-to-image", json!({ "prompt": "x".repeat(1001) })),
        ("fal-ai/recraft/v3/text-to-image", json!({ "prompt": "a fox", "style": "icon" })),
    ] {
        let before = upstream.violations().len();
        let url = format!("{}/{model}", upstream.url());
        let taken = post(&url, FAL, &wrong).await;
        assert_eq!(taken.status(), 200);
        let taken = body(taken).await;
        assert_eq!(upstream.violations().len(), before + 1, "{wrong}");

        let status = body(fal_get(&taken["status_url"]).await).await;
        assert_eq!(status["status"], "COMPLETED");
        let result = fal_get(&taken["response_url"]).await;
        assert_eq!(result.status(), 422, "{wrong}");
        assert_eq!(result.headers()["x-fal-billable-units"], "0");
        assert!(body(result).await["detail"][0]["loc"].is_array());
    }
}

#[tokio::test]
async fn fal_cancels_while_there_is_something_to_cancel() {
    let upstream = Upstream::start();
    play::fal(&upstream, Plan { polls_before_ready: 2, ..Plan::default() });
    let url = format!("{}/fal-ai/ideogram/v3", upstream.url());

    let queued = body(post(&url, FAL, &json!({ "prompt": "a fox" })).await).await;
    let answer = fal_cancel(&queued).await;
    assert_eq!(
        (answer.status().as_u16(), body(answer).await["status"].clone()),
        (200, json!("OK"))
    );
    let status = body(fal_get(&queued["status_url"]).await).await;
    assert_eq!(status["error_type"], "client_cancelled");
    assert_eq!(fal_get(&queued["response_url"]).await.status(), 499);

    let running = body(post(&url, FAL, &json!({ "prompt": "a fox" })).await).await;
    fal_get(&running["status_url"]).await;
    fal_get(&running["status_url"]).await;
    assert_eq!(fal_get(&running["response_url"]).await.status(), 400);
    assert_eq!(fal_cancel(&running).await.status(), 202);

    let finished = body(post(&url, FAL, &json!({ "prompt": "a fox" })).await).await;
    for _ in 0..3 {
        fal_get(&finished["status_url"]).await;
    }
    assert_eq!(fal_cancel(&finished).await.status(), 400);

    let unknown = json!({ "cancel_url": format!("{url}/../requests/none/cancel") });
    assert_eq!(fal_cancel(&unknown).await.status(), 404);
}

#[tokio::test]
async fn a_player_can_be_made_to_fail_once() {
    let upstream = Upstream::start();
    play::fal(&upstream, Plan { polls_before_ready: 0, ..Plan::default() });
    upstream.first("GET", "/fal-ai/ideogram/requests/*/status", Reply::html(502));
    let url = format!("{}/fal-ai/ideogram/v3", upstream.url());

    let taken = body(post(&url, FAL, &json!({ "prompt": "a fox" })).await).await;

    assert_eq!(fal_get(&taken["status_url"]).await.status(), 502);
    assert_eq!(fal_get(&taken["status_url"]).await.status(), 200);
}

#[tokio::test]
async fn a_result_picture_can_be_dead() {
    let upstream = Upstream::start();
    play::ideogram(&upstream, Plan::default());
    upstream.on("GET", "/results/*", Reply::json(404, json!({ "error": "expired" })));
    let url = format!("{}/v1/ideogram-v3/generate", upstream.url());

    let answer = body(post(&url, IDEOGRAM, &json!({ "prompt": "a fox" })).await).await;

    assert_eq!(get(answer["data"][0]["url"].as_str().unwrap()).await.status(), 404);
    assert!(upstream.unexpected().is_empty());
}
