//! Black Forest Labs: submit, then poll `polling_url`.

use serde_json::{Value, json};

use super::{Plan, Stage, text};
use crate::{
    reply::{Reply, fresh_id},
    schema::{self, Field, Kind, may, must, sides},
    upstream::{Seen, Upstream},
};

const FORMATS: Kind = Kind::OneOf(&["jpeg", "png", "webp"]);
const SEED: Kind = Kind::Whole(i64::MIN, i64::MAX);

const ULTRA: &[Field] = &[
    may("prompt", Kind::Text).or_null(),
    may("prompt_upsampling", Kind::Flag),
    may("seed", SEED).or_null(),
    may("aspect_ratio", Kind::Ratio),
    may("safety_tolerance", Kind::Whole(0, 6)),
    may("output_format", FORMATS).or_null(),
    may("raw", Kind::Flag),
    may("image_prompt", Kind::Picture).or_null(),
    may("image_prompt_strength", Kind::Number(0.0, 1.0)),
    may("webhook_url", Kind::Url).or_null(),
    may("webhook_secret", Kind::Text).or_null(),
];

const KONTEXT: &[Field] = &[
    must("prompt", Kind::Text),
    may("input_image", Kind::Picture).or_null(),
    may("input_image_2", Kind::Picture).or_null(),
    may("input_image_3", Kind::Picture).or_null(),
    may("input_image_4", Kind::Picture).or_null(),
    may("prompt_upsampling", Kind::Flag),
    may("seed", SEED).or_null(),
    may("aspect_ratio", Kind::Ratio).or_null(),
    may("safety_tolerance", Kind::Whole(0, 6)),
    may("output_format", FORMATS).or_null(),
    may("webhook_url", Kind::Url).or_null(),
    may("webhook_secret", Kind::Text).or_null(),
];

/// What differs between the models.
#[derive(Clone, Copy)]
struct Model {
    path: &'static str,
    fields: &'static [Field],
    /// Credits, of one cent.
    cost: f64,
    format: &'static str,
    /// The shape of a picture that was ordered without one.
    shape: (u32, u32),
}

const MODELS: [Model; 2] = [
    Model {
        path: "/v1/flux-pro-1.1-ultra",
        fields: ULTRA,
        cost: 6.0,
        format: "jpeg",
        shape: (16, 9),
    },
    Model {
        path: "/v1/flux-kontext-pro",
        fields: KONTEXT,
        cost: 4.0,
        format: "png",
        shape: (1, 1),
    },
];

/// Plays Black Forest Labs: `POST /v1/flux-pro-1.1-ultra`, `POST /v1/flux-kontext-pro` and
/// `GET /v1/get_result`, with the key in `x-key`. One picture an order. The specification asks for
/// no key when polling, so none is missed here; a wrong one is refused.
pub fn bfl(upstream: &Upstream, plan: Plan) {
    let stage = Stage::new(upstream, plan);
    for model in MODELS {
        let stage = stage.clone();
        upstream.on("POST", model.path, Reply::with(move |seen| submit(&stage, model, seen)));
    }
    upstream.on("GET", "/v1/get_result", Reply::with(move |seen| poll(&stage, seen)));
}

fn submit(stage: &Stage, model: Model, seen: &Seen) -> Reply {
    if !stage.knows(seen, "x-key", &stage.plan.key) {
        return Reply::fixture("bfl/401");
    }
    let input = match schema::check(&seen.body, model.fields) {
        Ok(input) => input,
        Err(wrong) => {
            stage.object_to_all(seen, &wrong);
            let detail = wrong.iter().map(schema::Violation::detail).collect();
            return Reply::fixture("bfl/422").set("/detail", Value::Array(detail));
        }
    };
    let id = fresh_id();
    let hook = text(&input, "webhook_url").map(str::to_owned);
    stage.take(&id, seen, input, Vec::new());
    let reply = match hook {
        Some(url) => Reply::fixture("bfl/submit_webhook").set("/webhook_url", json!(url)),
        None => Reply::fixture("bfl/submit"),
    };
    reply.set("/cost", json!(model.cost)).id(&id)
}

fn poll(stage: &Stage, seen: &Seen) -> Reply {
    if seen.header("x-key").is_some() && !stage.knows(seen, "x-key", &stage.plan.key) {
        return Reply::fixture("bfl/401");
    }
    let Some(id) = seen.parameter("id") else {
        stage.object(seen, "a poll without an id");
        return Reply::fixture("bfl/422").set("/detail/0/loc", json!(["query", "id"]));
    };
    let Some(task) = stage.polled(&id) else {
        stage.object(seen, "a poll of a task that there is not");
        return Reply::fixture("bfl/task_not_found").id(&id);
    };
    if task.polls <= stage.plan.polls_before_ready {
        return Reply::fixture("bfl/pending").id(&id);
    }
    let model = MODELS.iter().find(|model| model.path == task.path).expect("a known path");
    let ratio = text(&task.input, "aspect_ratio").and_then(|ratio| sides(ratio, ':'));
    stage.hang(&id, ratio.unwrap_or(model.shape));
    let extension = text(&task.input, "output_format").unwrap_or(model.format);
    let mut reply = Reply::fixture("bfl/ready")
        .set("/result/sample", json!(stage.picture(&id, 0, extension)))
        .set("/result/prompt", json!(text(&task.input, "prompt").unwrap_or_default()));
    if let Some(seed @ Value::Number(_)) = task.input.get("seed") {
        reply = reply.set("/result/seed", seed.clone());
    }
    reply.id(&id)
}
