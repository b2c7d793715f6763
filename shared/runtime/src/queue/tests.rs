use domain::time::Timestamp;

use super::*;

#[test]
fn a_message_is_read_as_it_was_written() {
    let job = JobId::new(Timestamp::from_millis(1), &[1; 10]);
    let bell = Bell::new("demo".parse().unwrap(), job);
    let body = serde_json::to_string(&bell).unwrap();
    assert_eq!(body, format!(r#"{{"v":1,"user_id":"demo","job_id":"{job}"}}"#));
    assert_eq!(Bell::read(&body).unwrap(), bell);
    let newer = body.replace('}', r#","trace":"x"}"#);
    assert_eq!(Bell::read(&newer).unwrap(), bell);
}

#[test]
fn a_message_carries_its_trace_and_one_that_cannot_be_read_costs_nothing() {
    let job = JobId::new(Timestamp::from_millis(1), &[1; 10]);
    let bell = Bell::new("demo".parse().unwrap(), job);
    let trace = Trace::read("Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=1");
    let traced = bell.clone().in_trace(trace);
    let body = serde_json::to_string(&traced).unwrap();
    let end = r#","trace":"Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=1"}"#;
    assert!(body.ends_with(end), "{body}");
    assert_eq!(Bell::read(&body).unwrap(), traced);
    for other in [r#""evil""#, "7", "null", "{}"] {
        let body = body.replace(r#""Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=1""#, other);
        assert_eq!(Bell::read(&body).unwrap(), bell, "{body}");
    }
}

#[test]
fn what_is_no_message_of_ours_is_told_apart() {
    for body in ["", "{}", "null", "[]", r#"{"v":1,"user_id":"A B","job_id":"x"}"#, "\u{0}"] {
        assert!(matches!(Bell::read(body), Err(BadBell::Malformed { .. })), "{body}");
    }
    let job = JobId::new(Timestamp::from_millis(1), &[1; 10]);
    let later = format!(r#"{{"v":2,"user_id":"demo","job_id":"{job}"}}"#);
    assert!(matches!(Bell::read(&later), Err(BadBell::Version(2))));
}

#[test]
fn what_is_wrong_with_a_message_is_told_without_repeating_it() {
    let long = "hush".repeat(10_000);
    for body in [format!(r#"{{"v":"{long}"}}"#), format!(r#"{{"{long}":1,"v":1}}"#), long] {
        let error = Bell::read(&body).unwrap_err();
        let told = domain::causes::chain(&error);
        assert!(told.contains("line 1 column") && told.len() < 100, "{told}");
    }
}
