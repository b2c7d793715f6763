//! What must hold between the numbers of `template.yaml`, for its defaults and, where an operator
//! may turn both sides, for every value that he is allowed.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "tests may stop at the first surprise"
)]

use std::{collections::BTreeMap, num::NonZeroU32, time::Duration};

use domain::{
    order::IMAGES_MAX,
    upstream::{Upstream, Upstreams},
    webhook::schedule::ATTEMPT_MAX,
};
use local::{
    Constraints,
    template::{Site, TEMPLATE, Template, functions::Function, parameters::Parameter},
};
use providers::{BYTES_MAX, KEY_VARIABLES, Limits, base_variable};
use web::request::WAIT_MAX;

/// How far the clocks of two machines may be apart.
const CLOCK_SKEW_SECONDS: i64 = 30;
/// Each day has so many seconds.
const DAY_SECONDS: i64 = 86_400;
/// How long API Gateway waits for a function.
const GATEWAY_TIMEOUT: Duration = Duration::from_secs(30);
/// How long API Gateway waits for an authorizer.
const AUTHORIZER_TIMEOUT: Duration = Duration::from_secs(10);
/// A revoked key may work for so long.
const REVOCATION_PROMISE: Duration = Duration::from_mins(5);

/// The routes that need no key: what the service is, and the answer to routes there are not.
const PUBLIC_ROUTES: [&str; 6] = [
    "$default",
    "GET /",
    "GET /v1/limits/tiers",
    "GET /v1/models",
    "GET /v1/openapi.json",
    "GET /v1/pricing",
];

fn template_with(overrides: &[(&str, &str)]) -> Template {
    let site = Site {
        region: "us-east-1".into(),
        account_id: "000000000000".into(),
        stack_name: "holdfast".into(),
        sqs_url: "http://127.0.0.1:1".into(),
        api_url: "http://127.0.0.1:2".into(),
    };
    let overrides: BTreeMap<String, String> =
        overrides.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
    Template::parse(TEMPLATE, site, &overrides, Constraints::Enforced).unwrap()
}

fn template() -> Template {
    template_with(&[])
}

/// A number of the template: what it is, and the least and the most that it can be.
#[derive(Clone, Copy, Debug)]
struct Number {
    least: i64,
    is: i64,
    most: i64,
}

impl Number {
    fn of(template: &Template, name: &str) -> Number {
        let Parameter { value, minimum, maximum, .. } = &template.parameters[name];
        let is = value.parse().unwrap();
        Number { least: minimum.unwrap(), is, most: maximum.unwrap() }
    }
}

/// Asserts `left ≤ right` by default and at the worst.
#[track_caller]
fn at_most(what: &str, left: [i64; 2], right: [i64; 2]) {
    assert!(left[0] <= right[0], "{what}: {} > {} by default", left[0], right[0]);
    assert!(left[1] <= right[1], "{what}: {} > {} at the worst", left[1], right[1]);
}

fn seconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_secs()).unwrap()
}

/// The period of the sweep: by default, and the longest that is allowed.
fn sweep_periods() -> [i64; 2] {
    let period =
        |template: &Template| seconds(template.functions["SweepFunction"].schedules[0].every);
    let default = template();
    let longest = default.parameters["SweepSchedule"].allowed.iter();
    let longest = longest.map(|value| period(&template_with(&[("SweepSchedule", value)])));
    [period(&default), longest.max().unwrap()]
}

#[test]
fn a_message_stays_hidden_for_six_invocations() {
    let template = template();
    let timeout = Number::of(&template, "GenerateTimeoutSeconds");
    let source = &template.functions["GenerateFunction"].sources[0];
    let window = seconds(source.window);
    let visibility = seconds(template.queues["JobsQueue"].visibility_timeout);
    at_most(
        "6 x generate timeout + window <= visibility",
        [6 * timeout.is + window, 6 * timeout.most + window],
        [visibility, visibility],
    );
    assert_eq!(template.functions["GenerateFunction"].timeout.as_secs(), 90);

    let notify = &template.functions["NotifyFunction"];
    let least = 6 * seconds(notify.timeout) + seconds(notify.sources[0].window);
    assert!(least <= seconds(template.queues["EventsQueue"].visibility_timeout));
    // To tell an event, and then an attempt with what belongs to it, have their time in an invocation.
    assert!(seconds(notify.timeout) >= seconds(ATTEMPT_MAX) + 15);
}

#[test]
fn a_provider_run_ends_before_the_job_does() {
    let template = template();
    let run = Number::of(&template, "RunLimitSeconds");
    let deadline = Number::of(&template, "JobDeadlineSeconds");
    at_most("run limit <= deadline", [run.is, run.most], [deadline.is, deadline.least]);
}

