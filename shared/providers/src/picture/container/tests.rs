#![expect(clippy::arithmetic_side_effects, reason = "a test may overflow and fail")]

use std::io::Cursor;

use image::{DynamicImage, ImageFormat, RgbImage, load_from_memory};
use proptest::{collection::vec, prelude::*};

use super::*;

const SECRET: &[u8] = b"prompt: a secret";
const KINDS: [Kind; 3] = [Kind::Png, Kind::Jpeg, Kind::WebP];

/// A picture of which no two pixels in a row are alike.
fn picture(width: u32, height: u32) -> DynamicImage {
    let pixel = |x: u32, y: u32| {
        let byte = |n: u32| u8::try_from(n % 251).unwrap();
        image::Rgb([byte(x * 7 + y), byte(y * 11), byte(x * y)])
    };
    RgbImage::from_fn(width, height, pixel).into()
}

fn file(kind: Kind, width: u32, height: u32) -> Vec<u8> {
    let format = match kind {
        Kind::Png => ImageFormat::Png,
        Kind::Jpeg => ImageFormat::Jpeg,
        Kind::WebP => ImageFormat::WebP,
    };
    let mut bytes = Cursor::new(Vec::new());
    picture(width, height).write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

fn stripped(kind: Kind, bytes: &[u8]) -> Result<Vec<u8>, NotAPicture> {
    let mut bytes = bytes.to_vec();
    strip(&mut bytes, kind).map(|()| bytes)
}

fn holds(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

fn chunk(kind: &[u8], content: &[u8]) -> Vec<u8> {
    let sum = crc32fast::hash(&[kind, content].concat());
    let length = u32::try_from(content.len()).unwrap();
    [&length.to_be_bytes(), kind, content, &sum.to_be_bytes()].concat()
}

fn segment(marker: u8, content: &[u8]) -> Vec<u8> {
    let length = u16::try_from(content.len() + 2).unwrap();
    [&[0xff, marker], length.to_be_bytes().as_slice(), content].concat()
}

fn riff_chunk(kind: &[u8], content: &[u8]) -> Vec<u8> {
    let length = u32::try_from(content.len()).unwrap();
    let padding: &[u8] = if content.len() % 2 == 1 { &[0] } else { &[] };
    [kind, &length.to_le_bytes(), content, padding].concat()
}

fn riff(chunks: &[Vec<u8>]) -> Vec<u8> {
    let chunks = chunks.concat();
    let length = u32::try_from(chunks.len() + 4).unwrap();
    [b"RIFF", length.to_le_bytes().as_slice(), b"WEBP", &chunks].concat()
}

/// `VP8X` of a picture of 5 by 4.
fn extended(flags: u8) -> Vec<u8> {
    riff_chunk(b"VP8X", &[flags, 0, 0, 0, 4, 0, 0, 3, 0, 0])
}

/// The one chunk of a simple file.
fn bitstream() -> Vec<u8> {
    file(Kind::WebP, 5, 4)[12..].to_vec()
}

/// The chunks of a PNG, and where they are.
fn chunks(bytes: &[u8]) -> Vec<([u8; 4], Range<usize>)> {
    let mut at = PNG_SIGNATURE.len();
    let mut chunks = Vec::new();
    while at < bytes.len() {
        let length = u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap());
        let end = at + usize::try_from(length).unwrap() + 12;
        chunks.push((bytes[at + 4..at + 8].try_into().unwrap(), at..end));
        at = end;
    }
    chunks
}

/// The pixels as the `png` crate has them.
fn png_pixels(bytes: &[u8]) -> Vec<u8> {
    let mut reader = png::Decoder::new(Cursor::new(bytes)).read_info().unwrap();
    let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
    reader.next_frame(&mut pixels).unwrap();
    pixels
}

#[test]
fn a_clean_file_stays_as_it_is() {
    for kind in KINDS {
        let bytes = file(kind, 40, 30);
        assert_eq!(stripped(kind, &bytes).as_ref(), Ok(&bytes), "{kind:?}");
    }
}

#[test]
fn what_lies_behind_the_end_goes() {
    for kind in KINDS {
        let clean = file(kind, 40, 30);
        let bytes = [&clean, SECRET].concat();
        assert_eq!(stripped(kind, &bytes), Ok(clean), "{kind:?}");
    }
}

#[test]
fn a_file_that_ends_early_is_no_picture() {
    for kind in KINDS {
        let bytes = file(kind, 12, 9);
        for length in 0..bytes.len() {
            let stripped = stripped(kind, &bytes[..length]);
            assert_eq!(stripped, Err(NotAPicture), "{kind:?} of {length} bytes");
        }
    }
}

#[test]
fn a_png_loses_everything_but_the_picture() {
    let clean = file(Kind::Png, 40, 30);
    let header = chunks(&clean)[0].1.end;
    let mut bytes = clean[..header].to_vec();
    for kind in [b"tEXt", b"zTXt", b"iTXt", b"eXIf", b"tIME", b"caBX", b"bKGD", b"prVt"] {
        bytes.extend(chunk(kind, SECRET));
    }
    bytes.extend(&clean[header..clean.len() - 12]);
    bytes.extend(chunk(b"tEXt", SECRET));
    bytes.extend(chunk(b"IEND", b""));
    assert_eq!(png_pixels(&bytes), png_pixels(&clean));
    assert_eq!(stripped(Kind::Png, &bytes), Ok(clean));
}

#[test]
fn a_png_keeps_what_its_colours_mean() {
    let clean = file(Kind::Png, 40, 30);
    let header = chunks(&clean)[0].1.end;
    let mut bytes = clean[..header].to_vec();
    bytes.extend(chunk(b"gAMA", &45_455_u32.to_be_bytes()));
    bytes.extend(chunk(b"sRGB", &[0]));
    bytes.extend(chunk(b"cICP", &[1, 13, 0, 1]));
    bytes.extend(chunk(b"pHYs", &[0, 0, 0, 1, 0, 0, 0, 1, 0]));
    bytes.extend(&clean[header..]);
    assert_eq!(stripped(Kind::Png, &bytes), Ok(bytes));
}

#[test]
fn a_png_with_a_palette_keeps_it() {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, 2, 1);
    encoder.set_color(png::ColorType::Indexed);
    encoder.set_palette([1, 2, 3, 4, 5, 6].as_slice());
    encoder.set_trns([7, 8].as_slice());
    let mut writer = encoder.write_header().unwrap();
    writer.write_image_data(&[0, 1]).unwrap();
    writer.finish().unwrap();
    assert_eq!(stripped(Kind::Png, &bytes), Ok(bytes));
}

