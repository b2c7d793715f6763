//! What is asked for, field by field.

use std::collections::BTreeMap;

use serde_json::json;

use super::*;

#[test]
fn every_field_is_read() {
    let fields = r#","n":2,"size":"16:9","image_url":"https://example.com/cat.png",
        "idempotency_key":"one","extra":{"seed":7,"deep":[{"a":null}]},"metadata":{"a":"b"},
        "webhook_url":"https://example.com/hooks","webhook_events":["job.failed"]"#;
    let (draft, key) = ordered(&with(fields)).unwrap();
    assert_eq!(draft.model, "recraft-v3");
    assert_eq!(draft.prompt, "a cat");
    assert_eq!(draft.n, Some(2));
    assert_eq!(draft.size.as_deref(), Some("16:9"));
    assert_eq!(draft.image_url.as_deref(), Some("https://example.com/cat.png"));
    assert_eq!(Value::Object(draft.extra), json!({"seed": 7, "deep": [{"a": null}]}));
    assert_eq!(draft.metadata, BTreeMap::from([("a".to_owned(), "b".to_owned())]));
    assert_eq!(draft.webhook_url.as_deref(), Some("https://example.com/hooks"));
    assert_eq!(draft.webhook_events, Some(vec!["job.failed".to_owned()]));
    assert_eq!(key, Some("one".to_owned().try_into().unwrap()));
}

#[test]
fn null_is_the_same_as_leaving_a_field_out() {
    let nulls = r#","n":null,"size":null,"image_url":null,"idempotency_key":null,"extra":null,
        "metadata":null,"webhook_url":null,"webhook_events":null"#;
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
        (r#""webhook_url":["https://example.com"]"#, "webhook_url"),
        (r#""webhook_events":"job.failed""#, "webhook_events"),
        (r#""webhook_events":{"job.failed":true}"#, "webhook_events"),
        (r#""webhook_events":["job.failed",null]"#, "webhook_events"),
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
fn marks_that_the_json_library_uses_itself_are_no_names() {
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
