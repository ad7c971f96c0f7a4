//! `hatoba sandbox`: no account, no set-up, and it can be broken on purpose.

use std::net::SocketAddr;

use hatoba_aws_model::Request;
use hatoba_tests::http;
use hatoba_tests::wait::until;
use serde_json::Value;

use crate::aws::{DOCUMENTS, wrong};
use crate::process::{Hatoba, LONG, page, status, until_ready};

/// The product contract, section 5.
const METRICS: [&str; 20] = [
    "hatoba_document_condition",
    "hatoba_documents",
    "hatoba_source_documents_invalid",
    "hatoba_drift_detected_total",
    "hatoba_drift_repaired_total",
    "hatoba_reconcile_total",
    "hatoba_reconcile_seconds_bucket",
    "hatoba_workqueue_depth",
    "hatoba_workqueue_oldest_seconds",
    "hatoba_aws_requests_total",
    "hatoba_aws_throttled_total",
    "hatoba_oldest_unverified_seconds",
    "hatoba_source_last_success_timestamp_seconds",
    "hatoba_last_full_resync_timestamp_seconds",
    "hatoba_prune_held",
    "hatoba_nonconverging",
    "hatoba_rogue_children",
    "hatoba_leader",
    "hatoba_build_info",
    "hatoba_reconcile_seconds_count",
];

#[tokio::test]
async fn once_makes_one_of_each_and_dumps_it() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("aws.json");
    let listen = ["--aws-listen", "127.0.0.1:0", "--listen", "127.0.0.1:0"];
    let arguments = [&["sandbox", "--once", "--dump", file.to_str().unwrap()], &listen[..]].concat();
    let ended = Hatoba::run(&arguments, None).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let dump: Value = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    assert_eq!(wrong(&dump), Ok(()));
    for words in ["created", "in sync and ready", "Stage/default-stage"] {
        assert!(ended.stdout.contains(words), "no `{words}` in:\n{}", ended.stdout);
    }
}

#[tokio::test]
async fn what_is_broken_through_the_aws_listener_is_repaired_and_shown() {
    let arguments = ["sandbox", "--aws-listen", "127.0.0.1:0", "--listen", "127.0.0.1:0", "--resync", "1s"];
    let sandbox = Hatoba::start(&arguments, None);
    let aws = sandbox.said("the model AWS listens on http://").await;
    let shown = sandbox.said("the status page is http://").await;
    until_ready(shown, DOCUMENTS).await;
    served(shown).await;
    used(&sandbox, aws).await;

    let before = status(shown).await["documents"]["Route/default-route"]["outputs"]["id"].clone();
    let api = status(shown).await["documents"]["HttpApi/crazy-api"]["outputs"]["id"].clone();
    let (api, route) = (api.as_str().unwrap(), before.as_str().unwrap());
    let drifts = |metrics: &str, name: &str| value(metrics, &format!("{name}{{kind=\"Route\"}}"));
    let metrics = page(shown, "/metrics").await.body;
    assert_eq!(drifts(&metrics, "hatoba_drift_detected_total"), Some(0.0));

    // What was just made, and no list has shown yet, counts as there: wait for one.
    let listed = async || status(shown).await["lastFullResync"].clone();
    let first = listed().await;
    until("a resync", LONG, async || listed().await != first).await;
    let second = listed().await;
    until("another resync", LONG, async || listed().await != second).await;
    let delete = Request::rest("DELETE", &format!("/v2/apis/{api}/routes/{route}"), &Value::Null);
    let deleted = http::send(aws, &http::signed(delete, "us-east-1")).await.unwrap();
    assert_eq!(deleted.status, 204, "{}", deleted.body);

    until("the route is made again", LONG, async || {
        let events = page(shown, "/api/v1/events").await.json();
        let is_it = |event: &&Value| event["document"] == "Route/default-route";
        let creates =
            events.as_array().unwrap().iter().filter(is_it).filter(|event| event["action"] == "CreateRoute");
        creates.count() == 2
    })
    .await;
    until("the repair is counted", LONG, async || {
        let metrics = page(shown, "/metrics").await.body;
        drifts(&metrics, "hatoba_drift_repaired_total") == Some(1.0)
            && drifts(&metrics, "hatoba_drift_detected_total") == Some(1.0)
    })
    .await;
    until_ready(shown, DOCUMENTS).await;
    assert_ne!(status(shown).await["documents"]["Route/default-route"]["outputs"]["id"], before);
    let ended = sandbox.terminate().await;
    assert!(ended.stdout.contains("Route/default-route"), "{}", ended.stdout);
}

