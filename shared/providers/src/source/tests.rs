mod edits;
mod server;

use std::{error::Error, fmt::Write, future::ready, net::IpAddr};

use outbound::{Refused, guard::is_public};
use rustls::RootCertStore;
use server::{NAME, Say, Server};
use testkit::picture::png;

use super::*;

/// What no error may tell.
const SECRETS: [&str; 5] = ["pictures", "example", "127.0.0.1", "hidden", "t0ken"];

const LIMITS: Limits = Limits {
    connect: Duration::from_secs(5),
    attempt: Duration::from_secs(30),
    total: Duration::from_mins(1),
    pauses: &[Duration::from_millis(1), Duration::from_millis(2)],
    bytes_max: 10 * 1_024 * 1_024,
};

fn url(text: &str) -> ImageUrl {
    text.to_owned().try_into().unwrap()
}

/// A URL of a server, full of what is not to be told.
fn url_of(server: &Server) -> ImageUrl {
    url(&format!("https://{NAME}:{}/hidden/a.png?signature=t0ken", server.port))
}

fn answer(status: &str, headers: &str, body: &[u8]) -> Say {
    let head = format!("HTTP/1.1 {status}\r\nconnection: close\r\n{headers}\r\n");
    Say::Bytes([head.as_bytes(), body].concat())
}

fn ok(body: &[u8]) -> Say {
    answer("200 OK", &format!("content-length: {}\r\n", body.len()), body)
}

/// Sources that reach a server on this machine, and every name leads there.
fn sources_of(server: &Server, limits: Limits) -> Sources {
    let lookup = |_| ready(Ok(vec![Server::address()]));
    let guard = Guard::new(lookup, |address| address.is_loopback(), server.roots());
    Sources::new(guard, limits).unwrap()
}

/// Sources that reach public addresses only, and every name has these.
fn guarded(server: &Server, found: &'static [&'static str]) -> Sources {
    let parse = |text: &&str| text.parse::<IpAddr>().unwrap();
    let lookup = move |_| ready(Ok(found.iter().map(parse).collect()));
    Sources::new(Guard::new(lookup, is_public, server.roots()), LIMITS).unwrap()
}

async fn fetch(server: &Server) -> Result<SourcePicture, SourceError> {
    sources_of(server, LIMITS).fetch(&url_of(server)).await
}

fn failed(error: &SourceError) -> &Failed {
    let SourceError::Unreachable(source) = error else { panic!("{error:?}") };
    source.downcast_ref().unwrap()
}

fn trouble(error: &SourceError) -> &Trouble {
    let Failed::OnTheWay(trouble) = failed(error) else { panic!("{error:?}") };
    trouble
}

/// Everything that an error and its causes say, to people and to developers.
fn told(error: &SourceError) -> String {
    let mut told = format!("{error:?}");
    let mut next: Option<&dyn Error> = Some(error);
    while let Some(error) = next {
        write!(told, " {error} {error:?}").unwrap();
        next = error.source();
    }
    told
}

fn assert_tells_nothing(error: &SourceError) {
    let told = told(error);
    for secret in SECRETS {
        assert!(!told.contains(secret), "{secret} in {told}");
    }
}

#[tokio::test]
async fn a_picture_is_fetched_as_it_is() {
    let bytes = png(4, 3);
    let server = Server::start([ok(&bytes)]).await;
    let picture = fetch(&server).await.unwrap();
    assert_eq!((picture.bytes(), picture.content_type()), (bytes.as_slice(), "image/png"));
    assert_eq!(BASE64.decode(picture.to_base64()).unwrap(), bytes);
    assert_eq!(picture.to_data_uri(), format!("data:image/png;base64,{}", picture.to_base64()));
    assert_eq!(format!("{picture:?}"), format!("SourcePicture({} bytes image/png)", bytes.len()));
}

