//! A server as a process of its own, and a client to talk to it.

use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Output, Stdio},
    time::{Duration, Instant},
};

use serde_json::{Value, json};

/// The binary under test.
pub(crate) const BINARY: &str = env!("CARGO_BIN_EXE_holdfast");
/// The variables that have pictures made by somebody else, for money.
pub(crate) const UPSTREAM_VARIABLES: [&str; 8] = [
    "BFL_API_KEY",
    "IDEOGRAM_API_KEY",
    "RECRAFT_API_KEY",
    "FAL_KEY",
    "BFL_BASE_URL",
    "IDEOGRAM_BASE_URL",
    "RECRAFT_BASE_URL",
    "FAL_BASE_URL",
];
/// Longest wait for anything.
pub(crate) const PATIENCE: Duration = Duration::from_secs(90);

/// `holdfast serve`, running.
pub(crate) struct Server {
    child: Child,
    pub(crate) url: String,
    pub(crate) api_key: String,
    pub(crate) first_line: Value,
}

impl Server {
    /// Starts one on any free port and waits until it says that it is ready.
    pub(crate) fn start(args: &[&str]) -> Self {
        Self::with_variables(args, &[])
    }

    /// The same, with variables.
    pub(crate) fn with_variables(args: &[&str], variables: &[(String, String)]) -> Self {
        let mut command = Command::new(BINARY);
        // Whoever has keys of their own does not pay for tests.
        for name in UPSTREAM_VARIABLES {
            command.env_remove(name);
        }
        let mut child = command
            .args(["serve", "--port", "0"])
            .args(args)
            .env_remove("HOLDFAST_URL")
            .envs(variables.iter().cloned())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let first_line: Value = serde_json::from_str(&line).unwrap_or_else(|error| {
            panic!("the first line should be JSON, but is {line:?}: {error}");
        });
        let text = |name: &str| first_line[name].as_str().unwrap().to_owned();
        Self { child, url: text("url"), api_key: text("api_key"), first_line }
    }

    pub(crate) fn ephemeral() -> Self {
        Self::start(&["--ephemeral"])
    }

    pub(crate) fn in_dir(dir: &Path, args: &[&str]) -> Self {
        let mut all = vec!["--data-dir", dir.to_str().unwrap()];
        all.extend(args);
        Self::start(&all)
    }

    /// SIGKILL: nothing is finished, nothing is flushed.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// A signal by name; the exit code and how long it took.
    pub(crate) fn signal(mut self, signal: &str) -> (Option<i32>, Duration) {
        let begun = Instant::now();
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args([signal, &pid]).status().unwrap().success());
        (self.child.wait().unwrap().code(), begun.elapsed())
    }

    /// Runs a command of the binary against this server.
    pub(crate) fn run(&self, args: &[&str]) -> Output {
        Command::new(BINARY)
            .args(args)
            .env("HOLDFAST_URL", &self.url)
            .env_remove("HOLDFAST_API_KEY")
            .output()
            .unwrap()
    }

    /// Runs a command that should succeed; what it prints.
    pub(crate) fn print(&self, args: &[&str]) -> String {
        let output = self.run(args);
        assert!(output.status.success(), "{args:?}: {}", lossy(&output.stderr));
        lossy(&output.stdout)
    }

    /// Orders with `curl`'s manners: status and body.
    pub(crate) fn order(&self, body: &Value) -> (u16, Value) {
        self.post("/v1/images/generations", body)
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        self.call(reqwest::Method::POST, path, Some(body))
    }

    pub(crate) fn get(&self, path: &str) -> (u16, Value) {
        self.call(reqwest::Method::GET, path, None)
    }

    fn call(&self, method: reqwest::Method, path: &str, body: Option<&Value>) -> (u16, Value) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let client = reqwest::Client::builder().tls_backend_preconfigured(no_tls()).build();
            let mut request = client
                .unwrap()
                .request(method, format!("{}{path}", self.url))
                .bearer_auth(&self.api_key)
                .timeout(Duration::from_secs(30));
            if let Some(body) = body {
                request = request.json(body);
            }
            let answer = request.send().await.unwrap();
            (answer.status().as_u16(), answer.json().await.unwrap())
        })
    }

    /// Waits until a job has ended.
    pub(crate) fn wait(&self, id: &str) -> Value {
        let begun = Instant::now();
        loop {
            let (status, job) = self.get(&format!("/v1/jobs/{id}"));
            assert_eq!(status, 200, "{job}");
            let state = job["status"].as_str().unwrap();
            if !matches!(state, "pending" | "processing") {
                return job;
            }
            assert!(begun.elapsed() < PATIENCE, "job {id} is still {state}");
            std::thread::sleep(Duration::from_millis(200));
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It has ended already where the test stopped it.
        if self.child.try_wait().is_ok_and(|status| status.is_none()) {
            self.child.kill().unwrap();
            self.child.wait().unwrap();
        }
    }
}

/// A TLS configuration that trusts nobody: these tests speak plain HTTP on loopback.
pub(crate) fn no_tls() -> rustls::ClientConfig {
    let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
    rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth()
}

pub(crate) fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// An order of one picture that takes a while.
pub(crate) fn slow_order(key: &str, delay_ms: u32) -> Value {
    json!({
        "model": "recraft-v3",
        "prompt": format!("picture {key}"),
        "idempotency_key": key,
        "extra": { "sandbox": { "delay_ms": delay_ms } },
    })
}
