//! The pictures that stand at `/results/{id}/{i}.{ext}`, made when they are asked for.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use crate::{picture, reply::Reply};

/// What is known of the pictures of a result.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Frame {
    /// Width and height.
    pub(crate) size: (u32, u32),
    /// Whether they carry metadata.
    pub(crate) metadata: bool,
}

/// The frames, by the id of the result. An unknown id has pictures too, of 16 by 16 pixels, so that
/// the URLs in fixtures work.
#[derive(Debug, Default)]
pub(crate) struct Gallery(Mutex<HashMap<String, Frame>>);

impl Gallery {
    /// Says what the pictures of a result look like.
    pub(crate) fn hang(&self, id: &str, frame: Frame) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(id.to_owned(), frame);
    }

    /// The answer to `GET path`, if it is the path of a picture.
    pub(crate) fn answer(&self, path: &str) -> Option<Reply> {
        let (id, file) = path.strip_prefix("/results/")?.split_once('/')?;
        let (number, extension) = file.split_once('.')?;
        number.parse::<u8>().ok()?;
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(id).copied();
        let Frame { size, metadata } = known.unwrap_or(Frame { size: (16, 16), metadata: false });
        let (content_type, bytes) = picture::with_extension(extension, size, metadata)?;
        Some(Reply::bytes(200, content_type, bytes))
    }
}
