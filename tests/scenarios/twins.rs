//! More than one of a thing, and things of other people: the one with users stays, the surplus goes only when
//! nobody uses it, and what is not ours is never touched.

use std::time::Duration;

use hatoba_aws_model::{Config, Request};
use hatoba_core::Truth;
use hatoba_engine::Options;
use hatoba_tests::{ARTICLE, Harbour};
use serde_json::{Value, json};

const TEN_MINUTES: Duration = Duration::from_secs(600);
const FIFTEEN_MINUTES: Duration = Duration::from_secs(900);
const RESYNC: Duration = Duration::from_secs(310);

fn notes(harbour: &Harbour, kind: &str, name: &str) -> Vec<String> {
    harbour.status(kind, name).notes.iter().map(|note| note.reason.as_str().to_owned()).collect()
}

/// Makes a second one with the same marks; answers its id.
async fn twin(harbour: &Harbour, collection: &str) -> String {
    let api = harbour.objects("apigatewayv2", "apis").into_keys().next().unwrap();
    let (_, original) = harbour.objects("apigatewayv2", collection).into_iter().next().unwrap();
    let (uri, members, id): (_, &[&str], _) = match collection {
        "apis" => ("/v2/apis".to_owned(), &["name", "protocolType", "tags"], "apiId"),
        "vpcLinks" => {
            ("/v2/vpclinks".to_owned(), &["name", "subnetIds", "securityGroupIds", "tags"], "vpcLinkId")
        }
        _ => (
            format!("/v2/apis/{api}/integrations"),
            &[
                "integrationType",
                "integrationMethod",
                "connectionType",
                "connectionId",
                "integrationUri",
                "payloadFormatVersion",
                "description",
            ],
            "integrationId",
        ),
    };
    let body: Value =
        members.iter().map(|member| ((*member).to_owned(), original[*member].clone())).collect();
    let made = harbour.meddle(&Request::rest("POST", &uri, &body)).await;
    made[id].as_str().unwrap().to_owned()
}

/// Somebody uses the twin.
async fn use_it(harbour: &Harbour, collection: &str, twin: &str) {
    let api = harbour.objects("apigatewayv2", "apis").into_keys().find(|id| id != twin).unwrap();
    let foreign = json!({ "integrationType": "HTTP_PROXY", "integrationMethod": "ANY",
        "integrationUri": "https://example.com", "payloadFormatVersion": "1.0" });
    let (uri, body) = match collection {
        "apis" => (format!("/v2/apis/{twin}/integrations"), foreign),
        "vpcLinks" => {
            let arn = harbour.only("servicediscovery", "services").1["Arn"].clone();
            let body = json!({ "integrationType": "HTTP_PROXY", "integrationMethod": "ANY", "connectionType": "VPC_LINK",
                "connectionId": twin, "integrationUri": arn, "payloadFormatVersion": "1.0" });
            (format!("/v2/apis/{api}/integrations"), body)
        }
        _ => {
            let body = json!({ "routeKey": "GET /twin", "target": format!("integrations/{twin}") });
            (format!("/v2/apis/{api}/routes"), body)
        }
    };
    harbour.meddle(&Request::rest("POST", &uri, &body)).await;
}

const TWINS: [(&str, &str, &str, &str); 3] = [
    ("apis", "HttpApi", "crazy-api", "DeleteApi"),
    ("vpcLinks", "VpcLink", "fine-vpc-link", "DeleteVpcLink"),
    ("integrations", "Integration", "to-great-service", "DeleteIntegration"),
];

