use aws_sdk_apigatewayv2::types::{ConnectionType, Integration, IntegrationType};
use hatoba_core::Seen;
use serde_json::json;

use super::driver::observe;

#[test]
fn the_mark_is_no_part_of_the_description_and_defaults_are_dropped() {
    let integration = Integration::builder()
        .integration_id("i1")
        .integration_type(IntegrationType::HttpProxy)
        .integration_method("ANY")
        .connection_type(ConnectionType::Internet)
        .integration_uri("arn:srv?stage=blue")
        .timeout_in_millis(30_000)
        .description("orders\n[hatoba local Integration/to-web 3]")
        .build();
    let object = observe("api1", &integration).unwrap();
    assert_eq!(object.members["description"], "orders");
    assert!(matches!(&object.mark, Seen::Present(mark) if mark.incarnation == 3 && mark.document.name == "to-web"));
    for default in ["connectionType", "timeoutInMillis"] {
        assert!(object.members.get(default).is_none(), "{default}");
    }
    assert!(object.uses.contains("arn:srv"), "filters behind the ARN are no part of what it uses");
    assert!(object.uses.contains("api1"));
}

#[test]
fn without_our_last_line_it_is_nobodys() {
    let integration = Integration::builder().integration_id("i1").description("by hand").build();
    assert_eq!(observe("api1", &integration).unwrap().mark, Seen::Absent);
}

/// What is wrong with a document's spec, as `path: message`.
fn wrong(spec: serde_json::Value) -> Vec<String> {
    let spec = spec.as_object().cloned().unwrap_or_default();
    let document = hatoba_core::Document::new(
        hatoba_core::Key::new("Integration", "sample"),
        std::collections::BTreeMap::new(),
        spec,
        hatoba_core::Policy::default(),
        hatoba_core::Places::new("a.yaml"),
    );
    match crate::KindId::Integration.compile(&document) {
        Ok(_) => Vec::new(),
        Err(found) => found.into_iter().map(|found| format!("{}: {}", found.path, found.message)).collect(),
    }
}

const FUNCTION: &str = "arn:aws:lambda:us-east-1:123456789012:function:orders";
const LISTENER: &str = "arn:aws:elasticloadbalancing:us-east-1:123456789012:listener/app/web/50dc6c495c0c9188/f2f7dc8efc522ab2";

/// An entry that is `null` is one that is left out, though the keys of these maps hold dots.
#[test]
fn entries_of_mappings_may_be_null() {
    let with = |requests: serde_json::Value, responses: serde_json::Value| {
        wrong(json!({ "apiRef": "a", "integrationType": "HTTP_PROXY", "integrationMethod": "ANY",
            "integrationUri": "https://example.com", "payloadFormatVersion": "1.0",
            "requestParameters": requests, "responseParameters": responses }))
    };
    let requests = json!({ "overwrite:path": null, "append:header.a": null, "append:header.b": "2" });
    let responses = json!({ "200": { "overwrite:header.a": null, "append:header.b": "2" }, "500": null });
    assert_eq!(with(requests, responses), [""; 0]);
    assert_eq!(with(json!({ "append:header.a": 1 }), json!({})).len(), 1);
    assert_eq!(with(json!({ "append:header.a": "" }), json!({})).len(), 1, "AWS takes it for a removal");
}

#[test]
fn every_sort_of_back_end_has_a_good_document() {
    let private = json!({ "apiRef": "a", "integrationType": "HTTP_PROXY", "integrationMethod": "ANY", "connectionType": "VPC_LINK" });
    let with = |more: serde_json::Value| {
        let mut spec = private.clone();
        for (name, value) in more.as_object().into_iter().flatten() {
            spec[name] = value.clone();
        }
        spec
    };
    for good in [
        json!({ "apiRef": "a", "integrationType": "HTTP_PROXY", "integrationMethod": "GET", "integrationUri": "https://example.com" }),
        with(json!({ "vpcLinkRef": "l", "discoveryServiceRef": "s", "tlsConfig": { "serverNameToVerify": "a.example.com" } })),
        with(json!({ "connectionId": "l1", "integrationUri": LISTENER, "requestParameters": { "overwrite:path": "$request.path" } })),
        json!({ "apiRef": "a", "integrationType": "AWS_PROXY", "integrationUri": FUNCTION, "payloadFormatVersion": "2.0" }),
        json!({ "apiRef": "a", "integrationType": "AWS_PROXY", "integrationUri": FUNCTION, "integrationMethod": "POST" }),
        json!({
            "apiRef": "a", "integrationType": "AWS_PROXY", "integrationSubtype": "EventBridge-PutEvents",
            "credentialsArn": "arn:aws:iam::123456789012:role/a",
            "requestParameters": { "Detail": "$request.body.detail", "DetailType": "order", "Source": "shop", "Region": "eu-west-1" },
        }),
    ] {
        assert_eq!(wrong(good.clone()), Vec::<String>::new(), "{good}");
    }
}

