//! A model AWS of this process's on loopback, and the folder of documents.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hatoba_aws_model::{Clock, Config, Delays, Request, SharedWorld, World};
use hatoba_tests::visitor::Visitor;
use hatoba_tests::wait::until;
use serde_json::Value;
use tokio_util::sync::{CancellationToken, DropGuard};

/// The article's eight documents, by file.
pub(crate) const SAMPLES: [(&str, &str); 3] = [
    ("discovery.yaml", include_str!("../../deploy/samples/article/discovery.yaml")),
    ("service.yaml", include_str!("../../deploy/samples/article/service.yaml")),
    ("api.yaml", include_str!("../../deploy/samples/article/api.yaml")),
];
pub(crate) const DOCUMENTS: usize = 8;

/// A model AWS that listens.
pub(crate) struct Aws {
    pub(crate) address: SocketAddr,
    world: SharedWorld,
    clock: Clock,
    _serving: DropGuard,
}

impl Aws {
    /// One where everything takes so long, a call as well.
    pub(crate) async fn start(request: Duration, rest: Duration, seed: u64) -> Aws {
        Aws::on(Aws::delays(request, rest), seed).await
    }

    /// One where everything takes so long, but a task leaves its registry the moment that it stops: AWS itself sends
    /// nobody to where nobody listens any more.
    pub(crate) async fn without_gaps(request: Duration, rest: Duration, seed: u64) -> Aws {
        Aws::on(Delays { deregister: Duration::ZERO, ..Aws::delays(request, rest) }, seed).await
    }

    fn delays(request: Duration, rest: Duration) -> Delays {
        Delays {
            request,
            namespace: rest,
            vpc_link: rest,
            vpc_link_delete: rest,
            domain_name: rest,
            task_start: rest,
            task_stop: rest,
            deregister: rest,
            auto_deploy: rest,
            deployment: rest,
            notification: rest,
        }
    }

    async fn on(delays: Delays, seed: u64) -> Aws {
        // Many starts within a minute would wait for each other's quota of VPC links.
        let config = Config { delays, seed, rate_limits: false, ..Config::default() };
        let world: SharedWorld = Arc::new(Mutex::new(World::with_article_prerequisites(config)));
        let epoch = Duration::from_millis(u64::try_from(jiff::Timestamp::now().as_millisecond()).unwrap());
        let clock = Clock::new(epoch);
        let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let stop = CancellationToken::new();
        let stopped = stop.clone().cancelled_owned();
        tokio::spawn(hatoba_aws_model::serve(listener, Arc::clone(&world), clock, stopped));
        Aws { address, world, clock, _serving: stop.drop_guard() }
    }

    /// One that is quick.
    pub(crate) async fn quick() -> Aws {
        Aws::start(Duration::from_millis(5), Duration::from_millis(200), 0).await
    }

    /// Everything there is, now.
    pub(crate) fn dump(&self) -> Value {
        let mut world = self.world.lock().unwrap_or_else(PoisonError::into_inner);
        world.advance(self.clock.now());
        world.dump()
    }

    /// Looks at it, or changes it by hand.
    pub(crate) fn with<R>(&self, by_hand: impl FnOnce(&mut World) -> R) -> R {
        by_hand(&mut self.world.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Somebody else sends a request, which must succeed: again while AWS is busy with another one.
    pub(crate) async fn send(&self, request: &Request) -> Value {
        let mut answer = Value::Null;
        until("AWS takes a request", crate::process::LONG, async || {
            let mut world = self.world.lock().unwrap_or_else(PoisonError::into_inner);
            let response = world.handle(request, self.clock.now());
            let shown = String::from_utf8_lossy(&response.body);
            assert!(response.status < 300 || response.status == 409, "{} {shown}", response.status);
            answer = response.json();
            response.status < 300
        })
        .await;
        answer
    }

    /// What an API answers to somebody who gets `/hello`.
    pub(crate) fn visit(&self, api: &str) -> u16 {
        let request = Request {
            method: "GET".to_owned(),
            uri: format!("https://{api}.execute-api.us-east-1.amazonaws.com/hello"),
            ..Request::default()
        };
        let now = self.clock.now();
        self.with(|world| world.invoke(&request, now).status)
    }

    /// Somebody who uses an API from now on.
    pub(crate) fn visitor(&self, api: &str) -> Visitor {
        Visitor::start(&self.world, self.clock, api, "/hello", &[])
    }

    /// Writes so far, but those of objects: statuses and leases.
    pub(crate) fn changes(&self) -> usize {
        let world = self.world.lock().unwrap_or_else(PoisonError::into_inner);
        world.log().iter().filter(|call| call.write && call.service != "s3").count()
    }

    /// Calls so far, and how many of them were writes.
    pub(crate) fn calls(&self) -> (usize, usize) {
        let world = self.world.lock().unwrap_or_else(PoisonError::into_inner);
        (world.log().len(), world.log().iter().filter(|call| call.write).count())
    }
}

/// What is wrong with a dump as the article's stack: exactly one live of each.
pub(crate) fn wrong(dump: &Value) -> Result<(), String> {
    for (service, collection) in [
        ("servicediscovery", "namespaces"),
        ("servicediscovery", "services"),
        ("ecs", "services"),
        ("apigatewayv2", "apis"),
        ("apigatewayv2", "vpcLinks"),
        ("apigatewayv2", "integrations"),
        ("apigatewayv2", "routes"),
        ("apigatewayv2", "stages"),
    ] {
        let live = live(dump, service, collection);
        if live.len() != 1 {
            return Err(format!("{} {collection}: {live:#?}", live.len()));
        }
    }
    Ok(())
}

/// What of a collection is neither gone nor going.
pub(crate) fn live<'a>(dump: &'a Value, service: &str, collection: &str) -> Vec<&'a Value> {
    let leaves = |object: &Value| {
        object["vpcLinkStatus"] == "DELETING"
            || object["status"] == "DRAINING"
            || object["status"] == "INACTIVE"
    };
    let all = dump[service][collection].as_object().into_iter().flatten().map(|(_, object)| object);
    all.filter(|object| !leaves(object)).collect()
}

/// A folder with the article's documents.
pub(crate) fn documents() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in SAMPLES {
        put(folder.path(), name, text);
    }
    folder
}

/// Puts a whole file in place, as careful writers do.
pub(crate) fn put(folder: &Path, name: &str, text: &str) {
    let unfinished = folder.join(".unfinished");
    std::fs::write(&unfinished, text).unwrap();
    std::fs::rename(unfinished, folder.join(name)).unwrap();
}