#[test]
fn an_animated_png_becomes_the_still_picture_that_it_holds() {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, 2, 1);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.set_animated(2, 0).unwrap();
    let mut writer = encoder.write_header().unwrap();
    writer.write_image_data(&[10, 20]).unwrap();
    writer.write_image_data(&[30, 40]).unwrap();
    writer.finish().unwrap();
    let still = stripped(Kind::Png, &bytes).unwrap();
    let kinds: Vec<_> = chunks(&still).into_iter().map(|(kind, _)| kind).collect();
    assert_eq!(kinds, [*b"IHDR", *b"IDAT", *b"IEND"]);
    assert_eq!(png_pixels(&still), [10, 20]);
}

#[test]
fn a_png_that_makes_no_sense_is_no_picture() {
    let clean = file(Kind::Png, 12, 9);
    let parts = chunks(&clean);
    let header = &clean[..parts[0].1.end];
    let (pixels, end) = (&clean[parts[1].1.clone()], chunk(b"IEND", b""));
    assert_eq!([header, pixels, &end].concat(), clean);
    let mut damaged = clean.clone();
    damaged[parts[1].1.start + 9] ^= 1;
    let mut first = PNG_SIGNATURE.to_vec();
    first.extend(chunk(b"tEXt", SECRET));
    for bytes in [
        [header, &end].concat(),
        [header, &chunk(b"IDAT", b""), &end].concat(),
        [header, pixels].concat(),
        [header, &header[PNG_SIGNATURE.len()..], pixels, &end].concat(),
        [header, &chunk(b"CgBI", b""), pixels, &end].concat(),
        [header, pixels, &chunk(b"IEND", SECRET)].concat(),
        [&first, &header[PNG_SIGNATURE.len()..], pixels, &end].concat(),
        damaged,
    ] {
        assert_eq!(stripped(Kind::Png, &bytes), Err(NotAPicture));
    }
}

#[test]
fn a_jpeg_loses_everything_but_the_picture() {
    let clean = file(Kind::Jpeg, 40, 30);
    let mut bytes = clean[..2].to_vec();
    bytes.extend(segment(0xe0, &[b"JFXX\0\x10", SECRET].concat()));
    bytes.extend(segment(0xe1, &[b"Exif\0\0", SECRET].concat()));
    bytes.extend(segment(0xe1, &[b"http://ns.adobe.com/xap/1.0/\0", SECRET].concat()));
    bytes.extend(segment(0xe2, &[b"MPF\0", SECRET].concat()));
    for marker in (0xe3..=0xef).chain([0xfe]) {
        bytes.extend(segment(marker, SECRET));
    }
    bytes.extend(&clean[2..clean.len() - 2]);
    // Behind the pixels as well as before them.
    bytes.extend(segment(0xfe, SECRET));
    bytes.extend(segment(0xe1, SECRET));
    bytes.extend([0xff, 0xd9]);
    // A second picture, as cameras append it.
    bytes.extend(&clean);
    assert_eq!(load_from_memory(&bytes).unwrap(), load_from_memory(&clean).unwrap());
    assert_eq!(stripped(Kind::Jpeg, &bytes), Ok(clean));
}

