//! On a clock that stands still unless somebody waits.

use std::cell::Cell;

use domain::{job::State, time::Timestamp};
use lambda_http::http;

use super::*;
use crate::tests::pending;

/// The patience of a caller who waits so many seconds from now.
fn patience(seconds: u64) -> Patience {
    let request = http::Request::builder().header("prefer", format!("wait={seconds}"));
    let request = request.body(lambda_http::Body::Empty).unwrap();
    Patience::begin(web::request::wait(&request).unwrap())
}

/// Waits so many seconds for a job that ends after so many milliseconds, where looking takes as long: whether it had
/// ended, how long it took, and how often it was looked at.
async fn wait(seconds: u64, ends_after_ms: u64, look_ms: u64) -> (bool, Duration, u32) {
    let begun = Instant::now();
    let looks = &Cell::new(0);
    let look = move || async move {
        looks.update(|looks: u32| looks.saturating_add(1));
        tokio::time::sleep(Duration::from_millis(look_ms)).await;
        let ended = begun.elapsed() >= Duration::from_millis(ends_after_ms);
        let state = State::Expired { at: Timestamp::from_millis(7) };
        ended.then(|| Job { state, ..pending() })
    };
    let job = until_ended(pending(), patience(seconds), look).await;
    (job.state != State::Pending, begun.elapsed(), looks.get())
}

#[tokio::test(start_paused = true)]
async fn whoever_waits_is_told_soon_after_the_job_has_ended() {
    for ends_after_ms in [0, 400, 3_000, 9_000, 24_000] {
        let (ended, took, _) = wait(25, ends_after_ms, 5).await;
        let late = took.saturating_sub(Duration::from_millis(ends_after_ms));
        assert!(ended && late <= Duration::from_millis(2_300), "{ends_after_ms} took {took:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_wait_ends_in_time_and_looks_seldom() {
    for (seconds, most) in [(1, 4), (5, 7), (25, 17)] {
        let (ended, took, looks) = wait(seconds, 100_000, 5).await;
        assert!(!ended);
        assert!(took >= Duration::from_secs(seconds), "{took:?}");
        assert!(
            took <= Duration::from_millis(seconds.saturating_mul(1_000).saturating_add(50)),
            "{took:?}"
        );
        assert!(looks <= most, "{looks} looks in {seconds} s");
    }
}

#[tokio::test(start_paused = true)]
async fn what_ends_at_the_last_moment_is_told() {
    let (ended, took, _) = wait(5, 4_999, 5).await;
    assert!(ended && took <= Duration::from_millis(5_050), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn a_table_that_does_not_answer_does_not_hold_an_answer_up() {
    let (ended, took, looks) = wait(3, 0, 60_000).await;
    assert!(!ended && looks == 1, "{looks}");
    assert_eq!(took, Duration::from_secs(3).saturating_add(LAST_LOOK));
}

#[tokio::test(start_paused = true)]
async fn what_has_ended_is_not_waited_for() {
    let ended = Job { state: State::Expired { at: Timestamp::from_millis(7) }, ..pending() };
    let look = || async { panic!("nobody needs to look") };
    let begun = Instant::now();
    let told = until_ended(ended.clone(), patience(9), look).await;
    assert_eq!((told, begun.elapsed()), (ended, Duration::ZERO));
}

/// Both looks of it together: the function has two seconds around the longest wait.
#[tokio::test(start_paused = true)]
async fn what_is_looked_up_beside_the_job_holds_an_answer_up_no_longer() {
    let (begun, patience) = (Instant::now(), patience(3));
    let silent = || std::future::pending::<Option<Job>>();
    let job = until_ended(pending(), patience, silent).await;
    assert_eq!(job.state, State::Pending);
    assert_eq!(patience.last_look(silent()).await, None);
    assert_eq!(begun.elapsed(), Duration::from_secs(3).saturating_add(LAST_LOOK));
    assert_eq!(patience.last_look(async { 7 }).await, Some(7));
}
