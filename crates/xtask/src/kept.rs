//! What CI built of our own crates before: sources that are the same, byte for byte, get back the times that they had.
//!
//! Cargo takes a file for changed when it is newer than what was built of it, and in a fresh checkout every file is. What
//! is in the folder was built of the files in the list beside it: the list is written before each build. A file that differs
//! from its line keeps its own time, which is newer than everything there. Who builds there without this command, and of
//! other sources, makes the list untrue: whoever did runs `CI=1 cargo xtask check --full` last, or removes the folder.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, UNIX_EPOCH};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use crate::shell;

const LIST: &str = "hatoba-sources.json";

/// A file as it was when something was built of it.
#[derive(Serialize, Deserialize)]
struct Built {
    /// git's name of its content.
    content: String,
    modified: Duration,
}

/// Gives what is unchanged its time back, and notes how everything is now. Nothing is done outside of CI.
///
/// # Errors
/// When git cannot be asked, or a file cannot be written.
pub(crate) fn recall() -> Result<()> {
    match shell::ci_cache() {
        Some(cache) => recall_in(&shell::root(), &cache),
        None => Ok(()),
    }
}

fn recall_in(root: &Path, cache: &Path) -> Result<()> {
    let list = cache.join(LIST);
    let before: BTreeMap<String, Built> =
        fs::read_to_string(&list).ok().and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default();
    let mut now = BTreeMap::new();
    for (path, content) in contents(root)? {
        let file = root.join(&path);
        if let Some(built) = before.get(&path).filter(|built| built.content == content) {
            File::options().write(true).open(&file)?.set_modified(UNIX_EPOCH + built.modified)?;
        }
        let modified = fs::metadata(&file)?.modified()?.duration_since(UNIX_EPOCH)?;
        now.insert(path, Built { content, modified });
    }
    fs::create_dir_all(cache)?;
    fs::write(&list, serde_json::to_string(&now)?).with_context(|| format!("cannot write {}", list.display()))
}

/// Every tracked file with git's name of what is in it now.
fn contents(root: &Path) -> Result<Vec<(String, String)>> {
    let git = |arguments: &[&str]| {
        let mut command = Command::new("git");
        command.args(arguments).current_dir(root);
        shell::output(&mut command)
    };
    let tracked = git(&["ls-files"])?;
    let paths: Vec<&str> = tracked.lines().filter(|path| root.join(path).is_file()).collect();
    let hashed = git(&[&["hash-object", "--no-filters", "--"], paths.as_slice()].concat())?;
    Ok(paths.into_iter().map(str::to_owned).zip(hashed.lines().map(str::to_owned)).collect())
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;

    #[test]
    fn only_what_is_the_same_gets_its_time_back() {
        let (root, cache) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let file = root.path().join("a.rs");
        let write = |text: &str, at: u64| {
            fs::write(&file, text).unwrap();
            let at = UNIX_EPOCH + Duration::from_secs(at);
            File::options().write(true).open(&file).unwrap().set_modified(at).unwrap();
        };
        let recalled = || -> SystemTime {
            recall_in(root.path(), cache.path()).unwrap();
            fs::metadata(&file).unwrap().modified().unwrap()
        };
        let seconds = |at: u64| UNIX_EPOCH + Duration::from_secs(at);
        write("one", 1_000);
        for arguments in [&["init", "--quiet"][..], &["add", "a.rs"]] {
            let done = Command::new("git").args(arguments).current_dir(root.path()).status().unwrap();
            assert!(done.success());
        }
        assert_eq!(recalled(), seconds(1_000), "nothing is known of it");
        write("one", 2_000);
        assert_eq!(recalled(), seconds(1_000));
        write("two", 3_000);
        assert_eq!(recalled(), seconds(3_000));
        write("one", 4_000);
        assert_eq!(recalled(), seconds(4_000), "something else was built meanwhile");
    }
}
