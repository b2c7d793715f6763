//! Many acceptances at the same instant.

use domain::{hold::Hold, job::Job, order::Count};
use store::{AcceptError, Accepted};

use crate::{
    support::{HOLD, at_once, audit_clean, bare, count, job, keyed, order, usd},
    world::World,
};

#[tokio::test]
async fn a_hundred_requests_under_one_key_make_one_job() {
    let world = World::with(500_000).await;
    let attempts = (1..=100).map(|n| {
        let store = world.store.clone();
        async move { (n, store.accept(&keyed(&job(n), "k")).await.unwrap()) }
    });
    let answers = at_once(attempts).await;

    let (winners, replays): (Vec<_>, Vec<_>) =
        answers.into_iter().partition(|(_, answer)| *answer == Accepted::Now);
    assert_eq!((winners.len(), replays.len()), (1, 99));
    let first = Accepted::Before(job(winners[0].0).id);
    assert!(replays.iter().all(|(_, answer)| *answer == first), "{replays:?}");
    let balance = world.balance().await;
    assert_eq!((balance.held, balance.open_jobs), (usd(HOLD), 1));
    audit_clean(&world.store).await;
}

#[tokio::test]
async fn two_requests_under_one_key_in_other_words_make_one_job() {
    let world = World::with(500_000).await;
    let attempts = (1..=10_u32).map(|n| {
        let store = world.store.clone();
        let words = if n.is_multiple_of(2) { "a cat" } else { "a dog" };
        let job = Job { order: order(words), ..job(n) };
        async move { store.accept(&keyed(&job, "k")).await }
    });
    let answers = at_once(attempts).await;

    let accepted = answers.iter().filter(|answer| matches!(answer, Ok(Accepted::Now))).count();
    let replayed =
        answers.iter().filter(|answer| matches!(answer, Ok(Accepted::Before(_)))).count();
    let refused =
        answers.iter().filter(|answer| matches!(answer, Err(AcceptError::KeyReused))).count();
    assert_eq!((accepted, replayed, refused), (1, 4, 5));
    audit_clean(&world.store).await;
}

#[tokio::test]
async fn no_more_is_held_than_there_is() {
    // Enough ever credited for a queue of thirty, so that only the money decides.
    let world = World::with(5_500_000).await;
    let large = Job { hold: Hold::new(usd(5_000_000), Count::ONE).unwrap(), ..job(0) };
    let large = Job { order: domain::order::Order { n: Count::ONE, ..large.order }, ..large };
    assert_eq!(world.store.accept(&bare(&large)).await.unwrap(), Accepted::Now);
    assert_eq!(world.balance().await.available, usd(500_000));

    let attempts = (1..=20).map(|n| {
        let store = world.store.clone();
        async move { store.accept(&keyed(&job(n), &format!("k{n}"))).await }
    });
    let answers = at_once(attempts).await;
    let words: Vec<&str> = answers
        .iter()
        .map(|answer| match answer {
            Ok(Accepted::Now) => "accepted",
            Err(AcceptError::InsufficientBalance { .. }) => "insufficient",
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!((count(&words, &"accepted"), count(&words, &"insufficient")), (6, 14));
    assert_eq!(world.balance().await.available, usd(50_000));
    audit_clean(&world.store).await;
}

#[tokio::test]
async fn no_more_jobs_are_open_than_the_tier_allows() {
    let world = World::with(4_000_000).await;
    let attempts = (1..=12).map(|n| {
        let store = world.store.clone();
        async move { store.accept(&bare(&job(n))).await }
    });
    let answers = at_once(attempts).await;
    let accepted = answers.iter().filter(|answer| matches!(answer, Ok(Accepted::Now))).count();
    let full = |answer: &&Result<_, _>| matches!(answer, Err(AcceptError::QueueFull { cap: 6 }));
    assert_eq!((accepted, answers.iter().filter(full).count()), (6, 6));
    audit_clean(&world.store).await;
}
