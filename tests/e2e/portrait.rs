//! What a world looks like with names in place of ids, and without what each run makes anew: two worlds in which the same
//! stands look alike, however they came to it.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::aws::live;

/// What is compared; tasks and deployments follow from it.
const COLLECTIONS: [(&str, &str); 12] = [
    ("apigatewayv2", "apis"),
    ("apigatewayv2", "vpcLinks"),
    ("apigatewayv2", "integrations"),
    ("apigatewayv2", "routes"),
    ("apigatewayv2", "stages"),
    ("apigatewayv2", "authorizers"),
    ("apigatewayv2", "domainNames"),
    ("apigatewayv2", "apiMappings"),
    ("servicediscovery", "namespaces"),
    ("servicediscovery", "services"),
    ("ecs", "clusters"),
    ("ecs", "services"),
];

/// Times, tokens, and what depends on how often something was made or rolled out.
const PASSING: [&str; 15] = [
    "createdDate",
    "lastUpdatedDate",
    "CreateDate",
    "createdAt",
    "CreatorRequestId",
    "HostedZoneId",
    "deploymentId",
    "lastDeploymentStatusMessage",
    "hatoba:incarnation",
    "deployments",
    "currentServiceDeployment",
    "events",
    "taskSets",
    "statistics",
    "updatedAt",
];

/// Everything that stands, one line each, in order.
pub(crate) fn portrait(dump: &Value) -> Vec<String> {
    let names = names(dump);
    let mut lines = Vec::new();
    for (service, collection) in COLLECTIONS {
        for object in live(dump, service, collection) {
            let mut object = object.clone();
            let is_an_integration = collection == "integrations";
            strip(&mut object, is_an_integration);
            let mut text = object.to_string();
            for (id, name) in &names {
                text = text.replace(id, &format!("<{name}>"));
            }
            lines.push(format!("{service} {collection} {text}"));
        }
    }
    for (service, count) in instances(dump) {
        let name = names.get(&service).cloned().unwrap_or(service);
        lines.push(format!("servicediscovery instances of <{name}>: {count}"));
    }
    lines.sort();
    lines
}

/// What one portrait has and another has not, with a sign before it; empty: they are alike.
pub(crate) fn differences(found: &[String], expected: &[String]) -> Vec<String> {
    let count = |lines: &[String], line: &String| lines.iter().filter(|one| *one == line).count();
    let all: BTreeSet<&String> = found.iter().chain(expected).collect();
    let differing = all.into_iter().filter_map(|line| match (count(found, line), count(expected, line)) {
        (there, wanted) if there > wanted => Some(format!("+ {} more: {line}", there - wanted)),
        (there, wanted) if there < wanted => Some(format!("- {} fewer: {line}", wanted - there)),
        _ => None,
    });
    differing.collect()
}

/// Marks that two living things bear: the same document in the same incarnation, made twice.
pub(crate) fn twins(dump: &Value) -> Vec<String> {
    let mut marks: BTreeMap<String, usize> = BTreeMap::new();
    for collection in ["apis", "vpcLinks"] {
        for object in live(dump, "apigatewayv2", collection) {
            let tags = &object["tags"];
            if let Some(document) = tags["hatoba:document"].as_str() {
                *marks.entry(format!("{document} {}", tags["hatoba:incarnation"])).or_default() += 1;
            }
        }
    }
    for object in live(dump, "apigatewayv2", "integrations") {
        if let Some(mark) = object["description"].as_str().filter(|text| text.contains("[hatoba ")) {
            *marks.entry(mark.to_owned()).or_default() += 1;
        }
    }
    marks
        .into_iter()
        .filter(|(_, count)| *count > 1)
        .map(|(mark, count)| format!("{count} of {mark}"))
        .collect()
}

/// What each id stands for.
fn names(dump: &Value) -> BTreeMap<String, String> {
    let mut names = BTreeMap::new();
    for (service, collection, by) in [
        ("apigatewayv2", "apis", "name"),
        ("apigatewayv2", "vpcLinks", "name"),
        ("apigatewayv2", "integrations", "description"),
        ("apigatewayv2", "routes", "routeKey"),
        ("servicediscovery", "namespaces", "Name"),
        ("servicediscovery", "services", "Name"),
    ] {
        for (key, object) in dump[service][collection].as_object().into_iter().flatten() {
            let id = key.rsplit('/').next().unwrap_or(key);
            let name = object[by].as_str().unwrap_or("nameless");
            names.insert(id.to_owned(), format!("{collection} {}", without_incarnation(name)));
        }
    }
    names
}

fn instances(dump: &Value) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for key in dump["servicediscovery"]["instances"].as_object().into_iter().flat_map(|all| all.keys()) {
        let service = key.split('/').next().unwrap_or(key);
        *counts.entry(service.to_owned()).or_default() += 1;
    }
    counts
}

fn strip(value: &mut Value, is_an_integration: bool) {
    match value {
        Value::Object(members) => {
            members.retain(|name, _| !PASSING.contains(&name.as_str()));
            for (name, member) in members.iter_mut() {
                match member.as_str() {
                    Some(text) if is_an_integration && name == "description" => {
                        *member = without_incarnation(text).into();
                    }
                    _ => strip(member, is_an_integration),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| strip(item, is_an_integration)),
        _ => {}
    }
}

/// `[hatoba local Integration/a 2]` → `[hatoba local Integration/a]`
fn without_incarnation(text: &str) -> String {
    match text.rsplit_once(' ') {
        Some((start, number)) if start.contains("[hatoba ") && number.ends_with(']') => format!("{start}]"),
        _ => text.to_owned(),
    }
}

#[test]
fn equal_worlds_look_alike_and_twins_are_seen() {
    let world = |id: &str, incarnation: &str| {
        serde_json::json!({ "apigatewayv2": {
            "apis": { id: { "apiId": id, "name": "web", "createdDate": id,
                            "tags": { "hatoba:document": "HttpApi/web", "hatoba:incarnation": incarnation } } },
            "integrations": { format!("{id}/i{id}"): {
                "apiId": id, "description": format!("[hatoba local Integration/a {incarnation}]") } },
            "routes": { format!("{id}/r{id}"): {
                "apiId": id, "routeKey": "$default", "target": format!("integrations/i{id}") } },
        } })
    };
    let (one, other) = (world("a1b2c3", "1"), world("d4e5f6", "2"));
    assert_eq!(portrait(&one), portrait(&other));
    assert_eq!(twins(&one), [""; 0]);
    let mut both = one.clone();
    both["apigatewayv2"]["apis"]["g7h8i9"] = one["apigatewayv2"]["apis"]["a1b2c3"].clone();
    assert_eq!(twins(&both), ["2 of HttpApi/web \"1\""]);
    let found = differences(&portrait(&both), &portrait(&one));
    assert!(found.len() == 1 && found[0].starts_with("+ 1 more: apigatewayv2 apis"), "{found:#?}");
    let mut moved = one.clone();
    moved["apigatewayv2"]["routes"]["a1b2c3/ra1b2c3"]["target"] = "integrations/other".into();
    assert_eq!(differences(&portrait(&moved), &portrait(&one)).len(), 2, "a change is more and fewer");
}
