//! Killed and started again, handed over, paused: over and over, while the documents change. The end is that of a run that
//! nobody disturbed, nothing is ever there twice, what others made is untouched, and who uses the API is served all the
//! while.
//!
//! `HATOBA_PROCESS_ROUNDS` says how many kills there are (20 where it does not; the nightly mode has 200), and with them a
//! quarter as many hand-overs and a fortieth as many pauses; `HATOBA_PROCESS_SEED` where the seeds begin.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use hatoba_aws_model::Request;
use hatoba_tests::visitor::Visitor;
use hatoba_tests::wait::{holds_within, until};
use serde_json::json;
use tokio::task::{JoinSet, LocalSet};

use crate::aws::{Aws, live};
use crate::fleet::{Fleet, Home};
use crate::portrait::{differences, portrait, twins};
use crate::process::{Hatoba, LONG, page, status};

/// Worlds side by side: one with a folder, one with a bucket.
const WORLDS: u64 = 2;
/// A link that was replaced stays a minute, and everything takes its time on a busy machine.
const SETTLES: Duration = Duration::from_secs(300);

pub(crate) fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().map_or(default, |text| text.parse().unwrap())
}

fn kills() -> u64 {
    number("HATOBA_PROCESS_ROUNDS", 20)
}

fn seed_of(world: u64) -> u64 {
    number("HATOBA_PROCESS_SEED", 0) + world
}

/// A world, its documents, and what was done to it.
pub(crate) struct Trial {
    pub(crate) aws: Aws,
    pub(crate) home: Home,
    pub(crate) fleet: Fleet,
    pub(crate) dice: fastrand::Rng,
    more: Vec<&'static str>,
    story: Vec<String>,
    visitor: Option<Visitor>,
    /// What a run needs that makes everything from nothing.
    needs: Duration,
}

