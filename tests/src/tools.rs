//! Programs that are not ours and that some tests need: an independent witness is worth more than our own word.
//!
//! The invariant: **a test is never left out in silence**. Without its program it says so on the terminal and passes; where
//! `HATOBA_REQUIRE_ALL` is set (`cargo xtask check --full`) it fails.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::Command;

/// A Python environment: the variable that names it, its folder in `target` where none does.
pub type Environment = (&'static str, &'static str);

/// The one with AWS's service models, an emulator, and the checkers of schemas and templates.
pub const MODELS: Environment = ("HATOBA_VENV", "venv");

/// A program of an environment, if somebody made one that has it.
pub fn program((variable, folder): Environment, name: &str) -> Option<PathBuf> {
    let target = crate::root().join("target");
    let venv = std::env::var_os(variable).map_or_else(|| target.join(folder), PathBuf::from);
    Some(venv.join("bin").join(name)).filter(|program| program.is_file())
}

/// A program of a Python environment, or a visible word that it was not there.
///
/// # Panics
/// When it is not there and must be.
pub fn installed(environment: Environment, name: &str) -> Option<PathBuf> {
    let (variable, folder) = environment;
    let wanted = format!("`cargo xtask check` makes target/{folder}, {variable} names another");
    program(environment, name).or_else(|| missing(name, &wanted))
}

/// A program of this machine, or of the folder that `HATOBA_TOOLS` names, or a visible word that it was not there.
///
/// # Panics
/// When it is not there and must be.
pub fn on_this_machine(name: &str, package: &str) -> Option<PathBuf> {
    let folders = ["HATOBA_TOOLS", "PATH"].map(|variable| std::env::var_os(variable).unwrap_or_default());
    let folders = folders.iter().flat_map(|folders| std::env::split_paths(folders));
    let found = folders.map(|folder| folder.join(name)).find(|file| file.is_file());
    found.or_else(|| missing(name, &format!("Debian's package `{package}` has it")))
}

fn missing(name: &str, wanted: &str) -> Option<PathBuf> {
    let message = format!("{name} is not installed: {wanted}");
    assert!(std::env::var_os("HATOBA_REQUIRE_ALL").is_none(), "{message}");
    say(&format!("SKIPPED, {message}"));
    None
}

/// On the terminal also when tests are captured.
pub fn say(line: &str) {
    // Nobody listens to standard error: there is nowhere to say so.
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// Runs it to its end; what it printed, or what it found wrong.
///
/// # Errors
/// Both outputs, when it does not end with 0.
pub fn run(command: &mut Command) -> Result<String, String> {
    let output = command.output().map_err(|error| format!("{command:?}: {error}"))?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    match output.status.success() {
        true => Ok(text(&output.stdout)),
        false => Err(format!("{}{}", text(&output.stdout), text(&output.stderr))),
    }
}
