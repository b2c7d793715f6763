//! Deliveries that the reference implementation has signed, and some that nobody has.

use standardwebhooks::Webhook;

use super::*;

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const OTHER: &str = "whsec_bmV2ZXIgdG9sZCB0byBhbnlib2R5IGVsc2U=";
const ID: &str = "msg_p5jXN8AQM9LWM0D4loKWxJek";
const NOW: u64 = 1_614_265_330;
const BODY: &[u8] = br#"{"test": 2432232314}"#;

fn signed(secret: &str, at: u64) -> String {
    let at = i64::try_from(at).unwrap();
    Webhook::new(secret).unwrap().sign(ID, at, BODY).unwrap()
}

fn check(signature: &str, at: &str, body: &[u8]) -> Result<(), Unverified> {
    let headers = Headers { id: ID, timestamp: at, signature };
    Verifier::new(SECRET).unwrap().verify(headers, body, NOW)
}

#[test]
fn what_the_reference_implementation_signs_is_believed() {
    let at = NOW.to_string();
    assert_eq!(check(&signed(SECRET, NOW), &at, BODY), Ok(()));
    // Published with the specification's libraries.
    let known = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
    assert_eq!(check(known, &at, BODY), Ok(()));
}

#[test]
fn one_good_signature_among_others_is_enough() {
    let (good, other) = (signed(SECRET, NOW), signed(OTHER, NOW));
    let at = NOW.to_string();
    for signatures in
        [format!("{other} {good}"), format!("{good} {other}"), format!("v1a,AAAA v2,BBBB {good}")]
    {
        assert_eq!(check(&signatures, &at, BODY), Ok(()), "{signatures}");
    }
}

#[test]
fn whatever_was_changed_is_not_believed() {
    let (good, at) = (signed(SECRET, NOW), NOW.to_string());
    let bad = Err(Unverified::BadSignature);
    assert_eq!(check(&good, &at, br#"{"test": 2432232315}"#), bad);
    assert_eq!(check(&good, &(NOW + 1).to_string(), BODY), bad);
    assert_eq!(check(&signed(OTHER, NOW), &at, BODY), bad);
    for signature in [
        "",
        "v1,",
        "v1,AAAA",
        "v1,***",
        "AAAA",
        &good.replace("v1,", "v2,"),
        &good[..good.len() - 4],
    ] {
        assert_eq!(check(signature, &at, BODY), bad, "{signature}");
    }
    let headers = Headers { id: "msg_other", timestamp: &at, signature: &good };
    assert_eq!(Verifier::new(SECRET).unwrap().verify(headers, BODY, NOW), bad);
}

#[test]
fn a_delivery_is_believed_for_five_minutes_and_for_as_long_as_one_says() {
    for (at, told) in [
        (NOW - 300, Ok(())),
        (NOW + 300, Ok(())),
        (NOW - 301, Err(Unverified::OutOfTime)),
        (NOW + 301, Err(Unverified::OutOfTime)),
    ] {
        assert_eq!(check(&signed(SECRET, at), &at.to_string(), BODY), told, "{at}");
    }
    for at in ["", "-1", "now", "1.5", "99999999999999999999"] {
        assert_eq!(check("v1,AAAA", at, BODY), Err(Unverified::BadTimestamp), "{at}");
    }
    let at = NOW - 301;
    let patient = Verifier::new(SECRET).unwrap().with_tolerance(Duration::from_secs(301));
    let signature = signed(SECRET, at);
    let headers = Headers { id: ID, timestamp: &at.to_string(), signature: &signature };
    assert_eq!(patient.verify(headers, BODY, NOW), Ok(()));
}

#[test]
fn a_secret_is_base_64_and_is_not_shown() {
    for secret in ["", "whsec_", "whsec_***", "whsec_a"] {
        assert_eq!(Verifier::new(secret).unwrap_err(), BadSecret, "{secret}");
    }
    assert_eq!(format!("{:?}", Verifier::new(SECRET).unwrap()), "Verifier(***)");
}
