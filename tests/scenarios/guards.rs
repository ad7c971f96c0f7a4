//! What keeps a resource whose document is gone: the owner, the policy, the grace, the source, the fuse.

use std::time::Duration;

use hatoba_aws_model::Request;
use hatoba_engine::Options;
use hatoba_source::{Snapshot, Unreadable};
use hatoba_tests::{ARTICLE, Harbour, article_without, snapshot};
use serde_json::json;

use crate::prune::{HOUR, MINUTE, TEN_MINUTES, WAY_IN, converged, explicit, for_minutes, held, writes};

#[tokio::test(start_paused = true)]
async fn one_listing_is_not_enough_however_long_ago() {
    let harbour = converged().await;
    let left = article_without(&[
        "VpcLink/fine-vpc-link",
        "Integration/to-great-service",
        "Route/default-route",
        "Stage/default-stage",
    ]);
    harbour.documents(&left);
    harbour.wait(HOUR * MINUTE).await;
    assert_eq!(writes(&harbour), [""; 0]);
    assert_eq!(held(&harbour), ["Grace"]);
    harbour.documents(&left);
    harbour.documents(&left);
    harbour.wait(TEN_MINUTES).await;
    assert_eq!(
        harbour.live("apigatewayv2", "vpcLinks").len(),
        0,
        "{:?}\n{}",
        held(&harbour),
        harbour.calls_text()
    );
}

#[tokio::test(start_paused = true)]
async fn without_an_explicit_owner_nothing_ever_goes() {
    let harbour = Harbour::converged(Options { owner_is_explicit: false, ..explicit() }, ARTICLE).await;
    for_minutes(&harbour, HOUR, &article_without(&WAY_IN)).await;
    assert_eq!(writes(&harbour), [""; 0]);
    assert_eq!(held(&harbour), ["OwnerNotExplicit"]);
}

#[tokio::test(start_paused = true)]
async fn what_is_to_be_retained_stays() {
    let retained = ARTICLE.replacen(
        "name: crazy-api }\nspec: {}",
        "name: crazy-api }\npolicy: { deletion: Retain }\nspec: {}",
        1,
    );
    assert_ne!(retained, ARTICLE);
    let harbour = Harbour::converged(explicit(), &retained).await;
    for_minutes(&harbour, HOUR, &article_without(&WAY_IN)).await;
    // The API, and with it what cannot say so itself, is handed over; what says Delete goes.
    let mut done = writes(&harbour);
    done.sort();
    let handed_over = ["apigatewayv2.UntagResource", "apigatewayv2.UpdateIntegration"];
    assert_eq!(done, [&["apigatewayv2.DeleteStage"], &handed_over[..]].concat(), "{}", harbour.calls_text());
    assert_eq!(harbour.objects("apigatewayv2", "integrations").len(), 1);
    assert_eq!(harbour.objects("apigatewayv2", "routes").len(), 1);
    assert_eq!(held(&harbour), ["InUse"], "the link, by what was handed over");
}

#[tokio::test(start_paused = true)]
async fn a_policy_that_turned_to_retain_before_the_document_went_is_kept() {
    let harbour = converged().await;
    let retained = ARTICLE.replacen(
        "name: fine-vpc-link }\n",
        "name: fine-vpc-link }\npolicy: { deletion: Retain }\n",
        1,
    );
    harbour.documents(&retained);
    harbour.wait(MINUTE).await;
    assert_eq!(writes(&harbour), ["apigatewayv2.TagResource"]);
    harbour.clear_calls();
    for_minutes(&harbour, 30, &article_without(&WAY_IN)).await;
    assert_eq!(harbour.live("apigatewayv2", "vpcLinks").len(), 1);
    assert_eq!(harbour.objects("apigatewayv2", "apis").len(), 0);
}

