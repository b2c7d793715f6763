//! Orders that cannot be accepted.

use std::collections::BTreeSet;

use reqwest::{Method, header::HeaderValue};
use serde_json::json;

use super::{check, documented};
use crate::world::{Caller, World, answer};

/// Where orders go.
const PATH: &str = "/v1/images/generations";

/// Fields after `model` and `prompt` of an order that is good without them.
const FIELDS: &[(&str, &str)] = &[
    (r#""n":0"#, "invalid_parameter"),
    (r#""n":5"#, "invalid_parameter"),
    (r#""n":-1"#, "invalid_parameter"),
    (r#""n":-0"#, "invalid_parameter"),
    (r#""n":1.5"#, "invalid_parameter"),
    (r#""n":1.0"#, "invalid_parameter"),
    (r#""n":1e0"#, "invalid_parameter"),
    (r#""n":256"#, "invalid_parameter"),
    (r#""n":257"#, "invalid_parameter"),
    (r#""n":18446744073709551617"#, "invalid_parameter"),
    (r#""n":1e400"#, "invalid_json"),
    (r#""n":-1e400"#, "invalid_json"),
    (r#""n":01"#, "invalid_json"),
    (r#""n":+1"#, "invalid_json"),
    (r#""n":0x1"#, "invalid_json"),
    (r#""n":NaN"#, "invalid_json"),
    (r#""n":"1""#, "invalid_parameter"),
    (r#""n":true"#, "invalid_parameter"),
    (r#""n":[1]"#, "invalid_parameter"),
    (r#""size":1024"#, "invalid_parameter"),
    (r#""size":{"width":1024}"#, "invalid_parameter"),
    (r#""image_url":false"#, "invalid_parameter"),
    (r#""colour":"red""#, "unknown_parameter"),
    (r#""N":1"#, "unknown_parameter"),
    (r#""n ":1"#, "unknown_parameter"),
    (r#""response_format":"b64_json""#, "unknown_parameter"),
    (r#""$serde_json::private::RawValue":"1""#, "unknown_parameter"),
    (r#""__proto__":{}"#, "unknown_parameter"),
    (r#""prompt":"a dog""#, "duplicate_parameter"),
    (r#""n":1,"n":1"#, "duplicate_parameter"),
    (r#""n":1,"\u006e":2"#, "duplicate_parameter"),
    (r#""metadata":{"a":"1","a":"2"}"#, "duplicate_parameter"),
    (r#""extra":{"controls":[{"a":1,"a":2}]}"#, "duplicate_parameter"),
    (r#""extra":[]"#, "invalid_parameter"),
    (r#""extra":"seed""#, "invalid_parameter"),
    (r#""extra":{"num_images":4}"#, "extra_not_allowed"),
    (r#""extra":{"raw":true}"#, "extra_not_allowed"),
    (r#""extra":{"style_id":"9f3b"}"#, "extra_not_allowed"),
    (r#""extra":{"substyle":"hdr"}"#, "invalid_extra"),
    (r#""extra":{"negative_prompt":""}"#, "invalid_extra"),
    (r#""extra":{"style":"any","substyle":"vector_art"}"#, "invalid_extra"),
    (r#""extra":{"style":"any","substyle":"../vector"}"#, "invalid_extra"),
    (r#""extra":{"":1}"#, "extra_not_allowed"),
    (r#""extra":{"style":"vector_illustration"}"#, "extra_not_allowed"),
    (r#""extra":{"style":7}"#, "extra_not_allowed"),
    (r#""extra":{"seed":-1}"#, "invalid_extra"),
    (r#""extra":{"seed":1.5}"#, "invalid_extra"),
    (r#""extra":{"seed":2147483648}"#, "invalid_extra"),
    (r#""extra":{"seed":"1"}"#, "invalid_extra"),
    (r#""extra":{"seed":null}"#, "invalid_extra"),
    (r#""extra":{"seed":1e400}"#, "invalid_json"),
    (r#""extra":{"controls":{"a":9007199254740993}}"#, "invalid_extra"),
    (r#""extra":{"controls":[{"a":-1e300}]}"#, "invalid_extra"),
    (r#""extra":{"sandbox":[]}"#, "invalid_extra"),
    (r#""extra":{"sandbox":null}"#, "invalid_extra"),
    (r#""extra":{"sandbox":"fail"}"#, "invalid_extra"),
    (r#""extra":{"sandbox":{"outcome":"explode"}}"#, "invalid_extra"),
    (r#""extra":{"sandbox":{"outcome":"never","more":1}}"#, "invalid_extra"),
    (r#""extra":{"sandbox":{"delay_ms":600001}}"#, "invalid_extra"),
    (r#""extra":{"sandbox":{"delay_ms":-1}}"#, "invalid_extra"),
    (r#""extra":{"sandbox":{"deliver":0}}"#, "invalid_extra"),
    (r#""extra":{"sandbox":{"deliver":2}}"#, "invalid_extra"),
    (r#""extra":{"sandbox":{"deliver":1.5}}"#, "invalid_extra"),
    (r#""metadata":[]"#, "invalid_parameter"),
    (r#""metadata":{"a":1}"#, "invalid_parameter"),
    (r#""metadata":{"a":null}"#, "invalid_parameter"),
    (r#""metadata":{"":"a"}"#, "invalid_metadata"),
    (r#""webhook_url":["https://example.com"]"#, "invalid_parameter"),
    (r#""webhook_url":"""#, "invalid_webhook_url"),
    (r#""webhook_url":"ftp://example.com/""#, "invalid_webhook_url"),
    (r#""webhook_url":"http://example.com/""#, "invalid_webhook_url"),
    (r#""webhook_url":"https://user@example.com/""#, "invalid_webhook_url"),
    (r#""webhook_url":"https://example.com/#here""#, "invalid_webhook_url"),
    (r#""webhook_url":"https://10.0.0.1/""#, "invalid_webhook_url"),
    (r#""webhook_url":"https://[::ffff:169.254.169.254]/""#, "invalid_webhook_url"),
    (r#""webhook_url":"https://localhost/""#, "invalid_webhook_url"),
    (r#""webhook_url":"https://example.com/","webhook_events":"job.failed""#, "invalid_parameter"),
    (r#""webhook_url":"https://example.com/","webhook_events":["job.*"]"#, "invalid_parameter"),
    (r#""webhook_events":["job.failed"]"#, "invalid_parameter"),
    (r#""webhook_url":"https://example.com/""#, "webhook_secret_required"),
    (r#""idempotency_key":"""#, "invalid_idempotency_key"),
    (r#""idempotency_key":"a\nb""#, "invalid_idempotency_key"),
    (r#""idempotency_key":"a\u0000""#, "invalid_idempotency_key"),
    (r#""idempotency_key":7"#, "invalid_parameter"),
    (r#""size":"\ud800""#, "invalid_json"),
    (r#""size":"\x41""#, "invalid_json"),
    (r#""n":1,"#, "invalid_json"),
    (r#""n""#, "invalid_json"),
    (r"'n':1", "invalid_json"),
    (r#"/* one */"n":1"#, "invalid_json"),
];

/// Whole bodies.
const BODIES: &[(&[u8], &str)] = &[
    (b"", "invalid_json"),
    (b" ", "invalid_json"),
    (b"\0", "invalid_json"),
    (b"null", "invalid_json"),
    (b"[]", "invalid_json"),
    (b"\"model\"", "invalid_json"),
    (b"7", "invalid_json"),
    (b"{", "invalid_json"),
    (b"{}", "missing_parameter"),
    (br#"{"prompt":"a cat"}"#, "missing_parameter"),
    (br#"{"model":"recraft-v3"}"#, "missing_parameter"),
    (br#"{"model":null,"prompt":"a cat"}"#, "missing_parameter"),
    (br#"{"model":"recraft-v3","prompt":null}"#, "missing_parameter"),
    (br#"{"model":7,"prompt":"a cat"}"#, "invalid_parameter"),
    (br#"{"model":"recraft-v3","prompt":["a cat"]}"#, "invalid_parameter"),
    (br#"{"model":"","prompt":"a cat"}"#, "model_not_found"),
    (br#"{"model":"Recraft-V3","prompt":"a cat"}"#, "model_not_found"),
    (br#"{"model":"recraft-v3 ","prompt":"a cat"}"#, "model_not_found"),
    (br#"{"model":"../recraft-v3","prompt":"a cat"}"#, "model_not_found"),
    (br#"{"model":"recraft-v3","prompt":""}"#, "prompt_empty"),
    (b"{\"model\":\"recraft-v3\",\"prompt\":\" \\t\\n\xe3\x80\x80\"}", "prompt_empty"),
    (b"{\"model\":\"recraft-v3\",\"prompt\":\"a\0cat\"}", "invalid_json"),
    (b"{\"model\":\"recraft-v3\",\"prompt\":\"a\ncat\"}", "invalid_json"),
    (b"{\"model\":\"recraft-v3\",\"prompt\":\"a cat\"}\0", "invalid_json"),
    (b"{\"model\":\"recraft-v3\",\"prompt\":\"\xff\xfe\"}", "invalid_json"),
    (b"{\"model\":\"recraft-v3\",\"prompt\":\"\xed\xa0\x80\"}", "invalid_json"),
    (b"\xef\xbb\xbf{\"model\":\"recraft-v3\",\"prompt\":\"a cat\"}", "invalid_json"),
    (b"{\0\"\0m\0o\0d\0e\0l\0\"\0:\0\"\0x\0\"\0}\0", "invalid_json"),
    (b"\x1f\x8b\x08\0\0\0\0\0\0\x03", "invalid_json"),
    (br#"{"model":"recraft-v3","prompt":"a cat"}{}"#, "invalid_json"),
    (br#"[{"model":"recraft-v3","prompt":"a cat"}]"#, "invalid_json"),
    (b"model=recraft-v3&prompt=a+cat", "invalid_json"),
    (br#"{"model":"flux-kontext-pro","prompt":"a"}"#, "image_url_required"),
    (br#"{"model":"flux-kontext-pro","prompt":"a","image_url":null}"#, "image_url_required"),
    (br#"{"model":"flux-kontext-pro","prompt":"a","image_url":""}"#, "invalid_image_url"),
    (br#"{"model":"flux-kontext-pro","prompt":"a","image_url":"cat.png"}"#, "invalid_image_url"),
    (
        br#"{"model":"flux-kontext-pro","prompt":"a","image_url":"http://example.com/"}"#,
        "invalid_image_url",
    ),
    (
        br#"{"model":"flux-kontext-pro","prompt":"a","image_url":"https://me:pw@example.com/"}"#,
        "invalid_image_url",
    ),
    (
        br#"{"model":"flux-kontext-pro","prompt":"a","image_url":"file:///etc/passwd"}"#,
        "invalid_image_url",
    ),
    (
        br#"{"model":"flux-kontext-pro","prompt":"a","image_url":"data:image/png;base64,AA=="}"#,
        "invalid_image_url",
    ),
];

/// An order that is good, with more fields.
fn with(fields: &str) -> String {
    format!(r#"{{"model":"recraft-v3","prompt":"a cat",{fields}}}"#)
}

/// Bodies that are too long to be written out.
fn long_bodies() -> Vec<(String, &'static str)> {
    let prompt = |prompt: String| format!(r#"{{"model":"recraft-v3","prompt":"{prompt}"}}"#);
    let pairs: Vec<String> = (0..17).map(|n| format!(r#""{n}":"x""#)).collect();
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    let url = format!("https://example.com/{}", "x".repeat(2_048));
    vec![
        (prompt("x".repeat(4_001)), "prompt_too_long"),
        (prompt("🦭".repeat(4_001)), "prompt_too_long"),
        (prompt("x".repeat(300_000)), "request_too_large"),
        (with(&" ".repeat(300_000)), "request_too_large"),
        (nested(100_000), "invalid_json"),
        (with(&format!(r#""extra":{{"controls":{}}}"#, nested(100_000))), "invalid_json"),
        (with(&format!(r#""colour":{}"#, nested(1_000))), "invalid_json"),
        (
            with(&format!(r#""extra":{{"controls":{{"a":"{}"}}}}"#, "x".repeat(4_096))),
            "extra_too_large",
        ),
        (with(&format!(r#""metadata":{{{}}}"#, pairs.join(","))), "invalid_metadata"),
        (with(&format!(r#""metadata":{{"{}":""}}"#, "x".repeat(65))), "invalid_metadata"),
        (with(&format!(r#""metadata":{{"a":"{}"}}"#, "x".repeat(513))), "invalid_metadata"),
        (with(&format!(r#""idempotency_key":"{}""#, "x".repeat(129))), "invalid_idempotency_key"),
        (with(&format!(r#""{}":1"#, "x".repeat(10_000))), "unknown_parameter"),
        (
            format!(r#"{{"model":"flux-kontext-pro","prompt":"a","image_url":"{url}"}}"#),
            "invalid_image_url",
        ),
    ]
}

/// Sends a body as JSON and checks how it is refused.
async fn refuse(caller: &Caller, body: Vec<u8>, code: &str) -> String {
    let case = String::from_utf8_lossy(&body).chars().take(100).collect::<String>();
    let request = caller.request(Method::POST, PATH).header("Content-Type", "application/json");
    let told = check(&case, &answer(request.body(body)).await);
    assert_eq!(told, code, "{case}");
    told
}

#[tokio::test]
async fn an_order_that_is_not_understood_to_the_letter_is_refused_and_leaves_nothing() {
    let world = World::start().await;
    let anna = world.user("anna", "10").await;
    let before = world.rows().await;
    let mut told = BTreeSet::new();
    for (fields, code) in FIELDS {
        told.insert(refuse(&anna, with(fields).into_bytes(), code).await);
    }
    for (body, code) in BODIES {
        told.insert(refuse(&anna, body.to_vec(), code).await);
    }
    for (body, code) in long_bodies() {
        told.insert(refuse(&anna, body.into_bytes(), code).await);
    }
    world.is_as_before(&before).await;

    // What README.md lists for malformed requests can happen, but for what the headers are about.
    let mut listed = documented();
    listed.retain(|_, statuses| statuses.contains(&400));
    listed.remove("idempotency_keys_differ");
    let never: Vec<&String> = listed.keys().filter(|code| !told.contains(*code)).collect();
    assert!(never.is_empty(), "{never:?}");
    world.finish().await;
}

#[tokio::test]
async fn an_order_with_headers_or_a_query_that_are_not_understood_is_refused_as_well() {
    let world = World::start().await;
    let anna = world.user("anna", "10").await;
    let before = world.rows().await;
    let body = r#"{"model":"recraft-v3","prompt":"a cat","idempotency_key":"one"}"#;
    let post = |path: &str| anna.request(Method::POST, path).body(body);
    for kind in [
        "",
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/jsonp",
        "json",
        "application/xml",
        "text/json",
        ",application/json",
    ] {
        let refused = answer(post(PATH).header("Content-Type", kind)).await;
        assert_eq!(check(kind, &refused), "unsupported_media_type", "{kind}");
    }
    let refused = answer(post(PATH)).await;
    assert_eq!(check("no content type", &refused), "unsupported_media_type");

    let latin = HeaderValue::from_bytes(b"caf\xe9").unwrap();
    let header = |value: &str| HeaderValue::from_str(value).unwrap();
    for (key, code) in [
        (header(""), "idempotency_keys_differ"),
        (header("two"), "idempotency_keys_differ"),
        (header("One"), "idempotency_keys_differ"),
        (latin, "invalid_idempotency_key"),
    ] {
        let request = post(PATH).header("Content-Type", "application/json");
        let refused = answer(request.header("Idempotency-Key", &key)).await;
        assert_eq!(check("a header", &refused), code, "{key:?}");
    }
    for key in [header(""), header("\"\""), header(&"x".repeat(129))] {
        let order = json!({ "model": "recraft-v3", "prompt": "a cat" });
        let refused = answer(anna.order(&order).header("Idempotency-Key", &key)).await;
        assert_eq!(check("a header", &refused), "invalid_idempotency_key", "{key:?}");
    }
    for query in ["?n=2", "?dryrun=true", "?n=1&n=2", "?%00", "?=", "?a%ff=%zz"] {
        let request = post(&format!("{PATH}{query}")).header("Content-Type", "application/json");
        let refused = answer(request).await;
        assert_eq!(check(query, &refused), "unknown_parameter", "{query}");
    }
    for query in ["?dry_run", "?dry_run=1", "?dry_run=TRUE"] {
        let request = post(&format!("{PATH}{query}")).header("Content-Type", "application/json");
        assert_eq!(check(query, &answer(request).await), "invalid_parameter", "{query}");
    }
    world.is_as_before(&before).await;
    world.finish().await;
}

#[tokio::test]
async fn what_is_too_large_for_the_gateway_is_refused_by_it() {
    let world = World::start().await;
    let anna = world.user("anna", "10").await;
    let before = world.rows().await;
    let order = |bytes: usize| json!({ "model": "recraft-v3", "prompt": "x".repeat(bytes) });
    let too_large = json!({ "message": "Request Entity Too Large" });
    for bytes in [7_000_000, 11_000_000] {
        assert_eq!(anna.submit(&order(bytes)).await.expect(413).json(), too_large);
    }
    let headers = anna.order(&order(1)).header("X-Large", "x".repeat(11_000));
    answer(headers).await.expect(431);
    world.is_as_before(&before).await;
    world.finish().await;
}
