//! The time of a run: it begins at a fixed moment and passes when nobody has anything to do.

use std::time::Duration;

use domain::time::Timestamp;
use runtime::Clock;
use tokio::{task::LocalSet, time::Instant};

/// When every run begins.
pub(crate) const BEGIN: Timestamp = Timestamp::from_millis(1_800_000_000_000);

/// Does the work on one thread, where time passes when nobody has anything to do. What the SDK draws by
/// itself is drawn from the seed too.
pub(crate) fn paused<T>(seed: u64, work: impl Future<Output = T>) -> T {
    fastrand::seed(seed);
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_time().start_paused(true).build().unwrap();
    runtime.block_on(LocalSet::new().run_until(work))
}

/// The clock on the wall; those of processes may differ from it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Time {
    begun: Instant,
}

impl Time {
    /// Begins now.
    pub(crate) fn begin() -> Self {
        Self { begun: Instant::now() }
    }

    pub(crate) fn now(self) -> Timestamp {
        BEGIN.plus(self.begun.elapsed())
    }

    pub(crate) fn since_begin(self) -> Duration {
        self.begun.elapsed()
    }

    pub(crate) fn instant(self, after: Duration) -> Instant {
        self.begun.checked_add(after).unwrap_or(self.begun)
    }

    /// A clock that is so many milliseconds ahead, or behind.
    pub(crate) fn clock(self, ahead_ms: i64) -> Clock {
        Clock::new(move || skewed(self.now(), ahead_ms))
    }
}

/// The same moment on a clock that is ahead, or behind.
pub(crate) fn skewed(at: Timestamp, ahead_ms: i64) -> Timestamp {
    Timestamp::from_millis(at.millis().saturating_add_signed(ahead_ms))
}
