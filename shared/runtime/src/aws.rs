//! AWS clients, built lean: ring as the TLS provider, Amazon's own roots compiled in, credentials
//! from the environment, a time limit on everything.
//!
//! Reads `AWS_REGION`, `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_SESSION_TOKEN`, which Lambda
//! sets, and `AWS_ENDPOINT_URL_DYNAMODB`, `_SQS`, `_S3`, `_EVENTBRIDGE`, `_SECRETS_MANAGER` or `AWS_ENDPOINT_URL` for
//! stand-ins.

use std::time::Duration;

use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};
use aws_sdk_dynamodb::config::retry::RetryPartition;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore, rustls_provider::CryptoMode};
use aws_smithy_runtime_api::client::{behavior_version::BehaviorVersion, http::SharedHttpClient};
use aws_smithy_types::{retry::RetryConfig, timeout::TimeoutConfig};
use aws_types::{SdkConfig, region::Region};
use base64::{Engine, engine::general_purpose::STANDARD};

use crate::{Environment, Host, environment::EnvironmentError};

/// Longest wait for a connection.
pub(crate) const CONNECT: Duration = Duration::from_secs(1);
/// Longest wait for one attempt: far above the services' 99th percentile.
const ATTEMPT: Duration = Duration::from_secs(2);
/// Longest wait for a call with all its attempts: half of what a request's function has.
const OPERATION: Duration = Duration::from_secs(5);
/// A person's longest wait for a connection.
const PATIENT_CONNECT: Duration = Duration::from_secs(10);
/// A person's longest wait for one attempt: a page of a megabyte over a slow line.
const PATIENT_ATTEMPT: Duration = Duration::from_secs(20);
/// A person's longest wait for a call with all its attempts.
const PATIENT_OPERATION: Duration = Duration::from_mins(1);
/// Attempts a call, the first included.
const ATTEMPTS: u32 = 3;

/// Makes clients that share one configuration and one connection pool.
#[derive(Clone, Debug)]
pub struct Aws {
    config: SdkConfig,
    http: SharedHttpClient,
    dynamodb: Option<String>,
    sqs: Option<String>,
    eventbridge: Option<String>,
    secrets: Option<String>,
}

/// The client cannot be built.
#[derive(Debug, thiserror::Error)]
pub enum AwsError {
    /// A variable is missing or wrong.
    #[error(transparent)]
    Environment(#[from] EnvironmentError),
    /// The TLS stack cannot be set up.
    #[error("TLS cannot be set up")]
    Tls(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl Aws {
    /// Clients for the services that the environment names, with its credentials. No I/O happens here.
    ///
    /// # Errors
    /// If a variable is missing, or TLS cannot be set up.
    pub fn new(environment: &Environment, host: &Host) -> Result<Self, AwsError> {
        let credentials = SharedCredentialsProvider::new(credentials(environment)?);
        Self::with_credentials(environment, host, credentials)
    }

    /// The same with other credentials.
    ///
    /// # Errors
    /// If a variable is missing, or TLS cannot be set up.
    pub fn with_credentials(
        environment: &Environment,
        host: &Host,
        credentials: SharedCredentialsProvider,
    ) -> Result<Self, AwsError> {
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(CONNECT)
            .operation_attempt_timeout(ATTEMPT)
            .operation_timeout(OPERATION)
            .build();
        let http = host.http.clone().map_or_else(http_client, Ok)?;
        let config = SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(environment.text("AWS_REGION")?))
            .credentials_provider(credentials)
            .http_client(http.clone())
            .timeout_config(timeouts)
            .retry_config(retry_config())
            .build();
        let endpoint = |name| endpoint(environment, name).map(str::to_owned);
        Ok(Self {
            config,
            http,
            dynamodb: endpoint("AWS_ENDPOINT_URL_DYNAMODB"),
            sqs: endpoint("AWS_ENDPOINT_URL_SQS"),
            eventbridge: endpoint("AWS_ENDPOINT_URL_EVENTBRIDGE"),
            secrets: endpoint("AWS_ENDPOINT_URL_SECRETS_MANAGER"),
        })
    }

    /// The same, for a person: far from the region, and in no hurry.
    #[must_use]
    pub fn patient(self) -> Self {
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(PATIENT_CONNECT)
            .operation_attempt_timeout(PATIENT_ATTEMPT)
            .operation_timeout(PATIENT_OPERATION)
            .build();
        Self { config: self.config.into_builder().timeout_config(timeouts).build(), ..self }
    }

    /// A client of DynamoDB.
    #[must_use]
    pub fn dynamodb(&self) -> aws_sdk_dynamodb::Client {
        let mut config = aws_sdk_dynamodb::config::Builder::from(&self.config);
        config.set_endpoint_url(self.dynamodb.clone()).set_retry_partition(Some(retries()));
        aws_sdk_dynamodb::Client::from_conf(config.build())
    }

    /// A client of SQS.
    #[must_use]
    pub fn sqs(&self) -> aws_sdk_sqs::Client {
        let mut config = aws_sdk_sqs::config::Builder::from(&self.config);
        config.set_endpoint_url(self.sqs.clone()).set_retry_partition(Some(retries()));
        aws_sdk_sqs::Client::from_conf(config.build())
    }

    /// A client of EventBridge.
    #[must_use]
    pub fn eventbridge(&self) -> aws_sdk_eventbridge::Client {
        let mut config = aws_sdk_eventbridge::config::Builder::from(&self.config);
        config.set_endpoint_url(self.eventbridge.clone()).set_retry_partition(Some(retries()));
        aws_sdk_eventbridge::Client::from_conf(config.build())
    }

    /// A client of Secrets Manager.
    #[must_use]
    pub fn secrets(&self) -> aws_sdk_secretsmanager::Client {
        let mut config = aws_sdk_secretsmanager::config::Builder::from(&self.config);
        config.set_endpoint_url(self.secrets.clone()).set_retry_partition(Some(retries()));
        aws_sdk_secretsmanager::Client::from_conf(config.build())
    }

    /// The way that all of them have to AWS: for whoever sends what none of them does.
    pub(crate) fn http(&self) -> SharedHttpClient {
        self.http.clone()
    }

    /// What all of them are configured with: for a client of something else.
    #[must_use]
    pub fn config(&self) -> &SdkConfig {
        &self.config
    }
}

/// The credentials that the environment has.
///
/// # Errors
/// If it has none.
pub fn credentials(environment: &Environment) -> Result<Credentials, EnvironmentError> {
    Ok(Credentials::new(
        environment.text("AWS_ACCESS_KEY_ID")?,
        environment.text("AWS_SECRET_ACCESS_KEY")?,
        environment.get("AWS_SESSION_TOKEN").map(str::to_owned),
        None,
        "environment",
    ))
}

/// Where a service is, if not where AWS has it.
pub(crate) fn endpoint<'a>(environment: &'a Environment, name: &str) -> Option<&'a str> {
    environment.get(name).or_else(|| environment.get("AWS_ENDPOINT_URL"))
}

