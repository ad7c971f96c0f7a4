use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::*;
use crate::support::{GADGET, WIDGET, desired};
use crate::{
    Digest, KindTable, MarkStyle, Outcome, Peer, RefField, ReplaceStyle, Rule, Rules, fold, fold_serving,
};

/// Stands in a Widget and leads to a Shelf.
static DOOR: KindTable = KindTable {
    kind: "Door",
    fields: &[],
    references: &[RefField {
        path: "shelfRef",
        kinds: &["Shelf"],
        member: "shelf",
        output: "id",
        template: "to/{}",
        required: false,
    }],
    selectors: &[],
    scope_member: Some("widgetId"),
    parent: Some("Widget"),
    name_member: None,
    marks: MarkStyle::Tags,
    unique: false,
    replace: ReplaceStyle::MakeBeforeBreak,
    follows: &[],
    drain: None,
};
static SHELF: KindTable =
    KindTable { kind: "Shelf", scope_member: None, parent: None, references: &[], ..WIDGET_LIKE };
static HAND: KindTable =
    KindTable { kind: "Hand", scope_member: None, parent: None, references: &[], ..WIDGET_LIKE };
const WIDGET_LIKE: KindTable = KindTable {
    kind: "",
    fields: &[],
    references: &[],
    selectors: &[],
    scope_member: None,
    parent: None,
    name_member: None,
    marks: MarkStyle::Tags,
    unique: false,
    replace: ReplaceStyle::MakeBeforeBreak,
    follows: &[],
    drain: None,
};

static HOUSE_HOP: Hop = Hop::new("house");
static BELL_HOP: Hop = Hop { fault: cracked, ..Hop::new("bell") };
static DOOR_HOP: Hop =
    Hop { is_entry: true, served_by: &["Gadget"], leads_on: &["shelf"], guard: sends, ..Hop::new("door") };
static SHELF_HOP: Hop = Hop { entered_by: &["Hand"], count: Some(("cups", "cups")), ..Hop::new("shelf") };
static HAND_HOP: Hop = Hop { count: Some(("cups", "cups")), guard: takes, ..Hop::new("hand") };

fn sends(door: &Object, _: Option<&Object>) -> Option<Guard> {
    door.members.contains_key("groups").then(|| guard(door))
}

fn takes(hand: &Object, registry: Option<&Object>) -> Option<Guard> {
    registry.is_some().then(|| Guard { ports: [80].into(), ..guard(hand) })
}

fn guard(object: &Object) -> Guard {
    Guard { groups: path::texts(&object.members, "groups"), ..Guard::default() }
}

fn cracked(_: &Object, status: Option<&Status>) -> Option<Cause> {
    let is_cracked = status?.drift.iter().any(|path| path == "crack");
    is_cracked.then(|| Cause::new("Differs", "the bell is cracked"))
}

/// A door of a house with a bell, a shelf behind it, and a hand that puts cups there.
struct House {
    desired: BTreeMap<Key, Desired>,
    statuses: BTreeMap<Key, Status>,
    objects: BTreeMap<Key, Seen<Object>>,
    health: Option<Result<Health, Cause>>,
    network: Option<Result<Network, Cause>>,
}

fn key(text: &str) -> Key {
    text.parse().unwrap()
}

fn house() -> House {
    let widget = desired(&WIDGET, "w", json!({}));
    let bell = desired(&GADGET, "g", json!({ "widgetId": "w1" })).refers("widgetId", key("Widget/w"));
    let mut door = desired(&DOOR, "d", json!({ "widgetId": "w1" })).refers("widgetId", key("Widget/w"));
    door = door.refers("shelf", key("Shelf/s"));
    door.references[1].template = "to/{}";
    let shelf = desired(&SHELF, "s", json!({}));
    let hand = desired(&HAND, "h", json!({})).refers("shelves[0].id", key("Shelf/s"));
    let mut house = House {
        desired: BTreeMap::new(),
        statuses: BTreeMap::new(),
        objects: BTreeMap::new(),
        health: None,
        network: None,
    };
    for (document, id) in [(widget, "w1"), (bell, "g1"), (door, "d1"), (shelf, "s1"), (hand, "h1")] {
        let mut object = document.made(id, 1);
        match id {
            "d1" => {
                object.members.insert("shelf".to_owned(), json!("to/s1"));
                object.uses.extend(["w1".to_owned(), "s1".to_owned()]);
            }
            "s1" | "h1" => drop(object.outputs.insert("cups".to_owned(), "2".to_owned())),
            _ => {}
        }
        house.objects.insert(document.key.clone(), Seen::Present(object));
        house.desired.insert(document.key.clone(), document);
    }
    house
}

