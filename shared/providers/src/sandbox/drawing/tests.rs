use std::io::Cursor;

use super::colour::Colour;
use super::*;

/// A prompt for each scene and each figure, and one without a known word.
const PROMPTS: [&str; 24] = [
    "mountains",
    "the sea",
    "a city",
    "a forest",
    "flowers",
    "a planet",
    "a desert",
    "a perfume",
    "geometric",
    "minimal geometric poster",
    "abstract",
    "a cat",
    "a fox",
    "a wolf",
    "a dog",
    "a rabbit",
    "an hourglass",
    "a robot",
    "a balloon",
    "a boat in the rain",
    "a cabin in the snow",
    "a wanderer under a crescent moon",
    "a rocket",
    "¿qué?",
];

/// The pixels of a PNG, which has to be of that size.
fn decode(bytes: &[u8], width: u32, height: u32) -> Vec<u8> {
    let mut reader = png::Decoder::new(Cursor::new(bytes)).read_info().unwrap();
    let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
    let frame = reader.next_frame(&mut pixels).unwrap();
    assert_eq!((frame.width, frame.height), (width, height));
    assert_eq!((frame.color_type, frame.bit_depth), (ColorType::Rgb, BitDepth::Eight));
    pixels
}

fn picture(prompt: &str, seed: u64) -> Vec<u8> {
    decode(&draw(prompt, 128, 96, seed).unwrap(), 128, 96)
}

/// How far the channels of two pictures are apart on average, of 255.
fn difference(one: &[u8], other: &[u8]) -> f64 {
    assert_eq!(one.len(), other.len());
    let sum: u64 =
        one.iter().zip(other).map(|(left, right)| u64::from(left.abs_diff(*right))).sum();
    sum as f64 / one.len() as f64
}

#[test]
fn the_same_arguments_give_the_same_bytes() {
    for prompt in PROMPTS {
        assert_eq!(draw(prompt, 96, 64, 7).unwrap(), draw(prompt, 96, 64, 7).unwrap(), "{prompt}");
    }
}

#[test]
fn different_prompts_give_clearly_different_pictures() {
    let pictures: Vec<_> = PROMPTS.iter().map(|prompt| (prompt, picture(prompt, 1))).collect();
    for (index, (prompt, one)) in pictures.iter().enumerate() {
        for (other_prompt, other) in pictures.iter().skip(index + 1) {
            let difference = difference(one, other);
            assert!(difference > 8.0, "{prompt} / {other_prompt}: {difference}");
        }
    }
}

#[test]
fn different_seeds_give_clearly_different_pictures() {
    for prompt in PROMPTS {
        let difference = difference(&picture(prompt, 1), &picture(prompt, 2));
        assert!(difference > 4.0, "{prompt}: {difference}");
    }
}

#[test]
fn prompts_that_share_all_known_words_still_differ() {
    let difference = difference(&picture("a cat", 1), &picture("that cat", 1));
    assert!(difference > 4.0, "{difference}");
}

#[test]
fn no_picture_is_of_one_colour() {
    for prompt in PROMPTS {
        let pixels = picture(prompt, 3);
        let flat: Vec<u8> = pixels.iter().copied().take(3).cycle().take(pixels.len()).collect();
        assert!(difference(&pixels, &flat) > 10.0, "{prompt}");
    }
}

#[test]
fn every_offered_size_decodes_to_itself() {
    for (width, height) in [(1024, 1024), (1536, 640), (768, 1344), (1820, 1024), (2048, 2048)] {
        let bytes = draw("neon city at night", width, height, 5).unwrap();
        decode(&bytes, width, height);
    }
}

#[test]
fn the_smallest_and_the_thinnest_pictures_are_drawn() {
    for prompt in PROMPTS {
        for (width, height) in [(1, 1), (2, 1), (3, 7), (16, 16), (1, 300), (300, 1)] {
            decode(&draw(prompt, width, height, 11).unwrap(), width, height);
        }
    }
}

#[test]
fn sizes_without_area_or_beyond_the_limit_are_refused() {
    for (width, height) in [(0, 0), (0, 64), (64, 0), (2049, 64), (64, 2049), (u32::MAX, u32::MAX)]
    {
        let refused = draw("a cat", width, height, 1);
        assert!(matches!(refused, Err(DrawingError::Size { .. })), "{width}x{height}");
    }
}

#[test]
fn a_picture_of_the_usual_size_stays_below_a_megabyte() {
    for prompt in PROMPTS {
        let bytes = draw(prompt, 1024, 1024, 2).unwrap();
        assert!(bytes.len() < 1_000_000, "{prompt}: {}", bytes.len());
    }
}

#[test]
fn the_file_has_no_chunks_but_the_needed_ones() {
    let bytes = draw("a cat", 64, 64, 1).unwrap();
    let (signature, mut rest) = bytes.split_at(8);
    assert_eq!(signature, b"\x89PNG\r\n\x1a\n");
    let mut kinds = Vec::new();
    while let Some((length, after)) = rest.split_first_chunk::<4>() {
        let length = u32::from_be_bytes(*length) as usize;
        kinds.push(String::from_utf8(after[..4].to_vec()).unwrap());
        rest = &after[4 + length + 4..];
    }
    kinds.dedup();
    assert_eq!(kinds, ["IHDR", "IDAT", "IEND"]);
}

#[test]
fn the_mark_shows_on_black_and_on_white_and_only_in_its_corner() {
    let side = 512;
    for ground in [Colour::BLACK, Colour::WHITE] {
        let blank = || {
            let mut canvas = Canvas::new(side, side).unwrap();
            canvas.wash(0.0, 512.0, &[(0.0, ground)]);
            canvas
        };
        let mut marked = blank();
        watermark::paint(&mut marked);
        let (before, after) = (blank().into_rgb(), marked.into_rgb());
        let changed = before.iter().zip(&after).enumerate().filter(|(_, (from, to))| from != to);
        let places: Vec<_> = changed.map(|(place, _)| (place / 3 % 512, place / 3 / 512)).collect();
        assert!(places.len() > 500, "{ground:?}: {}", places.len());
        assert!(places.iter().all(|(x, y)| *x > 400 && *y > 480), "{ground:?}");
    }
}
