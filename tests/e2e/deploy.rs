//! What ships beside the program: the template, the task definition, the alarms, the compose file. They are held to what
//! the program says, and to judges that are not ours.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use hatoba_core::{Document, Key, Members};
use hatoba_kinds::KindId;
use hatoba_tests::http;
use hatoba_tests::root;
use hatoba_tests::tools::{MODELS, installed, on_this_machine, run};
use hatoba_tests::wait::until;
use serde_json::{Value, json};

use crate::aws::DOCUMENTS;
use crate::bucket::{SOURCE, bucket};
use crate::process::{Hatoba, LONG, page, until_ready};

/// A YAML file as JSON; CloudFormation's short forms as their names say: `!Ref x` → `{"Ref": "x"}`.
const AS_JSON: &str = "\
import json, sys, yaml
def short(loader, tag, node):
    read = {'scalar': loader.construct_scalar, 'sequence': loader.construct_sequence, 'mapping': loader.construct_mapping}
    value = read[node.id](node) if node.id == 'scalar' else read[node.id](node, deep=True)
    return {tag if tag == 'Ref' else 'Fn::' + tag: value}
yaml.SafeLoader.add_multi_constructor('!', short)
json.dump(yaml.safe_load(open(sys.argv[1])), sys.stdout, default=str)
";

fn deployed(file: &str) -> PathBuf {
    root().join("deploy").join(file)
}

fn text(file: &str) -> String {
    fs::read_to_string(deployed(file)).unwrap()
}

/// A YAML file, where there is a Python to read it.
fn yaml(file: &str) -> Option<Value> {
    let python = installed(MODELS, "python")?;
    let json = run(Command::new(python).args(["-c", AS_JSON]).arg(deployed(file)));
    Some(serde_json::from_str(&json.unwrap()).unwrap())
}

fn statements(policy: &Value) -> Vec<Value> {
    policy["Statement"].as_array().unwrap().clone()
}

/// A statement with lists where AWS takes a list or a single word.
fn as_lists(mut statement: Value) -> Value {
    for member in ["Action", "Resource"] {
        if statement[member].is_string() {
            statement[member] = json!([statement[member]]);
        }
    }
    statement
}

#[test]
fn the_template_is_good_cloudformation() {
    let Some(lint) = installed(MODELS, "cfn-lint") else { return };
    let found = run(Command::new(lint).arg(deployed("cloudformation.yaml")));
    assert_eq!(found, Ok(String::new()));
}

#[tokio::test]
async fn the_templates_roles_are_what_the_program_prints() {
    let Some(template) = yaml("cloudformation.yaml") else { return };
    let resources = &template["Resources"];
    let source = ["--source", "s3://bucket/prefix", "--notify-queue"];
    let queue = "https://sqs.eu-west-1.amazonaws.com/123456789012/queue";
    let printed = Hatoba::run(&[&["iam-policy", "--all-kinds"], &source[..], &[queue]].concat(), None).await;
    let printed: Value = serde_json::from_str(&printed.stdout).unwrap();

    let mut own = statements(&resources["Controller"]["Properties"]["PolicyDocument"]);
    let pass = statements(&resources["PassRole"]["Properties"]["PolicyDocument"]).remove(0);
    assert_eq!(pass["Resource"], json!({ "Ref": "PassableRoleArns" }), "only roles that the operator lists");
    let mut any = pass;
    any["Resource"] = json!(["arn:aws:iam::*:role/*"]);
    own.push(any);
    let of_source = statements(&resources["TaskRole"]["Properties"]["Policies"][0]["PolicyDocument"]);
    own.extend(of_source.into_iter().map(|statement| substituted(&statement)));
    let lists = |statements: Vec<Value>| statements.into_iter().map(as_lists).collect::<Vec<_>>();
    assert_eq!(
        lists(own),
        lists(statements(&printed)),
        "deploy/cloudformation.yaml is to say what `hatoba iam-policy --all-kinds` prints"
    );
}

