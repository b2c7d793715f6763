//! Accepting a job: once per key, for who can pay, within what their tier allows.

use std::time::Duration;

use domain::{
    hold::Hold,
    job::Job,
    ledger::EntryKind,
    order::{Draft, Order},
};
use serde_json::json;
use store::{AcceptError, Acceptance, Accepted};

use crate::{
    support::{HOLD, NOW, after, audit_clean, bare, job, keyed, order, usd, user},
    world::World,
};

/// Another order than that of [`job`].
fn other_words(n: u32) -> Job {
    Job { order: order("a dog"), ..job(n) }
}

async fn refusal(world: &World, acceptance: &Acceptance<'_>) -> AcceptError {
    world.store.accept(acceptance).await.unwrap_err()
}

#[tokio::test]
async fn an_accepted_job_is_stored_and_its_price_held() {
    let world = World::with(500_000).await;
    let job = world.accepted(1).await;

    assert_eq!(world.look(&job).await, job);
    let balance = world.balance().await;
    assert_eq!((balance.available, balance.held), (usd(425_000), usd(HOLD)));
    assert_eq!((balance.open_jobs, balance.version), (1, 2));
    let entries = world.store.entries(&user(), 1, None).await.unwrap();
    assert_eq!(entries.rows[0].kind, EntryKind::Hold { job: job.id, amount: usd(HOLD) });
    let due = world.store.due(1, NOW, 10, None).await.unwrap();
    assert_eq!(due.rows.len(), 1);
    audit_clean(&world.store).await;
}