#[tokio::test]
async fn a_request_says_who_asks_and_nothing_else() {
    let server = Server::start([
        answer("503 Service Unavailable", "set-cookie: a=b\r\ncontent-length: 0\r\n", b""),
        ok(&png(4, 3)),
    ])
    .await;
    fetch(&server).await.unwrap();
    let requests = server.requests();
    assert_eq!(requests.len(), 2);
    for request in requests {
        let mut lines: Vec<_> = request.lines().filter(|line| !line.is_empty()).collect();
        lines[1..].sort_unstable();
        let host = format!("host: {NAME}:{}", server.port);
        let agent = concat!("user-agent: holdfast/", env!("CARGO_PKG_VERSION"));
        let first = "GET /hidden/a.png?signature=t0ken HTTP/1.1";
        assert_eq!(lines, [first, "accept: */*", &host, agent]);
    }
}

#[tokio::test]
async fn a_picture_of_unknown_length_is_fetched_too() {
    let bytes = png(4, 3);
    let server = Server::start([answer("200 OK", "content-type: text/html\r\n", &bytes)]).await;
    assert_eq!(fetch(&server).await.unwrap().bytes(), bytes);
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    for status in ["301 Moved", "302 Found", "303 See Other", "307 Temporary", "308 Permanent"] {
        let canary = Server::start([ok(&png(4, 3))]).await;
        let there = format!("location: https://{NAME}:{}/\r\n", canary.port);
        let server = Server::start([answer(status, &there, b"")]).await;
        let error = fetch(&server).await.unwrap_err();
        assert!(matches!(failed(&error), Failed::Status(status) if status.is_redirection()));
        assert_eq!((server.connections(), canary.connections()), (1, 0), "{status}");
        assert_tells_nothing(&error);
    }
}

