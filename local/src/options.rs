//! What a stack is started with.

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use anyhow::Context as _;
use runtime::Clock;

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
    /// Whether the values must be as the template wants them.
    pub constraints: Constraints,
    /// How often the sweep runs; `None` is as the template says.
    pub sweep_every: Option<Duration>,
    /// The clock of the functions and of the gateway.
    pub clock: Clock,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            template: TemplateSource::default(),
            port: 0,
            data_dir: None,
            parameters: BTreeMap::new(),
            constraints: Constraints::default(),
            sweep_every: None,
            clock: Clock::system(),
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
