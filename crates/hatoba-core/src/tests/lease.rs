use std::collections::BTreeMap;

use super::*;

fn holder(nonce: &str) -> Holder {
    Holder { host: "harbour".into(), pid: 7, nonce: nonce.into() }
}

fn record(nonce: &str, term: u64, renewal: u64) -> LeaseRecord {
    LeaseRecord {
        owner: "local".into(),
        holder: holder(nonce),
        term,
        renewal,
        since: Timestamp::UNIX_EPOCH,
        ttl_seconds: 30,
        released: false,
    }
}

fn s(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn next(candidate: &Candidate, at: u64) -> LeaseNext {
    candidate.next(s(at), Timestamp::UNIX_EPOCH)
}

fn write(candidate: &mut Candidate, at: u64) -> LeaseWrite {
    let LeaseNext::Write(write) = next(candidate, at) else {
        panic!("it writes at {at}: {:?}", next(candidate, at))
    };
    candidate.sent(&write, s(at));
    write
}

/// One that leads since second 0.
fn leader() -> Candidate {
    let mut candidate = Candidate::new("local", holder("a"));
    candidate.see(Found::Nothing, s(0));
    assert_eq!(write(&mut candidate, 0).condition, LeaseCondition::Absent);
    assert_eq!(candidate.may_write_until(), None, "not before the answer");
    candidate.written("v1");
    candidate
}

#[test]
fn the_right_to_write_counts_from_the_beginning_of_a_renewal_and_ends_before_the_lease() {
    let mut candidate = leader();
    assert_eq!(candidate.may_write_until(), Some(s(16)));
    assert_eq!(next(&candidate, 1), LeaseNext::WaitUntil(s(10)));
    let renewal = write(&mut candidate, 10);
    assert_eq!(renewal.condition, LeaseCondition::Unchanged("v1".into()));
    assert_eq!((renewal.record.term, renewal.record.renewal), (1, 1), "never the same bytes twice");
    assert_eq!(candidate.may_write_until(), Some(s(16)), "not before the answer");
    candidate.written("v2");
    assert_eq!(candidate.may_write_until(), Some(s(26)));
}

#[test]
fn anothers_lease_is_over_when_it_has_not_changed_for_its_time_as_seen_from_here() {
    let mut candidate = Candidate::new("local", holder("b"));
    candidate.see(Found::Record(record("a", 4, 0), "v1".into()), s(100));
    assert_eq!(candidate.leader(s(100)).map(|record| record.term), Some(4));
    assert_eq!(next(&candidate, 101), LeaseNext::WaitUntil(s(102)));
    assert_eq!(next(&candidate, 102), LeaseNext::Look);
    candidate.see(Found::Record(record("a", 4, 1), "v2".into()), s(110));
    for at in (112..140).step_by(2) {
        assert_eq!(next(&candidate, at), LeaseNext::Look, "at {at}");
        candidate.see(Found::Record(record("a", 4, 1), "v2".into()), s(at));
    }
    let taken = write(&mut candidate, 140);
    assert_eq!((taken.record.term, taken.condition), (5, LeaseCondition::Unchanged("v2".into())));
    candidate.written("v3");
    assert_eq!(candidate.may_write_until(), Some(s(156)));
}

#[test]
fn what_was_released_is_free_at_once_and_a_garbled_object_after_a_while() {
    let mut candidate = Candidate::new("local", holder("b"));
    candidate.see(Found::Record(record("a", 4, 0), "v1".into()), s(0));
    let released = LeaseRecord { released: true, ..record("a", 4, 1) };
    candidate.see(Found::Record(released, "v2".into()), s(2));
    assert_eq!(candidate.leader(s(2)), None);
    assert_eq!(write(&mut candidate, 2).record.term, 5);

    let mut candidate = Candidate::new("local", holder("b"));
    candidate.see(Found::Unreadable("v1".into()), s(0));
    assert!(matches!(next(&candidate, 29), LeaseNext::Look));
    assert_eq!(write(&mut candidate, 30).condition, LeaseCondition::Unchanged("v1".into()));

    let mut candidate = Candidate::new("local", holder("b"));
    candidate
        .see(Found::Record(LeaseRecord { ttl_seconds: u64::MAX, ..record("a", 1, 0) }, "v".into()), s(0));
    assert!(matches!(next(&candidate, 300), LeaseNext::Write(_)), "nobody keeps everybody out for ever");
}

#[test]
fn a_lost_answer_is_looked_for_and_counts_from_the_beginning_of_its_write() {
    for arrived in [true, false] {
        let mut candidate = leader();
        let renewal = write(&mut candidate, 10);
        candidate.lost(s(13));
        assert_eq!(candidate.may_write_until(), Some(s(16)), "as before");
        assert_eq!(next(&candidate, 13), LeaseNext::WaitUntil(s(14)));
        assert_eq!(next(&candidate, 14), LeaseNext::Look);
        let (record, version) = if arrived { (renewal.record, "v2") } else { (record("a", 1, 0), "v1") };
        candidate.see(Found::Record(record, version.into()), s(14));
        assert_eq!(candidate.may_write_until(), Some(s(if arrived { 26 } else { 16 })));
        if !arrived {
            let again = write(&mut candidate, 14);
            assert_eq!(again.record.renewal, 2, "the first may still arrive");
            candidate.refused(s(14));
            assert_eq!(candidate.may_write_until(), None, "somebody wrote");
            candidate.see(Found::Record(LeaseRecord { renewal: 1, ..record2(&again) }, "v2".into()), s(15));
            assert_eq!(candidate.may_write_until(), Some(s(26)), "it was the first one, late");
        }
    }
}

fn record2(write: &LeaseWrite) -> LeaseRecord {
    write.record.clone()
}

#[test]
fn a_lost_answer_to_a_take_over_is_known_by_the_nonce() {
    let mut candidate = Candidate::new("local", holder("b"));
    candidate.see(Found::Nothing, s(0));
    let taken = write(&mut candidate, 0);
    candidate.lost(s(3));
    candidate.see(Found::Record(taken.record, "v1".into()), s(4));
    assert_eq!(candidate.may_write_until(), Some(s(16)));

    let mut candidate = Candidate::new("local", holder("b"));
    candidate.see(Found::Nothing, s(0));
    write(&mut candidate, 0);
    candidate.lost(s(3));
    candidate.see(Found::Record(record("a", 1, 0), "v1".into()), s(4));
    assert_eq!(candidate.may_write_until(), None, "the other one was first");
    assert_eq!(candidate.leader(s(4)).map(|record| &*record.holder.nonce), Some("a"));
}

#[test]
fn who_was_paused_writes_nothing_before_it_has_renewed_and_learns_that_another_leads() {
    let mut candidate = leader();
    assert!(candidate.may_write_until() < Some(s(100)), "its right is over when it wakes");
    assert_eq!(write(&mut candidate, 100).condition, LeaseCondition::Unchanged("v1".into()));
    candidate.refused(s(100));
    candidate.see(Found::Record(record("b", 2, 3), "v9".into()), s(101));
    assert_eq!(candidate.may_write_until(), None);
    assert_eq!(candidate.leader(s(101)).map(|record| record.term), Some(2));
}

#[test]
fn a_deleted_object_is_made_anew_by_who_leads_and_by_others_only_after_a_while() {
    let mut candidate = leader();
    write(&mut candidate, 10);
    candidate.refused(s(10));
    candidate.see(Found::Nothing, s(11));
    let anew = write(&mut candidate, 11);
    assert_eq!((anew.record.term, anew.condition), (2, LeaseCondition::Absent));

    let mut standby = Candidate::new("local", holder("b"));
    standby.see(Found::Record(record("a", 1, 0), "v1".into()), s(5));
    for at in (7..37).step_by(2) {
        assert_eq!(next(&standby, at), LeaseNext::Look, "at {at}: who holds it may not know yet");
        standby.see(Found::Nothing, s(at));
    }
    assert!(matches!(next(&standby, 37), LeaseNext::Write(_)));

    standby.see(Found::Nothing, s(60));
    assert!(matches!(next(&standby, 61), LeaseNext::WaitUntil(_)), "nobody looked in between");
}

#[test]
fn a_record_reads_back_and_unknown_members_do_no_harm() {
    let mut text = serde_json::to_value(record("a", 3, 1)).unwrap();
    assert_eq!(serde_json::from_value::<LeaseRecord>(text.clone()).unwrap(), record("a", 3, 1));
    text["later"] = serde_json::json!({ "version": 2 });
    assert_eq!(serde_json::from_value::<LeaseRecord>(text).unwrap(), record("a", 3, 1));
}

/// What happens to one that competes, second by second; then until when it goes on without the lease at the end.
enum Event {
    /// A look fails.
    Unseen,
    /// A look shows nothing.
    Nothing,
    /// A look shows that another one renews.
    Other(u64),
    /// It writes, and nobody knows how that went.
    Lost,
    /// It writes, and permission is missing.
    Denied,
    /// It writes, and it was done.
    Written,
    /// It writes, and somebody else was first.
    Conflict,
}

fn goes_on_after(
    mut candidate: Candidate,
    events: impl IntoIterator<Item = (u64, Event)>,
) -> Option<Duration> {
    for (at, event) in events {
        match event {
            Event::Unseen => candidate.unseen(s(at)),
            Event::Nothing => candidate.see(Found::Nothing, s(at)),
            Event::Other(renewal) => {
                candidate.see(Found::Record(record("z", 9, renewal), format!("z{renewal}")), s(at));
            }
            Event::Lost | Event::Denied | Event::Written | Event::Conflict => {
                write(&mut candidate, at);
                match event {
                    Event::Lost => candidate.lost(s(at)),
                    Event::Denied => candidate.denied(s(at)),
                    Event::Conflict => candidate.refused(s(at)),
                    _ => candidate.written(&format!("v{at}")),
                }
            }
        }
    }
    candidate.goes_on_until()
}

#[test]
fn who_cannot_reach_the_object_for_a_minute_goes_on_without_it() {
    use Event::{Conflict, Denied, Lost, Nothing, Other, Unseen, Written};
    let unseen = |from: u64, to: u64| (from..=to).step_by(4).map(|at| (at, Unseen));
    let fresh = || Candidate::new("local", holder("b"));
    let refused = |event: fn() -> Event, to: u64| (0..=to).flat_map(move |at| [(at, Nothing), (at, event())]);
    let cases: Vec<(&str, Option<u64>, Option<Duration>)> = vec![
        ("nothing but failures, 56 s", None, goes_on_after(fresh(), unseen(3, 59))),
        ("and for a minute", Some(83), goes_on_after(fresh(), unseen(3, 63))),
        ("and for longer", Some(223), goes_on_after(fresh(), unseen(3, 203))),
        ("a leader, too", Some(93), goes_on_after(leader(), unseen(13, 73))),
        ("another one was seen", None, goes_on_after(fresh(), unseen(3, 63).chain([(64, Other(1))]))),
        (
            "another one was seen, and the object was lost again",
            None,
            goes_on_after(fresh(), unseen(3, 39).chain([(40, Other(1))]).chain(unseen(42, 98))),
        ),
        ("writes without an answer for 59 s", None, goes_on_after(fresh(), refused(|| Lost, 59))),
        ("writes without an answer for a minute", Some(80), goes_on_after(fresh(), refused(|| Lost, 60))),
        ("plain refusals for 29 s", None, goes_on_after(fresh(), refused(|| Denied, 29))),
        ("plain refusals for the lease's time", Some(50), goes_on_after(fresh(), refused(|| Denied, 30))),
        (
            "plain refusals, and then no answer: what was begun goes on",
            Some(51),
            goes_on_after(fresh(), refused(|| Denied, 30).chain([(31, Unseen)])),
        ),
        (
            "plain refusals after no answer",
            None,
            goes_on_after(
                fresh(),
                [(0, Nothing), (0, Lost)].into_iter().chain(refused(|| Denied, 31).skip(2)),
            ),
        ),
        (
            "it was written at last",
            None,
            goes_on_after(fresh(), unseen(3, 63).chain([(68, Nothing), (68, Written)])),
        ),
        (
            "somebody else was first",
            None,
            goes_on_after(fresh(), unseen(3, 63).chain([(68, Nothing), (68, Conflict)])),
        ),
        (
            "a look is an answer",
            None,
            goes_on_after(fresh(), unseen(3, 59).chain([(60, Nothing)]).chain(unseen(62, 118))),
        ),
        (
            "who goes on does so until it is settled",
            Some(84),
            goes_on_after(fresh(), unseen(3, 63).chain([(64, Nothing)])),
        ),
        ("nothing was tried for a while", None, goes_on_after(fresh(), unseen(3, 39).chain([(100, Unseen)]))),
        ("and then it was for a minute", Some(180), {
            goes_on_after(fresh(), unseen(3, 63).chain(unseen(100, 160)))
        }),
        (
            "who was stopped knows nothing",
            None,
            goes_on_after(fresh(), unseen(3, 103).chain([(900, Unseen)])),
        ),
    ];
    for (story, expected, found) in cases {
        assert_eq!(found, expected.map(s), "{story}");
    }
}

#[test]
fn who_goes_on_without_tries_less_often_and_a_write_of_its_own_that_arrived_ends_it() {
    let mut candidate = leader();
    write(&mut candidate, 10);
    candidate.lost(s(13));
    assert_eq!(next(&candidate, 13), LeaseNext::WaitUntil(s(14)));
    let arrived = candidate.sent[0].0.clone();
    for at in (17..=77).step_by(4) {
        candidate.unseen(s(at));
    }
    assert_eq!(candidate.goes_on_until(), Some(s(97)));
    assert_eq!(next(&candidate, 78), LeaseNext::WaitUntil(s(82)));
    candidate.see(Found::Record(arrived, "v2".into()), s(87));
    assert_eq!(candidate.goes_on_until(), None);
    assert_eq!(candidate.may_write_until(), Some(s(26)), "an old right, as old as it is");
    write(&mut candidate, 87);
    candidate.written("v3");
    assert_eq!(candidate.may_write_until(), Some(s(103)));
}

// ---- Three processes on one object, with everything that can go wrong, from any seed.

/// Numbers that look thrown (splitmix64); the same for the same seed.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, below: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % below.max(1)
    }

    fn one_in(&mut self, n: u64) -> bool {
        n > 0 && self.roll(n) == 0
    }
}

