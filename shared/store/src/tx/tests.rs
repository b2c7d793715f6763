//! What each answer that a transaction can get is taken for.

mod wire;

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use aws_smithy_http_client::test_util::{NeverClient, StaticReplayClient};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::{effort::BUDGET, *};
use crate::script::{ATTEMPTS, Answer, Script, canceled, client, done, error, reason, refused};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    First,
    Second,
}

const FINE: &str = "None";
const FAILED: &str = "ConditionalCheckFailed";

fn key(sk: &str) -> Key {
    Key { pk: "demo".to_owned(), sk: sk.to_owned() }
}

/// A row to create and one to change.
fn two_writes() -> Tx<Step> {
    let change = Write::update(key("second"), "SET color = :color", Condition::RevokeKey)
        .with(":color", "red");
    Tx::new()
        .step(
            Step::First,
            "table",
            Write::put(key("first"), &json!({ "size": 1 }), Condition::AcceptJob),
        )
        .step(Step::Second, "table", change)
}

async fn commit(script: &Arc<Script>) -> Result<(), TxError<Step>> {
    two_writes().commit(&script.client(), 7).await
}

/// The outcome in one word.
fn word(outcome: &Result<(), TxError<Step>>) -> &'static str {
    match outcome {
        Ok(()) => "written",
        Err(TxError::Refused { step: Step::First, .. }) => "first refused",
        Err(TxError::Refused { step: Step::Second, .. }) => "second refused",
        Err(TxError::Store(StoreError::Busy)) => "busy",
        Err(TxError::Store(StoreError::Malformed(_))) => "malformed",
        Err(TxError::Store(StoreError::Unknown(_))) => "unknown",
        Err(TxError::Store(StoreError::Unreadable(_))) => "unreadable",
    }
}

async fn outcome_of(answer: Answer) -> &'static str {
    word(&commit(&Script::of([answer])).await)
}

#[tokio::test(start_paused = true)]
async fn the_first_step_that_objects_decides() {
    for (first, second, expected) in [
        (FAILED, FINE, "first refused"),
        (FINE, FAILED, "second refused"),
        (FAILED, FAILED, "first refused"),
        (FAILED, "TransactionConflict", "first refused"),
        (FAILED, "ValidationError", "first refused"),
        ("TransactionConflict", FAILED, "busy"),
        ("TransactionConflict", FINE, "busy"),
        (FINE, "TransactionConflict", "busy"),
        ("ThrottlingError", FAILED, "busy"),
        (FINE, "ThrottlingError", "busy"),
        ("ProvisionedThroughputExceeded", FINE, "busy"),
        ("TransactionConflict", "ValidationError", "busy"),
        ("ValidationError", FAILED, "malformed"),
        (FINE, "ValidationError", "malformed"),
        (FINE, "ItemCollectionSizeLimitExceeded", "malformed"),
        (FINE, "AccessDenied", "malformed"),
        (FINE, "SomethingNew", "malformed"),
        (FINE, FINE, "malformed"),
    ] {
        let outcome = outcome_of(canceled([reason(first), reason(second)])).await;
        assert_eq!(outcome, expected, "[{first}, {second}]");
    }
    assert_eq!(outcome_of(canceled([])).await, "malformed");
    assert_eq!(outcome_of(canceled([json!({}), reason(FAILED)])).await, "second refused");
}

