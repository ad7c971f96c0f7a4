use hatoba_core::{
    Cause, Deployments, Field, Hop, KindTable, Literal, MarkStyle, Object, RefField, ReplaceStyle, Shape,
    Status,
};
use serde_json::Value;

use super::deployment::enough;
use crate::http_api::DOOR;

pub(super) static TABLE: KindTable = KindTable {
    kind: "Stage",
    fields: &[
        Field::new("stageName").immutable(),
        Field::new("autoDeploy").default(Literal::Bool(true)).at_create(Literal::Bool(true)),
        Field::new("description").default(Literal::Str("")),
        Field::new("stageVariables").default(Literal::EmptyMap),
        Field::new("accessLogSettings").shape(Shape::By(same_log)).cleared_by("DeleteAccessLogSettings"),
        // AWS has no way back to "unset", and 0 blocks every request: only what is stated is ever sent.
        Field::new("defaultRouteSettings.detailedMetricsEnabled").null_is(Literal::Bool(false)),
        Field::new("defaultRouteSettings.throttlingBurstLimit").null_is(Literal::Int(5_000)),
        Field::new("defaultRouteSettings.throttlingRateLimit").null_is(Literal::Int(10_000)),
        // A key goes by DeleteRouteSettings; what is left out within one is not ours.
        Field::new("routeSettings").default(Literal::EmptyMap).shape(Shape::By(same_routes)),
        Field::new(DEPLOYMENTS.digest).untouched().deployed(),
        Field::new(DEPLOYMENTS.kept).untouched().deployed().shape(Shape::By(enough)),
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

/// "Create a deployment": a copy of the routes, and of what they lead to and who guards them.
pub(super) const DEPLOYMENTS: Deployments = Deployments {
    of: &["Route", "Integration", "Authorizer"],
    operation: "CreateDeployment",
    asked_by: ("autoDeploy", Literal::Bool(false)),
    digest: "deploymentDigest",
    kept: "deployments",
};

/// A log group's ARN may be written with `:*` behind it; AWS shows it without.
fn same_log(wanted: &Value, have: &Value) -> bool {
    let plain = |settings: &Value| {
        let arn = settings.get("destinationArn").and_then(Value::as_str).unwrap_or_default();
        (arn.strip_suffix(":*").unwrap_or(arn).to_owned(), settings.get("format").cloned())
    };
    wanted.is_null() == have.is_null() && plain(wanted) == plain(have)
}

/// The same keys, and every number that is stated is there; metrics that are off look like none.
fn same_routes(wanted: &Value, have: &Value) -> bool {
    let nothing = serde_json::Map::new();
    let (wanted, have) = (wanted.as_object().unwrap_or(&nothing), have.as_object().unwrap_or(&nothing));
    let is_there = |(key, settings): (&String, &Value)| {
        let shown = have.get(key).unwrap_or(&Value::Null);
        let mut stated = settings.as_object().into_iter().flatten();
        stated.all(|(name, value)| match shown.get(name) {
            Some(shown) => shown == value,
            None => *value == Value::Bool(false),
        })
    };
    wanted.iter().all(is_there) && stale_routes(wanted, have).is_empty()
}

/// Keys with settings that are not asked for.
pub(super) fn stale_routes(
    wanted: &serde_json::Map<String, Value>,
    have: &serde_json::Map<String, Value>,
) -> Vec<String> {
    have.keys().filter(|key| !wanted.contains_key(*key)).cloned().collect()
}

pub(super) static HOP: Hop = Hop { station: DOOR, prefix, fault: not_deployed, ..Hop::new("stage") };

/// A stage with a name is served below it.
fn prefix(stage: &Object) -> String {
    if stage.id == "$default" { String::new() } else { format!("/{}", stage.id) }
}

/// A stage without auto deploy serves what was deployed last, whatever has changed since.
fn not_deployed(_: &Object, status: Option<&Status>) -> Option<Cause> {
    let status = status?;
    let is_behind = status.drift.iter().any(|path| path == DEPLOYMENTS.digest);
    let nothing = status.synced.reason.as_str() == "NothingToDeploy";
    (is_behind || nothing).then(|| {
        let message = format!("nothing was deployed since the last change: {}", status.synced.message);
        Cause::new("NotDeployed", message)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_log_group_is_the_same_with_and_without_its_star() {
        let log = |arn: &str| json!({ "destinationArn": arn, "format": "$context.requestId" });
        let a = "arn:aws:logs:us-east-1:1:log-group:a";
        assert!(same_log(&log(&format!("{a}:*")), &log(a)));
        assert!(!same_log(&log(a), &log("arn:aws:logs:us-east-1:1:log-group:b")));
        assert!(!same_log(&Value::Null, &log("")));
    }

    #[test]
    fn numbers_of_a_route_that_are_left_out_are_not_ours_and_its_key_is() {
        let have = json!({ "GET /a": { "throttlingBurstLimit": 7, "throttlingRateLimit": 5 } });
        assert!(same_routes(&json!({ "GET /a": { "throttlingBurstLimit": 7 } }), &have));
        assert!(same_routes(&json!({ "GET /a": { "detailedMetricsEnabled": false } }), &have));
        assert!(!same_routes(&json!({ "GET /a": { "detailedMetricsEnabled": true } }), &have));
        assert!(!same_routes(&json!({ "GET /a": { "throttlingBurstLimit": 8 } }), &have));
        assert!(!same_routes(&json!({ "GET /b": { "throttlingBurstLimit": 0 } }), &Value::Null), "0 is stated");
        assert!(!same_routes(&Value::Null, &have), "a key that is left out goes");
        assert!(same_routes(&Value::Null, &Value::Null));
    }
}
