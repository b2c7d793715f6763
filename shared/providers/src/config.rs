//! Which upstreams there are keys for, where they are, and how much they may be asked at a time.

use std::{
    collections::BTreeMap,
    fmt,
    num::{NonZeroU32, ParseIntError},
    sync::Arc,
    time::Duration,
};

use domain::upstream::{BadUpstreams, Upstream, Upstreams};
use reqwest::{Client, header::HeaderValue};
use url::{Host, Url};

use crate::{
    Provider, Providers, Source,
    bfl::Bfl,
    fal::Fal,
    gate::Gate,
    http::{self, Line},
    ideogram::Ideogram,
    recraft::Recraft,
    sandbox::Sandbox,
    source::Sources,
};

/// The variable that lists the upstreams that orders may go to.
const UPSTREAMS: &str = "UPSTREAMS";
/// The variable that says how many workers there are at most: they share each upstream's limit.
const WORKERS: &str = "MAXIMUM_CONCURRENCY";
/// The variable that is set where the whole stack runs on one machine.
const LOCAL: &str = "LOCAL_STACK";
/// The variables that hold keys.
pub const KEY_VARIABLES: [&str; 4] =
    ["BFL_API_KEY", "IDEOGRAM_API_KEY", "RECRAFT_API_KEY", "FAL_KEY"];

/// The variable that holds the key of an upstream.
#[must_use]
pub const fn key_variable(upstream: Upstream) -> Option<&'static str> {
    let [bfl, ideogram, recraft, fal] = KEY_VARIABLES;
    match upstream {
        Upstream::Sandbox => None,
        Upstream::Bfl => Some(bfl),
        Upstream::Ideogram => Some(ideogram),
        Upstream::Recraft => Some(recraft),
        Upstream::Fal => Some(fal),
    }
}

/// The variable that says where an upstream is, if not where its maker says.
#[must_use]
pub const fn base_variable(upstream: Upstream) -> Option<&'static str> {
    match upstream {
        Upstream::Sandbox => None,
        Upstream::Bfl => Some("BFL_BASE_URL"),
        Upstream::Ideogram => Some("IDEOGRAM_BASE_URL"),
        Upstream::Recraft => Some("RECRAFT_BASE_URL"),
        Upstream::Fal => Some("FAL_BASE_URL"),
    }
}

/// How long to wait for what.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// For a connection.
    pub connect: Duration,
    /// For an answer to a question, and to an order that is only queued.
    pub answer: Duration,
    /// For an answer to an order that comes with the pictures made.
    pub patience: Duration,
    /// For a picture to be fetched.
    pub fetch: Duration,
    /// Before a task is asked for again that is not done, where the upstream does not say.
    pub pause: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(3),
            // The upstreams answer within a second or two; what takes ten times that is lost.
            answer: Duration::from_secs(15),
            // Pictures that are made while the connection is held take 5 to 20 seconds. An answer that
            // is given up is an order that is paid twice, so this is as long as an invocation allows.
            patience: Duration::from_secs(50),
            // 16 MiB at 1 MB/s.
            fetch: Duration::from_secs(17),
            // A task takes 5 to 20 seconds, and some time in the queue.
            pause: Duration::from_secs(1),
        }
    }
}

/// What the upstreams are set up from.
#[derive(Clone, Debug)]
pub struct Config {
    upstreams: Upstreams,
    workers: NonZeroU32,
    keys: BTreeMap<Upstream, Key>,
    bases: BTreeMap<Upstream, String>,
    is_local: bool,
    limits: Limits,
}

/// A key of ours at an upstream.
#[derive(Clone)]
struct Key(String);

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(***)")
    }
}

/// The upstreams cannot be set up so. It stops the cold start.
#[derive(Debug, thiserror::Error)]
pub enum BadConfig {
    /// `UPSTREAMS` is no list of upstreams.
    #[error("the variable UPSTREAMS is wrong")]
    Upstreams(#[from] BadUpstreams),
    /// `MAXIMUM_CONCURRENCY` is missing or no number above zero.
    #[error("the variable MAXIMUM_CONCURRENCY must be a whole number above zero")]
    Workers(#[source] Option<ParseIntError>),
    /// An upstream is listed, and there is no key for it.
    #[error("UPSTREAMS lists {0}, but there is no {1}")]
    NoKey(Upstream, &'static str),
    /// A key has characters that cannot be sent.
    #[error("the key in {0} cannot be sent in a header")]
    BadKey(&'static str),
    /// A base URL is none, or of a kind that is not allowed.
    #[error(
        "{0} must be an https URL without credentials; http on loopback is for one machine only"
    )]
    BadBase(&'static str),
    /// So many workers cannot share the upstream's limit.
    #[error(
        "{workers} workers cannot share the pictures that {upstream} makes at a time: there is less than \
         one for each; lower GenerateMaximumConcurrency, or say what your contract allows with \
         {upstream}=N in Upstreams"
    )]
    TooManyWorkers {
        /// How many.
        workers: NonZeroU32,
        /// Whose limit.
        upstream: Upstream,
    },
    /// The HTTP client cannot be set up.
    #[error("the HTTP client cannot be set up")]
    Client(#[source] Source),
}

impl Config {
    /// Reads `UPSTREAMS`, `MAXIMUM_CONCURRENCY`, the keys `BFL_API_KEY`, `IDEOGRAM_API_KEY`,
    /// `RECRAFT_API_KEY` and `FAL_KEY`, and `BFL_BASE_URL` and so on, which may name loopback where
    /// `LOCAL_STACK` is set.
    ///
    /// # Errors
    /// If one of them is wrong.
    pub fn read<'a>(get: impl Fn(&'static str) -> Option<&'a str>) -> Result<Self, BadConfig> {
        let workers = get(WORKERS).ok_or(BadConfig::Workers(None))?;
        let set =
            |upstream, variable: Option<&'static str>| Some((upstream, get(variable?)?.to_owned()));
        let keys = Upstream::KEYED.into_iter().filter_map(|of| set(of, key_variable(of)));
        let bases = Upstream::KEYED.into_iter().filter_map(|of| set(of, base_variable(of)));
        Ok(Self {
            upstreams: get(UPSTREAMS).unwrap_or_default().parse()?,
            workers: workers.parse().map_err(|error| BadConfig::Workers(Some(error)))?,
            keys: keys.map(|(upstream, key)| (upstream, Key(key))).collect(),
            bases: bases.collect(),
            is_local: get(LOCAL).is_some(),
            limits: Limits::default(),
        })
    }

