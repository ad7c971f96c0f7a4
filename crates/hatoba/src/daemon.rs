//! What `run` and `sandbox` share: the source, the status documents, the page, the signals, the end.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use hatoba_core::{Cause, Truth};
use hatoba_engine::{Engine, Shown, StatusSink, serve};
use hatoba_source::Directory;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::lock::lock;

/// Status documents are written when they change; when they were last verified is written this often.
const HEARTBEAT: Duration = Duration::from_secs(60);
/// What is left to write at the end; the whole drain has 20 s.
const FLUSH: Duration = Duration::from_secs(3);

/// Everything around the engine.
pub(crate) struct Daemon {
    pub(crate) engine: Arc<Engine>,
    pub(crate) source: Directory,
    pub(crate) poll: Duration,
    pub(crate) sink: StatusSink,
    pub(crate) listener: Option<TcpListener>,
    /// Converge within this time, then leave.
    pub(crate) once: Option<Duration>,
    /// Where the lock against a second daemon lies, if anywhere.
    pub(crate) lock: Option<PathBuf>,
}

impl Daemon {
    /// Runs until SIGTERM or SIGINT, or until converged.
    pub(crate) async fn run(self, stop: CancellationToken) -> anyhow::Result<ExitCode> {
        stop_on_signals(&stop)?;
        look_again_on_hangup(Arc::clone(&self.engine), stop.clone())?;
        let reading = tokio::spawn(read(Arc::clone(&self.engine), self.source, self.poll, stop.clone()));
        let ended = CancellationToken::new();
        let writing = tokio::spawn(write(Arc::clone(&self.engine), self.sink, ended.clone()));
        if let Some(listener) = self.listener {
            let serving = serve(listener, Arc::clone(&self.engine) as _, stop.clone().cancelled_owned());
            tokio::spawn(async move {
                if let Err(error) = serving.await {
                    tracing::error!(%error, "the status page cannot be served");
                }
            });
        }
        let patience = self.once.unwrap_or(Duration::MAX);
        let leads = tokio::time::timeout(patience, lock(self.lock.as_deref(), &stop)).await.ok().flatten();
        let is_good = match self.once {
            _ if leads.is_none() => self.once.is_none(),
            Some(timeout) => {
                let is_good = Arc::clone(&self.engine).run_once(timeout, stop.clone()).await;
                if !is_good {
                    say_why(&self.engine.picture());
                }
                is_good
            }
            None => {
                Arc::clone(&self.engine).run(stop.clone()).await;
                true
            }
        };
        ended.cancel();
        let _ = tokio::time::timeout(FLUSH, async { tokio::join!(reading, writing) }).await;
        Ok(if is_good && !self.engine.is_broken() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

/// Says what is not as the documents say, one line each.
fn say_why(shown: &Shown) {
    for (document, shown) in &shown.documents {
        let status = &shown.status;
        for condition in [&status.synced, &status.ready] {
            if condition.status != Truth::True {
                let reason = condition.reason.as_str();
                tracing::error!(%document, reason, "{}", condition.message);
                break;
            }
        }
    }
    for file in &shown.source.unreadable {
        tracing::error!(file, "a file cannot be read");
    }
    for held in shown.pruning.iter().filter(|held| held.held.reason.as_str() == "FuseOpen") {
        tracing::error!(document = %held.document, id = held.id, "{}", held.held.message);
    }
}

/// Where the lock lies: beside the status documents, and in the source where those are kept nowhere.
pub(crate) fn lock_folder(status_to: Option<&PathBuf>, source: &std::path::Path) -> Option<PathBuf> {
    match status_to {
        Some(folder) if folder.as_os_str() == "none" => None,
        Some(folder) => Some(folder.clone()),
        None => Some(source.to_owned()),
    }
}

/// Where status documents go.
pub(crate) fn sink(status_to: Option<&PathBuf>, source: &std::path::Path) -> StatusSink {
    match status_to {
        Some(folder) if folder.as_os_str() == "none" => StatusSink::none(),
        Some(folder) => StatusSink::directory(folder.clone()),
        None => StatusSink::directory(source.to_owned()),
    }
}

fn stop_on_signals(stop: &CancellationToken) -> anyhow::Result<()> {
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let stop = stop.clone();
    tokio::spawn(async move {
        tokio::select! {
            biased;
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!("stopping: what is in flight is finished");
        stop.cancel();
        // Asked twice: leave at once. Nothing is lost, the next start looks again.
        tokio::select! {
            biased;
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        std::process::exit(130);
    });
    Ok(())
}

fn look_again_on_hangup(engine: Arc<Engine>, stop: CancellationToken) -> anyhow::Result<()> {
    let mut hangup = signal(SignalKind::hangup())?;
    tokio::spawn(async move {
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                _ = hangup.recv() => engine.reconcile_now(),
            }
        }
    });
    Ok(())
}

/// Reads the source when it changes, and every so often all the same.
async fn read(engine: Arc<Engine>, mut source: Directory, poll: Duration, stop: CancellationToken) {
    loop {
        match source.poll().await {
            Ok(snapshot) => engine.accept(snapshot),
            Err(error) => {
                tracing::error!(%error, "the source cannot be read; what was known stays");
                engine.accept_error(Cause::new(error.reason(), error.to_string()));
            }
        }
        tokio::select! {
            biased;
            () = stop.cancelled() => return,
            () = source.changed() => {}
            () = tokio::time::sleep(poll) => {}
        }
    }
}

/// Writes status documents as they change. A slow disk slows nobody: only the newest state is written.
async fn write(engine: Arc<Engine>, mut sink: StatusSink, ended: CancellationToken) {
    let mut changes = engine.watch();
    let mut heartbeat = tokio::time::interval(HEARTBEAT);
    loop {
        sink.write(&engine.statuses()).await;
        if ended.is_cancelled() {
            return;
        }
        tokio::select! {
            biased;
            () = ended.cancelled() => {}
            _ = changes.changed() => {}
            _ = heartbeat.tick() => sink.write_heartbeat(jiff::Timestamp::now(), engine.verified()).await,
        }
    }
}
