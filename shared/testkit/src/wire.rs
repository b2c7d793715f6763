//! Bodies that do on the wire what a reply asks for.

use std::{
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use futures_util::stream::{self, Stream};
use hyper::body::{Body, Bytes, Frame};

/// How long a body waits before it breaks off: what was sent before must have left by then.
const FLUSHED: Duration = Duration::from_millis(50);
/// What an endless body sends at a time.
const PIECE: usize = 64 * 1024;

/// A body. It never says how long it is, so that a length can be claimed for it.
pub(crate) struct Wire(Pin<Box<dyn Stream<Item = io::Result<Bytes>> + Send>>);

impl Wire {
    /// All of it.
    pub(crate) fn whole(bytes: Vec<u8>) -> Self {
        Self(Box::pin(stream::once(async { Ok(Bytes::from(bytes)) })))
    }

    /// All of it, then the connection breaks.
    pub(crate) fn broken(bytes: Vec<u8>) -> Self {
        Self(Box::pin(stream::unfold(Some(bytes), |left| async {
            if let Some(bytes) = left {
                return Some((Ok(Bytes::from(bytes)), None));
            }
            tokio::time::sleep(FLUSHED).await;
            Some((Err(io::Error::other("broken off")), None))
        })))
    }

    /// Byte by byte.
    pub(crate) fn drip(bytes: Vec<u8>, pause: Duration) -> Self {
        Self(Box::pin(stream::unfold(
            (true, bytes.into_iter()),
            move |(first, mut left)| async move {
                let byte = left.next()?;
                if !first {
                    tokio::time::sleep(pause).await;
                }
                Some((Ok(Bytes::from(vec![byte])), (false, left)))
            },
        )))
    }

    /// So many zeros. Those that have left are added to `streamed`.
    pub(crate) fn endless(total: u64, streamed: Arc<AtomicU64>) -> Self {
        static ZEROS: [u8; PIECE] = [0; PIECE];
        Self(Box::pin(stream::unfold((total, streamed), |(left, streamed)| async move {
            let size = usize::try_from(left).unwrap_or(PIECE).min(PIECE);
            let piece = ZEROS.get(..size).filter(|piece| !piece.is_empty())?;
            let sent = u64::try_from(size).unwrap_or_default();
            streamed.fetch_add(sent, Ordering::Relaxed);
            Some((Ok(Bytes::from_static(piece)), (left.saturating_sub(sent), streamed)))
        })))
    }
}

impl Body for Wire {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        self.0.as_mut().poll_next(context).map(|piece| piece.map(|piece| piece.map(Frame::data)))
    }
}
