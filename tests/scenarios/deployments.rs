//! A stage without auto deploy: the controller makes a deployment when what the API serves changed, moves the stage
//! to it when AWS says DEPLOYED, and keeps the last few.

use std::collections::BTreeMap;
use std::time::Duration;

use hatoba_aws_model::Request;
use hatoba_core::Truth;
use hatoba_engine::{Options, PlanAction};
use hatoba_tests::{ARTICLE, Harbour, snapshot};
use serde_json::{Value, json};

const TEN_MINUTES: Duration = Duration::from_secs(600);
/// The resync is 5 minutes, and a deployment takes seconds.
const RESYNC: Duration = Duration::from_secs(330);
const MILLISECOND: Duration = Duration::from_millis(1);

/// An API with routes to one back end.
fn api(routes: &[&str], stage: &str) -> String {
    shop("https://example.com", routes, stage)
}

fn shop(uri: &str, routes: &[&str], stage: &str) -> String {
    let mut documents = vec![
        "kind: HttpApi\nmetadata: { name: shop }\nspec: {}\n".to_owned(),
        format!(
            "kind: Integration\nmetadata: {{ name: back }}\nspec: {{ apiRef: shop, integrationType: HTTP_PROXY, integrationMethod: ANY, integrationUri: \"{uri}\" }}\n"
        ),
    ];
    for route in routes {
        let name = route.replace("GET /", "get-");
        documents.push(format!(
            "kind: Route\nmetadata: {{ name: {name} }}\nspec: {{ apiRef: shop, routeKey: \"{route}\", integrationRef: back }}\n"
        ));
    }
    documents.push(format!("kind: Stage\nmetadata: {{ name: prod }}\n{stage}"));
    let documents: Vec<String> =
        documents.into_iter().map(|document| format!("apiVersion: hatoba/v1\n{document}")).collect();
    documents.join("---\n")
}

const BY_HAND: &str = "spec: { apiRef: shop, autoDeploy: false }\n";
const BY_AWS: &str = "spec: { apiRef: shop }\n";

async fn converged(documents: &str) -> Harbour {
    Harbour::converged(Options::default(), documents).await
}

fn deployments(harbour: &Harbour) -> BTreeMap<String, Value> {
    harbour.objects("apigatewayv2", "deployments")
}

/// The deployment that the stage points to.
fn current(harbour: &Harbour) -> String {
    harbour.only("apigatewayv2", "stages").1["deploymentId"].as_str().unwrap_or_default().to_owned()
}

fn made(harbour: &Harbour) -> usize {
    harbour.count("CreateDeployment").1
}

/// Asserts that the stage serves what the API has now.
fn assert_served(harbour: &Harbour, story: &str) {
    let snapshots = harbour.objects("apigatewayv2", "snapshots");
    let id = current(harbour);
    let served = snapshots.iter().find(|(key, _)| key.ends_with(&format!("/{id}")));
    let Some((_, served)) = served else {
        panic!(
            "{story}: the stage points to nothing ({id:?})\n{}\n{}",
            harbour.describe(),
            harbour.calls_text()
        )
    };
    let now = |collection: &str| -> BTreeMap<String, Value> {
        let bare = |(key, mut body): (String, Value)| {
            body.as_object_mut().map(|body| body.remove("apiId"));
            (key.rsplit('/').next().unwrap_or_default().to_owned(), body)
        };
        harbour.objects("apigatewayv2", collection).into_iter().map(bare).collect()
    };
    assert_eq!(served["routes"], json!(now("routes")), "{story}\n{}", harbour.calls_text());
    let named = |id: &str| served["routes"].to_string().contains(&format!("integrations/{id}"));
    for (id, integration) in now("integrations").into_iter().filter(|(id, _)| named(id)) {
        assert_eq!(served["integrations"][&id], integration, "{story}\n{}", harbour.calls_text());
    }
}

async fn settle(harbour: &Harbour, story: &str) {
    harbour.converge(TEN_MINUTES).await;
    assert_served(harbour, story);
}

