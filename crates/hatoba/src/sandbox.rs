//! `hatoba sandbox`: the daemon on a model of AWS in this process.

use std::io::Write as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context as _;
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_async::rt::sleep::{SharedAsyncSleep, TokioSleep};
use aws_smithy_async::time::{SharedTimeSource, SystemTimeSource};
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_types::SdkConfig;
use aws_types::region::Region;
use hatoba_aws_model::{Config, Connector, Delays, SharedWorld, World};
use hatoba_core::{Key, Truth};
use hatoba_engine::{Access, Clock, DocumentShown, Engine, Event, Options, Shown, StatusSink};
use hatoba_source::{Directory, Keep, Variables};
use tokio::net::TcpListener;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::arguments::Sandbox;
use crate::daemon::{Daemon, Lead};
use crate::place::Place;
use crate::progress;
use crate::report::wants_colour;

/// The shipped sample: the article's stack.
const SAMPLES: &[(&str, &str)] = &[
    ("discovery.yaml", include_str!("../../../deploy/samples/article/discovery.yaml")),
    ("service.yaml", include_str!("../../../deploy/samples/article/service.yaml")),
    ("api.yaml", include_str!("../../../deploy/samples/article/api.yaml")),
];

/// The port that tools expect an AWS on loopback at.
const AWS_PORT: u16 = 4566;
const PAGE_PORT: u16 = 8080;
/// Who is told to send a request should be answered; but not every chain serves.
const PATIENCE: Duration = Duration::from_secs(15);
/// Files are watched; this is for file systems that tell nothing.
const POLL: Duration = Duration::from_secs(2);

/// Runs the sandbox.
///
/// # Errors
/// When the folder or an address cannot be used, or the dump cannot be written.
pub(crate) async fn sandbox(arguments: Sandbox, vars: Variables) -> anyhow::Result<ExitCode> {
    let samples = arguments.dir.is_none().then(Samples::write).transpose()?;
    let dir = arguments
        .dir
        .clone()
        .or_else(|| samples.as_ref().map(|samples| samples.dir.clone()))
        .unwrap_or_default();
    let source = Directory::open(&dir, vars)?;

    let config = Config { delays: Delays::sandbox(), ..Config::default() };
    let world: SharedWorld = Arc::new(Mutex::new(World::with_article_prerequisites(config)));
    let epoch = Duration::from_millis(u64::try_from(jiff::Timestamp::now().as_millisecond())?);
    let clock = hatoba_aws_model::Clock::new(epoch);
    let aws = listen(arguments.aws_listen, AWS_PORT).await?;
    let page = listen(arguments.listen, PAGE_PORT).await?;
    let addresses = Addresses { aws: aws.local_addr()?, page: page.local_addr()?, dir: dir.clone() };

    let stop = CancellationToken::new();
    tokio::spawn(hatoba_aws_model::serve(aws, Arc::clone(&world), clock, stop.clone().cancelled_owned()));
    let options = Options {
        apis_at: Some(format!("http://{}/_aws/execute-api/", addresses.aws)),
        ..arguments.owner.options(&Place::Folder(dir.clone()), arguments.resync)?
    };
    let config = sdk_config(&world, clock);
    let engine = Engine::new(
        options,
        &config,
        Clock::starting_at(jiff::Timestamp::now()),
        std::collections::BTreeMap::new(),
    );
    let telling = tokio::spawn(tell(Arc::clone(&engine), addresses, arguments.once.once, stop.clone()));

    let once = arguments.once.once.then_some(arguments.once.timeout);
    let daemon = Daemon {
        engine,
        source: source.into(),
        poll: POLL,
        listens: None,
        sink: StatusSink::none(),
        keep: Keep::Nowhere,
        listener: Some(page),
        access: Access::open(),
        once,
        lead: Lead::Unasked,
        emf: false,
    };
    let code = daemon.run(stop).await;
    let _ = telling.await;
    if let Some(file) = &arguments.dump {
        let dump = world.lock().unwrap_or_else(PoisonError::into_inner).dump();
        std::fs::write(file, format!("{dump:#}\n"))
            .with_context(|| format!("cannot write {}", file.display()))?;
    }
    drop(samples);
    code
}

/// The shipped sample in a folder of its own, so that it can be edited; gone at the end.
struct Samples {
    dir: PathBuf,
}

impl Samples {
    fn write() -> anyhow::Result<Samples> {
        let dir = std::env::temp_dir().join(format!("hatoba-sandbox-{}", std::process::id()));
        std::fs::create_dir_all(&dir).with_context(|| format!("cannot make {}", dir.display()))?;
        for (name, text) in SAMPLES {
            let file = dir.join(name);
            std::fs::write(&file, text).with_context(|| format!("cannot write {}", file.display()))?;
        }
        Ok(Samples { dir })
    }
}

