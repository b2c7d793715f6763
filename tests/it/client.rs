//! The client against the product, on a way where requests and answers are lost.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use holdfast_client::{Cancellation, Client, Order, Retries, Status, Waited};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

use crate::world::{Caller, World, usd};

/// What becomes of the requests on a way.
#[derive(Clone, Copy)]
enum Fate {
    /// The request is lost.
    Request,
    /// The request arrives; its answer is lost.
    Answer,
    /// Both arrive.
    None,
}

/// A way to the API that loses what it is told to, request by request; then it loses nothing. Returns where it
/// begins, and how many requests have come.
#[expect(clippy::disallowed_methods, reason = "it ends with the runtime of its test")]
async fn way(to: &str, fates: &'static [Fate]) -> (String, Arc<AtomicUsize>) {
    let to = to.strip_prefix("http://").unwrap().to_owned();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let count = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&count);
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let number = counted.fetch_add(1, Ordering::SeqCst);
            let fate = fates.get(number).copied().unwrap_or(Fate::None);
            carry(client, &to, fate).await;
        }
    });
    (url, count)
}

/// Carries one request, and closes the connection.
async fn carry(mut client: TcpStream, to: &str, fate: Fate) {
    let request = read(&mut client).await;
    if matches!(fate, Fate::Request) {
        return;
    }
    let mut api = TcpStream::connect(to).await.unwrap();
    let head = request.windows(4).position(|window| window == b"\r\n\r\n").unwrap();
    api.write_all(&request[..head]).await.unwrap();
    api.write_all(b"\r\nConnection: close").await.unwrap();
    api.write_all(&request[head..]).await.unwrap();
    let mut answer = Vec::new();
    api.read_to_end(&mut answer).await.unwrap();
    assert!(answer.starts_with(b"HTTP/1.1 "));
    if matches!(fate, Fate::None) {
        client.write_all(&answer).await.unwrap();
        client.shutdown().await.unwrap();
    }
}

async fn read(client: &mut TcpStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes).to_ascii_lowercase();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.split("content-length: ").nth(1);
            let length = length.and_then(|rest| rest.lines().next()?.parse().ok()).unwrap_or(0);
            if body.len() >= length {
                return bytes;
            }
        }
        let mut chunk = [0; 4_096];
        let count = client.read(&mut chunk).await.unwrap();
        assert!(count > 0);
        bytes.extend_from_slice(&chunk[..count]);
    }
}

fn client(url: &str, caller: &Caller) -> Client {
    let brisk = Duration::from_millis(50);
    let retries = Retries { attempts: 6, first_pause: brisk, longest_pause: brisk * 4 };
    Client::new(url, caller.key.reveal()).unwrap().with_retries(retries)
}

#[tokio::test]
async fn an_order_that_is_sent_until_it_is_answered_is_one_job_and_one_charge() {
    let world = World::start().await;
    let anna = world.user("anna", "1").await;
    let (url, count) = way(world.stack().url(), &[Fate::Request, Fate::Answer, Fate::Answer]).await;
    let client = client(&url, &anna);
    let order = Order::new("recraft-v3", "a cat").n(2).metadata("invoice", "17").prepare().unwrap();
    let direct = self::client(world.stack().url(), &anna);
    let quote = direct.quote(&order).await.unwrap();
    assert_eq!((quote.estimated_cost.to_string().as_str(), quote.acceptable), ("0.108", true));
    let placed = client.submit(&order).await.unwrap();
    assert!(placed.replayed, "the second attempt was accepted");
    assert_eq!(count.load(Ordering::SeqCst), 4);

    let waited = client.wait(placed.job.clone(), Duration::from_secs(30)).await.unwrap();
    let Waited::Ended(job) = waited else { panic!("{waited:?}") };
    assert_eq!((job.id.as_str(), job.status), (placed.job.id.as_str(), Status::Succeeded));
    assert_eq!(job.charged_amount.unwrap().to_string(), "0.108");
    let images = &job.output.as_ref().unwrap().images;
    assert_eq!(images.len(), 2);
    for image in images {
        let bytes = client.download(image, 64 << 20).await.unwrap();
        assert!(bytes.starts_with(b"\x89PNG"));
    }
    let again = client.submit(&order).await.unwrap();
    assert!(again.replayed && again.job.id == job.id);

    let jobs = client.jobs(None).limit(1).all().await.unwrap();
    assert_eq!(jobs.len(), 1);
    let balance = client.balance().await.unwrap();
    assert_eq!((balance.charged.to_string().as_str(), balance.held.micros()), ("0.108", 0));
    let transactions = client.transactions().limit(2).all().await.unwrap();
    let kinds: Vec<&str> = transactions.iter().map(|row| row.kind.as_str()).collect();
    assert_eq!(kinds, ["usage", "hold", "credit"]);
    let sum: i64 = transactions.iter().map(|row| row.changes.available.micros()).sum();
    assert_eq!(sum, balance.available.micros());
    assert_eq!(client.limits().await.unwrap().image_queue_used, 0);
    assert_eq!(anna.balance().await.available, usd("0.892"));
    world.finish().await;
}

#[tokio::test]
async fn a_cancel_whose_answer_is_lost_is_still_a_cancel() {
    let world = World::start().await;
    let anna = world.user("anna", "1").await;
    world.stack().pause_queue();
    let (url, _) = way(world.stack().url(), &[Fate::None, Fate::Answer, Fate::None]).await;
    let client = client(&url, &anna);
    let order = Order::new("recraft-v3", "a cat").prepare().unwrap();
    let placed = client.submit(&order).await.unwrap();
    let told = client.cancel(&placed.job.id).await.unwrap();
    let Cancellation::Canceled(job) = told else { panic!("{told:?}") };
    assert_eq!(job.status, Status::Refunded);
    assert_eq!(client.balance().await.unwrap().available.to_string(), "1");
    world.stack().resume_queue();
    world.finish().await;
}
