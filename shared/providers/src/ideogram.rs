//! Ideogram 3.0, asked directly.
//!
//! One request makes all pictures of an order and is answered when they are made, with URLs that work
//! for a while (<https://developer.ideogram.ai/api-reference/api-reference/generate-v3>).
//!
//! What would cost money or quality if it were overlooked: ratios are spelled `16x9`, and 21:9 is not
//! among them, so that it is asked for by resolution; the speed decides the price and is pinned; a
//! picture that its moderation withholds has no URL and is billed to us all the same.

use std::time::Duration;

use domain::{
    job::{Job, Task},
    size::Ratio,
};
use reqwest::header::HeaderName;
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
const GENERATE: &str = "/v1/ideogram-v3/generate";
/// The speed that the catalogue's cost is that of.
const SPEED: &str = "DEFAULT";

/// Ideogram.
#[derive(Debug)]
pub(crate) struct Ideogram {
    line: Line,
}

#[derive(Deserialize)]
struct GenerateOut {
    data: Vec<Value>,
}

impl Ideogram {
    pub(crate) const HOSTS: Hosts =
        Hosts { base: "https://api.ideogram.ai", api: &[], results: &["ideogram.ai"] };
    pub(crate) const HEADER: HeaderName = HeaderName::from_static("api-key");

    pub(crate) fn new(line: Line) -> Self {
        Self { line }
    }

    async fn order(&self, job: &Job, call: Call) -> Result<Receipt, SubmitError> {
        let limit = self.line.limits.patience.min(call.within);
        let sent = self.line.send(self.line.post(GENERATE, &body(job)), limit).await;
        let out: GenerateOut = task::read(judge_submit(sent, call.now, is_refused)?)?;
        let made = out.data.iter().take(job.order.n.get().into());
        let links: Vec<Link> = made.clone().filter_map(link).collect();
        let withheld = made.filter(|picture| is_withheld(picture)).count();
        Ok(Receipt { task: task::write(&Pictures { links, withheld })?, cost: None })
    }
}

impl Provider for Ideogram {
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

/// 422 is its word for a prompt that its safety check refuses.
fn is_refused(status: u16, complaint: &Value) -> bool {
    status == 422 || says_moderated(status, complaint)
}

/// The picture, unless it is withheld.
fn link(picture: &Value) -> Option<Link> {
    let url = task::url(picture.get("url")).filter(|_| !is_withheld(picture))?;
    Some(Link { url, seed: task::seed(picture.get("seed")) })
}

/// It says so, and leaves the URL empty.
fn is_withheld(picture: &Value) -> bool {
    let url = picture.get("url").and_then(Value::as_str).unwrap_or_default();
    picture.get("is_image_safe").and_then(Value::as_bool) == Some(false) || url.is_empty()
}

/// What is sent for an order.
pub(crate) fn body(job: &Job) -> Value {
    let order = &job.order;
    let mut body: Map<String, Value> = order.extra.clone();
    body.insert("prompt".to_owned(), json!(order.prompt.as_str()));
    body.insert("num_images".to_owned(), json!(order.n.get()));
    body.insert("rendering_speed".to_owned(), json!(SPEED));
    body.insert("seed".to_owned(), json!(job.seed()));
    if let Some(ratio) = order.shape() {
        let (field, shape) = shape(ratio);
        body.insert(field.to_owned(), json!(shape));
    }
    Value::Object(body)
}

/// How it spells a ratio. What is nearest to 21:9 is a resolution of 2.3:1.
const fn shape(ratio: Ratio) -> (&'static str, &'static str) {
    match ratio {
        Ratio::Tall => ("aspect_ratio", "9x16"),
        Ratio::Portrait => ("aspect_ratio", "3x4"),
        Ratio::Square => ("aspect_ratio", "1x1"),
        Ratio::Landscape => ("aspect_ratio", "4x3"),
        Ratio::Wide => ("aspect_ratio", "16x9"),
        Ratio::Cinema => ("resolution", "1472x640"),
    }
}

#[cfg(test)]
mod tests;
