//! Which files count, over a real file system.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use tempfile::TempDir;

use crate::{Snapshot, SourceError, Variables, read_directory};

fn write(root: &Path, path: &str, name: &str) {
    let path = root.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let text = format!("apiVersion: hatoba/v1\nkind: HttpApi\nmetadata: {{ name: {name} }}\nspec: {{}}\n");
    fs::write(path, text).unwrap();
}

fn read(root: &Path) -> Snapshot {
    read_directory(root, &Variables::default()).unwrap()
}

fn names(snapshot: &Snapshot) -> String {
    snapshot.documents.iter().map(|document| document.key.name.as_str()).collect::<Vec<_>>().join(" ")
}

#[test]
fn which_names_count() {
    let dir = TempDir::new().unwrap();
    for (path, name) in [
        ("a.yaml", "a"),
        ("b.yml", "b"),
        ("deep/er/c.yaml", "c"),
        ("A.yaml", "upper"),
        ("a.yaml~", "no1"),
        (".a.yaml", "no2"),
        (".git/a.yaml", "no3"),
        ("deep/.hidden/a.yaml", "no4"),
        ("a.yaml.tmp", "no5"),
        (".a.yaml.swp", "no6"),
        ("#a.yaml#", "no7"),
        ("a.YAML", "no8"),
        ("a.txt", "no9"),
    ] {
        write(dir.path(), path, name);
    }
    fs::write(
        dir.path().join("d.json"),
        r#"{"apiVersion":"hatoba/v1","kind":"HttpApi","metadata":{"name":"d"},"spec":{}}"#,
    )
    .unwrap();
    let snapshot = read(dir.path());
    assert_eq!(names(&snapshot), "a b c d upper");
    assert_eq!((snapshot.files, snapshot.is_complete()), (5, true));
    assert!(snapshot.sources["deep/er/c.yaml"].contains("name: c"));
    assert_eq!(snapshot.documents[2].places.value("kind").to_string(), "deep/er/c.yaml:2:7");
    assert_eq!(read(dir.path()), snapshot);
}

#[test]
fn links_stay_within_the_root() {
    let outside = TempDir::new().unwrap();
    write(outside.path(), "secret.yaml", "secret");
    let dir = TempDir::new().unwrap();
    write(dir.path(), "a.yaml", "a");
    write(dir.path(), ".shared/b.yaml", "b");
    write(dir.path(), ".shared/more/c.yaml", "c");
    symlink(outside.path().join("secret.yaml"), dir.path().join("out.yaml")).unwrap();
    symlink(outside.path(), dir.path().join("out")).unwrap();
    symlink("a.yaml", dir.path().join("same.yaml")).unwrap();
    symlink(".shared/b.yaml", dir.path().join("b.yaml")).unwrap();
    symlink(".shared/more", dir.path().join("more")).unwrap();
    symlink("..", dir.path().join(".shared/more/loop")).unwrap();
    symlink(".", dir.path().join("self")).unwrap();
    let snapshot = read(dir.path());
    assert_eq!(names(&snapshot), "a b c");
    let told: Vec<String> = snapshot.diagnostics.iter().map(ToString::to_string).collect();
    let expected = [
        "the file cannot be used: the link leads out of the source folder (out:1:1)",
        "the file cannot be used: the link leads out of the source folder (out.yaml:1:1)",
    ];
    assert_eq!(told, expected);
    // They may be ours, moved away and linked back: their documents are not gone.
    let unreadable: Vec<&str> = snapshot.unreadable.iter().map(|file| file.file.as_str()).collect();
    assert_eq!(unreadable, ["out", "out.yaml"]);
}

#[test]
fn a_link_to_nothing_is_unreadable_and_not_absent() {
    let dir = TempDir::new().unwrap();
    symlink("gone.yaml", dir.path().join("a.yaml")).unwrap();
    symlink("b.yaml", dir.path().join("b.yaml")).unwrap();
    let snapshot = read(dir.path());
    let files: Vec<&str> = snapshot.unreadable.iter().map(|file| file.file.as_str()).collect();
    assert_eq!(files, ["a.yaml", "b.yaml"]);
}

#[test]
fn a_kubernetes_mount_is_seen_once_and_swapped_as_a_whole() {
    let dir = TempDir::new().unwrap();
    let root = dir.path();
    write(root, "..2026_01/a.yaml", "a");
    write(root, "..2026_01/sub/b.yaml", "b");
    symlink("..2026_01", root.join("..data")).unwrap();
    symlink("..data/a.yaml", root.join("a.yaml")).unwrap();
    symlink("..data/sub", root.join("sub")).unwrap();
    let mut directory = crate::Directory::with_files(
        Box::new(crate::directory::files::OsFiles::new(root)),
        Variables::default(),
    );
    directory.settling = None;
    let look = |directory: &mut crate::Directory| directory.look(None, &Default::default()).unwrap();
    let before = look(&mut directory);
    assert_eq!((names(&before).as_str(), before.files), ("a b", 2));
    write(root, "..2026_02/a.yaml", "a2");
    write(root, "..2026_02/sub/b.yaml", "b2");
    symlink("..2026_02", root.join("..data_tmp")).unwrap();
    fs::rename(root.join("..data_tmp"), root.join("..data")).unwrap();
    fs::remove_dir_all(root.join("..2026_01")).unwrap();
    let after = look(&mut directory);
    assert_eq!((names(&after).as_str(), after.files), ("a2 b2", 2));
    assert!(after.is_complete());
}

