//! The protocol with one guard spoiled: the search must find what comes of it.

use std::collections::BTreeSet;

use model::{Bounds, Conditions, Protocol, Timing, everything, rules};
use stateright::{Checker, HasDiscoveries, Model};
use store::Condition;

/// A condition that always holds.
const ANYTHING: &str = "attribute_exists(pk) OR attribute_not_exists(pk)";

/// The shortest way to break a rule under these conditions, if there is one.
fn breaks(bounds: Bounds, spoiled: &[(Condition, &str)], rule: &'static str) -> Option<usize> {
    let mut conditions = Conditions::of_the_store().unwrap();
    for (condition, text) in spoiled {
        assert_ne!(condition.text(), *text, "nothing is spoiled");
        conditions = conditions.with(*condition, text).unwrap();
    }
    // The others may be broken on the way, by the same damage.
    let protocol = Protocol::new(Bounds { sometimes: &[], ..bounds }, conditions).unwrap();
    let search = protocol.checker().threads(2);
    let search = search.finish_when(HasDiscoveries::AnyOf(BTreeSet::from([rule])));
    let path = search.spawn_bfs().join().discovery(rule)?;
    Some(path.into_actions().len())
}

fn assert_breaks(bounds: Bounds, spoiled: &[(Condition, &str)], rule: &'static str) {
    let steps = breaks(bounds, spoiled, rule);
    assert!(steps.is_some(), "without {spoiled:?} it is still true that {rule}");
}

/// Money for both jobs, so that both are open at once.
fn rich() -> Bounds {
    Bounds { credited: 4, ..Bounds::two_jobs() }
}

#[test]
fn without_the_condition_of_the_key_two_jobs_bear_it() {
    let spoiled = [(Condition::AcceptKey, ANYTHING)];
    assert_breaks(Bounds::two_jobs(), &spoiled, rules::ONE_JOB_A_KEY);
}

#[test]
fn a_key_that_is_never_checked_against_the_clock_outlives_itself() {
    // Not a rule that is broken, but one that is never seen: the key names its first job for ever.
    let conditions = Conditions::of_the_store().unwrap();
    let conditions = conditions.with(Condition::AcceptKey, "attribute_not_exists(pk)").unwrap();
    let protocol = Protocol::new(Bounds::keys(), conditions).unwrap();
    let search = protocol.checker().spawn_bfs().join();
    assert!(search.discovery(rules::seen::REPLAY).is_some());
    assert!(search.discovery(rules::seen::KEY_OUTLIVED).is_none());
}

#[test]
fn without_the_condition_on_the_funds_more_is_held_than_there_is() {
    let spoiled = [(Condition::AcceptBalance, "free_slots >= :one")];
    assert_breaks(Bounds::two_jobs(), &spoiled, rules::NOT_NEGATIVE);
}

#[test]
fn without_the_condition_on_the_queue_more_jobs_are_open_than_allowed() {
    let spoiled = [(Condition::AcceptBalance, "available_micros >= :hold")];
    assert_breaks(Bounds { queue_cap: 1, ..rich() }, &spoiled, rules::CAPPED);
}

#[test]
fn without_the_conditions_on_the_turns_more_jobs_run_than_may() {
    let pays = "available_micros >= :hold AND free_slots >= :one";
    assert_breaks(Bounds::turns(), &[(Condition::AcceptBalance, pays)], rules::NOT_NEGATIVE);
    let spoiled = [(Condition::ClaimTurn, "waiting_jobs >= :waits")];
    assert_breaks(Bounds::turns(), &spoiled, rules::RUNNING);
    let spoiled = [(Condition::ClaimBegin, "job_status = :pending AND deadline_at_ms > :overdue")];
    assert_breaks(Bounds::turns(), &spoiled, rules::RUNNING);
}

#[test]
fn without_a_look_at_the_turn_a_hard_expiry_does_not_fit_the_books() {
    let text = "job_status IN (:pending, :processing) AND expires_at_ms <= :now";
    let turns = Bounds::turns();
    let soon = Bounds { horizon: 1, timing: Timing { hard_expiry: 2, ..turns.timing }, ..turns };
    assert_breaks(soon, &[(Condition::FinishOpen, text)], rules::BALANCED);
}

