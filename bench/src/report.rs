//! What is told: a table for a terminal, and JSON.

use anstream::println;
use anstyle::{AnsiColor, Style};
use serde::Serialize;

use crate::{
    batches::Batch,
    cases::{Case, Round, SMALL_MB},
};

const HEAD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();
const GOOD: Style = AnsiColor::Green.on_default();
const BAD: Style = AnsiColor::Red.on_default().bold();

/// Everything that was measured.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    /// How many rounds.
    pub(crate) rounds: u32,
    /// How a process is held to its share of a core.
    pub(crate) throttled_by: &'static str,
    /// The programs.
    pub(crate) programs: Vec<Figures>,
    /// The worker with many jobs.
    pub(crate) batches: Vec<Batch>,
    /// What must hold, where its programs were measured.
    pub(crate) goals: Vec<Goal>,
}

/// A program: medians of its rounds.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Figures {
    pub(crate) name: &'static str,
    /// The size of its binary.
    pub(crate) binary_mb: Option<f64>,
    /// The middle of each figure.
    pub(crate) median: Round,
    /// The middle of its ratios to the floor in the same round, where it has one.
    pub(crate) to_floor: Option<Round>,
}

/// A bound, and what was measured.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Goal {
    pub(crate) what: String,
    pub(crate) at_most: f64,
    pub(crate) measured: f64,
}

impl Goal {
    fn holds(&self) -> bool {
        self.measured <= self.at_most
    }
}

impl Round {
    /// Its figures by name, with the cold start that they add up to.
    fn map(&self, other: &Round, of: impl Fn(f64, f64) -> f64) -> Round {
        Round {
            init_ms: of(self.init_ms, other.init_ms),
            first_ms: of(self.first_ms, other.first_ms),
            throttled_ms: of(self.throttled_ms, other.throttled_ms),
            warm_us: of(self.warm_us, other.warm_us),
            cpu_us: of(self.cpu_us, other.cpu_us),
            memory_mb: of(self.memory_mb, other.memory_mb),
        }
    }

    /// A start and a first answer, of a function that has [`SMALL_MB`].
    fn cold_ms(&self) -> f64 {
        self.init_ms + self.throttled_ms
    }
}

/// The middle of figures, or of ratios.
fn median(mut of: Vec<f64>) -> f64 {
    of.sort_by(f64::total_cmp);
    of.get(of.len() / 2).copied().unwrap_or(f64::NAN)
}

fn medians(rounds: &[Round]) -> Round {
    let of = |figure: fn(&Round) -> f64| median(rounds.iter().map(figure).collect());
    Round {
        init_ms: of(|round| round.init_ms),
        first_ms: of(|round| round.first_ms),
        throttled_ms: of(|round| round.throttled_ms),
        warm_us: of(|round| round.warm_us),
        cpu_us: of(|round| round.cpu_us),
        memory_mb: of(|round| round.memory_mb),
    }
}

/// The middle of the ratios of rounds that were run side by side.
fn ratios(ours: &[Round], theirs: &[Round]) -> Round {
    let pairs = ours.iter().zip(theirs);
    medians(&pairs.map(|(our, their)| our.map(their, |our, their| our / their)).collect::<Vec<_>>())
}

/// The middle of the ratios of their cold starts.
fn cold_ratio(ours: &[Round], theirs: &[Round]) -> f64 {
    let pairs = ours.iter().zip(theirs);
    median(pairs.map(|(our, their)| our.cold_ms() / their.cold_ms()).collect())
}

/// The figures of programs, each beside its floor.
pub(crate) fn figures(cases: &[Case], floor: &str) -> anyhow::Result<Vec<Figures>> {
    let floor = cases.iter().find(|case| case.name == floor);
    let figures = |case: &Case| {
        let to_floor = floor.filter(|floor| floor.ask == case.ask);
        Ok(Figures {
            name: case.name,
            binary_mb: case.program.bytes()?.map(megabytes).transpose()?,
            median: medians(&case.rounds),
            to_floor: to_floor.map(|floor| ratios(&case.rounds, &floor.rounds)),
        })
    };
    cases.iter().map(figures).collect()
}

fn megabytes(bytes: u64) -> anyhow::Result<f64> {
    Ok(f64::from(u32::try_from(bytes)?) / 1_000_000.0)
}

