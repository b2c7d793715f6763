//! What a visit tells whoever looks after the stack: trouble that is ours and not the caller's, what
//! cannot be known, and what costs more than it should. Logged with the job, counted by upstream.

use std::time::Duration;

use domain::money::MicroUsd;
use providers::Obstacle;
use runtime::metrics::Metric;

use super::{Outcome, Visitor};

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
                tracing::info!(job_id = %self.job.id, upstream, "the upstream is busy");
            }
            Obstacle::Unreachable => {
                tracing::warn!(job_id = %self.job.id, upstream, "the upstream cannot be reached");
            }
            Obstacle::Trouble => self.trouble(),
        }
        Outcome::Unsent(again)
    }

    /// The upstream refuses our key or our credit: never the caller's error.
    pub(super) fn trouble(&self) {
        self.count(Metric::UpstreamTrouble, 1);
        let upstream = self.job.upstream.as_str();
        tracing::error!(job_id = %self.job.id, upstream, "the upstream refuses our key or our credit");
    }

    pub(super) fn unknown(&self) -> Outcome {
        self.count(Metric::SubmitUnknown, 1);
        Outcome::Later(self.app.config.revisit)
    }

    /// Compares what the upstream says that the order costs with the catalogue. What it costs more is
    /// ours to pay, and to look into.
    pub(super) fn compare(&self, cost: Option<MicroUsd>) {
        let order = &self.job.order;
        let offers = order.model.model().offers.iter();
        let mut known = offers.filter(|offer| offer.upstream == self.job.upstream);
        let listed = known.next().and_then(|offer| offer.cost.checked_mul(order.n.get().into()));
        let excess = cost.zip(listed).and_then(|(cost, listed)| cost.checked_sub(listed));
        if let Some(excess) = excess.filter(|excess| *excess > MicroUsd::ZERO) {
            let (model, upstream) = (order.model.model().slug, self.job.upstream.as_str());
            let micros = excess.micros();
            self.count(Metric::UpstreamCostAboveCatalogue, micros);
            tracing::error!(job_id = %self.job.id, model, upstream, micros, "it costs more than listed");
        }
    }

    pub(super) fn count(&self, metric: Metric, value: u64) {
        self.app.metrics.count(metric, value, self.job.upstream);
    }
}
