//! What functions count, read from the lines that they write.

use std::{
    io,
    sync::{Arc, Mutex},
};

use serde_json::Value;

/// Everything that was counted. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Counts(Arc<Mutex<Vec<Value>>>);

impl Counts {
    /// Takes a line, as CloudWatch would.
    pub fn taker(&self) -> impl Fn(&str) -> io::Result<()> + Send + Sync + 'static {
        let counts = self.clone();
        move |line| {
            counts.0.lock().expect("nobody panics").push(serde_json::from_str(line)?);
            Ok(())
        }
    }

    /// What a metric comes to.
    pub fn sum(&self, metric: &str) -> u64 {
        self.sum_where(metric, |_| true)
    }

    /// What a metric comes to, of what has this outcome.
    pub fn sum_of(&self, metric: &str, outcome: &str) -> u64 {
        self.sum_where(metric, |line| line.get("outcome").is_some_and(|of| of == outcome))
    }

    /// The value that a metric had last.
    pub fn last(&self, metric: &str) -> Option<u64> {
        let lines = self.0.lock().expect("nobody panics");
        lines.iter().rev().find_map(|line| line.get(metric)?.as_u64())
    }

    /// What was counted: by which function, under which name, by what it can be split. Sorted, each once.
    pub fn seen(&self) -> Vec<(String, String, Vec<String>)> {
        let lines = self.0.lock().expect("nobody panics");
        let read = |line: &Value, at: &str| line.pointer(at)?.as_str().map(str::to_owned);
        let one = |line| {
            let name = read(line, "/_aws/CloudWatchMetrics/0/Metrics/0/Name")?;
            let sets = line.pointer("/_aws/CloudWatchMetrics/0/Dimensions")?.as_array()?;
            let split = sets.iter().filter_map(|set| set.get(2)?.as_str().map(str::to_owned));
            Some((read(line, "/service")?, name, split.collect()))
        };
        let mut seen: Vec<_> = lines.iter().filter_map(one).collect();
        seen.sort();
        seen.dedup();
        seen
    }

    fn sum_where(&self, metric: &str, is_meant: impl Fn(&Value) -> bool) -> u64 {
        let lines = self.0.lock().expect("nobody panics");
        let meant = lines.iter().filter(|line| is_meant(line));
        meant.filter_map(|line| line.get(metric)?.as_u64()).fold(0, u64::saturating_add)
    }
}
