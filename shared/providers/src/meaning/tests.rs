use reqwest::header::{HeaderName, HeaderValue};
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
    let body = json!({"detail": [{"msg": "flagged", "type": "content_policy_violation"}]});
    assert_eq!(submitted(422, &[], &body), "content_moderated");
}
