//! `promtool`, which tries the alert rules: the machine's own, else that of Debian's package `prometheus`, unpacked beside
//! the build. Nothing is installed, and no server starts.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};

use crate::check::Depth;
use crate::shell;

const PACKAGE: &str = "prometheus";

/// Where tests look for programs, before the machine's own folders: the variable, and the folder.
pub(crate) fn variable() -> (&'static str, PathBuf) {
    ("HATOBA_TOOLS", folder().join("usr/bin"))
}

/// Beside the build's other results, so that `cargo clean` takes it away.
fn folder() -> PathBuf {
    shell::target().join("debian")
}

/// Makes sure that it is there, where no test may be left out; else says what is left out.
///
/// # Errors
/// When it is demanded and cannot be had.
pub(crate) fn prepare(depth: Depth) -> Result<()> {
    let program = variable().1.join("promtool");
    if program.is_file() || shell::find(&["promtool"]).is_some() {
        return Ok(());
    }
    match unpack()
        .context("cannot get promtool from Debian's package `prometheus`; anybody's in PATH will do")
    {
        Err(error) if depth == Depth::Usual => {
            println!("the alert rules are not tried: {error:#}");
            Ok(())
        }
        outcome => outcome,
    }
}

fn unpack() -> Result<()> {
    let folder = folder();
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let download =
        || shell::run(shell::command("apt-get", &["--quiet", "download", PACKAGE]).current_dir(&folder));
    if download().is_err() {
        // A fresh image has no list of packages. Where that cannot be had either, the download says why.
        let _ = shell::run(&mut shell::command("apt-get", &["--quiet", "update"]));
        download()?;
    }
    let entries = fs::read_dir(&folder)?.filter_map(|entry| Some(entry.ok()?.path()));
    let is_package = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "deb");
    for package in entries.filter(is_package) {
        let mut command = shell::command("dpkg-deb", &["--extract"]);
        shell::run(command.arg(&package).arg(&folder))?;
        fs::remove_file(&package)?;
    }
    Ok(())
}
