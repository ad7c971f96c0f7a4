//! What cannot be listed cannot be counted: the fuse must not stay closed because half of what vanished is out of sight.

use hatoba_aws_model::Request;
use hatoba_tests::board::LeaseBoard;
use hatoba_tests::{ARTICLE, Harbour};
use serde_json::json;

use crate::prune::{MINUTE, explicit, for_minutes, held, writes};

/// Eleven documents that go, one more than the fuse lets go at once.
fn gone() -> String {
    let api = |name: &str| {
        format!("apiVersion: hatoba/v1\nkind: HttpApi\nmetadata: {{ name: {name} }}\nspec: {{}}\n")
    };
    [ARTICLE.to_owned(), api("one"), api("two"), api("three")].join("\n---\n")
}

/// Two that stay, of kinds that no single list shows: whichever fails, some document is seen to have stayed.
const STAYS: &str = "apiVersion: hatoba/v1\nkind: HttpApi\nmetadata: { name: stays }\nspec: {}\n---\n\
    apiVersion: hatoba/v1\nkind: EcsCluster\nmetadata: { name: stays }\nspec: {}\n";

fn held_together(harbour: &Harbour) -> usize {
    harbour.engine.held_together().map_or(0, |(_, documents)| documents.len())
}

#[tokio::test(start_paused = true)]
async fn a_list_that_fails_from_the_start_holds_everything_and_then_the_fuse_opens() {
    for list in [
        "GetApis",
        "GetVpcLinks",
        "GetRoutes",
        "GetIntegrations",
        "ListNamespaces",
        "servicediscovery.ListServices",
        "servicediscovery.ListTagsForResource",
        "ListClusters",
        "ecs.ListServices",
        "DescribeServices",
    ] {
        let mut harbour = Harbour::converged(explicit(), &format!("{}\n---\n{STAYS}", gone())).await;
        harbour.kill();
        harbour.renew();
        harbour.clear_calls();
        harbour.world().faults().fail(list, usize::MAX, 500, "InternalServerErrorException", "no");
        harbour.start(STAYS);
        for_minutes(&harbour, 40, STAYS).await;
        assert_eq!(writes(&harbour), [""; 0], "{list}: {}", harbour.calls_text());
        assert_eq!(held(&harbour), ["InventoryIncomplete"], "{list}");
        harbour.world().faults().clear();
        for_minutes(&harbour, 40, STAYS).await;
        assert_eq!(writes(&harbour), [""; 0], "{list}: {}", harbour.calls_text());
        assert_eq!((held(&harbour), held_together(&harbour)), (vec!["FuseOpen".to_owned()], 11), "{list}");
    }
}

/// A list that fails later shows no less than it did before.
#[tokio::test(start_paused = true)]
async fn what_vanished_while_its_list_fails_counts_as_it_was_seen_last() {
    for list in ["GetVpcLinks", "GetRoutes", "GetApis", "ListNamespaces", "DescribeServices"] {
        let all = format!("{}\n---\n{STAYS}", gone());
        let harbour = Harbour::converged(explicit(), &all).await;
        harbour.world().faults().fail(list, usize::MAX, 500, "InternalServerErrorException", "no");
        for_minutes(&harbour, 6, &all).await;
        for_minutes(&harbour, 40, STAYS).await;
        assert_eq!(writes(&harbour), [""; 0], "{list}: {}", harbour.calls_text());
        // What stands in an API that cannot be listed is held for that.
        let mut reasons = held(&harbour);
        reasons.retain(|reason| list != "GetApis" || reason != "InternalServerErrorException");
        assert_eq!((reasons, held_together(&harbour)), (vec!["FuseOpen".to_owned()], 11), "{list}");
        harbour.world().faults().clear();
        for_minutes(&harbour, 40, STAYS).await;
        assert_eq!(writes(&harbour), [""; 0], "{list}: {}", harbour.calls_text());
        assert_eq!((held(&harbour), held_together(&harbour)), (vec!["FuseOpen".to_owned()], 11), "{list}");
    }
}

/// A permission that is missing for good holds deletions only while a document asks for such a resource.
#[tokio::test(start_paused = true)]
async fn what_may_never_be_listed_holds_nothing_that_nobody_asks_for() {
    let link = ARTICLE.split("\n---\n").find(|document| document.contains("kind: VpcLink\n")).unwrap();
    let lone = "apiVersion: hatoba/v1\nkind: HttpApi\nmetadata: { name: lone }\nspec: {}\n";
    for asks in [false, true] {
        let stays = if asks { format!("{STAYS}---\n{link}") } else { STAYS.to_owned() };
        let mut harbour = Harbour::converged(explicit(), &format!("{stays}\n---\n{lone}")).await;
        harbour.kill();
        harbour.renew();
        harbour.clear_calls();
        for list in ["GetVpcLinks", "GetDomainNames", "ListTaskDefinitionFamilies"] {
            harbour.world().faults().deny(list);
        }
        harbour.start(&stays);
        for_minutes(&harbour, 30, &stays).await;
        let is_there = harbour.objects("apigatewayv2", "apis").values().any(|api| api["name"] == "lone");
        assert_eq!(is_there, asks, "{:?}\n{}", held(&harbour), harbour.calls_text());
        let expected: &[&str] = if asks { &["InventoryIncomplete"] } else { &[] };
        assert_eq!(held(&harbour), expected);
        harbour.world().faults().allow("GetVpcLinks");
        for_minutes(&harbour, 30, &stays).await;
        harbour.wait(MINUTE).await;
        assert_eq!(writes(&harbour), ["apigatewayv2.DeleteApi"], "asked for: {asks}");
    }
}

