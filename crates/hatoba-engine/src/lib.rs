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
//! | sending a write, folding its answer in | `execute` |
//! | when the next pass is | `schedule`, `queue`, `backoff` |
//! | replacing what must be deleted first; what moved | `ground`, `takedown`, `moved` |
//! | resources without a document | `prune`, `drain`, `rogue` |
//! | workers, resync, verification, shutdown | `run` |
//! | what is remembered between passes | `engine`, `memory` |
//! | what is shown | `picture`, `shown`, `metrics`, `web`, `sink` |
//!
//! Locks are taken in one order, and none is held across an await: the engine's state, then the inventory's.

mod backoff;
mod budget;
mod clock;
mod deployment;
mod drain;
mod engine;
mod execute;
mod fights;
mod gate;
mod ground;
mod inventory;
mod leave;
mod memory;
mod metrics;
mod moved;
mod picture;
mod plan;
mod prune;
mod queue;
mod reconcile;
mod rogue;
mod run;
mod schedule;
mod sdk;
mod shown;
mod sink;
mod takedown;
mod users;
mod web;
mod whole;
mod world;

pub use clock::Clock;
pub use engine::{Engine, Options};
pub use plan::{Impact, Plan, PlanAction, PlanEntry};
pub use shown::{DocumentShown, Event, PruningShown, QueueShown, Shown, SourceShown};
pub use sink::StatusSink;
pub use web::serve;
pub use world::{Checked, check, rendered};
