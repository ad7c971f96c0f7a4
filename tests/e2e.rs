//! End to end: the binary as users start it, against a model of AWS behind a socket, in real time.
//!
//! Every run has credentials that must never be seen again, and everything that it says, writes and serves is
//! searched for them.
#![expect(clippy::unwrap_used, reason = "a test stops where it is, and says so")]

#[path = "e2e/asked.rs"]
mod asked;
#[path = "e2e/aws.rs"]
mod aws;
#[path = "e2e/browser.rs"]
mod browser;
#[path = "e2e/bucket.rs"]
mod bucket;
#[path = "e2e/commands.rs"]
mod commands;
#[path = "e2e/crashes.rs"]
mod crashes;
#[path = "e2e/daemon.rs"]
mod daemon;
#[path = "e2e/deploy.rs"]
mod deploy;
#[path = "e2e/fleet.rs"]
mod fleet;
#[path = "e2e/import.rs"]
mod import;
#[path = "e2e/leadership.rs"]
mod leadership;
#[path = "e2e/page.rs"]
mod page;
#[path = "e2e/portrait.rs"]
mod portrait;
#[path = "e2e/process.rs"]
mod process;
#[path = "e2e/roles.rs"]
mod roles;
#[path = "e2e/rounds.rs"]
mod rounds;
#[path = "e2e/sandbox.rs"]
mod sandbox;
#[path = "e2e/scarce.rs"]
mod scarce;
#[path = "e2e/slow.rs"]
mod slow;
#[path = "e2e/terminal.rs"]
mod terminal;
#[path = "e2e/tools.rs"]
mod tools;
