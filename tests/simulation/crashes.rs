//! Crash enumeration: the article's stack is made, changed, replaced and deleted, with the process killed at every
//! boundary of every write, and at every pair of them. The end is that of an undisturbed run, and as many things were
//! made and deleted on the way.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::call::Death;
use crate::fleet::{Part, Says};
use crate::swarm::Swarm;
use crate::voyage::Voyage;

const STACK_BYTES: usize = 32 * 1024 * 1024;
const DEATHS: [Death; 3] = [Death::BeforeItArrives, Death::WhenItIsDone, Death::WithTheAnswer];

/// What is done to the documents.
#[derive(Clone, Copy, Debug)]
enum Work {
    Create,
    Change,
    Replace,
    Delete,
}

/// Things that ever were, by document, and those of them that are gone.
type Counts = BTreeMap<String, (usize, usize)>;

/// An end: how many were made and deleted, how many writes it took the first process, what was wrong, and how long it took.
struct End {
    counts: Counts,
    writes: usize,
    wrong: Option<String>,
    took: Duration,
}

/// Undisturbed it takes what AWS takes, the grace, and the minute that what was replaced stays: who had to wait for a sweep
/// somewhere would take twice as long.
const UNDISTURBED: Duration = Duration::from_secs(150);

fn run(work: Work, deaths: &[(usize, Death)]) -> End {
    fastrand::seed(1);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.unwrap().block_on(sail(work, deaths))
}

async fn sail(work: Work, deaths: &[(usize, Death)]) -> End {
    let mut voyage = Voyage::begin(Swarm::still(1)).await;
    voyage.port.sea.lock().is_calm = true;
    if !matches!(work, Work::Create) {
        come_true(&mut voyage).await;
        tokio::time::sleep(Duration::from_secs(130)).await;
    }
    {
        let mut sea = voyage.port.sea.lock();
        sea.deaths = deaths.iter().copied().collect();
        sea.writes = 0;
    }
    let begun = tokio::time::Instant::now();
    change(&mut voyage, work);
    come_true(&mut voyage).await;
    let took = begun.elapsed();
    // What was replaced goes later.
    for _ in 0..10 {
        tokio::time::sleep(Duration::from_secs(20)).await;
        voyage.bury().await;
    }
    come_true(&mut voyage).await;
    let wrong = voyage.wrong();
    let mut sea = voyage.port.sea.lock();
    let things = sea.things();
    let violation = sea.witness.violation.clone();
    let mut counts = Counts::new();
    for (id, document) in &sea.witness.documents_of {
        let count = counts.entry(document.clone()).or_default();
        count.0 += 1;
        count.1 += usize::from(!things.contains_key(id));
    }
    let wrong = violation.or_else(|| (!wrong.is_empty()).then(|| wrong.join("\n")));
    End { counts, writes: sea.writes, wrong, took }
}

fn change(voyage: &mut Voyage, work: Work) {
    let parts = &mut voyage.fleet.parts;
    match work {
        Work::Create => return,
        Work::Change => parts.iter_mut().for_each(|((_, part), says)| {
            // A link would be replaced; a route of another key is known for the same only as long as it is remembered.
            let a = u8::from(![Part::Link, Part::List].contains(part));
            *says = Says { version: says.version + 100, a, b: 1 };
        }),
        Work::Replace => {
            for part in [Part::Link, Part::Back] {
                if let Some(says) = parts.get_mut(&(0, part)) {
                    *says = Says { version: says.version, a: 1, b: 0 };
                }
            }
        }
        Work::Delete => parts.retain(|(_, part), _| *part == Part::Namespace),
    }
    voyage.publish();
}

/// Lets time pass until everything is as the documents say, at most an hour; whoever dies is started anew.
async fn come_true(voyage: &mut Voyage) {
    for _ in 0..1_800 {
        tokio::time::sleep(Duration::from_secs(2)).await;
        voyage.bury().await;
        if voyage.wrong().is_empty() {
            return;
        }
    }
}

/// Runs all of these on two threads, no longer than that; the stories of those that ended otherwise.
fn enumerate(
    work: Work,
    reference: &End,
    all: &[Vec<(usize, Death)>],
    within: Duration,
) -> (usize, Vec<String>) {
    let (next, wrong, begun) = (AtomicUsize::new(0), Mutex::new(Vec::new()), Instant::now());
    std::thread::scope(|scope| {
        for _ in 0..2 {
            let task = || {
                while begun.elapsed() < within {
                    let Some(deaths) = all.get(next.fetch_add(1, Ordering::Relaxed)) else { break };
                    let end = run(work, deaths);
                    let differs = (end.counts != reference.counts)
                        .then(|| format!("counts {:?}, expected {:?}", end.counts, reference.counts));
                    if let Some(story) = end.wrong.or(differs) {
                        let replay = replay(work, deaths);
                        wrong
                            .lock()
                            .unwrap()
                            .push(format!("{work:?}, killed at {deaths:?}: {story}\n{replay}"));
                    }
                }
            };
            std::thread::Builder::new().stack_size(STACK_BYTES).spawn_scoped(scope, task).unwrap();
        }
    });
    (next.into_inner().min(all.len()), wrong.into_inner().unwrap())
}

