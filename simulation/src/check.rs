//! What must be true when everything has ended: of the books, of the pictures, of the upstream's orders,
//! and of what callers were told.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use domain::{
    audit::{Books, Violation, audit},
    ids::{JobId, UserId},
    job::Status,
    schedule::SUBMITS_MAX,
};

use crate::{callers::Told, cloud::Cloud};

/// Everything that is wrong at the end.
pub(crate) fn check(
    cloud: &Cloud,
    told: &[(UserId, Told)],
    taken: &BTreeMap<JobId, u32>,
    is_fair: bool,
) -> Vec<Violation> {
    let now = cloud.time().now();
    let state = cloud.state();
    let mut found = Vec::new();
    for books in state.ledger.books() {
        found.extend(audit(books, now, Duration::ZERO));
        let mut check = Check { books, found: &mut found };
        check.ended();
        check.pictures(&state.pictures);
        check.orders(taken, is_fair);
        let told: Vec<&Told> =
            told.iter().filter(|(user, _)| *user == books.user).map(|(_, told)| told).collect();
        check.told(&told);
    }
    found
}

struct Check<'a> {
    books: &'a Books,
    found: &'a mut Vec<Violation>,
}

impl Check<'_> {
    fn expect(&mut self, invariant: &'static str, holds: bool, what: impl FnOnce() -> String) {
        if !holds {
            let user = self.books.user.clone();
            self.found.push(Violation { invariant, user, what: what() });
        }
    }

    fn ended(&mut self) {
        for job in &self.books.jobs {
            self.expect("INV-27", job.status.is_terminal(), || {
                format!("job {} is still {}", job.id, job.status.as_str())
            });
        }
    }

    fn pictures(&mut self, kept: &BTreeSet<String>) {
        for job in &self.books.jobs {
            for index in 0..job.images {
                let key = runtime::images::key(&job.id, index);
                self.expect("INV-23", kept.contains(&key), || format!("{key} is not kept"));
            }
        }
    }

    fn orders(&mut self, taken: &BTreeMap<JobId, u32>, is_fair: bool) {
        for job in &self.books.jobs {
            let times = taken.get(&job.id).copied().unwrap_or_default();
            let most = if is_fair { 1 } else { u32::from(SUBMITS_MAX) };
            self.expect("INV-26", times <= most, || {
                format!("the upstream took the order of {} {times} times", job.id)
            });
        }
    }

    fn told(&mut self, told: &[&Told]) {
        let mut by_key = BTreeMap::<&str, (JobId, u64)>::new();
        let mut acknowledged = BTreeSet::new();
        let mut last = BTreeMap::<JobId, Status>::new();
        let mut unknown = 0_usize;
        for told in told {
            let shown = match told {
                Told::Accepted { key, words, shown, is_replay } => {
                    acknowledged.insert(shown.id);
                    if let Some(key) = key {
                        let first = *by_key.entry(key).or_insert((shown.id, *words));
                        self.expect("INV-15", first == (shown.id, *words), || {
                            format!("{key} named {first:?}, then {} {words}", shown.id)
                        });
                    }
                    self.expect("INV-15", !is_replay || key.is_some(), || {
                        format!("{} is a replay of nothing", shown.id)
                    });
                    shown
                }
                Told::Seen(shown) => shown,
                Told::Missing(job) => {
                    self.expect("INV-28", false, || format!("job {job} was not there"));
                    continue;
                }
                Told::Refused { .. } => continue,
                Told::Unknown { .. } => {
                    unknown = unknown.saturating_add(1);
                    continue;
                }
            };
            let Some(job) = self.books.jobs.iter().find(|job| job.id == shown.id) else {
                self.expect("INV-18", false, || format!("job {} is gone", shown.id));
                continue;
            };
            let is_final = shown.status.is_terminal();
            self.expect("INV-17", shown.held == job.hold, || format!("{shown:?} is {job:?}"));
            let same = (shown.status, shown.charged, shown.images)
                == (job.status, job.charged, job.images);
            self.expect("INV-19", !is_final || same, || format!("{shown:?} became {job:?}"));
            let before = last.insert(shown.id, shown.status);
            // Answers to several callers may overtake one another, but not from an end.
            let back = before.is_some_and(|before| before.is_terminal() && before != shown.status);
            self.expect("INV-28", !back, || format!("{} went back from {before:?}", shown.id));
        }
        let jobs = self.books.jobs.len();
        let unacknowledged =
            self.books.jobs.iter().filter(|job| !acknowledged.contains(&job.id)).count();
        self.expect("INV-16", unacknowledged <= unknown, || {
            format!("of {jobs} jobs {unacknowledged} were not acknowledged, {unknown} heard nothing")
        });
    }
}