#[test]
fn what_does_not_go_together_is_said() {
    let http = |more: serde_json::Value| {
        let mut spec = json!({ "apiRef": "a", "integrationType": "HTTP_PROXY", "integrationMethod": "ANY", "integrationUri": "https://example.com" });
        for (name, value) in more.as_object().into_iter().flatten() {
            spec[name] = value.clone();
        }
        spec
    };
    let private = |more: serde_json::Value| {
        let mut spec = http(json!({ "connectionType": "VPC_LINK", "connectionId": "l", "integrationUri": LISTENER }));
        for (name, value) in more.as_object().into_iter().flatten() {
            spec[name] = value.clone();
        }
        spec
    };
    let lambda = |more: serde_json::Value| {
        let spec = json!({ "integrationType": "AWS_PROXY", "integrationMethod": null, "integrationUri": FUNCTION });
        let mut spec = http(spec);
        for (name, value) in more.as_object().into_iter().flatten() {
            spec[name] = value.clone();
        }
        spec
    };
    let queue = |more: serde_json::Value| {
        let mut spec = json!({
            "apiRef": "a", "integrationType": "AWS_PROXY", "integrationSubtype": "SQS-SendMessage",
            "credentialsArn": "arn:aws:iam::123456789012:role/a",
            "requestParameters": { "QueueUrl": "https://q", "MessageBody": "$request.body" },
        });
        for (name, value) in more.as_object().into_iter().flatten() {
            spec[name] = value.clone();
        }
        spec
    };
    let table = [
        (http(json!({ "integrationType": "MOCK" })), "spec.integrationType: expected HTTP_PROXY or AWS_PROXY"),
        (http(json!({ "integrationMethod": null })), "spec.integrationMethod: HTTP_PROXY needs a method"),
        (http(json!({ "integrationUri": FUNCTION })), "spec.integrationUri: expected an address"),
        (http(json!({ "connectionId": "l1" })), "spec.connectionType: a connection is given"),
        (http(json!({ "tlsConfig": {} })), "spec.tlsConfig: a TLS setting is for a private back end"),
        (
            private(json!({ "tlsConfig": {} })),
            "spec.tlsConfig.serverNameToVerify: a TLS setting needs the name that the back end's certificate bears",
        ),
        (private(json!({ "tlsConfig": { "serverNameToVerify": null } })), "spec.tlsConfig.serverNameToVerify: a TLS"),
        (http(json!({ "payloadFormatVersion": "2.0" })), "spec.payloadFormatVersion: expected 1.0"),
        (http(json!({ "integrationSubtype": "SQS-SendMessage" })), "spec.integrationSubtype: a subtype is for AWS's own"),
        (http(json!({ "connectionType": "VPC_LINK", "connectionId": "l" })), "expected the ARN of a Cloud Map service"),
        (
            http(json!({ "connectionType": "VPC_LINK", "connectionId": "l", "integrationUri": LISTENER.replace(":listener/", ":loadbalancer/") })),
            "expected the ARN of the load balancer's listener",
        ),
        (http(json!({ "requestTemplates": {} })), "`requestTemplates` is not taken by Integration: request templates are for WebSocket"),
        (http(json!({ "passthroughBehavior": "NEVER" })), "is not taken by Integration"),
        (http(json!({ "requestParameters": { "append:header.via": "x" } })), "`via` cannot be mapped"),
        (lambda(json!({ "integrationMethod": "GET" })), "spec.integrationMethod: Lambda is called with POST"),
        (lambda(json!({ "integrationUri": "https://example.com" })), "spec.integrationUri: expected the ARN of a Lambda function"),
        (lambda(json!({ "connectionType": "VPC_LINK", "connectionId": "l" })), "is not behind a VPC link"),
        (queue(json!({ "integrationSubtype": "SQS-SendMesage" })), "spec.integrationSubtype: unknown subtype"),
        (queue(json!({ "requestParameters": { "QueueUrl": "https://q" } })), "needs the request parameter `MessageBody`"),
        (queue(json!({ "credentialsArn": null })), "spec.credentialsArn: SQS-SendMessage needs the role"),
        (queue(json!({ "integrationUri": "https://q" })), "spec.integrationUri: an integration with SQS-SendMessage has no"),
        (queue(json!({ "requestParameters": { "QueueUrl": "https://q", "MessageBody": "$input.x" } })), "got `$input.x`"),
    ];
    for (spec, says) in table {
        let found = wrong(spec.clone());
        assert!(found.iter().any(|found| found.contains(says)), "{says}: {found:?} of {spec}");
    }
}
