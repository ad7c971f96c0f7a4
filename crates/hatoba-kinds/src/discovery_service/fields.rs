use std::collections::BTreeSet;

use hatoba_core::{Field, Hop, KindTable, Literal, MarkStyle, Members, RefField, ReplaceStyle, Shape};
use serde_json::Value;

use crate::kind::NOT_CLEARABLE;

pub(super) static TABLE: KindTable = KindTable {
    kind: "DiscoveryService",
    fields: &[
        Field::new("name").immutable(),
        // AWS takes no change of a service that is found by API alone.
        Field::new("description").default(Literal::Str("")).fixed_in(is_found_by_api_alone),
        Field::new("type").no_null(NOT_CLEARABLE).immutable(),
        Field::new("dnsConfig.routingPolicy").default(Literal::Str("MULTIVALUE")).immutable(),
        Field::new("dnsConfig.dnsRecords").shape(Shape::Set).immutable_if(other_record_types),
        // Only services of public DNS namespaces can change theirs, and those are no kind of ours.
        Field::new("healthCheckConfig").shape(Shape::By(same_check)).immutable(),
        Field::new("healthCheckCustomConfig").shape(Shape::By(both_or_none)).immutable(),
        Field::new("attributes").null_is(Literal::EmptyMap).read_apart(),
    ],
    references: &[RefField {
        path: "namespaceRef",
        kinds: &["PrivateDnsNamespace", "HttpNamespace"],
        member: "namespaceId",
        output: "id",
        template: "{}",
        required: false,
    }],
    selectors: &[],
    scope_member: Some("namespaceId"),
    parent: Some("PrivateDnsNamespace"),
    name_member: Some("name"),
    marks: MarkStyle::TagsReadApart,
    unique: true,
    replace: ReplaceStyle::DeleteFirst,
    follows: &[],
    drain: None,
};

/// Only the TTL of a record type that is there can change.
fn other_record_types(from: &Value, to: &Value) -> bool {
    types(from) != types(to)
}

fn types(records: &Value) -> BTreeSet<&str> {
    records.as_array().into_iter().flatten().filter_map(|record| record.get("type")?.as_str()).collect()
}

/// AWS: services that are discoverable by API calls only.
fn is_found_by_api_alone(observed: &Members) -> bool {
    observed.get("type").and_then(Value::as_str) == Some("HTTP")
}

/// AWS fills in the threshold 1, and the path `/` where there is one.
fn same_check(wanted: &Value, have: &Value) -> bool {
    let text = |check: &Value, name: &str| check.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let full = |check: &Value| {
        let path = Some(text(check, "resourcePath")).filter(|path| !path.is_empty() && path != "/");
        (text(check, "type"), path, check.get("failureThreshold").and_then(Value::as_i64).unwrap_or(1))
    };
    wanted.is_null() == have.is_null() && full(wanted) == full(have)
}

/// The threshold is always 1 in effect; only whether there is a check at all counts.
fn both_or_none(wanted: &Value, have: &Value) -> bool {
    wanted.is_null() == have.is_null()
}

/// ECS enters its tasks here.
pub(super) static HOP: Hop = Hop {
    station: "Cloud Map",
    entered_by: &["EcsService"],
    count: Some((INSTANCES, "instances")),
    ..Hop::new("Cloud Map service")
};

/// The output that says how many instances are registered.
pub(super) const INSTANCES: &str = "instanceCount";
