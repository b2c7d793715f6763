//! Idempotency keys, in the header, the body or both.

use lambda_http::http::HeaderValue;
use serde_json::json;

use super::*;

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
