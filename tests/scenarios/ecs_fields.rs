//! Every field of an ECS service and cluster: set, changed, nulled, set again, left out. Each step is one write where
//! AWS has something else, none where it has not, and nothing is ever written twice.

use std::time::Duration;

use hatoba_aws_model::Request;
use hatoba_core::{Mutability, path};
use hatoba_kinds::KindId;
use hatoba_tests::Harbour;
use hatoba_tests::ecs_members::{
    alarms, balancer, connect, controller, criteria, hook, lattice, registry, volume,
};
use serde_json::{Value, json};

/// A change, its rollout, and a resync after it.
const STEP: Duration = Duration::from_secs(400);

/// One field's life.
struct Row {
    field: &'static str,
    /// The document without the field.
    base: fn() -> Value,
    set: Value,
    changed: Value,
    /// What AWS has when the document says `null`.
    nulled: Value,
    /// What AWS has when the document no longer has the field; it had `changed` before.
    left_out: Value,
    /// Where AWS shows it, where it is not at the field's own path.
    shown: Option<&'static str>,
}

/// A field that is AWS's default where the document is silent.
fn default(field: &'static str, base: fn() -> Value, values: [Value; 3]) -> Row {
    let [set, changed, default] = values;
    Row { field, base, set, changed, nulled: default.clone(), left_out: default, shown: None }
}

/// A field that is not ours where the document is silent; `null` makes it what `nulled` says.
fn untouched(field: &'static str, base: fn() -> Value, values: [Value; 3]) -> Row {
    let [set, changed, nulled] = values;
    Row { field, base, set, left_out: changed.clone(), changed, nulled, shown: None }
}

impl Row {
    fn shown(self, pointer: &'static str) -> Row {
        Row { shown: Some(pointer), ..self }
    }

    fn pointer(&self) -> String {
        self.shown.map_or_else(|| format!("/{}", self.field.replace('.', "/")), str::to_owned)
    }
}

fn network() -> Value {
    json!({ "awsvpcConfiguration": { "subnets": ["subnet-1"], "securityGroups": ["sg-1"] } })
}

fn fargate() -> Value {
    json!({ "cluster": "main", "taskDefinition": "great-task:1", "launchType": "FARGATE", "networkConfiguration": network() })
}

fn instances() -> Value {
    json!({ "cluster": "main", "taskDefinition": "great-task:1", "launchType": "EC2", "networkConfiguration": network() })
}

fn anywhere() -> Value {
    json!({ "cluster": "main", "taskDefinition": "great-task:1", "networkConfiguration": network() })
}

fn strategic(strategy: &str) -> Value {
    let mut base = fargate();
    base["deploymentConfiguration"] = json!({ "strategy": strategy, "bakeTimeInMinutes": 5 });
    base
}

