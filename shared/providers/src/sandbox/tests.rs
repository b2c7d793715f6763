use domain::{
    hold::Hold,
    ids::JobId,
    job::State,
    money::MicroUsd,
    order::{Draft, Order},
    upstream::Upstream,
};
use serde_json::{Value, json};

use super::*;

const NOW: Timestamp = Timestamp::from_millis(1_000);

fn job(n: u64, sandbox: &Value) -> Job {
    let extra = json!({ "seed": 7, "sandbox": sandbox });
    let order = Order::agree(Draft {
        model: "recraft-v3".to_owned(),
        prompt: "a cat".to_owned(),
        n: Some(n),
        size: Some("4:3".to_owned()),
        extra: extra.as_object().unwrap().clone(),
        ..Draft::default()
    })
    .unwrap();
    Job {
        id: JobId::new(NOW, &[1; 10]),
        user: "demo".parse().unwrap(),
        hold: Hold::new(MicroUsd::constant(1), order.n).unwrap(),
        order,
        upstream: Upstream::Sandbox,
        turn: None,
        created_at: NOW,
        deadline: NOW,
        expires_at: NOW,
        state: State::Pending,
    }
}

async fn ask(job: &Job, at: Timestamp) -> Progress {
    let Receipt { task, cost } = submit(job, NOW).unwrap();
    assert_eq!(cost, None);
    poll(&Semaphore::new(1), job, &task, at).await.unwrap()
}

#[tokio::test]
async fn it_draws_what_was_ordered() {
    let Progress::Done { pictures, withheld: 0 } = ask(&job(2, &json!({})), NOW).await else {
        panic!("it should be done");
    };
    let seeds: Vec<_> = pictures.iter().map(Picture::seed).collect();
    assert_eq!(seeds, [Some(7), Some(8)]);
    assert!(pictures.iter().all(|p| (p.width(), p.height()) == (1_152, 864)));
    assert_ne!(pictures[0], pictures[1]);
}

#[tokio::test]
async fn one_picture_is_drawn_at_a_time() {
    let (easel, job) = (Semaphore::new(1), job(1, &json!({})));
    let Receipt { task, .. } = submit(&job, NOW).unwrap();
    let taken = easel.acquire().await.unwrap();
    let mut waiting = Box::pin(poll(&easel, &job, &task, NOW));
    let shortly = Duration::from_millis(50);
    assert!(tokio::time::timeout(shortly, &mut waiting).await.is_err());
    drop(taken);
    assert!(matches!(waiting.await, Ok(Progress::Done { .. })));
    assert_eq!(easel.available_permits(), 1);
}

#[tokio::test]
async fn it_delivers_as_few_as_asked() {
    let Progress::Done { pictures, withheld: 0 } = ask(&job(4, &json!({"deliver": 1})), NOW).await
    else {
        panic!("it should be done");
    };
    assert_eq!(pictures.len(), 1);
}

#[tokio::test]
async fn it_takes_as_long_as_asked_and_ends_as_asked() {
    for (outcome, end) in [
        ("fail", Some(Failure::ProviderFailed)),
        ("refuse", Some(Failure::ContentModerated)),
        ("never", None),
    ] {
        let job = job(1, &json!({"outcome": outcome, "delay_ms": 500}));
        let early = ask(&job, NOW.plus(Duration::from_millis(400))).await;
        let wait = Duration::from_millis(100);
        assert!(matches!(early, Progress::Pending { again } if again == wait), "{early:?}");
        let late = ask(&job, NOW.plus(Duration::from_millis(500))).await;
        match end {
            Some(failure) => assert!(matches!(late, Progress::Failed(f) if f == failure.into())),
            None => assert!(matches!(late, Progress::Pending { .. })),
        }
    }
}

#[tokio::test]
async fn a_task_that_is_none_of_its_own_is_no_verdict() {
    assert!(
        poll(&Semaphore::new(1), &job(1, &json!({})), &Task("x".to_owned()), NOW).await.is_err()
    );
}

#[test]
fn every_shape_is_drawn_exactly() {
    for ratio in Ratio::ALL {
        let ((width, height), (a, b)) = (pixels(ratio), ratio.terms());
        assert_eq!(width * b, height * a, "{}", ratio.as_str());
    }
}
