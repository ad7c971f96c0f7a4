//! Commands that end: `validate`, `plan`, `run --once`.

use hatoba_tests::wait::until;
use serde_json::Value;

use crate::aws::{Aws, documents, put, wrong};
use crate::process::{Hatoba, LONG};

const BAD: &str =
    "apiVersion: hatoba/v1\nkind: HttpApi\nmetadata: { name: bad-api }\nspec:\n  descriptoin: typed wrong\n";

#[tokio::test]
async fn validate_says_where_what_is_wrong_and_exits_with_1() {
    let folder = documents();
    let path = folder.path().to_str().unwrap();
    let good = Hatoba::run(&["validate", path], None).await;
    assert_eq!(good.code, Some(0), "{good:?}");
    assert!(good.stdout.starts_with("warning[PublicRoute]: spec.routeKey: "), "{}", good.stdout);
    assert!(good.stdout.ends_with("8 documents in 3 files: 0 errors, 1 warning\n"), "{}", good.stdout);

    put(folder.path(), "bad.yaml", BAD);
    let bad = Hatoba::run(&["validate", path], None).await;
    assert_eq!(bad.code, Some(1), "{bad:?}");
    assert!(bad.stdout.contains("bad.yaml:5:3"), "{}", bad.stdout);
    assert!(bad.stdout.contains("descriptoin: typed wrong"), "the line itself: {}", bad.stdout);
    assert!(bad.stdout.contains("hint: ") && bad.stdout.contains("description"), "{}", bad.stdout);

    let json = Hatoba::run(&["validate", path, "--output", "json"], None).await;
    let found: Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!((json.code, &found["errors"]), (Some(1), &1.into()), "{found:#}");
    let shown = found["diagnostics"].as_array().unwrap().iter();
    let shown: Vec<_> =
        shown.map(|found| (&found["severity"], &found["rule"], &found["place"]["file"])).collect();
    assert_eq!(shown[0], (&"warning".into(), &"PublicRoute".into(), &"api.yaml".into()), "{found:#}");
    assert_eq!(shown[1], (&"error".into(), &Value::Null, &"bad.yaml".into()), "{found:#}");
    assert_eq!(found["diagnostics"][1]["place"]["line"], 5, "{found:#}");
}

#[tokio::test]
async fn explain_says_what_leaving_a_field_out_means() {
    let field = Hatoba::run(&["explain", "EcsService.desiredCount"], None).await;
    assert_eq!(field.code, Some(0), "{field:?}");
    assert!(field.stdout.contains("left out: 1 at creation, and not ours afterwards"), "{}", field.stdout);
    let kind = Hatoba::run(&["explain", "VpcLink"], None).await;
    assert!(kind.stdout.contains("subnetSelector") && kind.stdout.contains("Example:"), "{}", kind.stdout);
    let kinds = Hatoba::run(&["explain"], None).await;
    assert_eq!(kinds.code, Some(0), "{kinds:?}");
    assert!(
        kinds.stdout.contains("\n  HttpService ") && kinds.stdout.contains("explain policy"),
        "{}",
        kinds.stdout
    );
    let typo = Hatoba::run(&["explain", "VpcLink.subnetIDs"], None).await;
    assert_eq!(typo.code, Some(1), "{typo:?}");
    assert!(typo.stderr.contains("did you mean `subnetIds`?"), "{}", typo.stderr);
}

#[tokio::test]
async fn what_is_rendered_is_valid_and_a_bad_document_is_not_rendered() {
    let folder = tempfile::tempdir().unwrap();
    put(folder.path(), "orders.yaml", include_str!("../../deploy/samples/named-stage/orders.yaml"));
    let rendered = Hatoba::run(&["render", folder.path().to_str().unwrap()], None).await;
    assert_eq!((rendered.code, rendered.stderr.as_str()), (Some(0), ""), "{rendered:?}");
    assert!(rendered.stdout.contains("# part of HttpService/orders (orders.yaml)\n"), "{}", rendered.stdout);

    put(folder.path(), "orders.yaml", &rendered.stdout);
    let valid = Hatoba::run(&["validate", folder.path().to_str().unwrap()], None).await;
    assert_eq!(
        (valid.code, valid.stdout.as_str()),
        (Some(0), "9 documents in 1 file: all good\n"),
        "{valid:?}"
    );

    put(folder.path(), "bad.yaml", BAD);
    let bad = Hatoba::run(&["render", folder.path().to_str().unwrap(), "--output", "yaml"], None).await;
    assert_eq!((bad.code, bad.stdout.as_str()), (Some(1), ""), "{bad:?}");
    assert!(bad.stderr.contains("bad.yaml:5:3"), "{}", bad.stderr);
}

