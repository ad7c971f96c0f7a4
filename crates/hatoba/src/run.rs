//! `hatoba run`: the daemon on AWS.

use std::process::ExitCode;

use anyhow::Context as _;
use aws_config::{BehaviorVersion, SdkConfig};
use hatoba_engine::{Clock, Engine, Options};
use hatoba_source::{Directory, Variables};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::arguments::Run;
use crate::daemon::{Daemon, lock_folder, sink};

/// Runs the daemon.
///
/// # Errors
/// When the folder, the address or the AWS settings cannot be used.
pub(crate) async fn run(arguments: Run, vars: Variables) -> anyhow::Result<ExitCode> {
    let source = Directory::open(&arguments.source, vars)?;
    let config = aws().await?;
    let listener = TcpListener::bind(arguments.listen).await.with_context(|| {
        format!("cannot listen on {}: another --listen address may be free", arguments.listen)
    })?;
    let sink = sink(arguments.status_to.as_ref(), &arguments.source);
    let options = Options {
        metric_documents_max: arguments.metric_documents_max,
        ..arguments.owner.options(arguments.source.display().to_string(), arguments.resync)
    };
    tracing::info!(source = %arguments.source.display(), page = %format!("http://{}/", listener.local_addr()?), "started");
    let engine = Engine::new(options, &config, Clock::starting_at(jiff::Timestamp::now()), sink.load());
    let once = arguments.once.once.then_some(arguments.once.timeout);
    let lock = lock_folder(arguments.status_to.as_ref(), &arguments.source);
    Daemon { engine, source, poll: arguments.poll, sink, listener: Some(listener), once, lock }
        .run(CancellationToken::new())
        .await
}

/// AWS settings from the SDK's standard chain.
///
/// # Errors
/// When there is no region.
pub(crate) async fn aws() -> anyhow::Result<SdkConfig> {
    // Pinned, so that a new SDK cannot change timeouts or retries behind our back.
    let config = aws_config::defaults(BehaviorVersion::v2026_01_12()).load().await;
    anyhow::ensure!(
        config.region().is_some(),
        "no AWS region is set: expected AWS_REGION or a profile with a region"
    );
    Ok(config)
}
