//! An API that plays a script: what it does with each request that comes, in order.

use std::sync::{Arc, Mutex};

use holdfast_client::{Client, Retries};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

/// What is done with a request.
pub(crate) enum Step {
    /// It is read, and the connection cut.
    Cut,
    /// It is answered, with headers such as `Retry-After: 1`.
    Answer(u16, &'static str, Value),
    /// The answer breaks off in the middle of its body.
    Half,
    /// It is answered with these bytes.
    Bytes(Vec<u8>),
}

/// A request that came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    /// `POST /v1/images/generations`
    pub(crate) line: String,
    /// In lower case.
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

/// The API.
pub(crate) struct Script {
    pub(crate) url: String,
    seen: Arc<Mutex<Vec<Seen>>>,
    playing: JoinHandle<()>,
}

impl Script {
    #[expect(clippy::disallowed_methods, reason = "it is joined when the script has ended")]
    pub(crate) async fn play(steps: Vec<Step>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let seen = Arc::new(Mutex::new(Vec::new()));
        let noted = Arc::clone(&seen);
        let playing = tokio::spawn(async move {
            for step in steps {
                let (mut connection, _) = listener.accept().await.unwrap();
                let request = read(&mut connection).await;
                noted.lock().unwrap().push(request);
                answer(connection, step).await;
            }
        });
        Self { url, seen, playing }
    }

    /// A client that does not wait for long.
    pub(crate) fn client(&self) -> Client {
        let brisk = std::time::Duration::from_millis(20);
        let retries = Retries {
            attempts: 4,
            first_pause: brisk / 2,
            longest_pause: std::time::Duration::from_secs(2),
        };
        Client::new(&self.url, "hf_test_0123456789ab_secret").unwrap().with_retries(retries)
    }

    /// All requests, once all steps are done.
    pub(crate) async fn end(self) -> Vec<Seen> {
        self.playing.await.unwrap();
        self.seen.lock().unwrap().clone()
    }
}

async fn read(connection: &mut TcpStream) -> Seen {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, _)) = text.split_once("\r\n\r\n") {
            let head = head.to_ascii_lowercase();
            let length = head
                .split("content-length: ")
                .nth(1)
                .map_or(0, |rest| rest.lines().next().unwrap().parse::<usize>().unwrap());
            let begin = head.len() + 4;
            if bytes.len() >= begin + length {
                let line = text.lines().next().unwrap().trim_end_matches(" HTTP/1.1").to_owned();
                return Seen { line, head, body: bytes[begin..].to_vec() };
            }
        }
        let mut chunk = [0; 4_096];
        let count = connection.read(&mut chunk).await.unwrap();
        assert!(count > 0, "the request breaks off: {text}");
        bytes.extend_from_slice(&chunk[..count]);
    }
}

async fn answer(mut connection: TcpStream, step: Step) {
    let whole = |status: u16, headers: &str, length: usize| {
        format!(
            "HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\
             Connection: close\r\n{headers}\r\n"
        )
    };
    let bytes = match step {
        Step::Cut => return,
        Step::Answer(status, headers, body) => {
            let body = body.to_string();
            let headers = if headers.is_empty() { String::new() } else { format!("{headers}\r\n") };
            (whole(status, &headers, body.len()) + &body).into_bytes()
        }
        Step::Half => (whole(202, "", 1_000) + r#"{"id":"#).into_bytes(),
        Step::Bytes(body) => [whole(200, "", body.len()).into_bytes(), body].concat(),
    };
    connection.write_all(&bytes).await.unwrap();
    connection.shutdown().await.unwrap();
}

/// A job as the API tells of it.
pub(crate) fn job(status: &str) -> Value {
    json!({
        "id": "019dc414-f17b-7101-8101-010101010101",
        "object": "image.job",
        "status": status,
        "model": "recraft-v3",
        "created_at": "2026-04-25T10:00:00.123Z",
        "completed_at": null,
        "output": null,
        "error": null,
        "estimated_cost": 0.054,
        "charged_amount": null,
        "n": 1,
        "size": "1:1",
        "expires_at": "2026-04-25T10:30:00.123Z",
        "metadata": {},
        "something_new": true,
    })
}

/// A refusal.
pub(crate) fn refusal(code: &str) -> Value {
    json!({ "error": { "message": "no", "type": "api_error", "code": code, "request_id": "req-1" } })
}
