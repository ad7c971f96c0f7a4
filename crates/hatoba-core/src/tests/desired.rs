//! References and selectors become AWS ids, or say what is missing.

use serde_json::json;

use super::*;
use crate::support::{GADGET, desired, gadget, widget};

/// What is known: outputs by `Kind/name.output`, look-ups by resource.
#[derive(Default)]
struct Known {
    outputs: BTreeMap<String, Fact<String>>,
    lookups: BTreeMap<String, Fact<Vec<String>>>,
}

impl Facts for Known {
    fn output(&self, target: &Key, output: &str) -> Fact<String> {
        self.outputs.get(&format!("{target}.{output}")).cloned().unwrap_or(Fact::NotYet)
    }

    fn lookup(&self, lookup: &Lookup) -> Fact<Vec<String>> {
        self.lookups.get(&lookup.resource).cloned().unwrap_or(Fact::NotYet)
    }
}

impl Known {
    fn output(mut self, name: &str, fact: Fact<String>) -> Self {
        self.outputs.insert(name.to_owned(), fact);
        self
    }

    fn found(mut self, resource: &str, ids: &[&str]) -> Self {
        let ids = ids.iter().map(|id| (*id).to_owned()).collect();
        self.lookups.insert(resource.to_owned(), Fact::Known(ids));
        self
    }
}

fn known(value: &str) -> Fact<String> {
    Fact::Known(value.to_owned())
}

fn a(name: &str) -> Key {
    Key::new("Widget", name)
}

fn selector(path: &str, resource: &str, many: bool) -> LookupUse {
    let tags = BTreeMap::from([("Tier".to_owned(), "private".to_owned())]);
    let lookup = Lookup { resource: resource.to_owned(), tags, vpc: None };
    LookupUse { field: format!("{path}Selector"), path: path.to_owned(), lookup, within: None, many }
}

#[test]
fn references_are_filled_at_their_place_through_their_template() {
    let mut asked = desired(&GADGET, "g", json!({ "list": [{ "port": 1 }, { "port": 2 }] }))
        .refers("widgetId", a("w"))
        .refers("list[1].arn", a("x"))
        .refers("deep.er.id", a("w"));
    asked.references[1].template = "things/{}/part";
    let facts = Known::default().output("Widget/w.id", known("w1")).output("Widget/x.id", known("x1"));
    let resolved = asked.resolve(&facts).unwrap();
    assert_eq!(
        Value::Object(resolved.members),
        json!({
            "label": "g", "widgetId": "w1", "deep": { "er": { "id": "w1" } },
            "list": [{ "port": 1 }, { "port": 2, "arn": "things/x1/part" }],
        })
    );
    assert_eq!(resolved.scope, "w1", "a reference may fill the scope");
    assert_eq!(asked.parent(), Some(&a("w")));
}

#[test]
fn the_scope_is_the_raw_member_or_the_account() {
    assert_eq!(gadget(&GADGET).resolve(&Known::default()).unwrap().scope, "w1");
    assert_eq!(widget(json!({})).resolve(&Known::default()).unwrap().scope, "");
    assert_eq!(gadget(&GADGET).parent(), None);
}

#[test]
fn all_that_is_missing_is_named_at_once() {
    let asked =
        gadget(&GADGET).refers("a", a("x")).refers("b", a("y")).refers("c", a("z")).refers("d", a("x"));
    let facts = Known::default().output("Widget/y.id", known("y1"));
    assert_eq!(asked.resolve(&facts), Err(Unresolved::Waiting([a("x"), a("z")].into())));
}

#[test]
fn what_could_not_be_looked_up_is_unknown_and_never_waited_for() {
    let cause = Cause::new("AccessDenied", "no");
    let facts = Known::default().output("Widget/y.id", Fact::Unknown(cause.clone()));
    let asked = gadget(&GADGET).refers("a", a("x")).refers("b", a("y"));
    assert_eq!(asked.resolve(&facts), Err(Unresolved::Unknown(cause.clone())));

    let mut asked = widget(json!({}));
    asked.lookups.push(selector("parts", "subnet", true));
    let Err(Unresolved::Unknown(pending)) = asked.resolve(&Known::default()) else { panic!("not unknown") };
    assert_eq!(pending.reason.as_str(), "LookupPending");
    let failed =
        Known { lookups: [("subnet".to_owned(), Fact::Unknown(cause.clone()))].into(), ..Known::default() };
    assert_eq!(asked.resolve(&failed), Err(Unresolved::Unknown(cause)));
}

