//! What stands at the gate: authorizers with the routes that ask them, a domain name with its mapping. Changed and
//! deleted behind our back, each is put right in one write.

use hatoba_aws_model::Request;
use hatoba_tests::wait::holds_within;
use serde_json::{Value, json};

use crate::port::{LONG, Port};
use crate::stack::{text, without_nothing};

const DOCUMENTS: &str = r#"apiVersion: hatoba/v1
kind: HttpApi
metadata: { name: gated }
spec: {}
---
apiVersion: hatoba/v1
kind: Integration
metadata: { name: back }
spec: { apiRef: gated, integrationType: HTTP_PROXY, integrationMethod: ANY, integrationUri: "https://example.com" }
---
apiVersion: hatoba/v1
kind: Authorizer
metadata: { name: web }
spec:
  apiRef: gated
  authorizerType: JWT
  jwtConfiguration: { issuer: "https://issuer.example.com", audience: [web] }
---
apiVersion: hatoba/v1
kind: Authorizer
metadata: { name: lambda }
spec:
  apiRef: gated
  authorizerType: REQUEST
  authorizerUri: arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/arn:aws:lambda:us-east-1:123456789012:function:gate/invocations
  authorizerPayloadFormatVersion: "2.0"
---
apiVersion: hatoba/v1
kind: Route
metadata: { name: orders }
spec:
  apiRef: gated
  routeKey: GET /orders
  integrationRef: back
  authorizationType: JWT
  authorizerRef: web
  authorizationScopes: [read]
---
apiVersion: hatoba/v1
kind: Stage
metadata: { name: default }
spec: { apiRef: gated, stageName: $default }
"#;

const DOMAIN_DOCUMENTS: &str = r#"---
apiVersion: hatoba/v1
kind: DomainName
metadata: { name: domain }
spec:
  domainName: api.example.com
  domainNameConfigurations:
    - certificateArn: arn:aws:acm:us-east-1:123456789012:certificate/6c8f5bd2-3a41-4a7a-9d3c-0f5f6d1c2b3a
---
apiVersion: hatoba/v1
kind: ApiMapping
metadata: { name: mapping }
spec: { domainNameRef: domain, apiRef: gated, stageRef: default, apiMappingKey: orders }
"#;

/// One or more fields, changed by hand.
struct Drift {
    kind: &'static str,
    /// Paths in the kind's table, with commas between them.
    fields: &'static str,
    /// Which object, by a member and its value.
    of: (&'static str, &'static str),
    change: fn() -> Value,
}

const fn drift(
    kind: &'static str,
    fields: &'static str,
    of: (&'static str, &'static str),
    change: fn() -> Value,
) -> Drift {
    Drift { kind, fields, of, change }
}

const WEB: (&str, &str) = ("name", "web");
const LAMBDA: (&str, &str) = ("name", "lambda");
const ORDERS: (&str, &str) = ("routeKey", "GET /orders");
const DOMAIN: (&str, &str) = ("domainName", "api.example.com");
const MAPPING: (&str, &str) = ("apiMappingKey", "orders");

