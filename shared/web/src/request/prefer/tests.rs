use proptest::prelude::*;

use super::*;

fn read(headers: &[&str]) -> Option<u64> {
    Wait::read(headers.iter().copied()).map(|wait| wait.duration().as_secs())
}

#[test]
fn a_wait_is_1_to_25_seconds_and_longer_is_25() {
    for (header, seconds) in [
        ("wait=1", 1),
        ("wait=25", 25),
        ("wait=26", 25),
        ("wait=600", 25),
        ("wait=99999999999999999999999", 25),
        ("WAIT=7", 7),
        ("Wait = 7", 7),
        ("wait=\"7\"", 7),
        ("wait=007", 7),
        ("respond-async, wait=10", 10),
        ("respond-async,wait=10;foo=\"a,wait=3\", wait=2", 10),
        ("handling=lenient; wait=3, wait=4", 4),
        ("note=\"a, wait=3\", wait=4", 4),
        ("note=\"a \\\" , wait=3\", wait=4", 4),
        ("wait=5; about=\"x\"", 5),
    ] {
        assert_eq!(read(&[header]), Some(seconds), "{header}");
    }
    assert_eq!(read(&["respond-async", "wait=8", "wait=9"]), Some(8));
    let wait = Wait::read(["wait=600"].into_iter()).unwrap();
    assert_eq!((wait.to_string().as_str(), wait.duration()), ("wait=25", WAIT_MAX));
}

#[test]
fn what_is_no_wait_is_left_alone() {
    for header in [
        "",
        "wait",
        "wait=",
        "wait=0",
        "wait=-1",
        "wait=+1",
        "wait=1.5",
        "wait=1s",
        "wait=ten",
        "wait=\"\"",
        "wait=\"7",
        "waits=7",
        "await=7",
        "respond-async",
        "note=\"wait=7\"",
        "note=\"wait=7, wait=8",
        "wait=x, wait=7",
    ] {
        assert_eq!(read(&[header]), None, "{header}");
    }
}

proptest! {
    #[test]
    fn whatever_is_preferred_is_within_the_bounds(headers in prop::collection::vec(".{0,40}", 0..4)) {
        let headers: Vec<&str> = headers.iter().map(String::as_str).collect();
        if let Some(seconds) = read(&headers) {
            prop_assert!((1..=25).contains(&seconds));
        }
    }
}
