//! The one HTTP client of the upstreams. What their answers mean is in `meaning.rs`.
//!
//! A [`Line`] is a line to one upstream. Its key goes to the upstream's own hosts and nowhere else; the
//! pictures are fetched without it, from hosts that are listed. Every answer has a time limit and a
//! size limit, and no error names a URL: some of them open what they point to.

use std::{sync::Arc, time::Duration};

use domain::time::Timestamp;
use reqwest::{
    Client, RequestBuilder, Response,
    header::{HeaderMap, HeaderName, HeaderValue, RETRY_AFTER},
    redirect::Policy,
};
use serde_json::Value;
use tokio::time::timeout;
use url::Url;

use crate::{Call, Limits, Picture, PollError, Source, picture::BYTES_MAX};

/// The largest answer that is not a picture, in bytes: a hundred times what any of them should be.
const JSON_BYTES_MAX: usize = 1_024 * 1_024;
/// The shortest time until a busy upstream is asked again, whatever it says.
const AGAIN_MIN: Duration = Duration::from_secs(1);
/// The longest time that an upstream may send us away for: the longest delay of a queue message, and
/// as long as a job lives.
const AGAIN_MAX: Duration = Duration::from_mins(15);

/// Makes the client. No connection outlives its answer: an environment freezes between invocations, and
/// what was a connection before is none when it thaws.
pub(crate) fn client(limits: &Limits) -> Result<Client, Source> {
    Ok(Client::builder()
        .tls_backend_preconfigured(tls()?)
        .connect_timeout(limits.connect)
        .pool_max_idle_per_host(0)
        .redirect(Policy::none())
        .referer(false)
        .no_proxy()
        .user_agent(concat!("holdfast/", env!("CARGO_PKG_VERSION")))
        .build()?)
}

/// TLS by ring, with the roots that are compiled in.
pub(crate) fn tls() -> Result<rustls::ClientConfig, Source> {
    let roots = rustls::RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    Ok(rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth())
}

/// Where an upstream is, and where its pictures are.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Hosts {
    /// The URL that paths of the API follow.
    pub(crate) base: &'static str,
    /// Domains of its API: their hosts may be asked with our key.
    pub(crate) api: &'static [&'static str],
    /// Domains that its pictures are fetched from.
    pub(crate) results: &'static [&'static str],
}

/// A line to one upstream.
#[derive(Debug)]
pub(crate) struct Line {
    client: Client,
    base: Url,
    hosts: Hosts,
    key: (HeaderName, HeaderValue),
    pub(crate) limits: Limits,
}

/// An answer, read whole.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

/// There is no answer.
#[derive(Debug)]
pub(crate) enum NoAnswer {
    /// There was no connection: nothing was sent.
    NotSent,
    /// Something was sent.
    Lost(Source),
}

