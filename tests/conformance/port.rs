//! One case's own AWS, and the engine on it: the model behind a socket, or a region of an emulator.

use std::collections::BTreeMap;
use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_async::rt::sleep::{SharedAsyncSleep, TokioSleep};
use aws_smithy_async::time::{SharedTimeSource, SystemTimeSource};
use aws_smithy_http_client::Builder;
use aws_smithy_runtime_api::client::behavior_version::BehaviorVersion;
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_types::SdkConfig;
use aws_types::region::Region;
use hatoba_aws_model::{Config, Delays, Request, SharedWorld, World};
use hatoba_core::{Key, Status, Truth};
use hatoba_engine::{Clock, Engine, Options};
use hatoba_tests::http::{Reply, send, signed};
use hatoba_tests::wait::{holds_within, until};
use hatoba_tests::{ARTICLE, article_without, snapshot};
use serde_json::{Value, json};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::emulators::{self, Server};
use crate::prepare;
use crate::sent::Sent;

/// The integration where there are no VPC links.
const WITHOUT_LINK: &str = "\
apiVersion: hatoba/v1
kind: Integration
metadata: { name: to-great-service }
spec:
  apiRef: crazy-api
  integrationType: HTTP_PROXY
  integrationMethod: ANY
  integrationUri: https://great-service.example.com
";
/// AWS that is busy with something else is asked again.
const ASK_AGAIN: Duration = Duration::from_millis(50);
/// Everything here takes a few seconds, and several times that on a machine that gets a third of a core; VPC links may
/// have to wait a quarter of a minute for their quota.
pub(crate) const LONG: Duration = Duration::from_secs(150);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Emulator {
    Model,
    Moto,
    Ministack,
}

impl fmt::Display for Emulator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Emulator::Model => "model",
            Emulator::Moto => "moto",
            Emulator::Ministack => "ministack",
        })
    }
}

enum Aws {
    Model { world: SharedWorld, stop: CancellationToken },
    Emulated(Arc<Server>),
}

/// One case's own AWS.
pub(crate) struct Port {
    pub(crate) emulator: Emulator,
    pub(crate) region: String,
    address: SocketAddr,
    aws: Aws,
    /// The writes that were sent, where the emulator does not tell them itself.
    sent: Sent,
    /// How many the engine was started with.
    documents: usize,
    running: Option<(Arc<Engine>, CancellationToken, tokio::task::JoinHandle<()>)>,
}

impl Port {
    /// A model in a process of its own but for the process.
    pub(crate) async fn model(region: &str) -> Port {
        let moment = Duration::from_millis(200);
        let delays = Delays {
            request: Duration::from_millis(5),
            namespace: moment,
            vpc_link: moment,
            vpc_link_delete: moment,
            domain_name: moment,
            task_start: moment,
            task_stop: moment,
            deregister: moment,
            auto_deploy: moment,
            deployment: moment,
            notification: moment,
        };
        // Request quotas are the model's own tests' matter; here they would only cost time.
        let config = Config { region: region.to_owned(), delays, rate_limits: false, ..Config::default() };
        let world: SharedWorld = Arc::new(Mutex::new(World::with_article_prerequisites(config)));
        let epoch = Duration::from_millis(u64::try_from(jiff::Timestamp::now().as_millisecond()).unwrap());
        let clock = hatoba_aws_model::Clock::new(epoch);
        let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let stop = CancellationToken::new();
        let serving =
            hatoba_aws_model::serve(listener, Arc::clone(&world), clock, stop.clone().cancelled_owned());
        tokio::spawn(serving);
        let aws = Aws::Model { world, stop };
        Port {
            emulator: Emulator::Model,
            region: region.to_owned(),
            address,
            aws,
            sent: Sent::default(),
            documents: 0,
            running: None,
        }
    }

    /// A region of an emulator, with what the article presupposes.
    pub(crate) async fn emulated(server: Arc<Server>, region: &str) -> Port {
        let (emulator, address, region) = (server.emulator, server.address, region.to_owned());
        let aws = Aws::Emulated(server);
        let port =
            Port { emulator, region, address, aws, sent: Sent::default(), documents: 0, running: None };
        prepare::article(&port).await;
        port
    }

    /// Sends a request and gives whatever comes back.
    pub(crate) async fn call(&self, request: Request) -> Reply {
        self.sent.note(&request.method, &request.uri, request.header("x-amz-target"));
        send(self.address, &signed(request, &self.region)).await.unwrap()
    }

    /// Sends a request that must succeed, again while AWS is busy with something else.
    pub(crate) async fn meddle(&self, request: &Request) -> Value {
        let begun = Instant::now();
        loop {
            let reply = self.call(request.clone()).await;
            if reply.is_good() {
                return reply.json();
            }
            let body = String::from_utf8_lossy(&request.body);
            let shown = format!("{} {} {body}: {} {}", request.method, request.uri, reply.status, reply.body);
            assert!(begun.elapsed() < LONG / 3 && reply.status != 500, "{shown}");
            tokio::time::sleep(ASK_AGAIN).await;
        }
    }

    /// A list call of API Gateway.
    pub(crate) async fn items(&self, uri: &str) -> Vec<Value> {
        let reply = self.call(Request::rest("GET", &format!("{uri}?maxResults=100"), &Value::Null)).await;
        reply.json()["items"].as_array().cloned().unwrap_or_default()
    }