impl Drop for Samples {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.dir) {
            tracing::warn!(%error, dir = %self.dir.display(), "the sample cannot be removed");
        }
    }
}

/// The given address; else the usual port, or any that is free.
async fn listen(given: Option<SocketAddr>, usual: u16) -> anyhow::Result<TcpListener> {
    if let Some(address) = given {
        return TcpListener::bind(address).await.with_context(|| format!("cannot listen on {address}"));
    }
    match TcpListener::bind((Ipv4Addr::LOCALHOST, usual)).await {
        Ok(listener) => Ok(listener),
        Err(_) => Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?),
    }
}

fn sdk_config(world: &SharedWorld, clock: hatoba_aws_model::Clock) -> SdkConfig {
    let credentials = Credentials::new("test", "test", None, None, "sandbox");
    SdkConfig::builder()
        .behavior_version(aws_config::BehaviorVersion::v2026_01_12())
        .region(Region::new("us-east-1"))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .http_client(SharedHttpClient::new(Connector::new(Arc::clone(world), clock)))
        .sleep_impl(SharedAsyncSleep::new(TokioSleep::new()))
        .time_source(SharedTimeSource::new(SystemTimeSource::new()))
        .build()
}

struct Addresses {
    aws: SocketAddr,
    page: SocketAddr,
    dir: PathBuf,
}

/// Tells each step as it happens, and at the end what to try.
async fn tell(engine: Arc<Engine>, addresses: Addresses, once: bool, stop: CancellationToken) {
    let colour = wants_colour(&std::io::stdout());
    let mut changes = engine.watch();
    let mut told = Told::default();
    say(&format!(
        "The documents are in {}; the model AWS listens on http://{}, the status page is http://{}/.",
        addresses.dir.display(),
        addresses.aws,
        addresses.page
    ));
    loop {
        let shown = engine.picture();
        for line in told.news(&shown, colour) {
            say(&line);
        }
        if stop.is_cancelled() {
            return;
        }
        if told.is_first_time_ready(&shown) && !once {
            say(&what_to_try(&shown, &addresses));
        }
        tokio::select! {
            biased;
            () = stop.cancelled() => {}
            _ = changes.changed() => {}
            () = tokio::time::sleep(PATIENCE), if told.waits() => {}
        }
    }
}

/// What has been said already.
#[derive(Default)]
struct Told {
    last: Option<Event>,
    ready: std::collections::BTreeSet<Key>,
    serving: std::collections::BTreeSet<Key>,
    diagnostics: usize,
    /// Since when all are ready.
    since: Option<Instant>,
    is_done: bool,
}

impl Told {
    fn news(&mut self, shown: &Shown, colour: bool) -> Vec<String> {
        let is_old = |event: &Event| self.last.as_ref().is_some_and(|last| same(last, event));
        let mut fresh: Vec<&Event> = shown.events.iter().take_while(|event| !is_old(event)).collect();
        fresh.reverse();
        let mut lines: Vec<String> = fresh.into_iter().map(|event| progress::line(event, colour)).collect();
        self.last = shown.events.front().cloned().or_else(|| self.last.take());
        if shown.source.diagnostics.len() != self.diagnostics {
            self.diagnostics = shown.source.diagnostics.len();
            lines.extend(
                shown
                    .source
                    .diagnostics
                    .iter()
                    .map(|found| format!("  ! {}", crate::report::visible(&found.to_string()))),
            );
        }
        for (key, document) in &shown.documents {
            let is_ready =
                document.status.synced.status == Truth::True && document.status.ready.status == Truth::True;
            if is_ready && self.ready.insert(key.clone()) {
                lines.push(line(key, "is in sync and ready"));
            } else if !is_ready && self.ready.remove(key) {
                let condition = if document.status.synced.status == Truth::True {
                    &document.status.ready
                } else {
                    &document.status.synced
                };
                lines.push(line(key, &format!("{}: {}", condition.reason, condition.message)));
            }
            // A new chain has nothing to say before it serves for the first time.
            match &document.status.serving {
                Some(serving) if serving.status == Truth::True && self.serving.insert(key.clone()) => {
                    lines.push(line(key, "serves requests"));
                }
                Some(serving) if serving.status == Truth::False && self.serving.remove(key) => {
                    let why = format!("does not serve: {}: {}", serving.reason, serving.message);
                    lines.push(line(key, &why));
                }
                _ => {}
            }
        }
        lines
    }

