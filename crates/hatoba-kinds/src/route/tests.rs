use aws_sdk_apigatewayv2::types::{AuthorizationType, Route as SdkRoute};
use serde_json::{Value, json};

use super::Route;
use super::driver::observe;
use crate::kind::Kind as _;

#[test]
fn an_authorizer_is_seen_only_where_it_is_asked() {
    for (kind, id, scopes) in [
        (AuthorizationType::Jwt, Some("a1"), Some(json!(["read"]))),
        (AuthorizationType::Custom, Some("a1"), None),
        (AuthorizationType::AwsIam, None, None),
        (AuthorizationType::None, None, None),
    ] {
        let route = SdkRoute::builder()
            .route_id("r1")
            .route_key("GET /")
            .authorization_type(kind.clone())
            .authorizer_id("a1")
            .authorization_scopes("read")
            .build();
        let object = observe("api1", &route).unwrap();
        assert_eq!(object.members.get("authorizerId").and_then(Value::as_str), id, "{kind:?}");
        assert_eq!(object.members.get("authorizationScopes").cloned(), scopes, "{kind:?}");
        assert!(object.uses.contains("a1"), "AWS does not delete what is named, of effect or not");
    }
}

#[test]
fn authorization_that_would_not_be_asked_is_refused() {
    let scopes = |n: usize| (0..n).map(|n| format!("s{n}")).collect::<Vec<_>>();
    for (more, expected) in [
        (json!({}), vec![]),
        (json!({ "authorizationType": "AWS_IAM" }), vec![]),
        (json!({ "authorizationType": "JWT", "authorizerId": "a1", "authorizationScopes": scopes(10) }), vec![]),
        (json!({ "authorizationType": "CUSTOM", "authorizerId": "a1" }), vec![]),
        (
            json!({ "authorizationType": "JWT", "authorizerId": "a1", "authorizationScopes": scopes(11) }),
            vec!["authorizationScopes"],
        ),
        (
            json!({ "authorizationType": "CUSTOM", "authorizerId": "a1", "authorizationScopes": ["s"] }),
            vec!["authorizationScopes"],
        ),
        (json!({ "authorizationType": "JWT" }), vec!["authorizerId"]),
        (json!({ "authorizerId": "a1" }), vec!["authorizerId"]),
        (json!({ "authorizerRef": "web" }), vec!["authorizerRef"]),
        (json!({ "authorizationType": "AWS_IAM", "authorizerRef": "web" }), vec!["authorizerRef"]),
        (json!({ "authorizationType": "NONE", "authorizerRef": null }), vec![]),
    ] {
        let mut members = json!({ "routeKey": "GET /", "target": "integrations/i1" }).as_object().cloned().unwrap();
        members.extend(more.as_object().cloned().unwrap());
        let found = Route::check_written(&members).into_iter().chain(Route::check(&members));
        let found: Vec<String> = found.map(|problem| problem.path).collect();
        assert_eq!(found, expected, "{more}");
    }
}
