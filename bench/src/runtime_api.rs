//! The Runtime API that Lambda gives to one process, with a clock on it: when the process asks for an event and
//! when it has answered is known to the microsecond. What the tests use looks every 50 ms.

use std::{
    net::Ipv4Addr,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail};
use axum::{
    Router,
    body::Bytes,
    extract::{Path, State},
    http::{HeaderName, StatusCode},
    routing::{get, post},
};
use runtime::Clock;
use serde_json::Value;
use tokio::{
    net::TcpListener,
    sync::{Mutex, mpsc, oneshot},
    task::JoinSet,
    time::timeout,
};

/// The longest that is waited for a process. A throttled interpreter takes most of it.
const PATIENCE: Duration = Duration::from_mins(2);

/// The API of one process; dropping it hangs up.
#[derive(Debug)]
pub(crate) struct RuntimeApi {
    address: String,
    asked: mpsc::UnboundedReceiver<Instant>,
    events: mpsc::UnboundedSender<Event>,
    answers: mpsc::UnboundedReceiver<(Instant, Answer)>,
    _server: JoinSet<()>,
}

/// What a process said at the end of an invocation.
#[derive(Debug)]
enum Answer {
    Done(Bytes),
    Failed(Bytes),
}

#[derive(Debug)]
struct Event {
    body: String,
    time: Duration,
    /// Told when the event leaves.
    left: oneshot::Sender<Instant>,
}

#[derive(Debug)]
struct Desk {
    asked: mpsc::UnboundedSender<Instant>,
    events: Mutex<mpsc::UnboundedReceiver<Event>>,
    answers: mpsc::UnboundedSender<(Instant, Answer)>,
}

impl RuntimeApi {
    /// Listens on a port that the kernel chooses.
    pub(crate) async fn start() -> anyhow::Result<RuntimeApi> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?.to_string();
        let (asks, asked) = mpsc::unbounded_channel();
        let (events, next) = mpsc::unbounded_channel();
        let (answered, answers) = mpsc::unbounded_channel();
        let desk = Desk { asked: asks, events: Mutex::new(next), answers: answered };
        let routes = Router::new()
            .route("/2018-06-01/runtime/invocation/next", get(hand_out))
            .route("/2018-06-01/runtime/invocation/{id}/{end}", post(take_in))
            .route("/2018-06-01/runtime/init/error", post(take_failure))
            .with_state(Arc::new(desk));
        let mut server = JoinSet::new();
        server.spawn(async move {
            use axum::serve::ListenerExt as _;
            // Otherwise the end of an event waits for the acknowledgement of its beginning.
            let listener = listener.tap_io(|stream| drop(stream.set_nodelay(true)));
            drop(axum::serve(listener, routes).await);
        });
        Ok(RuntimeApi { address, asked, events, answers, _server: server })
    }

    /// What `AWS_LAMBDA_RUNTIME_API` says.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// When the process asked for its next event.
    pub(crate) async fn asked(&mut self) -> anyhow::Result<Instant> {
        let asked = timeout(PATIENCE, async {
            tokio::select! {
                asked = self.asked.recv() => Ok(asked),
                answer = self.answers.recv() => Err(answer),
            }
        });
        match asked.await.context("it asked for no event in time")? {
            Ok(asked) => asked.context("the server has ended"),
            Err(answer) => bail!("it failed before it asked: {answer:?}"),
        }
    }

    /// One invocation, of a process that has asked: how long it took, and the answer.
    pub(crate) async fn invoke(
        &mut self,
        event: &Value,
        time: Duration,
    ) -> anyhow::Result<(Duration, Value)> {
        let (left, leaves) = oneshot::channel();
        self.events.send(Event { body: event.to_string(), time, left })?;
        let (begun, answer) =
            timeout(PATIENCE, async { (leaves.await, self.answers.recv().await) })
                .await
                .context("it did not answer in time")?;
        let (ended, answer) = answer.context("the server has ended")?;
        match answer {
            Answer::Done(body) => {
                Ok((ended.duration_since(begun?), serde_json::from_slice(&body)?))
            }
            Answer::Failed(why) => bail!("it failed: {}", String::from_utf8_lossy(&why)),
        }
    }
}

async fn hand_out(
    State(desk): State<Arc<Desk>>,
) -> Result<([(HeaderName, String); 4], String), StatusCode> {
    desk.asked.send(Instant::now()).map_err(|_| StatusCode::GONE)?;
    let event = desk.events.lock().await.recv().await.ok_or(StatusCode::GONE)?;
    let deadline = Clock::system().now().plus(event.time);
    let id = "8476a536-e9f4-11e8-9739-2dfe598c3fcd";
    let arn = "arn:aws:lambda:us-east-1:000000000000:function:bench";
    let headers = [
        ("lambda-runtime-aws-request-id", id.to_owned()),
        ("lambda-runtime-deadline-ms", deadline.millis().to_string()),
        ("lambda-runtime-invoked-function-arn", arn.to_owned()),
        ("content-type", "application/json".to_owned()),
    ];
    // Nobody listens if the invocation was given up.
    event.left.send(Instant::now()).map_err(|_| StatusCode::GONE)?;
    Ok((headers.map(|(name, value)| (HeaderName::from_static(name), value)), event.body))
}

async fn take_in(
    State(desk): State<Arc<Desk>>,
    Path((_, end)): Path<(String, String)>,
    body: Bytes,
) -> StatusCode {
    let answer = if end == "response" { Answer::Done(body) } else { Answer::Failed(body) };
    told(desk.answers.send((Instant::now(), answer)).is_ok())
}

async fn take_failure(State(desk): State<Arc<Desk>>, body: Bytes) -> StatusCode {
    told(desk.answers.send((Instant::now(), Answer::Failed(body))).is_ok())
}

fn told(somebody: bool) -> StatusCode {
    if somebody { StatusCode::ACCEPTED } else { StatusCode::GONE }
}
