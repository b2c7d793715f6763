//! How long a write is tried again, and what is known of its attempts.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::unheard::Unheard;
use crate::error::StoreError;

/// How long a transaction that meets others on the same rows is tried again. The SDK does not do
/// it: it takes `TransactionCanceledException` for final.
pub(super) const BUDGET: Duration = Duration::from_millis(2_500);
/// How long a transaction may take with all its attempts, so that who asked for it can still be
/// told that the outcome is unknown before their function's time is up.
pub(super) const LIMIT: Duration = Duration::from_secs(5);
/// The longest first pause; it doubles up to [`PAUSE_MAX`].
const PAUSE: Duration = Duration::from_millis(20);
/// The longest pause.
const PAUSE_MAX: Duration = Duration::from_millis(320);

/// The attempts of one thing that is to be written.
pub(crate) struct Effort {
    end: Option<Instant>,
    limit: Instant,
    pauses: Pauses,
    pub(super) unheard: Unheard,
}

impl Effort {
    /// Begins now. `salt` keeps those who met once from meeting again.
    pub(crate) fn new(salt: u64) -> Self {
        let begun = Instant::now();
        Self {
            end: begun.checked_add(BUDGET),
            limit: begun.checked_add(LIMIT).unwrap_or(begun),
            pauses: Pauses::new(salt),
            unheard: Unheard::default(),
        }
    }

    /// For something else that is written on the way: it has no more time, but attempts of its own.
    pub(crate) fn aside(&self) -> Self {
        Self { unheard: Unheard::default(), ..*self }
    }

    /// Until when an answer is waited for.
    pub(crate) fn limit(&self) -> Instant {
        self.limit
    }

    /// Whether an attempt was not answered, so that it may be done yet.
    pub(crate) fn is_unheard(&self) -> bool {
        self.unheard.any()
    }

    /// Waits until the next attempt.
    ///
    /// # Errors
    /// If there is no time for one.
    pub(crate) async fn rest(&mut self) -> Result<(), StoreError> {
        let pause = self.pauses.next();
        self.check(pause)?;
        sleep(pause).await;
        Ok(())
    }

    /// Whether there is time for one more attempt after a pause.
    ///
    /// # Errors
    /// If there is none.
    pub(crate) fn check(&self, pause: Duration) -> Result<(), StoreError> {
        if Instant::now().checked_add(pause) >= self.end {
            return Err(if self.is_unheard() {
                StoreError::Unknown("busy, and an answer is missing".into())
            } else {
                StoreError::Busy
            });
        }
        Ok(())
    }
}

/// Pauses of random length below a bound that doubles, which spreads those who collided best.
#[derive(Clone, Copy)]
pub(crate) struct Pauses {
    bound: Duration,
    state: u64,
}

impl Pauses {
    pub(crate) fn new(salt: u64) -> Self {
        Self { bound: PAUSE, state: salt }
    }

    pub(crate) fn next(&mut self) -> Duration {
        // SplitMix64's step: enough to tell the pauses of different jobs apart.
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.state ^ (self.state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let millis = u64::try_from(self.bound.as_millis()).unwrap_or(u64::MAX);
        let pause = (mixed >> 31).checked_rem(millis).unwrap_or_default();
        self.bound = self.bound.saturating_mul(2).min(PAUSE_MAX);
        Duration::from_millis(pause.saturating_add(1))
    }
}
