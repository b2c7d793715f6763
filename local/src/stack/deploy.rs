//! What a deployment does: understands the template, gives each function its variables, starts it.

use std::{collections::BTreeMap, net::SocketAddr, path::PathBuf, time::Duration};

use anyhow::Context as _;
use runtime::{Environment, Host};
use serde_json::{Value, json};
use standins::{Endpoints, Standins, Storage};

use crate::{
    invoke::{Invoker, programs},
    options::Options,
    rights::{Guard, Needs},
    schedule::Scheduled,
    template::{Site, Template},
};

/// The name of the stack; physical names begin with it.
const STACK_NAME: &str = "holdfast";

/// Parameters that have another default here than in the cloud, if the template has them.
const LOCAL_PARAMETERS: [(&str, &str); 2] = [
    // The stand-in refuses a message group on a standard queue.
    ("FairQueue", "false"),
    // Keys of this machine must not look like keys of a deployment.
    ("KeyEnvironment", "test"),
];

/// The parameter that lists the upstreams: here those that there are keys for.
const UPSTREAMS: &str = "Upstreams";
/// The variable that tells a function where the keys of the upstreams are kept.
const KEYS_SECRET: &str = "UPSTREAM_KEYS_SECRET";

/// Starts the stand-ins, which keep their state in this directory, or nowhere.
pub(super) async fn start_standins(data_dir: Option<PathBuf>) -> anyhow::Result<Standins> {
    let storage = data_dir.map_or(Storage::Memory, Storage::Directory);
    tokio::task::spawn_blocking(move || Standins::start(storage)).await?
}

/// The template, evaluated for this machine.
pub(super) fn understand(
    text: &str,
    options: &Options,
    address: SocketAddr,
    endpoints: &Endpoints,
) -> anyhow::Result<Template> {
    let site = Site {
        region: standins::REGION.to_owned(),
        account_id: standins::ACCOUNT_ID.to_owned(),
        stack_name: STACK_NAME.to_owned(),
        sqs_url: endpoints.sqs.clone(),
        api_url: format!("http://{address}"),
    };
    let declared = Template::parameter_names(text)?;
    let upstreams = (UPSTREAMS, options.upstreams.keyed().to_string());
    let local = LOCAL_PARAMETERS.map(|(name, value)| (name, value.to_owned()));
    let local = local.into_iter().chain([upstreams]).filter(|(name, _)| declared.contains(*name));
    let mut parameters: BTreeMap<String, String> =
        local.map(|(name, value)| (name.to_owned(), value)).collect();
    parameters.extend(options.parameters.clone());
    Template::parse(text, site, &parameters, options.constraints)
        .context("the template is not understood")
}

/// The variables of a function: its own, and what Lambda and the SDK would find.
pub(super) fn environment(own: BTreeMap<String, String>, endpoints: &Endpoints) -> Environment {
    let given = [
        ("AWS_REGION", standins::REGION),
        ("AWS_ACCESS_KEY_ID", standins::ACCESS_KEY_ID),
        ("AWS_SECRET_ACCESS_KEY", standins::SECRET_ACCESS_KEY),
        ("AWS_ENDPOINT_URL_DYNAMODB", &endpoints.dynamodb),
        ("AWS_ENDPOINT_URL_SQS", &endpoints.sqs),
        ("AWS_ENDPOINT_URL_S3", &endpoints.s3),
        ("AWS_ENDPOINT_URL_EVENTBRIDGE", &endpoints.eventbridge),
        // An upstream on loopback is one that somebody plays here; in the cloud it could only be an
        // attack.
        ("LOCAL_STACK", "true"),
    ];
    let given = given.map(|(name, value)| (name.to_owned(), value.to_owned()));
    own.into_iter().chain(given).collect()
}

/// What every function has needed so far, by its logical id.
pub(super) type NeedsOfAll = BTreeMap<String, Needs>;

/// Starts every function, under its own role; returns their variables, what runs them, and what they need.
pub(super) async fn deploy(
    template: &Template,
    endpoints: &Endpoints,
    options: &Options,
) -> anyhow::Result<(BTreeMap<String, Environment>, Invoker, NeedsOfAll)> {
    let (mut environments, mut needs) = (BTreeMap::new(), NeedsOfAll::new());
    let mut functions = Vec::new();
    let Options { upstreams, clock, counts, .. } = options;
    let host = Host::system().with_clock(clock.clone()).with_counts(counts.clone());
    for (id, function) in &template.functions {
        let mut own = function.environment.clone();
        if own.contains_key(KEYS_SECRET) {
            own.extend(upstreams.variables());
        }
        let environment = environment(own, endpoints);
        let needed = needs.entry(id.clone()).or_default();
        let http = runtime::aws::http_client(&Environment::default())?;
        let guard = Guard::new(id, function.role.clone(), needed.clone(), http);
        let host = Host { http: Some(guard.client()), ..host.clone() };
        let handler = programs::start(&function.binary, &environment, host)
            .await
            .with_context(|| format!("{id} does not start"))?;
        environments.insert(id.clone(), environment);
        functions.push((id.clone(), function.clone(), handler));
    }
    Ok((environments, Invoker::new(functions, clock.clone()), needs))
}

/// The schedules of the template, or all of them at another pace.
pub(super) fn schedules(
    template: &Template,
    every: Option<Duration>,
    invoker: &Invoker,
) -> Vec<Scheduled> {
    let mut schedules = Vec::new();
    for (id, function) in &template.functions {
        for schedule in &function.schedules {
            let every = every.unwrap_or(schedule.every);
            let name = schedule.name.clone();
            schedules.push(Scheduled::new(id.clone(), name, every, invoker.clone()));
        }
    }
    schedules
}

/// The physical names of the tables, by logical id.
pub(super) fn table_names(template: &Template) -> BTreeMap<String, String> {
    template.tables.iter().map(|(id, table)| (id.clone(), table.name.clone())).collect()
}

/// The physical names of the buckets, by logical id.
pub(super) fn bucket_names(template: &Template) -> BTreeMap<String, String> {
    template.buckets.iter().map(|(id, bucket)| (id.clone(), bucket.name.clone())).collect()
}

/// What `GET /_local/stack` says, but for the demo.
pub(super) fn describe(
    template: &Template,
    address: SocketAddr,
    endpoints: &Endpoints,
    tables: &BTreeMap<String, String>,
    buckets: &BTreeMap<String, String>,
) -> Value {
    let queues: BTreeMap<&String, &String> =
        template.queues.iter().map(|(id, queue)| (id, &queue.url)).collect();
    json!({
        "url": format!("http://{address}"),
        "endpoints": {
            "dynamodb": endpoints.dynamodb,
            "sqs": endpoints.sqs,
            "s3": endpoints.s3,
        },
        "tables": tables,
        "queues": queues,
        "buckets": buckets,
    })
}
