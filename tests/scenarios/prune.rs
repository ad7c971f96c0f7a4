//! Documents go away: what they asked for goes too, late, in order, and never on doubt.

use std::time::Duration;

use hatoba_aws_model::{Config, Request};
use hatoba_engine::Options;
use hatoba_tests::{ARTICLE, Harbour, article_without};
use serde_json::{Value, json};

pub(crate) const TEN_MINUTES: Duration = Duration::from_secs(600);
pub(crate) const GRACE: Duration = Duration::from_secs(600);
pub(crate) const MINUTE: Duration = Duration::from_secs(60);
pub(crate) const HOUR: u32 = 60;

/// Everything that lets requests in; the tasks stay.
pub(crate) const WAY_IN: [&str; 5] = [
    "HttpApi/crazy-api",
    "Integration/to-great-service",
    "Route/default-route",
    "Stage/default-stage",
    "VpcLink/fine-vpc-link",
];

pub(crate) fn explicit() -> Options {
    Options { owner_is_explicit: true, prune_grace: GRACE, ..Options::default() }
}

pub(crate) async fn converged() -> Harbour {
    Harbour::converged(explicit(), ARTICLE).await
}

/// The source is read every minute, as by a poll, and says this.
pub(crate) async fn for_minutes(harbour: &Harbour, minutes: u32, documents: &str) {
    for _ in 0..minutes {
        harbour.documents(documents);
        harbour.wait(MINUTE).await;
    }
}

pub(crate) fn writes(harbour: &Harbour) -> Vec<String> {
    harbour.writes().into_iter().map(|call| format!("{}.{}", call.service, call.operation)).collect()
}

/// Why resources without a document are still there.
pub(crate) fn held(harbour: &Harbour) -> Vec<String> {
    let mut reasons: Vec<String> =
        harbour.engine.picture().pruning.iter().map(|pruning| pruning.held.reason.to_string()).collect();
    reasons.sort();
    reasons.dedup();
    reasons
}

/// Held, it was there, whatever it asked for: the grace begins when it is gone.
#[tokio::test(start_paused = true)]
async fn a_document_that_was_held_before_it_went_has_the_whole_grace() {
    let harbour = converged().await;
    let left = article_without(&["Route/default-route"]);
    let wrong = ARTICLE.replace("kind: Route\n", "kind: Route\nwrong: true\n");
    for_minutes(&harbour, 2 * HOUR, &wrong).await;
    assert_ne!(harbour.status("Route", "default-route").synced.reason.as_str(), "InSync", "it is held");
    for_minutes(&harbour, 9, &left).await;
    assert_eq!(writes(&harbour), [""; 0], "within the grace: {}", harbour.calls_text());
    for_minutes(&harbour, 7, &left).await;
    assert_eq!(writes(&harbour), ["apigatewayv2.DeleteRoute"], "{}", harbour.calls_text());
}

/// It was there, though nobody could look at its routes meanwhile: the grace begins when it goes for the second time.
#[tokio::test(start_paused = true)]
async fn a_document_that_came_back_while_its_kind_could_not_be_listed_has_the_whole_grace_again() {
    let harbour = converged().await;
    let left = article_without(&["Route/default-route"]);
    for_minutes(&harbour, 2, &left).await;
    harbour.world().faults().fail("GetRoutes", 100_000, 500, "InternalServerErrorException", "no");
    for_minutes(&harbour, 5, &left).await;
    for_minutes(&harbour, 2, ARTICLE).await;
    harbour.world().faults().clear();
    for_minutes(&harbour, 9, &left).await;
    assert_eq!(writes(&harbour), [""; 0], "within the grace: {}", harbour.calls_text());
    for_minutes(&harbour, 7, &left).await;
    assert_eq!(writes(&harbour), ["apigatewayv2.DeleteRoute"], "{}", harbour.calls_text());
}