/// A picture cannot be had just now.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FetchError {
    #[error("the picture is at a host that is not listed")]
    Host,
    #[error("the picture was answered with status {0}")]
    Status(u16),
    #[error("the picture was not delivered")]
    NotDelivered(#[source] Source),
    #[error("the picture cannot be kept")]
    NotAPicture(#[source] Source),
}

#[derive(Debug, thiserror::Error)]
enum Broken {
    #[error("no answer in time")]
    Late,
    #[error("an answer of more than {0} bytes")]
    TooLarge(usize),
    #[error("an URL that is not the upstream's own")]
    ForeignUrl,
}

impl Line {
    /// A line with the upstream's key in the header that it wants it in. `base` replaces the
    /// upstream's own address.
    pub(crate) fn new(
        client: Client,
        hosts: Hosts,
        base: Option<Url>,
        key: (HeaderName, HeaderValue),
        limits: Limits,
    ) -> Result<Self, Source> {
        let base = base.map_or_else(|| Url::parse(hosts.base), Ok)?;
        let (name, mut value) = key;
        value.set_sensitive(true);
        Ok(Self { client, base, hosts, key: (name, value), limits })
    }

    /// Sends JSON to a path of the API.
    pub(crate) fn post(&self, path: &str, body: &Value) -> RequestBuilder {
        self.with_key(self.client.post(self.at(path)).json(body))
    }

    /// Asks at a URL that the upstream told, if it is one of its own.
    pub(crate) fn get(&self, url: &str) -> Result<RequestBuilder, PollError> {
        let url = self.own(url)?;
        Ok(self.with_key(self.client.get(url)))
    }

    /// Tells something to a URL that the upstream told, if it is one of its own.
    pub(crate) fn put(&self, url: &str) -> Result<RequestBuilder, PollError> {
        let url = self.own(url)?;
        Ok(self.with_key(self.client.put(url)))
    }

    fn with_key(&self, request: RequestBuilder) -> RequestBuilder {
        let (name, value) = &self.key;
        request.header(name, value)
    }

    fn at(&self, path: &str) -> String {
        format!("{}{path}", self.base.as_str().trim_end_matches('/'))
    }

    fn own(&self, url: &str) -> Result<Url, PollError> {
        let foreign = || PollError::Unanswered(Broken::ForeignUrl.into());
        let url = Url::parse(url).map_err(|_| foreign())?;
        if self.is_at(&url, self.hosts.api) { Ok(url) } else { Err(foreign()) }
    }

    /// Whether a URL is at the address that we were told to use, or at one of these domains.
    fn is_at(&self, url: &Url, domains: &[&str]) -> bool {
        let secure = url.scheme() == "https" && url.port().is_none();
        let anonymous = url.username().is_empty() && url.password().is_none();
        let listed = url.domain().is_some_and(|host| {
            domains.iter().any(|domain| {
                host.strip_suffix(domain).is_some_and(|sub| sub.is_empty() || sub.ends_with('.'))
            })
        });
        anonymous && (url.origin() == self.base.origin() || (secure && listed))
    }

    /// Sends a request, and reads the answer whole.
    pub(crate) async fn send(
        &self,
        request: RequestBuilder,
        limit: Duration,
    ) -> Result<Answer, NoAnswer> {
        let answer = async {
            let response = request.send().await.map_err(|error| {
                let unsent = error.is_connect() || error.is_builder();
                if unsent { NoAnswer::NotSent } else { NoAnswer::Lost(error.without_url().into()) }
            })?;
            let (status, headers) = (response.status().as_u16(), response.headers().clone());
            let body = read(response, JSON_BYTES_MAX).await.map_err(NoAnswer::Lost)?;
            Ok(Answer { status, headers, body })
        };
        timeout(limit, answer).await.unwrap_or_else(|_| Err(NoAnswer::Lost(Broken::Late.into())))
    }

    /// Fetches a picture, without our key.
    pub(crate) async fn fetch(
        &self,
        url: &str,
        seed: Option<u32>,
        call: Call,
    ) -> Result<Picture, FetchError> {
        let url = Url::parse(url).map_err(|_| FetchError::Host)?;
        if !self.is_at(&url, self.hosts.results) {
            return Err(FetchError::Host);
        }
        let picture = async {
            let sent = self.client.get(url).send().await;
            let response =
                sent.map_err(|error| FetchError::NotDelivered(error.without_url().into()))?;
            if !response.status().is_success() {
                return Err(FetchError::Status(response.status().as_u16()));
            }
            let bytes = read(response, BYTES_MAX).await.map_err(FetchError::NotDelivered)?;
            Picture::read(bytes, seed).map_err(|error| FetchError::NotAPicture(error.into()))
        };
        let late = || FetchError::NotDelivered(Broken::Late.into());
        let limit = self.limits.fetch.min(call.within);
        timeout(limit, picture).await.unwrap_or_else(|_| Err(late()))
    }
}

/// Reads a body chunk by chunk, so that one without an end costs no more than the limit.
async fn read(mut response: Response, bytes_max: usize) -> Result<Vec<u8>, Source> {
    let too_large = || Source::from(Broken::TooLarge(bytes_max));
    let announced = response.content_length().unwrap_or_default();
    if usize::try_from(announced).map_or(true, |announced| announced > bytes_max) {
        return Err(too_large());
    }
    let mut body = Vec::with_capacity(usize::try_from(announced).unwrap_or_default());
    while let Some(chunk) = response.chunk().await.map_err(reqwest::Error::without_url)? {
        if body.len().saturating_add(chunk.len()) > bytes_max {
            return Err(too_large());
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

impl Answer {
    /// The body, if it is JSON.
    pub(crate) fn json(&self) -> Option<Value> {
        serde_json::from_slice(&self.body).ok()
    }

    pub(crate) fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// What the upstream says is wrong.
    pub(crate) fn complaint(&self) -> Value {
        self.json().unwrap_or_default()
    }

    /// When to ask again: what the upstream says, in the header by seconds or date, or in the body.
    pub(crate) fn again(&self, now: Timestamp) -> Option<Duration> {
        let header = self.headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok());
        let told = header.and_then(|text| {
            let date = || httpdate::parse_http_date(text.trim()).ok();
            let seconds = text.trim().parse().map(Duration::from_secs).ok();
            seconds.or_else(|| {
                let at = date()?.duration_since(std::time::UNIX_EPOCH).ok()?;
                Some(at.saturating_sub(Duration::from_millis(now.millis())))
            })
        });
        let body = || self.json()?.get("retry_after")?.as_u64().map(Duration::from_secs);
        told.or_else(body).map(|again| again.clamp(AGAIN_MIN, AGAIN_MAX))
    }
}

#[cfg(test)]
mod tests;
