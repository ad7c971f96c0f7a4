use hatoba_core::Digest;
use hatoba_source::Snapshot;

use super::*;
use crate::world::check;

const SECOND: Duration = Duration::from_secs(1);
const GRACE: Duration = Duration::from_secs(600);

/// A roll, and the seconds since it began.
struct World {
    roll: Roll,
    began: Instant,
}

impl World {
    fn new() -> World {
        let began = Instant::now();
        World { roll: Roll::new(began), began }
    }

    fn at(&self, seconds: u32) -> Instant {
        self.began + SECOND * seconds
    }

    /// The source shows these APIs.
    fn shows(&mut self, seconds: u32, names: &[&str], is_sure: bool) {
        let now = self.at(seconds);
        self.roll.call(&check(&source(names)), is_sure, now);
    }

    fn misses(&mut self, seconds: u32, name: &str) -> Instant {
        let now = self.at(seconds);
        self.roll.note_missing(&api(name), false, true, now);
        self.roll.stays[&api(name)].gone_by.unwrap()
    }

    fn missed(&self, key: &Key) -> Option<Instant> {
        self.roll.stays.get(key)?.missed
    }

    /// Those that had stayed when the first of these was gone, of which this process made none.
    fn stayed(&self, there: &[&'static str], gone: &[&str]) -> Vec<&'static str> {
        self.stayed_if_made(None, there, gone)
    }

    fn stayed_if_made(
        &self,
        made_at: Option<Instant>,
        there: &[&'static str],
        gone: &[&str],
    ) -> Vec<&'static str> {
        let gone: Vec<Key> = gone.iter().map(|name| api(name)).collect();
        let gone = self.roll.gone(&gone).unwrap();
        let stayed = |name: &&&str| self.roll.stayed(&api(name), &gone, made_at, GRACE);
        there.iter().filter(stayed).copied().collect()
    }
}

fn api(name: &str) -> Key {
    Key::new("HttpApi", name)
}

fn source(names: &[&str]) -> Snapshot {
    let document = |name: &&str| {
        format!("apiVersion: hatoba/v1\nkind: HttpApi\nmetadata: {{ name: {name} }}\nspec: {{}}\n")
    };
    let text = names.iter().map(document).collect::<Vec<_>>().join("---\n");
    let parsed =
        hatoba_source::parse_documents("a.yaml", text.as_bytes(), &hatoba_source::Variables::default());
    Snapshot {
        revision: Digest::of_bytes(text.as_bytes()),
        documents: parsed.documents,
        held: parsed.held,
        diagnostics: parsed.diagnostics,
        unreadable: Vec::new(),
        is_settling: false,
        files: 1,
        sources: BTreeMap::new(),
    }
}

#[tokio::test(start_paused = true)]
async fn what_joined_a_while_before_the_first_was_gone_has_stayed() {
    for (joined, gone, stayed) in [(100, 100, false), (100, 699, false), (100, 700, true), (100, 5_000, true)]
    {
        let mut world = World::new();
        world.shows(0, &["a", "b"], true);
        world.roll.note_counted(true, |_| true);
        world.shows(joined, &["a", "b", "c"], true);
        world.shows(gone, &["c"], true);
        for name in ["a", "b"] {
            world.misses(gone, name);
        }
        world.shows(gone + 60, &["c", "d"], true);
        let expected = if stayed { vec!["c"] } else { vec![] };
        assert_eq!(world.stayed(&["c", "d"], &["a", "b"]), expected, "joined at {joined}, gone at {gone}");
    }
}

/// However late anybody finds out whose resources are nobody's: they went when the source lost them.
#[tokio::test(start_paused = true)]
async fn in_doubt_it_is_noted_who_goes_and_who_joins() {
    let mut world = World::new();
    world.shows(0, &["a", "b"], true);
    world.roll.note_counted(true, |_| true);
    world.shows(5_000, &["new"], false);
    world.roll.note_counted(false, |_| false);
    world.shows(9_000, &["new", "newer"], true);
    assert_eq!(world.misses(9_000, "a"), world.at(9_000));
    assert_eq!(world.misses(9_000, "b"), world.at(9_000));
    assert_eq!(world.missed(&api("a")), Some(world.at(5_000)));
    assert_eq!(world.stayed(&["new", "newer"], &["a", "b"]), [""; 0]);
    // What has no name of its own went no earlier than the doubt began; it is found out when that is over.
    let nameless = Key::new("Route", "nameless");
    let now = world.at(9_000);
    world.roll.note_missing(&nameless, true, true, now);
    assert_eq!(world.missed(&nameless), Some(world.at(5_000)));
    world.shows(9_500, &["new"], true);
    let nameless = Key::new("Route", "another");
    world.roll.note_missing(&nameless, true, true, world.at(9_600));
    assert_eq!(world.missed(&nameless), Some(world.at(9_500)));
    // Once all has been counted since, nothing but AWS has changed.
    world.roll.note_counted(true, |_| true);
    let by_hand = Key::new("Route", "by hand");
    world.roll.note_missing(&by_hand, true, true, world.at(9_700));
    assert_eq!(world.missed(&by_hand), Some(world.at(9_700)));
}

/// Nobody could expand them for a while, or they were put aside: they are as old as they were.
#[tokio::test(start_paused = true)]
async fn what_comes_back_was_there() {
    let mut world = World::new();
    world.shows(0, &["a", "b", "c"], true);
    world.roll.note_counted(true, |_| true);
    world.shows(1_000, &[], false);
    world.shows(1_060, &["a", "b"], true);
    world.misses(1_060, "c");
    assert_eq!(world.stayed(&["a", "b"], &["c"]), ["a", "b"]);
    world.shows(2_000, &["a"], true);
    world.shows(2_060, &["a", "b", "c"], true);
    world.shows(3_000, &["b", "c"], true);
    world.misses(3_000, "a");
    assert_eq!(world.stayed(&["b", "c"], &["a"]), ["b", "c"]);
}

/// Files that are still being written when the process starts were there before it.
#[tokio::test(start_paused = true)]
async fn until_a_look_leaves_no_doubt_what_shows_up_was_there_before() {
    let mut world = World::new();
    world.shows(0, &[], false);
    world.shows(1, &["a"], false);
    world.misses(1, "gone");
    world.roll.note_counted(true, |_| true);
    world.shows(2, &["a", "b"], false);
    assert_eq!(
        world.stayed(&["a", "b"], &["gone"]),
        ["a"],
        "one is gone: what joins now may be in its place"
    );
    let mut world = World::new();
    world.shows(0, &[], false);
    world.shows(1, &["a", "b"], true);
    world.shows(2, &["a", "b", "c"], true);
    world.misses(2, "gone");
    assert_eq!(world.stayed(&["a", "b", "c"], &["gone"]), ["a", "b"]);
}

/// Where no look leaves no doubt for days, what this process makes is new all the same.
#[tokio::test(start_paused = true)]
async fn in_a_long_doubt_at_the_start_what_is_made_joins() {
    let mut world = World::new();
    world.shows(0, &["a", "b"], false);
    world.roll.note_counted(false, |_| true);
    world.shows(5_000, &["a", "b", "new"], false);
    world.shows(5_060, &["new"], true);
    for name in ["a", "b"] {
        world.misses(5_060, name);
    }
    assert_eq!(world.stayed_if_made(Some(world.at(5_001)), &["new"], &["a", "b"]), [""; 0]);
    assert_eq!(world.stayed(&["new"], &["a", "b"]), ["new"], "it was found, and can have been there");
}

/// An empty source that is filled, and one of what came goes again: the others are as old.
#[tokio::test(start_paused = true)]
async fn what_joined_together_stays_though_one_of_it_goes() {
    let mut world = World::new();
    world.shows(0, &[], true);
    world.roll.note_counted(true, |_| true);
    world.shows(100, &["a", "b", "c"], true);
    world.shows(160, &["a", "b", "c", "d"], true);
    world.shows(200, &["b", "c", "d"], true);
    world.misses(200, "a");
    assert_eq!(world.stayed_if_made(Some(world.at(101)), &["b", "c", "d"], &["a"]), ["b", "c"]);
}

/// What something else holds does not keep others from having stayed, whatever happens meanwhile but its coming back.
#[tokio::test(start_paused = true)]
async fn what_the_fuse_has_let_pass_counts_no_more() {
    let mut world = World::new();
    world.shows(0, &["a", "b", "c"], true);
    world.roll.note_counted(true, |_| true);
    world.shows(1_000, &["b", "c"], true);
    world.misses(1_000, "a");
    world.roll.let_pass(&api("a"));
    assert_eq!(world.roll.gone(&[api("a")]), None);
    world.shows(1_100, &["b", "c", "new"], true);
    world.shows(2_000, &[], false);
    world.shows(2_100, &["c", "new"], true);
    world.misses(2_100, "b");
    assert_eq!(world.stayed(&["c", "new"], &["a", "b"]), ["c", "new"]);
    world.shows(2_200, &["a", "c", "new"], true);
    world.shows(2_300, &["c", "new"], true);
    world.misses(2_300, "a");
    assert_eq!(world.stayed(&["c", "new"], &["a", "b"]), ["c", "new"]);
    assert_ne!(world.roll.gone(&[api("a")]), None);
}

/// Another process reads the source first, and makes what joined.
#[tokio::test(start_paused = true)]
async fn a_resource_that_is_there_before_its_document_makes_it_no_older() {
    let mut world = World::new();
    world.shows(0, &["a"], true);
    world.roll.note_counted(true, |_| true);
    assert_eq!(world.misses(1_000, "new"), world.began, "nobody here knows when it was asked for");
    assert_eq!(
        world.stayed(&["a"], &["new"]),
        ["a"],
        "what was there before this process was there before that"
    );
    world.shows(5_000, &["new"], true);
    world.misses(5_000, "a");
    assert_eq!(world.stayed(&["new"], &["a"]), [""; 0]);
    // It came before all places had been listed, and after its own had.
    let mut world = World::new();
    world.shows(0, &["a"], true);
    world.roll.note_missing(&api("new"), false, false, world.at(1_000));
    world.roll.note_counted(true, |_| true);
    world.shows(5_000, &["new"], true);
    world.misses(5_000, "a");
    assert_eq!(world.stayed(&["new"], &["a"]), [""; 0]);
    // What was there when this process began is back.
    let mut world = World::new();
    world.shows(0, &["a"], true);
    assert_eq!(world.misses(0, "old"), world.began);
    world.roll.note_counted(true, |_| true);
    world.shows(5_000, &["old"], true);
    world.misses(5_000, "a");
    assert_eq!(world.stayed(&["old"], &["a"]), ["old"]);
}

#[tokio::test(start_paused = true)]
async fn what_is_gone_with_all_that_bore_its_mark_is_forgotten() {
    let mut world = World::new();
    world.shows(0, &["a", "b"], true);
    world.shows(10, &["b"], true);
    world.roll.note_counted(false, |_| false);
    assert!(world.missed(&api("a")).is_some(), "nobody knows yet what bears its mark");
    world.roll.note_counted(true, |key| *key == api("a"));
    assert!(world.missed(&api("a")).is_some());
    world.roll.note_counted(true, |_| false);
    assert_eq!(world.roll.stays.keys().collect::<Vec<_>>(), [&api("b")]);
}