/// The row's own state keeps the money from moving twice even then, but who asks a second time, because
/// the first answer got lost, is not told any more what became of the job.
#[test]
fn without_the_uniqueness_of_the_resolution_a_second_delivery_does_not_know_itself() {
    let spoiled = [(Condition::FinishResolution, ANYTHING)];
    assert_breaks(Bounds::one_job(), &spoiled, rules::SECOND_ASKED);
}

#[test]
fn without_the_uniqueness_of_the_resolution_and_the_state_of_the_row_a_job_is_resolved_twice() {
    let spoiled = [
        (Condition::FinishResolution, ANYTHING),
        (Condition::FinishPending, "attribute_exists(pk)"),
        (Condition::FinishEvent, ANYTHING),
    ];
    assert_breaks(rich(), &spoiled, rules::RESOLVED_ONCE);
    assert_breaks(rich(), &spoiled, rules::NOT_BORROWED);
}

/// The state of the row refuses the second refund, too; without both the money is moved twice.
#[test]
fn without_the_uniqueness_of_the_reversal_and_the_state_of_the_row_a_charge_is_given_back_twice() {
    let entry = (Condition::ReverseEntry, ANYTHING);
    assert_breaks(Bounds::refunds(), &[entry], rules::BALANCED);
    let spoiled = [
        entry,
        (Condition::ReverseJob, "attribute_exists(pk)"),
        (Condition::ReverseEvent, ANYTHING),
    ];
    assert_breaks(Bounds::refunds(), &spoiled, rules::GIVEN_BACK_ONCE);
    // What the pocket was charged bounds what it gives back, as long as nothing else was charged.
    let spoiled = [spoiled[0], spoiled[1], spoiled[2], (Condition::ReverseBalance, ANYTHING)];
    assert_breaks(Bounds::refunds(), &spoiled, rules::NOT_NEGATIVE);
}

#[test]
fn without_the_fence_a_worker_settles_what_another_works_on() {
    let spoiled =
        [(Condition::FinishSucceeded, "job_status = :processing AND expires_at_ms > :now")];
    assert_breaks(Bounds::one_job(), &spoiled, rules::FENCED);
}

#[test]
fn without_the_status_a_refund_goes_to_a_job_that_has_begun() {
    let spoiled = [(Condition::FinishPending, "attribute_exists(pk)")];
    assert_breaks(Bounds::one_job(), &spoiled, rules::EDGES);
}

#[test]
fn without_the_lease_two_workers_have_one_job() {
    let spoiled = [(Condition::ClaimAgain, "job_status = :processing AND fence = :fence")];
    assert_breaks(Bounds::one_job(), &spoiled, rules::ALONE);
}

#[test]
fn without_the_hard_expiry_a_success_comes_too_late() {
    let spoiled = [(Condition::FinishSucceeded, "job_status = :processing AND fence = :fence")];
    assert_breaks(Bounds::one_job(), &spoiled, rules::IN_TIME);
}

#[test]
fn without_the_grace_a_sweep_whose_clock_is_ahead_ends_a_job_before_its_deadline() {
    let one = Bounds::one_job();
    let hasty = Bounds { timing: Timing { sweep_grace: 0, ..one.timing }, ..one };
    assert_breaks(hasty, &[], rules::GOOD_FAITH);
}

#[test]
fn without_the_time_a_sweep_that_cannot_read_a_row_ends_its_job_before_the_deadline() {
    let spoiled = [(Condition::FinishOpen, "job_status IN (:pending, :processing)")];
    assert_breaks(Bounds::one_job(), &spoiled, rules::GOOD_FAITH);
}

#[test]
fn a_hard_expiry_that_spares_claimed_jobs_leaves_a_dead_workers_job_open_for_ever() {
    let spoiled = [(Condition::FinishOpen, "job_status = :pending AND expires_at_ms <= :now")];
    assert_breaks(Bounds::one_job(), &spoiled, rules::SWEEP_ENDS);
}

