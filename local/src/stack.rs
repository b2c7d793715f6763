//! The stack: everything that the template describes, running.

mod deploy;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    net::{Ipv4Addr, SocketAddr},
    sync::PoisonError,
    time::Duration,
};

use anyhow::Context as _;
use runtime::{Environment, Host, aws::Aws};
use serde_json::Value;
use standins::{Endpoints, Standins};
use tokio::net::TcpListener;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    event_source::EventSource,
    gateway::Gateway,
    invoke::Invoker,
    options::Options,
    provision,
    schedule::Scheduled,
    template::{Template, roles::Need},
};
use deploy::{
    NeedsOfAll, bucket_names, deploy, describe, environment, schedules, start_standins,
    table_names, understand,
};

/// How long running invocations may take to end once the stack is told to stop. A worker's
/// invocation may last a minute; what it leaves undone, the sweep of the next start takes up.
const STOP_LIMIT: Duration = Duration::from_secs(10);
/// How long open connections and pollers may take to end after that.
const CLOSE_LIMIT: Duration = Duration::from_secs(2);

/// A stack, running on this machine. Dropping it ends it at once; [`Stack::stop`] lets it finish.
pub struct Stack {
    url: String,
    template: Template,
    environments: BTreeMap<String, Environment>,
    needs: NeedsOfAll,
    tables: BTreeMap<String, String>,
    buckets: BTreeMap<String, String>,
    gateway: Gateway,
    invoker: Invoker,
    schedules: Vec<Scheduled>,
    standins: Option<Standins>,
    endpoints: Endpoints,
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl Stack {
    /// Starts a stack. Once this returns, it answers.
    ///
    /// # Errors
    /// If the template is not understood, the port is taken, the data directory cannot be used or
    /// holds other tables, or a function does not accept its configuration.
    pub async fn start(options: Options) -> anyhow::Result<Stack> {
        let text = options.template.read().await?;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, options.port))
            .await
            .with_context(|| format!("cannot listen on 127.0.0.1:{}", options.port))?;
        let address = listener.local_addr()?;
        let standins = start_standins(options.data_dir.clone()).await?;
        let endpoints = standins.endpoints().clone();

        let template = understand(&text, &options, address, &endpoints)?;
        let aws = Aws::new(&environment(BTreeMap::new(), &endpoints), &Host::system())?;
        provision::provision(&template, &aws, &endpoints.s3)
            .await
            .context("cannot make what the template says")?;

