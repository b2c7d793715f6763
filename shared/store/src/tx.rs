//! All-or-nothing writes whose failures say what happened.
//!
//! DynamoDB answers a canceled transaction with a list of reasons, in the order of the writes.
//! [`Tx`] gives each write a name, its *step*, and turns the list back into "this step was refused,
//! and here is what it found". Put the most telling step first: when several conditions fail, it is
//! the one reported.

mod unheard;

use std::{collections::HashMap, time::Duration};

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
use tokio::time::{Instant, sleep, timeout_at};

use crate::{
    conditions::Condition,
    error::{BUSY, Source, StoreError},
    keys::Key,
    tx::unheard::Unheard,
};

/// A row, as DynamoDB keeps it.
pub(crate) type Item = HashMap<String, AttributeValue>;

/// How long a transaction that meets others on the same rows is tried again. The SDK does not do
/// it: it takes `TransactionCanceledException` for final.
const BUDGET: Duration = Duration::from_millis(2_500);
/// How long a transaction may take with all its attempts, so that who asked for it can still be
/// told that the outcome is unknown before their function's time is up.
const LIMIT: Duration = Duration::from_secs(5);
/// The longest first pause; it doubles up to [`PAUSE_MAX`].
const PAUSE: Duration = Duration::from_millis(20);
/// The longest pause.
const PAUSE_MAX: Duration = Duration::from_millis(320);

/// Why a transaction did not commit.
#[derive(Debug)]
pub(crate) enum TxError<Step> {
    /// The condition of `step` did not hold. `found` is the row it met. Nothing was written, and if this
    /// is final, nothing will be: else an earlier attempt was not answered, and may be done yet, should the
    /// condition hold by then.
    Refused { step: Step, found: Option<Item>, is_final: bool },
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
    writes: Result<Vec<TransactWriteItem>, Source>,
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

    /// Writes all of it, or nothing. Meeting other writers, it tries again within [`BUDGET`];
    /// `salt` keeps those who met once from meeting again.
    ///
    /// Each attempt has a client token of its own, which the SDK sets and keeps through its own
    /// retries, so a retry after a lost answer is not a second write.
    pub(crate) async fn commit(self, client: &Client, salt: u64) -> Result<(), TxError<Step>> {
        let writes = self.writes.map_err(StoreError::Malformed)?;
        let begun = Instant::now();
        let end = begun.checked_add(BUDGET);
        let limit = begun.checked_add(LIMIT).unwrap_or(begun);
        let mut pauses = Pauses::new(salt);
        let unheard = Unheard::default();
        loop {
            let request = client.transact_write_items().set_transact_items(Some(writes.clone()));
            let sending = request.customize().interceptor(unheard.clone()).send();
            let Ok(answer) = timeout_at(limit, sending).await else {
                return Err(StoreError::Unknown("no answer in time".into()).into());
            };
            let Err(error) = answer else { return Ok(()) };
            match diagnose(&self.steps, error, !unheard.any()) {
                TxError::Store(StoreError::Busy) => {
                    let pause = pauses.next();
                    if Instant::now().checked_add(pause) >= end {
                        let unknown =
                            || StoreError::Unknown("busy, and an answer is missing".into());
                        let busy = if unheard.any() { unknown() } else { StoreError::Busy };
                        return Err(busy.into());
                    }
                    sleep(pause).await;
                }
                decided @ (TxError::Refused { .. } | TxError::Store(_)) => return Err(decided),
            }
        }
    }
}

/// Pauses of random length below a bound that doubles, which spreads those who collided best.
pub(crate) struct Pauses {
    bound: Duration,
    state: u64,
}

impl Pauses {
    pub(crate) fn new(salt: u64) -> Self {
        Self { bound: PAUSE, state: salt }
    }

    pub(crate) fn next(&mut self) -> Duration {
        // SplitMix64's step: enough to tell the pauses of different jobs apart.
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.state ^ (self.state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let millis = u64::try_from(self.bound.as_millis()).unwrap_or(u64::MAX);
        let pause = (mixed >> 31).checked_rem(millis).unwrap_or_default();
        self.bound = self.bound.saturating_mul(2).min(PAUSE_MAX);
        Duration::from_millis(pause.saturating_add(1))
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
    is_final: bool,
) -> TxError<Step> {
    if let Some(TransactWriteItemsError::TransactionCanceledException(canceled)) =
        error.as_service_error()
    {
        return match verdict(steps, canceled.cancellation_reasons(), is_final) {
            Some(verdict) => verdict,
            None => StoreError::Malformed(error.into()).into(),
        };
    }
    match error.code() {
        Some(code) if BUSY.contains(&code) => StoreError::Busy.into(),
        // Our own earlier attempt, still being decided.
        Some("TransactionInProgressException") => StoreError::Unknown(error.into()).into(),
        _ => crate::error::sort(error).into(),
    }
}

/// What the reasons for a cancellation say, read by index: the first step that objected decides. A
/// later step's refusal counts for nothing while an earlier, more telling one is undecided. `None`
/// if no step objected for a reason that we know.
fn verdict<Step: Copy>(
    steps: &[Step],
    reasons: &[CancellationReason],
    is_final: bool,
) -> Option<TxError<Step>> {
    let objected = |(_, reason): &(&Step, &CancellationReason)| {
        reason.code().is_some_and(|code| code != "None")
    };
    let (step, reason) = steps.iter().zip(reasons).find(objected)?;
    match reason.code() {
        Some("ConditionalCheckFailed") => {
            let found = reason.item().filter(|item| !item.is_empty()).cloned();
            Some(TxError::Refused { step: *step, found, is_final })
        }
        Some(code) if PASSING.contains(&code) => Some(StoreError::Busy.into()),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
