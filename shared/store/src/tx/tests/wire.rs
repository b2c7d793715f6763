//! What the store's own transactions are on the wire.

use std::time::Duration;

use aws_smithy_http_client::test_util::NeverClient;
use domain::{
    failure::Failure,
    fingerprint::Fingerprint,
    ids::{CreditId, UserId},
    job::{Delivered, Ending, Fence, Image, Job},
    money::MicroUsd,
    pocket::Pocket,
    time::Timestamp,
};
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::{
    AcceptError, Acceptance, Accepted, Charge, Credited, Finished, Guard, KeyClaim, ReverseError,
    Reversed, Store, StoreError,
    script::{Answer, Asked, Script, canceled, client, done, error, job, reason, refused},
};

const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);
const RETENTION: Duration = Duration::from_hours(90 * 24);

fn user() -> UserId {
    "demo".parse().unwrap()
}

fn keyed(job: &Job) -> Acceptance<'_> {
    let fingerprint = Fingerprint::of(&job.order).unwrap();
    let expires_at = NOW.plus(RETENTION);
    Acceptance { job, key: Some(KeyClaim { digest: "d1".into(), fingerprint, expires_at }) }
}

fn delivered() -> Ending {
    let (key, content_type) = ("k".to_owned(), "image/png".to_owned());
    let image = Image { key, width: 1, height: 1, content_type, seed: None };
    Ending::Succeeded(Delivered::new(vec![image]).unwrap())
}

/// A balance with nothing to spend.
fn drained() -> Value {
    let number = |n: u32| json!({ "N": n.to_string() });
    json!({
        "pk": { "S": "demo" }, "sk": { "S": "balance" }, "v": number(1),
        "available_micros": number(0), "held_micros": number(0), "charged_micros": number(0),
        "credited_micros": number(0), "open_jobs": number(0), "free_slots": number(6), "queue_cap": number(6),
        "free_turns": number(2), "waiting_jobs": number(0), "running_cap": number(2),
        "balance_version": number(0),
    })
}

/// The row of the key of [`keyed`], as the first job left it.
fn used_key() -> Value {
    let first = job(1);
    let fingerprint = serde_json::to_value(Fingerprint::of(&first.order).unwrap()).unwrap();
    json!({
        "pk": { "S": "demo" }, "sk": { "S": "key#d1" }, "v": { "N": "1" },
        "job_id": { "S": first.id.to_string() }, "fingerprint": { "S": fingerprint },
        "expires_at_ms": { "N": "1800000000001" }, "forget_at_s": { "N": "1800000000" },
    })
}

/// What is read of a balance with nothing to spend.
fn pockets() -> Answer {
    (200, json!({ "Items": [drained()] }))
}

/// Answers as if every write were taken.
fn taken(asked: &Asked) -> Answer {
    match asked.call.as_str() {
        "GetItem" => (200, json!({ "Item": drained() })),
        "Query" => pockets(),
        _ => done(),
    }
}

/// Every transaction that there is, in every form, with how many writes it has.
async fn all_transactions() -> Vec<(usize, Value)> {
    let mut all = Vec::new();
    let mut note = |writes: usize, script: &Script| {
        let asked = script.asked();
        let last = asked.last().unwrap();
        assert_eq!(last.call, "TransactWriteItems");
        all.push((writes, last.body.clone()));
    };
    let script = Script::new(taken);
    let store = script.store();
    assert!(store.open_account(&user()).await.unwrap());
    note(1, &script);
    let credit = (CreditId::new(NOW, &[1; 10]), MicroUsd::constant(1));
    assert_eq!(store.credit(&user(), credit, "r", NOW).await.unwrap(), Credited::Now);
    note(3, &script);
    let job = job(1);
    assert_eq!(store.accept(&keyed(&job)).await.unwrap(), Accepted::Now);
    note(4, &script);
    let bare = Acceptance { job: &job, key: None };
    assert_eq!(store.accept(&bare).await.unwrap(), Accepted::Now);
    note(3, &script);
    let failed = Ending::Failed(Failure::ProviderFailed.into());
    for ending in [delivered(), failed, Ending::Expired, Ending::Canceled] {
        for guard in [Guard::Fence(Fence(1)), Guard::Pending, Guard::Open] {
            let ended = store.finish(&job, guard, &ending, NOW, RETENTION).await.unwrap();
            assert_eq!(ended, Finished::Now);
            note(4, &script);
        }
    }
    // The turn is of another pocket than the price.
    let elsewhere = Job { turn: Some(Pocket::try_from(1).unwrap()), ..job };
    let ended = store.finish(&elsewhere, Guard::Open, &Ending::Expired, NOW, RETENTION).await;
    assert_eq!(ended.unwrap(), Finished::Now);
    note(5, &script);
    assert_eq!(store.reverse(&charge(), "why", NOW, RETENTION).await.unwrap(), Reversed::Now);
    note(4, &script);
    all
}

