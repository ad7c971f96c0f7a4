//! An open fuse outlives the process: whoever starts or takes over holds what was held, whatever joined the source since.

use std::time::Duration;

use hatoba_aws_model::Request;
use hatoba_core::Acknowledgement;
use hatoba_engine::{Leadership, Requests, acknowledge_here, held_here};
use hatoba_source::Keep;
use hatoba_tests::Harbour;
use serde_json::json;

use crate::prune::{MINUTE, explicit, held};

fn apis(names: &[&str]) -> String {
    let api = |name: &&str| {
        format!("apiVersion: hatoba/v1\nkind: HttpApi\nmetadata: {{ name: {name} }}\nspec: {{}}\n")
    };
    names.iter().map(api).collect::<Vec<_>>().join("---\n")
}

const OLD: [&str; 3] = ["old-1", "old-2", "old-3"];
const NEW: [&str; 2] = ["new-1", "new-2"];

/// A document that others are made of, and that nobody can expand.
const HELD: &str = "apiVersion: hatoba/v1\nkind: HttpService\nmetadata: { name: bad }\nspec: { x: 1 }\n";

fn old_ones(harbour: &Harbour) -> usize {
    let apis = harbour.live("apigatewayv2", "apis").into_values();
    apis.filter(|api| api["name"].as_str().is_some_and(|name| name.starts_with("old"))).count()
}

/// The source says this, and people are heard, as in a daemon.
async fn for_minutes(harbour: &Harbour, requests: &mut Requests, leads: bool, minutes: u32, documents: &str) {
    for _ in 0..minutes {
        harbour.documents(documents);
        requests.look(&harbour.engine, leads).await;
        harbour.wait(MINUTE).await;
    }
    requests.look(&harbour.engine, leads).await;
}

fn folder() -> (tempfile::TempDir, Keep) {
    let folder = tempfile::tempdir().unwrap();
    let keep = Keep::folder(folder.path().join(".hatoba"));
    (folder, keep)
}

/// The source was swapped for another one, and the fuse holds what was there before.
async fn swapped(keep: &Keep) -> Harbour {
    let harbour = Harbour::converged(explicit(), &apis(&OLD)).await;
    let mut requests = Requests::new(keep.clone());
    for_minutes(&harbour, &mut requests, true, 20, &apis(&NEW)).await;
    assert_eq!((held(&harbour), old_ones(&harbour)), (vec!["FuseOpen".to_owned()], 3));
    assert_eq!(held_here(keep).await.unwrap().unwrap().documents.len(), 3);
    harbour
}

fn start_again(harbour: &mut Harbour, documents: &str) {
    harbour.kill();
    harbour.renew();
    harbour.engine.ask_for_held();
    harbour.start(documents);
}

#[tokio::test(start_paused = true)]
async fn a_restart_does_not_close_the_fuse() {
    let (_folder, keep) = folder();
    let mut harbour = swapped(&keep).await;
    // Also one that never comes so far as to know what vanished.
    for seconds in [0, 1, 2, 1_800] {
        start_again(&mut harbour, &apis(&NEW));
        let mut requests = Requests::new(keep.clone());
        requests.look(&harbour.engine, true).await;
        harbour.wait(Duration::from_secs(seconds)).await;
        for_minutes(&harbour, &mut requests, true, if seconds > 60 { 40 } else { 0 }, &apis(&NEW)).await;
        assert_eq!(held_here(&keep).await.unwrap().unwrap().documents.len(), 3, "{seconds}");
    }
    assert_eq!((held(&harbour), old_ones(&harbour)), (vec!["FuseOpen".to_owned()], 3));

    let documents = held_here(&keep).await.unwrap().unwrap().documents;
    acknowledge_here(&keep, &Acknowledgement::new(documents, harbour.now())).await.unwrap();
    let mut requests = Requests::new(keep.clone());
    for_minutes(&harbour, &mut requests, true, 20, &apis(&NEW)).await;
    assert_eq!(old_ones(&harbour), 0, "{:?}", held(&harbour));
    assert_eq!(held_here(&keep).await.unwrap(), None);
}