#[tokio::test(start_paused = true)]
async fn a_removed_route_goes_after_the_grace_and_not_before() {
    let harbour = converged().await;
    let left = article_without(&["Route/default-route"]);
    for_minutes(&harbour, 9, &left).await;
    harbour.wait(Duration::from_secs(55)).await;
    assert_eq!(harbour.objects("apigatewayv2", "routes").len(), 1, "within the grace");
    assert_eq!(writes(&harbour), [""; 0]);
    for_minutes(&harbour, 7, &left).await;
    assert_eq!(writes(&harbour), ["apigatewayv2.DeleteRoute"], "{}", harbour.calls_text());
    assert_eq!(harbour.engine.picture().pruning.len(), 0);
}

/// What a document asked for before counts as gone from then on, and not from the next resync.
#[tokio::test(start_paused = true)]
async fn a_route_whose_key_changed_goes_as_soon_as_the_grace_is_over() {
    let harbour = converged().await;
    for_minutes(&harbour, 1, ARTICLE).await;
    let changed = ARTICLE.replace("routeKey: $default", "routeKey: GET /new");
    for_minutes(&harbour, 11, &changed).await;
    assert_eq!(
        writes(&harbour),
        ["apigatewayv2.CreateRoute", "apigatewayv2.DeleteRoute"],
        "{}",
        harbour.calls_text()
    );
    assert_eq!(harbour.only("apigatewayv2", "routes").1["routeKey"], "GET /new");
}

/// What its API says of deletion is not known then, and that is not "Retain": a mark that was taken off is not found again.
#[tokio::test(start_paused = true)]
async fn while_apis_cannot_be_listed_what_stands_in_them_is_neither_deleted_nor_handed_over() {
    let harbour = converged().await;
    harbour.world().faults().fail("GetApis", 100_000, 500, "InternalServerErrorException", "no");
    let left = article_without(&["Route/default-route", "Integration/to-great-service"]);
    for_minutes(&harbour, 30, &left).await;
    assert_eq!(writes(&harbour), [""; 0], "{}", harbour.calls_text());
    harbour.world().faults().clear();
    for_minutes(&harbour, 30, &left).await;
    assert_eq!(writes(&harbour), ["apigatewayv2.DeleteRoute", "apigatewayv2.DeleteIntegration"]);
}

#[tokio::test(start_paused = true)]
async fn the_way_in_goes_from_the_outside_in() {
    let harbour = converged().await;
    let left = article_without(&WAY_IN);
    for_minutes(&harbour, 20, &left).await;
    let writes = writes(&harbour);
    let at = |operation: &str| writes.iter().position(|write| write.ends_with(operation)).expect(operation);
    assert_eq!(writes.len(), 5, "each once: {writes:?}\n{}", harbour.calls_text());
    assert!(at("DeleteRoute") < at("DeleteIntegration"));
    assert!(at("DeleteIntegration") < at("DeleteApi") && at("DeleteStage") < at("DeleteApi"));
    assert!(at("DeleteIntegration") < at("DeleteVpcLink"));
    assert_eq!(harbour.live("ecs", "services").len(), 1);
    assert!(harbour.calls().iter().filter(|call| call.write).all(|call| call.status < 300));
}

#[tokio::test(start_paused = true)]
async fn tasks_are_drained_before_the_service_and_its_name_go() {
    let harbour = converged().await;
    let mut gone = WAY_IN.to_vec();
    gone.extend(["EcsService/great-service", "DiscoveryService/great-service-discovery"]);
    let left = article_without(&gone);
    harbour.documents(&left);
    for_minutes(&harbour, 30, &left).await;
    let writes = writes(&harbour);
    let at = |operation: &str| writes.iter().position(|write| write == operation).expect(operation);
    assert!(at("ecs.UpdateService") < at("ecs.DeleteService"), "{writes:?}");
    assert!(at("ecs.DeleteService") < at("servicediscovery.DeleteService"), "{writes:?}");
    // AWS refuses the delete of a service that is wanted above 0, so each went through at the first attempt.
    assert_eq!((harbour.count("ecs.UpdateService"), harbour.count("ecs.DeleteService")), ((1, 1), (1, 1)));
    assert_eq!(harbour.live("ecs", "services").len(), 0);
    assert_eq!(harbour.objects("servicediscovery", "services").len(), 0, "{}", harbour.calls_text());
    assert_eq!(harbour.objects("servicediscovery", "namespaces").len(), 1, "its document is there");
}

