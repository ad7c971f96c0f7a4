//! Statuses beside the source: `status/<Kind>/<name>.json`, for people, `hatoba status` and the next start; in `.hatoba`
//! in a folder, or below a place in S3.
//!
//! The invariant: **nothing depends on them**. They may be lost, stale, or garbage; whoever cannot write them
//! goes on from memory. Only what changed is written, each document whole or not at all.
//!
//! ```text
//! let mut sink = StatusSink::directory("documents".into());
//! let earlier = sink.load(Duration::from_secs(3)).await;
//! sink.write(&statuses).await; // in a task of its own: disks can be slow, and buckets slower
//! ```

mod follow;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use futures::{StreamExt as _, stream};
use hatoba_core::{Cause, Digest, Key, Status, check_name};
use hatoba_source::{Bucket, Keep, KeepError, Location};
use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokio::time::{Instant, timeout};

pub use follow::Pace;

/// Far above any status: names of fields, notes, outputs.
const STATUS_BYTES_MAX: u64 = 256 * 1024;
/// One line for each document; far above what the largest source holds.
const HEARTBEAT_BYTES_MAX: u64 = 16 * 1024 * 1024;
/// Longer names get a shorter file name: file systems take 255 bytes, names may have 253 before `.json`.
const NAME_BYTES_MAX: usize = 200;
/// Requests at the same time: ten thousand statuses are read from S3 in about ten seconds.
const AT_ONCE: usize = 32;
/// A bucket that does not serve is left alone for so long; every change of a status would ask it again.
const PAUSE: Duration = Duration::from_secs(30);

/// The version of what is written here, and answered by `/api/v1/status`. Members come without another one; it grows when
/// a member changes its meaning or goes.
pub const SCHEMA_VERSION: u32 = 1;

const STATUSES: &str = "status";
const HEARTBEAT: &str = "heartbeat.json";

/// Where statuses are kept. Not `Clone`: it knows what it wrote last, so there is one writer.
#[derive(Debug)]
pub struct StatusSink {
    keep: Keep,
    /// What lies there as far as we know, by its name.
    kept: BTreeMap<String, Kept>,
    /// Whether the place was compared as a whole, and nothing failed since.
    is_swept: bool,
    is_failing: bool,
    paused_until: Option<Instant>,
}

/// A document that was read or written.
#[derive(Clone, Debug)]
struct Kept {
    /// What it says; nothing is known of what was only listed.
    status: Option<Status>,
    /// The version that the place has of it.
    stamp: String,
}

/// When the daemon was last alive, and when each document was last compared with AWS.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Heartbeat {
    /// When this was written.
    pub time: Timestamp,
    /// When AWS was last compared with each document.
    pub verified: BTreeMap<Key, Timestamp>,
    /// The source that the statuses beside this come from.
    #[serde(default)]
    pub source: SourceSeen,
    /// What people should know that concerns no document alone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notices: Vec<Cause>,
    /// Resources in APIs of ours that no document asks for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rogue_children: Vec<String>,
}

/// How a daemon last saw its source.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceSeen {
    /// Files that cannot be read; while there is one, nothing is deleted.
    pub unreadable: Vec<String>,
    /// Why the source cannot be read now.
    pub error: Option<Cause>,
}

impl StatusSink {
    /// Keeps statuses in `root/.hatoba`, where `root` is the source's folder.
    pub fn directory(root: PathBuf) -> StatusSink {
        StatusSink::at(Keep::folder(root.join(".hatoba")))
    }

    /// Keeps statuses below a place in S3.
    pub fn bucket(bucket: Bucket, location: Location) -> StatusSink {
        StatusSink::at(Keep::bucket(bucket, location))
    }

    /// Keeps nothing.
    pub fn none() -> StatusSink {
        StatusSink::at(Keep::Nowhere)
    }

    fn at(keep: Keep) -> StatusSink {
        StatusSink { keep, kept: BTreeMap::new(), is_swept: false, is_failing: false, paused_until: None }
    }

