//! From what AWS shows to what a document says: good and bad rows.

use std::collections::{BTreeMap, BTreeSet};

use hatoba_core::{Key, Life, Members, Object, Readiness, Seen, normalise};
use serde_json::{Value, json};

use super::{Found, Imported, import};
use crate::KindId;

fn found(
    kind: &str,
    (scope, id, key): (&str, &str, &str),
    members: Value,
    outputs: &[(&str, &str)],
) -> Found {
    let kind = KindId::of(kind).unwrap();
    let outputs = outputs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let object = Object {
        id: id.to_owned(),
        scope: scope.to_owned(),
        arn: None,
        natural_key: key.to_owned(),
        mark: Seen::Absent,
        tags: None,
        life: Life::Live,
        readiness: Readiness::Ready,
        created_at_ms: None,
        uses: BTreeSet::from([scope.to_owned()]),
        members: normalise(kind.table(), members.as_object().cloned().unwrap()),
        outputs: outputs.chain([("id".to_owned(), id.to_owned())]).collect(),
    };
    Found { kind, object, origin: "test".to_owned(), hints: Members::new(), withheld: BTreeSet::new() }
}

fn api(id: &str, name: &str) -> Found {
    found("HttpApi", ("", id, name), json!({ "name": name, "disableExecuteApiEndpoint": false }), &[])
}

fn route(api: &str, id: &str, key: &str) -> Found {
    found("Route", (api, id, key), json!({ "routeKey": key, "target": "integrations/i1" }), &[])
}

fn integration(api: &str, id: &str, uri: &str) -> Found {
    let members = json!({
        "integrationType": "HTTP_PROXY", "integrationMethod": "ANY", "integrationUri": uri,
        "payloadFormatVersion": "1.0", "timeoutInMillis": 30_000, "connectionType": "INTERNET",
    });
    found("Integration", (api, id, id), members, &[])
}

fn documents(all: &[Found]) -> Vec<Imported> {
    let (imported, refusals) = import(all, &BTreeSet::new());
    assert_eq!(refusals, []);
    imported
}

fn names(imported: &[Imported]) -> Vec<String> {
    imported.iter().map(|one| one.document.key.to_string()).collect()
}

#[test]
fn children_are_named_after_their_api_and_refer_to_it() {
    let all =
        [route("a1", "r1", "$default"), integration("a1", "i1", "https://x.example"), api("a1", "Crazy API")];
    let imported = documents(&all);
    assert_eq!(
        names(&imported),
        ["HttpApi/crazy-api", "Integration/crazy-api.to-x-example", "Route/crazy-api.default"]
    );
    let spec = |at: usize| Value::Object(imported[at].document.spec.clone());
    assert_eq!(spec(0), json!({ "name": "Crazy API" }), "another name than the document's is said");
    assert_eq!(
        spec(1),
        json!({
            "apiRef": "crazy-api", "integrationMethod": "ANY", "integrationType": "HTTP_PROXY",
            "integrationUri": "https://x.example",
        }),
        "AWS's defaults are left out"
    );
    assert_eq!(
        spec(2),
        json!({ "apiRef": "crazy-api", "integrationRef": "crazy-api.to-x-example", "routeKey": "$default" })
    );
    for one in &imported {
        let policy = serde_json::to_value(&one.document.policy).unwrap();
        assert_eq!((&policy["suspend"], &policy["omitted"]), (&json!(true), &json!("Untouched")));
        assert_eq!(one.root, Key::new("HttpApi", "crazy-api"));
    }
    assert_eq!(imported[2].document.policy.adopt.as_ref().unwrap().id.as_deref(), Some("r1"));
}

