//! `hatoba healthcheck`: whether the daemon beside it is alive, for images that hold nothing else to ask with.

use std::process::ExitCode;

use anyhow::ensure;
use clap::Args;

use crate::fetch::{self, TokenFile};

#[derive(Debug, Args)]
pub(crate) struct Healthcheck {
    /// The daemon's address.
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8080")]
    url: hyper::Uri,

    #[command(flatten)]
    token: TokenFile,
}

/// Asks `/healthz`: exit code 0 if it says well, else 1.
///
/// # Errors
/// When nobody answers, or the daemon says that it is not well.
pub(crate) async fn run(arguments: &Healthcheck) -> anyhow::Result<ExitCode> {
    let (status, _) = fetch::get(&arguments.url, "/healthz", &arguments.token).await?;
    ensure!(status == 200, "the daemon at {} is not healthy: it answers {status}", arguments.url);
    Ok(ExitCode::SUCCESS)
}
