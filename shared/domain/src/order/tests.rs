use proptest::prelude::*;
use serde_json::json;

use super::*;

fn draft(model: &str) -> Draft {
    Draft {
        model: model.to_owned(),
        prompt: "a cinematic hourglass".to_owned(),
        ..Draft::default()
    }
}

fn with_extra(model: &str, extra: &Value) -> Result<Order, OrderError> {
    Order::agree(Draft { extra: extra.as_object().unwrap().clone(), ..draft(model) })
}

#[test]
fn the_shortest_draft_is_an_order() {
    let order = Order::agree(draft("flux-1.1-ultra")).unwrap();
    assert_eq!(order.n, Count::ONE);
    assert_eq!(order.shape(), Some(Ratio::Wide));
    assert_eq!(order.wish(), Wish::default());
}

#[test]
fn each_field_has_its_limits() {
    let model = "ideogram-v3";
    let prompt = |text: &str| Order::agree(Draft { prompt: text.to_owned(), ..draft(model) });
    assert!(prompt(&"ü".repeat(4_000)).is_ok());
    assert_eq!(prompt(&"a".repeat(4_001)).unwrap_err(), OrderError::PromptTooLong(4_000));
    assert_eq!(prompt(" \n\t").unwrap_err(), OrderError::PromptEmpty);

    let count = |n| Order::agree(Draft { n: Some(n), ..draft(model) });
    assert!(count(1).is_ok() && count(4).is_ok());
    for n in [0, 5, 256, 257, u64::MAX] {
        assert_eq!(count(n).unwrap_err(), OrderError::CountOutOfRange, "{n}");
    }
    assert_eq!(Order::agree(draft("dall-e")).unwrap_err(), OrderError::ModelNotFound);
}

#[test]
fn a_model_that_edits_needs_a_picture_and_others_ignore_it() {
    let kontext = |url: Option<&str>| {
        Order::agree(Draft { image_url: url.map(str::to_owned), ..draft("flux-kontext-pro") })
    };
    assert_eq!(kontext(None).unwrap_err(), OrderError::ImageUrlRequired);
    let url = "https://example.com/cat.png?sig=1";
    let edit = kontext(Some(url)).unwrap().image_url.unwrap();
    assert_eq!(edit.as_str(), url);
    assert_eq!(serde_json::to_value(&edit).unwrap(), url);
    for bad in [
        "http://example.com/a.png",
        "https://",
        "file:///etc/passwd",
        "",
        "https://u:p@example.com/",
        "https://u@example.com/",
        "https://:p@example.com/",
        " https://example.com",
        &format!("https://example.com/{}", "a".repeat(2_048)),
    ] {
        assert_eq!(kontext(Some(bad)).unwrap_err(), OrderError::BadImageUrl, "{bad}");
    }
    let text = Draft { image_url: Some("nonsense".to_owned()), ..draft("ideogram-v3") };
    assert_eq!(Order::agree(text).unwrap().image_url, None);
}

fn told(url: Option<&str>, events: Option<&[&str]>) -> Result<Option<Webhook>, OrderError> {
    let events = events.map(|events| events.iter().map(ToString::to_string).collect());
    let url = url.map(str::to_owned);
    let draft = Draft { webhook_url: url, webhook_events: events, ..draft("recraft-v3") };
    Order::agree(draft).map(|order| order.webhook)
}

#[test]
fn an_order_says_who_is_told_and_of_what() {
    let url = "https://example.com/hooks?key=hush";
    let all = told(Some(url), None).unwrap().unwrap();
    assert_eq!(all.url.as_str(), url);
    assert!(all.events.are_all());
    assert_eq!(told(Some(url), Some(&[])).unwrap().unwrap(), all);
    let some = told(Some(url), Some(&["job.failed", "job.succeeded", "job.failed"]));
    let named: Vec<EventKind> = some.unwrap().unwrap().events.named().collect();
    assert_eq!(named, [EventKind::Succeeded, EventKind::Failed]);
    assert_eq!(told(None, None), Ok(None));
    for events in [&[][..], &["job.failed"]] {
        assert_eq!(told(None, Some(events)), Err(OrderError::WebhookEventsWithoutUrl));
    }
    for event in ["", "failed", "job.pending", "JOB.FAILED", "*"] {
        assert_eq!(told(Some(url), Some(&[event])), Err(OrderError::BadWebhookEvents), "{event}");
    }
    for bad in ["", "x", "ftp://example.com", "https://u:p@example.com/", "https://example.com/#a"]
    {
        assert_eq!(told(Some(bad), None), Err(OrderError::BadWebhookUrl), "{bad}");
    }
    assert!(!format!("{all:?}").contains("example"), "{all:?}");
}