/// Who restores what was lost restores it bit by bit.
#[tokio::test(start_paused = true)]
async fn what_is_not_restored_yet_does_not_go_when_the_fuse_closes() {
    let apis = |numbers: &[u32]| {
        let api = |number: &u32| {
            format!("apiVersion: hatoba/v1\nkind: HttpApi\nmetadata: {{ name: a{number} }}\nspec: {{}}\n")
        };
        numbers.iter().map(api).collect::<Vec<_>>().join("---\n")
    };
    let options = Options { prune_limit: 3, ..explicit() };
    let harbour = Harbour::converged(options, &apis(&[0, 1, 2, 3, 4, 5])).await;
    for_minutes(&harbour, 30, &apis(&[5])).await;
    assert_eq!(held(&harbour), ["FuseOpen"]);
    for_minutes(&harbour, 9, &apis(&[0, 1, 5])).await;
    assert_eq!(writes(&harbour), [""; 0], "their grace begins anew");
    assert_eq!(held(&harbour), ["Grace"]);
    for_minutes(&harbour, 5, &apis(&[0, 1, 5])).await;
    assert_eq!(harbour.objects("apigatewayv2", "apis").len(), 3, "what stays away goes then");
}

#[tokio::test(start_paused = true)]
async fn a_look_that_began_before_the_grace_was_over_lets_nothing_go() {
    let harbour = converged().await;
    let left = article_without(&["Route/default-route"]);
    for_minutes(&harbour, 9, &left).await;
    let begun = tokio::time::Instant::now();
    harbour.wait(Duration::from_secs(300)).await;
    harbour.engine.accept_as_of(hatoba_tests::snapshot(&left), begun);
    harbour.wait(Duration::from_secs(300)).await;
    assert_eq!(writes(&harbour), [""; 0], "the route may be back since");
    harbour.documents(&left);
    harbour.wait(MINUTE).await;
    assert_eq!(writes(&harbour), ["apigatewayv2.DeleteRoute"], "{}", harbour.calls_text());
}

/// The fuse tells documents that were here from such as never were; what was just made has been in no list yet.
#[tokio::test(start_paused = true)]
async fn what_goes_as_soon_as_it_was_made_is_no_swapped_source() {
    let api = |name: &str| {
        format!("apiVersion: hatoba/v1\nkind: HttpApi\nmetadata: {{ name: {name} }}\nspec: {{}}\n")
    };
    let inside = "apiVersion: hatoba/v1\nkind: Integration\nmetadata: { name: back }\nspec: { apiRef: short, \
         integrationType: HTTP_PROXY, integrationMethod: ANY, integrationUri: \"https://example.com\" }\n---\n\
         apiVersion: hatoba/v1\nkind: Stage\nmetadata: { name: short }\nspec: { apiRef: short, stageName: $default }\n";
    let mut harbour = Harbour::with(explicit(), Config::default());
    harbour.start(&format!("{}---\n{}---\n{inside}", api("other"), api("short")));
    let is_made =
        || ["integrations", "stages"].iter().all(|of| harbour.objects("apigatewayv2", of).len() == 1);
    for _ in 0..10_000 {
        if is_made() {
            break;
        }
        harbour.wait(Duration::from_millis(10)).await;
    }
    assert!(is_made(), "{}", harbour.describe());
    for_minutes(&harbour, 20, &api("other")).await;
    let (_, left) = harbour.only("apigatewayv2", "apis");
    assert_eq!(
        (left["name"].as_str(), held(&harbour)),
        (Some("other"), Vec::new()),
        "{}",
        harbour.calls_text()
    );
}

