//! What is written where orders meet, and what is read while money is on its way.

use domain::{ids::JobId, money::MicroUsd};
use serde_json::{Value, json};

use super::*;
use crate::{
    AcceptError, Acceptance, Accepted,
    script::{Answer, Asked, Script, canceled, done, job, reason},
};

fn number(value: u64) -> Value {
    json!({ "N": value.to_string() })
}

/// The row of a pocket. The first was credited with what is given.
fn pocket(sk: &str, available: u64, free_slots: u64, (credited, cap): (u64, u64)) -> Value {
    json!({
        "pk": { "S": "demo" }, "sk": { "S": sk }, "v": number(1),
        "available_micros": number(available), "held_micros": number(0),
        "charged_micros": number(0), "credited_micros": number(credited), "open_jobs": number(0),
        "free_slots": number(free_slots), "queue_cap": number(cap), "free_turns": number(9),
        "waiting_jobs": number(0), "running_cap": number(0), "balance_version": number(0),
    })
}

fn read<const N: usize>(rows: [Value; N]) -> Answer {
    (200, json!({ "Items": Value::from_iter(rows) }))
}

/// The sort keys of what a transaction writes to the ledger's balance, and how.
fn written(asked: &Asked) -> Vec<(String, String)> {
    let items = asked.body["TransactItems"].as_array().unwrap().iter();
    let write = |item: &Value| {
        let (kind, write) = item.as_object().unwrap().iter().next().unwrap();
        let key = if kind == "Put" { &write["Item"] } else { &write["Key"] };
        (kind.clone(), key["sk"]["S"].as_str().unwrap().to_owned())
    };
    items.map(write).filter(|(_, sk)| sk.starts_with("balance")).collect()
}

fn of(kind: &str, sk: &str) -> (String, String) {
    (kind.to_owned(), sk.to_owned())
}

/// Whether an order that is accepted takes a turn, rather than wait for one.
fn takes_a_turn(asked: &Asked) -> bool {
    let items = asked.body["TransactItems"].as_array().unwrap();
    let values = &items[2]["Update"]["ExpressionAttributeValues"];
    let (turns, waits) = (&values[":turns"], &values[":waits"]);
    assert_ne!(turns, waits);
    *turns == number(1)
}

/// A pocket in which others were met.
fn met_others() -> Answer {
    canceled(["None", "None", "TransactionConflict"].map(reason))
}

#[tokio::test(start_paused = true)]
async fn where_orders_meet_a_rich_pocket_is_halved_and_the_new_one_is_asked() {
    let job = job(1);
    let script = Script::of([
        met_others(),
        read([pocket("balance", 5_000_000, 30, (5_000_000, 30))]),
        done(),
        done(),
    ]);
    let accepted = script.store().accept(&Acceptance { job: &job, key: None }).await;
    assert_eq!(accepted.unwrap(), Accepted::Now);
    let asked = script.asked();
    assert_eq!(asked.len(), 4);
    let [first, then, last] = [&asked[0], &asked[2], &asked[3]].map(written);
    assert_eq!(first, [of("Update", "balance")]);
    assert_eq!(then, [of("Update", "balance"), of("Put", "balance#1")]);
    assert_eq!(last, [of("Update", "balance#1")]);
    let moved = &asked[2].body["TransactItems"];
    let (given, taken) = (&moved[0]["Update"], &moved[1]["Put"]);
    assert_eq!(given["ExpressionAttributeValues"][":amount"], number(2_500_000));
    assert_eq!(given["ExpressionAttributeValues"][":slots"], number(15));
    assert_eq!(given["ConditionExpression"], Condition::MoveFrom.text());
    assert_eq!(taken["Item"]["available_micros"], number(2_500_000));
    assert_eq!(taken["Item"]["free_slots"], number(15));
    assert_eq!(given["ExpressionAttributeValues"][":turns"], number(4));
    assert_eq!(taken["Item"]["free_turns"], number(4));
    assert_eq!(taken["Item"]["running_cap"], number(0));
    assert_eq!(taken["Item"]["credited_micros"], number(0));
    assert_eq!(taken["Item"]["queue_cap"], number(0));
    assert_eq!(taken["ConditionExpression"], Condition::MoveToNew.text());
    assert!(takes_a_turn(&asked[3]), "what was moved has turns with it");
    // The job's row and its hold name the pocket.
    let items = asked[3].body["TransactItems"].as_array().unwrap();
    for row in [&items[0]["Put"]["Item"], &items[1]["Put"]["Item"]] {
        assert_eq!(row["pocket"], number(1), "{row:#}");
    }
    let items = asked[0].body["TransactItems"].as_array().unwrap();
    assert!(items[0]["Put"]["Item"].get("pocket").is_none(), "the first need not be named");
}