impl Trial {
    pub(crate) async fn begin(seed: u64, home: impl Fn(&Aws) -> Home, more: &[&'static str]) -> Trial {
        let mut dice = fastrand::Rng::with_seed(seed);
        let (call, rest) = (dice.u64(5..60), dice.u64(100..600));
        let aws = Aws::without_gaps(Duration::from_millis(call), Duration::from_millis(rest), seed).await;
        strangers(&aws).await;
        let (home, fleet) = (home(&aws), Fleet::new(seed));
        home.put(&aws, &fleet.files());
        let story = vec![format!("seed {seed}: a call takes {call} ms, other things {rest} ms, {home:?}")];
        let (_, needs) = undisturbed(&fleet.files()).await;
        Trial { aws, home, fleet, dice, more: more.to_vec(), story, visitor: None, needs }
    }

    pub(crate) fn start(&self) -> Hatoba {
        self.start_on(self.aws.address)
    }

    /// On another way to the same world.
    pub(crate) fn start_on(&self, aws: std::net::SocketAddr) -> Hatoba {
        Hatoba::start(&self.arguments().iter().map(String::as_str).collect::<Vec<_>>(), Some(aws))
    }

    pub(crate) fn arguments(&self) -> Vec<String> {
        let source = self.home.source();
        let often = ["--listen", "127.0.0.1:0", "--resync", "2s", "--poll", "1s", "--quota-share", "100"];
        let prune = ["--owner", "rounds", "--prune-grace", "1s", "--prune-limit", "100"];
        let run = ["run", "--source", &source];
        [&run[..], &often[..], &prune[..], &self.more[..]].concat().into_iter().map(str::to_owned).collect()
    }

    pub(crate) fn change(&mut self) {
        let links = live(&self.aws.dump(), "apigatewayv2", "vpcLinks").len();
        let what = self.fleet.change(links);
        self.home.put(&self.aws, &self.fleet.files());
        self.note(what);
    }

    pub(crate) fn note(&mut self, what: String) {
        self.story.push(what);
    }

    /// The last that was done.
    pub(crate) fn told(&self) -> String {
        let from = self.story.len().saturating_sub(12);
        format!("{}\n{}\n", self.story[0], self.story[from..].join("\n"))
    }

    /// Whatever is wrong at any moment.
    pub(crate) fn assert_sound(&mut self) {
        let dump = self.aws.dump();
        assert_eq!(twins(&dump), [""; 0], "made twice; {}", self.told());
        let api = crazy_api(&dump);
        if self.visitor.is_none() && api.as_ref().is_some_and(|api| self.aws.visit(api) == 200) {
            self.visitor = api.map(|api| self.aws.visitor(&api));
        }
        let failures = self.visitor.as_ref().map(|visitor| visitor.report().failures).unwrap_or_default();
        assert!(
            failures.is_empty(),
            "not served: {:#?}; {}",
            &failures[..failures.len().min(5)],
            self.told()
        );
    }

    /// Waits until everything is as after an undisturbed run, and then that nothing more is written.
    pub(crate) async fn assert_settles(&mut self, daemon: &Hatoba) {
        let (expected, _) = undisturbed(&self.fleet.files()).await;
        let mut wrong = Vec::new();
        let is_alike = async || {
            wrong = differences(&portrait(&self.aws.dump()), &expected);
            wrong.is_empty()
        };
        let settles = holds_within(SETTLES, is_alike).await;
        assert!(settles, "unlike an undisturbed run: {wrong:#?}; {}\n{}", self.told(), daemon.stderr());
        let shown = daemon.page().await;
        let looked = async || status(shown).await["lastFullResync"].clone();
        let writes = self.aws.changes();
        for _ in 0..2 {
            let before = looked().await;
            until("one more look", LONG, async || looked().await != before).await;
        }
        let wrong = differences(&portrait(&self.aws.dump()), &expected);
        assert_eq!(wrong, [""; 0], "it did not stay so; {}", self.told());
        assert_eq!(self.aws.changes(), writes, "all is well, and something is written; {}", self.told());
        self.assert_sound();
        let visits = async || self.visitor.as_ref().map_or(0, |visitor| visitor.report().sent);
        until(&format!("somebody is served; {}", self.told()), LONG, async || visits().await > 0).await;
    }

    /// A moment within what a change needs: in the `of`-th part number `part` of it.
    pub(crate) fn moment(&mut self, part: u64, of: u64) -> Duration {
        let parts = u32::try_from(of).unwrap();
        self.needs / parts * u32::try_from(part).unwrap() + self.needs.mul_f64(self.dice.f64()) / parts
    }
}

/// What others made, and nobody may touch.
async fn strangers(aws: &Aws) {
    for (uri, body) in [
        ("/v2/apis", json!({ "name": "crazy-api", "protocolType": "HTTP", "description": "somebody's" })),
        ("/v2/vpclinks", json!({ "name": "fine-vpc-link", "subnetIds": ["subnet-0cc33dd44ee55ff66"] })),
    ] {
        aws.send(&Request::rest("POST", uri, &body)).await;
    }
}

fn crazy_api(dump: &serde_json::Value) -> Option<String> {
    let apis = live(dump, "apigatewayv2", "apis");
    let ours = apis.iter().find(|api| api["tags"]["hatoba:document"] == "HttpApi/crazy-api")?;
    ours["apiId"].as_str().map(str::to_owned)
}

/// What these documents come to where nothing disturbs, and how long that takes.
async fn undisturbed(files: &BTreeMap<String, String>) -> (Vec<String>, Duration) {
    let aws = Aws::quick().await;
    strangers(&aws).await;
    let home = Home::folder();
    home.put(&aws, files);
    let (begun, source) = (Instant::now(), home.source());
    let once = ["--once", "--timeout", "140s", "--owner", "rounds", "--quota-share", "100"];
    let run = ["run", "--source", &source, "--listen", "127.0.0.1:0", "--resync", "2s"];
    let ended = Hatoba::run(&[&run[..], &once[..]].concat(), Some(aws.address)).await;
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let needed = begun.elapsed();
    // A rollout's first tasks may still be on their way into the registry.
    let mut found = portrait(&aws.dump());
    until("it stands still", LONG, async || {
        let before = std::mem::replace(&mut found, portrait(&aws.dump()));
        before == found
    })
    .await;
    (found, needed)
}

/// Runs one task for each world; all of them on one thread, and the models on the others.
async fn in_every_world<F: Future<Output = ()> + 'static>(task: impl Fn(u64) -> F) {
    let all = async {
        let mut worlds = JoinSet::new();
        for world in 0..WORLDS {
            worlds.spawn_local(task(world));
        }
        while let Some(ended) = worlds.join_next().await {
            ended.unwrap();
        }
    };
    LocalSet::new().run_until(all).await;
}

