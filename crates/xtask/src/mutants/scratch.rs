//! A copy of the tree in which faults are planted. Only what differs is written, so only what differs is compiled.
//!
//! The invariant: **nothing of it gets into the tree's own builds**. Cargo names what it builds by its place in its workspace,
//! so the copy would put its libraries over ours: it has a target folder of its own, which the first run fills.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::shell;

/// What a build of the tests needs of the root.
const PARTS: &[&str] = &["Cargo.toml", "Cargo.lock", ".cargo", "crates", "deploy", "docs", "tests"];

/// The copy.
pub(crate) struct Scratch {
    folder: PathBuf,
    tree: PathBuf,
}

impl Scratch {
    /// Makes the copy equal to the tree as it is now.
    ///
    /// # Errors
    /// When files cannot be read or written.
    pub(crate) fn prepare() -> Result<Scratch> {
        let folder = shell::target().join("mutants");
        let scratch = Scratch { tree: folder.join("tree"), folder };
        let tree = &scratch.tree;
        fs::create_dir_all(tree).with_context(|| format!("cannot make {}", tree.display()))?;
        let mut wanted = BTreeSet::new();
        for part in PARTS {
            copy(&shell::root().join(part), &tree.join(part), &mut wanted)?;
        }
        remove_others(tree, &wanted)?;
        Ok(scratch)
    }

    /// Where the copy and what is said of it lie.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// The copy.
    pub(crate) fn tree(&self) -> &Path {
        &self.tree
    }

    /// Writes these files, by path from the root.
    ///
    /// # Errors
    /// When one of them cannot be written.
    pub(crate) fn plant(&self, files: &BTreeMap<String, String>) -> Result<()> {
        for (file, text) in files {
            fs::write(self.tree.join(file), text).with_context(|| format!("cannot write {file}"))?;
        }
        Ok(())
    }

    /// Makes these files what they were.
    ///
    /// # Errors
    /// When one of them cannot be copied.
    pub(crate) fn restore<'a>(&self, files: impl Iterator<Item = &'a str>) -> Result<()> {
        for file in files {
            fs::copy(shell::root().join(file), self.tree.join(file))
                .with_context(|| format!("cannot copy {file}"))?;
        }
        Ok(())
    }

    /// A cargo that works in the copy.
    pub(crate) fn cargo(&self, arguments: &[&str]) -> Command {
        let mut command = shell::cargo(arguments);
        command.current_dir(&self.tree).env("CARGO_TARGET_DIR", self.folder.join("build"));
        command.env("CARGO_PROFILE_DEV_DEBUG", "false"); // nobody debugs it
        // A planted fault is a few lines: compiling them takes a fifth of the time that compiling their crates would.
        command.env("CARGO_INCREMENTAL", "1");
        command
    }
}

fn copy(from: &Path, to: &Path, wanted: &mut BTreeSet<PathBuf>) -> Result<()> {
    wanted.insert(to.to_owned());
    let about = fs::metadata(from).with_context(|| format!("cannot read {}", from.display()))?;
    if about.is_dir() {
        fs::create_dir_all(to).with_context(|| format!("cannot make {}", to.display()))?;
        for entry in fs::read_dir(from)? {
            let name = entry?.file_name();
            copy(&from.join(&name), &to.join(&name), wanted)?;
        }
        return Ok(());
    }
    let content = fs::read(from).with_context(|| format!("cannot read {}", from.display()))?;
    if fs::read(to).ok().as_ref() != Some(&content) {
        fs::write(to, content).with_context(|| format!("cannot write {}", to.display()))?;
    }
    Ok(())
}

fn remove_others(folder: &Path, wanted: &BTreeSet<PathBuf>) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        match (wanted.contains(&path), path.is_dir()) {
            (true, true) => remove_others(&path, wanted)?,
            (true, false) => {}
            (false, true) => {
                fs::remove_dir_all(&path).with_context(|| format!("cannot remove {}", path.display()))?
            }
            (false, false) => {
                fs::remove_file(&path).with_context(|| format!("cannot remove {}", path.display()))?
            }
        }
    }
    Ok(())
}
