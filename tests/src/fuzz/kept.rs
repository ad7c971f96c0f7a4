//! What lies beside the source: the lease, statuses, the heartbeat, the held set, requests. Anybody may write there.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::path::Path;
use std::time::Duration;

use hatoba_core::{
    Acknowledgement, Candidate, Digest, Found, Holder, LeaseCondition, LeaseNext, LeaseRecord, Namesakes,
    Status, TTL,
};
use hatoba_engine::{Heartbeat, HeldTogether, Look, StatusSink, held_here};
use hatoba_source::Keep;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Whatever a record says of its worth, nobody is kept out for longer.
const KEPT_OUT_MAX: Duration = Duration::from_secs(300);

/// Reads the bytes as each of the documents that may lie beside a source.
pub fn kept(bytes: &[u8]) {
    reads_back::<Status>(bytes);
    reads_back::<Heartbeat>(bytes);
    reads_back::<HeldTogether>(bytes);
    reads_back::<Look>(bytes);
    if let Some(word) = reads_back::<Acknowledgement>(bytes) {
        lets_go_only_what_it_names(&word);
    }
    let lease = reads_back::<LeaseRecord>(bytes);
    if let Some(record) = &lease {
        a_namesake_has_our_owner(record);
    }
    a_lease_ends(lease);
    if bytes.len() < 64 * 1024 {
        in_a_folder(bytes);
    }
}

/// What is read, printed and read again is the same.
fn reads_back<T: DeserializeOwned + Serialize + PartialEq + Debug>(bytes: &[u8]) -> Option<T> {
    let read: T = serde_json::from_slice(bytes).ok()?;
    let Ok(printed) = serde_json::to_vec(&read) else { panic!("cannot be printed: {read:?}") };
    match serde_json::from_slice::<T>(&printed) {
        Ok(again) => assert_eq!(again, read),
        Err(error) => panic!("does not read back: {error}: {}", String::from_utf8_lossy(&printed)),
    }
    Some(read)
}

/// An acknowledgement counts for an hour, and for exactly the set that its hash names.
fn lets_go_only_what_it_names(word: &Acknowledgement) {
    let hour = SignedDuration::from_hours(1);
    let around = [-hour * 2, -hour, -SignedDuration::from_secs(1), SignedDuration::ZERO, hour];
    for now in around.into_iter().filter_map(|by| word.expires.checked_add(by).ok()) {
        let goes = word.lets_go(now);
        if goes.is_empty() {
            continue;
        }
        assert_eq!(Digest::of(&goes), word.hash);
        assert!(now < word.expires && word.expires.duration_since(now) <= hour, "at {now}: {word:?}");
    }
}

/// Whatever lies in the lease's place keeps others out for a while, and never for ever; and it is nobody's lease that
/// did not write it.
fn a_lease_ends(lease: Option<LeaseRecord>) {
    let me = Holder { host: "here".to_owned(), pid: 1, nonce: "n".to_owned() };
    let (start, date) = (Duration::from_secs(1_000), Timestamp::UNIX_EPOCH);
    let found = |version: &str| match &lease {
        Some(record) => Found::Record(record.clone(), version.to_owned()),
        None => Found::Unreadable(version.to_owned()),
    };
    let mut candidate = Candidate::new("local", me.clone());
    candidate.see(found("v1"), start);
    assert_eq!(candidate.may_write_until(), None, "a lease that this process did not write");
    let is_free = lease.as_ref().is_some_and(|record| record.released || record.holder == me);
    if is_free {
        assert_eq!(candidate.leader(start), None);
    } else {
        let next = candidate.next(start + Duration::from_secs(9), date);
        assert!(!matches!(next, LeaseNext::Write(_)), "taken from somebody who may live: {next:?}");
    }
    // Its owner renews it at the last moment: then it begins anew.
    candidate.see(found("v2"), start + Duration::from_secs(9));
    let later = start + Duration::from_secs(9) + KEPT_OUT_MAX;
    match candidate.next(later, date) {
        LeaseNext::Write(write) => {
            let term = lease.as_ref().map_or(0, |record| record.term);
            assert!(write.record.term > term || term == u64::MAX);
            assert_eq!(write.condition, LeaseCondition::Unchanged("v2".to_owned()));
            candidate.sent(&write, later);
            candidate.written("v3");
            assert!(candidate.may_write_until().is_some_and(|until| until < later + TTL));
        }
        next => panic!("kept out for ever: {next:?}"),
    }
}

fn a_namesake_has_our_owner(record: &LeaseRecord) {
    let mut namesakes = Namesakes::new("shop");
    let mut see = |version: &str, seconds| {
        let listed = BTreeMap::from([("k".to_owned(), version.to_owned())]);
        let read = BTreeMap::from([("k".to_owned(), record.clone())]);
        namesakes.see(listed, read, Duration::from_secs(seconds));
        namesakes.found(Duration::from_secs(seconds)).is_some()
    };
    let is_ours = record.owner == "shop" && !record.released;
    assert_eq!((see("v1", 0), see("v2", 60)), (is_ours, is_ours));
}

/// As the daemon reads and writes them.
fn in_a_folder(bytes: &[u8]) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
    let (Ok(runtime), Ok(folder)) = (runtime, tempfile::tempdir()) else { panic!("no place to work in") };
    let place = folder.path().join(".hatoba");
    for name in ["status/HttpApi/a.json", "heartbeat.json", "held.json"] {
        put(&place.join(name), bytes);
    }
    runtime.block_on(async {
        let within = Duration::from_secs(60);
        let mut sink = StatusSink::directory(folder.path().to_owned());
        let statuses = sink.load(within).await;
        let theirs: Vec<String> = statuses.keys().map(ToString::to_string).collect();
        assert!(theirs.is_empty() || theirs == ["HttpApi/a"], "another document's: {theirs:?}");
        let heartbeat = sink.load_heartbeat().await;
        sink.write(&statuses).await;
        if let Some(heartbeat) = &heartbeat {
            sink.write_heartbeat(heartbeat).await;
        }
        let mut next = StatusSink::directory(folder.path().to_owned());
        assert_eq!(next.load(within).await, statuses);
        assert_eq!(next.load_heartbeat().await, heartbeat);
        let held = held_here(&Keep::folder(place)).await;
        assert_eq!(held.ok().flatten(), serde_json::from_slice::<HeldTogether>(bytes).ok());
    });
}

fn put(path: &Path, bytes: &[u8]) {
    let made = path.parent().map_or(Ok(()), std::fs::create_dir_all);
    assert!(made.and_then(|()| std::fs::write(path, bytes)).is_ok(), "cannot write {}", path.display());
}
