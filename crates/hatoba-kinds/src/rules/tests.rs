//! What the samples of the book do not show: edges of each rule, what is not judged, and the cost.

mod api;

use std::collections::{BTreeMap, BTreeSet};

use hatoba_core::{
    Desired, Digest, Key, KindTable, Lookup, LookupUse, MarkStyle, OmittedPolicy, Policy, Reference,
    ReplaceStyle,
};
use serde_json::{Value, json};

use super::chain::Chain;
use super::{RULES, check_chain, findings};

static TABLE: KindTable = KindTable {
    kind: "Any",
    fields: &[],
    references: &[],
    selectors: &[],
    scope_member: Some("apiId"),
    parent: Some("HttpApi"),
    name_member: Some("stageName"),
    marks: MarkStyle::Tags,
    unique: false,
    replace: ReplaceStyle::MakeBeforeBreak,
    follows: &[],
    drain: None,
};

/// A compiled document; members that end in `Ref` are references, those in `Selector` look-ups.
fn document(kind: &str, name: &str, spec: Value) -> Desired {
    let mut members = spec.as_object().cloned().unwrap_or_default();
    let mut references = Vec::new();
    for (field, kind, member) in [
        ("apiRef", "HttpApi", "apiId"),
        ("discoveryServiceRef", "DiscoveryService", "integrationUri"),
        ("vpcLinkRef", "VpcLink", "connectionId"),
        ("integrationRef", "Integration", "target"),
        ("authorizerRef", "Authorizer", "authorizerId"),
        ("namespaceRef", "PrivateDnsNamespace", "namespaceId"),
        ("taskDefinitionRef", "EcsTaskDefinition", "taskDefinition"),
        ("registryRef", "DiscoveryService", "serviceRegistries[0].registryArn"),
    ] {
        if let Some(target) = members.remove(field) {
            let target = Key::new(kind, target.as_str().unwrap());
            let (field, path) = (field.to_owned(), member.to_owned());
            references.push(Reference { field, path, target, output: "id", template: "{}" });
        }
    }
    let lookups = members.remove("vpcSelector").map(|tags| LookupUse {
        field: "vpcSelector".to_owned(),
        path: "vpcId".to_owned(),
        lookup: Lookup { resource: "vpc".to_owned(), tags: serde_json::from_value(tags).unwrap(), vpc: None },
        within: None,
        many: false,
    });
    Desired {
        key: Key::new(kind, name),
        digest: Digest::of(&members),
        policy: Policy::default(),
        labels: BTreeMap::new(),
        members,
        references,
        lookups: lookups.into_iter().collect(),
        table: &TABLE,
    }
}

fn untouched(mut document: Desired) -> Desired {
    document.policy.omitted = OmittedPolicy::Untouched;
    document
}

fn world(documents: Vec<Desired>) -> BTreeMap<Key, Desired> {
    documents.into_iter().map(|document| (document.key.clone(), document)).collect()
}

/// `Rule name path`, sorted.
fn found(documents: Vec<Desired>) -> Vec<String> {
    let found = check_chain(&world(documents), &BTreeSet::new());
    let mut lines: Vec<String> =
        found.into_iter().map(|(key, found)| format!("{} {} {}", found.rule, key.name, found.path)).collect();
    lines.sort();
    lines
}

/// A route of the API `shop`, by AWS_IAM unless it says otherwise.
fn route(name: &str, key: &str, more: Value) -> Desired {
    let mut spec = json!({
        "apiRef": "shop", "routeKey": key, "authorizationType": "AWS_IAM", "target": "integrations/i",
    });
    spec.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap_or_default());
    document("Route", name, spec)
}

fn private(name: &str, uri: &str) -> Desired {
    let uri = if uri.starts_with("arn:") { ("integrationUri", uri) } else { ("discoveryServiceRef", uri) };
    let mut spec = json!({ "apiRef": "shop", "connectionType": "VPC_LINK" });
    spec[uri.0] = uri.1.into();
    document("Integration", name, spec)
}

