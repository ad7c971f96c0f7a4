//! Two processes on one prefix of a bucket: killed, paused, asked; and the commands that look at it.

use serde_json::Value;

use hatoba_tests::wait::until;

use crate::aws::{Aws, DOCUMENTS, SAMPLES, live, wrong};
use crate::process::{Hatoba, LONG, status, until_ready};

/// The article in a bucket.
pub(crate) const SOURCE: &str = "s3://docs/prod";

fn start(aws: &Aws) -> Hatoba {
    let often = ["--listen", "127.0.0.1:0", "--resync", "2s", "--poll", "1s"];
    Hatoba::start(&[&["run", "--source", SOURCE], &often[..]].concat(), Some(aws.address))
}

pub(crate) async fn bucket() -> Aws {
    let aws = Aws::quick().await;
    aws.with(|world| {
        world.create_bucket("docs");
        for (name, text) in SAMPLES {
            world.put_object("docs", &format!("prod/{name}"), text.as_bytes());
        }
    });
    aws
}

fn put_api(aws: &Aws, name: &str) {
    let text = format!("apiVersion: hatoba/v1\nkind: HttpApi\nmetadata: {{ name: {name} }}\nspec: {{}}\n");
    aws.with(|world| world.put_object("docs", &format!("prod/{name}.yaml"), text.into_bytes()));
}

async fn leads(process: &Hatoba) -> bool {
    status(process.page().await).await["leader"] == true
}

/// Whoever mistypes a bucket is told so, and not that no daemon runs.
#[tokio::test]
async fn a_bucket_that_is_not_there_is_named_by_status() {
    let aws = bucket().await;
    let missing = "s3://missing-bucket/x";
    for (arguments, says) in [
        (["--source", missing], "the source cannot be read: BucketMissing: s3://missing-bucket/x"),
        (
            ["--status-to", missing],
            "what a daemon wrote cannot be read: BucketMissing: s3://missing-bucket/x",
        ),
        (["--source", "s3://docs/none"], "no daemon has written anything here"),
    ] {
        let asked = Hatoba::run(&[&["status"], &arguments[..]].concat(), Some(aws.address)).await;
        assert!(asked.code == Some(1) && asked.stdout.starts_with(says), "{asked:?}");
    }
}

/// A leader that is killed is followed within a minute, and one that was paused finds another and writes nothing.
#[tokio::test]
async fn killed_and_paused_leaders_of_a_bucket_are_followed_and_nothing_is_made_twice() {
    let aws = bucket().await;
    let first = start(&aws);
    until_ready(first.page().await, DOCUMENTS).await;
    let second = start(&aws);
    until_ready(second.page().await, DOCUMENTS).await;
    assert!(leads(&first).await && !leads(&second).await);
    let asked =
        Hatoba::run(&["status", "--source", SOURCE, "--wait", "--output", "json"], Some(aws.address)).await;
    let shown: Value = serde_json::from_str(&asked.stdout).unwrap();
    assert_eq!((asked.code, &shown["ready"]), (Some(0), &true.into()), "{asked:?}");

    first.kill();
    put_api(&aws, "after-a-kill");
    until("the second leads", LONG, async || leads(&second).await).await;
    until_ready(second.page().await, DOCUMENTS + 1).await;

    let third = start(&aws);
    until_ready(third.page().await, DOCUMENTS + 1).await;
    assert!(!leads(&third).await);
    second.signal("STOP");
    put_api(&aws, "while-it-sleeps");
    until("the third leads", LONG, async || leads(&third).await).await;
    until_ready(third.page().await, DOCUMENTS + 2).await;
    second.signal("CONT");
    until("the second stands by", LONG, async || !leads(&second).await).await;
    until_ready(second.page().await, DOCUMENTS + 2).await;
    let (_, writes) = aws.calls();
    put_api(&aws, "at-last");
    let wait = ["status", "--source", SOURCE, "--wait", "--timeout", "60s"];
    let asked = Hatoba::run(&wait, Some(aws.address)).await;
    assert_eq!(asked.code, Some(0), "{asked:?}");
    assert!(
        asked.stdout.contains("HttpApi/at-last"),
        "what was just dropped is waited for: {}",
        asked.stdout
    );
    assert!(aws.calls().1 > writes);
    let dump = aws.dump();
    let mut names: Vec<&str> =
        live(&dump, "apigatewayv2", "apis").iter().filter_map(|api| api["name"].as_str()).collect();
    names.sort_unstable();
    assert_eq!(names, ["after-a-kill", "at-last", "crazy-api", "while-it-sleeps"], "one for each document");
    for process in [second, third] {
        let said = process.terminate().await.stderr;
        assert!(said.contains("another process of this owner leads; this one stands by"), "{said}");
    }
}

/// Two that lead at once, each told of drops by a queue of its own: what is dropped is there long before the next poll,
/// and once.
#[tokio::test]
async fn two_without_a_lease_are_told_of_a_drop_and_make_it_once() {
    let aws = bucket().await;
    let start = |queue: &str| {
        let url = aws.with(|world| world.notify_queue("docs", queue));
        let more = ["--resync", "2s", "--poll", "1h", "--no-lease", "--notify-queue", &url];
        let run = ["run", "--source", SOURCE, "--listen", "127.0.0.1:0"];
        Hatoba::start(&[&run[..], &more[..]].concat(), Some(aws.address))
    };
    let both = [start("one"), start("two")];
    for process in &both {
        until_ready(process.page().await, DOCUMENTS).await;
        assert!(leads(process).await);
    }
    put_api(&aws, "told");
    for process in &both {
        until_ready(process.page().await, DOCUMENTS + 1).await;
    }
    until("there is one API for each document", LONG * 2, async || {
        let dump = aws.dump();
        let apis = live(&dump, "apigatewayv2", "apis");
        let mut names: Vec<&str> = apis.iter().filter_map(|api| api["name"].as_str()).collect();
        names.sort_unstable();
        names == ["crazy-api", "told"]
    })
    .await;
    for process in both {
        process.terminate().await;
    }
}