impl House {
    fn object(&mut self, text: &str) -> &mut Object {
        match self.objects.get_mut(&key(text)) {
            Some(Seen::Present(object)) => object,
            other => panic!("{text}: {other:?}"),
        }
    }

    fn cups(&mut self, entered: &str, held: &str) {
        self.object("Shelf/s").outputs.insert("cups".to_owned(), entered.to_owned());
        self.object("Hand/h").outputs.insert("cups".to_owned(), held.to_owned());
    }

    fn shows(&mut self, text: &str, outcome: Outcome) {
        let status = fold(None, &key(text), &Digest::of(&1), outcome, Timestamp::UNIX_EPOCH);
        self.statuses.insert(key(text), status);
    }

    /// Truth, reason and sentence, and whether health is asked for.
    fn judged(&self) -> (Truth, String, String, bool) {
        let chain = chain(&key("Door/d"), self);
        let (truth, cause) = serving(&chain.hops);
        (truth, cause.reason.to_string(), cause.message, !chain.asks.is_empty())
    }

    fn says(&self, truth: Truth, reason: &str, message: &str) {
        let judged = self.judged();
        assert_eq!((judged.0, judged.1.as_str()), (truth, reason), "{}", judged.2);
        assert!(judged.2.contains(message), "{} lacks {message}", judged.2);
    }
}

impl Scene for House {
    fn hop(&self, kind: &str) -> Option<&'static Hop> {
        Some(match kind {
            "Widget" => &HOUSE_HOP,
            "Gadget" => &BELL_HOP,
            "Door" => &DOOR_HOP,
            "Shelf" => &SHELF_HOP,
            "Hand" => &HAND_HOP,
            _ => return None,
        })
    }
    fn desired(&self, key: &Key) -> Option<&Desired> {
        self.desired.get(key)
    }
    fn status(&self, key: &Key) -> Option<&Status> {
        self.statuses.get(key)
    }
    fn seen(&self, key: &Key) -> Seen<&Object> {
        match self.objects.get(key) {
            Some(Seen::Present(object)) => Seen::Present(object),
            Some(Seen::Unknown(cause)) => Seen::Unknown(cause.clone()),
            Some(Seen::Absent) | None => Seen::Absent,
        }
    }
    fn found(&self, kind: &str, id: &str) -> Option<&Object> {
        let all = self.objects.iter().filter(|(key, _)| key.kind == kind);
        all.filter_map(|(_, seen)| seen.present()).find(|object| object.id == id)
    }
    fn all(&self, kind: &str, _: &str) -> Option<Vec<&Object>> {
        let all = self.objects.iter().filter(|(key, _)| key.kind == kind);
        Some(all.filter_map(|(_, seen)| seen.present()).collect())
    }
    fn named_by(&self, key: &Key) -> Vec<Key> {
        let names = |desired: &&Desired| desired.references.iter().any(|reference| reference.target == *key);
        self.desired.values().filter(names).map(|desired| desired.key.clone()).collect()
    }
    fn beside(&self, desired: &Desired, kind: &str) -> Vec<Key> {
        let stands_beside = |other: &&Desired| other.parent() == desired.parent() && other.key.kind == kind;
        let siblings = self.desired.values().filter(stands_beside);
        siblings.map(|other| other.key.clone()).collect()
    }
    fn health(&self, _: &Object) -> Option<Result<Health, Cause>> {
        self.health.clone()
    }
    fn network(&self) -> Option<Result<&Network, &Cause>> {
        self.network.as_ref().map(Result::as_ref)
    }
}