const DRIFTS: &[Drift] = &[
    drift("Authorizer", "name", WEB, || json!({ "name": "stranger" })),
    drift("Authorizer", "identitySource", WEB, || json!({ "identitySource": ["$request.header.X"] })),
    drift(
        "Authorizer",
        "jwtConfiguration.issuer",
        WEB,
        || json!({ "jwtConfiguration": { "issuer": "https://stranger.example.com", "audience": ["web"] } }),
    ),
    drift("Authorizer", "jwtConfiguration.audience", WEB, || {
        let audience = ["web", "stranger"];
        json!({ "jwtConfiguration": { "issuer": "https://issuer.example.com", "audience": audience } })
    }),
    drift("Authorizer", "authorizerUri", LAMBDA, || {
        let function = "arn:aws:lambda:us-east-1:123456789012:function:stranger";
        let path = "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions";
        json!({ "authorizerUri": format!("{path}/{function}/invocations") })
    }),
    drift(
        "Authorizer",
        "authorizerCredentialsArn",
        LAMBDA,
        || json!({ "authorizerCredentialsArn": "arn:aws:iam::123456789012:role/stranger" }),
    ),
    drift(
        "Authorizer",
        "authorizerPayloadFormatVersion",
        LAMBDA,
        || json!({ "authorizerPayloadFormatVersion": "1.0" }),
    ),
    drift(
        "Authorizer",
        "authorizerResultTtlInSeconds",
        LAMBDA,
        || json!({ "authorizerResultTtlInSeconds": 7 }),
    ),
    drift("Authorizer", "enableSimpleResponses", LAMBDA, || json!({ "enableSimpleResponses": true })),
    drift(
        "Route",
        "authorizationType, authorizerId",
        ORDERS,
        || json!({ "authorizationType": "NONE", "authorizerId": "", "authorizationScopes": [] }),
    ),
    drift("Route", "authorizationScopes", ORDERS, || json!({ "authorizationScopes": ["admin"] })),
    drift("DomainName", "domainNameConfigurations, mutualTlsAuthentication, routingMode", DOMAIN, || {
        json!({
            "domainNameConfigurations": [{ "certificateArn": "arn:aws:acm:us-east-1:123456789012:certificate/stranger" }],
            "mutualTlsAuthentication": { "truststoreUri": "s3://stranger/store.pem" },
            "routingMode": "ROUTING_RULE_ONLY",
        })
    }),
    // The key stays; both others change with the API.
    drift("ApiMapping", "apiId, stage", MAPPING, || json!({ "stage": "stranger" })),
];

/// Whether a field's drift is tried here.
pub(crate) fn covers(kind: &str, field: &str) -> bool {
    DRIFTS.iter().any(|drift| drift.kind == kind && drift.fields.split(", ").any(|path| path == field))
}

fn case(drift: &Drift) -> String {
    format!("drift of {} {}", drift.kind, drift.fields)
}

/// Where the objects of a kind stand, and the member that is their id.
async fn place(port: &Port, kind: &str) -> (String, &'static str) {
    let apis = port.items("/v2/apis").await;
    let api =
        apis.iter().find(|api| api["name"] == "gated").map(|api| text(&api["apiId"])).unwrap_or_default();
    match kind {
        "Authorizer" => (format!("/v2/apis/{api}/authorizers"), "authorizerId"),
        "Route" => (format!("/v2/apis/{api}/routes"), "routeId"),
        "DomainName" => ("/v2/domainnames".to_owned(), "domainName"),
        "ApiMapping" => ("/v2/domainnames/api.example.com/apimappings".to_owned(), "apiMappingId"),
        other => panic!("no such kind: {other}"),
    }
}

/// The object, without what AWS moves by itself or the marks are kept in.
async fn look(port: &Port, kind: &str, (member, value): (&str, &str)) -> Option<Value> {
    let (uri, _) = place(port, kind).await;
    let found = port.items(&uri).await.into_iter().find(|object| object[member] == value)?;
    let mut found = without_nothing(found);
    if let Some(configuration) = found.pointer_mut("/domainNameConfigurations/0") {
        let members = configuration.as_object_mut()?;
        members.retain(|name, _| !["domainNameStatus", "certificateUploadDate"].contains(&name.as_str()));
    }
    Some(found)
}

async fn uri_of(port: &Port, kind: &str, of: (&str, &str)) -> String {
    let (uri, id) = place(port, kind).await;
    let object =
        look(port, kind, of).await.unwrap_or_else(|| panic!("no {kind} {of:?}: {}", port.describe()));
    format!("{uri}/{}", text(&object[id]))
}

