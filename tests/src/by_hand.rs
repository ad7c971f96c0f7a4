//! The article's stack as somebody builds it who has never heard of Hatoba: AWS's own calls, one after the other.

use std::time::Duration;

use hatoba_aws_model::Request;
use serde_json::{Value, json};

use crate::wait::until;

/// A private hosted zone, a link: seconds on quick models, minutes on slow ones.
const MADE_MAX: Duration = Duration::from_secs(600);

/// The network that it stands in.
#[derive(Clone, Debug)]
pub struct Network {
    /// The VPC.
    pub vpc: String,
    /// Its private subnets.
    pub subnets: Vec<String>,
    /// The security group of tasks and link.
    pub group: String,
}

/// What was built, by AWS's ids.
#[derive(Clone, Debug, Default)]
pub struct ByHand {
    /// The namespace.
    pub namespace: String,
    /// The Cloud Map service.
    pub service: String,
    /// The same by its ARN.
    pub service_arn: String,
    /// The VPC link.
    pub link: String,
    /// The API.
    pub api: String,
    /// The integration.
    pub integration: String,
    /// The route.
    pub route: String,
}

impl Network {
    /// That of a model AWS.
    pub fn of_the_model() -> Network {
        Network {
            vpc: "vpc-0a1b2c3d4e5f60718".to_owned(),
            subnets: ["subnet-0aa11bb22cc33dd44", "subnet-0bb22cc33dd44ee55"].map(str::to_owned).to_vec(),
            group: "sg-0123456789abcdef0".to_owned(),
        }
    }
}

/// Builds it in the cluster `main` on the task definition `great-task:1`; `send` sends a request that must succeed.
pub async fn build(network: &Network, send: impl AsyncFn(Request) -> Value) -> ByHand {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut made = ByHand::default();
    let namespace =
        json!({ "Name": "private.example.com", "Vpc": network.vpc, "CreatorRequestId": "by-hand" });
    send(Request::json("servicediscovery", "CreatePrivateDnsNamespace", &namespace)).await;
    until("the namespace is made", MADE_MAX, async || {
        let listed = send(Request::json("servicediscovery", "ListNamespaces", &json!({}))).await;
        made.namespace = text(&listed["Namespaces"][0]["Id"]);
        !made.namespace.is_empty()
    })
    .await;
    let service = json!({
        "Name": "great-service-discovery", "NamespaceId": made.namespace, "CreatorRequestId": "by-hand",
        "DnsConfig": { "DnsRecords": [{ "Type": "SRV", "TTL": 60 }], "RoutingPolicy": "MULTIVALUE" },
        "HealthCheckCustomConfig": { "FailureThreshold": 1 },
    });
    let service = send(Request::json("servicediscovery", "CreateService", &service)).await;
    (made.service, made.service_arn) = (text(&service["Service"]["Id"]), text(&service["Service"]["Arn"]));
    let awsvpc = json!({ "subnets": network.subnets, "securityGroups": [network.group], "assignPublicIp": "DISABLED" });
    let tasks = json!({
        "cluster": "main", "serviceName": "great-service", "taskDefinition": "great-task:1", "desiredCount": 1,
        "launchType": "FARGATE", "networkConfiguration": { "awsvpcConfiguration": awsvpc },
        "serviceRegistries": [{ "registryArn": made.service_arn, "port": 80 }],
    });
    send(Request::json("ecs", "CreateService", &tasks)).await;
    let create = async |uri: &str, body: Value| send(Request::rest("POST", uri, &body)).await;
    let link =
        json!({ "name": "fine-vpc-link", "subnetIds": network.subnets, "securityGroupIds": [network.group] });
    made.link = text(&create("/v2/vpclinks", link).await["vpcLinkId"]);
    until("the link is made", MADE_MAX, async || {
        let uri = format!("/v2/vpclinks/{}", made.link);
        send(Request::rest("GET", &uri, &Value::Null)).await["vpcLinkStatus"] == "AVAILABLE"
    })
    .await;
    made.api =
        text(&create("/v2/apis", json!({ "name": "crazy-api", "protocolType": "HTTP" })).await["apiId"]);
    let api = format!("/v2/apis/{}", made.api);
    let integration = json!({
        "integrationType": "HTTP_PROXY", "integrationMethod": "ANY", "connectionType": "VPC_LINK",
        "connectionId": made.link, "integrationUri": made.service_arn, "payloadFormatVersion": "1.0",
    });
    made.integration = text(&create(&format!("{api}/integrations"), integration).await["integrationId"]);
    let route = json!({ "routeKey": "$default", "target": format!("integrations/{}", made.integration) });
    made.route = text(&create(&format!("{api}/routes"), route).await["routeId"]);
    create(&format!("{api}/stages"), json!({ "stageName": "$default", "autoDeploy": true })).await;
    made
}

/// The article's Terraform state with the ids of what was built.
pub fn state(made: &ByHand, network: &Network) -> String {
    let account = made.service_arn.split(':').nth(4).unwrap_or_default();
    let region = made.service_arn.split(':').nth(3).unwrap_or_default();
    let mut state = include_str!("../data/article.tfstate").to_owned();
    for (there, here) in [
        ("a1b2c3d4e5", made.api.as_str()),
        ("f6g7h8", &made.link),
        ("i9k8j7h", &made.integration),
        ("r5s6t7u", &made.route),
        ("ns-aaaabbbbccccdddd", &made.namespace),
        ("srv-1122334455667788", &made.service),
        ("vpc-0123456789abcdef0", &network.vpc),
        ("123456789012", account),
        ("us-east-1", region),
    ] {
        state = state.replace(there, here);
    }
    state
}