fn service_rows() -> Vec<Row> {
    let provider = |name: &str| json!([{ "capacityProvider": name, "weight": 1 }]);
    vec![
        untouched("desiredCount", fargate, [json!(2), json!(3), json!(3)]),
        untouched(
            "capacityProviderStrategy",
            anywhere,
            [provider("FARGATE"), provider("FARGATE_SPOT"), Value::Null],
        ),
        untouched("platformVersion", fargate, [json!("1.4.0"), json!("1.3.0"), json!("LATEST")]),
        untouched(
            "availabilityZoneRebalancing",
            fargate,
            [json!("DISABLED"), json!("ENABLED"), json!("ENABLED")],
        ),
        // Its only member is required, so that it is nulled whole.
        default(
            "deploymentController",
            fargate,
            [controller("CODE_DEPLOY"), controller("EXTERNAL"), controller("ECS")],
        ),
        untouched(
            "networkConfiguration.awsvpcConfiguration.securityGroups",
            fargate,
            [json!(["sg-2"]), json!(["sg-3", "sg-2"]), json!(["sg-3", "sg-2"])],
        ),
        default(
            "networkConfiguration.awsvpcConfiguration.assignPublicIp",
            fargate,
            [json!("DISABLED"), json!("ENABLED"), json!("DISABLED")],
        ),
        default("loadBalancers", fargate, [balancer("arn:a"), balancer("arn:b"), Value::Null]),
        default("serviceRegistries", fargate, [registry(80), registry(8080), Value::Null]),
        default("healthCheckGracePeriodSeconds", fargate, [json!(30), json!(60), json!(0)]),
        default("deploymentConfiguration.maximumPercent", fargate, [json!(150), json!(300), json!(200)]),
        default("deploymentConfiguration.minimumHealthyPercent", fargate, [json!(50), json!(0), json!(100)]),
        default(
            "deploymentConfiguration.deploymentCircuitBreaker",
            fargate,
            [
                json!({ "enable": true, "rollback": true }),
                json!({ "enable": true, "rollback": false, "resetOnHealthyTask": false,
                "thresholdConfiguration": { "type": "COUNT", "value": 5 } }),
                json!({ "enable": false, "rollback": false }),
            ],
        ),
        default(
            "deploymentConfiguration.alarms",
            fargate,
            [
                alarms(&["a"]),
                alarms(&["b", "a"]),
                json!({ "alarmNames": [], "enable": false, "rollback": false }),
            ],
        ),
        default(
            "deploymentConfiguration.strategy",
            fargate,
            [json!("BLUE_GREEN"), json!("CANARY"), json!("ROLLING")],
        ),
        default("deploymentConfiguration.bakeTimeInMinutes", fargate, [json!(5), json!(10), json!(0)]),
        default(
            "deploymentConfiguration.lifecycleHooks",
            fargate,
            [hook("PRE_SCALE_UP"), hook("POST_SCALE_UP"), Value::Null],
        ),
        untouched(
            "deploymentConfiguration.linearConfiguration",
            || strategic("LINEAR"),
            [
                json!({ "stepPercent": 20.0, "stepBakeTimeInMinutes": 5 }),
                json!({ "stepPercent": 30.0, "stepBakeTimeInMinutes": 7 }),
                json!({ "stepPercent": 30.0, "stepBakeTimeInMinutes": 7 }),
            ],
        ),
        untouched(
            "deploymentConfiguration.canaryConfiguration",
            || strategic("CANARY"),
            [
                json!({ "canaryPercent": 20.0, "canaryBakeTimeInMinutes": 5 }),
                json!({ "canaryPercent": 30.0, "canaryBakeTimeInMinutes": 7 }),
                json!({ "canaryPercent": 30.0, "canaryBakeTimeInMinutes": 7 }),
            ],
        ),
        default(
            "deploymentConfiguration.earlySuccessCriteria",
            fargate,
            [criteria(90), criteria(80), json!({ "enable": false })],
        ),
        default(
            "placementConstraints",
            instances,
            [
                json!([{ "type": "memberOf", "expression": "attribute:a == b" }]),
                json!([{ "type": "distinctInstance" }]),
                Value::Null,
            ],
        ),
        default(
            "placementStrategy",
            instances,
            [
                json!([{ "type": "binpack", "field": "cpu" }]),
                json!([{ "type": "spread", "field": "instanceId" }, { "type": "binpack", "field": "memory" }]),
                Value::Null,
            ],
        ),
        default("enableExecuteCommand", fargate, [json!(false), json!(true), json!(false)]),
        default("enableECSManagedTags", fargate, [json!(false), json!(true), json!(false)]),
        default("propagateTags", fargate, [json!("SERVICE"), json!("TASK_DEFINITION"), json!("NONE")]),
        default(
            "serviceConnectConfiguration",
            fargate,
            [connect("http"), connect("grpc"), json!({ "enabled": false })],
        )
        .shown("/deployments/0/serviceConnectConfiguration"),
        default("volumeConfigurations", fargate, [volume(10), volume(20), Value::Null])
            .shown("/deployments/0/volumeConfigurations"),
        default("vpcLatticeConfigurations", fargate, [lattice("http"), lattice("grpc"), Value::Null])
            .shown("/deployments/0/vpcLatticeConfigurations"),
    ]
}

