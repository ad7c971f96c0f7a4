use std::collections::BTreeSet;

use hatoba_core::{Field, KindTable, Literal, MarkStyle, RefField, ReplaceStyle, Shape};
use serde_json::Value;

pub(super) static TABLE: KindTable = KindTable {
    kind: "DiscoveryService",
    fields: &[
        Field::new("name").immutable(),
        Field::new("description").default(Literal::Str("")),
        Field::new("dnsConfig.routingPolicy")
            .default(Literal::Str("MULTIVALUE"))
            .at_create(Literal::Str("MULTIVALUE"))
            .immutable(),
        Field::new("dnsConfig.dnsRecords").shape(Shape::Set).immutable_if(other_record_types),
        Field::new("healthCheckCustomConfig").shape(Shape::By(both_or_none)).immutable(),
    ],
    references: &[RefField {
        path: "namespaceRef",
        kinds: &["PrivateDnsNamespace"],
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

/// The threshold is always 1 in effect; only whether there is a check at all counts.
fn both_or_none(wanted: &Value, have: &Value) -> bool {
    wanted.is_null() == have.is_null()
}