/// What goes wrong in a run.
#[derive(Clone, Copy, Debug, Default)]
struct Trouble {
    /// One in so many answers is lost; 0: none.
    lost: u64,
    /// One in so many steps is followed by a pause of up to 200 s.
    pauses: u64,
    /// One in so many steps somebody deletes the object.
    deleted: u64,
    /// One in so many steps the process ends well, or dies, and another takes its place.
    ends: u64,
}

/// The object, as a store with conditional writes has it.
#[derive(Default)]
struct Store {
    content: Option<(LeaseRecord, String)>,
    writes: u64,
}

impl Store {
    fn put(&mut self, write: &LeaseWrite) -> Option<String> {
        let holds = match (&write.condition, &self.content) {
            (LeaseCondition::Absent, content) => content.is_none(),
            (LeaseCondition::Unchanged(version), Some((_, now))) => version == now,
            (LeaseCondition::Unchanged(_), None) => false,
        };
        holds.then(|| {
            self.writes += 1;
            let version = format!("v{}", self.writes);
            self.content = Some((write.record.clone(), version.clone()));
            version
        })
    }
}

struct Process {
    candidate: Candidate,
    /// Thousandths of a second of its clock for a second of the world's.
    rate: u64,
    /// What its clock shows at the world's beginning, in ms.
    offset: u64,
    /// When it acts next, in ms of the world.
    wakes: u64,
    /// Until when a write that it has begun may be under way, in ms of the world.
    writes_until: u64,
    is_leaving: bool,
}

