//! Money that comes in: once for each reference, and with it the tier.

use domain::{
    ids::CreditId,
    ledger::{Balance, EntryKind},
    money::MicroUsd,
};
use store::{CreditError, Credited};

use crate::{
    support::{NOW, at_once, audit_clean, count, entropy, usd, user},
    world::World,
};

async fn try_credit(
    world: &World,
    n: u32,
    amount: MicroUsd,
    reference: &str,
) -> Result<Credited, CreditError> {
    let id = CreditId::new(NOW, &entropy(n));
    world.store.credit(&user(), (id, amount), reference, NOW).await
}

#[tokio::test]
async fn an_account_is_opened_once_and_empty() {
    let world = World::empty().await;
    assert_eq!(world.store.balance(&user()).await.unwrap(), None);
    assert!(world.store.open_account(&user()).await.unwrap());
    assert_eq!(
        world.balance().await,
        Balance {
            free_slots: 6,
            queue_cap: 6,
            free_turns: 2,
            running_cap: 2,
            ..Balance::default()
        }
    );

    world.credit(&user(), 0, 7).await;
    assert!(!world.store.open_account(&user()).await.unwrap());
    assert_eq!(world.balance().await.available, usd(7));
    audit_clean(&world.store).await;
}

#[tokio::test]
async fn a_reference_is_credited_once() {
    let world = World::with(0).await;
    assert_eq!(try_credit(&world, 1, usd(10), "invoice 1").await.unwrap(), Credited::Now);
    let before = world.rows().await;
    for n in [1, 2] {
        let again = try_credit(&world, n, usd(10), "invoice 1").await.unwrap();
        assert_eq!(again, Credited::Before);
        let other = try_credit(&world, n, usd(11), "invoice 1").await;
        assert!(matches!(other, Err(CreditError::OtherAmount)), "{other:?}");
    }
    assert_eq!(world.rows().await, before);

    assert_eq!(try_credit(&world, 3, usd(10), "invoice#2").await.unwrap(), Credited::Now);
    let balance = world.balance().await;
    assert_eq!((balance.available, balance.credited), (usd(20), usd(20)));
    let newest = world.store.entries(&user(), 1, None).await.unwrap().rows;
    let id = CreditId::new(NOW, &entropy(3)).to_string();
    let kind = EntryKind::Credit { id, amount: usd(10), reference: "invoice#2".to_owned() };
    assert_eq!(newest[0].kind, kind);
    audit_clean(&world.store).await;
}

#[tokio::test]
async fn the_tier_follows_what_was_ever_credited() {
    let world = World::with(4_999_999).await;
    assert_eq!(world.balance().await.queue_cap, 6);
    for (n, micros, cap) in
        [(1, 1, 30), (2, 44_999_999, 30), (3, 1, 60), (4, 200_000_000, 84), (5, 750_000_000, 114)]
    {
        world.credit(&user(), n, micros).await;
        assert_eq!(world.balance().await.queue_cap, cap, "after credit {n}");
    }
    audit_clean(&world.store).await;
}

#[tokio::test]
async fn what_is_not_a_reference_is_refused() {
    let world = World::with(0).await;
    let before = world.rows().await;
    for bad in ["", "a\nb", "\u{7f}", &"x".repeat(129)] {
        let refused = try_credit(&world, 1, usd(10), bad).await;
        assert!(matches!(refused, Err(CreditError::BadReference)), "{bad:?}: {refused:?}");
    }
    assert_eq!(world.rows().await, before);
    let longest = "\u{1f4b6}".repeat(128);
    assert_eq!(try_credit(&world, 1, usd(10), &longest).await.unwrap(), Credited::Now);
    audit_clean(&world.store).await;
}

#[tokio::test]
async fn nobody_is_credited_and_nobody_has_more_than_the_bound() {
    let world = World::empty().await;
    let refused = try_credit(&world, 1, usd(10), "r").await;
    assert!(matches!(refused, Err(CreditError::NoAccount)), "{refused:?}");
    assert_eq!(world.rows().await, []);

    world.store.open_account(&user()).await.unwrap();
    assert_eq!(try_credit(&world, 1, MicroUsd::MAX, "r").await.unwrap(), Credited::Now);
    let refused = try_credit(&world, 2, usd(1), "s").await;
    assert!(matches!(refused, Err(CreditError::TooMuch)), "{refused:?}");
    audit_clean(&world.store).await;
}

#[tokio::test]
async fn credits_at_the_same_instant_all_count() {
    let world = World::with(0).await;
    let attempts = (1..=16).map(|n| {
        let (store, id) = (world.store.clone(), CreditId::new(NOW, &entropy(n)));
        async move {
            let reference = format!("invoice {n}");
            store.credit(&user(), (id, usd(500_000)), &reference, NOW).await.unwrap()
        }
    });
    let answers = at_once(attempts).await;
    assert_eq!(count(&answers, &Credited::Now), 16);
    let balance = world.balance().await;
    assert_eq!((balance.available, balance.credited), (usd(8_000_000), usd(8_000_000)));
    assert_eq!(balance.queue_cap, 30);
    audit_clean(&world.store).await;
}

#[tokio::test]
async fn one_reference_at_the_same_instant_counts_once() {
    let world = World::with(0).await;
    let attempts = (1..=8).map(|n| {
        let (store, id) = (world.store.clone(), CreditId::new(NOW, &entropy(n)));
        async move { store.credit(&user(), (id, usd(10)), "invoice", NOW).await.unwrap() }
    });
    let answers = at_once(attempts).await;
    assert_eq!(count(&answers, &Credited::Now), 1);
    assert_eq!(world.balance().await.credited, usd(10));
    audit_clean(&world.store).await;
}

#[tokio::test]
async fn credits_and_jobs_at_the_same_instant_all_count() {
    let world = World::with(500_000).await;
    let jobs = (1..=6).map(|n| {
        let store = world.store.clone();
        async move {
            let job = crate::support::job(n);
            store.accept(&crate::support::bare(&job)).await.unwrap();
        }
    });
    let (store, other) = (world.store.clone(), world.store.clone());
    let credits = (1..=6).map(move |n| {
        let (store, id) = (store.clone(), CreditId::new(NOW, &entropy(n)));
        async move {
            let reference = format!("invoice {n}");
            store.credit(&user(), (id, usd(10)), &reference, NOW).await.unwrap();
        }
    });
    tokio::join!(at_once(jobs), at_once(credits));
    let balance = other.balance(&user()).await.unwrap().unwrap();
    assert_eq!((balance.available, balance.held), (usd(50_060), usd(450_000)));
    audit_clean(&world.store).await;
}
