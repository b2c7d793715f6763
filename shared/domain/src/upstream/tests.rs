use super::*;
use crate::catalogue::MODELS;

fn upstreams(text: &str) -> Upstreams {
    text.parse().unwrap()
}

/// Who makes the pictures of each model, in the order of the catalogue.
fn chosen(text: &str) -> [Upstream; 4] {
    MODELS.each_ref().map(|model| upstreams(text).offer(model.id).upstream)
}

#[test]
fn a_model_is_made_by_its_maker_else_by_fal_else_by_the_sandbox() {
    use Upstream::{Bfl, Fal, Ideogram, Recraft, Sandbox};
    for (text, expected) in [
        ("", [Sandbox; 4]),
        ("fal", [Fal; 4]),
        ("bfl", [Bfl, Bfl, Sandbox, Sandbox]),
        ("ideogram", [Sandbox, Sandbox, Ideogram, Sandbox]),
        ("recraft", [Sandbox, Sandbox, Sandbox, Recraft]),
        ("bfl,fal", [Bfl, Bfl, Fal, Fal]),
        ("fal,recraft=3,ideogram,bfl=48", [Bfl, Bfl, Ideogram, Recraft]),
    ] {
        assert_eq!(chosen(text), expected, "{text}");
    }
}

#[test]
fn an_upstream_is_stored_and_configured_by_one_word() {
    for upstream in Upstream::KEYED.into_iter().chain([Upstream::Sandbox]) {
        assert_eq!(serde_json::to_value(upstream).unwrap(), upstream.as_str());
    }
    for text in ["", "bfl", "bfl,ideogram=40,recraft,fal=2"] {
        assert_eq!(upstreams(text).to_string(), text);
    }
    assert_eq!(Upstreams::new([Upstream::Fal, Upstream::Sandbox]), upstreams("fal"));
    let keyed: Vec<_> = upstreams("fal,bfl=2").keyed().collect();
    assert_eq!(keyed, [Upstream::Bfl, Upstream::Fal]);
}

#[test]
fn what_is_no_list_of_upstreams_is_refused() {
    for text in [
        "sandbox",
        "BFL",
        "bfl,",
        ",bfl",
        "bfl,bfl",
        "bfl fal",
        "bfl, fal",
        "bfl=0",
        "bfl=",
        "bfl=-1",
        "bfl=4294967296",
        "=3",
        "bfl=1,bfl=2",
    ] {
        assert_eq!(text.parse::<Upstreams>(), Err(BadUpstreams), "{text}");
    }
}

#[test]
fn all_workers_together_stay_within_an_upstreams_limit() {
    for workers in 1..=30 {
        let workers = NonZeroU32::new(workers).unwrap();
        for (text, upstream, limit) in [
            ("bfl", Upstream::Bfl, 24),
            ("ideogram", Upstream::Ideogram, 10),
            ("ideogram=40", Upstream::Ideogram, 40),
            ("fal=7", Upstream::Fal, 7),
        ] {
            let places = upstreams(text).places(upstream, workers).unwrap();
            assert!(places * workers.get() <= limit, "{text} {workers}");
            assert!((places + 1) * workers.get() > limit, "{text} {workers}");
        }
        assert_eq!(upstreams("fal,recraft").places(Upstream::Fal, workers), None);
        assert_eq!(upstreams("fal,recraft").places(Upstream::Recraft, workers), None);
        // Of jobs that were accepted before an upstream left the list, the limit still holds.
        assert!(upstreams("").places(Upstream::Bfl, workers).is_some());
    }
}
