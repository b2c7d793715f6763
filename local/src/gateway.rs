//! API Gateway's HTTP API: takes requests, finds their route, asks the authorizer, has the function
//! answer. What it answers by itself is, to the letter, what API Gateway answers.
//!
//! | what happens                                   | answer                            |
//! |------------------------------------------------|-----------------------------------|
//! | no route and no `$default`                     | 404 `Not Found`                   |
//! | no host, or no path on it                      | 400 `Bad Request`                 |
//! | the authorizer's header is missing             | 401 `Unauthorized`                |
//! | the authorizer says no                         | 403 `Forbidden`                   |
//! | the body is larger than 10 MB, or than Lambda's| 413 `Request Entity Too Large`    |
//! | the headers are larger than 10 KB              | 431 `Request Header Fields Too …` |
//! | a function fails, panics, times out            | 500 `Internal Server Error`       |
//! | a function takes longer than 30 s              | 503 `Service Unavailable`; it runs on |

mod answer;
mod authorizer;
mod desk;
mod event;
mod routes;

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use axum::{
    Router,
    body::Body,
    extract::{ConnectInfo, Request, State},
    http::{HeaderMap, Method, Response, StatusCode, header, request::Parts, uri::Authority},
};
use futures_util::StreamExt as _;
use serde_json::Value;
use url::Url;

use crate::{
    invoke::{InvokeError, Invoker},
    template::Template,
};
use answer::message;
use authorizer::{Authorizer, Decision};
use event::{Identity, Incoming};
use routes::{Routes, Target};

/// The largest body that API Gateway takes.
const BODY_MAX_BYTES: usize = 10 * 1024 * 1024;
/// How much of a body that is too large is read and thrown away, so that its sender reads the
/// refusal rather than a broken connection.
const DRAIN_MAX_BYTES: usize = 64 * 1024 * 1024;
/// How long a body may take.
const BODY_WAIT: Duration = Duration::from_secs(30);
/// The largest request line and headers that API Gateway takes, together.
const HEADERS_MAX_BYTES: usize = 10_240;
/// How long API Gateway waits for a function.
const INTEGRATION_WAIT: Duration = Duration::from_secs(30);

/// The gateway. Clones share everything.
#[derive(Clone, Debug)]
pub(crate) struct Gateway(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    routes: Routes,
    authorizers: BTreeMap<String, Authorizer>,
    identity: Identity,
    port: u16,
    invoker: Invoker,
    description: Value,
    demo: Mutex<Value>,
}

impl Gateway {
    /// The gateway of a template, for connections to this port; `description` is what it tells
    /// this machine of the stack.
    pub(crate) fn new(
        template: &Template,
        invoker: Invoker,
        port: u16,
        description: Value,
    ) -> Gateway {
        let authorizer = |(name, authorizer): (&String, _)| {
            let api: &crate::template::api::Authorizer = authorizer;
            let function = template.function_by_arn(&api.function_arn)?.to_owned();
            Some((name.clone(), Authorizer::new(function, api)))
        };
        Gateway(Arc::new(Shared {
            routes: Routes::of(template),
            authorizers: template.api.authorizers.iter().filter_map(authorizer).collect(),
            identity: Identity {
                account_id: standins::ACCOUNT_ID.to_owned(),
                api_id: template.api.name.clone(),
                region: standins::REGION.to_owned(),
            },
            port,
            invoker,
            description,
            demo: Mutex::new(Value::Null),
        }))
    }

    /// Sets what the description says of a demo.
    pub(crate) fn set_demo(&self, demo: Value) {
        *self.0.demo.lock().unwrap_or_else(PoisonError::into_inner) = demo;
    }

    /// The service for connections.
    pub(crate) fn router(&self) -> Router {
        Router::new().fallback(handle).with_state(self.clone())
    }

    async fn respond(&self, peer: SocketAddr, request: Request) -> Response<Body> {
        let (parts, body) = request.into_parts();
        if parts.uri.path() == desk::PATH && parts.method == Method::GET {
            let demo = self.0.demo.lock().unwrap_or_else(PoisonError::into_inner).clone();
            let description = desk::description(&self.0.description, demo);
            return desk::respond(&parts.headers, &description);
        }
        if header_bytes(&parts) > HEADERS_MAX_BYTES {
            let too_large = StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE;
            return message(too_large, "Request Header Fields Too Large");
        }
        if !has_host(&parts.headers) || !parts.uri.path().starts_with('/') {
            return message(StatusCode::BAD_REQUEST, "Bad Request");
        }
        let body = match tokio::time::timeout(BODY_WAIT, read(body)).await {
            Ok(Some(body)) => body,
            Ok(None) => return too_large(),
            Err(_) => return message(StatusCode::REQUEST_TIMEOUT, "Request Timeout"),
        };
        let Ok(request_id) = self.0.invoker.new_id() else { return internal() };
        let mut response = self.route(self.incoming(request_id, peer, parts, body)).await;
        if let Ok(id) = request_id.to_string().try_into() {
            response.headers_mut().insert("apigw-requestid", id);
        }
        response
    }

