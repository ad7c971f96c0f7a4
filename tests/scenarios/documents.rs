//! What documents may say, and what becomes of bad ones.

use std::time::Duration;

use hatoba_aws_model::{Config, Request};
use hatoba_core::Truth;
use hatoba_engine::Options;
use hatoba_tests::{ARTICLE, Harbour};
use serde_json::{Value, json};

const TEN_MINUTES: Duration = Duration::from_secs(600);
const FIFTEEN_MINUTES: Duration = Duration::from_secs(900);
const RESYNC: Duration = Duration::from_secs(310);

/// The article with `from` once replaced.
fn article(from: &str, to: &str) -> String {
    assert!(ARTICLE.contains(from), "{from}");
    ARTICLE.replacen(from, to, 1)
}

/// The article with a policy on one document, by the line that names it.
fn with_policy(name: &str, policy: &str) -> String {
    let line = format!("metadata: {{ name: {name} }}\n");
    article(&line, &format!("{line}policy: {policy}\n"))
}

async fn set_tasks(harbour: &Harbour, tasks: u32) {
    let body = json!({ "cluster": "main", "service": "great-service", "desiredCount": tasks });
    harbour.meddle(&Request::json("ecs", "UpdateService", &body)).await;
    harbour.clear_calls();
}

fn tasks(harbour: &Harbour) -> Value {
    harbour.only("ecs", "services").1["desiredCount"].clone()
}

