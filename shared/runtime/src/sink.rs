//! Where lines go that are logged or counted: a stream that may be full, or that nobody reads.
//!
//! Whoever writes to a full pipe waits until somebody reads it, and a request must not wait for its log. So a
//! thread writes. Whoever has a line waits a moment for it, because what is not written when an invocation ends
//! is frozen with it; but when the stream is stuck, nobody waits: there is room for some lines, and what does
//! not fit is dropped and counted. A stream that cannot be written at all (a full disk) loses its lines, and
//! nothing else.

use std::{
    fmt,
    io::{self, Write},
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, AtomicU64, Ordering},
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread,
    time::Duration,
};

/// For how many lines there is room.
const LINES_MAX: usize = 256;
/// The longest line that is taken: with the room for lines, what they take of memory at most.
const LINE_BYTES_MAX: usize = 64 * 1_024;
/// How long a line is waited for, once: a thousand times what it takes.
const MOMENT: Duration = Duration::from_millis(100);

/// A stream that is written to by a thread of its own.
pub struct Sink {
    lines: Option<SyncSender<Line>>,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    is_stuck: AtomicBool,
    dropped: AtomicU64,
}

/// A line, and who waits for it.
struct Line {
    text: Vec<u8>,
    written: SyncSender<()>,
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
    /// Writes to a stream. Where there is no thread to be had, every line is dropped.
    pub fn new(stream: impl Write + Send + 'static) -> Self {
        let state = Arc::<State>::default();
        let (sender, lines) = sync_channel(LINES_MAX);
        let of_thread = Arc::clone(&state);
        let write = move || write_all(stream, &lines, &of_thread);
        let thread = thread::Builder::new().name("log".to_owned()).spawn(write);
        Self { lines: thread.is_ok().then_some(sender), state }
    }

    /// Hands a line over, with its end.
    pub fn line(&self, text: Vec<u8>) {
        let (written, wait) = sync_channel(1);
        let fits = text.len() <= LINE_BYTES_MAX;
        let lines = self.lines.as_ref().filter(|_| fits);
        let is_taken = lines.is_some_and(|lines| lines.try_send(Line { text, written }).is_ok());
        if !is_taken {
            self.state.dropped.fetch_add(1, Ordering::Relaxed);
        } else if !self.state.is_stuck.load(Ordering::Relaxed) && wait.recv_timeout(MOMENT).is_err()
        {
            self.state.is_stuck.store(true, Ordering::Relaxed);
        }
    }
}

/// Writes line by line, for as long as there is somebody who has some.
fn write_all(mut stream: impl Write, lines: &Receiver<Line>, state: &State) {
    for Line { text, written } in lines {
        let done = stream.write_all(&text).and_then(|()| stream.flush());
        if done.is_err() {
            state.dropped.fetch_add(1, Ordering::Relaxed);
        }
        state.is_stuck.store(false, Ordering::Relaxed);
        // Who does not wait any more does not hear it.
        written.send(()).ok();
        let dropped = if done.is_ok() { state.dropped.swap(0, Ordering::Relaxed) } else { 0 };
        if dropped > 0 {
            let note = format!(
                "{{\"level\":\"WARN\",\"fields\":{{\"message\":\"lines of the log were dropped\",\"lines\":{dropped}}}}}\n"
            );
            if stream.write_all(note.as_bytes()).and_then(|()| stream.flush()).is_err() {
                state.dropped.fetch_add(dropped, Ordering::Relaxed);
            }
        }
    }
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