fn plain_cluster() -> Value {
    json!({})
}

fn providers() -> Value {
    json!({ "capacityProviders": ["FARGATE", "FARGATE_SPOT"] })
}

fn cluster_rows() -> Vec<Row> {
    let insights = |value: &str| json!([{ "name": "containerInsights", "value": value }]);
    let item = |name: &str, base: u32| json!([{ "capacityProvider": name, "weight": 1, "base": base }]);
    let logs = json!({ "logging": "OVERRIDE", "logConfiguration": { "cloudWatchLogGroupName": "g" } });
    vec![
        untouched(
            "settings",
            plain_cluster,
            [insights("enabled"), insights("enhanced"), insights("enhanced")],
        ),
        default(
            "configuration.executeCommandConfiguration",
            plain_cluster,
            [json!({ "logging": "NONE" }), logs, json!({ "logging": "DEFAULT" })],
        ),
        untouched(
            "configuration.managedStorageConfiguration",
            plain_cluster,
            [json!({ "kmsKeyId": "a" }), json!({ "kmsKeyId": "b" }), json!({ "kmsKeyId": "b" })],
        ),
        untouched(
            "capacityProviders",
            plain_cluster,
            [json!(["FARGATE"]), json!(["FARGATE_SPOT", "FARGATE"]), Value::Null],
        ),
        untouched(
            "defaultCapacityProviderStrategy",
            providers,
            [item("FARGATE", 0), item("FARGATE_SPOT", 1), Value::Null],
        ),
        default(
            "serviceConnectDefaults.namespace",
            plain_cluster,
            [json!("shop"), json!("other"), Value::Null],
        ),
    ]
}

/// Fields that cannot be nulled, or cannot be changed: below, and in `drift.rs`.
const ELSEWHERE: &[(&str, &str)] =
    &[("EcsService", "taskDefinition"), ("EcsService", "networkConfiguration.awsvpcConfiguration.subnets")];

const DISCOVERY: &str = "apiVersion: hatoba/v1\nkind: PrivateDnsNamespace\nmetadata: { name: ns }\n\
    spec: { name: fields.test, vpcSelector: { tags: { Name: awesome-vpc } } }\n---\n\
    apiVersion: hatoba/v1\nkind: DiscoveryService\nmetadata: { name: found }\n\
    spec: { namespaceRef: ns, dnsConfig: { dnsRecords: [{ type: SRV, ttl: 60 }] } }\n---\n";

fn document(kind: &str, spec: &Value) -> String {
    format!("{DISCOVERY}apiVersion: hatoba/v1\nkind: {kind}\nmetadata: {{ name: it }}\nspec: {spec}\n")
}

/// The kind's object `it`, as AWS has it.
fn it(harbour: &Harbour, kind: &str) -> Value {
    let (collection, id) = if kind == "EcsCluster" { ("clusters", "it") } else { ("services", "main/it") };
    harbour.live("ecs", collection).remove(id).unwrap_or_default()
}

/// Whether AWS shows at least this; lists in any order, texts by their end and in any case.
fn shows(have: &Value, wanted: &Value) -> bool {
    match (have, wanted) {
        (Value::Null, Value::Null) => true,
        (Value::Array(have), Value::Null) => have.is_empty(),
        (Value::Array(have), Value::Array(wanted)) => {
            have.len() == wanted.len()
                && wanted.iter().all(|wanted| have.iter().any(|have| shows(have, wanted)))
        }
        (Value::Object(have), Value::Object(wanted)) => {
            wanted.iter().all(|(name, wanted)| match name.as_str() {
                "discoveryServiceRef" => have.contains_key("registryArn"),
                name => shows(have.get(name).unwrap_or(&Value::Null), wanted),
            })
        }
        (Value::String(have), Value::String(wanted)) => have.eq_ignore_ascii_case(wanted),
        (have, wanted) => have == wanted,
    }
}

