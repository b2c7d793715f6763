//! What an order would cost, without ordering; and how much room there is.

use serde_json::{Value, json};

use crate::world::{Answer, Caller, World, answer, usd};

fn order(n: u64) -> Value {
    json!({ "model": "flux-1.1-ultra", "prompt": "a cat", "n": n, "size": "1:1" })
}

async fn quote(caller: &Caller, body: &Value) -> Answer {
    let path = "/v1/images/generations?dry_run=true";
    answer(caller.request(reqwest::Method::POST, path).json(body)).await
}

#[tokio::test]
async fn a_dry_run_is_a_quote_and_changes_nothing() {
    let world = World::start().await;
    let anna = world.user("anna", "0.2").await;
    let before = world.rows().await;
    let told = quote(&anna, &order(2)).await.expect(200);
    let expected = r#"{"object":"price_quote","model":"flux-1.1-ultra","n":2,"size":"1:1","price_per_image":0.081,"estimated_cost":0.162,"currency":"USD","available":0.2,"acceptable":true,"refusal":null}"#;
    assert_eq!((told.text.as_str(), told.header("cache-control")), (expected, "no-store"));
    assert_eq!((told.header("location"), told.header("retry-after")), ("", ""));
    let poor = quote(&anna, &order(4)).await.expect(200);
    assert_eq!(poor.json()["refusal"], "insufficient_balance");
    assert_eq!(poor.money(&["estimated_cost"]), Some(usd("0.324")));

    // It is checked as an order is, its key too, which stays free.
    for (body, code) in [
        (json!({ "model": "flux-1.1-ultra", "prompt": " " }), "prompt_empty"),
        (json!({ "model": "flux-1.1-ultra", "prompt": "a", "n": 5 }), "invalid_parameter"),
        (json!({ "model": "flux-1.1-ultra", "prompt": "a", "colour": 1 }), "unknown_parameter"),
        (json!({ "model": "flux-kontext-pro", "prompt": "a" }), "image_url_required"),
        (json!({ "model": "recraft-v3", "prompt": "a", "extra": { "x": 1 } }), "extra_not_allowed"),
        (
            json!({ "model": "recraft-v3", "prompt": "a", "idempotency_key": "" }),
            "invalid_idempotency_key",
        ),
    ] {
        quote(&anna, &body).await.refused(400, code);
    }
    let mut keyed = order(1);
    keyed["idempotency_key"] = json!("one");
    quote(&anna, &keyed).await.expect(200);
    world.is_as_before(&before).await;
    let mut other = order(2);
    other["idempotency_key"] = json!("one");
    anna.submit(&other).await.expect(202);
    world.finish().await;
}

#[tokio::test]
async fn a_quote_says_what_the_order_would_then_be_told() {
    let world = World::start().await;
    let anna = world.user("anna", "4.9").await;
    world.stack().pause_queue();
    for left in (0..6).rev() {
        let told = quote(&anna, &order(1)).await.expect(200);
        assert_eq!(told.json()["acceptable"], true);
        assert_eq!(told.header("ratelimit"), format!(r#""unfinished-jobs";r={}"#, left + 1));
        let accepted = anna.submit(&order(1)).await.expect(202);
        let policy = r#""unfinished-jobs";q=6;qu="concurrent-requests""#;
        assert_eq!(accepted.header("ratelimit-policy"), policy);
        assert_eq!(accepted.header("ratelimit"), format!(r#""unfinished-jobs";r={left}"#));
    }
    let told = quote(&anna, &order(1)).await.expect(200);
    assert_eq!(told.json()["refusal"], "queue_full");
    let full = anna.submit(&order(1)).await.refused(429, "queue_full");
    assert_eq!(full.header("ratelimit"), r#""unfinished-jobs";r=0"#);
    assert_eq!(
        full.header("ratelimit-policy"),
        r#""unfinished-jobs";q=6;qu="concurrent-requests""#
    );
    assert_eq!(full.header("retry-after"), "5");

    world.store().suspend(&anna.user, world.now()).await.unwrap();
    assert_eq!(quote(&anna, &order(1)).await.expect(200).json()["refusal"], "account_suspended");
    anna.submit(&order(1)).await.refused(403, "account_suspended");
    world.store().resume(&anna.user).await.unwrap();
    let ghost = world.key_for(&"ghost".parse().unwrap()).await;
    quote(&ghost, &order(1)).await.refused(403, "account_not_found");
    world.stack().resume_queue();
    world.finish().await;
}
