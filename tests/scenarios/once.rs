//! `run --once`: converge, then leave, and say truly which it was.

use std::time::Duration;

use hatoba_engine::Options;
use hatoba_tests::{ARTICLE, Harbour, snapshot};
use tokio_util::sync::CancellationToken;

/// A fresh process on what is there converges within so long, or does not.
async fn once(harbour: &mut Harbour, documents: &str, seconds: u64) -> bool {
    harbour.kill();
    harbour.renew();
    harbour.engine.accept(snapshot(documents));
    harbour.engine.clone().run_once(Duration::from_secs(seconds), CancellationToken::new()).await
}

#[tokio::test(start_paused = true)]
async fn it_is_good_only_when_nothing_is_on_its_way_any_more() {
    let before = ARTICLE.replace("autoDeploy: true", "autoDeploy: false");
    let after = before.replacen(
        "subnetSelector: { tags: { Tier: private } }\n  sec",
        "subnetIds: [subnet-0cc33dd44ee55ff66]\n  sec",
        1,
    );
    assert_ne!(before, after);
    let mut harbour = Harbour::converged(Options::default(), &before).await;
    // The new link serves after 90 s; then the old one stays a minute longer.
    assert!(!once(&mut harbour, &after, 30).await, "{}", harbour.describe());
    assert!(!once(&mut harbour, &after, 100).await, "the old link is still there: {}", harbour.describe());
    assert_eq!(harbour.live("apigatewayv2", "vpcLinks").len(), 2);
    assert!(once(&mut harbour, &after, 600).await, "{}", harbour.describe());
    assert_eq!(harbour.live("apigatewayv2", "vpcLinks").len(), 1);
    harbour.clear_calls();
    assert!(once(&mut harbour, &after, 600).await, "{}", harbour.describe());
    assert_eq!(harbour.write_names(), [""; 0]);
}
