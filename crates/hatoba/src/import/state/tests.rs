//! States as Terraform writes them, and files that are none.

use serde_json::{Value, json};

use super::super::wanted::{Sorted, sort};
use super::*;

const ARTICLE: &str = include_str!("../../../../../tests/data/article.tfstate");
const CANARY: &str = "canary-of-a-secret";

fn sorted(state: &Value) -> Sorted {
    sort(&read(state.to_string().as_bytes()).unwrap())
}

fn state(resources: Value) -> Value {
    json!({ "version": 4, "terraform_version": "1.9.8", "serial": 1, "lineage": "x", "resources": resources })
}

fn api(instances: Value) -> Value {
    json!({
        "mode": "managed", "type": "aws_apigatewayv2_api", "name": "this",
        "provider": "provider[\"registry.terraform.io/hashicorp/aws\"]", "instances": instances,
    })
}

fn wanted(sorted: &Sorted) -> Vec<String> {
    let line = |wanted: &hatoba_engine::Wanted| {
        format!("{} = {} {:?} {}", wanted.origin, wanted.kind.table().kind, wanted.scope, wanted.id)
    };
    sorted.wanted.iter().map(line).collect()
}

#[test]
fn the_articles_state_says_which_resources_there_are() {
    let sorted = sort(&read(ARTICLE.as_bytes()).unwrap());
    assert_eq!(
        wanted(&sorted),
        [
            "aws_apigatewayv2_api.this = HttpApi \"\" a1b2c3d4e5",
            "aws_apigatewayv2_integration.this = Integration \"a1b2c3d4e5\" i9k8j7h",
            "aws_apigatewayv2_route.this = Route \"a1b2c3d4e5\" r5s6t7u",
            "aws_apigatewayv2_stage.this = Stage \"a1b2c3d4e5\" $default",
            "aws_apigatewayv2_vpc_link.this = VpcLink \"\" f6g7h8",
            "aws_ecs_service.this = EcsService \"main\" great-service",
            "aws_service_discovery_private_dns_namespace.this = PrivateDnsNamespace \"\" ns-aaaabbbbccccdddd",
            "aws_service_discovery_service.this = DiscoveryService \"ns-aaaabbbbccccdddd\" srv-1122334455667788",
        ]
    );
    assert_eq!(sorted.refused, []);
    let skipped: Vec<&str> = sorted.skipped.iter().map(|(address, _)| address.as_str()).collect();
    assert_eq!(
        skipped,
        ["data.aws_vpc.this", "aws_apigatewayv2_deployment.this", "aws_security_group.great"]
    );
    let namespace = sorted.wanted.iter().find(|wanted| wanted.id.starts_with("ns-")).unwrap();
    assert_eq!(namespace.hints["vpcId"], "vpc-0123456789abcdef0", "AWS may not show it");
}

