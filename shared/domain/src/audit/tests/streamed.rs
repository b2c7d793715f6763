//! An account that is fed to the auditor a job at a time.

use super::*;

fn auditor(keep: usize) -> Auditor {
    Auditor::new("demo".parse().unwrap(), at(50), SLACK, keep)
}

/// A job without a hold: one violation.
fn stray(n: u8) -> JobRows {
    JobRows { job: Some(job(n, Status::Pending)), ..JobRows::new(id(n)) }
}

#[test]
fn what_is_too_much_to_keep_is_counted() {
    let mut auditor = auditor(3);
    (0..10).for_each(|n| auditor.job(&stray(n)));
    let findings = auditor.finish_moving();
    assert_eq!((findings.violations.len(), findings.more), (3, 7));
    assert!(!findings.is_clean());
}

#[test]
fn a_count_without_anything_kept_is_not_clean() {
    let mut auditor = auditor(0);
    assert!(!auditor.is_sound(&stray(1)));
    assert!(auditor.is_sound(&JobRows::new(id(1))));
    auditor.job(&stray(1));
    let findings = auditor.finish_moving();
    assert_eq!((findings.violations.len(), findings.more), (0, 1));
    assert!(!findings.is_clean());
}

#[test]
fn while_money_moves_the_jobs_are_checked_and_the_totals_are_not() {
    let feed = || {
        let mut auditor = auditor(9);
        auditor.balance(Balance::default());
        auditor.credit(&credit("c", 100, "r"));
        auditor.job(&stray(1));
        auditor
    };
    let ids = |findings: Findings| -> Vec<_> {
        findings.violations.iter().map(|violation| violation.invariant).collect()
    };
    assert_eq!(ids(feed().finish_moving()), ["INV-16"]);
    assert_eq!(ids(feed().finish()), ["INV-16", "INV-02", "INV-03", "INV-02", "INV-33", "INV-11"]);
}

#[test]
fn references_are_compared_in_any_order() {
    let entries = [credit("c", 1, "r"), credit("d", 2, "s"), credit("e", 2, "t")];
    let balance = Balance { available: usd(5), credited: usd(5), ..Balance::default() };
    let of = |references: [Reference; 3]| {
        let mut auditor = auditor(9);
        auditor.balance(balance);
        for entry in &entries {
            auditor.credit(entry);
        }
        for reference in &references {
            auditor.reference(reference);
        }
        auditor.finish().is_clean()
    };
    assert!(of([used("t", 2), used("r", 1), used("s", 2)]));
    assert!(!of([used("t", 2), used("r", 2), used("s", 1)]));
    assert!(!of([used("t", 2), used("t", 2), used("s", 2)]));
}
