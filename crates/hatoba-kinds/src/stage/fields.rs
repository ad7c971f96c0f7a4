use hatoba_core::{Field, KindTable, Literal, MarkStyle, RefField, ReplaceStyle};

pub(super) static TABLE: KindTable = KindTable {
    kind: "Stage",
    fields: &[
        Field::new("stageName").immutable(),
        Field::new("autoDeploy").default(Literal::Bool(true)).at_create(Literal::Bool(true)),
        Field::new("description").default(Literal::Str("")),
        Field::new("stageVariables").default(Literal::EmptyMap),
    ],
    references: &[RefField {
        path: "apiRef",
        kinds: &["HttpApi"],
        member: "apiId",
        output: "id",
        template: "{}",
        required: true,
    }],
    selectors: &[],
    scope_member: Some("apiId"),
    parent: Some("HttpApi"),
    name_member: Some("stageName"),
    marks: MarkStyle::Tags,
    unique: true,
    replace: ReplaceStyle::MakeBeforeBreak,
    follows: &["Route"], // a deployment of an API without routes fails
    drain: None,
};