/// What a client may spend on trying again. Each client has its own: without one, all of a process that ask
/// the same service share it, also where several functions run in one process.
pub(crate) fn retries() -> RetryPartition {
    RetryPartition::custom("holdfast").build()
}

/// How a call is tried again.
pub(crate) fn retry_config() -> RetryConfig {
    RetryConfig::standard().with_max_attempts(ATTEMPTS)
}

/// TLS over the network, to AWS and nobody else: what a client has whose [`Host`] brings no way of its own.
///
/// # Errors
/// If TLS cannot be set up.
pub fn http_client() -> Result<SharedHttpClient, AwsError> {
    let tls = TlsContext::builder()
        .with_trust_store(amazon_roots())
        .build()
        .map_err(|error| AwsError::Tls(error.into()))?;
    Ok(aws_smithy_http_client::Builder::new()
        .tls_provider(Provider::Rustls(CryptoMode::Ring))
        .tls_context(tls)
        .build_https())
}

/// The roots that AWS endpoints chain to: Amazon Root CA 1 to 4 and the Starfield root before
/// them (<https://www.amazontrust.com/repository/>). They are picked from Mozilla's list by name;
/// parsing five certificates instead of 140, or a directory of files, is a cold start's worth.
fn amazon_roots() -> TrustStore {
    let ours = |der: &[u8]| {
        let names = |name: &[u8]| der.windows(name.len()).any(|part| part == name);
        names(b"Amazon Root CA") || names(b"Starfield Services Root")
    };
    let roots = webpki_root_certs::TLS_SERVER_ROOT_CERTS.iter().filter(|der| ours(der));
    roots.fold(TrustStore::empty(), |store, der| store.with_pem_certificate(pem(der)))
}

fn pem(der: &[u8]) -> String {
    format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", STANDARD.encode(der))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_roots_are_amazons_five() {
        let ours = webpki_root_certs::TLS_SERVER_ROOT_CERTS
            .iter()
            .filter(|der| {
                let text = String::from_utf8_lossy(der);
                text.contains("Amazon Root CA") || text.contains("Starfield Services Root")
            })
            .count();
        assert_eq!(ours, 5);
    }

    #[test]
    fn credentials_are_not_shown() {
        let environment: Environment = [
            ("AWS_REGION", "eu-west-1"),
            ("AWS_ACCESS_KEY_ID", "id"),
            ("AWS_SECRET_ACCESS_KEY", "hush"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into_iter()
        .collect();
        let aws = Aws::new(&environment, &Host::system()).unwrap();
        assert!(!format!("{aws:?}").contains("hush"));
        assert!(matches!(
            Aws::new(&Environment::default(), &Host::system()),
            Err(AwsError::Environment(_))
        ));
    }
}
