//! What a visit tells whoever looks after the stack: trouble that is ours and not the caller's, what
//! cannot be known, and what costs more than it should. Logged with the job, counted by upstream.

use std::time::Duration;

use domain::{
    job::{Ending, Job},
    money::MicroUsd,
    time::Timestamp,
};
use providers::Obstacle;
use runtime::{By, Metric};
use store::Claimed;

use super::{Outcome, Visitor};
use crate::App;

/// What a claim is counted as.
pub(super) const fn outcome(claimed: &Claimed) -> &'static str {
    match claimed {
        Claimed::Begun(..) => "begun",
        Claimed::Resumed(..) => "resumed",
        Claimed::Overdue(_) => "overdue",
        Claimed::Waits { .. } => "waits",
        Claimed::Leased => "lost",
        Claimed::Ended => "ended",
        Claimed::Missing => "missing",
    }
}

/// What `images` of an order cost at its upstream, as the catalogue has it.
fn listed(job: &Job, images: u32) -> Option<MicroUsd> {
    let mut offers = job.order.model.model().offers.iter();
    offers.find(|offer| offer.upstream == job.upstream)?.cost.checked_mul(images)
}

/// Counts what may have cost us something that no caller pays.
fn absorb(app: &App, job: &Job, cost: Option<MicroUsd>) {
    if let Some(cost) = cost.filter(|cost| *cost > MicroUsd::ZERO) {
        let by = [By::Upstream(job.upstream)];
        app.metrics.count(Metric::AbsorbedMicros, cost.micros(), &by);
    }
}

/// Pictures came when their job had ended otherwise, or had to.
pub(super) fn late(app: &App, job: &Job) {
    app.metrics.count(Metric::LateSuccesses, 1, &[By::Upstream(job.upstream)]);
    absorb(app, job, listed(job, job.order.n.get().into()));
}

/// A job has ended.
pub(super) fn ended(app: &App, job: &Job, ending: &Ending, now: Timestamp) {
    let metrics = &app.metrics;
    metrics.count(Metric::JobsEnded, 1, &[By::Outcome(ending.status().as_str())]);
    metrics.count_some(Metric::ChargedMicros, ending.resolve(&job.hold).figures().charged.micros());
    if matches!(ending, Ending::Succeeded(_)) {
        let took = now.since(job.created_at).as_millis();
        let took = u64::try_from(took).unwrap_or(u64::MAX);
        metrics.count(Metric::JobDuration, took, &[]);
    }
}

impl Visitor<'_> {
    /// There is no key for the job's upstream any more. The operator must look; until then it waits.
    pub(super) fn left_without_upstream(&self) -> Outcome {
        self.count(Metric::UpstreamTrouble, 1);
        let upstream = self.job.upstream.as_str();
        tracing::error!(job_id = %self.job.id, upstream, "there is no key for the job's upstream");
        Outcome::Unsent(self.app.config.reannounce)
    }

    /// The upstream has nothing of ours. Others leave it alone too for as long as it says.
    pub(super) fn not_taken(&self, why: Obstacle, again: Duration) -> Outcome {
        self.app.providers.close(&self.job, self.app.clock.now(), again);
        let upstream = self.job.upstream.as_str();
        match why {
            Obstacle::Busy => {
                self.hindered("busy");
                tracing::info!(job_id = %self.job.id, upstream, "the upstream is busy");
            }
            Obstacle::Unreachable => {
                self.hindered("unreachable");
                tracing::warn!(job_id = %self.job.id, upstream, "the upstream cannot be reached");
            }
            Obstacle::Trouble => self.trouble(),
        }
        Outcome::Unsent(again)
    }

    /// The upstream refuses our key or our credit: never the caller's error.
    pub(super) fn trouble(&self) {
        self.hindered("trouble");
        self.count(Metric::UpstreamTrouble, 1);
        let upstream = self.job.upstream.as_str();
        tracing::error!(job_id = %self.job.id, upstream, "the upstream refuses our key or our credit");
    }

    /// The upstream may make pictures that nobody will fetch. It is counted as if it did.
    pub(super) fn unknown(&self) -> Outcome {
        self.hindered("unanswered");
        self.count(Metric::SubmitUnknown, 1);
        absorb(self.app, &self.job, listed(&self.job, self.job.order.n.get().into()));
        Outcome::Later(self.app.config.revisit)
    }

    /// Compares what the upstream says that the order costs with the catalogue. What it costs more is
    /// ours to pay, and to look into.
    pub(super) fn compare(&self, cost: Option<MicroUsd>) {
        let order = &self.job.order;
        let excess = cost
            .zip(listed(&self.job, order.n.get().into()))
            .and_then(|(cost, listed)| cost.checked_sub(listed));
        if let Some(excess) = excess.filter(|excess| *excess > MicroUsd::ZERO) {
            let (model, upstream) = (order.model.model().slug, self.job.upstream.as_str());
            let micros = excess.micros();
            self.count(Metric::UpstreamCostAboveCatalogue, micros);
            absorb(self.app, &self.job, Some(excess));
            tracing::error!(job_id = %self.job.id, model, upstream, micros, "it costs more than listed");
        }
    }

    /// An order is about to be sent, for the first time or once more.
    pub(super) fn sending(&self) {
        self.count(Metric::Submits, 1);
        if self.submits > 1 {
            self.count(Metric::Resubmits, 1);
        }
    }

    /// Pictures were made and billed, and are withheld.
    pub(super) fn withheld(&self, images: usize) {
        let images = u32::try_from(images).unwrap_or(u32::MAX);
        self.count(Metric::ImagesWithheld, images.into());
        absorb(self.app, &self.job, listed(&self.job, images));
    }

    /// Somebody else has the job.
    pub(super) fn superseded(&self) {
        self.app.metrics.count(Metric::FencesRefused, 1, &[]);
    }

    /// The upstream did not do what it was asked.
    pub(super) fn hindered(&self, how: &'static str) {
        let by = [By::Upstream(self.job.upstream), By::Outcome(how)];
        self.app.metrics.count(Metric::UpstreamErrors, 1, &by);
    }

    fn count(&self, metric: Metric, value: u64) {
        self.app.metrics.count(metric, value, &[By::Upstream(self.job.upstream)]);
    }
}
