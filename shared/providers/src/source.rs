//! The source picture of an edit, fetched from where its caller says it is.
//!
//! Upstreams are given the bytes and not the URL: what they would fetch, and whether they would fetch
//! the same twice, is not for us to see. Nothing of a URL is told by an error, because its path and
//! query may be a secret; and a caller cannot tell an address that the guard refused from a host that
//! is down, because the difference would draw a map of our network.

use std::{fmt, time::Duration};

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use domain::{failure::Failure, job::Job, order::ImageUrl};
use outbound::{Guard, Refused, Trouble};
use reqwest::{Client, StatusCode};
use url::Url;

use crate::{NotAPicture, Source, SubmitError, picture::Header};

/// Two further attempts, for what passes by itself: a connection that broke, an instance that was
/// replaced. What takes longer is for the caller to see to.
const PAUSES: [Duration; 2] = [Duration::from_millis(200), Duration::from_millis(800)];

/// What fetching may cost.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Longest wait for a connection, the look-up of the name and TLS included.
    pub connect: Duration,
    /// Longest time of one attempt, from the look-up to the last byte.
    pub attempt: Duration,
    /// Longest time of all attempts together: a worker waits for it.
    pub total: Duration,
    /// How long to wait before each further attempt, where there is a point in one.
    pub pauses: &'static [Duration],
    /// The largest picture, in bytes.
    pub bytes_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            // A host that is up answers within a round trip or two around the world; the rest is for
            // one packet that is lost and sent again after a second.
            connect: Duration::from_secs(3),
            // The largest picture at 1 MB/s.
            attempt: Duration::from_secs(10),
            // A second attempt after one that took its time, a third after two that failed at once.
            total: Duration::from_secs(15),
            pauses: &PAUSES,
            // Enough for a photograph, and little enough to be held as bytes and in base64 beside the
            // pictures of a batch.
            bytes_max: 10 * 1_024 * 1_024,
        }
    }
}

