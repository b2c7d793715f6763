//! `serve`: the whole product on this machine, until it is told to stop.

use std::{io::IsTerminal, path::Path, process::ExitCode, time::Duration};

use anstream::{eprintln, println};
use anyhow::Context;
use local::{Constraints, Options, Stack, TemplateSource, UpstreamVariables};
use runtime::Environment;
use serde_json::json;
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

use crate::{
    args::ServeArgs,
    connection,
    demo::{self, Demo},
    style::{FAINT, GOOD, STRONG},
};

/// What is logged where nobody says: warnings, but not those of the stand-ins, for whom a refused
/// condition is worth one.
const QUIET: &str = "warn,dynoxide=error,rustack_sqs_core=error,s3s=error,s3s_fs=error";

/// Serves until Ctrl-C or SIGTERM.
pub(crate) async fn serve(args: ServeArgs) -> anyhow::Result<ExitCode> {
    log()?;
    let mut terminate = signal(SignalKind::terminate())?;
    let (stack, demo) = start(&args).await?;
    announce(&args, &stack, &demo)?;
    tokio::select! {
        pressed = tokio::signal::ctrl_c() => pressed?,
        _ = terminate.recv() => {}
    }
    eprintln!("stopping …");
    stack.stop().await?;
    Ok(ExitCode::SUCCESS)
}

/// Starts a stack and opens its demo account.
pub(crate) async fn start(args: &ServeArgs) -> anyhow::Result<(Stack, Demo)> {
    let data_dir = (!args.ephemeral).then(|| args.data_dir.clone());
    let options = Options {
        template: args.template.clone().map_or(TemplateSource::Builtin, TemplateSource::File),
        port: args.port,
        data_dir: data_dir.clone(),
        parameters: args.parameters(),
        upstreams: UpstreamVariables::of(&Environment::of_process()),
        // Values that no deployment would take are what one plays with on one machine.
        constraints: Constraints::Ignored,
        sweep_every: args.sweep_seconds.map(Duration::from_secs),
        ..Options::default()
    };
    let stack = Stack::start(options).await?;
    let store = connection::store_of(&stack)?;
    let demo = demo::open(&store, args.credit, data_dir.as_deref()).await?;
    stack.set_demo(demo.describe());
    Ok((stack, demo))
}

/// For a person: what to do next. For a program: one line of JSON.
fn announce(args: &ServeArgs, stack: &Stack, demo: &Demo) -> anyhow::Result<()> {
    if std::io::stdout().is_terminal() {
        greet(args, stack, demo);
        return Ok(());
    }
    let endpoints = stack.endpoints();
    let ready = json!({
        "url": stack.url(),
        "api_key": demo.key.reveal(),
        "user_id": demo.user,
        "endpoints": {
            "dynamodb": endpoints.dynamodb,
            "sqs": endpoints.sqs,
            "s3": endpoints.s3,
        },
    });
    println!("{}", serde_json::to_string(&ready).context("the first line")?);
    Ok(())
}

fn greet(args: &ServeArgs, stack: &Stack, demo: &Demo) {
    let (url, key) = (stack.url(), demo.key.reveal());
    let row = |label: &str, value: &str| println!("  {FAINT}{label:<10}{FAINT:#}{value}");
    println!("\n{GOOD}Holdfast{GOOD:#} serves at {STRONG}{url}{STRONG:#}\n");
    row("user", demo.user.as_str());
    row("API key", key);
    row("balance", &format!("${}", demo.available));
    row("pictures", &made_by(stack));
    row("data", &kept_in(args));
    println!("\nMake a picture:\n");
    println!(
        "  curl -s {url}/v1/images/generations \\\n    \
         -H 'Authorization: Bearer {key}' -H 'Content-Type: application/json' \\\n    \
         -d '{{\"model\": \"flux-1.1-ultra\", \"prompt\": \"a cinematic hourglass\"}}'\n"
    );
    println!("and ask what became of it, with the id from the answer:\n");
    println!("  curl -s {url}/v1/jobs/ID -H 'Authorization: Bearer {key}'\n");
    println!("{FAINT}Ctrl-C stops.{FAINT:#}");
}

/// Who makes the pictures: what they cost is for whoever's keys they are to know beforehand.
fn made_by(stack: &Stack) -> String {
    let upstreams = stack.template().parameters.get("Upstreams");
    match upstreams.map(|parameter| parameter.value.as_str()).filter(|list| !list.is_empty()) {
        Some(list) => {
            format!("made by {} for money, the rest by the sandbox", list.replace(',', ", "))
        }
        None => "drawn by the sandbox, for nothing".to_owned(),
    }
}

fn kept_in(args: &ServeArgs) -> String {
    if args.ephemeral {
        return "kept nowhere".to_owned();
    }
    let shown: &Path = &args.data_dir;
    format!("kept in {}", shown.display())
}

/// What goes wrong is told on standard error; `HOLDFAST_LOG=info` tells more.
pub(crate) fn log() -> anyhow::Result<()> {
    let filter = EnvFilter::builder()
        .with_env_var("HOLDFAST_LOG")
        .try_from_env()
        .unwrap_or_else(|_| EnvFilter::new(QUIET));
    // In a terminal the line is enough: of which invocation it is need not stand before each.
    let filter = match "runtime::telemetry=off".parse() {
        Ok(spans) => filter.add_directive(spans),
        Err(_) => filter,
    };
    let logger =
        tracing_subscriber::fmt().with_writer(runtime::sink::stderr).with_env_filter(filter);
    logger.try_init().map_err(|error| anyhow::anyhow!("logging cannot be set up: {error}"))
}