#[tokio::test(start_paused = true)]
async fn an_error_is_sorted_by_whether_anything_was_written() {
    for (status, code, expected) in [
        (400, "ThrottlingException", "busy"),
        (400, "ProvisionedThroughputExceededException", "busy"),
        (400, "RequestLimitExceeded", "busy"),
        (400, "ValidationException", "malformed"),
        (400, "AccessDeniedException", "malformed"),
        (400, "UnrecognizedClientException", "malformed"),
        (400, "ExpiredTokenException", "malformed"),
        (400, "ResourceNotFoundException", "malformed"),
        (400, "IdempotentParameterMismatchException", "malformed"),
        (400, "SomethingNew", "malformed"),
        (400, "TransactionInProgressException", "unknown"),
        (500, "InternalServerError", "unknown"),
        (503, "ServiceUnavailable", "unknown"),
    ] {
        assert_eq!(outcome_of(error(status, code)).await, expected, "{code}");
    }
    assert_eq!(outcome_of((500, json!("not an error of DynamoDB's"))).await, "unknown");
    assert_eq!(outcome_of((200, json!("not an answer of DynamoDB's"))).await, "unknown");
    assert_eq!(outcome_of(done()).await, "written");
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_never_comes_tells_nothing() {
    let out_of_reach = client(StaticReplayClient::new(vec![]));
    let outcome = two_writes().commit(&out_of_reach, 7).await;
    assert_eq!(word(&outcome), "unknown", "{outcome:?}");

    let silent = NeverClient::new();
    let outcome = two_writes().commit(&client(silent.clone()), 7).await;
    assert_eq!(word(&outcome), "unknown", "{outcome:?}");
    assert_eq!(silent.num_calls(), usize::try_from(ATTEMPTS).unwrap());
}

#[tokio::test]
async fn the_row_that_a_condition_met_is_handed_over() {
    let met = refused(&json!({ "pk": { "S": "demo" }, "size": { "N": "2" } }));
    let outcome = commit(&Script::of([canceled([reason(FINE), met])])).await;
    let Err(TxError::Refused { step: Step::Second, found: Some(found), .. }) = outcome else {
        panic!("{outcome:?}");
    };
    assert_eq!(found["size"], AttributeValue::N("2".to_owned()));
    assert_eq!(found.len(), 2);

    for nothing in [reason(FAILED), refused(&json!({}))] {
        let outcome = commit(&Script::of([canceled([nothing])])).await;
        let refusal = matches!(outcome, Err(TxError::Refused { found: None, .. }));
        assert!(refusal, "{outcome:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_conflict_is_tried_again_until_it_is_decided() {
    let conflict = canceled([reason("TransactionConflict"), reason(FAILED)]);
    let throttled = canceled([reason(FINE), reason("ThrottlingError")]);
    for (last, expected) in
        [(done(), "written"), (canceled([reason(FAILED), reason(FAILED)]), "first refused")]
    {
        let script = Script::of([conflict.clone(), throttled.clone(), last]);
        assert_eq!(word(&commit(&script).await), expected);
        assert_eq!(script.asked().len(), 3);
    }
}

#[tokio::test(start_paused = true)]
async fn a_conflict_that_lasts_is_given_up_within_the_budget() {
    for code in ["TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"] {
        let script = Script::of([canceled([reason(code), reason(FINE)])]);
        let start = Instant::now();
        assert_eq!(word(&commit(&script).await), "busy");
        let (took, tries) = (start.elapsed(), script.asked().len());
        assert!(took < BUDGET && took > BUDGET / 2, "{code}: {took:?}");
        assert!((8..100).contains(&tries), "{code}: {tries} tries");
    }
}

#[tokio::test(start_paused = true)]
async fn only_a_conflict_is_tried_again() {
    for answer in [
        done(),
        canceled([reason(FAILED), reason(FINE)]),
        canceled([reason(FINE), reason("ValidationError")]),
        error(400, "ValidationException"),
        error(400, "AccessDeniedException"),
    ] {
        let script = Script::of([answer.clone()]);
        let start = Instant::now();
        word(&commit(&script).await);
        assert_eq!(script.asked().len(), 1, "{answer:?}");
        assert_eq!(start.elapsed(), Duration::ZERO, "{answer:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_retry_after_a_lost_answer_bears_the_same_token_and_a_new_attempt_another() {
    let conflict = canceled([reason("TransactionConflict")]);
    let lost = error(500, "InternalServerError");
    let script = Script::of([lost.clone(), conflict, lost, done()]);
    assert_eq!(word(&commit(&script).await), "written");

    let asked = script.asked();
    let tokens: Vec<&Value> = asked.iter().map(|asked| &asked.body["ClientRequestToken"]).collect();
    assert_eq!(tokens.len(), 4);
    assert!(tokens.iter().all(|token| token.as_str().is_some_and(|text| text.len() == 36)));
    assert_eq!((tokens[0], tokens[2]), (tokens[1], tokens[3]));
    assert_ne!(tokens[0], tokens[2]);
}

#[tokio::test]
async fn what_cannot_be_put_into_words_is_not_sent() {
    let no_row = Tx::new().step(
        Step::First,
        "table",
        Write::put(key("first"), &"text", Condition::AcceptJob),
    );
    let no_value =
        Write::update(key("second"), "SET a = :a", Condition::RevokeKey).with(":a", NotAValue);
    for tx in [no_row, two_writes().step(Step::Second, "table", no_value)] {
        let script = Script::of([done()]);
        let outcome = tx.commit(&script.client(), 7).await;
        assert_eq!(word(&outcome), "malformed", "{outcome:?}");
        assert_eq!(script.asked().len(), 0);
    }
}

struct NotAValue;

impl Serialize for NotAValue {
    fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        Err(serde::ser::Error::custom("not a value"))
    }
}

#[test]
fn pauses_are_bounded_by_a_bound_that_doubles() {
    for salt in 0..1_000 {
        let mut pauses = Pauses::new(salt);
        for bound in [20, 40, 80, 160, 320, 320, 320] {
            let pause = pauses.next();
            let fits = Duration::ZERO < pause && pause <= Duration::from_millis(bound);
            assert!(fits, "{pause:?} is not within {bound} ms");
        }
    }
}

#[test]
fn pauses_of_different_salts_differ() {
    let first_five = |salt| {
        let mut pauses = Pauses::new(salt);
        [(); 5].map(|()| pauses.next())
    };
    let sequences: BTreeSet<_> = (0..1_000).map(first_five).collect();
    assert_eq!(sequences.len(), 1_000);
    // Neighbors do not stay together: the third pauses of a hundred salts fill their range.
    let third: BTreeSet<_> = (0..100).map(|salt| first_five(salt)[2]).collect();
    assert!(third.len() > 40, "{} different pauses", third.len());
    assert_eq!(first_five(7), first_five(7));
}
