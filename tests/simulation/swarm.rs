//! What a seed stands for: how large the world is, and which things go wrong in it, how often.
//!
//! About half of the faults are left out of each seed (swarm testing): where everything goes wrong at once, what needs a
//! rare combination is never reached.

use std::collections::BTreeSet;
use std::time::Duration;

use fastrand::Rng;
use hatoba_aws_model::{Config, Delays};
use hatoba_engine::Options;

/// A family of faults. Its number is what `HATOBA_SIMULATION_WITHOUT` names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Fault {
    /// A write is carried out, and its answer lost.
    Lost,
    /// A call is refused with a 5xx and not carried out.
    Fails,
    /// A call is carried out and answered with a 5xx.
    FailsAfter,
    /// A call is not carried out and never answered.
    Hangs,
    /// A call is carried out and never answered.
    HangsAfter,
    /// A request arrives twice.
    Twice,
    /// 429, as if somebody else spent the quota.
    Throttled,
    /// Access denied, for a while.
    Denied,
    /// A quota of the account's is reached, for a while.
    Full,
    /// A value is refused, for a while.
    Rejected,
    /// 409 and its like.
    Conflict,
    /// Answers that take up to a minute.
    Slow,
    /// Reads that show how it was some seconds ago.
    Stale,
    /// Lists that do not show yet what was just made.
    Hidden,
    /// Answers that break off, with status 200.
    Torn,
    /// The process dies before a request is sent, when AWS has carried it out, or when it has the answer.
    Crash,
    /// The process dies between two calls.
    Kill,
    /// The process is paused, with what it has under way.
    Freeze,
    /// SIGTERM, and another one takes over.
    Rolling,
    /// Several processes, and no lease between them.
    Leaders,
    /// People change and delete what is ours.
    Hands,
    /// People make things of their own, also in our APIs.
    Strangers,
    /// VPC links that fail.
    LinkFails,
    /// Tasks that do not start.
    RolloutFails,
    /// Cloud Map operations that fail.
    OperationFails,
    /// Credentials that are expired for a while; clocks that are off.
    Expired,
    /// Credentials of another account.
    Account,
    /// Documents change, go and come back.
    Documents,
    /// Documents that are wrong: bad members, doubles, references into nothing.
    Wrong,
    /// Files that are half written, or cannot be read.
    Files,
    /// The source is away, or empty.
    SourceAway,
    /// The statuses cannot be written.
    Sink,
    /// The lease's object: answers lost, nobody there, deleted.
    Lease,
    /// One service of AWS is down for long.
    Outage,
    /// Links that lose their interfaces for want of traffic.
    Idle,
}

impl Fault {
    /// Every family.
    pub(crate) const ALL: [Fault; 35] = [
        Fault::Lost,
        Fault::Fails,
        Fault::FailsAfter,
        Fault::Hangs,
        Fault::HangsAfter,
        Fault::Twice,
        Fault::Throttled,
        Fault::Denied,
        Fault::Full,
        Fault::Rejected,
        Fault::Conflict,
        Fault::Slow,
        Fault::Stale,
        Fault::Hidden,
        Fault::Torn,
        Fault::Crash,
        Fault::Kill,
        Fault::Freeze,
        Fault::Rolling,
        Fault::Leaders,
        Fault::Hands,
        Fault::Strangers,
        Fault::LinkFails,
        Fault::RolloutFails,
        Fault::OperationFails,
        Fault::Expired,
        Fault::Account,
        Fault::Documents,
        Fault::Wrong,
        Fault::Files,
        Fault::SourceAway,
        Fault::Sink,
        Fault::Lease,
        Fault::Outage,
        Fault::Idle,
    ];
}

/// Where the documents lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// A folder of the model file system.
    Disk,
    /// A prefix of the model S3, with the statuses beside it.
    Bucket,
}

/// One seed's world.
#[derive(Clone, Debug)]
pub(crate) struct Swarm {
    pub(crate) seed: u64,
    pub(crate) stacks: usize,
    pub(crate) processes: usize,
    pub(crate) place: Place,
    /// A file for each document, or for each stack.
    pub(crate) file_each: bool,
    pub(crate) faults: BTreeSet<Fault>,
    /// How often the calls of this seed go wrong, of a thousand.
    pub(crate) permille: u64,
    pub(crate) lag: Duration,
    /// The source is looked at so often, whether or not something tells of a change.
    pub(crate) poll: Duration,
    /// A step takes so long on average, more or less.
    pub(crate) pace: Duration,
    pub(crate) config: Config,
    pub(crate) options: Options,
}

