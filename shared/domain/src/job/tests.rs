use super::*;
use crate::{failure::Failure, hold::ResolutionKind, order::Draft};

fn image() -> Image {
    Image {
        key: "k".to_owned(),
        width: 1,
        height: 1,
        content_type: "image/png".to_owned(),
        seed: None,
    }
}

#[test]
fn a_success_has_one_to_four_pictures() {
    assert_eq!(Delivered::new(vec![]), None);
    assert!(Delivered::new(vec![image(); 4]).is_some());
    assert_eq!(Delivered::new(vec![image(); 5]), None);
}

#[test]
fn only_a_success_is_paid() {
    let hold = Hold::new(MicroUsd::constant(54_000), 4.try_into().unwrap()).unwrap();
    let delivered = Delivered::new(vec![image(); 3]).unwrap();
    let usage = Ending::Succeeded(delivered).resolve(&hold);
    assert_eq!(usage.figures().kind, ResolutionKind::Usage);
    assert_eq!(usage.figures().charged.micros(), 162_000);
    let failed = Ending::Failed(Failure::ProviderFailed.into());
    for ending in [failed, Ending::Expired, Ending::Canceled] {
        assert_eq!(ending.resolve(&hold), hold.refund());
        assert!(ending.status().is_terminal());
    }
}

#[test]
fn a_canceled_job_is_a_refunded_one() {
    assert_eq!(Ending::Canceled.status(), Status::Refunded);
}

#[test]
fn a_status_is_stored_as_it_is_shown() {
    for status in [
        Status::Pending,
        Status::Processing,
        Status::Succeeded,
        Status::Failed,
        Status::Expired,
        Status::Refunded,
    ] {
        assert_eq!(serde_json::to_value(status).unwrap(), status.as_str());
    }
}

#[test]
fn a_job_without_a_seed_has_one_that_stays() {
    let draft =
        Draft { model: "recraft-v3".to_owned(), prompt: "a cat".to_owned(), ..Draft::default() };
    let order = Order::agree(draft).unwrap();
    let now = Timestamp::from_millis(1);
    let job = |entropy| Job {
        id: JobId::new(now, &entropy),
        user: "demo".parse().unwrap(),
        order: order.clone(),
        upstream: Upstream::Sandbox,
        hold: Hold::new(MicroUsd::constant(1), Count::ONE).unwrap(),
        turn: None,
        created_at: now,
        deadline: now,
        expires_at: now,
        state: State::Pending,
    };
    assert_eq!(job([3; 10]).seed(), job([3; 10]).seed());
    assert_ne!(job([3; 10]).seed(), job([4; 10]).seed());
    assert!(job([255; 10]).seed() <= SEED_MAX);
}

#[test]
fn a_job_stands_only_where_an_arrow_leads() {
    use Status::{Expired, Failed, Pending, Processing, Refunded, Succeeded};
    let all = [Pending, Processing, Succeeded, Failed, Expired, Refunded];
    let leads = |from: Status| -> Vec<Status> {
        all.into_iter().filter(|later| from.leads_to(*later)).collect()
    };
    assert_eq!(leads(Pending), all);
    // A success may be given back.
    assert_eq!(leads(Processing), [Processing, Succeeded, Failed, Expired, Refunded]);
    assert_eq!(leads(Succeeded), [Succeeded, Refunded]);
    for ended in [Failed, Expired, Refunded] {
        assert_eq!(leads(ended), [ended]);
    }
}

#[test]
fn a_digest_tells_tasks_apart_and_shows_none() {
    let [one, other] = ["one", "other"].map(|task| Task(task.to_owned()).digest());
    assert_ne!(one, other);
    assert_eq!(one, Task("one".to_owned()).digest());
    assert!(one.len() == 64 && !one.contains("one"));
}

#[test]
fn a_state_tells_its_pictures_and_when_it_ended() {
    let at = Timestamp::from_millis(7);
    let charged = MicroUsd::constant(1);
    let verdict = Failure::ProviderFailed.into();
    let given_back = Refund::Reversed { at: Timestamp::from_millis(9), images: vec![image(); 2] };
    for (state, pictures, delivered, ended) in [
        (State::Pending, 0, 0, None),
        (State::Succeeded { at, images: vec![image(); 2], charged }, 2, 2, Some(at)),
        (State::Failed { at, verdict }, 0, 0, Some(at)),
        (State::Expired { at }, 0, 0, Some(at)),
        (State::Refunded { at, why: Refund::Canceled }, 0, 0, Some(at)),
        (State::Refunded { at, why: given_back }, 0, 2, Some(at)),
    ] {
        let is_canceled = state == State::Refunded { at, why: Refund::Canceled };
        assert_eq!(state.is_canceled(), is_canceled, "{state:?}");
        let told = (state.images().len(), state.delivered().len(), state.completed_at());
        assert_eq!(told, (pictures, delivered, ended), "{state:?}");
    }
    assert_eq!(Delivered::new(vec![image(); 3]).unwrap().images(), vec![image(); 3]);
}
