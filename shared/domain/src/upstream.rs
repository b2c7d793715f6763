//! The upstreams that can make pictures, and which of them makes those of a model.
//!
//! The choice is made when an order is accepted and recorded with the job, so that whoever resumes
//! it asks the same one. It follows from which keys there are: the maker of the model itself, else
//! fal, which serves all of them, else the sandbox.

use std::{collections::BTreeMap, fmt, num::NonZeroU32, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::{
    catalogue::{ModelId, Offer},
    money::digits,
};

/// Who makes the pictures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Upstream {
    /// Drawn by ourselves, for trying things out.
    Sandbox,
    /// Black Forest Labs, the makers of FLUX.
    Bfl,
    /// Ideogram.
    Ideogram,
    /// Recraft.
    Recraft,
    /// fal.ai, which serves the models of all the others.
    Fal,
}

impl Upstream {
    /// Those that need a key, in no particular order.
    pub const KEYED: [Self; 4] = [Self::Bfl, Self::Ideogram, Self::Recraft, Self::Fal];

    /// The word for it in configuration, tables and logs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sandbox => "sandbox",
            Self::Bfl => "bfl",
            Self::Ideogram => "ideogram",
            Self::Recraft => "recraft",
            Self::Fal => "fal",
        }
    }

    /// How many pictures it makes for one customer at the same time, where it publishes that; what
    /// is sent beyond is refused. BFL counts tasks, of which each makes one picture
    /// (<https://docs.bfl.ml/quick_start/generating_images>); Ideogram counts pictures
    /// (<https://developer.ideogram.ai/ideogram-api/rate-limits>); Recraft publishes no figure; fal
    /// refuses nothing but lets it wait
    /// (<https://fal.ai/docs/documentation/model-apis/concurrency-limits>).
    #[must_use]
    pub const fn in_flight_max(self) -> Option<NonZeroU32> {
        match self {
            Self::Bfl => NonZeroU32::new(24),
            Self::Ideogram => NonZeroU32::new(10),
            Self::Sandbox | Self::Recraft | Self::Fal => None,
        }
    }
}

impl fmt::Display for Upstream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The upstreams that orders may go to, each with the limit that its contract sets, where that is
/// not the published one. Written as `bfl,ideogram=40,fal`; nothing at all means the sandbox.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Upstreams(BTreeMap<Upstream, Option<NonZeroU32>>);

/// The text is not a list of upstreams.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "upstreams are a list such as `bfl,ideogram=40,fal`: each of bfl, ideogram, recraft and fal at \
     most once, with the number of pictures that it makes at a time where the published one is not \
     meant"
)]
pub struct BadUpstreams;

impl Upstreams {
    /// These, with their published limits.
    pub fn new(upstreams: impl IntoIterator<Item = Upstream>) -> Self {
        let keyed = upstreams.into_iter().filter(|upstream| *upstream != Upstream::Sandbox);
        Self(keyed.map(|upstream| (upstream, None)).collect())
    }

    /// The offer that is taken for a model.
    #[must_use]
    pub fn offer(&self, model: ModelId) -> &'static Offer {
        let model = model.model();
        let served = |offer: &&Offer| self.0.contains_key(&offer.upstream);
        model.offers.iter().find(served).unwrap_or(&model.sandbox)
    }

    /// Those that need a key.
    pub fn keyed(&self) -> impl Iterator<Item = Upstream> {
        self.0.keys().copied()
    }

    /// How many pictures an upstream may be making for one of so many workers at the same time;
    /// `None` is any number. All workers together stay within the upstream's limit.
    #[must_use]
    pub fn places(&self, upstream: Upstream, workers: NonZeroU32) -> Option<u32> {
        let agreed = self.0.get(&upstream).copied().flatten();
        let most = agreed.or(upstream.in_flight_max())?;
        most.get().checked_div(workers.get())
    }
}

impl FromStr for Upstreams {
    type Err = BadUpstreams;

    fn from_str(text: &str) -> Result<Self, BadUpstreams> {
        let mut upstreams = BTreeMap::new();
        for part in text.split(',').filter(|_| !text.is_empty()) {
            let (name, limit) = part.split_once('=').map_or((part, None), |(n, l)| (n, Some(l)));
            let found = Upstream::KEYED.into_iter().find(|upstream| upstream.as_str() == name);
            let limit = limit.map(|limit| {
                let number = digits(limit).and_then(|number| u32::try_from(number).ok());
                number.and_then(NonZeroU32::new).ok_or(BadUpstreams)
            });
            let earlier = upstreams.insert(found.ok_or(BadUpstreams)?, limit.transpose()?);
            if earlier.is_some() {
                return Err(BadUpstreams);
            }
        }
        Ok(Self(upstreams))
    }
}

impl fmt::Display for Upstreams {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (upstream, limit)) in self.0.iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            write!(f, "{comma}{upstream}")?;
            if let Some(limit) = limit {
                write!(f, "={limit}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