#[test]
fn the_sweep_waits_for_the_last_worker() {
    let template = template();
    let timeout = Number::of(&template, "GenerateTimeoutSeconds");
    let grace = Number::of(&template, "GraceSeconds");
    at_most(
        "generate timeout + clock skew <= grace",
        [timeout.is + CLOCK_SKEW_SECONDS, timeout.most + CLOCK_SKEW_SECONDS],
        [grace.is, grace.least],
    );
}

#[test]
fn hard_expiry_leaves_time_to_ask_upstream_first() {
    let template = template();
    let deadline = Number::of(&template, "JobDeadlineSeconds");
    let grace = Number::of(&template, "GraceSeconds");
    let expiry = Number::of(&template, "HardExpirySeconds");
    let [period, longest] = sweep_periods();
    at_most(
        "deadline + grace + 2 sweep periods <= hard expiry",
        [deadline.is + grace.is + 2 * period, deadline.most + grace.most + 2 * longest],
        [expiry.is, expiry.least],
    );
}

#[test]
fn a_key_outlives_every_job_it_can_be_the_key_of() {
    let template = template();
    let expiry = Number::of(&template, "HardExpirySeconds");
    let key = Number::of(&template, "IdempotencyDays");
    at_most(
        "max(24 h, hard expiry + 24 h) <= lifetime of a key",
        [expiry.is + DAY_SECONDS, expiry.most + DAY_SECONDS],
        [key.is * DAY_SECONDS, key.least * DAY_SECONDS],
    );
    assert!(key.least >= 1);
    // The submit function checks this one at its cold start: no template may get that far.
    let retention = Number::of(&template, "RetentionDays");
    at_most(
        "lifetime of a key <= retention of its job",
        [key.is, key.most],
        [retention.is, retention.least],
    );
}

#[test]
fn messages_outlive_jobs_and_dead_letters_outlive_messages() {
    let template = template();
    let expiry = Number::of(&template, "HardExpirySeconds");
    let queue = &template.queues["JobsQueue"];
    let dead = &template.queues["JobsDeadLetterQueue"];
    assert!(expiry.most < seconds(queue.retention));
    assert!(queue.retention < dead.retention);
    let redrive = queue.redrive.as_ref().unwrap();
    assert_eq!(template.queue_by_arn(&redrive.target_arn), Some("JobsDeadLetterQueue"));
    assert_eq!(redrive.maximum_receives, 5);
    assert_eq!(dead.redrive, None);
}

#[test]
fn a_lease_outlasts_the_clocks_and_the_sweep_its_period() {
    let template = template();
    let margin = Number::of(&template, "LeaseMarginSeconds");
    assert!(margin.is >= CLOCK_SKEW_SECONDS);
    let [period, _] = sweep_periods();
    assert!(seconds(template.functions["SweepFunction"].timeout) <= period);
}

#[test]
fn functions_answer_before_the_gateway_gives_up() {
    let template = template();
    for (id, function) in &template.functions {
        if !function.routes.is_empty() {
            assert!(function.timeout < GATEWAY_TIMEOUT, "{id}");
        }
    }
    for (name, authorizer) in &template.api.authorizers {
        let function = template.function_by_arn(&authorizer.function_arn).unwrap();
        assert!(template.functions[function].timeout < AUTHORIZER_TIMEOUT, "{name}");
        assert!(authorizer.ttl <= REVOCATION_PROMISE, "{name}");
        assert_eq!(authorizer.headers, ["Authorization"], "{name}");
    }
}

/// The longest that a caller may have an answer held back, and a look that takes its time, are over before the
/// function's time is, and that before the gateway gives up.
#[test]
fn the_longest_wait_is_over_before_the_function_and_the_gateway() {
    let timeout = template().functions["SubmitFunction"].timeout;
    let around = Duration::from_secs(2);
    assert!(WAIT_MAX + around <= timeout, "{WAIT_MAX:?} and {around:?} > {timeout:?}");
    assert!(timeout + Duration::from_secs(1) < GATEWAY_TIMEOUT, "{timeout:?}");
}

#[test]
fn one_bad_message_fails_alone_and_workers_are_limited() {
    let template = template();
    let [source] = template.functions["GenerateFunction"].sources.as_slice() else {
        panic!("one queue calls the worker");
    };
    assert!(source.report_batch_item_failures);
    assert_eq!(template.queue_by_arn(&source.queue_arn), Some("JobsQueue"));
    assert_eq!(source.window, Duration::ZERO);
    assert!((1..=10).contains(&source.batch_size));
    // The least that Lambda takes is 2.
    assert!((2..=1_000).contains(&source.maximum_concurrency));
}

