use super::*;
use crate::{
    hold::Hold,
    ids::JobId,
    job::Fence,
    money::MicroUsd,
    order::{Count, Draft, Order},
    upstream::Upstream,
};

const GRACE: Duration = Duration::from_millis(10);

const fn at(millis: u64) -> Timestamp {
    Timestamp::from_millis(millis)
}

/// Accepted at 0, overdue from 110 on, over at 200.
fn job(state: State) -> Job {
    let draft =
        Draft { model: "recraft-v3".to_owned(), prompt: "a cat".to_owned(), ..Draft::default() };
    Job {
        id: JobId::new(at(0), &[1; 10]),
        user: "demo".parse().unwrap(),
        order: Order::agree(draft).unwrap(),
        upstream: Upstream::Sandbox,
        hold: Hold::new(MicroUsd::constant(1), Count::ONE).unwrap(),
        turn: None,
        created_at: at(0),
        deadline: at(100),
        expires_at: at(200),
        state,
    }
}

/// Claimed until 50; the upstream has until 80.
fn run(dispatch: Dispatch, submits: u8) -> Run {
    Run { fence: Fence(1), lease_until: Some(at(50)), deadline: at(80), submits, dispatch }
}

#[test]
fn a_worker_never_submits_what_may_be_under_way_twice_over() {
    let task = Task("t".to_owned());
    for (dispatch, submits, now, expected) in [
        (Dispatch::Unsent, 0, 0, Visit::Submit),
        (Dispatch::Unsent, 1, 0, Visit::Submit),
        (Dispatch::Intended, 1, 0, Visit::Submit),
        (Dispatch::Intended, 2, 0, Visit::GiveUp),
        (Dispatch::Accepted(task.clone()), 1, 89, Visit::Poll(task.clone())),
        (Dispatch::Accepted(task.clone()), 1, 90, Visit::AskLast(task.clone())),
        (Dispatch::Intended, 1, 90, Visit::Expire),
        (Dispatch::Intended, 2, 90, Visit::Expire),
        // What nobody has taken is not bound by the time that its taker has.
        (Dispatch::Unsent, 0, 109, Visit::Submit),
        (Dispatch::Unsent, 0, 110, Visit::Expire),
        (Dispatch::Accepted(task.clone()), 1, 199, Visit::AskLast(task.clone())),
        (Dispatch::Accepted(task.clone()), 1, 200, Visit::Expire),
    ] {
        let run = run(dispatch, submits);
        let job = job(State::Processing(run.clone()));
        assert_eq!(visit(&job, &run, at(now), GRACE), expected, "{run:?} at {now}");
    }
}

#[test]
fn the_sweep_rings_until_time_is_up() {
    let pending = job(State::Pending);
    let begun = job(State::Processing(run(Dispatch::Intended, 1)));
    let put_down = job(State::Processing(Run { lease_until: None, ..run(Dispatch::Intended, 1) }));
    for (job, now, expected) in [
        (&pending, 0, Look::Announce),
        (&pending, 109, Look::Announce),
        (&pending, 110, Look::Expire),
        (&begun, 49, Look::Leased),
        (&begun, 50, Look::Announce),
        (&begun, 199, Look::Announce),
        (&begun, 200, Look::Expire),
        (&put_down, 0, Look::Announce),
    ] {
        assert_eq!(look(job, at(now), GRACE), expected, "{:?} at {now}", job.state);
    }
}

#[test]
fn what_has_ended_is_left_alone() {
    for state in [
        State::Succeeded { at: at(1), images: vec![], charged: MicroUsd::ZERO },
        State::Expired { at: at(1) },
        State::Refunded { at: at(1), why: crate::job::Refund::Canceled },
    ] {
        assert_eq!(look(&job(state), at(1_000), GRACE), Look::Ended);
    }
}

#[test]
fn a_row_is_due_at_its_end_at_the_latest() {
    assert_eq!(due_at(at(50), at(200), at(0)), at(50));
    assert_eq!(due_at(at(300), at(200), at(0)), at(200));
    assert_eq!(due_at(at(300), at(200), at(200)), at(300));
}