/// Its document came and went while this process stood still beside another one: it has never seen it.
#[tokio::test(start_paused = true)]
async fn what_came_and_went_through_another_process_goes_after_a_take_over() {
    let both = format!("{ARTICLE}\n---\n{STAYS}");
    let board = LeaseBoard::default();
    let mut first = Harbour::with(explicit(), hatoba_aws_model::Config::default());
    first.compete(&board, "first");
    first.start(STAYS);
    first.wait(MINUTE).await;
    let mut second = first.neighbour();
    second.compete(&board, "second");
    second.start(STAYS);
    for_minutes(&second, 10, STAYS).await;
    second.freeze(true);
    for_minutes(&first, 20, &both).await;
    assert_eq!(first.live("ecs", "services").len(), 1, "{}", first.describe());
    first.kill();
    second.freeze(false);
    for_minutes(&second, 20, STAYS).await;
    assert_eq!(second.live("ecs", "services").len(), 0, "{}", second.describe());
    assert_eq!(second.live("servicediscovery", "namespaces").len(), 0, "{}", second.describe());
}

/// A cluster of somebody else's, of which one look failed, and which then went: nobody can look there any more.
#[tokio::test(start_paused = true)]
async fn a_cluster_that_goes_after_a_failed_look_holds_nothing() {
    let both = format!("{ARTICLE}\n---\n{STAYS}");
    let harbour = Harbour::converged(explicit(), &both).await;
    let ci = json!({ "clusterName": "ci" });
    harbour.meddle(&Request::json("ecs", "CreateCluster", &ci)).await;
    let service = json!({ "cluster": "ci", "serviceName": "build", "taskDefinition": "great-task:1",
        "desiredCount": 0, "launchType": "FARGATE", "networkConfiguration": { "awsvpcConfiguration": {
            "subnets": ["subnet-0aa11bb22cc33dd44"], "securityGroups": ["sg-0123456789abcdef0"] } } });
    harbour.meddle(&Request::json("ecs", "CreateService", &service)).await;
    for_minutes(&harbour, 50, &both).await;
    harbour.world().faults().fail("DescribeServices", 100, 500, "ServerException", "no");
    for_minutes(&harbour, 12, &both).await;
    harbour.world().faults().clear();
    let gone = json!({ "cluster": "ci", "service": "build", "force": true });
    harbour.meddle(&Request::json("ecs", "DeleteService", &gone)).await;
    harbour.wait(MINUTE).await;
    harbour.meddle(&Request::json("ecs", "DeleteCluster", &json!({ "cluster": "ci" }))).await;
    for_minutes(&harbour, 30, STAYS).await;
    assert_eq!(harbour.live("ecs", "services").len(), 0, "{}", harbour.describe());
    assert!(harbour.engine.picture().pruning.is_empty(), "{:?}", harbour.engine.picture().pruning);
}

/// Nobody looks for a service without a document in every sweep.
#[tokio::test(start_paused = true)]
async fn a_mark_that_is_put_back_long_after_its_document_went_is_found_by_and_by() {
    let both = format!("{ARTICLE}\n---\n{STAYS}");
    let mut harbour = Harbour::converged(explicit(), &both).await;
    let (_, service) = harbour.only("ecs", "services");
    let arn = service["serviceArn"].clone();
    let off = json!({ "resourceArn": arn, "tagKeys": ["hatoba:owner"] });
    harbour.kill();
    harbour.meddle(&Request::json("ecs", "UntagResource", &off)).await;
    harbour.renew();
    harbour.start(STAYS);
    for_minutes(&harbour, 90, STAYS).await;
    assert_eq!(harbour.live("ecs", "services").len(), 1, "it is nobody's of ours: {}", harbour.calls_text());
    let on = json!({ "resourceArn": arn, "tags": [{ "key": "hatoba:owner", "value": "local" }] });
    harbour.meddle(&Request::json("ecs", "TagResource", &on)).await;
    for_minutes(&harbour, 90, STAYS).await;
    assert_eq!(harbour.live("ecs", "services").len(), 0, "{}", harbour.describe());
}