#[test]
fn what_is_no_state_says_what_to_do_about_it() {
    let table: [(&[u8], &str); 14] = [
        (b"", "it is empty"),
        (b" \n", "it is empty"),
        (b"PK\x03\x04rest", "saved plan"),
        (b"resource \"aws_vpc\" \"x\" {}", "it is not JSON"),
        (br#"{"version":4"#, "it is not JSON"),
        (br#"{"version":3,"modules":[]}"#, "format version 3, expected 4"),
        (br#"{"version":5,"resources":[]}"#, "newer hatoba"),
        (br#"{"version":"4"}"#, "no `version`"),
        (br#"[1]"#, "no `version`"),
        (br#"{"format_version":"1.0","values":{}}"#, "terraform show -json"),
        (br#"{"serial":1,"encrypted_data":"x","encryption_version":"v0"}"#, "tofu state pull"),
        (br#"{"version":4,"resources":{"a":1}}"#, "`resources` is no list"),
        (br#"{"version":4,"resources":[{"mode":"managed"}]}"#, "`resources[0]` cannot be read"),
        (br#"{"version":4,"resources":["canary-of-a-secret"]}"#, "`resources[0]` cannot be read"),
    ];
    for (text, expected) in table {
        let error = format!("{:#}", read(text).unwrap_err());
        assert!(error.contains(expected), "{}: {error}", String::from_utf8_lossy(text));
        assert!(!error.contains(CANARY), "{error}");
    }
    assert!(read(b"\xef\xbb\xbf{\"version\":4}").unwrap().is_empty(), "a byte order mark is no matter");
}

#[test]
fn instances_of_count_for_each_and_modules_have_addresses_of_their_own() {
    let mut of_module = api(json!([
        { "index_key": "eu", "attributes": { "id": "b1", "protocol_type": "HTTP" } },
        { "index_key": "us-\"x", "attributes": { "id": "b2", "protocol_type": "HTTP" } },
    ]));
    of_module["module"] = json!("module.shop[0].module.api");
    let counted = api(json!([
        { "index_key": 0, "attributes": { "id": "a1", "protocol_type": "HTTP" } },
        { "index_key": 1, "status": "tainted", "attributes": { "id": "a2", "protocol_type": "HTTP" } },
        { "index_key": 1, "deposed": "00000001", "attributes": { "id": "a3", "protocol_type": "HTTP" } },
    ]));
    let sorted = sorted(&state(json!([counted, of_module])));
    assert_eq!(
        wanted(&sorted),
        [
            "aws_apigatewayv2_api.this[0] = HttpApi \"\" a1",
            "aws_apigatewayv2_api.this[1] = HttpApi \"\" a2",
            "module.shop[0].module.api.aws_apigatewayv2_api.this[\"eu\"] = HttpApi \"\" b1",
            "module.shop[0].module.api.aws_apigatewayv2_api.this[\"us-\\\"x\"] = HttpApi \"\" b2",
        ]
    );
    assert_eq!(sorted.remarks.len(), 1);
    assert!(sorted.remarks[0].1.contains("tainted"), "{:?}", sorted.remarks);
    assert_eq!(sorted.skipped.len(), 1);
    assert!(sorted.skipped[0].1.contains("deposed"), "{:?}", sorted.skipped);
}

#[test]
fn what_is_not_covered_is_listed_with_a_reason_and_is_no_error() {
    let mut foreign = api(json!([{ "attributes": { "id": "a1", "protocol_type": "HTTP" } }]));
    foreign["provider"] = json!("provider[\"registry.terraform.io/hashicorp/awscc\"]");
    let websocket = api(json!([{ "attributes": { "id": "a2", "protocol_type": "WEBSOCKET" } }]));
    let other = json!({ "mode": "managed", "type": "aws_lb", "name": "x", "instances": [{ "attributes": { "id": "l" } }] });
    let none = api(json!([]));
    let sorted = sorted(&state(json!([foreign, websocket, other, none])));
    assert!(sorted.wanted.is_empty() && sorted.refused.is_empty());
    let reasons: Vec<&str> = sorted.skipped.iter().map(|(_, why)| why.as_str()).collect();
    assert_eq!(
        reasons,
        [
            "its provider is not hashicorp/aws",
            "its `protocol_type` is not HTTP",
            "no document covers this type"
        ]
    );
}

#[test]
fn other_aws_providers_of_the_same_name_count() {
    for provider in [
        "provider[\"registry.terraform.io/hashicorp/aws\"].tokyo",
        "module.shop.provider[\"registry.terraform.io/hashicorp/aws\"]",
        "provider[\"registry.opentofu.org/hashicorp/aws\"]",
        "",
    ] {
        let mut own = api(json!([{ "attributes": { "id": "a1" } }]));
        own["provider"] = json!(provider);
        assert_eq!(sorted(&state(json!([own]))).wanted.len(), 1, "{provider}");
    }
}

#[test]
fn what_is_marked_as_sensitive_is_withheld_and_an_id_of_it_refused() {
    let instance = |sensitive: Value| {
        let attributes = json!({
            "id": CANARY, "name": CANARY, "protocol_type": "HTTP", "description": CANARY, "unheard_of": CANARY,
        });
        sorted(&state(json!([api(json!([{ "attributes": attributes, "sensitive_attributes": sensitive }]))])))
    };
    let step = |name: &str| json!([{ "type": "get_attr", "value": name }]);
    let described = instance(json!([step("description"), step("unheard_of"), step("tags")]));
    let withheld: Vec<&str> = described.wanted[0].withheld.iter().map(String::as_str).collect();
    assert_eq!(withheld, ["description"]);
    for hidden in [json!([step("id")]), json!([[]]), json!("what is this"), json!([[{ "type": "index" }]])] {
        let sorted = instance(hidden.clone());
        assert!(sorted.wanted.is_empty(), "{hidden}");
        assert!(!format!("{:?}{:?}", sorted.refused, sorted.skipped).contains(CANARY), "{hidden}");
        assert_eq!(sorted.refused.len(), 1, "{hidden}");
    }
    let instances =
        read(state(json!([api(json!([{ "attributes": { "id": CANARY } }]))])).to_string().as_bytes());
    assert!(!format!("{:?}", instances.unwrap()).contains(CANARY));
}

#[test]
fn what_has_no_id_or_no_place_is_told() {
    let stage = json!({
        "mode": "managed", "type": "aws_apigatewayv2_stage", "name": "x",
        "instances": [{ "attributes": { "name": "$default" } }, { "attributes": null }, {}],
    });
    let sorted = sorted(&state(json!([stage])));
    let reasons: Vec<&str> = sorted.refused.iter().map(|(_, why)| why.as_str()).collect();
    assert_eq!(
        reasons,
        ["it has no `api_id`", "it has no `name`: was it ever made?", "it has no `name`: was it ever made?"]
    );
}

#[test]
fn a_service_stands_in_the_namespace_of_its_dns_settings_and_in_the_cluster_of_an_arn() {
    let resource = |kind: &str, attributes: Value| {
        let resource = json!({ "mode": "managed", "type": kind, "name": "x", "instances": [{ "attributes": attributes }] });
        sorted(&state(json!([resource]))).wanted.remove(0)
    };
    let old = json!({ "id": "srv-1", "namespace_id": "", "dns_config": [{ "namespace_id": "ns-1" }] });
    assert_eq!(resource("aws_service_discovery_service", old).scope, "ns-1");
    for cluster in ["main", "arn:aws:ecs:us-east-1:1:cluster/main"] {
        assert_eq!(resource("aws_ecs_service", json!({ "name": "s", "cluster": cluster })).scope, "main");
    }
}
