//! What happens between two looks, besides what befalls single calls.

use std::collections::BTreeSet;
use std::time::Duration;

use fastrand::Rng;
use hatoba_aws_model::Faults;

use crate::coda::HELD;
use crate::hands::{self, Touched};
use crate::lease;
use crate::sea::{STRANGE_KEY, Sea};
use crate::ship::{BUCKET, Ship};
use crate::swarm::{Fault, Place};
use crate::voyage::Voyage;

/// Events by fault; what befalls single calls is in the sea's hands.
const EVENTS: [Fault; 23] = [
    Fault::Throttled,
    Fault::Denied,
    Fault::Full,
    Fault::Rejected,
    Fault::Kill,
    Fault::Freeze,
    Fault::Rolling,
    Fault::Hands,
    Fault::Strangers,
    Fault::LinkFails,
    Fault::RolloutFails,
    Fault::OperationFails,
    Fault::Expired,
    Fault::Account,
    Fault::Documents,
    Fault::Documents,
    Fault::Wrong,
    Fault::Files,
    Fault::SourceAway,
    Fault::Sink,
    Fault::Lease,
    Fault::Outage,
    Fault::Idle,
];

const OPERATIONS: [&str; 12] = [
    "GetApis",
    "GetVpcLinks",
    "GetRoutes",
    "GetIntegrations",
    "ListNamespaces",
    "ListServices",
    "DescribeServices",
    "CreateApi",
    "CreateRoute",
    "UpdateIntegration",
    "DeleteRoute",
    "TagResource",
];

const CREATES: [&str; 6] =
    ["CreateApi", "CreateRoute", "CreateIntegration", "CreateStage", "CreateVpcLink", "CreateService"];

const CHANGES: [&str; 4] = ["UpdateApi", "UpdateRoute", "UpdateStage", "UpdateService"];

/// Operations that fail while their cause lasts, for whoever tries without a pause.
const OPERATIONS_FAIL: usize = 60;

/// Something happens.
pub(crate) async fn happen(voyage: &mut Voyage) {
    let possible: Vec<Fault> = EVENTS.into_iter().filter(|fault| voyage.swarm.has(*fault)).collect();
    let Some(fault) = voyage.dice.choice(possible) else { return };
    match fault {
        Fault::Kill | Fault::Freeze | Fault::Rolling => process(voyage, fault).await,
        Fault::Hands | Fault::Strangers | Fault::Idle => people(voyage, fault),
        Fault::Documents | Fault::Wrong | Fault::Files | Fault::SourceAway => source(voyage, fault).await,
        _ => aws(voyage, fault),
    }
}

async fn process(voyage: &mut Voyage, fault: Fault) {
    if voyage.ships.is_empty() {
        return;
    }
    let at = voyage.dice.usize(..voyage.ships.len());
    match fault {
        Fault::Kill => {
            let mut ship = voyage.ships.remove(at);
            voyage.note(format!("process {} is killed", ship.number));
            voyage.happened(Fault::Kill, "a process is killed");
            ship.kill();
            voyage.start().await;
        }
        Fault::Rolling => {
            voyage.start().await;
            let mut ship = voyage.ships.remove(at);
            if ship.is_frozen {
                voyage.happened(Fault::Rolling, "it stands still then, and is killed");
                ship.kill();
            } else {
                voyage.happened(Fault::Rolling, "a process is terminated as another one comes");
                voyage.note(format!("process {} is terminated", ship.number));
                ship.terminate().await;
            }
        }
        _ => {
            let frozen = !voyage.ships[at].is_frozen;
            let number = voyage.ships[at].number;
            voyage.note(format!("process {number} {}", if frozen { "stands still" } else { "goes on" }));
            if frozen {
                voyage.happened(Fault::Freeze, "a process stands still");
            }
            voyage.freeze(at, frozen);
        }
    }
}

fn people(voyage: &mut Voyage, fault: Fault) {
    let mut dice = voyage.dice.fork();
    let (what, touched) = match fault {
        // What they make takes nothing away.
        Fault::Strangers => (hands::build(&mut voyage.port.sea.lock(), &mut dice), Touched::Nothing),
        Fault::Idle => idle(&mut voyage.port.sea.lock(), &mut dice),
        _ => hands::meddle(&mut voyage.port.sea.lock(), &mut dice),
    };
    voyage.note(what);
    voyage.excuse_what_was(touched);
}

