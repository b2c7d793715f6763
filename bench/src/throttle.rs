//! A share of a core, as Lambda gives it to a function by its memory.

use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    process,
    thread::{self, JoinHandle},
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process};

/// The memory at which a function has one whole core.
pub(crate) const WHOLE_CORE_MB: u32 = 1_769;
/// How often the share is given out anew.
const PERIOD: Duration = Duration::from_millis(20);

/// How processes are held back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Means {
    /// `cpu.max` of cgroup v2.
    V2,
    /// `cpu.cfs_quota_us` of cgroup v1.
    V1,
    /// By stopping and continuing the process; coarser, and it needs no rights.
    Signals,
}

impl Means {
    /// The best that this machine lets us have.
    pub(crate) fn find() -> Means {
        let tried = |means| Group::new(means, 128).is_ok_and(|group| group.is_some());
        [Means::V2, Means::V1].into_iter().find(|means| tried(*means)).unwrap_or(Means::Signals)
    }

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Means::V2 => "cgroup v2 cpu.max",
            Means::V1 => "cgroup v1 cpu.cfs_quota_us",
            Means::Signals => "SIGSTOP and SIGCONT",
        }
    }

    const fn root(self) -> Option<&'static str> {
        match self {
            Means::V2 => Some("/sys/fs/cgroup"),
            Means::V1 => Some("/sys/fs/cgroup/cpu"),
            Means::Signals => None,
        }
    }
}

/// A process that is held back until this is dropped, or the process has ended.
#[derive(Debug)]
pub(crate) enum Throttle {
    Group { _group: Group },
    Signals { _stopper: JoinHandle<()> },
}

impl Throttle {
    /// Holds a process, with all its threads, to the share that so much memory has.
    pub(crate) fn on(means: Means, pid: u32, memory_mb: u32) -> anyhow::Result<Throttle> {
        if let Some(group) = Group::new(means, memory_mb)? {
            group.set("cgroup.procs", &pid.to_string())?;
            return Ok(Throttle::Group { _group: group });
        }
        let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
        let pid = pid.ok_or_else(|| anyhow::anyhow!("no process has this id"))?;
        let run = Duration::from_micros(share(memory_mb));
        let pause = PERIOD.saturating_sub(run);
        // Ends by itself, with the process.
        let stopper = thread::spawn(move || {
            while kill_process(pid, Signal::STOP).is_ok() {
                thread::sleep(pause);
                if kill_process(pid, Signal::CONT).is_err() {
                    break;
                }
                thread::sleep(run);
            }
        });
        Ok(Throttle::Signals { _stopper: stopper })
    }
}

/// The share of [`PERIOD`] in microseconds.
fn share(memory_mb: u32) -> u64 {
    let period = u64::try_from(PERIOD.as_micros()).unwrap_or(u64::MAX);
    let share = period.saturating_mul(memory_mb.into()).checked_div(WHOLE_CORE_MB.into());
    share.unwrap_or(period)
}

/// A control group of our own, which goes with this.
#[derive(Debug)]
pub(crate) struct Group {
    path: PathBuf,
}

impl Group {
    /// None where processes are not held back by groups.
    fn new(means: Means, memory_mb: u32) -> std::io::Result<Option<Group>> {
        let Some(root) = means.root() else { return Ok(None) };
        let path = Path::new(root).join(format!("holdfast-bench-{}", process::id()));
        if let Err(error) = fs::create_dir(&path)
            && error.kind() != std::io::ErrorKind::AlreadyExists
        {
            return Err(error);
        }
        let group = Group { path };
        let (share, period) = (share(memory_mb), PERIOD.as_micros());
        if means == Means::V2 {
            group.set("cpu.max", &format!("{share} {period}"))?;
        } else {
            group.set("cpu.cfs_period_us", &period.to_string())?;
            group.set("cpu.cfs_quota_us", &share.to_string())?;
        }
        Ok(Some(group))
    }

    /// The kernel made the file; where nobody did, this is a directory like any other.
    fn set(&self, file: &str, value: &str) -> std::io::Result<()> {
        fs::OpenOptions::new().write(true).open(self.path.join(file))?.write_all(value.as_bytes())
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        // Fails while a process is in it; the next one of ours uses it again.
        if fs::remove_dir(&self.path).is_err() {
            thread::sleep(PERIOD);
            drop(fs::remove_dir(&self.path));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_of_the_memory_that_has_a_whole_core() {
        assert_eq!(share(128), 1_447);
        assert_eq!(share(WHOLE_CORE_MB), 20_000);
    }
}
