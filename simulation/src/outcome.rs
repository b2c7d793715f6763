//! What many runs found together, and how it is told.

use std::{any::Any, collections::BTreeMap, fmt};

use anstyle::{AnsiColor, Style};
use simulation::{Report, Sight, Sights};
use testkit::CrashPoint;

/// From how many runs on everything that is seen sometimes must have been seen.
const ENOUGH: u64 = 1_000;
/// How many failures are told in full.
const TOLD: usize = 10;

const GOOD: Style = AnsiColor::Green.on_default().bold();
const BAD: Style = AnsiColor::Red.on_default().bold();
const FAINT: Style = Style::new().dimmed();

/// What many runs found.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    runs: u64,
    commits: u64,
    jobs: u64,
    sights: Sights,
    crashes: BTreeMap<CrashPoint, u64>,
    weathers: BTreeMap<&'static str, u64>,
    /// What was wrong, by seed.
    pub(crate) failures: BTreeMap<u64, Vec<String>>,
}

impl Outcome {
    /// Adds a run.
    pub(crate) fn add(&mut self, report: &Report) {
        self.runs = self.runs.saturating_add(1);
        self.commits = self.commits.saturating_add(report.commits);
        let jobs = u64::try_from(report.jobs).unwrap_or(u64::MAX);
        self.jobs = self.jobs.saturating_add(jobs);
        self.sights.add(&report.sights);
        for (point, times) in &report.crashes {
            let count = self.crashes.entry(*point).or_default();
            *count = count.saturating_add(*times);
        }
        let count = self.weathers.entry(report.weather).or_default();
        *count = count.saturating_add(1);
        let wrong = report.wrong();
        if !wrong.is_empty() {
            self.failures.insert(report.seed, wrong);
        }
    }

    /// Adds a run that came down.
    pub(crate) fn add_panic(&mut self, seed: u64, panic: &(dyn Any + Send)) {
        self.runs = self.runs.saturating_add(1);
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("a panic");
        self.failures.insert(seed, vec![format!("it came down: {text}")]);
    }

    /// What was never seen.
    fn unseen(&self) -> Vec<String> {
        let sights = Sight::ALL.iter().filter(|sight| !self.sights.0.contains_key(sight));
        let points = CrashPoint::ALL.iter().filter(|point| !self.crashes.contains_key(point));
        let sights = sights.map(|sight| format!("{sight:?}"));
        sights.chain(points.map(CrashPoint::to_string)).collect()
    }

    /// Whether nothing was wrong, and enough was seen.
    pub(crate) fn is_good(&self) -> bool {
        let is_enough = self.runs < ENOUGH || self.unseen().is_empty();
        self.runs > 0 && self.commits > 0 && self.failures.is_empty() && is_enough
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (weather, runs) in &self.weathers {
            writeln!(f, "{FAINT}weather{FAINT:#}  {weather:<20} {runs:>10}")?;
        }
        for sight in Sight::ALL {
            let times = self.sights.0.get(&sight).copied().unwrap_or_default();
            writeln!(f, "{FAINT}seen   {FAINT:#}  {:<20} {times:>10}", format!("{sight:?}"))?;
        }
        for point in CrashPoint::ALL {
            let times = self.crashes.get(&point).copied().unwrap_or_default();
            writeln!(
                f,
                "{FAINT}crash  {FAINT:#}  {:<20} {times:>10}  {FAINT}{}{FAINT:#}",
                point.name(),
                point.what()
            )?;
        }
        for (seed, what) in self.failures.iter().take(TOLD) {
            writeln!(f, "{BAD}seed {seed}{BAD:#}")?;
            what.iter().try_for_each(|line| writeln!(f, "  {line}"))?;
        }
        if self.runs >= ENOUGH && !self.unseen().is_empty() {
            writeln!(f, "{BAD}never seen{BAD:#} {}", self.unseen().join(", "))?;
        }
        let Self { runs, jobs, commits, .. } = self;
        let failed = self.failures.len();
        let style = if self.is_good() { GOOD } else { BAD };
        write!(
            f,
            "{style}{runs} seeds{style:#}, {jobs} jobs, {commits} writes audited, {failed} seeds failed"
        )
    }
}
