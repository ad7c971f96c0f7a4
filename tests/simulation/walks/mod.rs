//! State walks, in the manner of Acto: for every kind legal documents, one after the other, each member set, changed,
//! `null` and taken away; from error states back; and documents that are wrong. Whatever came before, the world is at the
//! end as the last document makes it from nothing.
//!
//! What the kinds' tables and schemas know is what must be walked: a kind or a member that nobody walks fails the test.

mod catalogue;
mod cloud_map;
mod course;
mod coverage;
mod ecs;
mod gateway;
mod likeness;

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::seeds::{STACK_BYTES, alone, number};
use catalogue::{State, Subject};
use course::{Step, walk};

/// Steps of a walk: short enough to be understood, long enough for one thing to meet another.
const STEPS_MAX: usize = 12;

/// Values that are wrong for every member there is.
const WRONG: &[(&str, &str)] = &[
    ("noSuchMember", "1"),
    ("apiRef", "\"nobody\""),
    ("name", "{ \"a\": [1] }"),
    ("description", "[\"a\"]"),
    ("apiId", "\"a1b2c3\""),
];

/// A walk to be gone.
#[derive(Clone)]
struct Walk {
    subject: usize,
    seed: Option<u64>,
    first: State,
    steps: Vec<Step>,
}

fn subjects() -> Vec<Subject> {
    [gateway::subjects(), cloud_map::subjects(), ecs::subjects()].concat()
}

/// Every choice of every shape by itself: set, changed, `null` where that is legal, set again, left out; then the next.
fn one_by_one(number: usize, subject: &Subject) -> Vec<Walk> {
    let mut walks = Vec::new();
    for shape in 0..subject.shapes.len() {
        let plain = subject.plain(shape);
        let mut steps = Vec::new();
        for (index, choice) in subject.shapes[shape].choices.iter().enumerate() {
            let with = |chosen: usize| {
                let mut state = plain.clone();
                state.chosen[index] = Some(chosen);
                state
            };
            steps.extend((0..choice.len()).map(|chosen| Step::Say(with(chosen))));
            let null = State { null: nulled(&choice[0]), ..plain.clone() };
            if subject.is_legal(&null) {
                steps.extend([Step::Say(null), Step::Say(with(0))]);
            }
            steps.push(Step::Say(plain.clone()));
        }
        let next = (shape + 1) % subject.shapes.len();
        if next != shape {
            steps.push(Step::Say(subject.plain(next)));
        }
        let mut first = plain;
        for part in steps.chunks(STEPS_MAX) {
            walks.push(Walk { subject: number, seed: None, first, steps: part.to_vec() });
            // Where one ends the next one begins, so that no change falls in between.
            first = part.iter().rev().find_map(Step::says).cloned().unwrap_or_else(|| subject.plain(shape));
        }
    }
    walks
}

/// The path of the member that a choice states, if it is one.
fn nulled(choice: &serde_json::Value) -> Option<String> {
    let (mut path, mut value) = (Vec::new(), choice);
    while let Some((name, inner)) =
        value.as_object().filter(|members| members.len() == 1).and_then(|m| m.iter().next())
    {
        path.push(name.clone());
        value = inner;
        if path.len() == 2 {
            break;
        }
    }
    (!path.is_empty()).then(|| path.join("."))
}

/// A walk by the dice, with trouble on the way.
fn by_dice(number: usize, subject: &Subject, seed: u64) -> Walk {
    let mut dice = fastrand::Rng::with_seed(seed);
    let first = subject.plain(dice.usize(0..subject.shapes.len()));
    let (mut state, mut steps) = (first.clone(), Vec::new());
    while steps.len() < STEPS_MAX {
        let before = state.clone();
        state = moved(subject, &state, &mut dice);
        let wrong = WRONG[dice.usize(0..WRONG.len())];
        let step = match dice.u8(0..20) {
            0..9 => Step::Say(state.clone()),
            9..12 => Step::SayInPassing(state.clone()),
            12..14 => Step::Refused(state.clone()),
            14 => {
                // Whoever fails for good is cured by another document.
                steps.push(Step::Fails(state.clone()));
                state = subject.plain((state.shape + 1) % subject.shapes.len());
                steps.push(Step::SayInPassing(state.clone()));
                Step::DeletedByHand
            }
            other => {
                state = before;
                match other {
                    15 => Step::DeletedByHand,
                    16 => Step::Orphaned,
                    17 => Step::Wrong(wrong.0, wrong.1.to_owned()),
                    18 => Step::Renamed,
                    _ => Step::OtherKind,
                }
            }
        };
        steps.push(step);
    }
    Walk { subject: number, seed: Some(seed), first, steps }
}

/// One choice made, changed or taken back, or another shape; always a legal document.
fn moved(subject: &Subject, state: &State, dice: &mut fastrand::Rng) -> State {
    for _ in 0..10 {
        let mut next = State { null: None, ..state.clone() };
        if next.chosen.is_empty() || dice.u8(0..8) == 0 {
            next = subject.plain(dice.usize(0..subject.shapes.len()));
        } else {
            let index = dice.usize(0..next.chosen.len());
            let values = subject.shapes[next.shape].choices[index].len();
            next.chosen[index] = Some(dice.usize(0..=values)).filter(|value| *value < values);
        }
        if subject.is_legal(&next) {
            return next;
        }
    }
    state.clone()
}

