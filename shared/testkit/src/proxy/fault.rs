//! Failures as `DynamoDB` tells them
//! (<https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html>).

use serde_json::{Value, json};

use super::call::Call;

/// What the names of errors begin with.
const NAMESPACE: &str = "com.amazonaws.dynamodb.v20120810";

/// An answer that the proxy gives instead of the service.
#[derive(Clone, Copy, Debug)]
pub struct Fault(Kind);

#[derive(Clone, Copy, Debug)]
enum Kind {
    /// An error with this name.
    Named(u16, &'static str),
    /// A transaction whose step of this index was refused for this reason.
    Canceled(usize, &'static str),
}

impl Fault {
    /// The transaction is canceled, because of its step of this index, counted from zero, for a reason such
    /// as `TransactionConflict`.
    pub fn canceled(step: usize, reason: &'static str) -> Self {
        Self(Kind::Canceled(step, reason))
    }

    /// `ThrottlingException`
    pub fn throttled() -> Self {
        Self(Kind::Named(400, "ThrottlingException"))
    }

    /// `ValidationException`
    pub fn invalid() -> Self {
        Self(Kind::Named(400, "ValidationException"))
    }

    /// `TransactionInProgressException`
    pub fn in_progress() -> Self {
        Self(Kind::Named(400, "TransactionInProgressException"))
    }

    /// `IdempotentParameterMismatchException`
    pub fn mismatch() -> Self {
        Self(Kind::Named(400, "IdempotentParameterMismatchException"))
    }

    /// `InternalServerError`, with status 500
    pub fn internal() -> Self {
        Self(Kind::Named(500, "InternalServerError"))
    }

    /// Status and body of the answer to a call.
    pub(super) fn answer(self, call: &Call) -> (u16, Value) {
        match self.0 {
            Kind::Named(status, name) => {
                let kind = format!("{NAMESPACE}#{name}");
                (status, json!({ "__type": kind, "message": "on purpose" }))
            }
            Kind::Canceled(step, reason) => {
                let body = call.json();
                let steps = body.get("TransactItems").and_then(Value::as_array).map_or(0, Vec::len);
                assert!(step < steps, "the transaction has no step {step}");
                let code = |index| if index == step { reason } else { "None" };
                let codes: Vec<&str> = (0..steps).map(code).collect();
                let reasons: Vec<Value> = codes
                    .iter()
                    .map(|code| json!({ "Code": code, "Message": "on purpose" }))
                    .collect();
                let message = format!(
                    "Transaction cancelled, please refer cancellation reasons for specific reasons [{}]",
                    codes.join(", ")
                );
                let kind = format!("{NAMESPACE}#TransactionCanceledException");
                let body =
                    json!({ "__type": kind, "Message": message, "CancellationReasons": reasons });
                (400, body)
            }
        }
    }
}
