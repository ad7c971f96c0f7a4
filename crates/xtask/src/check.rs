//! `cargo xtask check`: the one gate. Every step in one order, each timed, the first failure stops.

use std::env;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use crate::{book, generate, shell, venv};

/// How much is demanded of the machine.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Depth {
    /// A test that needs a tool which is not there may say so and pass.
    Usual,
    /// Such a test fails: nothing is left out. For CI.
    Full,
}

type Step = (&'static str, fn(Depth) -> Result<()>);

/// Cheap steps first; the build comes before the tests because some of them start the binary.
const STEPS: &[Step] = &[
    ("python environment", |_| venv::prepare()),
    ("formatting", |_| shell::run(&mut shell::cargo(&["fmt", "--all", "--check"]))),
    ("generated files", |_| generate::run(generate::Mode::Check)),
    ("book", |_| book::check()),
    ("lints", |_| {
        shell::run(&mut shell::cargo(&[
            "clippy",
            "--workspace",
            "--all-targets",
            "--locked",
            "--",
            "-D",
            "warnings",
        ]))
    }),
    ("reference", |_| shell::run(&mut documentation())),
    ("build", |_| shell::run(&mut shell::cargo(&["build", "--workspace", "--all-targets", "--locked"]))),
    ("tests", |depth| shell::run(&mut tests(depth))),
    ("samples", |_| samples()),
];

/// Folders of sample documents.
const SAMPLES: [&str; 5] = ["article", "named-stage", "one-document", "shared-api", "sqs"];

/// Runs every step.
///
/// # Errors
/// That of the first step that fails.
pub(crate) fn run(depth: Depth) -> Result<()> {
    let start = Instant::now();
    for (index, (name, step)) in STEPS.iter().enumerate() {
        println!("── {}/{} {name}", index + 1, STEPS.len());
        let begin = Instant::now();
        step(depth).with_context(|| format!("check failed at step {} ({name})", index + 1))?;
        println!("── {name}: ok, {}", seconds(begin.elapsed()));
    }
    println!("── all of it: ok, {:.1} minutes", start.elapsed().as_secs_f64() / 60.0);
    Ok(())
}

fn documentation() -> Command {
    let mut command = shell::cargo(&["doc", "--workspace", "--no-deps", "--locked"]);
    command.env("RUSTDOCFLAGS", "-D warnings");
    command
}

fn tests(depth: Depth) -> Command {
    let mut command = shell::cargo(&["test", "--workspace", "--locked"]);
    command.envs(venv::variables());
    if depth == Depth::Full {
        command.env("HATOBA_REQUIRE_ALL", "1");
    }
    command
}

/// Every folder of sample documents is good by itself.
fn samples() -> Result<()> {
    for folder in SAMPLES {
        shell::run(&mut shell::command(binary(), &["validate", &format!("deploy/samples/{folder}")]))?;
    }
    Ok(())
}

/// The binary that the build step made.
fn binary() -> PathBuf {
    let target = env::var_os("CARGO_TARGET_DIR").map_or_else(|| "target".into(), PathBuf::from);
    shell::root().join(target).join("debug").join(format!("hatoba{}", env::consts::EXE_SUFFIX))
}

fn seconds(duration: Duration) -> String {
    format!("{:.1} s", duration.as_secs_f64())
}
