//! The users and jobs that the scenarios are about, and the audit after each of them.

use std::time::Duration;

use domain::{
    audit::{History, Snapshot, Violation, audit},
    fingerprint::Fingerprint,
    hold::Hold,
    idempotency::IdempotencyKey,
    ids::{Entropy, JobId, UserId},
    job::{Delivered, Ending, Image, Job, State},
    money::MicroUsd,
    order::{Draft, Order},
    pocket::Pocket,
    time::Timestamp,
    upstream::Upstream,
};
use store::{Acceptance, KeyClaim, Store};
use tokio::task::JoinSet;

/// When all of it happens.
pub(crate) const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);
/// What a job of [`job`] holds: two pictures at half of it.
pub(crate) const HOLD: u64 = 75_000;

/// So many seconds after [`NOW`].
pub(crate) fn after(seconds: u64) -> Timestamp {
    NOW.plus(Duration::from_secs(seconds))
}

pub(crate) fn usd(micros: u64) -> MicroUsd {
    MicroUsd::try_from(micros).unwrap()
}

pub(crate) fn user() -> UserId {
    "demo".parse().unwrap()
}

/// Not random at all, but another for each number.
pub(crate) fn entropy(n: u32) -> Entropy {
    let mut bytes = Entropy::default();
    bytes.iter_mut().rev().zip(n.to_le_bytes()).for_each(|(byte, from)| *byte = from);
    bytes
}

pub(crate) fn order(prompt: &str) -> Order {
    let draft = Draft {
        model: "recraft-v3".to_owned(),
        prompt: prompt.to_owned(),
        n: Some(2),
        ..Draft::default()
    };
    Order::agree(draft).unwrap()
}

/// The `n`th job of the user, asked for at [`NOW`], with the turn that it gets of an account at rest. Later ones sort later; its shard is `n % 16`.
pub(crate) fn job(n: u32) -> Job {
    let order = order("a cat");
    let hold = Hold::new(usd(HOLD / 2), order.n).unwrap();
    Job {
        id: JobId::new(NOW.plus(Duration::from_millis(n.into())), &entropy(n)),
        user: user(),
        order,
        upstream: Upstream::Sandbox,
        hold,
        turn: Some(Pocket::FIRST),
        created_at: NOW,
        deadline: after(900),
        expires_at: after(1_800),
        state: State::Pending,
    }
}

/// The request for a job, without an idempotency key.
pub(crate) fn bare(job: &Job) -> Acceptance<'_> {
    Acceptance { job, key: None }
}

/// The request for a job, under a key that lives for an hour.
pub(crate) fn keyed<'a>(job: &'a Job, key: &str) -> Acceptance<'a> {
    let key = IdempotencyKey::try_from(key.to_owned()).unwrap();
    let claim = KeyClaim {
        digest: key.digest(),
        fingerprint: Fingerprint::of(&job.order).unwrap(),
        expires_at: job.created_at.plus(Duration::from_hours(1)),
    };
    Acceptance { job, key: Some(claim) }
}

/// A success with so many pictures.
pub(crate) fn delivered(pictures: usize) -> Ending {
    let picture = |place| Image {
        key: format!("pictures/{place}.png"),
        width: 1_024,
        height: 768,
        content_type: "image/png".to_owned(),
        seed: Some(7),
    };
    Ending::Succeeded(Delivered::new((0..pictures).map(picture).collect()).unwrap())
}

/// Does all of them at once and waits for them.
pub(crate) async fn at_once<F>(attempts: impl IntoIterator<Item = F>) -> Vec<F::Output>
where
    F: Future<Output: Send> + Send + 'static,
{
    attempts.into_iter().collect::<JoinSet<_>>().join_all().await
}

/// How many of the results are this one.
pub(crate) fn count<T: PartialEq>(results: &[T], wanted: &T) -> usize {
    results.iter().filter(|result| *result == wanted).count()
}

/// Fails unless there are books, and those of all users are in order.
pub(crate) async fn audit_clean(store: &Store) {
    let report = store.audit(NOW, Duration::ZERO, |_| {}).await.unwrap();
    assert!(report.is_clean(), "{report:#?}");
}

/// What is wrong with the books of a user.
pub(crate) async fn violations(store: &Store, user: &UserId) -> Vec<Violation> {
    let (books, _) = store.books(user).await.unwrap();
    audit(&Snapshot { books, now: NOW, slack: Duration::ZERO }, &History::default())
}
