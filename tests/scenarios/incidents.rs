//! Incidents in which automation deleted or doubled things, each replayed as far as it can be: it cannot happen here.
//!
//! Each test bears the incident's name; the book's page "Incidents" says what happened, and which rule of ours ends it.

use std::time::Duration;

use hatoba_aws_model::{Config, Request};
use hatoba_core::{Acknowledgement, Cause, Truth};
use hatoba_engine::Options;
use hatoba_tests::{ARTICLE, Harbour, article_without};
use serde_json::{Value, json};

use crate::prune::{HOUR, MINUTE, TEN_MINUTES, WAY_IN, converged, explicit, for_minutes, held, writes};

/// A planner's old plan was applied late, over a newer one, and clean-up then deleted what was live.
#[tokio::test(start_paused = true)]
async fn aws_us_east_1_2025_an_old_plan_is_not_applied_over_a_newer_one() {
    let harbour = converged().await;
    let named = |version: &str| {
        ARTICLE.replacen(
            "name: crazy-api }\nspec: {}",
            &format!("name: crazy-api }}\nspec: {{ version: '{version}' }}"),
            1,
        )
    };
    // The write of the old plan hangs; meanwhile a newer one is accepted.
    harbour.world().faults().hang("UpdateApi", 1);
    harbour.documents(&named("old"));
    harbour.wait(Duration::from_secs(3)).await;
    harbour.documents(&named("new"));
    harbour.converge(TEN_MINUTES).await;
    harbour.wait(TEN_MINUTES).await;
    assert_eq!(harbour.only("apigatewayv2", "apis").1["version"], "new");
    // Nobody cleans up what is live: the only deletes there are would be of what bears no user and an old mark.
    assert!(harbour.write_names().iter().all(|name| !name.starts_with("Delete")), "{}", harbour.calls_text());
    harbour.assert_the_article_stands("two plans");
}

/// A list that failed was read as an empty one, and everything was uninstalled.
#[tokio::test(start_paused = true)]
async fn argo_cd_18480_a_failed_list_is_not_an_empty_one() {
    for list in [
        "GetApis",
        "GetVpcLinks",
        "GetRoutes",
        "GetIntegrations",
        "GetStages",
        "ListNamespaces",
        "ListServices",
        "DescribeServices",
    ] {
        let harbour = converged().await;
        for (status, code) in [(500, "InternalServerErrorException"), (403, "AccessDeniedException")] {
            harbour.world().faults().fail(list, 200, status, code, "no");
            for_minutes(&harbour, 30, ARTICLE).await;
            harbour.world().faults().clear();
        }
        for_minutes(&harbour, 15, ARTICLE).await;
        assert_eq!(writes(&harbour), [""; 0], "{list}: {}", harbour.calls_text());
    }
}

/// The Git server was away for a while, and applications were uninstalled.
#[tokio::test(start_paused = true)]
async fn argo_cd_18212_a_source_that_is_away_deletes_nothing() {
    let harbour = converged().await;
    for _ in 0..HOUR {
        harbour.engine.accept_error(Cause::new("SourceUnreadable", "connection refused"));
        harbour.wait(MINUTE).await;
    }
    assert_eq!(writes(&harbour), [""; 0]);
    for_minutes(&harbour, 15, ARTICLE).await;
    assert_eq!(writes(&harbour), [""; 0]);
}

/// A mass deletion went through in one sync.
#[tokio::test(start_paused = true)]
async fn argo_cd_20440_a_mass_deletion_waits_for_a_human() {
    let harbour = Harbour::converged(Options { prune_limit: 3, ..explicit() }, ARTICLE).await;
    for_minutes(&harbour, HOUR, &article_without(&WAY_IN)).await;
    assert_eq!(writes(&harbour), [""; 0]);
    assert_eq!(held(&harbour), ["FuseOpen"]);
    assert!(harbour.engine.held_together().is_some_and(|(_, documents)| documents.len() == WAY_IN.len()));
}

