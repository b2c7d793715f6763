//! Giving a charge back: once, beside what is in the books, and only what was charged.

use domain::{
    failure::Failure,
    hold::ResolutionKind,
    job::{Ending, Fence, Job, Refund, State, Status},
    ledger::{Balance, EntryKind},
};
use store::{Claimed, EventRow, Finished, Guard, ReverseError, Reversed};

use crate::{
    support::{
        HOLD, NOW, after, at_once, audit_clean, count, delivered, job, usd, user, violations,
    },
    world::{RETENTION, World, number, text},
};

const HALF: u64 = HOLD / 2;

impl World {
    /// The `n`th job, which has succeeded with one of two pictures.
    async fn succeeded(&self, n: u32) -> Job {
        let (job, run) = self.begun(n).await;
        assert_eq!(self.finish(&job, run.fence, &delivered(1)).await, Finished::Now);
        self.look(&job).await
    }

    async fn reverse(&self, job: &Job) -> Result<Reversed, ReverseError> {
        let charge = self.store.charge(&job.user, &job.id).await?;
        self.store.reverse(&charge, "a complaint", after(60), RETENTION).await
    }
}

#[tokio::test]
async fn a_charge_is_given_back_once_and_nothing_in_the_books_is_edited() {
    let world = World::with(500_000).await;
    let job = world.succeeded(1).await;
    let before = world.scan("ledger").await;
    let charge = world.store.charge(&user(), &job.id).await.unwrap();
    assert_eq!((charge.amount(), charge.given_back_at()), (usd(HALF), None));
    assert_eq!(world.scan("ledger").await, before, "to ask is to change nothing");

    assert_eq!(world.reverse(&job).await.unwrap(), Reversed::Now);
    let balance = world.balance().await;
    let expected = Balance { available: usd(500_000), charged: usd(0), ..balance };
    assert_eq!((balance, balance.held), (expected, usd(0)));
    // What was there is there as it was, but for the running total.
    let is_entry = |row: &&crate::world::Row| row["sk"].as_s().unwrap() != "balance";
    for row in before.iter().filter(is_entry) {
        assert!(world.scan("ledger").await.contains(row), "{row:?} was changed");
    }
    let record = world.store.record(&user(), &job.id).await.unwrap();
    let kinds: Vec<_> = record.entries.iter().map(|entry| &entry.kind).collect();
    let [
        EntryKind::Hold { .. },
        EntryKind::Resolution { figures, .. },
        EntryKind::Reversal { job: of, amount, reason },
    ] = kinds[..]
    else {
        panic!("{kinds:?}");
    };
    assert_eq!((figures.kind, figures.charged), (ResolutionKind::Usage, usd(HALF)));
    assert_eq!((*of, *amount, reason.as_str()), (job.id, usd(HALF), "a complaint"));
    let told = [(Status::Succeeded, NOW), (Status::Refunded, after(60))];
    assert_eq!(record.events, told.map(|(status, at)| EventRow { status, at }));

    let State::Succeeded { at, images, .. } = &job.state else { panic!("{job:?}") };
    let why = Refund::Reversed { at: after(60), images: images.clone() };
    assert_eq!(
        world.look(&job).await,
        Job { state: State::Refunded { at: *at, why }, ..job.clone() }
    );
    audit_clean(&world.store).await;

    let before = world.rows().await;
    assert_eq!(world.reverse(&job).await.unwrap(), Reversed::Before);
    let charge = world.store.charge(&user(), &job.id).await.unwrap();
    assert_eq!((charge.amount(), charge.given_back_at()), (usd(HALF), Some(after(60))));
    assert_eq!(world.rows().await, before);
}

#[tokio::test]
async fn of_eight_refunds_at_the_same_instant_one_moves_money() {
    let world = World::with(500_000).await;
    let job = world.succeeded(1).await;
    let charge = world.store.charge(&user(), &job.id).await.unwrap();
    let attempts = (0..8).map(|_| {
        let (store, charge) = (world.store.clone(), charge.clone());
        async move { store.reverse(&charge, "a complaint", NOW, RETENTION).await.unwrap() }
    });
    let answers = at_once(attempts).await;
    assert_eq!(count(&answers, &Reversed::Now), 1);
    assert_eq!(world.balance().await.available, usd(500_000));
    audit_clean(&world.store).await;
}

