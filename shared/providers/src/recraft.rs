//! Recraft V3 in raster styles, asked directly.
//!
//! One request makes all pictures of an order and is answered when they are made, with URLs that work
//! for a day, and with what it cost (<https://www.recraft.ai/docs/api-reference/endpoints>).
//!
//! What would cost money or quality if it were overlooked: without a model it takes its newest, at
//! another price; vector styles cost twice as much; 21:9 is not among its sizes.

use std::time::Duration;

use domain::{
    job::{Job, Task},
    money::MicroUsd,
    order::Count,
    size::Ratio,
};
use reqwest::header::{AUTHORIZATION, HeaderName};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::{
    Call, Later, PollError, Progress, Provider, Receipt, SubmitError,
    http::{Hosts, Line},
    meaning::{judge_submit, says_moderated},
    parts::{self, Link, Pictures},
    task,
};

/// The path that makes pictures from text.
const GENERATE: &str = "/v1/images/generations";
/// The model that the catalogue sells.
const MODEL: &str = "recraftv3";
/// Micro-dollars of an API unit: a thousand units are a dollar.
const UNIT_MICROS: u64 = 1_000;

/// Recraft.
#[derive(Debug)]
pub(crate) struct Recraft {
    line: Line,
}

#[derive(Deserialize)]
struct GenerateOut {
    data: Vec<Value>,
    #[serde(default)]
    credits: Option<Value>,
}

impl Recraft {
    pub(crate) const HOSTS: Hosts =
        Hosts { base: "https://external.api.recraft.ai", api: &[], results: &["recraft.ai"] };
    pub(crate) const HEADER: HeaderName = AUTHORIZATION;

    pub(crate) fn new(line: Line) -> Self {
        Self { line }
    }

    async fn order(&self, job: &Job, call: Call) -> Result<Receipt, SubmitError> {
        let limit = self.line.limits.patience.min(call.within);
        let sent = self.line.send(self.line.post(GENERATE, &body(job)), limit).await;
        let out: GenerateOut = task::read(judge_submit(sent, call.now, says_moderated)?)?;
        // It does not tell seeds. The one that was sent makes the first picture, and only that.
        let seed = (job.order.n == Count::ONE).then(|| job.seed());
        let urls = out.data.iter().filter_map(|picture| task::url(picture.get("url")));
        let ordered = urls.take(job.order.n.get().into());
        let links = ordered.map(|url| Link { url, seed }).collect();
        let units = out.credits.as_ref().and_then(whole);
        let micros = units.and_then(|units| units.checked_mul(UNIT_MICROS));
        let cost = micros.and_then(|micros| MicroUsd::try_from(micros).ok());
        Ok(Receipt { task: task::write(&Pictures { links, withheld: 0 })?, cost })
    }
}

impl Provider for Recraft {
    fn patience(&self, _job: &Job) -> Duration {
        self.line.limits.patience
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
        Box::pin(parts::fetch_made(&self.line, job, task, call))
    }

    fn cancel<'a>(&'a self, _job: &'a Job, _task: &'a Task, _call: Call) -> Later<'a, ()> {
        // What there is to fetch has been made.
        Box::pin(async {})
    }
}

/// A whole number, also where it is written as a decimal.
fn whole(number: &Value) -> Option<u64> {
    let text = number.as_number()?.to_string();
    text.strip_suffix(".0").unwrap_or(&text).parse().ok()
}

/// What is sent for an order.
pub(crate) fn body(job: &Job) -> Value {
    let order = &job.order;
    let mut body: Map<String, Value> = order.extra.clone();
    body.remove("seed");
    body.insert("prompt".to_owned(), json!(order.prompt.as_str()));
    body.insert("model".to_owned(), json!(MODEL));
    body.insert("n".to_owned(), json!(order.n.get()));
    body.insert("response_format".to_owned(), json!("url"));
    body.insert("random_seed".to_owned(), json!(job.seed()));
    if let Some(ratio) = order.shape() {
        body.insert("size".to_owned(), json!(size(ratio)));
    }
    Value::Object(body)
}

/// The size of a ratio (<https://www.recraft.ai/docs/api-reference/appendix>). What is nearest to 21:9
/// is 2:1.
const fn size(ratio: Ratio) -> &'static str {
    match ratio {
        Ratio::Tall => "1024x1820",
        Ratio::Portrait => "1024x1365",
        Ratio::Square => "1024x1024",
        Ratio::Landscape => "1365x1024",
        Ratio::Wide => "1820x1024",
        Ratio::Cinema => "2048x1024",
    }
}

#[cfg(test)]
mod tests;
