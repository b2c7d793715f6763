//! What can go wrong with a single call, sorted by what the caller can do about it.

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;

pub(crate) type Source = Box<dyn std::error::Error + Send + Sync>;

/// Why a table did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Nothing was written: another writer or a throttle was in the way.
    #[error("the table is busy")]
    Busy,
    /// The request itself is wrong, which is a bug or a missing permission. Nothing was written.
    #[error("the request is malformed")]
    Malformed(#[source] Source),
    /// It may or may not have been done.
    #[error("the outcome is unknown")]
    Unknown(#[source] Source),
    /// A row is there but is not what we write. A person must look.
    #[error("a row is unreadable")]
    Unreadable(#[source] Source),
}

impl From<serde_dynamo::Error> for StoreError {
    fn from(error: serde_dynamo::Error) -> Self {
        Self::Unreadable(error.into())
    }
}

/// Error codes that say "later".
const BUSY: [&str; 5] = [
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "Throttling",
    "ThrottlingException",
    "TransactionConflictException",
];

/// Sorts the failure of a call that reads, or writes one row.
pub(crate) fn sort<E>(error: SdkError<E, HttpResponse>) -> StoreError
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    let busy = error.code().is_some_and(|code| BUSY.contains(&code));
    let refused = error.raw_response().is_some_and(|answer| answer.status().is_client_error());
    if busy {
        StoreError::Busy
    } else if refused || matches!(error, SdkError::ConstructionFailure(_)) {
        StoreError::Malformed(error.into())
    } else {
        StoreError::Unknown(error.into())
    }
}

#[cfg(test)]
mod tests;
