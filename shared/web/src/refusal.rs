//! What each failure becomes over HTTP. The whole table is here.
//!
//! No arm is a wildcard, so a new failure does not compile until it has a status and a code. Causes
//! are logged once, here, and never sent.

use std::borrow::Cow;

use domain::{money::MicroUsd, order::OrderError, scope::Scope, webhook};
use lambda_http::{
    Body, Response,
    http::{HeaderValue, StatusCode, header::ALLOW},
};
use serde::Serialize;
use serde_json::value::RawValue;

#[cfg(test)]
use crate::body::Usd;
use crate::{
    answer::{self, Queue},
    body::usd,
};

type Source = Box<dyn std::error::Error + Send + Sync>;

/// Why a request is not answered with what it asked for.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// The API key is wrong, unknown or revoked.
    #[error("this API key is not valid")]
    InvalidApiKey,
    /// The key's user has no account.
    #[error("there is no account for this API key")]
    NoAccount,
    /// The key may not be used for this.
    #[error("this API key may not be used for this: it does not have the scope {0}")]
    InsufficientScope(Scope),
    /// The account is suspended.
    #[error("this account is suspended: what was accepted goes on, and nothing new is")]
    AccountSuspended,
    /// The body is too large.
    #[error("the body must have at most {0} bytes")]
    BodyTooLarge(usize),
    /// The body does not say that it is JSON.
    #[error("send the body with `Content-Type: application/json`")]
    NotJson,
    /// The body is not a JSON object.
    #[error("the body must be a JSON object: {0}")]
    MalformedJson(String),
    /// There is a field or query parameter that we do not know, or it is there twice.
    #[error("{0} is not a parameter of this request")]
    UnknownParameter(String),
    /// A field is there twice.
    #[error("{0} is there twice")]
    DuplicateParameter(String),
    /// A field that must be there is not.
    #[error("{0} is required")]
    MissingParameter(&'static str),
    /// A field or query parameter is not what it should be.
    #[error("{param} must be {expected}")]
    InvalidParameter {
        /// Which.
        param: &'static str,
        /// What it should be.
        expected: &'static str,
    },
    /// The order cannot be agreed to.
    #[error(transparent)]
    Order(#[from] OrderError),
    /// What is told to a `webhook_url` is signed, and the caller has nothing to check the signature with.
    #[error(
        "what is sent to webhook_url is signed with your secret, and you have none yet: POST /v1/webhooks/secret"
    )]
    WebhookSecretRequired,
    /// The `url` of an endpoint is not where we would deliver to.
    #[error(
        "url must be an https URL of at most {} bytes with a public host, without credentials and without a fragment",
        webhook::URL_BYTES_MAX
    )]
    BadEndpointUrl,
    /// The user has as many endpoints as there may be.
    #[error("there are {} endpoints already; remove one", webhook::ENDPOINTS_MAX)]
    TooManyEndpoints,
    /// There is no such endpoint of this user's.
    #[error("there is no such endpoint")]
    EndpointNotFound,
    /// There is no such delivery of this user's.
    #[error("there is no such delivery")]
    DeliveryNotFound,
    /// The idempotency key is out of bounds.
    #[error(
        "an idempotency key has 1 to 128 characters, no control characters, and in the header no comma"
    )]
    BadIdempotencyKey,
    /// The header and the body name different idempotency keys.
    #[error("the header Idempotency-Key and the field idempotency_key differ")]
    IdempotencyKeysDiffer,
    /// The idempotency key names another request.
    #[error("this idempotency key was used for another request; take a new key for a new request")]
    KeyReused,
    /// There is not enough money.
    #[error(
        "the balance is below the price: {available} USD are available, {required} are required"
    )]
    InsufficientBalance {
        /// What it would take.
        required: MicroUsd,
        /// What there is.
        available: MicroUsd,
    },
    /// Too many jobs are unfinished.
    #[error(
        "{cap} jobs are unfinished, which is what your tier allows; send it again when one has ended"
    )]
    QueueFull {
        /// How many are allowed.
        cap: u32,
    },
    /// There is no such job of this user's.
    #[error("there is no such job")]
    JobNotFound,
    /// The job has begun or ended, so it cannot be canceled.
    #[error("this job has begun or ended; only a job that is pending can be canceled")]
    JobNotCancelable,
    /// There is no such route.
    #[error("there is no such route")]
    RouteNotFound,
    /// The route takes other methods.
    #[error("this route takes {allow}")]
    MethodNotAllowed {
        /// Which, as the header `Allow` lists them.
        allow: String,
    },
    /// Too many others change the same account.
    #[error("the account is busy; send it again with the same idempotency key")]
    AccountBusy,
    /// Something that we need did not answer.
    #[error("this is temporarily unavailable; send it again with the same idempotency key")]
    Unavailable(#[source] Source),
    /// A bug, or a row that cannot be read.
    #[error("something went wrong here")]
    Internal(#[source] Source),
}

/// A row of the table: status, `type`, `code`, and after how many seconds to try again.
struct Row {
    status: StatusCode,
    kind: &'static str,
    code: &'static str,
    retry_after: Option<u32>,
}

const fn row(status: StatusCode, kind: &'static str, code: &'static str) -> Row {
    Row { status, kind, code, retry_after: None }
}

const fn later(status: StatusCode, kind: &'static str, code: &'static str, seconds: u32) -> Row {
    Row { status, kind, code, retry_after: Some(seconds) }
}

const INVALID: &str = "invalid_request_error";

impl Refusal {
    /// Its `code`, which callers tell failures apart by; so may whoever counts them.
    #[must_use]
    pub fn code(&self) -> &'static str {
        self.row().code
    }

    fn row(&self) -> Row {
        use StatusCode as S;
        match self {
            Self::InvalidApiKey => row(S::UNAUTHORIZED, "authentication_error", "invalid_api_key"),
            Self::NoAccount => row(S::FORBIDDEN, "permission_error", "account_not_found"),
            Self::InsufficientScope(_) => {
                row(S::FORBIDDEN, "permission_error", "insufficient_scope")
            }
            Self::AccountSuspended => row(S::FORBIDDEN, "permission_error", "account_suspended"),
            Self::BodyTooLarge(_) => row(S::PAYLOAD_TOO_LARGE, INVALID, "request_too_large"),
            Self::NotJson => row(S::UNSUPPORTED_MEDIA_TYPE, INVALID, "unsupported_media_type"),
            Self::MalformedJson(_) => row(S::BAD_REQUEST, INVALID, "invalid_json"),
            Self::UnknownParameter(_) => row(S::BAD_REQUEST, INVALID, "unknown_parameter"),
            Self::DuplicateParameter(_) => row(S::BAD_REQUEST, INVALID, "duplicate_parameter"),
            Self::MissingParameter(_) => row(S::BAD_REQUEST, INVALID, "missing_parameter"),
            Self::InvalidParameter { .. } => row(S::BAD_REQUEST, INVALID, "invalid_parameter"),
            Self::Order(error) => order_row(error),
            Self::WebhookSecretRequired => row(S::BAD_REQUEST, INVALID, "webhook_secret_required"),
            Self::BadEndpointUrl => row(S::BAD_REQUEST, INVALID, "invalid_webhook_url"),
            Self::TooManyEndpoints => row(S::CONFLICT, "conflict", "too_many_endpoints"),
            Self::EndpointNotFound => row(S::NOT_FOUND, "not_found", "endpoint_not_found"),
            Self::DeliveryNotFound => row(S::NOT_FOUND, "not_found", "delivery_not_found"),
            Self::BadIdempotencyKey => row(S::BAD_REQUEST, INVALID, "invalid_idempotency_key"),
            Self::IdempotencyKeysDiffer => row(S::BAD_REQUEST, INVALID, "idempotency_keys_differ"),
            Self::KeyReused => {
                row(S::UNPROCESSABLE_ENTITY, "idempotency_error", "idempotency_key_reused")
            }
            Self::InsufficientBalance { .. } => {
                row(S::PAYMENT_REQUIRED, "insufficient_balance", "insufficient_balance")
            }
            Self::QueueFull { .. } => later(S::TOO_MANY_REQUESTS, "rate_limit", "queue_full", 5),
            Self::JobNotFound => row(S::NOT_FOUND, "not_found", "job_not_found"),
            Self::JobNotCancelable => row(S::CONFLICT, "conflict", "job_not_cancelable"),
            Self::RouteNotFound => row(S::NOT_FOUND, "not_found", "route_not_found"),
            Self::MethodNotAllowed { .. } => {
                row(S::METHOD_NOT_ALLOWED, INVALID, "method_not_allowed")
            }
            Self::AccountBusy => later(S::SERVICE_UNAVAILABLE, "api_error", "account_busy", 1),
            Self::Unavailable(_) => later(S::SERVICE_UNAVAILABLE, "api_error", "unavailable", 2),
            Self::Internal(_) => row(S::INTERNAL_SERVER_ERROR, "api_error", "internal_error"),
        }
    }

    /// Which field or parameter is meant, where one is.
    fn param(&self) -> Option<Cow<'_, str>> {
        let name = match self {
            Self::UnknownParameter(name) | Self::DuplicateParameter(name) => name.as_str(),
            Self::MissingParameter(name) => name,
            Self::InvalidParameter { param, .. } => param,
            Self::Order(error) => return Some(order_param(error)),
            Self::WebhookSecretRequired => "webhook_url",
            Self::BadEndpointUrl => "url",
            Self::BadIdempotencyKey | Self::IdempotencyKeysDiffer | Self::KeyReused => {
                "idempotency_key"
            }
            Self::InvalidApiKey
            | Self::NoAccount
            | Self::InsufficientScope(_)
            | Self::AccountSuspended
            | Self::BodyTooLarge(_)
            | Self::NotJson
            | Self::MalformedJson(_)
            | Self::InsufficientBalance { .. }
            | Self::QueueFull { .. }
            | Self::JobNotFound
            | Self::JobNotCancelable
            | Self::TooManyEndpoints
            | Self::EndpointNotFound
            | Self::DeliveryNotFound
            | Self::RouteNotFound
            | Self::MethodNotAllowed { .. }
            | Self::AccountBusy
            | Self::Unavailable(_)
            | Self::Internal(_) => return None,
        };
        Some(Cow::Borrowed(name))
    }

    /// The answer to a request.
    #[must_use]
    pub fn into_response(self, request_id: &str) -> Response<Body> {
        let Row { status, kind, code, retry_after } = self.row();
        self.log(status, code, request_id);
        let (required, available) = match &self {
            Self::InsufficientBalance { required, available } => {
                (Some(usd(*required)), Some(usd(*available)))
            }
            Self::InvalidApiKey
            | Self::NoAccount
            | Self::InsufficientScope(_)
            | Self::AccountSuspended
            | Self::BodyTooLarge(_)
            | Self::NotJson
            | Self::MalformedJson(_)
            | Self::UnknownParameter(_)
            | Self::DuplicateParameter(_)
            | Self::MissingParameter(_)
            | Self::InvalidParameter { .. }
            | Self::Order(_)
            | Self::WebhookSecretRequired
            | Self::BadEndpointUrl
            | Self::TooManyEndpoints
            | Self::EndpointNotFound
            | Self::DeliveryNotFound
            | Self::BadIdempotencyKey
            | Self::IdempotencyKeysDiffer
            | Self::KeyReused
            | Self::QueueFull { .. }
            | Self::JobNotFound
            | Self::JobNotCancelable
            | Self::RouteNotFound
            | Self::MethodNotAllowed { .. }
            | Self::AccountBusy
            | Self::Unavailable(_)
            | Self::Internal(_) => (None, None),
        };
        let full = if let Self::QueueFull { cap } = &self { Some(*cap) } else { None };
        let message = self.to_string();
        let param = self.param();
        let error = ErrorOut { message, kind, code, param, request_id, required, available };
        let mut response = answer::refuse(status, &Envelope { error }, retry_after);
        if let Some(cap) = full {
            answer::tell_queue(&mut response, Queue { cap, free: 0 });
        }
        if let Self::MethodNotAllowed { allow } = &self
            && let Ok(allow) = HeaderValue::from_str(allow)
        {
            response.headers_mut().insert(ALLOW, allow);
        }
        response
    }

    fn log(&self, status: StatusCode, code: &str, request_id: &str) {
        let causes = causes(self);
        if status.is_server_error() {
            tracing::error!(request_id, code, status = status.as_u16(), causes, "request failed");
        } else {
            tracing::info!(request_id, code, status = status.as_u16(), "request refused");
        }
    }
}