#[test]
fn what_changes_the_price_or_the_delivery_is_not_taken() {
    for key in ["n", "num_images", "rendering_speed", "sync_mode", "webhook_url", "response_format"]
    {
        let refused = with_extra("ideogram-v3", &json!({ key: 1 })).unwrap_err();
        assert_eq!(refused, OrderError::ExtraNotAllowed(key.to_owned()));
    }
    let odd = format!("\r\n{}", "k".repeat(100));
    let shown = OrderError::ExtraNotAllowed("k".repeat(64));
    assert_eq!(with_extra("recraft-v3", &json!({ odd: 1 })).unwrap_err(), shown);
    assert!(with_extra("recraft-v3", &json!({"style": "realistic_image"})).is_ok());
    for style in [json!("vector_illustration"), json!("icon"), json!(1), json!(null)] {
        let refused = with_extra("recraft-v3", &json!({ "style": style })).unwrap_err();
        assert_eq!(refused, OrderError::ExtraNotAllowed("style".to_owned()));
    }
}

#[test]
fn a_seed_is_a_whole_number() {
    assert_eq!(with_extra("recraft-v3", &json!({"seed": 7})).unwrap().seed(), Some(7));
    for seed in [json!(-1), json!(1.5), json!("7"), json!(2_147_483_648_u32), json!(null)] {
        let refused = with_extra("recraft-v3", &json!({ "seed": seed })).unwrap_err();
        assert!(matches!(refused, OrderError::BadExtra { key: "seed", .. }), "{seed}");
    }
}

#[test]
fn extra_may_be_as_large_as_the_limit() {
    let padded = |more: usize| {
        let length = |text: &str| json!({ "controls": { "a": text } }).to_string().len();
        let pad = "x".repeat(EXTRA_BYTES_MAX - length("") + more);
        with_extra("recraft-v3", &json!({ "controls": { "a": pad } }))
    };
    assert!(padded(0).is_ok());
    assert_eq!(padded(1).unwrap_err(), OrderError::ExtraTooLarge);
}

#[test]
fn the_sandbox_takes_wishes_it_can_grant() {
    let order = with_extra("recraft-v3", &json!({ "sandbox": { "delay_ms": 5 } })).unwrap();
    assert_eq!(order.wish(), Wish { delay_ms: 5, ..Wish::default() });
    for wish in [json!({}), json!({"outcome": "never"}), json!({"delay_ms": 5, "deliver": 1})] {
        assert!(with_extra("recraft-v3", &json!({ "sandbox": wish })).is_ok(), "{wish}");
    }
    for wish in [
        json!({"outcome": "explode"}),
        json!({"deliver": 2}),
        json!({"deliver": 0}),
        json!([]),
        json!({"delay_ms": 600_001}),
        json!({"delay_ms": -1}),
        json!("never"),
        json!({"x": 1}),
    ] {
        let refused = with_extra("recraft-v3", &json!({ "sandbox": wish })).unwrap_err();
        assert!(matches!(refused, OrderError::BadExtra { key: "sandbox", .. }), "{wish}");
    }
}

#[test]
fn numbers_that_could_not_be_told_apart_are_refused() {
    for number in ["9007199254740993", "12345678901234567890", "-9007199254740993", "1e300"] {
        let number: Value = serde_json::from_str(number).unwrap();
        let nested = json!({"controls": {"colors": [{"rgb": [number]}]}});
        let refused = with_extra("recraft-v3", &nested).unwrap_err();
        assert!(matches!(refused, OrderError::BadExtra { key: "controls", .. }), "{refused}");
    }
    let most = json!({"controls": {"a": 9_007_199_254_740_991_u64, "b": -0.5}});
    assert!(with_extra("recraft-v3", &most).is_ok());
}