/// An application took over another one's resources, and took them with it when it was deleted.
#[tokio::test(start_paused = true)]
async fn argo_cd_18780_nothing_is_taken_over_in_passing() {
    let mut harbour = Harbour::converged(Options { owner: "first".to_owned(), ..explicit() }, ARTICLE).await;
    harbour.kill();
    harbour.options = Options { owner: "second".to_owned(), ..explicit() };
    harbour.renew();
    harbour.clear_calls();
    harbour.start(&article_without(&["HttpApi/crazy-api", "VpcLink/fine-vpc-link"]));
    for_minutes(&harbour, 10, &article_without(&["HttpApi/crazy-api", "VpcLink/fine-vpc-link"])).await;
    for_minutes(&harbour, HOUR, "").await;
    assert_eq!(writes(&harbour), [""; 0], "{}", harbour.calls_text());
    harbour.assert_the_article_stands("the first owner's");
}

/// Pruning is off by default there, emptying an application needs a switch of its own, and a deletion may have to be
/// confirmed: a broken cache and a slip of the hand had both deleted things before.
#[tokio::test(start_paused = true)]
async fn argo_cd_docs_nothing_is_pruned_unless_somebody_said_so() {
    // Whoever names no owner for a folder has said nothing about deletions.
    let unnamed = Harbour::converged(Options { owner_is_explicit: false, ..explicit() }, ARTICLE).await;
    for left in [article_without(&["Route/default-route"]), article_without(&WAY_IN), String::new()] {
        for_minutes(&unnamed, HOUR, &left).await;
        assert_eq!(writes(&unnamed), [""; 0], "{}", unnamed.calls_text());
        assert_eq!(held(&unnamed), ["OwnerNotExplicit"]);
    }
    unnamed.assert_the_article_stands("nobody asked for pruning");

    // With an owner nothing is emptied without a word, and the word is for exactly what was shown.
    let named = converged().await;
    for_minutes(&named, HOUR, "").await;
    assert_eq!((writes(&named), held(&named)), (vec![], vec!["FuseOpen".to_owned()]));
    let (hash, documents) = named.engine.held_together().unwrap();
    let fewer = documents.iter().skip(1).cloned().collect();
    named.engine.acknowledge(&Acknowledgement::new(fewer, named.now()));
    for_minutes(&named, 20, "").await;
    assert_eq!(writes(&named), [""; 0], "another set than the one that is held");
    let word = Acknowledgement::new(documents, named.now());
    assert_eq!(word.hash, hash);
    named.engine.acknowledge(&word);
    for_minutes(&named, 40, "").await;
    assert!(named.live("apigatewayv2", "apis").is_empty(), "{}", named.calls_text());
}

/// An empty repository came close to collecting everything as garbage; that it did not was an accident.
#[tokio::test(start_paused = true)]
async fn flux_187_an_empty_source_deletes_nothing_on_purpose() {
    let harbour = converged().await;
    for_minutes(&harbour, HOUR * 2, "").await;
    assert_eq!(writes(&harbour), [""; 0]);
    assert_eq!(held(&harbour), ["FuseOpen"]);
    harbour.documents(ARTICLE);
    harbour.converge(TEN_MINUTES).await;
    assert_eq!(writes(&harbour), [""; 0]);
}

