//! What Prometheus reads: counters that live as long as the engine, gauges taken from the picture at each scrape.
//!
//! The invariant: **the number of series is bounded**, whatever AWS answers and however many documents there
//! are. Every label set that is known beforehand starts at zero, so that a rate over the first failure is right.
//!
//! ```text
//! let metrics = Metrics::new(2_000);
//! metrics.reconciled("VpcLink", Reconciled::Success, Duration::from_millis(12));
//! let text = metrics.render(&shown, Timestamp::now());
//! ```

mod gauges;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use hatoba_kinds::{KindId, Operation, is_denial, is_whole};
use jiff::Timestamp;
use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use crate::shown::Shown;

/// Distinct error codes kept for one operation: AWS documents about twenty for the busiest.
const CODES_MAX: usize = 50;
/// No code of AWS's is as long.
const CODE_BYTES_MAX: usize = 64;
/// Stands for every code beyond [`CODES_MAX`], and for every kind that is none of ours.
const OTHER: &str = "other";
/// The code of a call that succeeded.
const OK: &str = "ok";
/// A service's bucket can be throttled before any call of ours succeeds.
const SERVICES: [&str; 6] = ["apigatewayv2", "servicediscovery", "ecs", "ec2", "route53", "sts"];
/// A pass without a call takes milliseconds, one that waits for its budget up to a minute.
const SECONDS: [f64; 11] = [0.005, 0.025, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0];

/// How one pass over a document ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reconciled {
    /// Nothing is left to do.
    Success,
    /// It goes on later: something moves by itself, or waits for another document.
    Requeue,
    /// A call failed, or a human must act.
    Error,
}

impl Reconciled {
    const ALL: [Reconciled; 3] = [Reconciled::Success, Reconciled::Requeue, Reconciled::Error];

