//! One AWS resource as it was last seen.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::{Cause, Mark, Members, Seen};

/// Where resources of a kind are listed: `""` is the account and region; else an API's id, a cluster's name, a namespace's id.
pub type Scope = String;

/// One AWS resource as it was last seen, in the members' normal form (see `normalise`).
#[derive(Clone, Debug, PartialEq)]
pub struct Object {
    /// AWS's id, or the name where the name is the identity (stages, ECS services).
    pub id: String,
    /// Where it stands.
    pub scope: Scope,
    /// The ARN, where the kind has one that calls need.
    pub arn: Option<String>,
    /// The natural key within the scope: a name, a route key, a stage name.
    pub natural_key: String,
    /// The owner mark; `Unknown` while the tags have not been read.
    pub mark: Seen<Mark>,
    /// The tags, where the kind has any and they have been read.
    pub tags: Option<BTreeMap<String, String>>,
    /// Whether it lives.
    pub life: Life,
    /// Whether it has settled.
    pub readiness: Readiness,
    /// When AWS made it, milliseconds since the epoch, where AWS says so.
    pub created_at_ms: Option<i64>,
    /// Ids and ARNs of what it uses, its parent among them.
    pub uses: BTreeSet<String>,
    /// The comparable members.
    pub members: Members,
    /// What other documents and people may want of it: `id`, `arn`, `url`, …
    pub outputs: BTreeMap<String, String>,
}

/// Whether a resource lives, as far as writing to it goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Life {
    /// It takes updates.
    Live,
    /// It exists but takes no updates and is of no use to others yet.
    Pending,
    /// It exists, of no use to others, and will not get better by itself.
    Failed,
    /// It is going away; its name is free only afterwards if `holds_name`.
    Leaving {
        /// Whether AWS refuses another one of that name meanwhile.
        holds_name: bool,
    },
}

/// Whether a resource has settled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub enum Readiness {
    /// It has.
    Ready,
    /// It is getting there by itself.
    Settling(Cause),
    /// It will not get there by itself.
    NotReady(Cause),
}

impl Object {
    /// Whether others may refer to it.
    pub fn is_usable(&self) -> bool {
        self.life == Life::Live
    }

    /// Whether it is on its way out.
    pub fn is_leaving(&self) -> bool {
        matches!(self.life, Life::Leaving { .. })
    }
}