#[test]
fn a_jpeg_keeps_what_its_colours_mean() {
    let clean = file(Kind::Jpeg, 40, 30);
    assert!(holds(&clean, b"JFIF\0"));
    let mut bytes = clean[..2].to_vec();
    bytes.extend(segment(0xe2, b"ICC_PROFILE\0\x01\x01profile"));
    bytes.extend(segment(0xee, b"Adobe\0\x64\0\0\0\0\x01"));
    bytes.extend(&clean[2..]);
    assert_eq!(stripped(Kind::Jpeg, &bytes), Ok(bytes));
}

#[test]
fn a_jpeg_may_have_several_scans_and_marks_within_them() {
    let frame = segment(0xc2, &[8, 0, 1, 0, 1, 1, 1, 0x11, 0]);
    let scan = segment(0xda, &[1, 1, 0, 0, 0, 0]);
    let first: &[u8] = b"\x01\xff\x00\x02\xff\xd0\x03\xff\xff\x00\x04";
    let table = segment(0xc4, b"\x10table");
    let end: &[u8] = b"\xff\xd9";
    let clean = [b"\xff\xd8", &*frame, &scan, first, &table, &scan, b"\x05", end].concat();
    assert_eq!(stripped(Kind::Jpeg, &clean).as_ref(), Ok(&clean));
    let comment = segment(0xfe, SECRET);
    let bytes = [
        b"\xff\xd8\xff",
        &*comment,
        &frame,
        b"stray\xff\x00\xff\x01\xff\xd3",
        &scan,
        first,
        b"\xff\xff",
        &comment,
        &table,
        &scan,
        b"\x05",
        end,
    ];
    assert_eq!(stripped(Kind::Jpeg, &bytes.concat()), Ok(clean));
}

#[test]
fn a_jpeg_that_makes_no_sense_is_no_picture() {
    let frame = segment(0xc0, &[8, 0, 1, 0, 1, 1, 1, 0x11, 0]);
    let scan = segment(0xda, &[1, 1, 0, 0, 63, 0]);
    let (begin, pixels, end) = (b"\xff\xd8".to_vec(), b"\x01\x02".to_vec(), b"\xff\xd9".to_vec());
    let whole = [&*begin, &frame, &scan, &pixels, &end].concat();
    assert_eq!(stripped(Kind::Jpeg, &whole).as_ref(), Ok(&whole));
    for parts in [
        vec![&begin, &end],
        vec![&begin, &frame, &end],
        vec![&begin, &scan, &pixels, &end],
        vec![&begin, &frame, &scan, &end],
        vec![&begin, &frame, &scan, &pixels],
        vec![&begin, &begin, &frame, &scan, &pixels, &end],
        vec![&begin, &segment(0xf7, b"other"), &frame, &scan, &pixels, &end],
        vec![&begin, &b"\xff\xe1\x00\x01".to_vec(), &frame, &scan, &pixels, &end],
    ] {
        let bytes: Vec<u8> = parts.into_iter().flatten().copied().collect();
        assert_eq!(stripped(Kind::Jpeg, &bytes), Err(NotAPicture), "{bytes:x?}");
    }
}

#[test]
fn a_webp_loses_everything_but_the_picture() {
    let clean = riff(&[extended(0), bitstream()]);
    let bytes = riff(&[
        extended(WEBP_METADATA),
        riff_chunk(b"JUNK", SECRET),
        bitstream(),
        riff_chunk(b"EXIF", SECRET),
        riff_chunk(b"XMP ", &SECRET[1..]),
        riff_chunk(b"C2PA", SECRET),
    ]);
    assert_eq!(load_from_memory(&bytes).unwrap(), picture(5, 4));
    let stripped = stripped(Kind::WebP, &bytes).unwrap();
    assert_eq!(stripped, clean);
    assert_eq!(load_from_memory(&stripped).unwrap(), picture(5, 4));
}

#[test]
fn a_simple_webp_has_no_more_than_its_bitstream() {
    let bytes = riff(&[bitstream(), riff_chunk(b"EXIF", SECRET), riff_chunk(b"ICCP", SECRET)]);
    assert_eq!(stripped(Kind::WebP, &bytes), Ok(file(Kind::WebP, 5, 4)));
}

