//! Custom domain names, their mappings, and what authorizers are made of.

use super::{authorizer, id};
use crate::testing::Caller;
use serde_json::{Value, json};

fn domain(name: &str) -> Value {
    json!({ "domainName": name, "domainNameConfigurations": [{ "certificateArn": "arn:aws:acm:us-east-1:1:certificate/c" }] })
}

#[test]
fn a_domain_name_settles_and_takes_no_updates_meanwhile() {
    let mut aws = Caller::realistic();
    let made = aws.rest_ok("POST", "/v2/domainnames", domain("api.example.com"));
    let configuration = |out: &Value| out["domainNameConfigurations"][0].clone();
    assert_eq!(made["routingMode"], "API_MAPPING_ONLY");
    assert_eq!(made["apiMappingSelectionExpression"], "$request.basepath");
    assert_eq!(made["domainNameArn"], "arn:aws:apigateway:us-east-1::/domainnames/api.example.com");
    let first = configuration(&made);
    assert_eq!((&first["endpointType"], &first["securityPolicy"]), (&json!("REGIONAL"), &json!("TLS_1_2")));
    assert_eq!(first["domainNameStatus"], "UPDATING");
    let target = first["apiGatewayDomainName"].clone();
    assert!(target.as_str().unwrap_or_default().starts_with("d-"));
    let uri = "/v2/domainnames/api.example.com";
    let dual = json!({ "domainNameConfigurations": [{
        "certificateArn": "arn:aws:acm:us-east-1:1:certificate/c", "ipAddressType": "dualstack" }] });
    assert_eq!(aws.rest_refused("PATCH", uri, dual.clone()).0, 409);
    aws.wait(60);
    assert_eq!(configuration(&aws.rest_ok("GET", uri, Value::Null))["domainNameStatus"], "AVAILABLE");
    let after = configuration(&aws.rest_ok("PATCH", uri, dual));
    assert_eq!(
        (&after["ipAddressType"], &after["domainNameStatus"]),
        (&json!("dualstack"), &json!("UPDATING"))
    );
    assert_eq!(after["apiGatewayDomainName"], target, "the alias stays");
    aws.wait(60);
    let tls = |uri: &str| json!({ "mutualTlsAuthentication": { "truststoreUri": uri } });
    let on = aws.rest_ok("PATCH", uri, tls("s3://bucket/store.pem"));
    assert_eq!(on["mutualTlsAuthentication"]["truststoreUri"], "s3://bucket/store.pem");
    aws.wait(60);
    assert_eq!(aws.rest_refused("PATCH", uri, tls("https://bucket")).0, 400);
    assert_eq!(aws.rest_ok("PATCH", uri, tls("")).get("mutualTlsAuthentication"), None);
    // A mode alone changes at once.
    aws.wait(60);
    let mode = aws.rest_ok("PATCH", uri, json!({ "routingMode": "ROUTING_RULE_ONLY" }));
    assert_eq!(configuration(&mode)["domainNameStatus"], "AVAILABLE");
    let tags = "/v2/tags/arn%3Aaws%3Aapigateway%3Aus-east-1%3A%3A%2Fdomainnames%2Fapi.example.com";
    aws.rest_ok("POST", tags, json!({ "tags": { "a": "b" } }));
    assert_eq!(aws.rest_ok("GET", uri, Value::Null)["tags"], json!({ "a": "b" }));
    assert_eq!(aws.rest_ok("GET", "/v2/domainnames", Value::Null)["items"].as_array().map(Vec::len), Some(1));
}

#[test]
fn domain_names_are_validated() {
    let mut aws = Caller::instant();
    aws.rest_ok("POST", "/v2/domainnames", domain("api.example.com"));
    let with = |member: &str, value: Value| {
        let mut body = domain("b.example.com");
        body["domainNameConfigurations"][0][member] = value;
        body
    };
    for (body, status, part) in [
        (domain("api.example.com"), 409, "The domain name you provided already exists"),
        (domain("example"), 400, "Invalid domain name"),
        (json!({ "domainName": "b.example.com" }), 400, "At least one domain name configuration"),
        (with("endpointType", json!("EDGE")), 400, "REGIONAL"),
        (with("securityPolicy", json!("TLS_1_0")), 400, "TLS_1_2"),
        (with("certificateArn", json!("c")), 400, "Invalid certificate ARN"),
        (with("ipAddressType", json!("ipv6")), 400, "ipAddressType"),
    ] {
        let refused = aws.rest_refused("POST", "/v2/domainnames", body.clone());
        assert_eq!(refused.0, status, "{body}");
        assert!(refused.2.contains(part), "{}", refused.2);
    }
    assert_eq!(aws.rest_refused("GET", "/v2/domainnames/c.example.com", Value::Null).0, 404);
}

