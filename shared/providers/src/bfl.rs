//! Black Forest Labs: FLUX 1.1 \[pro\] Ultra and FLUX.1 Kontext \[pro\].
//!
//! One request makes one picture. It is answered at once with a URL at which to ask; the answer there
//! tells a signed URL of the picture that works for ten minutes
//! (<https://docs.bfl.ai/quick_start/generating_images>, <https://api.bfl.ai/openapi.json>).
//!
//! What would cost money or quality if it were overlooked: without a ratio Ultra makes 16:9; the URL to
//! ask at is the one given, because the global host hands tasks to regions; `status` is spelled with
//! spaces and capitals, and a word that is not known is *not yet*, never a failure.

use std::time::Duration;

use domain::{
    catalogue::ModelId,
    failure::Failure,
    job::{Job, Task},
    money::MicroUsd,
    order::SEED_MAX,
};
use futures_util::future::join_all;
use reqwest::header::HeaderName;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use tokio::time::Instant;

use crate::{
    Call, Later, PollError, Progress, Provider, Receipt, SubmitError,
    http::{Hosts, Line},
    meaning::{Told, judge_poll, judge_submit, says_moderated},
    parts::{self, Link, Part, foreign},
    source::{SourcePicture, Sources},
    task,
};

/// Micro-dollars of a hundredth of a credit: a credit is a cent.
const CREDIT_MICROS: u64 = 10_000;

/// Black Forest Labs.
#[derive(Debug)]
pub(crate) struct Bfl {
    line: Line,
    sources: Sources,
}

/// The requests of an order, in their order.
#[derive(Serialize, Deserialize)]
struct Requests(Vec<Request>);

/// A request that was taken.
#[derive(Serialize, Deserialize)]
struct Request {
    polling_url: String,
    seed: u32,
}

#[derive(Deserialize)]
struct SubmitOut {
    polling_url: String,
    #[serde(default)]
    cost: Option<Value>,
}

#[derive(Deserialize)]
struct PollOut {
    status: String,
    #[serde(default)]
    result: Option<ResultOut>,
}

#[derive(Deserialize)]
struct ResultOut {
    sample: String,
    #[serde(default)]
    seed: Option<Value>,
}

impl Bfl {
    pub(crate) const HOSTS: Hosts =
        Hosts { base: "https://api.bfl.ai", api: &["bfl.ai"], results: &["bfl.ai"] };
    pub(crate) const HEADER: HeaderName = HeaderName::from_static("x-key");

    pub(crate) fn new(line: Line, sources: Sources) -> Self {
        Self { line, sources }
    }

    async fn order(&self, job: &Job, call: Call) -> Result<Receipt, SubmitError> {
        let begun = Instant::now();
        let source = self.sources.of(job).await?;
        let call = call.since(begun);
        let (requests, path) = (job.order.n.get(), path(job));
        let one = async |part: u8| {
            let seed = seed(job, part);
            let body = body(job, seed, source.as_ref());
            let sent = self.line.send(self.line.post(path, &body), self.answer(call)).await;
            let out: SubmitOut = task::read(judge_submit(sent, call.now, says_moderated)?)?;
            let cost = out.cost.as_ref().and_then(Value::as_number).and_then(micros);
            Ok((Request { polling_url: out.polling_url, seed }, cost))
        };
        let taken = parts::send(requests, call, self.answer(call), one).await?;
        let (requests, costs): (Vec<_>, Vec<_>) = taken.into_iter().unzip();
        let add = |sum: MicroUsd, cost: Option<MicroUsd>| sum.checked_add(cost?);
        let cost = costs.into_iter().try_fold(MicroUsd::ZERO, add);
        Ok(Receipt { task: task::write(&Requests(requests))?, cost })
    }

    async fn ask(&self, request: &Request, call: Call) -> Result<Part, PollError> {
        let Ok(asked) = self.line.get(&request.polling_url) else { return Ok(foreign()) };
        let answer = self.line.send(asked, self.answer(call)).await;
        let json = match judge_poll(answer, call.now, false)? {
            Told::Json(json) => json,
            Told::NoTask(why) => return Ok(Part::Lost(why)),
            Told::Verdict(verdict) => return Ok(Part::Failed(verdict)),
        };
        let out: PollOut = task::understand(json)?;
        Ok(match out.status.as_str() {
            "Ready" => {
                let result = out.result.ok_or_else(task::other_form)?;
                let seed = task::seed(result.seed.as_ref()).or(Some(request.seed));
                let links = vec![Link { url: result.sample, seed }];
                Part::Ready { links, withheld: 0 }
            }
            "Request Moderated" => Part::Failed(Failure::ContentModerated.into()),
            "Content Moderated" => Part::Ready { links: Vec::new(), withheld: 1 },
            "Error" | "Failed" => Part::Failed(Failure::ProviderFailed.into()),
            // Just after it was sent, another region may not know it yet.
            "Task not found" => Part::Lost("the task is not found".into()),
            _ => Part::Pending(self.line.limits.pause),
        })
    }

    fn answer(&self, call: Call) -> Duration {
        self.line.limits.answer.min(call.within)
    }
}

impl Provider for Bfl {
    fn patience(&self, job: &Job) -> Duration {
        self.sources.patience(job).saturating_add(self.line.limits.answer)
    }

    fn submit<'a>(&'a self, job: &'a Job, call: Call) -> Later<'a, Result<Receipt, SubmitError>> {
        Box::pin(self.order(job, call))
    }

    fn poll<'a>(
        &'a self,
        job: &'a Job,
        task: &'a Task,
        call: Call,
    ) -> Later<'a, Result<Progress, PollError>> {
        Box::pin(async move {
            let begun = Instant::now();
            let Requests(requests) = task::parse(task)?;
            let asked = join_all(requests.iter().map(|request| self.ask(request, call))).await;
            parts::gather(&self.line, job, asked, call.since(begun)).await
        })
    }

    fn cancel<'a>(&'a self, _job: &'a Job, _task: &'a Task, _call: Call) -> Later<'a, ()> {
        // It has no such request: what was begun is finished, and billed to us.
        Box::pin(async {})
    }
}

const fn path(job: &Job) -> &'static str {
    match job.order.model {
        ModelId::FluxKontextPro => "/v1/flux-kontext-pro",
        ModelId::Flux11Ultra | ModelId::IdeogramV3 | ModelId::RecraftV3 => "/v1/flux-pro-1.1-ultra",
    }
}

/// The seed of one of the pictures: each has its own, or all would be the same.
fn seed(job: &Job, part: u8) -> u32 {
    job.seed().wrapping_add(part.into()) & SEED_MAX
}

/// What is sent for one picture.
pub(crate) fn body(job: &Job, seed: u32, source: Option<&SourcePicture>) -> Value {
    let order = &job.order;
    let mut body: Map<String, Value> = order.extra.clone();
    body.insert("prompt".to_owned(), json!(order.prompt.as_str()));
    body.insert("seed".to_owned(), json!(seed));
    if let Some(ratio) = order.shape() {
        body.insert("aspect_ratio".to_owned(), json!(ratio.as_str()));
    }
    if let Some(source) = source {
        body.insert("input_image".to_owned(), json!(source.to_base64()));
    }
    Value::Object(body)
}

/// Credits as money. They come as decimals, and no float ever holds money.
fn micros(credits: &serde_json::Number) -> Option<MicroUsd> {
    let hundredths: MicroUsd = credits.to_string().parse().ok()?;
    let dollars = hundredths.micros().checked_div(1_000_000 / CREDIT_MICROS)?;
    MicroUsd::try_from(dollars).ok()
}

#[cfg(test)]
mod tests;
