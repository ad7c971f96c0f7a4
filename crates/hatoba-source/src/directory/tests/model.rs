//! Settling, keeping and caching, over a model file system.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use tokio::time::Instant;

use crate::directory::settle::Now;
use crate::directory::*;

/// A file system in memory, shared with the test that changes it.
#[derive(Clone, Default)]
struct Disk(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    files: BTreeMap<String, Content>,
    denied: BTreeSet<String>,
    /// Listed, and gone when it is read for the first time.
    vanishing: BTreeSet<String>,
    reads: usize,
    is_down: bool,
    /// Since the epoch of the test.
    now: Duration,
    inodes: u64,
}

fn wall(now: Duration) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000) + now
}

impl Files for Disk {
    fn list(&self) -> Result<Listing, SourceError> {
        let state = self.0.lock().unwrap();
        if state.is_down {
            return Err(SourceError::Missing { root: "/model".into() });
        }
        let files = state.files.iter().map(|(path, content)| (path.clone(), content.stamp.clone()));
        Ok(Listing { files: files.collect(), ..Listing::default() })
    }

    fn read(&self, path: &str) -> io::Result<Content> {
        let mut state = self.0.lock().unwrap();
        state.reads += 1;
        if state.vanishing.remove(path) {
            state.files.remove(path);
        }
        if state.denied.contains(path) {
            return Err(io::ErrorKind::PermissionDenied.into());
        }
        state.files.get(path).cloned().ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn now(&self) -> SystemTime {
        wall(self.0.lock().unwrap().now)
    }
}

impl Disk {
    /// Writes in place: the same file, new content.
    fn write(&self, path: &str, text: &str) {
        let mut state = self.0.lock().unwrap();
        let inode = match state.files.get(path) {
            Some(content) => content.stamp.inode,
            None => {
                state.inodes += 1;
                (1, state.inodes)
            }
        };
        let time = wall(state.now);
        let stamp = Stamp { size: text.len() as u64, modified: time, changed: time, inode };
        state.files.insert(path.to_owned(), Content { bytes: text.as_bytes().to_vec(), stamp });
    }

    /// Puts a finished file in the place of another.
    fn rename_into(&self, path: &str, text: &str) {
        self.remove(path);
        self.write(path, text);
        let mut state = self.0.lock().unwrap();
        state.files.get_mut(path).unwrap().stamp.changed += Duration::from_millis(5);
    }

    fn remove(&self, path: &str) {
        self.0.lock().unwrap().files.remove(path);
    }

    fn reads(&self) -> usize {
        self.0.lock().unwrap().reads
    }
}

/// A directory over a model, with the clock in the test's hand.
struct World {
    disk: Disk,
    directory: Directory,
    start: Instant,
}

impl World {
    fn new() -> World {
        let disk = Disk::default();
        let directory = Directory::with_files(Box::new(disk.clone()), Variables::default());
        World { disk, directory, start: Instant::now() }
    }

    /// One look so many milliseconds after the last one.
    fn look_after(&mut self, milliseconds: u64) -> Snapshot {
        self.look_renamed(milliseconds, &[])
    }

