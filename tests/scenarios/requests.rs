//! What people ask of a running daemon, left beside its status documents.

use std::time::Duration;

use hatoba_core::{Acknowledgement, Key};
use hatoba_engine::{HeldTogether, Look, Requests, acknowledge_here, ask_to_look, held_here};
use hatoba_source::Keep;
use hatoba_tests::{ARTICLE, Harbour};

use crate::prune::{HOUR, MINUTE, converged, for_minutes, held, writes};

fn keep() -> (tempfile::TempDir, Keep) {
    let folder = tempfile::tempdir().unwrap();
    let keep = Keep::folder(folder.path().join(".hatoba"));
    (folder, keep)
}

/// Calls in the seconds after a look at the requests.
async fn calls_after(harbour: &Harbour, requests: &mut Requests) -> Vec<String> {
    harbour.clear_calls();
    requests.look(&harbour.engine, true).await;
    harbour.wait(Duration::from_secs(5)).await;
    harbour.calls().into_iter().map(|call| call.operation).collect()
}

#[tokio::test(start_paused = true)]
async fn a_request_is_carried_out_once_and_an_old_one_never() {
    let harbour = converged().await;
    let (_folder, keep) = keep();
    let at = |second| Look { document: None, at: harbour.now() + Duration::from_secs(second) };
    ask_to_look(&keep, &at(1)).await.unwrap();
    let mut requests = Requests::new(keep.clone());
    assert_eq!(calls_after(&harbour, &mut requests).await, [""; 0], "it stood there before");

    ask_to_look(&keep, &at(2)).await.unwrap();
    assert!(calls_after(&harbour, &mut requests).await.len() > 5, "everything");
    assert_eq!(calls_after(&harbour, &mut requests).await, [""; 0], "once");

    let one = Look { document: Some(Key::new("VpcLink", "fine-vpc-link")), ..at(60) };
    ask_to_look(&keep, &one).await.unwrap();
    let calls = calls_after(&harbour, &mut requests).await;
    assert!(
        calls.contains(&"GetVpcLinks".to_owned()) && !calls.contains(&"DescribeServices".to_owned()),
        "{calls:?}"
    );

    let nobody = Look { document: Some(Key::new("VpcLink", "gone")), ..at(120) };
    ask_to_look(&keep, &nobody).await.unwrap();
    assert_eq!(calls_after(&harbour, &mut requests).await, [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn of_two_requests_at_nearly_one_time_none_is_lost() {
    let harbour = converged().await;
    let (_folder, keep) = keep();
    let mut requests = Requests::new(keep.clone());
    requests.look(&harbour.engine, true).await;
    for (kind, name, second) in [("VpcLink", "fine-vpc-link", 1), ("EcsService", "great-service", 5)] {
        let at = harbour.now() + Duration::from_secs(second);
        ask_to_look(&keep, &Look { document: Some(Key::new(kind, name)), at }).await.unwrap();
    }
    let calls = calls_after(&harbour, &mut requests).await;
    for operation in ["GetVpcLinks", "DescribeServices"] {
        assert!(calls.iter().any(|call| call == operation), "{operation}: {calls:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_held_is_told_and_goes_when_it_is_acknowledged() {
    let harbour = converged().await;
    let (_folder, keep) = keep();
    let mut requests = Requests::new(keep.clone());
    requests.look(&harbour.engine, true).await;
    assert_eq!(held_here(&keep).await.unwrap(), None);
    for_minutes(&harbour, 15, "").await;
    requests.look(&harbour.engine, true).await;
    let HeldTogether { hash, documents } = held_here(&keep).await.unwrap().unwrap();
    assert_eq!(Some((hash, documents.clone())), harbour.engine.held_together());

    acknowledge_here(&keep, &Acknowledgement::new(documents, harbour.now())).await.unwrap();
    requests.look(&harbour.engine, false).await;
    harbour.wait(MINUTE).await;
    assert_eq!(
        (writes(&harbour).len(), held(&harbour)),
        (0, vec!["FuseOpen".to_owned()]),
        "only who leads hears it"
    );
    requests.look(&harbour.engine, true).await;
    for_minutes(&harbour, HOUR - 5, "").await;
    assert_eq!(harbour.live("apigatewayv2", "apis").len(), 0, "{}", harbour.calls_text());
    assert_eq!(harbour.live("ecs", "services").len(), 0);
    requests.look(&harbour.engine, true).await;
    assert_eq!(held_here(&keep).await.unwrap(), None);
}

#[tokio::test(start_paused = true)]
async fn after_a_restart_in_the_middle_the_rest_goes_too() {
    let mut harbour = converged().await;
    let (_folder, keep) = keep();
    for_minutes(&harbour, 15, "").await;
    let mut requests = Requests::new(keep.clone());
    requests.look(&harbour.engine, true).await;
    let held = held_here(&keep).await.unwrap().unwrap();
    acknowledge_here(&keep, &Acknowledgement::new(held.documents, harbour.now())).await.unwrap();
    requests.look(&harbour.engine, true).await;
    while harbour.writes().is_empty() {
        for_minutes(&harbour, 1, "").await;
    }
    harbour.kill_and_restart("");
    let mut requests = Requests::new(keep);
    for _ in 0..30 {
        for_minutes(&harbour, 1, "").await;
        requests.look(&harbour.engine, true).await;
    }
    assert_eq!(harbour.live("apigatewayv2", "apis").len(), 0, "{}", harbour.calls_text());
}

#[tokio::test(start_paused = true)]
async fn an_acknowledgement_is_for_one_absence_whoever_leads_at_the_next() {
    let mut harbour = converged().await;
    let (folder, keep) = keep();
    for_minutes(&harbour, 15, "").await;
    let mut requests = Requests::new(keep.clone());
    requests.look(&harbour.engine, true).await;
    let held_set = held_here(&keep).await.unwrap().unwrap();
    acknowledge_here(&keep, &Acknowledgement::new(held_set.documents, harbour.now())).await.unwrap();
    requests.look(&harbour.engine, true).await;
    for_minutes(&harbour, 15, "").await;
    let living = |harbour: &Harbour| harbour.live("apigatewayv2", "apis").len();
    assert_eq!(living(&harbour), 0, "{}", harbour.calls_text());

    // It comes back, and whoever said that it may go is forgotten also by those who never heard it.
    harbour.documents(ARTICLE);
    harbour.converge(Duration::from_secs(600)).await;
    harbour.kill_and_restart(ARTICLE);
    harbour.wait(MINUTE).await;
    let mut requests = Requests::new(keep.clone());
    requests.look(&harbour.engine, false).await;
    let word = folder.path().join(".hatoba/requests/acknowledge.json");
    assert!(word.exists(), "a standby touches nothing");
    requests.look(&harbour.engine, true).await;
    assert!(!word.exists(), "so that nobody takes it for a new one");
    harbour.kill_and_restart("");
    let mut requests = Requests::new(keep.clone());
    harbour.clear_calls();
    for _ in 0..15 {
        for_minutes(&harbour, 1, "").await;
        requests.look(&harbour.engine, true).await;
    }
    assert_eq!((living(&harbour), held(&harbour)), (1, vec!["FuseOpen".to_owned()]));
    assert_eq!(writes(&harbour), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn garbage_asks_for_nothing() {
    let harbour = converged().await;
    let (folder, keep) = keep();
    let mut requests = Requests::new(keep);
    requests.look(&harbour.engine, true).await;
    let place = folder.path().join(".hatoba/requests");
    std::fs::create_dir_all(&place).unwrap();
    for garbage in ["", "{", "null", "[]", "{\"at\": 1}", "\u{0}"] {
        std::fs::write(place.join("reconcile.json"), garbage).unwrap();
        std::fs::write(place.join("acknowledge.json"), garbage).unwrap();
        assert_eq!(calls_after(&harbour, &mut requests).await, [""; 0], "{garbage:?}");
    }
    harbour.documents(ARTICLE);
    assert_eq!(writes(&harbour), [""; 0]);
}
