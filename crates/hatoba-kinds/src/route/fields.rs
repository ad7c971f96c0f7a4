use hatoba_core::{Field, Hop, KindTable, Literal, MarkStyle, RefField, ReplaceStyle, Shape};

use super::check::renamed;
use crate::http_api::DOOR;
use crate::kind::NOT_CLEARABLE;

pub(super) static TABLE: KindTable = KindTable {
    kind: "Route",
    fields: &[
        Field::new("routeKey").renamed(renamed),
        // Left out, the route leads nowhere or where it is led by others: AWS knows no way to take a target away.
        Field::new("target").no_null(NOT_CLEARABLE),
        Field::new("authorizationType").default(Literal::Str("NONE")),
        // Both are seen only where the type makes use of them.
        Field::new("authorizerId").default(Literal::Str("")),
        Field::new("authorizationScopes").default(Literal::EmptyList).shape(Shape::Set),
        Field::new("operationName").no_null(NOT_CLEARABLE), // at least one character
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

/// Requests enter here, if a stage serves the API.
pub(super) static HOP: Hop =
    Hop { station: DOOR, is_entry: true, served_by: &["Stage"], leads_on: &["target"], ..Hop::new("route") };
