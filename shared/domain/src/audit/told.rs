//! What callers were told, against what is stored: nothing told was wrong, and nothing is there that
//! nobody was told of. What is unknown is settled by what is found.

use std::collections::{BTreeMap, BTreeSet};

use super::{Findings, History, JobRows, KeyFacts, Request, Snapshot, Told};
use crate::{fingerprint::Fingerprint, ids::JobId, job::Status, money::MicroUsd};

/// Goes through what was told in order, then looks at what is there.
pub(super) fn check(
    snapshot: &Snapshot,
    jobs: &BTreeMap<JobId, JobRows>,
    history: &History,
    findings: &mut Findings,
) {
    let mut listener = Listener { jobs, findings, heard: Heard::default() };
    for told in &history.told {
        listener.hear(told);
    }
    listener.acknowledged();
    listener.sights();
    listener.keys(&snapshot.books.keys);
    listener.refusals(&snapshot.books.keys, history.told_all);
}

/// What is remembered of what was told.
#[derive(Default)]
struct Heard<'a> {
    /// The jobs that an order was told to be, and whether that was told as news.
    acknowledged: BTreeMap<JobId, bool>,
    /// What the first answer under each key named.
    keys: BTreeMap<&'a str, (JobId, Option<&'a Fingerprint>)>,
    /// Orders that were refused for sure, under a key.
    refused: Vec<(&'a str, &'a Fingerprint)>,
    /// Orders whose outcome is unknown, under a key.
    unknown: Vec<(&'a str, Option<&'a Fingerprint>)>,
    /// How many more of them there are, without a key.
    unknown_without_key: usize,
    /// Where each job stood when it was last seen.
    seen: BTreeMap<JobId, Status>,
}

struct Listener<'a, 'f> {
    jobs: &'a BTreeMap<JobId, JobRows>,
    findings: &'f mut Findings,
    heard: Heard<'a>,
}

