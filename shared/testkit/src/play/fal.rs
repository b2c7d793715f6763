//! fal: a queue in front of models. An order is taken whatever is in it; what is wrong with it is
//! told with the result.

mod models;

use serde_json::{Map, Value, json};

use super::{Plan, Stage, Task, number, text};
use crate::{
    reply::{Reply, fresh_id},
    schema::{self, Violation, sides},
    upstream::{Seen, Upstream},
};

pub use models::MODELS;
use models::{ALL, Model};

/// The first two segments of the ids, under which requests are asked about.
const APPS: [&str; 3] = ["fal-ai/flux-pro", "fal-ai/ideogram", "fal-ai/recraft"];

/// Plays the queue of fal: `POST /{model id}`, then below `/{owner}/{app}/requests/` the patterns
/// `GET …/*/status`, `GET …/*` and `PUT …/*/cancel`, with the key in `Authorization: Key`.
///
/// `num_images` pictures an order; one of Recraft. An order is taken whatever is in it: as in
/// earnest, a wrong one is `COMPLETED` in time, and only its result says that it was wrong.
pub fn fal(upstream: &Upstream, plan: Plan) {
    let stage = Stage::new(upstream, plan);
    let register = |method: &str, pattern: &str, answer: fn(&Stage, &Seen) -> Reply| {
        let stage = stage.clone();
        let reply = Reply::with(move |seen| {
            if stage.knows(seen, "authorization", &format!("Key {}", stage.plan.key)) {
                answer(&stage, seen)
            } else {
                Reply::fixture("fal/401")
            }
        });
        upstream.on(method, pattern, reply);
    };
    for model in MODELS {
        register("POST", &format!("/{model}"), submit);
    }
    for app in APPS {
        register("GET", &format!("/{app}/requests/*/status"), status);
        register("PUT", &format!("/{app}/requests/*/cancel"), cancel);
        register("GET", &format!("/{app}/requests/*"), result);
    }
}

fn model(path: &str) -> Model {
    let id = path.trim_start_matches('/');
    *ALL.iter().find(|model| model.id == id).expect("a path that was registered")
}

/// The first two segments of a path, with slashes before them.
fn app(path: &str) -> String {
    path.split('/').skip(1).take(2).fold(String::new(), |app, part| app + "/" + part)
}

/// The id of the request that a path below `requests/` is about.
fn request(seen: &Seen) -> &str {
    seen.path.split('/').nth(4).unwrap_or_default()
}

/// With the URLs of the app instead of those in the fixture.
fn located(stage: &Stage, reply: Reply, id: &str, app: &str) -> Reply {
    let base = format!("{}{app}/requests/{id}", stage.base);
    reply
        .set("/response_url", json!(base))
        .set("/status_url", json!(format!("{base}/status")))
        .set("/cancel_url", json!(format!("{base}/cancel")))
        .id(id)
}

fn submit(stage: &Stage, seen: &Seen) -> Reply {
    if let Some(limit) = seen.header("x-fal-request-timeout")
        && !limit.parse::<f64>().is_ok_and(|seconds| seconds > 1.0)
    {
        stage.object(seen, "x-fal-request-timeout should be a number of seconds above 1");
        let detail = json!("Invalid timeout header");
        return Reply::json(400, json!({ "detail": detail, "error_type": "bad_request" }));
    }
    let id = fresh_id();
    let (input, wrong) = match schema::check(&seen.body, model(&seen.path).fields) {
        Ok(input) => (input, Vec::new()),
        Err(wrong) => (Map::new(), wrong),
    };
    stage.object_to_all(seen, &wrong);
    stage.take(&id, seen, input, wrong);
    located(stage, Reply::fixture("fal/submit"), &id, &app(&seen.path))
        .header("x-fal-request-id", &id)
}

/// Whether a task has been pending for long enough, or never was.
fn done(stage: &Stage, task: &Task) -> bool {
    let due = stage.plan.polls_before_ready;
    task.cancelled || due == 0 || task.polls > due
}