/// There is no source picture, sorted by what the caller can do.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// See to it that the URL leads to a picture.
    #[error("the source picture cannot be reached")]
    Unreachable(#[source] Source),
    /// Give another picture.
    #[error("the source is not a picture that can be taken")]
    NotAPicture(#[source] NotAPicture),
}

/// What went wrong with an attempt.
#[derive(Debug, thiserror::Error)]
enum Failed {
    #[error(transparent)]
    OnTheWay(#[from] Trouble),
    #[error("the answer is {0}")]
    Status(StatusCode),
    #[error("the answer is of no use")]
    NotAPicture(#[source] NotAPicture),
}

impl Failed {
    /// Whether it may be gone a moment later.
    fn may_pass(&self) -> bool {
        match self {
            Self::OnTheWay(trouble) => trouble.may_pass(),
            Self::Status(status) => {
                status.is_server_error() || *status == StatusCode::TOO_MANY_REQUESTS
            }
            Self::NotAPicture(_) => false,
        }
    }
}

impl From<Failed> for SourceError {
    fn from(failed: Failed) -> Self {
        match failed {
            Failed::NotAPicture(why) => Self::NotAPicture(why),
            Failed::OnTheWay(_) | Failed::Status(_) => Self::Unreachable(failed.into()),
        }
    }
}

/// The client could not be set up.
#[derive(Debug, thiserror::Error)]
#[error("the client for source pictures cannot be set up")]
pub struct NoClient(#[source] Source);

/// Where source pictures come from.
#[derive(Debug)]
pub struct Sources {
    guard: Guard,
    client: Client,
    limits: Limits,
}

impl Sources {
    /// Sources that anybody can reach.
    ///
    /// # Errors
    /// If the client cannot be set up.
    pub fn public() -> Result<Self, NoClient> {
        Self::new(Guard::public(), Limits::default())
    }

    /// Sources behind a guard, within limits.
    ///
    /// # Errors
    /// If the client cannot be set up.
    pub fn new(guard: Guard, limits: Limits) -> Result<Self, NoClient> {
        let builder = guard.client().map_err(|error| NoClient(error.into()))?;
        let client = builder
            .connect_timeout(limits.connect)
            .timeout(limits.attempt)
            .build()
            .map_err(|error| NoClient(error.into()))?;
        Ok(Self { guard, client, limits })
    }

    /// Fetches a source picture.
    ///
    /// # Errors
    /// [`SourceError`], if there is none.
    pub async fn fetch(&self, url: &ImageUrl) -> Result<SourcePicture, SourceError> {
        let refused = |why| SourceError::from(Failed::from(Trouble::Refused(why)));
        let url = Url::parse(url.as_str()).map_err(|_| refused(Refused::Url))?;
        self.guard.check(&url).map_err(refused)?;
        let fetched = tokio::time::timeout(self.limits.total, self.fetch_from(&url)).await;
        fetched.unwrap_or_else(|_| Err(Failed::from(Trouble::Late).into()))
    }

    async fn fetch_from(&self, url: &Url) -> Result<SourcePicture, SourceError> {
        for pause in self.limits.pauses {
            match self.attempt(url).await {
                Err(failed) if failed.may_pass() => tokio::time::sleep(*pause).await,
                end => return Ok(end?),
            }
        }
        Ok(self.attempt(url).await?)
    }

    /// The longest that it takes to fetch the picture that a job changes.
    pub(crate) fn patience(&self, job: &Job) -> Duration {
        if job.order.image_url.is_none() {
            return Duration::ZERO;
        }
        self.limits.total
    }

    /// The picture that a job changes, if it changes one. Without it nothing is sent, so that the job
    /// ends here is all that follows.
    pub(crate) async fn of(&self, job: &Job) -> Result<Option<SourcePicture>, SubmitError> {
        let Some(url) = &job.order.image_url else { return Ok(None) };
        let failure = match self.fetch(url).await {
            Ok(picture) => return Ok(Some(picture)),
            Err(SourceError::Unreachable(_)) => Failure::ImageUrlUnreachable,
            Err(SourceError::NotAPicture(_)) => Failure::ImageUrlNotAPicture,
        };
        Err(SubmitError::Verdict(failure.into()))
    }

    async fn attempt(&self, url: &Url) -> Result<SourcePicture, Failed> {
        let mut answer = self.client.get(url.clone()).send().await.map_err(Trouble::from)?;
        if !answer.status().is_success() {
            return Err(Failed::Status(answer.status()));
        }
        let largest = u64::try_from(self.limits.bytes_max).unwrap_or(u64::MAX);
        if answer.content_length().is_some_and(|length| length > largest) {
            return Err(Failed::NotAPicture(NotAPicture));
        }
        let mut bytes = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(Trouble::from)? {
            if bytes.len().saturating_add(chunk.len()) > self.limits.bytes_max {
                return Err(Failed::NotAPicture(NotAPicture));
            }
            bytes.extend_from_slice(&chunk);
        }
        SourcePicture::read(bytes).map_err(Failed::NotAPicture)
    }
}

/// A source picture. Its metadata stay: without its orientation a photograph would be edited lying on
/// its side.
#[derive(Clone, PartialEq, Eq)]
pub struct SourcePicture {
    bytes: Vec<u8>,
    header: Header,
}

impl SourcePicture {
    fn read(bytes: Vec<u8>) -> Result<Self, NotAPicture> {
        let header = Header::read(&bytes)?;
        Ok(Self { bytes, header })
    }

    /// The bytes, as they were found.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// `image/png`, `image/jpeg` or `image/webp`, as the bytes have it and whatever their server says.
    #[must_use]
    pub fn content_type(&self) -> &'static str {
        self.header.kind.content_type()
    }

    /// The bytes in base64.
    #[must_use]
    pub fn to_base64(&self) -> String {
        BASE64.encode(&self.bytes)
    }

    /// A URL that holds the bytes.
    #[must_use]
    pub fn to_data_uri(&self) -> String {
        let mut uri = format!("data:{};base64,", self.content_type());
        BASE64.encode_string(&self.bytes, &mut uri);
        uri
    }
}

impl fmt::Debug for SourcePicture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SourcePicture({} bytes {})", self.bytes.len(), self.content_type())
    }
}

#[cfg(test)]
mod tests;
