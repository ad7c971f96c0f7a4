//! What the article presupposes, where it is not there from the start: a network, a cluster, task definitions.

use hatoba_aws_model::Request;
use hatoba_tests::by_hand::Network;
use serde_json::json;

use crate::port::Port;

/// A VPC `awesome-vpc` with two subnets `Tier=private` and a group `great-sg`, a cluster `main`, the task
/// definitions `great-task:1` and `great-task:2`.
pub(crate) async fn article(port: &Port) {
    let vpc = network(port, "CreateVpc", &[("CidrBlock", "10.0.0.0/16")], "vpcId").await;
    tag(port, &vpc, "Name", "awesome-vpc").await;
    for block in ["10.0.0.0/24", "10.0.1.0/24"] {
        let subnet =
            network(port, "CreateSubnet", &[("VpcId", &vpc), ("CidrBlock", block)], "subnetId").await;
        tag(port, &subnet, "Tier", "private").await;
    }
    let group = [("VpcId", vpc.as_str()), ("GroupName", "great-sg"), ("GroupDescription", "great")];
    let group = network(port, "CreateSecurityGroup", &group, "groupId").await;
    tag(port, &group, "Name", "great-sg").await;
    port.meddle(&Request::json("ecs", "CreateCluster", &json!({ "clusterName": "main" }))).await;
    for image in ["nginx:1.26", "nginx:1.27"] {
        let definition = json!({
            "family": "great-task", "networkMode": "awsvpc", "requiresCompatibilities": ["FARGATE"],
            "cpu": "256", "memory": "512",
            "containerDefinitions": [{ "name": "web", "image": image, "portMappings": [{ "containerPort": 80 }] }],
        });
        port.meddle(&Request::json("ecs", "RegisterTaskDefinition", &definition)).await;
    }
}

/// That network, by its ids.
pub(crate) async fn network_of(port: &Port) -> Network {
    let tagged = |key: &str, value: &str| {
        [
            ("Filter.1.Name".to_owned(), format!("tag%3A{key}")),
            ("Filter.1.Value.1".to_owned(), value.to_owned()),
        ]
    };
    let find = async |action: &str, key: &str, value: &str, element: &str| {
        let filter = tagged(key, value);
        let filter: Vec<(&str, &str)> =
            filter.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        network(port, action, &filter, element).await
    };
    Network {
        vpc: find("DescribeVpcs", "Name", "awesome-vpc", "vpcId").await,
        subnets: vec![find("DescribeSubnets", "Tier", "private", "subnetId").await],
        group: find("DescribeSecurityGroups", "Name", "great-sg", "groupId").await,
    }
}

async fn tag(port: &Port, id: &str, key: &str, value: &str) {
    let tags = [("ResourceId.1", id), ("Tag.1.Key", key), ("Tag.1.Value", value)];
    network(port, "CreateTags", &tags, "requestId").await;
}

/// One call of EC2's query protocol; gives the content of the first element of that name.
async fn network(port: &Port, action: &str, members: &[(&str, &str)], element: &str) -> String {
    let members = members.iter().map(|(name, value)| format!("&{name}={}", value.replace('/', "%2F")));
    let body = format!("Action={action}&Version=2016-11-15{}", members.collect::<String>());
    let kind = ("content-type".to_owned(), "application/x-www-form-urlencoded".to_owned());
    let request =
        Request { method: "POST".to_owned(), uri: "/".to_owned(), headers: vec![kind], body: body.into() };
    let reply = port.call(request).await;
    assert!(reply.is_good(), "{action}: {}", reply.body);
    let (opening, closing) = (format!("<{element}>"), format!("</{element}>"));
    let found = reply.body.split_once(&opening).and_then(|(_, rest)| rest.split_once(&closing));
    found.unwrap_or_else(|| panic!("{action}: no {element} in {}", reply.body)).0.to_owned()
}
