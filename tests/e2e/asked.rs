//! What people ask of a running daemon from another process: to look again, and how everything stands.

use std::net::SocketAddr;

use hatoba_aws_model::Request;
use hatoba_tests::http;
use hatoba_tests::wait::until;
use serde_json::Value;

use crate::aws::{Aws, DOCUMENTS, SAMPLES, documents, put, wrong};
use crate::process::{Hatoba, LONG, status, until_ready};

const ROUTE: &str = "Route/default-route";
const BAD: &str =
    "apiVersion: hatoba/v1\nkind: HttpApi\nmetadata: { name: bad-api }\nspec: { descriptoin: no }\n";

/// A daemon that looked at everything when it started, and will not do so again by itself: what it made was listed
/// since, so that what goes is seen to go. Nobody is asked who leads: whoever takes over looks at everything once more.
async fn idle(aws: &Aws, source: &str) -> (Hatoba, SocketAddr) {
    let run = ["run", "--source", source, "--listen", "127.0.0.1:0", "--owner", "end-to-end"];
    let rarely = ["--resync", "1h", "--poll", "1s", "--no-lease"];
    let start = || Hatoba::start(&[&run[..], &rarely].concat(), Some(aws.address));
    let first = start();
    until_ready(first.page().await, DOCUMENTS).await;
    first.terminate().await;
    let idle = start();
    let shown = idle.page().await;
    until("it has looked at everything", LONG, async || !status(shown).await["lastFullResync"].is_null())
        .await;
    until_ready(shown, DOCUMENTS).await;
    (idle, shown)
}

/// An output of a document: `("HttpApi/crazy-api", "id")`.
async fn output(shown: SocketAddr, document: &str, name: &str) -> String {
    let all = status(shown).await;
    all["documents"][document]["outputs"][name].as_str().unwrap_or_default().to_owned()
}

/// Somebody deletes the route; nobody is told.
async fn delete_the_route(aws: &Aws, shown: SocketAddr) -> String {
    let (api, route) = (output(shown, "HttpApi/crazy-api", "id").await, output(shown, ROUTE, "id").await);
    let uri = format!("/v2/apis/{api}/routes/{route}");
    let delete = http::signed(Request::rest("DELETE", &uri, &Value::Null), "us-east-1");
    let deleted = http::send(aws.address, &delete).await.unwrap();
    assert_eq!(deleted.status, 204, "{}", deleted.body);
    route
}

/// Asked for one document, and then for everything: both times the route is made again, though nothing else would
/// have the daemon look within the hour.
async fn is_asked_to_look(aws: &Aws, source: &str) {
    let (idle, shown) = idle(aws, source).await;
    let ask = async |document: &[&str]| {
        Hatoba::run(&[&["reconcile", "--source", source], document].concat(), Some(aws.address)).await
    };
    let resynced = async || status(shown).await["lastFullResync"].clone();
    let before = resynced().await;

    let gone = delete_the_route(aws, shown).await;
    let asked = ask(&[ROUTE]).await;
    assert_eq!(asked.code, Some(0), "{asked:?}");
    assert!(asked.stderr.contains(&format!("the daemon looks at {ROUTE} within seconds")), "{asked:?}");
    until("the route is made again", LONG, async || {
        let route = output(shown, ROUTE, "id").await;
        !route.is_empty() && route != gone && wrong(&aws.dump()).is_ok()
    })
    .await;
    assert_eq!(resynced().await, before, "it looked at one document and not at everything");
    until_ready(shown, DOCUMENTS).await;

    let asked = ask(&[]).await;
    assert_eq!(asked.code, Some(0), "{asked:?}");
    assert!(asked.stderr.contains("the daemon looks at everything within seconds"), "{asked:?}");
    until("it looked at everything", LONG, async || resynced().await != before).await;
    let nonsense = ask(&["default-route"]).await;
    assert_eq!(nonsense.code, Some(1), "{nonsense:?}");
    assert!(nonsense.stderr.contains("expected Kind/name"), "{nonsense:?}");
    let misspelt = ask(&["Route/defualt-route"]).await;
    assert_eq!(misspelt.code, Some(1), "{misspelt:?}");
    assert!(misspelt.stderr.contains("there is no Route/defualt-route in "), "{misspelt:?}");
    assert!(misspelt.stderr.contains(&format!("did you mean `{ROUTE}`?")), "{misspelt:?}");
    idle.terminate().await;
}

