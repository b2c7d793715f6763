//! All-or-nothing writes whose failures say what happened.
//!
//! DynamoDB answers a canceled transaction with a list of reasons, in the order of the writes.
//! [`Tx`] gives each write a name, its *step*, and turns the list back into "this step was refused,
//! and here is what it found". Put the most telling step first: when several conditions fail, it is
//! the one reported.

mod effort;
mod unheard;

use std::{collections::HashMap, sync::Arc};

use aws_sdk_dynamodb::{
    Client,
    error::{ProvideErrorMetadata, SdkError},
    operation::transact_write_items::TransactWriteItemsError,
    types::{
        AttributeValue, CancellationReason, Put, ReturnValuesOnConditionCheckFailure::AllOld,
        TransactWriteItem, Update,
    },
};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use serde::Serialize;
use tokio::time::timeout_at;

pub(crate) use self::effort::{Effort, Pauses};

use crate::{
    conditions::Condition,
    error::{Source, StoreError},
    keys::Key,
};

/// A row, as DynamoDB keeps it.
pub(crate) type Item = HashMap<String, AttributeValue>;

/// Why a transaction did not commit.
#[derive(Debug)]
pub(crate) enum TxError<Step> {
    /// The condition of `step` did not hold. `found` is the row it met. Nothing was written by this attempt.
    Refused { step: Step, found: Option<Item> },
    /// The table's own trouble.
    Store(StoreError),
}

impl<Step> From<StoreError> for TxError<Step> {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// A transaction being put together. `Step` names its writes.
#[derive(Debug)]
#[must_use]
pub(crate) struct Tx<Step> {
    steps: Vec<Step>,
    writes: Result<Vec<TransactWriteItem>, Arc<dyn std::error::Error + Send + Sync>>,
}

impl<Step: Copy> Tx<Step> {
    pub(crate) fn new() -> Self {
        Self { steps: Vec::new(), writes: Ok(Vec::new()) }
    }

    /// Adds a write to `table`, under the name of `step`.
    pub(crate) fn step(mut self, step: Step, table: &str, write: Write) -> Self {
        self.steps.push(step);
        self.writes = self.writes.and_then(|mut writes| {
            writes.push(write.build(table)?);
            Ok(writes)
        });
        self
    }

    /// Writes all of it, or nothing. Meeting other writers, it tries again for as long as an [`Effort`] lasts;
    /// `salt` keeps those who met once from meeting again.
    pub(crate) async fn commit(self, client: &Client, salt: u64) -> Result<(), TxError<Step>> {
        let mut effort = Effort::new(salt);
        loop {
            match self.attempt(client, &effort).await {
                Err(TxError::Store(StoreError::Busy)) => effort.rest().await?,
                decided => return decided,
            }
        }
    }

    /// Writes all of it, or nothing, in one attempt.
    ///
    /// It has a client token of its own, which the SDK sets and keeps through its own retries, so a
    /// retry after a lost answer is not a second write.
    pub(crate) async fn attempt(
        &self,
        client: &Client,
        effort: &Effort,
    ) -> Result<(), TxError<Step>> {
        let broken = |error: &Arc<dyn std::error::Error + Send + Sync>| {
            StoreError::Malformed(Box::new(Arc::clone(error)))
        };
        let writes = self.writes.as_ref().map_err(broken)?.clone();
        let request = client.transact_write_items().set_transact_items(Some(writes));
        let sending = request.customize().interceptor(effort.unheard.clone()).send();
        let Ok(answer) = timeout_at(effort.limit(), sending).await else {
            return Err(StoreError::Unknown("no answer in time".into()).into());
        };
        answer.map(drop).map_err(|error| diagnose(&self.steps, error))
    }
}

/// One conditional write. There is no other kind.
///
/// Attribute names avoid DynamoDB's reserved words, so that expressions are written out in full and
/// need no aliases.
#[derive(Debug)]
#[must_use]
pub(crate) struct Write {
    key: Key,
    change: Result<Change, serde_dynamo::Error>,
    condition: Condition,
    values: Item,
}

#[derive(Debug)]
enum Change {
    Put(Item),
    Update(&'static str),
}

impl Write {
    /// Writes a whole row, if the condition holds.
    pub(crate) fn put(key: Key, body: &impl Serialize, condition: Condition) -> Self {
        let change = serde_dynamo::to_item(body).map(Change::Put);
        Self { key, change, condition, values: Item::new() }
    }

    /// Changes some attributes of a row, if the condition holds.
    pub(crate) fn update(key: Key, expression: &'static str, condition: Condition) -> Self {
        Self { key, change: Ok(Change::Update(expression)), condition, values: Item::new() }
    }

    /// Fills in a `:placeholder`.
    pub(crate) fn with(mut self, placeholder: &'static str, value: impl Serialize) -> Self {
        self.change = self.change.and_then(|change| {
            let value = serde_dynamo::to_attribute_value(value)?;
            self.values.insert(placeholder.to_owned(), value);
            Ok(change)
        });
        self
    }

    fn build(self, table: &str) -> Result<TransactWriteItem, Source> {
        let values = (!self.values.is_empty()).then_some(self.values);
        let key = self.key.attributes();
        let write = TransactWriteItem::builder();
        let write = match self.change? {
            Change::Put(mut item) => {
                item.extend(key);
                let put = Put::builder()
                    .table_name(table)
                    .set_item(Some(item))
                    .condition_expression(self.condition.text())
                    .set_expression_attribute_values(values)
                    .return_values_on_condition_check_failure(AllOld);
                write.put(put.build()?)
            }
            Change::Update(expression) => {
                let update = Update::builder()
                    .table_name(table)
                    .set_key(Some(key))
                    .update_expression(expression)
                    .condition_expression(self.condition.text())
                    .set_expression_attribute_values(values)
                    .return_values_on_condition_check_failure(AllOld);
                write.update(update.build()?)
            }
        };
        Ok(write.build())
    }
}

/// The reasons for a cancellation that will pass.
const PASSING: [&str; 3] =
    ["TransactionConflict", "ProvisionedThroughputExceeded", "ThrottlingError"];

fn diagnose<Step: Copy>(
    steps: &[Step],
    error: SdkError<TransactWriteItemsError, HttpResponse>,
) -> TxError<Step> {
    if let Some(TransactWriteItemsError::TransactionCanceledException(canceled)) =
        error.as_service_error()
    {
        return match verdict(steps, canceled.cancellation_reasons()) {
            Some(verdict) => verdict,
            None => StoreError::Malformed(error.into()).into(),
        };
    }
    // Our own earlier attempt, still being decided.
    if error.code() == Some("TransactionInProgressException") {
        return StoreError::Unknown(error.into()).into();
    }
    crate::error::sort(error).into()
}

/// What the reasons for a cancellation say, read by index: the first step that objected decides. A
/// later step's refusal counts for nothing while an earlier, more telling one is undecided. `None`
/// if no step objected for a reason that we know.
fn verdict<Step: Copy>(steps: &[Step], reasons: &[CancellationReason]) -> Option<TxError<Step>> {
    let objected = |(_, reason): &(&Step, &CancellationReason)| {
        reason.code().is_some_and(|code| code != "None")
    };
    let (step, reason) = steps.iter().zip(reasons).find(objected)?;
    match reason.code() {
        Some("ConditionalCheckFailed") => {
            let found = reason.item().filter(|item| !item.is_empty()).cloned();
            Some(TxError::Refused { step: *step, found })
        }
        Some(code) if PASSING.contains(&code) => Some(StoreError::Busy.into()),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
