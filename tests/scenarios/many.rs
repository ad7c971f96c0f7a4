//! More than one of each, and things that stay away: nobody else waits, nothing is asked twice.

use std::time::Duration;

use hatoba_aws_model::Request;
use hatoba_core::Truth;
use hatoba_engine::{Options, PlanAction};
use hatoba_tests::{ARTICLE, Harbour, article_without, snapshot};
use serde_json::{Value, json};

const TEN_MINUTES: Duration = Duration::from_secs(600);

fn routes(n: usize) -> String {
    let one = |i: usize| {
        format!(
            "\n---\napiVersion: hatoba/v1\nkind: Route\nmetadata: {{ name: route-{i} }}\n\
             spec: {{ apiRef: crazy-api, routeKey: GET /r{i}, integrationRef: to-great-service }}\n"
        )
    };
    (0..n).map(one).collect()
}

#[tokio::test(start_paused = true)]
async fn one_list_serves_thirty_routes() {
    let documents = format!("{ARTICLE}{}", routes(30));
    let mut harbour = Harbour::new();
    harbour.start(&documents);
    harbour.converge(TEN_MINUTES).await;
    harbour.clear_calls();
    harbour.kill_and_restart(&documents);
    harbour.converge(TEN_MINUTES).await;
    let lists = |operation: &str| harbour.calls().iter().filter(|call| call.operation == operation).count();
    assert_eq!(
        (lists("GetRoutes"), lists("GetIntegrations"), lists("GetApis")),
        (1, 1, 1),
        "{}",
        harbour.calls_text()
    );
    assert_eq!(harbour.writes().len(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_route_that_cannot_come_does_not_keep_the_stage_away() {
    let never = "\n---\napiVersion: hatoba/v1\nkind: Route\nmetadata: { name: never }\n\
                 spec: { apiRef: crazy-api, routeKey: GET /never, integrationRef: nowhere }\n\
                 ---\napiVersion: hatoba/v1\nkind: Integration\nmetadata: { name: nowhere }\n\
                 spec: { apiRef: crazy-api, integrationType: HTTP_PROXY, integrationMethod: ANY, connectionType: VPC_LINK, \
                 vpcLinkRef: no-link, integrationUri: \"arn:aws:servicediscovery:us-east-1:123456789012:service/srv-x\" }\n\
                 ---\napiVersion: hatoba/v1\nkind: VpcLink\nmetadata: { name: no-link }\n\
                 spec: { subnetSelector: { tags: { Tier: nowhere } } }\n";
    let documents = format!("{}{never}", article_without(&["Route/default-route"]));
    let mut harbour = Harbour::new();
    harbour.start(&documents);
    harbour.wait(TEN_MINUTES).await;
    assert_eq!(harbour.objects("apigatewayv2", "stages").len(), 1, "{}", harbour.describe());
    assert_eq!(harbour.status("VpcLink", "no-link").synced.reason.as_str(), "SelectorMatchesNothing");
}

#[tokio::test(start_paused = true)]
async fn what_stood_in_a_deleted_api_uses_nothing_any_more() {
    let mut harbour = Harbour::new();
    harbour.start(ARTICLE);
    harbour.converge(TEN_MINUTES).await;
    let (api, _) = harbour.only("apigatewayv2", "apis");
    let (old_link, _) = harbour.only("apigatewayv2", "vpcLinks");
    harbour.meddle(&Request::rest("DELETE", &format!("/v2/apis/{api}"), &Value::Null)).await;
    harbour.wait(Duration::from_secs(310)).await;
    harbour.converge(TEN_MINUTES).await;
    let other = ARTICLE.replace(
        "  subnetSelector: { tags: { Tier: private } }\n  securityGroupSelector",
        "  subnetSelector: { tags: { Tier: public } }\n  securityGroupSelector",
    );
    harbour.engine.accept(snapshot(&other));
    harbour.wait(TEN_MINUTES).await;
    harbour.converge(TEN_MINUTES).await;
    let links = harbour.objects("apigatewayv2", "vpcLinks");
    assert!(!links.contains_key(&old_link), "the old link went: {links:#?}");
    assert_eq!(links.len(), 1);
}

/// Somebody who undoes every repair at once: after three writes we leave that field alone and say so; the others
/// of the same resource are still looked after.
#[tokio::test(start_paused = true)]
async fn a_fight_over_a_field_is_given_up_and_shown() {
    let mut harbour = Harbour::new();
    harbour.start(ARTICLE);
    harbour.converge(TEN_MINUTES).await;
    harbour.wait(Duration::from_secs(60)).await;
    let (api, _) = harbour.only("apigatewayv2", "apis");
    harbour.clear_calls();
    let patch = |body| Request::rest("PATCH", &format!("/v2/apis/{api}"), &body);
    let mut edits = 0;
    for _ in 0..1_500 {
        harbour.wait(Duration::from_secs(1)).await;
        if harbour.only("apigatewayv2", "apis").1.get("description").is_none() {
            harbour.meddle(&patch(json!({ "description": "mine" }))).await;
            edits += 1;
        }
    }
    let ours = |harbour: &Harbour, meddled: usize| {
        harbour.writes().iter().filter(|call| call.operation == "UpdateApi").count() - meddled
    };
    assert_eq!(ours(&harbour, edits), 3, "writes of ours");
    let status = harbour.status("HttpApi", "crazy-api");
    assert_eq!((status.synced.status, status.synced.reason.as_str()), (Truth::False, "NonConverging"));
    assert!(status.synced.message.contains("description"), "{}", status.synced.message);
    assert_eq!(harbour.engine.picture().queue.nonconverging, 1);
    assert!(harbour.engine.metrics_text().contains("\nhatoba_nonconverging 1\n"));
    let told = harbour.engine.picture().events.iter().filter(|event| event.action == "GaveUp").count();
    assert_eq!(told, 1, "said once");

    harbour.meddle(&patch(json!({ "disableExecuteApiEndpoint": true }))).await;
    harbour.wait(Duration::from_secs(3_600)).await;
    assert_eq!(ours(&harbour, edits + 1), 4, "one for the other field");
    let (_, shown) = harbour.only("apigatewayv2", "apis");
    assert_eq!((&shown["disableExecuteApiEndpoint"], &shown["description"]), (&json!(false), &json!("mine")));

    // The fight is over: somebody asks for another try.
    harbour.engine.reconcile_now();
    harbour.wait(Duration::from_secs(60)).await;
    assert!(harbour.only("apigatewayv2", "apis").1.get("description").is_none());
    assert!(harbour.is_converged(), "{}", harbour.describe());
    assert_eq!(harbour.engine.picture().queue.nonconverging, 0);
}

fn explicit() -> Options {
    Options { owner: "team".to_owned(), owner_is_explicit: true, ..Options::default() }
}

#[tokio::test(start_paused = true)]
async fn a_plan_counts_what_goes_and_what_is_retained_stays() {
    let mut harbour = Harbour::with(explicit(), hatoba_aws_model::Config::default());
    harbour.start(ARTICLE);
    harbour.converge(TEN_MINUTES).await;
    harbour.kill();
    harbour.renew();
    harbour.engine.accept(snapshot(&article_without(&["Stage/default-stage"])));
    let plan = harbour.engine.plan().await.unwrap();
    let deletes: Vec<_> = plan.entries.iter().filter(|entry| entry.action == PlanAction::Delete).collect();
    assert_eq!(deletes.len(), 1, "{:#?}", plan.entries);
    assert_eq!(deletes[0].document.to_string(), "Stage/default-stage");
    assert_eq!(plan.writes, 1);
}

#[tokio::test(start_paused = true)]
async fn a_service_that_moves_to_another_cluster_leaves_nothing_behind() {
    let mut harbour = Harbour::new();
    harbour.start(ARTICLE);
    harbour.converge(TEN_MINUTES).await;
    harbour.meddle(&Request::json("ecs", "CreateCluster", &json!({ "clusterName": "other" }))).await;
    harbour.engine.accept(snapshot(&ARTICLE.replace("cluster: main", "cluster: other")));
    harbour.wait(TEN_MINUTES).await;
    harbour.converge(TEN_MINUTES).await;
    let left = harbour.live("ecs", "services");
    assert_eq!(left.len(), 1, "the old one goes when the new one is ready: {left:#?}");
    assert!(left.values().all(|service| service["clusterArn"].as_str().unwrap().ends_with("/other")));
    assert_eq!(harbour.status("EcsService", "great-service").notes, []);
    harbour.assert_the_article_stands("moved to another cluster");
}

/// A reference that leads elsewhere is a change of the documents: `drift: Report` does not hold it.
#[tokio::test(start_paused = true)]
async fn a_reference_that_moves_is_followed_though_drift_is_only_reported() {
    let report = ARTICLE.replace(
        "metadata: { name: to-great-service }\n",
        "metadata: { name: to-great-service }\npolicy: { drift: Report }\n",
    );
    assert_ne!(report, ARTICLE);
    let mut harbour = Harbour::new();
    harbour.start(&report);
    harbour.converge(TEN_MINUTES).await;
    let other = report.replace(
        "  subnetSelector: { tags: { Tier: private } }\n  securityGroupSelector",
        "  subnetSelector: { tags: { Tier: public } }\n  securityGroupSelector",
    );
    harbour.engine.accept(snapshot(&other));
    harbour.wait(TEN_MINUTES).await;
    harbour.converge(TEN_MINUTES).await;
    let (link, _) = harbour.only("apigatewayv2", "vpcLinks");
    assert_eq!(harbour.only("apigatewayv2", "integrations").1["connectionId"], link.as_str());
}
