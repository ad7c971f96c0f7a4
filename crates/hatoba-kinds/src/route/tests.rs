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

/// `[]` is what leaving it out means: AWS shows none for it, and nothing is written again and again.
#[test]
fn no_scopes_are_the_same_as_none() {
    let table = <Route as crate::kind::Kind>::TABLE;
    let route = SdkRoute::builder()
        .route_id("r1")
        .route_key("GET /")
        .target("integrations/i1")
        .authorization_type(AuthorizationType::Jwt)
        .authorizer_id("a1");
    let base = json!({ "routeKey": "GET /", "target": "integrations/i1", "authorizationType": "JWT", "authorizerId": "a1" });
    for scopes in [Some(json!([])), Some(Value::Null), None] {
        let mut members = base.as_object().cloned().unwrap();
        if let Some(scopes) = &scopes {
            members.insert("authorizationScopes".to_owned(), scopes.clone());
        }
        assert_eq!(Route::check(&members), [], "{scopes:?}");
        let key = hatoba_core::Key::new("Route", "r");
        let desired = hatoba_core::Desired {
            digest: hatoba_core::Digest::of(&members),
            policy: hatoba_core::Policy::default(),
            labels: Default::default(),
            references: Vec::new(),
            lookups: Vec::new(),
            members: members.clone(),
            key,
            table,
        };
        let resolved = hatoba_core::Resolved { members, pins: Default::default(), scope: "api1".to_owned() };
        for shown in [None, Some(Vec::new())] {
            let object = observe("api1", &route.clone().set_authorization_scopes(shown.clone()).build()).unwrap();
            let drift = hatoba_core::diff(&desired, &resolved, &object.members).drift;
            assert_eq!(drift, [], "{scopes:?} {shown:?}");
        }
    }
}

#[test]
fn a_target_is_written_as_aws_has_it() {
    for (target, is_good) in [
        (json!("integrations/abc123"), true),
        (Value::Null, true),
        (json!("abc123"), false),
        (json!("integrations/"), false),
        (json!("integration/abc123"), false),
        (json!("arn:aws:servicediscovery:us-east-1:123456789012:service/srv-1"), false),
    ] {
        let members = json!({ "routeKey": "GET /", "target": target }).as_object().cloned().unwrap();
        let found = Route::check(&members);
        let paths: Vec<&str> = found.iter().map(|problem| problem.path.as_str()).collect();
        let expected: &[&str] = if is_good { &[] } else { &["target"] };
        assert_eq!(paths, expected, "{target}");
        assert!(found.iter().all(|problem| problem.hint.is_some()), "{target}");
    }
}

/// A route whose type does not fit its authorizer's is refused by AWS: it asks for one that fits.
#[test]
fn an_authorizer_is_asked_for_by_its_type() {
    let output = |kind: Value| {
        let spec = json!({
            "apiRef": "a", "routeKey": "GET /", "integrationRef": "i", "authorizationType": kind, "authorizerRef": "w",
        });
        let document = hatoba_core::Document::new(
            hatoba_core::Key::new("Route", "r"),
            std::collections::BTreeMap::new(),
            spec.as_object().cloned().unwrap(),
            hatoba_core::Policy::default(),
            hatoba_core::Places::new("a.yaml"),
        );
        let desired = crate::KindId::Route.compile(&document).unwrap();
        desired.references.iter().map(|named| (named.field.clone(), named.output)).collect::<Vec<_>>()
    };
    let expected = |output| [("apiRef", "id"), ("integrationRef", "id"), ("authorizerRef", output)];
    let named = |outputs: [(&str, &'static str); 3]| outputs.map(|(field, output)| (field.to_owned(), output)).to_vec();
    assert_eq!(output(json!("JWT")), named(expected("jwtId")));
    assert_eq!(output(json!("CUSTOM")), named(expected("requestId")));
}
