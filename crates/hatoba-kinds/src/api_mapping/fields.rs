use hatoba_core::{Field, KindTable, Literal, MarkStyle, OUTPUT_NAME, RefField, Renaming, ReplaceStyle};

pub(super) static TABLE: KindTable = KindTable {
    kind: "ApiMapping",
    fields: &[
        Field::new("apiMappingKey").default(Literal::Str("")).renamed(renamed),
        Field::new("apiId"),
        Field::new("stage"),
    ],
    references: &[
        RefField {
            path: "domainNameRef",
            kinds: &["DomainName"],
            member: "domainName",
            output: OUTPUT_NAME,
            template: "{}",
            required: false,
        },
        RefField { path: "apiRef", kinds: &["HttpApi"], member: "apiId", output: "id", template: "{}", required: true },
        RefField {
            path: "stageRef",
            kinds: &["Stage"],
            member: "stage",
            output: OUTPUT_NAME,
            template: "{}",
            required: false,
        },
    ],
    selectors: &[],
    scope_member: Some("domainName"),
    parent: Some("DomainName"),
    name_member: Some("apiMappingKey"),
    marks: MarkStyle::Inherited("HttpApi"),
    unique: true,
    replace: ReplaceStyle::MakeBeforeBreak,
    follows: &[],
    drain: None,
};

/// UpdateApiMapping changes any key into any other.
fn renamed(_from: &str, _to: &str) -> Renaming {
    Renaming::Possible
}
