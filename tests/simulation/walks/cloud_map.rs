//! Cloud Map's kinds, and the document that is made of all the others.

use serde_json::{Value, json};

use super::catalogue::{Subject, one_of, shape};

pub(crate) fn subjects() -> Vec<Subject> {
    vec![private_dns_namespace(), http_namespace(), discovery_service(), http_service()]
}

fn texts(values: &[&str]) -> Vec<Value> {
    values.iter().map(|value| json!(value)).collect()
}

fn tagged(name: &str) -> Value {
    json!({ "tags": { "Name": name } })
}

fn private_dns_namespace() -> Subject {
    let description = || one_of("description", texts(&["first", "second"]));
    Subject {
        kind: "PrivateDnsNamespace",
        around: "",
        shapes: vec![
            shape(
                json!({ "vpcSelector": tagged("awesome-vpc") }),
                vec![
                    one_of("name", texts(&["a.test", "b.test"])),
                    description(),
                    one_of("properties.dnsProperties.soa.ttl", [json!(30), json!(60)]),
                ],
            ),
            shape(json!({ "vpcSelector": tagged("other-vpc") }), vec![description()]),
            shape(json!({ "vpcId": "vpc-0a1b2c3d4e5f60718" }), vec![]),
            shape(json!({ "vpcId": "vpc-0f9e8d7c6b5a49382" }), vec![description()]),
        ],
        left_out: &[],
    }
}

fn http_namespace() -> Subject {
    let choices =
        vec![one_of("name", texts(&["a", "b"])), one_of("description", texts(&["first", "second"]))];
    Subject { kind: "HttpNamespace", around: "", shapes: vec![shape(json!({}), choices)], left_out: &[] }
}

fn discovery_service() -> Subject {
    let name = || one_of("name", texts(&["one", "two"]));
    let description = || one_of("description", texts(&["first", "second"]));
    let custom = || one_of("healthCheckCustomConfig", [json!({ "failureThreshold": 1 })]);
    let attributes = || one_of("attributes", [json!({ "a": "b" }), json!({ "a": "c", "d": "e" })]);
    let check = |path: &str, threshold: u8| json!({ "type": "HTTP", "resourcePath": path, "failureThreshold": threshold });
    let records = |kind: &str, ttl: u32| json!([{ "type": kind, "ttl": ttl }]);
    Subject {
        kind: "DiscoveryService",
        around: "apiVersion: hatoba/v1\nkind: PrivateDnsNamespace\nmetadata: { name: ns }\nspec: { name: a.test, vpcSelector: { tags: { Name: awesome-vpc } } }\n---\n\
            apiVersion: hatoba/v1\nkind: HttpNamespace\nmetadata: { name: plain }\nspec: {}\n",
        shapes: vec![
            shape(
                json!({ "namespaceRef": "ns", "dnsConfig": { "dnsRecords": records("SRV", 60) } }),
                vec![
                    name(),
                    description(),
                    one_of("dnsConfig.dnsRecords", [records("SRV", 30), records("A", 30)]),
                    one_of("dnsConfig.routingPolicy", texts(&["WEIGHTED", "MULTIVALUE"])),
                    custom(),
                    attributes(),
                ],
            ),
            shape(
                json!({ "namespaceRef": "plain" }),
                vec![description(), one_of("healthCheckConfig", [check("/a", 2), check("/b", 3)])],
            ),
            shape(json!({ "namespaceRef": "ns", "type": "HTTP" }), vec![description(), custom()]),
        ],
        left_out: &[
            ("namespaceId", "the raw id of a namespace: `namespaceRef` fills it"),
            ("type", "it has one legal value"),
        ],
    }
}

fn http_service() -> Subject {
    let network =
        json!({ "vpcSelector": tagged("awesome-vpc"), "subnetSelector": { "tags": { "Tier": "private" } } });
    let service = json!({ "cluster": "main", "taskDefinition": "great-task:1", "desiredCount": 1, "port": 80, "launchType": "FARGATE" });
    let back_end = json!({ "integrationType": "HTTP_PROXY", "integrationMethod": "ANY", "integrationUri": "https://a.example.com" });
    let other_end = json!({ "integrationType": "HTTP_PROXY", "integrationMethod": "ANY", "integrationUri": "https://b.example.com" });
    let routes = |keys: &[&str]| -> Value {
        keys.iter().map(|key| json!({ "routeKey": key, "authorizationType": "NONE" })).collect()
    };
    let jwt = |issuer: &str| json!({ "jwtConfiguration": { "issuer": issuer, "audience": ["web"] } });
    Subject {
        kind: "HttpService",
        around: "apiVersion: hatoba/v1\nkind: HttpApi\nmetadata: { name: shared }\nspec: {}\n---\n\
            apiVersion: hatoba/v1\nkind: PrivateDnsNamespace\nmetadata: { name: ns }\nspec: { name: a.test, vpcSelector: { tags: { Name: awesome-vpc } } }\n---\n\
            apiVersion: hatoba/v1\nkind: VpcLink\nmetadata: { name: link }\nspec: { subnetSelector: { tags: { Tier: private } } }\n",
        shapes: vec![
            shape(
                json!({ "namespace": "b.test", "network": network, "service": service, "api": { "routes": routes(&["$default"]) } }),
                vec![
                    one_of("api.routes", [routes(&["$default", "GET /a"]), routes(&["GET /a", "GET /b"])]),
                    one_of(
                        "api.corsConfiguration",
                        [
                            json!({ "allowOrigins": ["https://a.example.com"] }),
                            json!({ "allowOrigins": ["*"] }),
                        ],
                    ),
                    one_of("api.authorizer", [jwt("https://a.example.com"), jwt("https://b.example.com")]),
                    one_of("api.stage", [json!({ "stageName": "dev" }), json!({ "description": "first" })]),
                    one_of("service.desiredCount", [json!(2)]),
                    one_of("service.taskDefinition", texts(&["great-task:2"])),
                    one_of(
                        "discovery",
                        [json!({ "description": "first" }), json!({ "description": "second" })],
                    ),
                    one_of(
                        "integration",
                        [json!({ "timeoutInMillis": 5_000 }), json!({ "timeoutInMillis": 6_000 })],
                    ),
                ],
            ),
            shape(
                json!({ "namespaceRef": "ns", "vpcLinkRef": "link", "network": network, "service": service, "apiRef": "shared", "routes": routes(&["GET /a"]) }),
                vec![one_of("routes", [routes(&["GET /b", "GET /a"]), routes(&["GET /c"])])],
            ),
            shape(json!({ "integration": back_end, "api": {} }), vec![one_of("integration", [other_end])]),
        ],
        left_out: &[
            ("namespace", "one of `namespace` and `namespaceRef`, as the shapes have it"),
            ("namespaceRef", "one of `namespace` and `namespaceRef`, as the shapes have it"),
            ("network", "two shapes have it, one has not"),
            ("vpcLinkRef", "one shape has it, the others have not"),
            ("apiRef", "one of `api` and `apiRef`, as the shapes have it"),
        ],
    }
}
