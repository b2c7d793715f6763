use super::*;

#[test]
fn a_tier_begins_at_its_deposit() {
    for (credited, level) in [
        ("0", 0),
        ("4.999999", 0),
        ("5", 1),
        ("49.99", 1),
        ("50", 2),
        ("250", 3),
        ("1000", 4),
        ("1000000000", 4),
    ] {
        assert_eq!(Tier::of(credited.parse().unwrap()).level, level, "{credited}");
    }
}

#[test]
fn each_tier_has_more_room_than_the_one_below() {
    for (lower, upper) in TIERS.iter().zip(TIERS.iter().skip(1)) {
        assert!(lower.queue_cap < upper.queue_cap);
        assert!(lower.running_cap < upper.running_cap);
        assert!(lower.min_credited < upper.min_credited);
    }
}

#[test]
fn three_times_as_many_may_wait_or_run_as_may_run() {
    for tier in TIERS {
        assert_eq!(tier.queue_cap, 3 * tier.running_cap, "{tier:?}");
    }
}
