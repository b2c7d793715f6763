//! `generate`: orders pictures, waits for them, saves them, and says what they cost.
//!
//! The idempotency key is made before the first attempt and sent with each, so however often the
//! order is sent, it is made and paid once.

use std::{
    io::ErrorKind,
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

use anstream::{eprintln, println};
use anyhow::{Context, bail};
use local::UpstreamVariables;
use reqwest::{Client, Response, StatusCode, header::RETRY_AFTER};
use runtime::{Entropy, Environment};
use serde::Deserialize;
use serde_json::{Map, Number, Value, json};
use tokio::time::{Instant, sleep};

use crate::{
    args::{Args, GenerateArgs, ServeArgs},
    connection, http,
    progress::Progress,
    serve,
    style::{BAD, FAINT, GOOD, STRONG},
};

/// How often an order is sent before giving up.
const ATTEMPTS: u32 = 5;
/// The longest that is waited between two attempts.
const PAUSE_MAX: Duration = Duration::from_secs(10);
/// How often the job is asked for.
const POLL: Duration = Duration::from_millis(250);
/// The longest that is waited for a job: above the hard expiry of any stack.
const PATIENCE: Duration = Duration::from_hours(7);
/// How long after the order a poll may fail before it is given up.
const OUTAGE: Duration = Duration::from_mins(2);
/// The largest picture that is saved.
const PICTURE_BYTES_MAX: u64 = 64 * 1_024 * 1_024;

/// The parts of the job object that matter here.
#[derive(Debug, Deserialize)]
struct Job {
    id: String,
    status: String,
    output: Option<Output>,
    error: Option<JobError>,
    estimated_cost: Number,
    charged_amount: Option<Number>,
}

#[derive(Debug, Deserialize)]
struct Output {
    images: Vec<Image>,
}

#[derive(Debug, Deserialize)]
struct Image {
    url: String,
    width: u32,
    height: u32,
    content_type: String,
}

#[derive(Debug, Deserialize)]
struct JobError {
    code: String,
    message: String,
}

/// Where orders go, and with which key.
struct Api {
    client: Client,
    url: String,
    key: String,
}

/// Makes pictures at a running stack, or at one that is started for this one order.
pub(crate) async fn generate(args: GenerateArgs) -> anyhow::Result<ExitCode> {
    let (url, chosen) = connection::url();
    let known = connection::ask(&url).await?;
    if known.is_none() && !chosen {
        let (stack, demo) = serve::start(&one_call()?).await?;
        serve::log()?;
        let api = Api {
            client: http::client()?,
            url: stack.url().to_owned(),
            key: demo.key.reveal().to_owned(),
        };
        let code = order_and_save(&api, &args).await;
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
    order_and_save(&Api { client: http::client()?, url, key }, &args).await
}

/// A stack for one order: it keeps nothing and takes any port.
fn one_call() -> anyhow::Result<ServeArgs> {
    let args: Args = clap::Parser::try_parse_from(["holdfast", "--port", "0", "--ephemeral"])?;
    Ok(args.serve)
}

async fn order_and_save(api: &Api, args: &GenerateArgs) -> anyhow::Result<ExitCode> {
    tokio::fs::create_dir_all(&args.out)
        .await
        .with_context(|| format!("{} cannot be made", args.out.display()))?;
    let body = body(args)?;
    let mut progress = Progress::new();
    progress.say("ordering");
    let job = api.order(&body).await?;
    let job = api.wait(job, &mut progress).await?;
    progress.finish();
    let Some(output) = &job.output else {
        let error = job.error.map_or_else(String::new, |e| format!(": {} ({})", e.message, e.code));
        println!("{BAD}{}{BAD:#}{error}", job.status);
        println!("{FAINT}job{FAINT:#} {}, nothing was charged", job.id);
        return Ok(ExitCode::FAILURE);
    };
    for (index, image) in output.images.iter().enumerate() {
        let file = api.save(image, &args.out, &job.id, index).await?;
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

fn body(args: &GenerateArgs) -> anyhow::Result<Value> {
    let extra = args.extra.as_deref().map(serde_json::from_str::<Map<String, Value>>);
    let mut extra = extra.transpose().context("--extra is not a JSON object")?.unwrap_or_default();
    if let Some(seed) = args.seed {
        extra.insert("seed".to_owned(), seed.into());
    }
    let key = match &args.idempotency_key {
        Some(key) => key.clone(),
        None => fresh_key()?,
    };
    Ok(json!({
        "model": args.model,
        "prompt": args.prompt,
        "n": args.n,
        "size": args.size,
        "image_url": args.image_url,
        "extra": extra,
        "idempotency_key": key,
    }))
}

fn fresh_key() -> anyhow::Result<String> {
    let random: [u8; 16] = Entropy::system().bytes()?;
    Ok(format!("cli-{:032x}", u128::from_be_bytes(random)))
}

impl Api {
    /// Sends an order until it is taken or refused for good. Who is left without an answer is told how
    /// to ask again without ordering twice.
    async fn order(&self, body: &Value) -> anyhow::Result<Job> {
        let key = body.get("idempotency_key").and_then(Value::as_str).unwrap_or_default();
        let again =
            || format!("the order may have been taken; to ask again: --idempotency-key {key}");
        let mut pause = Duration::from_millis(500);
        for attempt in 1..=ATTEMPTS {
            let request = self.client.post(format!("{}/v1/images/generations", self.url));
            let sent = request.bearer_auth(&self.key).json(body).send().await;
            match sent {
                Ok(answer) if answer.status().is_success() => {
                    return answer.json().await.with_context(again);
                }
                Ok(answer) if passes(answer.status()) && attempt < ATTEMPTS => {
                    pause = retry_after(&answer).unwrap_or(pause);
                }
                Ok(answer) if passes(answer.status()) => {
                    return Err(anyhow::anyhow!("{}", refusal(answer).await)).with_context(again);
                }
                Ok(answer) => bail!("{}", refusal(answer).await),
                Err(error) if attempt == ATTEMPTS => return Err(error).with_context(again),
                Err(_) => {}
            }
            sleep(pause.min(PAUSE_MAX)).await;
            pause = pause.saturating_mul(2);
        }
        bail!("the order was not taken")
    }

    /// Asks for a job until it has ended.
    async fn wait(&self, mut job: Job, progress: &mut Progress) -> anyhow::Result<Job> {
        let begun = Instant::now();
        while matches!(job.status.as_str(), "pending" | "processing") {
            progress.say(&job.status);
            if begun.elapsed() > PATIENCE {
                bail!("job {} has not ended; ask for it later", job.id);
            }
            sleep(POLL).await;
            let request = self.client.get(format!("{}/v1/jobs/{}", self.url, job.id));
            match request.bearer_auth(&self.key).send().await {
                Ok(answer) if answer.status().is_success() => job = answer.json().await?,
                Ok(answer) if passes(answer.status()) => {}
                Ok(answer) => bail!("{}", refusal(answer).await),
                Err(error) if begun.elapsed() > OUTAGE => {
                    let told = format!("job {} goes on without us", job.id);
                    return Err(error).context(told);
                }
                Err(_) => {}
            }
        }
        Ok(job)
    }

    /// Saves a picture under the name of its job.
    async fn save(
        &self,
        image: &Image,
        dir: &Path,
        job: &str,
        index: usize,
    ) -> anyhow::Result<PathBuf> {
        let answer = self.client.get(&image.url).send().await?.error_for_status()?;
        if answer.content_length().is_some_and(|length| length > PICTURE_BYTES_MAX) {
            bail!("the picture is too large");
        }
        let bytes = answer.bytes().await.context("the picture could not be fetched")?;
        let file = dir.join(format!("{job}-{index}.{}", extension(&image.content_type)));
        let saved = tokio::fs::write(&file, &bytes).await;
        match saved {
            Err(error) if error.kind() == ErrorKind::PermissionDenied => {
                bail!("{} may not be written", file.display())
            }
            other => other.with_context(|| format!("{} cannot be written", file.display()))?,
        }
        Ok(file)
    }
}

fn extension(content_type: &str) -> &'static str {
    match content_type {
        "image/jpeg" => "jpg",
        "image/webp" => "webp",
        _ => "png",
    }
}

/// Whether the same request may well be taken later.
fn passes(status: StatusCode) -> bool {
    status == StatusCode::TOO_MANY_REQUESTS || status.is_server_error()
}

fn retry_after(answer: &Response) -> Option<Duration> {
    let text = answer.headers().get(RETRY_AFTER)?.to_str().ok()?;
    text.parse().ok().map(Duration::from_secs)
}

/// What the API says is wrong.
async fn refusal(answer: Response) -> String {
    let status = answer.status();
    let body: Value = answer.json().await.unwrap_or_default();
    let text = |name: &str| body.pointer(&format!("/error/{name}")).and_then(Value::as_str);
    match (text("message"), text("code")) {
        (Some(message), Some(code)) => format!("{message} ({code})"),
        _ => format!("the API answered {status}"),
    }
}
