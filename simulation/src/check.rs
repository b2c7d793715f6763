//! What must be true when everything has ended: of the books, of the pictures, of the upstream's orders,
//! and of what callers were told.

use std::{collections::BTreeMap, time::Duration};

use domain::{
    audit::{Books, History, Snapshot, Told, Violation, audit},
    ids::{JobId, UserId},
    schedule::SUBMITS_MAX,
};

use crate::cloud::Cloud;

/// Everything that is wrong at the end, with these orders taken by the upstream.
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
        let orders = taken.iter().filter(|(id, _)| books.jobs.iter().any(|job| job.id == **id));
        let told = told.iter().filter(|(user, _)| *user == books.user);
        let history = History {
            earlier: None,
            told: told.map(|(_, told)| told.clone()).collect(),
            told_all: true,
            orders: orders.map(|(id, times)| (*id, *times)).collect(),
            orders_max: if is_fair { 1 } else { SUBMITS_MAX.into() },
            pictures: Some(state.pictures.clone()),
            events: Vec::new(),
        };
        let snapshot = Snapshot { books: books.clone(), now, slack: Duration::ZERO };
        found.extend(audit(&snapshot, &history));
        found.extend(unfinished(books));
    }
    found
}

/// When nothing goes wrong any more, every job ends.
fn unfinished(books: &Books) -> impl Iterator<Item = Violation> {
    let open = books.jobs.iter().filter(|job| !job.status.is_terminal());
    open.map(|job| Violation {
        invariant: "INV-27",
        user: books.user.clone(),
        what: format!("job {} is still {}", job.id, job.status.as_str()),
    })
}
