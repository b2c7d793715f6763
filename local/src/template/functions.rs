//! `AWS::Serverless::Function`: what runs, how long it may, what it is told, and what calls it.

use std::{collections::BTreeMap, time::Duration};

use super::{
    TemplateError,
    left_out::{FUNCTION, SCHEDULE},
    reader::Reader,
    resources::Resource,
    roles::{self, Role},
};

/// How long a function may run that does not say; Lambda's own default.
const TIMEOUT_DEFAULT_SECONDS: u64 = 3;
/// How many messages a queue hands over at once if the event does not say; Lambda's own default.
const BATCH_SIZE_DEFAULT: u16 = 10;
/// How many invocations a queue may have at once if the event does not say. Lambda has no limit
/// but the account's; one machine has.
const CONCURRENCY_DEFAULT: u16 = 10;

/// The name by which a route says that it has no authorizer.
pub const NO_AUTHORIZER: &str = "NONE";

/// A function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Function {
    /// Its physical name.
    pub name: String,
    /// Its ARN.
    pub arn: String,
    /// The program that it is: `Metadata.BuildProperties.Binary`.
    pub binary: String,
    /// How long one invocation may take.
    pub timeout: Duration,
    /// What it may do.
    pub role: Role,
    /// The variables that the template gives it.
    pub environment: BTreeMap<String, String>,
    /// The routes of the HTTP API that call it.
    pub routes: Vec<Route>,
    /// The queues that call it.
    pub sources: Vec<QueueSource>,
    /// The schedules that call it.
    pub schedules: Vec<Schedule>,
}

/// A route of the HTTP API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// The path of the event, for messages.
    pub event: String,
    /// Method and path; `None` is `$default`.
    pub key: Option<RouteKey>,
    /// The authorizer that the event names, if it names one.
    pub authorizer: Option<String>,
    /// The physical name of the API that it belongs to.
    pub api: String,
}

/// Method and path of a route.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RouteKey {
    /// In capitals; `ANY` is any.
    pub method: String,
    /// With `{name}` for one segment, `{name+}` for all that remain.
    pub path: String,
}

/// A queue whose messages call a function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueueSource {
    /// The ARN of the queue.
    pub queue_arn: String,
    /// The most messages of one invocation.
    pub batch_size: u16,
    /// How long to wait for more messages than came at once.
    pub window: Duration,
    /// The most invocations at the same time.
    pub maximum_concurrency: u16,
    /// Whether the function says which messages failed; otherwise all do, or none.
    pub report_batch_item_failures: bool,
}

/// A schedule that calls a function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// The name of the event.
    pub name: String,
    /// How often.
    pub every: Duration,
}

/// Reads a function.
pub(super) fn read(resource: &Resource<'_>, arn: String) -> Result<Function, TemplateError> {
    let mut fields = resource.properties()?.fields()?;
    fields.leave_out(FUNCTION);
    fields.optional("FunctionName");
    fields.required("Runtime")?.must_be("provided.al2023")?;
    let timeout = Duration::from_secs(fields.number("Timeout", TIMEOUT_DEFAULT_SECONDS)?);
    let environment = match fields.optional("Environment") {
        Some(environment) => variables(&environment)?,
        None => BTreeMap::new(),
    };
    let role = match fields.optional("Policies") {
        Some(policies) => roles::read(&policies)?,
        None => Role::default(),
    };
    let mut function = Function {
        name: resource.physical_name().to_owned(),
        arn,
        binary: binary(resource)?,
        timeout,
        role,
        environment,
        routes: Vec::new(),
        sources: Vec::new(),
        schedules: Vec::new(),
    };
    if let Some(events) = fields.optional("Events") {
        for (name, event) in events.entries()? {
            add_event(&mut function, name, &event)?;
        }
    }
    fields.finish()?;
    Ok(function)
}

fn binary(resource: &Resource<'_>) -> Result<String, TemplateError> {
    let mut metadata = resource.metadata()?.fields()?;
    metadata.required("BuildMethod")?.must_be("rust-cargolambda")?;
    let mut properties = metadata.required("BuildProperties")?.fields()?;
    let binary = properties.required("Binary")?.text()?;
    properties.finish()?;
    metadata.finish()?;
    Ok(binary)
}

