//! Requests as they come from the gateway, good and bad.

use std::collections::BTreeMap;

use lambda_http::{Body, http::HeaderValue};
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::event;

/// The smallest order there is, with some more fields.
fn with(fields: &str) -> String {
    format!(r#"{{"model":"recraft-v3","prompt":"a cat"{fields}}}"#)
}

fn ordered(body: &str) -> Result<(Draft, Option<IdempotencyKey>), Refusal> {
    order(&event::request(&event::post(body)))
}

/// The code of a refusal and what it is about, as the caller sees them.
fn told(refusal: Refusal) -> (String, Option<String>) {
    let response = refusal.into_response("id");
    let body: Value = serde_json::from_slice(response.body()).unwrap();
    let text = |name: &str| body["error"][name].as_str().map(str::to_owned);
    (text("code").unwrap(), text("param"))
}

fn refused(body: &str) -> (String, Option<String>) {
    told(ordered(body).map(|(draft, _)| draft).unwrap_err())
}

fn about(code: &str, param: &str) -> (String, Option<String>) {
    (code.to_owned(), Some(param.to_owned()))
}

// Who asks.

#[test]
fn the_caller_is_whom_the_authorizer_found() {
    let caller = caller(&event::request(&event::post("{}"))).unwrap();
    let demo = Caller { user: "demo".parse().unwrap(), key_id: "0123456789ab".to_owned() };
    assert_eq!(caller, demo);
}

#[test]
fn nothing_but_the_authorizer_makes_a_caller() {
    let found = json!({"user_id": "demo", "key_id": "0123456789ab"});
    for authorizer in [
        json!(null),
        json!({}),
        json!({ "lambda": null }),
        json!({ "lambda": {} }),
        json!({ "lambda": { "refusal": "invalid_api_key" } }),
        json!({ "lambda": { "user_id": "demo" } }),
        json!({ "lambda": { "key_id": "0123456789ab" } }),
        json!({ "lambda": { "user_id": "", "key_id": "0123456789ab" } }),
        json!({ "lambda": { "user_id": "No One", "key_id": "0123456789ab" } }),
        json!({ "lambda": { "user_id": 7, "key_id": "0123456789ab" } }),
        json!({ "lambda": { "user_id": null, "key_id": null } }),
        json!({ "jwt": { "claims": found } }),
        found.clone(),
    ] {
        let mut event = event::post(r#"{"user_id":"demo","key_id":"0123456789ab"}"#);
        event["headers"]["user_id"] = json!("demo");
        event["headers"]["key_id"] = json!("0123456789ab");
        event["headers"]["authorization"] = json!("Bearer hf_test_x");
        event["rawQueryString"] = json!("user_id=demo&key_id=0123456789ab");
        event["pathParameters"] = found.clone();
        event["stageVariables"] = found.clone();
        event["requestContext"]["authorizer"] = authorizer.clone();
        let nobody = caller(&event::request(&event));
        assert!(matches!(nobody, Err(Refusal::InvalidApiKey)), "{authorizer}: {nobody:?}");
    }
}

#[test]
fn a_request_that_did_not_come_through_the_gateway_has_neither_caller_nor_id() {
    let bare = Request::new(Body::Empty);
    assert!(matches!(caller(&bare), Err(Refusal::InvalidApiKey)));
    assert_eq!(id(&bare), "");
}

#[test]
fn the_gateway_names_the_request() {
    let mut event = event::post("{}");
    assert_eq!(id(&event::request(&event)), "JKJaXmPLvHcESHA=");
    event["requestContext"]["requestId"] = json!(null);
    assert_eq!(id(&event::request(&event)), "");
}

// What is asked for.

#[test]
fn every_field_is_read() {
    let fields = r#","n":2,"size":"16:9","image_url":"https://example.com/cat.png",
        "idempotency_key":"one","extra":{"seed":7,"deep":[{"a":null}]},"metadata":{"a":"b"}"#;
    let (draft, key) = ordered(&with(fields)).unwrap();
    assert_eq!(draft.model, "recraft-v3");
    assert_eq!(draft.prompt, "a cat");
    assert_eq!(draft.n, Some(2));
    assert_eq!(draft.size.as_deref(), Some("16:9"));
    assert_eq!(draft.image_url.as_deref(), Some("https://example.com/cat.png"));
    assert_eq!(Value::Object(draft.extra), json!({"seed": 7, "deep": [{"a": null}]}));
    assert_eq!(draft.metadata, BTreeMap::from([("a".to_owned(), "b".to_owned())]));
    assert_eq!(key, Some("one".to_owned().try_into().unwrap()));
}

#[test]
fn null_is_the_same_as_leaving_a_field_out() {
    let nulls = r#","n":null,"size":null,"image_url":null,"idempotency_key":null,"extra":null,
        "metadata":null"#;
    let (bare, nulled) = (ordered(&with("")).unwrap(), ordered(&with(nulls)).unwrap());
    assert_eq!(format!("{bare:?}"), format!("{nulled:?}"));
    assert_eq!(bare.1, None);
    assert_eq!(refused(r#"{"model":null,"prompt":"a cat"}"#), about("missing_parameter", "model"));
    assert_eq!(refused(r#"{"model":"recraft-v3"}"#), about("missing_parameter", "prompt"));
    assert_eq!(refused(&with(r#","colour":null"#)), about("unknown_parameter", "colour"));
}

#[test]
fn a_field_of_another_type_is_refused() {
    for (field, param) in [
        (r#""n":"2""#, "n"),
        (r#""n":-1"#, "n"),
        (r#""n":1.5"#, "n"),
        (r#""n":1e30"#, "n"),
        (r#""n":18446744073709551616"#, "n"),
        (r#""n":true"#, "n"),
        (r#""size":1024"#, "size"),
        (r#""size":{}"#, "size"),
        (r#""image_url":["https://example.com"]"#, "image_url"),
        (r#""idempotency_key":7"#, "idempotency_key"),
        (r#""extra":[]"#, "extra"),
        (r#""extra":"seed""#, "extra"),
        (r#""metadata":[["a","b"]]"#, "metadata"),
        (r#""metadata":{"a":1}"#, "metadata"),
        (r#""metadata":{"a":null}"#, "metadata"),
    ] {
        let told = refused(&with(&format!(",{field}")));
        assert_eq!(told, about("invalid_parameter", param), "{field}");
    }
    let prompt = refused(r#"{"model":"recraft-v3","prompt":["a cat"]}"#);
    assert_eq!(prompt, about("invalid_parameter", "prompt"));
    let model = refused(r#"{"model":{},"prompt":"a cat"}"#);
    assert_eq!(model, about("invalid_parameter", "model"));
}

#[test]
fn nothing_is_ignored_in_silence() {
    for (field, code, param) in [
        (r#""colour":"red""#, "unknown_parameter", "colour"),
        (r#""N":2"#, "unknown_parameter", "N"),
        (r#""":2"#, "unknown_parameter", ""),
        (r#""quality":"high","n":1"#, "unknown_parameter", "quality"),
        (r#""n":1,"n":1"#, "duplicate_parameter", "n"),
        (r#""n":1,"n":null"#, "duplicate_parameter", "n"),
        (r#""n":1,"\u006e":2"#, "duplicate_parameter", "n"),
        (r#""x":1,"x":1"#, "duplicate_parameter", "x"),
        (r#""extra":{"seed":1,"seed":2}"#, "duplicate_parameter", "seed"),
        (r#""extra":{"controls":[{"a":1,"a":1}]}"#, "duplicate_parameter", "a"),
        (r#""metadata":{"order":"1","order":"2"}"#, "duplicate_parameter", "order"),
    ] {
        assert_eq!(refused(&with(&format!(",{field}"))), about(code, param), "{field}");
    }
}

#[test]
fn one_name_may_be_in_several_objects() {
    let fields = r#","extra":{"n":1,"a":{"n":1},"b":[{"n":1},{"n":1}]},"metadata":{"n":"1"}"#;
    assert!(ordered(&with(fields)).is_ok());
}

/// `serde_json` reads an object that begins with this name as the JSON in its text, to any depth.
/// What was let in so could not be read back from a row, and the hold of its job would stand.
#[test]
fn the_json_librarys_own_marks_are_no_names() {
    let mark = "$serde_json::private::RawValue";
    let deep = format!("{}{}", "[".repeat(100), "]".repeat(100));
    let deeper = format!(r#"{}{{"{mark}":"{deep}"}}{}"#, "[".repeat(100), "]".repeat(100));
    for field in [
        format!(r#""extra":{{"negative_prompt":{deeper}}}"#),
        format!(r#""extra":{{"negative_prompt":{{"a":1,"{mark}":"x"}}}}"#),
        format!(r#""extra":{{"{mark}":"{{}}"}}"#),
        format!(r#""metadata":{{"{mark}":"{{}}"}}"#),
        format!(r#""{mark}":"1""#),
        format!(r#""\u0024{}":"1""#, &mark[1..]),
    ] {
        assert_eq!(
            refused(&with(&format!(",{field}"))),
            about("unknown_parameter", mark),
            "{field}"
        );
    }
}

#[test]
fn control_characters_in_names_do_not_reach_the_message() {
    let long = "x".repeat(500);
    for (name, shown) in [
        (r"a\u0000b\u001bc\u007fd\u0085e", "abcde"),
        (r"\r\nSet-Cookie: a=b", "Set-Cookie: a=b"),
        (long.as_str(), &long[..64]),
    ] {
        assert_eq!(refused(&with(&format!(r#","{name}":1"#))), about("unknown_parameter", shown));
        let twice = refused(&with(&format!(r#","{name}":1,"{name}":1"#)));
        assert_eq!(twice, about("duplicate_parameter", shown));
        let extra = refused(&with(&format!(r#","extra":{{"{name}":1,"{name}":1}}"#)));
        assert_eq!(extra, about("duplicate_parameter", shown));
    }
}

// The body as bytes.

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
        r#"{{"model":"recraft-v3","prompt":"{}","metadata":{{{}}},
            "extra":{{"negative_prompt":"{}"}},"idempotency_key":"{}","image_url":"{}"}}"#,
        escaped(4_000),
        notes.join(","),
        r"\u0061".repeat(4_074),
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

// Under which key.

/// The key of a request with these headers, written as JSON, and this field.
fn keyed(header: Value, field: Option<&str>) -> Result<Option<IdempotencyKey>, Refusal> {
    let field = field.map_or(json!(null), |field| json!(field));
    let mut event = event::post(&with(&format!(r#","idempotency_key":{field}"#)));
    if !header.is_null() {
        event["headers"]["Idempotency-Key"] = header;
    }
    order(&event::request(&event)).map(|(_, key)| key)
}

#[test]
fn the_key_may_be_in_the_header_the_body_or_both() {
    let key = |text: &str| Some(IdempotencyKey::try_from(text.to_owned()).unwrap());
    assert_eq!(keyed(json!(null), None).unwrap(), None);
    assert_eq!(keyed(json!("one"), None).unwrap(), key("one"));
    assert_eq!(keyed(json!(null), Some("one")).unwrap(), key("one"));
    assert_eq!(keyed(json!("one"), Some("one")).unwrap(), key("one"));
    assert_eq!(keyed(json!(r#""one""#), Some("one")).unwrap(), key("one"));
    assert_eq!(keyed(json!("  one\t"), Some("one")).unwrap(), key("one"));
    assert_eq!(keyed(json!(null), Some("é ü")).unwrap(), key("é ü"));
    // A quote that nothing closes, and quotes in the body, are parts of the key.
    assert_eq!(keyed(json!(r#"""#), None).unwrap(), key(r#"""#));
    assert_eq!(keyed(json!(null), Some(r#""one""#)).unwrap(), key(r#""one""#));
}

#[test]
fn two_keys_that_differ_are_refused() {
    for (header, field) in [("one", "two"), ("one", "ONE"), (r#""one""#, r#""one""#), ("", "one")] {
        let refused = keyed(json!(header), Some(field));
        assert!(matches!(refused, Err(Refusal::IdempotencyKeysDiffer)), "{header} {field}");
    }
}

#[test]
fn a_key_out_of_bounds_is_refused() {
    let longest = "k".repeat(128);
    assert!(keyed(json!(longest), Some(&longest)).is_ok());
    for bad in ["", "  ", r#""""#, &"k".repeat(129), "é"] {
        let refused = keyed(json!(bad), None);
        assert!(matches!(refused, Err(Refusal::BadIdempotencyKey)), "{bad}");
    }
    for bad in ["", &"k".repeat(129), "a\nb", "\u{7f}"] {
        let refused = keyed(json!(null), Some(bad));
        assert!(matches!(refused, Err(Refusal::BadIdempotencyKey)), "{bad:?}");
    }
}

#[test]
fn two_headers_are_one_too_many() {
    let both = keyed(json!(["one", "one"]), None);
    assert!(matches!(both, Err(Refusal::BadIdempotencyKey)), "{both:?}");
    let mut request = event::request(&event::post(&with("")));
    let name = "idempotency-key";
    request.headers_mut().append(name, HeaderValue::from_bytes(b"\xff").unwrap());
    assert!(matches!(order(&request), Err(Refusal::BadIdempotencyKey)));
}

#[test]
fn a_key_is_not_shown() {
    let key = keyed(json!("hush"), None).unwrap();
    assert!(!format!("{key:?}").contains("hush"));
}

// The query and the path.

#[test]
fn only_known_query_parameters_are_taken_each_once() {
    let asked = |raw: &str| {
        let mut event = event::post(&with(""));
        event["rawQueryString"] = json!(raw);
        event::request(&event)
    };
    let known = &["limit", "cursor"];
    assert_eq!(query(&asked(""), known).unwrap(), BTreeMap::new());
    let found = query(&asked("limit=5&cursor=a%20b%26c"), known).unwrap();
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    assert_eq!(found, BTreeMap::from([pair("limit", "5"), pair("cursor", "a b&c")]));
    for (raw, code, param) in [
        ("page=2", "unknown_parameter", "page"),
        ("Limit=2", "unknown_parameter", "Limit"),
        ("dry_run", "unknown_parameter", "dry_run"),
        ("a%0d%0ab=1", "unknown_parameter", "ab"),
        ("limit=1&limit=1", "duplicate_parameter", "limit"),
        ("limit=1&lim%69t=2", "duplicate_parameter", "limit"),
    ] {
        assert_eq!(told(query(&asked(raw), known).unwrap_err()), about(code, param), "{raw}");
    }
    let order = order(&asked("dry_run=true")).unwrap_err();
    assert_eq!(told(order), about("unknown_parameter", "dry_run"));
}

#[test]
fn only_the_one_spelling_of_a_job_is_read() {
    let id = "019dc3a0-4c00-7000-8000-000000000001";
    assert_eq!(job_id(id).unwrap().to_string(), id);
    for bad in ["", "x", "%2e", &id.to_uppercase(), &id.replace('-', ""), &format!("{id} ")] {
        assert!(matches!(job_id(bad), Err(Refusal::JobNotFound)), "{bad}");
    }
}

/// Any JSON there is, to some depth.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u32>().prop_map(|n| Value::from(f64::from(n) / 4.0)),
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
