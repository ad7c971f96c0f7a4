use hatoba_core::{
    Cause, Deployments, Field, Hop, KindTable, Literal, MarkStyle, Members, Object, RefField, ReplaceStyle,
    Shape, Status,
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

/// A throttle of 0 lets nothing through (429); one that the document does not state, somebody else has set.
pub(super) fn shut_by_others(wanted: &Members, have: &Members) -> Vec<Cause> {
    const LIMITS: [&str; 2] = ["throttlingRateLimit", "throttlingBurstLimit"];
    let is_shut = |settings: &Value, limit: &str| settings.get(limit).and_then(Value::as_f64) == Some(0.0);
    let stated = |path: &[&str]| {
        let mut steps = path.iter();
        let first = steps.next().and_then(|name| wanted.get(*name));
        first.and_then(|first| steps.try_fold(first, |at, name| at.get(*name))).is_some()
    };
    let told = |path: String, which: &str| {
        let message = format!("{path} is 0, which no document states: {which} is answered with 429");
        Cause::new("ThrottledToZero", message)
    };
    let mut notes = Vec::new();
    for limit in LIMITS {
        let default = have.get("defaultRouteSettings").filter(|settings| is_shut(settings, limit));
        if default.is_some() && !stated(&["defaultRouteSettings", limit]) {
            let which = "every route without a throttle of its own";
            notes.push(told(format!("defaultRouteSettings.{limit}"), which));
        }
        let routes = have.get("routeSettings").and_then(Value::as_object).into_iter().flatten();
        for (route, _) in routes.filter(|(_, settings)| is_shut(settings, limit)) {
            if !stated(&["routeSettings", route, limit]) {
                notes.push(told(format!("routeSettings[{route}].{limit}"), &format!("`{route}`")));
            }
        }
    }
    notes
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
    fn a_throttle_of_0_is_told_unless_the_document_states_it() {
        let members = |value: Value| value.as_object().cloned().unwrap();
        let have = members(json!({
            "defaultRouteSettings": { "throttlingRateLimit": 0.0, "throttlingBurstLimit": 5 },
            "routeSettings": { "GET /a": { "throttlingBurstLimit": 0 } },
        }));
        let told = |wanted: Value| -> Vec<String> {
            shut_by_others(&members(wanted), &have).into_iter().map(|note| note.message).collect()
        };
        let both = told(json!({ "defaultRouteSettings": { "throttlingBurstLimit": 5 } }));
        assert_eq!(both.len(), 2, "{both:?}");
        assert!(both[0].starts_with("defaultRouteSettings.throttlingRateLimit is 0"), "{both:?}");
        assert!(both[1].ends_with("`GET /a` is answered with 429"), "{both:?}");
        let stated = json!({
            "defaultRouteSettings": { "throttlingRateLimit": 0 },
            "routeSettings": { "GET /a": { "throttlingBurstLimit": 0 } },
        });
        assert_eq!(told(stated), [""; 0]);
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
