//! Bodies as bytes: their type, their size, and what is no JSON.

use lambda_http::{Body, http::HeaderValue};
use proptest::prelude::*;
use serde_json::json;

use super::*;

#[test]
fn the_body_says_that_it_is_json() {
    let typed = |kind: Value| {
        let mut event = event::post(&with(""));
        event["headers"]["content-type"] = kind;
        order(&event::request(&event))
    };
    for good in [
        "application/json",
        "Application/JSON",
        " application/json ; charset=utf-8",
        "application/vnd.api+json",
    ] {
        assert!(typed(json!(good)).is_ok(), "{good}");
    }
    for bad in ["", "text/plain", "application/jsonp", "application/x-www-form-urlencoded", "json"]
    {
        assert!(matches!(typed(json!(bad)), Err(Refusal::NotJson)), "{bad}");
    }
    let mut event = event::post(&with(""));
    event["headers"] = json!({});
    assert!(matches!(order(&event::request(&event)), Err(Refusal::NotJson)));
}

#[test]
fn a_body_has_a_limit() {
    let body = with("");
    let padding = " ".repeat(BODY_BYTES_MAX - body.len());
    assert!(ordered(&format!("{body}{padding}")).is_ok());
    let mut event = event::post(&format!("{body}{padding} "));
    event["headers"]["content-type"] = json!("text/plain");
    let large = order(&event::request(&event));
    assert!(matches!(large, Err(Refusal::BodyTooLarge(BODY_BYTES_MAX))), "{large:?}");
}

/// However it is written, the longest order that may be agreed to is read.
#[test]
fn the_longest_order_fits() {
    let escaped = |chars: usize| r"\ud83d\ude00".repeat(chars);
    let note = |i: usize| format!(r#""{i}{}":"{}""#, escaped(62), escaped(512));
    let notes: Vec<String> = (0..16).map(note).collect();
    let body = format!(
        r#"{{"model":"ideogram-v3","prompt":"{}","metadata":{{{}}},
            "extra":{{"color_palette":{{"a":"{}"}}}},"idempotency_key":"{}","image_url":"{}"}}"#,
        escaped(4_000),
        notes.join(","),
        r"\u0061".repeat(4_070),
        escaped(128),
        r"\u0061".repeat(2_048),
    );
    let (draft, _) = ordered(&body).unwrap();
    assert!(domain::order::Order::agree(draft).is_ok());
}

#[test]
fn what_is_no_json_object_is_refused_without_being_repeated() {
    for (body, at) in [
        ("", "it ends too early, at line 1 column 0"),
        ("  ", "it ends too early, at line 1 column 2"),
        (r#"{"model":"hush""#, "it ends too early, at line 1 column 15"),
        (r#"["hush"]"#, "see line 1 column 0"),
        ("null", "see line 1 column 4"),
        (r#""hush""#, "see line 1 column 6"),
        ("hush", "see line 1 column 1"),
        ("{\n\"hush\":hush}", "see line 2 column 8"),
        (r#"{"hush":1,}"#, "see line 1 column 11"),
        (r"{} hush", "see line 1 column 4"),
        (r#"{"prompt":"\ud800hush"}"#, "see line 1 column 18"),
        (r#"{"n":1e999}"#, "see line 1 column 10"),
        ("\u{feff}{}", "see line 1 column 1"),
    ] {
        let Err(Refusal::MalformedJson(message)) = ordered(body) else { panic!("{body}") };
        assert_eq!(message, at, "{body}");
    }
    let mut without = event::post("");
    without["body"] = json!(null);
    assert!(matches!(order(&event::request(&without)), Err(Refusal::MalformedJson(_))));
}

#[test]
fn a_body_in_base_64_is_the_same_and_bytes_that_are_no_utf_8_are_refused() {
    let encoded = |body: &str| {
        let mut event = event::post(body);
        event["isBase64Encoded"] = json!(true);
        order(&event::request(&event))
    };
    // {"model":"recraft-v3","prompt":"a cat"}
    let (draft, _) = encoded("eyJtb2RlbCI6InJlY3JhZnQtdjMiLCJwcm9tcHQiOiJhIGNhdCJ9").unwrap();
    assert_eq!(draft.prompt, "a cat");
    // {"model":"recraft-v3","prompt":"\xff"}
    let refused = encoded("eyJtb2RlbCI6InJlY3JhZnQtdjMiLCJwcm9tcHQiOiL/In0=");
    assert!(matches!(refused, Err(Refusal::MalformedJson(_))), "{refused:?}");
}

#[test]
fn deep_nesting_is_refused_before_it_overflows() {
    let deep = |levels: usize| {
        let (open, close) = ("[".repeat(levels), "]".repeat(levels));
        ordered(&with(&format!(r#","extra":{{"a":{open}{close}}}"#)))
    };
    assert!(deep(100).is_ok());
    assert!(matches!(deep(60_000), Err(Refusal::MalformedJson(_))));
    let objects = r#"{"a":"#.repeat(20_000);
    let unclosed = ordered(&with(&format!(r#","extra":{objects}"#)));
    assert!(matches!(unclosed, Err(Refusal::MalformedJson(_))));
}

/// Any JSON there is, to some depth.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u32>().prop_map(|n| Value::from(f64::from(n))),
        ".*".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(".*", inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    /// Whatever comes is an order or a refusal, and never a panic.
    #[test]
    fn any_bytes_are_answered(bytes: Vec<u8>, before in 0..40_usize, header: Vec<u8>) {
        let mut request = event::request(&event::post(""));
        if let Ok(value) = HeaderValue::from_bytes(&header) {
            request.headers_mut().append("idempotency-key", value);
        }
        let start: Vec<u8> = with(",").bytes().take(before).collect();
        *request.body_mut() = Body::Binary([start, bytes].concat());
        if let Err(refusal) = order(&request) {
            let response = refusal.into_response("id");
            prop_assert!(serde_json::from_slice::<Value>(response.body()).is_ok());
        }
    }

    /// An extra is read as it was written, and again from where it is stored.
    #[test]
    fn any_extra_is_taken_over_exactly(inner in any_json()) {
        let extra = json!({ "any": inner });
        let (draft, _) = ordered(&with(&format!(r#","extra":{extra}"#))).unwrap();
        let stored = serde_json::to_string(&draft.extra).unwrap();
        prop_assert_eq!(&serde_json::from_str::<Value>(&stored).unwrap(), &extra);
        prop_assert_eq!(Value::Object(draft.extra), extra);
    }
}
