//! A stack that stands somewhere, and what an operator may do there.

#[expect(dead_code, reason = "what scenarios in one process ask besides is not asked here")]
#[path = "../it/world/api.rs"]
mod api;
#[path = "../it/world/described.rs"]
mod described;
#[expect(dead_code, reason = "what scenarios in one process ask besides is not asked here")]
#[path = "../it/world/usd.rs"]
mod usd;

use std::{collections::BTreeMap, time::Duration};

use domain::{
    api_key::{ApiKey, Environment},
    hold::Hold,
    ids::{CreditId, JobId, UserId},
    job::{Job, State},
    order::{Draft, Order},
    upstream::Upstream,
};
use runtime::{Clock, Entropy, Host, aws::Aws};
use serde::Deserialize;
use store::{Acceptance, Accepted, Grant, Store, Tables};

pub(crate) use api::{Api, Caller, answer};
pub(crate) use usd::{Usd, usd};

/// The longest that a scenario waits for anything: two periods of the sweep, after the time that the template
/// lets a job wait.
pub(crate) const PATIENCE: Duration = Duration::from_mins(5);

/// How long after its end a job may be open before the audit objects: the sweep runs by the minute.
const SLACK: Duration = Duration::from_mins(5);

/// Where everything is, as `deploy.py` writes it.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Deployed {
    endpoint: String,
    /// The same without TLS, which policies refuse.
    plain: String,
    region: String,
    api: String,
    outputs: BTreeMap<String, String>,
    /// The names that resources of the template have got.
    pub(crate) resources: BTreeMap<String, String>,
    /// What each function is given, by its name in the template.
    pub(crate) credentials: BTreeMap<String, [String; 3]>,
}

/// The stack.
pub(crate) struct World {
    pub(crate) deployed: Deployed,
    store: Store,
    entropy: Entropy,
    api: Api,
}

impl World {
    /// The stack that the environment tells of.
    pub(crate) fn find() -> World {
        // Fails if another scenario has installed it already, which is as good.
        rustls::crypto::ring::default_provider().install_default().ok();
        let environment = runtime::Environment::of_process();
        let file = environment.get("HOLDFAST_DEPLOYED");
        let file = file.unwrap_or_else(|| panic!("tests/deployed/deploy.py runs this suite"));
        let text = std::fs::read_to_string(file).unwrap();
        let deployed: Deployed = serde_json::from_str(&text).unwrap();
        let output = |name: &str| deployed.outputs[name].clone();
        let tables = Tables {
            jobs: output("JobsTable"),
            ledger: output("LedgerTable"),
            keys: output("KeysTable"),
            webhooks: output("WebhooksTable"),
        };
        let api = Api::new(&deployed.api);
        let own = ["test", "test", ""].map(str::to_owned);
        let store = Store::new(aws(&deployed, &own).dynamodb(), tables);
        World { deployed, store, entropy: Entropy::system(), api }
    }

    /// The API, for whoever has no key.
    pub(crate) fn api(&self) -> &Api {
        &self.api
    }

    /// The tables, as the operator's commands have them.
    pub(crate) fn store(&self) -> &Store {
        &self.store
    }

    /// What a resource of the template is called there.
    pub(crate) fn name(&self, resource: &str) -> &str {
        &self.deployed.resources[resource]
    }

    /// AWS for whoever may do anything.
    pub(crate) fn aws(&self) -> Aws {
        aws(&self.deployed, &["test", "test", ""].map(str::to_owned))
    }

    /// AWS for whoever may do anything, without TLS.
    pub(crate) fn plain_aws(&self) -> Aws {
        let mut deployed = self.deployed.clone();
        deployed.endpoint.clone_from(&deployed.plain);
        aws(&deployed, &["test", "test", ""].map(str::to_owned))
    }

    /// AWS for a function.
    pub(crate) fn aws_of(&self, function: &str) -> Aws {
        aws(&self.deployed, &self.deployed.credentials[function])
    }

    /// S3 for a function, with the bucket in the path: the address has no subdomains.
    pub(crate) fn s3_of(&self, function: &str) -> aws_sdk_s3::Client {
        let config = aws_sdk_s3::config::Builder::from(self.aws_of(function).config());
        let config = config.force_path_style(true).endpoint_url(&self.deployed.endpoint);
        aws_sdk_s3::Client::from_conf(config.build())
    }

    /// A new user with this much money, as a caller with a key. No other scenario has one of this name.
    pub(crate) async fn user(&self, name: &str, dollars: &str) -> Caller {
        let now = Clock::system().now();
        let id = CreditId::new(now, &self.entropy.bytes().unwrap());
        let user: UserId = format!("{name}-{}", now.millis()).parse().unwrap();
        self.store.open_account(&user).await.unwrap();
        let reference = format!("payment-{id}");
        self.store.credit(&user, (id, dollars.parse().unwrap()), &reference, now).await.unwrap();
        let key = ApiKey::mint(Environment::Live, &self.entropy.bytes().unwrap());
        assert!(self.store.add_key(&user, &key, &Grant::default(), now).await.unwrap());
        Caller::new(self.api.clone(), user, key)
    }

    /// A job that is accepted while nobody is told of it, as when the bell could not be rung.
    pub(crate) async fn accept_in_silence(&self, caller: &Caller) -> String {
        let (now, price) = (Clock::system().now(), "0.054".parse().unwrap());
        let draft = Draft {
            model: "recraft-v3".to_owned(),
            prompt: "a cat".to_owned(),
            ..Draft::default()
        };
        let order = Order::agree(draft).unwrap();
        let job = Job {
            id: JobId::new(now, &self.entropy.bytes().unwrap()),
            user: caller.user.clone(),
            hold: Hold::new(price, order.n).unwrap(),
            order,
            upstream: Upstream::Sandbox,
            created_at: now,
            deadline: now.plus(Duration::from_mins(15)),
            expires_at: now.plus(Duration::from_mins(30)),
            turn: None,
            state: State::Pending,
        };
        let accepted = self.store.accept(&Acceptance { job: &job, key: None }).await.unwrap();
        assert_eq!(accepted, Accepted::Now);
        job.id.to_string()
    }

    /// The end of a scenario: the books of everybody in it are in order.
    pub(crate) async fn finish(self, callers: &[&Caller]) {
        let report = self.store.audit(Clock::system().now(), SLACK, |_| {}).await.unwrap();
        assert!(report.rows > 0, "{report:?}");
        for caller in callers {
            let wrong: Vec<_> =
                report.violations.iter().filter(|found| found.user == caller.user).collect();
            assert!(wrong.is_empty(), "{wrong:?}");
            assert_eq!(caller.balance().await.held, usd("0"), "a job of {} is open", caller.user);
        }
    }
}

fn aws(deployed: &Deployed, [id, secret, session]: &[String; 3]) -> Aws {
    let variables = [
        ("AWS_REGION", &deployed.region),
        ("AWS_ACCESS_KEY_ID", id),
        ("AWS_SECRET_ACCESS_KEY", secret),
        ("AWS_SESSION_TOKEN", session),
        ("AWS_ENDPOINT_URL", &deployed.endpoint),
    ];
    let given = variables.into_iter().filter(|(_, value)| !value.is_empty());
    let environment = given.map(|(name, value)| (name.to_owned(), value.clone())).collect();
    Aws::new(&environment, &Host::system()).unwrap()
}

/// Asks until there is an answer, for as long as [`PATIENCE`].
pub(crate) async fn eventually<T>(what: &str, ask: impl AsyncFnMut() -> Option<T>) -> T {
    testkit::eventually(what, PATIENCE, ask).await
}