#[tokio::test]
async fn jobs_that_are_given_back_while_others_go_on_do_not_touch_their_money() {
    let world = World::with(4_000_000).await;
    let mut done = Vec::new();
    for n in 1..=4 {
        done.push(world.succeeded(n).await);
    }
    let back = done.into_iter().map(|job| {
        let store = world.store.clone();
        async move {
            let charge = store.charge(&job.user, &job.id).await.unwrap();
            store.reverse(&charge, "a complaint", NOW, RETENTION).await.unwrap()
        }
    });
    let orders = (10..14).map(|n| {
        let store = world.store.clone();
        async move { store.accept(&crate::support::bare(&job(n))).await.unwrap() }
    });
    let (back, orders) = tokio::join!(at_once(back), at_once(orders));
    assert_eq!((count(&back, &Reversed::Now), orders.len()), (4, 4));
    let balance = world.balance().await;
    assert_eq!((balance.charged, balance.held), (usd(0), usd(4 * HOLD)));
    audit_clean(&world.store).await;
}

#[tokio::test]
async fn nothing_is_given_back_that_was_not_charged() {
    let world = World::with(5_000_000).await;
    let pending = world.accepted(1).await;
    let (processing, _) = world.begun(2).await;
    let (failed, run) = world.begun(3).await;
    world.finish(&failed, run.fence, &Ending::Failed(Failure::ProviderFailed.into())).await;
    let canceled = world.accepted(4).await;
    world.try_finish(&canceled, Guard::Pending, &Ending::Canceled, NOW).await.unwrap();

    let before = world.rows().await;
    for (job, status) in [
        (&pending, Status::Pending),
        (&processing, Status::Processing),
        (&failed, Status::Failed),
        (&canceled, Status::Refunded),
    ] {
        let refused = world.reverse(job).await;
        let told = matches!(refused, Err(ReverseError::NotCharged(told)) if told == status);
        assert!(told, "{status:?}: {refused:?}");
    }
    let refused = world.reverse(&job(9)).await;
    assert!(matches!(refused, Err(ReverseError::NoJob)), "{refused:?}");
    // Another's job is no job.
    let stranger = Job { user: "other".parse().unwrap(), ..failed.clone() };
    assert!(matches!(world.reverse(&stranger).await, Err(ReverseError::NoJob)));
    assert_eq!(world.rows().await, before);
    audit_clean(&world.store).await;
}

#[tokio::test]
async fn a_refund_has_a_reason_of_a_line() {
    let world = World::with(4_000_000).await;
    let job = world.succeeded(1).await;
    let charge = world.store.charge(&user(), &job.id).await.unwrap();
    let before = world.rows().await;
    for bad in ["", "a\nb", "\u{7f}", &"x".repeat(201)] {
        let refused = world.store.reverse(&charge, bad, NOW, RETENTION).await;
        assert!(matches!(refused, Err(ReverseError::BadReason)), "{bad:?}: {refused:?}");
    }
    assert_eq!(world.rows().await, before);
    let longest = "\u{1f4b6}".repeat(200);
    let given = world.store.reverse(&charge, &longest, NOW, RETENTION).await.unwrap();
    assert_eq!(given, Reversed::Now);
}

#[tokio::test]
async fn a_job_whose_row_is_forgotten_is_not_refunded_and_its_money_stays() {
    let world = World::with(4_000_000).await;
    let job = world.succeeded(1).await;
    let charge = world.store.charge(&user(), &job.id).await.unwrap();
    world.delete("jobs", &user(), &format!("job#{}", job.id)).await;
    world.delete("jobs", &user(), &format!("event#{}#succeeded", job.id)).await;
    let before = world.rows().await;
    assert!(matches!(world.reverse(&job).await, Err(ReverseError::Forgotten)));
    // Also if it is forgotten between the look and the write.
    let refused = world.store.reverse(&charge, "late", NOW, RETENTION).await;
    assert!(matches!(refused, Err(ReverseError::Forgotten)), "{refused:?}");
    assert_eq!(world.rows().await, before);
    audit_clean(&world.store).await;
}

