use hatoba_core::{Field, KindTable, Literal, MarkStyle, RefField, ReplaceStyle, Shape};

pub(super) static TABLE: KindTable = KindTable {
    kind: "Authorizer",
    fields: &[
        Field::new("name"),
        // AWS takes a change, but not while routes of the other type use it.
        Field::new("authorizerType").immutable(),
        Field::new("identitySource")
            .default(Literal::Texts(&["$request.header.Authorization"]))
            .at_create(Literal::Texts(&["$request.header.Authorization"]))
            .shape(Shape::Set),
        Field::new("jwtConfiguration.issuer"),
        Field::new("jwtConfiguration.audience").shape(Shape::Set),
        Field::new("authorizerUri"),
        Field::new("authorizerCredentialsArn").default(Literal::Str("")),
        Field::new("authorizerPayloadFormatVersion"),
        // The console's default; the call's own is not known.
        Field::new("authorizerResultTtlInSeconds").default(Literal::Int(300)).at_create(Literal::Int(300)),
        Field::new("enableSimpleResponses").default(Literal::Bool(false)),
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
    name_member: Some("name"),
    marks: MarkStyle::Name,
    unique: true,
    replace: ReplaceStyle::MakeBeforeBreak,
    follows: &[],
    drain: None,
};
