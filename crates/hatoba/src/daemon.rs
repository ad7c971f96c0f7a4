//! What `run` and `sandbox` share: the source, the status documents, the page, the signals, the end.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use hatoba_core::{Cause, Holder, Truth};
use hatoba_engine::{
    Access, BucketBoard, Emf, Engine, Leadership, Pace, Requests, Shown, StatusSink, lead_by_lock, serve,
    watch_namesakes,
};
use hatoba_source::{Keep, Source, SourceError};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// What is left to write at the end; the whole drain has 20 s, 13 of them for passes in flight.
const FLUSH: Duration = Duration::from_secs(2);
/// How often requests are looked for in a folder, which costs next to nothing.
const HEAR: Duration = Duration::from_secs(2);
/// And in a bucket, where it is a call: 8,640 a day.
const HEAR_REMOTE: Duration = Duration::from_secs(10);
/// The shortest time in which CloudWatch tells two values apart.
const TELL: Duration = Duration::from_secs(60);
/// Letting go of the leadership.
const RELEASE: Duration = Duration::from_secs(3);

/// Everything around the engine.
pub(crate) struct Daemon {
    pub(crate) engine: Arc<Engine>,
    pub(crate) source: Source,
    pub(crate) poll: Duration,
    /// Whether messages about the source are taken from their queue, if there is one.
    pub(crate) listens: Option<watch::Sender<bool>>,
    pub(crate) sink: StatusSink,
    /// Where people leave requests.
    pub(crate) keep: Keep,
    pub(crate) listener: Option<TcpListener>,
    /// Who may look at it.
    pub(crate) access: Access,
    /// Converge within this time, then leave.
    pub(crate) once: Option<Duration>,
    /// How it is settled which of several daemons writes.
    pub(crate) lead: Lead,
    /// Whether metrics go to standard output.
    pub(crate) emf: bool,
}

/// How it is settled which of several daemons writes.
pub(crate) enum Lead {
    /// This one, whoever else does.
    Unasked,
    /// Who holds the lock in this folder.
    Lock(PathBuf),
    /// Who holds the lease beside the status documents of a bucket. Where the owner was given by hand, other sources in
    /// that bucket may have it, too.
    Lease {
        /// The lease.
        object: BucketBoard,
        /// Whether to look at the others'.
        looks_around: bool,
    },
}