#[test]
fn mappings_are_unique_by_key_and_hold_what_they_use() {
    let mut aws = Caller::instant();
    let (api, other) = (aws.api(), aws.api());
    for api in [&api, &other] {
        aws.rest_ok("POST", &format!("/v2/apis/{api}/stages"), json!({ "stageName": "prod" }));
    }
    aws.rest_ok("POST", "/v2/domainnames", domain("api.example.com"));
    let uri = "/v2/domainnames/api.example.com/apimappings";
    let mapping = |key: &str| json!({ "apiId": api, "stage": "prod", "apiMappingKey": key });
    let made = aws.rest_ok("POST", uri, mapping("orders/v1"));
    let one = format!("{uri}/{}", id(&made, "apiMappingId"));
    let root = aws.rest_ok("POST", uri, json!({ "apiId": api, "stage": "prod" }));
    assert_eq!(root["apiMappingKey"], "");
    for (body, status, part) in [
        (mapping("orders/v1"), 409, "ApiMapping key already exists for this domain name"),
        (json!({ "apiId": api, "stage": "prod" }), 409, "ApiMapping key already exists"),
        (mapping("/a"), 400, "should not start"),
        (mapping("a b"), 400, "must only contain"),
        (json!({ "apiId": "nope", "stage": "prod", "apiMappingKey": "a" }), 400, "Invalid API identifier"),
        (json!({ "apiId": api, "stage": "dev", "apiMappingKey": "a" }), 400, "Invalid stage identifier"),
    ] {
        let refused = aws.rest_refused("POST", uri, body.clone());
        assert_eq!(refused.0, status, "{body}");
        assert!(refused.2.contains(part), "{}", refused.2);
    }
    assert!(aws.rest_refused("PATCH", &one, json!({ "stage": "prod" })).2.contains("at 'apiId'"));
    let moved = aws.rest_ok("PATCH", &one, json!({ "apiId": other, "apiMappingKey": "orders/v2" }));
    assert_eq!((&moved["apiId"], &moved["stage"]), (&json!(other), &json!("prod")));
    assert_eq!(aws.rest_ok("GET", &one, Value::Null), moved);
    for (uri, part) in [
        (format!("/v2/apis/{other}"), "Please remove all API mappings"),
        (format!("/v2/apis/{api}/stages/prod"), "Please remove all API mappings"),
        ("/v2/domainnames/api.example.com".to_owned(), "Please remove all API mappings"),
    ] {
        let refused = aws.rest_refused("DELETE", &uri, Value::Null);
        assert_eq!(refused.0, 400, "{uri}");
        assert!(refused.2.contains(part), "{}", refused.2);
    }
    aws.rest_ok("DELETE", &one, Value::Null);
    aws.rest_ok("DELETE", &format!("{uri}/{}", id(&root, "apiMappingId")), Value::Null);
    assert_eq!(aws.rest_refused("DELETE", &one, Value::Null).0, 404);
    for uri in [format!("/v2/apis/{other}"), "/v2/domainnames/api.example.com".to_owned()] {
        aws.rest_ok("DELETE", &uri, Value::Null);
    }
}

#[test]
fn what_an_authorizer_cannot_work_with_is_refused() {
    let mut aws = Caller::instant();
    let api = aws.api();
    let uri = format!("/v2/apis/{api}/authorizers");
    let mut jwt = authorizer();
    jwt["identitySource"] = json!(["$context.stage"]);
    assert!(aws.rest_refused("POST", &uri, jwt).2.contains("Invalid mapping expression"));
    let lambda = "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/f/invocations";
    let request = |authorizer_uri: &str| {
        json!({
            "name": "f", "authorizerType": "REQUEST", "identitySource": ["$request.header.A", "$context.stage"],
            "authorizerUri": authorizer_uri, "authorizerPayloadFormatVersion": "2.0",
        })
    };
    assert_eq!(aws.rest_refused("POST", &uri, request("https://example.com")).2, "Invalid Authorizer URI");
    let made = aws.rest_ok("POST", &uri, request(lambda));
    assert_eq!(
        (&made["authorizerResultTtlInSeconds"], &made["enableSimpleResponses"]),
        (&json!(0), &json!(false))
    );
    let one = format!("{uri}/{}", id(&made, "authorizerId"));
    assert_eq!(aws.rest_ok("GET", &one, Value::Null), made);
    let cleared = aws.rest_ok("PATCH", &one, json!({ "authorizerCredentialsArn": "" }));
    assert_eq!(cleared.get("authorizerCredentialsArn"), None);
}
