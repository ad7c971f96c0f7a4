//! Somebody changes something behind our back: found on the next resync, put right in one write.

use std::time::Duration;

use hatoba_aws_model::Request;
use hatoba_tests::{ARTICLE, Harbour};
use serde_json::{Value, json};

const TEN_MINUTES: Duration = Duration::from_secs(600);
/// The resync is 5 minutes; repairing takes seconds, a rollout or a VPC link minutes.
const RESYNC: Duration = Duration::from_secs(310);

async fn converged() -> Harbour {
    let mut harbour = Harbour::new();
    harbour.start(ARTICLE);
    harbour.converge(TEN_MINUTES).await;
    harbour.wait(Duration::from_secs(30)).await;
    harbour.clear_calls();
    harbour
}

struct Ids {
    api: String,
    link: String,
    integration: String,
    route: String,
    namespace: String,
    service: String,
    service_arn: String,
}

fn ids(harbour: &Harbour) -> Ids {
    let child =
        |collection: &str| harbour.only("apigatewayv2", collection).0.rsplit('/').next().unwrap().to_owned();
    Ids {
        api: harbour.only("apigatewayv2", "apis").0,
        link: harbour.only("apigatewayv2", "vpcLinks").0,
        integration: child("integrations"),
        route: child("routes"),
        namespace: harbour.only("servicediscovery", "namespaces").0,
        service: harbour.only("servicediscovery", "services").0,
        service_arn: harbour.only("servicediscovery", "services").1["Arn"].as_str().unwrap().to_owned(),
    }
}

/// Every field of the eight that somebody can change: the meddling, where it shows, the one call that repairs it.
fn meddlings(ids: &Ids) -> Vec<(Request, &'static str, &'static str, &'static str)> {
    let api = format!("/v2/apis/{}", ids.api);
    let patch = |uri: &str, body: Value| Request::rest("PATCH", uri, &body);
    let service = |body: Value| Request::json("ecs", "UpdateService", &body);
    let integration = format!("{api}/integrations/{}", ids.integration);
    let route = format!("{api}/routes/{}", ids.route);
    let stage = format!("{api}/stages/%24default");
    vec![
        (patch(&api, json!({ "name": "stranger" })), "apigatewayv2", "apis", "UpdateApi"),
        (patch(&api, json!({ "description": "by hand" })), "apigatewayv2", "apis", "UpdateApi"),
        (patch(&api, json!({ "disableExecuteApiEndpoint": true })), "apigatewayv2", "apis", "UpdateApi"),
        (
            patch(&api, json!({ "corsConfiguration": { "allowOrigins": ["*"] } })),
            "apigatewayv2",
            "apis",
            "DeleteCorsConfiguration",
        ),
        (patch(&api, json!({ "ipAddressType": "dualstack" })), "apigatewayv2", "apis", "UpdateApi"),
        (
            patch(&integration, json!({ "integrationType": "HTTP_PROXY", "integrationMethod": "GET" })),
            "apigatewayv2",
            "integrations",
            "UpdateIntegration",
        ),
        (
            patch(
                &integration,
                json!({ "integrationType": "HTTP_PROXY", "integrationUri": format!("{}?stage=blue", ids.service_arn) }),
            ),
            "apigatewayv2",
            "integrations",
            "UpdateIntegration",
        ),
        (
            patch(&integration, json!({ "integrationType": "HTTP_PROXY", "timeoutInMillis": 5000 })),
            "apigatewayv2",
            "integrations",
            "UpdateIntegration",
        ),
        (
            patch(&integration, json!({ "integrationType": "HTTP_PROXY", "description": "by hand" })),
            "apigatewayv2",
            "integrations",
            "UpdateIntegration",
        ),
        (
            patch(
                &integration,
                json!({ "integrationType": "HTTP_PROXY", "requestParameters": { "append:header.a": "b" } }),
            ),
            "apigatewayv2",
            "integrations",
            "UpdateIntegration",
        ),
        (patch(&route, json!({ "authorizationType": "AWS_IAM" })), "apigatewayv2", "routes", "UpdateRoute"),
        (patch(&stage, json!({ "description": "by hand" })), "apigatewayv2", "stages", "UpdateStage"),
        (patch(&stage, json!({ "stageVariables": { "a": "b" } })), "apigatewayv2", "stages", "UpdateStage"),
        (
            patch(
                &stage,
                json!({ "accessLogSettings": { "destinationArn": "arn:aws:logs:us-east-1:123456789012:log-group:a", "format": "$context.requestId" } }),
            ),
            "apigatewayv2",
            "stages",
            "DeleteAccessLogSettings",
        ),
        (
            patch(
                &integration,
                json!({ "integrationType": "HTTP_PROXY", "responseParameters": { "200": { "append:header.a": "b" } } }),
            ),
            "apigatewayv2",
            "integrations",
            "UpdateIntegration",
        ),
        (patch(&stage, json!({ "autoDeploy": false })), "apigatewayv2", "stages", "UpdateStage"),
        (
            patch(&format!("/v2/vpclinks/{}", ids.link), json!({ "name": "stranger" })),
            "apigatewayv2",
            "vpcLinks",
            "UpdateVpcLink",
        ),
        (
            service(json!({ "cluster": "main", "service": "great-service", "desiredCount": 3 })),
            "ecs",
            "services",
            "UpdateService",
        ),
        (
            service(
                json!({ "cluster": "main", "service": "great-service", "taskDefinition": "great-task:2" }),
            ),
            "ecs",
            "services",
            "UpdateService",
        ),
        (
            service(json!({ "cluster": "main", "service": "great-service", "serviceRegistries": [] })),
            "ecs",
            "services",
            "UpdateService",
        ),
        (
            service(
                json!({ "cluster": "main", "service": "great-service", "networkConfiguration": { "awsvpcConfiguration": { "subnets": ["subnet-stranger"], "securityGroups": ["sg-stranger"] } } }),
            ),
            "ecs",
            "services",
            "UpdateService",
        ),
        (
            service(json!({ "cluster": "main", "service": "great-service", "enableExecuteCommand": true })),
            "ecs",
            "services",
            "UpdateService",
        ),
        (
            Request::json(
                "servicediscovery",
                "UpdateService",
                &json!({ "Id": ids.service, "Service": { "DnsConfig": { "DnsRecords": [{ "Type": "SRV", "TTL": 10 }] } } }),
            ),
            "servicediscovery",
            "services",
            "UpdateService",
        ),
        (
            Request::json(
                "servicediscovery",
                "UpdateService",
                &json!({ "Id": ids.service, "Service": { "Description": "by hand", "DnsConfig": { "DnsRecords": [{ "Type": "SRV", "TTL": 60 }] } } }),
            ),
            "servicediscovery",
            "services",
            "UpdateService",
        ),
        (
            Request::json(
                "servicediscovery",
                "UpdatePrivateDnsNamespace",
                &json!({ "Id": ids.namespace, "Namespace": { "Description": "by hand" } }),
            ),
            "servicediscovery",
            "namespaces",
            "UpdatePrivateDnsNamespace",
        ),
    ]
}