    /// What an earlier run wrote; what cannot be listed in so long, or read in as long again, counts as never written.
    pub async fn load(&mut self, within: Duration) -> BTreeMap<Key, Status> {
        let mut statuses = BTreeMap::new();
        let place = self.keep.place();
        let names = match timeout(within, self.keep.list(STATUSES)).await {
            Ok(Ok(names)) => names,
            Ok(Err(error)) => {
                tracing::info!(place, %error, "no earlier statuses");
                return statuses;
            }
            Err(_) => {
                tracing::warn!(place, "the earlier statuses are not listed in time; going on without");
                return statuses;
            }
        };
        let read = |name: String| {
            let keep = self.keep.clone();
            async move { (keep.read(&name, STATUS_BYTES_MAX).await, name) }
        };
        let mut reading = stream::iter(names.into_keys().map(read)).buffer_unordered(AT_ONCE);
        let all = async {
            while let Some((found, name)) = reading.next().await {
                match found.map(|found| found.map(|(bytes, stamp)| (status_in(&name, &bytes), stamp))) {
                    Ok(Some((Some(status), stamp))) => {
                        self.kept.insert(name, Kept { status: Some(status.clone()), stamp });
                        statuses.insert(status.document.clone(), status);
                    }
                    Ok(_) => tracing::debug!(name, "no status, or another document's"),
                    Err(error) => tracing::debug!(name, %error, "no status"),
                }
            }
        };
        if timeout(within, all).await.is_err() {
            tracing::warn!(place, "the earlier statuses are not read in time; going on without the rest");
        }
        statuses
    }

    /// Why nothing can be read here, for people to whom an empty answer is none; waits so long.
    pub async fn trouble(&self, within: Duration) -> Option<Cause> {
        match timeout(within, self.keep.list(STATUSES)).await {
            Ok(Ok(_)) => None,
            Ok(Err(KeepError::Bucket(error))) => Some(Cause::new(error.reason(), error.to_string())),
            Ok(Err(KeepError::Folder(error))) => {
                Some(Cause::new("SourceUnreadable", format!("{}: {error}", self.keep.place())))
            }
            Err(_) => {
                Some(Cause::new("BucketUnanswered", format!("{} is not listed in time", self.keep.place())))
            }
        }
    }

    /// What the last heartbeat said, if there is one.
    pub async fn load_heartbeat(&self) -> Option<Heartbeat> {
        let (bytes, _) = self.keep.read(HEARTBEAT, HEARTBEAT_BYTES_MAX).await.ok()??;
        parse(&bytes)
    }

    /// Brings the place to `statuses`: writes what differs, removes what is gone.
    ///
    /// Call it only once the source has been read, for a document that is not in `statuses` loses its status.
    /// Errors are logged, once until it works again; what failed is tried again next time.
    pub async fn write(&mut self, statuses: &BTreeMap<Key, Status>) {
        if matches!(self.keep, Keep::Nowhere) || self.is_paused() {
            return;
        }
        // Until this is known to have gone well; the future may be dropped while it waits.
        let was_swept = std::mem::replace(&mut self.is_swept, false);
        let result = match was_swept {
            true => Ok(()),
            false => self.compare().await,
        };
        let result = match result {
            Ok(()) => self.carry_out(statuses).await,
            Err(error) => Err(error),
        };
        self.note(result);
    }

    /// Learns what lies there now: what others changed or removed is not what we know any more.
    async fn compare(&mut self) -> Result<(), KeepError> {
        let listed = self.keep.list(STATUSES).await?;
        self.kept.retain(|name, kept| listed.get(name) == Some(&kept.stamp));
        for (name, stamp) in listed {
            // Of what was never read only the name is known: it is written anew, or removed.
            self.kept.entry(name).or_insert_with(|| Kept { status: None, stamp });
        }
        Ok(())
    }