/// The line that the sandbox says to try, and the same API by its host.
async fn used(sandbox: &Hatoba, aws: SocketAddr) {
    let line = || {
        let said = sandbox.stdout();
        said.lines().find_map(|line| line.trim().strip_prefix("curl http://").map(str::to_owned))
    };
    until("a line to try", LONG, async || line().is_some()).await;
    let line = line().unwrap();
    let said = sandbox.stdout();
    let serves = said.find("Route/default-route                       serves requests");
    assert!(serves.is_some() && serves < said.find("curl http://"), "it is said when it works: {said}");
    let path = line.strip_prefix(&aws.to_string()).unwrap();
    let reply = http::get(aws, path).await.unwrap();
    assert_eq!(reply.status, 200, "{line}: {}", reply.body);
    let body = reply.json();
    assert_eq!(body["servedBy"]["service"], "great-service", "{body:#}");
    assert_eq!(body["path"], "/hello");
    assert!(reply.head.to_ascii_lowercase().contains("apigw-requestid"), "{}", reply.head);

    let api = path.split('/').nth(3).unwrap();
    let by_host = Request {
        method: "PUT".to_owned(),
        uri: format!("http://{api}.execute-api.localhost:{}/a?b=c", aws.port()),
        headers: Vec::new(),
        body: b"words".to_vec(),
    };
    let body = http::send(aws, &by_host).await.unwrap().json();
    assert_eq!(
        (&body["method"], &body["path"], &body["body"]),
        (&"PUT".into(), &"/a".into(), &"words".into())
    );
    assert_eq!(body["query"]["b"], "c");
    assert_eq!(http::get(aws, "/_aws/execute-api/nobody/hello").await.unwrap().status, 404);
}

/// Every page, while all is well.
async fn served(shown: SocketAddr) {
    let home = page(shown, "/").await;
    assert_eq!(home.status, 200);
    for document in ["HttpApi/crazy-api", "EcsService/great-service", "Stage/default-stage"] {
        let (kind, name) = document.split_once('/').unwrap();
        assert!(home.body.contains(kind) && home.body.contains(name), "{document} is not on the page");
    }
    for (path, body) in [("/healthz", "ok\n"), ("/readyz", "ready\n")] {
        let reply = page(shown, path).await;
        assert_eq!((reply.status, reply.body.as_str()), (200, body), "{path}");
    }
    let shown_status = page(shown, "/api/v1/status").await.json();
    assert_eq!(shown_status["leader"], true, "{shown_status:#}");
    assert_eq!(shown_status["documents"].as_object().map(|all| all.len()), Some(DOCUMENTS));

    let metrics = page(shown, "/metrics").await.body;
    for name in METRICS {
        let is_sample = |line: &str| {
            line.strip_prefix(name).is_some_and(|rest| rest.starts_with('{') || rest.starts_with(' '))
        };
        assert!(metrics.lines().any(is_sample), "no sample of {name} in:\n{metrics}");
    }
    // Alerts need the zero before the first event.
    for sample in [
        "hatoba_drift_repaired_total{kind=\"VpcLink\"}",
        "hatoba_aws_throttled_total{service=\"ecs\"}",
        "hatoba_reconcile_total{kind=\"Stage\",result=\"error\"}",
    ] {
        assert_eq!(value(&metrics, sample), Some(0.0), "{sample} in:\n{metrics}");
    }
    assert_eq!(page(shown, "/nothing").await.status, 404);
}

/// A sample's value.
fn value(metrics: &str, sample: &str) -> Option<f64> {
    metrics.lines().find_map(|line| line.strip_prefix(sample)?.trim().parse().ok())
}
