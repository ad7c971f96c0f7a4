//! The facts that alarms are made of, in CloudWatch's Embedded Metric Format: a line of JSON on standard output, of which
//! the log's own agent makes metrics. No call, no permission, no endpoint.
//!
//! The invariant: **the same facts under the same names as in `/metrics`** ([`crate::Engine::metrics_text`]), summed over
//! their labels, because CloudWatch bills every combination. A counter becomes what it grew by since the last line, a
//! point in time becomes how long ago it is.
//!
//! ```
//! use hatoba_engine::Emf;
//! let line = Emf::new("team".to_owned(), jiff::Timestamp::UNIX_EPOCH).line("hatoba_leader 1\n", jiff::Timestamp::UNIX_EPOCH);
//! assert!(line.contains("\"hatoba_leader\":1.0"));
//! ```

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

/// CloudWatch's namespace of all of them.
const NAMESPACE: &str = "Hatoba";

/// A point in time, and the name of how long ago it is.
const AGES: [(&str, &str); 1] =
    [("hatoba_source_last_success_timestamp_seconds", "hatoba_source_last_success_seconds")];

/// Everything else, by its name in `/metrics`; about as many as alarms need, for each costs money.
const FACTS: [(&str, &str); 13] = [
    ("hatoba_aws_denied_total", "Count"),
    ("hatoba_aws_throttled_total", "Count"),
    ("hatoba_documents", "Count"),
    ("hatoba_drift_repaired_total", "Count"),
    ("hatoba_leader", "Count"),
    ("hatoba_nonconverging", "Count"),
    ("hatoba_not_ready_seconds", "Seconds"),
    ("hatoba_not_serving_seconds", "Seconds"),
    ("hatoba_oldest_unverified_seconds", "Seconds"),
    ("hatoba_prune_fuse_open", "Count"),
    ("hatoba_prune_held", "Count"),
    ("hatoba_source_documents_invalid", "Count"),
    ("hatoba_workqueue_depth", "Count"),
];

/// Makes the lines of one process.
#[derive(Debug)]
pub struct Emf {
    owner: String,
    started_at: Timestamp,
    counted: BTreeMap<&'static str, f64>,
}

impl Emf {
    /// Counters are taken to have been 0 at the start.
    pub fn new(owner: String, started_at: Timestamp) -> Emf {
        Emf { owner, started_at, counted: BTreeMap::new() }
    }

    /// The line for what `/metrics` says now.
    pub fn line(&mut self, metrics: &str, now: Timestamp) -> String {
        let mut values: Map<String, Value> = Map::new();
        let mut described: Vec<Value> = Vec::new();
        for (name, unit) in FACTS {
            let Some(sum) = sum(metrics, name) else { continue };
            let value = if name.ends_with("_total") {
                sum - self.counted.insert(name, sum).unwrap_or_default()
            } else {
                sum
            };
            values.insert(name.to_owned(), json!(value));
            described.push(json!({ "Name": name, "Unit": unit }));
        }
        for (name, age) in AGES {
            let Some(since) = sum(metrics, name) else { continue };
            let start = self.started_at.as_millisecond() as f64 / 1_000.0;
            // 0: never; then it is as old as this process.
            let since = if since > 0.0 { since } else { start };
            let seconds = (now.as_millisecond() as f64 / 1_000.0 - since).max(0.0);
            values.insert(age.to_owned(), json!(seconds));
            described.push(json!({ "Name": age, "Unit": "Seconds" }));
        }
        values.insert("owner".to_owned(), json!(self.owner));
        values.insert(
            "_aws".to_owned(),
            json!({
                "Timestamp": now.as_millisecond(),
                "CloudWatchMetrics":
                    [{ "Namespace": NAMESPACE, "Dimensions": [["owner"]], "Metrics": described }],
            }),
        );
        Value::Object(values).to_string()
    }
}

/// A metric summed over its labels; `None`: there is none of that name.
fn sum(metrics: &str, name: &str) -> Option<f64> {
    let samples = metrics.lines().filter_map(|line| {
        let rest = line.strip_prefix(name)?;
        let (_, value) = rest.starts_with(['{', ' ']).then(|| rest.rsplit_once(' '))??;
        value.parse::<f64>().ok()
    });
    samples.fold(None, |sum, value| Some(sum.unwrap_or(0.0) + value))
}

#[cfg(test)]
mod tests {
    use super::*;

    const METRICS: &str = "\
# TYPE hatoba_drift_repaired counter
hatoba_drift_repaired_total{kind=\"VpcLink\"} 2
hatoba_drift_repaired_total{kind=\"Stage\"} 3
hatoba_documents{kind=\"VpcLink\"} 1
hatoba_documents_other 9
hatoba_oldest_unverified_seconds 1.5
hatoba_source_last_success_timestamp_seconds 0.0
# EOF
";

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn counters_become_growth_and_points_in_time_become_ages() {
        let mut emf = Emf::new("team".to_owned(), at(100));
        let mut line =
            |metrics: &str, now| -> Value { serde_json::from_str(&emf.line(metrics, at(now))).unwrap() };
        let first = line(METRICS, 160);
        assert_eq!(first["hatoba_drift_repaired_total"], 5.0);
        assert_eq!(first["hatoba_documents"], 1.0);
        assert_eq!(first["hatoba_source_last_success_seconds"], 60.0, "never read: since the start");
        let second = line(&METRICS.replace("seconds 0.0", "seconds 170.0").replace("} 3", "} 4"), 200);
        assert_eq!(second["hatoba_drift_repaired_total"], 1.0);
        assert_eq!(second["hatoba_source_last_success_seconds"], 30.0);
        assert_eq!(second["_aws"]["Timestamp"], 200_000);
    }

    /// The specification: every metric and every dimension that is described is a member beside `_aws`.
    #[test]
    fn what_is_described_is_there() {
        let line = Emf::new("team".to_owned(), at(0)).line(METRICS, at(60));
        assert!(!line.contains('\n'));
        let line: Value = serde_json::from_str(&line).unwrap();
        let directive = &line["_aws"]["CloudWatchMetrics"][0];
        assert!(
            directive["Metrics"]
                .as_array()
                .unwrap()
                .iter()
                .all(|metric| line[metric["Name"].as_str().unwrap()].is_f64())
        );
        assert_eq!((&directive["Dimensions"], &line["owner"]), (&json!([["owner"]]), &json!("team")));
    }
}
