//! The book's page of rules is their test: every rule has a section there, its bad sample breaks it, its good one does not.

use std::collections::{BTreeMap, BTreeSet};

use hatoba_core::{Digest, Document, Key, Severity};
use hatoba_kinds::RULES;
use hatoba_source::{Snapshot, Variables, parse_documents};

use super::{Checked, check};

const PAGE: &str = include_str!("../../../../docs/src/rules.md");

pub(crate) const ARTICLE: [&str; 3] = [
    include_str!("../../../../deploy/samples/article/api.yaml"),
    include_str!("../../../../deploy/samples/article/discovery.yaml"),
    include_str!("../../../../deploy/samples/article/service.yaml"),
];

/// The YAML block that follows `start` in the page.
fn block<'a>(page: &'a str, start: &str) -> &'a str {
    let (_, rest) = page.split_once(start).unwrap_or_else(|| panic!("the page has no {start:?}"));
    let (_, rest) = rest.split_once("```yaml\n").expect("a block");
    rest.split_once("\n```").expect("the block's end").0
}

/// The section of a rule, up to the next one.
fn section(rule: &str) -> &'static str {
    let (_, rest) =
        PAGE.split_once(&format!("\n## {rule}\n")).unwrap_or_else(|| panic!("{rule} has no section"));
    rest.split("\n## ").next().expect("a first piece")
}

/// `# repeated for N = 1 to 3` and `<a1 to a3>` written out.
fn written_out(sample: &str) -> Vec<String> {
    let mut all = Vec::new();
    for text in sample.split("\n---\n") {
        let Some((_, rest)) = text.split_once("# repeated for N = 1 to ") else {
            all.push(with_lists(text));
            continue;
        };
        let (last, text) = rest.split_once('\n').expect("a document");
        let last: usize = last.parse().expect("a number");
        all.extend((1..=last).map(|n| text.replace("<N>", &n.to_string())));
    }
    all
}

fn with_lists(text: &str) -> String {
    let Some((before, rest)) = text.split_once('<') else { return text.to_owned() };
    let (range, after) = rest.split_once('>').expect("the range's end");
    let (first, last) = range.split_once(" to ").expect("a range");
    let stem = first.trim_end_matches('1');
    let last: usize = last.strip_prefix(stem).expect("the same stem").parse().expect("a number");
    let list: Vec<String> = (1..=last).map(|n| format!("{stem}{n}")).collect();
    format!("{before}{}{after}", list.join(", "))
}

fn parsed(file: &str, texts: &[String]) -> Vec<Document> {
    let text = texts.join("\n---\n");
    let parsed = parse_documents(file, text.as_bytes(), &Variables::default());
    assert!(parsed.unreadable.is_none() && parsed.held.is_empty(), "{text}\n{:#?}", parsed.diagnostics);
    assert_eq!(parsed.documents.len(), texts.len(), "{text}");
    parsed.documents
}

/// A sample beside the common documents of the page.
fn sample(text: &str) -> BTreeMap<Key, Document> {
    let common = parsed("common.yaml", &written_out(block(PAGE, "\n## The samples\n")));
    let own = parsed("sample.yaml", &written_out(text));
    common.into_iter().chain(own).map(|document| (document.key.clone(), document)).collect()
}

fn snapshot(documents: impl IntoIterator<Item = Document>) -> Snapshot {
    Snapshot {
        revision: Digest::of_bytes(b""),
        documents: documents.into_iter().collect(),
        held: Vec::new(),
        diagnostics: Vec::new(),
        unreadable: Vec::new(),
        is_settling: false,
        files: 1,
        sources: BTreeMap::new(),
    }
}

/// The rules that a sample breaks.
fn broken(text: &str) -> BTreeSet<(Severity, String)> {
    let found = check(&snapshot(sample(text).into_values())).diagnostics;
    let word = |rule: Option<&'static str>, message: String| rule.map_or(message, str::to_owned);
    found.into_iter().map(|found| (found.severity, word(found.rule, found.to_string()))).collect()
}

