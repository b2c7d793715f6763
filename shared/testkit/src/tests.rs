//! The kit through a real client, over loopback.

use std::{
    fs,
    path::Path,
    sync::LazyLock,
    time::{Duration, Instant},
};

use reqwest::{Client, Response};
use serde_json::{Value, json};

use super::*;

mod faults;
mod players;

/// A client that no test waits for longer than ten seconds. One for all of them, since each takes a
/// while to be made; it keeps no connections, because those belong to the runtime of one test.
fn client() -> &'static Client {
    static CLIENT: LazyLock<Client> = LazyLock::new(|| {
        // Fails if another test has installed it already, which is as good.
        rustls::crypto::ring::default_provider().install_default().ok();
        let timeout = Duration::from_secs(10);
        Client::builder().timeout(timeout).pool_max_idle_per_host(0).build().unwrap()
    });
    &CLIENT
}

async fn get(url: &str) -> Response {
    client().get(url).send().await.unwrap()
}

async fn body(response: Response) -> Value {
    response.json().await.unwrap()
}

#[tokio::test]
async fn replies_are_used_up_in_order_and_the_last_one_repeats() {
    let upstream = Upstream::start();
    upstream.on("GET", "/a", [Reply::json(200, json!(1)), Reply::json(202, json!(2))]);

    let url = format!("{}/a", upstream.url());
    assert_eq!(body(get(&url).await).await, 1);
    assert_eq!(body(get(&url).await).await, 2);
    assert_eq!(body(get(&url).await).await, 2);
}

#[tokio::test]
async fn the_first_registered_match_wins_and_registering_again_replaces() {
    let upstream = Upstream::start();
    upstream.on("GET", "/a/b", Reply::json(200, json!("exact")));
    upstream.on("GET", "/a/*", Reply::json(200, json!("rest")));
    upstream.on("GET", "/x/*/status", Reply::json(200, json!("inner")));
    let at = |path: &str| format!("{}{path}", upstream.url());

    assert_eq!(body(get(&at("/a/b")).await).await, "exact");
    assert_eq!(body(get(&at("/a/b/c")).await).await, "rest");
    assert_eq!(body(get(&at("/x/1/status")).await).await, "inner");
    assert_eq!(get(&at("/x/1/2/status")).await.status(), 404);
    upstream.on("GET", "/a/b", Reply::json(200, json!("replaced")));
    assert_eq!(body(get(&at("/a/b")).await).await, "replaced");
}

#[tokio::test]
async fn replies_put_first_come_once_before_what_is_registered() {
    let upstream = Upstream::start();
    upstream.on("GET", "/a", Reply::json(200, json!("on")));
    upstream.first("GET", "/a", [Reply::html(502), Reply::json(200, json!("first"))]);

    let url = format!("{}/a", upstream.url());
    assert_eq!(get(&url).await.status(), 502);
    assert_eq!(body(get(&url).await).await, "first");
    assert_eq!(body(get(&url).await).await, "on");
}

#[tokio::test]
async fn what_matches_nothing_is_answered_404_and_told() {
    let upstream = Upstream::start();
    let answer = get(&format!("{}/nowhere?a=b%20c", upstream.url())).await;

    assert_eq!(answer.status(), 404);
    assert!(body(answer).await["error"].is_string());
    let unexpected = upstream.unexpected();
    assert_eq!(unexpected.len(), 1);
    assert_eq!(unexpected[0].path, "/nowhere");
    assert_eq!(unexpected[0].parameter("a").as_deref(), Some("b c"));
}

#[tokio::test]
async fn requests_are_written_down_whole() {
    let upstream = Upstream::start();
    upstream.on("POST", "/a*", Reply::with(|seen| Reply::json(201, seen.json())));

    let request = client().post(format!("{}/abc", upstream.url())).header("X-Key", "k");
    let answer = request.json(&json!({ "n": 1 })).send().await.unwrap();

    assert_eq!(answer.status(), 201);
    assert_eq!(body(answer).await, json!({ "n": 1 }));
    let seen = upstream.seen("POST", "/a*");
    assert_eq!(seen.len(), 1);
    assert_eq!(seen[0].header("x-key"), Some("k"));
    assert_eq!(seen[0].json(), json!({ "n": 1 }));
    assert_eq!(upstream.requests().len(), 1);
    assert!(upstream.seen("GET", "*").is_empty());
}

