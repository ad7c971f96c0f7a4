//! `hatoba import`: from what somebody else built to documents that are kept true.

use std::path::Path;
use std::time::Duration;

use hatoba_aws_model::Request;
use hatoba_tests::by_hand::{self, ByHand, Network};
use serde_json::{Value, json};

use crate::aws::{Aws, put, wrong};
use crate::process::{Ended, Hatoba, files};

/// What a state or AWS holds and nobody may see.
const CANARY: &str = "canary-of-a-secret";

/// An AWS in which the article's stack was built by hand.
async fn stranger() -> (Aws, ByHand) {
    let aws = Aws::quick().await;
    let made = by_hand::build(&Network::of_the_model(), async |request| aws.send(&request).await).await;
    (aws, made)
}

async fn import(aws: &Aws, arguments: &[&str]) -> Ended {
    Hatoba::run(&[&["import"], arguments].concat(), Some(aws.address)).await
}

/// A folder with this in a file of it.
fn folder_with(name: &str, text: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    put(folder.path(), name, text);
    folder
}

async fn plan(aws: &Aws, source: &Path, more: &[&str]) -> Ended {
    let arguments = ["plan", "--source", source.to_str().unwrap(), "--detailed-exitcode"];
    Hatoba::run(&[&arguments, more].concat(), Some(aws.address)).await
}

#[tokio::test]
async fn a_terraform_state_becomes_documents_that_take_over_without_a_change() {
    let (aws, made) = stranger().await;
    let mut state: Value = serde_json::from_str(&by_hand::state(&made, &Network::of_the_model())).unwrap();
    // Secrets where states have them: an output, an attribute that nobody heard of, a sensitive one, a password.
    state["outputs"]["admin_password"]["value"] = json!(CANARY);
    for resource in state["resources"].as_array_mut().unwrap() {
        let instance = &mut resource["instances"][0];
        instance["attributes"]["unheard_of"] = json!({ "password": CANARY });
        if resource["type"] == "aws_apigatewayv2_stage" {
            let instance = &mut resource["instances"][0];
            instance["attributes"]["stage_variables"] = json!({ "key": CANARY });
            instance["sensitive_attributes"] = json!([[{ "type": "get_attr", "value": "stage_variables" }]]);
        }
    }
    let password = json!({
        "mode": "managed", "type": "random_password", "name": "db",
        "provider": "provider[\"registry.terraform.io/hashicorp/random\"]",
        "instances": [{ "attributes": { "id": "none", "result": CANARY } }],
    });
    state["resources"].as_array_mut().unwrap().push(password);
    let shown = json!({ "stageVariables": { "key": CANARY } });
    aws.send(&Request::rest("PATCH", &format!("/v2/apis/{}/stages/$default", made.api), &shown)).await;
    let states = folder_with("terraform.tfstate", &state.to_string());
    let state = states.path().join("terraform.tfstate");
    let folder = tempfile::tempdir().unwrap();
    let documents = folder.path().join("documents");
    let arguments = ["--tfstate", state.to_str().unwrap(), "--to", documents.to_str().unwrap()];

    let writes = aws.calls().1;
    let imported = import(&aws, &arguments).await;
    assert_eq!(imported.code, Some(0), "{}", imported.stderr);
    for words in [
        "plan: empty. 8 documents",
        "HttpApi/crazy-api ",
        "data.aws_vpc.this ",
        "a data source",
        "aws_apigatewayv2_deployment.this ",
        "aws_security_group.great ",
        "random_password.db ",
        "terraform state rm",
    ] {
        assert!(imported.stderr.contains(words), "no `{words}` in:\n{}", imported.stderr);
    }
    assert_eq!(imported.stdout, "");
    assert_eq!(aws.calls().1, writes, "nothing is written to AWS");
    let written = files(&documents);
    let names: Vec<String> =
        written.iter().map(|(path, _)| path.file_name().unwrap().to_string_lossy().into_owned()).collect();
    let api = written.iter().find(|(path, _)| path.ends_with("http-api-crazy-api.yaml"));
    let (_, api) = api.unwrap_or_else(|| panic!("{names:?}"));
    assert_eq!(api.matches("kind: ").count(), 4, "an API and what stands in it: {api}");
    assert!(api.contains("# aws_apigatewayv2_api.this\n"), "{api}");
    assert!(api.contains("`stageVariables` is marked as sensitive"), "{api}");
    let everything: String = written.iter().map(|(_, text)| text.as_str()).collect();
    assert!(!imported.stderr.contains("\"level\""), "people read it: {}", imported.stderr);
    for text in [&everything, &imported.stderr] {
        assert!(!text.contains("canary"), "{text}");
    }

    let valid = Hatoba::run(&["validate", documents.to_str().unwrap()], None).await;
    assert_eq!(valid.code, Some(0), "{}", valid.stdout);
    let planned = plan(&aws, &documents, &[]).await;
    assert_eq!(planned.code, Some(0), "{planned:?}");
    let again = import(&aws, &arguments).await;
    assert_eq!(again.code, Some(1), "{again:?}");
    assert!(again.stderr.contains("no file is overwritten"), "{}", again.stderr);
    assert_eq!(files(&documents), written);

    for (path, text) in &written {
        std::fs::write(path, text.replace("  suspend: true\n", "")).unwrap();
    }
    let source = documents.to_str().unwrap();
    let once = ["run", "--source", source, "--once", "--timeout", "50s", "--listen", "127.0.0.1:0"];
    let converged = Hatoba::run(&once, Some(aws.address)).await;
    assert_eq!(converged.code, Some(0), "{}", converged.stderr);
    assert_eq!(wrong(&aws.dump()), Ok(()));
    assert_eq!(plan(&aws, &documents, &[]).await.code, Some(0));
    let patch = json!({ "name": "by-hand" });
    aws.send(&Request::rest("PATCH", &format!("/v2/apis/{}", made.api), &patch)).await;
    let drifted = plan(&aws, &documents, &[]).await;
    assert_eq!(drifted.code, Some(2), "{}", drifted.stdout);
    assert_eq!(Hatoba::run(&once, Some(aws.address)).await.code, Some(0));
    assert_eq!(aws.dump()["apigatewayv2"]["apis"][&made.api]["name"], "crazy-api");
    assert_eq!(aws.dump()["apigatewayv2"]["stages"].to_string().matches(CANARY).count(), 1, "left as it was");
}

