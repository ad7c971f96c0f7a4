//! Everything that the engine shows of itself, in one serialisable picture: `/api/v1/status`.

use std::collections::{BTreeMap, VecDeque};

use hatoba_core::{Cause, Diagnostic, Key, Status};
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
    /// What was changed lately, newest first, at most 100.
    pub events: VecDeque<Event>,
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
}
