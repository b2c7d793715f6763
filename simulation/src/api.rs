//! The HTTP API as callers see it: a request goes in, an answer comes out, or none.

use std::{collections::VecDeque, sync::Arc, sync::Mutex, time::Duration};

use domain::{ids::JobId, ids::UserId, job::Status, money::MicroUsd};
use lambda_http::{Body, Request, Response};
use serde_json::{Value, json};

use crate::{
    functions::{Functions, limit},
    process::{Ended, Process},
};
use testkit::CrashPoint;

/// Every scope there is.
const ALL: &str = "jobs:write jobs:read account:read webhooks:write";

/// The API.
#[derive(Clone)]
pub(crate) struct Api {
    functions: Functions,
    submits: Pool<submit::App>,
    lookups: Pool<lookup::App>,
}

/// Processes that have nothing to do.
type Pool<A> = Arc<Mutex<VecDeque<(Process, Arc<A>)>>>;

/// What a caller heard.
#[derive(Clone, Debug)]
pub(crate) enum Heard {
    /// An answer.
    Answer(Answer),
    /// Nothing, or that something went wrong: it may have been done, or not.
    Nothing,
}

/// An answer.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) is_replay: bool,
    pub(crate) retry_after: Option<Duration>,
    pub(crate) body: Value,
}

/// A job, as an answer shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shown {
    pub(crate) id: JobId,
    pub(crate) status: Status,
    pub(crate) charged: Option<MicroUsd>,
    pub(crate) images: usize,
}

impl Answer {
    /// The code of a refusal.
    pub(crate) fn code(&self) -> &str {
        self.body["error"]["code"].as_str().unwrap_or_default()
    }

    /// The job that it shows.
    pub(crate) fn job(&self) -> Option<Shown> {
        shown(&self.body)
    }

    /// The jobs of the page that it shows.
    pub(crate) fn jobs(&self) -> Option<Vec<Shown>> {
        self.body["data"].as_array()?.iter().map(shown).collect()
    }
}

fn shown(job: &Value) -> Option<Shown> {
    let usd = |name: &str| job[name].as_number().map(ToString::to_string);
    Some(Shown {
        id: job["id"].as_str()?.parse().ok()?,
        status: serde_json::from_value(job["status"].clone()).ok()?,
        charged: usd("charged_amount").and_then(|text| text.parse().ok()),
        images: job["output"]["images"].as_array().map_or(0, Vec::len),
    })
}

impl Api {
    pub(crate) fn new(functions: &Functions) -> Self {
        Self { functions: functions.clone(), submits: Pool::default(), lookups: Pool::default() }
    }

    /// Posts an order.
    pub(crate) async fn post(&self, user: &UserId, key: Option<&str>, order: &Value) -> Heard {
        self.submit(request("POST", "/v1/images/generations", user, key, Some(order))).await
    }

    /// Cancels a job.
    pub(crate) async fn cancel(&self, user: &UserId, job: JobId) -> Heard {
        let path = format!("/v1/jobs/{job}/cancel");
        self.submit(request("POST", &path, user, None, None)).await
    }

    async fn submit(&self, request: Request) -> Heard {
        let idle = self.submits.lock().unwrap().pop_front();
        let (process, app) = idle.unwrap_or_else(|| {
            let (process, app) = self.functions.submit();
            (process, Arc::new(app))
        });
        let work = submit::respond(&app, request);
        let ended = Box::pin(process.invoke(limit("SubmitFunction"), work)).await;
        let heard = self.hear(&process, ended, &[CrashPoint::Ap5]);
        if !process.is_dead() {
            self.submits.lock().unwrap().push_back((process, app));
        }
        heard
    }

    /// Gets something.
    pub(crate) async fn get(&self, user: &UserId, path: &str) -> Heard {
        let idle = self.lookups.lock().unwrap().pop_front();
        let (process, app) = idle.unwrap_or_else(|| {
            let (process, app) = self.functions.lookup();
            (process, Arc::new(app))
        });
        let request = request("GET", path, user, None, None);
        let work = lookup::respond(&app, request);
        let ended = Box::pin(process.invoke(limit("LookupFunction"), work)).await;
        let heard = self.hear(&process, ended, &[]);
        if !process.is_dead() {
            self.lookups.lock().unwrap().push_back((process, app));
        }
        heard
    }

    fn hear(
        &self,
        process: &Process,
        ended: Ended<Response<Body>>,
        points: &[CrashPoint],
    ) -> Heard {
        let Ended::Answered(response) = ended else {
            process.kill();
            return Heard::Nothing;
        };
        if self.functions.cloud.may_die(process, points) {
            return Heard::Nothing;
        }
        let header = |name: &str| {
            response.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned)
        };
        let seconds = header("retry-after").and_then(|text| text.parse().ok());
        Heard::Answer(Answer {
            status: response.status().as_u16(),
            is_replay: header("idempotent-replayed").as_deref() == Some("true"),
            retry_after: seconds.map(Duration::from_secs),
            body: serde_json::from_slice(response.body()).unwrap(),
        })
    }
}

fn request(
    method: &str,
    path: &str,
    user: &UserId,
    key: Option<&str>,
    body: Option<&Value>,
) -> Request {
    let mut headers = json!({ "host": "api.invalid", "content-type": "application/json" });
    if let Some(key) = key {
        headers["idempotency-key"] = json!(key);
    }
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let route = if method == "POST" { format!("POST {path}") } else { "$default".to_owned() };
    let event = json!({
        "version": "2.0",
        "routeKey": route,
        "rawPath": path,
        "rawQueryString": query,
        "headers": headers,
        "requestContext": {
            "authorizer": { "lambda": { "user_id": user.as_str(), "key_id": "0123456789ab", "scopes": ALL } },
            "http": {
                "method": method,
                "path": path,
                "protocol": "HTTP/1.1",
                "sourceIp": "192.0.2.1",
                "userAgent": "simulation",
            },
            "requestId": "simulated",
            "routeKey": route,
            "stage": "$default",
        },
        "body": body.map(Value::to_string),
        "isBase64Encoded": false,
    });
    lambda_http::request::from_str(&event.to_string()).unwrap()
}