async fn meddle(harbour: &Harbour, method: &str, path: &str, body: Value) -> Value {
    let id = harbour.only("apigatewayv2", "apis").0;
    harbour.meddle(&Request::rest(method, &format!("/v2/apis/{id}{path}"), &body)).await
}

#[tokio::test(start_paused = true)]
async fn from_nothing_one_deployment_and_then_rest() {
    for documents in
        [api(&["GET /a", "GET /b"], BY_HAND), ARTICLE.replace("autoDeploy: true", "autoDeploy: false")]
    {
        let mut harbour = Harbour::new();
        harbour.start(&documents);
        settle(&harbour, "from nothing").await;
        assert_eq!((made(&harbour), harbour.count("UpdateStage").1), (1, 1), "{}", harbour.calls_text());
        let (_, deployment) = harbour.only("apigatewayv2", "deployments");
        let description = deployment["description"].as_str().unwrap();
        assert!(description.starts_with("[hatoba local Stage/"), "{description}");
        harbour.clear_calls();
        harbour.wait(2 * RESYNC).await;
        assert_eq!(harbour.write_names(), [""; 0], "{}", harbour.calls_text());
        assert!(harbour.is_converged(), "{}", harbour.describe());
        harbour.kill_and_restart(&documents);
        harbour.wait(RESYNC).await;
        assert_eq!(harbour.write_names(), [""; 0], "nothing after a restart\n{}", harbour.calls_text());
    }
}

#[tokio::test(start_paused = true)]
async fn many_changes_at_once_make_one_deployment() {
    let harbour = converged(&api(&["GET /a", "GET /b", "GET /c"], BY_HAND)).await;
    let routes: Vec<String> = (0..12).map(|number| format!("GET /r{number}")).collect();
    let routes: Vec<&str> = routes.iter().map(String::as_str).chain(["GET /b", "GET /c"]).collect();
    harbour.documents(&shop("https://new.example.com", &routes, BY_HAND));
    settle(&harbour, "many at once").await;
    assert_eq!((made(&harbour), harbour.count("UpdateStage").1), (1, 1), "{}", harbour.calls_text());
    assert_eq!(harbour.objects("apigatewayv2", "routes").len(), 15, "the old route waits for its grace");
}

#[tokio::test(start_paused = true)]
async fn the_last_ones_stay_and_somebody_elses_are_left_alone() {
    for (policy, kept) in [("", 3), ("policy: { keepDeployments: 1 }\n", 1)] {
        let stage = format!("{policy}{BY_HAND}");
        let harbour = converged(&shop("https://0.example.com", &["GET /a"], &stage)).await;
        let theirs = [
            "by hand",
            "[hatoba other Stage/prod 0123456789abcdef]",
            "[hatoba local Stage/other 0123456789abcdef]",
        ];
        for description in theirs {
            meddle(&harbour, "POST", "/deployments", json!({ "description": description })).await;
            harbour.wait(Duration::from_secs(20)).await;
        }
        let foreign: Vec<String> = deployments(&harbour)
            .into_iter()
            .filter(|(_, deployment)| theirs.iter().any(|text| deployment["description"] == *text))
            .map(|(id, _)| id)
            .collect();
        assert_eq!(foreign.len(), 3);
        harbour.clear_calls();
        for number in 1..=5 {
            harbour.documents(&shop(&format!("https://{number}.example.com"), &["GET /a"], &stage));
            settle(&harbour, &format!("change {number}")).await;
        }
        harbour.wait(Duration::from_secs(60)).await;
        let left = deployments(&harbour);
        assert!(foreign.iter().all(|id| left.contains_key(id)), "{left:#?}");
        assert_eq!(left.len(), foreign.len() + kept, "{left:#?}");
        assert_eq!(made(&harbour), 5, "{}", harbour.calls_text());
        assert_served(&harbour, "the newest is the one that is served");
        assert_eq!(harbour.status("Stage", "prod").synced.status, Truth::True);
    }
}

