//! Decisions, and nothing but decisions: no clock, no network, no randomness, no runtime, no AWS SDK.
//!
//! A [`Document`] says what should exist, an [`Object`] is what was seen in AWS, and pure functions go from
//! one to the other: [`Desired::resolve`] fills references in, [`assess`] compares, [`next`] chooses one
//! step, [`fold`] makes the status. Kinds describe themselves as data ([`KindTable`]); none is named here.
//!
//! The invariant of the whole crate: **what is unknown is never taken for absent**.
//!
//! ```
//! use hatoba_core::{Mark, Key, Deletion};
//! let mark = Mark { owner: "local".into(), document: Key::new("VpcLink", "fine"), incarnation: 1, deletion: Deletion::Delete };
//! assert_eq!(Mark::from_tags(&mark.to_tags(&Default::default())), Some(mark));
//! ```

mod action;
mod adopt;
mod assess;
mod desired;
mod diagnostic;
mod diff;
mod document;
mod find;
mod graph;
mod key;
mod lease;
mod mark;
mod network;
mod object;
mod parts;
pub mod path;
mod pause;
mod probe;
mod prune;
mod seen;
mod serving;
mod status;
#[cfg(test)]
#[path = "tests/support.rs"]
mod support;
mod table;
mod withhold;

pub use action::{Action, Change, Creation, Leave, Step, TagChange, Target, forced, next};
pub use assess::{Assessment, Sight, Surplus, SurplusKind, UsedBy, Verdict, assess};
pub use desired::{Desired, Fact, Facts, Lookup, LookupUse, OUTPUT_NAME, Reference, Resolved, Unresolved};
pub use diagnostic::{Diagnostic, Place, Places, Severity, did_you_mean, one_of};
pub use diff::{Diff, FieldDrift, Fix, at_creation, diff, means_the_same, normalise, same_content};
pub use document::{
    API_VERSION, Adopt, AdoptMatch, Deletion, Digest, Document, Drift, FieldMode, Members, OmittedPolicy,
    Policy, ReplacePolicy, Selectors, secret_digest,
};
pub use graph::{creation_order, problems as graph_problems};
pub use key::{Key, KeyError, check_name};
pub use lease::{
    AGAIN, Candidate, Found, Holder, LOOK, LeaseCondition, LeaseNext, LeaseRecord, LeaseWrite, MARGIN,
    Namesake, Namesakes, RENEWAL, TTL, WITHOUT_AFTER,
};
pub use mark::{
    CONTENT, Mark, TAG_PREFIX, TAG_VALUE_CHARS_MAX, label_list, labels_written, looks_replaced, name_digits,
    names_listed, owner_is_legal,
};
pub use network::{Guard, Network, NoRange, Peer, Range, Rule, Rules, Way};
pub use object::{Life, Object, Readiness, Scope};
pub use parts::of_parts;
pub use pause::{PAUSE_TAG, Pause, pause, paused};
pub use probe::{Expect, Probe};
pub use prune::{ACKNOWLEDGED_FOR, Acknowledgement, Evidence, Fuse, Parting, fuse, may_part};
pub use seen::{Cause, Reason, Seen};
pub use serving::{Chain, Health, Hop, HopSeen, Scene, chain, serving, serving_of_parts};
pub use status::{Condition, Outcome, Status, Truth, fold, fold_serving};
pub use table::{
    Deployments, Drain, Field, KindTable, Literal, MarkStyle, Mutability, NullIs, Omitted, RefField,
    Renaming, ReplaceStyle, Revisions, SelectorField, Shape,
};