#[tokio::test(start_paused = true)]
async fn nothing_goes_while_the_source_is_in_doubt() {
    type Doubt = fn(&Harbour, &str);
    let unreadable: Doubt = |harbour, left| {
        let unreadable = vec![Unreadable { file: "other.yaml".to_owned(), reason: "no".to_owned() }];
        harbour.engine.accept(Snapshot { unreadable, ..snapshot(left) });
    };
    let failing: Doubt = |harbour, left| {
        harbour.documents(left);
        harbour.engine.accept_error(hatoba_core::Cause::new("SourceUnreadable", "no"));
    };
    let written: Doubt = |harbour, left| {
        harbour.engine.accept(Snapshot { is_settling: true, ..snapshot(left) });
    };
    for (what, doubt, reasons) in [
        ("a file is unreadable", unreadable, "SourceIncomplete"),
        ("a file is being written", written, "SourceIncomplete"),
        ("the source fails", failing, "SourceIncomplete"),
    ] {
        let harbour = converged().await;
        let left = article_without(&WAY_IN);
        for _ in 0..HOUR {
            doubt(&harbour, &left);
            harbour.wait(MINUTE).await;
        }
        assert_eq!(writes(&harbour), [""; 0], "{what}");
        assert_eq!(held(&harbour), [reasons], "{what}");
        for_minutes(&harbour, 20, &left).await;
        assert_eq!(writes(&harbour).len(), 5, "{what}: and when it is over they go: {:?}", held(&harbour));
    }
}

/// In a file that cannot be read it may stand until the moment that the file goes: the grace begins with the first look
/// that is complete.
#[tokio::test(start_paused = true)]
async fn what_may_have_stood_in_a_file_that_could_not_be_read_has_the_whole_grace() {
    let harbour = converged().await;
    let left = article_without(&WAY_IN);
    for _ in 0..30 {
        let unreadable = vec![Unreadable { file: "other.yaml".to_owned(), reason: "no".to_owned() }];
        harbour.engine.accept(Snapshot { unreadable, ..snapshot(&left) });
        harbour.wait(MINUTE).await;
    }
    for_minutes(&harbour, 10, &left).await;
    assert_eq!(writes(&harbour), [""; 0], "within the grace: {}", harbour.calls_text());
    for_minutes(&harbour, 10, &left).await;
    assert_eq!(writes(&harbour).len(), 5, "and then they go: {:?}", held(&harbour));
}

/// What a failing source held goes when the source is back, and not only at the next sweep.
#[tokio::test(start_paused = true)]
async fn a_source_that_failed_and_says_the_same_again_lets_go_at_once() {
    let slow = Options { resync: Duration::from_secs(6 * 3_600), ..explicit() };
    let harbour = Harbour::converged(slow, ARTICLE).await;
    let left = article_without(&["Route/default-route"]);
    for_minutes(&harbour, 8, &left).await;
    for _ in 0..HOUR {
        harbour.engine.accept_error(hatoba_core::Cause::new("SourceUnreadable", "no"));
        harbour.wait(MINUTE).await;
    }
    assert_eq!((writes(&harbour), held(&harbour)), (Vec::new(), vec!["SourceIncomplete".to_owned()]));
    for_minutes(&harbour, 15, &left).await;
    assert_eq!(writes(&harbour), ["apigatewayv2.DeleteRoute"], "{:?}", held(&harbour));
}

/// It may have been back while nobody could look: only the time counts in which it was seen to be absent.
#[tokio::test(start_paused = true)]
async fn the_time_in_which_the_source_fails_is_no_grace() {
    let harbour = converged().await;
    let left = article_without(&["Route/default-route"]);
    for_minutes(&harbour, 4, &left).await;
    for _ in 0..HOUR {
        harbour.engine.accept_error(hatoba_core::Cause::new("SourceUnreadable", "no"));
        harbour.wait(MINUTE).await;
    }
    // The first look that succeeds finds a file being written, and tells nothing of what is absent.
    harbour.engine.accept(Snapshot { is_settling: true, ..snapshot(&left) });
    for_minutes(&harbour, 6, &left).await;
    assert_eq!((writes(&harbour), held(&harbour)), (Vec::new(), vec!["Grace".to_owned()]));
    for_minutes(&harbour, 3, &left).await;
    assert_eq!(writes(&harbour), ["apigatewayv2.DeleteRoute"], "{:?}", held(&harbour));
}

#[tokio::test(start_paused = true)]
async fn a_source_of_which_every_other_look_fails_lets_go_all_the_same() {
    let harbour = converged().await;
    let left = article_without(&["Route/default-route"]);
    for _ in 0..2 * 22 {
        harbour.documents(&left);
        harbour.wait(MINUTE / 4).await;
        harbour.engine.accept_error(hatoba_core::Cause::new("SourceUnreadable", "no"));
        harbour.wait(MINUTE / 4).await;
    }
    harbour.documents(&left);
    harbour.wait(MINUTE).await;
    assert_eq!(writes(&harbour), ["apigatewayv2.DeleteRoute"], "{:?}", held(&harbour));
}

