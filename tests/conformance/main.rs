//! The same cases against our own model of AWS and against emulators that are not ours, moto and ministack: a
//! model written by the people who wrote the controller would share their mistakes.
//!
//! Every case has an AWS of its own (a model, or a region of an emulator), so that they run side by side. They run in
//! real time, through sockets. `HATOBA_CASES=drift` runs only those whose name contains the word.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a test stops where it is, and says so"
)]

mod bucket;
mod coverage;
mod deletion;
mod drift;
mod emulators;
mod gaps;
mod gates;
mod honest;
mod import;
mod ministack;
mod port;
mod prepare;
mod recordings;
mod revisions;
mod sent;
mod source;
mod stack;
mod story;

use std::pin::Pin;
use std::sync::Arc;
use std::time::Instant;

use crate::emulators::Server;
use crate::port::{Emulator, Port};
use hatoba_tests::tools::{MODELS, installed, say};
use tokio::sync::Semaphore;
use tokio::task::{JoinSet, LocalSet, spawn_local};

type Run = fn(Port) -> Pin<Box<dyn Future<Output = ()>>>;

/// Cases at one time: they mostly wait, but every engine asks some ten times a second.
const AT_ONE_TIME: usize = 8;

const CASES: &[(&str, Run)] = &[
    // The longest first.
    ("drift at the gate", |port| Box::pin(gates::drifts(port))),
    ("deletion of VpcLink", |port| Box::pin(deletion::of_kind(port, "VpcLink"))),
    ("taken down", |port| Box::pin(story::taken_down(port))),
    ("drift of Integration", |port| Box::pin(drift::of_kind(port, "Integration"))),
    ("drift of EcsService", |port| Box::pin(drift::of_kind(port, "EcsService"))),
    ("left alone", |port| Box::pin(story::left_alone(port))),
    ("stopped on the way", |port| Box::pin(story::stopped_on_the_way(port))),
    ("drift of HttpApi", |port| Box::pin(drift::of_kind(port, "HttpApi"))),
    ("drift of DiscoveryService", |port| Box::pin(drift::of_kind(port, "DiscoveryService"))),
    ("drift of Stage", |port| Box::pin(drift::of_kind(port, "Stage"))),
    ("drift of Route", |port| Box::pin(drift::of_kind(port, "Route"))),
    ("drift of VpcLink", |port| Box::pin(drift::of_kind(port, "VpcLink"))),
    ("drift of PrivateDnsNamespace", |port| Box::pin(drift::of_kind(port, "PrivateDnsNamespace"))),
    ("pointed elsewhere", |port| Box::pin(drift::pointed_elsewhere(port))),
    ("mark removed", |port| Box::pin(drift::mark_removed(port))),
    ("deletion of PrivateDnsNamespace", |port| Box::pin(deletion::of_kind(port, "PrivateDnsNamespace"))),
    ("deletion of DiscoveryService", |port| Box::pin(deletion::of_kind(port, "DiscoveryService"))),
    ("deletion of EcsService", |port| Box::pin(deletion::of_kind(port, "EcsService"))),
    ("deletion of HttpApi", |port| Box::pin(deletion::of_kind(port, "HttpApi"))),
    ("deletion of Integration", |port| Box::pin(deletion::of_kind(port, "Integration"))),
    ("deletion of Route", |port| Box::pin(deletion::of_kind(port, "Route"))),
    ("deletion of Stage", |port| Box::pin(deletion::of_kind(port, "Stage"))),
    ("revisions of EcsTaskDefinition", |port| Box::pin(revisions::of_a_family(port))),
    ("deletion of Authorizer", |port| Box::pin(gates::authorizer_deleted(port))),
    ("deletion of DomainName", |port| Box::pin(gates::domain_deleted(port))),
    ("a bucket and a queue", |port| Box::pin(bucket::tells_a_queue(port))),
    ("a bucket as a source", |port| Box::pin(source::as_a_source(port))),
    ("an imported stack", |port| Box::pin(import::of_a_strangers_stack(port))),
    ("created from nothing", |port| Box::pin(story::created_from_nothing(port))),
];

