use hatoba_core::{Field, Hop, KindTable, Literal, MarkStyle, ReplaceStyle, Shape};
use serde_json::Value;

use crate::kind::NOT_CLEARABLE;

pub(super) static TABLE: KindTable = KindTable {
    kind: "HttpApi",
    fields: &[
        Field::new("name"),
        Field::new("description").default(Literal::Str("")),
        Field::new("version").no_null(NOT_CLEARABLE), // at least one character
        Field::new("corsConfiguration").shape(Shape::By(same_cors)).cleared_by("DeleteCorsConfiguration"),
        Field::new("disableExecuteApiEndpoint").default(Literal::Bool(false)),
        Field::new("ipAddressType").default(Literal::Str("ipv4")),
        Field::new("routeSelectionExpression").null_is(Literal::Str("$request.method $request.path")),
    ],
    references: &[],
    selectors: &[],
    scope_member: None,
    parent: None,
    name_member: Some("name"),
    marks: MarkStyle::Tags,
    unique: false,
    replace: ReplaceStyle::MakeBeforeBreak,
    follows: &[],
    drain: None,
};

/// CORS lists are sets without case; an empty list and a false or absent member are the same.
fn same_cors(wanted: &Value, have: &Value) -> bool {
    match (wanted, have) {
        (Value::Object(_), Value::Object(_)) => normal(wanted) == normal(have),
        _ => wanted == have,
    }
}

fn normal(cors: &Value) -> Vec<(String, Value)> {
    let members = cors.as_object().into_iter().flatten();
    let mut normal: Vec<(String, Value)> = members
        .filter(|(_, value)| !matches!(value, Value::Null | Value::Bool(false)))
        .filter(|(_, value)| value.as_array().is_none_or(|list| !list.is_empty()))
        .map(|(name, value)| {
            let value = match value.as_array() {
                Some(list) => {
                    let mut list: Vec<String> =
                        list.iter().map(|item| item.as_str().unwrap_or_default().to_lowercase()).collect();
                    list.sort();
                    list.dedup();
                    Value::from(list)
                }
                None => value.clone(),
            };
            (name.clone(), value)
        })
        .collect();
    normal.sort_by(|a, b| a.0.cmp(&b.0));
    normal
}

/// What API Gateway settles by itself is drawn as one.
pub(crate) const DOOR: &str = "API and route";

pub(super) static HOP: Hop = Hop { station: DOOR, ..Hop::new("API") };

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn cors_lists_are_sets_and_absent_is_not_empty() {
        let a = json!({ "allowOrigins": ["https://b", "HTTPS://a"], "allowCredentials": false, "exposeHeaders": [] });
        let b = json!({ "allowOrigins": ["https://a", "https://b"] });
        assert!(same_cors(&a, &b));
        assert!(!same_cors(&json!({ "maxAge": 5 }), &json!({ "maxAge": 6 })));
        assert!(!same_cors(&Value::Null, &json!({})));
    }
}
