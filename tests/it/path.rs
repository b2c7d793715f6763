//! The way of an order that goes well: accepted, made, fetched, paid.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use serde_json::{Value, json};
use tokio::time::Instant;

use crate::world::{Answer, BRISK, World, usd};

/// What every job object has, whatever its state.
const FIELDS: [&str; 16] = [
    "id",
    "object",
    "status",
    "model",
    "created_at",
    "completed_at",
    "output",
    "error",
    "estimated_cost",
    "charged_amount",
    "n",
    "size",
    "expires_at",
    "metadata",
    "webhook_url",
    "webhook_events",
];

/// Width and height of a PNG.
fn png_size(bytes: &[u8]) -> (u64, u64) {
    assert!(bytes.starts_with(b"\x89PNG\r\n\x1a\n") && bytes[12..16] == *b"IHDR");
    let side = |at: usize| u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap()).into();
    (side(16), side(20))
}

/// `2026-04-25T10:00:00.000Z`; texts of this form sort by time.
fn is_date_time(value: &Value) -> bool {
    let form = |c: char| if c.is_ascii_digit() { '0' } else { c };
    value.as_str().is_some_and(|text| {
        text.chars().map(form).collect::<String>() == "0000-00-00T00:00:00.000Z"
    })
}

#[tokio::test]
async fn an_order_is_accepted_made_and_paid_and_its_pictures_fetched_by_anyone() {
    let world = World::start().await;
    let anna = world.user("anna", "10").await;
    let before = Instant::now();
    let accepted = anna
        .submit(&json!({
            "model": "flux-1.1-ultra",
            "prompt": "a cinematic hourglass",
            "n": 3,
            "size": "1920x1080",
            "metadata": { "invoice": "17", "für": "Zoë" },
        }))
        .await
        .expect(202);
    let id = accepted.id();
    assert_eq!(accepted.header("location"), format!("/v1/jobs/{id}"));
    assert_eq!(accepted.header("retry-after"), "1");
    assert_eq!(accepted.header("content-type"), "application/json");
    assert_eq!(accepted.header("cache-control"), "no-store");
    assert_eq!(accepted.header("idempotent-replayed"), "");
    let job = accepted.json();
    let fields: BTreeSet<&str> = job.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(fields, BTreeSet::from(FIELDS));
    assert_eq!(job["object"], "image.job");
    assert_eq!(job["status"], "pending");
    assert_eq!(job["model"], "flux-1.1-ultra");
    assert_eq!((&job["n"], &job["size"]), (&json!(3), &json!("16:9")));
    assert_eq!(job["metadata"], json!({ "invoice": "17", "für": "Zoë" }));
    assert!(is_date_time(&job["created_at"]) && is_date_time(&job["expires_at"]), "{job}");
    assert!(job["created_at"].as_str() < job["expires_at"].as_str(), "{job}");
    assert_eq!(accepted.money(&["estimated_cost"]), Some(usd("0.243")));

    let done = anna.wait_for(&id, Duration::from_secs(10)).await;
    println!("made in {:?}", before.elapsed());
    assert_eq!(done.job_status(), "succeeded");
    assert_eq!(done.money(&["charged_amount"]), Some(usd("0.243")));
    check_pictures(&anna.pictures(&done).await, &done.json());
    let balance = anna.balance().await;
    assert_eq!((balance.available, balance.charged), (usd("9.757"), usd("0.243")));
    assert_eq!((balance.held, balance.credited), (usd("0"), usd("10")));
    assert_eq!((balance.object.as_str(), balance.currency.as_str()), ("credit.balance", "USD"));
    world.finish().await;
}

/// Three pictures, as they are described, and each another one.
fn check_pictures(pictures: &[Vec<u8>], job: &Value) {
    let images = job["output"]["images"].as_array().unwrap();
    assert_eq!((pictures.len(), images.len()), (3, 3));
    assert_eq!(job["output"]["url"], images[0]["url"]);
    assert!(is_date_time(&job["output"]["url_expires_at"]), "{job}");
    for (picture, image) in pictures.iter().zip(images) {
        let described = (image["width"].as_u64().unwrap(), image["height"].as_u64().unwrap());
        assert_eq!(png_size(picture), described);
        assert_eq!(described.0 * 9, described.1 * 16);
        assert_eq!(image["content_type"], "image/png");
        assert!(image["seed"].is_u64(), "{image}");
    }
    assert_eq!(pictures.iter().collect::<BTreeSet<_>>().len(), 3);
}