impl Swarm {
    /// The world of this seed, without these faults.
    pub(crate) fn of(seed: u64, without: &BTreeSet<Fault>) -> Swarm {
        let mut dice = Rng::with_seed(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x5eed);
        let share = dice.choice([0.15, 0.35, 0.5, 0.7]).unwrap_or_default();
        let drawn: Vec<Fault> = Fault::ALL.into_iter().filter(|_| dice.f64() < share).collect();
        let mut faults: BTreeSet<Fault> =
            drawn.into_iter().filter(|fault| !without.contains(fault)).collect();
        let mut choose = |from: &[u64]| dice.choice(from).copied().unwrap_or_default();
        let seconds = Duration::from_secs;
        let stacks = choose(&[1, 1, 1, 1, 1, 1, 2, 2, 3]) as usize;
        let processes = choose(&[1, 1, 1, 1, 1, 2, 2, 2, 3]) as usize;
        let place = if choose(&[0, 0, 1]) == 0 { Place::Disk } else { Place::Bucket };
        // Trouble with a lease in S3 is there where there is one.
        let is_about_lease = is_in_s3(seed, place) && faults.contains(&Fault::Lease);
        let processes = if is_about_lease { processes.max(2) } else { processes };
        if is_about_lease {
            faults.remove(&Fault::Leaders);
        }
        let (file_each, permille) = (choose(&[0, 1]) == 1, choose(&[5, 20, 60, 150]));
        let (lag, pace) =
            (seconds(choose(&[1, 5, 10, 20])), Duration::from_millis(choose(&[200, 1_000, 2_500])));
        let delays = Delays {
            request: Duration::from_millis(choose(&[10, 30, 30, 200])),
            namespace: seconds(choose(&[2, 45, 45, 300])),
            vpc_link: seconds(choose(&[3, 90, 90, 900])),
            vpc_link_delete: seconds(choose(&[2, 60, 300])),
            task_start: seconds(choose(&[2, 40, 120])),
            task_stop: seconds(choose(&[2, 30, 120])),
            deregister: seconds(choose(&[1, 15, 90])),
            auto_deploy: seconds(choose(&[1, 2, 20])),
            ..Delays::default()
        };
        let pages = [None, None, Some(1), Some(2)][choose(&[0, 1, 2, 3]) as usize];
        // The bucket is listed so often that pages of one would be most of what a seed does.
        let pages = if place == Place::Bucket { pages.map(|size: usize| size * 4) } else { pages };
        let config = Config { seed, delays, page_size_max: pages, ..Config::default() };
        // Together they take no more than there is: whoever is throttled says so in a status.
        let most = if processes > 2 { 0.3 } else { 0.5 };
        let options = Options {
            owner: OWNER.to_owned(),
            owner_is_explicit: true,
            resync: seconds(choose(&[90, 300, 300])),
            prune_grace: seconds(choose(&[20, 60, 180])),
            // A stack is ten documents: here and there half of one is too many to go without a word.
            prune_limit: choose(&[10, 10, 10, 3]) as usize,
            // With a tenth of the quota what was decided waits for half a minute, and the world goes on.
            quota_share: [most, most, most, 0.1][choose(&[0, 1, 2, 3]) as usize],
            seed,
            ..Options::default()
        };
        // Half of what a seed would do with the binary's 15 s is to look at documents that did not change.
        // None of these divides the grace: a document may be back when its grace is over, and nobody has seen it yet.
        let poll = seconds(choose(&[25, 35, 35, 45]));
        Swarm {
            seed,
            stacks,
            processes,
            place,
            file_each,
            faults,
            permille,
            lag,
            poll,
            pace,
            config,
            options,
        }
    }

    /// Two leaders and no lease between them, whatever else the seed says.
    pub(crate) fn with_two_leaders(mut self) -> Swarm {
        self.processes = 2;
        self.faults.insert(Fault::Leaders);
        self
    }

    /// One stack and one process, and nothing goes wrong by itself.
    pub(crate) fn still(seed: u64) -> Swarm {
        let everything = Fault::ALL.into_iter().collect();
        let mut swarm = Swarm::of(seed, &everything);
        swarm.config = Config { seed, ..Config::default() };
        let seconds = Duration::from_secs;
        swarm.config.delays = Delays {
            namespace: seconds(2),
            vpc_link: seconds(3),
            vpc_link_delete: seconds(2),
            task_start: seconds(2),
            task_stop: seconds(2),
            ..Delays::default()
        };
        swarm.options.resync = seconds(300);
        swarm.options.prune_grace = seconds(20);
        swarm.options.prune_limit = 10;
        swarm.poll = seconds(30);
        Swarm { stacks: 1, processes: 1, place: Place::Disk, file_each: true, ..swarm }
    }

    pub(crate) fn has(&self, fault: Fault) -> bool {
        self.faults.contains(&fault)
    }

    /// Whether everything waits for the quota most of the time.
    pub(crate) fn quota_is_small(&self) -> bool {
        self.options.quota_share < 0.2
    }

    /// Whether what was decided leaves at once. Throttles slow a process down to a twentieth: then it may wait for minutes.
    pub(crate) fn is_unhurried(&self) -> bool {
        ![Fault::Throttled, Fault::Freeze, Fault::Outage].iter().any(|fault| self.has(*fault))
    }

    /// Whether nothing keeps a process from looking.
    pub(crate) fn may_look(&self) -> bool {
        let blind = [Fault::Expired, Fault::Denied, Fault::Account, Fault::Outage, Fault::Freeze];
        !blind.iter().any(|fault| self.has(*fault)) && !self.has(Fault::Throttled)
    }

    /// Whether the lease lies beside the documents, and is written by the product itself; else it has a way of its own.
    pub(crate) fn lease_is_in_s3(&self) -> bool {
        is_in_s3(self.seed, self.place)
    }

    /// Whether the processes settle among themselves who leads.
    pub(crate) fn has_lease(&self) -> bool {
        self.processes > 1 && !self.has(Fault::Leaders)
    }
}

/// Who stands by looks at a lease every two seconds, so in a third of these worlds it is looked at through the SDK.
fn is_in_s3(seed: u64, place: Place) -> bool {
    place == Place::Bucket && seed.is_multiple_of(3)
}

/// The owner of everything that the documents ask for.
pub(crate) const OWNER: &str = "shop";

/// Lists that may not show at once what was just made.
pub(crate) const HIDING: [&str; 7] = [
    "GetApis",
    "GetVpcLinks",
    "GetIntegrations",
    "GetRoutes",
    "GetStages",
    "ListNamespaces",
    "servicediscovery.ListServices",
];
