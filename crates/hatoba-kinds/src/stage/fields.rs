use hatoba_core::{Field, KindTable, Literal, MarkStyle, RefField, ReplaceStyle, Shape};
use serde_json::Value;

pub(super) static TABLE: KindTable = KindTable {
    kind: "Stage",
    fields: &[
        Field::new("stageName").immutable(),
        Field::new("autoDeploy").default(Literal::Bool(true)).at_create(Literal::Bool(true)),
        Field::new("description").default(Literal::Str("")),
        Field::new("stageVariables").default(Literal::EmptyMap),
        Field::new("accessLogSettings").shape(Shape::By(same_log)).cleared_by("DeleteAccessLogSettings"),
        // AWS has no way back to "unset", and 0 blocks every request: only what is stated is ever sent.
        Field::new("defaultRouteSettings.detailedMetricsEnabled").untouched(),
        Field::new("defaultRouteSettings.throttlingBurstLimit").untouched(),
        Field::new("defaultRouteSettings.throttlingRateLimit").untouched(),
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

/// A log group's ARN may be written with `:*` behind it; AWS shows it without.
fn same_log(wanted: &Value, have: &Value) -> bool {
    let plain = |settings: &Value| {
        let arn = settings.get("destinationArn").and_then(Value::as_str).unwrap_or_default();
        (arn.strip_suffix(":*").unwrap_or(arn).to_owned(), settings.get("format").cloned())
    };
    wanted.is_null() == have.is_null() && plain(wanted) == plain(have)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_log_group_is_the_same_with_and_without_its_star() {
        let log = |arn: &str| json!({ "destinationArn": arn, "format": "$context.requestId" });
        assert!(same_log(&log("arn:aws:logs:us-east-1:1:log-group:a:*"), &log("arn:aws:logs:us-east-1:1:log-group:a")));
        assert!(!same_log(&log("arn:aws:logs:us-east-1:1:log-group:a"), &log("arn:aws:logs:us-east-1:1:log-group:b")));
        assert!(!same_log(&Value::Null, &log("")));
    }
}
