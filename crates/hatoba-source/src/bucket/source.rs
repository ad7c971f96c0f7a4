//! A prefix of a bucket as a source of documents.
//!
//! * One listing a poll tells what is there; only objects with another ETag are read, and only as listed (`If-Match`):
//!   one that changed meanwhile makes the listing old, and it is listed again.
//! * An object that cannot be read is named as unreadable, and what it said last stays. A listing that cannot be read
//!   to its end is a [`SourceError`]: nothing is known, and everything stays.
//! * S3 writes objects whole, so there is nothing to settle.

use std::collections::BTreeMap;

use aws_types::SdkConfig;
use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use tokio::sync::watch;

use super::bell::Bell;
use super::store::{Bucket, Entry};
use super::{Location, StoreError};
use crate::directory::{FILES_MAX, FOLDER_DEPTH_MAX, TOTAL_BYTES_MAX, is_document_name};
use crate::known::{KnownFiles, Problem};
use crate::yaml::FILE_BYTES_MAX;
use crate::{Snapshot, SourceError, Variables};

/// Most objects of any kind below the prefix: two hundred calls a poll. A source pointed at a data lake must fail.
const OBJECTS_MAX: usize = 200_000;
/// Objects read at the same time.
const AT_ONCE: usize = 8;
/// Once so many objects could not be read, the rest waits for the next poll: the cause is probably the same.
const FAILURES_MAX: usize = 32;
/// Listings in one poll: somebody who writes all the time must not keep us from looking at what stands still.
const LISTINGS_MAX: usize = 3;

/// A prefix of a bucket that is looked at again and again.
pub struct BucketSource {
    bucket: Bucket,
    location: Location,
    vars: Variables,
    known: KnownFiles<String>,
    /// How often in a row an object could not be read: those that fail come last, so that they keep none from its turn.
    failures: BTreeMap<String, u32>,
    bell: Option<Bell>,
}

/// What of a listing concerns us; names are relative to the prefix.
#[derive(Default)]
struct Sifted {
    /// Documents to be read: ETags and sizes.
    files: BTreeMap<String, Entry>,
    unreadable: BTreeMap<String, String>,
}

impl BucketSource {
    /// A source in S3. Nothing is asked for before the first poll.
    pub fn new(config: &SdkConfig, location: Location, vars: Variables) -> BucketSource {
        let bucket = Bucket::of(config, &location);
        let (known, failures) = (KnownFiles::default(), BTreeMap::new());
        BucketSource { bucket, location, vars, known, failures, bell: None }
    }

    /// Looks again when a message about the prefix arrives at an SQS queue, too.
    ///
    /// Messages are taken once `true` is sent, which is a reason to look, too. Sending `false` leaves them to another
    /// process on the same queue as soon as the long poll under way is over.
    pub fn listen(&mut self, config: &SdkConfig, queue_url: &str) -> watch::Sender<bool> {
        let (turn, takes) = watch::channel(false);
        self.bell = Some(Bell::hang(config, queue_url, self.location.clone(), takes));
        turn
    }

    /// One look: a call for every thousand objects, and one for each that changed.
    ///
    /// # Errors
    /// [`SourceError`] when the prefix cannot be listed as a whole; what was known before stays known.
    pub async fn poll(&mut self) -> Result<Snapshot, SourceError> {
        let mut listings = 1;
        loop {
            let entries = self.bucket.list(&self.location.start(), OBJECTS_MAX).await?;
            let sifted = sift(&self.location.start(), entries)?;
            let problems = self.read_changed(&sifted).await;
            let is_old = problems.values().any(|problem| problem.is_gone);
            if !is_old || listings == LISTINGS_MAX {
                return Ok(self.gather(sifted, problems));
            }
            listings += 1;
        }
    }

    /// Resolves when another look may show something new: shortly after a message about the prefix arrived. Without a
    /// queue it never resolves. Cancel-safe for a caller that polls next.
    pub async fn changed(&mut self) {
        match &self.bell {
            Some(bell) => bell.rings().await,
            None => std::future::pending().await,
        }
    }