fn charge() -> Charge {
    let job = job(1);
    let amount = MicroUsd::constant(100);
    Charge { user: job.user, job: job.id, pocket: Pocket::FIRST, amount, given_back_at: None }
}

/// An answer that got lost says nothing; asking again tells, and moves nothing.
#[tokio::test(start_paused = true)]
async fn a_refund_of_unknown_outcome_is_asked_for_again_and_was_given_before() {
    let (lost, fine) = (error(500, "InternalServerError"), reason("None"));
    let there = json!({ "pk": { "S": "demo" }, "sk": { "S": "entry" } });
    let before = canceled([refused(&there), refused(&there), fine.clone(), fine]);
    let script = Script::of([lost.clone(), lost.clone(), lost, before]);
    let store = script.store();
    let first = store.reverse(&charge(), "why", NOW, RETENTION).await;
    assert!(matches!(first, Err(ReverseError::Store(StoreError::Unknown(_)))), "{first:?}");
    let again = store.reverse(&charge(), "why", NOW, RETENTION).await.unwrap();
    assert_eq!(again, Reversed::Before);
    let asked = script.asked();
    let token = |place: usize| asked[place].body["ClientRequestToken"].clone();
    // The SDK's own attempts are one transaction; asking again is another.
    assert_eq!((asked.len(), token(0) == token(2), token(0) == token(3)), (4, true, false));
}

#[tokio::test]
async fn each_write_is_conditional_and_asks_for_what_it_meets() {
    for (writes, body) in all_transactions().await {
        assert_eq!(body["ClientRequestToken"].as_str().unwrap().len(), 36);
        let items = body["TransactItems"].as_array().unwrap();
        assert_eq!(items.len(), writes, "{body:#}");
        for item in items {
            let (kind, write) = item.as_object().unwrap().iter().next().unwrap();
            assert!(["Put", "Update"].contains(&kind.as_str()), "{item:#}");
            assert_ne!(write["ConditionExpression"].as_str().unwrap_or_default(), "", "{item:#}");
            assert_eq!(write["ReturnValuesOnConditionCheckFailure"], "ALL_OLD", "{item:#}");
            let table = write["TableName"].as_str().unwrap();
            assert!(["jobs", "ledger"].contains(&table), "{item:#}");
        }
    }
}

/// DynamoDB refuses a value that no expression uses, and a placeholder without a value.
#[tokio::test]
async fn each_placeholder_has_a_value_and_each_value_is_used() {
    for (_, body) in all_transactions().await {
        for item in body["TransactItems"].as_array().unwrap() {
            let write = item.as_object().unwrap().values().next().unwrap();
            let words = ["UpdateExpression", "ConditionExpression"]
                .map(|name| write[name].as_str().unwrap_or_default())
                .join(" ");
            let mut used: Vec<&str> = words
                .split(|c: char| !c.is_ascii_alphanumeric() && c != ':' && c != '_')
                .filter(|word| word.starts_with(':'))
                .collect();
            used.sort_unstable();
            used.dedup();
            let values = &write["ExpressionAttributeValues"];
            let mut given: Vec<&str> = values
                .as_object()
                .into_iter()
                .flat_map(|values| values.keys().map(String::as_str))
                .collect();
            given.sort_unstable();
            assert_eq!(used, given, "{item:#}");
            assert_eq!(values.is_null(), used.is_empty(), "{item:#}");
        }
    }
}

#[tokio::test]
async fn a_replay_counts_for_more_than_a_drained_balance() {
    let (fine, drained) = (reason("None"), refused(&drained()));
    let answer = canceled([refused(&used_key()), fine.clone(), fine, drained]);
    let second = job(2);
    let accepted = Script::of([answer]).store().accept(&keyed(&second)).await;
    assert_eq!(accepted.unwrap(), Accepted::Before(job(1).id));
}

#[tokio::test(start_paused = true)]
async fn while_the_key_is_in_dispute_the_balance_does_not_count() {
    let (fine, conflict) = (reason("None"), reason("TransactionConflict"));
    let disputed = canceled([conflict, fine.clone(), fine.clone(), refused(&drained())]);
    let replay = canceled([refused(&used_key()), fine.clone(), fine, reason("None")]);
    let script = Script::of([disputed.clone(), pockets(), replay]);
    let second = job(2);
    let accepted = script.store().accept(&keyed(&second)).await;
    assert_eq!(accepted.unwrap(), Accepted::Before(job(1).id));
    assert_eq!(script.asked().len(), 3);

    let script = Script::new(move |asked| match asked.call.as_str() {
        "Query" => pockets(),
        _ => disputed.clone(),
    });
    let accepted = script.store().accept(&keyed(&second)).await;
    let busy = matches!(accepted, Err(AcceptError::Store(StoreError::Busy)));
    assert!(busy, "{accepted:?}");
}

