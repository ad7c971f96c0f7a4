use std::collections::{BTreeMap, BTreeSet, VecDeque};

use hatoba_core::{Cause, Digest, Key, Outcome, Truth, fold};

use super::*;
use crate::shown::{DocumentShown, LeadershipShown, PruningShown, QueueShown, SourceShown};

const CALL: Operation = Operation::write("apigatewayv2", "CreateVpcLink", &[]);

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn shown(documents: &[(&str, Truth, Truth, Option<f64>)]) -> Shown {
    let documents = documents.iter().map(|(name, synced, ready, verified_seconds_ago)| {
        let key = Key::new("VpcLink", *name);
        let cause = || Cause::new("Because", "");
        let outcome =
            Outcome { synced: (*synced, cause()), ready: Some((*ready, cause())), ..Outcome::held(cause()) };
        let status = fold(None, &key, &Digest::of_bytes(b"x"), outcome, at(0));
        let file = "a.yaml".to_owned();
        (
            key,
            DocumentShown {
                status,
                verified_seconds_ago: *verified_seconds_ago,
                file,
                chain: Vec::new(),
                entries: Vec::new(),
                is_held: false,
                probe: None,
            },
        )
    });
    let pruning = [
        ("FuseOpen", false),
        ("Grace", false),
        ("InUse", false),
        ("InUse", true),
        ("Retained", true),
        ("OwnerNotExplicit", true),
    ];
    let pruning = pruning.map(|(reason, overdue)| PruningShown {
        document: Key::new("Route", "gone"),
        id: "r1".to_owned(),
        held: Cause::new(reason, ""),
        overdue,
    });
    Shown {
        schema_version: crate::SCHEMA_VERSION,
        version: "0.1.0",
        commit: None,
        owner: "local".to_owned(),
        account: None,
        region: "eu-central-1".to_owned(),
        leader: true,
        leadership: LeadershipShown::Leads,
        notices: vec![Cause::new("OwnerShared", "")],
        started_at: at(100),
        source: SourceShown { invalid: 3, last_success: Some(at(150)), ..SourceShown::default() },
        documents: documents.collect(),
        pruning: pruning.to_vec(),
        rogue_children: vec!["api/route".to_owned()],
        queue: QueueShown { depth: 4, oldest_seconds: 1.5, nonconverging: 2, paused: 5 },
        last_full_resync: None,
        quotas: Vec::new(),
        events: VecDeque::new(),
        apis_at: None,
    }
}

/// Reads the text as the OpenMetrics specification has it and gives back the samples.
fn samples(text: &str) -> BTreeMap<String, f64> {
    let mut samples = BTreeMap::new();
    let (mut described, mut helped) = (BTreeMap::new(), String::new());
    let body = text.strip_suffix("# EOF\n").expect("ends with its mark");
    for line in body.lines() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            let (name, help) = rest.split_once(' ').expect("name and help");
            assert!(help.ends_with('.') && !help.ends_with(".."), "{line}");
            helped = name.to_owned();
        } else if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').expect("name and type");
            assert_eq!(name, helped);
            assert!(described.insert(name.to_owned(), kind.to_owned()).is_none(), "{name} twice");
        } else {
            let (series, value) = line.rsplit_once(' ').expect("series and value");
            let name = series.split('{').next().unwrap();
            assert!(!series.ends_with("{}"), "{series}");
            let family = match described[&helped].as_str() {
                "counter" => name.strip_suffix("_total").expect(name),
                "histogram" => {
                    ["_bucket", "_count", "_sum"].iter().find_map(|end| name.strip_suffix(end)).expect(name)
                }
                _ => name,
            };
            assert_eq!(family, helped, "{line}");
            let before = samples.insert(series.to_owned(), value.parse().expect("a number"));
            assert!(before.is_none(), "{series} twice");
        }
    }
    samples
}

#[test]
fn the_contracts_names_and_nothing_else() {
    let text = Metrics::new(10).render(&shown(&[("a", Truth::True, Truth::True, None)]), at(200));
    let names: BTreeSet<String> = samples(&text)
        .keys()
        .map(|series| series.split('{').next().unwrap().to_owned())
        .map(|name| name.replace("_seconds_bucket", "_seconds"))
        .filter(|name| !name.ends_with("_seconds_sum") && !name.ends_with("_seconds_count"))
        .collect();
    let expected = [
        "hatoba_aws_denied_total",
        "hatoba_aws_requests_total",
        "hatoba_aws_throttled_total",
        "hatoba_build_info",
        "hatoba_document_condition",
        "hatoba_documents",
        "hatoba_drift_detected_total",
        "hatoba_drift_repaired_total",
        "hatoba_last_full_resync_timestamp_seconds",
        "hatoba_leader",
        "hatoba_nonconverging",
        "hatoba_not_ready_seconds",
        "hatoba_not_serving_seconds",
        "hatoba_oldest_unverified_seconds",
        "hatoba_owner_shared",
        "hatoba_paused",
        "hatoba_probes_total",
        "hatoba_prune_fuse_open",
        "hatoba_prune_held",
        "hatoba_reconcile_seconds",
        "hatoba_reconcile_total",
        "hatoba_rogue_children",
        "hatoba_source_documents_invalid",
        "hatoba_source_last_success_timestamp_seconds",
        "hatoba_workqueue_depth",
        "hatoba_workqueue_oldest_seconds",
    ];
    assert_eq!(names.iter().map(String::as_str).collect::<Vec<_>>(), expected);
}