#[tokio::test]
async fn the_same_prompt_and_seed_draw_the_same_picture_and_others_another() {
    let world = World::start().await;
    let anna = world.user("anna", "10").await;
    let draw = async |prompt: &str, seed: u32| {
        let order = json!({ "model": "recraft-v3", "prompt": prompt, "extra": { "seed": seed } });
        let job = anna.made(&order).await;
        assert_eq!(job.json()["output"]["images"][0]["seed"], seed);
        anna.pictures(&job).await.remove(0)
    };
    let first = draw("a red kite", 7).await;
    assert_eq!(png_size(&first), (1_024, 1_024));
    assert_eq!(draw("a red kite", 7).await, first);
    assert_ne!(draw("a red kite", 8).await, first);
    assert_ne!(draw("a blue whale", 7).await, first);
    world.finish().await;
}

#[tokio::test]
async fn every_size_becomes_the_nearest_shape_and_nonsense_the_models_own() {
    let world = World::start().await;
    let anna = world.user("anna", "10").await;
    for (size, shape, ratio) in [
        ("9:16", "9:16", (9, 16)),
        ("768x1024", "3:4", (3, 4)),
        ("1024x1024", "1:1", (1, 1)),
        ("4:3", "4:3", (4, 3)),
        ("3440x1440", "21:9", (21, 9)),
        ("auto", "1:1", (1, 1)),
        ("gigantic", "1:1", (1, 1)),
    ] {
        let order = json!({ "model": "ideogram-v3", "prompt": "a poster", "size": size });
        let job = anna.made(&order).await;
        assert_eq!(job.json()["size"], shape, "{size}");
        let (width, height) = png_size(&anna.pictures(&job).await[0]);
        assert_eq!(width * ratio.1, height * ratio.0, "{size}");
    }
    world.finish().await;
}

#[tokio::test]
async fn a_picture_is_changed_by_the_model_that_changes_pictures() {
    let world = World::start().await;
    let anna = world.user("anna", "10").await;
    let order = json!({
        "model": "flux-kontext-pro",
        "prompt": "make it night",
        "image_url": "https://example.com/cat.png?signature=abc",
    });
    let job = anna.made(&order).await;
    assert_eq!(job.json()["model"], "flux-kontext-pro");
    assert_eq!(job.money(&["charged_amount"]), Some(usd("0.054")));
    png_size(&anna.pictures(&job).await[0]);
    world.finish().await;
}

/// Which of the fields that come and go are null.
fn nulls(job: &Answer) -> BTreeMap<&'static str, bool> {
    let body = job.json();
    assert_eq!(body.as_object().unwrap().len(), FIELDS.len(), "{body}");
    let fields = ["completed_at", "output", "error", "charged_amount"];
    fields.map(|field| (field, body[field].is_null())).into_iter().collect()
}

fn null_but<const N: usize>(present: [&str; N]) -> BTreeMap<&'static str, bool> {
    let fields = ["completed_at", "output", "error", "charged_amount"];
    fields.map(|field| (field, !present.contains(&field))).into_iter().collect()
}

