//! Where pictures are kept: one object for each image of a job, under a key that follows from the
//! two, so that whoever does the work again writes the same object again.

mod signer;

use aws_sdk_s3::{Client, primitives::ByteStream};
use domain::ids::JobId;

use crate::{Environment, aws::Aws, environment::EnvironmentError};

pub use signer::Signer;

/// The object store failed, or may have.
#[derive(Debug, thiserror::Error)]
#[error("the object store failed")]
pub struct ImagesError(#[source] Box<dyn std::error::Error + Send + Sync>);

/// The bucket of pictures, for whoever keeps some. Reads `IMAGES_BUCKET`.
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
}