fn registered(records: &[&str]) -> Desired {
    let records: Vec<Value> = records.iter().map(|kind| json!({ "type": kind, "ttl": 60 })).collect();
    document(
        "DiscoveryService",
        "reg",
        json!({ "dnsConfig": { "dnsRecords": records }, "healthCheckCustomConfig": {} }),
    )
}

fn tasks(registry: Value, more: Value) -> Desired {
    let mut spec = json!({ "registryRef": "reg", "serviceRegistries": [registry] });
    spec.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap_or_default());
    document("EcsService", "web", spec)
}

fn definition(mode: Option<&str>) -> Desired {
    let container = json!({ "name": "web", "portMappings": [{ "containerPort": 80 }] });
    document("EcsTaskDefinition", "def", json!({ "networkMode": mode, "containerDefinitions": [container] }))
}

#[test]
fn ids_are_words_and_stand_once() {
    let ids: BTreeSet<&str> = RULES.iter().map(|rule| rule.id).collect();
    assert_eq!(ids.len(), RULES.len());
    let is_word =
        |id: &&str| id.starts_with(char::is_uppercase) && id.chars().all(|c| c.is_ascii_alphanumeric());
    assert!(ids.iter().all(is_word), "{ids:?}");
}

#[test]
fn records_without_a_port_matter_behind_a_vpc_link_only() {
    let port = json!({ "port": 80 });
    let both = vec![registered(&["A", "AAAA"]), private("i", "reg"), tasks(json!({}), json!({}))];
    assert_eq!(found(both), ["SrvBehindVpcLink reg spec.dnsConfig.dnsRecords[0].type"]);
    assert_eq!(found(vec![registered(&["SRV"]), private("i", "reg"), tasks(port, json!({}))]), [""; 0]);
    assert_eq!(
        found(vec![registered(&["A"]), tasks(json!({}), json!({}))]),
        [""; 0],
        "nobody comes by a link"
    );
    assert_eq!(
        found(vec![registered(&[]), private("i", "reg"), tasks(json!({}), json!({}))]),
        [""; 0],
        "no DNS"
    );
    assert_eq!(found(vec![private("i", "reg"), tasks(json!({}), json!({}))]), [""; 0], "the service is held");
}

#[test]
fn arns_of_something_else() {
    let arn = |rest: &str| format!("arn:aws:{rest}");
    for (uri, is_good) in [
        (arn("servicediscovery:us-east-1:1:service/srv-1"), true),
        (arn("servicediscovery:us-east-1:1:service/srv-1?colour=blue"), true),
        (arn("elasticloadbalancing:us-east-1:1:listener/app/a/1/2"), true),
        (arn("servicediscovery:us-east-1:1:service/${stageVariables.service}"), true),
        (arn("servicediscovery:us-east-1:1:namespace/ns-1"), false),
        (arn("elasticloadbalancing:us-east-1:1:loadbalancer/app/a/1"), false),
        (arn("elasticloadbalancing:us-east-1:1:targetgroup/a/1"), false),
    ] {
        let expected: &[&str] = if is_good { &[] } else { &["ServiceArnNeeded i spec.integrationUri"] };
        assert_eq!(found(vec![private("i", &uri)]), expected, "{uri}");
    }
    let registry = json!({ "registryArn": "arn:aws:servicediscovery:us-east-1:1:namespace/ns-1" });
    let service = document("EcsService", "web", json!({ "serviceRegistries": [registry] }));
    assert_eq!(found(vec![service]), ["ServiceArnNeeded web spec.serviceRegistries[0].registryArn"]);
}

#[test]
fn a_link_that_is_not_used() {
    let integration = |spec: Value| document("Integration", "i", spec);
    assert_eq!(
        found(vec![integration(json!({ "discoveryServiceRef": "d" }))]),
        ["VpcLinkNotUsed i spec.discoveryServiceRef"]
    );
    assert_eq!(
        found(vec![integration(json!({ "vpcLinkRef": "l", "integrationUri": "https://a.example" }))]),
        ["VpcLinkNotUsed i spec.vpcLinkRef"]
    );
    assert_eq!(found(vec![integration(json!({ "integrationUri": "https://a.example" }))]), [""; 0]);
    assert_eq!(found(vec![untouched(integration(json!({ "discoveryServiceRef": "d" })))]), [""; 0]);
}