/// Another source of the same owner has resources here, which are no matter of what is imported.
#[tokio::test]
async fn what_the_owner_has_elsewhere_does_not_spoil_the_proof() {
    let (aws, made) = stranger().await;
    for owner in ["local", "my-team"] {
        let marks = json!({ "hatoba:owner": owner, "hatoba:document": "HttpApi/mine", "hatoba:incarnation": "1", "hatoba:deletion": "Delete" });
        let body = json!({ "name": "mine", "protocolType": "HTTP", "tags": marks });
        aws.send(&Request::rest("POST", "/v2/apis", &body)).await;
    }
    for more in [&[][..], &["--owner", "my-team"]] {
        let imported = import(&aws, &[&["--api-id", made.api.as_str()], more].concat()).await;
        assert_eq!(imported.code, Some(0), "{more:?}: {}", imported.stderr);
        assert!(imported.stderr.contains("plan: empty."), "{more:?}: {}", imported.stderr);
    }
}

#[tokio::test]
async fn live_resources_are_printed_with_what_they_use_and_what_looks_secret_is_a_variable() {
    let (aws, made) = stranger().await;
    let definition = json!({
        "family": "great-task", "networkMode": "awsvpc", "requiresCompatibilities": ["FARGATE"],
        "cpu": "256", "memory": "512",
        "containerDefinitions": [{
            "name": "web", "image": "nginx", "portMappings": [{ "containerPort": 80 }],
            "environment": [{ "name": "DB_PASSWORD", "value": CANARY }, { "name": "LOG_LEVEL", "value": "debug" }],
        }],
    });
    aws.send(&Request::json("ecs", "RegisterTaskDefinition", &definition)).await;
    let moved = json!({ "cluster": "main", "service": "great-service", "taskDefinition": "great-task:3" });
    aws.send(&Request::json("ecs", "UpdateService", &moved)).await;
    let arguments = ["--api-id", &made.api, "--ecs-service", "main/great-service", "--with-dependencies"];
    let imported = import(&aws, &arguments).await;
    assert_eq!(imported.code, Some(0), "{}", imported.stderr);
    assert!(imported.stderr.contains("plan: empty. 10 documents"), "{}", imported.stderr);
    assert!(imported.stderr.contains("HATOBA_VAR_GREAT_TASK_DB_PASSWORD"), "{}", imported.stderr);
    assert!(imported.stdout.contains("value: ${GREAT_TASK_DB_PASSWORD}"), "{}", imported.stdout);
    assert!(imported.stdout.contains("value: debug"), "{}", imported.stdout);
    assert!(!format!("{imported:?}").contains(CANARY), "{imported:?}");

    let folder = folder_with("documents.yaml", &imported.stdout);
    let without = plan(&aws, folder.path(), &[]).await;
    assert_eq!(without.code, Some(1), "the variable is not given: {without:?}");
    let given = format!("GREAT_TASK_DB_PASSWORD={CANARY}");
    let with = plan(&aws, folder.path(), &["--var", &given]).await;
    assert_eq!(with.code, Some(0), "{with:?}");
}

