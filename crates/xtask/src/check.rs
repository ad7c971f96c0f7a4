//! `cargo xtask check`: the one gate. Every step in one order, each timed, the first failure stops.

use std::env;
use std::fs;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use crate::{book, browser, generate, kept, promtool, shell, venv};

/// How much is demanded of the machine.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Depth {
    /// A test that needs a tool which is not there may say so and pass.
    Usual,
    /// Such a test fails: no test is left out. For CI.
    Full,
}

/// What is done, and the latest at which CI still begins it.
struct Step {
    name: &'static str,
    latest: Option<Duration>,
    work: fn(Depth) -> Result<()>,
}

const fn step(name: &'static str, work: fn(Depth) -> Result<()>) -> Step {
    Step { name, latest: None, work }
}

/// CI is ended after 90 minutes, whatever it had found. A step that would not be over by then on a machine that took so
/// long so far is left out there, and that is said; it is the matter of whoever changes the code.
const fn if_there_is_time(minutes: u64, name: &'static str, work: fn(Depth) -> Result<()>) -> Step {
    Step { name, latest: Some(Duration::from_secs(60 * minutes)), work }
}

/// Cheap steps first; the programs come before the tests because some of them start one. They are built together with
/// the first tests: alone, what the tests ask of a dependency would be missing, and it and all that uses it would be
/// compiled twice. Unit tests compile their crates once more; clippy and rustdoc can use nothing of what was built.
const STEPS: &[Step] = &[
    step("what was built before", |_| kept::recall()),
    step("python environment", |_| venv::prepare()),
    step("promtool", promtool::prepare),
    step("browser", browser::prepare),
    step("formatting", |_| formatting()),
    step("generated files", |_| generate::run(generate::Mode::Check)),
    step("book", |_| book::check()),
    step("build", |depth| cargo(depth, shell::cargo(&[BUILD, SCENARIOS].concat()))),
    step("samples", |_| samples()),
    step("scenarios", |depth| test(depth, SCENARIOS)),
    if_there_is_time(45, "simulation", |depth| test(depth, &["--test", "simulation"])),
    if_there_is_time(40, "unit tests", |depth| test(depth, &["--lib", "--bins"])),
    if_there_is_time(60, "end-to-end tests", |depth| test(depth, &["--test", "e2e"])),
    if_there_is_time(40, "tests against emulators", |depth| test(depth, &["--test", "conformance"])),
    if_there_is_time(20, "examples", |depth| test(depth, &["--doc"])),
    if_there_is_time(20, "lints", |depth| cargo(depth, shell::cargo(CLIPPY))),
    if_there_is_time(20, "reference", |depth| cargo(depth, documentation())),
];

const BUILD: &[&str] = &["build", "--workspace", "--lib", "--bins", "--locked"];

const SCENARIOS: &[&str] = &[
    "--test",
    "architecture",
    "--test",
    "shapes",
    "--test",
    "fuzz",
    "--test",
    "bounded",
    "--test",
    "scenarios",
];

const CLIPPY: &[&str] = &["clippy", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings"];

/// Runs every step.
///
/// # Errors
/// That of the first step that fails.
pub(crate) fn run(depth: Depth) -> Result<()> {
    let start = Instant::now();
    for (index, step) in STEPS.iter().enumerate() {
        let Step { name, latest, work } = step;
        println!("── {}/{} {name}", index + 1, STEPS.len());
        let begin = Instant::now();
        if depth == Depth::Full && latest.is_some_and(|latest| start.elapsed() > latest) {
            println!("── {name}: LEFT OUT, there is no time for it here; `cargo xtask check` does it");
            continue;
        }
        work(depth).with_context(|| format!("check failed at step {} ({name})", index + 1))?;
        println!("── {name}: ok, {}", seconds(begin.elapsed()));
    }
    println!("── all of it: ok, {:.1} minutes", start.elapsed().as_secs_f64() / 60.0);
    Ok(())
}

/// Runs cargo. Nobody goes on from CI's build of our crates: what would make the next one quicker, or help a debugger,
/// is not written. A panic tells its file and line all the same.
fn cargo(depth: Depth, mut command: Command) -> Result<()> {
    if depth == Depth::Full {
        command.env("CARGO_INCREMENTAL", "0").env("CARGO_PROFILE_DEV_DEBUG", "false");
    }
    shell::run(&mut command)
}

fn formatting() -> Result<()> {
    shell::run(&mut shell::cargo(&["fmt", "--all", "--check"]))?;
    // A workspace of its own.
    shell::run(&mut shell::cargo(&["fmt", "--manifest-path", "tests/fuzz/Cargo.toml", "--check"]))
}

fn documentation() -> Command {
    let mut command = shell::cargo(&["doc", "--workspace", "--no-deps", "--locked"]);
    command.env("RUSTDOCFLAGS", "-D warnings");
    command
}

/// Runs the tests of some targets.
fn test(depth: Depth, targets: &[&str]) -> Result<()> {
    let mut command = shell::cargo(&["test", "--workspace", "--locked"]);
    command.args(targets).envs(venv::variables()).envs([promtool::variable()]);
    if depth == Depth::Full {
        command.arg("--no-fail-fast"); // who reads CI's output wants all of it
        command.env("HATOBA_REQUIRE_ALL", "1");
    }
    cargo(depth, command)
}

/// Every folder of sample documents is good by itself.
fn samples() -> Result<()> {
    let binary = shell::target().join("debug").join(format!("hatoba{}", env::consts::EXE_SUFFIX));
    for entry in fs::read_dir(shell::root().join("deploy/samples"))? {
        let folder = entry?.path();
        shell::run(shell::command(&binary, &["validate"]).arg(folder))?;
    }
    Ok(())
}

fn seconds(duration: Duration) -> String {
    format!("{:.1} s", duration.as_secs_f64())
}