fn variables(environment: &Reader<'_>) -> Result<BTreeMap<String, String>, TemplateError> {
    let mut fields = environment.fields()?;
    let variables = fields.required("Variables")?;
    fields.finish()?;
    let variable = |(name, value): (&str, Reader<'_>)| Ok((name.to_owned(), value.text()?));
    variables.entries()?.into_iter().map(variable).collect()
}

fn add_event(function: &mut Function, name: &str, event: &Reader<'_>) -> Result<(), TemplateError> {
    let mut fields = event.fields()?;
    let kind = fields.required("Type")?;
    let properties = fields.required("Properties")?;
    fields.finish()?;
    match kind.text()?.as_str() {
        "HttpApi" => function.routes.push(route(name, &properties)?),
        "SQS" => function.sources.push(queue_source(&properties)?),
        "Schedule" => function.schedules.push(schedule(name, &properties, "Schedule")?),
        "ScheduleV2" => {
            function.schedules.push(schedule(name, &properties, "ScheduleExpression")?);
        }
        other => {
            return Err(
                kind.error(format_args!("is the event type `{other}`, which is not understood"))
            );
        }
    }
    Ok(())
}

fn route(name: &str, properties: &Reader<'_>) -> Result<Route, TemplateError> {
    let mut fields = properties.fields()?;
    let api = fields.required("ApiId")?.text()?;
    if let Some(version) = fields.optional("PayloadFormatVersion") {
        version.must_be("2.0")?;
    }
    let key = match (fields.optional("Method"), fields.optional("Path")) {
        (None, None) => None,
        (Some(method), Some(path)) => {
            let key = RouteKey { method: method.text()?.to_ascii_uppercase(), path: path.text()? };
            if !key.path.starts_with('/') {
                return Err(path.error("must begin with `/`"));
            }
            Some(key)
        }
        (Some(_), None) | (None, Some(_)) => {
            return Err(properties.error("must have both `Method` and `Path`, or neither"));
        }
    };
    let authorizer = match fields.optional("Auth") {
        None => None,
        Some(auth) => {
            let mut auth = auth.fields()?;
            let authorizer = auth.required("Authorizer")?.text()?;
            auth.finish()?;
            Some(authorizer)
        }
    };
    fields.finish()?;
    Ok(Route { event: name.to_owned(), key, authorizer, api })
}

fn queue_source(properties: &Reader<'_>) -> Result<QueueSource, TemplateError> {
    let mut fields = properties.fields()?;
    let queue_arn = fields.required("Queue")?.text()?;
    let batch_size = fields.number("BatchSize", BATCH_SIZE_DEFAULT)?;
    let window = Duration::from_secs(fields.number("MaximumBatchingWindowInSeconds", 0)?);
    let mut maximum_concurrency = CONCURRENCY_DEFAULT;
    if let Some(scaling) = fields.optional("ScalingConfig") {
        let mut scaling = scaling.fields()?;
        maximum_concurrency = scaling.required("MaximumConcurrency")?.number()?;
        scaling.finish()?;
    }
    let mut report_batch_item_failures = false;
    if let Some(types) = fields.optional("FunctionResponseTypes") {
        for kind in types.items()? {
            kind.must_be("ReportBatchItemFailures")?;
            report_batch_item_failures = true;
        }
    }
    fields.finish()?;
    if batch_size == 0 || maximum_concurrency == 0 {
        return Err(properties.error("must hand over at least one message, at least once"));
    }
    if batch_size > 10 && window.is_zero() {
        return Err(properties.error("needs a batching window for batches of more than 10"));
    }
    Ok(QueueSource {
        queue_arn,
        batch_size,
        window,
        maximum_concurrency,
        report_batch_item_failures,
    })
}

fn schedule(
    name: &str,
    properties: &Reader<'_>,
    expression: &'static str,
) -> Result<Schedule, TemplateError> {
    let mut fields = properties.fields()?;
    fields.leave_out(SCHEDULE);
    let expression = fields.required(expression)?;
    fields.finish()?;
    let text = expression.text()?;
    let every = rate(&text).ok_or_else(|| {
        expression.error(format_args!("must be `rate(…)`; `{text}` is not understood"))
    })?;
    Ok(Schedule { name: name.to_owned(), every })
}

/// `rate(1 minute)`, `rate(5 minutes)`, …
fn rate(expression: &str) -> Option<Duration> {
    let inner = expression.strip_prefix("rate(")?.strip_suffix(')')?;
    let (count, unit) = inner.split_once(' ')?;
    let count: u64 = count.parse().ok()?;
    let unit = match (count, unit) {
        (1, "minute") | (2.., "minutes") => 60,
        (1, "hour") | (2.., "hours") => 3_600,
        (1, "day") | (2.., "days") => 86_400,
        _ => return None,
    };
    Some(Duration::from_secs(count.checked_mul(unit)?))
}
