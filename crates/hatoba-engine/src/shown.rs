//! Everything that the engine shows of itself, in one serialisable picture: `/api/v1/status`.

use std::collections::{BTreeMap, VecDeque};

use hatoba_core::{Cause, Diagnostic, HopSeen, Key, Object, Status};
use jiff::Timestamp;
use serde::Serialize;

use crate::permit::Leader;

/// The engine as it is at one moment.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Shown {
    /// The version of these members: [`crate::SCHEMA_VERSION`].
    pub schema_version: u32,
    /// This program's version.
    pub version: &'static str,
    /// The commit that it was built from, where the build was told.
    pub commit: Option<&'static str>,
    /// Our owner name.
    pub owner: String,
    /// The AWS account; `None` until STS has answered.
    pub account: Option<String>,
    /// The AWS region.
    pub region: String,
    /// Whether this process writes.
    pub leader: bool,
    /// Who leads.
    pub leadership: LeadershipShown,
    /// What people should know that concerns no document alone.
    pub notices: Vec<Cause>,
    /// When this process started.
    pub started_at: Timestamp,
    /// Where the documents come from.
    pub source: SourceShown,
    /// Every document.
    pub documents: BTreeMap<Key, DocumentShown>,
    /// Resources of ours whose document is gone, and why they are still there.
    pub pruning: Vec<PruningShown>,
    /// Resources in APIs of ours that no document asks for.
    pub rogue_children: Vec<String>,
    /// What waits to be worked on.
    pub queue: QueueShown,
    /// When every scope was last read in one sweep.
    pub last_full_resync: Option<Timestamp>,
    /// The request quotas that calls drew on, by name.
    pub quotas: Vec<QuotaShown>,
    /// What was changed lately, newest first, at most 100.
    pub events: VecDeque<Event>,
    /// Where the APIs are served, if not at their own addresses: what stands before an API's id.
    #[serde(skip)]
    pub apis_at: Option<String>,
}

impl Shown {
    /// What the page links to for a URL of an API's: in a sandbox its own address is a stranger's on the internet.
    pub(crate) fn link(&self, url: &str) -> String {
        let model = || {
            let (id, rest) = url.strip_prefix("https://")?.split_once(".execute-api.")?;
            let path = rest.split_once('/').map_or("", |(_, path)| path);
            Some(format!("{}{id}/{path}", self.apis_at.as_deref()?))
        };
        model().unwrap_or_else(|| url.to_owned())
    }
}

/// Who leads, among processes that share a source and an owner.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase", tag = "role")]
pub enum LeadershipShown {
    /// The lease is switched off: this process writes whoever else does.
    #[default]
    Unasked,
    /// This process.
    Leads,
    /// Nobody can say who: the lease is out of reach, and this process writes as if there were none.
    WithoutLease,
    /// Another one, as far as is known.
    StandsBy {
        /// Which.
        leader: Option<Leader>,
    },
}

/// Events kept for the page and the API: a screenful or two.
pub(crate) const EVENTS_MAX: usize = 100;

/// The source as it was last read.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SourceShown {
    /// For example the folder.
    pub location: String,
    /// Changes with every change of any document.
    pub revision: Option<String>,
    /// Files that hold documents.
    pub files: usize,
    /// Files that cannot be read; while there is one, nothing is deleted.
    pub unreadable: Vec<String>,
    /// Documents that are held because something is wrong with them.
    pub invalid: usize,
    /// What is wrong.
    pub diagnostics: Vec<Diagnostic>,
    /// When it was last read well.
    pub last_success: Option<Timestamp>,
    /// Why it cannot be read now.
    pub error: Option<Cause>,
}

/// One document.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DocumentShown {
    /// Its conditions and outputs.
    #[serde(flatten)]
    pub status: Status,
    /// Seconds since AWS was last compared with it; `None`: never.
    pub verified_seconds_ago: Option<f64>,
    /// The file it stands in.
    pub file: String,
    /// What stands between a caller and what answers, where requests enter here.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub chain: Vec<HopSeen>,
    /// Its parts at which requests enter, where it is made of others.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub entries: Vec<Key>,
    /// Something differs, and it is not put right by itself.
    pub is_held: bool,
    /// The newest request that was sent through the chain, where the document asks for one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub probe: Option<ProbeShown>,
}

/// A request that was sent through a chain.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ProbeShown {
    /// When it was sent.
    pub time: Timestamp,
    /// The path that was asked for.
    pub path: String,
    /// Whether the answer was as expected.
    pub is_good: bool,
    /// The answer's status, or why there was none.
    pub answer: String,
    /// The statuses that were expected.
    pub expected: String,
    /// How long it took, in milliseconds.
    pub milliseconds: u64,
}

impl ProbeShown {
    /// The same as a sentence.
    pub fn told(&self) -> String {
        let ProbeShown { path, answer, milliseconds, .. } = self;
        match self.is_good {
            true => format!("GET {path} answered {answer} in {milliseconds} ms"),
            false => format!("GET {path}: {answer}, expected {}", self.expected),
        }
    }
}

/// One resource whose document is gone.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PruningShown {
    /// The document that is gone.
    pub document: Key,
    /// The resource.
    pub id: String,
    /// Why it is still there.
    pub held: Cause,
    /// Whether it has been there for longer than the grace after the grace was over.
    pub overdue: bool,
}

impl PruningShown {
    pub(crate) fn new(document: Key, object: &Object, held: Cause) -> PruningShown {
        PruningShown { document, id: object.id.clone(), held, overdue: false }
    }
}

/// The work queue.
#[derive(Clone, Copy, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct QueueShown {
    /// Keys that are due and not yet worked on.
    pub depth: usize,
    /// How long the oldest of them has been due, in seconds.
    pub oldest_seconds: f64,
    /// Documents whose same field differs after repeated writes.
    pub nonconverging: usize,
    /// Documents whose resource bears a pause tag that is not over.
    pub paused: usize,
}

/// One change that was made, or something that people should know.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Event {
    /// When.
    pub time: Timestamp,
    /// The document.
    pub document: Key,
    /// What was done, for example `CreateVpcLink`.
    pub action: String,
    /// AWS's id, where known.
    pub id: String,
    /// Why, in one sentence.
    pub cause: String,
    /// What made it necessary.
    pub origin: Origin,
}

/// What made a change necessary.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Origin {
    /// Somebody wrote another document, or a first one.
    Document,
    /// Somebody changed AWS behind a document in sync.
    Drift,
    /// A document is gone.
    Removal,
}

/// How much of one request quota is taken.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct QuotaShown {
    /// The bucket.
    pub name: &'static str,
    /// The part of our share that is taken just now: 0 to 1, and above while calls wait.
    pub used: f64,
    /// Calls a second that we take at most.
    pub per_second: f64,
    /// Below 1: AWS asked to slow down, and this part of our share is taken for now.
    pub speed: f64,
}