#[test]
fn what_is_known_beforehand_starts_at_zero() {
    let samples = samples(&Metrics::new(10).render(&shown(&[]), at(200)));
    for kind in KindId::ALL {
        let name = kind.table().kind;
        for series in [
            format!("hatoba_documents{{kind=\"{name}\"}}"),
            format!("hatoba_drift_detected_total{{kind=\"{name}\"}}"),
            format!("hatoba_drift_repaired_total{{kind=\"{name}\"}}"),
            format!("hatoba_reconcile_total{{kind=\"{name}\",result=\"success\"}}"),
            format!("hatoba_reconcile_total{{kind=\"{name}\",result=\"requeue\"}}"),
            format!("hatoba_reconcile_total{{kind=\"{name}\",result=\"error\"}}"),
            format!("hatoba_reconcile_seconds_count{{kind=\"{name}\"}}"),
        ] {
            assert_eq!(samples.get(&series), Some(&0.0), "{series}");
        }
        for operation in kind.operations() {
            let series = format!(
                "hatoba_aws_requests_total{{service=\"{}\",operation=\"{}\",code=\"ok\"}}",
                operation.service, operation.name
            );
            assert_eq!(samples.get(&series), Some(&0.0), "{series}");
            assert!(SERVICES.contains(&operation.service), "{operation}");
        }
    }
    for service in SERVICES {
        for name in ["throttled", "denied"] {
            let series = format!("hatoba_aws_{name}_total{{service=\"{service}\"}}");
            assert_eq!(samples.get(&series), Some(&0.0), "{series}");
        }
    }
}

#[test]
fn the_picture_line_by_line() {
    let metrics = Metrics::new(10);
    metrics.reconciled("VpcLink", Reconciled::Error, Duration::from_millis(20));
    metrics.drift_detected("VpcLink");
    metrics.drift_repaired("VpcLink");
    metrics.aws_call(&CALL, "ok", false);
    metrics.aws_call(&CALL, "TooManyRequestsException", true);
    metrics.aws_call(&CALL, "AccessDeniedException", false);
    let documents = [("a", Truth::True, Truth::False, Some(7.0)), ("b", Truth::Unknown, Truth::True, None)];
    let text = metrics.render(&shown(&documents), at(200));
    let samples = samples(&text);
    for (series, value) in [
        ("hatoba_document_condition{kind=\"VpcLink\",name=\"a\",condition=\"Synced\",status=\"True\"}", 1.0),
        ("hatoba_document_condition{kind=\"VpcLink\",name=\"a\",condition=\"Synced\",status=\"False\"}", 0.0),
        (
            "hatoba_document_condition{kind=\"VpcLink\",name=\"a\",condition=\"Synced\",status=\"Unknown\"}",
            0.0,
        ),
        ("hatoba_document_condition{kind=\"VpcLink\",name=\"a\",condition=\"Ready\",status=\"False\"}", 1.0),
        (
            "hatoba_document_condition{kind=\"VpcLink\",name=\"b\",condition=\"Synced\",status=\"Unknown\"}",
            1.0,
        ),
        ("hatoba_documents{kind=\"VpcLink\"}", 2.0),
        ("hatoba_source_documents_invalid", 3.0),
        ("hatoba_source_last_success_timestamp_seconds", 150.0),
        ("hatoba_last_full_resync_timestamp_seconds", 0.0),
        ("hatoba_oldest_unverified_seconds", 100.0),
        ("hatoba_workqueue_depth", 4.0),
        ("hatoba_workqueue_oldest_seconds", 1.5),
        ("hatoba_nonconverging", 2.0),
        ("hatoba_paused", 5.0),
        ("hatoba_prune_held", 3.0),
        ("hatoba_prune_fuse_open", 1.0),
        ("hatoba_not_ready_seconds", 200.0),
        ("hatoba_not_serving_seconds", 0.0),
        ("hatoba_rogue_children", 1.0),
        ("hatoba_owner_shared", 1.0),
        ("hatoba_leader", 1.0),
        ("hatoba_build_info{version=\"0.1.0\"}", 1.0),
        ("hatoba_drift_detected_total{kind=\"VpcLink\"}", 1.0),
        ("hatoba_drift_repaired_total{kind=\"VpcLink\"}", 1.0),
        ("hatoba_reconcile_total{kind=\"VpcLink\",result=\"error\"}", 1.0),
        ("hatoba_reconcile_seconds_sum{kind=\"VpcLink\"}", 0.02),
        ("hatoba_reconcile_seconds_bucket{le=\"0.025\",kind=\"VpcLink\"}", 1.0),
        ("hatoba_reconcile_seconds_bucket{le=\"0.005\",kind=\"VpcLink\"}", 0.0),
        ("hatoba_aws_throttled_total{service=\"apigatewayv2\"}", 1.0),
        ("hatoba_aws_denied_total{service=\"apigatewayv2\"}", 1.0),
        (
            "hatoba_aws_requests_total{service=\"apigatewayv2\",operation=\"CreateVpcLink\",\
             code=\"TooManyRequestsException\"}",
            1.0,
        ),
    ] {
        assert_eq!(samples.get(series), Some(&value), "{series}\n{text}");
    }
}

