//! AWS clients, built lean: ring as the TLS provider, Amazon's own roots compiled in, credentials
//! from the environment, a time limit on everything.
//!
//! Reads `AWS_REGION`, `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_SESSION_TOKEN`, which Lambda
//! sets, and `AWS_ENDPOINT_URL_DYNAMODB`, `_SQS`, `_S3`, `_EVENTBRIDGE`, `_SECRETS_MANAGER` or `AWS_ENDPOINT_URL` for
//! stand-ins, and `AWS_CA_BUNDLE`: a file of certificates that are trusted besides Amazon's, for a network that looks into TLS.

use std::{fs, time::Duration};

use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};
use aws_sdk_dynamodb::config::retry::RetryPartition;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore, rustls_provider::CryptoMode};
use aws_smithy_runtime_api::client::{
    behavior_version::BehaviorVersion,
    http::{HttpClient, SharedHttpClient, http_client_fn},
};
use aws_smithy_types::{retry::RetryConfig, timeout::TimeoutConfig};
use aws_types::{SdkConfig, region::Region};
use rustls::{
    RootCertStore,
    pki_types::{CertificateDer, pem::PemObject},
};

use crate::{Environment, Host, environment::EnvironmentError};

/// The roots that AWS endpoints chain to (`build.rs`): parsing five certificates instead of 120, or a directory of
/// files, is a cold start's worth.
const AMAZON_ROOTS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/amazon_roots.pem"));
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
    /// The file that `AWS_CA_BUNDLE` names is no list of certificates.
    #[error("the file that AWS_CA_BUNDLE names is no list of certificates")]
    Bundle(#[source] Box<dyn std::error::Error + Send + Sync>),
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
        let http = host.http.clone().map_or_else(|| http_client(environment), Ok)?;
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
/// Reads `AWS_CA_BUNDLE`
/// (<https://docs.aws.amazon.com/sdkref/latest/guide/feature-gen-config.html>).
///
/// # Errors
/// If the file is no list of certificates, or TLS cannot be set up.
pub fn http_client(environment: &Environment) -> Result<SharedHttpClient, AwsError> {
    let mut trusted = TrustStore::empty().with_pem_certificate(AMAZON_ROOTS);
    if let Some(bundle) = environment.get("AWS_CA_BUNDLE") {
        trusted = trusted.with_pem_certificate(read_bundle(bundle)?);
    }
    let tls = TlsContext::builder()
        .with_trust_store(trusted)
        .build()
        .map_err(|error| AwsError::Tls(error.into()))?;
    let http = aws_smithy_http_client::Builder::new()
        .tls_provider(Provider::Rustls(CryptoMode::Ring))
        .tls_context(tls)
        .build_https();
    // Asked to validate itself, which each client does, it sets up TLS once more and throws that away.
    Ok(http_client_fn(move |settings, components| http.http_connector(settings, components)))
}

/// Certificates that are trusted besides, of a file.
fn read_bundle(path: &str) -> Result<Vec<u8>, AwsError> {
    let wrong = |error: Box<dyn std::error::Error + Send + Sync>| AwsError::Bundle(error);
    let pem = fs::read(path).map_err(|error| wrong(error.into()))?;
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(&pem) {
        let certificate = certificate.map_err(|error| wrong(error.into()))?;
        roots.add(certificate).map_err(|error| wrong(error.into()))?;
    }
    if roots.is_empty() { Err(wrong("there is no certificate in it".into())) } else { Ok(pem) }
}

#[cfg(test)]
mod tests;
