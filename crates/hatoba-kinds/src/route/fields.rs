use hatoba_core::{Field, KindTable, Literal, MarkStyle, RefField, ReplaceStyle, Shape};

pub(super) static TABLE: KindTable = KindTable {
    kind: "Route",
    fields: &[
        Field::new("routeKey"),
        Field::new("target"),
        Field::new("authorizationType").default(Literal::Str("NONE")),
        // Both are seen only where the type makes use of them.
        Field::new("authorizerId").default(Literal::Str("")),
        Field::new("authorizationScopes").default(Literal::EmptyList).shape(Shape::Set),
        Field::new("operationName").untouched(), // has a minimum length of 1: it cannot be cleared
    ],
    references: &[
        RefField { path: "apiRef", kinds: &["HttpApi"], member: "apiId", output: "id", template: "{}", required: true },
        RefField {
            path: "integrationRef",
            kinds: &["Integration"],
            member: "target",
            output: "id",
            template: "integrations/{}",
            required: false,
        },
        RefField {
            path: "authorizerRef",
            kinds: &["Authorizer"],
            member: "authorizerId",
            output: "id",
            template: "{}",
            required: false,
        },
    ],
    selectors: &[],
    scope_member: Some("apiId"),
    parent: Some("HttpApi"),
    name_member: Some("routeKey"),
    marks: MarkStyle::Inherited("Integration"),
    unique: true,
    replace: ReplaceStyle::MakeBeforeBreak,
    follows: &[],
    drain: None,
};