#[test]
fn names_are_unique_legal_and_the_same_in_whatever_order_resources_come() {
    let service = |scope: &str, id: &str| {
        let members =
            json!({ "name": "orders", "dnsConfig": { "dnsRecords": [{ "type": "SRV", "ttl": 60 }] } });
        found("DiscoveryService", (scope, id, "orders"), members, &[])
    };
    let namespace =
        |id: &str, name: &str| found("HttpNamespace", ("", id, name), json!({ "name": name }), &[]);
    let mut all = vec![
        api("a1", "this"),
        api("a2", "this"),
        api("a3", "注文"),
        namespace("ns-1", "one"),
        namespace("ns-2", "two.example"),
        service("ns-1", "srv-1"),
        service("ns-2", "srv-2"),
        integration("a3", "i1", "https://x.example"),
        route("a3", "r1", "GET /orders/{id}"),
        route("a3", "r2", "GET /orders-id"),
    ];
    let forth = names(&documents(&all));
    all.reverse();
    let back = names(&documents(&all));
    assert_eq!(forth, back);
    let unique: BTreeSet<&String> = forth.iter().collect();
    assert_eq!(unique.len(), forth.len(), "{forth:?}");
    assert!(forth.iter().all(|name| name.parse::<Key>().is_ok()), "{forth:?}");
    assert!(forth.contains(&"DiscoveryService/one.orders".to_owned()), "{forth:?}");
    assert!(forth.contains(&"DiscoveryService/two-example.orders".to_owned()), "{forth:?}");
    assert!(!forth.contains(&"HttpApi/this".to_owned()), "neither is more `this` than the other: {forth:?}");

    let taken = BTreeSet::from([Key::new("HttpApi", "crazy-api")]);
    let (beside, _) = import(&[api("a1", "crazy-api")], &taken);
    assert!(beside[0].document.key.name.starts_with("crazy-api-"), "{:?}", names(&beside));
}

#[test]
fn ids_of_one_api_mean_nothing_in_another() {
    let all = [
        api("a1", "one"),
        api("a2", "two"),
        integration("a1", "i1", "https://x.example"),
        route("a2", "r1", "$default"),
    ];
    let imported = documents(&all);
    let route = imported.iter().find(|one| one.document.key.kind == "Route").unwrap();
    assert_eq!(route.document.spec["target"], "integrations/i1", "{:?}", route.document.spec);
}

#[test]
fn what_is_the_same_without_a_member_is_said_without_it() {
    let domain = found(
        "DomainName",
        ("", "api.example.com", "api.example.com"),
        json!({
            "domainName": "api.example.com",
            "domainNameConfigurations": [{
                "certificateArn": "arn:aws:acm:us-east-1:1:certificate/c", "endpointType": "REGIONAL",
                "securityPolicy": "TLS_1_2", "ipAddressType": "ipv4",
            }],
            "mutualTlsAuthentication": { "truststoreUri": "s3://a/b.pem", "truststoreVersion": "v" },
        }),
        &[],
    );
    let stage = found(
        "Stage",
        ("a1", "$default", "$default"),
        json!({
            "stageName": "$default", "autoDeploy": true, "deploymentDigest": "x", "deployments": 2,
            "defaultRouteSettings": { "detailedMetricsEnabled": false },
            "routeSettings": { "GET /a": { "throttlingBurstLimit": 0, "detailedMetricsEnabled": false } },
        }),
        &[("name", "$default")],
    );
    let imported = documents(&[domain, api("a1", "x"), stage]);
    let domain = imported.iter().find(|one| one.document.key.kind == "DomainName").unwrap();
    assert_eq!(
        Value::Object(domain.document.spec.clone()),
        json!({
            "domainName": "api.example.com",
            "domainNameConfigurations": [{ "certificateArn": "arn:aws:acm:us-east-1:1:certificate/c" }],
            "mutualTlsAuthentication": { "truststoreUri": "s3://a/b.pem", "truststoreVersion": "v" },
        }),
        "a version that is stated is not any version"
    );
    let stage = imported.iter().find(|one| one.document.key.kind == "Stage").unwrap();
    assert_eq!(
        Value::Object(stage.document.spec.clone()),
        json!({
            "apiRef": "x", "stageName": "$default",
            "routeSettings": { "GET /a": { "throttlingBurstLimit": 0 } },
        }),
        "0 blocks every request and is said"
    );
    assert_eq!(stage.remarks, [""; 0], "what is the engine's own is no remark");
}

#[test]
fn what_must_not_be_written_down_is_left_out_and_not_ours() {
    let hidden = |member: &str, mut found: Found| {
        found.withheld.insert(member.to_owned());
        found
    };
    let described = found("HttpApi", ("", "a1", "x"), json!({ "name": "x", "description": "hunter2" }), &[]);
    let imported = documents(&[hidden("description", described)]);
    assert!(imported[0].document.spec.is_empty(), "{:?}", imported[0].document.spec);
    assert!(
        imported[0].remarks[0].contains("`description` is marked as sensitive"),
        "{:?}",
        imported[0].remarks
    );

    let family = found(
        "EcsTaskDefinition",
        ("", "web:1", "web"),
        json!({ "family": "web", "containerDefinitions": [{ "name": "web", "image": "hunter2" }] }),
        &[],
    );
    for (member, found) in [("containerDefinitions", family), ("name", api("a1", "hunter2"))] {
        let (imported, refusals) = import(&[hidden(member, found)], &BTreeSet::new());
        assert!(imported.is_empty(), "{member}");
        assert!(!refusals[0].why.contains("hunter2"), "{refusals:?}");
    }
}

