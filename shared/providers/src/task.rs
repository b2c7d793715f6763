//! Between JSON and types, on both sides of an upstream: what it answered, and the [`Task`] that is
//! made of it. What cannot be read is no answer, never a verdict.

use domain::job::Task;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::{PollError, Source, SubmitError};

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

/// The task that is noted with the job.
pub(crate) fn write(task: &impl Serialize) -> Result<Task, SubmitError> {
    let json = serde_json::to_string(task);
    json.map(Task).map_err(|error| SubmitError::Unknown(Source::from(error)))
}

/// The task as it was noted.
pub(crate) fn parse<T: DeserializeOwned>(Task(task): &Task) -> Result<T, PollError> {
    serde_json::from_str(task).map_err(|_| other_form())
}
