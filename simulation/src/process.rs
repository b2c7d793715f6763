//! A process that may die, stop for a while, or run out of time, between any two of its steps.

use std::{
    fmt,
    future::poll_fn,
    pin::pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    task::{Poll, Waker},
    time::Duration,
};

use tokio::time::{Instant, sleep_until};

/// Which function a process runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Role {
    Submit,
    Generate,
    Lookup,
    Sweep,
    /// Who tops up accounts.
    Operator,
}

/// A process.
#[derive(Clone)]
pub(crate) struct Process(Arc<Inner>);

struct Inner {
    role: Role,
    /// Its number, for the trace.
    number: u32,
    ahead_ms: i64,
    /// Whether it knows of a settlement that it wrote in this invocation.
    has_settled: AtomicBool,
    life: Mutex<Life>,
}

#[derive(Default)]
struct Life {
    is_dead: bool,
    stopped_until: Option<Instant>,
    waker: Option<Waker>,
}

/// How an invocation ends.
#[derive(Debug)]
pub(crate) enum Ended<T> {
    /// It answered.
    Answered(T),
    /// The process died.
    Died,
    /// Its time was up.
    TimedOut,
}

impl Process {
    pub(crate) fn new(role: Role, number: u32, ahead_ms: i64) -> Self {
        Self(Arc::new(Inner {
            role,
            number,
            ahead_ms,
            has_settled: AtomicBool::new(false),
            life: Mutex::default(),
        }))
    }

    pub(crate) fn role(&self) -> Role {
        self.0.role
    }

    /// How far its clock is ahead.
    pub(crate) fn ahead_ms(&self) -> i64 {
        self.0.ahead_ms
    }

    /// It dies, and does nothing more.
    pub(crate) fn kill(&self) {
        self.change(|life| life.is_dead = true);
    }

    pub(crate) fn is_dead(&self) -> bool {
        self.0.life.lock().unwrap().is_dead
    }

    /// It does nothing for a while, and does not notice.
    pub(crate) fn stop_for(&self, pause: Duration) {
        self.change(|life| life.stopped_until = Instant::now().checked_add(pause));
    }

    /// It has heard that its settlement is written.
    pub(crate) fn note_settled(&self, settled: bool) {
        self.0.has_settled.store(settled, Ordering::SeqCst);
    }

    pub(crate) fn has_settled(&self) -> bool {
        self.0.has_settled.load(Ordering::SeqCst)
    }

    fn change(&self, change: impl FnOnce(&mut Life)) {
        let mut life = self.0.life.lock().unwrap();
        change(&mut life);
        if let Some(waker) = life.waker.take() {
            waker.wake();
        }
    }

    /// One invocation, which may last so long. The time that the process is stopped does not count: who
    /// counts it is stopped as well.
    pub(crate) async fn invoke<T>(
        &self,
        limit: Duration,
        work: impl Future<Output = T>,
    ) -> Ended<T> {
        self.note_settled(false);
        let mut work = pin!(work);
        let mut wake = pin!(sleep_until(far(limit)));
        let mut stopped: Option<Instant> = None;
        let mut end = far(limit);
        poll_fn(move |context| {
            let until = {
                let mut life = self.0.life.lock().unwrap();
                life.waker = Some(context.waker().clone());
                if life.is_dead {
                    return Poll::Ready(Ended::Died);
                }
                life.stopped_until
            };
            let now = Instant::now();
            if let Some(until) = until.filter(|until| now < *until) {
                if stopped != Some(until) {
                    stopped = Some(until);
                    end = end.checked_add(until.duration_since(now)).unwrap_or(end);
                    wake.as_mut().reset(until);
                }
                if wake.as_mut().poll(context).is_pending() {
                    return Poll::Pending;
                }
            }
            if let Poll::Ready(answer) = work.as_mut().poll(context) {
                return Poll::Ready(Ended::Answered(answer));
            }
            if self.is_dead() {
                return Poll::Ready(Ended::Died);
            }
            if Instant::now() >= end {
                return Poll::Ready(Ended::TimedOut);
            }
            if wake.deadline() != end {
                wake.as_mut().reset(end);
            }
            let _pending = wake.as_mut().poll(context);
            Poll::Pending
        })
        .await
    }
}

fn far(after: Duration) -> Instant {
    let now = Instant::now();
    now.checked_add(after).unwrap_or(now)
}

impl fmt::Debug for Process {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}-{}", self.0.role, self.0.number)
    }
}
