//! What can go wrong, by what the caller should do about it.

use reqwest::{StatusCode, header::HeaderMap};
use serde::Deserialize;

use crate::Usd;

/// The API refused, and said why. Nothing is left of the request.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message} ({})", code.as_deref().unwrap_or("from the gateway"))]
pub struct ApiError {
    /// The HTTP status.
    pub status: u16,
    /// For programs, such as `insufficient_balance`; none where API Gateway answered by itself.
    pub code: Option<String>,
    /// The kind of error, such as `invalid_request_error`; none from the gateway.
    pub kind: Option<String>,
    /// For people.
    pub message: String,
    /// Which field or parameter is meant, where one is.
    pub param: Option<String>,
    /// What to name when asking for help.
    pub request_id: Option<String>,
    /// What the order would take, where the balance is below that.
    pub required: Option<Usd>,
    /// What there is.
    pub available: Option<Usd>,
}

impl ApiError {
    /// Whether the same request may well be taken later.
    #[must_use]
    pub fn passes(&self) -> bool {
        self.status == 429 || self.status >= 500
    }

    /// Whether every attempt of the same request ends like this one. Of an earlier attempt that was not
    /// answered, other refusals say nothing: it may have been accepted, or still be on its way.
    pub(crate) fn is_final(&self) -> bool {
        matches!(self.status, 400 | 404 | 413 | 415 | 422)
    }

    pub(crate) fn read(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Self {
        let told: Told = serde_json::from_slice(body).unwrap_or_default();
        let id = headers.get("x-request-id").or_else(|| headers.get("apigw-requestid"));
        let id = id.and_then(|id| id.to_str().ok()).map(str::to_owned);
        let error = told.error.unwrap_or_default();
        let message = error.message.or(told.message);
        Self {
            status: status.as_u16(),
            code: error.code,
            kind: error.kind,
            message: message.unwrap_or_else(|| format!("the API answered {status}")),
            param: error.param,
            request_id: error.request_id.or(id),
            required: error.required,
            available: error.available,
        }
    }
}

/// A refusal by a function, or by the gateway.
#[derive(Default, Deserialize)]
struct Told {
    error: Option<Detail>,
    message: Option<String>,
}

#[derive(Default, Deserialize)]
struct Detail {
    message: Option<String>,
    #[serde(rename = "type")]
    kind: Option<String>,
    code: Option<String>,
    param: Option<String>,
    request_id: Option<String>,
    required: Option<Usd>,
    available: Option<Usd>,
}

/// Why a request has no answer.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The API refused.
    #[error(transparent)]
    Refused(#[from] Box<ApiError>),
    /// Nobody answered, or something else than the API did.
    #[error("the API did not answer")]
    Unanswered(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl Error {
    /// Whether the same request may well be answered later.
    #[must_use]
    pub fn passes(&self) -> bool {
        match self {
            Self::Refused(error) => error.passes(),
            Self::Unanswered(_) => true,
        }
    }

    /// A failure of the client, without the URL: some of them open what they point to.
    pub(crate) fn of(error: reqwest::Error) -> Self {
        Self::Unanswered(error.without_url().into())
    }
}

/// Why an order is not known to be accepted.
#[derive(Debug, thiserror::Error)]
pub enum SubmitError {
    /// It is refused, and no attempt of it was accepted. Its key may be used again.
    #[error(transparent)]
    Refused(Box<ApiError>),
    /// It may have been accepted. The same [`Prepared`](crate::Prepared) order, submitted again, is answered with
    /// its job if it was; another one, of whatever content, may be a second job.
    #[error("the order may have been accepted")]
    Unknown(#[source] Error),
}
