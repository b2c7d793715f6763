//! Nobody takes the log: its pipe is full, or its disk. Callers are answered all the same.

use std::{
    fs::File,
    io::{PipeReader, Write as _, pipe},
    process::Stdio,
    thread,
    time::{Duration, Instant},
};

use domain::job::Status;

use crate::{
    program::{Function, Program},
    world::World,
};

/// A pipe that is full, for as long as its reading end is there and nobody reads.
fn full_pipe() -> (PipeReader, [Stdio; 2]) {
    let (reader, writer) = pipe().unwrap();
    let streams = [writer.try_clone().unwrap(), writer.try_clone().unwrap()].map(Stdio::from);
    // It fills the pipe, whatever its size, and then waits like everybody.
    thread::spawn(move || {
        let mut writer = writer;
        while writer.write_all(&[b'x'; 4_096]).is_ok() {}
    });
    (reader, streams)
}

fn full_disk() -> [Stdio; 2] {
    [0; 2].map(|_| File::options().write(true).open("/dev/full").unwrap().into())
}

async fn all_is_answered(streams: impl Fn() -> [Stdio; 2]) {
    let world = World::start().await;
    let anna = world.user("anna").await;
    let (submit, lookup, worker, sweep) = tokio::join!(
        Program::start_unheard(&world, Function::Submit, streams()),
        Program::start_unheard(&world, Function::Lookup, streams()),
        Program::start_unheard(&world, Function::Generate, streams()),
        Program::start_unheard(&world, Function::Sweep, streams()),
    );
    let begun = Instant::now();
    let mut jobs = Vec::new();
    for key in ["one", "two", "three"] {
        jobs.push(anna.submit(&submit, key).await.accepted());
    }
    for job in &jobs {
        assert_eq!(anna.look_at(&lookup, job).await.job(), *job);
    }
    assert!(begun.elapsed() < Duration::from_secs(30), "{:?}", begun.elapsed());
    world.run_with(&worker, &sweep, &anna, &jobs).await;
    for job in &jobs {
        assert_eq!(world.is_settled(&anna, job).await, Status::Succeeded);
    }
    world.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_that_nobody_takes_keeps_no_caller_waiting() {
    let mut readers = Vec::new();
    let pipes: Vec<[Stdio; 2]> = (0..4)
        .map(|_| {
            let (reader, streams) = full_pipe();
            readers.push(reader);
            streams
        })
        .collect();
    let pipes = std::sync::Mutex::new(pipes);
    all_is_answered(|| pipes.lock().unwrap().pop().unwrap()).await;
    drop(readers);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_whose_disk_is_full_costs_no_caller_an_answer() {
    all_is_answered(full_disk).await;
}