/// Other tools copied the owner's label onto their own things, which were then collected as garbage.
#[tokio::test(start_paused = true)]
async fn flux_192_copied_marks_on_a_strangers_thing_delete_nothing_that_is_in_use() {
    let harbour = converged().await;
    let (id, original) = harbour.only("apigatewayv2", "apis");
    let body = json!({ "name": "copied", "protocolType": "HTTP", "tags": original["tags"] });
    let copy = harbour.meddle(&Request::rest("POST", "/v2/apis", &body)).await["apiId"].clone();
    let copy = copy.as_str().unwrap().to_owned();
    let integration = json!({ "integrationType": "HTTP_PROXY", "integrationMethod": "ANY",
        "integrationUri": "https://example.com", "payloadFormatVersion": "1.0" });
    harbour.meddle(&Request::rest("POST", &format!("/v2/apis/{copy}/integrations"), &integration)).await;
    harbour.clear_calls();
    for_minutes(&harbour, HOUR, ARTICLE).await;
    assert_eq!(writes(&harbour), [""; 0], "{}", harbour.calls_text());
    let notes = harbour.status("HttpApi", "crazy-api").notes;
    assert!(notes.iter().any(|note| note.reason.as_str() == "DuplicateInUse"), "{notes:?}");

    // Nor when the document goes: whoever comes next could not tell which of them was ours.
    harbour.clear_calls();
    for_minutes(&harbour, HOUR, &article_without(&WAY_IN)).await;
    let left = harbour.objects("apigatewayv2", "apis");
    assert!(left.contains_key(&copy) && left.contains_key(&id), "{left:#?}");
    assert_eq!(writes(&harbour), [""; 0], "{}", harbour.calls_text());
    assert!(held(&harbour).contains(&"DuplicateInUse".to_owned()), "{:?}", held(&harbour));
    // A human says which.
    let keys = ["owner", "document", "incarnation", "deletion"].map(|key| format!("tagKeys=hatoba%3A{key}"));
    let tags =
        format!("/v2/tags/arn%3Aaws%3Aapigateway%3Aus-east-1%3A%3A%2Fapis%2F{copy}?{}", keys.join("&"));
    harbour.meddle(&Request::rest("DELETE", &tags, &Value::Null)).await;
    for_minutes(&harbour, HOUR, &article_without(&WAY_IN)).await;
    let left = harbour.objects("apigatewayv2", "apis");
    assert!(left.contains_key(&copy) && !left.contains_key(&id), "{left:#?}");
    assert_eq!(left[&copy]["name"], "copied");
}

/// A crash between the create and writing its id down made a second resource, and orphaned the first.
#[tokio::test(start_paused = true)]
async fn ack_2062_a_crash_after_the_create_makes_no_second_one() {
    for create in [
        "CreateApi",
        "CreateVpcLink",
        "CreateIntegration",
        "CreateRoute",
        "CreateStage",
        "CreatePrivateDnsNamespace",
        "servicediscovery.CreateService",
        "ecs.CreateService",
    ] {
        let mut harbour = Harbour::with(explicit(), Config::default());
        harbour.world().faults().lose_answer(create, 1);
        harbour.start(ARTICLE);
        let begun = tokio::time::Instant::now();
        while harbour.count(create).0 == 0 && begun.elapsed() < TEN_MINUTES {
            harbour.wait(Duration::from_millis(50)).await;
        }
        harbour.kill_and_restart(ARTICLE);
        harbour.converge(TEN_MINUTES).await;
        assert_eq!(harbour.count(create).1, 1, "{create}: {}", harbour.calls_text());
        harbour.assert_the_article_stands(create);
    }
}

/// After a crash the controller could not tell whether it had created, and waited for a human, for ever.
#[tokio::test(start_paused = true)]
async fn crossplane_3037_after_an_unknown_outcome_it_goes_on_by_itself() {
    let mut harbour = Harbour::with(explicit(), Config::default());
    for create in ["CreateApi", "CreateVpcLink", "CreateIntegration"] {
        harbour.world().faults().hang(create, 1);
    }
    harbour.start(ARTICLE);
    harbour.wait(Duration::from_secs(20)).await;
    harbour.kill_and_restart(ARTICLE);
    harbour.converge(TEN_MINUTES).await;
    harbour.assert_the_article_stands("after an unknown outcome");
}