    /// The same with other limits.
    #[must_use]
    pub fn with_limits(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }

    /// Sets the upstreams up: the sandbox, and all that there are keys for, whether or not new orders
    /// go there, so that jobs which an upstream has already are asked for there.
    pub(crate) fn connect(self) -> Result<Providers, BadConfig> {
        for upstream in self.upstreams.keyed() {
            if let Some(variable) = key_variable(upstream)
                && !self.keys.contains_key(&upstream)
            {
                return Err(BadConfig::NoKey(upstream, variable));
            }
        }
        let sandbox: (Arc<dyn Provider>, Gate) = (Arc::new(Sandbox::new()), Gate::open());
        let mut lines = BTreeMap::from([(Upstream::Sandbox, sandbox)]);
        if self.keys.is_empty() {
            return Ok(Providers { lines });
        }
        let client = http::client(&self.limits).map_err(BadConfig::Client)?;
        for (upstream, key) in &self.keys {
            if let Some(provider) = self.provider(*upstream, &client, key)? {
                lines.insert(*upstream, (provider, Gate::new(self.places(*upstream)?)));
            }
        }
        Ok(Providers { lines })
    }

    fn provider(
        &self,
        upstream: Upstream,
        client: &Client,
        key: &Key,
    ) -> Result<Option<Arc<dyn Provider>>, BadConfig> {
        let line = |hosts, header, prefix| {
            let bad = || BadConfig::BadKey(key_variable(upstream).unwrap_or_default());
            let value = HeaderValue::from_str(&format!("{prefix}{}", key.0)).map_err(|_| bad())?;
            let base = self.base(upstream)?;
            Line::new(client.clone(), hosts, base, (header, value), self.limits)
                .map_err(BadConfig::Client)
        };
        let sources = || Sources::public().map_err(|error| BadConfig::Client(error.into()));
        Ok(match upstream {
            Upstream::Sandbox => None,
            Upstream::Bfl => {
                Some(Arc::new(Bfl::new(line(Bfl::HOSTS, Bfl::HEADER, "")?, sources()?)))
            }
            Upstream::Ideogram => {
                Some(Arc::new(Ideogram::new(line(Ideogram::HOSTS, Ideogram::HEADER, "")?)))
            }
            Upstream::Recraft => {
                Some(Arc::new(Recraft::new(line(Recraft::HOSTS, Recraft::HEADER, "Bearer ")?)))
            }
            Upstream::Fal => {
                Some(Arc::new(Fal::new(line(Fal::HOSTS, Fal::HEADER, "Key ")?, sources()?)))
            }
        })
    }

    /// Where the upstream is, if not where its maker says. In the cloud nothing that answers at
    /// loopback is an upstream: there it is the Lambda runtime.
    fn base(&self, upstream: Upstream) -> Result<Option<Url>, BadConfig> {
        let Some(text) = self.bases.get(&upstream) else { return Ok(None) };
        let bad = || BadConfig::BadBase(base_variable(upstream).unwrap_or_default());
        let url = Url::parse(text).map_err(|_| bad())?;
        let is_loopback = match url.host() {
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            Some(Host::Domain(name)) => name == "localhost",
            None => return Err(bad()),
        };
        let anonymous = url.username().is_empty() && url.password().is_none();
        let plain = url.query().is_none() && url.fragment().is_none();
        let allowed = match url.scheme() {
            "https" => !is_loopback || self.is_local,
            "http" => is_loopback && self.is_local,
            _ => false,
        };
        if allowed && anonymous && plain { Ok(Some(url)) } else { Err(bad()) }
    }

    fn places(&self, upstream: Upstream) -> Result<Option<u32>, BadConfig> {
        let places = self.upstreams.places(upstream, self.workers);
        // Where no new orders go, what is there already is only asked for.
        let listed = self.upstreams.keyed().any(|keyed| keyed == upstream);
        if places == Some(0) && listed {
            return Err(BadConfig::TooManyWorkers { workers: self.workers, upstream });
        }
        Ok(places.map(|places| places.max(1)))
    }
}

#[cfg(test)]
mod tests;