/// A word counts for an hour. What AWS did not let go in that time takes another one.
#[tokio::test(start_paused = true)]
async fn a_word_that_is_over_can_be_given_again() {
    let (_folder, keep) = folder();
    let harbour = swapped(&keep).await;
    harbour.world().faults().fail("DeleteApi", 10_000, 403, "AccessDeniedException", "no");
    let documents = held_here(&keep).await.unwrap().unwrap().documents;
    let mut requests = Requests::new(keep.clone());
    for (minutes, held_now, left) in [(70, vec!["FuseOpen".to_owned()], 3), (20, vec![], 0)] {
        acknowledge_here(&keep, &Acknowledgement::new(documents.clone(), harbour.now())).await.unwrap();
        for_minutes(&harbour, &mut requests, true, minutes, &apis(&NEW)).await;
        assert_eq!((held(&harbour), old_ones(&harbour)), (held_now, left));
        harbour.world().faults().clear();
    }
}

#[tokio::test(start_paused = true)]
async fn who_takes_over_holds_what_was_held() {
    let (_folder, keep) = folder();
    let mut harbour = Harbour::converged(explicit(), &apis(&OLD)).await;
    // It was there before the source was swapped, and heard of nothing held.
    let mut standby = harbour.neighbour();
    standby.engine.set_leadership(Leadership::StandsBy(None));
    standby.engine.ask_for_held();
    standby.start(&apis(&OLD));
    let mut heard = Requests::new(keep.clone());
    for_minutes(&standby, &mut heard, false, 2, &apis(&OLD)).await;
    let mut requests = Requests::new(keep.clone());
    for_minutes(&harbour, &mut requests, true, 20, &apis(&NEW)).await;
    harbour.kill();
    // It reads the swapped source later than the other one: what was made meanwhile was there before, as it sees it.
    for_minutes(&standby, &mut Requests::new(Keep::Nowhere), false, 5, &apis(&NEW)).await;
    standby.engine.set_leadership(Leadership::Unasked);
    for_minutes(&standby, &mut heard, true, 40, &apis(&NEW)).await;
    assert_eq!((held(&standby), old_ones(&standby)), (vec!["FuseOpen".to_owned()], 3));
}

/// Two count what vanished, and one of them makes what is new: the other one did not see it there before either.
#[tokio::test(start_paused = true)]
async fn what_another_leader_makes_closes_no_fuse() {
    // It reads the source before the new ones are made, while they are, or when it has listed them.
    for (meanwhile, lasts) in [(&[][..], 1), (&NEW[..], 1), (&OLD[..], 7)] {
        let first = Harbour::converged(explicit(), &apis(&OLD)).await;
        let second = first.beside(&apis(&OLD));
        second.wait(2 * MINUTE).await;
        first.documents(&apis(&NEW));
        first.wait(Duration::from_secs(5)).await;
        for _ in 0..lasts {
            second.documents(&apis(meanwhile));
            second.wait(MINUTE).await;
        }
        for _ in 0..30 {
            [&first, &second].iter().for_each(|harbour| harbour.documents(&apis(&NEW)));
            second.wait(MINUTE).await;
        }
        assert_eq!(first.live("apigatewayv2", "apis").len(), OLD.len() + NEW.len(), "{meanwhile:?}");
        let open = || vec!["FuseOpen".to_owned()];
        assert_eq!((held(&first), held(&second)), (open(), open()), "{meanwhile:?}");
    }
}

/// While one document is held that others are made of, nobody knows what is gone; what joined meanwhile did not stay.
#[tokio::test(start_paused = true)]
async fn a_source_that_was_swapped_while_nobody_could_tell_deletes_nothing() {
    let harbour = Harbour::converged(explicit(), &apis(&OLD)).await;
    let mut requests = Requests::new(Keep::Nowhere);
    let doubtful = format!("{}---\n{HELD}", apis(&NEW));
    for_minutes(&harbour, &mut requests, true, 5, &doubtful).await;
    assert_eq!(harbour.live("apigatewayv2", "apis").len(), OLD.len() + NEW.len(), "what is new is made");
    for_minutes(&harbour, &mut requests, true, 40, &apis(&NEW)).await;
    assert_eq!((held(&harbour), old_ones(&harbour)), (vec!["FuseOpen".to_owned()], 3));
}

/// A tool that writes first what is new, and then deletes what is old, is seen half way.
#[tokio::test(start_paused = true)]
async fn a_source_that_was_swapped_in_two_halves_deletes_nothing() {
    for apart in [1, 9] {
        let harbour = Harbour::converged(explicit(), &apis(&OLD)).await;
        let mut requests = Requests::new(Keep::Nowhere);
        let both: Vec<&str> = OLD.iter().chain(&NEW).copied().collect();
        for_minutes(&harbour, &mut requests, true, apart, &apis(&both)).await;
        for_minutes(&harbour, &mut requests, true, 40, &apis(&NEW)).await;
        assert_eq!((held(&harbour), old_ones(&harbour)), (vec!["FuseOpen".to_owned()], 3), "{apart}");
    }
}

