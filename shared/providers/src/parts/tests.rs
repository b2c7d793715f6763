#![expect(clippy::arithmetic_side_effects, reason = "a test may overflow and fail")]

use std::sync::Mutex;

use super::*;
use crate::testing::CALL;

const ANSWER: Duration = Duration::from_secs(1);

fn busy() -> SubmitError {
    SubmitError::NotTaken { why: Obstacle::Busy, again: Duration::from_millis(1_500) }
}

fn trouble() -> SubmitError {
    SubmitError::NotTaken { why: Obstacle::Trouble, again: Duration::from_mins(1) }
}

fn unknown() -> SubmitError {
    SubmitError::Unknown("cut off".into())
}

fn verdict() -> SubmitError {
    SubmitError::Verdict(Failure::ContentModerated.into())
}

type Says = Vec<fn() -> Result<u8, SubmitError>>;

/// Sends parts that are answered so, each the next time it is sent; who was sent how often.
async fn play(says: Vec<Says>, within: Duration) -> (Result<Vec<u8>, SubmitError>, Vec<usize>) {
    let sent = Mutex::new(vec![0_usize; says.len()]);
    let call = Call { within, ..CALL };
    let answer = send(u8::try_from(says.len()).unwrap(), call, ANSWER, async |part| {
        let part = usize::from(part);
        let time = {
            let mut sent = sent.lock().unwrap();
            sent[part] += 1;
            sent[part] - 1
        };
        says[part].get(time).or(says[part].last()).unwrap()()
    })
    .await;
    (answer, sent.into_inner().unwrap())
}

#[tokio::test(start_paused = true)]
async fn parts_are_taken_in_their_order() {
    let (taken, sent) = play(vec![vec![|| Ok(0)], vec![|| Ok(1)], vec![|| Ok(2)]], ANSWER).await;
    assert_eq!(taken.unwrap(), [0, 1, 2]);
    assert_eq!(sent, [1, 1, 1]);
}

#[tokio::test(start_paused = true)]
async fn a_part_without_room_waits_its_turn_and_keeps_its_place() {
    let says: Vec<Says> = vec![vec![|| Err(busy()), || Err(busy()), || Ok(0)], vec![|| Ok(1)]];
    let (taken, sent) = play(says, Duration::from_mins(1)).await;
    assert_eq!(taken.unwrap(), [0, 1]);
    assert_eq!(sent, [3, 1]);
}

#[tokio::test(start_paused = true)]
async fn a_part_that_could_not_be_sent_is_sent_again() {
    fn unreachable() -> SubmitError {
        SubmitError::NotTaken { why: Obstacle::Unreachable, again: Duration::from_secs(5) }
    }
    let says: Vec<Says> = vec![vec![|| Err(unreachable()), || Ok(0)], vec![|| Ok(1)]];
    let (taken, sent) = play(says, Duration::from_mins(1)).await;
    assert_eq!((taken.unwrap(), sent), (vec![0, 1], vec![2, 1]));
}

#[tokio::test(start_paused = true)]
async fn waiting_for_room_has_an_end() {
    let says = || -> Vec<Says> { vec![vec![|| Err(busy())], vec![|| Ok(1)]] };
    let (taken, sent) = play(says(), Duration::from_mins(10)).await;
    assert_eq!((taken.unwrap(), sent), (vec![1], vec![ROUNDS_MAX.into(), 1]));
    // After the second pause there would be no time for another answer.
    let (taken, sent) = play(says(), Duration::from_secs(4)).await;
    assert_eq!((taken.unwrap(), sent), (vec![1], vec![3, 1]));
    let (taken, sent) = play(says(), Duration::from_secs(2)).await;
    assert_eq!((taken.unwrap(), sent), (vec![1], vec![1, 1]));
}

#[tokio::test(start_paused = true)]
async fn nothing_is_sent_twice_that_may_have_been_taken() {
    let says: Vec<Says> = vec![
        vec![|| Err(unknown())],
        vec![|| Err(verdict())],
        vec![|| Err(trouble())],
        vec![|| Ok(3)],
    ];
    let (taken, sent) = play(says, Duration::from_mins(1)).await;
    assert_eq!((taken.unwrap(), sent), (vec![3], vec![1, 1, 1, 1]));
}

#[tokio::test(start_paused = true)]
async fn of_an_order_that_was_not_taken_the_worst_is_said() {
    let word = |error: &SubmitError| match error {
        SubmitError::Unknown(_) => "unknown",
        SubmitError::Verdict(_) => "verdict",
        SubmitError::NotTaken { .. } => "not taken",
    };
    let cases: [(Vec<Says>, &str); 4] = [
        (vec![vec![|| Err(busy())], vec![|| Err(trouble())]], "not taken"),
        (vec![vec![|| Err(busy())], vec![|| Err(verdict())]], "verdict"),
        (vec![vec![|| Err(verdict())], vec![|| Err(unknown())]], "unknown"),
        (vec![], "unknown"),
    ];
    for (says, expected) in cases {
        let (answer, sent) = play(says, Duration::from_mins(1)).await;
        assert_eq!(word(&answer.unwrap_err()), expected);
        assert!(sent.iter().all(|times| *times == 1), "{sent:?}");
    }
}

/// A source took most of the call to be fetched: there is no time for a second round, which would be
/// cut off with what was taken in the first.
#[tokio::test(start_paused = true)]
async fn what_has_passed_of_a_call_is_gone() {
    let begun = Instant::now();
    tokio::time::advance(Duration::from_secs(31)).await;
    let call = Call { within: Duration::from_secs(33), ..CALL }.since(begun);
    assert_eq!(call.within, Duration::from_secs(2));
    let says: Vec<Says> = vec![vec![|| Err(busy()), || Ok(0)], vec![|| Ok(1)]];
    let (taken, sent) = play(says, call.within).await;
    assert_eq!((taken.unwrap(), sent), (vec![1], vec![1, 1]));
    assert_eq!(call.since(begun).within, Duration::ZERO);
}