fn without_turns(mut row: Value) -> Value {
    row["free_turns"] = number(0);
    row
}

#[tokio::test(start_paused = true)]
async fn whoever_lacks_nothing_but_a_turn_waits_for_one_without_a_look_at_the_pockets() {
    let job = job(1);
    let refusing = |free_slots| {
        let row = without_turns(pocket("balance", 100, free_slots, (100, 6)));
        canceled([reason("None"), reason("None"), crate::script::refused(&row)])
    };
    for slots in [1, 2] {
        let script = Script::of([refusing(slots), done()]);
        let accepted = script.store().accept(&Acceptance { job: &job, key: None }).await;
        assert_eq!(accepted.unwrap(), Accepted::Now);
        let turns: Vec<bool> = script.asked().iter().map(takes_a_turn).collect();
        assert_eq!(turns, [true, false], "{slots}");
    }
    // Where there is no slot it is another matter.
    let script = Script::of([refusing(0), read([pocket("balance", 100, 0, (100, 6))])]);
    let refused = script.store().accept(&Acceptance { job: &job, key: None }).await;
    assert!(matches!(refused, Err(AcceptError::QueueFull { .. })), "{refused:?}");
    assert!(script.asked()[1].is_of_pockets());
}

#[tokio::test(start_paused = true)]
async fn whoever_goes_elsewhere_takes_a_turn_where_the_pockets_show_one() {
    let job = job(1);
    let second = pocket("balance#1", 5_000, 3, (0, 0));
    for (second, is_offered) in [(second.clone(), true), (without_turns(second), false)] {
        let first = pocket("balance", 100, 3, (5_100, 6));
        let script = Script::of([met_others(), read([first, second]), done()]);
        let accepted = script.store().accept(&Acceptance { job: &job, key: None }).await;
        assert_eq!(accepted.unwrap(), Accepted::Now);
        let last = &script.asked()[2];
        assert_eq!(written(last), [of("Update", "balance#1")]);
        assert_eq!(takes_a_turn(last), is_offered);
    }
}

#[tokio::test(start_paused = true)]
async fn whoever_meets_others_goes_elsewhere_at_once_and_rests_before_anything_else() {
    let job = job(1);
    let both = || read([pocket("balance", 100, 1, (200, 2)), pocket("balance#1", 100, 1, (0, 0))]);
    let alone = || read([pocket("balance", 100, 1, (100, 1))]);
    for (answers, rests) in [
        (vec![met_others(), both(), done()], false),
        // There is nowhere else.
        (vec![met_others(), alone(), done()], true),
        // It is not the first time.
        (vec![met_others(), both(), met_others(), both(), done()], true),
    ] {
        let script = Script::new(move |asked| answers[asked.place].clone());
        let begun = tokio::time::Instant::now();
        let accepted = script.store().accept(&Acceptance { job: &job, key: None }).await;
        assert_eq!(accepted.unwrap(), Accepted::Now);
        assert_eq!(!begun.elapsed().is_zero(), rests);
    }
}

#[tokio::test(start_paused = true)]
async fn a_move_that_does_not_succeed_is_no_harm() {
    let job = job(1);
    for failed in [
        canceled([reason("ConditionalCheckFailed"), reason("None")]),
        canceled([reason("TransactionConflict"), reason("None")]),
    ] {
        let script = Script::of([
            met_others(),
            read([pocket("balance", 5_000_000, 30, (5_000_000, 30))]),
            failed,
            done(),
        ]);
        let accepted = script.store().accept(&Acceptance { job: &job, key: None }).await;
        assert_eq!(accepted.unwrap(), Accepted::Now);
        assert_eq!(written(&script.asked()[3]), [of("Update", "balance")]);
    }
}

/// Of a move without an answer it is not known whether it was done, which is a question of where the money is
/// and not of whether the order was accepted.
#[tokio::test(start_paused = true)]
async fn a_move_without_an_answer_leaves_a_refusal_final() {
    let job = job(1);
    let poor = |available| {
        let row = pocket("balance", available, 6, (available, 6));
        canceled([reason("None"), reason("None"), crate::script::refused(&row)])
    };
    let lost = crate::script::error(500, "InternalServerError");
    let two = [pocket("balance", 1, 3, (100_000, 6)), pocket("balance#1", 99_999, 3, (0, 0))];
    let one = [pocket("balance", 1, 6, (1, 6))];
    let mut answers = vec![poor(1), read(two)];
    answers.extend(std::iter::repeat_n(lost, 1));
    answers.extend([canceled([reason("TransactionConflict"), reason("None")])]);
    answers.extend([poor(1), read(one)]);
    let script = Script::new(move |asked| answers[asked.place].clone());
    let job = domain::job::Job {
        hold: domain::hold::Hold::new(MicroUsd::constant(100_000), job.order.n).unwrap(),
        ..job
    };
    let refused = script.store().accept(&Acceptance { job: &job, key: None }).await;
    let final_one = matches!(refused, Err(AcceptError::InsufficientBalance { .. }));
    assert!(final_one, "{refused:?}");
}

