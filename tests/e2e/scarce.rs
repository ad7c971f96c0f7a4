//! What a machine may run out of: space on the disk, file descriptors, names that resolve. The work goes on, or goes on
//! again, and what lies on the disk is whole.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::process::Command;

use hatoba_tests::tools::{on_this_machine, say};
use hatoba_tests::wait::until;
use serde_json::Value;
use tokio::net::TcpStream;

use crate::aws::{Aws, DOCUMENTS, documents, live, put, wrong};
use crate::process::{Hatoba, LONG, files, page, until_ready};

const ONE_MORE: &str = "apiVersion: hatoba/v1\nkind: HttpApi\nmetadata: { name: one-more }\nspec: {}\n";
/// A write to a file that would grow past its limit is refused with EFBIG; left alone, the signal ends a process.
const REFUSE: &str = "trap '' XFSZ";
const FULL: &str = "0";
/// The whole process, its page and its calls to AWS.
const DESCRIPTORS: &str = "ulimit -n 64";

fn arguments(folder: &Path, listen: &str) -> Vec<String> {
    let source = folder.to_str().unwrap();
    let often = ["--listen", listen, "--resync", "1s", "--poll", "1s", "--owner", "scarce"];
    [&["run", "--source", source][..], &often].concat().into_iter().map(str::to_owned).collect()
}

fn start(lines: &str, arguments: &[String], aws: SocketAddr) -> Hatoba {
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    Hatoba::start_after(lines, &arguments, Some(aws), &[])
}

/// How large files of this process may grow from now on, in bytes.
fn limit_files(process: &Hatoba, bytes: &str) {
    let pid = process.pid().to_string();
    let set = Command::new("prlimit").args(["--pid", &pid, &format!("--fsize={bytes}:")]).status();
    assert!(set.unwrap().success(), "prlimit --fsize={bytes}");
}

/// The statuses that lie beside the documents; every one of them is whole. What is being written has another name.
fn statuses(folder: &Path) -> BTreeMap<String, Value> {
    let mut statuses = BTreeMap::new();
    let Ok(kinds) = std::fs::read_dir(folder.join(".hatoba/status")) else { return statuses };
    for file in kinds.flat_map(|kind| std::fs::read_dir(kind.unwrap().path()).unwrap()) {
        let path = file.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        // One that went meanwhile is none.
        if let (true, Ok(text)) = (name.ends_with(".json"), std::fs::read_to_string(&path)) {
            let read = serde_json::from_str(&text);
            statuses.insert(name.clone(), read.unwrap_or_else(|error| panic!("{name}: {error}: {text}")));
        }
    }
    statuses
}

/// A port that nobody has a moment later; on loopback nobody else is that quick.
fn free_address() -> SocketAddr {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap()
}

#[tokio::test]
async fn on_a_full_disk_the_work_goes_on_and_what_lies_there_is_whole() {
    if on_this_machine("prlimit", "util-linux").is_none() {
        return;
    }
    let (aws, folder) = (Aws::quick().await, documents());
    let listen = free_address();
    let arguments = arguments(folder.path(), &listen.to_string());

    // It starts when the disk is full already: it cannot even log.
    let first = start(&format!("{REFUSE}\nulimit -S -f {FULL}"), &arguments, aws.address);
    until_ready(listen, DOCUMENTS).await;
    assert_eq!(page(listen, "/healthz").await.status, 200);
    assert_eq!(wrong(&aws.dump()), Ok(()));
    assert_eq!(statuses(folder.path()), BTreeMap::new(), "nothing half written");
    assert_eq!(first.stderr(), "", "the disk is full");
    limit_files(&first, "unlimited");
    put(folder.path(), "one.yaml", ONE_MORE);
    until("there is room again", LONG, async || statuses(folder.path()).len() == DOCUMENTS + 1).await;
    assert_eq!(
        std::fs::read_to_string(folder.path().join(".hatoba/.gitignore")).unwrap(),
        "*\n",
        "statuses stay out of version control"
    );

    // It fills up while it runs: what was written stays as it was.
    let before = statuses(folder.path());
    limit_files(&first, FULL);
    put(folder.path(), "two.yaml", &ONE_MORE.replace("one-more", "two-more"));
    std::fs::remove_file(folder.path().join("one.yaml")).unwrap();
    until_ready(listen, DOCUMENTS + 1).await;
    let now = statuses(folder.path());
    let kept = before.iter().filter(|(name, _)| name.as_str() != "one-more.json");
    assert!(kept.clone().all(|(name, status)| now.get(name) == Some(status)), "{now:#?}");
    assert!(!now.contains_key("two-more.json"), "{now:#?}");
    limit_files(&first, "unlimited");
    until("the newest is written", LONG, async || statuses(folder.path()).contains_key("two-more.json"))
        .await;
    let said = first.terminate().await.stderr;
    assert!(said.contains("statuses are written again"), "{said}");
    let empty: Vec<_> =
        files(&folder.path().join(".hatoba")).into_iter().filter(|(_, text)| text.is_empty()).collect();
    // Who leads could not be written into the lock.
    assert!(empty.iter().all(|(path, _)| path.ends_with("lock")), "{empty:?}");
}