#[test]
fn a_selector_takes_all_that_match_or_exactly_one() {
    for (many, ids, expected) in [
        (true, vec!["b", "a"], Ok(json!(["a", "b"]))),
        (true, vec!["a"], Ok(json!(["a"]))),
        (true, vec![], Err("SelectorMatchesNothing")),
        (false, vec!["a"], Ok(json!("a"))),
        (false, vec![], Err("SelectorMatchesNothing")),
        (false, vec!["a", "b"], Err("SelectorAmbiguous")),
    ] {
        let mut asked = widget(json!({}));
        asked.lookups.push(selector("box.parts", "subnet", many));
        let found = match asked.resolve(&Known::default().found("subnet", &ids)) {
            Ok(resolved) => Ok(resolved.members["box"]["parts"].clone()),
            Err(Unresolved::Stalled(cause)) => {
                assert!(
                    cause.message.contains("Tier=private") && cause.message.contains("box.partsSelector")
                );
                Err(cause.reason.as_str().to_owned())
            }
            Err(other) => panic!("{other:?}"),
        };
        assert_eq!(found, expected.map_err(str::to_owned), "many {many}, {ids:?}");
    }
}

#[test]
fn only_selectors_of_many_are_pinned_and_only_under_pin() {
    let mut asked = widget(json!({}));
    asked.lookups = vec![selector("parts", "subnet", true), selector("vpc", "vpc", false)];
    let facts = Known::default().found("subnet", &["b", "a"]).found("vpc", &["v"]);
    let both: BTreeSet<String> = ["a".to_owned(), "b".to_owned()].into();
    assert_eq!(asked.resolve(&facts).unwrap().pins, BTreeMap::from([("parts".to_owned(), both)]));
    asked.policy.selectors = Selectors::Follow;
    let resolved = asked.resolve(&facts).unwrap();
    assert_eq!(resolved.pins, BTreeMap::new());
    assert_eq!(resolved.members["parts"], json!(["a", "b"]));
}

/// What is asked in each VPC has an answer of its own.
struct TwoVpcs(&'static [&'static str]);

impl Facts for TwoVpcs {
    fn output(&self, _: &Key, _: &str) -> Fact<String> {
        Fact::NotYet
    }

    fn lookup(&self, lookup: &Lookup) -> Fact<Vec<String>> {
        let ids: Vec<&str> = match (lookup.resource.as_str(), lookup.vpc.as_deref()) {
            ("vpc", None) => self.0.to_vec(),
            ("subnet", Some("vpc-1")) => vec!["subnet-1"],
            ("subnet", Some("vpc-2")) => vec!["subnet-2"],
            ("subnet", None) => vec!["subnet-1", "subnet-2"],
            _ => Vec::new(),
        };
        Fact::Known(ids.into_iter().map(str::to_owned).collect())
    }
}

#[test]
fn a_selector_looks_in_its_vpc_alone() {
    let ask = |vpcs, change: &dyn Fn(&mut LookupUse)| {
        let mut asked = widget(json!({}));
        let mut used = selector("parts", "subnet", true);
        change(&mut used);
        asked.lookups.push(used);
        match asked.resolve(&TwoVpcs(vpcs)) {
            Ok(resolved) => resolved.members["parts"].to_string(),
            Err(Unresolved::Stalled(cause)) => cause.to_string(),
            Err(other) => panic!("{other:?}"),
        }
    };
    let by_id = |id: &'static str| move |used: &mut LookupUse| used.lookup.vpc = Some(id.to_owned());
    let by_tag = |used: &mut LookupUse| used.within = Some(selector("vpc", "vpc", false).lookup);
    assert_eq!(ask(&[], &|_| {}), r#"["subnet-1","subnet-2"]"#);
    assert_eq!(ask(&[], &by_id("vpc-2")), r#"["subnet-2"]"#);
    assert!(ask(&[], &by_id("vpc-3")).ends_with("no subnet carries the tags Tier=private in vpc-3"));
    assert_eq!(ask(&["vpc-1"], &by_tag), r#"["subnet-1"]"#);
    assert!(ask(&[], &by_tag).contains("no vpc carries the tags"), "{}", ask(&[], &by_tag));
    assert!(ask(&["vpc-1", "vpc-2"], &by_tag).contains("expected exactly one vpc"));
}

#[test]
fn an_explicit_null_survives_resolution() {
    let resolved = widget(json!({ "extra": null })).resolve(&Known::default()).unwrap();
    assert_eq!(resolved.members.get("extra"), Some(&Value::Null));
}
