//! The gauges: everything that a scrape can read off the picture, in the picture's order.

use std::collections::BTreeMap;
use std::fmt;

use hatoba_core::{Condition, Key, Truth};
use hatoba_kinds::KindId;
use jiff::Timestamp;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric, MetricEncoder};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::gauge::ConstGauge;

use crate::shown::{DocumentShown, ProbeShown, PruningShown, Shown};

/// Synced, Ready, Serving.
const CONDITIONS: usize = 3;
/// Each has one of three truths.
const SERIES_PER_DOCUMENT: usize = 3 * CONDITIONS;
/// Reasons for which a resource without a document is there and nobody needs to act: another process's work, and what
/// was asked for.
const NOT_HELD: [&str; 2] = ["StandBy", "Retained"];
/// And such as pass by themselves, if they do so soon.
const PASSING: [&str; 2] = ["Grace", "InUse"];

/// Gauges with their values.
#[derive(Debug)]
pub(super) struct Gauges(Vec<Gauge>);

#[derive(Debug)]
struct Gauge {
    name: &'static str,
    help: &'static str,
    series: Vec<(Labels, Value)>,
}

type Labels = Vec<(&'static str, String)>;

#[derive(Clone, Copy, Debug)]
enum Value {
    Whole(i64),
    Seconds(f64),
}

impl Value {
    fn encode(self, encoder: MetricEncoder<'_>) -> fmt::Result {
        match self {
            Value::Whole(value) => ConstGauge::new(value).encode(encoder),
            Value::Seconds(value) => ConstGauge::new(value).encode(encoder),
        }
    }
}

impl Collector for Gauges {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        for gauge in &self.0 {
            let mut metric = encoder.encode_descriptor(gauge.name, gauge.help, None, MetricType::Gauge)?;
            match gauge.series.as_slice() {
                // Without labels, not with `{}`.
                [(labels, value)] if labels.is_empty() => value.encode(metric)?,
                series => {
                    for (labels, value) in series {
                        value.encode(metric.encode_family(labels)?)?;
                    }
                }
            }
        }
        Ok(())
    }
}

/// Every gauge of the picture.
pub(super) fn gauges(shown: &Shown, now: Timestamp, documents_max: usize) -> Gauges {
    let one = |name, help, value| Gauge { name, help, series: vec![(Labels::new(), value)] };
    Gauges(vec![
        Gauge {
            name: "hatoba_document_condition",
            help: "1 for the status that the condition has; above the limit only conditions that are not True.",
            series: conditions(&shown.documents, documents_max),
        },
        Gauge {
            name: "hatoba_document_reason",
            help: "1 for the reason of a condition that is not True.",
            series: reasons(&shown.documents, documents_max),
        },
        Gauge { name: "hatoba_documents", help: "Documents.", series: documents(&shown.documents) },
        one(
            "hatoba_source_documents_invalid",
            "Documents that are held because something is wrong with them.",
            whole(shown.source.invalid),
        ),
        one(
            "hatoba_source_last_success_timestamp_seconds",
            "When the source was last read well; 0: never.",
            timestamp(shown.source.last_success),
        ),
        one(
            "hatoba_last_full_resync_timestamp_seconds",
            "When AWS was last read as a whole; 0: never.",
            timestamp(shown.last_full_resync),
        ),
        one(
            "hatoba_oldest_unverified_seconds",
            "How long ago the document that was not compared with AWS for longest was; from the start if never.",
            Value::Seconds(oldest_unverified(shown, now)),
        ),
        one(
            "hatoba_not_ready_seconds",
            "How long the document that is not Ready for longest has not been; 0: all are.",
            Value::Seconds(not_ready(shown, now)),
        ),
        one(
            "hatoba_not_serving_seconds",
            "How long the chain that is known to be broken for longest has been; 0: none is.",
            Value::Seconds(not_serving(shown, now)),
        ),
        one("hatoba_workqueue_depth", "Documents that are due.", whole(shown.queue.depth)),
        one(
            "hatoba_workqueue_oldest_seconds",
            "How long the oldest of them has been due.",
            Value::Seconds(shown.queue.oldest_seconds),
        ),
        one(
            "hatoba_nonconverging",
            "Documents that differ again after every write.",
            whole(shown.queue.nonconverging),
        ),
        one(
            "hatoba_paused",
            "Documents whose resource bears the tag hatoba:pause-until.",
            whole(shown.queue.paused),
        ),
        one(
            "hatoba_prune_held",
            "Resources whose document is gone and that stay until somebody acts.",
            whole(shown.pruning.iter().filter(|pruning| is_held(pruning)).count()),
        ),
        one(
            "hatoba_prune_fuse_open",
            "1 while too many documents vanished at once, and nothing is deleted until somebody acknowledges it.",
            Value::Whole(
                shown.pruning.iter().any(|pruning| pruning.held.reason.as_str() == "FuseOpen").into(),
            ),
        ),
        one(
            "hatoba_rogue_children",
            "Resources in APIs of ours that no document asks for.",
            whole(shown.rogue_children.len()),
        ),
        one(
            "hatoba_owner_shared",
            "1 if another source in the bucket has the same owner.",
            Value::Whole(shown.notices.iter().any(|notice| notice.reason.as_str() == "OwnerShared").into()),
        ),
        Gauge {
            name: "hatoba_probe_success",
            help: "1 if the newest request that policy.probe asks for was answered as expected.",
            series: probes(&shown.documents, documents_max, |probe| Value::Whole(probe.is_good.into())),
        },
        Gauge {
            name: "hatoba_probe_seconds",
            help: "How long its answer took.",
            series: probes(&shown.documents, documents_max, |probe| {
                Value::Seconds(probe.milliseconds as f64 / 1_000.0)
            }),
        },
        one("hatoba_leader", "1 if this process writes.", Value::Whole(shown.leader.into())),
        Gauge { name: "hatoba_build_info", help: "Always 1.", series: vec![(build(shown), Value::Whole(1))] },
    ])
}

