//! IAM, as far as the template uses it: what a function asks of AWS passes a guard that knows its role, and is
//! refused as AWS refuses it.
//!
//! What is not asked by a request cannot be seen here: a signed URL is used by somebody else, later.

use std::{
    collections::BTreeSet,
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::{
    client::{
        http::{
            HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings,
            SharedHttpClient, SharedHttpConnector,
        },
        orchestrator::{HttpRequest, HttpResponse},
        result::ConnectorError,
        runtime_components::{RuntimeComponents, RuntimeComponentsBuilder},
    },
    http::StatusCode,
};
use aws_smithy_types::{body::SdkBody, config_bag::ConfigBag};
use serde_json::{Value, json};

use crate::template::roles::{Need, Role};

/// What a function has needed so far.
pub(crate) type Needs = Arc<Mutex<BTreeSet<Need>>>;

/// The way of a function to AWS.
#[derive(Clone)]
pub(crate) struct Guard(Arc<Inner>);

struct Inner {
    function: String,
    role: Role,
    needs: Needs,
    http: SharedHttpClient,
}

impl Guard {
    /// Lets through what the role of a function permits, and notes it.
    pub(crate) fn new(function: &str, role: Role, needs: Needs, http: SharedHttpClient) -> Guard {
        let function = function.to_owned();
        Guard(Arc::new(Inner { function, role, needs, http }))
    }

    /// As the HTTP client of the function's SDK.
    pub(crate) fn client(self) -> SharedHttpClient {
        SharedHttpClient::new(self)
    }

    /// The first need of a request that the role does not permit.
    fn refused(&self, request: &HttpRequest) -> Option<Need> {
        let needs = needs(request);
        if let Some(refused) = needs.iter().find(|need| !self.0.role.permits(need)) {
            return Some(refused.clone());
        }
        let mut noted = self.0.needs.lock().unwrap_or_else(PoisonError::into_inner);
        noted.extend(needs);
        None
    }
}

impl HttpClient for Guard {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        let connector = self.0.http.http_connector(settings, components);
        SharedHttpConnector::new(Guarded { guard: self.clone(), connector })
    }

    fn validate_base_client_config(
        &self,
        components: &RuntimeComponentsBuilder,
        config: &ConfigBag,
    ) -> Result<(), BoxError> {
        self.0.http.validate_base_client_config(components, config)
    }

    fn validate_final_config(
        &self,
        components: &RuntimeComponents,
        config: &ConfigBag,
    ) -> Result<(), BoxError> {
        self.0.http.validate_final_config(components, config)
    }
}

#[derive(Debug)]
struct Guarded {
    guard: Guard,
    connector: SharedHttpConnector,
}

impl HttpConnector for Guarded {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        match self.guard.refused(&request) {
            None => self.connector.call(request),
            Some(need) => {
                let function = &self.guard.0.function;
                tracing::error!(%function, %need, "the role of the function does not permit this");
                HttpConnectorFuture::ready(refusal(&need))
            }
        }
    }
}

impl fmt::Debug for Guard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Guard").field(&self.0.function).finish()
    }
}

/// What AWS answers to who may not.
fn refusal(need: &Need) -> Result<HttpResponse, ConnectorError> {
    let message = format!("User is not authorized to perform: {need}");
    let (status, body): (u16, _) = if need.action.starts_with("s3:") {
        let body = format!("<Error><Code>AccessDenied</Code><Message>{message}</Message></Error>");
        (403, body)
    } else {
        let error = json!({ "__type": "AccessDeniedException", "message": message });
        (400, error.to_string())
    };
    let status = StatusCode::try_from(status);
    let status = status.map_err(|error| ConnectorError::other(error.into(), None))?;
    Ok(HttpResponse::new(status, SdkBody::from(body)))
}

/// What a request needs: one right, or one for each part of a transaction or batch.
fn needs(request: &HttpRequest) -> Vec<Need> {
    let target = request.headers().get("x-amz-target").and_then(|target| target.split_once('.'));
    let Some((service, operation)) = target else { return vec![object(request)] };
    let body = request.body().bytes().unwrap_or_default();
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    match service {
        "AmazonSQS" => {
            let name = text(&body, "QueueUrl").rsplit('/').next().unwrap_or_default();
            vec![need(format!("sqs:{operation}"), arn("sqs", name), false)]
        }
        "secretsmanager" => {
            let name = text(&body, "SecretId");
            let resource = arn("secretsmanager", &format!("secret:{name}"));
            vec![need(format!("secretsmanager:{operation}"), resource, false)]
        }
        "AWSEvents" => {
            let entries = list(&body, "Entries");
            let bus = |entry: &Value| {
                let name = text(entry, "EventBusName").rsplit('/').next().unwrap_or_default();
                arn("events", &format!("event-bus/{name}"))
            };
            let needs = entries.iter().map(|entry| need("events:PutEvents", bus(entry), false));
            needs.collect()
        }
        _ => rows(operation, &body),
    }
}

/// What a request to the tables needs.
fn rows(operation: &str, body: &Value) -> Vec<Need> {
    let parts = list(body, "TransactItems");
    if operation.starts_with("Transact") {
        let is_write = operation == "TransactWriteItems";
        let part = |part: &Value| {
            let (kind, what) = part.as_object()?.iter().next()?;
            Some(need(format!("dynamodb:{kind}Item"), table(what), is_write))
        };
        return parts.iter().filter_map(part).collect();
    }
    if let Some(tables) = body.get("RequestItems").and_then(Value::as_object) {
        let of = |name: &String| arn("dynamodb", &format!("table/{name}"));
        let needs =
            tables.keys().map(|name| need(format!("dynamodb:{operation}"), of(name), false));
        return needs.collect();
    }
    vec![need(format!("dynamodb:{operation}"), table(body), false)]
}

/// The table that a request or a part of it is about, or its index.
fn table(part: &Value) -> String {
    let table = text(part, "TableName");
    match part.get("IndexName").and_then(Value::as_str) {
        Some(index) => arn("dynamodb", &format!("table/{table}/index/{index}")),
        None => arn("dynamodb", &format!("table/{table}")),
    }
}

/// What a request to the bucket needs; its path names bucket and object.
fn object(request: &HttpRequest) -> Need {
    let path = request.uri().split_once("://").map_or("", |(_, rest)| rest);
    let path = path.split_once('/').map_or("", |(_, path)| path);
    let path = path.split('?').next().unwrap_or_default();
    let action = match request.method() {
        "PUT" => "s3:PutObject",
        "GET" | "HEAD" => "s3:GetObject",
        "DELETE" => "s3:DeleteObject",
        _ => "s3:*",
    };
    need(action, format!("arn:aws:s3:::{path}"), false)
}

fn need(action: impl Into<String>, resource: String, in_transaction: bool) -> Need {
    Need { action: action.into(), resource, in_transaction }
}

fn arn(service: &str, resource: &str) -> String {
    format!("arn:aws:{service}:{}:{}:{resource}", standins::REGION, standins::ACCOUNT_ID)
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}

fn list<'a>(value: &'a Value, name: &str) -> &'a [Value] {
    value.get(name).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

#[cfg(test)]
mod tests;