fn status(stage: &Stage, seen: &Seen) -> Reply {
    let id = request(seen);
    let Some(task) = stage.polled(id).filter(|task| app(&task.path) == app(&seen.path)) else {
        stage.object(seen, "a request that there is not");
        return Reply::fixture("fal/404");
    };
    let reply = if task.cancelled {
        Reply::fixture("fal/completed_with_error")
            .set("/error", json!("Request was cancelled"))
            .set("/error_type", json!("client_cancelled"))
    } else if done(stage, &task) {
        Reply::fixture("fal/completed")
    } else if task.polls == 1 {
        Reply::fixture("fal/in_queue")
    } else {
        Reply::fixture("fal/in_progress")
    };
    located(stage, reply, id, &app(&seen.path))
}

fn cancel(stage: &Stage, seen: &Seen) -> Reply {
    let mut tasks = stage.tasks();
    let Some(task) = tasks.get_mut(request(seen)) else {
        return Reply::fixture("fal/cancel_not_found");
    };
    if done(stage, task) {
        return Reply::fixture("fal/cancel_already_completed");
    }
    task.cancelled = true;
    // It is in the queue until it has been seen there once.
    Reply::fixture(if task.polls > 1 { "fal/cancel_requested" } else { "fal/cancel_ok" })
}

fn result(stage: &Stage, seen: &Seen) -> Reply {
    let id = request(seen);
    let Some(task) = stage.tasks().get(id).cloned() else {
        stage.object(seen, "a request that there is not");
        return Reply::fixture("fal/404");
    };
    if task.cancelled {
        return Reply::fixture("fal/499_client_cancelled");
    }
    if !done(stage, &task) {
        stage.object(seen, "a result that is asked for before the request is done");
        return Reply::fixture("fal/result_in_progress");
    }
    let reply = if task.wrong.is_empty() {
        pictures(stage, id, &task)
    } else {
        let detail = task.wrong.iter().map(Violation::detail).collect();
        Reply::fixture("fal/422_validation").set("/detail", Value::Array(detail))
    };
    reply.header("x-fal-request-id", id)
}

fn pictures(stage: &Stage, id: &str, task: &Task) -> Reply {
    let model = model(&task.path);
    let input = &task.input;
    let (width, height) = stage.hang(id, shape(input).unwrap_or(model.shape));
    let format = text(input, "output_format").unwrap_or(model.format);
    let extension = if format == "jpeg" { "jpg" } else { format };
    let count = number(input, "num_images", 1);
    let flux = model.id.starts_with("fal-ai/flux-pro");
    let images = (0..count).map(|index| {
        let mut image = json!({
            "url": stage.picture(id, index, extension),
            "content_type": format!("image/{format}"),
        });
        let members = image.as_object_mut().expect("an object");
        if flux {
            members.insert("width".to_owned(), json!(width));
            members.insert("height".to_owned(), json!(height));
        } else {
            members.insert("file_name".to_owned(), json!(format!("{index}.{extension}")));
            members.insert("file_size".to_owned(), json!(1024));
        }
        image
    });
    let mut reply = Reply::fixture(model.result)
        .set("/images", Value::Array(images.collect()))
        .header("x-fal-billable-units", &count.to_string());
    if flux {
        let safe = (0..count).map(|_| json!(false)).collect();
        reply = reply
            .set("/has_nsfw_concepts", Value::Array(safe))
            .set("/prompt", json!(text(input, "prompt")));
    }
    if let Some(seed) = input.get("seed") {
        reply = reply.set("/seed", seed.clone());
    }
    reply
}

/// The shape that was asked for, if one was.
fn shape(input: &Map<String, Value>) -> Option<(u32, u32)> {
    if let Some(ratio) = text(input, "aspect_ratio") {
        return sides(ratio, ':');
    }
    let size = input.get("image_size")?;
    let pixels =
        |name| size.get(name).and_then(Value::as_u64).and_then(|it| u32::try_from(it).ok());
    if let (Some(width), Some(height)) = (pixels("width"), pixels("height")) {
        return Some((width, height));
    }
    Some(match size.as_str()? {
        "landscape_16_9" => (16, 9),
        "landscape_4_3" => (4, 3),
        "portrait_16_9" => (9, 16),
        "portrait_4_3" => (3, 4),
        _ => (1, 1),
    })
}