    fn incoming(
        &self,
        request_id: uuid::Uuid,
        peer: SocketAddr,
        parts: Parts,
        body: Vec<u8>,
    ) -> Incoming {
        let (headers, cookies) = event::headers(&parts.headers);
        let at = self.0.invoker.clock().now();
        let Parts { method, uri, version, .. } = parts;
        let mut incoming =
            Incoming { request_id, at, peer, method, uri, version, headers, cookies, body };
        incoming.add_gateway_headers(self.0.port);
        incoming
    }

    async fn route(&self, incoming: Incoming) -> Response<Body> {
        let Shared { routes, identity, .. } = &*self.0;
        let found = routes.find(incoming.method.as_str(), incoming.uri.path());
        let Some((target, parameters)) = found else {
            return message(StatusCode::NOT_FOUND, "Not Found");
        };
        let context = match self.authorize(&incoming, target, &parameters).await {
            Ok(context) => context,
            Err(refusal) => return refusal,
        };
        let payload = incoming.payload(target, identity, &parameters, context);
        let invoked = self.0.invoker.invoke(&target.function, &payload);
        match tokio::time::timeout(INTEGRATION_WAIT, invoked).await {
            Ok(Ok(answer)) => answer::response(&answer).unwrap_or_else(|| {
                tracing::error!("{} answers nonsense", target.function);
                internal()
            }),
            Ok(Err(InvokeError::TooLarge)) => too_large(),
            Ok(Err(error)) => {
                let error = anyhow::Error::new(error);
                tracing::error!(error = format!("{error:#}"), "{}", target.route_key);
                internal()
            }
            Err(_) => {
                tracing::error!("{} takes longer than the gateway waits", target.function);
                message(StatusCode::SERVICE_UNAVAILABLE, "Service Unavailable")
            }
        }
    }

    /// What the authorizer tells the function, if there is one; or why the request goes no further.
    async fn authorize(
        &self,
        incoming: &Incoming,
        target: &Target,
        parameters: &BTreeMap<String, String>,
    ) -> Result<Option<serde_json::Map<String, Value>>, Response<Body>> {
        let Some(name) = &target.authorizer else { return Ok(None) };
        let authorizer = self.0.authorizers.get(name).ok_or_else(internal)?;
        let Shared { invoker, identity, .. } = &*self.0;
        match authorizer.decide(invoker, incoming, target, identity, parameters).await {
            Decision::Allowed(context) => Ok(Some(context)),
            Decision::Denied => Err(message(StatusCode::FORBIDDEN, "Forbidden")),
            Decision::Anonymous => Err(message(StatusCode::UNAUTHORIZED, "Unauthorized")),
            Decision::Failed => Err(internal()),
        }
    }
}

async fn handle(
    State(gateway): State<Gateway>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request,
) -> Response<Body> {
    gateway.respond(peer, request).await
}

/// The body, unless it is too large or cannot be read to its end.
async fn read(body: Body) -> Option<Vec<u8>> {
    let mut chunks = body.into_data_stream();
    let (mut bytes, mut total) = (Vec::new(), 0_usize);
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.ok()?;
        total = total.saturating_add(chunk.len());
        if total <= BODY_MAX_BYTES {
            bytes.extend_from_slice(&chunk);
        } else {
            bytes = Vec::new();
        }
        if total > DRAIN_MAX_BYTES {
            return None;
        }
    }
    (total <= BODY_MAX_BYTES).then_some(bytes)
}

fn header_bytes(parts: &Parts) -> usize {
    let target = parts.uri.path_and_query().map_or(0, |target| target.as_str().len());
    let headers =
        parts.headers.iter().map(|(name, value)| name.as_str().len().saturating_add(value.len()));
    headers.fold(target, usize::saturating_add)
}

/// Whether the request names its host, and in a way that a URL can be made of.
fn has_host(headers: &HeaderMap) -> bool {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    host.is_some_and(|host| {
        host.parse::<Authority>().is_ok_and(|host| !host.as_str().contains('@'))
            && Url::parse(&format!("http://{host}/")).is_ok()
    })
}

fn internal() -> Response<Body> {
    message(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error")
}

fn too_large() -> Response<Body> {
    message(StatusCode::PAYLOAD_TOO_LARGE, "Request Entity Too Large")
}

#[cfg(test)]
mod tests;