impl Process {
    fn new(nonce: &str, dice: &mut Dice, now: u64) -> Process {
        Process {
            candidate: Candidate::new("local", holder(nonce)),
            rate: 950 + dice.roll(101),
            offset: dice.roll(10_000_000),
            wakes: now + dice.roll(40_000),
            writes_until: 0,
            is_leaving: false,
        }
    }

    fn clock(&self, now: u64) -> Duration {
        Duration::from_millis(self.offset + now * self.rate / 1_000)
    }

    fn world_time(&self, clock: Duration) -> u64 {
        let millis = u64::try_from(clock.as_millis()).unwrap();
        millis.saturating_sub(self.offset) * 1_000 / self.rate + 1
    }

    /// Where it may, it begins a write at the last moment, which takes as long as it may: ten seconds of its clock.
    fn writes_between(&mut self, before: u64, now: u64) {
        let until = self.candidate.may_write_until().filter(|until| self.clock(before) < *until);
        let Some(until) = until.filter(|_| !self.is_leaving) else { return };
        let end = self.clock(now).min(until) + Duration::from_secs(10);
        self.writes_until = self.writes_until.max(self.world_time(end));
    }

    /// Whether it believes that it may begin a write.
    fn may_write(&self, now: u64) -> bool {
        self.candidate.may_write_until().is_some_and(|until| self.clock(now) < until)
    }
}

