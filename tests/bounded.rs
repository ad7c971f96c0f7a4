//! Boundedness: documents, APIs and routes come and go for a month, and whatever was made for them goes with them.
//!
//! The invariant: **what the daemon holds depends on what there is, not on what there was.** After as many documents as
//! before, memory, due work, tasks and metric series are what they were. And what a piece of work costs grows with what
//! it is about, not with all that there is, squared.
//!
//! Memory and work are counted by this program's allocator: bytes and allocations are the same on every machine. The
//! model of AWS is left out of the count.
//!
//! ```text
//! HATOBA_BOUNDED_DOCUMENTS=10000 HATOBA_BOUNDED_TIDES=30 HATOBA_BOUNDED_TIDE_HOURS=24 HATOBA_BOUNDED_SECONDS=86400 \
//!     cargo test --workspace --test bounded a_month -- --nocapture
//! ```
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a test stops where it is, and says so")]

#[path = "bounded/apart.rs"]
mod apart;
#[path = "bounded/fleet.rs"]
mod fleet;
#[path = "bounded/hands.rs"]
mod hands;
#[path = "bounded/month.rs"]
mod month;
#[path = "bounded/work.rs"]
mod work;
