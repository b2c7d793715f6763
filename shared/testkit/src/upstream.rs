//! The server: what it was asked, and what it is to answer.

use std::{
    collections::{BTreeMap, VecDeque},
    fmt,
    net::{Ipv4Addr, TcpListener},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    thread::{self, JoinHandle},
    time::Instant,
};

use serde_json::Value;
use tokio::sync::watch;

use crate::{
    gallery::Gallery,
    reply::{Reply, Script},
    server,
};

/// A request that was read to its end.
#[derive(Clone, Debug)]
pub struct Seen {
    /// The method, in capitals.
    pub method: String,
    /// The path, as it was sent.
    pub path: String,
    /// What follows the question mark, as it was sent; empty if nothing does.
    pub query: String,
    /// The headers, with names in lower case; of several of one name, the last.
    pub headers: BTreeMap<String, String>,
    /// The body.
    pub body: Vec<u8>,
    /// When it had been read.
    pub at: Instant,
}

impl Seen {
    /// The body as JSON. Panics if it is not.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| {
            panic!("the body of {} {} is not JSON: {error}", self.method, self.path)
        })
    }

    /// A header, by its name in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }

    /// A parameter of the query, decoded.
    pub fn parameter(&self, name: &str) -> Option<String> {
        self.query.split('&').find_map(|pair| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            let decoded = percent_encoding::percent_decode_str(value).decode_utf8_lossy();
            (key == name).then(|| decoded.into_owned())
        })
    }
}

/// What is answered to a kind of requests.
#[derive(Debug)]
struct Route {
    method: String,
    pattern: String,
    /// Answered once each, before anything else.
    first: VecDeque<Reply>,
    /// Answered in order, the last for ever. Empty if nothing but `first` was registered.
    then: VecDeque<Reply>,
}

impl Route {
    fn fits(&self, method: &str, path: &str) -> bool {
        self.method.eq_ignore_ascii_case(method) && matches(&self.pattern, path)
    }
}

/// Whether a path has a pattern. A star at the end stands for anything, one before it for anything
/// within a segment.
pub(crate) fn matches(pattern: &str, path: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == path,
        Some((head, "")) => path.starts_with(head),
        Some((head, tail)) => path.strip_prefix(head).is_some_and(|rest| {
            let segment = rest.find('/').unwrap_or(rest.len());
            (0..=segment).filter_map(|end| rest.get(end..)).any(|rest| matches(tail, rest))
        }),
    }
}

/// What the server shares with the test.
#[derive(Debug, Default)]
pub(crate) struct State {
    pub(crate) base: String,
    routes: Mutex<Vec<Route>>,
    seen: Mutex<Vec<Seen>>,
    unexpected: Mutex<Vec<Seen>>,
    pub(crate) violations: Arc<Mutex<Vec<String>>>,
    pub(crate) gallery: Arc<Gallery>,
    pub(crate) streamed: Arc<AtomicU64>,
}

/// What a test left behind when it panicked is still what happened.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl State {
    /// Writes a request down and says what is answered to it.
    pub(crate) fn answer(&self, seen: &Seen) -> Reply {
        lock(&self.seen).push(seen.clone());
        let reply = self
            .next(seen)
            .or_else(|| (seen.method == "GET").then(|| self.gallery.answer(&seen.path)).flatten());
        let reply = reply.unwrap_or_else(|| {
            lock(&self.unexpected).push(seen.clone());
            Reply::unexpected(seen)
        });
        // No lock is held here: a closure may register something itself.
        reply.resolved(seen, &self.base)
    }

    fn next(&self, seen: &Seen) -> Option<Reply> {
        let mut routes = lock(&self.routes);
        let fitting = || |route: &&mut Route| route.fits(&seen.method, &seen.path);
        if let Some(reply) =
            routes.iter_mut().filter(fitting()).find_map(|route| route.first.pop_front())
        {
            return Some(reply);
        }
        let route = routes.iter_mut().filter(fitting()).find(|route| !route.then.is_empty())?;
        if route.then.len() > 1 { route.then.pop_front() } else { route.then.front().cloned() }
    }
}