/// The template's own names as those of an example.
fn substituted(value: &Value) -> Value {
    let arn = |name: &str| match name {
        "Documents.Arn" => "arn:aws:s3:::bucket",
        "Notifications.Arn" => "arn:aws:sqs:eu-west-1:123456789012:queue",
        other => panic!("{other}"),
    };
    match value {
        Value::Object(members) => match (&value["Fn::GetAtt"], &value["Fn::Sub"]) {
            (Value::String(name), _) => json!(arn(name)),
            (_, Value::String(text)) => {
                json!(
                    text.replace("${Documents.Arn}", arn("Documents.Arn"))
                        .replace("${SourcePrefix}", "prefix")
                )
            }
            _ => Value::Object(
                members.iter().map(|(name, value)| (name.clone(), substituted(value))).collect(),
            ),
        },
        Value::Array(items) => items.iter().map(substituted).collect(),
        other => other.clone(),
    }
}

/// `Family` → `family`, all the way down: CloudFormation's names as the API's.
fn lowered(value: &Value) -> Value {
    match value {
        Value::Object(members) => members
            .iter()
            .map(|(name, value)| (name[..1].to_lowercase() + &name[1..], lowered(value)))
            .collect(),
        Value::Array(items) => items.iter().map(lowered).collect(),
        other => other.clone(),
    }
}

#[test]
fn the_task_is_small_alone_without_rights_and_asked_for_its_health() {
    let read = |file: &str| -> Members { serde_json::from_str(&text(file)).unwrap() };
    for (kind, file) in
        [(KindId::EcsTaskDefinition, "ecs/task-definition.json"), (KindId::EcsService, "ecs/service.json")]
    {
        let key = Key::new(kind.table().kind, "hatoba");
        let document =
            Document::new(key, BTreeMap::new(), read(file), Default::default(), Default::default());
        if let Err(found) = kind.compile(&document) {
            panic!("{file}: {found:#?}");
        }
    }
    let mut shapes =
        vec![(Value::Object(read("ecs/task-definition.json")), Value::Object(read("ecs/service.json")))];
    shapes.extend(yaml("cloudformation.yaml").map(|template| {
        let of = |name: &str| lowered(&template["Resources"][name]["Properties"]);
        (of("Task"), of("Service"))
    }));
    for (task, service) in shapes {
        let container = &task["containerDefinitions"][0];
        assert_eq!((&task["cpu"], &task["memory"]), (&json!("256"), &json!("512")), "0.25 vCPU");
        assert_eq!(container["healthCheck"]["command"], json!(["CMD", "/hatoba", "healthcheck"]));
        assert_eq!(
            (&container["user"], &container["readonlyRootFilesystem"]),
            (&json!("65532:65532"), &json!(true))
        );
        let deployment = &service["deploymentConfiguration"];
        assert_eq!(
            (&deployment["minimumHealthyPercent"], &deployment["maximumPercent"]),
            (&json!(0), &json!(100))
        );
        assert!(container["stopTimeout"].as_u64().unwrap() > 20, "it drains for 20 s");
        assert_eq!(container["command"].as_array().unwrap().last(), Some(&json!("--emf")));
        assert!(!container["command"].to_string().contains("token"), "command lines can be read by others");
    }
    let image = text("Dockerfile");
    for line in ["USER 65532:65532", "ENTRYPOINT [\"/hatoba\"]", "CMD [\"/hatoba\", \"healthcheck\"]"] {
        assert!(image.contains(line), "{line}");
    }
    assert!(!image.contains(":latest"), "an image is pinned");
}