    /// A call of Cloud Map or ECS that reads.
    pub(crate) async fn ask(&self, service: &str, operation: &str, input: &Value) -> Value {
        self.call(Request::json(service, operation, input)).await.json()
    }

    /// Every write that reached this AWS so far, in order: `ecs.CreateService`.
    pub(crate) fn writes(&self) -> Vec<String> {
        match &self.aws {
            Aws::Model { world, .. } => {
                let world = world.lock().unwrap_or_else(PoisonError::into_inner);
                let writes = world.log().iter().filter(|call| call.write);
                writes.map(|call| format!("{}.{}", call.service, call.operation)).collect()
            }
            Aws::Emulated(server) if server.emulator == Emulator::Moto => {
                emulators::writes(&server.recording, &self.region)
            }
            Aws::Emulated(_) => self.sent.all(),
        }
    }

    /// Starts an engine that knows nothing. Everything is looked at every second.
    pub(crate) fn start(&mut self, documents: &str) {
        let options = Options { resync: Duration::from_secs(1), quota_share: 1.0, ..Options::default() };
        self.start_with(options, documents);
    }

    pub(crate) fn start_with(&mut self, options: Options, documents: &str) {
        let clock = Clock::starting_at(jiff::Timestamp::now());
        let engine = Engine::new(options, &self.sdk_config(), clock, BTreeMap::new());
        let snapshot = snapshot(documents);
        self.documents = snapshot.documents.len();
        engine.accept(snapshot);
        let stop = CancellationToken::new();
        let running = tokio::spawn(Arc::clone(&engine).run(stop.clone()));
        self.running = Some((engine, stop, running));
    }

    /// Starts an engine, and waits until the article's stack stands and a list has shown it: what was just made
    /// and no list shows yet counts as there, whatever happens to it.
    pub(crate) async fn stand(&mut self) {
        self.start(&self.article());
        self.converge().await;
        self.resyncs(1).await;
    }

    /// The article's documents, or those of them that the emulator can make.
    pub(crate) fn article(&self) -> String {
        match self.emulator {
            Emulator::Ministack => {
                let others = article_without(&["VpcLink/fine-vpc-link", "Integration/to-great-service"]);
                format!("{others}\n---\n{WITHOUT_LINK}")
            }
            Emulator::Model | Emulator::Moto => ARTICLE.to_owned(),
        }
    }

    /// Stops the engine and waits until it has.
    pub(crate) async fn stop(&mut self) {
        if let Some((_, stop, running)) = self.running.take() {
            stop.cancel();
            running.await.unwrap();
        }
    }

    /// The source is read again and says this.
    pub(crate) fn accept(&self, documents: &str) {
        self.engine().accept(snapshot(documents));
    }

    pub(crate) fn engine(&self) -> &Arc<Engine> {
        &self.running.as_ref().expect("an engine runs").0
    }

    /// Waits until every document is in sync and ready.
    pub(crate) async fn converge(&self) {
        let (engine, documents) = (self.engine(), self.documents);
        let is_ready =
            |status: &Status| status.synced.status == Truth::True && status.ready.status == Truth::True;
        let done = async || {
            let statuses = engine.statuses();
            statuses.len() == documents && statuses.values().all(is_ready)
        };
        if !holds_within(LONG, done).await {
            panic!("not converged:\n{}\n{}", self.describe(), self.writes().join("\n"));
        }
    }

    /// Waits until everything was looked at `times` more times.
    pub(crate) async fn resyncs(&self, times: usize) {
        for _ in 0..times {
            let before = self.engine().picture().last_full_resync;
            until("a resync", LONG, async || self.engine().picture().last_full_resync > before).await;
        }
    }

    /// Every status, a line each.
    pub(crate) fn describe(&self) -> String {
        let line = |(key, status): (&Key, &Status)| {
            let show = |condition: &hatoba_core::Condition| {
                format!("{} {} ({})", condition.status.as_str(), condition.reason, condition.message)
            };
            format!("{key}: Synced {}, Ready {}", show(&status.synced), show(&status.ready))
        };
        let lines: Vec<String> = self.engine().statuses().iter().map(line).collect();
        format!("{}\n{}", lines.join("\n"), json!(self.engine().picture().pruning))
    }

    /// How the SDK's clients get there.
    pub(crate) fn sdk_config(&self) -> SdkConfig {
        let credentials = Credentials::new("test", "test", None, None, "test");
        SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(self.region.clone()))
            .endpoint_url(format!("http://{}", self.address))
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .http_client(SharedHttpClient::new(
                self.sent.over(Builder::new().build_http(), self.emulator == Emulator::Moto),
            ))
            .sleep_impl(SharedAsyncSleep::new(TokioSleep::new()))
            .time_source(SharedTimeSource::new(SystemTimeSource::new()))
            .build()
    }
}

impl Drop for Port {
    fn drop(&mut self) {
        if let Some((_, stop, running)) = self.running.take() {
            stop.cancel();
            running.abort();
        }
        if let Aws::Model { stop, .. } = &self.aws {
            stop.cancel();
        }
    }
}
