//! More than one of a thing, and things of other people: the one with users stays, the surplus goes only when
//! nobody uses it, and what is not ours is never touched.

use std::time::Duration;

use hatoba_aws_model::{Config, Request};
use hatoba_core::Truth;
use hatoba_engine::{Options, PlanAction};
use hatoba_tests::{ARTICLE, Harbour, article_without};
use serde_json::{Value, json};

use crate::prune;

const TEN_MINUTES: Duration = Duration::from_secs(600);
const FIFTEEN_MINUTES: Duration = Duration::from_secs(900);
const RESYNC: Duration = Duration::from_secs(310);

fn notes(harbour: &Harbour, kind: &str, name: &str) -> Vec<String> {
    harbour.status(kind, name).notes.iter().map(|note| note.reason.as_str().to_owned()).collect()
}

/// Makes a second one with the same marks, later and with a greater id, so that nothing but users speaks for it; answers
/// its id.
pub(crate) async fn twin(harbour: &Harbour, collection: &str) -> String {
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
    for _ in 0..64 {
        let made = harbour.meddle(&Request::rest("POST", &uri, &body)).await;
        let made = made[id].as_str().unwrap();
        // Integrations show no date: of two the smaller id counts as the older one.
        if collection != "integrations" || original[id].as_str().unwrap() < made {
            return made.to_owned();
        }
        harbour.meddle(&Request::rest("DELETE", &format!("{uri}/{made}"), &Value::Null)).await;
    }
    unreachable!("every id was smaller")
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

/// An API of somebody else's, older than ours and in use, onto which ours' tags were copied.
#[tokio::test(start_paused = true)]
async fn copied_marks_on_an_older_api_in_use_do_not_make_it_ours() {
    let mut harbour = Harbour::new();
    let api = json!({ "name": "theirs", "protocolType": "HTTP" });
    let theirs = harbour.meddle(&Request::rest("POST", "/v2/apis", &api)).await;
    let id = theirs["apiId"].as_str().unwrap();
    let arn = format!("arn%3Aaws%3Aapigateway%3Aus-east-1%3A%3A%2Fapis%2F{id}");
    let target = json!({ "integrationType": "HTTP_PROXY", "integrationMethod": "ANY",
        "integrationUri": "https://example.com", "payloadFormatVersion": "1.0" });
    let target =
        harbour.meddle(&Request::rest("POST", &format!("/v2/apis/{id}/integrations"), &target)).await;
    let target = format!("integrations/{}", target["integrationId"].as_str().unwrap());
    for route_key in ["ANY /theirs", "GET /theirs"] {
        let route = json!({ "routeKey": route_key, "target": target });
        harbour.meddle(&Request::rest("POST", &format!("/v2/apis/{id}/routes"), &route)).await;
    }
    harbour.start(ARTICLE);
    harbour.converge(TEN_MINUTES).await;
    let (apis, children) =
        (harbour.objects("apigatewayv2", "apis"), harbour.objects("apigatewayv2", "routes"));
    let ours = apis.keys().find(|other| *other != id).unwrap();
    let copied = json!({ "tags": apis[ours]["tags"] });
    harbour.meddle(&Request::rest("POST", &format!("/v2/tags/{arn}"), &copied)).await;
    harbour.clear_calls();
    for what in ["found by the resync", "found after a restart"] {
        harbour.wait(RESYNC + RESYNC).await;
        assert_eq!(harbour.write_names(), [""; 0], "{what}: {}", harbour.calls_text());
        assert_eq!(harbour.status("HttpApi", "crazy-api").outputs["id"], **ours, "{what}");
        assert_eq!(notes(&harbour, "HttpApi", "crazy-api"), ["DuplicateInUse"], "{what}");
        harbour.kill_and_restart(ARTICLE);
    }
    let left = harbour.objects("apigatewayv2", "apis");
    assert_eq!((&left[id]["name"], &left[id]["tags"]), (&json!("theirs"), &copied["tags"]));
    assert_eq!(harbour.objects("apigatewayv2", "routes"), children);
}

/// An API of somebody else's with routes of its own, under tags of ours in which the number differs.
#[tokio::test(start_paused = true)]
async fn copied_marks_with_another_number_move_and_delete_nothing() {
    for (ours, theirs) in [("1", "2"), ("1", "7"), ("2", "1")] {
        let what = format!("{ours} and {theirs}");
        let mut harbour = prune::converged().await;
        if ours == "2" {
            let (id, _) = harbour.only("apigatewayv2", "apis");
            harbour.meddle(&Request::rest("DELETE", &format!("/v2/apis/{id}"), &Value::Null)).await;
            harbour.wait(RESYNC).await;
            harbour.converge(TEN_MINUTES).await;
        }
        let (own, api) = harbour.only("apigatewayv2", "apis");
        assert_eq!(api["tags"]["hatoba:incarnation"], ours);
        let (_, integration) = harbour.only("apigatewayv2", "integrations");
        let mut tags = api["tags"].clone();
        tags["hatoba:incarnation"] = json!(theirs);
        let made = json!({ "name": "theirs", "protocolType": "HTTP", "tags": tags });
        let made = harbour.meddle(&Request::rest("POST", "/v2/apis", &made)).await;
        let at = |rest: &str| format!("/v2/apis/{}/{rest}", made["apiId"].as_str().unwrap());
        // Of an old one everything was cloned, the mark on the integration too.
        let description = if ours == "2" { integration["description"].clone() } else { json!("theirs") };
        let back = json!({ "integrationType": "HTTP_PROXY", "integrationMethod": "ANY", "payloadFormatVersion": "1.0",
            "integrationUri": "https://example.com", "description": description });
        let back = harbour.meddle(&Request::rest("POST", &at("integrations"), &back)).await;
        let target = format!("integrations/{}", back["integrationId"].as_str().unwrap());
        for route_key in ["$default", "GET /theirs"] {
            let route = json!({ "routeKey": route_key, "target": target });
            harbour.meddle(&Request::rest("POST", &at("routes"), &route)).await;
        }
        let world = |harbour: &Harbour| {
            ["apis", "integrations", "routes", "stages"].map(|name| harbour.objects("apigatewayv2", name))
        };
        let before = world(&harbour);
        for when in ["found by the resync", "found after a restart"] {
            harbour.clear_calls();
            prune::for_minutes(&harbour, 25, ARTICLE).await;
            assert_eq!(harbour.write_names(), [""; 0], "{what}, {when}: {}", harbour.calls_text());
            assert_eq!(world(&harbour), before, "{what}, {when}");
            assert_eq!(harbour.status("HttpApi", "crazy-api").outputs["id"], own, "{what}, {when}");
            assert_eq!(notes(&harbour, "HttpApi", "crazy-api"), ["DuplicateInUse"], "{what}, {when}");
            harbour.kill_and_restart(ARTICLE);
        }
    }
}

/// A service that was there before ours, in another cluster, under our name and with our marks.
#[tokio::test(start_paused = true)]
async fn a_service_in_another_cluster_that_this_process_did_not_see_move_is_only_named() {
    let mut harbour = Harbour::with(prune::explicit(), Config::default());
    harbour.meddle(&Request::json("ecs", "CreateCluster", &json!({ "clusterName": "theirs" }))).await;
    let tag = |key: &str, value: &str| json!({ "key": format!("hatoba:{key}"), "value": value });
    let owner = Options::default().owner;
    let theirs = json!({ "cluster": "theirs", "serviceName": "great-service", "taskDefinition": "great-task:1",
        "desiredCount": 1, "launchType": "FARGATE",
        "tags": [tag("owner", &owner), tag("document", "EcsService/great-service"), tag("incarnation", "1"),
            tag("deletion", "Delete")],
        "networkConfiguration": { "awsvpcConfiguration": { "subnets": ["subnet-0aa11bb22cc33dd44"] } } });
    harbour.meddle(&Request::json("ecs", "CreateService", &theirs)).await;
    harbour.start(ARTICLE);
    harbour.converge(TEN_MINUTES).await;
    harbour.wait(RESYNC).await;
    harbour.clear_calls();
    prune::for_minutes(&harbour, 30, ARTICLE).await;
    assert_eq!(harbour.write_names(), [""; 0], "{}", harbour.calls_text());
    assert_eq!(harbour.live("ecs", "services").len(), 2);
    assert_eq!(notes(&harbour, "EcsService", "great-service"), ["LeftBehind"]);
}

/// A whole way in of somebody else's, with every mark of ours copied onto it, and a service of theirs that runs.
#[tokio::test(start_paused = true)]
async fn copied_marks_on_everything_delete_nothing() {
    let mut harbour = Harbour::converged(
        Options { owner_is_explicit: true, prune_grace: Duration::from_secs(20), ..Options::default() },
        ARTICLE,
    )
    .await;
    harbour.wait(Duration::from_secs(1_200)).await; // made much later: no accident of ours
    let of = |collection: &str| harbour.objects("apigatewayv2", collection).into_values().next().unwrap();
    let (api, integration, stage) = (of("apis"), of("integrations"), of("stages"));
    let theirs = json!({ "name": "theirs", "protocolType": "HTTP", "tags": api["tags"] });
    let theirs = harbour.meddle(&Request::rest("POST", "/v2/apis", &theirs)).await;
    let at = |rest: &str| format!("/v2/apis/{}/{rest}", theirs["apiId"].as_str().unwrap());
    let copy = json!({ "integrationType": "HTTP_PROXY", "integrationMethod": "ANY", "payloadFormatVersion": "1.0",
        "integrationUri": "https://example.com", "description": integration["description"] });
    let copy = harbour.meddle(&Request::rest("POST", &at("integrations"), &copy)).await;
    let target = format!("integrations/{}", copy["integrationId"].as_str().unwrap());
    for route_key in ["$default", "GET /theirs"] {
        let route = json!({ "routeKey": route_key, "target": target });
        harbour.meddle(&Request::rest("POST", &at("routes"), &route)).await;
    }
    let live = json!({ "stageName": stage["stageName"], "autoDeploy": true, "tags": stage["tags"] });
    harbour.meddle(&Request::rest("POST", &at("stages"), &live)).await;
    harbour.meddle(&Request::json("ecs", "CreateCluster", &json!({ "clusterName": "theirs" }))).await;
    let service = harbour.live("ecs", "services").into_values().next().unwrap();
    for name in ["theirs", "great-service"] {
        let made = json!({ "cluster": "theirs", "serviceName": name, "taskDefinition": "great-task:2",
            "desiredCount": 1, "launchType": "FARGATE", "tags": service["tags"],
            "networkConfiguration": { "awsvpcConfiguration": { "subnets": ["subnet-x"] } } });
        harbour.meddle(&Request::json("ecs", "CreateService", &made)).await;
    }
    let world = |harbour: &Harbour| {
        let gateway = ["apis", "integrations", "routes", "stages"].map(|name| ("apigatewayv2", name));
        let all = gateway.into_iter().chain([("ecs", "services")]);
        all.map(|(service, name)| harbour.live(service, name).into_keys().collect()).collect::<Vec<Vec<_>>>()
    };
    let before = world(&harbour);
    for what in ["found by the resync", "found after a restart", "still"] {
        harbour.clear_calls();
        for _ in 0..20 {
            harbour.documents(ARTICLE);
            harbour.wait(Duration::from_secs(60)).await;
        }
        assert_eq!(harbour.write_names(), [""; 0], "{what}: {}", harbour.calls_text());
        assert_eq!(world(&harbour), before, "{what}");
        assert_eq!(notes(&harbour, "HttpApi", "crazy-api"), ["DuplicateInUse"], "{what}");
        assert!(harbour.engine.picture().pruning.is_empty(), "{what}: the fuse does not count them");
        harbour.kill_and_restart(ARTICLE);
    }
    harbour.wait(RESYNC).await;
    assert_eq!(notes(&harbour, "EcsService", "great-service"), ["LeftBehind", "LeftBehind"]);
}

/// Services of somebody else's beside ours, with every mark of ours copied onto them: one older than ours, one newer.
#[tokio::test(start_paused = true)]
async fn services_with_copied_marks_in_our_cluster_run_on_also_when_ours_is_asked_for_no_more() {
    let mut harbour = Harbour::with(prune::explicit(), Config::default());
    let made = |name: &str, tags: &Value| {
        let service = json!({ "cluster": "main", "serviceName": name, "taskDefinition": "great-task:2",
            "desiredCount": 2, "launchType": "FARGATE", "tags": tags,
            "networkConfiguration": { "awsvpcConfiguration": { "subnets": ["subnet-x"] } } });
        Request::json("ecs", "CreateService", &service)
    };
    let older = harbour.meddle(&made("older", &json!([]))).await["service"]["serviceArn"].clone();
    harbour.wait(Duration::from_secs(60)).await;
    harbour.start(ARTICLE);
    harbour.converge(TEN_MINUTES).await;
    let services = |harbour: &Harbour| {
        let of = |service: Value| {
            (service["serviceName"].to_string(), service["desiredCount"].clone(), service["tags"].clone())
        };
        harbour.live("ecs", "services").into_values().map(of).collect::<Vec<_>>()
    };
    let live = harbour.live("ecs", "services").into_values();
    let mut ours = live.filter(|service| service["serviceName"] == "great-service");
    let tags = ours.next().unwrap()["tags"].clone();
    harbour
        .meddle(&Request::json("ecs", "TagResource", &json!({ "resourceArn": older, "tags": tags })))
        .await;
    harbour.meddle(&made("newer", &tags)).await;
    let before = services(&harbour);
    assert_eq!(before.len(), 3);
    for what in ["at first", "after a restart", "still"] {
        harbour.clear_calls();
        for _ in 0..20 {
            harbour.documents(ARTICLE);
            harbour.wait(Duration::from_secs(60)).await;
        }
        assert_eq!(harbour.write_names(), [""; 0], "{what}: {}", harbour.calls_text());
        assert_eq!(services(&harbour), before, "{what}");
        harbour.kill_and_restart(ARTICLE);
    }
    harbour.wait(RESYNC).await;
    assert_eq!(notes(&harbour, "EcsService", "great-service"), ["DuplicateInUse", "DuplicateInUse"]);
    assert!(harbour.is_converged(), "ours goes on: {}", harbour.describe());

    let without = article_without(&["EcsService/great-service"]);
    prune::for_minutes(&harbour, 30, &without).await;
    assert_eq!(services(&harbour), before, "nobody knows which was ours: {}", harbour.calls_text());
    assert_eq!(prune::held(&harbour), ["DuplicateInUse"]);
    let plan = harbour.engine.plan().await.unwrap();
    let planned = plan.entries.iter().filter(|entry| entry.document.name == "great-service");
    let planned: Vec<_> = planned
        .map(|entry| (entry.action, entry.cause.as_ref().map(|cause| cause.reason.as_str())))
        .collect();
    assert_eq!(planned, [(PlanAction::Held, Some("DuplicateInUse")); 3], "a plan says no more than is done");
    for copy in ["older", "newer"] {
        let arn =
            harbour.live("ecs", "services").into_values().find(|service| service["serviceName"] == copy);
        let keys =
            ["owner", "document", "incarnation", "deletion", "labels"].map(|key| format!("hatoba:{key}"));
        let untag = json!({ "resourceArn": arn.unwrap()["serviceArn"], "tagKeys": keys });
        harbour.meddle(&Request::json("ecs", "UntagResource", &untag)).await;
    }
    harbour.kill_and_restart(&without);
    prune::for_minutes(&harbour, 30, &without).await;
    let names: Vec<String> = services(&harbour).into_iter().map(|(name, ..)| name).collect();
    assert_eq!(names.len(), 2, "ours went when the copies bore our marks no more: {names:?}");
    assert!(!names.contains(&"\"great-service\"".to_owned()), "{names:?}");
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

/// Its first create was carried out after all, and somebody deletes the second before any list shows it.
#[tokio::test(start_paused = true)]
async fn a_twin_is_not_removed_for_one_that_no_list_has_shown() {
    let gate = "---\napiVersion: hatoba/v1\nkind: Authorizer\nmetadata: { name: gate }\nspec: { apiRef: crazy-api, authorizerType: JWT, jwtConfiguration: { issuer: \"https://i.example.com\", audience: [web] } }\n";
    let mut harbour = Harbour::new();
    harbour.world().faults().hide_from_lists("GetApis", Duration::from_secs(40));
    harbour.world().faults().lose_answer("CreateApi", 1);
    harbour.start(&format!("{ARTICLE}{gate}"));
    while harbour.objects("apigatewayv2", "apis").len() < 2 {
        harbour.wait(Duration::from_millis(500)).await;
    }
    let mut apis: Vec<(String, Value)> = harbour.objects("apigatewayv2", "apis").into_iter().collect();
    apis.sort_by_key(|(_, api)| api["createdDate"].to_string());
    let [(first, _), (second, _)] = &apis[..] else { panic!("two, got {apis:?}") };
    harbour.wait(Duration::from_secs(5)).await;
    harbour.meddle(&Request::rest("DELETE", &format!("/v2/apis/{second}"), &Value::Null)).await;
    for _ in 0..12 {
        harbour.engine.reconcile_now();
        harbour.wait(Duration::from_secs(5)).await;
    }
    harbour.converge(FIFTEEN_MINUTES).await;
    assert_eq!(harbour.only("apigatewayv2", "apis").0, *first, "{}", harbour.calls_text());
    harbour.assert_the_article_stands("the first one stays");
}

/// Its removal fails for a while, and meanwhile somebody builds in it.
#[tokio::test(start_paused = true)]
async fn a_twin_goes_only_if_what_stands_in_it_has_just_been_looked_at() {
    let harbour = Harbour::converged(Options::default(), ARTICLE).await;
    let marks = json!({ "hatoba:owner": "local", "hatoba:document": "HttpApi/crazy-api", "hatoba:incarnation": "1", "hatoba:deletion": "Delete" });
    let twin = json!({ "name": "crazy-api", "protocolType": "HTTP", "tags": marks });
    harbour.world().faults().fail("DeleteApi", 1_000, 500, "InternalServerErrorException", "no");
    let twin = harbour.meddle(&Request::rest("POST", "/v2/apis", &twin)).await;
    let id = twin["apiId"].as_str().unwrap();
    harbour.engine.reconcile_now();
    let last = |harbour: &Harbour, operation: &str| {
        let calls = harbour.calls();
        calls.iter().filter(|call| call.operation == operation).map(|call| call.at).max().unwrap_or_default()
    };
    let now = |harbour: &Harbour| Duration::from_millis(harbour.now().as_millisecond().unsigned_abs());
    let is_long_ago = |at: Duration, harbour: &Harbour| at + Duration::from_secs(65) < now(harbour);
    for _ in 0..3_600 {
        let tried = harbour.count("DeleteApi").0 > 0;
        if tried && is_long_ago(last(&harbour, "GetRoutes"), &harbour) {
            break;
        }
        harbour.wait(Duration::from_secs(1)).await;
    }
    assert!(harbour.count("DeleteApi").0 > 0, "{}", harbour.calls_text());
    let route = json!({ "routeKey": "GET /theirs" });
    harbour.meddle(&Request::rest("POST", &format!("/v2/apis/{id}/routes"), &route)).await;
    harbour.world().faults().clear();
    harbour.wait(FIFTEEN_MINUTES).await;
    assert!(harbour.objects("apigatewayv2", "apis").contains_key(id), "{}", harbour.calls_text());
}
