//! The life of a stack: made from nothing, left alone, found again, taken down.

use std::time::Duration;

use hatoba_engine::Options;
use hatoba_tests::wait::holds_within;

use crate::port::{Emulator, LONG, Port};
use crate::stack::{BYSTANDER, Stack};

const CREATES: [&str; 8] = [
    "apigatewayv2.CreateApi",
    "apigatewayv2.CreateIntegration",
    "apigatewayv2.CreateRoute",
    "apigatewayv2.CreateStage",
    "apigatewayv2.CreateVpcLink",
    "ecs.CreateService",
    "servicediscovery.CreatePrivateDnsNamespace",
    "servicediscovery.CreateService",
];

/// The writes that make the stack: one for each of its documents.
fn creates(port: &Port) -> Vec<&'static str> {
    let is_made = |write: &&str| port.emulator != Emulator::Ministack || !write.ends_with("VpcLink");
    CREATES.into_iter().filter(is_made).collect()
}

/// Nothing of what was prepared for a case is a write of the engine's.
fn made(port: &Port, before: usize) -> Vec<String> {
    let mut writes = port.writes().split_off(before);
    writes.sort();
    writes
}

/// Eight creates and nothing else.
pub(crate) async fn created_from_nothing(mut port: Port) {
    let before = port.writes().len();
    port.start(&port.article());
    port.converge().await;
    assert_eq!(Stack::look(&port).await.wrong(), Ok(()));
    assert_eq!(made(&port, before), creates(&port));
}

/// What is true is left alone: neither a running engine nor one that was just started writes.
pub(crate) async fn left_alone(mut port: Port) {
    port.stand().await;
    let before = port.writes().len();
    port.resyncs(8).await; // beyond the list that follows a write
    assert_eq!(made(&port, before), [""; 0], "a running engine");
    port.stop().await;
    port.start(&port.article());
    port.converge().await;
    port.resyncs(3).await;
    assert_eq!(made(&port, before), [""; 0], "one that knows nothing");
    assert_eq!(Stack::look(&port).await.wrong(), Ok(()));
}

/// An engine that is stopped after every write of the first start goes on where AWS stands.
pub(crate) async fn stopped_on_the_way(mut port: Port) {
    let before = port.writes().len();
    for writes in 1..creates(&port).len() {
        port.start(&port.article());
        if !holds_within(LONG, async || port.writes().len() >= before + writes).await {
            panic!("no write {writes}: {:?}\n{}", made(&port, before), port.describe());
        }
        port.stop().await;
    }
    port.start(&port.article());
    port.converge().await;
    assert_eq!(Stack::look(&port).await.wrong(), Ok(()));
    let mut made = made(&port, before);
    // While AWS makes a namespace nothing shows it: the same request may be sent again, with the same
    // CreatorRequestId.
    made.dedup_by(|write, other| write == other && write.ends_with("CreatePrivateDnsNamespace"));
    assert_eq!(made, creates(&port));
}

/// The documents go, but for one of somebody else's, and nothing else says so: users go before what they use.
pub(crate) async fn taken_down(mut port: Port) {
    let bystander =
        format!("apiVersion: hatoba/v1\nkind: HttpApi\nmetadata: {{ name: {BYSTANDER} }}\nspec: {{}}\n");
    let options = Options {
        owner: "harbour".to_owned(),
        owner_is_explicit: true,
        prune_grace: Duration::from_secs(1),
        resync: Duration::from_secs(1),
        quota_share: 1.0,
        ..Options::default()
    };
    port.start_with(options, &format!("{}\n---\n{bystander}", port.article()));
    port.converge().await;
    assert_eq!(Stack::look(&port).await.wrong(), Ok(()));
    let before = port.writes().len();
    let is_gone = async || {
        port.accept(&bystander); // every look at the source counts
        Stack::look(&port).await.kinds().is_empty()
    };
    if !holds_within(LONG, is_gone).await {
        panic!("{:#?}\n{}\n{:?}", Stack::look(&port).await.kinds(), port.describe(), made(&port, before));
    }
    let writes = port.writes().split_off(before);
    let at = |write: &str| writes.iter().position(|other| other == write);
    for (first, second) in [
        ("apigatewayv2.DeleteRoute", "apigatewayv2.DeleteIntegration"),
        ("apigatewayv2.DeleteIntegration", "apigatewayv2.DeleteVpcLink"),
        ("apigatewayv2.DeleteIntegration", "apigatewayv2.DeleteApi"),
        ("apigatewayv2.DeleteIntegration", "servicediscovery.DeleteService"),
        ("ecs.UpdateService", "ecs.DeleteService"),
        ("ecs.DeleteService", "servicediscovery.DeleteService"),
        ("servicediscovery.DeleteService", "servicediscovery.DeleteNamespace"),
    ] {
        // Without a VPC link the integration leads elsewhere.
        let needs_link = ["apigatewayv2.DeleteVpcLink", "servicediscovery.DeleteService"].contains(&second)
            && first == "apigatewayv2.DeleteIntegration";
        if needs_link && port.emulator == Emulator::Ministack {
            continue;
        }
        assert!(at(first).is_some() && at(first) < at(second), "{first} before {second}: {writes:#?}");
    }
    assert_eq!(port.items("/v2/apis").await.len(), 1, "the bystander stays");
}
