//! Fetching pictures. Their URLs are signed: our key is not sent there.

use reqwest::StatusCode;
use tokio::time::sleep;

use crate::{Client, Error, Image, attempts::jitter};

/// Why a picture could not be fetched.
#[derive(Debug, thiserror::Error)]
pub enum DownloadError {
    /// The URL does not work any more. Asking for the job again signs new ones.
    #[error("the URL of the picture has expired")]
    Expired,
    /// It is larger than it may be.
    #[error("the picture has more than {0} bytes")]
    TooLarge(u64),
    /// It was not answered.
    #[error("the picture was not delivered")]
    Failed(#[source] Error),
}

impl Client {
    /// The bytes of a picture, at most so many.
    ///
    /// # Errors
    /// [`DownloadError`]
    pub async fn download(&self, image: &Image, bytes_max: u64) -> Result<Vec<u8>, DownloadError> {
        let retries = self.retries();
        let (mut most, mut attempt) = (retries.first_pause, 1_u32);
        loop {
            match self.fetch_once(image, bytes_max).await {
                Err(DownloadError::Failed(error))
                    if error.passes() && attempt < retries.attempts =>
                {
                    sleep(jitter(most)).await;
                    most = most.saturating_mul(2).min(retries.longest_pause);
                    attempt = attempt.saturating_add(1);
                }
                other => return other,
            }
        }
    }

    async fn fetch_once(&self, image: &Image, bytes_max: u64) -> Result<Vec<u8>, DownloadError> {
        let failed = |error| DownloadError::Failed(Error::of(error));
        let mut response = self.fetch(&image.url).send().await.map_err(failed)?;
        let status = response.status();
        if status == StatusCode::FORBIDDEN {
            return Err(DownloadError::Expired);
        }
        if !status.is_success() {
            let told = crate::ApiError::read(status, response.headers(), b"");
            return Err(DownloadError::Failed(Box::new(told).into()));
        }
        if response.content_length().is_some_and(|length| length > bytes_max) {
            return Err(DownloadError::TooLarge(bytes_max));
        }
        let mut bytes = Vec::new();
        // What is announced need not be what comes.
        while let Some(chunk) = response.chunk().await.map_err(failed)? {
            let length = bytes.len().saturating_add(chunk.len());
            if u64::try_from(length).unwrap_or(u64::MAX) > bytes_max {
                return Err(DownloadError::TooLarge(bytes_max));
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(bytes)
    }
}