/// Every field, one after the other.
pub(crate) async fn drifts(mut port: Port) {
    port.start(&format!("{DOCUMENTS}{DOMAIN_DOCUMENTS}"));
    port.converge().await;
    port.resyncs(1).await;
    for drift in DRIFTS {
        let story = case(drift);
        let before = look(&port, drift.kind, drift.of).await.unwrap();
        let uri = uri_of(&port, drift.kind, drift.of).await;
        let mut change = (drift.change)();
        if drift.kind == "ApiMapping" {
            elsewhere(&port, &mut change).await;
        }
        let writes = port.writes().len();
        port.meddle(&Request::rest("PATCH", &uri, &change)).await;
        let is_as_before = async || look(&port, drift.kind, drift.of).await.as_ref() == Some(&before);
        let repaired = async || port.writes().len() > writes + 1 && is_as_before().await;
        if !holds_within(LONG, repaired).await {
            let shown = look(&port, drift.kind, drift.of).await;
            panic!("{story}: {shown:#?}\nis not as before:\n{before:#}\n{:?}", &port.writes()[writes..]);
        }
        port.resyncs(2).await;
        let repair = format!("apigatewayv2.Update{}", drift.kind);
        assert_eq!(port.writes()[writes + 1..], [repair], "{story}");
    }
}

/// Somebody's API with a stage of its own.
async fn elsewhere(port: &Port, change: &mut Value) {
    let api = json!({ "name": "stranger", "protocolType": "HTTP" });
    let api = text(&port.meddle(&Request::rest("POST", "/v2/apis", &api)).await["apiId"]);
    let stage = json!({ "stageName": "stranger" });
    port.meddle(&Request::rest("POST", &format!("/v2/apis/{api}/stages"), &stage)).await;
    change["apiId"] = api.into();
}

/// What is deleted comes back, with what depends on it: an authorizer.
pub(crate) async fn authorizer_deleted(port: Port) {
    come_back(port, DOCUMENTS, &[&[("Route", ORDERS), ("Authorizer", WEB)]]).await;
}

/// A mapping, and the domain name with it.
pub(crate) async fn domain_deleted(port: Port) {
    let open = r#"apiVersion: hatoba/v1
kind: HttpApi
metadata: { name: gated }
spec: {}
---
apiVersion: hatoba/v1
kind: Integration
metadata: { name: back }
spec: { apiRef: gated, integrationType: HTTP_PROXY, integrationMethod: ANY, integrationUri: "https://example.com" }
---
apiVersion: hatoba/v1
kind: Route
metadata: { name: open }
spec: { apiRef: gated, routeKey: GET /open, integrationRef: back }
---
apiVersion: hatoba/v1
kind: Stage
metadata: { name: default }
spec: { apiRef: gated, stageName: $default }
"#;
    let documents = format!("{open}{DOMAIN_DOCUMENTS}");
    come_back(
        port,
        &documents,
        &[&[("ApiMapping", MAPPING)], &[("ApiMapping", MAPPING), ("DomainName", DOMAIN)]],
    )
    .await;
}

type Object = (&'static str, (&'static str, &'static str));

async fn come_back(mut port: Port, documents: &str, deletions: &[&[Object]]) {
    port.start(documents);
    port.converge().await;
    port.resyncs(1).await;
    for kinds in deletions {
        // What takes several deletes would be put right before the last.
        port.stop().await;
        for (kind, of) in *kinds {
            let uri = uri_of(&port, kind, *of).await;
            port.meddle(&Request::rest("DELETE", &uri, &Value::Null)).await;
        }
        let before = port.writes().len();
        port.start(documents);
        port.converge().await;
        port.resyncs(2).await;
        let mut made: Vec<String> = port.writes()[before..].to_vec();
        made.sort();
        let mut expected: Vec<String> =
            kinds.iter().map(|(kind, _)| format!("apigatewayv2.Create{kind}")).collect();
        expected.sort();
        assert_eq!(made, expected, "{}", port.describe());
        for (kind, of) in *kinds {
            assert!(look(&port, kind, *of).await.is_some(), "{kind} is back under its name");
        }
    }
}
