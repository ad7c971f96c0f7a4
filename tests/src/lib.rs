//! The harbour: the real engine, the real kinds and the real SDK clients on the model AWS, in one process
//! on tokio's paused clock.
//!
//! Tests here assert the state of the world (`World::dump`), not the calls made, except where a count of
//! calls is the promise.

pub mod board;
pub mod by_hand;
pub mod ecs_members;
pub mod fuzz;
pub mod history;
pub mod http;
mod ice;
pub mod keys;
pub mod names;
pub mod tools;
pub mod visitor;
pub mod wait;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_async::rt::sleep::{SharedAsyncSleep, TokioSleep};
use aws_smithy_async::time::{SharedTimeSource, TimeSource};
use aws_smithy_runtime_api::client::behavior_version::BehaviorVersion;
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
    SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_runtime_api::client::stalled_stream_protection::StalledStreamProtectionConfig;
use aws_smithy_types::retry::RetryConfig;
use aws_types::SdkConfig;
use aws_types::region::Region;
use hatoba_aws_model::{Call, Clock as ModelClock, Config, Connector, Request, SharedWorld, World};
use hatoba_core::{Digest, Holder, Key, Status, Truth};
use hatoba_engine::{Board, Clock, Engine, Leadership, Options, lead};
use hatoba_source::{Snapshot, Unreadable, Variables, parse_documents};
use jiff::Timestamp;
use serde_json::Value;

use tokio_util::sync::CancellationToken;

use crate::board::LeaseBoard;
use crate::ice::Ice;
use crate::keys::Keys;

/// The root of the workspace: where cargo runs the test, though it may have been built elsewhere.
pub fn root() -> PathBuf {
    let here = std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
    PathBuf::from(here).join("..")
}

/// The eight documents of the article, one after the other.
pub const ARTICLE: &str = concat!(
    include_str!("../../deploy/samples/article/discovery.yaml"),
    "\n---\n",
    include_str!("../../deploy/samples/article/service.yaml"),
    "\n---\n",
    include_str!("../../deploy/samples/article/api.yaml"),
);

/// 2026-01-01T00:00:00Z, where every test begins.
pub const EPOCH_SECONDS: u64 = 1_767_225_600;

/// An engine on a model AWS.
pub struct Harbour {
    /// The model AWS.
    pub world: SharedWorld,
    /// The engine that runs now.
    pub engine: Arc<Engine>,
    /// How engines are started.
    pub options: Options,
    clock: Clock,
    model_clock: ModelClock,
    stop: CancellationToken,
    /// The process that runs now is dead.
    dead: CancellationToken,
    /// The process that runs now is stopped, as by SIGSTOP, as far as others can see.
    frozen: Ice,
    /// What the process that runs now signs with.
    pub keys: Keys,
    config: SdkConfig,
    running: Option<tokio::task::JoinHandle<()>>,
    leading: Option<tokio::task::JoinHandle<()>>,
    /// It lets go of the lease.
    let_go: CancellationToken,
}

/// One process's way to AWS, cut when it is killed: no request gets in any more, and no answer out.
#[derive(Clone, Debug)]
struct Mortal {
    way: SharedHttpConnector,
    dead: CancellationToken,
    frozen: Ice,
}

impl HttpConnector for Mortal {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let (answer, dead, frozen) = (self.way.call(request), self.dead.clone(), self.frozen.clone());
        let answer = async move {
            frozen.thawed().await;
            let answer = answer.await;
            frozen.thawed().await;
            answer
        };
        HttpConnectorFuture::new(async move {
            tokio::select! {
                biased;
                () = dead.cancelled() => std::future::pending().await,
                answer = answer => answer,
            }
        })
    }
}

impl HttpClient for Mortal {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

#[derive(Debug)]
struct VirtualTime(Clock);

impl TimeSource for VirtualTime {
    fn now(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH
            + Duration::from_millis(u64::try_from(self.0.now().as_millisecond()).unwrap_or_default())
    }
}

impl Harbour {
    /// A world with the article's prerequisites and an engine that has read nothing.
    pub fn new() -> Harbour {
        Harbour::with(Options::default(), Config::default())
    }

