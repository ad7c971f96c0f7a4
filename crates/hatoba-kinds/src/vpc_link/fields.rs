use hatoba_core::{
    Field, Guard, Hop, KindTable, Literal, MarkStyle, Object, ReplaceStyle, SelectorField, Shape, path,
};

pub(super) static TABLE: KindTable = KindTable {
    kind: "VpcLink",
    fields: &[
        Field::new("name"),
        Field::new("subnetIds").shape(Shape::Set).immutable().rolls(),
        Field::new("securityGroupIds").shape(Shape::Set).default(Literal::EmptyList).immutable().rolls(),
    ],
    references: &[],
    selectors: &[
        SelectorField::vpc("vpcSelector").narrowing(),
        SelectorField::all("subnetSelector", "subnetIds", "subnet"),
        SelectorField::all("securityGroupSelector", "securityGroupIds", "security-group"),
    ],
    scope_member: None,
    parent: None,
    name_member: Some("name"),
    marks: MarkStyle::Tags,
    unique: false,
    replace: ReplaceStyle::MakeBeforeBreak,
    follows: &[],
    drain: None,
};

pub(super) static HOP: Hop = Hop { guard, ..Hop::new("VPC link") };

/// Its network interfaces stand in these subnets and bear these groups.
fn guard(link: &Object, _: Option<&Object>) -> Option<Guard> {
    let ids = |member| path::texts(&link.members, member);
    Some(Guard { groups: ids("securityGroupIds"), subnets: ids("subnetIds"), ..Guard::default() })
}
