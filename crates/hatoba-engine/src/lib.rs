//! The loop: inventory, work queue, budget, execution, shutdown, status, metrics, web.
//!
//! Start reading in `reconcile.rs`: one pass over one document, in one function. Everything else feeds it.
//! A trigger carries only a key; whatever is known here can be rebuilt from the source and from owner marks
//! in AWS, so **killing the process at any instant is harmless**.
//!
//! | to find | look in |
//! |---|---|
//! | the pass, its order | `reconcile` |
//! | what was seen in AWS | `inventory`; who uses what: `users` |
//! | why a write is held back | `gate` |
//! | whether this process may write at all | `permit`; who leads: `lease` (in S3: `board`), `lock`; who else has the owner: `namesakes`; whose account: `identity` |
//! | sending a write, folding its answer in | `execute`; one at a time: `lanes` |
//! | when the next pass is | `schedule`, `queue`, `backoff` |
//! | replacing what must be deleted first; what moved | `ground`, `takedown`, `moved` |
//! | twins that were both built upon | `twins`; of documents that are gone: `doubt` |
//! | resources without a document | `orphans`, `prune`, `fuse`, `unlisted`, `drain`, `rogue` |
//! | whether requests are answered, hop by hop | `chains`; a request sent through: `probe` |
//! | workers, resync, verification, shutdown | `run` |
//! | what is remembered between passes | `engine`, `memory`, `vanished` |
//! | resources that documents are to be written for | `import` |
//! | what is shown | `picture`, `shown`, `metrics`, `web`, `sink`; in the log: `turns` |
//!
//! Locks are taken in one order, and none is held across an await: the engine's state, then the inventory's.

mod backoff;
mod board;
mod budget;
mod chains;
mod clock;
mod deployment;
mod doubt;
mod drain;
mod emf;
mod engine;
mod execute;
mod fights;
mod fuse;
mod gate;
mod ground;
mod handover;
mod identity;
mod import;
mod inventory;
mod lanes;
mod lease;
mod leave;
mod lock;
mod memory;
mod metrics;
mod moved;
mod namesakes;
mod network;
mod orphans;
mod permit;
mod picture;
mod plan;
mod probe;
mod prune;
mod queue;
mod reconcile;
mod requests;
mod rogue;
mod roll;
mod run;
mod schedule;
mod sdk;
mod shown;
mod signal;
mod sink;
mod takedown;
mod turns;
mod twins;
mod unlisted;
mod users;
mod vanished;
mod web;
mod whole;
mod world;

/// The commit of the sources, where whoever built it said so in `HATOBA_COMMIT`. Nothing is asked for it.
pub const COMMIT: Option<&str> = option_env!("HATOBA_COMMIT");

pub use board::BucketBoard;
pub use clock::Clock;
pub use emf::Emf;
pub use engine::{Engine, FINDINGS, Options};
pub use import::{Reach, Sighted, Wanted};
pub use lease::{Board, BoardError, lead};
pub use lock::lead_by_lock;
pub use namesakes::watch_namesakes;
pub use permit::{Leader, Leadership};
pub use plan::{Impact, Plan, PlanAction, PlanEntry};
pub use requests::{HeldTogether, Look, Requests, acknowledge_here, ask_to_look, held_here};
pub use shown::{
    DocumentShown, Event, LeadershipShown, Origin, ProbeShown, PruningShown, QueueShown, QuotaShown, Shown,
    SourceShown,
};
pub use sink::{Heartbeat, Pace, SCHEMA_VERSION, SourceSeen, StatusSink};
pub use turns::TURNS;
pub use web::{Access, OpenPath, Picture, serve};
pub use world::{Checked, check, rendered};
