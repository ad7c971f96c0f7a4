//! What fuzzing found stays found: the corpus of `tests/fuzz/` is replayed here with the usual compiler, and the worst
//! files that fit into the limits are counted out: what they cost in memory, and in allocations, which is work that any
//! machine counts alike. `cargo xtask fuzz` searches for more, and measures the time.
#![expect(clippy::unwrap_used, reason = "a test stops where it is, and says so")]

use std::collections::BTreeSet;
use std::fs;
use std::panic::catch_unwind;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use hatoba_kinds::KindId;
use hatoba_source::yaml::FILE_BYTES_MAX;
use hatoba_tests::fuzz::{TARGETS, Target, worst};
use hatoba_tests::root;

/// What a daemon may need above what it holds, for the worst file.
const BYTES_MAX: u64 = 8 * 1024 * 1024;
/// Work that any machine counts alike: forty for each key or value that there may be.
const ALLOCATIONS_MAX: u64 = 280_000;
/// What the worst file may take of a processor, to be read and again to be judged. The goal is 20 ms, and the worst takes
/// 19; the same machine takes twice as long on a slow day.
const TIME_MAX: Duration = Duration::from_millis(40);
/// One round is disturbed by what else runs; the best of some is not. The system counts a thread's time by ticks, so a
/// round is several runs.
const ROUNDS: usize = 3;
const RUNS: u32 = 8;

struct Cost {
    /// Most that was held at one time, above what was held before, in bytes.
    bytes: u64,
    allocations: u64,
}

/// What it costs this thread to read a file, up to what a daemon works on.
fn cost(work: impl FnOnce()) -> Cost {
    let counted = allocation_counter::measure(work);
    Cost { bytes: counted.bytes_max, allocations: counted.count_total }
}

fn corpus(target: &Target) -> Vec<(PathBuf, Vec<u8>)> {
    let folder = root().join("tests/fuzz/corpus").join(target.name);
    let files = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<PathBuf> = files.collect();
    files.sort();
    files.into_iter().map(|path| (path.clone(), fs::read(path).unwrap())).collect()
}

fn target(name: &str) -> Target {
    *TARGETS.iter().find(|target| target.name == name).unwrap()
}

#[test]
fn the_corpus_is_replayed() {
    let mut failed = Vec::new();
    for target in TARGETS {
        let inputs = corpus(&target);
        assert!(inputs.len() >= 3, "{}: only {} inputs", target.name, inputs.len());
        for (path, bytes) in inputs {
            if catch_unwind(|| (target.body)(&bytes)).is_err() {
                failed.push(path);
            }
        }
        (target.body)(b"");
    }
    assert_eq!(failed, Vec::<PathBuf>::new());
}

/// `cargo fuzz` knows the same targets, each by its name.
#[test]
fn every_target_has_its_entry() {
    let names: BTreeSet<String> = TARGETS.iter().map(|target| target.name.to_owned()).collect();
    let manifest = fs::read_to_string(root().join("tests/fuzz/Cargo.toml")).unwrap();
    for name in &names {
        assert!(manifest.contains(&format!("name = \"{name}\"\n")), "{name} is no program of the manifest");
        let entry = fs::read_to_string(root().join(format!("tests/fuzz/targets/{name}.rs"))).unwrap();
        assert!(entry.contains(&format!("fuzz::{name}(")), "the entry of {name} calls something else");
    }
    for folder in ["corpus", "targets"] {
        let found = fs::read_dir(root().join("tests/fuzz").join(folder)).unwrap();
        let found =
            found.map(|entry| entry.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned());
        assert_eq!(found.collect::<BTreeSet<_>>(), names, "tests/fuzz/{folder}");
    }
}

/// A file that is still being written ends anywhere.
#[test]
fn every_beginning_of_a_sample_is_read_or_refused() {
    let documents = target("documents").body;
    let with_bom = format!("\u{feff}{}", KindId::Route.sample());
    let with_crlf = KindId::PrivateDnsNamespace.sample().replace('\n', "\r\n");
    for text in [KindId::Authorizer.sample(), &with_bom, &with_crlf] {
        for end in 0..=text.len() {
            documents(&text.as_bytes()[..end]);
        }
    }
}

#[test]
fn the_worst_files_cost_little() {
    let documents = target("documents").body;
    let mut dear = Vec::new();
    for (name, bytes) in worst::files() {
        assert!(bytes.len() <= FILE_BYTES_MAX);
        let read = cost(|| drop(worst::read(&bytes)));
        let snapshot = worst::read(&bytes);
        let judged = cost(|| drop(hatoba_engine::check(&snapshot)));
        let [read_kib, judged_kib] = [&read, &judged].map(|cost| cost.bytes / 1024);
        println!(
            "{name}: read {read_kib} KiB, {}; judged {judged_kib} KiB, {}",
            read.allocations, judged.allocations
        );
        if [read, judged].iter().any(|cost| cost.bytes > BYTES_MAX || cost.allocations > ALLOCATIONS_MAX) {
            dear.push(name);
        }
        documents(&bytes);
    }
    assert_eq!(dear, [""; 0]);
}

/// Time depends on the machine, so this is no part of the usual tests.
#[test]
#[ignore = "measures time: `cargo xtask fuzz` does it"]
fn the_worst_files_take_little_time() {
    let mut slow = Vec::new();
    for (name, bytes) in worst::files() {
        let read = best(|| drop(worst::read(&bytes)));
        let snapshot = worst::read(&bytes);
        let judged = best(|| drop(hatoba_engine::check(&snapshot)));
        println!("{name}: read in {read:.1?}, judged in {judged:.1?}");
        if read.max(judged) > TIME_MAX {
            slow.push(format!("{name}: {read:.1?} and {judged:.1?}"));
        }
    }
    assert_eq!(slow, [""; 0]);
}

fn best(work: impl Fn()) -> Duration {
    let round = || {
        let start = used();
        (0..RUNS).for_each(|_| work());
        used().saturating_sub(start) / RUNS
    };
    (0..ROUNDS).map(|_| round()).min().unwrap()
}

/// The time that this thread has had of a processor; where the system does not say, the time that has passed.
fn used() -> Duration {
    let told = fs::read_to_string("/proc/thread-self/schedstat").ok();
    let nanoseconds = told.and_then(|text| text.split(' ').next()?.parse().ok());
    static START: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();
    nanoseconds.map_or_else(|| START.get_or_init(Instant::now).elapsed(), Duration::from_nanos)
}
