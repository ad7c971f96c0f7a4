//! `hatoba run`: a day in the life of a folder of documents.

use std::path::Path;

use hatoba_tests::wait::until;
use serde_json::Value;

use crate::aws::{Aws, DOCUMENTS, SAMPLES, documents, live, put, wrong};
use crate::process::{Hatoba, LONG, assert_silent, files, is_ready, page, status, until_ready};

const BYSTANDER: &str = "apiVersion: hatoba/v1\nkind: HttpApi\nmetadata: { name: bystander }\nspec: {}\n";
const BAD: &str =
    "apiVersion: hatoba/v1\nkind: HttpApi\nmetadata: { name: bad-api }\nspec: { descriptoin: no }\n";

fn start(aws: &Aws, folder: &Path) -> Hatoba {
    let source = folder.to_str().unwrap();
    let often = ["--listen", "127.0.0.1:0", "--resync", "1s", "--poll", "1s"];
    let owner = ["--owner", "end-to-end", "--prune-grace", "1s"];
    Hatoba::start(&[&["run", "--source", source], &often[..], &owner].concat(), Some(aws.address))
}

fn descriptions(aws: &Aws) -> Vec<Value> {
    live(&aws.dump(), "apigatewayv2", "apis").iter().map(|api| api["description"].clone()).collect()
}

#[tokio::test]
async fn documents_come_break_change_and_go() {
    let (aws, folder) = (Aws::quick().await, documents());
    put(folder.path(), "bystander.yaml", BYSTANDER);
    let daemon = start(&aws, folder.path());
    let shown = daemon.page().await;
    until_ready(shown, DOCUMENTS + 1).await;

    // One is broken: it is held and said to be, all others go on.
    put(folder.path(), "bad.yaml", BAD);
    until("the bad document is shown", LONG, async || {
        status(shown).await["documents"]["HttpApi/bad-api"]["synced"]["reason"] == "Invalid"
    })
    .await;
    let metrics = page(shown, "/metrics").await.body;
    assert!(metrics.contains("\nhatoba_source_documents_invalid 1\n"), "{metrics}");
    let all = status(shown).await;
    assert!(is_ready(&all["documents"]["Stage/default-stage"]), "{all:#}");
    let found = &all["source"]["diagnostics"];
    assert_eq!(
        (&found[0]["rule"], &found[1]["place"]["file"]),
        (&"PublicRoute".into(), &"bad.yaml".into()),
        "{all:#}"
    );

    // While it is there, another is changed.
    let api = SAMPLES[2].1.replacen("spec: {}", "spec: { description: edited }", 1);
    put(folder.path(), "api.yaml", &api);
    until("the edit is in AWS", LONG, async || descriptions(&aws).contains(&"edited".into())).await;

    // The broken one goes. A file that cannot be read at all holds every delete.
    put(folder.path(), "unreadable.yaml", "a: [");
    std::fs::remove_file(folder.path().join("bad.yaml")).unwrap();
    std::fs::remove_file(folder.path().join("bystander.yaml")).unwrap();
    until("the held delete is shown", LONG, async || {
        status(shown).await["pruning"][0]["held"]["reason"] == "SourceIncomplete"
    })
    .await;
    assert_eq!(descriptions(&aws).len(), 2, "nothing was deleted");
    std::fs::remove_file(folder.path().join("unreadable.yaml")).unwrap();
    until("the bystander is deleted", LONG, async || descriptions(&aws).len() == 1).await;
    until_ready(shown, DOCUMENTS).await;
    assert_eq!(wrong(&aws.dump()), Ok(()));

    for path in ["/", "/metrics", "/api/v1/events"] {
        assert_eq!(page(shown, path).await.status, 200);
    }
    let ended = daemon.terminate().await;
    let logged = log(&ended.stderr);
    let of = |name: &str| logged.iter().filter(|line| line["action"] == name).count();
    assert_eq!(
        (of("CreateHttpApi"), of("UpdateHttpApi"), of("DeleteHttpApi")),
        (2, 1, 1),
        "{}",
        ended.stderr
    );

    // What it left beside the documents: a status for each, no secret, out of version control.
    let left = files(&folder.path().join(".hatoba"));
    let statuses = left.iter().filter(|(path, _)| path.to_string_lossy().contains("/status/"));
    assert_eq!(statuses.count(), DOCUMENTS, "{left:#?}");
    assert_eq!(std::fs::read_to_string(folder.path().join(".hatoba/.gitignore")).unwrap(), "*\n");
    for (path, text) in left {
        assert_silent(&path.to_string_lossy(), &text);
    }
}

#[tokio::test]
async fn a_restart_writes_nothing_and_a_hangup_looks_again() {
    let (aws, folder) = (Aws::quick().await, documents());
    let first = start(&aws, folder.path());
    until_ready(first.page().await, DOCUMENTS).await;
    first.terminate().await;
    let (_, writes) = aws.calls();

    let source = folder.path().to_str().unwrap();
    let rarely = ["--listen", "127.0.0.1:0", "--resync", "1h", "--owner", "end-to-end"];
    let arguments = [&["run", "--source", source], &rarely[..]].concat();
    let second = Hatoba::talkative(&arguments, Some(aws.address)); // whatever it says, it is no secret
    let shown = second.page().await;
    let resynced = async || status(shown).await["lastFullResync"].clone();
    until("everything was looked at", LONG, async || !resynced().await.is_null()).await;
    until_ready(shown, DOCUMENTS).await;
    let before = resynced().await;
    second.signal("HUP");
    until("everything was looked at again", LONG, async || resynced().await != before).await;
    assert_eq!(aws.calls().1, writes);
    log(&second.terminate().await.stderr);
}

/// Every line of a log is one flat JSON object with a time, a level and a message.
fn log(text: &str) -> Vec<Value> {
    let read = |line: &str| -> Value {
        let line: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        for member in ["timestamp", "level", "message"] {
            assert!(line[member].is_string(), "no {member}: {line}");
        }
        line
    };
    text.lines().map(read).collect()
}
