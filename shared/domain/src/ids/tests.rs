use proptest::prelude::*;

use super::*;

const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);

#[test]
fn a_job_id_has_one_spelling() {
    let id = JobId::new(NOW, &[7; 10]);
    let text = id.to_string();
    assert_eq!(text.parse::<JobId>(), Ok(id));
    assert_eq!(text.to_uppercase().parse::<JobId>(), Err(BadId));
    assert_eq!(text.replace('-', "").parse::<JobId>(), Err(BadId));
    assert_eq!(format!("{{{text}}}").parse::<JobId>(), Err(BadId));
    assert_eq!("f47ac10b-58cc-4372-a567-0e02b2c3d479".parse::<JobId>(), Err(BadId));
}

#[test]
fn later_jobs_sort_later() {
    let earlier = JobId::new(NOW, &[255; 10]);
    let later = JobId::new(Timestamp::from_millis(NOW.millis() + 1), &[0; 10]);
    assert!(earlier < later);
    assert!(earlier.to_string() < later.to_string());
}

#[test]
fn a_job_id_tells_when_it_was_made() {
    for at in [NOW, Timestamp::from_millis(0), Timestamp::from_millis((1 << 48) - 1)] {
        assert_eq!(JobId::new(at, &[255; 10]).made_at(), at);
    }
}

#[test]
fn a_user_id_is_plain() {
    for good in ["demo", "a", "team-7_prod", &"x".repeat(64)] {
        assert_eq!(good.parse::<UserId>().unwrap().as_str(), good);
    }
    for bad in ["", "A", "a b", "a#b", "ü", &"x".repeat(65), "a\n"] {
        assert_eq!(bad.parse::<UserId>(), Err(BadId), "{bad}");
    }
    assert!(UserId::new(NOW, &[1; 10]).as_str().parse::<UserId>().is_ok());
}

#[test]
fn ids_are_stored_as_they_are_shown() {
    let (job, user) = (JobId::new(NOW, &[7; 10]), "demo".parse::<UserId>().unwrap());
    assert_eq!(serde_json::to_value(job).unwrap(), job.to_string());
    assert_eq!(serde_json::to_value(&user).unwrap(), "demo");
    assert_eq!(user.to_string(), "demo");
    // An entry of a credit sorts among those of jobs.
    let credit = CreditId::new(NOW, &[7; 10]);
    assert_eq!(credit.to_string(), job.to_string());
}

proptest! {
    /// Any text is an id in its own spelling, or none.
    #[test]
    fn an_id_is_written_as_it_was_read(text in ".{0,80}") {
        if let Ok(id) = text.parse::<JobId>() { prop_assert_eq!(id.to_string(), text.clone()); }
        if let Ok(id) = text.parse::<UserId>() { prop_assert_eq!(id.to_string(), text); }
    }
}
