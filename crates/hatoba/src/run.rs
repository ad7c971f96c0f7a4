//! `hatoba run`: the daemon on AWS.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use aws_config::{BehaviorVersion, SdkConfig};
use hatoba_engine::{Clock, Engine, Options};
use hatoba_source::Variables;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::arguments::Run;
use crate::daemon::{Daemon, Lead};
use crate::place::{self, StatusTo};
use crate::token;

/// Earlier statuses are hints: a start waits no longer for a list of them, and then for them.
const START: Duration = Duration::from_secs(3);

/// Runs the daemon.
///
/// # Errors
/// When the folder, the address or the AWS settings cannot be used.
pub(crate) async fn run(arguments: Run, vars: Variables) -> anyhow::Result<ExitCode> {
    let access = arguments.access.access(arguments.listen, token::variable())?;
    let status_to = StatusTo::of(arguments.status_to.as_ref(), &arguments.source)?;
    let options = Options {
        metric_documents_max: arguments.metric_documents_max,
        ..arguments.owner.options(&arguments.source, arguments.resync)?
    };
    let (mut source, config) = arguments.source.open(vars).await?;
    let queue = arguments.notify_queue.as_ref();
    let listens = queue.map(|url| place::listen(&mut source, &config, url)).transpose()?;
    let listener = TcpListener::bind(arguments.listen).await.with_context(|| {
        format!("cannot listen on {}: another --listen address may be free", arguments.listen)
    })?;
    let mut sink = status_to.sink(&config);
    tracing::info!(source = %arguments.source, page = %format!("http://{}/", listener.local_addr()?), "started");
    let statuses = sink.load(START).await;
    let engine = Engine::new(options, &config, Clock::starting_at(jiff::Timestamp::now()), statuses);
    let once = arguments.once.once.then_some(arguments.once.timeout);
    let lead = match arguments.no_lease {
        true => Lead::Unasked,
        false => status_to.lead(&config, arguments.owner.owner.is_some()),
    };
    let keep = status_to.keep(&config);
    let (poll, listener) = (arguments.poll, Some(listener));
    let emf = arguments.emf;
    Daemon { engine, source, poll, listens, sink, keep, listener, access, once, lead, emf }
        .run(CancellationToken::new())
        .await
}

/// AWS settings from the SDK's standard chain.
///
/// # Errors
/// When there is no region.
pub(crate) async fn aws() -> anyhow::Result<SdkConfig> {
    // Pinned, so that a new SDK cannot change timeouts or retries behind our back.
    // Boxed: its type is so large that whatever holds it takes the compiler seconds.
    let config = Box::pin(aws_config::defaults(BehaviorVersion::v2026_01_12()).load()).await;
    anyhow::ensure!(
        config.region().is_some(),
        "no AWS region is set: expected AWS_REGION or a profile with a region"
    );
    Ok(config)
}
