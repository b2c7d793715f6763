//! Times that go together, and times that contradict each other.

use super::*;

/// The template's defaults, with some of them changed.
fn config(changed: &[(&str, &str)]) -> Result<Config, String> {
    let defaults = [
        ("MARKUP", "1.35"),
        ("RUN_LIMIT_SECONDS", "300"),
        ("JOB_DEADLINE_SECONDS", "900"),
        ("GRACE_SECONDS", "120"),
        ("HARD_EXPIRY_SECONDS", "1800"),
        ("IDEMPOTENCY_DAYS", "30"),
        ("OUTPUT_URL_SECONDS", "3600"),
        ("RETENTION_DAYS", "90"),
    ];
    let variables = defaults.iter().chain(changed);
    let environment =
        variables.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Config::new(&environment).map_err(|error| error.to_string())
}

#[test]
fn the_defaults_go_together() {
    let config = config(&[]).unwrap();
    assert_eq!(config.deadline.as_secs(), 900);
    assert_eq!(config.hard_expiry.as_secs(), 1_800);
    assert_eq!(config.idempotency.as_secs(), 30 * 24 * 60 * 60);
    assert_eq!(config.url_lifetime.as_secs(), 3_600);
    assert_eq!(config.markup, "1.35".parse().unwrap());
}

#[test]
fn times_may_meet_but_not_cross() {
    for (changed, crossed) in [
        (vec![("JOB_DEADLINE_SECONDS", "300")], None),
        (vec![("JOB_DEADLINE_SECONDS", "299")], Some("RUN_LIMIT_SECONDS is above")),
        (vec![("RUN_LIMIT_SECONDS", "901")], Some("RUN_LIMIT_SECONDS is above")),
        (vec![("HARD_EXPIRY_SECONDS", "1020")], None),
        (vec![("HARD_EXPIRY_SECONDS", "1019")], Some("above HARD_EXPIRY_SECONDS")),
        (vec![("GRACE_SECONDS", "900")], None),
        (vec![("GRACE_SECONDS", "901")], Some("above HARD_EXPIRY_SECONDS")),
        (vec![("GRACE_SECONDS", "18446744073709551615")], Some("above HARD_EXPIRY_SECONDS")),
        (vec![("IDEMPOTENCY_DAYS", "1"), ("HARD_EXPIRY_SECONDS", "86399")], None),
        (
            vec![("IDEMPOTENCY_DAYS", "1"), ("HARD_EXPIRY_SECONDS", "86400")],
            Some("may outlive its"),
        ),
        (vec![("IDEMPOTENCY_DAYS", "0")], Some("a job may outlive its idempotency key")),
        (vec![("IDEMPOTENCY_DAYS", "90")], None),
        (vec![("IDEMPOTENCY_DAYS", "91")], Some("an idempotency key may outlive its job")),
        (vec![("RETENTION_DAYS", "29")], Some("an idempotency key may outlive its job")),
    ] {
        match (config(&changed), crossed) {
            (Ok(_), None) => {}
            (Err(error), Some(words)) => assert!(error.contains(words), "{changed:?}: {error}"),
            (found, _) => panic!("{changed:?}: {found:?}"),
        }
    }
}

#[test]
fn each_variable_must_be_there_and_a_number() {
    for name in [
        "MARKUP",
        "RUN_LIMIT_SECONDS",
        "JOB_DEADLINE_SECONDS",
        "GRACE_SECONDS",
        "HARD_EXPIRY_SECONDS",
        "IDEMPOTENCY_DAYS",
        "OUTPUT_URL_SECONDS",
        "RETENTION_DAYS",
    ] {
        for value in ["", "-1", "soon", "1s", "0x10"] {
            let error = config(&[(name, value)]).unwrap_err();
            assert!(error.contains(name), "{name}={value}: {error}");
        }
    }
    for markup in ["0.99", "10.1", "1.35000", "1,35"] {
        assert!(config(&[("MARKUP", markup)]).is_err(), "{markup}");
    }
}