/// Regions that moto knows; an emulator keeps what stands in one apart from the others.
const REGIONS: [&str; 29] = [
    "us-east-1",
    "us-east-2",
    "us-west-1",
    "us-west-2",
    "ca-central-1",
    "sa-east-1",
    "eu-west-1",
    "eu-west-2",
    "eu-west-3",
    "eu-central-1",
    "eu-central-2",
    "eu-north-1",
    "eu-south-1",
    "eu-south-2",
    "ap-south-1",
    "ap-south-2",
    "ap-east-1",
    "ap-northeast-1",
    "ap-northeast-2",
    "ap-northeast-3",
    "ap-southeast-1",
    "ap-southeast-2",
    "ap-southeast-3",
    "ap-southeast-4",
    "me-south-1",
    "me-central-1",
    "af-south-1",
    "ca-west-1",
    "ap-southeast-5",
];
const REGION_OF_GAPS: &str = "il-central-1";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_cases_pass_on_our_model() {
    LocalSet::new().run_until(all(Emulator::Model, None)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_cases_pass_on_moto() {
    if let Some(moto) = server(Emulator::Moto).await {
        LocalSet::new().run_until(all(Emulator::Moto, Some(moto))).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_cases_pass_on_ministack() {
    if let Some(ministack) = server(Emulator::Ministack).await {
        LocalSet::new().run_until(all(Emulator::Ministack, Some(ministack))).await;
    }
}

#[tokio::test]
async fn every_gap_is_still_there() {
    for emulator in [Emulator::Moto, Emulator::Ministack] {
        let Some(server) = server(emulator).await else { continue };
        let port = Port::emulated(server, REGION_OF_GAPS).await;
        for gap in gaps::all().filter(|gap| gap.emulator == emulator) {
            let (case, reason) = (gap.case, gap.reason);
            assert!(
                (gap.holds)(&port).await,
                "{emulator}: no gap any more; take it off the list: {case}, {reason}"
            );
        }
    }
}

/// An emulator, or a visible word that it was not there.
async fn server(emulator: Emulator) -> Option<Arc<Server>> {
    let (environment, name) = emulators::program_of(emulator)?;
    Some(Server::shared(emulator, &installed(environment, name)?).await)
}

/// Runs every case, some at a time; fails with all that failed.
async fn all(emulator: Emulator, server: Option<Arc<Server>>) {
    let word = std::env::var("HATOBA_CASES").unwrap_or_default();
    let turns = Arc::new(Semaphore::new(AT_ONE_TIME));
    let mut running = JoinSet::new();
    assert!(CASES.len() <= REGIONS.len(), "a region for each case");
    for ((name, run), region) in CASES.iter().zip(REGIONS).filter(|((name, _), _)| name.contains(&word)) {
        if gaps::has(emulator, name) {
            say(&format!("{emulator}: {name}: SKIPPED, a known gap"));
            continue;
        }
        let (server, turns) = (server.clone(), Arc::clone(&turns));
        running.spawn_local(async move {
            let _turn = turns.acquire_owned().await;
            let begun = Instant::now();
            let case = async move {
                let port = match server {
                    Some(server) => Port::emulated(server, region).await,
                    None => Port::model(region).await,
                };
                run(port).await;
            };
            (name, spawn_local(case).await.is_ok(), begun.elapsed())
        });
    }
    let mut failed: Vec<&str> = Vec::new();
    while let Some(done) = running.join_next().await {
        let (name, is_good, took) = done.unwrap();
        println!(
            "{emulator}: {name}: {}, {:.1} s",
            if is_good { "ok" } else { "FAILED" },
            took.as_secs_f64()
        );
        failed.extend((!is_good).then_some(name));
    }
    assert!(failed.is_empty(), "{emulator}: failed: {failed:?}");
}

/// Every member that AWS's service models know is covered, or left out with a reason.
#[test]
fn every_member_of_aws_is_covered_or_left_out_with_a_reason() {
    let Some(python) = installed(MODELS, "python") else { return };
    assert_eq!(coverage::gaps(&python), [""; 0]);
}

/// The policy's actions on API Gateway are verbs and paths, and AWS says which.
#[test]
fn every_action_is_the_verb_and_the_path_of_its_operation() {
    let Some(python) = installed(MODELS, "python") else { return };
    assert_eq!(coverage::wrong_actions(&python), [""; 0]);
}