/// The dashboard's questions as rules, so that `promtool` reads them.
fn asked_by_the_dashboard() -> tempfile::NamedTempFile {
    let dashboard: Value = serde_json::from_str(&text("grafana/hatoba.json")).unwrap();
    let panels = dashboard["panels"].as_array().unwrap().iter();
    let asked = panels.flat_map(|panel| panel["targets"].as_array().unwrap());
    let rules: Vec<Value> = asked
        .enumerate()
        .map(|(index, target)| json!({ "record": format!("asked_{index}"), "expr": target["expr"] }))
        .collect();
    assert!(rules.len() > 20, "{} questions", rules.len());
    let file = tempfile::NamedTempFile::new().unwrap();
    let rules = json!({ "groups": [{ "name": "dashboard", "rules": rules }] });
    fs::write(file.path(), rules.to_string()).unwrap();
    file
}

/// Every alert of the rules, with its annotations.
fn alerts(rules: &Value) -> Vec<(String, Value)> {
    let groups = rules["groups"].as_array().unwrap().iter();
    let rules = groups.flat_map(|group| group["rules"].as_array().unwrap());
    rules.map(|rule| (rule["alert"].as_str().unwrap().to_owned(), rule.clone())).collect()
}

#[test]
fn every_alert_fires_and_clears() {
    let Some(promtool) = on_this_machine("promtool", "prometheus") else { return };
    let folder = deployed("prometheus");
    let promtool = |arguments: &[&str]| run(Command::new(&promtool).args(arguments).current_dir(&folder));
    promtool(&["check", "rules", "hatoba.rules.yaml"]).unwrap();
    promtool(&["test", "rules", "hatoba.test.yaml"]).unwrap();
    promtool(&["check", "rules", asked_by_the_dashboard().path().to_str().unwrap()]).unwrap();

    let (Some(rules), Some(tests)) =
        (yaml("prometheus/hatoba.rules.yaml"), yaml("prometheus/hatoba.test.yaml"))
    else {
        return;
    };
    let mut seen: BTreeMap<String, Vec<bool>> = BTreeMap::new();
    for test in tests["tests"].as_array().unwrap() {
        for look in test["alert_rule_test"].as_array().unwrap() {
            let fires = !look["exp_alerts"].as_array().unwrap().is_empty();
            seen.entry(look["alertname"].as_str().unwrap().to_owned()).or_default().push(fires);
        }
    }
    for (alert, _) in alerts(&rules) {
        let looks = seen.remove(&alert).unwrap_or_default();
        let (stories, rest) = looks.as_chunks();
        let is_told = |story: &[bool; 3]| *story == [false, true, false];
        assert!(
            !stories.is_empty() && rest.is_empty() && stories.iter().all(is_told),
            "{alert}: silent, fires, clears"
        );
    }
    assert!(seen.is_empty(), "{seen:?}");
}

/// Words of a text that are names of our metrics.
fn metrics_in(text: &str) -> BTreeSet<String> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let words = text.split(|c: char| !is_part(c)).filter(|word| word.starts_with("hatoba_"));
    words.map(str::to_owned).collect()
}

