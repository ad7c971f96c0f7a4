//! Routes, authorizers, stages: the edges.

use std::collections::BTreeSet;

use hatoba_core::Key;
use serde_json::{Value, json};

use super::{document, found, route, untouched, world};
use crate::rules::check_chain;

#[test]
fn routes_that_aws_cannot_keep_apart() {
    let names = |keys: &[&str]| {
        let routes = keys.iter().enumerate().map(|(n, key)| route(&format!("r{n}"), key, json!({})));
        found(routes.collect())
    };
    let clash = ["RouteConflict r0 spec.routeKey", "RouteConflict r1 spec.routeKey"];
    assert_eq!(names(&["GET /a/{x}", "GET /a/{y}"]), clash);
    assert_eq!(names(&["GET /a/{x}/b/{z}", "GET /a/{x}/b/{y}"]), clash);
    assert_eq!(names(&["ANY /{p+}", "ANY /{q+}"]), clash);
    assert_eq!(names(&["GET /a/{x}", "POST /a/{y}"]), ["RouteVariableNames r1 spec.routeKey"]);
    assert_eq!(names(&["GET /a/{x}", "GET /a/{y}/b", "PUT /a/{y}"]), ["RouteVariableNames r0 spec.routeKey"]);
    assert_eq!(names(&["GET /a/{x}", "GET /b/{y}", "GET /a/{p+}", "GET /a/b", "$default"]), [""; 0]);
    assert_eq!(names(&["GET /{p+}/a"]), ["GreedyVariableNotLast r0 spec.routeKey"]);
    let mut elsewhere = route("r1", "GET /a/{y}", json!({}));
    elsewhere.references[0].target = Key::new("HttpApi", "other");
    assert_eq!(found(vec![route("r0", "GET /a/{x}", json!({})), elsewhere]), [""; 0], "two APIs");
}

#[test]
fn preflight_requests() {
    let api = || {
        document("HttpApi", "shop", json!({ "corsConfiguration": { "allowOrigins": ["https://a.example"] } }))
    };
    let open = json!({ "authorizationType": "NONE" });
    let check = |keys: &[(&str, &Value)]| {
        let routes =
            keys.iter().enumerate().map(|(n, (key, more))| route(&format!("r{n}"), key, (*more).clone()));
        found(routes.chain([api()]).collect())
    };
    let iam = json!({});
    assert_eq!(check(&[("$default", &iam)]), ["OptionsSwallowed r0 spec.routeKey"]);
    assert_eq!(
        check(&[("$default", &iam), ("OPTIONS /{all+}", &open)]),
        [""; 0],
        "whatever the variable is called"
    );
    assert_eq!(
        check(&[("$default", &iam), ("OPTIONS /{all+}", &iam)]),
        ["OptionsSwallowed r0 spec.routeKey"]
    );
    assert_eq!(check(&[("ANY /a/{p+}", &iam), ("OPTIONS /a/{p+}", &open)]), [""; 0]);
    assert_eq!(check(&[("ANY /a", &iam), ("OPTIONS /{p+}", &open)]), ["OptionsSwallowed r0 spec.routeKey"]);
    assert_eq!(check(&[("GET /a", &iam)]), [""; 0], "API Gateway answers OPTIONS itself");
    assert_eq!(
        found(vec![route("r0", "$default", json!({}))]),
        [""; 0],
        "the API is held: nobody knows of CORS"
    );
    let hint = check_chain(&world(vec![api(), route("r0", "ANY /a/{p+}", json!({}))]), &BTreeSet::new());
    assert_eq!(
        hint[0].1.hint.as_deref(),
        Some("add a Route with `routeKey: OPTIONS /a/{p+}` and `authorizationType: NONE`")
    );
}

#[test]
fn public_routes_that_are_meant() {
    let left_out = || {
        document("Route", "r", json!({ "apiRef": "shop", "routeKey": "GET /a", "target": "integrations/i" }))
    };
    let none = |key: &str| route("r", key, json!({ "authorizationType": "NONE" }));
    let guarded = || route("g", "GET /b", json!({}));
    assert_eq!(found(vec![left_out()]), ["PublicRoute r spec.routeKey"]);
    assert_eq!(found(vec![left_out(), guarded()]), ["PublicRoute r spec.routeKey"], "forgotten");
    assert_eq!(found(vec![none("GET /a")]), [""; 0], "who writes it means it");
    let preflight = document(
        "Route",
        "r",
        json!({ "apiRef": "shop", "routeKey": "OPTIONS /{p+}", "target": "integrations/i" }),
    );
    assert_eq!(found(vec![preflight]), [""; 0]);
    assert_eq!(found(vec![untouched(left_out())]), [""; 0], "not ours, so not known");
}

#[test]
fn authorizers_and_what_they_guard() {
    let authorizer = |kind: &str| {
        let jwt = json!({ "issuer": "https://i.example", "audience": ["a"] });
        document(
            "Authorizer",
            "a",
            json!({ "apiRef": "shop", "authorizerType": kind, "jwtConfiguration": jwt }),
        )
    };
    let by = |kind: &str| route("r", "GET /a", json!({ "authorizationType": kind, "authorizerRef": "a" }));
    let mismatch = ["AuthorizerMismatch r spec.authorizerRef"];
    assert_eq!(found(vec![by("JWT"), authorizer("JWT")]), [""; 0]);
    assert_eq!(found(vec![by("CUSTOM"), authorizer("REQUEST")]), [""; 0]);
    assert_eq!(found(vec![by("JWT"), authorizer("REQUEST")]), mismatch);
    assert_eq!(found(vec![by("CUSTOM"), authorizer("JWT")]), mismatch);
    assert_eq!(found(vec![by("AWS_IAM"), authorizer("JWT")]), mismatch);
    assert_eq!(found(vec![by("JWT")]), [""; 0], "an authorizer that is held");
    let raw = json!({ "authorizationType": "NONE", "authorizerId": "abc123" });
    assert_eq!(found(vec![route("r", "GET /a", raw)]), ["AuthorizerMismatch r spec.authorizerId"]);
    let mut empty = authorizer("JWT");
    empty.members.insert("jwtConfiguration".to_owned(), json!({ "issuer": "", "audience": [] }));
    let both =
        ["audience", "issuer"].map(|m| format!("JwtWithoutIssuerOrAudience a spec.jwtConfiguration.{m}"));
    assert_eq!(found(vec![empty]), both);
}

#[test]
fn nothing_is_sent_to_a_stage_that_refuses_all() {
    let stage = |spec: Value| found(vec![document("Stage", "s", spec)]);
    let zero =
        json!({ "routeSettings": { "GET /a": { "throttlingBurstLimit": 0, "throttlingRateLimit": 5 } } });
    assert_eq!(stage(zero), ["ThrottlingZero s spec.routeSettings.GET /a.throttlingBurstLimit"]);
    assert_eq!(
        stage(json!({ "defaultRouteSettings": { "throttlingRateLimit": 0.0 } })),
        ["ThrottlingZero s spec.defaultRouteSettings.throttlingRateLimit"]
    );
    assert_eq!(stage(json!({ "defaultRouteSettings": { "throttlingRateLimit": null } })), [""; 0]);
}

#[test]
fn no_routes_is_not_said_while_a_route_is_held() {
    let stage = document("Stage", "s", json!({ "apiRef": "shop", "stageName": "$default" }));
    let documents = world(vec![document("HttpApi", "shop", json!({})), stage]);
    assert_eq!(check_chain(&documents, &BTreeSet::new()).len(), 1);
    assert_eq!(check_chain(&documents, &BTreeSet::from([Key::new("Route", "r")])), []);
}