/// The goals that can be judged by what was measured.
pub(crate) fn goals(cases: &[Case], figures: &[Figures], batches: &[Batch]) -> Vec<Goal> {
    let figures_of = |name: &str| figures.iter().find(|figures| figures.name == name);
    let rounds_of =
        |name: &str| cases.iter().find(|case| case.name == name).map(|case| &case.rounds);
    let mut goals = Vec::new();
    let mut goal = |what: String, at_most: f64, measured: Option<f64>| {
        goals.extend(measured.map(|measured| Goal { what, at_most, measured }));
    };
    for (name, at_most) in [("submit", 6.0), ("lookup", 6.0), ("authorize", 6.0), ("generate", 7.0)]
    {
        let measured = figures_of(name).and_then(|figures| figures.binary_mb);
        goal(format!("{name}: binary, MB"), at_most, measured);
    }
    for (name, at_most) in [("submit", 8.0), ("lookup", 7.0)] {
        let measured = figures_of(name).map(|figures| figures.median.memory_mb);
        goal(format!("{name}: memory, MB"), at_most, measured);
    }
    let ten = batches.iter().find(|batch| batch.jobs == 10).map(|batch| batch.memory_mb);
    goal("generate with 10 jobs: memory, MB".to_owned(), 14.0, ten);
    let cpu = figures_of("submit").and_then(|figures| figures.to_floor);
    goal("submit: CPU of a request, to the floor".to_owned(), 1.15, cpu.map(|cpu| cpu.cpu_us));
    // The rest of the time that an answer takes, it waits for the services.
    for name in ["submit", "lookup"] {
        let own = figures_of(name).map(|figures| figures.median.cpu_us / 1_000.0);
        goal(format!("{name}: time that it adds to the services' own, ms"), 1.0, own);
    }
    for name in ["submit", "lookup"] {
        for (other, at_most) in [("floor", 1.1), ("python", 1.0 / 50.0), ("node", 1.0 / 25.0)] {
            let pair = rounds_of(name).zip(rounds_of(other));
            let measured = pair.map(|(ours, theirs)| cold_ratio(ours, theirs));
            goal(format!("{name}: cold start with {SMALL_MB} MB, to {other}"), at_most, measured);
        }
    }
    goals
}

/// Prints everything.
pub(crate) fn print(report: &Report) {
    let (rounds, by) = (report.rounds, report.throttled_by);
    println!("\nmedians of {rounds} rounds; 128 MB: 128/1769 of a core after init, by {by}\n");
    println!(
        "{HEAD}{:<11} {:>8} {:>8} {:>8} {:>10} {:>10} {:>9} {:>8} {:>7}{HEAD:#}",
        "", "init ms", "first ms", "cold ms", "…at 128 MB", "warm p50", "CPU µs", "RSS MB", "MB"
    );
    for figures in &report.programs {
        let Figures { name, median, binary_mb, to_floor } = figures;
        let size = binary_mb.map_or_else(|| "–".to_owned(), |size| format!("{size:.2}"));
        println!(
            "{name:<11} {:>8.1} {:>8.2} {:>8.1} {:>10.1} {:>10.0} {:>9.0} {:>8.1} {size:>7}",
            median.init_ms,
            median.first_ms,
            median.init_ms + median.first_ms,
            median.cold_ms(),
            median.warm_us,
            median.cpu_us,
            median.memory_mb,
        );
        if let Some(to) = to_floor.filter(|_| *name != "floor") {
            println!(
                "{DIM}{:<11} {:>7.2}× {:>7.2}× {:>8} {:>10} {:>9.2}× {:>8.2}× {:>7.2}×{DIM:#}",
                "  to floor", to.init_ms, to.first_ms, "", "", to.warm_us, to.cpu_us, to.memory_mb,
            );
        }
    }
    if !report.batches.is_empty() {
        println!(
            "\n{HEAD}{:<14} {:>10} {:>12} {:>11} {:>8} {:>14}{HEAD:#}",
            "generate, jobs", "took ms", "latency p50", "CPU ms/job", "RSS MB", "USD per 1,000"
        );
    }
    for batch in &report.batches {
        let Batch { jobs, took_ms, latency_ms, cpu_ms, memory_mb, usd_per_1000, .. } = batch;
        println!(
            "{jobs:<14} {took_ms:>10.0} {latency_ms:>12.0} {cpu_ms:>11.1} {memory_mb:>8.1} {usd_per_1000:>14.5}"
        );
    }
    println!("\nat the tables: cargo test --workspace --test tables -- capacity\n");
    for goal in &report.goals {
        let (style, mark) = if goal.holds() { (GOOD, "✓") } else { (BAD, "✗") };
        let Goal { what, at_most, measured } = goal;
        println!("{style}{mark}{style:#} {what}: {measured:.3} (at most {at_most:.3})");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round(cpu_us: f64) -> Round {
        Round { cpu_us, ..Round::default() }
    }

    #[test]
    fn a_ratio_is_of_the_same_round() {
        // A machine that is twice as slow in the second round changes nothing.
        let (ours, theirs) =
            ([round(2.0), round(4.0), round(2.2)], [round(1.0), round(2.0), round(1.1)]);
        assert!((ratios(&ours, &theirs).cpu_us - 2.0).abs() < 1e-9);
    }

    #[test]
    fn one_that_is_out_of_line_does_not_count() {
        assert!((medians(&[round(1.0), round(900.0), round(2.0)]).cpu_us - 2.0).abs() < 1e-9);
    }
}
