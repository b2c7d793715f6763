use serde_json::json;

use super::*;

fn check(takes: Takes, value: &Value) -> Result<(), OrderError> {
    Extra { key: "key", takes }.check(value)
}

#[test]
fn a_key_takes_its_values_and_no_others() {
    let words = Takes::OneOf(&["on", "off"]);
    for (takes, good, bad) in [
        (Takes::Flag, json!([true, false]), json!(["true", 1, null])),
        (Takes::UpTo(6), json!([0, 6]), json!([7, -1, 1.5, "2", null, true])),
        (words, json!(["on", "off"]), json!(["ON", "", null, 1, ["on"]])),
        (
            Takes::Substyle(6),
            json!(["hdr", "b_w_2"]),
            json!(["", "HDR", "a b", "a/b", "vector", "longer_", null, 1]),
        ),
        (Takes::Text(3), json!(["a", "äöü"]), json!(["", "abcd", null, 1])),
        (
            Takes::Codes(2),
            json!([["00ffAA19"], ["00ffAA19", "12345678"]]),
            json!([
                [],
                ["00ffAA1"],
                ["00ffAA1g"],
                ["12345678", "12345678", "12345678"],
                "12345678"
            ]),
        ),
        (Takes::Object, json!([{}, {"a": [1.5, null]}]), json!([[], "a", null, {"a": 1e300}])),
    ] {
        for value in good.as_array().unwrap() {
            assert_eq!(check(takes, value), Ok(()), "{takes:?} {value}");
        }
        for value in bad.as_array().unwrap() {
            let refused = OrderError::BadExtra { key: "key", rule: takes.rule() };
            assert_eq!(check(takes, value), Err(refused), "{takes:?} {value}");
        }
    }
}

#[test]
fn what_is_sold_elsewhere_at_another_price_is_not_allowed() {
    let style = Takes::Style(&["any"]);
    assert_eq!(check(style, &json!("any")), Ok(()));
    for value in [json!("vector_illustration"), json!(null), json!(1), json!(["any"])] {
        assert_eq!(check(style, &value), Err(OrderError::ExtraNotAllowed("key".to_owned())));
    }
}

#[test]
fn a_rule_says_what_is_taken() {
    for (takes, rule) in [
        (Takes::Seed, "must be a whole number from 0 to 2147483647"),
        (Takes::Flag, "must be true or false"),
        (Takes::UpTo(6), "must be a whole number from 0 to 6"),
        (Takes::OneOf(&["on", "off"]), "must be one of on, off"),
        (Takes::Text(3), "must be text of 1 to 3 characters"),
        (Takes::Codes(4), "must be 1 to 4 texts of eight hexadecimal digits"),
    ] {
        assert_eq!(takes.rule(), rule);
    }
}
