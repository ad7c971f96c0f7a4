//! Several resources bear one document's mark, and one may be somebody else's: nothing of theirs is touched, and nothing
//! that may be theirs; twins that are surely ours go.

use std::collections::BTreeMap;
use std::time::Duration;

use hatoba_aws_model::{Config, Request};
use hatoba_tests::Harbour;
use serde_json::{Value, json};

use crate::prune::{HOUR, MINUTE, explicit, for_minutes, held};

const COLLECTIONS: [&str; 5] = ["apis", "integrations", "routes", "stages", "vpcLinks"];
const TEN_MINUTES: Duration = Duration::from_secs(600);

/// Others that stay, so that what goes is not all.
fn others() -> String {
    let api = |name: &str| {
        format!("apiVersion: hatoba/v1\nkind: HttpApi\nmetadata: {{ name: {name} }}\nspec: {{}}\n")
    };
    [api("x"), api("y"), api("z")].join("---\n")
}

fn bare(description: &str) -> String {
    format!(
        "{}---\napiVersion: hatoba/v1\nkind: HttpApi\nmetadata: {{ name: a }}\nspec: {{ description: {description} }}\n",
        others()
    )
}

fn chain() -> String {
    let child = |kind: &str, name: &str, spec: &str| {
        format!(
            "---\napiVersion: hatoba/v1\nkind: {kind}\nmetadata: {{ name: {name} }}\nspec: {{ apiRef: a, {spec} }}\n"
        )
    };
    [
        bare("ours"),
        child("Stage", "s", "stageName: $default"),
        child(
            "Integration",
            "i",
            "integrationType: HTTP_PROXY, integrationMethod: ANY, integrationUri: https://ours.example.com",
        ),
        child("Route", "r", "routeKey: GET /mine, integrationRef: i"),
    ]
    .concat()
}

fn link() -> String {
    format!(
        "{}---\napiVersion: hatoba/v1\nkind: VpcLink\nmetadata: {{ name: l }}\nspec: {{ subnetSelector: {{ tags: {{ Tier: private }} }}, securityGroupIds: [sg-0123456789abcdef0] }}\n",
        others()
    )
}

/// Everything, but for what a rollout or a pass changes by itself.
fn world(harbour: &Harbour) -> BTreeMap<&'static str, BTreeMap<String, Value>> {
    COLLECTIONS.into_iter().map(|name| (name, harbour.objects("apigatewayv2", name))).collect()
}

fn named(harbour: &Harbour, name: &str) -> (String, Value) {
    let apis = harbour.objects("apigatewayv2", "apis");
    apis.into_iter().find(|(_, api)| api["name"] == name).unwrap()
}

/// A copy of our API `a` with all its marks; what stands in it leads to `uri`.
async fn copy(harbour: &Harbour, name: &str, uri: &str, route_key: &str) -> String {
    let (id, ours) = named(harbour, "a");
    let of = |collection: &str| {
        let found = harbour.objects("apigatewayv2", collection).into_iter();
        found.filter(|(key, _)| key.starts_with(&id)).map(|(_, value)| value).next().unwrap()
    };
    let (integration, stage) = (of("integrations"), of("stages"));
    let api = json!({ "name": name, "protocolType": "HTTP", "description": ours["description"], "tags": ours["tags"] });
    let made = harbour.meddle(&Request::rest("POST", "/v2/apis", &api)).await;
    let copy = made["apiId"].as_str().unwrap().to_owned();
    let at = |rest: &str| format!("/v2/apis/{copy}/{rest}");
    let back = json!({ "integrationType": "HTTP_PROXY", "integrationMethod": "ANY", "payloadFormatVersion": "1.0",
        "integrationUri": uri, "description": integration["description"] });
    let back = harbour.meddle(&Request::rest("POST", &at("integrations"), &back)).await;
    let target = format!("integrations/{}", back["integrationId"].as_str().unwrap());
    let route = json!({ "routeKey": route_key, "target": target });
    harbour.meddle(&Request::rest("POST", &at("routes"), &route)).await;
    let stage = json!({ "stageName": "$default", "autoDeploy": true, "tags": stage["tags"] });
    harbour.meddle(&Request::rest("POST", &at("stages"), &stage)).await;
    copy
}

