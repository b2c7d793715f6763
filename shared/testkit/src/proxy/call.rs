//! What a request is: for which service, which operation, about what.

use hyper::{
    HeaderMap, Method, Uri,
    body::Bytes,
    header::{CONTENT_LENGTH, HeaderValue},
};
use serde_json::Value;

/// The header that names the operation of a request to `DynamoDB`, SQS or `EventBridge`.
const TARGET: &str = "x-amz-target";
/// The header in which `DynamoDB` sends a checksum of the body.
const CHECKSUM: &str = "x-amz-crc32";
/// The field by which `DynamoDB` knows that a transaction was sent before.
const TOKEN: &str = "ClientRequestToken";

/// Who a request is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Service {
    /// The tables.
    DynamoDb,
    /// The queue.
    Sqs,
    /// The bucket.
    S3,
    /// The event bus.
    EventBridge,
    /// Who makes the pictures.
    Upstream,
    /// The Runtime API of Lambda.
    Lambda,
}

/// A request that came to the proxy.
#[derive(Clone, Debug)]
pub struct Call {
    /// Who it is for.
    pub service: Service,
    /// What is to be done, such as `TransactWriteItems`; the method, where the protocol has no such name.
    pub operation: String,
    /// Path and query.
    pub path: String,
    /// The body.
    pub body: Bytes,
    pub(super) method: Method,
    pub(super) headers: HeaderMap,
}

impl Call {
    pub(super) fn new(
        service: Service,
        (method, uri): (Method, &Uri),
        headers: HeaderMap,
        body: Bytes,
    ) -> Self {
        let target = headers.get(TARGET).and_then(|target| target.to_str().ok());
        let operation = target.and_then(|target| target.rsplit('.').next());
        let operation = operation.unwrap_or(method.as_str()).to_owned();
        let path = uri.path_and_query().map_or("/", |path| path.as_str()).to_owned();
        Self { service, operation, path, body, method, headers }
    }

    /// The body as JSON; null if it is something else.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// Whether this service is to do this.
    pub fn is(&self, service: Service, operation: &str) -> bool {
        self.service == service && self.operation == operation
    }

    /// The same transaction, as if it had not been sent before.
    pub(super) fn without_token(mut self) -> Self {
        let mut body = self.json();
        if let Some(fields) = body.as_object_mut() {
            fields.remove(TOKEN);
        }
        renew(&mut self.headers, &mut self.body, body.to_string().into());
        self
    }
}

/// Puts one URL in the place of another, in what may say where to ask an upstream.
pub(super) fn translate(
    service: Service,
    (from, to): (&str, &str),
    headers: &mut HeaderMap,
    body: &mut Bytes,
) {
    let may_say = matches!(service, Service::Upstream | Service::DynamoDb);
    let Ok(text) = str::from_utf8(body) else { return };
    if may_say && text.contains(from) {
        let text = text.replace(from, to);
        renew(headers, body, text.into());
    }
}

fn renew(headers: &mut HeaderMap, old: &mut Bytes, new: Bytes) {
    headers.remove(CHECKSUM);
    headers.insert(CONTENT_LENGTH, HeaderValue::from(new.len()));
    *old = new;
}