#[tokio::test]
async fn a_job_has_in_each_state_what_belongs_to_it_and_nothing_else() {
    let world = World::with(&BRISK).await;
    let anna = world.user("anna", "10").await;
    let order = |sandbox: Value| json!({ "model": "recraft-v3", "prompt": "a cat", "extra": { "sandbox": sandbox } });
    let pending = anna.submit(&order(json!({ "outcome": "never" }))).await.expect(202);
    assert_eq!((pending.job_status().as_str(), nulls(&pending)), ("pending", null_but([])));

    let never = pending.id();
    world.put_down(&anna, &never).await;
    let processing = anna.job(&never).await;
    assert_eq!(
        (processing.job_status().as_str(), nulls(&processing)),
        ("processing", null_but([]))
    );

    let succeeded = anna.made(&order(json!({}))).await;
    assert_eq!(nulls(&succeeded), null_but(["completed_at", "output", "charged_amount"]));

    let failed = anna.wait(&anna.accepted(&order(json!({ "outcome": "fail" }))).await).await;
    assert_eq!(failed.job_status(), "failed");
    assert_eq!(nulls(&failed), null_but(["completed_at", "error", "charged_amount"]));

    world.forward(Duration::from_mins(31));
    let expired = world.sweep_until_ended(&anna, &never).await;
    assert_eq!(expired.job_status(), "expired");
    assert_eq!(nulls(&expired), null_but(["completed_at", "error", "charged_amount"]));
    assert_eq!(expired.json()["error"]["code"], "job_expired");
    for ended in [failed, expired] {
        assert_eq!(ended.money(&["charged_amount"]), Some(usd("0")));
        let error = ended.json()["error"].clone();
        assert!(error["message"].is_string() && error["retryable"].is_boolean(), "{error}");
        assert_eq!(error.as_object().unwrap().len(), 3, "{error}");
    }
    world.finish().await;
}

#[tokio::test]
async fn a_url_opens_its_own_picture_and_only_for_as_long_as_it_says() {
    let world = World::start().await;
    let anna = world.user("anna", "10").await;
    let order = json!({ "model": "recraft-v3", "prompt": "a cat", "n": 2 });
    let job = anna.made(&order).await;
    let url = job.json()["output"]["url"].as_str().unwrap().to_owned();
    assert_eq!(world.api().fetch(&url).await.0, 200);

    let (address, signature) = url.split_once('?').unwrap();
    let neighbour = format!("{}1?{signature}", address.strip_suffix('0').unwrap());
    let forged = url.replace("X-Amz-Expires=3600", "X-Amz-Expires=36000");
    assert_ne!(forged, url);
    for closed in [address, &neighbour, &forged] {
        assert_eq!(world.api().fetch(closed).await.0, 403, "{closed}");
    }

    // Signed two hours ago, for one.
    world.back(Duration::from_hours(2));
    let old = anna.job(&job.id()).await.json()["output"]["url"].as_str().unwrap().to_owned();
    assert_eq!(world.api().fetch(&old).await.0, 403);
    world.forward(Duration::from_hours(2));
    anna.pictures(&anna.job(&job.id()).await).await;
    world.finish().await;
}

#[tokio::test]
async fn whatever_may_be_ordered_is_made_however_odd_it_is() {
    let world = World::start().await;
    let anna = world.user("anna", "10").await;
    let long = "🦭".repeat(4_000);
    let metadata: BTreeMap<String, String> =
        (0..16).map(|n| (format!("{n:0>64}"), "ü".repeat(512))).collect();
    for fields in [
        json!({ "model": "ideogram-v3", "prompt": long }),
        json!({ "prompt": "\u{0}\u{1b}[31m\r\n\u{202e}" }),
        json!({ "n": null, "size": null, "image_url": null, "extra": null, "metadata": null, "webhook_url": null,
            "webhook_events": null }),
        json!({ "image_url": "not a URL, and not looked at" }),
        json!({ "size": "", "extra": { "seed": 2_147_483_647 } }),
        json!({ "metadata": metadata }),
        json!({ "metadata": { "": "" } }),
        json!({ "extra": { "controls": { "colors": [{ "rgb": [0, 1.5, -0.0, 1e-300, 9_007_199_254_740_991_u64] }] } } }),
    ] {
        let mut order = json!({ "model": "recraft-v3", "prompt": "a cat" });
        order.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        if fields["metadata"][""].is_string() {
            anna.submit(&order).await.refused(400, "invalid_metadata");
            continue;
        }
        let job = anna.made(&order).await;
        if fields["metadata"].is_object() {
            assert_eq!(job.json()["metadata"], fields["metadata"]);
        }
    }
    world.finish().await;
}
