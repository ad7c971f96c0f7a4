//! Two worlds are alike if they differ in ids, times and numbers of incarnations alone.
//!
//! Each id is replaced by a name made of what bears it, round after round, so that whoever names it is told apart by what
//! it names.

use std::collections::BTreeMap;

use hatoba_core::{Digest, NullIs, Omitted};
use hatoba_kinds::KindId;
use serde_json::{Value, json};

/// Collections whose objects are minted ids' bearers, and those that are known by their names.
const COLLECTIONS: &[(&str, &str, bool)] = &[
    ("apigatewayv2", "apis", true),
    ("apigatewayv2", "apiMappings", true),
    ("apigatewayv2", "authorizers", true),
    ("apigatewayv2", "domainNames", false),
    ("apigatewayv2", "integrations", true),
    ("apigatewayv2", "routes", true),
    ("apigatewayv2", "stages", false),
    ("apigatewayv2", "vpcLinks", true),
    ("servicediscovery", "namespaces", true),
    ("servicediscovery", "services", true),
    ("ecs", "clusters", false),
    ("ecs", "services", false),
    ("ecs", "taskDefinitions", true),
];

/// Lines of task definitions: revisions of before stay, for those who roll back to them.
pub(crate) const REVISIONS: &str = "taskDefinitions: ";

/// What no document says: times, AWS's own ids, counts of what runs, and what a deployment is called.
const FORGOTTEN: &[&str] = &[
    "CreateDate",
    "CreatorRequestId",
    "HostedZoneId",
    "apiEndpoint",
    "apiGatewayDomainName",
    "certificateUploadDate",
    "createdAt",
    "createdBy",
    "createdDate",
    "currentServiceDeployment",
    "deploymentId",
    "events",
    "failedTasks",
    "id",
    "lastDeploymentStatusMessage",
    "lastUpdatedDate",
    "pendingCount",
    "platformFamily",
    "registeredAt",
    "revision",
    "rolloutStateReason",
    "runningCount",
    "updatedAt",
];

/// With these a deployment of an ECS service begins and ends: a change of the service's alone makes no new one.
const BEGUN_WITH: &[&str] = &["capacityProviderStrategy", "launchType"];

/// The kinds whose objects each collection holds.
const KINDS: &[(&str, &str)] = &[
    ("apis", "HttpApi"),
    ("apiMappings", "ApiMapping"),
    ("authorizers", "Authorizer"),
    ("domainNames", "DomainName"),
    ("integrations", "Integration"),
    ("routes", "Route"),
    ("stages", "Stage"),
    ("vpcLinks", "VpcLink"),
    ("namespaces", "PrivateDnsNamespace"),
    ("clusters", "EcsCluster"),
    ("taskDefinitions", "EcsTaskDefinition"),
];

/// Everything of a world that counts, a line each, without what is not ours as the last document is.
pub(crate) fn likeness(dump: &Value, kind: &str, spec: &Value) -> Vec<String> {
    let mut objects: Vec<(&str, String, Value)> = Vec::new();
    for (service, collection, is_minted) in COLLECTIONS {
        let all = dump[*service][*collection].as_object().into_iter().flatten();
        for (key, object) in all.filter(|(_, object)| !is_leaving(object)) {
            let mut object = object.clone();
            if is_of(kind, service, collection) {
                leave_out_unstated(&mut object, kind, spec);
            }
            if let Some(mut served) = served(dump, key, &object) {
                for (collection, copies) in served.as_object_mut().into_iter().flatten() {
                    let is_its = is_of(kind, service, collection);
                    for copy in copies.as_array_mut().into_iter().flatten().filter(|_| is_its) {
                        leave_out_unstated(copy, kind, spec);
                    }
                }
                object["served"] = served;
            }
            for deployment in object["deployments"].as_array_mut().into_iter().flatten() {
                BEGUN_WITH.iter().for_each(|member| deployment[*member] = Value::Null);
            }
            forget(&mut object);
            let id = is_minted.then(|| key.rsplit('/').next().unwrap_or(key).to_owned());
            objects.push((collection, id.unwrap_or_default(), object));
        }
    }
    let mut names: BTreeMap<String, String> = objects
        .iter()
        .filter(|(_, id, _)| !id.is_empty())
        .map(|(collection, id, _)| (id.clone(), format!("<{collection}>")))
        .collect();
    for _ in 0..4 {
        let named = |(collection, id, object): &(&str, String, Value)| {
            let text = renamed(object, &names).to_string();
            (!id.is_empty()).then(|| (id.clone(), format!("<{collection} {}>", short(&text))))
        };
        names = objects.iter().filter_map(named).collect();
    }
    let mut lines: Vec<String> = objects
        .iter()
        .map(|(collection, _, object)| format!("{collection}: {}", renamed(object, &names)))
        .collect();
    lines.sort();
    lines.dedup_by(|one, other| one == other && one.starts_with(REVISIONS));
    lines
}

fn short(text: &str) -> String {
    Digest::of_bytes(text.as_bytes()).to_string().chars().take(8).collect()
}

fn is_of(kind: &str, service: &str, collection: &str) -> bool {
    match (service, collection) {
        ("ecs", "services") => kind == "EcsService",
        ("servicediscovery", "services") => kind == "DiscoveryService",
        _ => KINDS.contains(&(collection, kind)),
    }
}

fn is_leaving(object: &Value) -> bool {
    object["vpcLinkStatus"] == "DELETING"
        || ["DRAINING", "INACTIVE", "DELETE_IN_PROGRESS"].iter().any(|status| object["status"] == *status)
}

