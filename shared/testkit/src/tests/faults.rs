//! Each fault does what its name says.

use super::*;

/// A server that answers `GET /a` so, and the URL of that.
fn answering(reply: Reply) -> (Upstream, String) {
    let upstream = Upstream::start();
    upstream.on("GET", "/a", reply);
    upstream.on("POST", "/a", Reply::cut());
    let url = format!("{}/a", upstream.url());
    (upstream, url)
}

fn thousand() -> Reply {
    Reply::bytes(200, "image/png", vec![7; 1000])
}

#[tokio::test]
async fn a_cut_reply_reads_the_request_and_answers_nothing() {
    let (upstream, url) = answering(Reply::cut());

    let failed = client().post(&url).body(vec![1; 100_000]).send().await.unwrap_err();

    assert!(failed.is_request(), "{failed:?}");
    assert!(failed.status().is_none());
    let seen = upstream.seen("POST", "/a");
    assert_eq!(seen.len(), 1, "a client that retries by itself would have been seen twice");
    assert_eq!(seen[0].body.len(), 100_000);
}

#[tokio::test]
async fn a_truncated_reply_has_the_full_length_and_half_of_the_body() {
    let (_upstream, url) = answering(thousand().truncated());

    let mut answer = get(&url).await;
    assert_eq!(answer.content_length(), Some(1000));
    let mut read = 0;
    let failed = loop {
        match answer.chunk().await {
            Ok(Some(chunk)) => read += chunk.len(),
            Ok(None) => panic!("the body ended as if it were whole"),
            Err(error) => break error,
        }
    };

    assert_eq!(read, 500);
    assert!(failed.is_body() || failed.is_decode(), "{failed:?}");
}

#[tokio::test]
async fn a_reply_can_claim_more_than_it_has() {
    let (_upstream, url) = answering(thousand().claiming(1_000_000_000_000));

    let answer = get(&url).await;

    assert_eq!(answer.content_length(), Some(1_000_000_000_000));
    assert!(answer.bytes().await.is_err());
}

#[tokio::test]
async fn a_silent_reply_keeps_the_connection_and_never_comes() {
    let (upstream, url) = answering(Reply::silence());

    let waiting = client().get(&url).timeout(Duration::from_millis(300)).send();

    assert!(waiting.await.unwrap_err().is_timeout());
    assert_eq!(upstream.requests().len(), 1);
}

#[tokio::test]
async fn a_late_reply_comes_late() {
    let (_upstream, url) = answering(thousand().after(Duration::from_millis(200)));
    let begun = Instant::now();

    assert_eq!(get(&url).await.status(), 200);

    assert!(begun.elapsed() >= Duration::from_millis(200));
}

#[tokio::test]
async fn a_dripping_reply_comes_byte_by_byte() {
    let reply = Reply::bytes(200, "text/plain", b"drops".to_vec());
    let (_upstream, url) = answering(reply.drip(Duration::from_millis(50)));
    let begun = Instant::now();

    let mut answer = get(&url).await;
    let mut pieces = Vec::new();
    while let Some(piece) = answer.chunk().await.unwrap() {
        pieces.push(piece);
    }

    assert_eq!(pieces.concat(), b"drops");
    assert_eq!(pieces.len(), 5);
    assert!(begun.elapsed() >= Duration::from_millis(200));
}

#[tokio::test]
async fn an_endless_reply_has_no_length_and_counts_what_is_taken() {
    let (upstream, url) = answering(Reply::endless(1_000_000_000));

    let mut answer = get(&url).await;
    assert_eq!(answer.content_length(), None);
    let mut read = 0;
    while read < 1_000_000 {
        read += answer.chunk().await.unwrap().unwrap().len();
    }
    drop(answer);

    // What waits in buffers counts as taken, and there is not much of it.
    assert!(upstream.streamed() >= 1_000_000);
    assert!(upstream.streamed() < 50_000_000, "{}", upstream.streamed());
}

#[tokio::test]
async fn an_endless_reply_ends_where_it_was_told_to() {
    let (upstream, url) = answering(Reply::endless(1_000_001));

    assert_eq!(get(&url).await.bytes().await.unwrap().len(), 1_000_001);

    assert_eq!(upstream.streamed(), 1_000_001);
}

#[tokio::test]
async fn a_page_is_html_whatever_was_asked_for() {
    let (_upstream, url) = answering(Reply::html(503).header("Retry-After", "7"));

    let answer = get(&url).await;

    assert_eq!(answer.status(), 503);
    assert_eq!(answer.headers()["retry-after"], "7");
    assert_eq!(answer.headers()["content-type"], "text/html; charset=utf-8");
    assert!(answer.text().await.unwrap().starts_with("<html>"));
}

#[tokio::test]
async fn a_picture_can_be_said_to_be_something_else() {
    let (_upstream, url) = answering(Reply::bytes(200, "text/html", picture::png(4, 4)));

    let answer = get(&url).await;

    assert_eq!(answer.headers()["content-type"], "text/html");
    assert_eq!(picture::width_height(&answer.bytes().await.unwrap()), Some((4, 4)));
}