#[test]
fn a_whole_chain_serves_and_is_told_from_the_outside_in() {
    let house = house();
    let chain = chain(&key("Door/d"), &house);
    let labels: Vec<&str> = chain.hops.iter().map(|hop| hop.label).collect();
    assert_eq!(labels, ["house", "bell", "door", "shelf", "hand"]);
    house.says(Truth::True, "Serving", "every hop works");
    assert!(chain.asks.is_empty(), "nothing is asked while the counts agree");
}

#[test]
fn the_first_broken_hop_speaks() {
    let broken = |text: &str| {
        let mut house = house();
        house.objects.insert(key(text), Seen::Absent);
        house
    };
    for text in ["Widget/w", "Gadget/g", "Door/d", "Shelf/s"] {
        broken(text).says(Truth::False, "Missing", &format!("{text}: there is none"));
    }
    let mut two = broken("Widget/w");
    two.objects.insert(key("Shelf/s"), Seen::Absent);
    two.says(Truth::False, "Missing", "Widget/w");
    // What is shown of the document says more than that there is nothing.
    two = broken("Shelf/s");
    two.shows("Shelf/s", Outcome::waiting(Cause::new("WaitingFor", "waits for Wood/oak")));
    two.says(Truth::False, "WaitingFor", "Shelf/s: waits for Wood/oak");
    // What only waits speaks last: the cause is elsewhere.
    two.objects.insert(key("Hand/h"), Seen::Absent);
    two.says(Truth::False, "Missing", "Hand/h: there is none");
}

#[test]
fn unknown_is_not_broken() {
    let mut house = house();
    let unseen = || Seen::Unknown(Cause::new("CallFailed", "no answer"));
    house.objects.insert(key("Gadget/g"), unseen());
    house.says(Truth::Unknown, "CallFailed", "Gadget/g: no answer");
    house.objects.insert(key("Shelf/s"), Seen::Absent);
    house.says(Truth::False, "Missing", "Shelf/s");
}

#[test]
fn life_and_readiness_decide_and_what_changes_serves_meanwhile() {
    let cause = || Cause::new("LinkPending", "it is pending");
    for (life, readiness, serves) in [
        (Life::Live, Readiness::Ready, true),
        (Life::Live, Readiness::Settling(cause()), true),
        (Life::Live, Readiness::NotReady(cause()), false),
        (Life::Pending, Readiness::Settling(cause()), false),
        (Life::Failed, Readiness::NotReady(cause()), false),
    ] {
        let mut house = house();
        let shelf = house.object("Shelf/s");
        (shelf.life, shelf.readiness) = (life.clone(), readiness.clone());
        let truth = house.judged().0;
        assert_eq!(truth, if serves { Truth::True } else { Truth::False }, "{life:?} {readiness:?}");
    }
}

#[test]
fn a_kind_knows_faults_of_its_own_and_one_of_several_is_enough() {
    let mut house = house();
    let cracked = || Outcome { drift: vec!["crack".to_owned()], ..Outcome::held(Cause::new("Differs", "")) };
    house.shows("Gadget/g", cracked());
    house.says(Truth::False, "Differs", "Gadget/g: the bell is cracked");
    let second = desired(&GADGET, "g2", json!({ "widgetId": "w1" })).refers("widgetId", key("Widget/w"));
    house.objects.insert(second.key.clone(), Seen::Present(second.made("g2", 1)));
    house.desired.insert(second.key.clone(), second);
    house.says(Truth::True, "Serving", "every hop works");
    let spare: Vec<bool> = chain(&key("Door/d"), &house).hops.iter().map(|hop| hop.is_spare).collect();
    assert_eq!(spare, [false, true, false, false, false, false]);
}

#[test]
fn a_hop_that_leads_elsewhere_is_broken_and_an_earlier_incarnation_is_not_elsewhere() {
    let mut house = house();
    let door = house.object("Door/d");
    door.uses.remove("s1");
    door.members.insert("shelf".to_owned(), json!("to/other"));
    house.says(Truth::False, "LeadsElsewhere", "Door/d: its shelf leads elsewhere than to Shelf/s");
    // The shelf is replaced: the new one is the document's, the door leads to the old one, which bears its mark.
    let old = house.desired[&key("Shelf/s")].made("other", 1);
    let new = house.objects.insert(key("Shelf/old"), Seen::Present(old));
    assert!(new.is_none());
    house.object("Shelf/old").outputs.insert("cups".to_owned(), "2".to_owned());
    house.says(Truth::True, "Serving", "every hop works");
}