/// Two writers without a lease for a moment, or one lock: nothing else keeps what was killed from coming back.
async fn trial(world: u64, more: &[&'static str]) -> Trial {
    match world % 2 {
        0 => Trial::begin(seed_of(world), |_| Home::folder(), &[]).await,
        _ => Trial::begin(seed_of(world), Home::bucket, more).await,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_in_every_round_it_ends_as_if_nobody_had() {
    in_every_world(|world| killed(world, kills().div_ceil(WORLDS))).await;
}

async fn killed(world: u64, rounds: u64) {
    // A lease would keep the next one from writing for half a minute.
    let mut trial = trial(world, &["--no-lease"]).await;
    let mut parts: Vec<u64> = (0..rounds).collect();
    trial.dice.shuffle(&mut parts);
    for (round, part) in parts.into_iter().enumerate() {
        if round > 0 {
            trial.change();
        }
        let daemon = trial.start();
        let moment = trial.moment(part, rounds);
        tokio::time::sleep(moment).await;
        daemon.kill();
        trial.note(format!("round {round}: killed after {moment:?}"));
        trial.assert_sound();
    }
    let daemon = trial.start();
    trial.assert_settles(&daemon).await;
    daemon.terminate().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn handed_over_in_every_round_it_never_stops_serving() {
    in_every_world(|world| handed_over(world, kills().div_ceil(4).max(6).div_ceil(WORLDS))).await;
}

async fn handed_over(world: u64, rounds: u64) {
    let mut trial = trial(world + 100, &[]).await;
    let mut leader = trial.start();
    let mut parts: Vec<u64> = (0..rounds).collect();
    trial.dice.shuffle(&mut parts);
    for (round, part) in parts.into_iter().enumerate() {
        let next = trial.start();
        let shown = next.page().await;
        let is_warm = async || page(shown, "/readyz").await.status == 200;
        until("the next one is warm", LONG, is_warm).await;
        let moment = trial.moment(part, rounds);
        trial.change();
        tokio::time::sleep(moment).await;
        leader.terminate().await;
        trial.note(format!("round {round}: told to leave {moment:?} after that"));
        assert!(is_warm().await, "nobody is ready; {}", trial.told());
        until("the next one leads", LONG, async || status(shown).await["leader"] == true).await;
        trial.assert_sound();
        leader = next;
    }
    trial.assert_settles(&leader).await;
    leader.terminate().await;
}

/// A leader that sleeps past its lease, in the middle of a change, while another takes over and carries out the next one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_leader_that_oversleeps_overwrites_nothing() {
    for round in 0..kills().div_ceil(40) {
        overslept(seed_of(200 + round)).await;
    }
}

async fn overslept(seed: u64) {
    let mut trial = Trial::begin(seed, Home::bucket, &[]).await;
    let first = trial.start();
    let shown = first.page().await;
    until("the first leads", LONG, async || status(shown).await["leader"] == true).await;
    let says = async |trial: &Trial| {
        let dump = trial.aws.dump();
        let apis = live(&dump, "apigatewayv2", "apis").into_iter();
        let ours = apis.filter(|api| api["tags"]["hatoba:document"] == "HttpApi/crazy-api");
        ours.filter_map(|api| api["description"].as_str().map(str::to_owned)).next().unwrap_or_default()
    };
    until("there is an API", LONG, async || says(&trial).await == "version 0").await;
    let second = trial.start();
    let shown_second = second.page().await;
    until("the second is warm", LONG, async || page(shown_second, "/readyz").await.status == 200).await;

    trial.fleet.say(1_000);
    trial.home.put(&trial.aws, &trial.fleet.files());
    // The poll is a second: it sleeps before it has seen the change, while it writes, or after.
    let moment = Duration::from_millis(trial.dice.u64(0..1_600));
    tokio::time::sleep(moment).await;
    first.signal("STOP");
    trial.note(format!("paused {moment:?} after version 1000"));
    trial.fleet.say(2_000);
    trial.home.put(&trial.aws, &trial.fleet.files());
    until("the second leads", LONG, async || status(shown_second).await["leader"] == true).await;
    until("the newest is there", LONG, async || says(&trial).await == "version 2000").await;
    first.signal("CONT");
    // Whatever the first had in mind: until it knows that it does not lead, and has looked at everything again.
    let mut seen = Vec::new();
    until("the first stands by", LONG, async || {
        seen.push(says(&trial).await);
        status(shown).await["leader"] == false
    })
    .await;
    seen.push(says(&trial).await);
    assert!(seen.iter().all(|said| said == "version 2000"), "overwritten: {seen:?}; {}", trial.told());
    trial.assert_sound();
    trial.assert_settles(&second).await;
    first.terminate().await;
    second.terminate().await;
}
