//! The API Gateway authorizer: API key → user and what the key may be used for, and nothing else.
//!
//! An HTTP API cannot shape a denial: whoever is denied gets a bare `403` that no client of the
//! public API expects. So the answer is always "let it through", with either the user or a refusal
//! in the context, and the function behind answers `401` in the usual form. It has no other way to
//! learn who asks, so a context without a user opens nothing. Which scope a route needs is known to the
//! function: a decision is kept for all routes of a key.

use aws_lambda_events::apigw::ApiGatewayV2CustomAuthorizerV2Request;
use domain::{
    api_key::{ApiKey, KeyHash, KeyId},
    ids::UserId,
};
use runtime::{Clock, Environment, Host, Trace, aws::Aws, telemetry};
use serde::Serialize;
use store::Store;
use subtle::ConstantTimeEq;

/// What the function needs, made once and lent to every request. Reads `KEYS_TABLE`.
#[derive(Clone, Debug)]
pub struct App {
    store: Store,
    clock: Clock,
}

impl App {
    /// Reads the environment and builds the client. No I/O happens here.
    ///
    /// # Errors
    /// If a variable is missing or wrong.
    pub fn new(environment: &Environment, host: &Host) -> anyhow::Result<Self> {
        let aws = Aws::new(environment, host)?;
        let keys = environment.text("KEYS_TABLE")?;
        let tables = store::Tables { keys, ..store::Tables::default() };
        Ok(Self { store: Store::new(aws.dynamodb(), tables), clock: host.clock.clone() })
    }

    /// Makes the first connection, so that the first request need not.
    pub async fn warm_up(&self) {
        self.store.warm_up_keys().await;
    }
}

/// The simple response of payload format 2.0
/// (<https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-lambda-authorizer.html>).
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Decision {
    is_authorized: bool,
    context: Context,
}

/// What the function behind learns.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
enum Context {
    User { user_id: UserId, key_id: KeyId, scopes: String },
    Nobody { refusal: &'static str },
}

/// Who asks.
///
/// # Errors
/// If the keys cannot be read. The gateway then answers `500` and keeps nothing of it.
pub async fn authorize(
    app: &App,
    request: ApiGatewayV2CustomAuthorizerV2Request,
) -> anyhow::Result<Decision> {
    let id = request.request_context.request_id.clone().unwrap_or_default();
    let header = request.headers.get("x-amzn-trace-id").and_then(|value| value.to_str().ok());
    let trace = header.and_then(Trace::read);
    let decide = Box::pin(async {
        let context = match presented(&request) {
            Some(key) => identify(app, &key).await?,
            None => Context::Nobody { refusal: "invalid_api_key" },
        };
        Ok(Decision { is_authorized: true, context })
    });
    telemetry::invocation("authorize", &id, trace.as_ref(), decide).await
}

/// The key in `Authorization: Bearer <key>`.
fn presented(request: &ApiGatewayV2CustomAuthorizerV2Request) -> Option<ApiKey> {
    let header = request.headers.get("authorization")?.to_str().ok()?;
    let (scheme, key) = header.trim().split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| key.trim().parse().ok()).flatten()
}

async fn identify(app: &App, key: &ApiKey) -> anyhow::Result<Context> {
    let found = app.store.key(key.id()).await?;
    // A key that is not there is compared with something too, so that it takes as long.
    let nobody = KeyHash(String::from_utf8(vec![b'0'; 64])?);
    let stored = found.as_ref().map_or(&nobody, |row| &row.hash);
    let same: bool = stored.0.as_bytes().ct_eq(key.hash().0.as_bytes()).into();
    match found {
        Some(row) if same && row.is_active(app.clock.now()) => {
            let scopes = row.grant.scopes.to_string();
            Ok(Context::User { user_id: row.user, key_id: row.id, scopes })
        }
        Some(_) | None => {
            tracing::info!(key_id = %key.id(), "an API key was refused");
            Ok(Context::Nobody { refusal: "invalid_api_key" })
        }
    }
}

#[cfg(test)]
mod tests;