    /// The same with other options.
    pub fn with(options: Options, config: Config) -> Harbour {
        let epoch = Duration::from_secs(EPOCH_SECONDS);
        let world: SharedWorld = Arc::new(std::sync::Mutex::new(World::with_article_prerequisites(config)));
        let clock = Clock::starting_at(Timestamp::UNIX_EPOCH + epoch);
        Harbour::on(world, options, clock, ModelClock::new(epoch))
    }

    /// A process that has read nothing and does not run, on this world.
    fn on(world: SharedWorld, options: Options, clock: Clock, model_clock: ModelClock) -> Harbour {
        let way = Connector::new(Arc::clone(&world), model_clock);
        Harbour::by(world, options, (clock, model_clock), way)
    }

    /// A process that has read nothing and does not run; its requests reach this world by a way of the caller's own.
    /// `clocks`: the one that it sees, and the world's.
    pub fn by(
        world: SharedWorld,
        options: Options,
        clocks: (Clock, ModelClock),
        way: impl HttpConnector + 'static,
    ) -> Harbour {
        let (clock, model_clock) = clocks;
        let (dead, frozen, keys) = (CancellationToken::new(), Ice::default(), Keys::default());
        let way = Mortal { way: SharedHttpConnector::new(way), dead: dead.clone(), frozen: frozen.clone() };
        let config = sdk_config(way, clock, &keys);
        let engine = Engine::new(options.clone(), &config, clock, BTreeMap::new());
        Harbour {
            world,
            engine,
            options,
            clock,
            model_clock,
            stop: CancellationToken::new(),
            dead,
            frozen,
            keys,
            config,
            running: None,
            leading: None,
            let_go: CancellationToken::new(),
        }
    }

    /// What an earlier one showed; it does not run yet.
    pub fn knows(&mut self, statuses: BTreeMap<Key, Status>) {
        self.engine = Engine::new(self.options.clone(), &self.config, self.clock, statuses);
    }

    /// SDK settings of the process that runs now.
    pub fn config(&self) -> SdkConfig {
        self.config.clone()
    }

    /// Starts the engine on these documents.
    pub fn start(&mut self, documents: &str) {
        self.start_from(snapshot(documents));
    }

    /// Starts the engine on this look at a source.
    pub fn start_from(&mut self, snapshot: Snapshot) {
        self.engine.accept(snapshot);
        self.run();
    }

    /// Starts the engine on whatever it is told of its source.
    pub fn run(&mut self) {
        let (engine, stop) = (Arc::clone(&self.engine), self.stop.clone());
        self.running = Some(tokio::spawn(engine.run(stop)));
    }

    /// One with these documents converged and at rest, and the calls so far forgotten.
    pub async fn converged(options: Options, documents: &str) -> Harbour {
        let mut harbour = Harbour::with(options, Config::default());
        harbour.start(documents);
        harbour.converge(Duration::from_secs(600)).await;
        harbour.wait(Duration::from_secs(90)).await;
        harbour.clear_calls();
        harbour
    }

    /// Drops the process where it stands, between two polls of its tasks, and starts another on the same world.
    pub fn kill_and_restart(&mut self, documents: &str) {
        self.kill();
        self.renew();
        self.start(documents);
    }

    /// The same, and what was shown still lies beside the source.
    pub fn kill_and_restart_with_statuses(&mut self, documents: &str) {
        let statuses = self.engine.statuses();
        self.kill();
        self.renew();
        self.knows(statuses);
        self.start(documents);
    }

    /// Another process on the same world, which has read nothing and does not run.
    pub fn renew(&mut self) {
        *self = self.neighbour();
    }

    /// Drops the process where it stands.
    pub fn kill(&mut self) {
        self.dead.cancel();
        self.stop.cancel();
        for task in [self.running.take(), self.leading.take()].into_iter().flatten() {
            task.abort();
        }
    }