async fn life_of(kind: &'static str, row: &Row) {
    let base = (row.base)();
    let with = |value: &Value| {
        let mut spec = base.clone();
        path::set(&mut spec, row.field, value.clone());
        spec
    };
    let without = {
        let mut spec = base.clone();
        let _ = path::take(&mut spec, row.field);
        spec
    };
    let mut harbour = Harbour::new();
    let providers = json!({ "cluster": "main", "capacityProviders": ["FARGATE", "FARGATE_SPOT"], "defaultCapacityProviderStrategy": [] });
    harbour.meddle(&Request::json("ecs", "PutClusterCapacityProviders", &providers)).await;
    harbour.start(&document(kind, &base));
    harbour.converge(STEP).await;
    harbour.wait(STEP).await;
    let steps = [
        ("set", with(&row.set), &row.set),
        ("changed", with(&row.changed), &row.changed),
        ("nulled", with(&Value::Null), &row.nulled),
        ("set again", with(&row.changed), &row.changed),
        ("left out", without, &row.left_out),
    ];
    for (step, spec, expected) in steps {
        let story = format!("{kind} {} {step}", row.field);
        let pointer = row.pointer();
        let shown = |of: &Value| of.pointer(&pointer).cloned().unwrap_or_default();
        let before = shown(&it(&harbour, kind));
        harbour.clear_calls();
        harbour.documents(&document(kind, &spec));
        harbour.wait(STEP).await;
        assert!(harbour.is_converged(), "{story}: {}\n{}", harbour.describe(), harbour.calls_text());
        let after = shown(&it(&harbour, kind));
        assert!(shows(&after, expected), "{story}: {after} is not {expected}");
        let writes = usize::from(!shows(&before, expected));
        assert_eq!(harbour.writes().len(), writes, "{story}: {:?}", harbour.write_names());
    }
    harbour.clear_calls();
    harbour.wait(STEP).await;
    assert_eq!(harbour.write_names(), [""; 0], "{kind} {}: at rest", row.field);
    changed_by_hand(&harbour, kind, row, &with).await;
}

/// Somebody sets the field to the first value while the document asks for the second: one write puts it back.
async fn changed_by_hand(harbour: &Harbour, kind: &'static str, row: &Row, with: &dyn Fn(&Value) -> Value) {
    harbour.documents(&document(kind, &with(&row.changed)));
    harbour.wait(STEP).await;
    harbour.clear_calls();
    let member = row.field.split('.').next().unwrap();
    let mut sent = with(&row.set)[member].clone();
    if member == "serviceRegistries" {
        sent = json!([]); // a reference is no AWS member
    }
    let mut by_hand = json!({ "cluster": "main", "service": "it", member: sent });
    let mut operation = "UpdateService";
    if kind == "EcsCluster" {
        by_hand = json!({ "cluster": "it", member: sent });
        operation = "UpdateCluster";
        if member.to_lowercase().contains("capacityprovider") {
            operation = "PutClusterCapacityProviders";
            for list in ["capacityProviders", "defaultCapacityProviderStrategy"] {
                if by_hand.get(list).is_none() {
                    by_hand[list] = it(harbour, kind)[list].clone();
                }
            }
        }
    }
    harbour.meddle(&Request::json("ecs", operation, &by_hand)).await;
    harbour.wait(STEP).await;
    let have = it(harbour, kind).pointer(&row.pointer()).cloned().unwrap_or_default();
    assert!(shows(&have, &row.changed), "{kind} {} by hand: {have}", row.field);
    assert_eq!(harbour.write_names(), [operation, operation], "{kind} {} by hand", row.field);
    assert!(harbour.is_converged(), "{kind} {} by hand: {}", row.field, harbour.describe());
}

#[tokio::test(start_paused = true)]
async fn every_field_of_a_service_is_set_changed_nulled_and_left_out() {
    for row in service_rows() {
        life_of("EcsService", &row).await;
    }
}

#[tokio::test(start_paused = true)]
async fn every_field_of_a_cluster_is_set_changed_nulled_and_left_out() {
    for row in cluster_rows() {
        life_of("EcsCluster", &row).await;
    }
}