/// What was held for a while, because of one letter in a document that it is a part of, has been there all the time.
#[tokio::test(start_paused = true)]
async fn one_letter_wrong_opens_no_fuse() {
    let service = |routes: &str, network: &str| {
        format!(
            "apiVersion: hatoba/v1\nkind: HttpService\nmetadata: {{ name: shop }}\nspec:\n  namespace: private.example.com\n  \
             {network}:\n    vpcSelector: {{ tags: {{ Name: awesome-vpc }} }}\n    subnetSelector: {{ tags: {{ Tier: private }} }}\n    \
             securityGroupSelector: {{ tags: {{ Name: great-sg }} }}\n  discovery: {{ name: shop-discovery }}\n  \
             service: {{ cluster: main, taskDefinition: great-task:1, desiredCount: 1, port: 80 }}\n  \
             api: {{ name: shop-api, routes: [{routes}] }}\n"
        )
    };
    let two = "{ routeKey: GET /a, authorizationType: NONE }, { routeKey: GET /b, authorizationType: NONE }";
    let one = "{ routeKey: GET /a, authorizationType: NONE }";
    let harbour = Harbour::converged(explicit(), &service(two, "network")).await;
    let mut requests = Requests::new(Keep::Nowhere);
    for_minutes(&harbour, &mut requests, true, 3, &service(one, "netwrok")).await;
    assert_eq!(harbour.live("apigatewayv2", "routes").len(), 2);
    for_minutes(&harbour, &mut requests, true, 9, &service(one, "network")).await;
    assert_eq!((held(&harbour), harbour.live("apigatewayv2", "routes").len()), (vec!["Grace".to_owned()], 2));
    for_minutes(&harbour, &mut requests, true, 3, &service(one, "network")).await;
    assert_eq!((held(&harbour), harbour.live("apigatewayv2", "routes").len()), (vec![], 1));
}

/// One that somebody else uses stays for good; it must not keep the fuse open for all that come later.
#[tokio::test(start_paused = true)]
async fn what_cannot_go_does_not_keep_the_fuse_from_closing() {
    let link = "apiVersion: hatoba/v1\nkind: VpcLink\nmetadata: { name: link }\nspec:\n  subnetSelector: { tags: { Tier: private } }\n  \
                securityGroupSelector: { tags: { Name: great-sg } }\n";
    let harbour = Harbour::converged(explicit(), &format!("{}---\n{link}", apis(&OLD))).await;
    let (_, link) = harbour.only("apigatewayv2", "vpcLinks");
    let theirs = Request::rest("POST", "/v2/apis", &json!({ "name": "theirs", "protocolType": "HTTP" }));
    let api = harbour.meddle(&theirs).await;
    let uri = format!("/v2/apis/{}/integrations", api["apiId"].as_str().unwrap());
    let uses = json!({
        "integrationType": "HTTP_PROXY", "integrationMethod": "ANY", "payloadFormatVersion": "1.0",
        "connectionType": "VPC_LINK", "connectionId": link["vpcLinkId"],
        "integrationUri": "arn:aws:servicediscovery:us-east-1:123456789012:service/srv-theirs",
    });
    harbour.meddle(&Request::rest("POST", &uri, &uses)).await;
    let mut requests = Requests::new(Keep::Nowhere);
    for_minutes(&harbour, &mut requests, true, 30, &apis(&OLD)).await;
    let refused = ["BadRequestException"];
    assert_eq!(held(&harbour), refused, "AWS deletes no link in use");
    let all: Vec<&str> = OLD.iter().chain(&NEW).copied().collect();
    for_minutes(&harbour, &mut requests, true, 30, &apis(&all)).await;
    for_minutes(&harbour, &mut requests, true, 30, &apis(&NEW)).await;
    assert_eq!((held(&harbour), old_ones(&harbour)), (refused.map(str::to_owned).to_vec(), 0));
}