    /// Starts another process on the same world, beside the one that runs.
    pub fn beside(&self, documents: &str) -> Harbour {
        let mut other = self.neighbour();
        other.start(documents);
        other
    }

    /// Another process on the same world, which does not run yet.
    pub fn neighbour(&self) -> Harbour {
        Harbour::on(Arc::clone(&self.world), self.options.clone(), self.clock, self.model_clock)
    }

    /// Competes for the lease from now on; to be called before the start.
    pub fn compete(&mut self, board: &LeaseBoard, host: &str) {
        self.compete_on(board.seen_by(host, self.frozen.clone()), host);
    }

    /// The same for a lease anywhere.
    pub fn compete_on(&mut self, board: impl Board + 'static, host: &str) {
        self.engine.set_leadership(Leadership::StandsBy(None));
        let me = Holder { host: host.to_owned(), pid: 1, nonce: host.to_owned() };
        let leading = lead(Arc::clone(&self.engine), board, me, self.let_go.clone());
        self.leading = Some(self.spawn(leading));
    }

    /// Starts a loop of this process beside the engine: it stands still when the process does.
    pub fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) -> tokio::task::JoinHandle<()> {
        tokio::spawn(self.frozen.clone().only_while_thawed(work))
    }

    /// Ends the process as SIGTERM does: what is in flight is finished, then the lease is let go.
    pub async fn terminate(&mut self) {
        self.stop.cancel();
        if let Some(running) = self.running.take() {
            let _ = running.await;
        }
        self.let_go.cancel();
        if let Some(leading) = self.leading.take() {
            let _ = leading.await;
        }
    }

    /// Stops the process as SIGSTOP does, or has it go on: nothing gets in or out meanwhile.
    pub fn freeze(&self, frozen: bool) {
        self.frozen.set(frozen);
    }

    /// Lets virtual time pass until every document is in sync and ready, at most `limit`.
    ///
    /// # Panics
    /// When they are not by then; with every status.
    pub async fn converge(&self, limit: Duration) {
        let begun = tokio::time::Instant::now();
        let mut watch = self.engine.watch();
        while !self.is_converged() {
            assert!(
                begun.elapsed() < limit,
                "not converged after {limit:?}:\n{}\n{}",
                self.describe(),
                self.calls_text()
            );
            let _ = tokio::time::timeout(Duration::from_secs(1), watch.changed()).await;
        }
    }

    /// Lets virtual time pass.
    pub async fn wait(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }

    /// Whether everything is in sync, ready, and verified.
    pub fn is_converged(&self) -> bool {
        // Asked after every change: what costs less comes first.
        if !self.engine.is_settled() {
            return false;
        }
        let statuses = self.engine.statuses();
        let ready =
            |status: &Status| status.synced.status == Truth::True && status.ready.status == Truth::True;
        !statuses.is_empty() && statuses.values().all(ready)
    }

    /// One document's status.
    ///
    /// # Panics
    /// When there is none.
    #[expect(clippy::expect_used, reason = "a test wants to stop here")]
    pub fn status(&self, kind: &str, name: &str) -> Status {
        self.engine.statuses().get(&Key::new(kind, name)).cloned().expect("a status")
    }

    /// The world, locked.
    pub fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Every object of a collection: `("apigatewayv2", "apis")`.
    pub fn objects(&self, service: &str, collection: &str) -> BTreeMap<String, Value> {
        let now = self.model_clock.now();
        let mut world = self.world();
        world.advance(now);
        let dump = world.dump();
        let objects =
            dump.get(service).and_then(|service| service.get(collection)).and_then(Value::as_object);
        objects
            .map(|objects| objects.iter().map(|(id, value)| (id.clone(), value.clone())).collect())
            .unwrap_or_default()
    }

    /// The only object of a collection.
    ///
    /// # Panics
    /// When there is not exactly one.
    pub fn only(&self, service: &str, collection: &str) -> (String, Value) {
        let objects = self.objects(service, collection);
        assert_eq!(objects.len(), 1, "{service} {collection}: {objects:#?}");
        objects.into_iter().next().unwrap_or_default()
    }