#[test]
fn every_other_guard_of_a_claimed_row_is_missed_when_it_is_gone() {
    let (one, two) = (Bounds::one_job(), Bounds::two_faults());
    let (processing, fence) = ("job_status = :processing", "fence = :fence");
    for (bounds, condition, text, rule) in [
        (one, Condition::ClaimBegin, "deadline_at_ms > :overdue", rules::ENDS_ONCE),
        (Bounds::turns(), Condition::ClaimWaiting, "job_status = :pending", rules::BEGUN_IN_TIME),
        (one, Condition::ClaimBegin, "job_status = :pending", rules::BEGUN_IN_TIME),
        // Who notes an intent goes on where another stopped: without a first fault nobody does.
        (two, Condition::NoteIntent, processing, rules::FENCED),
        (two, Condition::NoteIntent, fence, rules::ENDS_ONCE),
        (one, Condition::NoteTask, processing, rules::FENCED),
        (one, Condition::NoteTask, fence, rules::ENDS_ONCE),
        (one, Condition::PutDown, processing, rules::FENCED),
        (one, Condition::PutDown, fence, rules::ENDS_ONCE),
        (two, Condition::PutDownUnsent, processing, rules::FENCED),
        (two, Condition::PutDownUnsent, fence, rules::ENDS_ONCE),
        (one, Condition::ClaimAgain, "fence = :fence", rules::ENDS_ONCE),
        (one, Condition::Postpone, "attribute_exists(due_shard)", rules::FENCED),
        (one, Condition::Postpone, ANYTHING, rules::ENDS_ONCE),
        (one, Condition::FinishClaimed, processing, rules::FENCED),
    ] {
        assert_breaks(bounds, &[(condition, text)], rule);
    }
}

#[test]
fn a_condition_that_asks_for_what_its_write_does_not_give_is_noticed() {
    let text = "job_status = :processing AND fence = :other";
    assert_breaks(Bounds::one_job(), &[(Condition::PutDown, text)], rules::UNDERSTOOD);
}

/// Two guards that do the same work are each worth having, and neither is missed while the other is
/// there: this list says which they are.
#[test]
fn what_another_guard_doubles_is_not_missed_alone() {
    let free = "(attribute_not_exists(lease_until_ms) OR lease_until_ms <= :now)";
    let same_fence = "(fence = :fence OR (attribute_not_exists(fence) AND :fence = :none))";
    for (condition, text, doubled_by) in [
        (
            Condition::ClaimAgain,
            format!("job_status = :processing AND {free}"),
            "the lease: who was quicker has one, or has put the job down",
        ),
        (
            Condition::NoteTask,
            "job_status = :processing AND fence = :fence".to_owned(),
            "the fence: a visit sends one order and notes one task",
        ),
        (
            Condition::Postpone,
            format!("attribute_exists(due_shard) AND {same_fence}"),
            "the fence: a later due time is one that this fence may give",
        ),
        (
            Condition::Postpone,
            format!("due_at_ms <= :now AND {same_fence}"),
            "the due time, which goes with the shard",
        ),
        (
            Condition::FinishSucceeded,
            "fence = :fence AND expires_at_ms > :now".to_owned(),
            "the resolution: an ended job has one",
        ),
        (
            Condition::FinishClaimed,
            "fence = :fence".to_owned(),
            "the resolution: an ended job has one",
        ),
        (
            Condition::FinishOpen,
            "expires_at_ms <= :now".to_owned(),
            "the resolution: an ended job has one",
        ),
        (
            Condition::FinishBalance,
            "open_jobs >= :one".to_owned(),
            "the hold of an open job is held",
        ),
        (Condition::FinishBalance, "held_micros >= :held".to_owned(), "an open job is counted"),
        (Condition::FinishEvent, ANYTHING.to_owned(), "the resolution, which is written with it"),
    ] {
        let conditions = Conditions::of_the_store().unwrap().with(condition, &text).unwrap();
        let bounds = Bounds { sweeps: 1, looks: 1, sometimes: &[], ..Bounds::one_job() };
        let search = everything(Protocol::new(bounds, conditions).unwrap());
        let search = search.finish_when(HasDiscoveries::AnyFailures).spawn_dfs().join();
        let broken: Vec<_> = search.discoveries().into_keys().collect();
        assert!(broken.is_empty(), "{condition:?} is not doubled by {doubled_by}: {broken:?}");
    }
}
