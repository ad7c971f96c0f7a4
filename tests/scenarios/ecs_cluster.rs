//! A cluster and what runs in it: made from nothing, found again, never taken over, and pruned in order.

use std::time::Duration;

use hatoba_aws_model::{Config, Request};
use hatoba_tests::{ARTICLE, Harbour};
use serde_json::{Value, json};

use super::prune::{explicit, for_minutes, writes};

const TEN_MINUTES: Duration = Duration::from_secs(600);
const RESYNC: Duration = Duration::from_secs(310);

const BYSTANDER: &str = "apiVersion: hatoba/v1\nkind: HttpApi\nmetadata: { name: bystander }\nspec: {}\n";

const CLUSTER: &str = "apiVersion: hatoba/v1\nkind: EcsCluster\nmetadata: { name: shop, labels: { team: web } }\n\
    spec: { capacityProviders: [FARGATE], defaultCapacityProviderStrategy: [{ capacityProvider: FARGATE, weight: 1 }] }\n";

/// The article's chain in a cluster of its own, and a document that stays when the others go.
fn chain() -> String {
    let article = ARTICLE
        .replace("  cluster: main # an existing cluster by name or ARN\n", "  clusterRef: shop\n")
        .replace("  launchType: FARGATE\n", "");
    assert!(article.contains("clusterRef"));
    format!("{CLUSTER}---\n{article}\n---\n{BYSTANDER}")
}

fn cluster(harbour: &Harbour) -> Value {
    harbour.live("ecs", "clusters").remove("shop").unwrap_or_default()
}

#[tokio::test(start_paused = true)]
async fn a_cluster_and_its_service_come_from_nothing_and_go_in_order() {
    let mut harbour = Harbour::with(explicit(), Config::default());
    harbour.start(&chain());
    harbour.converge(TEN_MINUTES).await;
    let at = |harbour: &Harbour, operation: &str| {
        let all = writes(harbour);
        all.iter().position(|write| write == operation).unwrap_or_else(|| panic!("no {operation} in {all:?}"))
    };
    assert!(at(&harbour, "ecs.CreateCluster") < at(&harbour, "ecs.CreateService"));
    let (key, service) = harbour.only("ecs", "services");
    assert_eq!(key, "shop/great-service");
    assert_eq!(
        service["capacityProviderStrategy"][0]["capacityProvider"], "FARGATE",
        "the cluster's default strategy"
    );
    let tags = cluster(&harbour)["tags"].clone();
    assert!(tags.as_array().unwrap().contains(&json!({ "key": "team", "value": "web" })), "{tags}");

    harbour.clear_calls();
    harbour.wait(RESYNC).await;
    harbour.wait(RESYNC).await;
    assert_eq!(harbour.write_names(), [""; 0]);

    for_minutes(&harbour, 45, BYSTANDER).await;
    assert_eq!(harbour.live("ecs", "services").len(), 0, "{}", harbour.calls_text());
    assert_eq!(cluster(&harbour), Value::Null, "{}", harbour.calls_text());
    assert!(at(&harbour, "ecs.DeleteService") < at(&harbour, "ecs.DeleteCluster"));
    assert_eq!(harbour.live("ecs", "clusters").len(), 1, "main is not ours");
}

/// AWS takes no strategy with a provider that goes; and of two writes in one, the first is told though the second fails.
#[tokio::test(start_paused = true)]
async fn providers_are_detached_though_the_strategy_is_nobodys_any_more() {
    let mut harbour = Harbour::with(explicit(), Config::default());
    harbour.start(CLUSTER);
    harbour.converge(TEN_MINUTES).await;
    let without = "apiVersion: hatoba/v1\nkind: EcsCluster\nmetadata: { name: shop, labels: { team: web } }\n\
        spec: { capacityProviders: [], settings: [{ name: containerInsights, value: enabled }] }\n";
    harbour.clear_calls();
    harbour.world().faults().fail("PutClusterCapacityProviders", 1_000, 400, "ClientException", "not now");
    harbour.documents(without);
    harbour.wait(Duration::from_secs(10)).await;
    assert_eq!(cluster(&harbour)["capacityProviders"], json!(["FARGATE"]));
    let told = harbour.engine.picture().events;
    assert!(told.iter().any(|event| event.action == "UpdateCluster" && event.id == "shop"), "{told:?}");
    harbour.world().faults().clear();
    harbour.converge(TEN_MINUTES).await;
    let after = cluster(&harbour);
    assert_eq!(
        (&after["capacityProviders"], &after["defaultCapacityProviderStrategy"]),
        (&json!([]), &json!([]))
    );
    assert_eq!(after["settings"][0]["value"], "enabled");
}

/// The process dies between the source losing its documents and the deletions.
#[tokio::test(start_paused = true)]
async fn a_new_process_prunes_a_cluster_that_it_never_knew() {
    let mut harbour = Harbour::with(explicit(), Config::default());
    harbour.start(&chain());
    harbour.converge(TEN_MINUTES).await;
    harbour.kill_and_restart(BYSTANDER);
    for_minutes(&harbour, 60, BYSTANDER).await;
    assert_eq!(cluster(&harbour), Value::Null, "{}", harbour.calls_text());
    assert_eq!(harbour.live("ecs", "services").len(), 0);
}