#[test]
fn a_webp_keeps_what_its_colours_mean_and_its_transparency() {
    let profile = riff_chunk(b"ICCP", b"profile");
    let transparency = riff_chunk(b"ALPH", b"\0\xff");
    let bytes = riff(&[extended(0b0011_0000), profile, transparency, bitstream()]);
    assert_eq!(stripped(Kind::WebP, &bytes), Ok(bytes));
}

#[test]
fn a_webp_that_moves_or_makes_no_sense_is_no_picture() {
    let mut short = file(Kind::WebP, 5, 4);
    short[4] += 2;
    let mut long = file(Kind::WebP, 5, 4);
    long[4] -= 2;
    for bytes in [
        riff(&[]),
        riff(&[extended(0)]),
        riff(&[extended(0), riff_chunk(b"VP8L", b"")]),
        riff(&[extended(WEBP_ANIMATION), bitstream()]),
        riff(&[extended(0), riff_chunk(b"ANIM", &[0; 6]), bitstream()]),
        riff(&[extended(0), riff_chunk(b"ANMF", &[0; 16]), bitstream()]),
        riff(&[extended(0), bitstream(), bitstream()]),
        riff(&[extended(0), extended(0), bitstream()]),
        riff(&[bitstream(), extended(0)]),
        riff(&[riff_chunk(b"VP8X", &[0; 9]), bitstream()]),
        short,
        long,
    ] {
        assert_eq!(stripped(Kind::WebP, &bytes), Err(NotAPicture), "{bytes:x?}");
    }
}

/// A part that a file may hold besides the picture: which of the containers' names it has, and bytes.
fn parts() -> impl Strategy<Value = Vec<(usize, Vec<u8>)>> {
    vec((0_usize..6, vec(any::<u8>(), 0..40)), 0..6)
}

/// A file of a kind with such parts in it.
fn with_parts(kind: Kind, clean: &[u8], parts: &[(usize, Vec<u8>)]) -> Vec<u8> {
    let made = |make: &dyn Fn(usize, &[u8]) -> Vec<u8>| -> Vec<u8> {
        parts.iter().flat_map(|(name, content)| make(*name, content)).collect()
    };
    match kind {
        Kind::Png => {
            let names = [b"tEXt", b"iTXt", b"eXIf", b"tIME", b"caBX", b"prVt"];
            let (first, last) = clean.split_at(chunks(clean)[0].1.end);
            [first, &made(&|name, content| chunk(names[name], content)), last].concat()
        }
        Kind::Jpeg => {
            let markers = [0xe1, 0xe3, 0xeb, 0xed, 0xef, 0xfe];
            let (first, last) = clean.split_at(2);
            [first, &made(&|name, content| segment(markers[name], content)), last].concat()
        }
        Kind::WebP => {
            let names = [b"EXIF", b"XMP ", b"C2PA", b"JUNK", b"UNKN", b"LIST"];
            let parts = made(&|name, content| riff_chunk(names[name], content));
            riff(&[clean[12..].to_vec(), parts])
        }
    }
}

proptest! {
    #[test]
    fn no_pixel_changes_and_a_second_time_changes_nothing(
        width in 1_u32..20,
        height in 1_u32..20,
        parts in parts(),
        behind in vec(any::<u8>(), 0..20),
    ) {
        for kind in KINDS {
            let clean = file(kind, width, height);
            let mut bytes = with_parts(kind, &clean, &parts);
            bytes.extend(&behind);
            let once = stripped(kind, &bytes).unwrap();
            prop_assert_eq!(&once, &clean);
            prop_assert_eq!(stripped(kind, &once).unwrap(), once.clone());
            let before = load_from_memory(&bytes).unwrap();
            prop_assert_eq!(load_from_memory(&once).unwrap(), before);
            if kind == Kind::Png {
                prop_assert_eq!(png_pixels(&once), png_pixels(&clean));
            }
        }
    }

    #[test]
    fn no_bytes_make_it_stumble(bytes in vec(any::<u8>(), 0..200), cut in 0_usize..200) {
        for kind in KINDS {
            // Wholly random, and a real file with random bytes in it.
            let mut real = file(kind, 6, 5);
            let at = cut.min(real.len());
            for (byte, random) in real[at..].iter_mut().zip(&bytes) {
                *byte = *random;
            }
            for bytes in [&bytes, &real] {
                if let Ok(once) = stripped(kind, bytes) {
                    prop_assert!(once.len() <= bytes.len());
                    prop_assert_eq!(stripped(kind, &once).unwrap(), once);
                }
            }
        }
    }
}
