use std::net::Ipv4Addr;

use domain::{
    ids::JobId,
    webhook::{DeliveryId, EventId, EventKind, Receiver},
};
use store::DeliveryStatus;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinSet,
    time::Instant,
};

use super::*;

const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_000);
/// What these tests wait for at most.
const SHORT: Duration = Duration::from_millis(400);

#[test]
fn a_receiver_puts_us_off_in_seconds_or_until_a_date() {
    for (status, text, expected) in [
        (429, "120", Some(120)),
        (503, " 7 ", Some(7)),
        (500, "Tue, 14 Nov 2023 22:14:20 GMT", Some(60)),
        (502, "Tue, 14 Nov 2023 22:00:00 GMT", Some(0)),
        (200, "120", None),
        (429, "soon", None),
        (429, "-1", None),
        (429, "1e9", None),
    ] {
        let headers = [(RETRY_AFTER, text.parse().unwrap())].into_iter().collect();
        let asked = put_off(StatusCode::from_u16(status).unwrap(), &headers, NOW);
        assert_eq!(asked, expected.map(Duration::from_secs), "{status} {text}");
    }
    assert_eq!(put_off(StatusCode::TOO_MANY_REQUESTS, &HeaderMap::new(), NOW), None);
}

fn delivery(url: &str) -> Delivery {
    let event = EventId { job: JobId::new(NOW, &[1; 10]), kind: EventKind::Succeeded };
    Delivery {
        id: DeliveryId { event, receiver: Receiver::Order },
        url: url.to_owned().try_into().unwrap(),
        body: "{}".to_owned(),
        status: DeliveryStatus::Due,
        tries: 1,
        earlier: 0,
        attempts: Vec::new(),
        next_at: NOW,
        under_way: Some(NOW),
        created_at: NOW,
    }
}

/// What an attempt at a URL meets, with a guard that lets it through.
async fn send(url: &str) -> Outcome {
    let sender = Sender::behind(Guard::this_machine(), SHORT, SHORT).unwrap();
    let began = Instant::now();
    let answer = sender.send(&delivery(url), NOW, "v1,x").await;
    assert!(began.elapsed() < Duration::from_secs(10), "{url}");
    answer.outcome
}

/// A receiver that does this with every connection.
async fn receiver<F>(
    servers: &mut JoinSet<()>,
    with: impl Fn(TcpStream) -> F + Send + 'static,
) -> String
where
    F: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let url = format!("://{}/hook", listener.local_addr().unwrap());
    servers.spawn(async move {
        let mut connections = JoinSet::new();
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            connections.spawn(with(stream));
        }
    });
    url
}

async fn hear(stream: &mut TcpStream) {
    let mut bytes = [0; 4_096];
    let _read = stream.read(&mut bytes).await;
}

#[tokio::test]
async fn a_receiver_that_is_slow_endless_or_broken_costs_no_more_than_its_time() {
    rustls::crypto::ring::default_provider().install_default().ok();
    let mut servers = JoinSet::new();
    let silent = receiver(&mut servers, async |mut stream| {
        hear(&mut stream).await;
        std::future::pending::<()>().await;
    })
    .await;
    assert_eq!(send(&format!("http{silent}")).await, Outcome::Late);
    let slow = receiver(&mut servers, async |mut stream| {
        hear(&mut stream).await;
        for byte in b"HTTP/1.1 200 OK\r\nx: y".iter().cycle() {
            if stream.write_all(&[*byte]).await.is_err() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    })
    .await;
    assert_eq!(send(&format!("http{slow}")).await, Outcome::Late);
    // Its status counts, and the rest is not read.
    let endless = receiver(&mut servers, async |mut stream| {
        hear(&mut stream).await;
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 10000000000\r\n\r\n").await.unwrap();
        while stream.write_all(&[b'x'; 8_192]).await.is_ok() {}
    })
    .await;
    assert_eq!(send(&format!("http{endless}")).await, Outcome::Status(200));
    let rude = receiver(&mut servers, async |mut stream| hear(&mut stream).await).await;
    assert_eq!(send(&format!("http{rude}")).await, Outcome::Broken);
    // It speaks, but not TLS.
    let plain = receiver(&mut servers, async |mut stream| {
        hear(&mut stream).await;
        stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
    })
    .await;
    let outcome = send(&format!("https{plain}")).await;
    assert!(matches!(outcome, Outcome::Tls | Outcome::Unreachable), "{outcome:?}");
    assert_eq!(send("http://127.0.0.1:1/hook").await, Outcome::Unreachable);
}

/// Nobody is there to be reached: whatever is connected to would be seen.
#[tokio::test]
async fn nothing_is_sent_to_where_the_guard_does_not_let_us() {
    let mut servers = JoinSet::new();
    let canary = receiver(&mut servers, async |_| panic!("somebody was let through")).await;
    let sender = Sender::behind(Guard::public(), SHORT, SHORT).unwrap();
    for url in [
        format!("http{canary}"),
        format!("https{canary}"),
        "https://169.254.169.254/latest/meta-data".to_owned(),
        "https://[::1]/".to_owned(),
        "https://0x7f.1/".to_owned(),
        "https://localhost/".to_owned(),
        "https://metadata.internal/".to_owned(),
    ] {
        let answer = sender.send(&delivery(&url), NOW, "v1,x").await;
        assert_eq!(answer.outcome, Outcome::Refused, "{url}");
    }
}