#[test]
fn every_field_that_can_change_is_in_the_tables() {
    for (kind, rows) in [("EcsService", service_rows()), ("EcsCluster", cluster_rows())] {
        let table = KindId::of(kind).unwrap().table();
        let changes = |field: &&hatoba_core::Field| {
            !matches!(field.mutability, Mutability::Immutable | Mutability::ImmutableIf(_))
        };
        for field in table.fields.iter().filter(changes) {
            let is_here = rows
                .iter()
                .any(|row| field.path == row.field || field.path.starts_with(&format!("{}.", row.field)))
                || ELSEWHERE.contains(&(kind, field.path));
            assert!(is_here, "{kind} {}", field.path);
        }
    }
}

/// Nothing but the operator's word makes AWS delete a service to change one of these.
#[tokio::test(start_paused = true)]
async fn what_cannot_be_changed_is_said_and_left() {
    let other = |name: &str, value: Value| {
        let mut spec = fargate();
        spec[name] = value;
        spec
    };
    let changes = [
        other("launchType", json!("EC2")),
        other("role", json!("other")),
        json!({ "cluster": "main", "taskDefinition": "great-task:1", "schedulingStrategy": "DAEMON", "networkConfiguration": network(),
            "deploymentConfiguration": { "maximumPercent": 200, "minimumHealthyPercent": 100 } }),
    ];
    for spec in changes {
        let mut harbour = Harbour::new();
        harbour.start(&document("EcsService", &fargate()));
        harbour.converge(STEP).await;
        harbour.clear_calls();
        harbour.documents(&document("EcsService", &spec));
        harbour.wait(STEP).await;
        let status = harbour.status("EcsService", "it");
        assert_eq!(status.synced.reason.as_str(), "NeedsDowntime", "{spec}: {}", harbour.describe());
        assert_eq!(harbour.write_names(), [""; 0], "{spec}");
    }
}

/// A service that somebody moved to a strategy comes back to the launch type that its document states.
#[tokio::test(start_paused = true)]
async fn a_launch_type_is_come_back_to() {
    let mut harbour = Harbour::new();
    let providers =
        json!({ "cluster": "main", "capacityProviders": ["FARGATE"], "defaultCapacityProviderStrategy": [] });
    harbour.meddle(&Request::json("ecs", "PutClusterCapacityProviders", &providers)).await;
    harbour.start(&document("EcsService", &fargate()));
    harbour.converge(STEP).await;
    let strategy = json!({ "cluster": "main", "service": "it", "capacityProviderStrategy": [{ "capacityProvider": "FARGATE" }] });
    harbour.meddle(&Request::json("ecs", "UpdateService", &strategy)).await;
    assert_eq!(it(&harbour, "EcsService").get("launchType"), None);
    harbour.clear_calls();
    harbour.wait(STEP).await;
    assert_eq!(it(&harbour, "EcsService")["launchType"], "FARGATE");
    assert_eq!(harbour.write_names(), ["UpdateService"]);
    assert!(harbour.is_converged(), "{}", harbour.describe());
}

/// A DAEMON takes no count: none is sent at creation, none on the way out, and its defaults are others.
#[tokio::test(start_paused = true)]
async fn a_daemon_comes_and_goes_without_a_count() {
    let spec = json!({ "cluster": "main", "taskDefinition": "great-task:1", "launchType": "EC2", "schedulingStrategy": "DAEMON",
        "networkConfiguration": network() });
    let mut harbour = Harbour::with(super::prune::explicit(), hatoba_aws_model::Config::default());
    harbour.start(&document("EcsService", &spec));
    harbour.converge(STEP).await;
    harbour.clear_calls();
    harbour.wait(STEP).await;
    assert_eq!(harbour.write_names(), [""; 0]);
    assert_eq!(it(&harbour, "EcsService")["deploymentConfiguration"]["maximumPercent"], 100);
    super::prune::for_minutes(&harbour, 20, DISCOVERY.trim_end_matches("---\n")).await;
    assert_eq!(harbour.write_names(), ["DeleteService"], "{}", harbour.calls_text());
    assert_eq!(it(&harbour, "EcsService"), Value::Null);
}
