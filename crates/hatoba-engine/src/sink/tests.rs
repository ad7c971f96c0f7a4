//! Statuses in a folder; those in a bucket are stories of `tests/scenarios/bucket.rs`.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;

use hatoba_core::{Cause, Outcome, fold};

use super::*;

const SOON: Duration = Duration::from_secs(3);

fn status(key: &Key, message: &str) -> Status {
    let outcome = Outcome::waiting(Cause::new("Waiting", message));
    fold(None, key, &Digest::of_bytes(b"x"), outcome, Timestamp::UNIX_EPOCH)
}

fn statuses(names: &[&str]) -> BTreeMap<Key, Status> {
    let keys = names.iter().map(|name| Key::new("VpcLink", *name));
    keys.map(|key| (key.clone(), status(&key, "fine"))).collect()
}

#[tokio::test]
async fn what_is_written_is_read_again() {
    let root = tempfile::tempdir().unwrap();
    let long = "a".repeat(253);
    let all = statuses(&["a", "b.example.com", &long]);
    let mut sink = StatusSink::directory(root.path().to_owned());
    assert!(sink.load(SOON).await.is_empty());
    sink.write(&all).await;
    assert_eq!(StatusSink::directory(root.path().to_owned()).load(SOON).await, all);
    let text = fs::read_to_string(root.path().join(".hatoba/status/VpcLink/a.json")).unwrap();
    assert!(text.contains("\"document\": \"VpcLink/a\""));
    assert_eq!(fs::read_to_string(root.path().join(".hatoba/.gitignore")).unwrap(), "*\n");

    let verified = BTreeMap::from([(Key::new("VpcLink", "a"), Timestamp::UNIX_EPOCH)]);
    assert_eq!(sink.load_heartbeat().await, None);
    let heartbeat = Heartbeat { time: Timestamp::MAX, verified, ..Heartbeat::default() };
    sink.write_heartbeat(&heartbeat).await;
    assert_eq!(sink.load_heartbeat().await, Some(heartbeat));
}

/// The version in which the members are written is written beside them; a later one's are not taken for ours.
#[tokio::test]
async fn what_a_later_version_wrote_counts_as_never_written() {
    let root = tempfile::tempdir().unwrap();
    let all = statuses(&["a"]);
    StatusSink::directory(root.path().to_owned()).write(&all).await;
    let file = root.path().join(".hatoba/status/VpcLink/a.json");
    let text = fs::read_to_string(&file).unwrap();
    let ours = format!("\"schemaVersion\": {SCHEMA_VERSION},");
    assert!(text.contains(&ours), "{text}");
    let load = async || StatusSink::directory(root.path().to_owned()).load(SOON).await;
    fs::write(&file, text.replace(&ours, "")).unwrap();
    assert_eq!(load().await, all, "from before there were versions");
    fs::write(&file, text.replace(&ours, "\"schemaVersion\": 99,")).unwrap();
    assert!(load().await.is_empty());
}

#[tokio::test]
async fn only_differences_are_written_and_what_is_gone_goes() {
    let root = tempfile::tempdir().unwrap();
    let place = root.path().join(".hatoba/status");
    let mut all = statuses(&["a", "b"]);
    StatusSink::directory(root.path().to_owned()).write(&all).await;
    // As a crash leaves it, and as people do.
    fs::write(place.join("VpcLink/.unfinished-1-0"), "{").unwrap();
    fs::write(place.join("VpcLink/readme.txt"), "mine").unwrap();
    let old = fs::metadata(place.join("VpcLink/b.json")).unwrap().modified().unwrap();

    let mut sink = StatusSink::directory(root.path().to_owned());
    all.remove(&Key::new("VpcLink", "a"));
    sink.write(&all).await;
    let names = fs::read_dir(place.join("VpcLink")).unwrap().map(|file| file.unwrap().file_name());
    assert_eq!(names.collect::<BTreeSet<_>>(), ["b.json", "readme.txt"].map(OsString::from).into());
    assert_eq!(fs::metadata(place.join("VpcLink/b.json")).unwrap().modified().unwrap(), old);

    // Nothing changed: not even the folder is looked at.
    fs::remove_file(place.join("VpcLink/b.json")).unwrap();
    sink.write(&all).await;
    assert!(sink.load(SOON).await.is_empty());

    let key = Key::new("VpcLink", "b");
    all.insert(key.clone(), status(&key, "other"));
    sink.write(&all).await;
    assert_eq!(sink.load(SOON).await, all);
}

#[tokio::test]
async fn garbage_is_ignored_and_unchecked_names_lead_nowhere() {
    let root = tempfile::tempdir().unwrap();
    let place = root.path().join(".hatoba/status/VpcLink");
    let mut sink = StatusSink::directory(root.path().to_owned());
    let mut all = statuses(&["a"]);
    let good = all.clone();
    for key in [Key::new("VpcLink", "../../escaped"), Key::new("..", "b"), Key::new("", "c")] {
        all.insert(key.clone(), status(&key, ""));
    }
    sink.write(&all).await;
    assert!(!root.path().join(".hatoba/escaped.json").exists());
    fs::write(place.join("cut.json"), "{\"document\":").unwrap();
    fs::write(place.join("binary.json"), [0xff, 0]).unwrap();
    fs::write(place.join("large.json"), vec![b' '; 300 * 1024]).unwrap();
    fs::copy(place.join("a.json"), place.join("stranger.json")).unwrap();
    fs::create_dir(place.join("folder.json")).unwrap();
    assert_eq!(sink.load(SOON).await, good);
}

#[cfg(unix)]
#[tokio::test]
async fn links_are_not_followed() {
    let (root, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    fs::create_dir(elsewhere.path().join("VpcLink")).unwrap();
    fs::write(elsewhere.path().join("VpcLink/mine.json"), "{}").unwrap();
    fs::create_dir(root.path().join(".hatoba")).unwrap();
    std::os::unix::fs::symlink(elsewhere.path(), root.path().join(".hatoba/status")).unwrap();
    let mut sink = StatusSink::directory(root.path().to_owned());
    sink.write(&statuses(&["a"])).await;
    assert!(elsewhere.path().join("VpcLink/mine.json").exists());
    assert!(!elsewhere.path().join("VpcLink/a.json").exists());
}

#[tokio::test]
async fn a_place_that_cannot_be_written_is_given_up() {
    let root = tempfile::tempdir().unwrap();
    fs::write(root.path().join(".hatoba"), "a file").unwrap();
    let mut sink = StatusSink::directory(root.path().to_owned());
    sink.write(&statuses(&["a"])).await;
    assert!(matches!(sink.keep, Keep::Nowhere));
    for mut sink in [sink, StatusSink::none()] {
        sink.write(&statuses(&["a"])).await;
        assert!(sink.load(SOON).await.is_empty());
    }
    // A missing source may come back: this is tried again.
    let mut sink = StatusSink::directory(root.path().join("later"));
    sink.write(&statuses(&["a"])).await;
    fs::create_dir(root.path().join("later")).unwrap();
    sink.write(&statuses(&["a"])).await;
    assert_eq!(sink.load(SOON).await, statuses(&["a"]));
}

/// `/sys` takes no folder, not even from root: like a read-only mount.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_read_only_mount_keeps_statuses_in_memory() {
    let mut sink = StatusSink::directory("/sys".into());
    sink.write_heartbeat(&Heartbeat::default()).await;
    assert!(matches!(sink.keep, Keep::Nowhere));
    sink.write(&statuses(&["a"])).await;
    assert!(sink.load(SOON).await.is_empty());
}
