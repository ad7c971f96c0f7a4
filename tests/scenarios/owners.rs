//! Two owners in one account, each with a daemon of its own: neither changes, deletes or counts what is the other's.

use std::collections::BTreeSet;
use std::time::Duration;

use hatoba_aws_model::Config;
use hatoba_core::Truth;
use hatoba_engine::Options;
use hatoba_tests::{ARTICLE, Harbour};

use crate::prune::{MINUTE, TEN_MINUTES, explicit, held};

/// An API with all that stands in it, by names that AWS lets be there twice.
const SHOP: &str = r#"apiVersion: hatoba/v1
kind: HttpApi
metadata: { name: shop }
spec: {}
---
apiVersion: hatoba/v1
kind: Integration
metadata: { name: back }
spec: { apiRef: shop, integrationType: HTTP_PROXY, integrationMethod: ANY, integrationUri: "https://example.com" }
---
apiVersion: hatoba/v1
kind: Route
metadata: { name: default }
spec: { apiRef: shop, routeKey: $default, integrationRef: back }
---
apiVersion: hatoba/v1
kind: Stage
metadata: { name: default }
spec: { apiRef: shop, stageName: $default }
"#;

const STAYS: &str = "apiVersion: hatoba/v1\nkind: HttpApi\nmetadata: { name: stays }\nspec: {}\n";

fn owned_by(owner: &str) -> Options {
    Options { owner: owner.to_owned(), ..explicit() }
}

/// Daemons of two owners, both on these documents.
fn two_on(documents: &str) -> (Harbour, Harbour) {
    let mut first = Harbour::with(owned_by("first"), Config::default());
    first.start(documents);
    let mut second = first.neighbour();
    second.options = owned_by("second");
    second.renew();
    second.start(documents);
    (first, second)
}

async fn both_converge(first: &Harbour, second: &Harbour) {
    first.converge(TEN_MINUTES).await;
    second.converge(TEN_MINUTES).await;
    first.wait(2 * MINUTE).await;
}

/// Each reads its source every minute.
async fn for_minutes(minutes: u32, (first, documents): (&Harbour, &str), (second, others): (&Harbour, &str)) {
    for _ in 0..minutes {
        first.documents(documents);
        second.documents(others);
        first.wait(MINUTE).await;
    }
}

/// Everything of API Gateway that is this owner's, or stands in an API of its, by collection and id.
fn of_owner(harbour: &Harbour, owner: &str) -> BTreeSet<(String, String, String)> {
    let apis = harbour.live("apigatewayv2", "apis");
    let ours: Vec<&String> =
        apis.iter().filter(|(_, api)| api["tags"]["hatoba:owner"] == owner).map(|(id, _)| id).collect();
    let mut found = BTreeSet::new();
    for collection in ["apis", "integrations", "routes", "stages"] {
        for (id, object) in harbour.live("apigatewayv2", collection) {
            if ours.iter().any(|api| id.starts_with(api.as_str())) {
                found.insert((collection.to_owned(), id, object["description"].to_string()));
            }
        }
    }
    found
}

#[tokio::test(start_paused = true)]
async fn two_owners_with_the_same_documents_have_one_of_each_and_leave_each_other_alone() {
    let documents = format!("{SHOP}---\n{STAYS}");
    let (first, second) = two_on(&documents);
    both_converge(&first, &second).await;
    for owner in ["first", "second"] {
        let names: Vec<String> = of_owner(&first, owner).into_iter().map(|(name, ..)| name).collect();
        assert_eq!(names, ["apis", "apis", "integrations", "routes", "stages"], "{owner}");
    }
    let of_second = of_owner(&first, "second");

    // The first changes its own, and then takes it back: the other's stays as it was, and opens no fuse.
    let changed = documents.replacen("spec: {}", "spec: { description: changed }", 1);
    for_minutes(5, (&first, &changed), (&second, &documents)).await;
    assert_eq!(of_owner(&first, "second"), of_second);
    for_minutes(30, (&first, STAYS), (&second, &documents)).await;
    let left: Vec<String> = of_owner(&first, "first").into_iter().map(|(name, ..)| name).collect();
    assert_eq!(left, ["apis"], "{:?}\n{}", held(&first), first.calls_text());
    assert_eq!(of_owner(&first, "second"), of_second);
    assert_eq!((held(&first), held(&second)), (vec![], vec![]));

    // The source of the second is emptied: what the first has is no document that stayed.
    for_minutes(40, (&first, STAYS), (&second, "")).await;
    assert_eq!(of_owner(&first, "second"), of_second);
    assert_eq!((held(&first), held(&second)), (vec![], vec!["FuseOpen".to_owned()]));
}

/// Names that AWS keeps unique are whose they were first: the other one says so, and writes nothing to them.
#[tokio::test(start_paused = true)]
async fn what_is_there_once_belongs_to_one_owner_and_the_other_says_so() {
    let mut first = Harbour::with(owned_by("first"), Config::default());
    first.start(ARTICLE);
    first.converge(TEN_MINUTES).await;
    first.wait(2 * MINUTE).await;
    first.clear_calls();
    let unique: Vec<&str> = ARTICLE
        .split("\n---\n")
        .filter(|text| text.contains("kind: PrivateDnsNamespace\n") || text.contains("kind: EcsService\n"))
        .map(|text| text.split("  serviceRegistries:").next().unwrap_or(text))
        .collect();
    let unique = unique.join("\n---\n");
    let mut second = first.neighbour();
    second.options = owned_by("second");
    second.renew();
    second.start(&unique);
    second.wait(TEN_MINUTES).await;
    for (kind, name) in [("PrivateDnsNamespace", "private-example-com"), ("EcsService", "great-service")] {
        let synced = second.status(kind, name).synced;
        assert_eq!(synced.reason.as_str(), "OwnedByAnother", "{}", second.describe());
        assert_ne!(synced.status, Truth::True, "{kind}/{name}");
    }
    // And when its documents go, nothing of the first goes with them.
    for_minutes(40, (&first, ARTICLE), (&second, "")).await;
    first.wait(Duration::from_secs(30)).await;
    assert_eq!(first.write_names(), [""; 0], "{}", first.calls_text());
    first.assert_the_article_stands("beside another owner");
}
