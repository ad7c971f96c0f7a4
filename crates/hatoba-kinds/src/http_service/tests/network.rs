//! Where tasks and the VPC link stand.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{network, one, orders, orders_with};

#[test]
fn tasks_in_a_network_of_their_instances_take_no_network_configuration() {
    let of = |mode: &str| {
        let containers = json!([{ "name": "web", "image": "i", "portMappings": [{ "containerPort": 80 }] }]);
        let definition = json!({ "networkMode": mode, "containerDefinitions": containers });
        let changes = json!({
            "service.taskDefinition": definition, "service.launchType": "EC2", "service.port": null,
            "service.containerName": "web", "service.containerPort": 80,
        });
        one(&orders_with(changes))["EcsService/orders"].get("networkConfiguration").is_some()
    };
    assert_eq!(["bridge", "host", "awsvpc"].map(of), [false, false, true]);
}

#[test]
fn selectors_look_in_the_vpc_of_the_network() {
    let vpc = network()["vpcSelector"].clone();
    let specs = one(&orders());
    let link = specs.iter().find(|(key, _)| key.starts_with("VpcLink/")).unwrap().1;
    assert_eq!(link["vpcSelector"], vpc);
    let of = |specs: &BTreeMap<String, Value>| {
        specs["EcsService/orders"]["networkConfiguration"]["awsvpcConfiguration"].clone()
    };
    assert_eq!(of(&specs)["vpcSelector"], vpc);
    // The service's own selectors too, unless they name a VPC; ids need none.
    let own =
        json!({ "awsvpcConfiguration": { "subnetSelector": { "tags": { "a": "b" } }, "vpcId": "vpc-9" } });
    let own = of(&one(&orders_with(json!({ "service.networkConfiguration": own }))));
    assert_eq!((own["vpcId"].as_str(), own.get("vpcSelector")), (Some("vpc-9"), None));
    let ids = json!({
        "network.subnetSelector": null, "network.securityGroupSelector": null, "network.subnetIds": ["subnet-1"],
    });
    let specs = one(&orders_with(ids));
    let link = specs.iter().find(|(key, _)| key.starts_with("VpcLink/")).unwrap().1;
    assert_eq!(*link, json!({ "subnetIds": ["subnet-1"] }));
    assert_eq!(of(&specs), json!({ "subnets": ["subnet-1"] }));
}

#[test]
fn the_tasks_own_network_configuration_is_completed() {
    let vpc = |own: Value| {
        let specs = one(&orders_with(json!({ "service.networkConfiguration": own })));
        specs["EcsService/orders"]["networkConfiguration"]["awsvpcConfiguration"].clone()
    };
    let whole = vpc(json!({}));
    assert!(whole.get("subnetSelector").or(whole.get("subnets")).is_some(), "{whole}");
    let mut public = whole.clone();
    public["assignPublicIp"] = json!("ENABLED");
    assert_eq!(vpc(json!({ "awsvpcConfiguration": { "assignPublicIp": "ENABLED" } })), public);
    let other = vpc(json!({ "awsvpcConfiguration": { "subnets": ["subnet-9"] } }));
    assert_eq!((&other["subnets"], other.get("subnetSelector")), (&json!(["subnet-9"]), None));
}
