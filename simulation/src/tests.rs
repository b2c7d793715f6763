//! The simulation itself: that it is the same each time, and that it finds what is wrong. Thousands of seeds
//! are run by `just simulate`, on an optimised build.

use crate::run;

#[test]
fn the_same_seed_is_the_same_run() {
    for seed in [2, 31] {
        let (once, again) = (run(seed, true), run(seed, true));
        assert!(once.trace.len() > 20, "{:?}", once.trace);
        assert_eq!(once.trace, again.trace);
        assert_eq!(once.sights, again.sights);
    }
    assert_ne!(run(2, true).trace, run(3, true).trace);
}

#[test]
fn the_books_hold_whatever_goes_wrong() {
    let kept = include_str!("../seeds.txt").lines().filter(|line| !line.starts_with('#'));
    let kept = kept.map(|line| line.parse().unwrap());
    let (mut commits, mut jobs) = (0, 0);
    for seed in (1..=12).chain(kept) {
        let report = run(seed, false);
        assert_eq!(report.wrong(), [""; 0], "seed {seed}");
        commits += report.commits;
        jobs += report.jobs;
    }
    assert!(commits > 100 && jobs > 10, "{commits} writes, {jobs} jobs");
}