    fn is_first_time_ready(&mut self, shown: &Shown) -> bool {
        let all = !shown.documents.is_empty() && shown.documents.keys().all(|key| self.ready.contains(key));
        let serves = |document: &DocumentShown| {
            document.status.serving.as_ref().is_none_or(|serving| serving.status == Truth::True)
        };
        let serves = shown.documents.values().all(serves);
        self.is_time_to_try(all && shown.source.invalid == 0, serves, Instant::now())
    }

    /// Once: when all are ready and serve, or have not served for long enough.
    fn is_time_to_try(&mut self, is_ready: bool, serves: bool, now: Instant) -> bool {
        if !is_ready {
            self.since = None;
            return false;
        }
        let since = *self.since.get_or_insert(now);
        let first = !self.is_done && (serves || now >= since + PATIENCE);
        self.is_done |= first;
        first
    }

    /// Whether all are ready, and it is still worth waiting for the first request to get through.
    fn waits(&self) -> bool {
        self.since.is_some() && !self.is_done
    }
}

/// What a document has come to, below what was done for it.
fn line(key: &Key, words: &str) -> String {
    format!("          {:<40}  {}", key.to_string(), crate::report::visible(words))
}

fn same(a: &Event, b: &Event) -> bool {
    (a.time, &a.document, &a.action, &a.id) == (b.time, &b.document, &b.action, &b.id)
}

/// Where to look, and three lines that break something.
fn what_to_try(shown: &Shown, addresses: &Addresses) -> String {
    let output = |kind: &str, name: &str| {
        let (_, document) = shown.documents.iter().find(|(key, _)| key.kind == kind)?;
        document.status.outputs.get(name).cloned()
    };
    let id = |kind: &str| output(kind, "id").unwrap_or_else(|| format!("<{kind} id>"));
    // arn:aws:ecs:<region>:<account>:service/<cluster>/<name>
    let arn = output("EcsService", "arn");
    let cluster = arn.as_deref().and_then(|arn| arn.split('/').nth(1)).unwrap_or("<cluster>");
    let aws = format!("aws --region us-east-1 --endpoint-url http://{}", addresses.aws);
    let (api, route, service) = (id("HttpApi"), id("Route"), id("EcsService"));
    format!(
        "\nEverything is as the documents say. The status page is http://{page}/\n\
         {used}\
         Break something with the AWS CLI and watch it be repaired (any credentials will do):\n\n  \
         {aws} apigatewayv2 delete-route --api-id {api} --route-id {route}\n  \
         {aws} apigatewayv2 update-api --api-id {api} --name by-hand\n  \
         {aws} ecs update-service --cluster {cluster} --service {service} --desired-count 3\n\n\
         Or edit the documents in {dir}. Ctrl-C ends it.\n",
        page = addresses.page,
        used = use_it(shown, addresses),
        dir = Path::new(&addresses.dir).display(),
    )
}

/// The line that sends a request through the chain, for the first API there is.
fn use_it(shown: &Shown, addresses: &Addresses) -> String {
    let is_api = |url: &&String| url.contains(".execute-api.");
    let mut urls = shown.documents.values().filter_map(|document| document.status.outputs.get("url"));
    let id = urls.find(is_api).and_then(|url| url.split("://").nth(1)?.split('.').next());
    let Some(id) = id else { return String::new() };
    format!(
        "Use it; the task that answers says who it is (a route that wants authorization answers 401):\n\n  curl http://{}/_aws/execute-api/{id}/hello\n\n",
        addresses.aws
    )
}

/// One line of the story. Nobody listening is no reason to stop.
fn say(line: &str) {
    let mut out = anstream::stdout().lock();
    let _ = writeln!(out, "{line}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_to_try_is_said_once_when_requests_get_through_or_do_not_for_long() {
        let begun = Instant::now();
        for (looks, when) in [
            (&[(false, false, 0), (true, false, 1), (true, true, 4), (true, true, 5)][..], Some(4)),
            (&[(true, false, 1), (true, false, 15), (true, false, 16), (true, false, 40)], Some(16)),
            (&[(true, false, 1), (false, false, 9), (true, false, 17), (true, false, 31)], None),
        ] {
            let mut told = Told::default();
            let time = |second: &u64| begun + Duration::from_secs(*second);
            let said: Vec<u64> = looks
                .iter()
                .filter(|(ready, serves, second)| told.is_time_to_try(*ready, *serves, time(second)))
                .map(|(_, _, second)| *second)
                .collect();
            assert_eq!(said, Vec::from_iter(when), "{looks:?}");
            assert_eq!(told.waits(), when.is_none(), "{looks:?}");
        }
    }
}
