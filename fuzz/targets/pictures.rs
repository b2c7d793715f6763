//! Pictures as upstreams deliver them: what is kept of the bytes is a picture, the same one, and no more.

use bolero::check;
use providers::{BYTES_MAX, Picture};
use testkit::picture;

use crate::mutation::Input;

/// The most pixels that are decoded to be compared.
const PIXELS_MAX: u32 = 1 << 20;

/// Small pictures of each kind, bare and with all that there may be beside the picture.
fn seeds() -> Vec<Vec<u8>> {
    vec![
        picture::png(9, 5),
        picture::png_with_metadata(9, 5),
        picture::jpeg(16, 9),
        picture::jpeg_with_metadata(16, 9),
        picture::webp(7, 7),
        picture::webp_with_metadata(7, 7),
    ]
}

#[test]
fn what_is_kept_of_a_picture_shows_the_same_and_is_kept_again_as_it_is() {
    let seeds = seeds();
    for seed in &seeds {
        assert!(kept(seed).is_some());
    }
    check!().with_type::<Input>().with_iterations(6_000).for_each(|input| {
        kept(&input.bytes(&seeds));
    });
}

/// What is kept of the bytes, if anything is.
fn kept(bytes: &[u8]) -> Option<Vec<u8>> {
    let picture = Picture::read(bytes.to_vec(), None).ok()?;
    let (width, height) = (picture.width(), picture.height());
    let begins: &[u8] = match picture.content_type() {
        "image/png" => b"\x89PNG\r\n\x1a\n",
        "image/jpeg" => b"\xff\xd8",
        "image/webp" => b"RIFF",
        other => panic!("{other}"),
    };
    let kept = picture.clone().into_bytes();
    assert!((1..=8_192).contains(&width) && (1..=8_192).contains(&height));
    assert!(kept.len() <= bytes.len() && kept.len() <= BYTES_MAX && kept.starts_with(begins));

    let again = Picture::read(kept.clone(), None).expect("what was kept is a picture");
    assert!(again == picture, "{picture:?} was kept, and is kept as {again:?}");
    if width.checked_mul(height).is_some_and(|pixels| pixels <= PIXELS_MAX)
        && let Ok(before) = image::load_from_memory(bytes)
    {
        let after = image::load_from_memory(&kept).expect("what showed before shows now");
        assert_eq!(before.to_rgba8(), after.to_rgba8());
        assert_eq!((after.width(), after.height()), (width, height));
    }
    Some(kept)
}
