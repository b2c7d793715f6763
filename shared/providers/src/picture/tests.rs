use testkit::picture::{png, webp, webp_with_metadata};

use super::*;

/// Only the header of a PNG, with any size.
fn header(width: u32, height: u32) -> Vec<u8> {
    let mut bytes = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR".to_vec();
    bytes.extend(width.to_be_bytes());
    bytes.extend(height.to_be_bytes());
    bytes.extend([8, 2, 0, 0, 0, 0, 0, 0, 0]);
    bytes
}

#[test]
fn a_picture_tells_its_size_and_kind() {
    let picture = Picture::read(png(640, 480), Some(7)).unwrap();
    assert_eq!((picture.width(), picture.height()), (640, 480));
    assert_eq!((picture.content_type(), picture.seed()), ("image/png", Some(7)));
    assert_eq!(format!("{picture:?}"), "Picture(640x480 image/png)");
    assert_eq!(picture.into_bytes(), png(640, 480));
}

/// The first chunk of a WebP may be one that nobody knows, which is not kept, and may all the same be
/// taken for the header that it resembles.
#[test]
fn a_picture_has_the_size_of_what_is_kept_of_it() {
    let mut bytes = webp_with_metadata(7, 7);
    assert_eq!(&bytes[12..16], b"VP8X");
    bytes[12] = 0x82;
    bytes[28] = 27;
    let picture = Picture::read(bytes, None).unwrap();
    assert_eq!((picture.width(), picture.height()), (7, 7));
    assert_eq!(picture.into_bytes(), webp(7, 7));
}

#[test]
fn a_side_may_be_as_long_as_the_longest() {
    assert!(Picture::read(png(8_192, 1), None).is_ok());
    assert_eq!(Picture::read(png(8_193, 1), None), Err(NotAPicture));
    assert_eq!(Picture::read(png(1, 8_193), None), Err(NotAPicture));
}

#[test]
fn what_is_no_picture_is_refused() {
    for bytes in [
        b"".to_vec(),
        b"<html>busy</html>".to_vec(),
        b"<svg xmlns='http://www.w3.org/2000/svg'/>".to_vec(),
        b"GIF89a\x01\0\x01\0\0\0\0".to_vec(),
        png(640, 480)[..12].to_vec(),
        header(640, 480),
        header(0, 480),
        vec![0x89; BYTES_MAX + 1],
    ] {
        assert_eq!(Picture::read(bytes, None), Err(NotAPicture));
    }
}