/// An API of somebody else's, with what they built in it and a copy of our tags.
async fn strangers(harbour: &Harbour, tags: &Value) -> String {
    let api = json!({ "name": "theirs", "protocolType": "HTTP", "tags": tags });
    let made = harbour.meddle(&Request::rest("POST", "/v2/apis", &api)).await;
    let id = made["apiId"].as_str().unwrap().to_owned();
    let back = json!({ "integrationType": "HTTP_PROXY", "integrationMethod": "ANY", "payloadFormatVersion": "1.0",
        "integrationUri": "https://theirs.example.com" });
    let back = harbour.meddle(&Request::rest("POST", &format!("/v2/apis/{id}/integrations"), &back)).await;
    let target = format!("integrations/{}", back["integrationId"].as_str().unwrap());
    let route = json!({ "routeKey": "$default", "target": target });
    harbour.meddle(&Request::rest("POST", &format!("/v2/apis/{id}/routes"), &route)).await;
    id
}

fn reasons(harbour: &Harbour, kind: &str, name: &str) -> Vec<String> {
    let status = harbour.status(kind, name);
    let notes = status.notes.iter().map(|note| note.reason.to_string());
    notes.chain([status.synced.reason.to_string()]).collect()
}

fn prune_held(harbour: &Harbour) -> usize {
    let text = harbour.engine.metrics_text();
    let line = text.lines().find(|line| line.starts_with("hatoba_prune_held ")).unwrap();
    line.rsplit(' ').next().unwrap().parse().unwrap()
}

/// Our API has nothing in it; a stranger's bears our tags and has.
#[tokio::test(start_paused = true)]
async fn a_strangers_api_in_use_does_not_take_the_place_of_ours_that_nobody_uses() {
    let mut harbour = Harbour::converged(explicit(), &bare("ours")).await;
    let (ours, api) = named(&harbour, "a");
    let theirs = strangers(&harbour, &api["tags"]).await;
    let before = world(&harbour);
    harbour.clear_calls();
    for_minutes(&harbour, 30, &bare("ours")).await;
    assert_eq!(harbour.write_names(), [""; 0], "{}", harbour.calls_text());
    assert!(reasons(&harbour, "HttpApi", "a").contains(&"DuplicateInUse".to_owned()));
    assert_eq!(harbour.status("HttpApi", "a").outputs["id"], ours, "the one that it knows");
    // What the document says goes to the one that it knows.
    for_minutes(&harbour, 10, &bare("newer")).await;
    assert_eq!(harbour.objects("apigatewayv2", "apis")[&ours]["description"], "newer");
    for_minutes(&harbour, 10, &bare("ours")).await;
    assert_eq!(world(&harbour), before);

    harbour.kill_and_restart(&bare("newest"));
    harbour.clear_calls();
    for_minutes(&harbour, 30, &bare("newest")).await;
    assert_eq!(harbour.write_names(), [""; 0], "it knows none: {}", harbour.calls_text());
    assert_eq!(harbour.status("HttpApi", "a").synced.reason.to_string(), "DuplicateInUse");
    for_minutes(&harbour, HOUR, &others()).await;
    assert_eq!(world(&harbour), before, "nor when the document is gone");
    assert_eq!((held(&harbour), prune_held(&harbour)), (vec!["DuplicateInUse".to_owned()], 2));

    let keys = ["owner", "document", "incarnation", "deletion"].map(|key| format!("tagKeys=hatoba%3A{key}"));
    let arn = format!("arn%3Aaws%3Aapigateway%3Aus-east-1%3A%3A%2Fapis%2F{theirs}");
    let untag = format!("/v2/tags/{arn}?{}", keys.join("&"));
    harbour.meddle(&Request::rest("DELETE", &untag, &Value::Null)).await;
    harbour.kill_and_restart(&bare("newest"));
    for_minutes(&harbour, 10, &bare("newest")).await;
    assert_eq!(harbour.status("HttpApi", "a").outputs["id"], ours);
    assert_eq!(harbour.objects("apigatewayv2", "apis")[&ours]["description"], "newest");
}

