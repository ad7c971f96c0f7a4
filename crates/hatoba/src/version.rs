//! `hatoba version`: which program this is.

use std::process::ExitCode;

use clap::Args;
use hatoba_engine::COMMIT;
use serde_json::json;

use crate::report::{Output, print};

#[derive(Debug, Args)]
pub(crate) struct Version {
    /// How it is printed.
    #[arg(long, value_enum, default_value_t)]
    output: Output,
}

/// Prints it.
///
/// # Errors
/// Standard output cannot be written to.
pub(crate) fn run(arguments: &Version) -> anyhow::Result<ExitCode> {
    let version = env!("CARGO_PKG_VERSION");
    match arguments.output {
        Output::Text => {
            print(&format!("hatoba {version} (commit {})\n", COMMIT.unwrap_or("not told to the build")))
        }
        Output::Json => print(&format!("{:#}\n", json!({ "version": version, "commit": COMMIT }))),
    }
}
