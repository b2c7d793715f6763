use std::{
    sync::{Mutex, mpsc},
    time::Instant,
};

use super::*;

/// A stream that keeps what it is given, once it may.
#[derive(Clone, Default)]
struct Kept(Arc<Mutex<Vec<u8>>>);

impl Kept {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Kept {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(text);
        Ok(text.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A full pipe, until somebody reads.
struct Full(Receiver<()>, Kept);

impl Write for Full {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        self.0.recv().ok();
        self.1.write(text)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_line_is_out_when_whoever_wrote_it_goes_on() {
    let kept = Kept::default();
    let sink = Sink::new(kept.clone());
    for n in 0..100 {
        writeln!(&sink, "{n}").unwrap();
        assert!(kept.text().ends_with(&format!("{n}\n")));
    }
    assert_eq!(kept.text().lines().count(), 100);
}

#[test]
fn nobody_waits_for_a_stream_that_is_stuck_and_what_was_lost_is_said() {
    let (reader, full) = mpsc::channel();
    let kept = Kept::default();
    let sink = Sink::new(Full(full, kept.clone()));
    let begun = Instant::now();
    for n in 0..5_000 {
        sink.line(format!("{n}\n").into_bytes());
    }
    // One moment, and no more.
    assert!(begun.elapsed() < MOMENT.saturating_mul(10), "{:?}", begun.elapsed());

    // Somebody reads again.
    drop(reader);
    let begun = Instant::now();
    while !kept.text().contains("were dropped") && begun.elapsed() < Duration::from_secs(20) {
        thread::sleep(Duration::from_millis(5));
    }
    sink.line(b"after\n".to_vec());
    let text = kept.text();
    assert!(
        text.starts_with("0\n") && text.contains("\"message\":\"lines of the log were dropped\"")
    );
    assert!(text.ends_with("after\n"), "{text}");
    assert!(
        text.lines().count() <= LINES_MAX.saturating_add(4),
        "there was no more room than that"
    );
}

#[test]
fn a_line_that_is_too_long_is_dropped_and_the_next_one_is_not() {
    let kept = Kept::default();
    let sink = Sink::new(kept.clone());
    sink.line(vec![b'x'; LINE_BYTES_MAX.saturating_add(1)]);
    sink.line(b"short\n".to_vec());
    sink.line(b"and one more\n".to_vec());
    let text = kept.text();
    assert!(text.starts_with("short\n") && text.contains("\"lines\":1}"), "{text}");
}

#[test]
fn a_full_disk_loses_lines_and_nothing_else() {
    struct Disk;
    impl Write for Disk {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::StorageFull.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let sink = Sink::new(Disk);
    let begun = Instant::now();
    for n in 0..1_000 {
        writeln!(&sink, "{n}").unwrap();
    }
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    assert!(sink.state.dropped.load(Ordering::Relaxed) >= 999);
}
