use hatoba_core::{Field, KindTable, Literal, MarkStyle, ReplaceStyle};

pub(super) static TABLE: KindTable = KindTable {
    kind: "HttpNamespace",
    fields: &[
        Field::new("name").immutable(),
        Field::new("description").default(Literal::Str("")),
    ],
    references: &[],
    selectors: &[],
    scope_member: None,
    parent: None,
    name_member: Some("name"),
    marks: MarkStyle::TagsReadApart,
    unique: true,
    replace: ReplaceStyle::DeleteFirst,
    follows: &[],
    drain: None,
};
