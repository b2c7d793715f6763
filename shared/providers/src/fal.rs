//! fal.ai, which serves all four models.
//!
//! An order goes into its queue and is answered at once with three URLs: where to ask how far it is,
//! where the result will be, and where to cancel it
//! (<https://fal.ai/docs/documentation/model-apis/inference/queue.md>).
//!
//! What would cost money or quality if it were overlooked: `COMPLETED` is not success, the result says
//! that; the URLs are the ones given, because they leave out a part of the model's name; tolerance is
//! text here; Ideogram's speed and Recraft's style decide the price; a picture that its filter marks
//! is not delivered.

use std::time::Duration;

use domain::{
    catalogue::ModelId,
    failure::Failure,
    job::{Job, Task},
    order::IMAGES_MAX,
    size::Ratio,
    upstream::Upstream,
};
use futures_util::future::join_all;
use reqwest::{
    RequestBuilder,
    header::{AUTHORIZATION, HeaderName},
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use tokio::time::{Instant, timeout};

use crate::{
    Call, Later, PollError, Progress, Provider, Receipt, SubmitError,
    http::{Answer, Hosts, Line, NoAnswer},
    meaning::{Told, judge_poll, judge_submit, says_moderated},
    parts::{self, Link, Part, foreign},
    source::{SourcePicture, Sources},
    task,
};

/// How long fal keeps what it made, in seconds: a day is long after the last job could want it, and
/// its URLs are open to whoever has them.
const KEEP: &str = r#"{"expiration_duration_seconds":86400}"#;
/// The header that says so.
const LIFECYCLE: &str = "x-fal-object-lifecycle-preference";

/// Ideogram's default speed, by fal's name: what the catalogue's cost is that of.
const SPEED: &str = "BALANCED";

/// fal.ai.
#[derive(Debug)]
pub(crate) struct Fal {
    line: Line,
    sources: Sources,
}

/// The requests of an order, in their order.
#[derive(Serialize, Deserialize)]
struct Requests(Vec<Request>);

/// A request that is in the queue, by the URLs that fal gave.
#[derive(Serialize, Deserialize)]
struct Request {
    #[serde(rename = "status_url")]
    status: String,
    #[serde(rename = "response_url")]
    response: String,
    #[serde(rename = "cancel_url", default, skip_serializing_if = "Option::is_none")]
    cancel: Option<String>,
}

#[derive(Deserialize)]
struct StatusOut {
    status: String,
    #[serde(default)]
    error: Option<Value>,
    #[serde(default)]
    error_type: Option<Value>,
}

#[derive(Deserialize)]
struct ResultOut {
    images: Vec<Value>,
    #[serde(default)]
    seed: Option<Value>,
    #[serde(default)]
    has_nsfw_concepts: Option<Value>,
}

impl Fal {
    pub(crate) const HOSTS: Hosts =
        Hosts { base: "https://queue.fal.run", api: &["queue.fal.run"], results: &["fal.media"] };
    pub(crate) const HEADER: HeaderName = AUTHORIZATION;

    pub(crate) fn new(line: Line, sources: Sources) -> Self {
        Self { line, sources }
    }

    async fn order(&self, job: &Job, call: Call) -> Result<Receipt, SubmitError> {
        let begun = Instant::now();
        let source = self.sources.of(job).await?;
        let call = call.since(begun);
        let path = format!("/{}", model(job)?);
        let body = body(job, source.as_ref());
        let one = async |_part: u8| {
            let request = self.line.post(&path, &body).header(LIFECYCLE, KEEP);
            let sent = self.send(request, call).await;
            task::read::<Request>(judge_submit(sent, call.now, says_moderated)?)
        };
        let taken = parts::send(requests(job), call, self.answer(call), one).await?;
        Ok(Receipt { task: task::write(&Requests(taken))?, cost: None })
    }

    async fn ask(&self, request: &Request, call: Call) -> Result<Part, PollError> {
        let begun = Instant::now();
        let Ok(asked) = self.line.get(&request.status) else { return Ok(foreign()) };
        let sent = self.send(asked, call).await;
        let status: StatusOut = match judge_poll(sent, call.now, false)? {
            Told::Json(json) => task::understand(json)?,
            Told::NoTask(why) => return Ok(Part::Lost(why)),
            Told::Verdict(verdict) => return Ok(Part::Failed(verdict)),
        };
        if status.status != "COMPLETED" {
            return Ok(Part::Pending(self.line.limits.pause));
        }
        let call = call.since(begun);
        let failed = status.error.is_some() || status.error_type.is_some();
        let Ok(asked) = self.line.get(&request.response) else { return Ok(foreign()) };
        let sent = self.send(asked, call).await;
        match judge_poll(sent, call.now, true) {
            Ok(Told::Json(json)) if !failed => Ok(ready(&task::understand(json)?)),
            Ok(Told::Verdict(verdict)) => Ok(Part::Failed(verdict)),
            // It has said that it failed; the result could only have said why.
            _ if failed => Ok(Part::Failed(Failure::ProviderFailed.into())),
            Ok(Told::Json(_)) => Ok(Part::Failed(Failure::ProviderFailed.into())),
            Ok(Told::NoTask(why)) => Ok(Part::Lost(why)),
            Err(error) => Err(error),
        }
    }

    async fn send(&self, request: RequestBuilder, call: Call) -> Result<Answer, NoAnswer> {
        self.line.send(request, self.answer(call)).await
    }

    fn answer(&self, call: Call) -> Duration {
        self.line.limits.answer.min(call.within)
    }
}

impl Provider for Fal {
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

    fn cancel<'a>(&'a self, _job: &'a Job, task: &'a Task, call: Call) -> Later<'a, ()> {
        Box::pin(async move {
            let Ok(Requests(requests)) = task::parse(task) else { return };
            let told = requests.iter().map(async |request| {
                let told = request.cancel.as_deref().map(|url| self.line.put(url));
                if let Some(Ok(request)) = told {
                    // Whether it listens makes no difference: nobody waits for the pictures any more.
                    drop(self.send(request, call).await);
                }
            });
            drop(timeout(call.within, join_all(told)).await);
        })
    }
}