/// Leaves steps out as long as it still fails.
fn minimise(subject: &Subject, walk_: &Walk, within: Duration) -> (Vec<Step>, String) {
    let begun = Instant::now();
    let mut steps = walk_.steps.clone();
    let mut why = walk(subject, &walk_.first, &steps).err().unwrap_or_default();
    let mut at = 0;
    while at < steps.len() && begun.elapsed() < within {
        let mut fewer = steps.clone();
        fewer.remove(at);
        match walk(subject, &walk_.first, &fewer) {
            Err(again) => (steps, why) = (fewer, again),
            Ok(()) => at += 1,
        }
    }
    (steps, why)
}

/// A failure for people: the kind, the seed, and the documents one after the other.
fn told(subject: &Subject, of: &Walk) -> String {
    let (steps, why) =
        minimise(subject, of, Duration::from_secs(number("HATOBA_SIMULATION_MINIMISE_SECONDS", 30)));
    let line = |step: &Step| match step {
        Step::Say(state) | Step::SayInPassing(state) | Step::Refused(state) | Step::Fails(state) => {
            let name = format!("{step:?}");
            let name = name.split('(').next().unwrap_or_default().to_owned();
            format!("{name}: {}", subject.spec(state))
        }
        other => format!("{other:?}"),
    };
    let steps: Vec<String> = steps.iter().map(line).collect();
    let by = of.seed.map_or("one by one".to_owned(), |seed| format!("seed {seed}"));
    format!("{} ({by})\nfirst: {}\n{}\n{why}", subject.kind, subject.spec(&of.first), steps.join("\n"))
}

/// Goes all of them on two threads, the first ones in any case, the others while there is time. Each is made when its turn
/// comes: to make those of a whole night takes minutes.
fn go_all(
    subjects: &[Subject],
    walk_at: impl Fn(usize) -> Option<Walk> + Sync,
    needed: usize,
    within: Duration,
) -> (usize, Vec<Walk>) {
    let (next, failed, done) = (AtomicUsize::new(0), Mutex::new(Vec::new()), AtomicUsize::new(0));
    let begun = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..2 {
            let work = || {
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    if at >= needed && begun.elapsed() > within {
                        break;
                    }
                    let Some(this) = walk_at(at) else { break };
                    if walk(&subjects[this.subject], &this.first, &this.steps).is_err() {
                        failed.lock().unwrap().push(this);
                    }
                    done.fetch_add(1, Ordering::Relaxed);
                }
            };
            std::thread::Builder::new().stack_size(STACK_BYTES).spawn_scoped(scope, work).unwrap();
        }
    });
    (done.into_inner(), failed.into_inner().unwrap())
}

#[test]
fn walks_end_where_the_last_document_leads_from_nothing() {
    let subjects = subjects();
    let only = std::env::var("HATOBA_SIMULATION_KIND").ok();
    let meant = |subject: &Subject| only.as_ref().is_none_or(|only| *only == subject.kind);
    let each: Vec<(usize, &Subject)> =
        subjects.iter().enumerate().filter(|(_, subject)| meant(subject)).collect();
    let first: Vec<Walk> = each.iter().flat_map(|(number, subject)| one_by_one(*number, subject)).collect();
    let needed = first.len();
    let (from, seeds) = (number("HATOBA_SIMULATION_FROM", 0), number("HATOBA_SIMULATION_SEEDS", 3));
    let walk_at = |at: usize| {
        let Some(at) = at.checked_sub(needed) else { return first.get(at).cloned() };
        let (number, subject) = each.get(at % each.len().max(1))?;
        let seed = (at / each.len()) as u64;
        (seed < seeds).then(|| by_dice(*number, subject, from + seed))
    };
    let within = Duration::from_secs(number("HATOBA_SIMULATION_SECONDS", 20));
    let _alone = alone();
    let begun = Instant::now();
    let (done, failed) = go_all(&subjects, walk_at, needed, within);
    println!(
        "{done} walks from seed {from} on, {needed} of them one by one, in {:.1} s",
        begun.elapsed().as_secs_f64()
    );
    let mut first_of: BTreeMap<usize, &Walk> = BTreeMap::new();
    for walk in &failed {
        first_of.entry(walk.subject).or_insert(walk);
    }
    let all: Vec<String> = first_of.values().map(|walk| told(&subjects[walk.subject], walk)).collect();
    assert!(
        failed.is_empty(),
        "{} of {done} walks failed; the first of each kind:\n\n{}",
        failed.len(),
        all.join("\n\n")
    );
}

#[test]
fn every_kind_and_every_member_that_it_knows_is_walked() {
    let subjects = subjects();
    let walks = subjects.iter().enumerate().flat_map(|(number, subject)| one_by_one(number, subject));
    let gaps = coverage::gaps(&subjects, walks.map(|walk| (walk.subject, walk.first, walk.steps)));
    assert!(gaps.is_empty(), "nobody walks:\n{}", gaps.join("\n"));
}
