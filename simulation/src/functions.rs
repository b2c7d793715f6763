//! The functions, each in processes of its own: with their environment from the template, a clock that may
//! be wrong, randomness from the seed, and the network in place of AWS.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, OnceLock,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use anyhow::Context as _;
use local::{
    Constraints,
    template::{Site, TEMPLATE, Template},
};
use providers::Providers;
use runtime::{Entropy, Environment, Host};

use crate::{
    chance::Chance,
    cloud::Cloud,
    process::{Process, Role},
    upstream::{Orders, Upstream},
};

/// Starts processes.
#[derive(Clone)]
pub(crate) struct Functions {
    pub(crate) cloud: Cloud,
    pub(crate) orders: Orders,
    chance: Arc<Mutex<Chance>>,
    started: Arc<AtomicU32>,
}

impl Functions {
    pub(crate) fn new(cloud: &Cloud, orders: &Orders, chance: Chance) -> Self {
        Self {
            cloud: cloud.clone(),
            orders: orders.clone(),
            chance: Arc::new(Mutex::new(chance)),
            started: Arc::default(),
        }
    }

    /// A process, and what it runs on.
    fn start(&self, role: Role) -> (Process, Host) {
        let skew = self.cloud.state().weather.skew_ms;
        let (ahead_ms, mut chance) = {
            let mut chance = self.chance.lock().unwrap();
            let ahead = chance.number(0..=skew.saturating_mul(2));
            (i64::try_from(ahead).unwrap_or(0).saturating_sub_unsigned(skew), chance.fork())
        };
        let number = self.started.fetch_add(1, Ordering::SeqCst);
        let process = Process::new(role, number, ahead_ms);
        let source = Mutex::new(chance.fork());
        let host = Host {
            clock: self.cloud.time().clock(ahead_ms),
            entropy: Entropy::new(move |bytes| {
                source.lock().unwrap().fill(bytes);
                Ok(())
            }),
            http: Some(self.cloud.wire(&process)),
            counts: None,
        };
        (process, host)
    }

    pub(crate) fn submit(&self) -> (Process, submit::App) {
        let (process, host) = self.start(Role::Submit);
        (process, submit::App::new(environment("SubmitFunction"), host).unwrap())
    }

    pub(crate) fn lookup(&self) -> (Process, lookup::App) {
        let (process, host) = self.start(Role::Lookup);
        (process, lookup::App::new(environment("LookupFunction"), host).unwrap())
    }

    pub(crate) fn sweep(&self) -> (Process, sweep::App) {
        let (process, host) = self.start(Role::Sweep);
        (process, sweep::App::new(environment("SweepFunction"), host).unwrap())
    }

    pub(crate) fn generate(&self) -> (Process, generate::App) {
        let (process, host) = self.start(Role::Generate);
        let upstream = Upstream {
            cloud: self.cloud.clone(),
            process: process.clone(),
            orders: self.orders.clone(),
        };
        let app = generate::App::new(environment("GenerateFunction"), host).unwrap();
        (process, app.with_providers(Providers::with_sandbox(Arc::new(upstream))))
    }

    /// Who tops up accounts: the store, over a network on which nothing goes wrong.
    pub(crate) fn operator(&self) -> store::Store {
        self.store(Role::Operator)
    }

    /// The store, as a worker has it.
    pub(crate) fn worker(&self) -> store::Store {
        self.store(Role::Generate)
    }

    fn store(&self, role: Role) -> store::Store {
        let (_, host) = self.start(role);
        let aws = runtime::aws::Aws::new(environment("SubmitFunction"), &host).unwrap();
        let [jobs, ledger, webhooks] = TABLES.map(|(_, name)| name.to_owned());
        store::Store::new(
            aws.dynamodb(),
            store::Tables { jobs, ledger, webhooks, ..store::Tables::default() },
        )
    }
}

const TABLES: [(&str, &str); 3] = [
    ("JOBS_TABLE", crate::cloud::JOBS),
    ("LEDGER_TABLE", crate::cloud::LEDGER),
    ("WEBHOOKS_TABLE", crate::cloud::WEBHOOKS),
];

/// How long an invocation of a function may last, as the template says.
pub(crate) fn limit(function: &str) -> Duration {
    deployed().get(function).map_or(Duration::ZERO, |(_, limit)| *limit)
}

fn environment(function: &str) -> &'static Environment {
    &deployed()[function].0
}

/// The functions of the template, with their variables and time limits.
fn deployed() -> &'static BTreeMap<String, (Environment, Duration)> {
    static DEPLOYED: OnceLock<BTreeMap<String, (Environment, Duration)>> = OnceLock::new();
    DEPLOYED.get_or_init(|| deploy().unwrap())
}

fn deploy() -> anyhow::Result<BTreeMap<String, (Environment, Duration)>> {
    let site = Site {
        region: "us-east-1".to_owned(),
        account_id: "000000000000".to_owned(),
        stack_name: "simulated".to_owned(),
        sqs_url: "http://sqs.invalid".to_owned(),
        api_url: "http://api.invalid".to_owned(),
    };
    let template = Template::parse(TEMPLATE, site, &BTreeMap::new(), Constraints::Enforced)
        .context("the template is not understood")?;
    let given = [
        ("AWS_REGION", "us-east-1"),
        ("AWS_ACCESS_KEY_ID", "simulated"),
        ("AWS_SECRET_ACCESS_KEY", "simulated"),
        ("AWS_ENDPOINT_URL", "http://aws.invalid"),
    ];
    let functions = template.functions.into_iter().map(|(id, function)| {
        let own = function.environment.into_iter();
        let given = given.iter().chain(&TABLES);
        let given = given.map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        (id, (own.chain(given).collect(), function.timeout))
    });
    Ok(functions.collect())
}