/// A link falls asleep, or the traffic comes for which one wakes up again.
fn idle(sea: &mut Sea, dice: &mut Rng) -> (String, Touched) {
    let things = sea.things();
    let links = |status: &str| {
        let links = things.values().filter(|thing| thing.collection == "vpcLinks");
        links.filter(|link| link.text("vpcLinkStatus") == status).collect::<Vec<_>>()
    };
    if let Some(link) = dice.choice(links("INACTIVE")).filter(|_| dice.bool()) {
        sea.world.lock().unwrap().pass_link(&link.id);
        sea.happened.note(Fault::Idle, "traffic wakes one up");
        return (format!("traffic comes for {}", link.id), Touched::Nothing);
    }
    let Some(link) = dice.choice(links("AVAILABLE")) else {
        return ("no link is awake".to_owned(), Touched::Nothing);
    };
    if !sea.world.lock().unwrap().idle_vpc_link(&link.id) {
        return (format!("{} stays awake", link.id), Touched::Nothing);
    }
    sea.happened.note(Fault::Idle, "a link loses its interfaces");
    (format!("{} loses its interfaces", link.id), Touched::of(link.document()))
}

async fn source(voyage: &mut Voyage, fault: Fault) {
    let for_a_while = Duration::from_secs(voyage.dice.u64(5..600));
    let until = voyage.port.sea.lock().now() + for_a_while;
    match fault {
        Fault::Documents if voyage.dice.u8(..6) == 0 => flicker(voyage).await,
        Fault::Documents => {
            let mut dice = voyage.dice.fork();
            let times = if dice.u8(..6) == 0 { 6 } else { 1 };
            let what = if times > 1 { "six do at once" } else { "a document changes, goes or comes" };
            voyage.happened(fault, what);
            for _ in 0..times {
                let what = voyage.fleet.change(&mut dice);
                voyage.note(what);
            }
            voyage.publish();
        }
        Fault::Wrong => wrong(voyage).await,
        Fault::Files => torn(voyage).await,
        _ if voyage.dice.bool() => {
            voyage.note(format!("the source is away for {for_a_while:?}"));
            if voyage.swarm.place == Place::Disk {
                voyage.happened(fault, "the folder is away");
            }
            voyage.port.disk.is_away_until(until);
            let answers = [(503, "ServiceUnavailable"), (403, "AccessDenied"), (404, "NoSuchBucket")];
            let (status, code) = voyage.dice.choice(answers).unwrap_or(answers[0]);
            voyage.port.sea.lock().source_down = (until, status, code);
        }
        _ => {
            voyage.happened(fault, "the source is emptied");
            // Emptied by mistake, and nobody notices for longer than the grace: the fuse holds.
            voyage.note(format!("the source is emptied for {for_a_while:?}"));
            voyage.put(&[]);
            tokio::time::sleep(for_a_while).await;
            if is_told_of(voyage) {
                one_joins(voyage).await;
            }
            voyage.publish();
        }
    }
}

/// Whether it lies beside the documents which of them are held together.
fn is_told_of(voyage: &Voyage) -> bool {
    let sea = voyage.port.sea.lock();
    let world = sea.world.lock().unwrap();
    voyage.swarm.place == Place::Bucket && world.object(BUCKET, HELD).is_some()
}

/// While everything is held a document joins that was never there, and then nobody lives who saw it come: who counts
/// anew finds that not all are gone.
async fn one_joins(voyage: &mut Voyage) {
    let Some(file) = voyage.fleet.join() else { return };
    voyage.note(format!("{} joins, alone", file.0));
    voyage.put(&[file]);
    voyage.tell_what_is_asked();
    let seen = voyage.swarm.poll * 3;
    tokio::time::sleep(seen).await;
    if is_told_of(voyage) {
        voyage.note("all processes begin anew");
        voyage
            .happened(Fault::SourceAway, "one joins while all others are held, and all processes begin anew");
        for _ in 0..voyage.ships.len() {
            let mut ship = voyage.ships.remove(0);
            ship.kill();
            voyage.start().await;
        }
        tokio::time::sleep(voyage.swarm.options.prune_grace + seen).await;
    }
    voyage.fleet.leave();
}

/// A document goes and comes back, before the grace is over or shortly after.
async fn flicker(voyage: &mut Voyage) {
    let mut dice = voyage.dice.fork();
    let Some((gone, before)) = voyage.fleet.go_for_a_while(&mut dice) else { return };
    let graces = if dice.bool() { 0.2 + 1.2 * dice.f64() } else { 0.75 + 0.25 * dice.f64() };
    let time = voyage.swarm.options.prune_grace.mul_f64(graces);
    let there = voyage.port.sea.lock().things();
    voyage.note(format!("{gone} goes for {time:?}"));
    voyage.happened(Fault::Documents, "one goes and comes back");
    voyage.publish();
    tokio::time::sleep(time).await;
    voyage.fleet = before;
    // What went meanwhile went by right, else it is judged elsewhere, and is made anew.
    let left = voyage.port.sea.lock().things();
    let stays = |id: &String| left.get(id).is_some_and(|thing| !thing.is_leaving());
    let went = there.iter().filter(|(id, thing)| !thing.is_leaving() && !stays(id));
    went.for_each(|(_, thing)| voyage.excuse_what_was(Touched::of(thing.document())));
    voyage.note(format!("{gone} is back"));
    voyage.publish();
}

