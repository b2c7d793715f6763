//! The protocol within bounds, and what it has of the domain: a job to ask about, endings and what they
//! cost.

use std::time::Duration;

use domain::{
    hold::{Figures, Hold},
    ids::JobId,
    job::{Delivered, Ending, Image, Job, State as JobState},
    money::MicroUsd,
    order::{Draft, Order},
    time::Timestamp,
    upstream::Upstream,
};

use crate::{
    bounds::Bounds, conditions::Conditions, each::Which, expression::Value, rows::Tick, state::End,
};

/// The price of a picture.
const PRICE: MicroUsd = MicroUsd::constant(1);
/// How many pictures are ordered.
const PICTURES: u8 = 2;
/// What an order holds.
pub(crate) const HOLD: Value = 2;

/// The protocol within bounds, under a table of conditions.
#[derive(Debug)]
pub struct Protocol {
    /// How far the search goes.
    pub bounds: Bounds,
    /// What guards the writes.
    pub conditions: Conditions,
    /// A job of the domain, to be asked about with the row's times and state.
    pub(crate) template: Job,
    /// Every way to end a job.
    endings: Vec<(End, Ending, Figures)>,
}

/// What the domain does not make of what the model asks: a mistake of the model.
#[derive(Debug, thiserror::Error)]
#[error("the domain does not take the model's {0}")]
pub struct BadModel(&'static str);

pub(crate) fn at(tick: Tick) -> Timestamp {
    Timestamp::from_millis(tick.into())
}

pub(crate) fn ticks(ticks: Tick) -> Duration {
    Duration::from_millis(ticks.into())
}

pub(crate) fn tick(at: Timestamp) -> Tick {
    Tick::try_from(at.millis()).unwrap_or(Tick::MAX)
}

impl Protocol {
    /// The protocol within bounds.
    ///
    /// # Errors
    /// [`BadModel`]
    pub fn new(bounds: Bounds, conditions: Conditions) -> Result<Self, BadModel> {
        let draft = Draft {
            model: "recraft-v3".to_owned(),
            prompt: "a cat".to_owned(),
            n: Some(PICTURES.into()),
            ..Draft::default()
        };
        let order = Order::agree(draft).map_err(|_| BadModel("order"))?;
        let hold = Hold::new(PRICE, order.n).ok_or(BadModel("price"))?;
        let image = || Image {
            key: "k".to_owned(),
            width: 1,
            height: 1,
            content_type: "image/png".to_owned(),
            seed: None,
        };
        let delivered = |n: usize| {
            Delivered::new((0..n).map(|_| image()).collect()).ok_or(BadModel("pictures"))
        };
        let endings = [
            (End::Succeeded(1), Ending::Succeeded(delivered(1)?)),
            (End::Succeeded(2), Ending::Succeeded(delivered(2)?)),
            (End::Failed, Ending::Failed(domain::failure::Failure::ProviderFailed.into())),
            (End::Expired, Ending::Expired),
            (End::Canceled, Ending::Canceled),
        ];
        let figures = |(end, ending): (End, Ending)| {
            let figures = *ending.resolve(&hold).figures();
            (end, ending, figures)
        };
        let template = Job {
            id: JobId::new(at(0), &[0; 10]),
            user: "demo".parse().map_err(|_| BadModel("user"))?,
            order,
            upstream: Upstream::Sandbox,
            hold,
            turn: None,
            created_at: at(0),
            deadline: at(0),
            expires_at: at(0),
            state: JobState::Pending,
        };
        let endings = endings.into_iter().map(figures).collect();
        Ok(Self { bounds, conditions, template, endings })
    }

    /// The domain's ending, and the figures that the domain resolves a hold to.
    pub(crate) fn ending(&self, end: End) -> Option<(&Ending, &Figures)> {
        let found = self.endings.iter().find(|(known, ..)| *known == end)?;
        Some((&found.1, &found.2))
    }

    /// The key that a request bears.
    pub(crate) fn key_of(&self, which: Which) -> Option<Which> {
        self.bounds.requests.of(which).and_then(|request| request.key)
    }
}
