use std::time::Duration;

use super::{
    schedule::{ATTEMPTS, Next, Outcome, PAUSES, PUT_OFF_MAX, next},
    *,
};
use crate::time::Timestamp;

const NOW: Timestamp = Timestamp::from_millis(1_674_087_231_000);

fn job() -> JobId {
    JobId::new(NOW, &[7; 10])
}

fn url(text: &str) -> WebhookUrl {
    text.to_owned().try_into().unwrap()
}

#[test]
fn ids_have_one_text_each() {
    let user: UserId = "anna".parse().unwrap();
    let endpoint = EndpointId::of(&user, &url("https://example.com/hook"));
    assert_eq!(endpoint, EndpointId::of(&user, &url("https://example.com/hook")));
    assert_ne!(endpoint, EndpointId::of(&user, &url("https://example.com/hook2")));
    assert_ne!(endpoint, EndpointId::of(&"ann".parse().unwrap(), &url("https://example.com/hook")));
    for receiver in [Receiver::Order, Receiver::Endpoint(endpoint)] {
        for kind in EventKind::ALL {
            let id = DeliveryId { event: EventId { job: job(), kind }, receiver: receiver.clone() };
            assert_eq!(id.to_string().parse(), Ok(id.clone()));
            assert!(!id.event.to_string().contains('.'));
            let text = id.to_string();
            for bad in [
                text.to_uppercase(),
                format!("{text}."),
                format!(" {text}"),
                text.replace('.', "#"),
            ] {
                assert_eq!(bad.parse::<DeliveryId>(), Err(BadDeliveryId), "{bad}");
            }
        }
    }
    for bad in ["", "ep_", "ep_0123456789abcdef0123456g", "ep_0123456789ABCDEF01234567", "order "] {
        assert!(bad.parse::<Receiver>().is_err(), "{bad}");
    }
}

#[test]
fn a_url_is_of_the_web_and_has_no_credentials() {
    for good in ["https://example.com", "https://example.com:8443/a?b=c", "http://127.0.0.1:9/x"] {
        assert_eq!(url(good).as_str(), good);
    }
    let long = format!("https://example.com/{}", "x".repeat(URL_BYTES_MAX));
    for bad in [
        "",
        "example.com",
        "ftp://example.com",
        "https://u:p@example.com",
        " https://example.com",
        "https://",
        "https://example.com/#a",
        &long,
    ] {
        assert_eq!(WebhookUrl::try_from(bad.to_owned()), Err(BadWebhookUrl), "{bad}");
    }
    assert!(!format!("{:?}", url("https://example.com/secret")).contains("secret"));
}

#[test]
fn events_that_are_not_named_are_all_of_them() {
    let all = Events::default();
    assert!(EventKind::ALL.into_iter().all(|kind| all.contain(kind)));
    let some = Events::new(BTreeSet::from([EventKind::Failed]));
    assert!(some.contain(EventKind::Failed) && !some.contain(EventKind::Succeeded));
    for status in Status::ALL {
        let kind = EventKind::of(status);
        assert!(kind.is_none_or(|kind| kind.status() == status));
        assert_eq!(kind.is_none(), [Status::Pending, Status::Processing].contains(&status));
    }
    for kind in EventKind::ALL {
        assert_eq!(kind.as_str().parse(), Ok(kind));
    }
    assert_eq!("job.pending".parse::<EventKind>(), Err(BadEventKind));
}

/// 0, 5 s, 5 min, 30 min, 2 h, 5 h, 10 h, 14 h, 20 h, 24 h: 75 hours and 35 minutes.
#[test]
fn ten_attempts_are_made_in_about_three_days() {
    let total: Duration = PAUSES.into_iter().sum();
    assert_eq!(total, Duration::from_secs(75 * 3_600 + 35 * 60 + 5));
    for (made, pause) in (1..).zip(PAUSES) {
        for luck in [0, 1, 999, u64::MAX] {
            let Next::Again(at) = next(made, Outcome::Status(500), None, NOW, luck) else {
                panic!("{made}")
            };
            let waits = at.since(NOW);
            assert!(waits >= pause && waits <= pause + pause / 10, "{made} {waits:?}");
        }
    }
    let first = Next::Again(NOW.plus(PAUSES[0]));
    assert_eq!(next(0, Outcome::Lost, None, NOW, 0), first);
    assert_eq!(next(ATTEMPTS, Outcome::Status(500), None, NOW, 0), Next::GivenUp);
    assert_eq!(next(ATTEMPTS + 1, Outcome::Late, None, NOW, 0), Next::GivenUp);
    assert_eq!(next(1, Outcome::Closed, None, NOW, 0), Next::GivenUp);
}

#[test]
fn only_a_2xx_is_taken_for_a_delivery() {
    for status in 200..=299 {
        assert_eq!(next(1, Outcome::Status(status), None, NOW, 0), Next::Delivered);
        assert_eq!(next(ATTEMPTS, Outcome::Status(status), None, NOW, 0), Next::Delivered);
    }
    assert_eq!(next(1, Outcome::Status(410), None, NOW, 0), Next::Gone);
    for status in [100, 199, 300, 301, 302, 304, 307, 308, 400, 404, 429, 500, 502, 503, 504, 599] {
        assert!(
            matches!(next(1, Outcome::Status(status), None, NOW, 0), Next::Again(_)),
            "{status}"
        );
    }
    for outcome in [
        Outcome::Late,
        Outcome::Refused,
        Outcome::Unreachable,
        Outcome::Tls,
        Outcome::Broken,
        Outcome::Lost,
    ] {
        assert!(matches!(next(1, outcome, None, NOW, 0), Next::Again(_)), "{outcome:?}");
    }
}

#[test]
fn a_receiver_puts_us_off_for_a_day_at_most_and_never_hurries_us() {
    let asked = |made, asked| match next(made, Outcome::Status(429), Some(asked), NOW, 0) {
        Next::Again(at) => at.since(NOW),
        other @ (Next::Delivered | Next::GivenUp | Next::Gone) => panic!("{other:?}"),
    };
    assert_eq!(asked(1, Duration::from_mins(2)), Duration::from_mins(2));
    assert_eq!(asked(2, Duration::from_mins(2)), PAUSES[1]);
    assert_eq!(asked(1, Duration::MAX), PUT_OFF_MAX);
    assert_eq!(
        next(ATTEMPTS, Outcome::Status(429), Some(Duration::from_secs(1)), NOW, 0),
        Next::GivenUp
    );
}
