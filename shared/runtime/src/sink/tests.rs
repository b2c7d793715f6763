use std::{
    fs::File,
    io::{PipeReader, Read, pipe},
    time::Instant,
};

use super::*;

/// What is in a pipe, as far as it was written.
fn written(reader: &mut PipeReader) -> String {
    let (mut bytes, mut some) = (Vec::new(), [0; 4_096]);
    while is_readable(reader) {
        let length = reader.read(&mut some).unwrap();
        bytes.extend_from_slice(&some[..length]);
    }
    String::from_utf8(bytes).unwrap()
}

/// Reads on until it is there, or has not come for long.
fn read_until(reader: &mut PipeReader, text: &mut String, is_there: fn(&str) -> bool) {
    let begun = Instant::now();
    while !is_there(text) && begun.elapsed() < Duration::from_secs(20) {
        text.push_str(&written(reader));
        thread::sleep(Duration::from_millis(5));
    }
}

fn is_readable(reader: &PipeReader) -> bool {
    let now = Timespec { tv_sec: 0, tv_nsec: 0 };
    poll(&mut [PollFd::new(reader, PollFlags::IN)], Some(&now)).unwrap() > 0
}

/// A line of a kilobyte.
fn long(n: usize) -> Vec<u8> {
    format!("{n:01023}\n").into_bytes()
}

#[test]
fn a_line_is_out_when_whoever_wrote_it_goes_on_and_nobody_else_wrote_it() {
    let (mut reader, writer) = pipe().unwrap();
    let sink = Sink::new(writer);
    for n in 0..100 {
        writeln!(&sink, "{n}").unwrap();
        assert_eq!(written(&mut reader), format!("{n}\n"));
    }
    assert!(sink.thread.get().is_none());
}

#[test]
fn what_is_longer_than_a_pipe_takes_at_once_is_out_as_well() {
    let (mut reader, writer) = pipe().unwrap();
    let sink = Sink::new(writer);
    sink.line([long(1), long(2), long(3), long(4), long(5)].concat());
    sink.line(b"after\n".to_vec());
    let mut text = String::new();
    read_until(&mut reader, &mut text, |text| text.ends_with("after\n"));
    assert_eq!(text.lines().count(), 6);
    assert!(text.ends_with("0005\nafter\n"), "{text}");
}

#[test]
fn nobody_waits_for_a_stream_that_is_stuck_and_what_was_lost_is_said() {
    let (mut reader, writer) = pipe().unwrap();
    let sink = Sink::new(writer);
    let begun = Instant::now();
    for n in 0..5_000 {
        sink.line(long(n));
    }
    // One moment, and no more.
    assert!(begun.elapsed() < MOMENT.saturating_mul(10), "{:?}", begun.elapsed());

    // Somebody reads again; when there is room for one more, it is not lost.
    let mut text = String::new();
    let mut read_until = |is_there: fn(&str) -> bool| read_until(&mut reader, &mut text, is_there);
    read_until(|text| text.lines().count() > LINES_MAX / 2);
    sink.line(b"after\n".to_vec());
    read_until(|text| text.contains("after\n"));
    // Nothing is in its way any more; what was lost is said by now at the latest.
    sink.line(b"last\n".to_vec());
    read_until(|text| text.contains("last\n") && text.contains("were dropped"));
    assert!(text.contains("\nafter\n") && text.contains("last\n"), "{}", text.len());
    assert!(text.contains("\"message\":\"lines of the log were dropped\""), "{}", text.len());
    let kept: Vec<usize> = text.lines().filter_map(|line| line.parse().ok()).collect();
    assert!(kept.iter().copied().eq(0..kept.len()), "not in order: {kept:?}");
    // What the pipe takes, what the thread has in its hand, and the room for lines.
    assert!(kept.len() <= LINES_MAX + 65, "there was no more room than that: {}", kept.len());
    let dropped = 5_000 - kept.len();
    assert!(text.contains(&format!("\"lines\":{dropped}}}")), "{dropped}");
}

#[test]
fn a_line_that_is_too_long_is_dropped_and_the_next_one_is_not() {
    let (mut reader, writer) = pipe().unwrap();
    let sink = Sink::new(writer);
    sink.line(vec![b'x'; LINE_BYTES_MAX.saturating_add(1)]);
    sink.line(b"short\n".to_vec());
    sink.line(b"and one more\n".to_vec());
    let text = written(&mut reader);
    assert!(text.starts_with("short\n") && text.contains("\"lines\":1}"), "{text}");
}

#[test]
fn a_stream_that_cannot_be_written_loses_lines_and_nothing_else() {
    // It is open for whoever reads.
    let sink = Sink::new(File::open("/dev/null").unwrap());
    let begun = Instant::now();
    for n in 0..1_000 {
        sink.line(long(n));
    }
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    assert_eq!(sink.shared.dropped.load(Ordering::Relaxed), 1_000);
}
