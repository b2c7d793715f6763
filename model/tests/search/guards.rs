//! That the searches put every guard of the store to the test.

use std::collections::BTreeSet;

use model::{Bounds, Conditions, OF_TELLING, Protocol, everything};
use stateright::Checker;
use store::Condition;

/// Conditions that no job depends on, and so are not in the model.
const OUTSIDE: [(Condition, &str); 12] = [
    (Condition::OpenAccount, "there is one account, which is open"),
    (Condition::CreditReference, "money is there from the beginning"),
    (Condition::CreditEntry, "money is there from the beginning"),
    (Condition::CreditBalance, "money is there from the beginning"),
    (Condition::MoveFrom, "the balance has one pocket"),
    (Condition::FinishTurn, "the balance has one pocket"),
    (Condition::MoveTo, "the balance has one pocket"),
    (Condition::MoveToNew, "the balance has one pocket"),
    (Condition::Suspend, "the account is never suspended"),
    (Condition::AddKey, "API keys are neither jobs nor money"),
    (Condition::EndKey, "API keys are neither jobs nor money"),
    (Condition::RevokeKey, "API keys are neither jobs nor money"),
];

/// Conditions that are evaluated, and must always hold.
const NEVER_REFUSED: [(Condition, &str); 7] = [
    (Condition::AcceptJob, "a fresh job has a fresh id"),
    (Condition::AcceptHold, "a fresh job has a fresh id"),
    (Condition::FinishBalance, "what an open job holds is held: an alarm"),
    (Condition::FinishEvent, "an open job has told of no ending: an alarm"),
    (Condition::ReverseJob, "a job that was charged and not given back has succeeded: an alarm"),
    (Condition::ReverseBalance, "what was charged is charged: an alarm"),
    (Condition::ReverseEvent, "a charge that was not given back has told of no refund: an alarm"),
];

#[test]
fn every_guard_is_met_and_refused_or_has_a_reason() {
    let (mut met, mut refused) = (BTreeSet::new(), BTreeSet::new());
    let waiting = Bounds { faults: 0, ..Bounds::turns() };
    for bounds in [Bounds::keys(), Bounds::two_faults(), Bounds::refunds(), waiting] {
        let protocol = Protocol::new(bounds, Conditions::of_the_store().unwrap()).unwrap();
        let search = everything(protocol).spawn_dfs().join();
        let seen = search.model().conditions.seen();
        met.extend(seen.0);
        refused.extend(seen.1);
    }
    let list = |list: &[(Condition, &str)]| list.iter().map(|(name, _)| *name).collect::<Vec<_>>();
    for condition in Condition::ALL.iter().filter(|it| !OF_TELLING.contains(it)) {
        let expected = if list(&OUTSIDE).contains(condition) {
            (false, false)
        } else {
            (true, !list(&NEVER_REFUSED).contains(condition))
        };
        let found = (met.contains(condition), refused.contains(condition));
        assert_eq!(found, expected, "{condition:?}: (met, refused)");
    }
}
