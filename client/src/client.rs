//! The client: where the API is, whose key is used, and one method for each route.

use std::{fmt, sync::Arc, time::Duration};

use reqwest::{
    Method, RequestBuilder,
    header::{CONTENT_TYPE, HeaderValue},
    redirect,
};
use rustls::{ClientConfig, RootCertStore, crypto::ring};
use serde::de::DeserializeOwned;

use crate::{
    Balance, Cancellation, Error, Job, Limits, Page, Pages, Placed, Prepared, Quote, Retries,
    Status, SubmitError, Transaction,
    attempts::{Answer, Failure, is_unknown},
};

/// Longest wait for a connection.
const CONNECT: Duration = Duration::from_secs(5);
/// Longest wait for an answer: the gateway gives up after 30 s.
const ANSWER: Duration = Duration::from_mins(1);

/// A client of one account. Clones share their connections.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    url: String,
    key: String,
    retries: Retries,
}

/// The key is nobody else's business.
impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Client({}, ***)", self.url)
    }
}

/// The client cannot be set up.
#[derive(Debug, thiserror::Error)]
#[error("the HTTP client cannot be set up")]
pub struct SetupError(#[source] Box<dyn std::error::Error + Send + Sync>);

/// An HTTP client with time limits, ring for TLS and compiled-in roots. It follows no redirects: the API has none.
///
/// # Errors
/// [`SetupError`]
pub fn http_client() -> Result<reqwest::Client, SetupError> {
    let roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    let tls = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| SetupError(error.into()))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .redirect(redirect::Policy::none())
        .connect_timeout(CONNECT)
        .timeout(ANSWER)
        .build()
        .map_err(|error| SetupError(error.into()))
}

impl Client {
    /// A client of the API at a URL, with an API key.
    ///
    /// # Errors
    /// [`SetupError`]
    pub fn new(url: impl Into<String>, key: impl Into<String>) -> Result<Self, SetupError> {
        let url = url.into().trim_end_matches('/').to_owned();
        Ok(Self { http: http_client()?, url, key: key.into(), retries: Retries::default() })
    }

    /// The same, with other bounds for repeating a request.
    #[must_use]
    pub fn with_retries(self, retries: Retries) -> Self {
        Self { retries, ..self }
    }

    /// Orders. The key and the bytes are those of the prepared order in each attempt.
    ///
    /// # Errors
    /// [`SubmitError`]
    pub async fn submit(&self, order: &Prepared) -> Result<Placed, SubmitError> {
        let sent = self.retries.send(|| self.order(order, "")).await;
        let answer = sent.map_err(judge)?;
        let replayed = answer.headers.contains_key("idempotent-replayed");
        let job = read(&answer).map_err(SubmitError::Unknown)?;
        Ok(Placed { job, replayed })
    }

    /// What an order would cost, and whether it would be accepted now. Nothing is stored or held.
    ///
    /// # Errors
    /// [`Error`]
    pub async fn quote(&self, order: &Prepared) -> Result<Quote, Error> {
        let sent = self.retries.send(|| self.order(order, "?dry_run=true")).await;
        read(&sent.map_err(|failure| failure.error)?)
    }

    fn order(&self, order: &Prepared, query: &str) -> RequestBuilder {
        self.request(Method::POST, &format!("/v1/images/generations{query}"))
            .header(CONTENT_TYPE, HeaderValue::from_static("application/json"))
            .body(order.body().to_vec())
    }

    /// What became of a job.
    ///
    /// # Errors
    /// [`Error`]
    pub async fn job(&self, id: &str) -> Result<Job, Error> {
        self.get(&format!("/v1/jobs/{}", segment(id)), &[]).await
    }

    /// Cancels a job, if nobody has begun.
    ///
    /// # Errors
    /// [`Error`]
    pub async fn cancel(&self, id: &str) -> Result<Cancellation, Error> {
        let path = format!("/v1/jobs/{}/cancel", segment(id));
        let sent = self.retries.send(|| self.request(Method::POST, &path)).await;
        match sent {
            Ok(answer) => Ok(Cancellation::Canceled(Box::new(read(&answer)?))),
            Err(failure) => match failure.error {
                Error::Refused(told) if told.code.as_deref() == Some("job_not_cancelable") => {
                    Ok(Cancellation::TooLate)
                }
                error @ (Error::Refused(_) | Error::Unanswered(_)) => Err(error),
            },
        }
    }

    /// The jobs of the account, the newest first; only those with a status, if one is given.
    pub fn jobs(&self, status: Option<Status>) -> Pages<'_, Job> {
        let status = status.map(|status| ("status", status.as_str().to_owned()));
        Pages::new(self, "/v1/jobs", status)
    }

    /// The transactions of the account, the newest first.
    pub fn transactions(&self) -> Pages<'_, Transaction> {
        Pages::new(self, "/v1/credits/transactions", None)
    }

    /// What the account has.
    ///
    /// # Errors
    /// [`Error`]
    pub async fn balance(&self) -> Result<Balance, Error> {
        self.get("/v1/credits/balance", &[]).await
    }

    /// How much the account may have going on, and has.
    ///
    /// # Errors
    /// [`Error`]
    pub async fn limits(&self) -> Result<Limits, Error> {
        self.get("/v1/auth/limits", &[]).await
    }

    pub(crate) async fn page<T: DeserializeOwned>(
        &self,
        path: &str,
        query: &[(&str, String)],
    ) -> Result<Page<T>, Error> {
        self.get(path, query).await
    }

    async fn get<T: DeserializeOwned>(
        &self,
        path: &str,
        query: &[(&str, String)],
    ) -> Result<T, Error> {
        let pairs = query.iter().map(|(name, value)| format!("{name}={}", segment(value)));
        let query = pairs.collect::<Vec<_>>().join("&");
        let target = if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") };
        let sent = self.retries.send(|| self.request(Method::GET, &target)).await;
        read(&sent.map_err(|failure| failure.error)?)
    }

    fn request(&self, method: Method, target: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{target}", self.url)).bearer_auth(&self.key)
    }

    /// A request for something that is not the API's, without the key.
    pub(crate) fn fetch(&self, url: &str) -> RequestBuilder {
        self.http.get(url)
    }

    pub(crate) fn retries(&self) -> Retries {
        self.retries
    }
}

/// What an order is that has no good answer.
fn judge(Failure { error, unanswered }: Failure) -> SubmitError {
    let is_unknown = unanswered || is_unknown(&error);
    match error {
        Error::Refused(told) if told.is_final() || !is_unknown => SubmitError::Refused(told),
        error @ (Error::Refused(_) | Error::Unanswered(_)) => SubmitError::Unknown(error),
    }
}

fn read<T: DeserializeOwned>(answer: &Answer) -> Result<T, Error> {
    let nonsense = |error: serde_json::Error| {
        // Where, not what: it may hold URLs that open pictures.
        let at = format!("{} is not understood, at column {}", answer.status, error.column());
        Error::Unanswered(at.into())
    };
    serde_json::from_slice(&answer.body).map_err(nonsense)
}

/// A text as one segment of a path or one value of a query.
fn segment(text: &str) -> String {
    let mut written = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'~' => {
                written.push(char::from(byte));
            }
            _ => {
                let [high, low] = [byte >> 4, byte & 15];
                let digit = |half: u8| char::from_digit(half.into(), 16).unwrap_or('0');
                written.extend(['%', digit(high), digit(low)].map(|c| c.to_ascii_uppercase()));
            }
        }
    }
    written
}
