//! A proxy between a process and what it talks to, which loses, doubles, delays and refuses what it is told
//! to, and remembers what came.
//!
//! Each service has a door of its own on loopback. What is done with a request says the first [`Strike`]
//! that fits it; without one it passes. A strike also tells when it has happened, so that a test can end a
//! process at that very point.
//!
//! An upstream says at which of its URLs to ask next, and a process stores that. To the process these are at
//! the proxy's door, and outside of it at the upstream itself, so that another process, with another proxy,
//! can go on from what is stored.

mod call;
mod carrier;
mod deed;
mod fault;
#[cfg(test)]
mod tests;

use std::{
    fmt,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    thread::{self, JoinHandle},
};

use hyper::body::Bytes;
use serde_json::Value;
use tokio::sync::watch;

pub use call::{Call, Service};
pub use deed::{Deed, Gate};
pub use fault::Fault;

/// A request that came, and what the service said to it.
#[derive(Clone, Debug)]
pub struct Passage {
    /// The request.
    pub call: Call,
    /// Status and body of the answer, for each time that it was handed on and answered.
    pub answers: Vec<(u16, Value)>,
}

/// Where a door leads.
#[derive(Clone, Debug)]
struct Target {
    service: Service,
    address: SocketAddr,
    /// The upstream's own URL and its door, where there is one.
    upstream: Option<(String, String)>,
}

type Pattern = Box<dyn Fn(&Call) -> bool + Send + Sync>;

/// What happens to some requests, and whether it has.
#[derive(Clone)]
pub struct Strike(Arc<Blow>);

struct Blow {
    fits: Pattern,
    deed: Deed,
    /// To how many requests more it happens.
    left: AtomicUsize,
    struck: watch::Sender<usize>,
}

impl fmt::Debug for Strike {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Strike").field("count", &self.count()).finish_non_exhaustive()
    }
}

impl Strike {
    /// To how many requests it has happened: those that were to be handed on have been, and answered.
    pub fn count(&self) -> usize {
        *self.0.struck.borrow()
    }

    /// Waits until it has happened once.
    pub async fn struck(&self) {
        let mut count = self.0.struck.subscribe();
        // It is not gone, because `self` is not.
        drop(count.wait_for(|count| *count > 0).await);
    }

    /// It happens no more.
    pub fn lift(&self) {
        self.0.left.store(0, Ordering::SeqCst);
    }

    fn has_struck(&self) {
        self.0.struck.send_modify(|count| *count = count.saturating_add(1));
    }

    /// Whether it happens to this call.
    fn takes(&self, call: &Call) -> bool {
        let one_less = |left: usize| match left {
            usize::MAX => Some(left),
            left => left.checked_sub(1),
        };
        (self.0.fits)(call)
            && self.0.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, one_less).is_ok()
    }
}

/// What the proxy shares with the test.
#[derive(Debug, Default)]
struct State {
    strikes: Mutex<Vec<Strike>>,
    passages: Mutex<Vec<Passage>>,
}

/// What a test left behind when it panicked is still what happened.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl State {
    /// Writes a request down and says what is done with it.
    fn arrived(&self, call: &Call) -> (usize, Deed, Option<Strike>) {
        let mut passages = lock(&self.passages);
        let number = passages.len();
        passages.push(Passage { call: call.clone(), answers: Vec::new() });
        let strike = lock(&self.strikes).iter().find(|strike| strike.takes(call)).cloned();
        let deed = strike.as_ref().map_or_else(Deed::pass, |strike| strike.0.deed.clone());
        (number, deed, strike)
    }

    fn answered(&self, number: usize, status: u16, body: &Bytes) {
        if let Some(passage) = lock(&self.passages).get_mut(number) {
            passage.answers.push((status, serde_json::from_slice(body).unwrap_or_default()));
        }
    }
}

/// A proxy on loopback. It has a thread of its own and stops when it is dropped; what it still holds back
/// then never arrives.
pub struct Proxy {
    doors: Vec<(Service, String)>,
    state: Arc<State>,
    stop: watch::Sender<bool>,
    thread: Option<JoinHandle<()>>,
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Proxy").field("doors", &self.doors).finish_non_exhaustive()
    }
}

impl Proxy {
    /// Starts a proxy in front of services at these URLs, each `http://` with an address and nothing else.
    pub fn start(targets: &[(Service, &str)]) -> Proxy {
        let door = |(service, url): &(Service, &str)| {
            let door = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port on loopback");
            door.set_nonblocking(true).expect("a listener that does not block");
            let here = format!("http://{}", door.local_addr().expect("a bound listener"));
            let address = url.strip_prefix("http://").and_then(|address| address.parse().ok());
            let address = address.unwrap_or_else(|| panic!("{url} is not what a proxy leads to"));
            (door, Target { service: *service, address, upstream: None }, here)
        };
        let mut opened: Vec<_> = targets.iter().map(door).collect();
        let doors: Vec<_> =
            opened.iter().map(|(_, target, here)| (target.service, here.clone())).collect();
        let mut ways = targets.iter().zip(&doors);
        let upstream = ways.find(|((service, _), _)| *service == Service::Upstream);
        let upstream = upstream.map(|((_, url), (_, door))| ((*url).to_owned(), door.clone()));
        for (_, target, _) in &mut opened {
            target.upstream.clone_from(&upstream);
        }
        let opened = opened.into_iter().map(|(door, target, _)| (door, target)).collect();
        let state = Arc::<State>::default();
        let (stop, told) = watch::channel(false);
        let served = Arc::clone(&state);
        let thread = thread::Builder::new()
            .name("proxy".to_owned())
            .spawn(move || carrier::run(opened, &served, told))
            .expect("a thread");
        Proxy { doors, state, stop, thread: Some(thread) }
    }

    /// Where a service is reached through the proxy, without a slash at the end.
    pub fn url(&self, service: Service) -> &str {
        let door = self.doors.iter().find(|(of, _)| *of == service);
        door.map_or_else(|| panic!("there is no door to {service:?}"), |(_, url)| url)
    }

    /// Does this with the next request that fits.
    pub fn once(&self, fits: impl Fn(&Call) -> bool + Send + Sync + 'static, deed: Deed) -> Strike {
        self.strike(1, fits, deed)
    }

    /// Does this with each request that fits, until it is lifted.
    pub fn always(
        &self,
        fits: impl Fn(&Call) -> bool + Send + Sync + 'static,
        deed: Deed,
    ) -> Strike {
        self.strike(usize::MAX, fits, deed)
    }

    fn strike(
        &self,
        times: usize,
        fits: impl Fn(&Call) -> bool + Send + Sync + 'static,
        deed: Deed,
    ) -> Strike {
        let (fits, left) = (Box::new(fits), AtomicUsize::new(times));
        let strike = Strike(Arc::new(Blow { fits, deed, left, struck: watch::Sender::new(0) }));
        lock(&self.state.strikes).push(strike.clone());
        strike
    }

    /// Every request so far that fits, in the order in which they came.
    pub fn passages(&self, fits: impl Fn(&Call) -> bool) -> Vec<Passage> {
        let mut passages = lock(&self.state.passages).clone();
        passages.retain(|passage| fits(&passage.call));
        passages
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.stop.send_replace(true);
        if let Some(thread) = self.thread.take() {
            // If it panicked, the test has seen its connections break.
            drop(thread.join());
        }
    }
}
