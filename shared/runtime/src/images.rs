//! Where pictures are kept: one object for each image of a job, under a key that follows from the
//! two, so that whoever does the work again writes the same object again.
//!
//! Of all that S3 does the product needs one thing, to keep an object. That is a request with a signed address, sent as
//! the SDK sends its own: the whole client of S3 is an eighth of a function, most of it tables for checksums (ADR 64).

mod signer;

use std::time::Duration;

use aws_smithy_runtime::client::{
    orchestrator::operation::Operation,
    retries::classifiers::{HttpStatusCodeClassifier, TransientErrorClassifier},
};
use aws_smithy_runtime_api::client::{
    behavior_version::BehaviorVersion,
    orchestrator::{HttpRequest, HttpResponse, OrchestratorError},
    runtime_plugin::StaticRuntimePlugin,
};
use aws_smithy_types::{body::SdkBody, config_bag::Layer, timeout::TimeoutConfig};
use domain::ids::JobId;
use http::{
    HeaderValue, Method, Request,
    header::{CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_TYPE},
};

use crate::{
    Clock, Environment,
    aws::{self, Aws},
    environment::EnvironmentError,
};

pub use signer::Signer;

/// Longest wait for one attempt to keep a picture: megabytes take longer than a row, and what is lost
/// here was paid for upstream.
const UPLOAD_ATTEMPT: Duration = Duration::from_secs(10);
/// Longest wait for a picture to be kept, with all attempts.
const UPLOAD: Duration = Duration::from_secs(20);
/// For how long the permission to keep a picture is good: as long as S3 lets clocks differ.
const PERMISSION: Duration = Duration::from_mins(15);
/// What S3 answers that may pass. 400 is what it says of a body that came too slowly (`RequestTimeout`,
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html>); of the same bytes under the same key an attempt too
/// many does no harm.
const PASSING: &[u16] = &[400, 500, 502, 503, 504];

/// The object store failed, or may have.
#[derive(Debug, thiserror::Error)]
#[error("the object store failed")]
pub struct ImagesError(#[source] Box<dyn std::error::Error + Send + Sync>);

/// The object store did not take a picture.
#[derive(Debug, thiserror::Error)]
#[error("it answered {0}")]
struct Refused(u16);

/// The bucket of pictures, for whoever keeps some. Reads `IMAGES_BUCKET`, and what [`crate::aws`] reads.
#[derive(Clone, Debug)]
pub struct Images {
    put: Operation<HttpRequest, (), Refused>,
    signer: Signer,
    /// S3 goes by the time of the world, as the SDK does for its own requests, whatever the clock of the jobs.
    clock: Clock,
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
    /// If a variable is missing.
    pub fn new(aws: &Aws, environment: &Environment) -> Result<Self, EnvironmentError> {
        let signer = Signer::new(environment)?;
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(aws::CONNECT)
            .operation_attempt_timeout(UPLOAD_ATTEMPT)
            .operation_timeout(UPLOAD)
            .build();
        let mut own = Layer::new("holdfast");
        own.store_put(aws::retries());
        let put = Operation::builder()
            .service_name("s3")
            .operation_name("PutObject")
            .behavior_version(BehaviorVersion::latest())
            .runtime_plugin(StaticRuntimePlugin::new().with_config(own.freeze()))
            .http_client(aws.http())
            .endpoint_url(signer.base())
            // The address is signed.
            .no_auth()
            .with_connection_poisoning()
            .timeout_config(timeouts)
            .standard_retry(&aws::retry_config())
            .retry_classifier(TransientErrorClassifier::<Refused>::new())
            .retry_classifier(HttpStatusCodeClassifier::new_from_codes(PASSING))
            .serializer(|request: HttpRequest| Ok(request))
            .deserializer(read)
            .build();
        Ok(Self { put, signer, clock: Clock::system() })
    }

    /// Keeps a picture, over whatever is there under the same key.
    ///
    /// # Errors
    /// If the store did not say that it has it.
    pub async fn put(
        &self,
        key: &str,
        content_type: &'static str,
        bytes: Vec<u8>,
    ) -> Result<(), ImagesError> {
        let address = self.signer.sign(&Method::PUT, key, self.clock.now(), PERMISSION)?;
        // Where the bucket is, the operation knows.
        let path = address.strip_prefix(self.signer.base()).unwrap_or(&address);
        let request = Request::put(path)
            .header(CONTENT_LENGTH, bytes.len())
            .header(CONTENT_TYPE, HeaderValue::from_static(content_type))
            // What is served is a picture and stays one, whatever a browser makes of its bytes.
            .header(CONTENT_DISPOSITION, HeaderValue::from_static("inline"))
            .body(SdkBody::from(bytes))
            .map_err(|error| ImagesError(error.into()))?;
        let request = HttpRequest::try_from(request).map_err(|error| ImagesError(error.into()))?;
        // All that is on its way would be part of each job's future, kept or not.
        let put = Box::pin(self.put.invoke(request));
        put.await.map_err(|error| ImagesError(error.into()))
    }
}

fn read(response: &HttpResponse) -> Result<(), OrchestratorError<Refused>> {
    let status = response.status();
    let taken = status.is_success();
    taken.then_some(()).ok_or_else(|| OrchestratorError::operation(Refused(status.as_u16())))
}

#[cfg(test)]
mod tests;
