//! What befell the worlds, counted. The book's table of faults says what happened in a run, not what was meant to happen:
//! where one never did, the run fails.

use std::collections::BTreeMap;

use crate::swarm::Fault;

/// Everything that may befall a world, by the fault that brings it. What is not here cannot be counted.
const ALL: [(Fault, &[&str]); 35] = [
    (Fault::Lost, &["a write is done and its answer lost"]),
    (Fault::Fails, &["a call is refused with 500"]),
    (Fault::FailsAfter, &["a write is done and answered with 500"]),
    (Fault::Hangs, &["a call is never answered"]),
    (Fault::HangsAfter, &["a write is done and never answered"]),
    (Fault::Twice, &["a write arrives twice", "and once more up to a minute later"]),
    (Fault::Throttled, &["a call is throttled", "somebody else spends the quota", "so a call is throttled"]),
    (Fault::Denied, &["a call is not permitted"]),
    (Fault::Full, &["a create is refused for a quota"]),
    (Fault::Rejected, &["a write is refused for its values"]),
    (Fault::Conflict, &["a write meets a conflict"]),
    (
        Fault::Slow,
        &[
            "a call takes up to a minute",
            "a write arrives when nobody waits for it",
            "it changes nothing any more",
            "something is made",
            "something goes",
            "something changes",
        ],
    ),
    (Fault::Stale, &["a read shows how it was"]),
    (Fault::Hidden, &["lists lag in a world"]),
    (Fault::Torn, &["an answer breaks off", "a description fails of one service"]),
    (Fault::Crash, &["a process dies before its call arrives", "when it is done", "with the answer"]),
    (Fault::Kill, &["a process is killed"]),
    (Fault::Freeze, &["a process stands still"]),
    (
        Fault::Rolling,
        &["a process is terminated as another one comes", "it stands still then, and is killed"],
    ),
    (Fault::Leaders, &["a world has no lease"]),
    (
        Fault::Hands,
        &[
            "people change something",
            "people delete something",
            "people delete a namespace",
            "people put a tag on it",
            "people take our mark off",
        ],
    ),
    (
        Fault::Strangers,
        &[
            "people make something with our names",
            "with another owner's marks",
            "people build in our API",
            "people register an instance of their own",
        ],
    ),
    (Fault::LinkFails, &["the next link fails"]),
    (Fault::RolloutFails, &["the next rollout fails", "the next rollout never ends"]),
    (Fault::OperationFails, &["the next operation of Cloud Map fails", "sixty of them do"]),
    (Fault::Expired, &["a call's signature is refused", "a process's clock is off"]),
    (Fault::Account, &["a process gets another account's keys"]),
    (Fault::Documents, &["a document changes, goes or comes", "six do at once", "one goes and comes back"]),
    (
        Fault::Wrong,
        &[
            "a document of no version",
            "a reference into nothing",
            "a document of wrong members",
            "bytes that are no text",
            "one of two of one name, or nothing",
            "a good document is misspelt for longer than the grace",
        ],
    ),
    (Fault::Files, &["a file cannot be read", "a file is cut to nothing, and written bit by bit"]),
    (
        Fault::SourceAway,
        &[
            "the folder is away",
            "the bucket answers 503, 403 or 404",
            "the source is emptied",
            "one joins while all others are held, and all processes begin anew",
        ],
    ),
    (Fault::Sink, &["a status cannot be written"]),
    (
        Fault::Lease,
        &[
            "the lease's answers are lost",
            "it is down",
            "it is up again",
            "it is deleted",
            "S3 does not serve it",
            "an answer of S3's about it is lost",
        ],
    ),
    (Fault::Outage, &["a call to a service that is down is refused", "or never answered"]),
    (Fault::Idle, &["a link loses its interfaces", "traffic wakes one up"]),
];

fn everything() -> impl Iterator<Item = (Fault, &'static str)> {
    ALL.iter().flat_map(|(fault, all)| all.iter().map(|what| (*fault, *what)))
}

/// How often each of them happened.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Happened(BTreeMap<(Fault, &'static str), u64>);

impl Happened {
    /// It happened once more.
    pub(crate) fn note(&mut self, fault: Fault, what: &'static str) {
        *self.0.entry((fault, what)).or_default() += 1;
    }

    /// As often as in both.
    pub(crate) fn add(&mut self, other: &Happened) {
        for (what, times) in &other.0 {
            *self.0.entry(*what).or_default() += times;
        }
    }

    /// What did not happen at all, and what happened and is nowhere said to be able to.
    pub(crate) fn gaps(&self) -> Vec<String> {
        let never = everything().filter(|what| !self.0.contains_key(what));
        let never = never.map(|(f, what)| format!("{f:?}: {what}: never"));
        let unknown = self.0.keys().filter(|what| !everything().any(|known| known == **what));
        never.chain(unknown.map(|(f, what)| format!("{f:?}: {what}: in no table"))).collect()
    }

    /// Rows for the book.
    pub(crate) fn rows(&self) -> String {
        let times = |fault: Fault, what| self.0.get(&(fault, what)).copied().unwrap_or_default();
        let row = |(fault, all): &(Fault, &[&'static str])| {
            let told: Vec<String> =
                all.iter().map(|what| format!("{what}: {}", times(*fault, what))).collect();
            format!("| `{fault:?}` | {} |\n", told.join("; "))
        };
        ALL.iter().map(row).collect()
    }
}

/// The page with the table is the published one.
#[test]
fn the_book_names_every_fault() {
    let page = std::fs::read_to_string(hatoba_tests::root().join("docs/src/simulation.md")).unwrap();
    let (_, faults) = page.split_once("\n## Faults\n").unwrap();
    let (faults, _) = faults.split_once("\n## ").unwrap();
    let is_named = |fault: Fault, what: &str| {
        let row = faults.lines().find(|line| line.starts_with(&format!("| `{fault:?}` |")));
        row.is_some_and(|row| row.contains(&format!("{what}: ")) && !row.contains(&format!("{what}: 0")))
    };
    let missing: Vec<_> = everything().filter(|(fault, what)| !is_named(*fault, what)).collect();
    assert_eq!(missing, []);
    assert!(Fault::ALL.iter().all(|fault| ALL.iter().any(|(known, _)| known == fault)));
}
