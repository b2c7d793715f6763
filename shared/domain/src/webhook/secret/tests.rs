use std::time::Duration;

use super::*;
use crate::{ids::JobId, webhook::EventKind};

const NOW: Timestamp = Timestamp::from_millis(1_674_087_231_000);

fn job() -> JobId {
    JobId::new(NOW, &[7; 10])
}

#[test]
fn what_is_signed_is_the_id_the_second_and_the_body() {
    let secret: Secret =
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo=".to_owned().try_into().unwrap();
    let event = EventId { job: job(), kind: EventKind::Succeeded };
    let body = r#"{"test": 2432232314}"#;
    let signed = secret.sign(&event, NOW, body);
    let mut mac = Hmac::<Sha256>::new_from_slice(&secret.0).unwrap();
    mac.update(format!("evt_{}_succeeded.1674087231.{body}", job()).as_bytes());
    assert_eq!(signed, format!("v1,{}", BASE64.encode(mac.finalize().into_bytes())));
    let later = NOW.plus(Duration::from_secs(1));
    let failed = EventId { kind: EventKind::Failed, ..event };
    for other in [
        secret.sign(&event, later, body),
        secret.sign(&failed, NOW, body),
        secret.sign(&event, NOW, "{}"),
    ] {
        assert_ne!(signed, other);
    }
}

#[test]
fn a_secret_is_read_as_it_is_told_and_never_shown() {
    let secret = Secret::new([3; SECRET_BYTES]);
    assert_eq!(Secret::try_from(secret.reveal()).unwrap(), secret);
    assert!(!format!("{secret:?}").contains(&secret.reveal()[8..]));
    for bad in
        ["", "whsec_", "whsec_AAAA", "AwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwM=", "whsec_!"]
    {
        assert_eq!(Secret::try_from(bad.to_owned()), Err(BadSecret), "{bad}");
    }
}

#[test]
fn while_a_secret_is_rotated_both_sign() {
    let event = EventId { job: job(), kind: EventKind::Failed };
    let (new, old) = (Secret::new([1; SECRET_BYTES]), Secret::new([2; SECRET_BYTES]));
    let until = NOW.plus(Duration::from_hours(24));
    let secrets = Secrets { current: new.clone(), previous: Some((old.clone(), until)) };
    let both = format!("{} {}", new.sign(&event, NOW, "x"), old.sign(&event, NOW, "x"));
    assert_eq!(secrets.sign(&event, NOW, "x"), both);
    assert_eq!(secrets.sign(&event, until, "x"), new.sign(&event, until, "x"));
}