#[test]
fn values_that_look_like_secrets_become_variables() {
    let containers = json!([{
        "name": "web",
        "image": "nginx", "memory": 128,
        "environment": [
            { "name": "DB_PASSWORD", "value": "hunter2" },
            { "name": "DATABASE_URL", "value": "postgres://web:hunter2@db/web" },
            { "name": "LOG_LEVEL", "value": "info" },
            { "name": "TOKEN_ARN", "value": "arn:aws:secretsmanager:us-east-1:1:secret:t" },
        ],
        "secrets": [{ "name": "API_KEY", "valueFrom": "arn:aws:secretsmanager:us-east-1:1:secret:s" }],
        "logConfiguration": { "logDriver": "splunk", "options": { "splunk-token": "hunter2", "splunk-url": "https://s" } },
    }]);
    let family = found(
        "EcsTaskDefinition",
        ("", "great-task:1", "great-task"),
        json!({ "family": "great-task", "containerDefinitions": containers }),
        &[],
    );
    let imported = documents(&[family]);
    let spec = Value::Object(imported[0].document.spec.clone());
    let shown: BTreeMap<&str, &str> = imported[0]
        .variables
        .iter()
        .map(|(pointer, variable)| (variable.as_str(), spec.pointer(pointer).unwrap().as_str().unwrap()))
        .collect();
    assert_eq!(
        shown,
        BTreeMap::from([
            ("GREAT_TASK_DATABASE_URL", "postgres://web:hunter2@db/web"),
            ("GREAT_TASK_DB_PASSWORD", "hunter2"),
            ("GREAT_TASK_SPLUNK_TOKEN", "hunter2"),
        ])
    );
}

#[test]
fn two_secrets_of_one_name_keep_their_values() {
    let container = |name: &str, password: &str| json!({ "name": name, "image": "x", "memory": 128, "environment": [{ "name": "PASSWORD", "value": password }] });
    let family = found(
        "EcsTaskDefinition",
        ("", "t:1", "t"),
        json!({ "family": "t", "containerDefinitions": [container("a", "1"), container("b", "2"), container("c", "1")] }),
        &[],
    );
    let imported = documents(&[family]);
    let variables: BTreeSet<&str> = imported[0].variables.values().map(String::as_str).collect();
    assert_eq!((variables, imported[0].variables.len()), (BTreeSet::from(["T_PASSWORD", "T_PASSWORD_2"]), 3));
}

#[test]
fn what_autoscaling_moves_is_written_at_creation_only() {
    let service = |count: i64| {
        let members = json!({ "serviceName": "web", "taskDefinition": "web:7", "desiredCount": count });
        documents(&[found("EcsService", ("main", "web", "web"), members, &[])]).remove(0)
    };
    let three = service(3);
    assert_eq!(three.document.spec["desiredCount"], 3);
    let policy = serde_json::to_value(&three.document.policy).unwrap();
    assert_eq!(policy["fields"], json!({ "desiredCount": "initial" }));
    assert!(three.remarks[0].contains("autoscaling"), "{:?}", three.remarks);
    let one = service(1);
    assert!(!one.document.spec.contains_key("desiredCount") && one.document.policy.fields.is_empty());
    assert_eq!(one.document.spec["cluster"], "main");
}

#[test]
fn the_one_vpc_of_several_is_the_one_that_is_known() {
    let namespace = |vpcs: Value, hint: Option<&str>| {
        let members = json!({ "name": "n", "vpcId": vpcs });
        let mut found = found("PrivateDnsNamespace", ("", "ns-1", "n"), members, &[]);
        found.hints.extend(hint.map(|vpc| ("vpcId".to_owned(), json!(vpc))));
        documents(&[found])[0].document.spec["vpcId"].as_str().unwrap().to_owned()
    };
    let (one, two) = ("vpc-0123456789abcdef0", "vpc-0123456789abcdef1");
    assert_eq!(namespace(json!([one, two]), Some(two)), two);
    assert_eq!(namespace(json!([one, two]), None), one);
    assert_eq!(namespace(json!(one), Some(two)), one, "AWS knows better");
    assert_eq!(namespace(Value::Null, Some(two)), two);
    let unknown = found("PrivateDnsNamespace", ("", "ns-1", "n"), json!({ "name": "n" }), &[]);
    let (_, refusals) = import(&[unknown], &BTreeSet::new());
    assert!(refusals[0].why.contains("AWS shows it by a read of its own"), "{refusals:?}");
}