    async fn carry_out(&mut self, statuses: &BTreeMap<Key, Status>) -> Result<(), KeepError> {
        let keep = self.keep.clone();
        let wanted: BTreeMap<String, &Status> =
            statuses.values().filter_map(|status| Some((name_of(&status.document)?, status))).collect();
        let gone: Vec<String> =
            self.kept.keys().filter(|name| !wanted.contains_key(*name)).cloned().collect();
        let differs = |name: &String, status: &Status| {
            self.kept.get(name).is_none_or(|kept| kept.status.as_ref() != Some(status))
        };
        let changed: Vec<(String, Status)> = wanted
            .into_iter()
            .filter(|(name, status)| differs(name, status))
            .map(|(name, status)| (name, status.clone()))
            .collect();
        let replace = |(name, status): (String, Status)| {
            let keep = keep.clone();
            async move {
                let stamp = keep.replace(&name, text(&status)).await;
                (name, stamp.map(|stamp| Kept { status: Some(status), stamp }))
            }
        };
        let mut first_error = None;
        let mut replacing = stream::iter(changed.into_iter().map(replace)).buffer_unordered(AT_ONCE);
        while let Some((name, result)) = replacing.next().await {
            match result {
                Ok(kept) => drop(self.kept.insert(name, kept)),
                Err(error) if error.concerns_all() => return Err(error),
                Err(error) => {
                    first_error.get_or_insert(error);
                }
            }
        }
        let remove = |name: String| {
            let keep = keep.clone();
            async move { (keep.remove(&name).await, name) }
        };
        let mut removing = stream::iter(gone.into_iter().map(remove)).buffer_unordered(AT_ONCE);
        while let Some((result, name)) = removing.next().await {
            match result {
                Ok(()) => drop(self.kept.remove(&name)),
                Err(error) if error.concerns_all() => return Err(error),
                Err(error) => {
                    first_error.get_or_insert(error);
                }
            }
        }
        first_error.map_or(Ok(()), Err)
    }

    /// Writes the heartbeat, and has the next [`write`](StatusSink::write) compare the place as a whole. How often is
    /// the caller's matter.
    pub async fn write_heartbeat(&mut self, heartbeat: &Heartbeat) {
        if matches!(self.keep, Keep::Nowhere) || self.is_paused() {
            return;
        }
        self.is_swept = false;
        if let Err(error) = self.keep.replace(HEARTBEAT, text(heartbeat)).await {
            self.failed(&error);
        }
    }

    fn is_paused(&self) -> bool {
        self.paused_until.is_some_and(|until| Instant::now() < until)
    }

    fn note(&mut self, result: Result<(), KeepError>) {
        match result {
            Ok(()) => {
                if std::mem::replace(&mut self.is_failing, false) {
                    tracing::info!(place = self.keep.place(), "statuses are written again");
                }
                self.is_swept = true;
                self.paused_until = None;
            }
            Err(error) => self.failed(&error),
        }
    }

    fn failed(&mut self, error: &KeepError) {
        let place = self.keep.place();
        if error.is_final() {
            tracing::warn!(place, %error, "cannot write here: statuses stay in memory");
            self.keep = Keep::Nowhere;
            self.kept.clear();
            return;
        }
        if self.keep.is_remote() {
            self.paused_until = Some(Instant::now() + PAUSE);
        }
        if !self.is_failing {
            tracing::warn!(place, %error, "cannot write statuses; will try again");
            self.is_failing = true;
        }
    }
}

/// A document with the version of its members.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Versioned<T> {
    /// What has none is from before there were any.
    #[serde(default)]
    schema_version: u32,
    #[serde(flatten)]
    content: T,
}

/// As JSON for people. Nothing of ours fails to be written so; if it did, an empty document is one that is ignored.
fn text(content: &impl Serialize) -> Vec<u8> {
    let versioned = Versioned { schema_version: SCHEMA_VERSION, content };
    let mut text = serde_json::to_vec_pretty(&versioned).unwrap_or_default();
    text.push(b'\n');
    text
}

/// What a later version wrote may mean something else: it counts as never written.
fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Option<T> {
    let Versioned { schema_version, content } = serde_json::from_slice(bytes).ok()?;
    (schema_version <= SCHEMA_VERSION).then_some(content)
}

/// The status in a document of this name, if it is the one that belongs there.
fn status_in(name: &str, bytes: &[u8]) -> Option<Status> {
    let status: Status = parse(bytes)?;
    (name_of(&status.document).as_deref() == Some(name)).then_some(status)
}

/// Where the status of a document lies; `None` for a key that was never checked and is none.
fn name_of(key: &Key) -> Option<String> {
    let is_kind = !key.kind.is_empty() && key.kind.chars().all(|letter| letter.is_ascii_alphanumeric());
    if !is_kind || check_name(&key.name).is_err() {
        return None;
    }
    let file = match key.name.get(..NAME_BYTES_MAX) {
        Some(start) if start != key.name => format!("{start}~{}.json", Digest::of_bytes(key.name.as_bytes())),
        _ => format!("{}.json", key.name),
    };
    Some(format!("{STATUSES}/{}/{file}", key.kind))
}