#[tokio::test(start_paused = true)]
async fn a_held_document_keeps_its_resource() {
    let harbour = converged().await;
    let broken = ARTICLE.replace("routeKey: $default", "routeKey: nonsense").replace("ttl: 60", "ttl: -1");
    for_minutes(&harbour, HOUR, &broken).await;
    assert_eq!(writes(&harbour), [""; 0]);
    harbour.assert_the_article_stands("held");
}

#[tokio::test(start_paused = true)]
async fn the_fuse_opens_when_too_much_goes_at_once() {
    let nothing = "# nothing left\n";
    let left = article_without(&WAY_IN);
    for (what, left, limit) in [("all documents are gone", nothing, 10), ("more than the limit", &left, 4)] {
        let harbour = Harbour::converged(Options { prune_limit: limit, ..explicit() }, ARTICLE).await;
        for_minutes(&harbour, HOUR, left).await;
        assert_eq!(writes(&harbour), [""; 0], "{what}");
        assert_eq!(held(&harbour), ["FuseOpen"], "{what}");
        // A list that fails for a while must not make the set look smaller than it is.
        harbour.world().faults().fail("GetVpcLinks", 100_000, 500, "InternalServerErrorException", "no");
        for_minutes(&harbour, HOUR, left).await;
        assert_eq!(writes(&harbour), [""; 0], "{what}: a list fails");
        harbour.world().faults().clear();
        for_minutes(&harbour, 15, left).await;
        assert_eq!((writes(&harbour).len(), held(&harbour)), (0, vec!["FuseOpen".to_owned()]), "{what}");
        harbour.documents(ARTICLE);
        harbour.wait(MINUTE).await;
        harbour.converge(TEN_MINUTES).await;
        assert_eq!((writes(&harbour).len(), held(&harbour).len()), (0, 0), "{what}: they came back");
    }
}

#[tokio::test(start_paused = true)]
async fn a_document_that_comes_back_in_time_finds_everything_as_it_was() {
    let harbour = converged().await;
    for _ in 0..4 {
        for_minutes(&harbour, 9, &article_without(&WAY_IN)).await;
        for_minutes(&harbour, 1, ARTICLE).await;
    }
    assert_eq!(writes(&harbour), [""; 0], "each absence has its own grace");
    harbour.converge(TEN_MINUTES).await;
    harbour.assert_the_article_stands("it came back");
}

#[tokio::test(start_paused = true)]
async fn what_bears_another_owners_mark_is_never_touched() {
    let harbour = converged().await;
    let marks = json!({ "hatoba:owner": "other", "hatoba:document": "HttpApi/gone", "hatoba:incarnation": "1", "hatoba:deletion": "Delete" });
    harbour
        .meddle(&Request::rest(
            "POST",
            "/v2/apis",
            &json!({ "name": "gone", "protocolType": "HTTP", "tags": marks }),
        ))
        .await;
    // And ours, taken over by somebody else within the grace.
    for_minutes(&harbour, 5, &article_without(&WAY_IN)).await;
    let link = harbour.only("apigatewayv2", "vpcLinks").0;
    let arn = format!("arn%3Aaws%3Aapigateway%3Aus-east-1%3A%3A%2Fvpclinks%2F{link}");
    harbour
        .meddle(&Request::rest(
            "POST",
            &format!("/v2/tags/{arn}"),
            &json!({ "tags": { "hatoba:owner": "other" } }),
        ))
        .await;
    for_minutes(&harbour, HOUR, &article_without(&WAY_IN)).await;
    assert_eq!(harbour.only("apigatewayv2", "apis").1["name"], "gone");
    assert_eq!(harbour.only("apigatewayv2", "vpcLinks").1["vpcLinkStatus"], "AVAILABLE");
}

#[tokio::test(start_paused = true)]
async fn a_restart_begins_the_grace_anew_and_finds_what_was_left() {
    let mut harbour = converged().await;
    let mut gone = WAY_IN.to_vec();
    gone.push("EcsService/great-service");
    let left = article_without(&gone);
    for _ in 0..5 {
        for_minutes(&harbour, 9, &left).await;
        harbour.kill_and_restart(&left);
    }
    assert_eq!(writes(&harbour), [""; 0]);
    // The first look for what no document names fails.
    harbour.world().faults().fail("ListClusters", 1, 500, "ServerException", "no");
    for_minutes(&harbour, 30, &left).await;
    assert_eq!(harbour.objects("apigatewayv2", "apis").len(), 0);
    assert_eq!(harbour.live("ecs", "services").len(), 0, "{:?}", held(&harbour));
}
