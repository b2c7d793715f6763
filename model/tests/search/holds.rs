//! The protocol as it is.

use std::collections::BTreeMap;

use model::{Bounds, Conditions, Protocol, everything};
use stateright::{Checker, Expectation, Model};

/// Searches everything, and says what is wrong with how it came about. Returns how many moments
/// there are.
fn search(bounds: Bounds) -> usize {
    let protocol = Protocol::new(bounds, Conditions::of_the_store().unwrap()).unwrap();
    let search = everything(protocol).spawn_dfs().join();
    let mut found: BTreeMap<_, _> = search.discoveries().into_iter().collect();
    for property in search.model().properties() {
        let path = found.remove(property.name);
        match (property.expectation, path) {
            (Expectation::Always, None) | (Expectation::Sometimes, Some(_)) => {}
            (Expectation::Always | Expectation::Eventually, Some(path)) => {
                let end = path.last_state().clone();
                panic!("not always: {}\n{:#?}\n{end:#?}", property.name, path.into_actions());
            }
            (Expectation::Sometimes | Expectation::Eventually, None) => {
                panic!("never seen: {}", property.name);
            }
        }
    }
    search.unique_state_count()
}

#[test]
fn one_job_ends_once_whatever_one_fault_strikes() {
    let moments = search(Bounds::one_job());
    println!("{moments} moments");
    assert!(moments > 500_000);
}

#[test]
fn one_job_ends_once_whatever_two_faults_strike() {
    let moments = search(Bounds::two_faults());
    println!("{moments} moments");
    assert!(moments > 500_000);
}

#[test]
fn two_jobs_of_one_account_do_not_touch_each_others_money() {
    let moments = search(Bounds::two_jobs());
    println!("{moments} moments");
    assert!(moments > 500_000);
}

#[test]
fn no_more_jobs_run_than_may_and_no_turn_is_lost_whatever_one_fault_strikes() {
    let moments = search(Bounds::turns());
    println!("{moments} moments");
    assert!(moments > 50_000);
}

#[test]
fn a_charge_is_given_back_once_whatever_one_fault_strikes() {
    let moments = search(Bounds::refunds());
    println!("{moments} moments");
    assert!(moments > 10_000);
}

#[test]
fn a_key_names_one_job_for_as_long_as_it_lives() {
    let moments = search(Bounds::keys());
    println!("{moments} moments");
    assert!(moments > 500);
}

#[test]
fn the_audit_of_the_product_finds_nothing_in_any_moment() {
    let sometimes = &[];
    let one = Bounds { sweeps: 1, looks: 1, audited: true, sometimes, ..Bounds::one_job() };
    assert!(search(one) > 50_000);
    let two = Bounds { faults: 0, audited: true, sometimes, ..Bounds::two_jobs() };
    assert!(search(two) > 50_000);
    let turns = Bounds { faults: 0, audited: true, sometimes, ..Bounds::turns() };
    assert!(search(turns) > 1_000);
    let back = Bounds { faults: 0, audited: true, sometimes, ..Bounds::refunds() };
    assert!(search(back) > 1_000);
}