/// Documents come and go all the time, one at a time: what joined long ago has stayed by now.
#[tokio::test(start_paused = true)]
async fn where_one_comes_and_one_goes_again_and_again_the_fuse_stays_closed() {
    let names: Vec<String> = (0..40).map(|n| format!("n-{n}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let harbour = Harbour::converged(explicit(), &apis(&names[..6])).await;
    for begun in 1..30 {
        for _ in 0..5 {
            harbour.documents(&apis(&names[begun..begun + 6]));
            harbour.wait(MINUTE).await;
        }
        assert!(!held(&harbour).contains(&"FuseOpen".to_owned()), "after {begun}");
    }
    assert!(harbour.live("apigatewayv2", "apis").len() < 10);
}

#[tokio::test(start_paused = true)]
async fn with_a_document_back_the_fuse_closes_and_the_grace_begins_anew() {
    let (_folder, keep) = folder();
    let mut harbour = swapped(&keep).await;
    start_again(&mut harbour, &apis(&NEW));
    let mut requests = Requests::new(keep.clone());
    for_minutes(&harbour, &mut requests, true, 20, &apis(&NEW)).await;
    assert_eq!(held(&harbour), ["FuseOpen"]);
    let one_back = apis(&["old-1", "new-1", "new-2"]);
    for_minutes(&harbour, &mut requests, true, 9, &one_back).await;
    assert_eq!((held(&harbour), old_ones(&harbour)), (vec!["Grace".to_owned()], 3));
    for_minutes(&harbour, &mut requests, true, 10, &one_back).await;
    assert_eq!(old_ones(&harbour), 1);
    assert_eq!(held_here(&keep).await.unwrap(), None);
}

#[tokio::test(start_paused = true)]
async fn a_document_that_cannot_be_expanded_for_a_while_does_not_close_the_fuse() {
    let (_folder, keep) = folder();
    let harbour = swapped(&keep).await;
    let mut requests = Requests::new(keep.clone());
    let doubtful = format!("{}---\n{HELD}", apis(&NEW));
    for_minutes(&harbour, &mut requests, true, 5, &doubtful).await;
    assert_eq!(held_here(&keep).await.unwrap().unwrap().documents.len(), 3, "nobody can tell");
    for_minutes(&harbour, &mut requests, true, 40, &apis(&NEW)).await;
    assert_eq!((held(&harbour), old_ones(&harbour)), (vec!["FuseOpen".to_owned()], 3));
}

#[tokio::test(start_paused = true)]
async fn what_was_told_is_caution_alone_and_may_be_thrown_away() {
    let (folder, keep) = folder();
    let mut harbour = swapped(&keep).await;
    std::fs::remove_dir_all(folder.path().join(".hatoba")).unwrap();
    start_again(&mut harbour, &apis(&NEW));
    let mut requests = Requests::new(keep.clone());
    for_minutes(&harbour, &mut requests, true, 20, &apis(&NEW)).await;
    assert_eq!(old_ones(&harbour), 0, "they are few, and others stayed");
    // And what is told of documents that are there deletes nothing.
    let documents = [hatoba_core::Key::new("HttpApi", "new-1")].into();
    let told = serde_json::json!({ "hash": hatoba_core::Digest::of(&documents as &std::collections::BTreeSet<_>), "documents": documents });
    std::fs::create_dir_all(folder.path().join(".hatoba")).unwrap();
    std::fs::write(folder.path().join(".hatoba/held.json"), told.to_string()).unwrap();
    start_again(&mut harbour, &apis(&NEW));
    let mut requests = Requests::new(keep.clone());
    for_minutes(&harbour, &mut requests, true, 20, &apis(&NEW)).await;
    assert_eq!((harbour.live("apigatewayv2", "apis").len(), held(&harbour).len()), (2, 0));
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_read_is_waited_for_and_not_for_ever() {
    let (folder, keep) = folder();
    let mut harbour = swapped(&keep).await;
    let file = folder.path().join(".hatoba/held.json");
    std::fs::remove_file(&file).unwrap();
    std::fs::create_dir(&file).unwrap();
    start_again(&mut harbour, &apis(&NEW));
    let mut requests = Requests::new(keep.clone());
    for_minutes(&harbour, &mut requests, true, 55, &apis(&NEW)).await;
    assert_eq!((held(&harbour), old_ones(&harbour)), (vec!["HeldUnread".to_owned()], 3));
    assert!(harbour.engine.metrics_text().contains("hatoba_prune_held 3"));
    for_minutes(&harbour, &mut requests, true, 20, &apis(&NEW)).await;
    assert_eq!(old_ones(&harbour), 0, "{:?}", held(&harbour));
}
