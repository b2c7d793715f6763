use proptest::prelude::*;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use serde_json::json;

use super::*;
use crate::testing::NOW;

/// An answer with this status, headers and body.
fn answer(status: u16, headers: &[(&'static str, &str)], body: &Value) -> Answer {
    let headers = headers.iter().map(|(name, value)| {
        (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap())
    });
    Answer { status, headers: headers.collect(), body: body.to_string().into_bytes() }
}

fn submitted(status: u16, headers: &[(&'static str, &str)], body: &Value) -> String {
    match judge_submit(Ok(answer(status, headers, body)), NOW, says_moderated) {
        Ok(_) => "taken".to_owned(),
        Err(SubmitError::NotTaken { why, again }) => format!("{why:?} {}", again.as_secs()),
        Err(SubmitError::Unknown(_)) => "unknown".to_owned(),
        Err(SubmitError::Verdict(verdict)) => {
            let reason = verdict.reason.map_or_else(String::new, |r| format!(" {}", r.as_str()));
            format!("{}{reason}", verdict.failure.code())
        }
    }
}

#[test]
fn a_busy_upstream_is_asked_again_when_it_says() {
    let date = |seconds| {
        let at = NOW.plus(Duration::from_secs(seconds)).seconds();
        httpdate::fmt_http_date(std::time::UNIX_EPOCH + Duration::from_secs(at))
    };
    let none = json!({});
    for (headers, body, expected) in [
        (vec![], &none, "Busy 5"),
        (vec![("retry-after", "7".to_owned())], &none, "Busy 7"),
        (vec![("retry-after", " 7 ".to_owned())], &none, "Busy 7"),
        (vec![("retry-after", date(90))], &none, "Busy 90"),
        (vec![("retry-after", date(0))], &none, "Busy 1"),
        (vec![("retry-after", "0".to_owned())], &none, "Busy 1"),
        (vec![("retry-after", "86400".to_owned())], &none, "Busy 900"),
        (vec![("retry-after", "-1".to_owned())], &none, "Busy 5"),
        (vec![("retry-after", "soon".to_owned())], &none, "Busy 5"),
        (vec![], &json!({"retry_after": 9}), "Busy 9"),
        (vec![], &json!({"retry_after": "9"}), "Busy 5"),
    ] {
        let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        assert_eq!(submitted(429, &headers, body), expected, "{headers:?} {body}");
    }
}

#[test]
fn an_answer_to_an_order_is_sorted_by_what_it_means() {
    let none = json!({});
    for (status, body, expected) in [
        (200, &none, "taken"),
        (202, &none, "taken"),
        (301, &none, "unknown"),
        (302, &none, "unknown"),
        (400, &none, "provider_rejected"),
        (401, &none, "Trouble 60"),
        (402, &none, "Trouble 60"),
        (403, &none, "Trouble 60"),
        (403, &json!({"error": "blocked by content policy"}), "content_moderated"),
        (404, &none, "Trouble 60"),
        (408, &none, "unknown"),
        (409, &none, "unknown"),
        (413, &none, "provider_rejected"),
        (422, &json!({"detail": "Insufficient units"}), "Trouble 60"),
        (
            422,
            &json!({"detail": "Insufficient image resolution"}),
            "provider_rejected Insufficient image resolution",
        ),
        (500, &none, "unknown"),
        (502, &none, "unknown"),
        (503, &none, "unknown"),
        (504, &none, "unknown"),
    ] {
        assert_eq!(submitted(status, &[], body), expected, "{status}");
    }
    assert_eq!(submitted(503, &[("retry-after", "3")], &none), "Busy 3");
}

#[test]
fn what_is_wrong_with_an_order_is_said_from_wherever_it_is_said() {
    for (body, reason) in [
        (
            json!({"detail": [{"loc": ["body", "seed"], "msg": "too big", "type": "x"}]}),
            " seed: too big",
        ),
        (json!({"detail": [{"loc": ["body", 0], "msg": "too big"}]}), " too big"),
        (json!({"detail": "no such size"}), " no such size"),
        (json!({"error": "no such size"}), " no such size"),
        (json!({"error": {"message": "no such size"}}), " no such size"),
        (json!({"code": 3, "message": "no such size"}), " no such size"),
        (json!({"message": "see https://api.maker.example/docs"}), ""),
        (json!({"detail": []}), ""),
        (json!(["x"]), ""),
        (json!(null), ""),
    ] {
        let expected = format!("provider_rejected{reason}");
        assert_eq!(submitted(422, &[], &body), expected, "{body}");
    }
}

/// A prompt may be about moderators, and about money.
#[test]
fn what_a_complaint_quotes_of_the_request_is_not_what_it_says() {
    for prompt in ["an NSFW moderator", "insufficient balance, not enough credits"] {
        let body = json!({"detail": [
            {"loc": ["body", "seed"], "msg": "too big", "input": prompt, "ctx": {"prompt": prompt}}
        ]});
        assert_eq!(submitted(422, &[], &body), "provider_rejected seed: too big");
    }
    for quoting in [
        json!({"message": "too long", "prompt": "insufficient funds, nsfw"}),
        json!({"message": "too long", "request": {"prompt": "not enough credits"}}),
    ] {
        assert_eq!(submitted(400, &[], &quoting), "provider_rejected too long");
    }
    let body = json!({"detail": [{"msg": "flagged", "type": "content_policy_violation"}]});
    assert_eq!(submitted(422, &[], &body), "content_moderated");
}

/// JSON of any shape, with the fields that are looked at among its own.
fn any_json() -> impl Strategy<Value = Value> {
    let word = prop::sample::select(vec![
        "detail",
        "error",
        "message",
        "msg",
        "loc",
        "type",
        "retry_after",
        "input",
        "moderated",
        "x",
    ]);
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".*".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 4, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(word.clone().prop_map(str::to_owned), inner, 0..4)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    /// Whatever an upstream answers, only a success is taken for one, and what is shown is clean.
    #[test]
    fn any_answer_is_sorted(status in 100_u16..600, body in any_json(), wait in ".*") {
        let answer = || {
            let mut headers = HeaderMap::new();
            if let Ok(wait) = HeaderValue::from_str(&wait) {
                headers.insert("retry-after", wait);
            }
            Ok(Answer { status, headers, body: body.to_string().into_bytes() })
        };
        match judge_submit(answer(), NOW, says_moderated) {
            Ok(_) => prop_assert!((200..300).contains(&status)),
            Err(SubmitError::NotTaken { again, .. }) => {
                prop_assert!(status >= 400 && again >= Duration::from_secs(1));
                prop_assert!(again <= Duration::from_mins(15));
            }
            Err(SubmitError::Verdict(verdict)) => {
                prop_assert!((400..500).contains(&status));
                if let Some(reason) = verdict.reason {
                    let again = Reason::clean(reason.as_str());
                    prop_assert_eq!(again.map(|clean| clean.as_str().to_owned()), Some(reason.as_str().to_owned()));
                }
            }
            Err(SubmitError::Unknown(_)) => prop_assert!(!(200..300).contains(&status)),
        }
        match judge_poll(answer(), NOW, false) {
            Ok(Told::Json(_)) => prop_assert!((200..300).contains(&status)),
            Ok(Told::Verdict(_)) => prop_assert!(false, "a question that was not taken is no verdict"),
            Ok(Told::NoTask(_)) | Err(_) => {
                prop_assert!(!(200..300).contains(&status));
            }
        }
    }
}
