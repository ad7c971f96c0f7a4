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

/// Every string in it that a variable stands for, by variable; and what is left is as it was.
fn shown(one: &Imported) -> BTreeMap<&str, &str> {
    let text = |pointer: &str| {
        let (first, rest) = pointer.trim_start_matches('/').split_once('/').unwrap_or((&pointer[1..], ""));
        let member = &one.document.spec[first];
        if rest.is_empty() { member } else { member.pointer(&format!("/{rest}")).unwrap() }.as_str().unwrap()
    };
    one.variables.iter().map(|(pointer, variable)| (variable.as_str(), text(pointer))).collect()
}

fn family(containers: &Value) -> Imported {
    let members = json!({ "family": "great-task", "containerDefinitions": containers });
    documents(&[found("EcsTaskDefinition", ("", "great-task:1", "great-task"), members, &[])]).remove(0)
}

#[test]
fn values_that_look_like_secrets_become_variables() {
    let secret = [
        ("DB_PASSWORD", "hunter2"),
        ("DATABASE_URL", "postgres://web:hunter2@db/web"),
        ("STRIPE_KEY", "sk_live_hunter2"),
        ("JWT", "hunter2"),
        ("RAILS_MASTER_KEY", "hunter2"),
        ("APP_KEY", "base64:hunter2"),
        ("GH_PAT", "hunter2"),
        ("AWS_CREDS", "hunter2"),
        ("SLACK_WEBHOOK_URL", "https://hooks.example/hunter2"),
        ("BASIC_AUTH", "web:hunter2"),
        ("OLD_KEY_2", "hunter2"),
        ("signingKeys", "hunter2"),
        ("KMS_KEY_ID", "AKIAIOSFODNN7EXAMPLE"),
        ("A", "sk_live_hunter2"),
        ("B", "rk_test_hunter2"),
        ("C", "ghp_SECRETPAT"),
        ("D", "gho_SECRETPAT"),
        ("E", "github_pat_11ABCDEFG"),
        ("F", "glpat-hunter2hunter2"),
        ("G", "xoxb-1234-hunter2"),
        ("H", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.x"),
        ("I", "base64:hunter2="),
        ("J", "-----BEGIN RSA PRIVATE KEY-----\nhunter2"),
        ("K", "ASIAIOSFODNN7EXAMPLE"),
        ("L", "web:hunter2@tcp(db:3306)/web"),
        ("M", "https://0123456789abcdef@o1.ingest.example/1"),
        ("N", "Bearer hunter2"),
        ("O", "Basic d2ViOmh1bnRlcjI="),
        ("P", "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b"),
        ("Q", "wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEY12"),
        ("R", "host=db user=web password=hunter2"),
        ("S", r#"{"url":"https://a","token":"hunter2"}"#),
        ("T", "https://a.example/x?sv=1&sig=hunter2"),
    ];
    let plain = [
        ("LOG_LEVEL", "info"),
        ("TOKEN_ARN", "arn:aws:secretsmanager:us-east-1:1:secret:t"),
        ("AWS_KMS_KEY_ID", "0f9a1c1e-7c11-4b1e-9d5c-2f3f7a1b9c0d"),
        ("JWT_PUBLIC_KEY", "/etc/jwt.pub"),
        ("KEY_PREFIX", "shop:"),
        ("AUTH_URL", "https://auth.example.com/realms/shop"),
        ("USE_AUTH", "true"),
        ("PATH", "/usr/local/sbin:/usr/local/bin:/usr/lib/jvm/java-21-openjdk-amd64/bin"),
        ("AUTHOR", "somebody"),
        ("MONITOR", "keyboard"),
        ("LANG", "sk_SK.UTF-8"),
        ("QUEUE", "https://sqs.us-east-1.amazonaws.com/123456789012/orders-of-the-shop-v2"),
        ("HOST", "internal-great-balancer-1234567890.us-east-1.elb.amazonaws.com"),
        ("IMAGE", "repo/web:1@sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"),
        ("REPO", "git@github.com"),
        ("GROUPS", "sg-0123456789abcdef0,sg-0123456789abcdef1"),
    ];
    let environment: Vec<Value> =
        secret.iter().chain(&plain).map(|(name, value)| json!({ "name": name, "value": value })).collect();
    let one = family(&json!([{
        "name": "web", "image": "nginx", "memory": 128, "environment": environment,
        "secrets": [{ "name": "API_KEY", "valueFrom": "arn:aws:secretsmanager:us-east-1:1:secret:s" }],
    }]));
    let hidden: BTreeSet<&str> = shown(&one).into_values().collect();
    let of = |rows: &[(&'static str, &'static str)]| -> BTreeSet<&'static str> {
        rows.iter().map(|(_, value)| *value).collect()
    };
    assert_eq!(hidden.difference(&of(&secret)).collect::<Vec<_>>(), [&""; 0], "no secret");
    assert_eq!(of(&secret).difference(&hidden).collect::<Vec<_>>(), [&""; 0], "leaks");
    assert_eq!(one.variables.len(), secret.len(), "each by its own name: {:?}", one.variables);
    assert_eq!(shown(&one)["GREAT_TASK_DB_PASSWORD"], "hunter2");
}

#[test]
fn a_secret_in_any_text_makes_a_variable_of_the_whole() {
    let one = family(&json!([{
        "name": "web", "image": "repo/web:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b", "memory": 128,
        "entryPoint": ["sh", "-c", "export API_TOKEN=hunter2 && exec web"],
        "command": ["run", "--db=postgres://u:hunter2@h/x", "--token", "hunter2", "--port", "8080", "--pass=$PASS"],
        "healthCheck": { "command": ["CMD-SHELL", "curl -H \"Authorization: Bearer hunter2\" localhost"] },
        "dockerLabels": { "com.example/team": "web", "com.example/deploy-key": "hunter2" },
        "logConfiguration": { "logDriver": "splunk", "options": { "splunk-token": "hunter2", "splunk-url": "https://s" } },
        "firelensConfiguration": { "type": "fluentbit", "options": { "apikey": "hunter2" } },
        "environment": [{ "name": "PLAIN", "value": "hello" }],
    }, {
        "name": "cache", "image": "token-cache:1", "memory": 128,
        "command": ["redis-cli", "-a", "hunter2", "ping"],
        "healthCheck": { "command": ["CMD", "mysqladmin", "ping", "-uroot", "-phunter2"] },
    }]));
    let pointers: Vec<&str> = one.variables.keys().map(String::as_str).collect();
    assert_eq!(
        pointers,
        [
            "/containerDefinitions/0/command/1",
            "/containerDefinitions/0/command/3",
            "/containerDefinitions/0/dockerLabels/com.example~1deploy-key",
            "/containerDefinitions/0/entryPoint/2",
            "/containerDefinitions/0/firelensConfiguration/options/apikey",
            "/containerDefinitions/0/healthCheck/command/1",
            "/containerDefinitions/0/logConfiguration/options/splunk-token",
            "/containerDefinitions/1/command/2",
            "/containerDefinitions/1/healthCheck/command/4",
        ]
    );
    assert_nothing_is_left(&one);

    let stage = found(
        "Stage",
        ("a1", "s", "s"),
        json!({
            "stageName": "s", "description": "the key: hunter2",
            "stageVariables": { "stripeKey": "hunter2", "colour": "blue" },
        }),
        &[("name", "s")],
    );
    let mut door = integration("a1", "i1", "https://web:hunter2@x.example/a?token=hunter2");
    door.object.members.extend(
        json!({
            "requestParameters": {
                "append:header.x-auth": "Bearer hunter2", "overwrite:header.x-key": "hunter2",
                "overwrite:path": "$request.path", "append:header.token": "$context.authorizer.token",
            },
            "responseParameters": { "200": { "append:header.x-api-key": "hunter2", "overwrite:statuscode": "201" } },
        })
        .as_object()
        .cloned()
        .unwrap(),
    );
    let imported = documents(&[api("a1", "x"), stage, door]);
    for one in &imported {
        assert_nothing_is_left(one);
    }
    let count: Vec<usize> = imported.iter().map(|one| one.variables.len()).collect();
    assert_eq!((names(&imported)[1].as_str(), count), ("Integration/x.to-x-example", vec![0, 4, 2]));
    assert!(imported[1].variables.values().any(|name| name == "X_TO_X_EXAMPLE_INTEGRATION_URI"));
}

/// Scans every string of a document with its variables put in.
fn assert_nothing_is_left(one: &Imported) {
    let mut spec = Value::Object(one.document.spec.clone());
    for (pointer, variable) in &one.variables {
        *spec.pointer_mut(pointer).unwrap() = json!(format!("${{{variable}}}"));
    }
    let text = format!("{spec} {} {:?} {:?}", one.document.key, one.variables, one.remarks);
    assert!(!text.contains("hunter2"), "{text}");
}

#[test]
fn what_is_wrong_with_a_secret_is_told_without_it() {
    let mut stage = found("Stage", ("a1", "s", "s"), json!({ "stageName": "s" }), &[("name", "s")]);
    let long = format!("Bearer {}", "hunter2".repeat(300));
    stage.object.members.insert("description".to_owned(), json!(long));
    let imported = documents(&[api("a1", "x"), stage]);
    assert_nothing_is_left(&imported[1]);
    assert!(imported[1].remarks[0].contains("`description` is left out"), "{:?}", imported[1].remarks);
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
