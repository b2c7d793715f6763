use super::*;

#[test]
fn a_point_in_time_is_counted_in_milliseconds_and_forgotten_by_seconds() {
    let at = Timestamp::from_millis(12_999);
    assert_eq!((at.millis(), at.seconds()), (12_999, 12));
    assert_eq!(at.plus(Duration::from_micros(1_999)).millis(), 13_000);
    assert_eq!(at.minus(Duration::from_secs(1)).millis(), 11_999);
}

#[test]
fn time_that_cannot_be_told_is_the_first_or_the_last() {
    let (first, last) = (Timestamp::from_millis(0), Timestamp::from_millis(u64::MAX));
    assert_eq!(first.minus(Duration::from_secs(1)), first);
    assert_eq!(first.plus(Duration::MAX), last);
    assert_eq!(last.plus(Duration::from_secs(1)), last);
}

#[test]
fn what_is_not_later_is_no_time_later() {
    let at = Timestamp::from_millis;
    assert_eq!(at(7).since(at(4)), Duration::from_millis(3));
    assert_eq!(at(4).since(at(7)), Duration::ZERO);
}
