//! What ministack cannot do: its part of the list of gaps.

use hatoba_aws_model::Request;
use serde_json::{Value, json};

use crate::gaps::{Gap, Proof, api, no_address_type};
use crate::port::{Emulator, Port};
use crate::stack::text;

pub(crate) const GAPS: &[Gap] = &[
    ministack("drift of VpcLink", NO_LINKS, |port| Box::pin(no_links(port))),
    ministack("deletion of VpcLink", NO_LINKS, |port| Box::pin(no_links(port))),
    ministack("an imported stack", NO_LINKS, |port| Box::pin(no_links(port))),
    ministack("pointed elsewhere", NO_LINKS, |port| Box::pin(no_links(port))),
    ministack("drift of Integration connectionType, connectionId", NO_LINKS, |port| Box::pin(no_links(port))),
    ministack("drift of Integration credentialsArn", "`CredentialsArn` is not returned", |port| {
        Box::pin(no_credentials(port))
    }),
    ministack("drift of Integration requestParameters", KEEPS_EMPTY, |port| Box::pin(keeps_empty(port))),
    ministack("drift of Stage stageVariables", KEEPS_EMPTY, |port| Box::pin(keeps_empty(port))),
    ministack("drift of Stage routeSettings", DELETES_STAGE, |port| Box::pin(deletes_the_stage(port))),
    ministack("drift of Stage accessLogSettings", DELETES_STAGE, |port| Box::pin(deletes_the_stage(port))),
    ministack("drift of HttpApi ipAddressType", "`IpAddressType` is not returned", |port| {
        Box::pin(no_address_type(port))
    }),
    ministack("mark removed", "`GetApis` goes on showing tags that were removed", |port| {
        Box::pin(shows_removed_tags(port))
    }),
    ministack("drift of DiscoveryService dnsConfig.dnsRecords", LOSES_ROUTING, |port| {
        Box::pin(loses_routing(port))
    }),
    ministack("drift of DiscoveryService description", LOSES_ROUTING, |port| Box::pin(loses_routing(port))),
    ministack("drift of EcsService deploymentConfiguration.maximumPercent", REPLACES, |port| {
        Box::pin(replaces_whole(port))
    }),
    ministack("drift of EcsService deploymentConfiguration.minimumHealthyPercent", REPLACES, |port| {
        Box::pin(replaces_whole(port))
    }),
    ministack("drift of EcsService deploymentConfiguration.deploymentCircuitBreaker", REPLACES, |port| {
        Box::pin(replaces_whole(port))
    }),
    ministack("drift of EcsService deploymentConfiguration.alarms", REPLACES, |port| {
        Box::pin(replaces_whole(port))
    }),
    ministack("drift of EcsService deploymentConfiguration.strategy", REPLACES, |port| {
        Box::pin(replaces_whole(port))
    }),
    ministack("drift of EcsService deploymentConfiguration.bakeTimeInMinutes", REPLACES, |port| {
        Box::pin(replaces_whole(port))
    }),
    ministack("drift of EcsService deploymentConfiguration.lifecycleHooks", REPLACES, |port| {
        Box::pin(replaces_whole(port))
    }),
    ministack("drift of EcsService deploymentConfiguration.earlySuccessCriteria", REPLACES, |port| {
        Box::pin(replaces_whole(port))
    }),
    ministack("deletion of Authorizer", SHOWS_LAMBDAS, |port| Box::pin(shows_lambdas(port))),
    ministack("drift of EcsService serviceRegistries", IGNORES, |port| Box::pin(ignores_members(port))),
    ministack("drift of EcsService deploymentController.type", IGNORES, |port| {
        Box::pin(ignores_members(port))
    }),
    ministack("drift of EcsService enableECSManagedTags", IGNORES, |port| Box::pin(ignores_members(port))),
    ministack("drift of EcsService propagateTags", IGNORES, |port| Box::pin(ignores_members(port))),
    ministack("drift of EcsService serviceConnectConfiguration", IGNORES, |port| {
        Box::pin(ignores_members(port))
    }),
    ministack("drift of EcsService volumeConfigurations", IGNORES, |port| Box::pin(ignores_members(port))),
    ministack("drift of EcsService vpcLatticeConfigurations", IGNORES, |port| {
        Box::pin(ignores_members(port))
    }),
];

const NO_LINKS: &str = "there are no VPC links";
const KEEPS_EMPTY: &str = "a value that is emptied stays as the empty text";
const DELETES_STAGE: &str = "`DeleteAccessLogSettings` and `DeleteRouteSettings` delete the whole stage";
const REPLACES: &str = "`UpdateService` of ECS takes `deploymentConfiguration` for the whole of it";
const SHOWS_LAMBDAS: &str = "a JWT authorizer is shown with members of a Lambda one";
const IGNORES: &str = "`UpdateService` of ECS ignores half of its members";
const LOSES_ROUTING: &str = "`UpdateService` of Cloud Map loses the routing policy";

const fn ministack(case: &'static str, reason: &'static str, holds: Proof) -> Gap {
    Gap { emulator: Emulator::Ministack, case, reason, holds }
}

async fn no_links(port: &Port) -> bool {
    let link = json!({ "name": "proof", "subnetIds": ["subnet-1"] });
    port.call(Request::rest("POST", "/v2/vpclinks", &link)).await.status == 404
}

async fn no_credentials(port: &Port) -> bool {
    let integrations = format!("/v2/apis/{}/integrations", text(&api(port, Value::Null).await["apiId"]));
    let body = json!({
        "integrationType": "AWS_PROXY", "integrationUri": "arn:aws:lambda:us-east-1:123456789012:function:f",
        "payloadFormatVersion": "1.0", "credentialsArn": "arn:aws:iam::123456789012:role/r",
    });
    port.meddle(&Request::rest("POST", &integrations, &body)).await["credentialsArn"].is_null()
}