#[test]
fn a_root_that_is_a_link_is_followed() {
    let dir = TempDir::new().unwrap();
    write(dir.path(), "one/a.yaml", "a");
    symlink("one", dir.path().join("current")).unwrap();
    assert_eq!(names(&read(&dir.path().join("current"))), "a");
}

#[test]
fn what_is_no_regular_file_is_never_opened() {
    let dir = TempDir::new().unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(dir.path().join("a.yaml")).unwrap();
    symlink("a.yaml", dir.path().join("b.yaml")).unwrap();
    fs::create_dir(dir.path().join("folder.yaml")).unwrap();
    let snapshot = read(dir.path());
    assert_eq!(snapshot.files, 0);
    assert_eq!(snapshot.diagnostics.len(), 1, "{:?}", snapshot.diagnostics);
    assert_eq!(snapshot.diagnostics[0].to_string(), "passed over: it is no regular file (a.yaml:1:1)");
}

#[test]
fn names_that_are_no_text_are_unreadable() {
    use std::os::unix::ffi::OsStrExt as _;
    let dir = TempDir::new().unwrap();
    fs::write(dir.path().join(std::ffi::OsStr::from_bytes(b"\xff.yaml")), "").unwrap();
    fs::write(dir.path().join("a\nb.yaml"), "").unwrap();
    fs::write(dir.path().join("a\nb.txt"), "").unwrap();
    let snapshot = read(dir.path());
    let files: Vec<&str> = snapshot.unreadable.iter().map(|file| file.file.as_str()).collect();
    assert_eq!(files, ["a\\nb.yaml", "\u{fffd}.yaml"]);
}

#[test]
fn a_root_that_is_not_there_is_an_error() {
    let dir = TempDir::new().unwrap();
    let missing = read_directory(&dir.path().join("no"), &Variables::default()).unwrap_err();
    assert_eq!(missing.reason(), "SourceMissing");
    fs::write(dir.path().join("a.yaml"), "").unwrap();
    let file = read_directory(&dir.path().join("a.yaml"), &Variables::default()).unwrap_err();
    assert!(matches!(file, SourceError::NotAFolder { .. }), "{file}");
}

#[test]
fn limits_are_errors_and_not_parts() {
    let dir = TempDir::new().unwrap();
    let deep = vec!["d"; crate::FOLDER_DEPTH_MAX].join("/");
    write(dir.path(), &format!("{deep}/a.yaml"), "a");
    assert_eq!(names(&read(dir.path())), "a");
    write(dir.path(), &format!("{deep}/e/b.yaml"), "b");
    let error = read_directory(dir.path(), &Variables::default()).unwrap_err();
    assert_eq!(error.reason(), "SourceTooLarge");
    assert_eq!(error.to_string(), "the source is too large: more than 32 levels of folders");
}

#[test]
fn a_file_over_the_limit_is_unreadable() {
    let dir = TempDir::new().unwrap();
    write(dir.path(), "a.yaml", "a");
    fs::write(dir.path().join("b.yaml"), vec![b'#'; crate::yaml::FILE_BYTES_MAX * 2]).unwrap();
    let snapshot = read(dir.path());
    assert_eq!(names(&snapshot), "a");
    let reason = "line 1: the file is too large: expected at most 262144 bytes, got 262145";
    assert_eq!(snapshot.unreadable[0].reason, reason);
}

/// Real events in real time: it waits for an event, and never for time to pass.
#[tokio::test]
async fn a_file_that_is_renamed_into_a_watched_folder_is_seen_and_taken() {
    let dir = TempDir::new().unwrap();
    write(dir.path(), "sub/a.yaml", "a");
    let mut directory = crate::Directory::open(dir.path(), Variables::default()).unwrap();
    if !directory.watch.as_ref().unwrap().is_running() {
        return; // no inotify here
    }
    directory.poll().await.unwrap();
    write(dir.path(), "sub/.b.yaml.part", "b");
    fs::rename(dir.path().join("sub/.b.yaml.part"), dir.path().join("sub/b.yaml")).unwrap();
    tokio::time::timeout(std::time::Duration::from_secs(30), directory.changed()).await.unwrap();
    assert!(names(&directory.poll().await.unwrap()).ends_with('b'));
}

/// The same for a mount that Kubernetes swaps: the events concern a link that begins with a dot, and what it leads to.
#[tokio::test]
async fn a_kubernetes_mount_that_is_swapped_is_noticed() {
    let dir = TempDir::new().unwrap();
    let root = dir.path();
    write(root, "..2026_01/a.yaml", "a");
    symlink("..2026_01", root.join("..data")).unwrap();
    symlink("..data/a.yaml", root.join("a.yaml")).unwrap();
    let mut directory = crate::Directory::open(root, Variables::default()).unwrap();
    if !directory.watch.as_ref().unwrap().is_running() {
        return; // no inotify here
    }
    let patience = std::time::Duration::from_secs(30);
    let mut snapshot = directory.poll().await.unwrap();
    while names(&snapshot) != "a" {
        tokio::time::timeout(patience, directory.changed()).await.unwrap();
        snapshot = directory.poll().await.unwrap();
    }
    write(root, "..2026_02/a.yaml", "a2");
    symlink("..2026_02", root.join("..data_tmp")).unwrap();
    fs::rename(root.join("..data_tmp"), root.join("..data")).unwrap();
    fs::remove_dir_all(root.join("..2026_01")).unwrap();
    while names(&snapshot) != "a2" {
        tokio::time::timeout(patience, directory.changed()).await.unwrap();
        snapshot = directory.poll().await.unwrap();
        assert!(names(&snapshot).starts_with('a') && snapshot.is_complete(), "never without it");
    }
}
