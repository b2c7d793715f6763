//! A count, as CloudWatch reads it. It drops a line that breaks the format without a word.

use std::sync::{Arc, Mutex};

use bolero::check;
use domain::{time::Timestamp, upstream::Upstream};
use runtime::{
    By, Clock,
    metrics::{DIMENSIONS, Metric, Metrics, NAMESPACE},
};
use serde_json::Value;

/// The longest line, in bytes: CloudWatch takes a megabyte.
const LINE_BYTES_MAX: usize = 1_024;

#[test]
fn whatever_is_counted_is_one_line_in_the_embedded_metric_format() {
    let upstreams = [Upstream::Sandbox].into_iter().chain(Upstream::KEYED).collect::<Vec<_>>();
    check!().with_type::<(u8, u64, u8, u64)>().with_iterations(2_000).for_each(
        |&(metric, value, upstream, now)| {
            let metric = Metric::ALL[usize::from(metric) % Metric::ALL.len()];
            let upstream = upstreams[usize::from(upstream) % upstreams.len()];
            let line = Arc::new(Mutex::new(String::new()));
            let written = Arc::clone(&line);
            let clock = Clock::new(move || Timestamp::from_millis(now));
            let metrics = Metrics::new("generate", clock, move |line| {
                line.clone_into(&mut written.lock().unwrap());
                Ok(())
            });
            let by = [By::Upstream(upstream), By::Outcome("accepted")];
            metrics.count(metric, value, &by);

            let line = line.lock().unwrap();
            assert!(line.len() < LINE_BYTES_MAX && !line.contains('\n'), "{line}");
            let read: Value = serde_json::from_str(&line).unwrap();
            let directive = &read["_aws"]["CloudWatchMetrics"][0];
            assert_eq!(read["_aws"]["Timestamp"], now);
            assert_eq!(directive["Namespace"], NAMESPACE);
            assert_eq!(directive["Metrics"][0]["Name"], metric.name());
            assert_eq!(read[metric.name()], value);
            for set in directive["Dimensions"].as_array().unwrap() {
                let names = set.as_array().unwrap().iter().map(|name| name.as_str().unwrap());
                assert!(names.clone().all(|name| read[name].is_string()), "{line}");
                assert!(DIMENSIONS.iter().all(|name| names.clone().any(|there| there == *name)));
            }
        },
    );
}
