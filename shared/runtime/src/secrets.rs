//! The keys of the upstreams. On one machine they are variables; in the cloud they are one secret in
//! Secrets Manager, a JSON object with the names of those variables. It is read once, at cold start,
//! and becomes part of the environment, so that whoever needs a key does not know where it was.
//!
//! A secret that cannot be read stops the cold start: a worker without its keys would take jobs and
//! fail them. What is said about it names the secret and never shows what is in it.

use std::fmt;

use aws_sdk_secretsmanager::{
    error::{ProvideErrorMetadata, SdkError},
    operation::get_secret_value::{GetSecretValueError, GetSecretValueOutput},
};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use domain::causes;
use serde_json::{Map, Value};

use crate::{
    Environment, Host,
    aws::{Aws, AwsError},
};

/// The secret cannot be read, or is not what it should be.
#[derive(thiserror::Error)]
pub enum SecretsError {
    /// There is no client to ask with.
    #[error(transparent)]
    Client(#[from] AwsError),
    /// There is no such secret in this account and region.
    #[error("the secret {secret} does not exist, or has no value yet: {reason}")]
    NotFound {
        /// Which.
        secret: String,
        /// What the service says.
        reason: String,
    },
    /// The function may not read it, or may not use the key that it is encrypted with.
    #[error("the secret {secret} may not be read: {reason}")]
    Denied {
        /// Which.
        secret: String,
        /// What the service says.
        reason: String,
    },
    /// The service did not answer, or with another error.
    #[error("the secret {secret} cannot be read: {reason}")]
    Unread {
        /// Which.
        secret: String,
        /// What went wrong. It is a text because the SDK's own error holds the answer, and with it
        /// the values.
        reason: String,
    },
    /// It holds bytes instead of a text.
    #[error("the secret {secret} is binary; it must be a text, a JSON object")]
    Binary {
        /// Which.
        secret: String,
    },
    /// Its text is something else. What the parser says is left out, because it quotes.
    #[error("the secret {secret} is not a JSON object")]
    NotAnObject {
        /// Which.
        secret: String,
    },
    /// It has none of the keys, so it is not the secret that was meant.
    #[error("the secret {secret} has none of the keys {names}, or they are empty")]
    NoKey {
        /// Which.
        secret: String,
        /// What should be in it.
        names: String,
    },
}

/// The message: it is what Lambda logs of an error that `main` returns, and it shows no value.
impl fmt::Debug for SecretsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&causes::chain(self))
    }
}

/// The environment with the variables `names` from the secret that `UPSTREAM_KEYS_SECRET` names, by
/// its name or its ARN. A name that is not in the secret, or whose value is not a text or is empty,
/// is not added: not everybody has an account with every upstream. Whatever else is in the secret is
/// ignored, so that whoever may write keys cannot redirect requests.
///
/// Nothing is asked if there is no secret, as on one machine, or if `UPSTREAMS` is empty and the
/// sandbox is all there is.
///
/// # Errors
/// If the secret cannot be read, is not a JSON object, or has none of the names.
pub async fn add_secrets(
    environment: Environment,
    names: &[&str],
) -> Result<Environment, SecretsError> {
    let Some(secret) = environment.get("UPSTREAM_KEYS_SECRET").map(str::to_owned) else {
        return Ok(environment);
    };
    if environment.get("UPSTREAMS").is_none() {
        return Ok(environment);
    }
    let client = Aws::new(&environment, &Host::system())?.secrets();
    let answer = match client.get_secret_value().secret_id(&secret).send().await {
        Ok(answer) => answer,
        Err(error) => return Err(refusal(secret, &error)),
    };
    let keys = keys(secret, &answer, names)?;
    Ok(keys.into_iter().fold(environment, |environment, (name, key)| environment.with(name, key)))
}

/// The listed names and their values, as far as they are there.
fn keys<'a>(
    secret: String,
    answer: &GetSecretValueOutput,
    names: &[&'a str],
) -> Result<Vec<(&'a str, String)>, SecretsError> {
    let Some(text) = answer.secret_string() else {
        return Err(SecretsError::Binary { secret });
    };
    let Ok(values) = serde_json::from_str::<Map<String, Value>>(text) else {
        return Err(SecretsError::NotAnObject { secret });
    };
    let key = |name| values.get(name).and_then(Value::as_str).filter(|key| !key.is_empty());
    let keys: Vec<_> =
        names.iter().filter_map(|&name| Some((name, key(name)?.to_owned()))).collect();
    if keys.is_empty() {
        return Err(SecretsError::NoKey { secret, names: names.join(", ") });
    }
    Ok(keys)
}

/// What to say about a call that brought no secret.
fn refusal(secret: String, error: &SdkError<GetSecretValueError, HttpResponse>) -> SecretsError {
    let Some(code) = error.code() else {
        return SecretsError::Unread { secret, reason: unanswered(error) };
    };
    let reason = format!("{code}: {}", error.message().unwrap_or("no message"));
    match code {
        "ResourceNotFoundException" => SecretsError::NotFound { secret, reason },
        // The second is what KMS refuses.
        "AccessDeniedException" | "DecryptionFailure" => SecretsError::Denied { secret, reason },
        _ => SecretsError::Unread { secret, reason },
    }
}

/// Why there is no answer that can be read. If there is one at all it may hold the secret, so no
/// more than its status is named.
fn unanswered(error: &SdkError<GetSecretValueError, HttpResponse>) -> String {
    if let Some(answer) = error.raw_response() {
        return format!("the answer, with status {}, cannot be read", answer.status().as_u16());
    }
    if let SdkError::DispatchFailure(failure) = error
        && let Some(behind) = failure.as_connector_error()
    {
        return format!("{error}: {}", causes::chain(behind));
    }
    error.to_string()
}

#[cfg(test)]
mod tests;