#[test]
fn a_raw_member_is_a_hop_where_its_resource_is_known() {
    let mut house = house();
    let door = house.desired.get_mut(&key("Door/d")).unwrap();
    door.references.truncate(1);
    let hops = chain(&key("Door/d"), &house).hops;
    assert_eq!(
        hops.last().map(|hop| (hop.label, hop.document.clone(), hop.id.as_str())),
        Some(("shelf", None, "s1"))
    );
    house.object("Door/d").members.insert("shelf".to_owned(), Value::from("https://elsewhere.example"));
    house.says(Truth::True, "Serving", "every hop works");
}

#[test]
fn the_count_decides_and_health_is_asked_for_only_where_it_disagrees() {
    let health = |healthy, unhealthy, unknown| Some(Ok(Health { healthy, unhealthy, unknown }));
    let down = Some(Err(Cause::new("AccessDenied", "not allowed")));
    for (entered, held, health, truth, reason, asks) in [
        ("2", "2", None, Truth::True, "Serving", false),
        ("0", "0", None, Truth::Unknown, "NoHealthyInstance", false),
        ("0", "2", None, Truth::Unknown, "HealthUnknown", true),
        ("0", "2", health(2, 0, 0), Truth::True, "Serving", true),
        ("1", "2", health(0, 1, 0), Truth::False, "NoHealthyInstance", true),
        ("3", "2", health(0, 0, 3), Truth::True, "Serving", true),
        ("0", "2", health(0, 0, 0), Truth::False, "NoHealthyInstance", true),
        ("?", "0", health(0, 0, 0), Truth::Unknown, "NoHealthyInstance", true),
        ("?", "2", health(1, 1, 0), Truth::True, "Serving", true),
        ("1", "2", down, Truth::Unknown, "AccessDenied", true),
    ] {
        let mut house = house();
        house.cups(entered, held);
        house.health = health.clone();
        let judged = house.judged();
        let told = (judged.0, judged.1.as_str(), judged.3);
        assert_eq!(told, (truth, reason, asks), "{entered} {held} {health:?}: {}", judged.2);
    }
}

/// What EC2 says of these groups: each is told whom it lets in on every port, and lets everything out.
fn network(groups: &[(&str, &[&str])]) -> Network {
    let rule = |peer| Rule { ports: (0, 65_535), peer };
    let out = || vec![rule(Peer::Range("0.0.0.0/0".parse().unwrap()))];
    let rules = |peers: &[&str]| Rules {
        ingress: peers.iter().map(|peer| rule(Peer::Group((*peer).to_owned()))).collect(),
        egress: out(),
    };
    let groups = groups.iter().map(|(group, peers)| ((*group).to_owned(), Some(rules(peers))));
    Network { groups: groups.collect(), ..Network::default() }
}

#[test]
fn what_stands_between_two_hops_is_a_hop_and_decides_only_where_it_is_known() {
    let mut house = house();
    house.says(Truth::True, "Serving", "every hop works");
    assert!(chain(&key("Door/d"), &house).groups.is_empty(), "nobody bears a group");
    house.object("Door/d").members.insert("groups".to_owned(), json!(["sg-door"]));
    house.says(Truth::True, "Serving", "every hop works");
    house.object("Hand/h").members.insert("groups".to_owned(), json!(["sg-hand"]));
    house.says(Truth::Unknown, "RulesUnknown", "security groups sg-hand: their rules are being asked for");
    let asked: Vec<String> = chain(&key("Door/d"), &house).groups.into_iter().collect();
    assert_eq!(asked, ["sg-door", "sg-hand"]);

    house.network = Some(Err(Cause::new("AccessDenied", "it is not allowed")));
    house.says(Truth::True, "Serving", "every hop works");
    let labels: Vec<&str> = chain(&key("Door/d"), &house).hops.iter().map(|hop| hop.label).collect();
    assert_eq!(labels, ["house", "bell", "door", "security groups", "shelf", "hand"]);
    house.network = Some(Ok(network(&[("sg-door", &[]), ("sg-hand", &["sg-door"])])));
    house.says(Truth::True, "Serving", "every hop works");
    house.network = Some(Ok(network(&[("sg-door", &[]), ("sg-hand", &["sg-else"])])));
    house.says(
        Truth::False,
        "NoIngressRule",
        "security groups sg-hand: no ingress rule lets sg-door in on TCP port 80",
    );
    house.object("Hand/h").readiness = Readiness::Settling(Cause::new("Creating", "it changes"));
    house.says(Truth::True, "Serving", "every hop works");
}

