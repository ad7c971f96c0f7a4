//! The project's own Python environment in `target/venv`: made once, made again when its list of packages changes.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::shell;

/// What is installed, with versions.
const REQUIREMENTS: &str = include_str!("../requirements.txt");

/// Where the environment lives; beside the build's other results, so that `cargo clean` takes it away.
pub(crate) fn directory() -> PathBuf {
    shell::root().join("target").join("venv")
}

/// Its interpreter.
pub(crate) fn python() -> PathBuf {
    let folder = if cfg!(windows) { "Scripts" } else { "bin" };
    directory().join(folder).join("python")
}

/// Makes the environment unless it is there with exactly the wanted packages.
///
/// # Errors
/// When Python 3 is missing or a package cannot be installed.
pub(crate) fn prepare() -> Result<()> {
    let stamp = directory().join("hatoba-requirements.txt");
    if fs::read_to_string(&stamp).is_ok_and(|installed| installed == REQUIREMENTS) {
        return Ok(());
    }
    println!("making {} (once)", directory().display());
    install().context(
        "cannot make the Python environment that holds AWS's service models and the emulator for the tests; \
         it needs python3 (3.10 or newer) with its venv module, and a network or a package cache the first time",
    )?;
    fs::write(&stamp, REQUIREMENTS).with_context(|| format!("cannot write {}", stamp.display()))
}

fn install() -> Result<()> {
    let wanted = shell::root().join("crates/xtask/requirements.txt");
    let environment = directory();
    shell::run(&mut shell::command("python3", &["-m", "venv", "--clear", text(&environment)?]))?;
    let pip =
        ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement", text(&wanted)?];
    shell::run(&mut shell::command(python(), &pip))
}

fn text(path: &Path) -> Result<&str> {
    path.to_str().with_context(|| format!("{} is not valid Unicode", path.display()))
}
