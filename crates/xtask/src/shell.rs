//! Running other programs from the root of the workspace.

use std::env;
use std::ffi::OsStr;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

/// The root of the workspace, wherever the command was started.
pub(crate) fn root() -> PathBuf {
    // Where cargo runs it; where it was built may be elsewhere.
    let here = env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
    let here = Path::new(&here);
    here.ancestors().nth(2).unwrap_or(here).to_path_buf()
}

/// Where cargo puts what it builds: where it put this program, but for CI, which has its own.
pub(crate) fn target() -> PathBuf {
    let here = env::current_exe().ok();
    let beside = here.as_deref().and_then(|here| here.ancestors().nth(2)).map(Path::to_path_buf);
    ci_cache().or(beside).unwrap_or_else(|| root().join("target"))
}

/// What CI keeps from one run to the next, outside of the checkout that it throws away: what was compiled, and the Python
/// environments. Of our own crates, what was compiled of other sources is built anew ([`crate::kept`]). Whoever wants to
/// be sure removes the folder, or names another one in `CARGO_TARGET_DIR`.
pub(crate) fn ci_cache() -> Option<PathBuf> {
    let folder = |variable| env::var_os(variable).filter(|value| !value.is_empty()).map(PathBuf::from);
    folder("CI")?;
    if let Some(chosen) = folder("CARGO_TARGET_DIR") {
        return Some(chosen);
    }
    let cache = folder("XDG_CACHE_HOME").or_else(|| folder("HOME").map(|home| home.join(".cache")))?;
    Some(cache.join("hatoba-target"))
}

/// The first of these programs that is in the machine's folders.
pub(crate) fn find(names: &[&str]) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    let folders: Vec<PathBuf> = env::split_paths(&path).collect();
    let all = names.iter().flat_map(|name| folders.iter().map(move |folder| folder.join(name)));
    all.into_iter().find(|program| program.is_file())
}

/// A program to be started at the root.
pub(crate) fn command(program: impl AsRef<OsStr>, arguments: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.args(arguments).current_dir(root());
    command
}

/// The cargo that runs us, so that a pinned toolchain stays the same all the way down.
pub(crate) fn cargo(arguments: &[&str]) -> Command {
    let mut command = command(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()), arguments);
    command.env("CARGO_TARGET_DIR", target());
    command
}

/// Runs with output passed through; an exit code other than 0 is an error.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| format!("cannot start {}", shown(command)))?;
    if !status.success() {
        bail!("{} ended with {status}", shown(command));
    }
    Ok(())
}

/// Runs and returns what it printed; its error output is passed through.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let output = command
        .stderr(Stdio::inherit())
        .output()
        .with_context(|| format!("cannot start {}", shown(command)))?;
    if !output.status.success() {
        bail!("{} ended with {}", shown(command), output.status);
    }
    String::from_utf8(output.stdout)
        .with_context(|| format!("{} printed something that is not text", shown(command)))
}

/// Runs and returns what it printed, which is passed through line by line as well; its error output is, too.
pub(crate) fn listen(command: &mut Command) -> Result<String> {
    let name = shown(command);
    let mut child = command.stdout(Stdio::piped()).spawn().with_context(|| format!("cannot start {name}"))?;
    let mut said = String::new();
    for line in child.stdout.take().into_iter().flat_map(|out| BufReader::new(out).lines()) {
        let line = line.unwrap_or_default();
        println!("{line}");
        said = said + &line + "\n";
    }
    let status = child.wait()?;
    if !status.success() {
        bail!("{name} ended with {status}");
    }
    Ok(said)
}

fn shown(command: &Command) -> String {
    let program = Path::new(command.get_program()).file_name().unwrap_or(command.get_program());
    let words = std::iter::once(program).chain(command.get_args());
    let line: Vec<_> = words.map(|word| word.to_string_lossy().replace('\n', " ")).collect();
    let line = line.join(" ");
    if line.chars().count() > 120 {
        format!("{}…", line.chars().take(120).collect::<String>())
    } else {
        line
    }
}