fn build(shown: &Shown) -> Labels {
    let commit = shown.commit.map(|commit| ("commit", commit.to_owned()));
    std::iter::once(("version", shown.version.to_owned())).chain(commit).collect()
}

fn conditions(documents: &BTreeMap<Key, DocumentShown>, documents_max: usize) -> Vec<(Labels, Value)> {
    let is_short = documents.len() > documents_max;
    let mut series = Vec::new();
    for (key, document) in documents {
        for (name, condition) in conditions_of(document) {
            let truths = Truth::ALL
                .into_iter()
                .filter(|truth| !is_short || (*truth == condition.status && condition.status != Truth::True));
            series.extend(truths.map(|truth| {
                let labels = vec![
                    ("kind", key.kind.clone()),
                    ("name", key.name.clone()),
                    ("condition", name.to_owned()),
                    ("status", truth.as_str().to_owned()),
                ];
                (labels, Value::Whole((truth == condition.status).into()))
            }));
        }
    }
    // Never more than there would be just at the limit, even when nothing is True.
    series.truncate(documents_max.saturating_mul(SERIES_PER_DOCUMENT));
    series
}

/// Why what is not as it should be is not: one series for each such condition, which goes with the reason.
fn reasons(documents: &BTreeMap<Key, DocumentShown>, documents_max: usize) -> Vec<(Labels, Value)> {
    let mut series = Vec::new();
    for (key, document) in documents {
        for (name, condition) in conditions_of(document).filter(|(_, shown)| shown.status != Truth::True) {
            let labels = vec![
                ("kind", key.kind.clone()),
                ("name", key.name.clone()),
                ("condition", name.to_owned()),
                ("reason", condition.reason.as_str().to_owned()),
            ];
            series.push((labels, Value::Whole(1)));
        }
    }
    series.truncate(documents_max.saturating_mul(CONDITIONS));
    series
}

fn conditions_of(document: &DocumentShown) -> impl Iterator<Item = (&'static str, &Condition)> {
    let status = &document.status;
    let serving = status.serving.as_ref().map(|serving| ("Serving", serving));
    [("Synced", &status.synced), ("Ready", &status.ready)].into_iter().chain(serving)
}

fn probes(
    documents: &BTreeMap<Key, DocumentShown>,
    documents_max: usize,
    value: impl Fn(&ProbeShown) -> Value,
) -> Vec<(Labels, Value)> {
    let probed = documents.iter().filter_map(|(key, document)| Some((key, document.probe.as_ref()?)));
    let series = probed
        .map(|(key, probe)| (vec![("kind", key.kind.clone()), ("name", key.name.clone())], value(probe)));
    series.take(documents_max).collect()
}

fn documents(documents: &BTreeMap<Key, DocumentShown>) -> Vec<(Labels, Value)> {
    let mut counts: BTreeMap<&str, usize> = KindId::ALL.iter().map(|kind| (kind.table().kind, 0)).collect();
    for key in documents.keys() {
        *counts.entry(&key.kind).or_default() += 1;
    }
    counts.into_iter().map(|(kind, count)| (vec![("kind", kind.to_owned())], whole(count))).collect()
}

fn is_held(pruning: &PruningShown) -> bool {
    let reason = pruning.held.reason.as_str();
    !NOT_HELD.contains(&reason) && (pruning.overdue || !PASSING.contains(&reason))
}

fn oldest_unverified(shown: &Shown, now: Timestamp) -> f64 {
    let since_start = now.duration_since(shown.started_at).as_secs_f64().max(0.0);
    let ages = shown.documents.values().map(|document| document.verified_seconds_ago.unwrap_or(since_start));
    ages.fold(0.0, f64::max)
}

fn not_ready(shown: &Shown, now: Timestamp) -> f64 {
    let readies = shown.documents.values().map(|document| &document.status.ready);
    longest(readies.filter(|ready| ready.status != Truth::True), now)
}

/// What is only not known counts for nothing here: the chain has not been seen to be broken.
fn not_serving(shown: &Shown, now: Timestamp) -> f64 {
    let servings = shown.documents.values().filter_map(|document| document.status.serving.as_ref());
    longest(servings.filter(|serving| serving.status == Truth::False), now)
}

/// How long the condition that turned first has been as it is.
fn longest<'a>(conditions: impl Iterator<Item = &'a Condition>, now: Timestamp) -> f64 {
    let since = conditions.map(|condition| condition.last_transition_time).min();
    since.map_or(0.0, |since| now.duration_since(since).as_secs_f64().max(0.0))
}

fn whole(count: usize) -> Value {
    Value::Whole(i64::try_from(count).unwrap_or(i64::MAX))
}

fn timestamp(when: Option<Timestamp>) -> Value {
    Value::Seconds(when.map_or(0.0, |when| when.as_millisecond() as f64 / 1_000.0))
}
