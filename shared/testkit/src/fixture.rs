//! Answers of the upstreams as they publish them, in files that say where each was seen.
//!
//! In the strings of a fixture `{base}` stands for the URL of the server that answers, and `{id}`
//! for an id that is fresh with each answer.

use serde_json::Value;

/// One fixture.
#[derive(Clone, Debug)]
pub struct Fixture {
    /// The public page or specification that shows this shape.
    pub source: String,
    /// What is worth knowing about it, and what of it is inferred.
    pub note: String,
    /// The status of the answer.
    pub status: u16,
    /// Its headers, beside the content type.
    pub headers: Vec<(String, String)>,
    /// Its body, with placeholders.
    pub body: Value,
}

macro_rules! table {
    ($($name:literal),+ $(,)?) => {
        &[$(($name, include_str!(concat!("../fixtures/", $name, ".json")))),+]
    };
}

/// Every file, by its path below `fixtures/`.
const TABLE: &[(&str, &str)] = table![
    "bfl/401",
    "bfl/402",
    "bfl/422",
    "bfl/429",
    "bfl/content_moderated",
    "bfl/error",
    "bfl/pending",
    "bfl/ready",
    "bfl/request_moderated",
    "bfl/submit",
    "bfl/submit_webhook",
    "bfl/task_not_found",
    "bfl/unknown_status",
    "fal/401",
    "fal/403_exhausted_balance",
    "fal/403_locked",
    "fal/404",
    "fal/422_content_policy_violation",
    "fal/422_validation",
    "fal/429",
    "fal/499_client_cancelled",
    "fal/500_infrastructure",
    "fal/503_runner_disconnected",
    "fal/504_request_timeout",
    "fal/cancel_already_completed",
    "fal/cancel_not_found",
    "fal/cancel_ok",
    "fal/cancel_requested",
    "fal/completed",
    "fal/completed_with_error",
    "fal/in_progress",
    "fal/in_queue",
    "fal/result_flux_kontext",
    "fal/result_flux_ultra",
    "fal/result_ideogram",
    "fal/result_in_progress",
    "fal/result_nsfw",
    "fal/result_recraft",
    "fal/submit",
    "ideogram/400",
    "ideogram/401",
    "ideogram/402",
    "ideogram/422_safety",
    "ideogram/429_inflight_limit",
    "ideogram/all_unsafe",
    "ideogram/ok_1",
    "ideogram/ok_4",
    "ideogram/one_unsafe",
    "ideogram/one_unsafe_empty",
    "recraft/400",
    "recraft/401",
    "recraft/429",
    "recraft/dearer",
    "recraft/ok",
    "recraft/out_of_units",
];

/// The names of all fixtures, such as `bfl/submit`.
pub fn names() -> impl Iterator<Item = &'static str> {
    TABLE.iter().map(|(name, _)| *name)
}

/// The fixture of this name. A name that does not exist is a mistake in a test: it panics.
pub fn get(name: &str) -> Fixture {
    let Some((_, text)) = TABLE.iter().find(|(known, _)| *known == name) else {
        panic!("there is no fixture `{name}`");
    };
    parse(text).unwrap_or_else(|| panic!("the fixture `{name}` is not of the form of fixtures"))
}

fn parse(text: &str) -> Option<Fixture> {
    let file: Value = serde_json::from_str(text).ok()?;
    let headers = file.get("headers")?.as_object()?;
    Some(Fixture {
        source: file.get("source")?.as_str()?.to_owned(),
        note: file.get("note")?.as_str()?.to_owned(),
        status: u16::try_from(file.get("status")?.as_u64()?).ok()?,
        headers: headers
            .iter()
            .map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned())))
            .collect::<Option<_>>()?,
        body: file.get("body")?.clone(),
    })
}

/// Puts `base` and `id` where their placeholders are, in every string of a value.
pub(crate) fn fill(value: &mut Value, base: &str, id: &str) {
    match value {
        Value::String(text) => {
            if text.contains('{') {
                *text = text.replace("{base}", base).replace("{id}", id);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| fill(item, base, id)),
        Value::Object(members) => members.values_mut().for_each(|member| fill(member, base, id)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
