//! Many seeds on two threads, each with a runtime of its own; what fails is made as small as it gets.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::happened::Happened;
use crate::swarm::{Fault, Swarm};
use crate::voyage::{Outcome, sail};

/// Passes of the SDK are deep when nothing is optimised.
pub(crate) const STACK_BYTES: usize = 32 * 1024 * 1024;

/// One part of the simulation at a time has the machine: each works on two threads, and boxes itself by time.
static MACHINE: Mutex<()> = Mutex::new(());

pub(crate) fn alone() -> MutexGuard<'static, ()> {
    MACHINE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// In so many seeds everything happens that can.
const SEEDS_OF_ALL_FAULTS: u64 = 200;

/// What is to be run.
#[derive(Clone, Debug)]
pub(crate) struct Order {
    pub(crate) from: u64,
    pub(crate) seeds: u64,
    pub(crate) steps: usize,
    /// No seed is begun later than that.
    pub(crate) within: Duration,
    pub(crate) without: BTreeSet<Fault>,
    /// Two leaders in every one of them, and no lease.
    pub(crate) two_leaders: bool,
}

/// What came of it.
#[derive(Debug, Default)]
pub(crate) struct Report {
    pub(crate) seeds: u64,
    pub(crate) steps: usize,
    pub(crate) calls: usize,
    pub(crate) virtual_hours: f64,
    pub(crate) happened: Happened,
    pub(crate) failed: Vec<Outcome>,
    took: Duration,
}

pub(crate) fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

impl Order {
    /// What the environment asks for, or these defaults.
    pub(crate) fn from_environment(seeds: u64, steps: u64, seconds: u64) -> Order {
        let without = std::env::var("HATOBA_SIMULATION_WITHOUT").unwrap_or_default();
        let named = |fault: &Fault| without.split(',').any(|name| name == format!("{fault:?}"));
        Order {
            from: number("HATOBA_SIMULATION_FROM", 0),
            seeds: number("HATOBA_SIMULATION_SEEDS", seeds),
            steps: usize::try_from(number("HATOBA_SIMULATION_STEPS", steps)).unwrap_or(usize::MAX),
            within: Duration::from_secs(number("HATOBA_SIMULATION_SECONDS", seconds)),
            without: Fault::ALL.into_iter().filter(named).collect(),
            two_leaders: number("HATOBA_SIMULATION_LEADERS", 1) > 1,
        }
    }

    /// Runs it.
    pub(crate) fn run(&self) -> Report {
        let _alone = alone();
        let (next, report) = (AtomicU64::new(self.from), Mutex::new(Report::default()));
        let begun = Instant::now();
        let stops = self.stops();
        std::thread::scope(|scope| {
            for _ in 0..2 {
                let work = || {
                    while begun.elapsed() < self.within {
                        if stops && !report.lock().unwrap().failed.is_empty() {
                            break;
                        }
                        let seed = next.fetch_add(1, Ordering::Relaxed);
                        if seed - self.from >= self.seeds {
                            break;
                        }
                        self.one(seed, &report);
                    }
                };
                std::thread::Builder::new().stack_size(STACK_BYTES).spawn_scoped(scope, work).unwrap();
            }
        });
        Report { took: begun.elapsed(), ..report.into_inner().unwrap() }
    }

    /// Who only asks whether it is found at all (a mutant) is answered by the first seed that fails.
    fn stops(&self) -> bool {
        number("HATOBA_SIMULATION_STOP", 0) > 0
    }

    /// One seed's world, without these faults.
    fn swarm(&self, seed: u64, without: &BTreeSet<Fault>) -> Swarm {
        let swarm = Swarm::of(seed, without);
        if self.two_leaders { swarm.with_two_leaders() } else { swarm }
    }

    fn one(&self, seed: u64, report: &Mutex<Report>) {
        let outcome = sail(self.swarm(seed, &self.without), self.steps);
        if let Some(violation) = &outcome.violation {
            println!("seed {seed}: {}", violation.lines().take(3).collect::<Vec<_>>().join(" | "));
        }
        let mut report = report.lock().unwrap();
        report.seeds += 1;
        report.steps += outcome.steps;
        report.calls += outcome.calls;
        report.happened.add(&outcome.happened);
        report.virtual_hours += outcome.lasted.as_secs_f64() / 3600.0;
        if outcome.violation.is_some() {
            report.failed.push(outcome);
        }
    }
}

/// The command that replays a seed.
fn command(order: &Order, seed: u64, steps: usize, without: &BTreeSet<Fault>) -> String {
    let names: Vec<String> = without.iter().map(|fault| format!("{fault:?}")).collect();
    let without = if names.is_empty() { String::new() } else { format!(" --without {}", names.join(",")) };
    let leaders = if order.two_leaders { " --leaders 2" } else { "" };
    format!("cargo xtask simulate --seeds 1 --from {seed} --steps {steps}{leaders}{without}")
}

