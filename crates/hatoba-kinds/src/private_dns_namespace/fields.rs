use hatoba_core::{Field, KindTable, Literal, MarkStyle, ReplaceStyle, SelectorField, Shape};
use serde_json::Value;

use crate::kind::NOT_CLEARABLE;

pub(super) static TABLE: KindTable = KindTable {
    kind: "PrivateDnsNamespace",
    fields: &[
        Field::new("name").immutable(),
        Field::new("vpcId").shape(Shape::By(same_vpc)).immutable().read_apart().tells_apart(),
        Field::new("description").default(Literal::Str("")),
        Field::new("properties.dnsProperties.soa.ttl").no_null(NOT_CLEARABLE),
    ],
    references: &[],
    selectors: &[SelectorField::vpc("vpcSelector")],
    scope_member: None,
    parent: None,
    name_member: Some("name"),
    marks: MarkStyle::TagsReadApart,
    unique: false, // one name may stand in several VPCs, and AWS does not show which is where
    replace: ReplaceStyle::DeleteFirst,
    follows: &[],
    drain: None,
};

/// AWS does not show the VPC: where our tag is gone, its zone may tell, which may be in several; else nothing can be
/// compared.
fn same_vpc(wanted: &Value, have: &Value) -> bool {
    have.is_null() || wanted == have || have.as_array().is_some_and(|several| several.contains(wanted))
}