#[tokio::test(start_paused = true)]
async fn routes_that_vanish_together_make_one_deployment() {
    let options =
        Options { owner_is_explicit: true, prune_grace: Duration::from_secs(30), ..Options::default() };
    let all = ["GET /a", "GET /b", "GET /c", "GET /d", "GET /e"];
    let harbour = Harbour::converged(options, &api(&all, BY_HAND)).await;
    for _ in 0..8 {
        harbour.documents(&api(&all[..1], BY_HAND));
        harbour.wait(Duration::from_secs(20)).await;
    }
    settle(&harbour, "four went").await;
    assert_eq!(harbour.objects("apigatewayv2", "routes").len(), 1, "{}", harbour.calls_text());
    assert_eq!(made(&harbour), 1, "{}", harbour.calls_text());
}

/// When a process that is left alone writes, from its start.
async fn write_times(harbour: &mut Harbour, documents: &str) -> Vec<Duration> {
    harbour.start(documents);
    harbour.converge(TEN_MINUTES).await;
    let begun = harbour.calls()[0].at - 15 * MILLISECOND;
    harbour.writes().iter().map(|call| call.at - begun).collect()
}

async fn stopped(documents: &str) -> Harbour {
    let mut harbour = converged(documents).await;
    harbour.kill();
    harbour.renew();
    harbour.clear_calls();
    harbour
}

#[tokio::test(start_paused = true)]
async fn killed_around_every_write_it_makes_no_second_one_of_the_same() {
    let before = shop(
        "https://1.example.com",
        &["GET /a"],
        "policy: { keepDeployments: 1 }\nspec: { apiRef: shop, autoDeploy: false }\n",
    );
    let after = before.replace("1.example.com", "2.example.com");
    let mut reference = stopped(&before).await;
    let times = write_times(&mut reference, &after).await;
    let writes = ["UpdateIntegration", "CreateDeployment", "UpdateStage", "DeleteDeployment"];
    assert_eq!(reference.write_names(), writes);
    let around = [(10, false), (5, true), (20, true), (300, true), (1_500, true)];
    for time in times {
        for (milliseconds, later) in around {
            let by = Duration::from_millis(milliseconds);
            let at = if later { time + by } else { time.saturating_sub(by) };
            let story = format!("killed at {at:?}");
            let mut harbour = stopped(&before).await;
            harbour.start(&after);
            harbour.wait(at).await;
            harbour.kill_and_restart(&after);
            settle(&harbour, &story).await;
            assert_eq!(made(&harbour), 1, "{story}\n{}", harbour.calls_text());
            harbour.wait(Duration::from_secs(60)).await;
            assert_eq!(deployments(&harbour).len(), 1, "{story}\n{}", harbour.calls_text());
        }
    }
}

