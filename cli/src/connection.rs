//! Finding the stack that a command is for, its tables and its queues.
//!
//! A stack on this machine tells where they are (`GET /_local/stack`). For one in the cloud `JOBS_TABLE`,
//! `LEDGER_TABLE`, `KEYS_TABLE` and `WEBHOOKS_TABLE` name its tables, as its outputs do, `QUEUE_URL` and
//! `DEAD_LETTER_QUEUE_URL` its queues and `HOLDFAST_URL` its API, where a command needs them.
//! `KEY_ENVIRONMENT` says of which kind its keys are, `live` where it is not set.

use std::collections::BTreeMap;

use anyhow::{Context, bail};
use domain::api_key;
use local::Stack;
use runtime::{Environment, Host, aws::Aws};
use serde::Deserialize;
use store::{Store, Tables};

use crate::{credentials, queues::Queues};

/// Where a stack is looked for when nobody says.
const DEFAULT_URL: &str = "http://127.0.0.1:8080";

/// What a stack on this machine tells about itself.
#[derive(Debug, Deserialize)]
pub(crate) struct LocalStack {
    pub(crate) endpoints: Endpoints,
    pub(crate) tables: BTreeMap<String, String>,
    pub(crate) queues: BTreeMap<String, String>,
    pub(crate) demo: Option<DemoKey>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Endpoints {
    pub(crate) dynamodb: String,
    pub(crate) sqs: String,
}

#[derive(Debug, Deserialize)]
pub(crate) struct DemoKey {
    pub(crate) api_key: String,
}

/// The URL of the stack, and whether somebody chose it.
pub(crate) fn url() -> (String, bool) {
    let chosen = Environment::of_process().get("HOLDFAST_URL").map(str::to_owned);
    let is_chosen = chosen.is_some();
    let url = chosen.unwrap_or_else(|| DEFAULT_URL.to_owned());
    (url.trim_end_matches('/').to_owned(), is_chosen)
}

/// What the stack at a URL tells about itself: `None` if nobody answers there, or it is one in the
/// cloud, which does not.
pub(crate) async fn ask(url: &str) -> anyhow::Result<Option<LocalStack>> {
    let answer = holdfast_client::http_client()?.get(format!("{url}/_local/stack")).send().await;
    match answer {
        Ok(answer) if answer.status().is_success() => {
            Ok(Some(answer.json().await.with_context(|| format!("{url} is not a stack"))?))
        }
        Ok(_) => Ok(None),
        Err(error) if error.is_connect() => Ok(None),
        Err(error) => Err(error).with_context(|| format!("{url} does not answer")),
    }
}

/// The stack that a command is for.
pub(crate) struct Target {
    pub(crate) store: Store,
    /// Of which kind its keys are.
    pub(crate) keys: api_key::Environment,
    pub(crate) queues: Queues,
    /// Where its API answers, if that was said.
    pub(crate) url: Option<String>,
}

/// The stack that the command is for.
pub(crate) async fn target() -> anyhow::Result<Target> {
    let process = Environment::of_process();
    if process.get("LEDGER_TABLE").is_some() {
        return in_the_cloud(process).await;
    }
    let (url, _) = url();
    let Some(stack) = ask(&url).await? else {
        bail!(
            "no stack of this machine answers at {url}; start one with `holdfast serve`, or say \
             where it is with HOLDFAST_URL, or name the tables of one in the cloud with \
             JOBS_TABLE, LEDGER_TABLE, KEYS_TABLE and WEBHOOKS_TABLE"
        );
    };
    let aws = local_aws(&stack)?;
    let queue = |name: &str| stack.queues.get(name).cloned();
    Ok(Target {
        store: Store::new(aws.dynamodb(), tables(&stack.tables)?),
        keys: api_key::Environment::Test,
        queues: Queues {
            client: aws.sqs(),
            jobs: queue("JobsQueue"),
            dead_letters: queue("JobsDeadLetterQueue"),
            is_fair: false,
        },
        url: Some(url),
    })
}

/// The tables of the stack that the command is for, and of which kind its keys are.
pub(crate) async fn store() -> anyhow::Result<(Store, api_key::Environment)> {
    let Target { store, keys, .. } = target().await?;
    Ok((store, keys))
}

async fn in_the_cloud(process: Environment) -> anyhow::Result<Target> {
    let tables = Tables {
        jobs: process.text("JOBS_TABLE")?,
        ledger: process.text("LEDGER_TABLE")?,
        keys: process.text("KEYS_TABLE")?,
        webhooks: process.text("WEBHOOKS_TABLE")?,
    };
    let keys = match process.get("KEY_ENVIRONMENT") {
        Some(_) => process.parse("KEY_ENVIRONMENT")?,
        None => api_key::Environment::Live,
    };
    // Message groups on a queue that is not first-in-first-out are what makes it fair.
    let is_fair = match process.get("FAIR_QUEUE") {
        Some(_) => process.parse("FAIR_QUEUE")?,
        None => true,
    };
    let credentials = credentials::provider(&process)?;
    let region = credentials::region(&process).await?;
    let process = process.with("AWS_REGION", region);
    let aws = Aws::with_credentials(&process, &Host::system(), credentials)?.patient();
    let named = |name: &str| process.get(name).map(str::to_owned);
    Ok(Target {
        store: Store::new(aws.dynamodb(), tables),
        keys,
        queues: Queues {
            client: aws.sqs(),
            jobs: named("QUEUE_URL"),
            dead_letters: named("DEAD_LETTER_QUEUE_URL"),
            is_fair,
        },
        url: named("HOLDFAST_URL").map(|url| url.trim_end_matches('/').to_owned()),
    })
}

/// The tables of a stack in this process.
pub(crate) fn store_of(stack: &Stack) -> anyhow::Result<Store> {
    Ok(Store::new(stack.aws()?.dynamodb(), tables(stack.tables())?))
}

/// Clients of a stack in another process of this machine. Its stand-ins take any credentials.
fn local_aws(stack: &LocalStack) -> anyhow::Result<Aws> {
    let environment: Environment = [
        ("AWS_REGION", "us-east-1"),
        ("AWS_ACCESS_KEY_ID", "local"),
        ("AWS_SECRET_ACCESS_KEY", "local"),
        ("AWS_ENDPOINT_URL_DYNAMODB", &stack.endpoints.dynamodb),
        ("AWS_ENDPOINT_URL_SQS", &stack.endpoints.sqs),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into_iter()
    .collect();
    Ok(Aws::new(&environment, &Host::system())?.patient())
}

/// The physical names of the tables, from those of the template.
fn tables(names: &BTreeMap<String, String>) -> anyhow::Result<Tables> {
    let table = |name: &str| {
        names.get(name).cloned().with_context(|| format!("the stack has no table {name}"))
    };
    Ok(Tables {
        jobs: table("JobsTable")?,
        ledger: table("LedgerTable")?,
        keys: table("KeysTable")?,
        webhooks: table("WebhooksTable")?,
    })
}
