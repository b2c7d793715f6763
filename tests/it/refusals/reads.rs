//! Questions that cannot be answered.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::json;

use super::check;
use crate::world::{Caller, World};

/// Asks, and checks with which code it is refused.
async fn refuse(caller: &Caller, path: &str, code: &str) {
    assert_eq!(check(path, &caller.get(path).await), code, "{path}");
}

#[tokio::test]
async fn what_is_not_the_id_of_a_job_finds_none() {
    let world = World::start().await;
    let anna = world.user("anna", "1").await;
    let job = anna.made(&json!({ "model": "recraft-v3", "prompt": "a cat" })).await.id();
    let before = world.rows().await;
    for id in [
        "x".to_owned(),
        job.to_uppercase(),
        job.replace('-', ""),
        format!("%7B{job}%7D"),
        format!("urn:uuid:{job}"),
        format!("{job}%20"),
        format!("%20{job}"),
        format!("{job}%00"),
        format!("{job}%0A"),
        format!("{job}*"),
        format!("{job},{job}"),
        format!("job%23{job}"),
        "9b2f8f0e-8d0b-4c5a-9f0e-2f1b7c3d4e5f".to_owned(),
        "x".repeat(5_000),
        "%F0%9F%A6%AD".to_owned(),
        "%ff".to_owned(),
        "%zz".to_owned(),
        "null".to_owned(),
        "'%20OR%201=1".to_owned(),
    ] {
        refuse(&anna, &format!("/v1/jobs/{id}"), "job_not_found").await;
    }
    refuse(&anna, &format!("/v1/jobs/{job}?expand=true"), "unknown_parameter").await;
    refuse(&anna, "/v1/jobs/x?expand=true", "unknown_parameter").await;
    refuse(&anna, &format!("/v1/jobs/{job}/"), "route_not_found").await;
    refuse(&anna, &format!("/v1/jobs/{job}/cancel"), "method_not_allowed").await;
    refuse(&anna, "/v1/jobs/", "route_not_found").await;
    anna.get(&format!("/v1/jobs/{job}")).await.expect(200);
    world.is_as_before(&before).await;
    world.finish().await;
}

#[tokio::test]
async fn a_path_in_disguise_opens_nothing() {
    let world = World::start().await;
    let anna = world.user("anna", "1").await;
    let key = format!("Authorization: Bearer {}\r\n", anna.key.reveal());
    let (secret, public) = ("/v1/credits/balance", "/v1/models");
    for path in [
        "/x/../v1/credits/balance",
        "/v1/models/../credits/balance",
        "/v1/models/%2e%2e/credits/balance",
        "/v1/models%2F..%2Fcredits/balance",
        "/v1\\credits\\balance",
        "//v1/credits/balance",
        "/v1/credits/balance/",
        "/v1/credits/balance;x",
        "/v1/credits/balance%3Fx",
        "/v1/credits/balance%00",
        "/V1/credits/balance",
        "/v1/./credits/balance",
        "/%ff",
        "/%",
        "/v1/jobs/../credits/balance",
        "/v1/jobs/..%2F..%2Fv1%2Fcredits%2Fbalance",
        "/v1/jobs/x%2Fy",
        "/v1/jobs/x%5Cy",
        "/v1/jobs/x%3Fy",
        "/v1/jobs/x%23y",
        "/v1/jobs/%2e%2e",
    ] {
        let bare = world.api().raw(&format!("GET {path} HTTP/1.1\r\n")).await;
        assert!([400, 401, 404].contains(&bare.status), "{path}: {bare:?}");
        assert!(!bare.text.contains("available"), "{path}: {}", bare.text);
        let known = world.api().raw(&format!("GET {path} HTTP/1.1\r\n{key}")).await;
        assert!(known.status < 500, "{path}: {known:?}");
    }
    for line in ["GET * HTTP/1.1", "OPTIONS * HTTP/1.1", "CONNECT x:1 HTTP/1.1", "BREW / HTTP/1.1"]
    {
        let answer = world.api().raw(&format!("{line}\r\n{key}")).await;
        assert!((400..500).contains(&answer.status), "{line}: {answer:?}");
    }
    for host in [
        "",
        "x",
        "a%zz",
        "a b",
        "999.999.999.999",
        "1.2.3",
        "[::1]",
        "[::1",
        "a:b",
        "xn--a",
        "a:99999",
        "ü",
        "me@x",
        "a/b",
        "a?b",
        "a#b",
        "a\\b",
    ] {
        let answer = world.api().raw_to(host, &format!("GET {public} HTTP/1.1\r\n")).await;
        assert!(answer.status == 200 || answer.status == 400, "{host}: {answer:?}");
    }
    // The path is what counts, not the host that somebody writes before it.
    let line = format!("GET http://example.com{public} HTTP/1.1\r\n");
    world.api().raw(&line).await.expect(200);
    let line = format!("GET http://example.com{secret} HTTP/1.1\r\n");
    world.api().raw(&line).await.expect(401);
    world.finish().await;
}

#[tokio::test]
async fn a_page_that_there_cannot_be_is_refused() {
    let world = World::start().await;
    let (anna, ben) = (world.user("anna", "1").await, world.user("ben", "1").await);
    for user in [&anna, &ben] {
        world.credit(&user.user, "1").await;
    }
    let path = "/v1/credits/transactions";
    let cursor = |user: Caller| async move {
        let page = user.get("/v1/credits/transactions?limit=1").await.json();
        page["next_cursor"].as_str().unwrap().to_owned()
    };
    let (hers, his) = (cursor(anna.clone()).await, cursor(ben).await);
    let text = String::from_utf8(URL_SAFE_NO_PAD.decode(&hers).unwrap()).unwrap();
    let (mark, place) = text.split_once(' ').unwrap();
    let forged = |place: &str| URL_SAFE_NO_PAD.encode(format!("{mark} {place}"));
    for limit in [
        "0",
        "101",
        "-1",
        "abc",
        "1.5",
        "",
        "1%20",
        "1e1",
        "0x1",
        "99999999999999999999",
        "1&limit=2",
    ] {
        refuse(&anna, &format!("{path}?limit={limit}"), invalid(limit)).await;
    }
    for cursor in [
        String::new(),
        "x".to_owned(),
        "%00".to_owned(),
        "x".repeat(5_000),
        his,
        format!("{hers}="),
        forged("balance"),
        forged("ref#payment"),
        forged(""),
        forged(&format!("entry#{}", "x".repeat(200))),
        URL_SAFE_NO_PAD.encode(b"\xff\xff"),
    ] {
        refuse(&anna, &format!("{path}?cursor={cursor}"), "invalid_parameter").await;
    }
    for query in ["?status=succeeded", "?Limit=1", "?limit[]=1", "?cursor", "?user_id=ben"] {
        let code = if query == "?cursor" { "invalid_parameter" } else { "unknown_parameter" };
        refuse(&anna, &format!("{path}{query}"), code).await;
    }
    refuse(&anna, "/v1/credits/balance?user_id=ben", "unknown_parameter").await;
    refuse(&anna, "/v1/models?limit=1", "unknown_parameter").await;

    // A place among one's own rows that was made up is one's own affair.
    for place in [place, "entry#", "entry#zzz", "entry#\u{0}"] {
        anna.get(&format!("{path}?cursor={}", forged(place))).await.expect(200);
    }
    world.finish().await;
}

/// How a limit is refused: one that is there twice is no worse than a wrong one.
fn invalid(limit: &str) -> &'static str {
    if limit.contains('&') { "duplicate_parameter" } else { "invalid_parameter" }
}
