//! Which messages of a batch are done, by the function's answer. A report that is malformed says
//! nothing, so nothing is done: <https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html>.

use std::collections::BTreeSet;

use serde_json::Value;

/// What is wrong with an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Malformed(pub(super) &'static str);

/// The ids of the messages that are done, of those that were handed over.
pub(super) fn done<'a>(answer: &[u8], handed_over: &[&'a str]) -> Result<Vec<&'a str>, Malformed> {
    let answer: Value =
        serde_json::from_slice(answer).map_err(|_| Malformed("answers what is not JSON"))?;
    let failed = match &answer {
        Value::Null => None,
        Value::Object(map) => match map.get("batchItemFailures") {
            None if map.is_empty() => None,
            None => return Err(Malformed("answers without `batchItemFailures`")),
            Some(failures) => Some(failures),
        },
        Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            return Err(Malformed("answers what is no report"));
        }
    };
    let failed: BTreeSet<&str> = match failed {
        None | Some(Value::Null) => BTreeSet::new(),
        Some(Value::Array(items)) => items.iter().map(identifier).collect::<Result<_, _>>()?,
        Some(_) => return Err(Malformed("reports failures that are no list")),
    };
    if failed.iter().any(|id| !handed_over.contains(id)) {
        return Err(Malformed("reports a message that it was not given"));
    }
    Ok(handed_over.iter().copied().filter(|id| !failed.contains(id)).collect())
}

fn identifier(item: &Value) -> Result<&str, Malformed> {
    let id = item.get("itemIdentifier").and_then(Value::as_str);
    id.filter(|id| !id.is_empty()).ok_or(Malformed("reports a failure without its message"))
}
