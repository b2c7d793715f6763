use domain::upstream::Upstream;
use serde_json::json;
use testkit::{Plan, Reply};

use super::*;
use crate::testing::{CALL, LIMITS, NOW, Stage, order, said, told};

const CLOUD: Hosts = Hosts {
    base: "https://api.maker.example",
    api: &["maker.example"],
    results: &["files.example"],
};

fn line(base: Option<&str>) -> Line {
    let key = (HeaderName::from_static("x-key"), HeaderValue::from_static("hush"));
    let base = base.map(|base| Url::parse(base).unwrap());
    Line::new(client(&LIMITS).unwrap(), CLOUD, base, key, LIMITS).unwrap()
}

#[test]
fn our_key_goes_to_the_upstream_s_own_hosts_and_nowhere_else() {
    let line = line(None);
    for own in [
        "https://api.maker.example/v1/get?id=1",
        "https://api.eu.maker.example/x",
        "https://maker.example",
        "https://maker.example:443/",
    ] {
        assert!(line.get(own).is_ok(), "{own}");
    }
    for foreign in [
        "http://api.maker.example/v1",
        "https://api.maker.example:8443/",
        "https://evilmaker.example/",
        "https://maker.example.evil.com/",
        "https://user@api.maker.example/",
        "https://files.example/a.png",
        "https://127.0.0.1/",
        "https://[::1]/",
        "https://169.254.169.254/latest",
        "file:///proc/self/environ",
        "nonsense",
        "",
    ] {
        assert!(line.get(foreign).is_err(), "{foreign}");
        assert!(line.put(foreign).is_err(), "{foreign}");
    }
}

#[test]
fn where_we_were_told_the_upstream_is_nothing_else_is() {
    let line = line(Some("http://127.0.0.1:7"));
    assert!(line.get("http://127.0.0.1:7/v1").is_ok());
    for foreign in ["http://127.0.0.1:8/v1", "https://127.0.0.1:7/v1", "http://localhost:7/v1"] {
        assert!(line.get(foreign).is_err(), "{foreign}");
    }
    assert_eq!(line.at("/v1/x"), "http://127.0.0.1:7/v1/x");
}

#[tokio::test]
async fn a_picture_is_fetched_without_our_key_and_from_listed_hosts_only() {
    let stage =
        Stage::new(Upstream::Recraft, order(domain::catalogue::ModelId::RecraftV3, 1, &json!({})));
    let task = stage.task().await;
    assert_eq!(told(&stage.poll(&task, CALL).await), "1 done, 0 withheld");
    for request in stage.upstream.seen("GET", "/results/*") {
        assert_eq!(request.header("authorization"), None);
        assert_eq!(
            request.header("user-agent"),
            Some(concat!("holdfast/", env!("CARGO_PKG_VERSION")))
        );
        assert!(!format!("{:?}", request.headers).contains(Plan::default().key.as_str()));
    }
    let line = line(None);
    for url in
        ["https://other.example/a.png", "http://files.example/a.png", "https://10.0.0.1/a.png"]
    {
        assert!(matches!(line.fetch(url, None, CALL).await, Err(FetchError::Host)), "{url}");
    }
}

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

#[tokio::test]
async fn an_upstream_that_cannot_be_reached_has_nothing_of_ours() {
    // Nobody listens at a port that was just given back.
    let closed = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        format!("http://{}", listener.local_addr().unwrap())
    };
    let line = line(Some(&closed));
    let sent = line.send(line.post("/v1", &json!({})), Duration::from_secs(5)).await;
    assert!(matches!(sent, Err(NoAnswer::NotSent)));
    let judged = judge_submit(sent, NOW, says_moderated);
    assert!(matches!(judged, Err(SubmitError::NotTaken { why: Obstacle::Unreachable, .. })));
}

#[tokio::test]
async fn an_answer_has_a_limit_in_time_and_in_size() {
    let upstream = testkit::Upstream::start();
    let line = line(Some(upstream.url()));
    for reply in [
        Reply::silence(),
        Reply::json(200, json!({"a": 1})).drip(Duration::from_millis(400)),
        Reply::endless(1_000_000_000),
        Reply::bytes(200, "application/json", vec![b' '; JSON_BYTES_MAX + 1]),
        Reply::json(200, json!({})).claiming(1_000_000_000),
    ] {
        upstream.on("POST", "/v1", reply.clone());
        let sent = line.send(line.post("/v1", &json!({})), LIMITS.answer).await;
        assert!(matches!(sent, Err(NoAnswer::Lost(_))), "{reply:?}");
    }
    assert!(upstream.streamed() < 16_000_000, "{}", upstream.streamed());
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let (upstream, elsewhere) = (testkit::Upstream::start(), testkit::Upstream::start());
    let line = line(Some(upstream.url()));
    let to = elsewhere.url().to_owned();
    for status in [301, 302, 307, 308] {
        upstream.on("POST", "/v1", Reply::json(status, json!({})).header("location", &to));
        let answer = line.send(line.post("/v1", &json!({})), LIMITS.answer).await.unwrap();
        assert_eq!(answer.status, status);
        upstream.on("GET", "/p", Reply::json(status, json!({})).header("location", &to));
        let url = format!("{}/p", upstream.url());
        let fetched = line.fetch(&url, None, CALL).await;
        assert!(matches!(fetched, Err(FetchError::Status(found)) if found == status));
    }
    assert!(elsewhere.requests().is_empty());
}

#[test]
fn a_line_does_not_show_its_key() {
    assert!(!format!("{:?}", line(None)).contains("hush"));
}

#[tokio::test]
async fn an_order_is_answered_in_the_words_of_this_crate() {
    let stage =
        Stage::new(Upstream::Recraft, order(domain::catalogue::ModelId::RecraftV3, 1, &json!({})));
    assert_eq!(said(&stage.submit().await), "taken");
}