/// A stranger's VPC link bears our tags, and only the stranger's own API shows that it is in use.
#[tokio::test(start_paused = true)]
async fn what_uses_a_twin_is_looked_for_in_everybodys_apis() {
    // Theirs is the older one, so that nothing but its users speaks for ours.
    let mut harbour = Harbour::with(explicit(), Config::default());
    let made = json!({ "name": "theirs", "subnetIds": ["subnet-0aa11bb22cc33dd44"] });
    let made = harbour.meddle(&Request::rest("POST", "/v2/vpclinks", &made)).await;
    harbour.wait(TEN_MINUTES).await;
    harbour.start(&link());
    harbour.converge(TEN_MINUTES).await;
    harbour.wait(MINUTE).await;
    let ours =
        harbour.objects("apigatewayv2", "vpcLinks").into_values().find(|link| link["name"] != "theirs");
    let arn = format!(
        "arn%3Aaws%3Aapigateway%3Aus-east-1%3A%3A%2Fvpclinks%2F{}",
        made["vpcLinkId"].as_str().unwrap()
    );
    let tags = json!({ "tags": ours.unwrap()["tags"] });
    harbour.meddle(&Request::rest("POST", &format!("/v2/tags/{arn}"), &tags)).await;
    let api = json!({ "name": "theirs", "protocolType": "HTTP" });
    let api = harbour.meddle(&Request::rest("POST", "/v2/apis", &api)).await;
    let back = json!({ "integrationType": "HTTP_PROXY", "integrationMethod": "ANY", "connectionType": "VPC_LINK",
        "connectionId": made["vpcLinkId"], "payloadFormatVersion": "1.0",
        "integrationUri": "arn:aws:servicediscovery:us-east-1:123456789012:service/srv-x",
        // A copy of a mark in an API that is not ours says nothing.
        "description": "[hatoba local Integration/gone 1]" });
    let uri = format!("/v2/apis/{}/integrations", api["apiId"].as_str().unwrap());
    harbour.meddle(&Request::rest("POST", &uri, &back)).await;
    let before = world(&harbour);
    harbour.clear_calls();
    for what in ["running", "restarted"] {
        for_minutes(&harbour, 30, &link()).await;
        assert_eq!(harbour.write_names(), [""; 0], "{what}: {}", harbour.calls_text());
        assert!(reasons(&harbour, "VpcLink", "l").contains(&"DuplicateInUse".to_owned()), "{what}");
        harbour.kill_and_restart(&link());
    }
    for_minutes(&harbour, 10, &link()).await;
    for_minutes(&harbour, HOUR, &others()).await;
    assert_eq!(harbour.write_names(), [""; 0], "gone: {}", harbour.calls_text());
    assert_eq!(world(&harbour), before);
    assert_eq!((held(&harbour), prune_held(&harbour)), (vec!["DuplicateInUse".to_owned()], 2));
}

/// Everything was copied within ten minutes, every mark too; but it leads to their own back end, or has a route of theirs.
#[tokio::test(start_paused = true)]
async fn a_copy_with_every_mark_and_other_content_is_left_alone_whatever_becomes_of_ours() {
    for (name, uri, route_key) in [
        ("a", "https://theirs.example.com", "GET /mine"),
        ("a", "https://ours.example.com", "GET /theirs"),
        ("theirs", "https://ours.example.com", "GET /mine"),
    ] {
        let mut harbour = Harbour::with(explicit(), Config::default());
        harbour.start(&chain());
        harbour.converge(TEN_MINUTES).await;
        copy(&harbour, name, uri, route_key).await;
        harbour.wait(MINUTE).await;
        let before = world(&harbour);
        harbour.clear_calls();
        for what in ["running", "restarted"] {
            for_minutes(&harbour, 30, &chain()).await;
            assert_eq!(harbour.write_names(), [""; 0], "{what} {name} {uri} {route_key}");
            assert!(reasons(&harbour, "HttpApi", "a").contains(&"DuplicateInUse".to_owned()), "{what}");
            if what == "running" {
                harbour.kill_and_restart(&chain());
            }
        }
        for what in ["gone", "gone and restarted"] {
            for_minutes(&harbour, HOUR, &others()).await;
            assert_eq!(harbour.write_names(), [""; 0], "{what}: {}", harbour.calls_text());
            assert_eq!(world(&harbour), before, "{what}");
            assert_eq!(held(&harbour), ["DuplicateInUse"], "{what}");
            assert_eq!(prune_held(&harbour), 8, "two APIs and what stands in them: {what}");
            harbour.kill_and_restart(&others());
        }
    }
}

/// Ours was deleted by hand after its document had gone: the copy that is left is still known as one.
#[tokio::test(start_paused = true)]
async fn what_was_reported_as_a_copy_stays_one() {
    let harbour = Harbour::converged(explicit(), &chain()).await;
    let (ours, _) = named(&harbour, "a");
    let theirs = copy(&harbour, "theirs", "https://theirs.example.com", "GET /theirs").await;
    for_minutes(&harbour, 10, &chain()).await;
    for_minutes(&harbour, 5, &others()).await;
    harbour.meddle(&Request::rest("DELETE", &format!("/v2/apis/{ours}"), &Value::Null)).await;
    let before = world(&harbour);
    harbour.clear_calls();
    for_minutes(&harbour, HOUR, &others()).await;
    assert_eq!(harbour.write_names(), [""; 0], "{}", harbour.calls_text());
    assert_eq!(world(&harbour), before);
    assert!(harbour.objects("apigatewayv2", "apis").contains_key(&theirs));
    assert_eq!((held(&harbour), prune_held(&harbour)), (vec!["DuplicateInUse".to_owned()], 4));
}