/// What is under way at an upstream stays within what it publishes that it makes at a time: by default
/// as many jobs as there can be, and for whatever a stack is deployed with the places of all workers.
#[test]
fn workers_and_their_batches_stay_within_the_limits_of_the_upstreams() {
    let template = template();
    let [source] = template.functions["GenerateFunction"].sources.as_slice() else {
        panic!("one queue calls the worker");
    };
    let concurrency = Number::of(&template, "GenerateMaximumConcurrency");
    let batch = Number::of(&template, "GenerateBatchSize");
    assert_eq!(i64::from(source.maximum_concurrency), concurrency.is);
    assert_eq!(i64::from(source.batch_size), batch.is);
    for upstream in Upstream::KEYED {
        let Some(limit) = upstream.in_flight_max() else { continue };
        let limit = i64::from(limit.get());
        assert!(concurrency.is * batch.is <= limit, "{upstream} makes {limit} at a time");
        for workers in concurrency.least..=concurrency.most {
            let workers_of = NonZeroU32::new(u32::try_from(workers).unwrap()).unwrap();
            let share = Upstreams::new([upstream]).places(upstream, workers_of).unwrap();
            assert!(i64::from(share) * workers <= limit, "{upstream}, {workers} workers");
            // The worker does not start with a share of nothing.
            assert_eq!(share == 0, workers > limit, "{upstream}, {workers} workers");
        }
    }
}

/// The pictures of an order that is not done as a whole are fetched at its last question. BFL's are there
/// for ten minutes (<https://docs.bfl.ai/quick_start/generating_images>).
#[test]
fn pictures_that_are_done_early_are_still_there_at_the_last_question() {
    let template = template();
    let (run, grace) =
        (Number::of(&template, "RunLimitSeconds"), Number::of(&template, "GraceSeconds"));
    let gone = 600 - 2 * CLOCK_SKEW_SECONDS;
    at_most("run limit + grace < 9 minutes", [run.is + grace.is, run.most + grace.most], [gone; 2]);
}

#[test]
fn an_upstream_that_takes_its_time_is_waited_for() {
    let template = template();
    let timeout = Number::of(&template, "GenerateTimeoutSeconds");
    // What is kept of an invocation for putting jobs down, and what it takes to claim one.
    let around = 5 + 3;
    let patience = seconds(Limits::default().patience) + around;
    at_most("patience + 8 s <= timeout", [patience; 2], [timeout.is, timeout.least]);
}

#[test]
fn the_pictures_of_a_batch_fit_into_the_worker_s_memory() {
    let template = template();
    let batch = Number::of(&template, "GenerateBatchSize").most;
    let pictures = batch * i64::from(IMAGES_MAX) * i64::try_from(BYTES_MAX).unwrap();
    let memory = memory_of(TEMPLATE, "GenerateFunction") * 1_024 * 1_024;
    // A third is left for the program, and for one picture at a time that is in two places.
    assert!(pictures * 3 <= memory * 2, "{pictures} of {memory}");
}

/// The memory of a function in MB, which matters to nothing on one machine.
fn memory_of(template: &str, function: &str) -> i64 {
    let (_, after) = template.split_once(&format!("\n  {function}:")).unwrap();
    let (_, value) = after.split_once("MemorySize: ").unwrap();
    value.lines().next().unwrap().parse().unwrap()
}

#[test]
fn nothing_in_the_cloud_takes_itself_for_one_machine() {
    let template = template();
    for (id, function) in &template.functions {
        let bases = Upstream::KEYED.into_iter().filter_map(base_variable);
        for variable in bases.chain(["LOCAL_STACK"]) {
            assert!(!function.environment.contains_key(variable), "{id} {variable}");
        }
        for variable in KEY_VARIABLES {
            assert!(
                !function.environment.contains_key(variable),
                "{id} has {variable} in the open"
            );
        }
    }
}