    /// Somebody else sends a request.
    ///
    /// # Panics
    /// When AWS refuses it.
    pub async fn meddle(&self, request: &Request) -> Value {
        self.wait(Duration::from_millis(100)).await; // two writes at one time would collide
        let now = self.model_clock.now();
        let response = self.world().handle(request, now);
        assert!(response.status < 300, "{}: {}", response.status, String::from_utf8_lossy(&response.body));
        response.json()
    }

    /// The time that engines see.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The source says this now.
    pub fn documents(&self, documents: &str) {
        self.engine.accept(snapshot(documents));
    }

    /// Objects of a collection that live: neither on their way out nor gone and not forgotten yet.
    pub fn live(&self, service: &str, collection: &str) -> BTreeMap<String, Value> {
        let leaves = |object: &Value| {
            object["vpcLinkStatus"] == "DELETING"
                || ["DRAINING", "INACTIVE"].iter().any(|s| object["status"] == *s)
        };
        self.objects(service, collection).into_iter().filter(|(_, object)| !leaves(object)).collect()
    }

    /// Asserts that AWS holds exactly one of each of the article's eight, wired to each other.
    ///
    /// # Panics
    /// When it does not; with the `story` and the calls.
    pub fn assert_the_article_stands(&self, story: &str) {
        let one = |service: &str, collection: &str| {
            let live = self.live(service, collection);
            assert_eq!(live.len(), 1, "{story}: {collection}: {live:#?}\n{}", self.calls_text());
            live.into_iter().next().unwrap_or_default()
        };
        let (namespace_id, _) = one("servicediscovery", "namespaces");
        let (_, service) = one("servicediscovery", "services");
        assert_eq!(service["NamespaceId"], namespace_id.as_str(), "{story}");
        let (_, ecs) = one("ecs", "services");
        assert_eq!(ecs["serviceRegistries"][0]["registryArn"], service["Arn"], "{story}");
        let (api_id, _) = one("apigatewayv2", "apis");
        let (link_id, _) = one("apigatewayv2", "vpcLinks");
        let (_, integration) = one("apigatewayv2", "integrations");
        assert_eq!(integration["connectionId"], link_id.as_str(), "{story}");
        assert_eq!(integration["integrationUri"], service["Arn"], "{story}");
        let (route_id, route) = one("apigatewayv2", "routes");
        assert!(route_id.starts_with(&api_id), "{story}: {route_id} in {api_id}");
        let target = format!("integrations/{}", integration["integrationId"].as_str().unwrap_or_default());
        assert_eq!(route["target"], target, "{story}");
        one("apigatewayv2", "stages");
    }

    /// How often an operation (`CreateApi`, `ecs.CreateService`) was called, and how often AWS carried it out,
    /// since the log was cleared last.
    pub fn count(&self, operation: &str) -> (usize, usize) {
        let calls = self.calls();
        let named = calls.iter().filter(|call| {
            call.operation == operation || format!("{}.{}", call.service, call.operation) == operation
        });
        named.fold((0, 0), |(sent, done), call| {
            (sent + 1, done + usize::from((200..300).contains(&call.status)))
        })
    }

    /// Calls since the log was cleared last.
    pub fn calls(&self) -> Vec<Call> {
        self.world().log().to_vec()
    }

    /// Writes since the log was cleared last.
    pub fn writes(&self) -> Vec<Call> {
        self.calls().into_iter().filter(|call| call.write).collect()
    }

    /// The operations of the calls that change something, in order.
    pub fn write_names(&self) -> Vec<String> {
        self.writes().into_iter().map(|call| call.operation).collect()
    }

    /// Forgets the calls so far.
    pub fn clear_calls(&self) {
        self.world().clear_log();
    }

