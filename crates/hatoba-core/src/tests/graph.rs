//! What is wrong between documents, and in which order they come.

use serde_json::json;

use super::*;
use crate::KindTable;
use crate::support::{GADGET, NOTED_GADGET, desired, widget};

fn all(documents: impl IntoIterator<Item = Desired>) -> BTreeMap<Key, Desired> {
    documents.into_iter().map(|desired| (desired.key.clone(), desired)).collect()
}

fn w(name: &str) -> Key {
    Key::new("Widget", name)
}

/// A widget that names these others.
fn naming(name: &str, targets: &[&str]) -> Desired {
    let widget = desired(&crate::support::WIDGET, name, json!({}));
    targets.iter().fold(widget, |widget, target| widget.refers("part", w(target)))
}

fn child(table: &'static KindTable, name: &str, label: &str, parent: &str) -> Desired {
    desired(table, name, json!({ "label": label })).refers("widgetId", w(parent))
}

fn found(documents: &BTreeMap<Key, Desired>) -> BTreeMap<String, Vec<String>> {
    let told = |problems: Vec<Problem>| problems.into_iter().map(|problem| problem.message).collect();
    problems(documents, &BTreeSet::new()).into_iter().map(|(key, found)| (key.name, told(found))).collect()
}

#[test]
fn a_dangling_reference_says_where_and_what_was_probably_meant() {
    let documents = all([naming("orders", &["paymants"]), naming("payments", &[])]);
    let held = BTreeSet::from([w("shipping")]);
    let problem = &problems(&documents, &held)[&w("orders")][0];
    assert_eq!(problem.path, "spec.partRef");
    assert_eq!(problem.message, "expected the name of a Widget document, found no `paymants`");
    assert_eq!(problem.hint.as_deref(), Some("did you mean `payments`?"));

    // A held document is a document too.
    let documents = all([naming("orders", &["shiping"])]);
    let problem = &problems(&documents, &held)[&w("orders")][0];
    assert_eq!(problem.hint.as_deref(), Some("did you mean `shipping`?"));

    // Another kind's name is no guess.
    let documents = all([naming("orders", &["paymants"]), child(&GADGET, "payments", "a", "orders")]);
    let hint = problems(&documents, &held)[&w("orders")][0].hint.clone();
    assert_eq!(hint.as_deref(), Some("there are orders, shipping"));
}

#[test]
fn a_reference_to_a_held_document_is_fine() {
    let documents = all([naming("orders", &["broken"])]);
    assert_eq!(problems(&documents, &BTreeSet::from([w("broken")])), BTreeMap::new());
    assert_eq!(problems(&documents, &BTreeSet::new()).len(), 1);
}

#[test]
fn every_document_of_a_cycle_is_told_the_way_round() {
    let documents = all([naming("a", &["b"]), naming("b", &["c"]), naming("c", &["a"]), naming("d", &["a"])]);
    let found = found(&documents);
    assert_eq!(found.keys().collect::<Vec<_>>(), ["a", "b", "c"], "d only leads into it");
    assert_eq!(found["b"], ["references form a cycle: Widget/b → Widget/c → Widget/a → Widget/b"]);
}

#[test]
fn a_document_that_names_itself_is_a_cycle() {
    let found = found(&all([naming("a", &["a"])]));
    assert_eq!(found["a"], ["references form a cycle: Widget/a → Widget/a"]);
}

#[test]
fn cycles_that_share_documents_are_all_found() {
    // d closes a cycle only through c, which an earlier walk has already left behind.
    let documents =
        all([naming("a", &["b"]), naming("b", &["c", "d"]), naming("c", &["a"]), naming("d", &["c"])]);
    let found = found(&documents);
    assert_eq!(found.keys().collect::<Vec<_>>(), ["a", "b", "c", "d"]);
    assert_eq!(found["a"].len(), 1, "each is told once");
    assert_eq!(found["d"], ["references form a cycle: Widget/d → Widget/c → Widget/a → Widget/b → Widget/d"]);
}

#[test]
fn documents_that_many_name_are_no_cycle() {
    let documents =
        all([naming("a", &["b", "c"]), naming("b", &["d"]), naming("c", &["d", "d"]), naming("d", &[])]);
    assert_eq!(found(&documents), BTreeMap::new());
}

#[test]
fn two_that_ask_for_one_resource_clash_where_names_are_unique() {
    let parents = || [naming("p", &[]), naming("q", &[])];
    let clash = |more: [Desired; 2]| found(&all(parents().into_iter().chain(more)));
    let found = clash([child(&GADGET, "a", "x", "p"), child(&GADGET, "b", "x", "p")]);
    assert_eq!(found["a"], ["asks for `x`, and so does Gadget/b"]);
    assert_eq!(found["b"], ["asks for `x`, and so does Gadget/a"]);

    let none = BTreeMap::new();
    assert_eq!(clash([child(&GADGET, "a", "x", "p"), child(&GADGET, "b", "x", "q")]), none);
    assert_eq!(clash([child(&GADGET, "a", "x", "p"), child(&GADGET, "b", "y", "p")]), none);
    assert_eq!(clash([child(&NOTED_GADGET, "a", "x", "p"), child(&NOTED_GADGET, "b", "x", "p")]), none);

    let raw = |name, scope: &str| desired(&GADGET, name, json!({ "label": "x", "widgetId": scope }));
    assert_eq!(clash([raw("a", "w1"), raw("b", "w1")]).len(), 2);
    assert_eq!(clash([raw("a", "w1"), raw("b", "w2")]), none);
}

#[test]
fn what_is_known_by_a_name_is_the_same_whether_a_document_or_a_member_says_it() {
    let clash = |written: &str| {
        let named = desired(&GADGET, "p", json!({ "label": "w1", "widgetId": "far" }));
        let mut by_document =
            desired(&GADGET, "a", json!({ "label": "x" })).refers("widgetId", named.key.clone());
        by_document.references[0].output = OUTPUT_NAME;
        let by_member = desired(&GADGET, "b", json!({ "label": "x", "widgetId": written }));
        found(&all([named, by_document, by_member])).len()
    };
    assert_eq!((clash("w1"), clash("w2")), (2, 0));
}

#[test]
fn a_clash_names_all_the_others() {
    let documents =
        all(["a", "b", "c"].map(|name| child(&GADGET, name, "x", "p")).into_iter().chain([naming("p", &[])]));
    assert_eq!(found(&documents)["b"], ["asks for `x`, and so does Gadget/a, Gadget/c"]);
}

#[test]
fn each_comes_after_those_it_names() {
    let documents = all([
        naming("a", &["b", "z"]),
        naming("b", &["z"]),
        naming("z", &["elsewhere"]),
        child(&GADGET, "g", "g", "a"),
        widget(json!({})),
    ]);
    let order = creation_order(&documents);
    assert_eq!(order.len(), documents.len());
    let at = |key: &Key| order.iter().position(|other| other == key).unwrap();
    for (key, desired) in &documents {
        for reference in desired.references.iter().filter(|r| documents.contains_key(&r.target)) {
            assert!(at(&reference.target) < at(key), "{key} before {}", reference.target);
        }
    }
}

#[test]
fn a_cycle_comes_last_and_loses_nobody() {
    let documents = all([naming("a", &["b"]), naming("b", &["a"]), naming("c", &[]), naming("d", &["d"])]);
    let order = creation_order(&documents);
    assert_eq!(order, [w("c"), w("a"), w("b"), w("d")]);
}
