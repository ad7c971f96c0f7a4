//! The book's page about each kind is what the code says, and the calls on it are counted here.
//!
//! `cargo xtask gen` writes the pages anew: it runs this with `HATOBA_WRITE_PAGES`.

use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

use hatoba_core::Key;
use hatoba_kinds::{KindId, Measured, calls_of, page, page_file, page_of_whole};
use hatoba_tests::{Harbour, root};

const HOUR: Duration = Duration::from_secs(3_600);

/// A kind's sample. The model has a cluster `main`, so the sample's bears another name.
fn sample(kind: KindId) -> String {
    match kind {
        KindId::EcsCluster => kind.sample().replace("name: main", "name: other"),
        kind => kind.sample().to_owned(),
    }
}

/// A kind's sample with those of the documents that it names, and that these name; a stage needs a route beside it, for
/// AWS deploys no API without one.
fn world(kind: KindId) -> String {
    let mut documents = vec![sample(kind)];
    let mut at = 0;
    while at < documents.len() {
        for other in KindId::ALL {
            let text = sample(*other);
            let name = key(other.table().kind, &text).name;
            let names_it = |end: char| documents[at].contains(&format!("Ref: {name}{end}"));
            let is_route_of_stage = *other == KindId::Route && documents[at] == sample(KindId::Stage);
            let is_needed = is_route_of_stage || [',', ' ', '\n'].into_iter().any(names_it);
            if is_needed && !documents.contains(&text) {
                documents.push(text);
            }
        }
        at += 1;
    }
    documents.join("---\n")
}

/// Calls since the log was cleared, by operation; `None`: all of them.
fn counted(harbour: &Harbour, kind: Option<KindId>) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for call in harbour.calls() {
        if kind.is_none_or(|kind| calls_of(kind, call.service, &call.operation)) {
            *counts.entry(format!("{}:{}", call.service, call.operation)).or_default() += 1;
        }
    }
    counts
}

/// A run of these documents: what `about` asks of it, once they stand and once an hour has passed over them.
async fn run<T>(documents: &str, about: impl Fn(&Harbour) -> T) -> (T, T, Harbour) {
    let mut harbour = Harbour::new();
    harbour.start(documents);
    harbour.converge(Duration::from_secs(1_200)).await;
    let making = about(&harbour);
    harbour.wait(Duration::from_secs(600)).await;
    harbour.clear_calls();
    harbour.wait(HOUR).await;
    (making, about(&harbour), harbour)
}

fn outputs(harbour: &Harbour, key: &Key) -> Vec<String> {
    harbour.status(&key.kind, &key.name).outputs.into_keys().collect()
}

/// The document's name in a sample.
fn key(kind: &str, sample: &str) -> Key {
    let (_, rest) = sample.split_once("name: ").unwrap();
    Key::new(kind, rest.split_once(" }").unwrap().0)
}

#[tokio::test(start_paused = true)]
async fn every_kinds_page_is_what_the_code_says_and_what_a_run_shows() {
    let mut pages = Vec::new();
    for kind in KindId::ALL {
        let (making, hour, harbour) = run(&world(*kind), |harbour| counted(harbour, Some(*kind))).await;
        let name = kind.table().kind;
        let outputs = outputs(&harbour, &key(name, &sample(*kind)));
        let measured = Measured { outputs: outputs.into_iter().collect(), making, hour };
        let is_write =
            |operation: &str| kind.operations().iter().any(|o| o.is_write && o.to_string() == operation);
        assert!(measured.making.keys().any(|name| is_write(name)), "{name} is made: {measured:?}");
        assert!(!measured.hour.keys().any(|name| is_write(name)), "{name} rests: {measured:?}");
        pages.push((page_file(name), page(*kind, &measured)));
    }
    let whole = hatoba_kinds::whole_sample()
        .replace("taskDefinition: great-task,", "taskDefinition: \"great-task:1\",");
    let (making, hour, harbour) = run(&whole, |harbour| counted(harbour, None)).await;
    let key = key("HttpService", &whole);
    let measured = Measured { outputs: outputs(&harbour, &key).into_iter().collect(), making, hour };
    pages.push((page_file(&key.kind), page_of_whole(&measured)));

    let folder = root().join("docs/src/kinds");
    let is_written = std::env::var_os("HATOBA_WRITE_PAGES").is_some();
    for (file, text) in &pages {
        let path = folder.join(file);
        if is_written {
            fs::create_dir_all(&folder).unwrap();
            fs::write(&path, text).unwrap();
        }
        let committed = fs::read_to_string(&path).unwrap_or_default();
        assert!(committed == *text, "docs/src/kinds/{file} is stale: `cargo xtask gen` writes it anew");
    }
    let files = fs::read_dir(folder).unwrap().count();
    assert_eq!(files, pages.len(), "a page for each kind, and no other");
}