#[tokio::test]
async fn every_metric_that_is_named_is_there_and_every_alarm_has_its_section() {
    let aws = bucket().await;
    let arguments = ["run", "--source", SOURCE, "--listen", "127.0.0.1:0", "--emf"];
    let daemon = Hatoba::start(&arguments, Some(aws.address));
    let shown = daemon.page().await;
    until_ready(shown, DOCUMENTS).await;
    let scraped = metrics_in(&page(shown, "/metrics").await.body);
    let ended = daemon.terminate().await;

    let lines: Vec<Value> = ended.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let last = lines.last().unwrap();
    assert!(lines.len() >= 2, "one at the start, one at the end: {}", ended.stdout);
    assert_eq!((&last["owner"], &last["hatoba_documents"]), (&json!("docs/prod"), &json!(8.0)), "{last:#}");

    for file in ["prometheus/hatoba.rules.yaml", "grafana/hatoba.json"] {
        let named = metrics_in(&text(file));
        assert!(named.len() > 5, "{file}: {named:?}");
        assert_eq!(named.difference(&scraped).collect::<Vec<_>>(), [""; 0], "{file}");
    }
    let dashboard: Value = serde_json::from_str(&text("grafana/hatoba.json")).unwrap();
    assert!(dashboard["panels"].as_array().unwrap().len() > 10);

    let book = fs::read_to_string(root().join("docs/src/alarms.md")).unwrap();
    let sections: BTreeSet<&str> = book.lines().filter_map(|line| line.strip_prefix("## Hatoba")).collect();
    let (Some(rules), Some(template)) = (yaml("prometheus/hatoba.rules.yaml"), yaml("cloudformation.yaml"))
    else {
        return;
    };
    let mut has_section = BTreeSet::new();
    for (alert, rule) in alerts(&rules) {
        let link = format!("docs/src/alarms.md#{}", alert.to_lowercase());
        assert_eq!(rule["annotations"]["runbook_url"], link, "{alert}");
        has_section.insert(alert);
    }
    let named: BTreeSet<String> = sections.iter().map(|name| format!("Hatoba{name}")).collect();
    assert_eq!(named, has_section, "a section for each alert, and no other");
    let resources = template["Resources"].as_object().unwrap();
    let alarms: Vec<&Value> =
        resources.values().filter(|resource| resource["Type"] == "AWS::CloudWatch::Alarm").collect();
    // Where nothing runs nobody tells: that is `NoLeader`, whose missing data breaches.
    assert_eq!(alarms.len() + 1, has_section.len());
    let mut expected = ALARMS.to_vec();
    for alarm in alarms {
        let alarm = &alarm["Properties"];
        let says = alarm["AlarmDescription"].as_str().unwrap();
        let anchor = says.rsplit('#').next().unwrap();
        assert!(has_section.iter().any(|name| name.to_lowercase() == anchor), "{says}");
        let metric = alarm["MetricName"].as_str().unwrap();
        let index = expected.iter().position(|(name, ..)| *name == metric);
        let (_, well, ill, seconds) =
            expected.remove(index.unwrap_or_else(|| panic!("no figures for {metric}")));
        hears(alarm, last);
        assert_eq!(
            [well, ill].map(|value| breaches(alarm, value)),
            [false, true],
            "{metric}: {well}, then {ill}"
        );
        assert_eq!(
            alarm["Period"].as_u64().unwrap() * alarm["EvaluationPeriods"].as_u64().unwrap(),
            seconds,
            "{metric}"
        );
        // What nobody tells any more is no leader; else it says nothing.
        let missing = if metric == "hatoba_leader" { "breaching" } else { "missing" };
        let missing = if metric.ends_with("_total") { "notBreaching" } else { missing };
        assert_eq!(alarm["TreatMissingData"], missing, "{metric}");
        // The last word of one that ends is that it leads no more.
        if metric != "hatoba_leader" {
            assert!(!breaches(alarm, last[metric].as_f64().unwrap()), "{metric}: all is well: {last:#}");
        }
    }
    assert!(expected.is_empty(), "{expected:?}");
}

/// What each of the template's alarms is about: the last value at which all is well, the first at which it is not (a
/// counter: in a period), and for how many seconds. As in the rules for Prometheus; the book's table says the same.
const ALARMS: [(&str, f64, f64, u64); 11] = [
    ("hatoba_leader", 1.0, 0.0, 300),
    ("hatoba_source_last_success_seconds", 300.0, 301.0, 120),
    ("hatoba_oldest_unverified_seconds", 900.0, 901.0, 300),
    ("hatoba_not_ready_seconds", 600.0, 601.0, 120),
    ("hatoba_not_serving_seconds", 300.0, 301.0, 120),
    ("hatoba_source_documents_invalid", 0.0, 1.0, 300),
    ("hatoba_prune_fuse_open", 0.0, 1.0, 60),
    ("hatoba_nonconverging", 0.0, 1.0, 300),
    ("hatoba_aws_throttled_total", 15.0, 16.0, 600), // 0.05 a second, in five minutes
    ("hatoba_aws_denied_total", 0.0, 1.0, 300),
    ("hatoba_drift_repaired_total", 0.0, 1.0, 300),
];