    fn look_renamed(&mut self, milliseconds: u64, renamed: &[&str]) -> Snapshot {
        let now = {
            let mut state = self.disk.0.lock().unwrap();
            state.now += Duration::from_millis(milliseconds);
            Now { instant: self.start + state.now, wall: wall(state.now) }
        };
        let renamed = renamed.iter().map(|path| (*path).to_owned()).collect();
        self.directory.look(Some(now), &renamed).unwrap()
    }
}

fn document(name: &str, items: &[&str]) -> String {
    let mut text =
        format!("apiVersion: hatoba/v1\nkind: HttpApi\nmetadata: {{ name: {name} }}\nspec:\n  items:\n");
    items.iter().for_each(|item| text.push_str(&format!("    - {item}\n")));
    text
}

/// `name:items name:items …!unreadable`, sorted.
fn seen(snapshot: &Snapshot) -> String {
    let items = |document: &hatoba_core::Document| document.spec["items"].as_array().map_or(0, Vec::len);
    let documents =
        snapshot.documents.iter().map(|document| format!("{}:{}", document.key.name, items(document)));
    let held = snapshot.held.iter().map(|held| format!("{}:held", held.key.name));
    let unreadable = snapshot.unreadable.iter().map(|file| format!("!{}", file.file));
    documents.chain(held).chain(unreadable).collect::<Vec<_>>().join(" ")
}

#[test]
fn an_old_file_is_taken_at_first_sight() {
    let mut world = World::new();
    world.disk.write("a.yaml", &document("a", &["x", "y"]));
    assert_eq!(seen(&world.look_after(5_000)), "a:2");
}

#[test]
fn a_fresh_file_is_taken_at_the_second_look() {
    let mut world = World::new();
    world.disk.write("a.yaml", &document("a", &["x", "y"]));
    let first = world.look_after(10);
    assert_eq!(seen(&first), "!a.yaml");
    assert_eq!(first.unreadable[0].reason, "still being written");
    assert!(!first.is_complete());
    assert!(world.directory.settling.as_ref().unwrap().is_waiting());
    assert_eq!(seen(&world.look_after(900)), "!a.yaml", "looks too near to each other prove nothing");
    assert_eq!(seen(&world.look_after(100)), "a:2");
    assert!(!world.directory.settling.as_ref().unwrap().is_waiting());
}

#[test]
fn while_a_file_is_written_its_old_content_stands() {
    let mut world = World::new();
    world.disk.write("a.yaml", &document("a", &["x", "y"]));
    world.look_after(5_000);
    for items in [&["1"][..], &["1", "2"], &["1", "2", "3"]] {
        world.disk.write("a.yaml", &document("a", items));
        let moving = world.look_after(700);
        assert_eq!(seen(&moving), "a:2");
        assert!(moving.is_complete(), "what the file said is still known");
        assert!(moving.is_settling, "and nobody knows what it will say");
    }
    let settled = world.look_after(1_000);
    assert_eq!((seen(&settled).as_str(), settled.is_settling), ("a:3", false));
}

/// Of a file that is uploaded byte by byte, no cut may ever pass for the document.
#[test]
fn no_prefix_passes_while_the_writer_is_at_work() {
    let whole = document("a", &["one", "two", "three"]);
    let mut world = World::new();
    world.disk.write("a.yaml", &whole);
    assert_eq!(seen(&world.look_after(5_000)), "a:3");
    for end in 0..whole.len() {
        world.disk.write("a.yaml", &whole[..end]);
        assert_eq!(seen(&world.look_after(900)), "a:3", "{end} bytes");
    }
    let mut world = World::new();
    for end in 0..whole.len() {
        world.disk.write("b.yaml", &whole[..end]);
        assert_eq!(seen(&world.look_after(900)), "!b.yaml", "{end} bytes");
    }
}

#[test]
fn what_arrives_by_renaming_is_taken_at_once() {
    let mut world = World::new();
    world.disk.write("a.yaml", &document("a", &["x"]));
    world.look_after(5_000);
    world.disk.rename_into("a.yaml", &document("a", &["x", "y"]));
    assert_eq!(seen(&world.look_after(10)), "a:2", "another file, touched after its last write");
    world.disk.write("b.yaml", &document("b", &["x"]));
    assert_eq!(seen(&world.look_renamed(10, &["b.yaml"])), "a:2 b:1", "the watch says so");
}

#[test]
fn a_file_made_anew_and_still_written_is_not_taken_for_renamed() {
    let mut world = World::new();
    world.disk.write("a.yaml", &document("a", &["x", "y"]));
    world.look_after(5_000);
    world.disk.remove("a.yaml");
    world.disk.write("a.yaml", &document("a", &["x"]));
    assert_eq!(seen(&world.look_after(10)), "a:2");
    assert_eq!(seen(&world.look_after(1_000)), "a:1");
}

#[test]
fn a_time_in_the_future_is_not_quiet() {
    let mut world = World::new();
    world.disk.0.lock().unwrap().now = Duration::from_secs(3_600);
    world.disk.write("a.yaml", &document("a", &["x"]));
    world.disk.0.lock().unwrap().now = Duration::ZERO;
    assert_eq!(seen(&world.look_after(5_000)), "!a.yaml");
    assert_eq!(seen(&world.look_after(1_000)), "a:1");
}

#[test]
fn a_broken_file_keeps_what_it_said() {
    let mut world = World::new();
    world.disk.write("a.yaml", &document("a", &["x"]));
    world.disk.write("b.yaml", &document("b", &["x"]));
    let good = world.look_after(5_000);
    assert_eq!(seen(&good), "a:1 b:1");
    for text in ["a: [", "a: ]", "kind: x\n"] {
        world.disk.write("a.yaml", text);
        world.look_after(10);
        let broken = world.look_after(1_000);
        assert_eq!(seen(&broken), "a:1 b:1 !a.yaml", "{text}");
        assert_eq!(&*broken.sources["a.yaml"], text, "snippets show the text as it is");
        assert!(!broken.diagnostics.is_empty());
        assert_ne!(broken.revision, good.revision);
    }
    world.disk.write("a.yaml", &document("a", &["x", "y"]));
    assert_eq!(seen(&world.look_after(5_000)), "a:2 b:1");
}

#[test]
fn a_file_that_cannot_be_read_keeps_what_it_said() {
    let mut world = World::new();
    world.disk.write("a.yaml", &document("a", &["x"]));
    world.look_after(5_000);
    world.disk.write("a.yaml", &document("a", &["x", "y"]));
    world.disk.0.lock().unwrap().denied.insert("a.yaml".into());
    let denied = world.look_after(5_000);
    assert_eq!(seen(&denied), "a:1 !a.yaml");
    let told = denied.diagnostics[0].to_string();
    assert_eq!(told, "the file cannot be used: it cannot be read: permission denied (a.yaml:1:1)");
    world.disk.0.lock().unwrap().denied.clear();
    assert_eq!(seen(&world.look_after(10)), "a:2");
}

#[test]
fn a_file_that_is_gone_is_gone() {
    let mut world = World::new();
    world.disk.write("a.yaml", &document("a", &["x"]));
    world.disk.write("b.yaml", &document("b", &["x"]));
    world.look_after(5_000);
    world.disk.remove("a.yaml");
    let rest = world.look_after(10);
    assert_eq!((seen(&rest).as_str(), rest.files), ("b:1", 1));
    assert!(rest.is_complete());
}

#[test]
fn a_file_that_goes_between_listing_and_reading_is_listed_again() {
    let mut world = World::new();
    world.disk.write("a.yaml", &document("a", &["x"]));
    world.disk.write("b.yaml", &document("b", &["x"]));
    world.disk.0.lock().unwrap().vanishing.insert("a.yaml".into());
    let rest = world.look_after(5_000);
    assert_eq!(seen(&rest), "b:1");
    assert!(rest.is_complete());
}

#[test]
fn unchanged_files_are_not_read_again() {
    let mut world = World::new();
    world.disk.write("a.yaml", &document("a", &["x"]));
    world.disk.write("b.yaml", "a: [");
    let first = world.look_after(5_000);
    assert_eq!(world.disk.reads(), 2);
    assert_eq!(world.look_after(5_000), first);
    assert_eq!(world.disk.reads(), 2);
    world.disk.write("b.yaml", &document("b", &[]));
    world.look_after(5_000);
    assert_eq!(world.disk.reads(), 3);
}

#[test]
fn a_failed_listing_is_an_error_and_forgets_nothing() {
    let mut world = World::new();
    world.disk.write("a.yaml", &document("a", &["x"]));
    let first = world.look_after(5_000);
    world.disk.0.lock().unwrap().is_down = true;
    assert_eq!(world.directory.look(None, &BTreeSet::new()).unwrap_err().reason(), "SourceMissing");
    world.disk.0.lock().unwrap().is_down = false;
    assert_eq!(world.look_after(10), first);
    assert_eq!(world.disk.reads(), 1);
}

#[test]
fn a_key_given_twice_is_held_everywhere() {
    let mut world = World::new();
    world.disk.write("a.yaml", &format!("{}---\n{}", document("a", &["x"]), document("c", &["x"])));
    world.disk.write("b.yaml", &document("a", &["y"]));
    let snapshot = world.look_after(5_000);
    assert_eq!(seen(&snapshot), "c:1 a:held a:held");
    let told: Vec<String> = snapshot.diagnostics.iter().map(ToString::to_string).collect();
    let hint = "hint: keep one of them; until then all of them are held";
    assert_eq!(
        told,
        [
            format!("metadata.name: HttpApi/a is also given at b.yaml:3:19 (a.yaml:3:19); {hint}"),
            format!("metadata.name: HttpApi/a is also given at a.yaml:3:19 (b.yaml:3:19); {hint}"),
        ]
    );
    assert!(snapshot.is_complete());
    world.disk.remove("a.yaml");
    assert_eq!(seen(&world.look_after(10)), "a:1");
}

#[tokio::test(start_paused = true)]
async fn changed_comes_back_for_files_that_move_and_sleeps_otherwise() {
    let disk = Disk::default();
    disk.write("a.yaml", &document("a", &["x"]));
    let mut directory = Directory::with_files(Box::new(disk.clone()), Variables::default());
    assert!(!directory.poll().await.unwrap().is_complete());
    let begin = Instant::now();
    directory.changed().await;
    assert_eq!(begin.elapsed(), SETTLE_INTERVAL);
    assert!(directory.poll().await.unwrap().is_complete());
    assert!(tokio::time::timeout(Duration::from_secs(3_600), directory.changed()).await.is_err());
}