/// Documents beside the good ones that cannot come true.
async fn wrong(voyage: &mut Voyage) {
    // The good ones are whole by then: of a file that is still written nobody knows yet what stands in it.
    tokio::time::sleep(Duration::from_secs(10)).await;
    let files = voyage.fleet.files(voyage.swarm.file_each);
    let mut files: Vec<(String, Vec<u8>)> =
        files.into_iter().map(|(name, text)| (name, text.into_bytes())).collect();
    let (what, text) = match voyage.dice.u8(..6) {
        5 => return misspelt(voyage, files).await,
        0 => ("a document of no version", "kind: HttpApi\nmetadata: { name: nobody }\n".to_owned()),
        1 => (
            "a reference into nothing",
            "apiVersion: hatoba/v1\nkind: Route\nmetadata: { name: nowhere }\nspec: { apiRef: nowhere, routeKey: $default, integrationRef: nowhere }\n".to_owned(),
        ),
        2 => (
            "a document of wrong members",
            "apiVersion: hatoba/v1\nkind: VpcLink\nmetadata: { name: bad }\nspec: { subnetIds: 7, wrong: true }\n".to_owned(),
        ),
        3 => ("bytes that are no text", "\u{0}\u{1}{ [ &a *a".to_owned()),
        _ => ("one of two of one name, or nothing", double(voyage, &files)),
    };
    voyage.happened(Fault::Wrong, what);
    voyage.note(format!("a wrong document: {text:?}"));
    files.push(("wrong.yaml".to_owned(), text.into_bytes()));
    voyage.put(&files);
}

/// A good document has a member that nobody knows, for longer than the grace: what it asked for stays.
async fn misspelt(voyage: &mut Voyage, mut files: Vec<(String, Vec<u8>)>) {
    let parts: Vec<_> = voyage.fleet.parts.iter().map(|(at, says)| (*at, *says)).collect();
    let Some(((stack, part), says)) = voyage.dice.choice(parts) else { return };
    let good = crate::fleet::document(stack, part, says);
    let bad = good.replacen("spec: {", "spec: { tpyo: 1,", 1).replacen("spec: \n", "spec:\n  tpyo: 1\n", 1);
    for (_, text) in &mut files {
        *text = String::from_utf8_lossy(text).replacen(&good, &bad, 1).into_bytes();
    }
    voyage.note(format!("a misspelt member in {}", crate::fleet::key(stack, part)));
    voyage.happened(Fault::Wrong, "a good document is misspelt for longer than the grace");
    voyage.put(&files);
    tokio::time::sleep(voyage.swarm.options.prune_grace + Duration::from_secs(120)).await;
    voyage.publish();
}

/// A document of a name that there is already. Where files go missing, too, it may be all that is left, and is taken over by
/// right: there it is nothing.
fn double(voyage: &Voyage, files: &[(String, Vec<u8>)]) -> String {
    if voyage.swarm.has(Fault::Files) {
        return "kind: {}\n".to_owned();
    }
    let first = files.first().map(|(_, text)| String::from_utf8_lossy(text));
    first.map(|text| text.replace("description: v", "description: v9000")).unwrap_or_default()
}

/// A file is written bit by bit, or may not be read for a while.
async fn torn(voyage: &mut Voyage) {
    let files = voyage.fleet.files(voyage.swarm.file_each);
    let names: Vec<String> = files.keys().cloned().collect();
    let Some(name) = voyage.dice.choice(names) else { return };
    if voyage.dice.bool() {
        voyage.note(format!("{name} cannot be read"));
        if voyage.swarm.place == Place::Disk {
            voyage.happened(Fault::Files, "a file cannot be read");
        }
        voyage.port.disk.deny(BTreeSet::from([name]));
        return;
    }
    voyage.port.disk.deny(BTreeSet::new());
    if voyage.swarm.place == Place::Bucket {
        return; // an object comes as a whole
    }
    voyage.note(format!("{name} is written bit by bit"));
    voyage.happened(Fault::Files, "a file is cut to nothing, and written bit by bit");
    let text = files.get(&name).cloned().unwrap_or_default().into_bytes();
    for part in 0..8 {
        let end = text.len() * part / 8;
        voyage.port.disk.write(&name, &text[..end]);
        tokio::time::sleep(Duration::from_millis(voyage.dice.u64(100..900))).await;
    }
    voyage.publish();
}

