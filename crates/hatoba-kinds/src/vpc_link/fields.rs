use hatoba_core::{Field, Hop, KindTable, Literal, MarkStyle, ReplaceStyle, SelectorField, Shape};

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

pub(super) static HOP: Hop = Hop::new("VPC link");