#[tokio::test(start_paused = true)]
async fn every_changed_field_is_put_back_in_one_write() {
    let harbour = converged().await;
    let ids = ids(&harbour);
    for (request, service, collection, repair) in meddlings(&ids) {
        let before = comparable(harbour.only(service, collection).1);
        harbour.meddle(&request).await;
        harbour.wait(Duration::from_secs(5)).await; // operations of Cloud Map take a moment
        let shown = String::from_utf8_lossy(&request.body).into_owned();
        harbour.clear_calls();
        harbour.wait(RESYNC).await;
        harbour.converge(TEN_MINUTES).await;
        let writes = harbour.write_names();
        assert_eq!(writes, [repair], "{shown}\n{}", harbour.calls_text());
        assert_eq!(comparable(harbour.only(service, collection).1), before, "{shown}");
        harbour.wait(Duration::from_secs(60)).await;
    }
}

/// Without what AWS moves by itself.
fn comparable(mut object: Value) -> Value {
    for member in [
        "deployments",
        "events",
        "currentServiceDeployment",
        "currentServiceRevisions",
        "lastUpdatedDate",
        "deploymentId",
        "lastDeploymentStatusMessage",
        "runningCount",
        "pendingCount",
        "Tags",
        "tags",
    ] {
        if let Some(members) = object.as_object_mut() {
            members.remove(member);
        }
    }
    object
}