    /// The calls, a line each.
    pub fn calls_text(&self) -> String {
        let line = |call: &Call| {
            let at = call.at.as_secs_f64() - Duration::from_secs(EPOCH_SECONDS).as_secs_f64();
            format!(
                "{at:9.3} {} {} {} {}",
                call.service,
                call.operation,
                call.status,
                call.code.clone().unwrap_or_default()
            )
        };
        self.calls().iter().map(line).collect::<Vec<_>>().join("\n")
    }

    /// Every status, a line each.
    pub fn describe(&self) -> String {
        let line = |(key, status): (&Key, &Status)| {
            let show = |condition: &hatoba_core::Condition| {
                format!("{} {} ({})", condition.status.as_str(), condition.reason, condition.message)
            };
            format!("{key}: Synced {}, Ready {}", show(&status.synced), show(&status.ready))
        };
        self.engine.statuses().iter().map(line).collect::<Vec<_>>().join("\n")
    }
}

impl Default for Harbour {
    fn default() -> Self {
        Harbour::new()
    }
}

impl Drop for Harbour {
    fn drop(&mut self) {
        self.kill();
    }
}

/// SDK settings that go to a model AWS on the paused clock.
fn sdk_config(way: Mortal, clock: Clock, keys: &Keys) -> SdkConfig {
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .credentials_provider(SharedCredentialsProvider::new(keys.clone()))
        .http_client(SharedHttpClient::new(way))
        .sleep_impl(SharedAsyncSleep::new(TokioSleep::new()))
        .time_source(SharedTimeSource::new(VirtualTime(clock)))
        .build()
}

/// The SDK on a model world, for clients of a test's own. Nothing is sent twice.
pub fn sdk_config_of(world: &SharedWorld, clock: ModelClock) -> SdkConfig {
    let credentials = Credentials::new("test", "test", None, None, "test");
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .http_client(SharedHttpClient::new(Connector::new(Arc::clone(world), clock)))
        .sleep_impl(SharedAsyncSleep::new(TokioSleep::new()))
        .time_source(SharedTimeSource::new(ModelTime(clock)))
        .retry_config(RetryConfig::disabled())
        // Long polls are silent on purpose.
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
        .build()
}

#[derive(Debug)]
struct ModelTime(ModelClock);

impl TimeSource for ModelTime {
    fn now(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + self.0.now()
    }
}

/// A complete look at a source that is one file.
pub fn snapshot(documents: &str) -> Snapshot {
    snapshot_of([("documents.yaml".to_owned(), documents.to_owned())])
}

/// A complete look at a source of these files: names and contents.
pub fn snapshot_of(files: impl IntoIterator<Item = (String, String)>) -> Snapshot {
    let mut whole = Snapshot {
        revision: Digest::of_bytes(b""),
        documents: Vec::new(),
        held: Vec::new(),
        diagnostics: Vec::new(),
        unreadable: Vec::new(),
        is_settling: false,
        files: 0,
        sources: BTreeMap::new(),
    };
    for (file, text) in files {
        let parsed = parse_documents(&file, text.as_bytes(), &Variables::default());
        whole.revision = Digest::of(&(&whole.revision, &file, &text));
        whole.documents.extend(parsed.documents);
        whole.held.extend(parsed.held);
        whole.diagnostics.extend(parsed.diagnostics);
        whole.unreadable.extend(parsed.unreadable.map(|reason| Unreadable { file: file.clone(), reason }));
        whole.files += 1;
        whole.sources.insert(file, Arc::from(text));
    }
    whole.documents.sort_by(|a, b| a.key.cmp(&b.key));
    whole
}

/// The article's documents without those of these keys (`Kind/name`).
pub fn article_without(keys: &[&str]) -> String {
    let keep = |document: &&str| {
        let names = |key: &&&str| {
            let (kind, name) = key.split_once('/').unwrap_or((key, ""));
            document.contains(&format!("kind: {kind}\n")) && document.contains(&format!("name: {name} "))
        };
        !keys.iter().any(|key| names(&key))
    };
    ARTICLE.split("\n---\n").filter(keep).collect::<Vec<_>>().join("\n---\n")
}