/// API Gateway merges maps; an empty value takes a key away.
async fn keeps_empty(port: &Port) -> bool {
    let stages = format!("/v2/apis/{}/stages", text(&api(port, Value::Null).await["apiId"]));
    let stage = json!({ "stageName": "proof", "stageVariables": { "a": "b" } });
    port.meddle(&Request::rest("POST", &stages, &stage)).await;
    let none = json!({ "stageVariables": { "a": "" } });
    let update = Request::rest("PATCH", &format!("{stages}/proof"), &none);
    port.meddle(&update).await["stageVariables"] == json!({ "a": "" })
}

async fn deletes_the_stage(port: &Port) -> bool {
    let stages = format!("/v2/apis/{}/stages", text(&api(port, Value::Null).await["apiId"]));
    port.meddle(&Request::rest("POST", &stages, &json!({ "stageName": "proof" }))).await;
    let clear = format!("{stages}/proof/accesslogsettings");
    port.meddle(&Request::rest("DELETE", &clear, &Value::Null)).await;
    let settings = format!("{stages}/proof/routesettings/GET%20%2F");
    let is_gone = port.items(&stages).await.is_empty();
    port.meddle(&Request::rest("POST", &stages, &json!({ "stageName": "proof" }))).await;
    port.meddle(&Request::rest("DELETE", &settings, &Value::Null)).await;
    is_gone && port.items(&stages).await.is_empty()
}

async fn shows_removed_tags(port: &Port) -> bool {
    let id = text(&api(port, json!({ "tags": { "a": "b" } })).await["apiId"]);
    let arn = format!("arn%3Aaws%3Aapigateway%3A{}%3A%3A%2Fapis%2F{id}", port.region);
    port.meddle(&Request::rest("DELETE", &format!("/v2/tags/{arn}?tagKeys=a"), &Value::Null)).await;
    port.items("/v2/apis").await.iter().any(|api| api["apiId"] == id.as_str() && api["tags"]["a"] == "b")
}

async fn loses_routing(port: &Port) -> bool {
    let cloud_map = |operation: &str, input: Value| Request::json("servicediscovery", operation, &input);
    let operation = cloud_map("CreateHttpNamespace", json!({ "Name": "proof", "CreatorRequestId": "proof" }));
    port.call(operation).await;
    let namespaces = port.ask("servicediscovery", "ListNamespaces", &json!({})).await;
    let records = json!([{ "Type": "A", "TTL": 60 }]);
    let made = port
        .meddle(&cloud_map(
            "CreateService",
            json!({
                "Name": "proof", "NamespaceId": namespaces["Namespaces"][0]["Id"],
                "DnsConfig": { "RoutingPolicy": "WEIGHTED", "DnsRecords": records },
            }),
        ))
        .await;
    let id = &made["Service"]["Id"];
    let change = json!({ "Id": id, "Service": { "DnsConfig": { "DnsRecords": records } } });
    port.meddle(&cloud_map("UpdateService", change)).await;
    let shown = port.ask("servicediscovery", "GetService", &json!({ "Id": id })).await;
    shown["Service"]["DnsConfig"]["RoutingPolicy"].is_null()
}

async fn ignores_members(port: &Port) -> bool {
    let create = json!({
        "cluster": "main", "serviceName": "proof", "taskDefinition": "great-task:1", "desiredCount": 0,
    });
    port.call(Request::json("ecs", "CreateService", &create)).await;
    let registry = "arn:aws:servicediscovery:us-east-1:123456789012:service/srv-1";
    let update = json!({
        "cluster": "main", "service": "proof", "serviceRegistries": [{ "registryArn": registry }],
        "deploymentController": { "type": "EXTERNAL" }, "enableECSManagedTags": true, "propagateTags": "SERVICE",
        "serviceConnectConfiguration": { "enabled": true },
    });
    let service = port.meddle(&Request::json("ecs", "UpdateService", &update)).await["service"].clone();
    let is_nothing = |member: &str| service[member].as_array().is_none_or(Vec::is_empty);
    service["enableECSManagedTags"] != true
        && service["propagateTags"] != "SERVICE"
        && service["deploymentController"]["type"] != "EXTERNAL"
        && is_nothing("serviceRegistries")
        && service["deployments"][0]["serviceConnectConfiguration"].is_null()
}

async fn replaces_whole(port: &Port) -> bool {
    let create = json!({
        "cluster": "main", "serviceName": "proof-of-parts", "taskDefinition": "great-task:1", "desiredCount": 0,
        "deploymentConfiguration": { "maximumPercent": 200, "minimumHealthyPercent": 50 },
    });
    port.call(Request::json("ecs", "CreateService", &create)).await;
    let part = json!({ "maximumPercent": 150 });
    let update = json!({ "cluster": "main", "service": "proof-of-parts", "deploymentConfiguration": part });
    port.meddle(&Request::json("ecs", "UpdateService", &update)).await["service"]["deploymentConfiguration"]
        == part
}

async fn shows_lambdas(port: &Port) -> bool {
    let authorizers = format!("/v2/apis/{}/authorizers", text(&api(port, Value::Null).await["apiId"]));
    let body = json!({
        "name": "proof", "authorizerType": "JWT", "identitySource": ["$request.header.Authorization"],
        "jwtConfiguration": { "issuer": "https://issuer.example.com", "audience": ["web"] },
    });
    port.meddle(&Request::rest("POST", &authorizers, &body)).await["authorizerPayloadFormatVersion"] == "2.0"
}
