//! What a stack is started with.

use std::{collections::BTreeMap, fmt, path::PathBuf, time::Duration};

use anyhow::Context as _;
use domain::upstream::{Upstream, Upstreams};
use providers::{base_variable, key_variable};
use runtime::{Clock, Environment, metrics::Sink};

use crate::template::{Constraints, TEMPLATE};

/// Where the text of the template comes from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum TemplateSource {
    /// The `template.yaml` that this program was compiled with.
    #[default]
    Builtin,
    /// A file.
    File(PathBuf),
    /// The text itself.
    Text(String),
}

/// What a stack is started with.
#[derive(Clone, Debug)]
pub struct Options {
    /// The template.
    pub template: TemplateSource,
    /// The port of the HTTP API on the loopback interface; 0 lets the kernel choose.
    pub port: u16,
    /// Where tables and objects are kept; `None` keeps nothing.
    pub data_dir: Option<PathBuf>,
    /// Values for parameters of the template, in place of their defaults.
    pub parameters: BTreeMap<String, String>,
    /// The keys of upstreams, which the cloud has in Secrets Manager, and where the upstreams are, if not
    /// where their makers say; by the names of their variables. A function gets them if the template
    /// tells it where they are kept.
    pub upstreams: UpstreamVariables,
    /// Whether the values must be as the template wants them.
    pub constraints: Constraints,
    /// How often the sweep runs; `None` is as the template says.
    pub sweep_every: Option<Duration>,
    /// The clock of the functions and of the gateway.
    pub clock: Clock,
    /// Takes what the functions count; `None` is nowhere.
    pub counts: Option<Sink>,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            template: TemplateSource::default(),
            port: 0,
            data_dir: None,
            parameters: BTreeMap::new(),
            upstreams: UpstreamVariables::default(),
            constraints: Constraints::default(),
            sweep_every: None,
            clock: Clock::system(),
            counts: None,
        }
    }
}

impl TemplateSource {
    /// The text.
    pub(crate) async fn read(&self) -> anyhow::Result<String> {
        match self {
            TemplateSource::Builtin => Ok(TEMPLATE.to_owned()),
            TemplateSource::Text(text) => Ok(text.clone()),
            TemplateSource::File(path) => tokio::fs::read_to_string(path)
                .await
                .with_context(|| format!("cannot read the template {}", path.display())),
        }
    }
}

/// Variables with the keys of upstreams and where they are. The values are secrets.
#[derive(Clone, Default)]
pub struct UpstreamVariables(BTreeMap<&'static str, String>);

impl fmt::Debug for UpstreamVariables {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl UpstreamVariables {
    /// Those that are set in an environment.
    pub fn of(environment: &Environment) -> Self {
        let names =
            Upstream::KEYED.into_iter().flat_map(|of| [key_variable(of), base_variable(of)]);
        let set =
            names.flatten().filter_map(|name| Some((name, environment.get(name)?.to_owned())));
        Self(set.collect())
    }

    /// Whether none of them is set.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The upstreams that there are keys for.
    pub fn keyed(&self) -> Upstreams {
        let has_key = |upstream: &Upstream| {
            key_variable(*upstream).is_some_and(|variable| self.0.contains_key(variable))
        };
        Upstreams::new(Upstream::KEYED.into_iter().filter(has_key))
    }

    /// All of them, with their values.
    pub(crate) fn variables(&self) -> impl Iterator<Item = (String, String)> {
        self.0.iter().map(|(name, value)| ((*name).to_owned(), value.clone()))
    }
}