const CRASH: &str = "HATOBA_SIMULATION_CRASH";

/// The command that runs one of them again.
fn replay(work: Work, deaths: &[(usize, Death)]) -> String {
    let points: Vec<String> = deaths.iter().map(|(at, death)| format!("{at}:{death:?}")).collect();
    format!(
        "replay: {CRASH}='{work:?} {}' cargo test --workspace --locked --test simulation one_again -- --ignored --nocapture",
        points.join(" ")
    )
}

/// Reads `Replace 3:WhenItIsDone 9:WithTheAnswer`.
fn read(text: &str) -> Option<(Work, Vec<(usize, Death)>)> {
    let mut words = text.split(' ');
    let name = words.next()?;
    let work = [Work::Create, Work::Change, Work::Replace, Work::Delete];
    let work = work.into_iter().find(|work| format!("{work:?}") == name)?;
    let point = |word: &str| {
        let (at, name) = word.split_once(':')?;
        let death = DEATHS.into_iter().find(|death| format!("{death:?}") == name)?;
        Some((at.parse().ok()?, death))
    };
    Some((work, words.map(point).collect::<Option<_>>()?))
}

#[test]
fn what_is_printed_can_be_run_again() {
    let deaths = vec![(3, Death::WhenItIsDone), (9, Death::WithTheAnswer)];
    let said = replay(Work::Replace, &deaths);
    let (_, rest) = said.split_once('\'').unwrap();
    let (work, again) = read(rest.split_once('\'').unwrap().0).unwrap();
    assert!(matches!(work, Work::Replace) && again == deaths, "{said}");
    assert!(read("Replace 3").is_none() && read("Rest 3:WhenItIsDone").is_none());
}

#[test]
#[ignore = "replays what HATOBA_SIMULATION_CRASH names"]
fn one_again() {
    let asked = std::env::var(CRASH).ok();
    let (work, deaths) =
        asked.as_deref().and_then(read).expect("HATOBA_SIMULATION_CRASH='Create 3:WhenItIsDone'");
    let reference = undisturbed(work);
    let (_, wrong) = enumerate(work, &reference, &[deaths], Duration::from_secs(600));
    assert_eq!(wrong, [""; 0]);
}

fn seconds(default: u64) -> Duration {
    let asked = std::env::var("HATOBA_SIMULATION_SECONDS").ok().and_then(|text| text.parse().ok());
    Duration::from_secs(asked.unwrap_or(default))
}

fn undisturbed(work: Work) -> End {
    let task = move || run(work, &[]);
    std::thread::Builder::new().stack_size(STACK_BYTES).spawn(task).unwrap().join().unwrap()
}

fn killed_everywhere(work: Work, writes_min: usize) {
    let _alone = crate::seeds::alone();
    let reference = undisturbed(work);
    assert_eq!(reference.wrong, None, "{work:?}");
    assert!(reference.took < UNDISTURBED, "{work:?} took {:?}", reference.took);
    assert!(reference.writes >= writes_min, "{work:?}: {} writes", reference.writes);
    let points = || (1..=reference.writes).flat_map(|at| DEATHS.map(|death| (at, death)));
    let mut all: Vec<Vec<(usize, Death)>> = points().map(|point| vec![point]).collect();
    let mut pairs: Vec<Vec<_>> =
        points().flat_map(|one| points().map(move |other| vec![one, other])).collect();
    // However few of the pairs there is time for, they come from everywhere.
    fastrand::Rng::with_seed(7).shuffle(&mut pairs);
    all.extend(pairs);
    let (done, wrong) = enumerate(work, &reference, &all, seconds(8));
    println!("{work:?}: {done} of {} points and pairs of points, {} wrong", all.len(), wrong.len());
    assert!(wrong.is_empty(), "{} ended otherwise, for example {}", wrong.len(), wrong[0]);
}

#[test]
fn killed_everywhere_while_the_stack_is_made() {
    killed_everywhere(Work::Create, 10);
}

#[test]
fn killed_everywhere_while_every_document_changes() {
    killed_everywhere(Work::Change, 9);
}

#[test]
fn killed_everywhere_while_a_link_is_replaced() {
    killed_everywhere(Work::Replace, 3);
}

#[test]
fn killed_everywhere_while_the_stack_is_deleted() {
    killed_everywhere(Work::Delete, 9);
}