#[test]
fn every_rule_has_its_samples_and_they_hold() {
    let mut wrong = Vec::new();
    for rule in RULES {
        let section = section(rule.id);
        let bad = broken(block(section, "\nBad:\n"));
        if bad != BTreeSet::from([(rule.severity, rule.id.to_owned())]) {
            wrong.push(format!("the bad sample of {}: {bad:#?}", rule.id));
        }
        let good = broken(block(section, "\nGood:\n"));
        if !good.is_empty() {
            wrong.push(format!("the good sample of {}: {good:#?}", rule.id));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_page_lists_the_rules_as_they_are() {
    let rows: Vec<&str> = PAGE.lines().filter(|line| line.starts_with("| [")).collect();
    let expected: Vec<String> = RULES
        .iter()
        .map(|rule| {
            let severity = if rule.severity == Severity::Error { "error" } else { "warning" };
            format!("| [{0}](#{1}) | {severity} | {2} |", rule.id, rule.id.to_lowercase(), rule.title)
        })
        .collect();
    assert_eq!(rows, expected);
    let sections = PAGE.lines().filter(|line| line.starts_with("## ")).count();
    assert_eq!(sections, RULES.len() + 1, "a section for each rule, and one for the common documents");
}

/// Documents in one text, checked.
pub(crate) fn checked(text: &str) -> Checked {
    let texts: Vec<String> = text.split("\n---\n").map(str::to_owned).collect();
    check(&snapshot(parsed("a.yaml", &texts)))
}

#[test]
fn the_article_gets_one_warning() {
    let found = checked(&ARTICLE.join("\n---\n"));
    let rules: Vec<_> = found.diagnostics.iter().map(|found| (found.severity, found.rule)).collect();
    assert_eq!(rules, [(Severity::Warning, Some("PublicRoute"))], "{:#?}", found.diagnostics);
    assert_eq!((found.desired.len(), found.held.len()), (8, 0), "a warning holds nothing");
}

/// A change of one API's route is no matter of all other APIs' stages: with a thousand APIs that would be a million passes.
#[test]
fn what_follows_a_route_stands_in_its_own_api() {
    let ours = ARTICLE.join("\n---\n");
    let theirs = ["crazy-api", "default-route", "default-stage", "to-great-service"]
        .iter()
        .fold(ours.clone(), |text, name| text.replace(name, &format!("other-{name}")));
    let found = checked(&format!("{ours}\n---\n{theirs}"));
    let stages: Vec<&Key> = found.desired.keys().filter(|key| key.kind == "Stage").collect();
    assert_eq!(stages.len(), 2, "{:#?}", found.diagnostics);
    let follow = |name: &str| {
        let of_it = found.dependents(&Key::new("Route", name)).into_iter();
        of_it.filter(|key| key.kind == "Stage").map(|key| key.name.clone()).collect::<Vec<_>>()
    };
    assert_eq!(follow("default-route").len(), 1);
    assert_eq!(follow("other-default-route").len(), 1);
    assert_ne!(follow("default-route"), follow("other-default-route"));
}

#[test]
fn an_error_holds_its_document_and_stands_at_its_place() {
    let article = ARTICLE.join("\n---\n").replace("type: SRV", "type: A");
    let found = checked(&article);
    let key = Key::new("DiscoveryService", "great-service-discovery");
    assert_eq!(found.held.keys().collect::<Vec<_>>(), [&key]);
    assert!(!found.desired.contains_key(&key) && found.desired.len() == 7);
    let error = found.diagnostics.iter().find(|found| found.is_error()).expect("an error");
    assert_eq!(
        (error.rule, error.path.as_str()),
        (Some("SrvBehindVpcLink"), "spec.dnsConfig.dnsRecords[0].type")
    );
    let line = article.lines().nth(error.place.line - 1).expect("the line");
    let at = line.find("A, ttl").expect("the value");
    assert_eq!(error.place.column, at + 1, "{line}");
    assert!(error.hint.is_some());
}