#[tokio::test]
async fn a_plan_changes_nothing_and_once_carries_it_out() {
    let (aws, folder) = (Aws::quick().await, documents());
    let source = folder.path().to_str().unwrap();
    let plan = async |more: &[&str]| {
        Hatoba::run(&[&["plan", "--source", source], more].concat(), Some(aws.address)).await
    };

    let text = plan(&["--detailed-exitcode"]).await;
    assert_eq!(text.code, Some(2), "{text:?}");
    for words in ["HttpApi/crazy-api", "after: ", "Stage/default-stage", "8 to create"] {
        assert!(text.stdout.contains(words), "no `{words}` in:\n{}", text.stdout);
    }
    assert_eq!(
        text.stderr.matches("PublicRoute").count(),
        1,
        "said once, and not in the log: {}",
        text.stderr
    );
    assert!(text.stderr.starts_with("warning[PublicRoute]: "), "{}", text.stderr);
    let json = plan(&["--output", "json"]).await;
    assert_eq!(json.code, Some(0), "{json:?}");
    let read: Value = serde_json::from_str(&json.stdout).unwrap();
    let entries = read["entries"].as_array().unwrap();
    assert!(entries.len() == 8 && entries.iter().all(|entry| entry["action"] == "create"), "{read:#}");
    assert_eq!(aws.calls().1, 0, "a plan writes nothing");

    let once = ["run", "--source", source, "--once", "--timeout", "50s", "--listen", "127.0.0.1:0"];
    let converged = Hatoba::run(&once, Some(aws.address)).await;
    assert_eq!(converged.code, Some(0), "{}", converged.stderr);
    assert_eq!(wrong(&aws.dump()), Ok(()));
    let writes = aws.calls().1;
    let nothing = plan(&["--detailed-exitcode"]).await;
    assert_eq!(nothing.code, Some(0), "{nothing:?}");

    // The others are worked on all the same, and the exit code tells.
    put(folder.path(), "bad.yaml", BAD);
    let held = Hatoba::run(&once, Some(aws.address)).await;
    assert_eq!(held.code, Some(1), "{}", held.stderr);
    assert_eq!(plan(&["--detailed-exitcode"]).await.code, Some(1), "an error goes before changes");
    assert_eq!(aws.calls().1, writes, "what stood before is left alone");
}

/// In sync and ready is what `--once` is asked for; that no request gets through is said all the same.
#[tokio::test]
async fn once_says_what_does_not_serve() {
    let (aws, folder) = (Aws::quick().await, documents());
    let service = std::fs::read_to_string(folder.path().join("service.yaml")).unwrap();
    put(folder.path(), "service.yaml", &service.replace("desiredCount: 1", "desiredCount: 0"));
    let source = folder.path().to_str().unwrap();
    let once = ["run", "--source", source, "--once", "--timeout", "50s", "--listen", "127.0.0.1:0"];
    let ended = Hatoba::run(&once, Some(aws.address)).await;
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let said = ended.stderr.lines().find(|line| line.contains("does not serve yet"));
    let said: Value = serde_json::from_str(said.unwrap_or_else(|| panic!("{}", ended.stderr))).unwrap();
    assert_eq!((&said["document"], &said["reason"]), (&"Route/default-route".into(), &"ZeroTasks".into()));
}

#[tokio::test]
async fn where_statuses_cannot_be_written_each_consequence_is_said_once_and_the_work_goes_on() {
    let (aws, folder) = (Aws::quick().await, documents());
    std::fs::write(folder.path().join(".hatoba"), "no folder").unwrap();
    let source = folder.path().to_str().unwrap();
    let once = ["run", "--source", source, "--once", "--timeout", "50s", "--listen", "127.0.0.1:0"];
    let ended = Hatoba::run(&once, Some(aws.address)).await;
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    // The article's own is that anybody may call it. That nobody is served before its first task runs is no news.
    let warns = |line: &&str| line.contains("\"WARN\"") && !line.contains("PublicRoute");
    let warnings: Vec<&str> = ended.stderr.lines().filter(warns).collect();
    assert_eq!(warnings.len(), 2, "{warnings:#?}");
    for consequence in ["statuses stay in memory", "a second daemon is not noticed"] {
        let said = warnings.iter().filter(|line| line.contains(consequence)).count();
        assert_eq!(said, 1, "{consequence}: {warnings:#?}");
    }
    assert_eq!(wrong(&aws.dump()), Ok(()));
}

#[tokio::test]
async fn what_cannot_be_started_says_why() {
    let folder = documents();
    let missing = folder.path().join("missing");
    let missing = Hatoba::run(&["run", "--source", missing.to_str().unwrap()], None).await;
    assert_eq!(missing.code, Some(1), "{missing:?}");
    assert!(missing.stderr.contains("does not exist"), "{}", missing.stderr);

    let source = folder.path().to_str().unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let holder = tokio::net::TcpListener::bind(taken).await.unwrap();
    let refused = Hatoba::run(&["run", "--source", source, "--listen", &taken.to_string()], None).await;
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(refused.stderr.contains(&format!("cannot listen on {taken}")), "{}", refused.stderr);
    drop(holder);

    // No AWS at all: alive, not ready, and it says so.
    let arguments = ["run", "--source", source, "--listen", "127.0.0.1:0"];
    let unanswered = Hatoba::start(&arguments, Some(taken));
    let page = unanswered.page().await;
    until("it says what it waits for", LONG, async || unanswered.stderr().contains("STS")).await;
    assert_eq!(crate::process::page(page, "/healthz").await.status, 200);
    let ready = crate::process::page(page, "/readyz").await;
    assert_eq!(ready.status, 503);
    assert!(ready.body.contains("account"), "{}", ready.body);
    unanswered.terminate().await;
}