/// Somebody else's service stands in our cluster: AWS refuses the delete, and we wait.
#[tokio::test(start_paused = true)]
async fn a_cluster_with_somebody_elses_service_in_it_stays() {
    let mut harbour = Harbour::with(explicit(), Config::default());
    harbour.start(&format!("{CLUSTER}---\n{BYSTANDER}"));
    harbour.converge(TEN_MINUTES).await;
    let foreign = json!({
        "cluster": "shop", "serviceName": "foreign", "taskDefinition": "great-task:1", "desiredCount": 0,
        "networkConfiguration": { "awsvpcConfiguration": { "subnets": ["subnet-1"] } },
    });
    harbour.meddle(&Request::json("ecs", "CreateService", &foreign)).await;
    for_minutes(&harbour, 30, BYSTANDER).await;
    assert_eq!(cluster(&harbour)["status"], "ACTIVE");
    assert_eq!(harbour.count("ecs.DeleteService").0, 0, "what is not ours is left alone");
    harbour
        .meddle(&Request::json("ecs", "DeleteService", &json!({ "cluster": "shop", "service": "foreign" })))
        .await;
    for_minutes(&harbour, 30, BYSTANDER).await;
    assert_eq!(cluster(&harbour), Value::Null, "{}", harbour.calls_text());
}

/// AWS answers a second create with the cluster that there is: it must not become ours by that.
#[tokio::test(start_paused = true)]
async fn a_cluster_that_is_there_already_is_never_taken_over() {
    let mut harbour = Harbour::with(explicit(), Config::default());
    harbour.meddle(&Request::json("ecs", "CreateCluster", &json!({ "clusterName": "shop" }))).await;
    harbour.start(CLUSTER);
    harbour.wait(TEN_MINUTES).await;
    assert_eq!(harbour.status("EcsCluster", "shop").synced.reason.as_str(), "NotOurs");
    assert_eq!(harbour.count("ecs.CreateCluster").0, 1, "only the one by hand");
    assert_eq!(cluster(&harbour)["tags"], json!([]));
}

/// peers.md 48, 49: an INACTIVE cluster or service is a ghost: it blocks nothing.
#[tokio::test(start_paused = true)]
async fn peers_49_a_cluster_that_was_deleted_comes_back_with_its_service() {
    let mut harbour = Harbour::with(explicit(), Config::default());
    harbour.start(&chain());
    harbour.converge(TEN_MINUTES).await;
    harbour.wait(RESYNC).await; // a resync has just been
    let service = json!({ "cluster": "shop", "service": "great-service", "force": true });
    harbour.meddle(&Request::json("ecs", "DeleteService", &service)).await;
    // Only once its tasks are gone does AWS let the cluster go.
    harbour.wait(Duration::from_secs(60)).await;
    harbour.meddle(&Request::json("ecs", "DeleteCluster", &json!({ "cluster": "shop" }))).await;
    assert_eq!(harbour.objects("ecs", "clusters")["shop"]["status"], "INACTIVE");
    assert_eq!(harbour.objects("ecs", "services")["shop/great-service"]["status"], "INACTIVE");
    harbour.wait(RESYNC).await;
    harbour.converge(TEN_MINUTES).await;
    assert_eq!(harbour.live("ecs", "services").len(), 1, "{}", harbour.describe());
    assert_eq!(cluster(&harbour)["status"], "ACTIVE");
}

/// Without an owner's word nothing is pruned, and clusters are asked for by name: one call, whatever else there is.
#[tokio::test(start_paused = true)]
async fn clusters_are_asked_for_by_name() {
    let mut harbour = Harbour::new();
    for at in 0..15 {
        harbour
            .meddle(&Request::json("ecs", "CreateCluster", &json!({ "clusterName": format!("c-{at}") })))
            .await;
    }
    harbour.start(CLUSTER);
    harbour.converge(TEN_MINUTES).await;
    harbour.wait(Duration::from_secs(90)).await;
    harbour.clear_calls();
    harbour.wait(RESYNC).await;
    assert_eq!(harbour.count("ecs.ListClusters").0, 0, "{}", harbour.calls_text());
    assert_eq!(harbour.count("ecs.DescribeClusters").0, 1, "{}", harbour.calls_text());
}

#[tokio::test(start_paused = true)]
async fn a_plan_shows_the_cluster_before_what_runs_in_it() {
    let harbour = Harbour::with(explicit(), Config::default());
    harbour.documents(&chain());
    let plan = harbour.engine.plan().await.unwrap();
    let at = |document: &str| {
        let found = plan.entries.iter().position(|entry| entry.document.to_string() == document);
        found.unwrap_or_else(|| panic!("{document} is not in {:#?}", plan.entries))
    };
    assert!(at("EcsCluster/shop") < at("EcsService/great-service"), "{:#?}", plan.entries);
    for entry in &plan.entries {
        assert_eq!(entry.action, hatoba_engine::PlanAction::Create, "{entry:#?}");
    }
}