    /// Reads and parses what has another ETag; returns what could not be read.
    async fn read_changed(&mut self, sifted: &Sifted) -> BTreeMap<String, Problem> {
        let is_listed = |name: &str| sifted.files.contains_key(name) || sifted.unreadable.contains_key(name);
        self.known.retain(is_listed);
        self.failures.retain(|name, _| sifted.files.contains_key(name));
        let is_changed = |name: &String, entry: &Entry| self.known.stamp(name) != Some(&entry.etag);
        let changed = sifted.files.iter().filter(|(name, entry)| is_changed(name, entry));
        let mut changed: Vec<(String, Entry)> =
            changed.map(|(name, entry)| (name.clone(), entry.clone())).collect();
        changed.sort_by_key(|(name, _)| self.failures.get(name).copied().unwrap_or_default());
        let bucket = self.bucket.clone();
        let read = |(name, entry): (String, Entry)| {
            let bucket = bucket.clone();
            async move {
                let found = bucket.get(&entry.key, Some(&entry.etag), FILE_BYTES_MAX as u64).await;
                (name, found)
            }
        };
        let mut problems = BTreeMap::new();
        let mut waiting = changed.into_iter();
        let mut reading = FuturesUnordered::new();
        loop {
            while reading.len() < AT_ONCE && problems.len() < FAILURES_MAX {
                let Some(next) = waiting.next() else { break };
                reading.push(read(next));
            }
            let Some((name, found)) = reading.next().await else { break };
            let problem = match found {
                Ok(Some(stored)) => {
                    self.known.accept(&name, &stored.bytes, stored.etag, &self.vars);
                    self.failures.remove(&name);
                    continue;
                }
                Ok(None) => gone("it was removed while the source was read"),
                Err(StoreError::Conflict { .. }) => gone("it was written while the source was read"),
                Err(error) => Problem::lasting(format!("it cannot be read: {error}")),
            };
            *self.failures.entry(name.clone()).or_default() += 1;
            problems.insert(name, problem);
        }
        for (name, _) in waiting {
            problems.insert(name, Problem { reason: NOT_YET.to_owned(), passes: true, is_gone: false });
        }
        problems
    }

    fn gather(&self, sifted: Sifted, mut problems: BTreeMap<String, Problem>) -> Snapshot {
        let mut looks = BTreeMap::new();
        for name in sifted.files.into_keys() {
            let look = self.known.report(&name, problems.remove(&name));
            looks.insert(name, look);
        }
        for (name, reason) in sifted.unreadable {
            let look = self.known.report(&name, Some(Problem::lasting(reason)));
            looks.insert(name, look);
        }
        Snapshot::gather(looks, Vec::new())
    }
}

/// The reason of an object whose turn did not come, because many before it could not be read.
const NOT_YET: &str = "not read yet: too many others could not be read";

fn gone(reason: &str) -> Problem {
    Problem { reason: reason.to_owned(), passes: true, is_gone: true }
}

/// Which objects are documents: by their names alone, as in a folder.
fn sift(start: &str, entries: Vec<Entry>) -> Result<Sifted, SourceError> {
    let mut sifted = Sifted::default();
    let mut bytes = 0;
    for entry in entries {
        let Some(name) = entry.key.strip_prefix(start) else { continue };
        // What ends with a slash is how consoles show an empty folder.
        if !is_document_name(name) || name.split('/').any(|segment| segment.starts_with('.')) {
            continue;
        }
        if sifted.files.len() + sifted.unreadable.len() == FILES_MAX {
            return Err(SourceError::TooLarge { what: "document files", limit: FILES_MAX as u64 });
        }
        if name.contains(char::is_control) {
            let reason = "its name is not plain text; rename it".to_owned();
            sifted.unreadable.insert(name.escape_debug().to_string(), reason);
        } else if name.matches('/').count() > FOLDER_DEPTH_MAX {
            let reason = format!("it lies too deep: expected at most {FOLDER_DEPTH_MAX} levels of folders");
            sifted.unreadable.insert(name.to_owned(), reason);
        } else if entry.size > FILE_BYTES_MAX as u64 {
            let reason =
                format!("it is too large: expected at most {FILE_BYTES_MAX} bytes, got {}", entry.size);
            sifted.unreadable.insert(name.to_owned(), reason);
        } else {
            bytes += entry.size;
            let name = name.to_owned();
            sifted.files.insert(name, entry);
        }
    }
    if bytes > TOTAL_BYTES_MAX {
        return Err(SourceError::TooLarge { what: "bytes of documents", limit: TOTAL_BYTES_MAX });
    }
    Ok(sifted)
}
