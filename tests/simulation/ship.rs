//! One process: the real engine with the real source and the real status sink, its loops those of the binary.

use std::sync::Arc;
use std::time::Duration;

use hatoba_aws_model::Clock as ModelClock;
use hatoba_core::{Cause, Digest};
use hatoba_engine::{BucketBoard, Clock, Engine, Pace, Requests, StatusSink};
use hatoba_source::{Bucket, BucketSource, Directory, Keep, Location, Snapshot, Source, Variables};
use hatoba_tests::Harbour;
use hatoba_tests::board::LeaseBoard;
use jiff::Timestamp;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::disk::Disk;
use crate::judge::number;
use crate::sea::SharedSea;
use crate::swarm::{Fault, Place};
use crate::way::Way;

pub(crate) const BUCKET: &str = "documents";

/// What all processes of a world have in common.
#[derive(Clone, Debug)]
pub(crate) struct Port {
    pub(crate) sea: SharedSea,
    pub(crate) disk: Disk,
    pub(crate) board: LeaseBoard,
    pub(crate) clock: ModelClock,
}

/// Rarer than the binary's: each write is calls through the SDK.
const PACE: Pace = Pace { heartbeat: Duration::from_secs(180), rest: Duration::from_secs(3) };
/// Two leaders write all statuses anew then, over the other's; each is as right.
const PACE_OF_LEADERS: Pace = Pace { heartbeat: Duration::from_secs(600), ..PACE };
/// So long a process reads what an earlier one showed.
const START: Duration = Duration::from_secs(3);
/// So often it looks for what people ask; the binary's 10 s would be a third of all calls.
const HEAR: Duration = Duration::from_secs(300);

/// A process.
pub(crate) struct Ship {
    pub(crate) harbour: Harbour,
    pub(crate) number: usize,
    pub(crate) is_frozen: bool,
    tasks: Vec<JoinHandle<()>>,
}

fn location() -> Location {
    format!("s3://{BUCKET}/prod").parse().unwrap()
}

impl Ship {
    /// Starts process number `number`; its own clock is off by so many seconds.
    pub(crate) async fn start(port: &Port, number: usize, off_seconds: i64) -> Ship {
        let (swarm, world) = {
            let sea = port.sea.lock();
            (sea.swarm.clone(), Arc::clone(&sea.world))
        };
        let now = Timestamp::UNIX_EPOCH + port.clock.now();
        let clock = Clock::starting_at(now + jiff::SignedDuration::from_secs(off_seconds));
        let way = Way { sea: port.sea.clone(), process: number };
        let options = hatoba_engine::Options { seed: swarm.seed ^ number as u64, ..swarm.options.clone() };
        let mut harbour = Harbour::by(world, options, (clock, port.clock), way);
        let config = harbour.config();
        let at = location().status_place();
        let bucket = || Bucket::of(&config, &at);
        let (source, mut sink): (Source, StatusSink) = match swarm.place {
            Place::Disk => {
                let directory = Directory::with_files(Box::new(port.disk.clone()), Variables::default());
                (directory.into(), StatusSink::none())
            }
            Place::Bucket => {
                let sink = StatusSink::bucket(bucket(), at.clone());
                (BucketSource::new(&config, location(), Variables::default()).into(), sink)
            }
        };
        harbour.knows(sink.load(START).await);
        if swarm.has_lease() {
            let name = format!("p{number}");
            match swarm.lease_is_in_s3() {
                true => harbour.compete_on(BucketBoard::new(bucket(), &at), &name),
                false => harbour.compete(&port.board, &name),
            }
        }
        harbour.run();
        let reading = read(Arc::clone(&harbour.engine), source, port.sea.clone(), number);
        let pace = if swarm.has(Fault::Leaders) { PACE_OF_LEADERS } else { PACE };
        let ended = CancellationToken::new();
        let writing = sink.follow(Arc::clone(&harbour.engine), pace, move || clock.now(), ended.clone());
        let mut tasks = vec![harbour.spawn(reading), harbour.spawn(writing)];
        if swarm.place == Place::Bucket {
            harbour.engine.ask_for_held();
            let requests = Requests::new(Keep::bucket(bucket(), at.clone()));
            tasks.push(harbour.spawn(requests.follow(Arc::clone(&harbour.engine), HEAR, ended)));
        }
        Ship { harbour, number, is_frozen: false, tasks }
    }

    /// Drops it where it stands.
    pub(crate) fn kill(&mut self) {
        self.harbour.kill();
        self.tasks.drain(..).for_each(|task| task.abort());
    }

    /// Ends it as SIGTERM does.
    pub(crate) async fn terminate(&mut self) {
        self.tasks.drain(..).for_each(|task| task.abort());
        self.harbour.terminate().await;
    }

    pub(crate) fn freeze(&mut self, frozen: bool) {
        self.is_frozen = frozen;
        self.harbour.freeze(frozen);
    }
}

/// Reads the source when it changes, and every so often all the same.
async fn read(engine: Arc<Engine>, mut source: Source, sea: SharedSea, number: usize) {
    let poll = sea.lock().swarm.poll;
    loop {
        let begun = Instant::now();
        match source.poll().await {
            Ok(snapshot) => {
                let versions = versions(&snapshot);
                // Of a file that nobody could read nobody knows what it says: its double is all there is.
                let is_whole = snapshot.unreadable.is_empty();
                let documents = snapshot.documents.iter().map(|document| document.key.to_string()).collect();
                engine.accept_as_of(snapshot, begun);
                let mut sea = sea.lock();
                let now = sea.now();
                sea.claims.know(now, number);
                sea.witness.has_seen(now, number, &documents);
                for (document, digest, version) in versions {
                    let wrong = sea.duties.accepts(now, number, &document, version).filter(|_| is_whole);
                    if let Some(wrong) = wrong {
                        sea.witness.violated(wrong);
                    }
                    // What nobody wrote is taken over by right where the true one cannot be read, and is no version then.
                    if version != NOBODYS {
                        sea.claims.are_of(&document, digest, version);
                        sea.witness.accepts(number, document, version);
                    }
                }
            }
            Err(error) => engine.accept_error(Cause::new(error.reason(), error.to_string())),
        }
        tokio::select! {
            biased;
            () = source.changed() => {}
            () = tokio::time::sleep(poll) => {}
        }
    }
}

/// The version of a document that nobody wrote.
const NOBODYS: u64 = u64::MAX;

/// The versions that documents tell in their descriptions, or in the names of their operations.
fn versions(snapshot: &Snapshot) -> Vec<(String, Digest, u64)> {
    let told = |document: &hatoba_core::Document| {
        let member = |name: &str| document.spec.get(name).and_then(serde_json::Value::as_str);
        let text = member("description").or_else(|| member("operationName"))?;
        // An API's comes twice: first and last. What was cut off between them is no version that anybody wrote.
        let is_whole = document.key.kind != "HttpApi" || member("version") == Some(text);
        let version = if is_whole { number(text)? } else { NOBODYS };
        Some((document.key.to_string(), document.digest.clone(), version))
    };
    snapshot.documents.iter().filter_map(told).collect()
}
