//! A document is its kind and its name: what changes either is another document, what changes neither is no deletion.

use hatoba_tests::{ARTICLE, Harbour, snapshot_of};
use serde_json::Value;

use crate::prune::{GRACE, MINUTE, TEN_MINUTES, explicit, for_minutes, held, writes};

fn document(kind: &str, name: &str) -> String {
    format!("apiVersion: hatoba/v1\nkind: {kind}\nmetadata: {{ name: {name} }}\nspec: {{}}\n")
}

/// Whether an API and a cluster of that name are there.
fn is_there(harbour: &Harbour, name: &str) -> (bool, bool) {
    let apis = harbour.live("apigatewayv2", "apis");
    (apis.values().any(|api| api["name"] == name), harbour.live("ecs", "clusters").contains_key(name))
}

/// The same file, the same name, another kind: the old resource goes after the grace, the new one comes at once.
#[tokio::test(start_paused = true)]
async fn a_changed_kind_is_a_deletion_and_a_new_document() {
    let stays = document("HttpApi", "stays");
    let before = format!("{}---\n{stays}", document("HttpApi", "shop"));
    let after = format!("{}---\n{stays}", document("EcsCluster", "shop"));
    let harbour = Harbour::converged(explicit(), &before).await;
    assert_eq!(is_there(&harbour, "shop"), (true, false));
    for_minutes(&harbour, 9, &after).await;
    assert_eq!(
        is_there(&harbour, "shop"),
        (true, true),
        "the new one is there, the old one within its grace"
    );
    assert_eq!((writes(&harbour), held(&harbour)), (vec!["ecs.CreateCluster".into()], vec!["Grace".into()]));
    for_minutes(&harbour, 10, &after).await;
    assert_eq!(is_there(&harbour, "shop"), (false, true), "{}", harbour.calls_text());
    assert_eq!(writes(&harbour), ["ecs.CreateCluster", "apigatewayv2.DeleteApi"]);
    assert!(is_there(&harbour, "stays").0);

    // Back in time nothing is lost, and what came meanwhile goes.
    harbour.clear_calls();
    for_minutes(&harbour, 30, &before).await;
    assert_eq!(is_there(&harbour, "shop"), (true, false), "{}", harbour.calls_text());
}

/// A kind that is put back within the grace finds its resource as it was.
#[tokio::test(start_paused = true)]
async fn a_kind_that_is_changed_back_in_time_keeps_its_resource() {
    let stays = document("HttpApi", "stays");
    let before = format!("{}---\n{stays}", document("HttpApi", "shop"));
    let after = format!("{}---\n{stays}", document("EcsCluster", "shop"));
    let harbour = Harbour::converged(explicit(), &before).await;
    let ids: Vec<String> = harbour.objects("apigatewayv2", "apis").into_keys().collect();
    for_minutes(&harbour, 5, &after).await;
    for_minutes(&harbour, 30, &before).await;
    assert_eq!(harbour.objects("apigatewayv2", "apis").into_keys().collect::<Vec<_>>(), ids);
    assert!(!is_there(&harbour, "shop").1, "{}", harbour.calls_text());
}

/// Renamed files, documents that move from one file to another, in any order in them: nothing is written.
#[tokio::test(start_paused = true)]
async fn a_renamed_file_and_a_moved_document_are_no_deletion() {
    let harbour = Harbour::converged(explicit(), ARTICLE).await;
    let documents: Vec<&str> = ARTICLE.split("\n---\n").collect();
    let backwards = documents.iter().rev().copied().collect::<Vec<_>>().join("\n---\n");
    let (head, tail) = documents.split_at(3);
    let layouts: Vec<Vec<(String, String)>> = vec![
        vec![("renamed.yaml".to_owned(), ARTICLE.to_owned())],
        vec![("deep/er/all.yml".to_owned(), backwards)],
        vec![("a.yaml".to_owned(), head.join("\n---\n")), ("b.yaml".to_owned(), tail.join("\n---\n"))],
        documents.iter().enumerate().map(|(n, text)| (format!("{n}.yaml"), (*text).to_owned())).collect(),
    ];
    for layout in layouts {
        let begun = tokio::time::Instant::now();
        while begun.elapsed() < GRACE + TEN_MINUTES {
            harbour.engine.accept(snapshot_of(layout.clone()));
            harbour.wait(MINUTE).await;
        }
        assert_eq!((writes(&harbour), held(&harbour)), (vec![], vec![]), "{:?}", layout[0].0);
        harbour.assert_the_article_stands(&layout[0].0);
    }
    let tags: Value = harbour.only("apigatewayv2", "apis").1["tags"].clone();
    assert_eq!(tags["hatoba:document"], "HttpApi/crazy-api");
}
