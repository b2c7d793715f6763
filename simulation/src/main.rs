//! `simulation`: runs seeds side by side, and says what they found.

mod outcome;

use std::{
    fs::OpenOptions,
    io::Write,
    panic::{AssertUnwindSafe, catch_unwind},
    path::PathBuf,
    process::ExitCode,
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
    thread,
};

use anstream::{eprintln, println};
use anyhow::Context as _;
use clap::Parser;
use indicatif::{ProgressBar, ProgressStyle};
use simulation::{contend, percentile, run};

use crate::outcome::Outcome;

/// The product under every fault, from seeds. The same seed is the same run.
#[derive(Debug, Parser)]
#[command(about, long_about = None)]
struct Args {
    /// Run so many seeds.
    #[arg(long, default_value_t = 2_000, conflicts_with = "seed")]
    seeds: u64,
    /// The first of them.
    #[arg(long, default_value_t = 1)]
    from: u64,
    /// Run this one, and tell all that happens.
    #[arg(long)]
    seed: Option<u64>,
    /// Measure what one busy account can do, with this seed.
    #[arg(long, value_name = "SEED")]
    contention: Option<u64>,
    /// Run so many at a time; as many as there are processors, if it is not said.
    #[arg(long)]
    threads: Option<usize>,
    /// Seeds that failed once, one a line, which are run first; those that fail are added.
    #[arg(long, value_name = "FILE")]
    kept: Option<PathBuf>,
}

fn main() -> anyhow::Result<ExitCode> {
    let args = Args::parse();
    if let Some(seed) = args.contention {
        contention(seed);
        return Ok(ExitCode::SUCCESS);
    }
    if let Some(seed) = args.seed {
        return Ok(replay(seed));
    }
    let kept = args.kept.as_ref().map(read_kept).transpose()?.unwrap_or_default();
    let seeds: Vec<u64> =
        kept.iter().copied().chain(args.from..args.from.saturating_add(args.seeds)).collect();
    let outcome = run_all(&seeds, args.threads);
    println!("{outcome}");
    if let Some(path) = args.kept.filter(|_| !outcome.failures.is_empty()) {
        let new = outcome.failures.keys().filter(|seed| !kept.contains(seed));
        let lines: Vec<String> = new.map(|seed| format!("{seed}\n")).collect();
        let file = OpenOptions::new().append(true).open(&path);
        let written = file.and_then(|mut file| file.write_all(lines.concat().as_bytes()));
        written.with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(if outcome.is_good() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Tells what one busy account can do, in simulated time.
#[expect(clippy::float_arithmetic, reason = "a figure to look at, not money")]
fn contention(seed: u64) {
    println!(
        "  jobs/s  accepted    busy  p50 accept  p99 accept  p50 settle  p99 settle  settled/s  conflicts/job  pockets"
    );
    for (rate, orders) in [(0, 100), (10, 300), (20, 600), (30, 900), (50, 1_500), (100, 3_000)] {
        let found = contend(seed, rate, orders);
        let name = if rate == 0 { "at once".to_owned() } else { rate.to_string() };
        let of = |sorted, percent| format!("{} ms", percentile(sorted, percent).as_millis());
        let jobs = u32::try_from(found.accepted).unwrap_or(u32::MAX).max(1);
        let conflicts = f64::from(u32::try_from(found.conflicts).unwrap_or(u32::MAX));
        println!(
            "{name:>8} {:>9} {:>7} {:>11} {:>11} {:>11} {:>11} {:>10.1} {:>14.1} {:>8}",
            found.accepted,
            found.busy,
            of(&found.accepting, 50),
            of(&found.accepting, 99),
            of(&found.settling, 50),
            of(&found.settling, 99),
            found.jobs_per_second(),
            conflicts / f64::from(jobs),
            found.pockets,
        );
        found.violations.iter().for_each(|wrong| println!("  {wrong}"));
    }
}

/// Runs one seed, and tells all that happens.
fn replay(seed: u64) -> ExitCode {
    let report = run(seed, true);
    for line in &report.trace {
        println!("{line}");
    }
    let mut outcome = Outcome::default();
    outcome.add(&report);
    println!("{outcome}");
    if report.wrong().is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn run_all(seeds: &[u64], threads: Option<usize>) -> Outcome {
    let processors = thread::available_parallelism().map_or(1, usize::from);
    let (next, outcome) = (AtomicU64::new(0), Mutex::new(Outcome::default()));
    let progress = ProgressBar::new(u64::try_from(seeds.len()).unwrap_or(u64::MAX));
    let style = "{bar:40.green/dim} {pos}/{len} seeds, {per_sec}, {eta} left{msg}";
    progress.set_style(
        ProgressStyle::with_template(style).unwrap_or_else(|_| ProgressStyle::default_bar()),
    );
    // A panic is a finding like any other, and says so below.
    std::panic::set_hook(Box::new(|_| {}));
    thread::scope(|scope| {
        for _ in 0..threads.unwrap_or(processors) {
            scope.spawn(|| {
                loop {
                    let index = usize::try_from(next.fetch_add(1, Ordering::SeqCst));
                    let Some(seed) = index.ok().and_then(|index| seeds.get(index)) else { return };
                    let report = catch_unwind(AssertUnwindSafe(|| run(*seed, false)));
                    let Ok(mut outcome) = outcome.lock() else { return };
                    match report {
                        Ok(report) => outcome.add(&report),
                        Err(panic) => outcome.add_panic(*seed, panic.as_ref()),
                    }
                    if let Some(failing) = outcome.failures.keys().next() {
                        let count = outcome.failures.len();
                        progress.set_message(format!(", {count} failed, {failing} first"));
                    }
                    drop(outcome);
                    progress.inc(1);
                }
            });
        }
    });
    progress.finish_and_clear();
    drop(std::panic::take_hook());
    outcome.into_inner().unwrap_or_else(|poisoned| {
        eprintln!("a thread came down");
        poisoned.into_inner()
    })
}

fn read_kept(path: &PathBuf) -> anyhow::Result<Vec<u64>> {
    let text = std::fs::read_to_string(path);
    let text = text.with_context(|| format!("cannot read {}", path.display()))?;
    let seeds = text.lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty());
    seeds.map(|line| line.trim().parse().with_context(|| format!("{line:?} is no seed"))).collect()
}