#[tokio::test(start_paused = true)]
async fn the_namespace_goes_last() {
    let other = "apiVersion: hatoba/v1\nkind: HttpApi\nmetadata: { name: other }\nspec: {}\n";
    let harbour = Harbour::converged(explicit(), &format!("{ARTICLE}\n---\n{other}")).await;
    for_minutes(&harbour, 30, other).await;
    for (service, collection) in [
        ("ecs", "services"),
        ("servicediscovery", "services"),
        ("servicediscovery", "namespaces"),
        ("apigatewayv2", "vpcLinks"),
        ("apigatewayv2", "routes"),
    ] {
        assert!(
            harbour.live(service, collection).is_empty(),
            "{collection}: {:?}",
            harbour.engine.picture().pruning
        );
    }
    assert_eq!(harbour.only("apigatewayv2", "apis").1["name"], "other");
    let writes = writes(&harbour);
    assert_eq!(writes.last().unwrap(), "servicediscovery.DeleteNamespace", "{writes:?}");
    assert_eq!(harbour.engine.picture().pruning.len(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_strangers_child_keeps_the_api_and_is_reported() {
    let harbour = converged().await;
    let api = harbour.only("apigatewayv2", "apis").0;
    let rogue = json!({ "integrationType": "HTTP_PROXY", "integrationMethod": "ANY",
        "integrationUri": "https://example.com", "payloadFormatVersion": "1.0" });
    let left = article_without(&WAY_IN);
    for_minutes(&harbour, 9, &left).await;
    harbour.wait(Duration::from_secs(58)).await;
    // It comes at the last moment: what was listed a minute ago does not count.
    harbour.meddle(&Request::rest("POST", &format!("/v2/apis/{api}/integrations"), &rogue)).await;
    harbour.clear_calls();
    for_minutes(&harbour, HOUR, &left).await;
    assert_eq!(harbour.count("DeleteApi").0, 0);
    assert_eq!(harbour.objects("apigatewayv2", "integrations").len(), 1, "the stranger's");
    assert_eq!(held(&harbour), ["InUse"]);
    let rogue = harbour.engine.picture().rogue_children;
    assert_eq!(rogue.len(), 1, "{rogue:?}");
    harbour.clear_calls();
    for_minutes(&harbour, HOUR, &left).await;
    assert!(harbour.calls().len() < 250, "waiting is cheap: {} calls in an hour", harbour.calls().len());
    // With its own look, and with each sweep.
    let looks = harbour.count("GetStages").0;
    assert!(looks <= 25, "all that stands in it is listed {looks} times in an hour");
}

#[tokio::test(start_paused = true)]
async fn a_link_that_a_stranger_uses_is_kept() {
    let harbour = converged().await;
    let (api, link) = (harbour.only("apigatewayv2", "apis").0, harbour.only("apigatewayv2", "vpcLinks").0);
    let arn = harbour.only("servicediscovery", "services").1["Arn"].clone();
    let body = json!({ "integrationType": "HTTP_PROXY", "integrationMethod": "ANY", "connectionType": "VPC_LINK",
        "connectionId": link, "integrationUri": arn, "payloadFormatVersion": "1.0" });
    let left = article_without(&[
        "VpcLink/fine-vpc-link",
        "Integration/to-great-service",
        "Route/default-route",
        "Stage/default-stage",
    ]);
    for_minutes(&harbour, 9, &left).await;
    harbour.wait(Duration::from_secs(58)).await;
    harbour.meddle(&Request::rest("POST", &format!("/v2/apis/{api}/integrations"), &body)).await;
    harbour.clear_calls();
    for_minutes(&harbour, HOUR, &left).await;
    assert_eq!(harbour.count("DeleteVpcLink").0, 0, "{}", harbour.calls_text());
    assert_eq!(held(&harbour), ["InUse"]);
}

#[tokio::test(start_paused = true)]
async fn two_apis_may_have_the_same_route_and_only_the_removed_one_goes() {
    let second = ["HttpApi", "Integration", "Route"].map(|kind| {
        let document =
            ARTICLE.split("\n---\n").find(|document| document.contains(&format!("kind: {kind}\n"))).unwrap();
        document
            .replace("crazy-api", "second-api")
            .replace("default-route", "second-route")
            .replace("to-great-service", "to-second")
    });
    let both = format!("{ARTICLE}\n---\n{}", second.join("\n---\n"));
    let harbour = Harbour::converged(explicit(), &both).await;
    assert_eq!(harbour.objects("apigatewayv2", "routes").len(), 2);
    for_minutes(&harbour, 20, ARTICLE).await;
    harbour.assert_the_article_stands("the second went");
    assert_eq!(writes(&harbour).len(), 3, "{:?}", writes(&harbour));
}

/// It was made in the other API already, and a route that goes later led to the first one: two bear its mark when it
/// goes.
#[tokio::test(start_paused = true)]
async fn what_was_on_its_way_to_another_api_goes_with_its_document() {
    let api = |name: &str| {
        format!("apiVersion: hatoba/v1\nkind: HttpApi\nmetadata: {{ name: {name} }}\nspec: {{}}\n---\n")
    };
    let apis = format!("{}{}", api("a"), api("b"));
    let back = |api: &str| {
        format!(
            "{apis}apiVersion: hatoba/v1\nkind: Integration\nmetadata: {{ name: back }}\nspec: {{ apiRef: {api}, \
             integrationType: HTTP_PROXY, integrationMethod: ANY, integrationUri: \"https://example.com\" }}\n"
        )
    };
    let route = "---\napiVersion: hatoba/v1\nkind: Route\nmetadata: { name: all }\nspec: { apiRef: a, routeKey: $default, \
                 integrationRef: back }\n";
    let harbour = Harbour::converged(explicit(), &format!("{}{route}", back("a"))).await;
    for_minutes(&harbour, 2, &back("b")).await;
    assert_eq!(harbour.objects("apigatewayv2", "integrations").len(), 2, "{}", harbour.calls_text());
    for_minutes(&harbour, 30, &apis).await;
    assert_eq!(harbour.objects("apigatewayv2", "integrations").len(), 0, "{:?}", held(&harbour));
    assert_eq!(harbour.live("apigatewayv2", "apis").len(), 2);
}

/// Somebody copies an integration of ours, mark and all, into another API of ours: nobody saw the document leave it, so
/// both are held when it goes.
#[tokio::test(start_paused = true)]
async fn a_copy_in_another_api_is_not_taken_for_what_moved() {
    let api = |name: &str| {
        format!("apiVersion: hatoba/v1\nkind: HttpApi\nmetadata: {{ name: {name} }}\nspec: {{}}\n---\n")
    };
    let apis = format!("{}{}", api("a"), api("b"));
    let back = "apiVersion: hatoba/v1\nkind: Integration\nmetadata: { name: back }\nspec: { apiRef: a, integrationType: \
                HTTP_PROXY, integrationMethod: ANY, integrationUri: \"https://example.com\" }\n";
    let harbour = Harbour::converged(explicit(), &format!("{apis}{back}")).await;
    let (_, ours) = harbour.only("apigatewayv2", "integrations");
    let others = harbour.live("apigatewayv2", "apis");
    let (other, _) = others.iter().find(|(id, _)| ours["apiId"] != id.as_str()).unwrap();
    let copy = json!({ "integrationType": "HTTP_PROXY", "integrationMethod": "ANY", "payloadFormatVersion": "1.0",
        "integrationUri": "https://example.com", "description": ours["description"] });
    harbour.meddle(&Request::rest("POST", &format!("/v2/apis/{other}/integrations"), &copy)).await;
    for_minutes(&harbour, 10, &format!("{apis}{back}")).await;
    for_minutes(&harbour, HOUR, &apis).await;
    assert_eq!(harbour.objects("apigatewayv2", "integrations").len(), 2);
    assert_eq!(held(&harbour), ["DuplicateInUse"]);
}

/// The source is another one all at once, before or while the daemon runs: what came does not make up for what went.
#[tokio::test(start_paused = true)]
async fn a_source_that_was_swapped_deletes_nothing() {
    let api = |name: &str| {
        format!("apiVersion: hatoba/v1\nkind: HttpApi\nmetadata: {{ name: {name} }}\nspec: {{}}\n")
    };
    let (before, after) = ([api("a"), api("b")].join("---\n"), [api("c"), api("d"), api("e")].join("---\n"));
    for is_restarted in [false, true] {
        let mut harbour = Harbour::converged(explicit(), &before).await;
        if is_restarted {
            harbour.kill_and_restart(&after);
        }
        for_minutes(&harbour, 40, &after).await;
        assert_eq!(harbour.live("apigatewayv2", "apis").len(), 5, "restarted: {is_restarted}");
        assert_eq!(held(&harbour), ["FuseOpen"], "restarted: {is_restarted}");
        // With one of the old ones back, the other may go.
        let one_back = [api("a"), after.clone()].join("---\n");
        for_minutes(&harbour, 20, &one_back).await;
        let left = harbour.live("apigatewayv2", "apis").into_values();
        let names: Vec<String> = left.map(|api| api["name"].as_str().unwrap().to_owned()).collect();
        assert!(names.len() == 4 && !names.contains(&"b".to_owned()), "restarted: {is_restarted} {names:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_refused_delete_is_shown_and_retried_slowly() {
    let harbour = converged().await;
    harbour.world().faults().fail("DeleteRoute", 100_000, 403, "AccessDeniedException", "no");
    let left = article_without(&WAY_IN);
    for_minutes(&harbour, 20, &left).await;
    harbour.clear_calls();
    for_minutes(&harbour, HOUR, &left).await;
    let sent = harbour.count("DeleteRoute").0;
    assert!((4..=30).contains(&sent), "{sent} in an hour");
    assert!(held(&harbour).contains(&"AccessDeniedException".to_owned()), "{:?}", held(&harbour));
    harbour.world().faults().clear();
    for_minutes(&harbour, 15, &left).await;
    assert_eq!(harbour.live("apigatewayv2", "vpcLinks"), std::collections::BTreeMap::<String, Value>::new());
}

#[tokio::test(start_paused = true)]
async fn deletes_whose_answers_are_lost_are_looked_after() {
    for operation in ["DeleteRoute", "DeleteIntegration", "DeleteStage", "DeleteApi", "DeleteVpcLink"] {
        let harbour = converged().await;
        harbour.world().faults().lose_answer(operation, 1);
        for_minutes(&harbour, 25, &article_without(&WAY_IN)).await;
        for collection in ["apis", "integrations", "routes", "stages", "vpcLinks"] {
            assert!(harbour.objects("apigatewayv2", collection).is_empty(), "{operation}: {collection}");
        }
        assert_eq!(harbour.engine.picture().pruning.len(), 0, "{operation}");
    }
}

/// A stage that is still to be made may stand anywhere, so that the old one of its name counts as asked for until then.
/// It was here all the same: that another stack comes as this one goes is no swapped source.
#[tokio::test(start_paused = true)]
async fn a_stack_that_goes_as_another_one_comes_opens_no_fuse() {
    let stack = |name: &str| {
        format!(
            "apiVersion: hatoba/v1\nkind: HttpApi\nmetadata: {{ name: {name} }}\nspec: {{}}\n---\n\
             apiVersion: hatoba/v1\nkind: Stage\nmetadata: {{ name: {name} }}\nspec: {{ apiRef: {name}, stageName: $default, autoDeploy: false }}\n"
        )
    };
    let (before, after) =
        (["stays", "old"].map(stack).join("---\n"), ["stays", "new"].map(stack).join("---\n"));
    let harbour = Harbour::converged(explicit(), &before).await;
    for_minutes(&harbour, 20, &after).await;
    assert_eq!(held(&harbour), [""; 0], "{}", harbour.calls_text());
    let apis = harbour.live("apigatewayv2", "apis");
    let names: Vec<&Value> = apis.values().map(|api| &api["name"]).collect();
    assert!(names.len() == 2 && !names.contains(&&json!("old")), "{names:?}");
}