/// Only a balance that is too low is a question of money.
#[tokio::test(start_paused = true)]
async fn whatever_else_cancels_it_an_acceptance_is_no_question_of_money() {
    let job = job(1);
    for place in 0..4 {
        for code in
            ["TransactionConflict", "ThrottlingError", "ValidationError", "AccessDenied", "Unheard"]
        {
            let mut reasons = ["None"; 4].map(reason);
            reasons[place] = reason(code);
            let answer = canceled(reasons);
            let script = Script::new(move |asked| match asked.call.as_str() {
                "GetItem" => (200, json!({})),
                "Query" => pockets(),
                _ => answer.clone(),
            });
            let told = script.store().accept(&keyed(&job)).await.unwrap_err();
            let own = match code {
                "TransactionConflict" | "ThrottlingError" => {
                    matches!(told, AcceptError::Store(StoreError::Busy))
                }
                _ => matches!(told, AcceptError::Store(StoreError::Malformed(_))),
            };
            assert!(own, "{code} in place {place}: {told:?}");
        }
    }
}

/// The row that an acceptance writes for its job.
async fn row_of(job: &Job) -> Value {
    let script = Script::new(taken);
    script.store().accept(&Acceptance { job, key: None }).await.unwrap();
    let items = &script.asked()[0].body["TransactItems"];
    items[0]["Put"]["Item"].clone()
}

#[tokio::test(start_paused = true)]
async fn an_acceptance_whose_answers_got_lost_is_known_by_its_job() {
    let job = job(1);
    let row = row_of(&job).await;
    for (found, expected) in [
        ((200, json!({ "Item": row })), "accepted"),
        ((200, json!({})), "unknown"),
        (error(500, "InternalServerError"), "unknown"),
        (error(400, "ThrottlingException"), "unknown"),
    ] {
        let look = found.clone();
        let script = Script::new(move |asked| match asked.call.as_str() {
            "GetItem" => look.clone(),
            _ => error(500, "InternalServerError"),
        });
        let word = match script.store().accept(&keyed(&job)).await {
            Ok(Accepted::Now) => "accepted",
            Err(AcceptError::Store(StoreError::Unknown(_))) => "unknown",
            other => panic!("{other:?}"),
        };
        assert_eq!(word, expected, "{found:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_refusal_after_an_attempt_without_an_answer_is_not_final() {
    let fine = reason("None");
    let poor = canceled([fine.clone(), fine.clone(), fine, refused(&drained())]);
    for lost in [None, Some(error(500, "InternalServerError"))] {
        let (is_final, poor) = (lost.is_none(), poor.clone());
        let script = Script::new(move |asked| match asked.call.as_str() {
            "GetItem" => (200, json!({})),
            "Query" => pockets(),
            _ if asked.place == 0 => lost.clone().unwrap_or_else(|| poor.clone()),
            _ => poor.clone(),
        });
        // The attempt that got lost may arrive when there is money again.
        let word = match script.store().accept(&keyed(&job(1))).await {
            Err(AcceptError::InsufficientBalance { .. }) => "refused",
            Err(AcceptError::Store(StoreError::Unknown(_))) => "unknown",
            other => panic!("{other:?}"),
        };
        assert_eq!(word, if is_final { "refused" } else { "unknown" });
    }
}

#[tokio::test(start_paused = true)]
async fn a_silent_table_is_not_waited_for_long() {
    let silent = NeverClient::new();
    let tables = Script::new(taken).store().tables;
    let store = Store::new(client(silent), tables);
    let start = Instant::now();
    let accepted = store.accept(&keyed(&job(1))).await;
    let unknown = matches!(accepted, Err(AcceptError::Store(StoreError::Unknown(_))));
    assert!(unknown, "{accepted:?}");
    // Three attempts of a second with two pauses of the SDK's, then a look of two seconds.
    assert!(start.elapsed() <= Duration::from_secs(8), "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_credit_that_met_another_is_worked_out_anew() {
    let fine = reason("None");
    let moved = canceled([fine.clone(), fine, refused(&drained())]);
    let script = Script::new(move |asked| match (asked.call.as_str(), asked.place) {
        ("TransactWriteItems", ..4) => moved.clone(),
        _ => taken(asked),
    });
    let credit = (CreditId::new(NOW, &[1; 10]), MicroUsd::constant(1));
    let credited = script.store().credit(&user(), credit, "r", NOW).await;
    assert_eq!(credited.unwrap(), Credited::Now);
    let calls: Vec<String> = script.asked().into_iter().map(|asked| asked.call).collect();
    assert_eq!(calls, ["GetItem", "TransactWriteItems"].repeat(3));
}