#[tokio::test(start_paused = true)]
async fn a_route_pointed_elsewhere_is_pointed_back() {
    let harbour = converged().await;
    let ids = ids(&harbour);
    let stranger = harbour.meddle(&Request::rest(
        "POST",
        &format!("/v2/apis/{}/integrations", ids.api),
        &json!({ "integrationType": "HTTP_PROXY", "integrationMethod": "ANY", "integrationUri": "https://example.com", "payloadFormatVersion": "1.0" }),
    )).await;
    let target = format!("integrations/{}", stranger["integrationId"].as_str().unwrap());
    harbour
        .meddle(&Request::rest(
            "PATCH",
            &format!("/v2/apis/{}/routes/{}", ids.api, ids.route),
            &json!({ "target": target }),
        ))
        .await;
    harbour.clear_calls();
    harbour.wait(RESYNC).await;
    let writes = harbour.write_names();
    assert_eq!(writes, ["UpdateRoute"], "{}", harbour.calls_text());
    assert_eq!(
        harbour.only("apigatewayv2", "routes").1["target"],
        format!("integrations/{}", ids.integration)
    );
    let rogue = harbour.engine.picture().rogue_children;
    assert_eq!(rogue.len(), 1, "the stranger's integration is reported and left alone: {rogue:?}");
    assert_eq!(harbour.objects("apigatewayv2", "integrations").len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_removed_mark_is_put_back_and_nothing_is_made_twice() {
    let harbour = converged().await;
    let ids = ids(&harbour);
    let arn = format!("arn%3Aaws%3Aapigateway%3Aus-east-1%3A%3A%2Fapis%2F{}", ids.api);
    harbour
        .meddle(&Request::rest("DELETE", &format!("/v2/tags/{arn}?tagKeys=hatoba%3Aowner"), &Value::Null))
        .await;
    harbour.clear_calls();
    harbour.wait(RESYNC).await;
    harbour.converge(TEN_MINUTES).await;
    let writes = harbour.write_names();
    assert_eq!(writes, ["TagResource"], "{}", harbour.calls_text());
    assert_eq!(harbour.only("apigatewayv2", "apis").1["tags"]["hatoba:owner"], "local");
}

/// A list that fails for a while makes nobody forget whose the API was: without its mark nothing else would tell.
#[tokio::test(start_paused = true)]
async fn a_mark_that_is_removed_while_nothing_can_be_listed_is_put_back_too() {
    let harbour = converged().await;
    let ids = ids(&harbour);
    harbour.world().faults().fail("GetApis", 100_000, 500, "InternalServerErrorException", "no");
    harbour.wait(RESYNC).await;
    let arn = format!("arn%3Aaws%3Aapigateway%3Aus-east-1%3A%3A%2Fapis%2F{}", ids.api);
    let untag = format!("/v2/tags/{arn}?tagKeys=hatoba%3Aowner");
    harbour.meddle(&Request::rest("DELETE", &untag, &Value::Null)).await;
    harbour.world().faults().clear();
    harbour.clear_calls();
    harbour.wait(RESYNC).await;
    harbour.converge(TEN_MINUTES).await;
    assert_eq!(harbour.write_names(), ["TagResource"], "{}", harbour.calls_text());
    assert_eq!(harbour.only("apigatewayv2", "apis").0, ids.api);
}

/// What is written into an API that is gone fails, and tells that it is: nobody waits for the resync.
#[tokio::test(start_paused = true)]
async fn an_api_that_is_found_gone_by_a_write_comes_back_at_once() {
    let harbour = converged().await;
    let api = ids(&harbour).api;
    harbour.meddle(&Request::rest("DELETE", &format!("/v2/apis/{api}"), &Value::Null)).await;
    harbour.documents(&ARTICLE.replace("autoDeploy: true", "autoDeploy: true, description: changed"));
    harbour.converge(Duration::from_secs(60)).await;
    assert_eq!(harbour.count("ListNamespaces").0, 0, "no resync yet:\n{}", harbour.calls_text());
    assert_ne!(ids(&harbour).api, api, "{}", harbour.calls_text());
    assert_eq!(harbour.only("apigatewayv2", "stages").1["description"], "changed");
}

/// What somebody sends to delete something, given the ids.
type Deletion = fn(&Ids) -> Vec<Request>;

/// Every one of the eight is deleted behind our back and comes back, with what depends on it.
#[tokio::test(start_paused = true)]
async fn everything_deleted_comes_back() {
    let deletions: Vec<(&str, Deletion)> = vec![
        ("stages", |ids| {
            vec![Request::rest("DELETE", &format!("/v2/apis/{}/stages/%24default", ids.api), &Value::Null)]
        }),
        ("routes", |ids| {
            vec![Request::rest("DELETE", &format!("/v2/apis/{}/routes/{}", ids.api, ids.route), &Value::Null)]
        }),
        ("integrations", |ids| {
            vec![
                Request::rest("DELETE", &format!("/v2/apis/{}/routes/{}", ids.api, ids.route), &Value::Null),
                Request::rest(
                    "DELETE",
                    &format!("/v2/apis/{}/integrations/{}", ids.api, ids.integration),
                    &Value::Null,
                ),
            ]
        }),
        ("apis", |ids| vec![Request::rest("DELETE", &format!("/v2/apis/{}", ids.api), &Value::Null)]),
        ("vpcLinks", |ids| {
            vec![
                Request::rest("DELETE", &format!("/v2/apis/{}", ids.api), &Value::Null),
                Request::rest("DELETE", &format!("/v2/vpclinks/{}", ids.link), &Value::Null),
            ]
        }),
        ("ecs", |_| {
            vec![Request::json(
                "ecs",
                "DeleteService",
                &json!({ "cluster": "main", "service": "great-service", "force": true }),
            )]
        }),
    ];
    for (what, requests) in deletions {
        let harbour = converged().await;
        for request in requests(&ids(&harbour)) {
            harbour.meddle(&request).await;
        }
        harbour.wait(RESYNC).await;
        harbour.converge(TEN_MINUTES).await;
        for collection in ["apis", "integrations", "routes", "stages"] {
            assert_eq!(harbour.objects("apigatewayv2", collection).len(), 1, "{what}: {collection}");
        }
        let live: Vec<_> = harbour
            .objects("apigatewayv2", "vpcLinks")
            .into_values()
            .filter(|l| l["vpcLinkStatus"] == "AVAILABLE")
            .collect();
        assert_eq!(live.len(), 1, "{what}: one VPC link");
        let (_, route) = harbour.only("apigatewayv2", "routes");
        let integration =
            harbour.only("apigatewayv2", "integrations").1["integrationId"].as_str().unwrap().to_owned();
        assert_eq!(route["target"], format!("integrations/{integration}"), "{what}");
    }
}

/// The article's `ignore_changes`: what AWS and people move by themselves is no drift.
#[tokio::test(start_paused = true)]
async fn what_is_left_out_and_not_ours_is_left_alone() {
    let harbour = converged().await;
    let ids = ids(&harbour);
    let stage = format!("/v2/apis/{}/stages/%24default", ids.api);
    let throttled =
        json!({ "defaultRouteSettings": { "throttlingBurstLimit": 7, "throttlingRateLimit": 5.0 } });
    harbour.meddle(&Request::rest("PATCH", &stage, &throttled)).await;
    harbour
        .meddle(&Request::json("ecs", "TagResource", &json!({
            "resourceArn": harbour.only("ecs", "services").1["serviceArn"], "tags": [{ "key": "cost", "value": "web" }],
        })))
        .await;
    harbour.clear_calls();
    harbour.wait(RESYNC * 2).await;
    assert_eq!(harbour.writes().len(), 0, "{}", harbour.calls_text());
    assert_eq!(harbour.only("apigatewayv2", "stages").1["defaultRouteSettings"]["throttlingBurstLimit"], 7);
    assert!(harbour.is_converged(), "{}", harbour.describe());
}

#[tokio::test(start_paused = true)]
async fn a_throttle_of_0_by_hand_stays_and_is_told() {
    let harbour = converged().await;
    let stage = format!("/v2/apis/{}/stages/%24default", ids(&harbour).api);
    let set = |rate: f64| json!({ "defaultRouteSettings": { "throttlingRateLimit": rate } });
    let told = || {
        let notes = harbour.status("Stage", "default-stage").notes;
        notes.into_iter().find(|note| note.reason.as_str() == "ThrottledToZero").map(|note| note.message)
    };
    assert_eq!(told(), None);
    harbour.meddle(&Request::rest("PATCH", &stage, &set(0.0))).await;
    harbour.wait(RESYNC * 2).await;
    let note = told().expect("somebody shut the stage");
    assert!(note.starts_with("defaultRouteSettings.throttlingRateLimit is 0"), "{note}");
    assert_eq!(harbour.invoke("/").status, 429, "the world agrees");
    assert!(harbour.is_converged(), "it is not ours: {}", harbour.describe());
    harbour.meddle(&Request::rest("PATCH", &stage, &set(50.0))).await;
    harbour.wait(RESYNC * 2).await;
    assert_eq!(told(), None);
}