#[tokio::test(start_paused = true)]
async fn a_bad_document_is_held_and_the_others_go_on() {
    for (bad, kind, name) in [
        ("kind: VpcLink\nmetadata: { name: bad }\nspec: { subnets: [a] }", "VpcLink", "bad"),
        (
            "kind: Integration\nmetadata: { name: bad }\nspec: { apiRef: crazy-apy, integrationType: HTTP_PROXY, integrationMethod: ANY, integrationUri: \"https://x\" }",
            "Integration",
            "bad",
        ),
        ("kind: Nonsense\nmetadata: { name: bad }\nspec: {}", "Nonsense", "bad"),
    ] {
        let mut harbour = Harbour::new();
        harbour.start(&format!("{ARTICLE}\n---\napiVersion: hatoba/v1\n{bad}\n"));
        harbour.wait(TEN_MINUTES).await;
        harbour.assert_the_article_stands(bad);
        let status = harbour.status(kind, name);
        assert_eq!((status.synced.status, status.synced.reason.as_str()), (Truth::False, "Invalid"), "{bad}");
        assert_eq!(harbour.engine.picture().source.invalid, 1);
        let diagnostics = harbour.engine.picture().source.diagnostics;
        let mut errors = diagnostics.iter().filter(|found| found.is_error());
        let hint = errors.find_map(|found| found.hint.clone()).unwrap_or_default();
        assert!(kind != "Integration" || hint.contains("crazy-api"), "{bad}: a hint: {diagnostics:?}");
        harbour.documents(ARTICLE);
        harbour.converge(TEN_MINUTES).await;
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_held_document_made_is_kept_and_still_resolves() {
    let held = [
        (
            "name: private-example-com }\nspec:",
            "name: private-example-com }\nspec:\n  nonsense: 1",
            "private-example-com",
        ),
        ("ttl: 60", "ttl: -1", "great-service-discovery"),
        ("spec: {}", "spec: { nonsense: 1 }", "crazy-api"),
        ("name: fine-vpc-link }\nspec:", "name: fine-vpc-link }\nspec:\n  nonsense: 1", "fine-vpc-link"),
        ("integrationMethod: ANY", "integrationMethod: ANY\n  nonsense: 1", "to-great-service"),
    ];
    for owner_is_explicit in [false, true] {
        for (good, bad, name) in held {
            let options =
                Options { owner_is_explicit, prune_grace: Duration::from_secs(60), ..Options::default() };
            let mut harbour = Harbour::with(options, Config::default());
            harbour.start(ARTICLE);
            harbour.converge(TEN_MINUTES).await;
            let broken = article(good, bad);
            harbour.documents(&broken);
            for restarted in [false, true] {
                harbour.clear_calls();
                if restarted {
                    harbour.kill_and_restart(&broken);
                }
                for _ in 0..4 {
                    harbour.wait(Duration::from_secs(60)).await;
                    harbour.documents(&broken);
                }
                let waiting =
                    harbour.engine.statuses().into_values().filter(|s| s.synced.status != Truth::True);
                assert_eq!(
                    waiting.count(),
                    1,
                    "{name} is held, restarted {restarted}: {}",
                    harbour.describe()
                );
                harbour.assert_the_article_stands(name);
                assert_eq!(harbour.write_names(), [""; 0], "{name}");
            }
            // Others that change while it is held are written.
            harbour.documents(&broken.replace("autoDeploy: true", "autoDeploy: true, description: new"));
            harbour.wait(Duration::from_secs(30)).await;
            assert_eq!(harbour.write_names(), ["UpdateStage"], "{name}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_suspended_document_is_compared_and_not_written() {
    let mut harbour = Harbour::new();
    harbour.start(&with_policy("crazy-api", "{ suspend: true }"));
    harbour.wait(TEN_MINUTES).await;
    assert_eq!(harbour.objects("apigatewayv2", "apis").len(), 0);
    assert_eq!(harbour.status("HttpApi", "crazy-api").synced.reason.as_str(), "Suspended");

    let harbour = Harbour::converged(Options::default(), ARTICLE).await;
    let suspended = with_policy("great-service", "{ suspend: true }");
    harbour.documents(&suspended.replace("desiredCount: 1", "desiredCount: 5"));
    harbour.wait(RESYNC).await;
    assert_eq!(harbour.write_names(), [""; 0]);
    let status = harbour.status("EcsService", "great-service");
    assert_eq!((status.synced.reason.as_str(), status.drift), ("Suspended", vec!["desiredCount".to_owned()]));
    harbour.documents(&ARTICLE.replace("desiredCount: 1", "desiredCount: 5"));
    harbour.wait(Duration::from_secs(60)).await;
    assert_eq!(tasks(&harbour), 5);
}

#[tokio::test(start_paused = true)]
async fn with_drift_report_a_difference_is_shown_and_a_change_is_written() {
    let documents = with_policy("great-service", "{ drift: Report }");
    let mut harbour = Harbour::converged(Options::default(), &documents).await;
    set_tasks(&harbour, 3).await;
    harbour.wait(RESYNC).await;
    assert_eq!(harbour.write_names(), [""; 0]);
    let status = harbour.status("EcsService", "great-service");
    assert_eq!((status.synced.status, status.synced.reason.as_str()), (Truth::False, "DriftReported"));
    assert_eq!(status.drift, ["desiredCount"]);
    harbour.documents(&documents.replace("desiredCount: 1", "desiredCount: 2"));
    harbour.wait(Duration::from_secs(30)).await;
    assert_eq!((harbour.write_names(), tasks(&harbour)), (vec!["UpdateService".to_owned()], json!(2)));
    // What is gone is drift, too.
    harbour.converge(TEN_MINUTES).await;
    let gone = json!({ "cluster": "main", "service": "great-service", "force": true });
    harbour.meddle(&Request::json("ecs", "DeleteService", &gone)).await;
    harbour.clear_calls();
    harbour.wait(RESYNC + RESYNC).await;
    assert_eq!(harbour.write_names(), [""; 0]);
    // Without a status it is a change.
    harbour.kill_and_restart(&documents);
    harbour.converge(TEN_MINUTES).await;
    assert_eq!(harbour.write_names(), ["CreateService"]);
}

#[tokio::test(start_paused = true)]
async fn fields_that_are_ignored_or_in_a_range_are_left_alone() {
    let ignores = Harbour::converged(
        Options::default(),
        &with_policy("great-service", "{ fields: { desiredCount: ignore } }"),
    )
    .await;
    set_tasks(&ignores, 7).await;
    ignores.wait(RESYNC).await;
    assert_eq!((ignores.write_names().len(), tasks(&ignores)), (0, json!(7)));

    let ranges = Harbour::converged(
        Options::default(),
        &with_policy("great-service", "{ fields: { desiredCount: { range: [1, 4] } } }"),
    )
    .await;
    for (set, then) in [(3, 3), (9, 4), (0, 1)] {
        set_tasks(&ranges, set).await;
        ranges.wait(RESYNC).await;
        assert_eq!(tasks(&ranges), then, "{set}");
        assert_eq!(ranges.write_names().len(), usize::from(set != then), "{set}");
    }

    let initial = Harbour::converged(
        Options::default(),
        &with_policy("great-service", "{ fields: { desiredCount: initial } }"),
    )
    .await;
    assert_eq!(tasks(&initial), 1);
    set_tasks(&initial, 2).await;
    initial.wait(RESYNC).await;
    assert_eq!((initial.write_names().len(), tasks(&initial)), (0, json!(2)));
}

/// The link that the route's integration goes through, and its state.
fn way_in(harbour: &Harbour) -> (String, Value) {
    let route = harbour.only("apigatewayv2", "routes").1;
    let target = route["target"].as_str().unwrap().replace("integrations/", "");
    let integrations = harbour.objects("apigatewayv2", "integrations");
    let integration =
        integrations.values().find(|i| i["integrationId"] == target.as_str()).expect("a target");
    let link = integration["connectionId"].as_str().unwrap().to_owned();
    let state = harbour.objects("apigatewayv2", "vpcLinks")[&link]["vpcLinkStatus"].clone();
    (link, state)
}

#[tokio::test(start_paused = true)]
async fn other_subnets_make_a_new_link_and_no_gap() {
    let harbour = Harbour::converged(Options::default(), ARTICLE).await;
    let old = way_in(&harbour).0;
    harbour.documents(&article(
        "subnetSelector: { tags: { Tier: private } }\n  sec",
        "subnetIds: [subnet-0cc33dd44ee55ff66]\n  sec",
    ));
    let (mut waited, mut moved_at) = (0, None);
    while !(harbour.is_converged() && waited > 10) {
        harbour.wait(Duration::from_secs(1)).await;
        waited += 1;
        let (link, state) = way_in(&harbour);
        assert_eq!(state, "AVAILABLE", "after {waited} s through {link}\n{}", harbour.calls_text());
        moved_at = moved_at.or((link != old).then_some(waited));
        assert!(waited < 900, "{}", harbour.describe());
    }
    assert!(moved_at.is_some_and(|at| at >= 90), "a link takes 90 s: {moved_at:?}");
    assert_eq!(harbour.write_names(), ["CreateVpcLink", "UpdateIntegration", "DeleteVpcLink"]);
    harbour.assert_the_article_stands("other subnets");
    assert_eq!(
        harbour.live("apigatewayv2", "vpcLinks").into_values().next().unwrap()["subnetIds"],
        json!(["subnet-0cc33dd44ee55ff66"])
    );
}

#[tokio::test(start_paused = true)]
async fn a_unique_name_is_not_replaced_without_the_operators_word() {
    for (from, to, kind, name) in [
        (
            "routingPolicy: MULTIVALUE",
            "routingPolicy: WEIGHTED",
            "DiscoveryService",
            "great-service-discovery",
        ),
        ("launchType: FARGATE", "launchType: EC2", "EcsService", "great-service"),
    ] {
        let harbour = Harbour::converged(Options::default(), ARTICLE).await;
        harbour.documents(&article(from, to));
        harbour.wait(RESYNC).await;
        assert_eq!(harbour.write_names(), [""; 0], "{kind}");
        let status = harbour.status(kind, name);
        assert_eq!((status.synced.status, status.synced.reason.as_str()), (Truth::False, "NeedsDowntime"));
        harbour.documents(ARTICLE);
        harbour.converge(TEN_MINUTES).await;
        assert_eq!(harbour.write_names(), [""; 0], "{kind}");
    }
}

/// Tags that something in another VPC carries find it only where no VPC is given, or that one.
#[tokio::test(start_paused = true)]
async fn a_selector_finds_nothing_outside_of_its_vpc() {
    let link = |vpc: &str| {
        article(
            "  subnetSelector: { tags: { Tier: private } }\n  securityGroupSelector: { tags: { Name: great-sg } }\n---",
            &format!("  {vpc}\n  subnetSelector: {{ tags: {{ Name: other-a }} }}\n---"),
        )
    };
    let mut harbour = Harbour::new();
    harbour.start(&link("vpcSelector: { tags: { Name: awesome-vpc } }"));
    harbour.wait(TEN_MINUTES).await;
    assert!(harbour.live("apigatewayv2", "vpcLinks").is_empty(), "{}", harbour.calls_text());
    let shown = harbour.status("VpcLink", "fine-vpc-link").synced;
    assert_eq!(shown.reason.as_str(), "SelectorMatchesNothing");
    for vpc in ["vpcSelector: { tags: { Name: other-vpc } }", "vpcId: vpc-0f9e8d7c6b5a49382"] {
        harbour.documents(&link(vpc));
        harbour.converge(FIFTEEN_MINUTES).await;
        harbour.assert_the_article_stands(vpc);
        let link = harbour.live("apigatewayv2", "vpcLinks").into_values().next().unwrap();
        assert_eq!(link["subnetIds"], json!(["subnet-0dd44ee55ff660077"]));
        harbour.clear_calls();
        harbour.wait(RESYNC).await;
        assert_eq!(harbour.write_names(), [""; 0], "{vpc}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_newly_matching_subnet_is_shown_when_pinned_and_applied_when_followed() {
    // A selector that matches one subnet now; the other one is in the list of ids that AWS has already.
    let one = article(
        "subnetSelector: { tags: { Tier: private } }\n  sec",
        "subnetSelector: { tags: { Name: private-a } }\n  sec",
    );
    let harbour = Harbour::converged(Options::default(), &one).await;
    let grown = ARTICLE;
    harbour.documents(grown);
    harbour.wait(RESYNC).await;
    assert_eq!(harbour.write_names(), [""; 0], "what is in use still matches");
    let notes = harbour.status("VpcLink", "fine-vpc-link").notes;
    assert_eq!(notes.iter().map(|note| note.reason.as_str()).collect::<Vec<_>>(), ["SelectorGrew"]);
    harbour.documents(&with_policy("fine-vpc-link", "{ selectors: Follow }"));
    harbour.wait(Duration::from_secs(5)).await;
    harbour.converge(FIFTEEN_MINUTES).await;
    harbour.assert_the_article_stands("followed");
    let link = harbour.live("apigatewayv2", "vpcLinks").into_values().next().unwrap();
    assert_eq!(link["subnetIds"].as_array().map(Vec::len), Some(2));
}

#[tokio::test(start_paused = true)]
async fn changed_while_a_write_of_the_old_is_under_way_the_newest_wins() {
    for after_milliseconds in [5, 20, 35, 50, 65, 80, 95, 120, 5_000, 10_500] {
        for hangs in [false, true] {
            let harbour = Harbour::converged(Options::default(), ARTICLE).await;
            if hangs {
                harbour.world().faults().hang("ecs.UpdateService", 1);
            }
            harbour.documents(&article("desiredCount: 1", "desiredCount: 2"));
            harbour.wait(Duration::from_millis(after_milliseconds)).await;
            harbour.documents(&article("desiredCount: 1", "desiredCount: 3"));
            harbour.wait(Duration::from_secs(60)).await;
            assert_eq!(tasks(&harbour), 3, "after {after_milliseconds} ms\n{}", harbour.calls_text());
            harbour.converge(TEN_MINUTES).await;
            assert_eq!(harbour.status("EcsService", "great-service").drift, [""; 0]);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_document_that_is_changed_before_its_create_is_answered_has_the_new_content() {
    for after_milliseconds in [60, 70, 80, 95, 110] {
        let mut harbour = Harbour::new();
        harbour.start(ARTICLE);
        harbour.wait(Duration::from_millis(after_milliseconds)).await;
        harbour.documents(&article("spec: {}", "spec: { description: newest }"));
        harbour.converge(FIFTEEN_MINUTES).await;
        harbour.assert_the_article_stands("changed early");
        assert_eq!(harbour.only("apigatewayv2", "apis").1["description"], "newest");
        assert_eq!(harbour.count("CreateApi"), (1, 1));
    }
}

fn api_with_routes(routes: &[(&str, &str)]) -> String {
    let api = "apiVersion: hatoba/v1\nkind: HttpApi\nmetadata: { name: shop }\nspec: {}\n---\n\
apiVersion: hatoba/v1\nkind: Integration\nmetadata: { name: back }\n\
spec: { apiRef: shop, integrationType: HTTP_PROXY, integrationMethod: ANY, integrationUri: 'https://example.com' }\n";
    let route = |(name, key): &(&str, &str)| {
        format!(
            "---\napiVersion: hatoba/v1\nkind: Route\nmetadata: {{ name: {name} }}\n\
             spec: {{ apiRef: shop, integrationRef: back, routeKey: '{key}' }}\n"
        )
    };
    std::iter::once(api.to_owned()).chain(routes.iter().map(route)).collect()
}

/// AWS renames a route: its id stays, and there is no moment at which both keys, or neither, lead anywhere.
#[tokio::test(start_paused = true)]
async fn a_changed_route_key_is_one_update_with_and_without_an_owner() {
    for owner_is_explicit in [false, true] {
        let options = Options { owner_is_explicit, ..Options::default() };
        let all = [("a", "GET /a/{id}"), ("b", "GET /b"), ("c", "GET /c")];
        let mut harbour = Harbour::converged(options, &api_with_routes(&all)).await;
        let routes = |harbour: &Harbour| -> std::collections::BTreeMap<String, String> {
            let all = harbour.objects("apigatewayv2", "routes").into_iter();
            all.map(|(id, route)| (id, route["routeKey"].as_str().unwrap().to_owned())).collect()
        };
        let before = routes(&harbour);
        let id = |key: &str| before.iter().find(|(_, has)| *has == key).unwrap().0.clone();
        harbour.clear_calls();
        // The name of a variable, and another path altogether.
        let changed = [("a", "GET /a/{orgId}"), ("b", "POST /b/all"), ("c", "GET /c")];
        harbour.documents(&api_with_routes(&changed));
        harbour.wait(Duration::from_secs(5)).await;
        harbour.converge(Duration::from_secs(60)).await;
        assert_eq!(harbour.write_names(), ["UpdateRoute"; 2], "{}", harbour.calls_text());
        let after = routes(&harbour);
        assert_eq!(after[&id("GET /a/{id}")], "GET /a/{orgId}");
        assert_eq!(after[&id("GET /b")], "POST /b/all");
        // While the daemon was away, only what cannot stand beside the old key is known to be the same route.
        harbour.kill();
        let renamed = [("a", "GET /a/{team}"), ("b", "POST /b/all"), ("c", "GET /c")];
        harbour.clear_calls();
        harbour.kill_and_restart(&api_with_routes(&renamed));
        harbour.converge(Duration::from_secs(120)).await;
        assert_eq!(harbour.write_names(), ["UpdateRoute"], "{}", harbour.calls_text());
        assert_eq!(routes(&harbour)[&id("GET /a/{id}")], "GET /a/{team}");
        harbour.wait(RESYNC).await;
        assert!(harbour.engine.picture().pruning.is_empty(), "the old key is not waited for");
    }
}

/// AWS takes a route that leads nowhere. It bears no mark: in an API of ours it is known by its key.
#[tokio::test(start_paused = true)]
async fn a_route_may_lead_nowhere_and_somewhere_later() {
    const API: &str = "apiVersion: hatoba/v1\nkind: HttpApi\nmetadata: { name: shop }\nspec: {}\n";
    let route = |more: &str| {
        format!(
            "{API}---\napiVersion: hatoba/v1\nkind: Route\nmetadata: {{ name: all }}\n\
             spec: {{ apiRef: shop, routeKey: GET /all{more} }}\n"
        )
    };
    let back = "---\napiVersion: hatoba/v1\nkind: Integration\nmetadata: { name: back }\n\
         spec: { apiRef: shop, integrationType: HTTP_PROXY, integrationMethod: ANY, integrationUri: \"https://example.com\" }\n";
    let target = |harbour: &Harbour| harbour.only("apigatewayv2", "routes").1.get("target").cloned();
    let mut harbour = Harbour::converged(Options::default(), &route("")).await;
    assert_eq!(target(&harbour), None);
    harbour.wait(RESYNC).await;
    harbour.kill_and_restart(&route(""));
    harbour.wait(RESYNC).await;
    assert_eq!(harbour.write_names(), [""; 0], "{}", harbour.calls_text());
    assert_eq!(harbour.engine.picture().rogue_children, [""; 0], "a document asks for it");
    harbour.documents(&format!("{}{back}", route(", integrationRef: back")));
    harbour.converge(TEN_MINUTES).await;
    harbour.wait(RESYNC).await;
    assert_eq!(harbour.write_names(), ["CreateIntegration", "UpdateRoute"], "{}", harbour.calls_text());
    let somewhere = target(&harbour);
    assert!(somewhere.is_some());
    // Left out again it is not ours.
    harbour.documents(&format!("{}{back}", route("")));
    harbour.wait(RESYNC).await;
    assert_eq!(target(&harbour), somewhere);
    assert_eq!(harbour.writes().len(), 2, "{}", harbour.calls_text());
}
