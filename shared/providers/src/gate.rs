//! The gate before an upstream: how many pictures it may be making for us at the same time, and until
//! when it wants to be left alone. One gate for each upstream in a process; all jobs of a batch pass
//! through it.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use domain::{order::Count, time::Timestamp};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};

/// How long an upstream is left alone that refuses our key or our credit. A person must act, so
/// asking more often tells nothing new.
pub(crate) const TROUBLE: Duration = Duration::from_mins(1);

/// The gate before one upstream.
#[derive(Clone, Debug)]
pub(crate) struct Gate(Arc<State>);

#[derive(Debug)]
struct State {
    /// One permit for each picture, and how many there are; `None` is as many as there are jobs.
    places: Option<(Arc<Semaphore>, u32)>,
    /// Until when nothing is sent, in milliseconds.
    closed_until_ms: AtomicU64,
}

/// Whether an order may be sent.
#[derive(Debug)]
pub enum Admission {
    /// It may, for as long as the place is kept.
    Open(Place),
    /// Not for so long: the upstream wants to be left alone.
    Closed(Duration),
    /// Not now: others are first.
    Full,
}

/// Room for the pictures of one job at its upstream.
#[derive(Debug)]
pub struct Place {
    _permit: Option<OwnedSemaphorePermit>,
}

impl Gate {
    /// A gate without a limit.
    pub(crate) fn open() -> Self {
        Self::new(None)
    }

    /// A gate for so many pictures at a time.
    pub(crate) fn new(places: Option<u32>) -> Self {
        let permits = |places| usize::try_from(places).unwrap_or(Semaphore::MAX_PERMITS);
        let semaphore = |places| (Arc::new(Semaphore::new(permits(places))), places);
        let places = places.map(semaphore);
        Self(Arc::new(State { places, closed_until_ms: AtomicU64::new(0) }))
    }

    /// Waits for places, at most so long. An order of more pictures than there are places has all of
    /// them: it is under way alone.
    pub(crate) async fn admit(&self, n: Count, now: Timestamp, wait: Duration) -> Admission {
        if let Some(closed) = self.closed(now) {
            return Admission::Closed(closed);
        }
        let Some((places, all)) = &self.0.places else {
            return Admission::Open(Place { _permit: None });
        };
        let permit = Arc::clone(places).acquire_many_owned(u32::from(n.get()).min(*all));
        match timeout(wait, permit).await {
            Ok(Ok(permit)) => match self.closed(now) {
                // It was closed while this one waited for its turn.
                Some(closed) => Admission::Closed(closed),
                None => Admission::Open(Place { _permit: Some(permit) }),
            },
            // Nobody closes the semaphore, and if somebody did, nothing would be sent.
            Ok(Err(_)) | Err(_) => Admission::Full,
        }
    }

    /// Sends nothing until then. What was decided before for longer stays.
    pub(crate) fn close(&self, until: Timestamp) {
        self.0.closed_until_ms.fetch_max(until.millis(), Ordering::Relaxed);
    }

    fn closed(&self, now: Timestamp) -> Option<Duration> {
        let until = Timestamp::from_millis(self.0.closed_until_ms.load(Ordering::Relaxed));
        (now < until).then(|| until.since(now))
    }
}

#[cfg(test)]
mod tests;