#[tokio::test]
async fn a_daemon_on_a_folder_looks_again_when_it_is_asked() {
    let (aws, folder) = (Aws::quick().await, documents());
    is_asked_to_look(&aws, folder.path().to_str().unwrap()).await;
}

#[tokio::test]
async fn a_daemon_on_a_bucket_looks_again_when_it_is_asked() {
    let aws = Aws::quick().await;
    aws.with(|world| {
        world.create_bucket("docs");
        for (name, text) in SAMPLES {
            world.put_object("docs", &format!("prod/{name}"), text.as_bytes());
        }
    });
    is_asked_to_look(&aws, "s3://docs/prod").await;
}

/// The same answer beside the source and from the daemon itself, for people and for programs, good and bad.
#[tokio::test]
async fn how_everything_stands_is_told_beside_the_source_and_by_the_daemon() {
    let (aws, folder) = (Aws::quick().await, documents());
    let source = folder.path().to_str().unwrap();
    let run = ["run", "--source", source, "--listen", "127.0.0.1:0", "--resync", "2s", "--poll", "1s"];
    let daemon = Hatoba::start(&run, Some(aws.address));
    let page = daemon.page().await;
    until_ready(page, DOCUMENTS).await;
    let url = format!("http://{page}");
    let asks = [["--source", source], ["--url", url.as_str()]];
    let ask = async |of: &[&str], more: &[&str]| {
        Hatoba::run(&[&["status"], of, more].concat(), Some(aws.address)).await
    };
    // What it writes beside the source may be a moment late.
    let wait = ["--wait", "--serving", "--timeout", "60s"];
    for of in &asks {
        let table = ask(of, &wait).await;
        assert_eq!(table.code, Some(0), "{table:?}");
        assert!(table.stdout.starts_with("DOCUMENT"), "{}", table.stdout);
        assert!(table.stdout.ends_with("8 of 8 documents ready, 1 of 1 serving\n"), "{}", table.stdout);
        assert!(table.stdout.contains(ROUTE), "{}", table.stdout);
        let json = ask(of, &["--output", "json"]).await;
        let shown: Value = serde_json::from_str(&json.stdout).unwrap();
        assert_eq!((json.code, &shown["ready"]), (Some(0), &true.into()), "{shown:#}");
        assert_eq!(shown["documents"].as_array().map(Vec::len), Some(DOCUMENTS), "{shown:#}");
    }

    put(folder.path(), "bad.yaml", BAD);
    until("the bad document is shown", LONG, async || {
        status(page).await["documents"]["HttpApi/bad-api"]["synced"]["reason"] == "Invalid"
    })
    .await;
    for of in &asks {
        let mut last = String::new();
        until("it is told", LONG, async || {
            let told = ask(of, &[]).await;
            assert!(told.code.is_some());
            let is_told = told.code == Some(1) && told.stdout.contains("HttpApi/bad-api");
            last = told.stdout;
            is_told
        })
        .await;
        assert!(last.contains("8 of 9 documents ready") && last.contains("Invalid"), "{last}");
    }
    std::fs::remove_file(folder.path().join("bad.yaml")).unwrap();
    until("all is well again", LONG, async || ask(&asks[0], &[]).await.code == Some(0)).await;
    daemon.terminate().await;

    // Nobody is there any more, and a document comes: what was written long stands, and does not speak of it.
    put(folder.path(), "late.yaml", &BAD.replace("bad-api", "late").replace("{ descriptoin: no }", "{}"));
    let stale = ask(&asks[0], &[]).await;
    assert_eq!(stale.code, Some(1), "{stale:?}");
    assert!(stale.stdout.contains("8 of 9 documents ready"), "{stale:?}");
    let of_it = stale.stdout.lines().find(|line| line.starts_with("HttpApi/late"));
    assert!(of_it.is_some_and(|line| line.contains("NotJudged")), "{stale:?}");

    // What was written stays, and the daemon itself does not answer.
    let silent = ask(&asks[1], &[]).await;
    assert_eq!((silent.code, silent.stdout.as_str()), (Some(1), ""), "{silent:?}");
    let written = ask(&asks[0], &[]).await;
    assert!(written.stdout.contains(ROUTE), "{written:?}");
    let nowhere = ask(&[], &[]).await;
    assert_eq!(nowhere.code, Some(1), "{nowhere:?}");
    assert!(nowhere.stderr.contains("--url"), "{nowhere:?}");
}