/// Leaves faults and steps out as long as it still fails, though perhaps otherwise.
fn minimise(order: &Order, outcome: &Outcome, within: Duration) -> (Outcome, BTreeSet<Fault>) {
    let begun = Instant::now();
    let (mut smallest, mut without) = (outcome.clone(), order.without.clone());
    let faults = outcome.faults.clone();
    for fault in faults {
        if begun.elapsed() > within {
            break;
        }
        let mut fewer = without.clone();
        fewer.insert(fault);
        let again = sail(order.swarm(outcome.seed, &fewer), smallest.steps);
        if again.violation.is_some() {
            (smallest, without) = (again, fewer);
        }
    }
    let mut steps = smallest.steps;
    while steps > 1 && begun.elapsed() < within {
        let again = sail(order.swarm(outcome.seed, &without), steps / 2);
        if again.violation.is_none() {
            break;
        }
        steps = again.steps.min(steps / 2);
        smallest = again;
    }
    (smallest, without)
}

/// Else the command that is printed replays another world than the one that failed.
#[test]
fn what_was_left_out_from_the_start_stays_left_out() {
    let order = Order { without: BTreeSet::from([Fault::Hands]), ..Order::from_environment(1, 1, 1) };
    let outcome =
        Outcome { violation: Some("any".to_owned()), steps: 1, ..Outcome::nothing(7, BTreeSet::new()) };
    let (smallest, without) = minimise(&order, &outcome, Duration::ZERO);
    let replay = command(&order, smallest.seed, smallest.steps, &without);
    assert!(replay.ends_with("--without Hands"), "{replay}");
}

#[test]
fn equal_seeds_have_equal_traces() {
    let _alone = alone();
    let swarm = |seed| Swarm::of(seed, &BTreeSet::new());
    let work = move || {
        for seed in [3, 7, 302, 303, 306] {
            let (first, second) = (sail(swarm(seed), 120), sail(swarm(seed), 120));
            assert!(first.trace.len() > 10_000, "seed {seed}: {}", first.trace);
            let differs = first.trace.lines().zip(second.trace.lines()).find(|(a, b)| a != b);
            assert_eq!(differs, None, "seed {seed}");
            assert_eq!(first.trace.len(), second.trace.len(), "seed {seed}");
        }
    };
    std::thread::Builder::new().stack_size(STACK_BYTES).spawn(work).unwrap().join().unwrap();
}

#[test]
fn seeds() {
    let order = Order::from_environment(500, 300, 120);
    let report = order.run();
    report.print();
    if let Ok(file) = std::env::var("HATOBA_SIMULATION_TRACE")
        && report.seeds == 1
    {
        let outcome = report.failed.first().cloned();
        let again = || sail(order.swarm(order.from, &order.without), order.steps);
        std::fs::write(file, outcome.unwrap_or_else(again).trace).unwrap();
    }
    report.assert_good(&order);
    // Whatever the book says befalls a world befalls one of so many.
    let is_meant = order.without.is_empty() && !order.two_leaders && order.steps >= 300 && !order.stops();
    if report.seeds >= SEEDS_OF_ALL_FAULTS && is_meant {
        print!("{}", report.happened.rows());
        let swarms = || (order.from..order.from + report.seeds).map(|seed| order.swarm(seed, &order.without));
        println!(
            "F6 and half of S2 are judged in {} of them, and S13 of what is not ready, while the faults last, in {}",
            swarms().filter(Swarm::is_unhurried).count(),
            swarms().filter(Swarm::may_look).count()
        );
        assert_eq!(report.happened.gaps(), [""; 0]);
    }
}

/// Safety does not rest on the lease.
#[test]
fn two_leaders_without_a_lease() {
    let order = Order::from_environment(100, 150, 60);
    let order = Order { two_leaders: true, from: order.from + 1_000_000, ..order };
    let report = order.run();
    report.print();
    report.assert_good(&order);
}

impl Report {
    fn print(&self) {
        println!(
            "{} seeds, {} steps, {} calls, {:.0} virtual hours in {:.1} s",
            self.seeds,
            self.steps,
            self.calls,
            self.virtual_hours,
            self.took.as_secs_f64()
        );
    }

    /// Stops with the smallest form of the first failure.
    fn assert_good(&self, order: &Order) {
        let Some(first) = self.failed.iter().min_by_key(|outcome| outcome.seed) else { return };
        let patience = Duration::from_secs(number("HATOBA_SIMULATION_MINIMISE_SECONDS", 60));
        let (smallest, without) = minimise(order, first, patience);
        let reads = |line: &&str| ![".Get", ".List", ".Describe"].iter().any(|verb| line.contains(verb));
        let tail: Vec<&str> = smallest.trace.lines().rev().filter(reads).take(30).collect();
        let tail = tail.into_iter().rev().collect::<Vec<_>>().join("\n");
        panic!(
            "{} of {} seeds failed; the smallest form of the first:\n{tail}\n{}\nreplay: {}",
            self.failed.len(),
            self.seeds,
            smallest.violation.unwrap_or_default(),
            command(order, smallest.seed, smallest.steps, &without)
        );
    }
}