/// An HTTP/1.1 server on loopback that plays an upstream from a script. It has a thread of its own,
/// so that it serves tests whatever runtime they have, and stops when it is dropped.
pub struct Upstream {
    pub(crate) state: Arc<State>,
    stop: watch::Sender<bool>,
    thread: Option<JoinHandle<()>>,
}

impl fmt::Debug for Upstream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Upstream").field("url", &self.state.base).finish_non_exhaustive()
    }
}

impl Upstream {
    /// Starts a server on a port that the kernel chooses. It answers once this returns.
    pub fn start() -> Upstream {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port on loopback");
        listener.set_nonblocking(true).expect("a listener that does not block");
        let address = listener.local_addr().expect("a bound listener");
        let state = Arc::new(State { base: format!("http://{address}"), ..State::default() });
        let (stop, told) = watch::channel(false);
        let served = Arc::clone(&state);
        let thread = thread::Builder::new()
            .name("upstream".to_owned())
            .spawn(move || server::run(listener, &served, told))
            .expect("a thread");
        Upstream { state, stop, thread: Some(thread) }
    }

    /// Where it answers, without a slash at the end.
    pub fn url(&self) -> &str {
        &self.state.base
    }

    /// Says what is answered to requests of this method whose path has this pattern: exact, or
    /// ending in `*` for any rest; a `*` before the end stands for a part of one segment.
    ///
    /// The replies are used up in order, the last one repeats. The pattern that was registered first
    /// wins; a pattern that is registered again keeps its place, with these replies instead.
    pub fn on(&self, method: &str, pattern: &str, replies: impl Into<Script>) -> &Self {
        let then = VecDeque::from(replies.into().0);
        assert!(!then.is_empty(), "no reply for {method} {pattern}");
        self.route(method, pattern, |route| {
            route.first.clear();
            route.then = then;
        });
        self
    }

    /// Says what is answered to the next such requests, one reply each, before what `on` or a player
    /// registered for them applies again.
    pub fn first(&self, method: &str, pattern: &str, replies: impl Into<Script>) -> &Self {
        let first = replies.into().0;
        self.route(method, pattern, |route| route.first.extend(first));
        self
    }

    fn route(&self, method: &str, pattern: &str, change: impl FnOnce(&mut Route)) {
        let mut routes = lock(&self.state.routes);
        let known = routes
            .iter_mut()
            .find(|route| route.method.eq_ignore_ascii_case(method) && route.pattern == pattern);
        if let Some(route) = known {
            change(route);
            return;
        }
        let (method, pattern) = (method.to_owned(), pattern.to_owned());
        let mut route = Route { method, pattern, first: VecDeque::new(), then: VecDeque::new() };
        change(&mut route);
        routes.push(route);
    }

    /// Every request so far, in the order in which they were read.
    pub fn requests(&self) -> Vec<Seen> {
        lock(&self.state.seen).clone()
    }

    /// The requests of this method whose path has this pattern.
    pub fn seen(&self, method: &str, pattern: &str) -> Vec<Seen> {
        let mut seen = self.requests();
        seen.retain(|seen| {
            seen.method.eq_ignore_ascii_case(method) && matches(pattern, &seen.path)
        });
        seen
    }

    /// The requests that nothing was registered for. They were answered with 404.
    pub fn unexpected(&self) -> Vec<Seen> {
        lock(&self.state.unexpected).clone()
    }

    /// What the players found wrong with requests, in words. A test of an adapter ends with the
    /// assertion that this is empty.
    pub fn violations(&self) -> Vec<String> {
        lock(&self.state.violations).clone()
    }

    /// How many bytes of endless replies have left for the client. Some of them, a few megabytes at
    /// most, may be in buffers that the client has not read and never will.
    pub fn streamed(&self) -> u64 {
        self.state.streamed.load(Ordering::Relaxed)
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.stop.send_replace(true);
        if let Some(thread) = self.thread.take() {
            // If it panicked, the test has seen its connections break.
            drop(thread.join());
        }
    }
}