/// The controller lost the name under which it knew a resource, and forgot the resource with it.
#[tokio::test(start_paused = true)]
async fn crossplane_upjet_1482_a_resource_whose_name_is_lost_is_found_by_its_mark() {
    let mut harbour = converged().await;
    let (api, link) = (harbour.only("apigatewayv2", "apis").0, harbour.only("apigatewayv2", "vpcLinks").0);
    harbour.kill();
    // Everything that was remembered is gone with the process, and the names in AWS with somebody's hand.
    for uri in [format!("/v2/apis/{api}"), format!("/v2/vpclinks/{link}")] {
        harbour.meddle(&Request::rest("PATCH", &uri, &json!({ "name": "somebody-renamed-it" }))).await;
    }
    harbour.renew();
    harbour.clear_calls();
    harbour.start(ARTICLE);
    harbour.converge(TEN_MINUTES).await;
    let mut done = writes(&harbour);
    done.sort();
    assert_eq!(done, ["apigatewayv2.UpdateApi", "apigatewayv2.UpdateVpcLink"], "{}", harbour.calls_text());
    harbour.assert_the_article_stands("found again");
    assert_eq!(harbour.only("apigatewayv2", "apis").1["name"], "crazy-api");
    assert_eq!(harbour.only("apigatewayv2", "vpcLinks").1["name"], "fine-vpc-link");
    // Nor is it forgotten when its document goes while nobody runs.
    harbour.kill();
    let left = article_without(&WAY_IN);
    harbour.renew();
    harbour.start(&left);
    for_minutes(&harbour, 30, &left).await;
    for collection in ["apis", "vpcLinks"] {
        assert!(harbour.live("apigatewayv2", collection).is_empty(), "{collection}: {:?}", held(&harbour));
    }
}

/// A parameter left blank got a default that meant: delete it all after a fixed term.
#[tokio::test(start_paused = true)]
async fn google_unisuper_2024_a_blank_never_means_delete() {
    let harbour = converged().await;
    let link = harbour.only("apigatewayv2", "vpcLinks").0;
    let arn = format!("arn%3Aaws%3Aapigateway%3Aus-east-1%3A%3A%2Fvpclinks%2F{link}");
    let left = article_without(&WAY_IN);
    harbour.documents(&left);
    // The word on deletion is blank in the mark, as if it had never been written.
    let uri = format!("/v2/tags/{arn}?tagKeys=hatoba%3Adeletion");
    harbour.meddle(&Request::rest("DELETE", &uri, &Value::Null)).await;
    for_minutes(&harbour, HOUR, &left).await;
    assert_eq!(harbour.live("apigatewayv2", "vpcLinks").len(), 1, "{}", harbour.calls_text());
    assert_eq!(harbour.objects("apigatewayv2", "apis").len(), 0, "what says Delete goes");
}

/// A clean-up of one kind called the delete of its parent: the server in place of the database.
#[tokio::test(start_paused = true)]
async fn azure_devops_2023_deleting_a_child_never_deletes_its_parent() {
    for (key, operation) in [
        ("Route/default-route", "apigatewayv2.DeleteRoute"),
        ("Stage/default-stage", "apigatewayv2.DeleteStage"),
    ] {
        let harbour = converged().await;
        for_minutes(&harbour, 30, &article_without(&[key])).await;
        assert_eq!(writes(&harbour), [operation]);
        assert_eq!(harbour.objects("apigatewayv2", "apis").len(), 1);
    }
    let harbour = converged().await;
    for_minutes(&harbour, 30, &article_without(&["Route/default-route", "Integration/to-great-service"]))
        .await;
    assert_eq!(writes(&harbour), ["apigatewayv2.DeleteRoute", "apigatewayv2.DeleteIntegration"]);
    assert_eq!(harbour.live("apigatewayv2", "vpcLinks").len(), 1);
}

/// The wrong thing was deleted by hand, and then again by a change that nobody noticed.
#[tokio::test(start_paused = true)]
async fn spotify_2019_deletions_are_said_before_and_undone_if_made_by_hand() {
    let harbour = converged().await;
    let plan = Harbour::converged(explicit(), ARTICLE).await;
    plan.documents(&article_without(&WAY_IN));
    plan.wait(MINUTE).await;
    let planned = plan.engine.plan().await.unwrap();
    let deletes = planned.entries.iter().filter(|entry| entry.action == hatoba_engine::PlanAction::Delete);
    assert_eq!(deletes.count(), WAY_IN.len());

    let api = harbour.only("apigatewayv2", "apis").0;
    harbour.meddle(&Request::rest("DELETE", &format!("/v2/apis/{api}"), &Value::Null)).await;
    for_minutes(&harbour, 15, ARTICLE).await;
    harbour.converge(TEN_MINUTES).await;
    harbour.assert_the_article_stands("it came back");
}

