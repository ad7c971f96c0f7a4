//! A stack that somebody built with AWS's own calls is documented, and taken over without a change.

use std::collections::{BTreeMap, BTreeSet};

use hatoba_core::{Members, TAG_PREFIX};
use hatoba_engine::{Clock, Engine, Options, Reach, Wanted};
use hatoba_kinds::{KindId, import};
use hatoba_source::emit_document;
use hatoba_tests::by_hand::build;
use hatoba_tests::snapshot;

use crate::port::{Emulator, Port};
use crate::prepare;
use crate::stack::Stack;

/// Writes that only mark.
const MARKS: [&str; 4] = [
    "apigatewayv2.TagResource",
    "apigatewayv2.UpdateIntegration",
    "ecs.TagResource",
    "servicediscovery.TagResource",
];

pub(crate) async fn of_a_strangers_stack(mut port: Port) {
    let network = prepare::network_of(&port).await;
    let made = build(&network, async |request| port.meddle(&request).await).await;
    let clock = Clock::starting_at(jiff::Timestamp::now());
    let options = Options { quota_share: 1.0, ..Options::default() };
    let engine = Engine::new(options, &port.sdk_config(), clock, BTreeMap::new());
    let wanted = |kind: &str, scope: &str, id: &str| Wanted {
        kind: KindId::of(kind).unwrap(),
        scope: scope.to_owned(),
        id: id.to_owned(),
        origin: kind.to_owned(),
        hints: Members::new(),
        withheld: BTreeSet::new(),
        whole: kind == "HttpApi",
    };
    // Not every AWS tells the VPC; a Terraform state does.
    let vpc = Members::from_iter([("vpcId".to_owned(), network.vpc.clone().into())]);
    let named = vec![
        wanted("HttpApi", "", &made.api),
        wanted("EcsService", "main", "great-service"),
        Wanted { hints: vpc, ..wanted("PrivateDnsNamespace", "", &made.namespace) },
    ];
    let sighted = engine.look_for(named, Reach::Dependencies).await.unwrap();
    assert_eq!(sighted.missing, []);
    let (imported, refusals) = import(&sighted.found, &BTreeSet::new());
    assert_eq!((imported.len(), refusals), (10, Vec::new()));
    let documents: Vec<String> = imported.iter().map(|one| emit_document(&one.document)).collect();
    let documents = documents.join("---\n");

    engine.accept(snapshot(&documents));
    let plan = engine.plan().await.unwrap();
    let mark = format!("tags.{TAG_PREFIX}");
    let fields = plan.entries.iter().flat_map(|entry| entry.fields.iter().map(move |f| (&entry.document, f)));
    let different: Vec<String> = fields
        .filter(|(_, field)| !field.path.starts_with(&mark))
        .map(|(document, field)| format!("{document} {}: {} → {}", field.path, field.from, field.to))
        .collect();
    assert_eq!(different, [""; 0], "{documents}");
    assert!(!plan.has_changes());

    // moto has no tags of stages: a stage cannot be marked there.
    let is_marked = |document: &&str| port.emulator != Emulator::Moto || !document.contains("kind: Stage\n");
    let marked: Vec<&str> = documents.split("---\n").filter(is_marked).collect();
    let before = port.writes().len();
    port.start(&marked.join("---\n").replace("  suspend: true\n", ""));
    port.converge().await;
    port.resyncs(2).await;
    let writes = port.writes().split_off(before);
    assert!(!writes.is_empty() && writes.iter().all(|write| MARKS.contains(&write.as_str())), "{writes:#?}");
    assert_eq!(Stack::look(&port).await.wrong(), Ok(()));
}