#[test]
fn notes_are_bounded() {
    let noted = |pairs: Vec<(String, String)>| {
        Order::agree(Draft { metadata: pairs.into_iter().collect(), ..draft("recraft-v3") })
    };
    let many = |n: usize| (0..n).map(|i| (i.to_string(), String::new())).collect();
    assert!(noted(many(16)).is_ok());
    assert!(noted(many(17)).is_err());
    assert!(noted(vec![(String::new(), String::new())]).is_err());
    assert!(noted(vec![("k".repeat(65), String::new())]).is_err());
    assert!(noted(vec![("k".to_owned(), "v".repeat(513))]).is_err());
    assert_eq!(
        with_extra("recraft-v3", &json!({"controls": {"a": "x".repeat(4_096)}})).unwrap_err(),
        OrderError::ExtraTooLarge
    );
}

#[test]
fn prompts_and_urls_are_not_shown() {
    let url = Some("https://example.com/?token=hush".to_owned());
    let order = Order::agree(Draft { image_url: url, ..draft("flux-kontext-pro") }).unwrap();
    let shown = format!("{order:?}");
    assert!(!shown.contains("hourglass") && !shown.contains("hush"), "{shown}");
}

proptest! {
    /// No draft makes it panic, and an order keeps to the limits.
    #[test]
    fn any_draft_is_agreed_or_refused(prompt in ".*", n in any::<u64>(), size in ".*", url in ".*") {
        for model in ["recraft-v3", "flux-kontext-pro"] {
            let draft = Draft {
                model: model.to_owned(), prompt: prompt.clone(), n: Some(n),
                size: Some(size.clone()), image_url: Some(url.clone()), ..Draft::default()
            };
            if let Ok(order) = Order::agree(draft) {
                prop_assert!((1..=4).contains(&order.n.get()));
            }
        }
    }
}

#[test]
fn a_model_may_take_shorter_prompts_than_others() {
    let prompt = |model: &str, length: usize| {
        Order::agree(Draft { prompt: "ä".repeat(length), ..draft(model) }).map(drop)
    };
    assert_eq!(prompt("recraft-v3", 1_000), Ok(()));
    assert_eq!(prompt("recraft-v3", 1_001), Err(OrderError::PromptTooLong(1_000)));
    assert_eq!(prompt("ideogram-v3", 4_000), Ok(()));
    assert_eq!(prompt("ideogram-v3", 4_001), Err(OrderError::PromptTooLong(4_000)));
}

#[test]
fn a_substyle_needs_its_style() {
    let both = json!({"style": "realistic_image", "substyle": "hdr"});
    assert!(with_extra("recraft-v3", &both).is_ok());
    let refused = with_extra("recraft-v3", &json!({"substyle": "hdr"})).unwrap_err();
    assert!(matches!(refused, OrderError::BadExtra { key: "substyle", .. }), "{refused}");
}

#[test]
fn an_offer_takes_what_its_upstream_can_do_and_no_more() {
    let offer = |upstreams: &str, model: ModelId| {
        upstreams.parse::<crate::upstream::Upstreams>().unwrap().offer(model)
    };
    let check = |upstreams: &str, model: &str, extra: Value| {
        let order = with_extra(model, &extra).unwrap();
        order.check_offer(offer(upstreams, order.model))
    };
    let refused = |key: &str| Err(OrderError::ExtraNotAllowed(key.to_owned()));
    for upstreams in ["", "bfl,ideogram,recraft", "fal"] {
        assert_eq!(check(upstreams, "flux-1.1-ultra", json!({"seed": 1, "raw": true})), Ok(()));
        assert_eq!(check(upstreams, "recraft-v3", json!({"style": "any"})), Ok(()));
    }
    assert_eq!(check("", "recraft-v3", json!({"sandbox": {}})), Ok(()));
    assert_eq!(check("recraft", "recraft-v3", json!({"sandbox": {}})), refused("sandbox"));
    assert_eq!(check("recraft", "recraft-v3", json!({"seed": 1})), Ok(()));
    assert_eq!(check("fal", "recraft-v3", json!({"seed": 1})), refused("seed"));
    assert_eq!(check("recraft", "recraft-v3", json!({"style": "logo_raster"})), Ok(()));
    let rule = "must not be logo_raster here".to_owned();
    assert_eq!(
        check("fal", "recraft-v3", json!({"style": "logo_raster"})),
        Err(OrderError::BadExtra { key: "style", rule })
    );
}
