//! A month, or as much of it as there is time for: with each tide a stack and many routes go for good, and as many
//! others come.

use std::fmt;
use std::time::{Duration, Instant};

use allocation_counter::{AllocationInfo, measure, opt_out};
use hatoba_aws_model::{Clock as ModelClock, Config};
use hatoba_core::Truth;
use hatoba_engine::{Clock, Options};
use hatoba_source::Snapshot;
use hatoba_tests::{EPOCH_SECONDS, Harbour, snapshot, snapshot_of};
use jiff::Timestamp;
use tokio::runtime::{Builder, Runtime};

use crate::apart::{Way, world};
use crate::fleet::{Fleet, HELD};
use crate::hands::Hands;
use crate::work::apis;

/// The source is looked at so often.
const POLL: Duration = Duration::from_secs(60);
/// Tides until everything that has a limit has reached it: the newest events, what is read again only by and by.
const WARM_UP: usize = 8;
/// What may be held more in the second half than in the first: a fiftieth of the bytes, for maps grow and shrink by nodes.
const OF_BYTES: i64 = 50;
/// And an allocation for each tide, and for so many documents that went. What is kept of one is several.
const OF_DOCUMENTS: usize = 50;

/// Passes over a document: when everything is looked at, and in a tide of what changes. Half of the documents do.
const PASSES_OF_A_LOOK: u64 = 2;
const PASSES_OF_A_CHANGE: u64 = 20;

/// Documents that come and go together.
const EACH_TIME: usize = 30;

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// What there is at the end of a tide.
#[derive(Clone, Copy, Debug, Default)]
struct Level {
    /// What is held: allocations and bytes.
    held: i64,
    bytes: i64,
    due: usize,
    tasks: usize,
    series: usize,
    /// What the tide took: allocations and passes.
    work: u64,
    passes: u64,
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Level { held, bytes, series, work, passes, .. } = self;
        write!(f, "{held} allocations, {} KiB and {series} series are held; ", bytes / 1024)?;
        write!(f, "it took {work} allocations in {passes} passes")
    }
}

pub(crate) struct Month {
    runtime: Runtime,
    pub(crate) harbour: Harbour,
    hands: Hands,
    fleet: Fleet,
    lasts: Duration,
    level: Level,
    /// Passes so far.
    passes: u64,
}

impl Month {
    fn begin(fleet: Fleet, lasts: Duration, resync: Duration) -> Month {
        let runtime = Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        let inside = runtime.handle().clone();
        let _inside = inside.enter();
        let epoch = Duration::from_secs(EPOCH_SECONDS);
        let (world, clock) = (world(Config::default()), ModelClock::new(epoch));
        let options = Options {
            owner: "fleet".to_owned(),
            owner_is_explicit: true,
            prune_limit: usize::MAX,
            resync,
            ..Options::default()
        };
        let way = Way { world: world.clone(), clock };
        let hands = Hands::new(world.clone(), clock);
        let clocks = (Clock::starting_at(Timestamp::UNIX_EPOCH + epoch), clock);
        let mut harbour = Harbour::by(world, options, clocks, way);
        harbour.run();
        Month { runtime, harbour, hands, fleet, lasts, level: Level::default(), passes: 0 }
    }

    /// One without tides, which looks at everything so often.
    pub(crate) fn of(resync: Duration) -> Month {
        Month::begin(Fleet::of(0), Duration::ZERO, resync)
    }

    /// How many allocations it takes to live with these documents for so long.
    pub(crate) fn after(&mut self, documents: &str, lasts: Duration) -> u64 {
        self.live(documents, lasts).count_total
    }

    /// What is allocated and kept by living with these documents for so long.
    fn live(&mut self, documents: &str, lasts: Duration) -> AllocationInfo {
        let documents = snapshot(documents);
        let live = async {
            self.harbour.engine.accept(documents.clone());
            for _ in 0..lasts.as_secs() / POLL.as_secs() {
                self.harbour.wait(POLL).await;
                self.harbour.engine.accept(documents.clone());
            }
        };
        measure(|| self.runtime.block_on(live))
    }

    /// Lets a tide come in and pass.
    fn pass(&mut self, tide: usize) -> Level {
        let (harbour, hands) = (&self.harbour, &mut self.hands);
        let counted =
            measure(|| self.runtime.block_on(let_pass(harbour, hands, self.fleet, self.lasts, tide)));
        let AllocationInfo { count_current, bytes_current, count_total, .. } = counted;
        let mut level = Level {
            held: self.level.held + count_current,
            bytes: self.level.bytes + bytes_current,
            tasks: self.runtime.metrics().num_alive_tasks(),
            work: count_total,
            ..Level::default()
        };
        opt_out(|| {
            level.due = self.harbour.engine.picture().queue.depth;
            let text = self.harbour.engine.metrics_text();
            let samples = || text.lines().filter(|line| !line.starts_with('#'));
            // One for each code that AWS ever answered with, up to a limit of its own.
            level.series = samples().filter(|line| !line.starts_with("hatoba_aws_requests_total")).count();
            let passes = samples().filter(|line| line.starts_with("hatoba_reconcile_total"));
            let passes = passes.filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok()).sum();
            level.passes = passes - std::mem::replace(&mut self.passes, passes);
            self.assert_all_is_true(tide);
        });
        self.level = level;
        level
    }

    /// What was asked for is there, and nothing else of ours: what is gone is gone in AWS, too.
    fn assert_all_is_true(&self, tide: usize) {
        let picture = self.harbour.engine.picture();
        let is_good = |truth: Truth| truth == Truth::True;
        let bad = picture.documents.values().filter(|shown| {
            let status = &shown.status;
            !is_good(status.synced.status) || !is_good(status.ready.status)
        });
        let bad: Vec<String> =
            bad.map(|shown| format!("{}: {}", shown.status.document, shown.status.synced.message)).collect();
        assert_eq!(bad.len(), HELD, "tide {tide}: {bad:#?}");
        assert_eq!(picture.documents.len(), self.fleet.documents() + HELD);
        assert!(picture.pruning.is_empty(), "tide {tide}: {:#?}", picture.pruning);
        // Two are strangers', and one route in one of ours.
        assert_eq!(self.hands.apis(), self.fleet.stacks + 2, "tide {tide}");
        assert_eq!(picture.rogue_children.len(), 2, "tide {tide}: {:?}", picture.rogue_children);
    }
}

