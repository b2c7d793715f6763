//! Single calls, sorted by what the caller can do about their failure.

use super::*;
use crate::script::{Script, error};

#[tokio::test(start_paused = true)]
async fn a_failed_call_is_sorted_by_what_can_be_done_about_it() {
    for (status, code, expected) in [
        (400, "ThrottlingException", "the table is busy"),
        (400, "ProvisionedThroughputExceededException", "the table is busy"),
        (400, "RequestLimitExceeded", "the table is busy"),
        (400, "TransactionConflictException", "the table is busy"),
        (400, "ValidationException", "the request is malformed"),
        (400, "AccessDeniedException", "the request is malformed"),
        (400, "ResourceNotFoundException", "the request is malformed"),
        (500, "InternalServerError", "the outcome is unknown"),
        (503, "ServiceUnavailable", "the outcome is unknown"),
    ] {
        let store = Script::of([error(status, code)]).store();
        let user = "demo".parse().unwrap();
        let found = store.balance(&user).await.unwrap_err();
        assert_eq!(found.to_string(), expected, "{code}");
        let source = std::error::Error::source(&found);
        assert_eq!(source.is_none(), matches!(found, StoreError::Busy), "{code}");
    }
}