impl Daemon {
    /// Runs until SIGTERM or SIGINT, or until converged.
    pub(crate) async fn run(self, stop: CancellationToken) -> anyhow::Result<ExitCode> {
        stop_on_signals(&stop)?;
        look_again_on_hangup(Arc::clone(&self.engine), stop.clone())?;
        let reading = tokio::spawn(read(Arc::clone(&self.engine), self.source, self.poll, stop.clone()));
        let ended = CancellationToken::new();
        let (engine, now) = (Arc::clone(&self.engine), jiff::Timestamp::now);
        let writing = tokio::spawn(self.sink.follow(engine, Pace::default(), now, ended.clone()));
        if !matches!(self.keep, Keep::Nowhere) {
            self.engine.ask_for_held();
            let every = if self.keep.is_remote() { HEAR_REMOTE } else { HEAR };
            let requests = Requests::new(self.keep);
            tokio::spawn(requests.follow(Arc::clone(&self.engine), every, ended.clone()));
        }
        if let Some(listener) = self.listener {
            let serving =
                serve(listener, Arc::clone(&self.engine) as _, self.access, stop.clone().cancelled_owned());
            tokio::spawn(async move {
                if let Err(error) = serving.await {
                    tracing::error!(%error, "the status page cannot be served");
                }
            });
        }
        let telling = match self.emf {
            true => tokio::spawn(tell(Arc::clone(&self.engine), ended.clone())),
            false => tokio::spawn(async {}),
        };
        let let_go = CancellationToken::new();
        let leading = lead(&self.engine, self.lead, &let_go);
        if let Some(listens) = self.listens {
            tokio::spawn(take_turns(Arc::clone(&self.engine), listens, ended.clone()));
        }
        let is_good = match self.once {
            Some(timeout) => {
                let is_good = Arc::clone(&self.engine).run_once(timeout, stop.clone()).await;
                match is_good {
                    true => say_what_does_not_serve(&self.engine.picture()),
                    false => say_why(&self.engine.picture()),
                }
                is_good
            }
            None => {
                Arc::clone(&self.engine).run(stop.clone()).await;
                true
            }
        };
        ended.cancel();
        let _ = tokio::time::timeout(FLUSH, async { tokio::join!(reading, writing, telling) }).await;
        // The last write of everything is over: the next one may lead.
        let_go.cancel();
        let _ = tokio::time::timeout(RELEASE, leading).await;
        Ok(if is_good && !self.engine.is_broken() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

/// Competes for the leadership. Nothing is written before it is settled.
fn lead(engine: &Arc<Engine>, lead: Lead, let_go: &CancellationToken) -> tokio::task::JoinHandle<()> {
    let (engine, let_go) = (Arc::clone(engine), let_go.clone());
    match lead {
        Lead::Unasked => tokio::spawn(async {}),
        Lead::Lock(folder) => {
            engine.set_leadership(Leadership::StandsBy(None));
            tokio::spawn(lead_by_lock(engine, folder, this_process(), let_go))
        }
        Lead::Lease { object, looks_around } => {
            engine.set_leadership(Leadership::StandsBy(None));
            if looks_around {
                tokio::spawn(watch_namesakes(Arc::clone(&engine), object.clone(), let_go.clone()));
            }
            tokio::spawn(hatoba_engine::lead(engine, object, this_process(), let_go))
        }
    }
}

/// Who this process is, to others that would lead in its place.
fn this_process() -> Holder {
    let (pid, started) = (std::process::id(), jiff::Timestamp::now());
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").ok().or(std::env::var("HOSTNAME").ok());
    let host = host.map(|host| host.trim().to_owned()).filter(|host| !host.is_empty());
    Holder {
        host: host.unwrap_or_else(|| "unknown".to_owned()),
        pid,
        nonce: format!("{pid:x}-{:x}", started.as_nanosecond()),
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

/// Who leaves when all is in sync and ready may leave before the first request gets through.
fn say_what_does_not_serve(shown: &Shown) {
    for (document, shown) in &shown.documents {
        if let Some(serving) = shown.status.serving.as_ref().filter(|serving| serving.status != Truth::True) {
            let (reason, why) = (serving.reason.as_str(), &serving.message);
            tracing::info!(%document, reason, why, "it is ready, and does not serve yet");
        }
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
async fn read(engine: Arc<Engine>, mut source: Source, poll: Duration, stop: CancellationToken) {
    let mut told: Option<Cause> = None;
    loop {
        let begun = Instant::now();
        let look = tokio::select! {
            biased;
            () = stop.cancelled() => return,
            look = source.poll() => look,
        };
        match look {
            Ok(snapshot) => {
                if told.take().is_some() {
                    tracing::info!("the source can be read again");
                }
                engine.accept_as_of(snapshot, begun);
            }
            Err(error) => {
                let cause = Cause::new(error.reason(), whole(&error));
                if told.as_ref() != Some(&cause) {
                    let (reason, error) = (cause.reason.as_str(), &cause.message);
                    tracing::error!(reason, error, "the source cannot be read; what was known stays");
                    told = Some(cause.clone());
                }
                engine.accept_error(cause);
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

/// Takes messages about the source only while this process leads: what one that stands by took, the leader would not
/// see before its next poll.
async fn take_turns(engine: Arc<Engine>, listens: watch::Sender<bool>, ended: CancellationToken) {
    let mut changes = engine.watch();
    loop {
        let leads = engine.leads();
        listens.send_if_modified(|listens| std::mem::replace(listens, leads) != leads);
        tokio::select! {
            biased;
            () = ended.cancelled() => return,
            _ = changes.changed() => {}
        }
    }
}

/// An error and what is behind it, in one line.
fn whole(error: &SourceError) -> String {
    let mut text = error.to_string();
    let mut behind = std::error::Error::source(error);
    while let Some(error) = behind {
        text = format!("{text}: {error}");
        behind = error.source();
    }
    text
}

/// Prints the metrics every so often, and at the end.
async fn tell(engine: Arc<Engine>, ended: CancellationToken) {
    let mut emf = Emf::new(engine.picture().owner, jiff::Timestamp::now());
    let mut every = tokio::time::interval(TELL);
    loop {
        tokio::select! {
            biased;
            () = ended.cancelled() => {}
            _ = every.tick() => {}
        }
        let line = emf.line(&engine.metrics_text(), jiff::Timestamp::now());
        // Nobody reads it: the next line may be read, and the work goes on in any case.
        let _ = writeln!(std::io::stdout(), "{line}");
        if ended.is_cancelled() {
            return;
        }
    }
}
