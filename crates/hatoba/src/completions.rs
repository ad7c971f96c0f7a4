//! `hatoba completions`: what a shell needs to complete this command line.

use std::process::ExitCode;

use clap::{Args, CommandFactory as _};
use clap_complete::Shell;

use crate::arguments::Hatoba;
use crate::report::print;

#[derive(Debug, Args)]
pub(crate) struct Completions {
    /// The shell.
    shell: Shell,
}

/// Prints the script.
///
/// # Errors
/// Standard output cannot be written to.
pub(crate) fn run(arguments: &Completions) -> anyhow::Result<ExitCode> {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut Hatoba::command(), "hatoba", &mut script);
    print(&String::from_utf8(script)?)
}
