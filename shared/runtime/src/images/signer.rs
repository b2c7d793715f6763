//! Addresses under which anyone may read a picture for a while, or its owner keep it: the signature is in the query,
//! and nothing is sent for it.

use std::time::Duration;

use aws_credential_types::Credentials;
use aws_sigv4::{
    http_request::{
        PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SignatureLocation,
        SigningSettings, UriPathNormalizationMode, sign,
    },
    sign::v4::SigningParams,
};
use domain::{job::Image, time::Timestamp};
use http::{Method, Request};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::ImagesError;
use crate::{Environment, aws, clock::to_system, environment::EnvironmentError};

/// What is written as something else in a path. The slashes of a key are slashes there.
const ENCODED: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'/');
/// Where S3 is, in the partitions that have names of their own; by how the names of their regions begin.
/// <https://docs.aws.amazon.com/general/latest/gr/s3.html>
const PARTITIONS: [(&str, &str); 6] = [
    ("cn-", "amazonaws.com.cn"),
    ("eu-isoe-", "cloud.adc-e.uk"),
    ("eusc-", "amazonaws.eu"),
    ("us-iso-", "c2s.ic.gov"),
    ("us-isob-", "sc2s.sgov.gov"),
    ("us-isof-", "csp.hci.ic.gov"),
];

/// Signs addresses of pictures. Reads `IMAGES_BUCKET`, and what [`crate::aws`] reads.
#[derive(Clone, Debug)]
pub struct Signer {
    /// What is before the key.
    base: String,
    region: String,
    credentials: Credentials,
}

impl Signer {
    /// For the bucket that the environment names, with its credentials.
    ///
    /// # Errors
    /// If a variable is missing.
    pub fn new(environment: &Environment) -> Result<Self, EnvironmentError> {
        let region = environment.text("AWS_REGION")?;
        let bucket = environment.text("IMAGES_BUCKET")?;
        let endpoint = aws::endpoint(environment, "AWS_ENDPOINT_URL_S3");
        let base = endpoint.map_or_else(
            || host(&bucket, &region),
            // A stand-in is addressed with the bucket in the path: its host has no subdomains.
            |endpoint| format!("{}/{bucket}", endpoint.trim_end_matches('/')),
        );
        Ok(Self { base, region, credentials: aws::credentials(environment)? })
    }

    /// Where the bucket is: what all of its URLs begin with.
    pub(super) fn base(&self) -> &str {
        &self.base
    }

    /// A URL under which anyone may do this with the picture from `now` on for as long as `lifetime`, or
    /// until the function's own credentials end, whichever is first.
    ///
    /// # Errors
    /// If the URL cannot be signed.
    pub(super) fn sign(
        &self,
        method: &Method,
        key: &str,
        now: Timestamp,
        lifetime: Duration,
    ) -> Result<String, ImagesError> {
        let key = utf8_percent_encode(key, ENCODED);
        let operation = if method == Method::PUT { "PutObject" } else { "GetObject" };
        let url = format!("{}/{key}?x-id={operation}", self.base);
        let mut settings = SigningSettings::default();
        settings.signature_location = SignatureLocation::QueryParams;
        settings.expires_in = Some(lifetime);
        // S3 takes paths as they are.
        settings.percent_encoding_mode = PercentEncodingMode::Single;
        settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
        settings.payload_checksum_kind = PayloadChecksumKind::NoHeader;
        let identity = self.credentials.clone().into();
        let params = SigningParams::builder()
            .identity(&identity)
            .region(&self.region)
            .name("s3")
            .time(to_system(now))
            .settings(settings)
            .build()
            .map_err(|error| ImagesError(error.into()))?;
        let body = SignableBody::UnsignedPayload;
        let request = SignableRequest::new(method.as_str(), url.as_str(), std::iter::empty(), body);
        let request = request.map_err(|error| ImagesError(error.into()))?;
        let signed = sign(request, &params.into()).map_err(|error| ImagesError(error.into()))?;
        let request = Request::builder().uri(&url).body(());
        let mut request = request.map_err(|error| ImagesError(error.into()))?;
        signed.into_parts().0.apply_to_request_http1x(&mut request);
        Ok(request.uri().to_string())
    }

    /// The URLs of a job's pictures, in their order.
    ///
    /// # Errors
    /// If one of them cannot be signed.
    pub fn sign_all(
        &self,
        images: &[Image],
        now: Timestamp,
        lifetime: Duration,
    ) -> Result<Vec<String>, ImagesError> {
        images.iter().map(|image| self.sign(&Method::GET, &image.key, now, lifetime)).collect()
    }
}

/// Where S3 has a bucket.
fn host(bucket: &str, region: &str) -> String {
    let named = PARTITIONS.iter().find(|(begins, _)| region.starts_with(begins));
    let suffix = named.map_or("amazonaws.com", |(_, suffix)| suffix);
    // The certificate is for one label: a bucket with a dot cannot be part of the host's name.
    if bucket.contains('.') {
        format!("https://s3.{region}.{suffix}/{bucket}")
    } else {
        format!("https://{bucket}.s3.{region}.{suffix}")
    }
}

#[cfg(test)]
mod tests;