/// One that leads and one that stands by share a queue: every drop is there long before the next poll.
#[tokio::test]
async fn a_standby_leaves_the_messages_to_the_leader() {
    let aws = bucket().await;
    let url = aws.with(|world| world.notify_queue("docs", "drops"));
    let start = || {
        let often = ["--listen", "127.0.0.1:0", "--resync", "2s", "--poll", "1h", "--notify-queue", &url];
        Hatoba::start(&[&["run", "--source", SOURCE], &often[..]].concat(), Some(aws.address))
    };
    let first = start();
    until_ready(first.page().await, DOCUMENTS).await;
    let second = start();
    until_ready(second.page().await, DOCUMENTS).await;
    assert!(leads(&first).await && !leads(&second).await);
    for (number, name) in ["one", "two", "three", "four", "five", "six"].into_iter().enumerate() {
        put_api(&aws, name);
        until_ready(first.page().await, DOCUMENTS + number + 1).await;
    }
    // Who takes over looks at once.
    first.kill();
    put_api(&aws, "seven");
    until_ready(second.page().await, DOCUMENTS + 7).await;
    second.terminate().await;
}

/// More objects than one page of a list holds, and none of them a document.
#[tokio::test]
async fn rubbish_in_the_prefix_is_named_and_the_documents_go_on() {
    let aws = bucket().await;
    let daemon = start(&aws);
    let page = daemon.page().await;
    until_ready(page, DOCUMENTS).await;
    aws.with(|world| {
        for number in 0..1_100 {
            world.put_object("docs", &format!("prod/rubbish/{number}.yaml"), format!("{number}: ["));
        }
        for (key, bytes) in [
            ("../up.yaml", b"kind: [".to_vec()),
            ("bell\u{7}\ttab.yaml", b"kind: [".to_vec()),
            ("not-utf-8.yaml", b"kind: \xff\xfe".to_vec()),
            ("empty.yaml", Vec::new()),
            ("folder.yaml/", Vec::new()),
            ("huge.yaml", vec![b'#'; 100 << 20]),
        ] {
            world.put_object("docs", &format!("prod/{key}"), bytes);
        }
        world.delete_object("docs", "prod/service.yaml");
    });
    let mut shown = Value::Null;
    until("the rubbish is told", LONG * 2, async || {
        shown = status(page).await;
        shown["source"]["unreadable"].as_array().is_some_and(|files| files.len() >= 1_100)
    })
    .await;
    let files: Vec<&str> =
        shown["source"]["unreadable"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    for name in ["rubbish/1099.yaml", "not-utf-8.yaml", "huge.yaml", "empty.yaml"] {
        assert!(files.iter().any(|file| file.contains(name)), "{name}: {:#?}", &files[..8]);
    }
    put_api(&aws, "beside");
    until("a good document beside it is worked on", LONG, async || {
        let dump = aws.dump();
        live(&dump, "apigatewayv2", "apis").iter().any(|api| api["name"] == "beside")
    })
    .await;
    assert_eq!(
        live(&aws.dump(), "ecs", "services").len(),
        1,
        "nothing goes while a file may hold its document"
    );
    daemon.terminate().await;
}

/// The fuse, seen and let go from another process, also after all that lay beside the source was swept away.
#[tokio::test]
async fn an_emptied_prefix_is_held_until_exactly_that_is_acknowledged() {
    let aws = bucket().await;
    let often = ["--listen", "127.0.0.1:0", "--resync", "2s", "--poll", "1s", "--prune-grace", "1s"];
    let daemon = Hatoba::start(&[&["run", "--source", SOURCE], &often[..]].concat(), Some(aws.address));
    until_ready(daemon.page().await, DOCUMENTS).await;
    aws.with(|world| {
        for key in world.keys("docs") {
            world.delete_object("docs", &key);
        }
    });
    let prune = async |more: &[&str]| {
        Hatoba::run(&[&["prune", "--source", SOURCE], more].concat(), Some(aws.address)).await
    };
    let mut shown = String::new();
    until("the fuse is shown", LONG, async || {
        shown = prune(&[]).await.stdout;
        shown.contains("hatoba prune --acknowledge ")
    })
    .await;
    assert_eq!(wrong(&aws.dump()), Ok(()), "nothing went");
    let wrong_word = prune(&["--acknowledge", "0123"]).await;
    assert_eq!(wrong_word.code, Some(1), "{wrong_word:?}");
    let hash = shown.rsplit("--acknowledge ").next().unwrap().trim();
    assert_eq!(prune(&["--acknowledge", hash]).await.code, Some(0));
    until("everything is gone", LONG * 2, async || {
        let dump = aws.dump();
        [
            ("apigatewayv2", "apis"),
            ("apigatewayv2", "vpcLinks"),
            ("ecs", "services"),
            ("servicediscovery", "services"),
        ]
        .iter()
        .all(|(service, collection)| live(&dump, service, collection).is_empty())
    })
    .await;
    daemon.terminate().await;
}