#[tokio::test]
async fn a_fixture_has_the_url_of_its_server_and_a_fresh_id() {
    let upstream = Upstream::start();
    upstream.on("POST", "/v1/x", Reply::fixture("bfl/submit"));
    let url = format!("{}/v1/x", upstream.url());

    let first = body(client().post(&url).send().await.unwrap()).await;
    let second = body(client().post(&url).send().await.unwrap()).await;

    let id = first["id"].as_str().unwrap();
    assert_ne!(first["id"], second["id"]);
    assert_eq!(first["polling_url"], format!("{}/v1/get_result?id={id}", upstream.url()));
}

#[tokio::test]
async fn a_fixture_can_be_changed_in_one_place() {
    let upstream = Upstream::start();
    let reply = Reply::fixture("ideogram/one_unsafe")
        .set("/data/0/seed", json!(7))
        .set("/extra", json!("{base}/x"))
        .without("/created")
        .id("one");
    upstream.on("GET", "/a", reply);

    let answer = body(get(&format!("{}/a", upstream.url())).await).await;

    assert_eq!(answer["data"][0]["seed"], 7);
    assert_eq!(answer["data"][1]["url"], Value::Null);
    assert_eq!(answer["data"][2]["url"], format!("{}/results/one/2.png", upstream.url()));
    assert_eq!(answer["extra"], format!("{}/x", upstream.url()));
    assert!(answer.get("created").is_none());
}

#[test]
fn every_fixture_file_is_in_the_table_and_says_where_it_was_seen() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    let mut files: Vec<String> = Vec::new();
    for upstream in fs::read_dir(folder).unwrap() {
        let upstream = upstream.unwrap();
        for file in fs::read_dir(upstream.path()).unwrap() {
            let (folder, file) = (upstream.file_name(), file.unwrap().file_name());
            let name = format!("{}/{}", folder.to_str().unwrap(), file.to_str().unwrap());
            files.push(name.strip_suffix(".json").expect("only JSON").to_owned());
        }
    }
    files.sort();
    let mut names: Vec<_> = fixture::names().collect();
    names.sort_unstable();
    assert_eq!(files, names);

    for name in names {
        let fixture = fixture::get(name);
        assert!(fixture.source.starts_with("https://"), "{name}: {}", fixture.source);
        assert!(!fixture.note.is_empty(), "{name}");
        assert!((200..600).contains(&fixture.status), "{name}");
    }
}

#[test]
fn pictures_are_what_they_say_with_and_without_metadata() {
    let mark = picture::MARK.as_bytes();
    let marks = |bytes: &[u8]| bytes.windows(mark.len()).filter(|part| *part == mark).count();
    for (plain, marked) in [
        (picture::png(32, 18), picture::png_with_metadata(32, 18)),
        (picture::jpeg(32, 18), picture::jpeg_with_metadata(32, 18)),
        (picture::webp(32, 18), picture::webp_with_metadata(32, 18)),
    ] {
        assert_eq!(picture::width_height(&plain), Some((32, 18)));
        assert_eq!(picture::width_height(&marked), Some((32, 18)));
        assert_eq!(marks(&plain), 0);
        assert_eq!(marks(&marked), 2);
    }
    assert_eq!(picture::width_height(b"<html>"), None);
}

#[test]
fn a_picture_that_lacks_its_end_has_no_size() {
    let whole = picture::png(64, 64);
    assert_eq!(picture::width_height(&whole[..whole.len() / 2]), None);
}

#[test]
fn small_sizes_keep_the_ratio() {
    assert_eq!(picture::small(16, 9), (128, 72));
    assert_eq!(picture::small(1820, 1024), (128, 72));
    assert_eq!(picture::small(1, 1), (128, 128));
    assert_eq!(picture::small(9, 21), (55, 128));
    assert_eq!(picture::small(0, 0), (1, 1));
}

#[test]
fn a_server_serves_a_test_without_a_runtime_and_stops_when_dropped() {
    use std::{
        io::{Read as _, Write as _},
        net::TcpStream,
    };

    let upstream = Upstream::start();
    upstream.on("GET", "/a", Reply::json(200, json!("here")));
    let address = upstream.url().trim_start_matches("http://").to_owned();
    let mut stream = TcpStream::connect(&address).unwrap();
    stream.write_all(b"GET /a HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.ends_with("\"here\""), "{answer}");

    let begun = Instant::now();
    drop(upstream);
    assert!(begun.elapsed() < Duration::from_secs(2));
    assert!(TcpStream::connect(&address).is_err());
}