        let (environments, invoker, needs) = deploy(&template, &endpoints, &options).await?;
        let (tables, buckets) = (table_names(&template), bucket_names(&template));
        let gateway = Gateway::new(
            &template,
            invoker.clone(),
            address.port(),
            describe(&template, address, &endpoints, &tables, &buckets),
        );
        let schedules = schedules(&template, options.sweep_every, &invoker);
        let stack = Stack {
            url: format!("http://{address}"),
            template,
            environments,
            needs,
            tables,
            buckets,
            gateway,
            invoker,
            schedules,
            standins: Some(standins),
            endpoints,
            stop: CancellationToken::new(),
            tasks: TaskTracker::new(),
        };
        stack.run(listener, &aws)?;
        Ok(stack)
    }

    /// Starts the servers and pollers.
    fn run(&self, listener: TcpListener, aws: &Aws) -> anyhow::Result<()> {
        for (id, function) in &self.template.functions {
            for source in &function.sources {
                let queue = self.template.queue_by_arn(&source.queue_arn);
                let queue = queue.and_then(|queue| self.template.queues.get(queue));
                let queue = queue.cloned().context("a queue is not there")?;
                let poller = EventSource::new(
                    aws.sqs(),
                    queue,
                    source.clone(),
                    id.clone(),
                    self.invoker.clone(),
                );
                self.tasks.spawn(poller.run(self.stop.clone(), self.tasks.clone()));
            }
        }
        for schedule in &self.schedules {
            self.tasks.spawn(schedule.clone().run(self.stop.clone()));
        }
        let service = self.gateway.router().into_make_service_with_connect_info::<SocketAddr>();
        let stopped = self.stop.clone().cancelled_owned();
        let server = axum::serve(listener, service).with_graceful_shutdown(stopped);
        self.tasks.spawn(async move {
            if let Err(error) = server.await {
                tracing::error!(%error, "the gateway ended");
            }
        });
        Ok(())
    }

    /// The URL of the HTTP API.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The URLs of the stand-ins.
    pub fn endpoints(&self) -> &Endpoints {
        &self.endpoints
    }

    /// The template, evaluated.
    pub fn template(&self) -> &Template {
        &self.template
    }

    /// The variables of a function, by its logical id.
    ///
    /// # Errors
    /// If the template has no such function.
    pub fn environment(&self, function: &str) -> anyhow::Result<&Environment> {
        let environment = self.environments.get(function);
        environment.with_context(|| format!("the template has no function `{function}`"))
    }

    /// What a function has needed of AWS so far, all of it permitted; by its logical id.
    pub fn needs(&self, function: &str) -> BTreeSet<Need> {
        let needs = self.needs.get(function);
        let noted = needs.map(|needs| needs.lock().unwrap_or_else(PoisonError::into_inner).clone());
        noted.unwrap_or_default()
    }

    /// The physical names of the tables, by logical id.
    pub fn tables(&self) -> &BTreeMap<String, String> {
        &self.tables
    }

    /// The physical names of the buckets, by logical id.
    pub fn buckets(&self) -> &BTreeMap<String, String> {
        &self.buckets
    }

    /// The outputs of the template, by name.
    pub fn outputs(&self) -> &BTreeMap<String, String> {
        &self.template.outputs
    }

    /// The URL of a queue, by its logical id.
    ///
    /// # Errors
    /// If the template has no such queue.
    pub fn queue_url(&self, queue: &str) -> anyhow::Result<&str> {
        let found = self.template.queues.get(queue).map(|queue| queue.url.as_str());
        found.with_context(|| format!("the template has no queue `{queue}`"))
    }

    /// Clients of the stand-ins, for whoever looks after the stack.
    ///
    /// # Errors
    /// If they cannot be built.
    pub fn aws(&self) -> anyhow::Result<Aws> {
        Ok(Aws::new(&environment(BTreeMap::new(), &self.endpoints), &Host::system())?)
    }

    /// A client of the stand-in for S3, for whoever looks after the stack.
    ///
    /// # Errors
    /// If it cannot be built.
    pub fn s3(&self) -> anyhow::Result<aws_sdk_s3::Client> {
        Ok(provision::client(&self.aws()?, &self.endpoints.s3))
    }

    /// Runs once what the schedules run, and returns what the last of it answered.
    ///
    /// # Errors
    /// If it fails, or nothing is scheduled.
    pub async fn sweep_now(&self) -> anyhow::Result<Value> {
        let mut answer = None;
        for schedule in &self.schedules {
            answer = Some(serde_json::from_slice(&schedule.once().await?)?);
        }
        answer.context("the template has no schedule")
    }

    /// Takes the queues out of reach, as in an outage.
    pub fn pause_queue(&self) {
        if let Some(standins) = &self.standins {
            standins.pause_sqs();
        }
    }

    /// Puts the queues back.
    pub fn resume_queue(&self) {
        if let Some(standins) = &self.standins {
            standins.resume_sqs();
        }
    }

    /// What was published on the event bus, the latest last.
    pub fn published(&self) -> Vec<Value> {
        self.standins.as_ref().map(Standins::published).unwrap_or_default()
    }

    /// Sets what `GET /_local/stack` says of a demo.
    pub fn set_demo(&self, demo: Value) {
        self.gateway.set_demo(demo);
    }

    /// Stops: takes no more requests, lets running invocations end for a while, then ends the rest.
    ///
    /// # Errors
    /// If the stand-ins did not stop.
    pub async fn stop(mut self) -> anyhow::Result<()> {
        self.stop.cancel();
        self.invoker.finish(STOP_LIMIT).await;
        self.tasks.close();
        if tokio::time::timeout(CLOSE_LIMIT, self.tasks.wait()).await.is_err() {
            tracing::warn!("some connections were not closed in time");
        }
        match self.standins.take() {
            Some(standins) => Ok(tokio::task::spawn_blocking(move || standins.stop()).await?),
            None => Ok(()),
        }
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        self.stop.cancel();
        self.invoker.kill();
    }
}

impl fmt::Debug for Stack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stack").field("url", &self.url).finish_non_exhaustive()
    }
}
