//! The Lambda authorizer: asks a function who is calling, and remembers its decision for a while.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Mutex, PoisonError},
    time::Duration,
};

use domain::time::Timestamp;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::event::{Identity, Incoming};
use super::routes::Target;
use crate::{invoke::Invoker, template::api};

/// How long the gateway waits for an authorizer.
const WAIT: Duration = Duration::from_secs(10);
/// How many decisions are remembered.
const REMEMBERED_MAX: usize = 10_000;

/// What the authorizer says of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Decision {
    /// It may pass, with this for the function to know.
    Allowed(Map<String, Value>),
    /// It may not.
    Denied,
    /// It does not say who is calling; nobody was asked.
    Anonymous,
    /// The authorizer failed.
    Failed,
}

/// A simple response, payload format 2.0.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SimpleResponse {
    is_authorized: bool,
    #[serde(default)]
    context: Option<Map<String, Value>>,
}

/// An authorizer of the API.
#[derive(Debug)]
pub(super) struct Authorizer {
    function: String,
    /// In lower case.
    headers: Vec<String>,
    ttl: Duration,
    remembered: Mutex<HashMap<Vec<String>, (Timestamp, Decision)>>,
}

impl Authorizer {
    /// The authorizer of a template; `function` is the logical id of the function that decides.
    pub(super) fn new(function: String, authorizer: &api::Authorizer) -> Authorizer {
        Authorizer {
            function,
            headers: authorizer.headers.iter().map(|name| name.to_ascii_lowercase()).collect(),
            ttl: authorizer.ttl,
            remembered: Mutex::default(),
        }
    }

    /// Decides on a request.
    pub(super) async fn decide(
        &self,
        invoker: &Invoker,
        incoming: &Incoming,
        target: &Target,
        identity: &Identity,
        path_parameters: &BTreeMap<String, String>,
    ) -> Decision {
        let source = |name: &String| incoming.headers.get(name).filter(|value| !value.is_empty());
        let sources: Option<Vec<String>> =
            self.headers.iter().map(|name| source(name).cloned()).collect();
        let Some(source) = sources else { return Decision::Anonymous };
        if let Some(decision) = self.remembered(&source, incoming.at) {
            return decision;
        }
        let payload = incoming.authorizer_payload(target, identity, path_parameters, &source);
        let asked = tokio::time::timeout(WAIT, invoker.invoke(&self.function, &payload)).await;
        let answer = match asked {
            Ok(Ok(answer)) => serde_json::from_slice::<SimpleResponse>(&answer),
            Ok(Err(error)) => {
                tracing::error!(error = format!("{:#}", anyhow::Error::new(error)), "authorizer");
                return Decision::Failed;
            }
            Err(_) => {
                tracing::error!("the authorizer `{}` is too slow", self.function);
                return Decision::Failed;
            }
        };
        let decision = match answer {
            Ok(SimpleResponse { is_authorized: true, context }) => {
                Decision::Allowed(context.unwrap_or_default())
            }
            Ok(SimpleResponse { is_authorized: false, .. }) => Decision::Denied,
            Err(error) => {
                tracing::error!(%error, "the authorizer `{}` answers nonsense", self.function);
                return Decision::Failed;
            }
        };
        self.remember(source, &decision, incoming.at);
        decision
    }

    fn remembered(&self, source: &[String], now: Timestamp) -> Option<Decision> {
        let remembered = self.remembered.lock().unwrap_or_else(PoisonError::into_inner);
        let (until, decision) = remembered.get(source)?;
        (now < *until).then(|| decision.clone())
    }

    fn remember(&self, source: Vec<String>, decision: &Decision, now: Timestamp) {
        if self.ttl.is_zero() {
            return;
        }
        let mut remembered = self.remembered.lock().unwrap_or_else(PoisonError::into_inner);
        if remembered.len() >= REMEMBERED_MAX {
            remembered.retain(|_, (until, _)| now < *until);
        }
        if remembered.len() >= REMEMBERED_MAX {
            remembered.clear();
        }
        remembered.insert(source, (now.plus(self.ttl), decision.clone()));
    }
}
