//! `generate`: orders pictures, waits for them, saves them, and says what they cost.
//!
//! The client sends the order under one idempotency key, so however often it is sent, it is made and
//! paid once.

use std::{
    io::ErrorKind,
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

use anstream::{eprintln, println};
use anyhow::{Context, bail};
use holdfast_client::{Client, Image, Job, Order, Prepared, SubmitError, Waited};
use local::UpstreamVariables;
use runtime::Environment;
use serde_json::{Map, Value};

use crate::{
    args::{Args, GenerateArgs, ServeArgs},
    connection,
    progress::Progress,
    serve,
    style::{BAD, FAINT, GOOD, STRONG},
};

/// The longest that is waited for a job: above the hard expiry of any stack.
const PATIENCE: Duration = Duration::from_hours(7);
/// The largest picture that is saved.
const PICTURE_BYTES_MAX: u64 = 64 * 1_024 * 1_024;

/// Makes pictures at a running stack, or at one that is started for this one order.
pub(crate) async fn generate(args: GenerateArgs) -> anyhow::Result<ExitCode> {
    let (url, chosen) = connection::url();
    let known = connection::ask(&url).await?;
    if known.is_none() && !chosen {
        let (stack, demo) = serve::start(&one_call()?).await?;
        serve::log()?;
        let client = Client::new(stack.url(), demo.key.reveal())?;
        let code = order_and_save(&client, &args).await;
        stack.stop().await?;
        return code;
    }
    if !UpstreamVariables::of(&Environment::of_process()).is_empty() {
        eprintln!(
            "{FAINT}the server at {url} has the pictures made; the keys of upstreams in this shell are \
             not used{FAINT:#}"
        );
    }
    let demo = known.and_then(|stack| stack.demo).map(|demo| demo.api_key);
    let key = args.api_key.clone().or(demo).context("whose money? set HOLDFAST_API_KEY")?;
    order_and_save(&Client::new(url, key)?, &args).await
}

/// A stack for one order: it keeps nothing and takes any port.
fn one_call() -> anyhow::Result<ServeArgs> {
    let args: Args = clap::Parser::try_parse_from(["holdfast", "--port", "0", "--ephemeral"])?;
    Ok(args.serve)
}

async fn order_and_save(client: &Client, args: &GenerateArgs) -> anyhow::Result<ExitCode> {
    tokio::fs::create_dir_all(&args.out)
        .await
        .with_context(|| format!("{} cannot be made", args.out.display()))?;
    let order = order(args)?.prepare()?;
    let mut progress = Progress::new();
    progress.say("ordering");
    let job = place(client, &order).await?;
    let id = job.id.clone();
    let waited = client.wait_and_tell(job, PATIENCE, |job| progress.say(job.status.as_str())).await;
    progress.finish();
    let job = match waited.with_context(|| format!("job {id} goes on without us"))? {
        Waited::Ended(job) => job,
        Waited::Unfinished(job) => bail!("job {} has not ended; ask for it later", job.id),
    };
    let Some(output) = &job.output else {
        let error = job.error.map_or_else(String::new, |e| format!(": {} ({})", e.message, e.code));
        println!("{BAD}{}{BAD:#}{error}", job.status);
        println!("{FAINT}job{FAINT:#} {}, nothing was charged", job.id);
        return Ok(ExitCode::FAILURE);
    };
    for (index, image) in output.images.iter().enumerate() {
        let file = save(client, image, &args.out, &job.id, index).await?;
        println!(
            "{GOOD}saved{GOOD:#} {} {FAINT}{}x{}{FAINT:#}",
            file.display(),
            image.width,
            image.height
        );
    }
    let charged = job.charged_amount.map_or_else(|| "nothing".to_owned(), |usd| format!("${usd}"));
    println!(
        "{FAINT}job{FAINT:#} {} {FAINT}held{FAINT:#} ${} {FAINT}charged{FAINT:#} {STRONG}{charged}{STRONG:#}",
        job.id, job.estimated_cost
    );
    Ok(ExitCode::SUCCESS)
}

fn order(args: &GenerateArgs) -> anyhow::Result<Order> {
    let extra = args.extra.as_deref().map(serde_json::from_str::<Map<String, Value>>);
    let extra = extra.transpose().context("--extra is not a JSON object")?.unwrap_or_default();
    let mut order = Order::new(&args.model, &args.prompt).n(args.n);
    for (key, value) in extra {
        order = order.extra(key, value);
    }
    if let Some(seed) = args.seed {
        order = order.extra("seed", seed);
    }
    if let Some(size) = &args.size {
        order = order.size(size);
    }
    if let Some(url) = &args.image_url {
        order = order.image_url(url);
    }
    if let Some(key) = &args.idempotency_key {
        order = order.idempotency_key(key);
    }
    Ok(order)
}

/// Orders. Who is left without an answer is told how to ask again without ordering twice.
async fn place(client: &Client, order: &Prepared) -> anyhow::Result<Job> {
    let again = || {
        let key = order.key();
        format!("the order may have been taken; to ask again: --idempotency-key {key}")
    };
    match client.submit(order).await {
        Ok(placed) => Ok(placed.job),
        Err(SubmitError::Refused(refusal)) => Err(refusal.into()),
        Err(SubmitError::Unknown(error)) => Err(error).with_context(again),
    }
}

/// Saves a picture under the name of its job.
async fn save(
    client: &Client,
    image: &Image,
    dir: &Path,
    job: &str,
    index: usize,
) -> anyhow::Result<PathBuf> {
    let bytes = client.download(image, PICTURE_BYTES_MAX).await?;
    let file = dir.join(format!("{job}-{index}.{}", extension(&image.content_type)));
    match tokio::fs::write(&file, &bytes).await {
        Err(error) if error.kind() == ErrorKind::PermissionDenied => {
            bail!("{} may not be written", file.display())
        }
        other => other.with_context(|| format!("{} cannot be written", file.display()))?,
    }
    Ok(file)
}

fn extension(content_type: &str) -> &'static str {
    match content_type {
        "image/jpeg" => "jpg",
        "image/webp" => "webp",
        _ => "png",
    }
}
