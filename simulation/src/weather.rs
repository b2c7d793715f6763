//! What goes wrong in a run, and how often: from nothing at all to a day on which everything does.

use std::time::Duration;

use crate::chance::Chance;

/// How often each fault strikes a call, in thousandths, and how processes fare.
#[derive(Clone, Debug, Default)]
pub(crate) struct Weather {
    /// Its name, for the trace.
    pub(crate) name: &'static str,
    /// The request never arrives.
    pub(crate) drop: u32,
    /// It is done, and nobody hears.
    pub(crate) lost: u32,
    /// It is done long after who asked gave up.
    pub(crate) late: u32,
    /// It is done, and sent again.
    pub(crate) dup: u32,
    /// The service answers with an error of its own.
    pub(crate) error: u32,
    /// The process dies.
    pub(crate) crash: u32,
    /// The process stops for longer than its lease.
    pub(crate) stop: u32,
    /// A message is lost by the queue, or delivered twice.
    pub(crate) queue: u32,
    /// The upstream does something other than to deliver.
    pub(crate) upstream: u32,
    /// What is made is done only when its job is about to expire.
    pub(crate) eleventh_hour: u32,
    /// Clocks differ from the wall's by at most so many milliseconds.
    pub(crate) skew_ms: u64,
    /// The index of due rows is behind by at most so much.
    pub(crate) lag: Duration,
    /// No table answers between these two moments.
    pub(crate) outage: Option<(Duration, Duration)>,
    /// No sweep runs between these two moments.
    pub(crate) no_sweep: Option<(Duration, Duration)>,
    /// No worker runs between these two moments.
    pub(crate) no_work: Option<(Duration, Duration)>,
    /// From when on nothing goes wrong any more.
    pub(crate) clears: Duration,
}

impl Weather {
    /// The weather of a run.
    pub(crate) fn draw(chance: &mut Chance) -> Self {
        let clears = chance.millis(240_000..=1_200_000);
        let fair =
            Self { name: "fair", lag: Duration::from_millis(200), clears, ..Self::default() };
        let rough = Self {
            name: "rough",
            drop: 12,
            lost: 12,
            late: 6,
            dup: 15,
            error: 15,
            crash: 12,
            stop: 4,
            queue: 40,
            upstream: 250,
            skew_ms: 20_000,
            lag: Duration::from_secs(3),
            ..fair.clone()
        };
        match chance.number(0..=23) {
            0 | 1 => fair,
            2..=4 => Self { name: "upstream", upstream: 600, ..fair },
            5..=7 => Self { name: "crashes", crash: 80, upstream: 150, ..fair },
            8 | 9 => Self { name: "network", drop: 60, lost: 70, late: 40, dup: 60, ..fair },
            10 => Self { name: "stops", stop: 60, skew_ms: 30_000, queue: 80, ..fair },
            11 => Self { name: "skew", skew_ms: 30_000, upstream: 400, ..rough },
            12 => {
                let from = chance.millis(1_000..=30_000);
                let until = from.saturating_add(chance.millis(10_000..=300_000));
                Self { name: "outage", outage: Some((from, until)), ..rough }
            }
            13 => {
                let until = chance.millis(600_000..=2_400_000);
                let no_sweep = Some((Duration::ZERO, until));
                Self { name: "no sweep", no_sweep, queue: 300, ..rough }
            }
            15 => {
                // Until about when what was never begun is overdue, or everything expires.
                let until = chance.millis(1_000_000..=1_100_000);
                let no_work = Some((Duration::ZERO, until));
                let clears = Duration::from_mins(30);
                Self { name: "no work", no_work, crash: 100, clears, ..rough }
            }
            16 => {
                let from = chance.millis(20_000..=60_000);
                let until = chance.millis(1_790_000..=1_900_000);
                let clears = Duration::from_mins(40);
                Self { name: "stall", no_work: Some((from, until)), crash: 60, clears, ..rough }
            }
            17..=19 => {
                // Nothing happens before that but what costs time to play.
                let until = chance.millis(1_500_000..=1_700_000);
                Self {
                    name: "eleventh hour",
                    eleventh_hour: 800,
                    skew_ms: 30_000,
                    crash: 0,
                    no_sweep: Some((Duration::ZERO, until)),
                    clears: Duration::from_mins(40),
                    ..rough
                }
            }
            14 => Self { name: "lag", lag: Duration::from_mins(1), queue: 200, ..rough },
            _ => rough,
        }
    }

    /// The weather after it has cleared up. Clocks stay as they are, and an index is never quite up to
    /// date.
    pub(crate) fn cleared(&self) -> Self {
        Self {
            name: "cleared",
            skew_ms: self.skew_ms,
            lag: self.lag.min(Duration::from_secs(3)),
            clears: self.clears,
            ..Self::default()
        }
    }

    /// Whether nothing at all goes wrong, ever.
    pub(crate) fn is_fair(&self) -> bool {
        self.name == "fair"
    }
}