/// As many connections as a process may have files, and more, that say nothing.
async fn crowd(address: SocketAddr) -> Vec<TcpStream> {
    let mut crowd = Vec::new();
    for _ in 0..200 {
        // What waits in the backlog is connected; when that is full, nobody answers.
        let connecting = TcpStream::connect(address);
        match tokio::time::timeout(std::time::Duration::from_millis(200), connecting).await {
            Ok(Ok(stream)) => crowd.push(stream),
            Ok(Err(_)) | Err(_) => break,
        }
    }
    crowd
}

#[tokio::test]
async fn with_64_file_descriptors_a_crowd_at_the_page_stops_nothing() {
    let (aws, folder) = (Aws::quick().await, documents());
    let daemon = start(DESCRIPTORS, &arguments(folder.path(), "127.0.0.1:0"), aws.address);
    let shown = daemon.page().await;
    let mut idle = crowd(shown).await;
    assert!(idle.len() >= 64, "{} connections", idle.len());
    // All of them in the way, the stack is made, and a document that comes is taken.
    until("the stack is made", LONG, async || {
        idle.extend(crowd(shown).await);
        wrong(&aws.dump()).is_ok()
    })
    .await;
    put(folder.path(), "one.yaml", ONE_MORE);
    until("one more is made", LONG, async || {
        idle.extend(crowd(shown).await);
        live(&aws.dump(), "apigatewayv2", "apis").len() == 2
    })
    .await;
    let written =
        || statuses(folder.path()).get("one-more.json").is_some_and(|one| one["synced"]["status"] == "True");
    until("its status is written", LONG, async || written()).await;
    drop(idle);
    until_ready(shown, DOCUMENTS + 1).await;
    let said = daemon.terminate().await.stderr;
    assert!(!said.contains("Too many open files"), "{said}");
}

/// Nobody knows the name of the endpoint, then somebody does: until then that is said, and the process lives.
#[tokio::test]
async fn an_endpoint_whose_name_does_not_resolve_is_waited_for() {
    let (aws, folder) = (Aws::quick().await, documents());
    let hosts = tempfile::tempdir().unwrap();
    for (name, text) in [("hosts", "127.0.0.1 localhost\n"), ("nsswitch.conf", "hosts: files\n")] {
        std::fs::write(hosts.path().join(name), text).unwrap();
    }
    // The names of this process alone, in a place of its own.
    let own = hosts.path().display();
    let lines =
        format!("mount --bind {own}/hosts /etc/hosts\nmount --bind {own}/nsswitch.conf /etc/nsswitch.conf");
    let apart = ["", "--user --map-root-user"].map(|user| format!("unshare {user} --mount /bin/sh -ec"));
    let works = |apart: &&String| {
        let tried = Command::new("/bin/sh").args(["-c", &format!("{apart} '{lines}' 2>&1")]).output();
        tried.unwrap().status.success()
    };
    let Some(apart) = apart.iter().find(works) else {
        say(
            "SKIPPED, also where HATOBA_REQUIRE_ALL is set: names cannot be given to one process here (unshare, mount)",
        );
        return;
    };
    let endpoint = format!("http://aws.example.com:{}", aws.address.port());
    let endpoint = ("AWS_ENDPOINT_URL", endpoint.as_str());
    let arguments = arguments(folder.path(), "127.0.0.1:0");
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let lines = format!("exec {apart} '{lines}\nexec \"$0\" \"$@\"' \"$0\" \"$@\"");
    let daemon = Hatoba::start_after(&lines, &arguments, None, &[endpoint]);
    let shown = daemon.page().await;
    until("it has asked in vain", LONG, async || daemon.stderr().contains("dns error")).await;
    let not_ready = page(shown, "/readyz").await;
    assert_eq!(
        (not_ready.status, not_ready.body.as_str()),
        (503, "not ready: AWS has not said yet which account this is\n")
    );
    assert_eq!(page(shown, "/healthz").await.status, 200);
    assert_eq!(aws.calls(), (0, 0));

    std::fs::write(hosts.path().join("hosts"), "127.0.0.1 localhost aws.example.com\n").unwrap();
    until_ready(shown, DOCUMENTS).await;
    assert_eq!(wrong(&aws.dump()), Ok(()));

    assert_eq!(page(shown, "/readyz").await.status, 200);
    daemon.terminate().await;
}