#[tokio::test(start_paused = true)]
async fn killed_on_the_way_up_it_goes_on() {
    let documents = api(&["GET /a", "GET /b"], BY_HAND);
    let times = write_times(&mut Harbour::new(), &documents).await;
    for time in times {
        for milliseconds in [5, 20, 700] {
            let story = format!("killed {milliseconds} ms after {time:?}");
            let mut harbour = Harbour::new();
            harbour.start(&documents);
            harbour.wait(time + Duration::from_millis(milliseconds)).await;
            harbour.kill_and_restart(&documents);
            settle(&harbour, &story).await;
            harbour.wait(Duration::from_secs(60)).await;
            // A route's answer may be lost to the first process, never the digest of what is there.
            assert!(made(&harbour) <= 2, "{story}\n{}", harbour.calls_text());
            let digests: std::collections::BTreeSet<String> =
                deployments(&harbour).values().map(|one| one["description"].to_string()).collect();
            assert_eq!(digests.len(), made(&harbour), "{story}: one of each\n{}", harbour.calls_text());
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_makes_no_second_one() {
    for operation in ["CreateDeployment", "UpdateStage", "GetDeployment", "GetDeployments"] {
        let harbour = converged(&shop("https://1.example.com", &["GET /a"], BY_HAND)).await;
        harbour.world().faults().lose_answer(operation, 1);
        harbour.documents(&shop("https://2.example.com", &["GET /a"], BY_HAND));
        settle(&harbour, operation).await;
        assert_eq!(made(&harbour), 1, "{operation}\n{}", harbour.calls_text());
    }
}

#[tokio::test(start_paused = true)]
async fn moved_by_hand_it_is_moved_back_without_a_new_one() {
    let harbour = converged(&api(&["GET /a"], BY_HAND)).await;
    let ours = current(&harbour);
    let theirs = meddle(&harbour, "POST", "/deployments", json!({ "description": "by hand" })).await;
    harbour.wait(Duration::from_secs(2)).await;
    meddle(&harbour, "PATCH", "/stages/prod", json!({ "deploymentId": theirs["deploymentId"] })).await;
    harbour.clear_calls();
    harbour.wait(RESYNC).await;
    assert_eq!(harbour.write_names(), ["UpdateStage"], "{}", harbour.calls_text());
    assert_eq!(current(&harbour), ours);
    assert_eq!(deployments(&harbour).len(), 2, "theirs is left alone");
    let drift = harbour.engine.picture().documents;
    assert!(drift.values().all(|shown| shown.status.drift.is_empty()));
}

#[tokio::test(start_paused = true)]
async fn back_to_what_was_it_moves_to_the_deployment_that_is_there() {
    let [one, two] = ["1", "2"].map(|n| shop(&format!("https://{n}.example.com"), &["GET /a"], BY_HAND));
    let harbour = converged(&one).await;
    let first = current(&harbour);
    harbour.documents(&two);
    settle(&harbour, "there").await;
    harbour.wait(Duration::from_secs(30)).await;
    harbour.documents(&one);
    settle(&harbour, "and back").await;
    assert_eq!(current(&harbour), first);
    assert_eq!(made(&harbour), 1, "{}", harbour.calls_text());
}

#[tokio::test(start_paused = true)]
async fn what_somebody_changed_is_put_back_and_not_deployed() {
    let harbour = converged(&api(&["GET /a", "GET /b"], BY_HAND)).await;
    let route = harbour
        .objects("apigatewayv2", "routes")
        .keys()
        .next()
        .unwrap()
        .rsplit('/')
        .next()
        .unwrap()
        .to_owned();
    meddle(&harbour, "PATCH", &format!("/routes/{route}"), json!({ "authorizationType": "AWS_IAM" })).await;
    harbour.clear_calls();
    harbour.wait(RESYNC).await;
    assert_eq!(harbour.write_names(), ["UpdateRoute"], "{}", harbour.calls_text());
    assert_served(&harbour, "as before");
    // A route of somebody's in our API is not ours to remove: it is served, as with auto deploy.
    let integration = harbour.only("apigatewayv2", "integrations").1["integrationId"].clone();
    let target = format!("integrations/{}", integration.as_str().unwrap());
    meddle(&harbour, "POST", "/routes", json!({ "routeKey": "GET /theirs", "target": target })).await;
    harbour.clear_calls();
    harbour.wait(RESYNC).await;
    settle(&harbour, "theirs").await;
    assert_eq!(harbour.write_names(), ["CreateDeployment", "UpdateStage"], "{}", harbour.calls_text());
}

#[tokio::test(start_paused = true)]
async fn auto_deploy_off_and_on_again() {
    let harbour = converged(&api(&["GET /a"], BY_AWS)).await;
    assert_eq!(made(&harbour), 0);
    harbour.documents(&api(&["GET /a"], BY_HAND));
    settle(&harbour, "off").await;
    assert_eq!(
        harbour.write_names(),
        ["UpdateStage", "CreateDeployment", "UpdateStage"],
        "{}",
        harbour.calls_text()
    );
    harbour.wait(Duration::from_secs(30)).await;
    harbour.documents(&api(&["GET /a"], BY_AWS));
    harbour.clear_calls();
    settle(&harbour, "on").await;
    harbour.wait(RESYNC).await;
    assert_eq!(harbour.write_names(), ["UpdateStage"], "{}", harbour.calls_text());
    harbour.documents(&api(&["GET /a", "GET /b"], BY_AWS));
    settle(&harbour, "AWS deploys").await;
    assert_eq!(made(&harbour), 0);
}

#[tokio::test(start_paused = true)]
async fn without_routes_it_waits_and_asks_aws_for_nothing() {
    let mut harbour = Harbour::new();
    harbour.start(&api(&[], BY_HAND));
    harbour.wait(RESYNC).await;
    let status = harbour.status("Stage", "prod");
    let notes: Vec<&str> = status.notes.iter().map(|note| note.reason.as_str()).collect();
    assert_eq!(
        (status.synced.status, status.ready.status, notes),
        (Truth::True, Truth::True, vec!["NothingToDeploy"])
    );
    assert_eq!(harbour.count("CreateDeployment").0, 0, "{}", harbour.calls_text());
    assert!(harbour.calls().len() < 60, "{}", harbour.calls_text());
    harbour.documents(&api(&["GET /a"], BY_HAND));
    settle(&harbour, "a route came").await;
    assert_eq!(made(&harbour), 1);
    // The last route goes: what was deployed goes on serving, and that is said.
    harbour.documents(&api(&[], BY_HAND));
    let (api_id, route_id) =
        (harbour.only("apigatewayv2", "apis").0, harbour.only("apigatewayv2", "routes").0);
    let delete = format!("/v2/apis/{api_id}/routes/{}", route_id.rsplit('/').next().unwrap());
    harbour.meddle(&Request::rest("DELETE", &delete, &Value::Null)).await;
    harbour.wait(2 * RESYNC).await;
    let status = harbour.status("Stage", "prod");
    let said = (status.synced.status, status.synced.reason.as_str());
    assert_eq!(said, (Truth::False, "NothingToDeploy"), "{}\n{}", harbour.describe(), harbour.calls_text());
}

#[tokio::test(start_paused = true)]
async fn a_failed_deployment_is_shown_and_not_made_again() {
    let mut harbour = converged(&shop("https://1.example.com", &["GET /a"], BY_HAND)).await;
    let before = current(&harbour);
    harbour.world().faults().deployment_fails("the authorizer cannot be reached");
    let second = shop("https://2.example.com", &["GET /a"], BY_HAND);
    harbour.documents(&second);
    for restarted in [false, true] {
        harbour.wait(2 * RESYNC).await;
        let status = harbour.status("Stage", "prod");
        let said = (status.ready.status, status.ready.reason.as_str(), status.synced.status);
        assert_eq!(said, (Truth::False, "DeploymentFailed", Truth::False), "{}", harbour.describe());
        assert!(
            status.ready.message.contains("the authorizer cannot be reached"),
            "{}",
            status.ready.message
        );
        assert_eq!(made(&harbour), 1, "restarted {restarted}\n{}", harbour.calls_text());
        assert_eq!(current(&harbour), before, "what was deployed goes on being served");
        if !restarted {
            harbour.kill_and_restart(&second);
        }
    }
    harbour.documents(&shop("https://3.example.com", &["GET /a"], BY_HAND));
    settle(&harbour, "mended").await;
    harbour.wait(Duration::from_secs(60)).await;
    let failed = deployments(&harbour).into_values().filter(|one| one["deploymentStatus"] == "FAILED");
    assert_eq!(failed.count(), 0, "a failed one is of no use");
    assert_eq!(harbour.status("Stage", "prod").ready.status, Truth::True);
}

/// peers.md 4.1 item 4 with a deployment between: the old link goes when nothing that is served needs it.
#[tokio::test(start_paused = true)]
async fn an_old_link_goes_after_the_stage_has_moved() {
    let by_hand = ARTICLE.replace("autoDeploy: true", "autoDeploy: false");
    let changed = by_hand.replacen(
        "subnetSelector: { tags: { Tier: private } }\n  sec",
        "subnetIds: [subnet-0cc33dd44ee55ff66]\n  sec",
        1,
    );
    assert_ne!(changed, by_hand);
    let harbour = converged(&by_hand).await;
    harbour.documents(&changed);
    harbour.converge(Duration::from_secs(900)).await;
    harbour.wait(RESYNC).await;
    let order = ["CreateVpcLink", "UpdateIntegration", "CreateDeployment", "UpdateStage", "DeleteVpcLink"];
    assert_eq!(harbour.write_names(), order, "{}", harbour.calls_text());
    assert_served(&harbour, "the new link");
}

/// An integration that has to be replaced: the route, and what is served, lead somewhere at every moment.
#[tokio::test(start_paused = true)]
async fn an_integration_is_replaced_without_a_gap() {
    for stage in [BY_HAND, BY_AWS] {
        let lambda = |documents: &str| {
            let function = "arn:aws:lambda:us-east-1:123456789012:function:orders";
            documents
                .replace("integrationType: HTTP_PROXY, integrationMethod: ANY", "integrationType: AWS_PROXY")
                .replace("https://example.com", function)
        };
        let before = api(&["GET /a", "GET /b"], stage);
        let harbour = converged(&before).await;
        harbour.documents(&lambda(&before));
        let begun = tokio::time::Instant::now();
        while begun.elapsed() < Duration::from_secs(30) {
            harbour.wait(15 * MILLISECOND).await;
            let integrations = harbour.objects("apigatewayv2", "integrations");
            for (_, route) in harbour.objects("apigatewayv2", "routes") {
                let target = route["target"].as_str().unwrap().replace("integrations/", "");
                assert!(integrations.keys().any(|key| key.ends_with(&target)), "{route:#}");
            }
        }
        settle(&harbour, "replaced").await;
        let (_, integration) = harbour.only("apigatewayv2", "integrations");
        assert_eq!(
            (&integration["integrationType"], &integration["integrationMethod"]),
            (&json!("AWS_PROXY"), &json!("POST"))
        );
        let made_by_us = usize::from(stage == BY_HAND);
        assert_eq!(made(&harbour), made_by_us, "{}", harbour.calls_text());
    }
}

#[tokio::test(start_paused = true)]
async fn the_plan_says_why_there_is_a_new_deployment() {
    let before = api(&["GET /a"], BY_HAND);
    let mut harbour = stopped(&before).await;
    let after = api(&["GET /a", "GET /b"], BY_HAND);
    for (documents, writes, why) in
        [(&before, 0, None), (&after, 3, Some("a new deployment: Route/get-b changed"))]
    {
        harbour.renew();
        harbour.engine.accept(snapshot(documents));
        let plan = harbour.engine.plan().await.unwrap();
        assert_eq!(plan.writes, writes, "{plan:#?}");
        let stage = plan.entries.iter().find(|entry| entry.document.kind == "Stage").unwrap();
        let expected = if why.is_some() { PlanAction::Update } else { PlanAction::None };
        assert_eq!(stage.action, expected);
        assert_eq!(stage.cause.as_ref().map(|cause| cause.message.as_str()), why);
        assert!(why.is_none() || plan.seconds_at_least >= 0.0);
    }
    // Moved by hand: the plan has the move, and no new deployment.
    let theirs = meddle(&harbour, "POST", "/deployments", json!({})).await;
    harbour.wait(Duration::from_secs(2)).await;
    meddle(&harbour, "PATCH", "/stages/prod", json!({ "deploymentId": theirs["deploymentId"] })).await;
    harbour.renew();
    harbour.engine.accept(snapshot(&before));
    let plan = harbour.engine.plan().await.unwrap();
    assert_eq!(plan.writes, 1, "{plan:#?}");
}