/// How long two processes both had a write under way that they believed to be allowed, at most, in ms; and how
/// often somebody led.
fn run(seed: u64, trouble: Trouble) -> (u64, BTreeMap<String, u64>) {
    let mut dice = Dice(seed);
    let mut store = Store::default();
    let mut born = 3;
    let mut processes: Vec<Process> =
        (0..born).map(|n| Process::new(&format!("p{n}"), &mut dice, 0)).collect();
    let mut led = BTreeMap::new();
    let (mut overlap, mut now, mut deleted) = (0_u64, 0_u64, 0_u64);
    while now < 1_200_000 {
        let index = (0..3).min_by_key(|index| processes[*index].wakes).unwrap();
        let before = std::mem::replace(&mut now, processes[index].wakes);
        processes.iter_mut().for_each(|process| process.writes_between(before, now));
        // Who has not seen anything before it was deleted cannot know that somebody leads, nor who only ever looks
        // when it has just been deleted once more.
        let all_have_seen = processes.iter().all(|process| process.candidate.shown.is_some());
        if all_have_seen && now > deleted + 90_000 && dice.one_in(trouble.deleted) {
            store.content = None;
            deleted = now;
        }
        if processes[index].is_leaving || dice.one_in(trouble.ends) {
            let process = &mut processes[index];
            if dice.one_in(2) && process.writes_until > now {
                // It ends well: begins no more writes, and lets go when the last one is over.
                process.is_leaving = true;
                process.wakes = process.writes_until + 1;
                continue;
            }
            if let Some(write) = process.candidate.release().filter(|_| process.is_leaving) {
                store.put(&write);
            }
            // What it had begun goes on.
            let writes_until = processes[index].writes_until;
            born += 1;
            processes[index] = Process::new(&format!("p{born}"), &mut dice, now);
            processes[index].writes_until = writes_until;
            continue;
        }
        step(&mut processes[index], &mut store, &mut dice, now, trouble);
        for process in &mut processes {
            process.writes_between(now, now);
            let nonce = process.candidate.me.nonce.clone();
            *led.entry(nonce).or_default() += u64::from(process.may_write(now));
            assert_eq!(process.candidate.goes_on_until(), None, "the object answers often enough");
        }
        led.retain(|_, times| *times > 0);
        let mut ends: Vec<u64> = processes.iter().map(|process| process.writes_until).collect();
        ends.sort_unstable();
        overlap = overlap.max(ends[1].saturating_sub(now));
    }
    (overlap, led)
}

