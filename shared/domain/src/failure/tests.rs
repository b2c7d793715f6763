use proptest::prelude::*;

use super::*;

fn clean(said: &str) -> Option<String> {
    Reason::clean(said).map(|reason| reason.as_str().to_owned())
}

#[test]
fn a_reason_is_one_short_plain_line() {
    assert_eq!(clean(" seed:\r\n\tmust be\0 a number "), Some("seed: must be a number".to_owned()));
    assert_eq!(clean("<b>bold</b>"), Some("b bold /b".to_owned()));
    assert_eq!(clean("a\u{202e}b\u{200b}c"), Some("a b c".to_owned()));
    assert_eq!(clean(&"x".repeat(5_000)).unwrap().len(), 200);
    assert_eq!(clean("\u{1b}[31m"), Some("[31m".to_owned()));
    for nothing in ["", " \n ", "\u{feff}"] {
        assert_eq!(clean(nothing), None, "{nothing:?}");
    }
}

#[test]
fn who_the_provider_is_stays_untold() {
    for said in [
        "see https://docs.bfl.ai/errors",
        "BFL internal code 7",
        "ask support@fal.ai",
        "Ideogram does not take this",
        "Recraft: unsupported",
        "invalid API key",
        "Traceback (most recent call last)",
        "your Black\nForest Labs account",
        "FAL rejected this",
        "not taken (fal)",
        "request 01914d6c-23a5-7b4e-8f0a-5e6c2f9b1d3a failed",
        "task req_8f3k29dk3m19s0a1 failed",
    ] {
        assert_eq!(clean(said), None, "{said}");
    }
    for said in ["the default is false", "at most 16777216 pixels, not 20000000", "a falling cat"] {
        assert_eq!(clean(said), Some(said.to_owned()));
    }
}

#[test]
fn a_reason_is_not_shown_in_logs() {
    let verdict = Verdict { failure: Failure::ProviderRejected, reason: Reason::clean("a secret") };
    assert!(!format!("{verdict:?}").contains("secret"));
}

#[test]
fn each_failure_has_its_code_and_says_whether_to_try_again() {
    for (failure, code, retryable) in [
        (Failure::ContentModerated, "content_moderated", false),
        (Failure::ProviderRejected, "provider_rejected", false),
        (Failure::ProviderFailed, "provider_failed", true),
        (Failure::ImageUrlUnreachable, "image_url_unreachable", true),
        (Failure::ImageUrlNotAPicture, "image_url_not_a_picture", false),
        (Failure::OutputInvalid, "output_invalid", true),
        (Failure::OutcomeUnknown, "outcome_unknown", true),
        (Failure::JobExpired, "job_expired", true),
    ] {
        assert_eq!((failure.code(), failure.retryable()), (code, retryable));
        // It is stored under the word that callers see.
        assert_eq!(serde_json::to_value(failure).unwrap(), code);
        let message = failure.message();
        assert!(message.ends_with('.') && message.len() > 20, "{message}");
    }
}

proptest! {
    /// Whatever is said, what is shown is bounded, visible, and clean when cleaned again.
    #[test]
    fn a_reason_that_is_clean_stays_so(said in ".*") {
        if let Some(reason) = clean(&said) {
            prop_assert!(reason.chars().count() <= REASON_CHARS_MAX);
            prop_assert!(!reason.chars().any(char::is_control));
            prop_assert_eq!(clean(&reason), Some(reason.trim().to_owned()));
        }
    }
}