/// While the first pocket was read, the second had enough; while the second was read, the first.
#[tokio::test(start_paused = true)]
async fn pockets_of_two_moments_are_no_reason_to_refuse() {
    let job = job(1);
    let row = |sk, available, credited| pocket(sk, available, 3, credited);
    let poor = || {
        let refused = crate::script::refused(&row("balance", 0, (100, 6)));
        canceled([reason("None"), reason("None"), refused])
    };
    let held = |mut row: Value, held: u64, version: u64| {
        row["held_micros"] = number(held);
        row["balance_version"] = number(version);
        row
    };
    let before =
        [held(row("balance", 0, (200, 6)), 100, 1), held(row("balance#1", 0, (0, 0)), 100, 2)];
    let after =
        [held(row("balance", 100, (200, 6)), 0, 2), held(row("balance#1", 0, (0, 0)), 100, 2)];
    let script = Script::of([poor(), read(before.clone()), poor(), read(after), done()]);
    let accepted = script.store().accept(&Acceptance { job: &job, key: None }).await;
    assert_eq!(accepted.unwrap(), Accepted::Now);

    let script = Script::of([poor(), read(before.clone()), poor(), read(before)]);
    let refused = script.store().accept(&Acceptance { job: &job, key: None }).await;
    assert!(matches!(refused, Err(AcceptError::InsufficientBalance { .. })), "{refused:?}");
    assert_eq!(script.asked().len(), 4);
}

#[tokio::test]
async fn pockets_are_read_until_they_add_up() {
    let whole = [pocket("balance", 4, 2, (9, 6)), pocket("balance#1", 5, 4, (0, 0))];
    let torn = [pocket("balance", 4, 2, (9, 6)), pocket("balance#1", 3, 4, (0, 0))];
    let script = Script::of([read(torn.clone()), read(torn.clone()), read(whole)]);
    let pockets = script.store().pockets(&"demo".parse().unwrap()).await.unwrap().unwrap();
    assert_eq!(pockets.total().available, MicroUsd::constant(9));
    assert_eq!(script.asked().len(), 3);

    let script = Script::of([read(torn)]);
    let pockets = script.store().pockets(&"demo".parse().unwrap()).await.unwrap().unwrap();
    assert_eq!(pockets.total().available, MicroUsd::constant(7), "for the audit to find");
    assert_eq!(script.asked().len(), 5);
}

#[tokio::test]
async fn a_row_between_the_pockets_is_unreadable() {
    for sk in ["balance2", "balance#0", "balance#8", "balance#01", "balance#x", "balance#"] {
        let script =
            Script::of([read([pocket("balance", 9, 6, (9, 6)), pocket(sk, 0, 0, (0, 0))])]);
        let found = script.store().pockets(&"demo".parse().unwrap()).await;
        assert!(matches!(found, Err(StoreError::Unreadable(_))), "{sk}: {found:?}");
    }
    let id = JobId::new(Timestamp::from_millis(1), &[0; 10]);
    assert_eq!(keys::job_in(&format!("entry#{id}#hold"), keys::ENTRY), Some(id));
}

/// A pocket that another filled meanwhile is closed in the next round.
#[tokio::test(start_paused = true)]
async fn a_suspension_is_repeated_until_no_pocket_is_open() {
    let closed = |mut row: Value| {
        row["suspended_at_ms"] = number(1);
        row
    };
    let [first, second] = [pocket("balance", 4, 2, (9, 6)), pocket("balance#1", 5, 4, (0, 0))];
    let script = Script::of([
        read([first.clone()]),
        done(),
        read([closed(first.clone()), second.clone()]),
        done(),
        read([closed(first), closed(second)]),
    ]);
    let now = Timestamp::from_millis(1);
    assert!(script.store().suspend(&"demo".parse().unwrap(), now).await.unwrap());
    let asked = script.asked();
    assert_eq!(written(&asked[1]), [of("Update", "balance")]);
    assert_eq!(written(&asked[3]), [of("Update", "balance#1")]);
    assert_eq!(asked.len(), 5);
}
