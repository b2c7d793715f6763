//! `bench`: starts the functions as the programs that they are, one after the other under a Runtime API and against
//! stand-ins for the services, and says what a start, an answer and a job cost.
//!
//! Milliseconds do not travel from one machine to another. Ratios within one run do, and CPU time does nearly; so
//! every program is started once in every round, in another order each time, and is compared with its floor in the
//! same round. The stand-ins are behind TLS, as AWS is.
#![expect(clippy::float_arithmetic, reason = "figures to look at, not money")]

mod batches;
mod cases;
mod plot;
mod program;
mod report;
mod runtime_api;
mod throttle;
mod tls;
mod world;

use std::{fs, path::PathBuf, process::ExitCode, time::Duration};

use anstream::eprintln;
use anyhow::Context as _;
use clap::Parser;
use indicatif::{ProgressBar, ProgressStyle};

use crate::{
    batches::Batch,
    cases::{Ask, Asker, Case, place},
    program::Program,
    report::Report,
    throttle::Means,
    world::{World, batch},
};

/// The functions: their binaries, what they are in the template, and what they are asked.
const FUNCTIONS: [(&str, &str, Ask); 7] = [
    ("submit", "SubmitFunction", Ask::Order),
    ("lookup", "LookupFunction", Ask::Look),
    ("authorize", "AuthorizeFunction", Ask::Authorize),
    ("webhooks", "WebhooksFunction", Ask::Endpoints),
    ("generate", "GenerateFunction", Ask::Work),
    ("sweep", "SweepFunction", Ask::Sweep),
    ("notify", "NotifyFunction", Ask::Tell),
];
/// The least that answers, and the least that does what submit does.
const FLOORS: [(&str, &str); 2] = [("bare", "floor-bare"), ("floor", "floor-submit")];
/// What must be there for the rest to have jobs.
const NEEDED: [&str; 2] = ["submit", "generate"];

