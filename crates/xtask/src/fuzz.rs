//! `cargo xtask fuzz`: every target of `tests/fuzz/` for so many seconds, from the committed corpus on.
//!
//! It needs nothing but a C++ compiler: libFuzzer comes with the crate `libfuzzer-sys`, and its counters with the
//! stable compiler. Only our own crates get counters, so that everything that the tests have compiled is used as it is.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::shell;

/// Set for cargo, which then calls this program in front of the compiler.
const WRAPS: &str = "HATOBA_XTASK_WRAPS_RUSTC";

/// What cargo-fuzz gives to the compiler without a sanitizer.
const COUNTERS: [&str; 7] = [
    "--cfg=fuzzing",
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
    "-Cdebug-assertions=on",
];

/// Slower inputs, and larger ones in memory, are failures. Far above the limits that the tests count out: this machine
/// may be a slow one, and the program counts what it runs.
const SECONDS_MAX: u32 = 5;
const MEMORY_MIB_MAX: u32 = 1024;

/// Whether this program was called in front of the compiler.
pub(crate) fn wraps_the_compiler() -> bool {
    env::var_os(WRAPS).is_some()
}

/// Compiles as cargo says; our own crates with counters.
///
/// # Errors
/// When the compiler fails.
pub(crate) fn compile(arguments: impl Iterator<Item = OsString>) -> Result<()> {
    let arguments: Vec<OsString> = arguments.collect();
    let (compiler, rest) = arguments.split_first().context("no compiler is named")?;
    let name = rest.iter().skip_while(|word| *word != "--crate-name").nth(1);
    let is_ours = name.and_then(|name| name.to_str()).is_some_and(|name| name.starts_with("hatoba"));
    let mut command = Command::new(compiler);
    command.args(rest);
    if is_ours {
        command.args(COUNTERS);
    }
    shell::run(&mut command)
}

/// Runs every target for so many seconds.
///
/// # Errors
/// When the targets cannot be built, or one of them found something; the command that shows it again was printed.
pub(crate) fn run(seconds_per_target: u64) -> Result<()> {
    if shell::find(&["c++", "g++", "clang++"]).is_none() {
        bail!("libFuzzer needs a C++ compiler, and there is none: on Debian `apt-get install g++`");
    }
    let targets = targets()?;
    println!("── the worst files");
    measure()?;
    build()?;
    let mut failed = Vec::new();
    for target in &targets {
        println!("── fuzz {target}");
        if fuzz(target, seconds_per_target).is_err() {
            failed.push(target.as_str());
        }
    }
    if failed.is_empty() {
        return Ok(());
    }
    bail!(
        "{} found something: put the input that is named above into tests/fuzz/corpus/, and mend it",
        failed.join(", ")
    )
}

/// The names of the targets.
pub(crate) fn targets() -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(shell::root().join("tests/fuzz/targets"))? {
        let path = entry?.path();
        names.extend(path.file_stem().and_then(|name| name.to_str()).map(str::to_owned));
    }
    names.sort();
    Ok(names)
}

/// How long the worst files take that fit into the limits.
fn measure() -> Result<()> {
    let mut command = shell::cargo(&["test", "--workspace", "--locked", "--test", "fuzz"]);
    command.args(["--", "--ignored", "--nocapture"]);
    shell::run(&mut command)
}

fn build() -> Result<()> {
    let mut command =
        shell::cargo(&["build", "--locked", "--bins", "--manifest-path", "tests/fuzz/Cargo.toml"]);
    command.env("RUSTC_WRAPPER", this_program()?).env(WRAPS, "1");
    shell::run(&mut command)
}

/// Where this program lies. A build of the whole workspace meanwhile puts another one in its place, and the system calls
/// the one that runs deleted.
fn this_program() -> Result<PathBuf> {
    Ok(env::current_exe()?.with_file_name(format!("xtask{}", env::consts::EXE_SUFFIX)))
}

/// Runs one target; what it learns is kept beside what is built, and what it finds, too.
fn fuzz(target: &str, seconds: u64) -> Result<()> {
    let place = shell::target().join("fuzz");
    let (learnt, found) = (place.join("corpus").join(target), place.join("found"));
    for folder in [&learnt, &found] {
        fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    }
    let committed = shell::root().join("tests/fuzz/corpus").join(target);
    let mut command = shell::command(program(target), &[]);
    command
        .arg(format!("-max_total_time={seconds}"))
        .arg(format!("-timeout={SECONDS_MAX}"))
        .arg(format!("-rss_limit_mb={MEMORY_MIB_MAX}"))
        .arg(format!("-artifact_prefix={}/{target}-", found.display()))
        .args(dictionary(target).map(|words| format!("-dict={}", words.display())))
        .args(["-print_final_stats=1", "-verbosity=0"])
        .args([learnt, committed]);
    shell::run(&mut command)
}

fn program(target: &str) -> PathBuf {
    shell::target().join("debug").join(format!("{target}{}", env::consts::EXE_SUFFIX))
}

/// Words that an input of the target may have, where there is a list of them.
fn dictionary(target: &str) -> Option<PathBuf> {
    let words = shell::root().join("tests/fuzz/words").join(target);
    words.is_file().then_some(words)
}