/// What a stage serves: the copy that its deployment holds, in no order.
fn served(dump: &Value, key: &str, stage: &Value) -> Option<Value> {
    let deployment = stage.get("deploymentId")?.as_str()?;
    let (api, _) = key.split_once('/')?;
    let copy = dump["apigatewayv2"]["snapshots"].get(format!("{api}/{deployment}"))?.as_object()?;
    let lists = copy.iter().map(|(name, all)| {
        let all: Vec<Value> = all.as_object().into_iter().flatten().map(|(_, one)| one.clone()).collect();
        (name.clone(), Value::from(all))
    });
    Some(Value::Object(lists.collect()))
}

/// Takes out the fields that are not ours where the document leaves them out.
fn leave_out_unstated(object: &mut Value, kind: &str, spec: &Value) {
    let Some(table) = KindId::of(kind).map(KindId::table) else { return };
    for field in table.fields {
        let Omitted::Untouched(null) = field.omitted else { continue };
        let fills = |path: &str| field.path == path;
        let by_reference = table.references.iter().any(|reference| {
            fills(&hatoba_core::path::beside(reference.path, reference.member))
                && stated(spec, reference.path).is_some()
        });
        let by_selector = table.selectors.iter().any(|s| fills(&s.fills()) && stated(spec, s.path).is_some());
        let is_ours = match stated(spec, field.path) {
            None => by_reference || by_selector,
            // Absent will do, and so will AWS's value.
            Some(Value::Null) => match null {
                NullIs::LeftOut => false,
                _ => hatoba_core::path::get(object, field.path) != Some(&field.null()),
            },
            Some(_) => true,
        };
        if !is_ours {
            take(object, field.path);
            take(object, &format!("{}Arn", field.path)); // as ECS shows a role
            for deployment in
                object.get_mut("deployments").and_then(Value::as_array_mut).into_iter().flatten()
            {
                take(deployment, field.path);
            }
        }
    }
}

/// What a document says at a path; a `null` around it counts for it.
fn stated<'a>(spec: &'a Value, path: &str) -> Option<&'a Value> {
    let mut value = spec;
    for step in path.split('.') {
        if value.is_null() {
            break;
        }
        value = value.get(step)?;
    }
    Some(value)
}

/// Removes a member, in whatever case its names are.
fn take(object: &mut Value, path: &str) {
    let (first, rest) = path.split_once('.').map_or((path, None), |(first, rest)| (first, Some(rest)));
    let Some(members) = object.as_object_mut() else { return };
    let Some(name) = members.keys().find(|name| name.eq_ignore_ascii_case(first)).cloned() else { return };
    match rest {
        None => drop(members.remove(&name)),
        Some(rest) => take(&mut members[&name], rest),
    }
}

/// Takes times and numbers out, and the incarnation out of marks.
fn forget(value: &mut Value) {
    match value {
        Value::Object(members) => {
            members.retain(|name, _| !FORGOTTEN.contains(&name.as_str()));
            if let Some(number) = members.get_mut("hatoba:incarnation") {
                *number = Value::Null;
            }
            if members.get("key").is_some_and(|key| key == "hatoba:incarnation") {
                members.remove("value");
            }
            if let Some(deployments) = members.get_mut("deployments").and_then(Value::as_array_mut) {
                deployments.retain(|deployment| deployment["status"] == "PRIMARY");
            }
            members.values_mut().for_each(forget);
            members.retain(|name, value| !is_hollow(value) && !is_unset(name, value));
        }
        Value::Array(items) => items.iter_mut().for_each(forget),
        Value::String(text) => {
            if let Some(mark) = text.rfind("[hatoba ") {
                let end = text.rfind(' ').filter(|end| *end > mark).unwrap_or(text.len());
                text.truncate(end);
            }
            while let Some(at) = text.find('~') {
                let digits = text[at + 1..].chars().take_while(char::is_ascii_digit).count();
                text.replace_range(at..=at + digits, "");
            }
        }
        _ => {}
    }
}

/// Nothing in it, or not set: AWS shows that and nothing at all alike for what was never set.
fn is_hollow(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => members.is_empty(),
        _ => false,
    }
}

/// The words for what was never set, where AWS has some.
fn is_unset(name: &str, value: &Value) -> bool {
    match name {
        "executeCommandConfiguration" => *value == json!({ "logging": "DEFAULT" }),
        "runtimePlatform" => {
            *value == json!({ "cpuArchitecture": "X86_64", "operatingSystemFamily": "LINUX" })
        }
        _ => false,
    }
}

/// The same with names in place of ids; lists in no order, for AWS keeps none and most of them are sets.
fn renamed(value: &Value, names: &BTreeMap<String, String>) -> Value {
    match value {
        Value::Object(members) => {
            members.iter().map(|(name, value)| (name.clone(), renamed(value, names))).collect()
        }
        Value::Array(items) => {
            let mut items: Vec<Value> = items.iter().map(|item| renamed(item, names)).collect();
            items.sort_by_key(Value::to_string);
            Value::from(items)
        }
        Value::String(text) => {
            let mut text = text.clone();
            // The longest first: the tenth revision's begins like the first one's.
            let mut found: Vec<_> = names.iter().filter(|(id, _)| text.contains(id.as_str())).collect();
            found.sort_by_key(|(id, _)| std::cmp::Reverse(id.len()));
            for (id, name) in found {
                text = text.replace(id, name);
            }
            Value::String(text)
        }
        other => other.clone(),
    }
}
