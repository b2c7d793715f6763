//! How far a search goes: how many requests, processes, faults and ticks.

use crate::{
    each::{Each, Which},
    expression::Value,
    rows::Tick,
    rules::seen,
    state::{State, Told},
};

/// A request of the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request {
    /// Its idempotency key, if it bears one, by the first request that bears it.
    pub key: Option<Which>,
    /// What it asks for: another number is another request.
    pub fingerprint: u8,
}

/// The parameters of template.yaml, in ticks. They keep the same order: a lease ends before the
/// deadline's grace does, and that before the hard expiry.
#[derive(Clone, Copy, Debug)]
pub struct Timing {
    /// How long a visit, and so its lease, may last.
    pub lease: Tick,
    /// How long an order may run at its upstream.
    pub run_limit: Tick,
    /// From acceptance to the deadline.
    pub deadline: Tick,
    /// How far clocks may differ.
    pub grace: Tick,
    /// The grace that the sweep gives. It is the same, unless a test spoils it.
    pub sweep_grace: Tick,
    /// How far the clock of the sweep is ahead.
    pub sweep_ahead: Tick,
    /// From acceptance to the hard expiry.
    pub hard_expiry: Tick,
    /// After what time a job that was put down is visited again.
    pub revisit: Tick,
    /// After what time the sweep rings if nobody came.
    pub reannounce: Tick,
    /// How long a key names its job.
    pub key_lifetime: Tick,
}

/// How far a search goes.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// The requests that are sent, each once.
    pub requests: Each<Option<Request>>,
    /// The last tick at which requests are sent.
    pub posts_until: Tick,
    /// What there is to spend; a job holds 2.
    pub credited: Value,
    /// How many jobs may be unfinished.
    pub queue_cap: Value,
    /// How many of them may run at a time.
    pub running_cap: Value,
    /// How many workers there are.
    pub workers: usize,
    /// How many sweeps run at once.
    pub sweeps: usize,
    /// How many rows they look at in a tick, all together: a sweep runs once in a while, not always.
    pub looks: u8,
    /// The last tick at which jobs are canceled.
    pub cancels_until: Tick,
    /// How often the operator gives back the charge of a job.
    pub refunds: u8,
    /// How many faults strike, of whatever kind.
    pub faults: u8,
    /// The last tick. What is still open then is driven to its end all the same.
    pub horizon: Tick,
    /// The times.
    pub timing: Timing,
    /// Whether each moment is put before the audit of the product, too.
    pub audited: bool,
    /// What the search must see.
    pub sometimes: &'static [&'static str],
}

/// Only the order of these counts. Everything that a worker or a sweep does in time it does within
/// one tick; a tick in the middle of it is a pause that outlasts the lease.
const TIMING: Timing = Timing {
    lease: 1,
    run_limit: 1,
    deadline: 1,
    grace: 1,
    sweep_grace: 1,
    sweep_ahead: 1,
    hard_expiry: 4,
    revisit: 1,
    reannounce: 1,
    key_lifetime: 20,
};

const fn request(key: Which, fingerprint: u8) -> Request {
    Request { key: Some(key), fingerprint }
}

impl Bounds {
    /// One job in the hands of two workers, two sweeps and an owner who cancels, under one fault.
    #[must_use]
    pub const fn one_job() -> Self {
        Self {
            requests: Each::new([Some(request(Which::First, 0)), None, None]),
            posts_until: 0,
            credited: 3,
            queue_cap: 2,
            running_cap: 2,
            workers: 2,
            sweeps: 2,
            looks: 2,
            cancels_until: 1,
            refunds: 0,
            faults: 1,
            horizon: 4,
            timing: TIMING,
            audited: false,
            sometimes: &[
                seen::SWEEP_WON,
                seen::WORKER_WON,
                seen::LATE,
                seen::SECOND_SUBMIT,
                seen::CANCEL_WON,
                seen::CANCEL_LOST,
                seen::PARTIAL,
                seen::GAVE_UP,
                seen::RESUMED,
                seen::OVERTAKEN,
            ],
        }
    }

