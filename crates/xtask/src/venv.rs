//! The project's own Python environments in cargo's target folder: made once, made again when their lists of packages
//! change.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::shell;

/// One environment: its folder in the target folder, its list of packages, and what that says.
struct Environment {
    folder: &'static str,
    list: &'static str,
    packages: &'static str,
}

/// Two, since the emulators want different versions of botocore.
const ENVIRONMENTS: &[Environment; 2] = &[
    Environment {
        folder: "venv",
        list: "crates/xtask/requirements.txt",
        packages: include_str!("../requirements.txt"),
    },
    Environment {
        folder: "venv-ministack",
        list: "crates/xtask/requirements-ministack.txt",
        packages: include_str!("../requirements-ministack.txt"),
    },
];

impl Environment {
    /// Beside the build's other results, so that `cargo clean` takes it away.
    fn directory(&self) -> PathBuf {
        shell::target().join(self.folder)
    }

    fn python(&self) -> PathBuf {
        let folder = if cfg!(windows) { "Scripts" } else { "bin" };
        self.directory().join(folder).join("python")
    }

    fn prepare(&self) -> Result<()> {
        let stamp = self.directory().join("hatoba-requirements.txt");
        if fs::read_to_string(&stamp).is_ok_and(|installed| installed == self.packages) {
            return Ok(());
        }
        println!("making {} (once)", self.directory().display());
        self.install().context(
            "cannot make the Python environments that hold AWS's service models and the emulators for the tests; \
             they need python3 (3.10 or newer) with its venv module, and a network or a package cache the first time",
        )?;
        fs::write(&stamp, self.packages).with_context(|| format!("cannot write {}", stamp.display()))
    }

    fn install(&self) -> Result<()> {
        let wanted = shell::root().join(self.list);
        shell::run(&mut shell::command("python3", &["-m", "venv", "--clear", text(&self.directory())?]))?;
        let pip = [
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "--no-compile", // most of it is never imported
            "--requirement",
            text(&wanted)?,
        ];
        shell::run(&mut shell::command(self.python(), &pip))
    }
}

/// Where the tests find the environments: variables, folders.
pub(crate) fn variables() -> [(&'static str, PathBuf); 2] {
    let [first, second] = ENVIRONMENTS;
    [("HATOBA_VENV", first.directory()), ("HATOBA_VENV_MINISTACK", second.directory())]
}

/// The interpreter of the first, which holds AWS's service models.
pub(crate) fn python() -> PathBuf {
    ENVIRONMENTS[0].python()
}

/// Makes the environments unless they are there with exactly the wanted packages.
///
/// # Errors
/// When Python 3 is missing or a package cannot be installed.
pub(crate) fn prepare() -> Result<()> {
    ENVIRONMENTS.iter().try_for_each(Environment::prepare)
}

fn text(path: &Path) -> Result<&str> {
    path.to_str().with_context(|| format!("{} is not valid Unicode", path.display()))
}
