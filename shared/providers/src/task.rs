//! Between JSON and types, on both sides of an upstream: what it answered, and the [`Task`] that is
//! made of it. What cannot be read is no answer, never a verdict.

use domain::job::Task;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::{PollError, Source, SubmitError, parts::URL_BYTES_MAX};

#[derive(Debug, thiserror::Error)]
#[error("the answer is not of the form that was agreed")]
struct OtherForm;

/// What the upstream answered to an order. If it cannot be read, the order may have been taken.
pub(crate) fn read<T: DeserializeOwned>(json: Value) -> Result<T, SubmitError> {
    T::deserialize(json).map_err(|_| SubmitError::Unknown(OtherForm.into()))
}

/// What the upstream answered about a task.
pub(crate) fn understand<T: DeserializeOwned>(json: Value) -> Result<T, PollError> {
    T::deserialize(json).map_err(|_| other_form())
}

/// An answer about a task that lacks something. What it says is not repeated: it may be a URL that
/// opens something.
pub(crate) fn other_form() -> PollError {
    PollError::Unanswered(OtherForm.into())
}

/// The longest task that is noted, in bytes. A row of the table has 400 KB, and every write of it costs by
/// its size; what is longer than this is not of the form that was agreed.
const TASK_BYTES_MAX: usize = 32 * 1_024;

/// The task that is noted with the job.
pub(crate) fn write(task: &impl Serialize) -> Result<Task, SubmitError> {
    let json = serde_json::to_string(task);
    let json = json.map_err(|error| SubmitError::Unknown(Source::from(error)))?;
    if json.len() > TASK_BYTES_MAX {
        return Err(SubmitError::Unknown(OtherForm.into()));
    }
    Ok(Task(json))
}

/// A seed, if that is what it is. What only describes a picture never keeps it from being delivered.
pub(crate) fn seed(value: Option<&Value>) -> Option<u32> {
    value?.as_u64().and_then(|seed| u32::try_from(seed).ok())
}

/// A URL, if it is one that can be kept.
pub(crate) fn url(value: Option<&Value>) -> Option<String> {
    let url = value?.as_str()?;
    (1..=URL_BYTES_MAX).contains(&url.len()).then(|| url.to_owned())
}

/// The task as it was noted.
pub(crate) fn parse<T: DeserializeOwned>(Task(task): &Task) -> Result<T, PollError> {
    serde_json::from_str(task).map_err(|_| other_form())
}