fn aws(voyage: &mut Voyage, fault: Fault) {
    let for_a_while = Duration::from_secs(voyage.dice.u64(5..1_200));
    let (operation, service) = (
        voyage.dice.choice(OPERATIONS).unwrap_or_default(),
        voyage.dice.choice(["apigatewayv2", "servicediscovery", "ecs", "ec2", "sts"]).unwrap_or_default(),
    );
    let create = voyage.dice.choice(CREATES).unwrap_or_default();
    let change = voyage.dice.choice([CREATES.as_slice(), &CHANGES].concat()).unwrap_or_default();
    let choice = voyage.dice.u8(..4);
    if fault == Fault::RolloutFails {
        voyage.excuse_all(); // the service may scale down to tasks that do not start
    }
    let mut sea = voyage.port.sea.lock();
    let now = sea.now();
    let until = now + for_a_while;
    sea.trace
        .note(now, format!("{fault:?} {operation} {create} {change} {service} {choice} for {for_a_while:?}"));
    match fault {
        Fault::Denied => sea.denied = Some((operation.to_owned(), until, 403, "AccessDeniedException")),
        Fault::Full => sea.denied = Some((create.to_owned(), until, 400, "LimitExceededException")),
        Fault::Rejected => sea.denied = Some((change.to_owned(), until, 400, "BadRequestException")),
        Fault::Outage => sea.outage = Some((service, until)),
        Fault::Sink => sea.sink_down = until,
        Fault::Throttled => {
            sea.happened.note(fault, "somebody else spends the quota");
            sea.competitor = until;
        }
        Fault::Expired => {
            let codes = ["ExpiredTokenException", "RequestTimeTooSkewed", "InvalidSignatureException"];
            sea.expired = Some((codes[usize::from(choice) % 3], until));
        }
        Fault::Lease => {
            let board = &voyage.port.board;
            let is_in_s3 = sea.swarm.lease_is_in_s3();
            let what = match choice {
                0 => {
                    sea.lease_answers_lost = 2;
                    board.lose_answers(2);
                    "the lease's answers are lost"
                }
                1 => {
                    sea.lease_is_down = true;
                    board.is_down(!is_in_s3); // of S3 the calls themselves tell
                    "it is down"
                }
                2 => {
                    sea.lease_is_down = false;
                    board.is_down(false);
                    "it is up again"
                }
                _ => {
                    if is_in_s3 {
                        sea.world.lock().unwrap().delete_object(BUCKET, lease::KEY);
                    }
                    board.delete();
                    "it is deleted"
                }
            };
            if sea.swarm.has_lease() {
                sea.happened.note(fault, what);
            }
        }
        Fault::Account => {
            let key = if choice < 2 { STRANGE_KEY } else { "test" };
            drop(sea);
            // Whoever begins with a key works in that key's account.
            let is_pinned = |ship: &&Ship| ship.harbour.engine.picture().account.is_some();
            for ship in voyage.ships.iter().filter(is_pinned) {
                ship.harbour.keys.renew(key);
                if key == STRANGE_KEY {
                    voyage.happened(fault, "a process gets another account's keys");
                }
            }
        }
        _ => {
            let what = order(sea.world.lock().unwrap().faults(), fault, choice);
            sea.happened.note(fault, what);
        }
    }
}

/// Orders of the model what goes wrong next. Says what.
fn order(faults: &mut Faults, fault: Fault, choice: u8) -> &'static str {
    let mut operations_fail = |times| {
        for _ in 0..times {
            faults.cloud_map_operation_fails("CANNOT_CREATE_HOSTED_ZONE", "as the dice fell");
        }
    };
    match (fault, choice) {
        (Fault::LinkFails, _) => {
            faults.vpc_link_fails("there is no address left");
            "the next link fails"
        }
        (Fault::RolloutFails, 0 | 2) => {
            faults.rollout_fails("no image of that name");
            "the next rollout fails"
        }
        (Fault::RolloutFails, _) => {
            faults.rollout_sticks();
            "the next rollout never ends"
        }
        // Whatever is begun while the cause lasts, or one.
        (_, 0) => {
            operations_fail(OPERATIONS_FAIL);
            "sixty of them do"
        }
        _ => {
            operations_fail(1);
            "the next operation of Cloud Map fails"
        }
    }
}