#[test]
fn ports_by_network_mode() {
    let pair = json!({ "containerName": "web", "containerPort": 80 });
    let by_mode = |path: &str| vec![format!("RegistryPortByNetworkMode web spec.serviceRegistries[0]{path}")];
    for (mode, record, registry, expected) in [
        (Some("awsvpc"), "SRV", pair.clone(), vec![]),
        (Some("awsvpc"), "SRV", json!({ "port": 80 }), vec![]),
        (Some("awsvpc"), "SRV", json!({ "containerName": "web" }), by_mode(".containerName")),
        (
            Some("awsvpc"),
            "SRV",
            json!({}),
            vec!["RegistryPortMissing web spec.serviceRegistries[0]".to_owned()],
        ),
        (Some("awsvpc"), "A", json!({}), vec![]),
        (None, "SRV", pair.clone(), vec![]),
        (None, "SRV", json!({ "port": 80 }), by_mode(".port")),
        (Some("host"), "SRV", json!({}), by_mode("")),
        (Some("host"), "A", pair.clone(), by_mode(".discoveryServiceRef")),
        (Some("none"), "A", json!({}), by_mode("")),
    ] {
        let network = if mode == Some("awsvpc") { json!({ "awsvpcConfiguration": {} }) } else { Value::Null };
        let more = json!({ "taskDefinitionRef": "def", "networkConfiguration": network });
        let shown = format!("{mode:?} {record} {registry}");
        assert_eq!(
            found(vec![registered(&[record]), definition(mode), tasks(registry, more)]),
            expected,
            "{shown}"
        );
    }
    let unknown =
        tasks(json!({ "containerName": "other", "containerPort": 1 }), json!({ "taskDefinition": "def:1" }));
    assert_eq!(found(vec![registered(&["SRV"]), unknown]), [""; 0], "a task definition that is no document");
}

#[test]
fn containers_and_network_of_the_task_definition() {
    let service = |more: Value| {
        let mut spec =
            json!({ "taskDefinitionRef": "def", "networkConfiguration": { "awsvpcConfiguration": {} } });
        spec.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap());
        document("EcsService", "web", spec)
    };
    let balanced = |name: &str, port: i64| json!({ "loadBalancers": [{ "containerName": name, "containerPort": port }] });
    let found = |more: Value, definition: Desired| found(vec![service(more), definition]);
    let awsvpc = || definition(Some("awsvpc"));
    assert_eq!(found(balanced("web", 80), awsvpc()), [""; 0]);
    assert_eq!(
        found(balanced("wbe", 80), awsvpc()),
        ["UnknownContainer web spec.loadBalancers[0].containerName"]
    );
    assert_eq!(
        found(balanced("web", 81), awsvpc()),
        ["ContainerPortNotMapped web spec.loadBalancers[0].containerPort"]
    );
    assert_eq!(
        found(json!({}), definition(None)),
        ["NetworkConfigurationByMode web spec.networkConfiguration"]
    );
    let without = json!({ "networkConfiguration": null });
    assert_eq!(
        found(without.clone(), definition(Some("awsvpc"))),
        ["NetworkConfigurationByMode web spec.networkConfiguration"]
    );
    assert_eq!(found(without, definition(None)), [""; 0]);
}