/// Two leaders built a chain each, and before that was settled the documents were taken out and both were killed.
#[tokio::test(start_paused = true)]
async fn true_twins_of_a_removed_document_go_with_all_that_stands_in_them() {
    for (killed_in_between, half_made) in [(false, false), (true, false), (false, true)] {
        let mut harbour = Harbour::with(explicit(), Config::default());
        harbour.start(&chain());
        harbour.converge(TEN_MINUTES).await;
        harbour.kill();
        let twin = copy(&harbour, "a", "https://ours.example.com", "GET /mine").await;
        if half_made {
            let stage = format!("/v2/apis/{twin}/stages/$default");
            harbour.meddle(&Request::rest("DELETE", &stage, &Value::Null)).await;
        }
        harbour.kill_and_restart(&others());
        for_minutes(&harbour, 9, &others()).await;
        assert_eq!(harbour.objects("apigatewayv2", "apis").len(), 5, "within the grace");
        let mut minutes = 0;
        while harbour.objects("apigatewayv2", "apis").len() == 5 && minutes < 20 {
            for_minutes(&harbour, 1, &others()).await;
            minutes += 1;
        }
        assert_eq!(harbour.objects("apigatewayv2", "apis").len(), 4, "one went: {:?}", held(&harbour));
        if killed_in_between {
            harbour.kill_and_restart(&others());
        }
        for_minutes(&harbour, 40, &others()).await;
        let left = harbour.objects("apigatewayv2", "apis").into_values();
        let names: Vec<String> = left.map(|api| api["name"].as_str().unwrap().to_owned()).collect();
        assert_eq!(names.len(), 3, "{names:?}: {:?}", harbour.engine.picture().pruning);
        for collection in ["integrations", "routes", "stages"] {
            assert!(harbour.objects("apigatewayv2", collection).is_empty(), "{collection}");
        }
        assert_eq!(prune_held(&harbour), 0);
        let calls = harbour.calls();
        for (nth, deletion) in calls.iter().enumerate().filter(|(_, call)| call.operation == "DeleteApi") {
            let looks = calls[..nth].iter().filter(|call| call.operation == "GetApis").map(|call| call.at);
            let age = deletion.at - looks.max().unwrap();
            assert!(age <= Duration::from_secs(61), "both were seen {age:?} before one went");
        }
    }
}

/// What waits for its users for ever is no silent matter.
#[tokio::test(start_paused = true)]
async fn what_is_in_use_for_longer_than_the_grace_is_counted() {
    let harbour = Harbour::converged(explicit(), &bare("ours")).await;
    let (ours, _) = named(&harbour, "a");
    let back = json!({ "integrationType": "HTTP_PROXY", "integrationMethod": "ANY", "payloadFormatVersion": "1.0",
        "integrationUri": "https://theirs.example.com" });
    harbour.meddle(&Request::rest("POST", &format!("/v2/apis/{ours}/integrations"), &back)).await;
    for_minutes(&harbour, 15, &others()).await;
    assert_eq!((held(&harbour), prune_held(&harbour)), (vec!["InUse".to_owned()], 0));
    for_minutes(&harbour, 10, &others()).await;
    assert_eq!((held(&harbour), prune_held(&harbour)), (vec!["InUse".to_owned()], 1));
}

/// An authorizer that somebody adds later is reported, too.
#[tokio::test(start_paused = true)]
async fn a_strangers_authorizer_is_found_within_the_hour() {
    let harbour = Harbour::converged(explicit(), &bare("ours")).await;
    let (ours, _) = named(&harbour, "a");
    for_minutes(&harbour, 10, &bare("ours")).await;
    let rogue = json!({ "authorizerType": "JWT", "name": "rogue", "identitySource": ["$request.header.Authorization"],
        "jwtConfiguration": { "issuer": "https://issuer.example.com", "audience": ["x"] } });
    harbour.meddle(&Request::rest("POST", &format!("/v2/apis/{ours}/authorizers"), &rogue)).await;
    for_minutes(&harbour, HOUR + 10, &bare("ours")).await;
    assert_eq!(harbour.engine.picture().rogue_children.len(), 1);
}