#[tokio::test]
async fn books_that_do_not_bear_a_refund_are_left_as_they_are() {
    let world = World::with(4_000_000).await;
    let job = world.succeeded(1).await;
    let event = format!("event#{}#refunded", job.id);
    for (sk, attribute, value) in [
        ("balance".to_owned(), "charged_micros", number(HALF - 1)),
        (format!("job#{}", job.id), "job_status", text("expired")),
    ] {
        let table = if sk == "balance" { "ledger" } else { "jobs" };
        let original = world.row(table, &user(), &sk).await.unwrap();
        world.tamper((table, &user(), &sk), attribute, Some(value)).await;
        let before = world.rows().await;
        let refused = world.reverse(&job).await;
        assert!(matches!(refused, Err(ReverseError::Unbalanced)), "{sk}: {refused:?}");
        assert_eq!(world.rows().await, before);
        world.put(table, &user(), &sk, original).await;
    }
    let told = world.row("jobs", &user(), &format!("event#{}#succeeded", job.id)).await.unwrap();
    world.put("jobs", &user(), &event, told).await;
    let refused = world.reverse(&job).await;
    assert!(matches!(refused, Err(ReverseError::Unbalanced)), "{refused:?}");
}

#[tokio::test]
async fn who_comes_late_to_a_job_that_was_given_back_changes_nothing() {
    let world = World::with(4_000_000).await;
    let job = world.succeeded(1).await;
    assert_eq!(world.reverse(&job).await.unwrap(), Reversed::Now);
    let before = world.rows().await;
    assert_eq!(world.finish(&job, Fence(1), &delivered(1)).await, Finished::Before);
    assert_eq!(world.finish(&job, Fence(1), &delivered(2)).await, Finished::Otherwise);
    let expired = world.try_finish(&job, Guard::Open, &Ending::Expired, after(9_999)).await;
    assert_eq!(expired.unwrap(), Finished::Otherwise);
    assert!(matches!(world.claim(&job, after(9_999)).await, Claimed::Ended));
    assert_eq!(world.rows().await, before);
}

#[tokio::test]
async fn what_is_changed_by_hand_of_a_refund_is_found() {
    let world = World::with(4_000_000).await;
    let job = world.succeeded(1).await;
    world.reverse(&job).await.unwrap();
    audit_clean(&world.store).await;
    let (row, reversal) = (format!("job#{}", job.id), format!("entry#{}#reversal", job.id));
    let event = format!("event#{}#refunded", job.id);
    for (table, sk, attribute, value, invariant) in [
        ("ledger", &reversal, "amount_micros", Some(number(1)), "INV-06"),
        ("ledger", &reversal, "amount_micros", None, "INV-04"),
        ("ledger", &reversal, "kind", Some(text("refund")), "INV-04"),
        (
            "ledger",
            &reversal,
            "job_id",
            Some(text(&crate::support::job(2).id.to_string())),
            "INV-04",
        ),
        ("ledger", &"balance".to_owned(), "charged_micros", Some(number(HALF)), "INV-01"),
        ("jobs", &row, "job_status", Some(text("succeeded")), "INV-21"),
        ("jobs", &row, "reversed_at_ms", None, "INV-23"),
        ("jobs", &row, "images", None, "INV-04"),
        ("jobs", &event, "job_status", Some(text("succeeded")), "INV-30"),
    ] {
        let original = world.row(table, &user(), sk).await.unwrap();
        world.tamper((table, &user(), sk), attribute, value).await;
        let found = violations(&world.store, &user()).await;
        let is_found = found.iter().any(|violation| violation.invariant == invariant);
        assert!(is_found, "{attribute} of {sk}: {invariant} is not among {found:#?}");
        let report = world.store.audit(NOW, std::time::Duration::ZERO, |_| {}).await.unwrap();
        assert_eq!(report.violations.len(), found.len(), "{attribute} of {sk}: {report:#?}");
        world.put(table, &user(), sk, original).await;
    }
    for (table, sk, invariant) in [
        ("ledger", &reversal, "INV-03"),
        ("jobs", &event, "INV-30"),
        ("ledger", &reversal, "INV-21"),
    ] {
        let original = world.row(table, &user(), sk).await.unwrap();
        world.delete(table, &user(), sk).await;
        let found = violations(&world.store, &user()).await;
        assert!(found.iter().any(|v| v.invariant == invariant), "without {sk}: {found:#?}");
        world.put(table, &user(), sk, original).await;
    }
    // A second one, beside the key that would have refused it.
    let again = world.row("ledger", &user(), &reversal).await.unwrap();
    world.put("ledger", &user(), &format!("{reversal}2"), again).await;
    let found = violations(&world.store, &user()).await;
    assert!(found.iter().any(|v| v.invariant == "INV-05"), "{found:#?}");
}