/// Whether the value is one that the alarm is about.
fn breaches(alarm: &Value, value: f64) -> bool {
    let threshold = alarm["Threshold"].as_f64().unwrap();
    match alarm["ComparisonOperator"].as_str().unwrap() {
        "LessThanThreshold" => value < threshold,
        "GreaterThanThreshold" => value > threshold,
        other => panic!("{other}"),
    }
}

/// Holds an alarm to a line that the program printed: the same metric in the same namespace under the same dimension,
/// and the statistic that its values are made for.
fn hears(alarm: &Value, line: &Value) {
    let metric = alarm["MetricName"].as_str().unwrap();
    let directive = &line["_aws"]["CloudWatchMetrics"][0];
    assert_eq!(alarm["Namespace"], directive["Namespace"]);
    let described = directive["Metrics"].as_array().unwrap().iter();
    assert_eq!(described.filter(|described| described["Name"] == metric).count(), 1, "{metric}: {line:#}");
    assert!(line[metric].is_f64(), "{metric}: {line:#}");
    // The daemon of the template has no --owner: it is called after its bucket and its prefix.
    let dimensions = alarm["Dimensions"].as_array().unwrap();
    let value = dimensions[0]["Value"]["Fn::Sub"].as_str().unwrap();
    let value = value.replace("${Documents}", "docs").replace("${SourcePrefix}", "prod");
    assert_eq!(
        (dimensions.len(), &line[dimensions[0]["Name"].as_str().unwrap()]),
        (1, &json!(value)),
        "{metric}"
    );
    assert_eq!(directive["Dimensions"], json!([[dimensions[0]["Name"]]]));
    // A counter's lines say what it grew by, all others how it is; several daemons tell, of which one leads.
    let statistic = if metric.ends_with("_total") { "Sum" } else { "Maximum" };
    assert_eq!(alarm["Statistic"], statistic, "{metric}");
}

/// A process that ends with the test.
struct Started(Child);

impl Drop for Started {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// All of the compose file but the containers: its emulator, its preparation, its command.
#[tokio::test]
async fn what_compose_starts_converges() {
    let Some(compose) = yaml("compose.yaml") else { return };
    let (Some(moto), Some(python)) = (installed(MODELS, "moto_server"), installed(MODELS, "python")) else {
        return;
    };
    let services = &compose["services"];
    assert_eq!(services["aws"]["image"], services["prepare"]["image"]);
    let pinned = fs::read_to_string(root().join("crates/xtask/requirements.txt")).unwrap();
    let version = services["aws"]["image"].as_str().unwrap().rsplit(':').next().unwrap();
    assert!(pinned.contains(&format!("moto=={version}\n")), "{version}");

    let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
    let mut command = Command::new(moto);
    command.args(["-H", "127.0.0.1", "-p", &port.to_string()]);
    for (name, value) in services["aws"]["environment"].as_object().unwrap() {
        command.env(name, value.as_str().unwrap());
    }
    let started = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    let _moto = Started(started.unwrap());
    let address = (Ipv4Addr::LOCALHOST, port).into();
    until("moto answers", LONG, async || {
        http::get(address, "/moto-api/data.json").await.is_ok_and(|reply| reply.is_good())
    })
    .await;
    let mut prepare = Command::new(python);
    prepare.arg(deployed("compose/prepare.py")).arg(deployed("samples/article"));
    for (name, value) in services["prepare"]["environment"].as_object().unwrap() {
        prepare.env(name, value.as_str().unwrap());
    }
    prepare.env("AWS_ENDPOINT_URL", format!("http://{address}"));
    run(&mut prepare).unwrap();

    let command = services["hatoba"]["command"].as_array().unwrap();
    let command: Vec<&str> = command.iter().map(|word| word.as_str().unwrap()).collect();
    let once = ["--once", "--timeout", "140s", "--listen", "127.0.0.1:0"];
    let ended = Hatoba::run(&[&command[..], &once].concat(), Some(address)).await;
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
}
