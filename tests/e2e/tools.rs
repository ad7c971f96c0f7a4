//! Commands for what stands around the daemon: editors, roles, shells, health checks.

use std::fs;
use std::process::Command;

use hatoba_kinds::KindId;
use hatoba_tests::root;
use hatoba_tests::tools::{MODELS, installed, run};
use serde_json::Value;

use crate::aws::{Aws, documents, put};
use crate::process::Hatoba;

/// A validator that is not ours: the schema, then for each file whether every document in it is valid.
const VALIDATE: &str = "\
import json, sys, jsonschema, yaml
schema = json.load(open(sys.argv[1]))
validator = jsonschema.validators.validator_for(schema)
validator.check_schema(schema)
validator = validator(schema)
for name in sys.argv[2:]:
    found = [error for document in yaml.safe_load_all(open(name)) for error in validator.iter_errors(document)]
    print(name, 'good' if not found else 'bad: ' + '; '.join(e.json_path + ': ' + e.message for e in found)[:600])
";

/// A sample, and what is changed in it to make it bad.
const BAD: &[(&str, &str, &str)] = &[
    ("VpcLink", "apiVersion: hatoba/v1", "apiVersion: hatoba/v2"),
    ("VpcLink", "kind: VpcLink", "kind: VpcLnk"),
    ("VpcLink", "name: fine-vpc-link", "name: Fine_link"),
    ("VpcLink", "metadata: {", "metadata: { owner: me,"),
    ("VpcLink", "subnetSelector: {", "subnetSelektor: {"),
    ("VpcLink", "spec:", "policy: { deletion: Keep }\nspec:"),
    ("VpcLink", "spec:", "policy: { fields: { name: never } }\nspec:"),
    ("DiscoveryService", "ttl: 60", "ttl: -1"),
    ("DiscoveryService", "type: SRV", "type: MX"),
    ("EcsService", "launchType: FARGATE", "launchType: FARGAT"),
    ("EcsService", "desiredCount: 1", "desiredCount: one"),
    ("HttpService", "desiredCount: 1", "desiredCont: 1"),
    ("HttpService", "routeKey: $default", "routKey: $default"),
    ("HttpService", "authorizer: {", "authorizer: { jwt: {},"),
];

/// Good, though there is more to them than a schema would think.
const GOOD: &[(&str, &str, &str)] = &[
    ("EcsService", "launchType: FARGATE", "launchType: '${LAUNCH_TYPE}'"),
    ("VpcLink", "spec:", "policy: { fields: { name: { range: [1, 2] }, subnetIds: ignore } }\nspec:"),
    ("VpcLink", "spec:", "policy: { adopt: { match: name }, drift: Report }\nspec:"),
];

fn sample(kind: &str) -> String {
    match KindId::of(kind) {
        Some(kind) => kind.sample().to_owned(),
        None => fs::read_to_string(root().join("deploy/samples/one-document/orders.yaml")).unwrap(),
    }
}