/// Setting one route setting sent the others as 0, and every request was answered 429.
#[tokio::test(start_paused = true)]
async fn terraform_aws_apigateway_v2_13_a_number_that_is_not_stated_is_never_sent() {
    let metrics = ARTICLE.replacen(
        "autoDeploy: true }",
        "autoDeploy: true, defaultRouteSettings: { detailedMetricsEnabled: true } }",
        1,
    );
    assert_ne!(metrics, ARTICLE);
    let mut harbour = Harbour::with(explicit(), Config::default());
    harbour.start(&metrics);
    harbour.converge(TEN_MINUTES).await;
    let settings = harbour.only("apigatewayv2", "stages").1["defaultRouteSettings"].clone();
    assert_eq!(settings["detailedMetricsEnabled"], true);
    for limit in ["throttlingBurstLimit", "throttlingRateLimit"] {
        assert!(settings.get(limit).is_none_or(|value| value.as_f64() != Some(0.0)), "{settings}");
    }
}

/// The id of the deployment moves by itself under auto deploy, and showed as a change for ever.
#[tokio::test(start_paused = true)]
async fn terraform_13633_a_deployment_that_moves_by_itself_is_no_difference() {
    let harbour = converged().await;
    let api = harbour.only("apigatewayv2", "apis").0;
    let before = harbour.only("apigatewayv2", "stages").1["deploymentId"].clone();
    let route = json!({ "routeKey": "GET /by-hand" });
    harbour.meddle(&Request::rest("POST", &format!("/v2/apis/{api}/routes"), &route)).await;
    harbour.clear_calls();
    for_minutes(&harbour, 30, ARTICLE).await;
    assert_ne!(harbour.only("apigatewayv2", "stages").1["deploymentId"], before, "AWS moved it");
    assert_eq!(writes(&harbour), [""; 0], "{}", harbour.calls_text());
    assert_eq!(harbour.status("Stage", "default-stage").synced.status, Truth::True);
}

/// A service made again right after its deletion: "not idempotent", "still Draining".
#[tokio::test(start_paused = true)]
async fn terraform_2283_a_draining_service_is_waited_for() {
    let harbour = converged().await;
    let body = json!({ "cluster": "main", "service": "great-service", "desiredCount": 0 });
    harbour.meddle(&Request::json("ecs", "UpdateService", &body)).await;
    let body = json!({ "cluster": "main", "service": "great-service" });
    harbour.meddle(&Request::json("ecs", "DeleteService", &body)).await;
    harbour.clear_calls();
    for_minutes(&harbour, 15, ARTICLE).await;
    harbour.converge(TEN_MINUTES).await;
    let refused = harbour.writes().into_iter().filter(|call| call.status >= 400).count();
    assert_eq!(refused, 0, "{}", harbour.calls_text());
    harbour.assert_the_article_stands("made again");
}

/// Thousands of resources, no jitter, five requests a second: the queue was an hour long.
#[tokio::test(start_paused = true)]
async fn crossplane_provider_aws_2029_a_sweep_costs_lists_and_not_gets() {
    let routes: String = (0..40)
        .map(|n| {
            format!(
                "---\napiVersion: hatoba/v1\nkind: Route\nmetadata: {{ name: r{n} }}\nspec: {{ apiRef: crazy-api, routeKey: 'GET /r{n}', integrationRef: to-great-service }}\n"
            )
        })
        .collect();
    let few = Harbour::converged(explicit(), ARTICLE).await;
    let many = Harbour::converged(explicit(), &format!("{ARTICLE}{routes}")).await;
    for harbour in [&few, &many] {
        harbour.clear_calls();
        harbour.wait(HOUR * MINUTE).await;
        assert_eq!(writes(harbour), [""; 0]);
    }
    let calls = |harbour: &Harbour| harbour.calls().len();
    // 41 routes are two pages in place of one, twelve sweeps an hour.
    assert!(calls(&many) <= calls(&few) + 2 * 13, "{} against {}", calls(&many), calls(&few));
    assert!(many.calls().iter().all(|call| call.status != 429), "no throttle");
}