#[tokio::test(start_paused = true)]
async fn a_twin_that_nobody_uses_goes_when_two_lists_agree() {
    for (collection, _, _, delete) in TWINS {
        let harbour = Harbour::converged(Options::default(), ARTICLE).await;
        let original = harbour.live("apigatewayv2", collection).into_keys().next().unwrap();
        twin(&harbour, collection).await;
        harbour.clear_calls();
        harbour.wait(RESYNC).await;
        harbour.converge(TEN_MINUTES).await;
        assert_eq!(harbour.write_names(), [delete], "{}", harbour.calls_text());
        assert!(harbour.live("apigatewayv2", collection).contains_key(&original), "{collection}: ours stays");
        harbour.assert_the_article_stands(collection);
        let list = format!("Get{}{}", collection[..1].to_uppercase(), &collection[1..]);
        let calls = harbour.calls();
        let deleted_at = calls.iter().find(|call| call.operation == delete).unwrap().at;
        let looks: Vec<_> = calls
            .iter()
            .filter(|call| call.operation == list && call.at < deleted_at)
            .map(|call| call.at)
            .collect();
        let (first, last) = (looks.iter().min().unwrap(), looks.iter().max().unwrap());
        assert!(*last >= *first + Duration::from_secs(8), "{collection}: {looks:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_twin_with_users_is_reported_and_left() {
    for (collection, kind, name, _) in TWINS {
        let mut harbour = Harbour::converged(Options::default(), ARTICLE).await;
        let original = harbour.live("apigatewayv2", collection).into_keys().next().unwrap();
        let twin = twin(&harbour, collection).await;
        use_it(&harbour, collection, &twin).await;
        for what in ["found by the resync", "found after a restart"] {
            harbour.clear_calls();
            harbour.wait(RESYNC + RESYNC).await;
            assert_eq!(harbour.write_names(), [""; 0], "{collection} {what}: {}", harbour.calls_text());
            assert_eq!(harbour.live("apigatewayv2", collection).len(), 2 + usize::from(what.is_empty()));
            assert_eq!(notes(&harbour, kind, name), ["DuplicateInUse"], "{collection} {what}");
            assert_eq!(harbour.status(kind, name).outputs["id"], original.rsplit('/').next().unwrap());
            assert!(harbour.calls().len() < 60, "{collection}: {} calls", harbour.calls().len());
            harbour.kill_and_restart(ARTICLE);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn after_a_restart_the_twin_with_users_stays_though_the_other_is_older() {
    for (collection, user, member) in
        [("vpcLinks", "integrations", "connectionId"), ("integrations", "routes", "target")]
    {
        for seed in 0..4 {
            let options = Options { owner_is_explicit: seed % 2 == 0, ..Options::default() };
            let mut harbour = Harbour::with(options, Config { seed, ..Config::default() });
            harbour.start(ARTICLE);
            harbour.converge(TEN_MINUTES).await;
            harbour.kill();
            let twin = twin(&harbour, collection).await;
            harbour.wait(Duration::from_secs(120)).await;
            let (id, _) = harbour.only("apigatewayv2", user);
            let (api, id) = id.split_once('/').unwrap();
            let used = if member == "target" { format!("integrations/{twin}") } else { twin.clone() };
            let body = json!({ member: used, "integrationType": "HTTP_PROXY" });
            harbour.meddle(&Request::rest("PATCH", &format!("/v2/apis/{api}/{user}/{id}"), &body)).await;
            harbour.clear_calls();
            harbour.kill_and_restart(ARTICLE);
            harbour.wait(Duration::from_secs(30)).await;
            harbour.converge(FIFTEEN_MINUTES).await;
            assert_eq!(harbour.write_names().len(), 1, "{collection}: one delete\n{}", harbour.calls_text());
            assert!(harbour.live("apigatewayv2", collection).keys().all(|id| id.ends_with(&twin)));
            harbour.assert_the_article_stands(collection);
        }
    }
}

/// The first create's answer was lost before a crash, and no list showed it in time.
#[tokio::test(start_paused = true)]
async fn after_a_restart_an_older_empty_api_is_not_taken_for_the_one_that_serves() {
    let mut harbour = Harbour::new();
    harbour.world().faults().hide_from_lists("GetApis", Duration::from_secs(60));
    let marks = json!({ "hatoba:owner": "local", "hatoba:document": "HttpApi/crazy-api", "hatoba:incarnation": "1", "hatoba:deletion": "Delete" });
    let lost = json!({ "name": "crazy-api", "protocolType": "HTTP", "tags": marks });
    harbour.meddle(&Request::rest("POST", "/v2/apis", &lost)).await;
    harbour.start(ARTICLE);
    while harbour.count("CreateStage").1 == 0 {
        harbour.wait(Duration::from_millis(10)).await;
    }
    let serves = harbour.only("apigatewayv2", "stages").0;
    harbour.kill();
    harbour.wait(Duration::from_secs(120)).await;
    harbour.clear_calls();
    harbour.kill_and_restart(ARTICLE);
    harbour.converge(FIFTEEN_MINUTES).await;
    assert_eq!(harbour.write_names(), ["DeleteApi"], "{}", harbour.calls_text());
    assert_eq!(harbour.only("apigatewayv2", "stages").0, serves);
    harbour.assert_the_article_stands("an older empty API");
}

/// Things that look like ours, made by others before we came.
fn strangers() -> Vec<(Request, &'static str, &'static str)> {
    let cloud_map = |operation: &str, body: Value| Request::json("servicediscovery", operation, &body);
    let marks = |owner: &str, document: &str| json!({ "hatoba:owner": owner, "hatoba:document": document, "hatoba:incarnation": "1", "hatoba:deletion": "Delete" });
    let tags = |owner: &str, document: &str| {
        let marks = marks(owner, document);
        let tag = |(key, value): (&String, &Value)| json!({ "Key": key, "Value": value });
        marks.as_object().unwrap().iter().map(tag).collect::<Value>()
    };
    vec![
        (
            Request::rest("POST", "/v2/apis", &json!({ "name": "crazy-api", "protocolType": "HTTP" })),
            "apigatewayv2",
            "apis",
        ),
        (
            Request::rest(
                "POST",
                "/v2/apis",
                &json!({ "name": "crazy-api", "protocolType": "HTTP", "tags": marks("other", "HttpApi/crazy-api") }),
            ),
            "apigatewayv2",
            "apis",
        ),
        (
            Request::rest(
                "POST",
                "/v2/vpclinks",
                &json!({ "name": "fine-vpc-link", "subnetIds": ["subnet-x"], "tags": marks("other", "VpcLink/fine-vpc-link") }),
            ),
            "apigatewayv2",
            "vpcLinks",
        ),
        (
            cloud_map(
                "CreatePrivateDnsNamespace",
                json!({ "Name": "private.example.com", "Vpc": "vpc-0a1b2c3d4e5f60718" }),
            ),
            "servicediscovery",
            "namespaces",
        ),
        (
            cloud_map(
                "CreatePrivateDnsNamespace",
                json!({ "Name": "private.example.com", "Vpc": "vpc-0a1b2c3d4e5f60718",
                    "Tags": tags("other", "PrivateDnsNamespace/private-example-com") }),
            ),
            "servicediscovery",
            "namespaces",
        ),
        (
            Request::json(
                "ecs",
                "CreateService",
                &json!({ "cluster": "main", "serviceName": "great-service", "taskDefinition": "great-task:2",
                    "desiredCount": 1, "launchType": "FARGATE",
                    "networkConfiguration": { "awsvpcConfiguration": { "subnets": ["subnet-x"] } } }),
            ),
            "ecs",
            "services",
        ),
    ]
}

#[tokio::test(start_paused = true)]
async fn a_strangers_thing_of_the_same_name_is_never_touched() {
    for owner_is_explicit in [false, true] {
        for (request, service, collection) in strangers() {
            let shown = String::from_utf8_lossy(&request.body).into_owned();
            let options = Options { owner_is_explicit, prune_grace: Duration::ZERO, ..Options::default() };
            let mut harbour = Harbour::with(options, Config::default());
            harbour.meddle(&request).await;
            harbour.wait(Duration::from_secs(120)).await;
            let (id, before) = harbour.only(service, collection);
            harbour.start(ARTICLE);
            harbour.wait(TEN_MINUTES).await;
            for _ in 0..3 {
                harbour.documents(&format!("{ARTICLE}\n# again"));
                harbour.documents(ARTICLE);
                harbour.wait(RESYNC).await;
            }
            let after = harbour.objects(service, collection)[&id].clone();
            for member in [
                "name",
                "tags",
                "subnetIds",
                "Description",
                "Tags",
                "taskDefinition",
                "desiredCount",
                "status",
            ] {
                assert_eq!(after[member], before[member], "{shown}: {member}");
            }
            if collection == "apis" || collection == "vpcLinks" {
                harbour.converge(TEN_MINUTES).await; // names are not unique: ours stands beside it
                assert_eq!(harbour.objects(service, collection).len(), 2, "{shown}");
            } else {
                assert!(!harbour.is_converged(), "{shown}");
                let stalled = harbour.engine.statuses().into_values().filter(|status| {
                    status.synced.status == Truth::False
                        && ["NotOurs", "OwnedByAnother", "NamespaceAlreadyExists"]
                            .contains(&status.synced.reason.as_str())
                });
                assert_eq!(stalled.count(), 1, "{shown}: {}", harbour.describe());
                harbour.clear_calls();
                harbour.wait(Duration::from_secs(3600)).await;
                assert!(harbour.writes().len() <= 20, "{shown}: {} in an hour", harbour.writes().len());
                assert_eq!(harbour.objects(service, collection).len(), 1, "{shown}");
            }
        }
    }
}