#[test]
fn above_the_limit_only_what_is_not_true() {
    let series = |documents_max, documents: &[_]| -> Vec<String> {
        samples(&Metrics::new(documents_max).render(&shown(documents), at(200)))
            .into_iter()
            .filter(|(series, _)| series.starts_with("hatoba_document_condition"))
            .map(|(series, value)| format!("{} {value}", series.split("name=").nth(1).unwrap()))
            .collect()
    };
    let documents = [("a", Truth::True, Truth::False, None), ("b", Truth::True, Truth::True, None)];
    assert_eq!(series(2, &documents).len(), 12);
    assert_eq!(series(1, &documents), ["\"a\",condition=\"Ready\",status=\"False\"} 1"]);

    let names: Vec<String> = (0..100).map(|number| format!("d{number:03}")).collect();
    let broken: Vec<_> =
        names.iter().map(|name| (name.as_str(), Truth::Unknown, Truth::Unknown, None)).collect();
    assert_eq!(series(3, &broken).len(), 3 * 9, "never more than there would be at the limit");
}

#[test]
fn each_condition_that_is_not_true_has_its_reason() {
    let series = |documents_max, documents: &[_]| -> Vec<String> {
        let samples = samples(&Metrics::new(documents_max).render(&shown(documents), at(200)));
        samples.into_keys().filter(|series| series.starts_with("hatoba_document_reason")).collect()
    };
    let documents = [("a", Truth::True, Truth::False, None), ("b", Truth::True, Truth::True, None)];
    let ill = "{kind=\"VpcLink\",name=\"a\",condition=\"Ready\",reason=\"Because\"}";
    assert_eq!(series(10, &documents), [format!("hatoba_document_reason{ill}")]);
    let names: Vec<String> = (0..100).map(|number| format!("d{number:03}")).collect();
    let broken: Vec<_> =
        names.iter().map(|name| (name.as_str(), Truth::Unknown, Truth::Unknown, None)).collect();
    assert_eq!(series(3, &broken).len(), 3 * 3, "never more than there would be at the limit");
}

#[test]
fn codes_of_an_operation_are_bounded() {
    let metrics = Metrics::new(10);
    for number in 0..200 {
        metrics.aws_call(&CALL, &format!("Strange{number}"), false);
        metrics.aws_call(&CALL, "ok", false);
    }
    metrics.aws_call(&CALL, &"x".repeat(65), false);
    metrics.aws_call(&CALL, "", false);
    metrics.aws_call(&CALL, "Strange7", false);
    let calls: BTreeMap<String, f64> = samples(&metrics.render(&shown(&[]), at(200)))
        .into_iter()
        .filter(|(series, _)| series.contains("operation=\"CreateVpcLink\""))
        .collect();
    assert_eq!(calls.len(), CODES_MAX + 2, "ok, other and the first {CODES_MAX}");
    let of = |code| {
        calls[&format!(
            "hatoba_aws_requests_total{{service=\"apigatewayv2\",operation=\"CreateVpcLink\",code=\"{code}\"}}"
        )]
    };
    assert_eq!((of("ok"), of("other"), of("Strange7")), (200.0, 152.0, 2.0));
}

#[test]
fn label_values_cannot_break_out() {
    let metrics = Metrics::new(10);
    metrics.aws_call(&CALL, "a\"} 1\nforged 2\\", false);
    let text = metrics.render(&shown(&[]), at(200));
    assert!(text.contains(r#"code="a\"} 1\nforged 2\\"} 1"#), "{text}");
    assert!(!text.lines().any(|line| line.starts_with("forged")));
}

#[test]
fn the_older_format_describes_counters_under_their_samples_name() {
    let text = classic(&Metrics::new(10).render(&shown(&[]), at(200)));
    assert!(text.contains(
        "# HELP hatoba_reconcile_total Passes over documents.\n# TYPE hatoba_reconcile_total counter\n"
    ));
    assert!(text.contains("# TYPE hatoba_reconcile_seconds histogram\n"));
    assert!(text.contains("# TYPE hatoba_leader gauge\nhatoba_leader 1\n"));
    assert!(!text.contains("# EOF"));
}