/// Every shipped sample file.
fn samples() -> Vec<String> {
    let folders = fs::read_dir(root().join("deploy/samples")).unwrap().map(|entry| entry.unwrap().path());
    let files = folders.filter(|path| path.is_dir()).flat_map(|folder| fs::read_dir(folder).unwrap());
    files.map(|entry| entry.unwrap().path().to_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn the_schema_takes_every_sample_and_refuses_bad_ones() {
    let Some(python) = installed(MODELS, "python") else { return };
    let schema = Hatoba::run(&["schema"], None).await;
    assert_eq!((schema.code, schema.stderr.as_str()), (Some(0), ""), "{schema:?}");
    let folder = tempfile::tempdir().unwrap();
    put(folder.path(), "schema.json", &schema.stdout);
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let mut files = samples();
    let mut write = |name: String, text: &str| {
        put(folder.path(), &name, text);
        files.push(path(&name));
    };
    for kind in KindId::ALL {
        write(format!("good-{}.yaml", kind.table().kind), kind.sample());
    }
    for (list, word) in [(GOOD, "good"), (BAD, "bad")] {
        for (index, (kind, from, to)) in list.iter().enumerate() {
            let text = sample(kind);
            assert!(text.contains(from), "{kind}: {from}");
            write(format!("{word}-{index}.yaml"), &text.replacen(from, to, 1));
        }
    }
    let mut command = Command::new(python);
    let told = run(command.args(["-c", VALIDATE]).arg(path("schema.json")).args(&files)).unwrap();
    assert_eq!(told.lines().count(), files.len(), "{told}");
    for line in told.lines() {
        assert_eq!(line.contains("/bad-"), line.contains(" bad: "), "{line}");
    }
}

#[tokio::test]
async fn one_kinds_schema_and_a_guess() {
    let one = Hatoba::run(&["schema", "VpcLink"], None).await;
    let schema: Value = serde_json::from_str(&one.stdout).unwrap();
    assert_eq!(schema["properties"]["kind"]["anyOf"], serde_json::json!([{ "const": "VpcLink" }]));
    for (arguments, guess) in [
        (&["schema", "VpcLnk"][..], "did you mean `VpcLink`?"),
        (&["explain", "HttpServise"], "did you mean `HttpService`?"),
        (&["reconcile", "HttpAPI/crazy-api", "--source", "."], "did you mean `HttpApi`?"),
        (&["validat", "."], "'validate'"),
        (&["run", "--sorce", "."], "'--source'"),
    ] {
        let wrong = Hatoba::run(arguments, None).await;
        assert!(wrong.code != Some(0) && wrong.stderr.contains(guess), "{arguments:?}: {wrong:?}");
    }
}

#[tokio::test]
async fn the_policy_follows_the_documents() {
    let all = Hatoba::run(&["iam-policy", "--all-kinds"], None).await;
    assert_eq!(all.stdout, Hatoba::run(&["iam-policy"], None).await.stdout);
    let folder = documents();
    let source = ["--source", "s3://documents/prod", "--notify-queue"];
    let queue = "https://sqs.eu-west-1.amazonaws.com/123456789012/told";
    let arguments = [&["iam-policy", folder.path().to_str().unwrap()][..], &source, &[queue]].concat();
    let few = Hatoba::run(&arguments, None).await;
    assert_eq!((few.code, few.stderr.as_str()), (Some(0), ""), "{few:?}");
    let (all, few) = (all.stdout, few.stdout);
    // The article has no domain name, and no task definition of its own.
    for action in ["ecs:RegisterTaskDefinition", "AddCertificateToDomain", "iam:PassRole"] {
        assert!(all.contains(action) && !few.contains(action), "{action}: {few}");
    }
    for there in [
        "ecs:CreateService",
        "arn:aws:s3:::documents/.hatoba/prod/*",
        "arn:aws:sqs:eu-west-1:123456789012:told",
    ] {
        assert!(few.contains(there), "{there}: {few}");
    }
    let reads = ["iam-policy", "--read-only", "--source", "s3://documents/prod"];
    let reads = Hatoba::run(&reads, None).await.stdout;
    assert!(reads.contains("ecs:DescribeServices") && reads.contains("s3:GetObject"), "{reads}");
    for write in ["Create", "Update", "Delete", "Put", "POST", "PATCH", "DELETE", "iam:"] {
        assert!(!reads.contains(write), "{write}: {reads}");
    }
    put(
        folder.path(),
        "bad.yaml",
        "apiVersion: hatoba/v1\nkind: HttpApi\nmetadata: { name: x }\nspec: { no: 1 }\n",
    );
    let bad = Hatoba::run(&["iam-policy", folder.path().to_str().unwrap()], None).await;
    assert_eq!((bad.code, bad.stdout.as_str()), (Some(1), ""), "{bad:?}");
    assert!(bad.stderr.contains("bad.yaml:4:"), "{}", bad.stderr);
}

#[tokio::test]
async fn a_health_check_asks_the_daemon_beside_it() {
    let (aws, folder) = (Aws::quick().await, documents());
    let source = folder.path().to_str().unwrap();
    let daemon = Hatoba::start(&["run", "--source", source, "--listen", "127.0.0.1:0"], Some(aws.address));
    let url = format!("http://{}", daemon.page().await);
    let everywhere = ("HATOBA_LISTEN", format!("0.0.0.0:{}", url.rsplit(':').next().unwrap()));
    for (arguments, environment) in [
        (&["healthcheck", "--url", &url][..], &[][..]),
        (&["healthcheck"], &[(everywhere.0, everywhere.1.as_str())]),
    ] {
        let well = Hatoba::start_in(arguments, None, environment).ended().await;
        assert_eq!((well.code, well.stdout.as_str(), well.stderr.as_str()), (Some(0), "", ""), "{well:?}");
    }
    daemon.terminate().await;
    let gone = Hatoba::run(&["healthcheck", "--url", &url], None).await;
    assert_eq!(gone.code, Some(1), "{gone:?}");
    assert!(gone.stderr.contains("cannot ask the daemon"), "{}", gone.stderr);
}

#[tokio::test]
async fn a_daemon_that_asks_for_a_token_is_asked_with_the_same_file() {
    let (aws, folder, tokens) = (Aws::quick().await, documents(), tempfile::tempdir().unwrap());
    let file = |name: &str, token: &str| {
        put(tokens.path(), name, token);
        tokens.path().join(name).to_str().unwrap().to_owned()
    };
    let right = file("right", "correct-horse-battery\n");
    let wrong = file("wrong", "another-horse-battery\n");
    let source = folder.path().to_str().unwrap();
    let arguments = ["run", "--source", source, "--listen", "127.0.0.1:0", "--listen-token-file", &right];
    let daemon = Hatoba::start(&arguments, Some(aws.address));
    let url = format!("http://{}", daemon.page().await);
    let wait = ["status", "--url", &url, "--wait", "--timeout", "60s", "--token-file", &right];
    let well = Hatoba::run(&wait, None).await;
    assert!(well.code == Some(0) && well.stdout.contains("SERVING"), "{well:?}");
    for command in ["status", "healthcheck"] {
        let known = Hatoba::run(&[command, "--url", &url, "--token-file", &right], None).await;
        assert_eq!(known.code, Some(0), "{known:?}");
        for (more, says) in [
            (&[][..], "it asks for a token: give --token-file"),
            (&["--token-file", &wrong], "it does not take the token in"),
            (&["--token-file", "none-such"], "cannot read the token in none-such"),
        ] {
            let refused = Hatoba::run(&[&[command, "--url", &url], more].concat(), None).await;
            assert!(refused.code == Some(1) && refused.stderr.contains(says), "{refused:?}");
            assert!(!refused.stderr.contains("battery"), "{refused:?}");
        }
    }
    daemon.terminate().await;
}

/// On Fargate there is no file: a secret fills the variable, for the daemon and its health check alike.
#[tokio::test]
async fn a_token_in_the_environment_is_asked_for_and_shown_and_a_file_goes_before() {
    const TOKEN: (&str, &str) = ("HATOBA_LISTEN_TOKEN", "correct-horse-battery");
    const WRONG: (&str, &str) = ("HATOBA_LISTEN_TOKEN", "another-horse-battery");
    let (aws, folder, tokens) = (Aws::quick().await, documents(), tempfile::tempdir().unwrap());
    put(tokens.path(), "right", TOKEN.1);
    let right = tokens.path().join("right");
    let source = folder.path().to_str().unwrap();
    let run = ["run", "--source", source, "--listen", "127.0.0.1:0"];
    let daemon = Hatoba::start_in(&run, Some(aws.address), &[TOKEN]);
    let url = format!("http://{}", daemon.page().await);
    let asked = async |command: &str, more: &[&str], variables: &[(&str, &str)]| {
        Hatoba::start_in(&[&[command, "--url", &url], more].concat(), None, variables).ended().await
    };
    let well = asked("status", &["--wait", "--timeout", "60s"], &[TOKEN]).await;
    assert_eq!(well.code, Some(0), "{well:?}");
    let file = ["--token-file", right.to_str().unwrap()];
    for command in ["status", "healthcheck"] {
        for (more, variables) in [(&[][..], &[TOKEN]), (&file, &[TOKEN]), (&file, &[WRONG])] {
            let known = asked(command, more, variables).await;
            assert_eq!(known.code, Some(0), "{known:?}");
        }
        for (variables, says) in [
            (&[][..], "or HATOBA_LISTEN_TOKEN in the environment"),
            (&[WRONG], "it does not take the token in HATOBA_LISTEN_TOKEN"),
        ] {
            let refused = asked(command, &[], variables).await;
            assert!(refused.code == Some(1) && refused.stderr.contains(says), "{refused:?}");
            assert!(!refused.stderr.contains("battery"), "{refused:?}");
        }
    }
    let ended = daemon.terminate().await;
    assert!(!ended.stderr.contains("battery") && !ended.stdout.contains("battery"), "{ended:?}");

    let weak = Hatoba::start_in(&run, Some(aws.address), &[("HATOBA_LISTEN_TOKEN", "short")]).ended().await;
    let says = "the token in HATOBA_LISTEN_TOKEN will not do: expected 16 to";
    assert!(weak.code == Some(1) && weak.stderr.contains(says), "{weak:?}");
}

#[tokio::test]
async fn shells_complete_it_and_it_says_which_it_is() {
    for shell in ["bash", "zsh", "fish"] {
        let script = Hatoba::run(&["completions", shell], None).await;
        assert!(script.code == Some(0) && script.stdout.contains("healthcheck"), "{shell}");
    }
    let version = Hatoba::run(&["version", "--output", "json"], None).await;
    let version: Value = serde_json::from_str(&version.stdout).unwrap();
    assert_eq!(version["version"], env!("CARGO_PKG_VERSION"));
    assert!(version.as_object().unwrap().contains_key("commit"), "{version}");
}