/// One thing that a process does, and how long that takes.
fn step(process: &mut Process, store: &mut Store, dice: &mut Dice, now: u64, trouble: Trouble) {
    let clock = process.clock(now);
    let took = 1 + dice.roll(2_900);
    let mut wakes = now + took;
    let date = Timestamp::from_second(i64::try_from(dice.roll(4_000_000_000)).unwrap()).unwrap();
    match process.candidate.next(clock, date) {
        LeaseNext::WaitUntil(until) => wakes = process.world_time(until).max(now + 1),
        // The object is read or written when the call begins, or when it ends; its answer is there when it ends.
        LeaseNext::Look => {
            let found = match &store.content {
                None => Found::Nothing,
                Some((record, version)) => Found::Record(record.clone(), version.clone()),
            };
            let answered = process.clock(wakes);
            match dice.one_in(trouble.lost) {
                true => process.candidate.unseen(answered),
                false => process.candidate.see(found, answered),
            }
        }
        LeaseNext::Write(write) => {
            process.candidate.sent(&write, clock);
            let written = store.put(&write);
            let answered = process.clock(wakes);
            match written {
                _ if dice.one_in(trouble.lost) => process.candidate.lost(answered),
                Some(version) => process.candidate.written(&version),
                None => process.candidate.refused(answered),
            }
        }
    }
    if dice.one_in(trouble.pauses) {
        wakes += dice.roll(200_000);
    }
    process.wakes = wakes;
}

#[test]
fn of_three_processes_one_writes_at_a_time_whatever_goes_wrong() {
    let troubles = [
        Trouble::default(),
        Trouble { lost: 3, ..Trouble::default() },
        Trouble { pauses: 6, ..Trouble::default() },
        Trouble { lost: 4, pauses: 8, ends: 15, ..Trouble::default() },
        Trouble { deleted: 20, ..Trouble::default() },
        Trouble { lost: 5, pauses: 9, deleted: 25, ..Trouble::default() },
    ];
    // `cargo xtask nightly` begins elsewhere every night, and runs more of them.
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let (from, seeds) =
        (number("HATOBA_LEASE_FROM").unwrap_or(0), number("HATOBA_LEASE_SEEDS").unwrap_or(500));
    for trouble in troubles {
        let mut led = 0;
        for seed in from..from + seeds {
            let (overlap, leaders) = run(seed, trouble);
            assert_eq!(overlap, 0, "seed {seed}, {trouble:?}: {leaders:?}");
            led += u64::from(!leaders.is_empty());
        }
        assert!(led * 100 > seeds * 93, "{trouble:?}: somebody led in {led} runs of {seeds}");
    }
}