    /// The same under two faults, with one sweep.
    #[must_use]
    pub const fn two_faults() -> Self {
        Self { sweeps: 1, looks: 1, faults: 2, ..Self::one_job() }
    }

    /// Two jobs of one account, under one fault. The first is asked for twice under one key, and there
    /// is too little money for both, unless the first costs less than it holds.
    #[must_use]
    pub const fn two_jobs() -> Self {
        let (first, second) = (request(Which::First, 0), request(Which::Third, 0));
        Self {
            requests: Each::new([Some(first), Some(first), Some(second)]),
            sweeps: 1,
            looks: 1,
            cancels_until: 0,
            horizon: 3,
            sometimes: &[
                seen::REPLAY,
                seen::REFUSED,
                seen::SWEEP_WON,
                seen::SECOND_SUBMIT,
                seen::CANCEL_WON,
                seen::CANCEL_LOST,
                seen::PARTIAL,
                seen::TWO_SUCCEED,
            ],
            ..Self::one_job()
        }
    }

    /// Two jobs of one account, each of which the operator refunds twice, while one worker and one sweep are at
    /// them, under one fault.
    #[must_use]
    pub const fn refunds() -> Self {
        let (first, second) = (request(Which::First, 0), request(Which::Third, 0));
        Self {
            requests: Each::new([Some(first), None, Some(second)]),
            posts_until: 0,
            credited: 4,
            workers: 1,
            sweeps: 1,
            looks: 1,
            cancels_until: 0,
            refunds: 2,
            faults: 1,
            horizon: 1,
            sometimes: &[seen::PARTIAL, seen::TWO_GIVEN_BACK, seen::PAID_AND_GIVEN_BACK],
            ..Self::one_job()
        }
    }

    /// Two jobs of one account of which one may run at a time, with a worker and a sweep, under one fault: the second
    /// waits, is claimed, canceled or expired meanwhile.
    #[must_use]
    pub const fn turns() -> Self {
        let (first, second) = (request(Which::First, 0), request(Which::Third, 0));
        Self {
            requests: Each::new([Some(first), None, Some(second)]),
            posts_until: 0,
            credited: 4,
            running_cap: 1,
            workers: 1,
            sweeps: 1,
            looks: 1,
            cancels_until: 0,
            faults: 1,
            horizon: 2,
            timing: Timing { hard_expiry: 3, ..TIMING },
            sometimes: &[
                seen::WAITS,
                seen::WAITED,
                seen::WAITED_AND_CANCELED,
                seen::WAITED_AND_EXPIRED,
                seen::TWO_SUCCEED,
            ],
            ..Self::one_job()
        }
    }

    /// Requests only, all under one key: in the same words, in others, and past its lifetime.
    #[must_use]
    pub const fn keys() -> Self {
        let (first, other) = (request(Which::First, 0), request(Which::First, 1));
        Self {
            requests: Each::new([Some(first), Some(first), Some(other)]),
            posts_until: 3,
            credited: 6,
            queue_cap: 1,
            workers: 0,
            sweeps: 1,
            looks: 1,
            faults: 0,
            timing: Timing { key_lifetime: 2, ..TIMING },
            sometimes: &[seen::REPLAY, seen::KEY_REUSED, seen::KEY_OUTLIVED, seen::QUEUE_FULL],
            ..Self::one_job()
        }
    }

    /// Whether a request may be sent now. Of two that are alike the first is sent first.
    pub(crate) fn may_post(&self, which: Which, state: &State) -> bool {
        let Some(request) = self.requests.of(which) else { return false };
        let earlier = self.requests.iter().find(|(other, earlier)| {
            *other < which
                && earlier.is_some_and(|earlier| earlier == *request)
                && *state.told.of(*other) == Told::Nothing
        });
        state.now <= self.posts_until && earlier.is_none()
    }

    /// Whether any request is still to be sent.
    pub(crate) fn may_post_ever(&self, state: &State) -> bool {
        let open = |which: &Which| {
            self.requests.of(*which).is_some() && *state.told.of(*which) == Told::Nothing
        };
        state.now <= self.posts_until && Which::ALL.iter().any(open)
    }
}