/// The model's name there.
fn model(job: &Job) -> Result<&'static str, SubmitError> {
    let offers = job.order.model.model().offers.iter();
    let mut names = offers.filter(|offer| offer.upstream == Upstream::Fal).map(|offer| offer.name);
    names.next().ok_or_else(|| SubmitError::Verdict(Failure::ProviderRejected.into()))
}

/// How many requests an order is: Recraft's model makes one picture at a time.
const fn requests(job: &Job) -> u8 {
    match job.order.model {
        ModelId::RecraftV3 => job.order.n.get(),
        ModelId::Flux11Ultra | ModelId::FluxKontextPro | ModelId::IdeogramV3 => 1,
    }
}

/// The pictures of a result, without those that its filter marks. Its one seed is that of the request, so
/// it says something only of a picture that was made alone.
fn ready(result: &ResultOut) -> Part {
    let marked = |index| {
        let marks = result.has_nsfw_concepts.as_ref();
        marks.and_then(|marks| marks.get(index)?.as_bool()).unwrap_or_default()
    };
    let alone = result.images.len() == 1;
    let seed = task::seed(result.seed.as_ref()).filter(|_| alone);
    let mut links = Vec::new();
    let mut withheld = 0_usize;
    for (index, picture) in result.images.iter().enumerate().take(usize::from(IMAGES_MAX)) {
        if marked(index) {
            withheld = withheld.saturating_add(1);
        } else if let Some(url) = task::url(picture.get("url")) {
            links.push(Link { url, seed });
        }
    }
    Part::Ready { links, withheld }
}

/// What is sent for an order, or for one picture of it.
pub(crate) fn body(job: &Job, source: Option<&SourcePicture>) -> Value {
    let order = &job.order;
    let extra = |key: &str| order.extra.get(key).cloned();
    let prompt = Some(json!(order.prompt.as_str()));
    let (n, seed) = (Some(json!(order.n.get())), Some(json!(job.seed())));
    // What BFL makes of the same order, whoever serves it.
    let format = if order.model == ModelId::FluxKontextPro { "png" } else { "jpeg" };
    let fields = match order.model {
        ModelId::Flux11Ultra | ModelId::FluxKontextPro => vec![
            ("prompt", prompt),
            ("num_images", n),
            ("seed", seed),
            ("aspect_ratio", order.shape().map(|ratio| json!(ratio.as_str()))),
            ("image_url", source.map(|source| json!(source.to_data_uri()))),
            ("output_format", Some(extra("output_format").unwrap_or_else(|| json!(format)))),
            ("raw", extra("raw")),
            ("enhance_prompt", extra("prompt_upsampling")),
            ("safety_tolerance", extra("safety_tolerance").map(|level| tolerance(&level))),
        ],
        ModelId::IdeogramV3 => vec![
            ("prompt", prompt),
            ("num_images", n),
            ("seed", seed),
            ("image_size", order.shape().map(size)),
            ("rendering_speed", Some(json!(SPEED))),
            ("expand_prompt", extra("magic_prompt").map(|magic| json!(magic != "OFF"))),
            ("style", extra("style_type")),
            ("style_preset", extra("style_preset")),
            ("style_codes", extra("style_codes")),
            ("negative_prompt", extra("negative_prompt")),
            ("color_palette", extra("color_palette")),
        ],
        ModelId::RecraftV3 => vec![
            ("prompt", prompt),
            ("image_size", order.shape().map(size)),
            ("style", style(&order.extra).map(Value::String)),
        ],
    };
    let given = |(field, value): (&str, Option<Value>)| Some((field.to_owned(), value?));
    Value::Object(fields.into_iter().filter_map(given).collect())
}

/// A style with its substyle, as it spells them.
fn style(extra: &Map<String, Value>) -> Option<String> {
    let text = |key: &str| extra.get(key).and_then(Value::as_str);
    let style = text("style")?;
    Some(text("substyle").map_or_else(|| style.to_owned(), |sub| format!("{style}/{sub}")))
}

/// BFL's strictest is 0; fal's is 1, and text.
fn tolerance(level: &Value) -> Value {
    json!(level.as_u64().unwrap_or(1).max(1).to_string())
}

/// How it spells a ratio where it does not take it as one. 21:9 has no name.
fn size(ratio: Ratio) -> Value {
    match ratio {
        Ratio::Tall => json!("portrait_16_9"),
        Ratio::Portrait => json!("portrait_4_3"),
        Ratio::Square => json!("square_hd"),
        Ratio::Landscape => json!("landscape_4_3"),
        Ratio::Wide => json!("landscape_16_9"),
        Ratio::Cinema => json!({ "width": 1_344, "height": 576 }),
    }
}

#[cfg(test)]
mod tests;