/// What a start, an answer and a job of each function cost.
#[derive(Debug, Parser)]
#[command(about, long_about = None)]
struct Args {
    /// Where the binaries are: `submit`, `lookup`, … or `function-submit`, …, and `floor-bare`, `floor-submit`.
    #[arg(long, default_value = "target/release")]
    binaries: PathBuf,
    /// How often each program is measured.
    #[arg(long, default_value_t = 7)]
    rounds: u32,
    /// Requests to each of them when it is warm.
    #[arg(long, default_value_t = 60)]
    requests: u32,
    /// Only these programs, by their names in the table.
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// How many jobs share an invocation of generate.
    #[arg(long, value_delimiter = ',', default_values_t = [1, 10, 100])]
    jobs: Vec<u32>,
    /// How long their upstream takes.
    #[arg(long, default_value_t = 10_000)]
    upstream_ms: u32,
    /// A Python with boto3, to compare with.
    #[arg(long)]
    python: Option<PathBuf>,
    /// A Node with the AWS SDK beside bench/peers/submit.mjs, to compare with.
    #[arg(long)]
    node: Option<PathBuf>,
    /// Write everything that was measured here.
    #[arg(long)]
    json: Option<PathBuf>,
    /// Draw the curves here.
    #[arg(long)]
    svg: Option<PathBuf>,
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(&Args::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(args: &Args) -> anyhow::Result<()> {
    let mut world = World::start().await?;
    let mut cases = cases(args, &world)?;
    let program = |name: &str| {
        let case = cases.iter().find(|case| case.name == name);
        case.map(|case| case.program.clone()).context("it needs submit and generate")
    };
    let [submit, generate] = NEEDED.map(program);
    let (submit, generate) = (submit?, generate?);
    let means = Means::find();
    let mut placer = submit.start().await?;
    let mut owner = world.user().await?;
    let (user, job) = place(&mut placer, &mut owner, 0).await?;
    generate.start().await?.invoke(&batch(&[(user.clone(), job)])?).await?;
    world.ended(&user, &job).await?;
    let ended = (owner, job);
    if !args.only.is_empty() {
        cases.retain(|case| args.only.iter().any(|name| name == case.name));
    }

    let programs = u64::try_from(cases.len())?;
    let bar = progress(programs.saturating_mul(args.rounds.into()))?;
    for _ in 0..args.rounds {
        let mut order: Vec<usize> = (0..cases.len()).collect();
        fastrand::shuffle(&mut order);
        for index in order {
            let Some(case) = cases.get_mut(index) else { continue };
            bar.set_message(case.name);
            let mut asker =
                Asker { world: &mut world, submit: &mut placer, ended: &ended, news: Vec::new() };
            let measured = case.measure(&mut asker, means, args.requests).await;
            let round = measured.with_context(|| format!("cannot measure {}", case.name))?;
            case.rounds.push(round);
            bar.inc(1);
        }
    }
    let mut batches: Vec<Batch> = Vec::new();
    for &jobs in &args.jobs {
        bar.set_message(format!("generate with {jobs} jobs"));
        let measured =
            batches::measure(&mut world, &mut placer, &generate, jobs, args.upstream_ms).await;
        batches.push(measured.with_context(|| format!("cannot measure {jobs} jobs"))?);
    }
    bar.finish_and_clear();
    drop(placer);
    world.stop().await?;

    let programs = report::figures(&cases, "floor")?;
    let goals = report::goals(&cases, &programs, &batches);
    let report =
        Report { rounds: args.rounds, throttled_by: means.name(), programs, batches, goals };
    report::print(&report);
    if let Some(path) = &args.json {
        fs::write(path, serde_json::to_string_pretty(&report)?)?;
    }
    if let Some(path) = &args.svg {
        plot::write(path, &report.batches)?;
    }
    Ok(())
}

/// The programs that there are.
fn cases(args: &Args, world: &World) -> anyhow::Result<Vec<Case>> {
    let mut cases = Vec::new();
    let mut add = |name, ask, command: PathBuf, script: Option<&str>, variables| {
        let arguments = script.map(PathBuf::from).into_iter().collect();
        let program = Program { command, arguments, variables };
        cases.push(Case { name, ask, program, rounds: Vec::new() });
    };
    for (name, function, ask) in FUNCTIONS {
        let names = [name.to_owned(), format!("function-{name}")];
        let path = names.iter().map(|name| args.binaries.join(name)).find(|path| path.is_file());
        let path = path.with_context(|| {
            format!("there is no {name} in {}: build it first", args.binaries.display())
        })?;
        add(name, ask, path.canonicalize()?, None, world.variables(function)?);
    }
    let of_submit = world.variables("SubmitFunction")?;
    for (name, binary) in FLOORS {
        if let Ok(path) = args.binaries.join(binary).canonicalize() {
            add(name, Ask::Order, path, None, of_submit.clone());
        }
    }
    if let Some(python) = &args.python {
        let script = Some(concat!(env!("CARGO_MANIFEST_DIR"), "/peers/submit.py"));
        let trusted = ("AWS_CA_BUNDLE".to_owned(), world.tls.all()?);
        let variables = of_submit.iter().cloned().chain([trusted]).collect();
        add("python", Ask::Order, python.clone(), script, variables);
    }
    if let Some(node) = &args.node {
        let script = Some(concat!(env!("CARGO_MANIFEST_DIR"), "/peers/submit.mjs"));
        // It warns of its age, at length.
        let quiet = ("NODE_NO_WARNINGS".to_owned(), "1".to_owned());
        let trusted = ("NODE_EXTRA_CA_CERTS".to_owned(), world.tls.own()?);
        let variables = of_submit.into_iter().chain([quiet, trusted]).collect();
        add("node", Ask::Order, node.clone(), script, variables);
    }
    Ok(cases)
}

fn progress(steps: u64) -> anyhow::Result<ProgressBar> {
    let style = ProgressStyle::with_template("{bar:24} {pos}/{len} {msg} {elapsed}")?;
    let bar = ProgressBar::new(steps).with_style(style);
    bar.enable_steady_tick(Duration::from_millis(200));
    Ok(bar)
}
