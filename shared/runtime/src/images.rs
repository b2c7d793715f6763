//! Where pictures are kept: one object for each image of a job, under a key that follows from the
//! two, so that whoever does the work again writes the same object again.

use std::time::Duration;

use aws_sdk_s3::{Client, presigning::PresigningConfig, primitives::ByteStream};
use domain::{ids::JobId, job::Image, time::Timestamp};

use crate::{Environment, aws::Aws, clock::to_system, environment::EnvironmentError};

/// The object store failed, or may have.
#[derive(Debug, thiserror::Error)]
#[error("the object store failed")]
pub struct ImagesError(#[source] Box<dyn std::error::Error + Send + Sync>);

/// The bucket of pictures. Reads `IMAGES_BUCKET`.
#[derive(Clone, Debug)]
pub struct Images {
    client: Client,
    bucket: String,
}

/// The key of a job's image, counted from zero.
#[must_use]
pub fn key(job: &JobId, index: usize) -> String {
    format!("jobs/{job}/{index}")
}

impl Images {
    /// The bucket that the environment names.
    ///
    /// # Errors
    /// If the variable is missing.
    pub fn new(aws: &Aws, environment: &Environment) -> Result<Self, EnvironmentError> {
        Ok(Self { client: aws.s3(), bucket: environment.text("IMAGES_BUCKET")? })
    }

    /// Keeps a picture, over whatever is there under the same key.
    ///
    /// # Errors
    /// If the store did not say that it has it.
    pub async fn put(
        &self,
        key: &str,
        content_type: &str,
        bytes: Vec<u8>,
    ) -> Result<(), ImagesError> {
        self.client
            .put_object()
            .bucket(&self.bucket)
            .key(key)
            .content_type(content_type)
            // What is served is a picture and stays one, whatever a browser makes of its bytes.
            .content_disposition("inline")
            .body(ByteStream::from(bytes))
            .send()
            .await
            .map(drop)
            .map_err(|error| ImagesError(error.into()))
    }

    /// A URL under which anyone may read the picture from `now` on for as long as `lifetime`, or
    /// until the function's own credentials end, whichever is first. Nothing is sent for it.
    ///
    /// # Errors
    /// If the URL cannot be signed.
    async fn sign(
        &self,
        key: &str,
        now: Timestamp,
        lifetime: Duration,
    ) -> Result<String, ImagesError> {
        let config = PresigningConfig::builder().start_time(to_system(now)).expires_in(lifetime);
        let config = config.build().map_err(|error| ImagesError(error.into()))?;
        let request = self.client.get_object().bucket(&self.bucket).key(key);
        let signed = request.presigned(config).await.map_err(|error| ImagesError(error.into()))?;
        Ok(signed.uri().to_owned())
    }

    /// The URLs of a job's pictures, in their order.
    ///
    /// # Errors
    /// If one of them cannot be signed.
    pub async fn sign_all(
        &self,
        images: &[Image],
        now: Timestamp,
        lifetime: Duration,
    ) -> Result<Vec<String>, ImagesError> {
        let mut urls = Vec::with_capacity(images.len());
        for image in images {
            urls.push(self.sign(&image.key, now, lifetime).await?);
        }
        Ok(urls)
    }
}
