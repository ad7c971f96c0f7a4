use hatoba_core::{Field, KindTable, Literal, MarkStyle, ReplaceStyle, SelectorField, Shape};
use serde_json::Value;

pub(super) static TABLE: KindTable = KindTable {
    kind: "PrivateDnsNamespace",
    fields: &[
        Field::new("name").immutable(),
        Field::new("vpcId").shape(Shape::By(same_vpc)).immutable(),
        Field::new("description").default(Literal::Str("")),
        Field::new("properties.dnsProperties.soa.ttl").untouched(),
    ],
    references: &[],
    selectors: &[SelectorField { path: "vpcSelector", member: "vpcId", resource: "vpc", many: false }],
    scope_member: None,
    parent: None,
    name_member: Some("name"),
    marks: MarkStyle::TagsReadApart,
    unique: false, // one name may stand in several VPCs, and AWS does not show which is where
    replace: ReplaceStyle::DeleteFirst,
    follows: &[],
    drain: None,
};

/// AWS does not show the VPC: where our tag is gone, nothing can be compared.
fn same_vpc(wanted: &Value, have: &Value) -> bool {
    have.is_null() || wanted == have
}