#[tokio::test]
async fn a_job_comes_back_with_everything_that_was_ordered() {
    let world = World::with(500_000).await;
    let order = Order::agree(Draft {
        model: "flux-kontext-pro".to_owned(),
        prompt: "a cat \u{1f408} \"quoted\"".to_owned(),
        n: Some(2),
        size: Some("1024x768".to_owned()),
        image_url: Some("https://example.com/cat.png?sig=x".to_owned()),
        extra: [("seed".to_owned(), json!(7)), ("sandbox".to_owned(), json!({"deliver": 1}))]
            .into_iter()
            .collect(),
        metadata: [("note", "mine"), ("empty", "")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into(),
        webhook_url: Some("https://example.com/hooks?key=hush".to_owned()),
        webhook_events: Some(vec!["job.failed".to_owned(), "job.expired".to_owned()]),
    });
    let job = Job { order: order.unwrap(), ..job(1) };
    assert!(job.order.ratio.is_some() && job.order.webhook.is_some());

    assert_eq!(world.store.accept(&keyed(&job, "k")).await.unwrap(), Accepted::Now);
    assert_eq!(world.look(&job).await, job);
    audit_clean(&world.store).await;
}

#[tokio::test]
async fn the_same_request_under_the_same_key_names_the_first_job() {
    let world = World::with(500_000).await;
    let (first, second) = (job(1), job(2));
    assert_eq!(world.store.accept(&keyed(&first, "k")).await.unwrap(), Accepted::Now);
    let before = world.rows().await;

    let again = world.store.accept(&keyed(&second, "k")).await.unwrap();
    assert_eq!(again, Accepted::Before(first.id));
    assert_eq!(world.rows().await, before);
    audit_clean(&world.store).await;
}

#[tokio::test]
async fn another_request_under_the_same_key_is_refused() {
    let world = World::with(500_000).await;
    world.store.accept(&keyed(&job(1), "k")).await.unwrap();
    let before = world.rows().await;

    let refused = refusal(&world, &keyed(&other_words(2), "k")).await;
    assert!(matches!(refused, AcceptError::KeyReused), "{refused:?}");
    assert_eq!(world.rows().await, before);
    audit_clean(&world.store).await;
}

#[tokio::test]
async fn a_key_may_name_another_job_from_the_moment_it_expires() {
    let world = World::with(500_000).await;
    let first = job(1);
    world.store.accept(&keyed(&first, "k")).await.unwrap();
    let expiry = NOW.plus(Duration::from_hours(1));

    let early = Job { created_at: expiry.minus(Duration::from_millis(1)), ..job(2) };
    let answer = world.store.accept(&keyed(&early, "k")).await.unwrap();
    assert_eq!(answer, Accepted::Before(first.id));

    // The old row still lies there: what counts is the time.
    let late = Job { created_at: expiry, ..other_words(3) };
    assert_eq!(world.store.accept(&keyed(&late, "k")).await.unwrap(), Accepted::Now);
    let replay = Job { created_at: expiry, ..other_words(4) };
    let answer = world.store.accept(&keyed(&replay, "k")).await.unwrap();
    assert_eq!(answer, Accepted::Before(late.id));
    assert_eq!(world.look(&first).await, first);
    audit_clean(&world.store).await;
}

/// DynamoDB forgets a row some time after it may, so whether a key still counts is told by its time.
#[tokio::test]
async fn a_key_that_has_expired_names_no_job() {
    let world = World::with(500_000).await;
    let first = job(1);
    let acceptance = keyed(&first, "k");
    world.store.accept(&acceptance).await.unwrap();
    let key = acceptance.key.as_ref().unwrap();
    let before = key.expires_at.minus(Duration::from_millis(1));
    for (now, named) in [(NOW, Some(first.id)), (before, Some(first.id)), (key.expires_at, None)] {
        assert_eq!(world.store.replayed(&user(), key, now).await.unwrap(), named);
    }
    let other = other_words(2);
    let other = keyed(&other, "k").key.unwrap();
    let reused = world.store.replayed(&user(), &other, before).await;
    assert!(matches!(reused, Err(AcceptError::KeyReused)), "{reused:?}");
    assert_eq!(world.store.replayed(&user(), &other, key.expires_at).await.unwrap(), None);
    audit_clean(&world.store).await;
}

#[tokio::test]
async fn a_drained_balance_does_not_hide_a_replay() {
    let world = World::with(HOLD).await;
    let first = job(1);
    world.store.accept(&keyed(&first, "k")).await.unwrap();
    assert_eq!(world.balance().await.available, usd(0));

    let again = world.store.accept(&keyed(&job(2), "k")).await.unwrap();
    assert_eq!(again, Accepted::Before(first.id));
    let refused = refusal(&world, &keyed(&other_words(3), "k")).await;
    assert!(matches!(refused, AcceptError::KeyReused), "{refused:?}");
    audit_clean(&world.store).await;
}

#[tokio::test]
async fn a_call_repeated_after_a_lost_answer_is_accepted_once() {
    let world = World::with(500_000).await;
    let (with_key, without) = (job(1), job(2));
    for _ in 0..2 {
        assert_eq!(world.store.accept(&keyed(&with_key, "k")).await.unwrap(), Accepted::Now);
        assert_eq!(world.store.accept(&bare(&without)).await.unwrap(), Accepted::Now);
    }
    assert_eq!(world.balance().await.held, usd(2 * HOLD));
    audit_clean(&world.store).await;
}

#[tokio::test]
async fn who_cannot_pay_is_told_what_there_is_and_leaves_nothing_behind() {
    let world = World::with(HOLD - 1).await;
    let before = world.rows().await;

    for acceptance in [keyed(&job(1), "k"), bare(&job(2))] {
        let refused = refusal(&world, &acceptance).await;
        let AcceptError::InsufficientBalance { available } = refused else {
            panic!("{refused:?}");
        };
        assert_eq!(available, usd(HOLD - 1));
    }
    assert_eq!(world.rows().await, before);

    // A refusal does not use up the key.
    world.credit(&user(), 1, 1).await;
    assert_eq!(world.store.accept(&keyed(&job(3), "k")).await.unwrap(), Accepted::Now);
    audit_clean(&world.store).await;
}

#[tokio::test]
async fn a_tier_bounds_the_unfinished_jobs() {
    let world = World::with(7 * HOLD).await;
    for n in 1..=6 {
        world.accepted(n).await;
    }
    let before = world.rows().await;
    let refused = refusal(&world, &keyed(&job(7), "k")).await;
    assert!(matches!(refused, AcceptError::QueueFull { cap: 6 }), "{refused:?}");
    assert_eq!(world.rows().await, before);

    // A job that ends makes room, and so does the next tier.
    let ended = world.look(&job(1)).await;
    let guard = store::Guard::Pending;
    world.try_finish(&ended, guard, &domain::job::Ending::Expired, NOW).await.unwrap();
    world.accepted(8).await;
    let refused = refusal(&world, &bare(&job(9))).await;
    assert!(matches!(refused, AcceptError::QueueFull { cap: 6 }), "{refused:?}");
    world.credit(&user(), 1, 5_000_000).await;
    world.accepted(9).await;
    audit_clean(&world.store).await;
}

#[tokio::test]
async fn a_full_queue_does_not_hide_an_empty_purse() {
    let world = World::with(6 * HOLD + 1).await;
    for n in 1..=6 {
        world.accepted(n).await;
    }
    let refused = refusal(&world, &bare(&job(7))).await;
    let AcceptError::InsufficientBalance { available } = refused else { panic!("{refused:?}") };
    assert_eq!(available, usd(1));
    audit_clean(&world.store).await;
}

#[tokio::test]
async fn nobody_has_no_jobs() {
    let world = World::empty().await;
    for acceptance in [keyed(&job(1), "k"), bare(&job(2))] {
        let refused = refusal(&world, &acceptance).await;
        assert!(matches!(refused, AcceptError::NoAccount), "{refused:?}");
    }
    assert_eq!(world.rows().await, []);
}

#[tokio::test]
async fn users_share_neither_keys_nor_jobs() {
    let world = World::with(500_000).await;
    let other = "other".parse().unwrap();
    world.store.open_account(&other).await.unwrap();
    world.credit(&other, 0, 500_000).await;
    let ours = job(1);
    let theirs = Job { user: other.clone(), created_at: after(1), ..job(2) };

    assert_eq!(world.store.accept(&keyed(&ours, "k")).await.unwrap(), Accepted::Now);
    assert_eq!(world.store.accept(&keyed(&theirs, "k")).await.unwrap(), Accepted::Now);
    assert_eq!(world.store.job(&other, &ours.id).await.unwrap(), None);
    assert_eq!(world.store.job(&user(), &theirs.id).await.unwrap(), None);
    audit_clean(&world.store).await;
}

#[tokio::test]
async fn a_replay_is_one_at_whatever_price_the_order_would_have_now() {
    let world = World::with(500_000).await;
    assert_eq!(world.store.accept(&keyed(&job(1), "k")).await.unwrap(), Accepted::Now);
    for price in [HOLD / 4, HOLD, 5_000_000] {
        let dear = Job { hold: Hold::new(usd(price), job(2).order.n).unwrap(), ..job(2) };
        let replay = world.store.accept(&keyed(&dear, "k")).await.unwrap();
        assert_eq!(replay, Accepted::Before(job(1).id), "{price}");
    }
    assert_eq!(world.balance().await.held, usd(HOLD));
    audit_clean(&world.store).await;
}
