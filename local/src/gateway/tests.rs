//! The gateway over real HTTP, with functions that answer what they were given.

mod refusals;
mod translation;

use std::{
    net::Ipv4Addr,
    sync::atomic::{AtomicU64, Ordering},
};

use domain::time::Timestamp;
use lambda_runtime::LambdaEvent;
use runtime::Clock;
use serde_json::json;
use tokio::{net::TcpListener, task::JoinSet};

use super::*;
use crate::{
    invoke::{Handler, handlers::event},
    testing::{SMALL, template},
};

/// A gateway that answers.
struct Served {
    url: String,
    gateway: Gateway,
    now: Arc<AtomicU64>,
    decisions: Arc<AtomicU64>,
    _server: JoinSet<()>,
}

/// The payload comes back as the body.
fn echo() -> Handler {
    event(|event: LambdaEvent<Value>| async move { Ok(event.payload) })
}

async fn serve(answer: Handler) -> Served {
    serve_with(SMALL, answer).await
}

async fn serve_with(text: &str, answer: Handler) -> Served {
    let template = template(text, "http://127.0.0.1:1");
    let decisions = Arc::new(AtomicU64::new(0));
    let decide = {
        let decisions = Arc::clone(&decisions);
        event(move |event: LambdaEvent<Value>| {
            decisions.fetch_add(1, Ordering::SeqCst);
            async move {
                match event.payload["identitySource"][0].as_str().unwrap() {
                    "no" => Ok(json!({"isAuthorized": false})),
                    "fail" => anyhow::bail!("on purpose"),
                    "odd" => Ok(json!("yes")),
                    _ => Ok(json!({"isAuthorized": true, "context": {"saw": event.payload}})),
                }
            }
        })
    };
    let now = Arc::new(AtomicU64::new(1_584_039_838_390));
    let clock = {
        let now = Arc::clone(&now);
        Clock::new(move || Timestamp::from_millis(now.load(Ordering::SeqCst)))
    };
    let function = |id: &str| template.functions[id].clone();
    let functions = [
        ("Decide".to_owned(), function("Decide"), decide),
        ("Answer".to_owned(), function("Answer"), answer),
    ];
    let invoker = Invoker::new(functions, clock);
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let gateway = Gateway::new(&template, invoker, address.port(), json!({"url": "here"}));
    let service = gateway.router().into_make_service_with_connect_info::<SocketAddr>();
    let mut server = JoinSet::new();
    server.spawn(async move { axum::serve(listener, service).await.unwrap() });
    Served { url: format!("http://{address}"), gateway, now, decisions, _server: server }
}

fn client() -> reqwest::Client {
    // Fails if another test has installed it already, which is as good.
    rustls::crypto::ring::default_provider().install_default().ok();
    reqwest::Client::builder().timeout(Duration::from_secs(20)).build().unwrap()
}
