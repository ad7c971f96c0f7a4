//! The simulation: the real engine, kinds and SDK clients in one thread on a paused clock, against a model of AWS, with
//! everything going wrong that a seed says. Invariants are checked at every write, and after every step.
//!
//! `cargo xtask simulate --seeds N --from S --steps M` runs more of it; a seed that fails prints the command that
//! replays it.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a test stops where it is, and says so")]

/// The SDK and the model allocate all the time: so much the more seeds fit into a minute.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[path = "simulation/call.rs"]
mod call;
#[path = "simulation/claims.rs"]
mod claims;
#[path = "simulation/coda.rs"]
mod coda;
#[path = "simulation/crashes.rs"]
mod crashes;
#[path = "simulation/disk.rs"]
mod disk;
#[path = "simulation/duties.rs"]
mod duties;
#[path = "simulation/events.rs"]
mod events;
#[path = "simulation/fleet.rs"]
mod fleet;
#[path = "simulation/hands.rs"]
mod hands;
#[path = "simulation/happened.rs"]
mod happened;
#[path = "simulation/judge.rs"]
mod judge;
#[path = "simulation/lease.rs"]
mod lease;
#[path = "simulation/sea.rs"]
mod sea;
#[path = "simulation/seeds.rs"]
mod seeds;
#[path = "simulation/ship.rs"]
mod ship;
#[path = "simulation/swarm.rs"]
mod swarm;
#[path = "simulation/trace.rs"]
mod trace;
#[path = "simulation/truth.rs"]
mod truth;
#[path = "simulation/twins.rs"]
mod twins;
#[path = "simulation/voyage.rs"]
mod voyage;
#[path = "simulation/walks/mod.rs"]
mod walks;
#[path = "simulation/way.rs"]
mod way;
#[path = "simulation/witness.rs"]
mod witness;