/// What lies behind a failure, without the failure's own words.
fn causes(error: &(dyn std::error::Error + 'static)) -> String {
    error.source().map_or_else(String::new, domain::causes::chain)
}

fn order_row(error: &OrderError) -> Row {
    let code = match error {
        OrderError::ModelNotFound => {
            return row(StatusCode::NOT_FOUND, "not_found", "model_not_found");
        }
        OrderError::PromptEmpty => "prompt_empty",
        OrderError::PromptTooLong(_) => "prompt_too_long",
        OrderError::CountOutOfRange
        | OrderError::BadWebhookEvents
        | OrderError::WebhookEventsWithoutUrl => "invalid_parameter",
        OrderError::ImageUrlRequired => "image_url_required",
        OrderError::BadImageUrl => "invalid_image_url",
        OrderError::ExtraNotAllowed(_) => "extra_not_allowed",
        OrderError::BadExtra { .. } => "invalid_extra",
        OrderError::ExtraTooLarge => "extra_too_large",
        OrderError::BadMetadata => "invalid_metadata",
        OrderError::BadWebhookUrl => "invalid_webhook_url",
    };
    row(StatusCode::BAD_REQUEST, INVALID, code)
}

fn order_param(error: &OrderError) -> Cow<'_, str> {
    match error {
        OrderError::ModelNotFound => Cow::Borrowed("model"),
        OrderError::PromptEmpty | OrderError::PromptTooLong(_) => Cow::Borrowed("prompt"),
        OrderError::CountOutOfRange => Cow::Borrowed("n"),
        OrderError::ImageUrlRequired | OrderError::BadImageUrl => Cow::Borrowed("image_url"),
        OrderError::ExtraNotAllowed(key) => Cow::Owned(format!("extra.{key}")),
        OrderError::BadExtra { key, .. } => Cow::Owned(format!("extra.{key}")),
        OrderError::ExtraTooLarge => Cow::Borrowed("extra"),
        OrderError::BadMetadata => Cow::Borrowed("metadata"),
        OrderError::BadWebhookUrl => Cow::Borrowed("webhook_url"),
        OrderError::BadWebhookEvents | OrderError::WebhookEventsWithoutUrl => {
            Cow::Borrowed("webhook_events")
        }
    }
}

/// Why a request was not answered with what it asked for.
#[derive(Serialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[cfg_attr(test, schema(as = Error))]
pub(crate) struct Envelope<'a> {
    error: ErrorOut<'a>,
}

/// A refusal.
#[derive(Serialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[cfg_attr(test, schema(as = ErrorDetail))]
pub(crate) struct ErrorOut<'a> {
    /// For people.
    message: String,
    #[serde(rename = "type")]
    kind: &'static str,
    /// For programs: it does not change.
    code: &'static str,
    /// Which field or parameter is meant, where one is.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, schema(value_type = Option<String>, nullable = false))]
    param: Option<Cow<'a, str>>,
    /// What to name when asking for help; also the header `X-Request-Id`.
    request_id: &'a str,
    /// What the order would take, where the balance is below that.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, schema(value_type = Option<Usd>, nullable = false))]
    required: Option<Box<RawValue>>,
    /// What there is.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, schema(value_type = Option<Usd>, nullable = false))]
    available: Option<Box<RawValue>>,
}

#[cfg(test)]
pub(crate) mod tests;