#[test]
fn of_several_ways_one_that_is_open_is_enough_if_it_leads_to_what_works() {
    let mut house = house();
    house.object("Door/d").members.insert("groups".to_owned(), json!(["sg-door"]));
    house.object("Hand/h").members.insert("groups".to_owned(), json!(["sg-hand"]));
    let second = desired(&HAND, "i", json!({})).refers("shelves[0].id", key("Shelf/s"));
    let mut object = second.made("i1", 1);
    object.members.insert("groups".to_owned(), json!(["sg-other"]));
    object.outputs.insert("cups".to_owned(), "2".to_owned());
    house.objects.insert(second.key.clone(), Seen::Present(object));
    house.desired.insert(second.key.clone(), second);
    house.object("Shelf/s").outputs.insert("cups".to_owned(), "4".to_owned());
    house.network =
        Some(Ok(network(&[("sg-door", &[]), ("sg-hand", &["sg-else"]), ("sg-other", &["sg-door"])])));
    house.says(Truth::True, "Serving", "every hop works");
    // The way that is open leads to nobody: the other hand works, and cannot be reached.
    house.object("Hand/i").readiness = Readiness::NotReady(Cause::new("NoTasks", "none"));
    house.says(Truth::False, "NoIngressRule", "security groups sg-hand: no ingress rule");
}

#[test]
fn a_whole_is_as_its_worst_entry() {
    let condition = |truth| {
        let status = fold(
            None,
            &key("Door/d"),
            &Digest::of(&1),
            Outcome::held(Cause::new("Differs", "")),
            Timestamp::UNIX_EPOCH,
        );
        let status =
            fold_serving(&status, Some((truth, Cause::new("Missing", "none"))), Timestamp::UNIX_EPOCH);
        status.serving.unwrap()
    };
    let (good, bad, unknown) = (condition(Truth::True), condition(Truth::False), condition(Truth::Unknown));
    let (a, b) = (key("Door/a"), key("Door/b"));
    let of = |first, second| {
        let (truth, cause) = serving_of_parts([(&a, first), (&b, second)].into_iter()).unwrap();
        (truth, cause.message)
    };
    assert_eq!(of(Some(&good), Some(&good)).0, Truth::True);
    assert_eq!(of(Some(&good), Some(&bad)), (Truth::False, "Door/b: none".to_owned()));
    assert_eq!(of(Some(&unknown), Some(&bad)), (Truth::False, "Door/b: none".to_owned()));
    assert_eq!(of(Some(&good), None).0, Truth::Unknown);
    assert_eq!(serving_of_parts(std::iter::empty()), None);
}

#[test]
fn serving_keeps_its_time_while_it_stays_the_same() {
    let at = |second| Timestamp::from_second(second).unwrap();
    let status = fold(None, &key("Door/d"), &Digest::of(&1), Outcome::held(Cause::new("Differs", "")), at(1));
    let cause = || Cause::new("Missing", "none");
    let first = fold_serving(&status, Some((Truth::False, cause())), at(2));
    let second = fold_serving(&first, Some((Truth::False, cause())), at(3));
    assert_eq!(second, first);
    let kept =
        fold(Some(&second), &key("Door/d"), &Digest::of(&1), Outcome::held(Cause::new("Differs", "")), at(4));
    assert_eq!(kept.serving, second.serving, "a pass that says nothing of it leaves it");
    let third = fold_serving(&kept, Some((Truth::True, cause())), at(5));
    assert_eq!(third.serving.unwrap().last_transition_time, at(5));
}