    fn as_str(self) -> &'static str {
        match self {
            Reconciled::Success => "success",
            Reconciled::Requeue => "requeue",
            Reconciled::Error => "error",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfKind {
    kind: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfPass {
    kind: String,
    result: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfCall {
    service: &'static str,
    operation: &'static str,
    code: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfService {
    service: &'static str,
}

/// The counters of one engine. Cheap to update from many tasks; no globals, so that worlds can be many.
#[derive(Debug)]
pub(crate) struct Metrics {
    registry: Registry,
    documents_max: usize,
    passes: Family<OfPass, Counter>,
    pass_seconds: Family<OfKind, Histogram, fn() -> Histogram>,
    drift_detected: Family<OfKind, Counter>,
    drift_repaired: Family<OfKind, Counter>,
    calls: Family<OfCall, Counter>,
    throttled: Family<OfService, Counter>,
    denied: Family<OfService, Counter>,
    probes: Family<OfPass, Counter>,
    codes: Mutex<BTreeMap<(&'static str, &'static str), BTreeSet<String>>>,
}

impl Metrics {
    /// All counters at zero. Above `documents_max` documents only conditions that are not `True` are exported.
    pub(crate) fn new(documents_max: usize) -> Self {
        let mut metrics = Metrics {
            registry: Registry::default(),
            documents_max,
            passes: Family::default(),
            pass_seconds: Family::new_with_constructor(|| Histogram::new(SECONDS)),
            drift_detected: Family::default(),
            drift_repaired: Family::default(),
            calls: Family::default(),
            throttled: Family::default(),
            denied: Family::default(),
            probes: Family::default(),
            codes: Mutex::default(),
        };
        metrics.register();
        metrics.start_at_zero();
        metrics
    }

    /// The library appends `_total` to a counter's name and a full stop to its help.
    fn register(&mut self) {
        let registry = &mut self.registry;
        registry.register("hatoba_reconcile", "Passes over documents", self.passes.clone());
        registry.register(
            "hatoba_reconcile_seconds",
            "How long passes over documents took",
            self.pass_seconds.clone(),
        );
        registry.register(
            "hatoba_drift_detected",
            "Times that AWS was found changed behind a document in sync",
            self.drift_detected.clone(),
        );
        registry.register(
            "hatoba_drift_repaired",
            "Times that such a change was undone",
            self.drift_repaired.clone(),
        );
        registry.register(
            "hatoba_aws_requests",
            "Calls to AWS; code is ok or the AWS error code",
            self.calls.clone(),
        );
        registry.register(
            "hatoba_aws_throttled",
            "Calls that AWS refused as too fast",
            self.throttled.clone(),
        );
        registry.register(
            "hatoba_aws_denied",
            "Calls that AWS refused because the role lacks the permission",
            self.denied.clone(),
        );
        registry.register(
            "hatoba_probes",
            "Requests sent through chains, where policy.probe asks for them",
            self.probes.clone(),
        );
    }

    fn start_at_zero(&self) {
        let entries = KindId::ALL.iter().filter(|kind| kind.hop().is_some_and(|hop| hop.is_entry));
        for kind in entries {
            for is_good in [true, false] {
                drop(self.probes.get_or_create(&of_probe(kind.table().kind, is_good)));
            }
        }
        for kind in KindId::ALL {
            let of_kind = OfKind { kind: kind.table().kind.to_owned() };
            drop(self.pass_seconds.get_or_create(&of_kind));
            drop(self.drift_detected.get_or_create(&of_kind));
            drop(self.drift_repaired.get_or_create(&of_kind));
            for result in Reconciled::ALL {
                let of_pass = OfPass { kind: of_kind.kind.clone(), result: result.as_str() };
                drop(self.passes.get_or_create(&of_pass));
            }
            for operation in kind.operations() {
                drop(self.calls.get_or_create(&of_call(operation, OK.to_owned())));
            }
        }
        for service in SERVICES {
            drop(self.throttled.get_or_create(&OfService { service }));
            drop(self.denied.get_or_create(&OfService { service }));
        }
    }

    /// One pass over a document ended.
    pub(crate) fn reconciled(&self, kind: &str, result: Reconciled, took: Duration) {
        // A document that is held may be of any kind that somebody has made up.
        let kind = if KindId::of(kind).is_some() || is_whole(kind) { kind } else { OTHER };
        self.passes.get_or_create(&OfPass { kind: kind.to_owned(), result: result.as_str() }).inc();
        self.pass_seconds.get_or_create(&OfKind { kind: kind.to_owned() }).observe(took.as_secs_f64());
    }

    /// AWS was found changed behind a document that was in sync.
    pub(crate) fn drift_detected(&self, kind: &str) {
        self.drift_detected.get_or_create(&OfKind { kind: kind.to_owned() }).inc();
    }

    /// Such a change was undone.
    pub(crate) fn drift_repaired(&self, kind: &str) {
        self.drift_repaired.get_or_create(&OfKind { kind: kind.to_owned() }).inc();
    }

    /// A request was sent through a chain.
    pub(crate) fn probed(&self, kind: &str, is_good: bool) {
        self.probes.get_or_create(&of_probe(kind, is_good)).inc();
    }

    /// A call to AWS was answered: `code` is `ok` or AWS's error code.
    pub(crate) fn aws_call(&self, operation: &Operation, code: &str, throttled: bool) {
        self.calls.get_or_create(&of_call(operation, self.bounded(operation, code))).inc();
        if throttled {
            self.throttled.get_or_create(&OfService { service: operation.service }).inc();
        }
        if is_denial(code) {
            self.denied.get_or_create(&OfService { service: operation.service }).inc();
        }
    }

    /// The code itself while the operation has had few, else [`OTHER`].
    fn bounded(&self, operation: &Operation, code: &str) -> String {
        if code == OK {
            return OK.to_owned();
        }
        let mut known = self.codes.lock().unwrap_or_else(PoisonError::into_inner);
        let codes = known.entry((operation.service, operation.name)).or_default();
        if codes.contains(code) {
            return code.to_owned();
        }
        if codes.len() >= CODES_MAX || code.is_empty() || code.len() > CODE_BYTES_MAX {
            return OTHER.to_owned();
        }
        codes.insert(code.to_owned());
        code.to_owned()
    }

    /// Everything in the OpenMetrics text format, with the gauges as `shown` has them at `now`.
    pub(crate) fn render(&self, shown: &Shown, now: Timestamp) -> String {
        let mut picture = Registry::default();
        picture.register_collector(Box::new(gauges::gauges(shown, now, self.documents_max)));
        let mut text = String::new();
        let written = text::encode_registry(&mut text, &self.registry)
            .and_then(|()| text::encode_registry(&mut text, &picture))
            .and_then(|()| text::encode_eof(&mut text));
        if let Err(error) = written {
            // Writing into a String does not fail; a cut text without its end mark is refused by Prometheus.
            tracing::error!(%error, "cannot write the metrics");
        }
        text
    }
}

fn of_probe(kind: &str, is_good: bool) -> OfPass {
    let result = if is_good { Reconciled::Success } else { Reconciled::Error };
    OfPass { kind: kind.to_owned(), result: result.as_str() }
}

fn of_call(operation: &Operation, code: String) -> OfCall {
    OfCall { service: operation.service, operation: operation.name, code }
}

/// The same in Prometheus' older text format, for clients that do not ask for OpenMetrics: there a counter is
/// described under the name of its samples, and no end mark is known.
pub(crate) fn classic(openmetrics: &str) -> String {
    let counters: BTreeSet<&str> = openmetrics
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE ")?.strip_suffix(" counter"))
        .collect();
    let mut text = String::with_capacity(openmetrics.len() + counters.len() * 16);
    for line in openmetrics.lines().filter(|line| *line != "# EOF") {
        let mut words = line.splitn(4, ' ');
        match (words.next(), words.next(), words.next(), words.next()) {
            (Some("#"), Some(word), Some(name), Some(rest)) if counters.contains(name) => {
                text.extend(["# ", word, " ", name, "_total ", rest]);
            }
            _ => text.push_str(line),
        }
        text.push('\n');
    }
    text
}
