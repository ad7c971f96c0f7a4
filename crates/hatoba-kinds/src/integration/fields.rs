use hatoba_core::{Field, KindTable, Literal, MarkStyle, RefField, ReplaceStyle};
use serde_json::Value;

pub(super) static TABLE: KindTable = KindTable {
    kind: "Integration",
    fields: &[
        Field::new("integrationType").immutable(),
        Field::new("integrationMethod"),
        Field::new("connectionType").default(Literal::Str("INTERNET")),
        Field::new("connectionId").default(Literal::Str("")),
        Field::new("integrationUri"),
        Field::new("payloadFormatVersion").untouched().at_create(Literal::Str("1.0")),
        Field::new("timeoutInMillis").default(Literal::Int(30_000)),
        Field::new("credentialsArn").default(Literal::Str("")),
        Field::new("description").default(Literal::Str("")),
        Field::new("requestParameters").default(Literal::EmptyMap),
        Field::new("responseParameters").default(Literal::EmptyMap),
        // Whether an empty one clears it is not known: it goes with the integration.
        Field::new("tlsConfig").immutable_if(is_removal),
    ],
    references: &[
        RefField { path: "apiRef", kinds: &["HttpApi"], member: "apiId", output: "id", template: "{}", required: true },
        RefField {
            path: "vpcLinkRef",
            kinds: &["VpcLink"],
            member: "connectionId",
            output: "id",
            template: "{}",
            required: false,
        },
        RefField {
            path: "discoveryServiceRef",
            kinds: &["DiscoveryService"],
            member: "integrationUri",
            output: "arn",
            template: "{}",
            required: false,
        },
    ],
    selectors: &[],
    scope_member: Some("apiId"),
    parent: Some("HttpApi"),
    name_member: None,
    marks: MarkStyle::Description,
    unique: false,
    replace: ReplaceStyle::MakeBeforeBreak,
    follows: &[],
    drain: None,
};

fn is_removal(_from: &Value, to: &Value) -> bool {
    to.is_null()
}