#[tokio::test]
async fn what_says_that_it_is_too_large_is_not_read() {
    let length = format!("content-length: {}\r\n", LIMITS.bytes_max + 1);
    let Say::Bytes(head) = answer("200 OK", &length, &png(4, 3)) else { panic!("bytes") };
    let pause = Duration::from_millis(1);
    let server = Server::start([Say::Drip([head, vec![0; 100_000]].concat(), pause)]).await;
    let error = fetch(&server).await.unwrap_err();
    assert!(matches!(error, SourceError::NotAPicture(_)), "{error:?}");
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn what_is_too_large_is_refused_whatever_it_says() {
    let mut large = png(4, 3);
    large.resize(11 * 1_024 * 1_024, 0);
    for say in [ok(&large), answer("200 OK", "", &large)] {
        let server = Server::start([say]).await;
        let error = fetch(&server).await.unwrap_err();
        assert!(matches!(error, SourceError::NotAPicture(_)), "{error:?}");
        assert_eq!(server.connections(), 1);
    }
}

#[tokio::test]
async fn a_picture_may_be_as_large_as_the_limit() {
    let bytes = png(4, 3);
    let server = Server::start([answer("200 OK", "", &bytes)]).await;
    let fits = Limits { bytes_max: bytes.len(), ..LIMITS };
    assert!(sources_of(&server, fits).fetch(&url_of(&server)).await.is_ok());
    let tight = Limits { bytes_max: bytes.len() - 1, ..LIMITS };
    let error = sources_of(&server, tight).fetch(&url_of(&server)).await.unwrap_err();
    assert!(matches!(error, SourceError::NotAPicture(_)), "{error:?}");
}

#[tokio::test]
async fn a_body_without_end_is_refused() {
    let chunk = [b"10000\r\n".as_slice(), &vec![0; 0x10000], b"\r\n"].concat();
    for (headers, body) in [("", vec![0; 0x10000]), ("transfer-encoding: chunked\r\n", chunk)] {
        let Say::Bytes(head) = answer("200 OK", headers, b"") else { panic!("bytes") };
        let server = Server::start([Say::Endless(head, body)]).await;
        let error = fetch(&server).await.unwrap_err();
        assert!(matches!(error, SourceError::NotAPicture(_)), "{error:?}");
        assert_eq!(server.connections(), 1);
    }
}

#[tokio::test]
async fn what_is_no_picture_is_refused_whatever_it_says() {
    for body in [
        b"".as_slice(),
        b"<!doctype html><title>hello</title>",
        b"<svg xmlns='http://www.w3.org/2000/svg' width='1' height='1'/>",
        b"GIF89a\x01\0\x01\0\0\0\0",
        &png(4, 3)[..20],
        &png(8_193, 1),
    ] {
        let length = format!("content-type: image/png\r\ncontent-length: {}\r\n", body.len());
        let server = Server::start([answer("200 OK", &length, body)]).await;
        let error = fetch(&server).await.unwrap_err();
        assert!(matches!(error, SourceError::NotAPicture(_)), "{error:?}");
        assert_eq!(server.connections(), 1);
        assert_tells_nothing(&error);
    }
}

#[tokio::test]
async fn what_is_packed_is_not_unpacked() {
    let server = Server::start([answer("200 OK", "content-encoding: gzip\r\n", b"\x1f\x8b")]).await;
    let error = fetch(&server).await.unwrap_err();
    assert!(matches!(error, SourceError::NotAPicture(_)), "{error:?}");
}

#[tokio::test]
async fn what_may_pass_is_tried_again() {
    let bytes = png(4, 3);
    let cut = answer("200 OK", &format!("content-length: {}\r\n", bytes.len()), &bytes[..50]);
    for first in [
        answer("503 Service Unavailable", "content-length: 0\r\n", b""),
        answer("500 Internal Server Error", "content-length: 0\r\n", b""),
        answer("429 Too Many Requests", "content-length: 0\r\n", b""),
        Say::Bytes(Vec::new()),
        cut,
    ] {
        let server = Server::start([first.clone(), first, ok(&bytes)]).await;
        assert_eq!(fetch(&server).await.unwrap().bytes(), bytes);
        assert_eq!(server.connections(), 3);
    }
}

#[tokio::test]
async fn it_is_not_tried_for_ever() {
    let bytes = png(4, 3);
    let cut = answer("200 OK", &format!("content-length: {}\r\n", bytes.len()), &bytes[..50]);
    let server = Server::start([cut]).await;
    let error = fetch(&server).await.unwrap_err();
    assert!(matches!(trouble(&error), Trouble::Broken(_)), "{error:?}");
    assert_eq!(server.connections(), 3);
    assert_tells_nothing(&error);
}

#[tokio::test]
async fn what_does_not_pass_is_not_tried_again() {
    for status in ["400 Bad Request", "401 Unauthorized", "403 Forbidden", "404 Not Found"] {
        let server = Server::start([answer(status, "content-length: 0\r\n", b"")]).await;
        let error = fetch(&server).await.unwrap_err();
        assert!(matches!(failed(&error), Failed::Status(_)), "{error:?}");
        assert_eq!(server.connections(), 1);
        assert_tells_nothing(&error);
    }
}

#[tokio::test]
async fn an_answer_that_drips_is_not_waited_for() {
    let Say::Bytes(bytes) = ok(&png(400, 300)) else { panic!("bytes") };
    let limits = Limits { attempt: Duration::from_millis(300), pauses: &[], ..LIMITS };
    let server = Server::start([Say::Drip(bytes, Duration::from_millis(10))]).await;
    let error = sources_of(&server, limits).fetch(&url_of(&server)).await.unwrap_err();
    assert!(matches!(trouble(&error), Trouble::Late), "{error:?}");
    assert_tells_nothing(&error);
}

#[tokio::test]
async fn a_server_that_is_not_trusted_is_not_asked() {
    let server = Server::start([ok(&png(4, 3))]).await;
    let lookup = |_| ready(Ok(vec![Server::address()]));
    let other = Server::start([ok(&png(4, 3))]).await;
    for (roots, host) in [(other.roots(), NAME), (server.roots(), "hidden.example")] {
        let guard = Guard::new(lookup, |address| address.is_loopback(), roots);
        let sources = Sources::new(guard, LIMITS).unwrap();
        let url = url(&format!("https://{host}:{}/hidden?t0ken", server.port));
        let error = sources.fetch(&url).await.unwrap_err();
        assert!(matches!(trouble(&error), Trouble::Tls(_)), "{error:?}");
        assert_tells_nothing(&error);
    }
    assert_eq!((server.connections(), server.requests().len()), (2, 0));
}

#[tokio::test]
async fn a_host_that_is_down_is_tried_again_and_tells_nothing() {
    let server = Server::start([ok(b"")]).await;
    let sources = sources_of(&server, LIMITS);
    let port = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let url = url(&format!("https://{NAME}:{}/hidden?t0ken", port.port()));
    let error = sources.fetch(&url).await.unwrap_err();
    assert!(matches!(trouble(&error), Trouble::Connection(_)), "{error:?}");
    assert_tells_nothing(&error);
}

#[tokio::test]
async fn a_name_that_leads_inside_is_not_connected_to() {
    const FOUND: [&[&str]; 5] = [
        &["127.0.0.1"],
        &["10.0.0.1"],
        &["1.1.1.1", "127.0.0.1"],
        &["127.0.0.1", "1.1.1.1"],
        &["::ffff:127.0.0.1"],
    ];
    for found in FOUND {
        let canary = Server::start([ok(&png(4, 3))]).await;
        let error = guarded(&canary, found).fetch(&url_of(&canary)).await.unwrap_err();
        let refused = matches!(trouble(&error), Trouble::Refused(Refused::Address));
        assert!(refused, "{found:?}: {error:?}");
        assert_eq!(canary.connections(), 0, "{found:?}");
        assert_tells_nothing(&error);
    }
}

#[tokio::test]
async fn a_name_without_an_address_is_not_connected_to() {
    let canary = Server::start([ok(&png(4, 3))]).await;
    let error = guarded(&canary, &[]).fetch(&url_of(&canary)).await.unwrap_err();
    assert!(matches!(trouble(&error), Trouble::Refused(Refused::Name(_))), "{error:?}");
    assert_eq!(canary.connections(), 0);
    assert_tells_nothing(&error);
}

#[tokio::test]
async fn a_name_that_leads_elsewhere_the_second_time_is_not_connected_to() {
    let server = Server::start([answer("503 Busy", "content-length: 0\r\n", b"")]).await;
    let asked = std::sync::atomic::AtomicUsize::new(0);
    let lookup = move |_| {
        let again = asked.fetch_add(1, std::sync::atomic::Ordering::SeqCst) > 0;
        let address = if again { "169.254.169.254".parse().unwrap() } else { Server::address() };
        ready(Ok(vec![address]))
    };
    let guard = Guard::new(lookup, |address| address.is_loopback(), server.roots());
    let sources = Sources::new(guard, LIMITS).unwrap();
    let error = sources.fetch(&url_of(&server)).await.unwrap_err();
    assert!(matches!(trouble(&error), Trouble::Refused(Refused::Address)), "{error:?}");
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn an_address_that_leads_inside_is_not_connected_to() {
    let canary = Server::start([ok(&png(4, 3))]).await;
    let sources = guarded(&canary, &["127.0.0.1"]);
    for host in [
        "127.0.0.1",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "169.254.169.254",
        "2130706433",
        "0x7f.1",
        "127.1",
        "localhost",
        "localhost.",
        "a.internal",
    ] {
        let url = url(&format!("https://{host}:{}/hidden?t0ken", canary.port));
        let error = sources.fetch(&url).await.unwrap_err();
        let refused = matches!(trouble(&error), Trouble::Refused(Refused::Address | Refused::Url));
        assert!(refused, "{host}: {error:?}");
        assert_tells_nothing(&error);
    }
    assert_eq!(canary.connections(), 0);
}

#[tokio::test]
async fn a_refused_address_and_a_dead_host_look_alike() {
    let canary = Server::start([ok(b"")]).await;
    let refused = guarded(&canary, &["10.0.0.1"]).fetch(&url_of(&canary)).await.unwrap_err();
    let dead = guarded(&canary, &[]).fetch(&url_of(&canary)).await.unwrap_err();
    assert_eq!(refused.to_string(), dead.to_string());
}

#[test]
fn the_sources_of_everything_that_runs_can_be_set_up() {
    let sources = Sources::public().unwrap();
    assert!(format!("{sources:?}").starts_with("Sources"));
    assert!(Sources::new(Guard::public(), LIMITS).is_ok());
    let nobody = RootCertStore::empty();
    assert!(Guard::new(|_| ready(Ok(Vec::new())), is_public, nobody).client().is_ok());
}
