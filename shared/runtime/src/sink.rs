//! Where lines go that are logged or counted: a stream that may be full, or that nobody reads.
//!
//! Whoever writes to a full pipe waits until somebody reads it, and a request must not wait for its log. So a
//! line is written at once only where the stream says that it has room; where it has none, a thread writes.
//! Whoever has a line waits a moment for that thread, because what is not written when an invocation ends
//! is frozen with it; but when the stream is stuck, nobody waits: there is room for some lines, and what does
//! not fit is dropped and counted. A stream that cannot be written at all (a full disk) loses its lines, and
//! nothing else.

use std::{
    fmt,
    io::{self, Write},
    os::fd::AsFd,
    sync::{
        Arc, Mutex, OnceLock, PoisonError, TryLockError,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread,
    time::Duration,
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    pipe::PIPE_BUF,
};

/// For how many lines there is room.
const LINES_MAX: usize = 256;
/// The longest line that is taken: with the room for lines, what they take of memory at most.
const LINE_BYTES_MAX: usize = 64 * 1_024;
/// How long a line is waited for, once: a thousand times what it takes.
const MOMENT: Duration = Duration::from_millis(100);

/// A stream that nobody waits for.
pub struct Sink {
    shared: Arc<Shared>,
    /// To the thread, once there was need of it; where there is none to be had, what it would write is dropped.
    thread: OnceLock<Option<SyncSender<Line>>>,
}

/// What whoever has a line and the thread have in common.
struct Shared {
    stream: Mutex<Box<dyn Stream>>,
    /// Lines that the thread has yet to write: none may be written before them.
    waiting: AtomicUsize,
    is_stuck: AtomicBool,
    dropped: AtomicU64,
}

/// A line, and who waits for it.
struct Line {
    text: Vec<u8>,
    written: SyncSender<()>,
}

trait Stream: Write + Send {
    /// Whether it takes as much as [`PIPE_BUF`] without anybody reading, as a pipe says that has a page free
    /// (<https://man7.org/linux/man-pages/man7/pipe.7.html>).
    fn has_room(&self) -> bool;
}

impl<S: Write + AsFd + Send> Stream for S {
    fn has_room(&self) -> bool {
        let mut stream = [PollFd::new(self, PollFlags::OUT)];
        let now = Timespec { tv_sec: 0, tv_nsec: 0 };
        poll(&mut stream, Some(&now)).is_ok_and(|ready| ready > 0)
    }
}

/// Standard output.
pub fn stdout() -> &'static Sink {
    static SINK: OnceLock<Sink> = OnceLock::new();
    SINK.get_or_init(|| Sink::new(io::stdout()))
}

/// Standard error.
pub fn stderr() -> &'static Sink {
    static SINK: OnceLock<Sink> = OnceLock::new();
    SINK.get_or_init(|| Sink::new(io::stderr()))
}

impl Sink {
    /// Writes to a stream.
    pub fn new(stream: impl Write + AsFd + Send + 'static) -> Self {
        let shared = Shared {
            stream: Mutex::new(Box::new(stream)),
            waiting: AtomicUsize::new(0),
            is_stuck: AtomicBool::new(false),
            dropped: AtomicU64::new(0),
        };
        Self { shared: Arc::new(shared), thread: OnceLock::new() }
    }

    /// Writes a line, which has its end, or hands it over.
    pub fn line(&self, text: Vec<u8>) {
        if text.len() > LINE_BYTES_MAX {
            self.shared.drop_line();
        } else if !self.shared.write_at_once(&text) {
            self.hand_over(text);
        }
    }

    fn hand_over(&self, text: Vec<u8>) {
        let (written, wait) = sync_channel(1);
        let thread = self.thread.get_or_init(|| start_thread(Arc::clone(&self.shared)));
        self.shared.waiting.fetch_add(1, Ordering::AcqRel);
        let line = Line { text, written };
        if thread.as_ref().is_none_or(|lines| lines.try_send(line).is_err()) {
            self.shared.waiting.fetch_sub(1, Ordering::AcqRel);
            self.shared.drop_line();
        } else if !self.shared.is_stuck.load(Ordering::Relaxed)
            && wait.recv_timeout(MOMENT).is_err()
        {
            self.shared.is_stuck.store(true, Ordering::Relaxed);
        }
    }
}

impl Shared {
    /// Whether the line is out: not where it would have to wait, for others or for whoever reads.
    fn write_at_once(&self, text: &[u8]) -> bool {
        if text.len() > PIPE_BUF || self.waiting.load(Ordering::Acquire) > 0 {
            return false;
        }
        let mut stream = match self.stream.try_lock() {
            Ok(stream) => stream,
            Err(TryLockError::Poisoned(error)) => error.into_inner(),
            Err(TryLockError::WouldBlock) => return false,
        };
        if !stream.has_room() {
            return false;
        }
        self.write(&mut **stream, text);
        true
    }

    /// Writes what was handed over, for as long as there is somebody who has some.
    fn write_all(&self, lines: &Receiver<Line>) {
        for Line { text, written } in lines {
            let mut stream = self.stream.lock().unwrap_or_else(PoisonError::into_inner);
            self.write(&mut **stream, &text);
            drop(stream);
            self.waiting.fetch_sub(1, Ordering::AcqRel);
            self.is_stuck.store(false, Ordering::Relaxed);
            // Who does not wait any more does not hear it.
            written.send(()).ok();
        }
    }

    fn write(&self, stream: &mut dyn Stream, text: &[u8]) {
        if stream.write_all(text).and_then(|()| stream.flush()).is_err() {
            return self.drop_line();
        }
        if self.dropped.load(Ordering::Relaxed) > 0 && stream.has_room() {
            let dropped = self.dropped.swap(0, Ordering::Relaxed);
            let note = format!(
                "{{\"level\":\"WARN\",\"fields\":{{\"message\":\"lines of the log were dropped\",\"lines\":{dropped}}}}}\n"
            );
            if stream.write_all(note.as_bytes()).and_then(|()| stream.flush()).is_err() {
                self.dropped.fetch_add(dropped, Ordering::Relaxed);
            }
        }
    }

    fn drop_line(&self) {
        self.dropped.fetch_add(1, Ordering::Relaxed);
    }
}

/// Starts who waits for the stream, so that nobody else has to.
fn start_thread(shared: Arc<Shared>) -> Option<SyncSender<Line>> {
    let (sender, lines) = sync_channel(LINES_MAX);
    let thread = thread::Builder::new().name("log".to_owned());
    thread.spawn(move || shared.write_all(&lines)).is_ok().then_some(sender)
}

/// Takes a line at a time, as the logger writes them. It never fails: a log is not what a request fails for.
impl Write for &Sink {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        self.line(text.to_vec());
        Ok(text.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl fmt::Debug for Sink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sink").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
