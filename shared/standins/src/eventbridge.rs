//! EventBridge, as far as somebody publishes: it takes events and remembers the latest. There are no rules.

use std::{
    collections::VecDeque,
    convert::Infallible,
    sync::{Arc, Mutex, PoisonError},
};

use http_body_util::{BodyExt, Full, Limited};
use hyper::{
    Request, Response, StatusCode,
    body::{Bytes, Incoming},
    header::CONTENT_TYPE,
    service::Service,
};
use serde_json::{Value, json};

/// How many events are remembered.
const REMEMBERED: usize = 1_000;
/// The most that a request may have, in bytes: what EventBridge takes.
const REQUEST_MAX: usize = 262_144;
/// The most events of a request.
const ENTRIES_MAX: usize = 10;

/// What was published, the latest last.
#[derive(Clone, Debug, Default)]
pub(crate) struct Published(Arc<Mutex<VecDeque<Value>>>);

impl Published {
    /// All that is remembered, each as the entry that it was published as.
    pub(crate) fn all(&self) -> Vec<Value> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }

    fn add(&self, entries: &[Value]) {
        let mut published = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for entry in entries {
            if published.len() >= REMEMBERED {
                published.pop_front();
            }
            published.push_back(entry.clone());
        }
    }

    /// One request.
    fn answer(&self, target: Option<&str>, body: &[u8]) -> (StatusCode, Value) {
        let refuse = |kind: &str| (StatusCode::BAD_REQUEST, json!({ "__type": kind }));
        if target != Some("AWSEvents.PutEvents") {
            return refuse("UnknownOperationException");
        }
        let Ok(request) = serde_json::from_slice::<Value>(body) else {
            return refuse("SerializationException");
        };
        let entries =
            request.get("Entries").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let is_whole = |entry: &Value| {
            let detail = entry.get("Detail").and_then(Value::as_str).unwrap_or_default();
            let has = |name: &str| {
                entry.get(name).and_then(Value::as_str).is_some_and(|text| !text.is_empty())
            };
            has("Source") && has("DetailType") && serde_json::from_str::<Value>(detail).is_ok()
        };
        if entries.is_empty() || entries.len() > ENTRIES_MAX || !entries.iter().all(is_whole) {
            return refuse("ValidationException");
        }
        self.add(entries);
        let ids: Vec<Value> = entries
            .iter()
            .map(|_| json!({ "EventId": "00000000-0000-0000-0000-000000000000" }))
            .collect();
        (StatusCode::OK, json!({ "FailedEntryCount": 0, "Entries": ids }))
    }
}

impl Service<Request<Incoming>> for Published {
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future =
        std::pin::Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        let published = self.clone();
        Box::pin(async move {
            let target = request.headers().get("x-amz-target").cloned();
            let target = target.as_ref().and_then(|target| target.to_str().ok());
            let body = Limited::new(request.into_body(), REQUEST_MAX).collect().await;
            let (status, answer) = match body {
                Ok(body) => published.answer(target, &body.to_bytes()),
                Err(_) => (StatusCode::PAYLOAD_TOO_LARGE, Value::Null),
            };
            let mut response = Response::new(Full::new(Bytes::from(answer.to_string())));
            *response.status_mut() = status;
            let json = hyper::header::HeaderValue::from_static("application/x-amz-json-1.1");
            response.headers_mut().insert(CONTENT_TYPE, json);
            Ok(response)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_whole_is_remembered_and_what_is_not_is_refused() {
        let published = Published::default();
        let entry = json!({ "Source": "a", "DetailType": "b", "Detail": "{}" });
        let put = |entries: &[Value]| {
            let body = json!({ "Entries": entries }).to_string();
            published.answer(Some("AWSEvents.PutEvents"), body.as_bytes()).0
        };
        assert_eq!(put(std::slice::from_ref(&entry)), StatusCode::OK);
        let broken = json!({ "Source": "a", "DetailType": "b", "Detail": "{" });
        for entries in [vec![], vec![entry.clone(); 11], vec![entry.clone(), broken]] {
            assert_eq!(put(&entries), StatusCode::BAD_REQUEST);
        }
        assert_eq!(published.answer(Some("AWSEvents.ListRules"), b"{}").0, StatusCode::BAD_REQUEST);
        assert_eq!(published.answer(Some("AWSEvents.PutEvents"), b"{").0, StatusCode::BAD_REQUEST);
        assert_eq!(published.all(), std::slice::from_ref(&entry));
        for _ in 0..REMEMBERED {
            put(std::slice::from_ref(&entry));
        }
        assert_eq!(published.all().len(), REMEMBERED);
    }
}