/// The documents of a tide, and what people do in the middle of it.
async fn let_pass(harbour: &Harbour, hands: &mut Hands, fleet: Fleet, lasts: Duration, tide: usize) {
    let begun = tokio::time::Instant::now();
    let snapshot = snapshot_of(fleet.files(tide));
    // Of a look that shows nothing new nothing but the revision is read.
    let nothing_new = Snapshot { revision: snapshot.revision.clone(), ..snapshot_of([]) };
    harbour.engine.accept(snapshot);
    let mut is_calm = true;
    while begun.elapsed() < lasts {
        harbour.wait(POLL).await;
        harbour.engine.accept(nothing_new.clone());
        if is_calm && begun.elapsed() >= lasts / 2 {
            is_calm = false;
            hands.meddle(tide, &fleet.name(1, tide)).await;
        }
    }
}

/// The whole is 10,000 documents, 30 tides of a day: `cargo xtask nightly` runs as much of it as there is time for.
#[test]
fn a_month_leaves_nothing_behind() {
    let fleet = Fleet::of(usize::try_from(number("HATOBA_BOUNDED_DOCUMENTS", 100)).unwrap());
    let tides = usize::try_from(number("HATOBA_BOUNDED_TIDES", 16)).unwrap();
    let hours = number("HATOBA_BOUNDED_TIDE_HOURS", 2);
    let within = Duration::from_secs(number("HATOBA_BOUNDED_SECONDS", 600));
    let resync = number("HATOBA_BOUNDED_RESYNC", 3_600);
    let mut month = Month::begin(fleet, Duration::from_secs(hours * 3_600), Duration::from_secs(resync));
    let begun = Instant::now();
    let mut levels = Vec::new();
    for tide in 0..tides {
        let level = month.pass(tide);
        println!("tide {tide}: {level}");
        levels.push(level);
        if begun.elapsed() > within {
            break;
        }
    }
    println!(
        "{} documents, {} of them others with each of {} tides of {hours} hours, {} allocations and {} KiB held, in {:.0?}",
        fleet.documents(),
        fleet.turnover(),
        levels.len(),
        month.level.held,
        month.level.bytes / 1024,
        begun.elapsed()
    );
    let most = fleet.documents() as u64 * (PASSES_OF_A_LOOK * hours * 3_600 / resync + PASSES_OF_A_CHANGE);
    for level in &levels {
        assert!(level.passes <= most, "expected at most {most} passes in a tide: {level}");
    }
    assert_flat(levels.get(WARM_UP..).unwrap_or_default(), fleet);
}

/// Documents that go while nobody knows whether their resources were made, others each time.
#[test]
fn what_was_perhaps_made_is_forgotten_with_its_document() {
    let mut month = Month::of(Duration::from_secs(3_600));
    let (mut held, mut levels) = (0, Vec::new());
    for round in 0..8 {
        month.harbour.world().faults().fail("CreateApi", 1_000, 500, "InternalServerErrorException", "no");
        let lives = month.live(&apis(round * EACH_TIME..(round + 1) * EACH_TIME), Duration::from_secs(180));
        assert_eq!(month.harbour.engine.statuses().len(), EACH_TIME);
        month.harbour.world().faults().clear();
        let goes = month.live("", Duration::from_secs(3 * 3_600));
        assert_eq!(month.hands.apis(), 0, "nothing was made");
        held += lives.count_current + goes.count_current;
        levels.push(held);
    }
    println!("{levels:?}");
    // Events and the like have reached their limits by then.
    assert!(levels[7] - levels[3] < i64::try_from(EACH_TIME).unwrap(), "{levels:?}");
}

/// Asserts that the second half of the tides is no higher than the first.
fn assert_flat(levels: &[Level], fleet: Fleet) {
    let (first, second) = levels.split_at(levels.len() / 2);
    if first.is_empty() {
        println!("too little time to tell whether anything grows");
        return;
    }
    let highest = |half: &[Level], what: fn(&Level) -> i64| half.iter().map(what).max().unwrap();
    let (held, before) = (highest(second, |level| level.held), highest(first, |level| level.held));
    let went = i64::try_from(second.len() * (1 + fleet.turnover() / OF_DOCUMENTS)).unwrap();
    assert!(held <= before + went, "{before} allocations were held, then {held}");
    let (bytes, before) = (highest(second, |level| level.bytes), highest(first, |level| level.bytes));
    assert!(bytes <= before + before / OF_BYTES, "{before} bytes were held, then {bytes}");
    for level in levels {
        let (due, tasks, series) = (level.due, level.tasks, level.series);
        assert_eq!((due, tasks, series), (0, levels[0].tasks, levels[0].series), "{level:?}");
    }
}