#[test]
fn tasks_on_fargate_need_a_network() {
    let network = json!({ "awsvpcConfiguration": { "subnets": ["subnet-1"] } });
    let missing = ["NetworkConfigurationByMode web spec.networkConfiguration"];
    let service = |spec: Value| document("EcsService", "web", spec);
    let table: [(Value, &[&str]); 8] = [
        (json!({ "launchType": "FARGATE" }), &missing),
        (json!({ "launchType": "FARGATE", "networkConfiguration": null }), &missing),
        (
            json!({ "capacityProviderStrategy": [{ "capacityProvider": "own" }, { "capacityProvider": "FARGATE_SPOT" }] }),
            &missing,
        ),
        (json!({ "launchType": "FARGATE", "networkConfiguration": network }), &[]),
        (json!({ "launchType": "FARGATE", "deploymentController": { "type": "EXTERNAL" } }), &[]),
        (json!({ "launchType": "EC2" }), &[]),
        (json!({ "capacityProviderStrategy": [{ "capacityProvider": "own" }] }), &[]),
        (json!({}), &[]),
    ];
    for (spec, expected) in table {
        assert_eq!(found(vec![service(spec.clone())]), expected, "{spec}");
    }
    let fargate = || service(json!({ "launchType": "FARGATE" }));
    assert_eq!(found(vec![untouched(fargate())]), [""; 0], "left to others");
    let mut adopted = fargate();
    adopted.policy.adopt =
        Some(hatoba_core::Adopt { id: Some("web".to_owned()), ..hatoba_core::Adopt::default() });
    assert_eq!(found(vec![adopted]), [""; 0], "what is taken over has one");
}

#[test]
fn a_route_without_a_target() {
    let found = |more: Value| found(vec![route("r", "GET /a", more)]);
    assert_eq!(found(json!({})), [""; 0]);
    assert_eq!(found(json!({ "target": null })), ["RouteWithoutTarget r spec.target"]);
    assert_eq!(found(json!({ "target": null, "integrationRef": "i" })), [""; 0]);
    let left = untouched(route("r", "GET /a", json!({ "target": null })));
    assert_eq!(check_chain(&world(vec![left]), &BTreeSet::new()), []);
}

#[test]
fn namespaces_of_one_name() {
    let one = |name: &str, vpc: Value| {
        let mut desired = document("PrivateDnsNamespace", name, vpc);
        desired.members.insert("stageName".to_owned(), "internal".into()); // the table's name member
        desired
    };
    let tags = |tag: &str| json!({ "vpcSelector": { "Name": tag } });
    let twice = ["NamespaceTwice a spec.name", "NamespaceTwice b spec.name"];
    assert_eq!(found(vec![one("a", tags("x")), one("b", tags("x"))]), twice);
    assert_eq!(found(vec![one("a", tags("x")), one("b", tags("y"))]), [""; 0]);
    assert_eq!(found(vec![one("a", tags("x")), one("b", json!({ "vpcId": "vpc-1" }))]), [""; 0], "not known");
    let mut http = one("b", json!({}));
    http.key = Key::new("HttpNamespace", "b");
    assert_eq!(found(vec![one("a", tags("x")), http]), twice);
}

/// 100 APIs of 300 routes: what the rules look at grows with the documents, not with their pairs.
#[test]
fn no_rule_compares_all_with_all() {
    let looks = |apis: usize, routes: usize| {
        let mut documents = Vec::new();
        for api in 0..apis {
            documents.push(document("HttpApi", &format!("a{api}"), json!({ "corsConfiguration": {} })));
            documents.push(document(
                "Stage",
                &format!("s{api}"),
                json!({ "apiRef": format!("a{api}"), "stageName": "v1" }),
            ));
            for n in 0..routes {
                let key = format!("ANY /p{n}/{{id}}/{{more+}}");
                let mut one = route(&format!("r{api}-{n}"), &key, json!({}));
                one.references[0].target = Key::new("HttpApi", format!("a{api}"));
                documents.push(one);
            }
        }
        let documents = world(documents);
        let held = BTreeSet::new();
        let chain = Chain::new(&documents, &held);
        // Every route takes its preflight requests itself: a finding each, from one set for each API.
        assert_eq!(findings(&chain).len(), apis * routes);
        (chain.looks.get(), documents.len())
    };
    let (small, few) = looks(10, 30);
    let (large, many) = looks(100, 300);
    assert!(large * few <= small * many * 2, "{small} looks at {few} documents, {large} at {many}");
    assert!(large < many * RULES.len(), "{large} looks at {many} documents");
}
