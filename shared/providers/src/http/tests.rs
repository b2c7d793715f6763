use domain::upstream::Upstream;
use serde_json::json;
use testkit::{Plan, Reply};

use super::*;
use crate::{
    Obstacle, SubmitError,
    meaning::{judge_submit, says_moderated},
    testing::{CALL, LIMITS, NOW, Stage, order, told},
};

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
