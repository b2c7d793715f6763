//! A receiver of webhooks on this machine, which answers by a script and then well.

use std::{
    collections::VecDeque,
    net::Ipv4Addr,
    sync::{Arc, Mutex},
};

use axum::{Router, extract::State, http::StatusCode, response::Response};
use reqwest::header::HeaderMap;
use tokio::{net::TcpListener, task::JoinSet};

/// What it was told.
#[derive(Clone, Debug)]
pub(crate) struct Told {
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

/// What it answers.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    status: u16,
    headers: Vec<(&'static str, String)>,
}

impl Reply {
    pub(crate) fn status(status: u16) -> Reply {
        Reply { status, headers: Vec::new() }
    }

    pub(crate) fn with(mut self, name: &'static str, value: &str) -> Reply {
        self.headers.push((name, value.to_owned()));
        self
    }
}

#[derive(Clone)]
struct Desk {
    told: Arc<Mutex<Vec<Told>>>,
    replies: Arc<Mutex<VecDeque<Reply>>>,
}

/// The receiver. It ends when it is dropped.
pub(crate) struct Receiver {
    pub(crate) url: String,
    desk: Desk,
    _server: JoinSet<()>,
}

impl Receiver {
    pub(crate) async fn start(replies: impl IntoIterator<Item = Reply>) -> Receiver {
        let replies = Arc::new(Mutex::new(replies.into_iter().collect()));
        let desk = Desk { told: Arc::default(), replies };
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let url = format!("http://{}/hook?token=hush", listener.local_addr().unwrap());
        let router = Router::new().fallback(take).with_state(desk.clone());
        let mut server = JoinSet::new();
        server.spawn(async move { axum::serve(listener, router).await.unwrap() });
        Receiver { url, desk, _server: server }
    }

    /// All that it was told.
    pub(crate) fn told(&self) -> Vec<Told> {
        self.desk.told.lock().unwrap().clone()
    }
}

async fn take(State(desk): State<Desk>, headers: HeaderMap, body: String) -> Response<String> {
    desk.told.lock().unwrap().push(Told { headers, body });
    let reply = desk.replies.lock().unwrap().pop_front();
    let Reply { status, headers } = reply.unwrap_or_else(|| Reply::status(204));
    let mut answer = Response::new(String::new());
    *answer.status_mut() = StatusCode::from_u16(status).unwrap();
    for (name, value) in headers {
        answer.headers_mut().insert(name, value.parse().unwrap());
    }
    answer
}