/// It is documented as it is, and whoever reads on knows that AWS is not done with it.
#[tokio::test]
async fn what_is_not_ready_in_aws_is_imported_and_said_to_be_so() {
    let aws = Aws::start(Duration::from_millis(5), Duration::from_secs(3_600), 0).await;
    let network = Network::of_the_model();
    let body = json!({ "name": "late", "subnetIds": network.subnets, "securityGroupIds": [network.group] });
    let link = aws.send(&Request::rest("POST", "/v2/vpclinks", &body)).await;
    let state = json!({ "version": 4, "resources": [{
        "mode": "managed", "type": "aws_apigatewayv2_vpc_link", "name": "this",
        "provider": "provider[\"registry.terraform.io/hashicorp/aws\"]",
        "instances": [{ "attributes": { "id": link["vpcLinkId"] } }],
    }]});
    let states = folder_with("terraform.tfstate", &state.to_string());
    let state = states.path().join("terraform.tfstate");
    let imported = import(&aws, &["--tfstate", state.to_str().unwrap()]).await;
    assert_eq!(imported.code, Some(0), "{}", imported.stderr);
    let said = "imported, and not ready in AWS:\n  VpcLink/late  the VPC link is PENDING: ";
    assert!(imported.stderr.contains(said), "{}", imported.stderr);
}

#[tokio::test]
async fn what_cannot_be_imported_says_why() {
    let (aws, made) = stranger().await;
    let nothing = import(&aws, &[]).await;
    assert_eq!(nothing.code, Some(2), "{nothing:?}");
    assert!(nothing.stderr.contains("--api-id"), "{}", nothing.stderr);

    // What is there is imported all the same, and the exit code tells.
    let missing = import(&aws, &["--api-id", "nowhere123", "--api-id", &made.api]).await;
    assert_eq!(missing.code, Some(1), "{missing:?}");
    assert!(
        missing.stderr.contains("HttpApi nowhere123: there is none in region us-east-1"),
        "{}",
        missing.stderr
    );
    assert!(missing.stderr.contains("plan: empty. 4 documents"), "{}", missing.stderr);
    assert!(missing.stderr.contains("--with-dependencies"), "{}", missing.stderr);
    assert_eq!(missing.stdout.matches("suspend: true").count(), 4);

    let states = folder_with("old.tfstate", r#"{ "version": 3, "modules": [] }"#);
    let old = states.path().join("old.tfstate");
    let old = import(&aws, &["--tfstate", old.to_str().unwrap()]).await;
    assert_eq!((old.code, old.stdout.as_str()), (Some(1), ""), "{old:?}");
    assert!(old.stderr.contains("format version 3, expected 4"), "{}", old.stderr);

    let help = Hatoba::run(&["import", "--help"], None).await;
    assert!(help.stdout.contains("terraform state pull | hatoba import --tfstate -"), "{}", help.stdout);
}

#[tokio::test]
async fn a_difference_is_told_by_document_and_field() {
    // Somebody changes the API between the look at it and the proof: its name is what another owner's mark says.
    let (aws, made) = stranger().await;
    let arn =
        format!("arn:aws:apigateway:us-east-1::/apis/{}", made.api).replace(':', "%3A").replace('/', "%2F");
    let tags = json!({ "tags": { "hatoba:owner": "other", "hatoba:document": "HttpApi/theirs" } });
    aws.send(&Request::rest("POST", &format!("/v2/tags/{arn}"), &tags)).await;
    let imported = import(&aws, &["--api-id", &made.api]).await;
    assert_eq!(imported.code, Some(1), "{imported:?}");
    assert!(imported.stderr.contains("error: the plan is not empty"), "{}", imported.stderr);
    let told = imported.stderr.lines().find(|line| line.trim_start().starts_with("HttpApi/crazy-api: "));
    assert!(told.is_some_and(|line| line.contains("OwnedByAnother")), "{}", imported.stderr);
}