impl<'a> Listener<'a, '_> {
    fn hear(&mut self, told: &'a Told) {
        match told {
            Told::Accepted { request, job, replay } => self.accepted(request, *job, *replay),
            Told::Refused { request, definite: true } => {
                if let (Some(key), Some(fingerprint)) = (&request.key, &request.fingerprint) {
                    self.heard.refused.push((key, fingerprint));
                }
            }
            Told::Refused { request, definite: false } | Told::Unknown { request } => {
                if let Some(key) = &request.key {
                    self.heard.unknown.push((key, request.fingerprint.as_ref()));
                } else {
                    let unknown = &mut self.heard.unknown_without_key;
                    *unknown = unknown.saturating_add(1);
                }
            }
            Told::Seen { job, status, charged, images } => {
                self.seen(*job, *status);
                self.amounts(*job, *status, *charged, *images);
            }
            Told::Missing { job } => self.missing(*job),
        }
    }

    fn accepted(&mut self, request: &'a Request, job: JobId, replay: bool) {
        let as_news = self.heard.acknowledged.entry(job).or_default();
        let twice = *as_news && !replay;
        *as_news |= !replay;
        self.findings.expect("INV-15", !twice, || format!("job {job} was told as new twice"));
        let Some(key) = &request.key else {
            let fresh = !replay;
            self.findings.expect("INV-15", fresh, || format!("job {job} replays without a key"));
            return;
        };
        let fingerprint = request.fingerprint.as_ref();
        let (first, asked) = *self.heard.keys.entry(key).or_insert((job, fingerprint));
        self.findings.expect("INV-15", first == job, || {
            format!("one key was told to name job {first} and job {job}")
        });
        let both = first != job && self.is_there(first) && self.is_there(job);
        self.findings
            .expect("INV-14", !both, || format!("one key has made job {first} and job {job}"));
        let same = asked.is_none() || fingerprint.is_none() || asked == fingerprint;
        self.findings
            .expect("INV-15", same, || format!("two different orders were told to be job {job}"));
    }

    fn is_there(&self, job: JobId) -> bool {
        self.jobs.get(&job).is_some_and(|rows| !rows.entries.is_empty())
    }

    /// Nobody sees a job go back.
    fn seen(&mut self, job: JobId, status: Status) {
        let before = self.heard.seen.insert(job, status);
        let on = before.is_none_or(|before| before.leads_to(status));
        self.findings
            .expect("INV-28", on, || format!("job {job} was seen {before:?}, then {status:?}"));
    }

    /// What a job was said to cost and to have is what the books say.
    fn amounts(&mut self, job: JobId, status: Status, charged: Option<MicroUsd>, images: usize) {
        let rows = self.jobs.get(&job);
        let resolution = rows.and_then(|rows| rows.resolutions().first().copied());
        let stored = match status {
            Status::Pending | Status::Processing => None,
            // It may have been given back since it was told to have succeeded.
            Status::Succeeded => resolution.map(|figures| figures.charged),
            Status::Failed | Status::Expired | Status::Refunded => rows.and_then(JobRows::paid),
        };
        let ended = !status.is_terminal() || resolution.is_some();
        self.findings.expect("INV-17", ended && charged == stored, || {
            format!(
                "job {job} was told to be {status:?} for {charged:?}, the ledger says {stored:?}"
            )
        });
        let facts = rows.and_then(|rows| rows.job.as_ref());
        let pictures = match (status, facts) {
            (Status::Succeeded, Some(facts)) => facts.pictures.len(),
            // Its row is forgotten, or it is not there, which is another matter.
            (Status::Succeeded, None) => images,
            (
                Status::Pending
                | Status::Processing
                | Status::Failed
                | Status::Expired
                | Status::Refunded,
                _,
            ) => 0,
        };
        self.findings.expect("INV-23", images == pictures, || {
            format!("job {job} was shown with {images} pictures, there are {pictures}")
        });
    }

    /// What was told or seen is not told to be missing, until it is forgotten.
    fn missing(&mut self, job: JobId) {
        let heard = &self.heard;
        let known = heard.acknowledged.contains_key(&job) || heard.seen.contains_key(&job);
        let forgotten = self.is_forgotten(job);
        self.findings.expect("INV-28", !known || forgotten, || {
            format!("job {job} was told to be there, then not to be")
        });
    }

    /// Whether its entries say that a job has been and ended, and its row is gone.
    fn is_forgotten(&self, job: JobId) -> bool {
        self.jobs.get(&job).is_some_and(|rows| {
            rows.job.is_none() && !rows.holds().is_empty() && !rows.resolutions().is_empty()
        })
    }

    fn is_known(&self, job: JobId) -> bool {
        let there = self.jobs.get(&job).is_some_and(|rows| rows.job.is_some());
        there || self.is_forgotten(job)
    }

    /// Whatever was acknowledged is there.
    fn acknowledged(&mut self) {
        for job in self.heard.acknowledged.keys() {
            let known = self.is_known(*job);
            self.findings
                .expect("INV-18", known, || format!("job {job} was acknowledged and is not there"));
        }
    }

    /// Whatever was seen is there, and has not gone back.
    fn sights(&mut self) {
        for (job, seen) in &self.heard.seen {
            let known = self.is_known(*job);
            self.findings.expect("INV-28", known, || {
                format!("job {job} was seen {} and is not there", seen.as_str())
            });
            let facts = self.jobs.get(job).and_then(|rows| rows.job.as_ref());
            let on = facts.is_none_or(|facts| seen.leads_to(facts.status));
            self.findings.expect("INV-28", on, || {
                format!("job {job} was seen {seen:?} and is {:?}", facts.map(|facts| facts.status))
            });
        }
    }

    /// A key that was answered names that job, and what was asked for.
    fn keys(&mut self, stored: &[KeyFacts]) {
        let stored: BTreeMap<&str, &KeyFacts> =
            stored.iter().map(|key| (key.digest.as_str(), key)).collect();
        for (digest, (job, fingerprint)) in &self.heard.keys {
            let key = stored.get(digest);
            self.findings.expect("INV-14", key.is_some_and(|key| key.job == *job), || {
                format!("a key was told to name job {job}, and names {:?}", key.map(|key| key.job))
            });
            let asked = key.map(|key| &key.fingerprint);
            let same = asked.is_none() || fingerprint.is_none() || asked == *fingerprint;
            self.findings.expect("INV-15", same, || {
                format!("job {job} was asked for in other words than its key says")
            });
        }
    }

    /// Each job was told of, or its order is unknown. What was refused for sure has left nothing.
    fn refusals(&mut self, stored: &[KeyFacts], told_all: bool) {
        let mut named = BTreeSet::new();
        for key in stored {
            named.insert(key.job);
            let (digest, asked) = (key.digest.as_str(), &key.fingerprint);
            let is_this = |fingerprint: &Fingerprint| fingerprint == asked;
            let unknown = self.heard.unknown.iter().any(|(unknown, fingerprint)| {
                *unknown == digest && fingerprint.is_none_or(is_this)
            });
            if unknown || self.heard.keys.contains_key(digest) {
                continue;
            }
            let refused = self.heard.refused.contains(&(digest, asked));
            self.findings.expect("INV-16", !refused && !told_all, || {
                let whose = if refused { "was refused" } else { "nobody asked for" };
                format!("a key names job {}, which {whose}", key.job)
            });
        }
        if !told_all {
            return;
        }
        let told = |id: &&JobId| self.heard.acknowledged.contains_key(*id);
        let left = self.jobs.keys().filter(|id| !named.contains(*id) && !told(id)).count();
        let unknown = self.heard.unknown_without_key;
        self.findings.expect("INV-16", left <= unknown, || {
            format!(
                "{left} jobs were never acknowledged, {unknown} orders without a key are unknown"
            )
        });
    }
}
