#![expect(clippy::arithmetic_side_effects, reason = "a test may overflow and fail")]

use proptest::prelude::*;

use super::*;

#[test]
fn sizes_map_to_the_nearest_ratio() {
    for (size, ratio) in [
        ("1024x1024", Ratio::Square),
        ("1920x1080", Ratio::Wide),
        ("1080x1920", Ratio::Tall),
        ("16:9", Ratio::Wide),
        ("21:9", Ratio::Cinema),
        ("2048x1024", Ratio::Wide), // √(16/9 · 21/9) = 2.037
        ("3:2", Ratio::Landscape),
        ("2:3", Ratio::Portrait),
        ("1000x1", Ratio::Cinema),
        ("1x1000", Ratio::Tall),
        ("4294967295x4294967295", Ratio::Square),
        ("5:4", Ratio::Landscape),
        ("6:5", Ratio::Landscape),
        ("8:7", Ratio::Square),
    ] {
        assert_eq!(Ratio::parse(size), Some(ratio), "{size}");
    }
}

#[test]
fn what_is_not_a_size_means_the_default() {
    for size in [
        "auto",
        "",
        "x",
        "0x0",
        "0x5",
        "5x0",
        "1024x",
        "1024 x 1024",
        "-1x1",
        "big",
        "1x2x3",
        "4294967296x1",
    ] {
        assert_eq!(Ratio::parse(size), None, "{size}");
    }
}

proptest! {
    /// Each ratio is its own nearest, at any scale.
    #[test]
    fn a_multiple_of_a_ratio_is_that_ratio(index in 0_usize..6, scale in 1_u32..10_000) {
        let ratio = Ratio::ALL[index];
        let (a, b) = ratio.terms();
        prop_assert_eq!(Ratio::parse(&format!("{}x{}", a * scale, b * scale)), Some(ratio));
        prop_assert_eq!(Ratio::parse(ratio.as_str()), Some(ratio));
    }

    /// A wider picture never gets a narrower ratio.
    #[test]
    fn the_mapping_is_monotone(w in 1_u32..5_000, h in 1_u32..5_000, more in 0_u32..5_000) {
        let place = |r: Ratio| Ratio::ALL.iter().position(|x| *x == r).unwrap();
        let (narrow, wide) = (Ratio::nearest(w, h), Ratio::nearest(w + more, h));
        prop_assert!(place(narrow) <= place(wide));
    }
}
