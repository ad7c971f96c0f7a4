use aws_sdk_apigatewayv2::types::{Authorizer as SdkAuthorizer, AuthorizerType, JwtConfiguration};
use hatoba_core::Members;
use serde_json::{Value, json};

use super::Authorizer;
use super::driver::observe;
use crate::kind::Kind as _;

const URI: &str = "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/arn:aws:lambda:us-east-1:1:function:f/invocations";

fn members(value: Value) -> Members {
    value.as_object().cloned().unwrap()
}

#[test]
fn what_aws_would_refuse_is_refused_before() {
    let jwt = json!({
        "name": "web", "authorizerType": "JWT",
        "jwtConfiguration": { "issuer": "https://issuer.example", "audience": ["web"] },
    });
    let request = json!({
        "name": "web", "authorizerType": "REQUEST", "authorizerUri": URI, "authorizerPayloadFormatVersion": "2.0",
    });
    let table: Vec<(&Value, Value, &[&str])> = vec![
        (&jwt, json!({}), &[]),
        (&jwt, json!({ "identitySource": ["$request.querystring.token"] }), &[]),
        (&jwt, json!({ "authorizerUri": null }), &[]),
        (&jwt, json!({ "name": "web~2" }), &["name"]),
        (&jwt, json!({ "name": "" }), &["name"]),
        (&jwt, json!({ "name": "n".repeat(118) }), &["name"]),
        (&jwt, json!({ "authorizerType": "TOKEN" }), &["authorizerType"]),
        (&jwt, json!({ "jwtConfiguration": null }), &["jwtConfiguration.issuer", "jwtConfiguration.audience"]),
        (
            &jwt,
            json!({ "jwtConfiguration": { "issuer": "http://issuer", "audience": ["a"] } }),
            &["jwtConfiguration.issuer"],
        ),
        (&jwt, json!({ "identitySource": [] }), &["identitySource"]),
        (&jwt, json!({ "identitySource": ["$request.header.A", "$request.header.B"] }), &["identitySource"]),
        (&jwt, json!({ "identitySource": ["$context.stage"] }), &["identitySource"]),
        (&jwt, json!({ "authorizerUri": URI }), &["authorizerUri"]),
        (&jwt, json!({ "authorizerResultTtlInSeconds": 0 }), &["authorizerResultTtlInSeconds"]),
        (&request, json!({}), &[]),
        (&request, json!({ "enableSimpleResponses": true }), &[]),
        (&request, json!({ "identitySource": [], "authorizerResultTtlInSeconds": 0 }), &[]),
        (&request, json!({ "identitySource": ["$context.stage", "$request.header.A"] }), &[]),
        (&request, json!({ "authorizerUri": "https://example.com" }), &["authorizerUri"]),
        (&request, json!({ "authorizerPayloadFormatVersion": null }), &["authorizerPayloadFormatVersion"]),
        (
            &request,
            json!({ "authorizerPayloadFormatVersion": "1.0", "enableSimpleResponses": true }),
            &["enableSimpleResponses"],
        ),
        (&request, json!({ "identitySource": [] }), &["identitySource"]),
        (&request, json!({ "jwtConfiguration": { "issuer": "https://i" } }), &["jwtConfiguration"]),
    ];
    for (base, more, expected) in table {
        let mut stated = members(base.clone());
        stated.extend(members(more.clone()));
        let found: Vec<String> = Authorizer::check(&stated).into_iter().map(|problem| problem.path).collect();
        assert_eq!(found, expected, "{more}");
    }
}

#[test]
fn what_aws_shows_by_default_is_what_leaving_out_means() {
    let shown = SdkAuthorizer::builder()
        .authorizer_id("a1")
        .name("web~3")
        .authorizer_type(AuthorizerType::Request)
        .authorizer_uri(URI)
        .authorizer_payload_format_version("2.0")
        .identity_source("$request.header.Authorization")
        .authorizer_result_ttl_in_seconds(300)
        .enable_simple_responses(false)
        .authorizer_credentials_arn("")
        .build();
    let object = observe("api1", &shown).unwrap();
    assert_eq!(
        Value::Object(object.members),
        json!({ "name": "web", "authorizerType": "REQUEST", "authorizerUri": URI, "authorizerPayloadFormatVersion": "2.0" })
    );
    assert_eq!(object.natural_key, "web");
    let outputs: Vec<(&str, &str)> = object.outputs.iter().map(|(name, id)| (name.as_str(), id.as_str())).collect();
    assert_eq!(outputs, [("id", "a1"), ("requestId", "a1")], "no JWT route finds one in it");
    assert_eq!(object.mark.present().unwrap().incarnation, 3);
    assert!(object.mark.present().unwrap().is_nobodys(), "only the API says whose it is");

    // Where none is shown, none is kept: that is not what leaving it out means.
    let silent = SdkAuthorizer::builder().authorizer_id("a1").name("web").authorizer_type(AuthorizerType::Request).build();
    assert_eq!(observe("api1", &silent).unwrap().members["authorizerResultTtlInSeconds"], 0);
    let silent = SdkAuthorizer::builder().authorizer_id("a1").name("web").authorizer_type(AuthorizerType::Jwt).build();
    assert_eq!(observe("api1", &silent).unwrap().members.get("authorizerResultTtlInSeconds"), None);

    let jwt = JwtConfiguration::builder().issuer("https://i").audience("b").audience("a").build();
    let shown = SdkAuthorizer::builder().authorizer_id("a1").name("web").jwt_configuration(jwt).build();
    let object = observe("api1", &shown).unwrap();
    assert_eq!(object.members["jwtConfiguration"]["audience"], json!(["a", "b"]));
    assert_eq!(object.members["identitySource"], json!([]), "none at all is not the default one");
    assert!(observe("api1", &SdkAuthorizer::builder().name("web").build()).is_err());
}