#[test]
fn every_route_needs_a_key_but_those_that_are_public() {
    let template = template();
    let mut public = Vec::new();
    let mut closed = Vec::new();
    for function in template.functions.values() {
        for route in &function.routes {
            let key = route.key.as_ref();
            let key =
                key.map_or("$default".to_owned(), |key| format!("{} {}", key.method, key.path));
            match template.authorizer_of(route) {
                None => public.push(key),
                Some(name) => {
                    assert_eq!(name, "ApiKey");
                    closed.push(key);
                }
            }
        }
    }
    public.sort();
    closed.sort();
    assert_eq!(public, PUBLIC_ROUTES);
    assert_eq!(
        closed,
        [
            "DELETE /v1/webhooks/endpoints/{id}",
            "GET /v1/auth/limits",
            "GET /v1/credits/balance",
            "GET /v1/credits/transactions",
            "GET /v1/jobs",
            "GET /v1/jobs/{id}",
            "GET /v1/webhooks/deliveries",
            "GET /v1/webhooks/deliveries/{id}",
            "GET /v1/webhooks/endpoints",
            "GET /v1/webhooks/endpoints/{id}",
            "POST /v1/images/generations",
            "POST /v1/jobs/{id}/cancel",
            "POST /v1/webhooks/deliveries/{id}/redeliver",
            "POST /v1/webhooks/endpoints",
            "POST /v1/webhooks/endpoints/{id}/enable",
            "POST /v1/webhooks/endpoints/{id}/rotate",
            "POST /v1/webhooks/secret",
        ]
    );
}

/// Browsers keep the answers from the pages of other sites unless they are told otherwise.
#[test]
fn no_other_origin_is_let_in() {
    for word in ["Cors", "access-control"] {
        assert!(!TEMPLATE.to_lowercase().contains(&word.to_lowercase()), "{word}");
    }
}

#[test]
fn each_function_is_told_what_it_needs_and_nothing_else() {
    let template = template();
    for (id, expected) in [
        (
            "SubmitFunction",
            "EVENTS_QUEUE_URL FAIR_QUEUE GRACE_SECONDS HARD_EXPIRY_SECONDS IDEMPOTENCY_DAYS IMAGES_BUCKET \
             JOBS_TABLE JOB_DEADLINE_SECONDS LEDGER_TABLE LOG_LEVEL MARKUP OUTPUT_URL_SECONDS \
             QUEUE_URL RETENTION_DAYS RUN_LIMIT_SECONDS STACK_NAME UPSTREAMS \
             WEBHOOKS_TABLE",
        ),
        (
            "GenerateFunction",
            "EVENTS_QUEUE_URL FAIR_QUEUE GRACE_SECONDS IMAGES_BUCKET JOBS_TABLE LEASE_MARGIN_SECONDS LEDGER_TABLE \
             LOG_LEVEL MALLOC_ARENA_MAX MALLOC_MMAP_THRESHOLD_ MAXIMUM_CONCURRENCY QUEUE_URL REANNOUNCE_SECONDS RETENTION_DAYS \
             REVISIT_SECONDS RUN_LIMIT_SECONDS STACK_NAME UPSTREAMS UPSTREAM_KEYS_SECRET",
        ),
        (
            "LookupFunction",
            "IMAGES_BUCKET JOBS_TABLE LEDGER_TABLE LOG_LEVEL MARKUP OUTPUT_URL_SECONDS \
             STACK_NAME UPSTREAMS",
        ),
        ("AuthorizeFunction", "KEYS_TABLE LOG_LEVEL STACK_NAME"),
        ("WebhooksFunction", "EVENTS_QUEUE_URL FAIR_QUEUE LOG_LEVEL STACK_NAME WEBHOOKS_TABLE"),
        (
            "SweepFunction",
            "EVENTS_QUEUE_URL FAIR_QUEUE GRACE_SECONDS JOBS_TABLE LEDGER_TABLE LOG_LEVEL QUEUE_URL \
             REANNOUNCE_SECONDS RETENTION_DAYS STACK_NAME WEBHOOKS_TABLE",
        ),
        (
            "NotifyFunction",
            "EVENTS_QUEUE_URL EVENT_BUS FAIR_QUEUE JOBS_TABLE LOG_LEVEL STACK_NAME WEBHOOKS_TABLE",
        ),
    ] {
        let Function { environment, .. } = &template.functions[id];
        let names: Vec<&str> = environment.keys().map(String::as_str).collect();
        assert_eq!(names.join(" "), expected, "{id}");
    }
}

#[test]
fn the_books_cannot_be_lost() {
    let template = template();
    let ledger = &template.tables["LedgerTable"];
    assert_eq!(ledger.ttl_attribute, None);
    assert!(ledger.retained);
    assert!(ledger.deletion_protection);
    for (id, table) in &template.tables {
        assert!(table.point_in_time_recovery, "{id}");
    }
    assert!(template.buckets["ImagesBucket"].retained);
}

#[test]
fn local_and_cloud_have_the_same_programs() {
    let template = template();
    let binaries: Vec<&str> =
        template.functions.values().map(|function| function.binary.as_str()).collect();
    assert_eq!(
        binaries,
        ["authorize", "generate", "lookup", "notify", "submit", "sweep", "webhooks"]
    );
}
