//! What there is in the model AWS, read from its dump by code that shares nothing with the product.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::fleet::{Fleet, LIST_KEYS, Part, SUBNETS, Says, name};
use crate::judge::uses;
use crate::swarm::OWNER;

/// One resource.
#[derive(Clone, Debug)]
pub(crate) struct Thing {
    /// `apis`, `vpcLinks`, `namespaces`, `discovery`, `tasks`, …
    pub(crate) collection: &'static str,
    pub(crate) id: String,
    pub(crate) body: Value,
    pub(crate) mark: Option<Mark>,
    /// The API that it stands in.
    pub(crate) api: Option<String>,
}

/// What was before and is another now, or gone.
pub(crate) fn changed<'a>(
    before: &'a Things,
    after: &'a Things,
) -> impl Iterator<Item = (&'a String, &'a Thing)> {
    before.iter().filter(|(id, thing)| after.get(*id).is_none_or(|now| now.body != thing.body))
}

/// What an owner mark says.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Mark {
    pub(crate) owner: String,
    pub(crate) document: String,
    pub(crate) incarnation: u32,
}

/// Service, collection, and what it is called here.
const COLLECTIONS: [(&str, &str, &str); 8] = [
    ("apigatewayv2", "apis", "apis"),
    ("apigatewayv2", "vpcLinks", "vpcLinks"),
    ("apigatewayv2", "integrations", "integrations"),
    ("apigatewayv2", "routes", "routes"),
    ("apigatewayv2", "stages", "stages"),
    ("apigatewayv2", "authorizers", "authorizers"),
    ("servicediscovery", "namespaces", "namespaces"),
    ("servicediscovery", "services", "discovery"),
];

impl Thing {
    pub(crate) fn text(&self, member: &str) -> &str {
        self.body[member].as_str().unwrap_or_default()
    }

    /// Made for the same document, incarnation and place.
    pub(crate) fn is_like(&self, other: &Thing) -> bool {
        self.collection == other.collection && self.api == other.api && self.mark == other.mark
    }

    /// A tag's value.
    pub(crate) fn tag(&self, key: &str) -> Option<&str> {
        tag(&self.body, key)
    }

    /// What it is besides its tags. Of an integration, whose mark stands in its description and is set along with all that
    /// differs: its id alone.
    pub(crate) fn but_for_its_mark(&self) -> Value {
        if self.collection == "integrations" {
            return json!(self.id);
        }
        let mut body = self.body.clone();
        if let Some(members) = body.as_object_mut() {
            ["tags", "Tags"].iter().for_each(|member| drop(members.remove(*member)));
        }
        body
    }

    /// What stands for a document where there is no mark: `routes HttpApi/api0 GET /orders`.
    fn place_in(&self, api: &str) -> String {
        let name = self.text("name").split('~').next().unwrap_or_default();
        format!("{} {api} {}{name}", self.collection, self.text("routeKey"))
    }

    /// On its way out, or gone and not forgotten yet.
    pub(crate) fn is_leaving(&self) -> bool {
        self.text("vpcLinkStatus") == "DELETING" || ["DRAINING", "INACTIVE"].contains(&self.text("status"))
    }

    /// Whether its mark is its own, and not that of what it stands in.
    pub(crate) fn bears_mark(&self) -> bool {
        !["routes", "authorizers"].contains(&self.collection)
    }

    pub(crate) fn is_ours(&self) -> bool {
        self.mark.as_ref().is_some_and(|mark| mark.owner == OWNER)
    }

    pub(crate) fn document(&self) -> Option<&str> {
        self.mark.as_ref().filter(|mark| mark.owner == OWNER).map(|mark| mark.document.as_str())
    }
}

/// Everything there is, by collection and id.
pub(crate) type Things = BTreeMap<String, Thing>;

/// Reads the dump.
pub(crate) fn things(dump: &Value) -> Things {
    let mut things = Things::new();
    let empty = serde_json::Map::new();
    let mut read = |service: &str, collection: &str, called: &'static str| {
        for (id, body) in dump[service][collection].as_object().unwrap_or(&empty) {
            let api = body["apiId"].as_str().filter(|_| called != "apis").map(str::to_owned);
            let mark = mark_of(body);
            let thing = Thing { collection: called, id: id.clone(), body: body.clone(), mark, api };
            things.insert(format!("{called}:{id}"), thing);
        }
    };
    COLLECTIONS.iter().for_each(|(service, collection, called)| read(service, collection, called));
    read("ecs", "services", "tasks");
    // Routes and authorizers carry no mark of their own: what stands in an API of ours counts as ours here.
    let apis: BTreeMap<String, Mark> = things
        .values()
        .filter(|thing| thing.collection == "apis")
        .filter_map(|thing| Some((thing.id.clone(), thing.mark.clone()?)))
        .collect();
    for thing in things.values_mut().filter(|thing| !thing.bears_mark()) {
        let api = thing.api.as_ref().and_then(|api| apis.get(api));
        thing.mark = api.map(|mark| Mark { document: thing.place_in(&mark.document), ..mark.clone() });
    }
    things
}

/// The mark in a thing, or in a request for one: in its tags, a map or a list of either spelling, or in its description.
pub(crate) fn mark_of(body: &Value) -> Option<Mark> {
    if let Some(mark) = body["description"].as_str().and_then(mark_in_line) {
        return Some(mark);
    }
    let tag = |key: &str| tag(body, key).map(str::to_owned);
    let incarnation = tag("hatoba:incarnation").and_then(|n| n.parse().ok()).unwrap_or(1);
    Some(Mark { owner: tag("hatoba:owner")?, document: tag("hatoba:document")?, incarnation })
}

/// In a map, or in a list of either spelling.
fn tag<'a>(body: &'a Value, key: &str) -> Option<&'a str> {
    fn of_list<'a>(tags: &'a Value, key: &str, name: &str, value: &str) -> Option<&'a str> {
        tags.as_array()?.iter().find(|tag| tag[name] == key)?[value].as_str()
    }
    let of = |tags: &'a Value| {
        let of_map = tags[key].as_str();
        of_map.or_else(|| of_list(tags, key, "key", "value")).or_else(|| of_list(tags, key, "Key", "Value"))
    };
    of(&body["tags"]).or_else(|| of(&body["Tags"]))
}

fn mark_in_line(description: &str) -> Option<Mark> {
    let line = description.lines().last()?.strip_prefix("[hatoba ")?.strip_suffix(']')?;
    let mut words = line.split(' ');
    let (owner, document, n) = (words.next()?, words.next()?, words.next()?);
    Some(Mark { owner: owner.to_owned(), document: document.to_owned(), incarnation: n.parse().ok()? })
}

/// Where the world differs from what the documents ask for; nothing: it is as they say. `foreign`: what people made.
///
/// Of several APIs of one document those count as not there in which people have built: they stay, and are reported.
pub(crate) fn differences(fleet: &Fleet, things: &Things, foreign: &BTreeSet<String>) -> Vec<String> {
    let mut wrong = differences_in(fleet, things, foreign);
    for (id, api) in things.iter().filter(|(_, thing)| thing.collection == "apis" && thing.is_ours()) {
        let is_other = |thing: &Thing| {
            thing.collection == "apis"
                && thing.document() == api.document()
                && thing.id != api.id
                && !foreign.contains(id)
        };
        let others: BTreeSet<&str> = things.values().filter(|t| is_other(t)).map(|t| t.id.as_str()).collect();
        let is_built_in = |other: &&str| {
            foreign
                .iter()
                .any(|id| things.get(id).is_some_and(|theirs| theirs.api.as_deref() == Some(*other)))
        };
        if !others.is_empty() && others.iter().all(is_built_in) {
            let of_others = |thing: &Thing| {
                others.contains(thing.id.as_str())
                    || thing.api.as_deref().is_some_and(|api| others.contains(api))
            };
            let better = differences_in(fleet, &without(things, of_others), foreign);
            if better.len() < wrong.len() {
                wrong = better;
            }
        }
    }
    wrong
}

/// AWS's ids by document, of documents that have one thing alone.
pub(crate) fn ids(things: &Things) -> BTreeMap<String, String> {
    let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for thing in things.values().filter(|thing| !thing.is_leaving()) {
        let id = thing.id.rsplit('/').next().unwrap_or_default().to_owned();
        let document = thing.document().map(str::to_owned);
        found.entry(document.unwrap_or_default()).or_default().insert(id);
    }
    found.retain(|_, ids| ids.len() == 1);
    found.into_iter().filter_map(|(document, ids)| Some((document, ids.into_iter().next()?))).collect()
}

fn without(things: &Things, is_out: impl Fn(&Thing) -> bool) -> Things {
    things.iter().filter(|(_, thing)| !is_out(thing)).map(|(id, thing)| (id.clone(), thing.clone())).collect()
}

fn differences_in(fleet: &Fleet, things: &Things, foreign: &BTreeSet<String>) -> Vec<String> {
    let mut look = Look { things, foreign, found: BTreeSet::new(), wrong: Vec::new() };
    for ((stack, part), says) in &fleet.parts {
        look.at(fleet, *stack, *part, *says);
    }
    // An API in which people have built stays, though its document is gone.
    let is_built_in = |thing: &Thing| {
        let theirs =
            |id: &String| things.get(id).is_some_and(|theirs| theirs.api.as_ref() == Some(&thing.id));
        thing.collection == "apis"
            && !fleet.keys().contains(thing.document().unwrap_or_default())
            && foreign.iter().any(theirs)
    };
    // An authorizer is ours if its API's tags name it. One whose document went before they did is nobody's.
    let is_nameless = |thing: &Thing| {
        let api = thing.api.as_ref().and_then(|api| things.get(&format!("apis:{api}")));
        thing.collection == "authorizers" && api.is_some_and(|api| api.tag(NAMED).is_none())
    };
    let theirs = theirs(things, foreign);
    let surplus = things.iter().filter(|(id, thing)| {
        thing.is_ours()
            && !is_built_in(thing)
            && !is_nameless(thing)
            && !thing.is_leaving()
            && !look.found.contains(*id)
            && !theirs.contains(*id)
    });
    let surplus: Vec<String> =
        surplus.map(|(id, thing)| format!("{id} is left over: {:?}", thing.mark)).collect();
    look.wrong.extend(surplus);
    look.wrong
}

/// What is people's, and what stays because of it: what it uses, and routes that lead to it.
fn theirs(things: &Things, foreign: &BTreeSet<String>) -> BTreeSet<String> {
    let mut theirs = foreign.clone();
    loop {
        let is_one = |id: &String, thing: &Thing| {
            let of_them = || theirs.iter().filter_map(|id| things.get(id));
            !theirs.contains(id)
                && of_them()
                    .any(|other| uses(other, thing) || thing.collection == "routes" && uses(thing, other))
        };
        let more: Vec<String> =
            things.iter().filter(|(id, thing)| is_one(id, thing)).map(|(id, _)| id.clone()).collect();
        if more.is_empty() {
            return theirs;
        }
        theirs.extend(more);
    }
}

/// The tag in which an API lists the authorizers that are ours, by digests of their names.
pub(crate) const NAMED: &str = "hatoba:named";

struct Look<'a> {
    things: &'a Things,
    foreign: &'a BTreeSet<String>,
    found: BTreeSet<String>,
    wrong: Vec<String>,
}

impl Look<'_> {
    /// The only live thing of a document.
    fn marked(&self, collection: &str, document: &str) -> Result<String, String> {
        let mut all = self.things.iter().filter(|(id, thing)| {
            thing.collection == collection
                && thing.document() == Some(document)
                && !thing.is_leaving()
                && !self.foreign.contains(*id)
        });
        match (all.next(), all.next()) {
            (Some((id, _)), None) => Ok(id.clone()),
            (None, _) => Err(format!("{document}: there is none")),
            (Some((one, _)), Some((other, _))) => Err(format!("{document}: {one} and {other}")),
        }
    }

    fn id_of(&self, stack: usize, part: Part) -> String {
        let collection = match part {
            Part::Namespace => "namespaces",
            Part::Discovery => "discovery",
            Part::Tasks => "tasks",
            Part::Api => "apis",
            Part::Link => "vpcLinks",
            Part::Back => "integrations",
            Part::Stage => "stages",
            Part::Home | Part::List | Part::Gate => return String::new(),
        };
        let thing =
            self.marked(collection, &crate::fleet::key(stack, part)).ok().and_then(|id| self.things.get(&id));
        thing.map(|thing| thing.id.rsplit('/').next().unwrap_or_default().to_owned()).unwrap_or_default()
    }

    fn at(&mut self, fleet: &Fleet, stack: usize, part: Part, says: Says) {
        let document = crate::fleet::key(stack, part);
        let api = self.id_of(stack, Part::Api);
        let (collection, found) = match part {
            Part::Home => ("routes", self.child(&api, "routes", "routeKey", "$default")),
            Part::List => ("routes", self.child(&api, "routes", "routeKey", LIST_KEYS[usize::from(says.a)])),
            Part::Gate => ("authorizers", self.gate(&api, &name(stack, part))),
            Part::Namespace => ("namespaces", self.marked("namespaces", &document)),
            Part::Discovery => ("discovery", self.marked("discovery", &document)),
            Part::Tasks => ("tasks", self.marked("tasks", &document)),
            Part::Api => ("apis", self.marked("apis", &document)),
            Part::Link => ("vpcLinks", self.marked("vpcLinks", &document)),
            Part::Back => ("integrations", self.marked("integrations", &document)),
            Part::Stage => ("stages", self.marked("stages", &document)),
        };
        match found {
            Err(wrong) => self.wrong.push(format!("{document}: {collection}: {wrong}")),
            Ok(id) => {
                let body = self.things.get(&id).map(|thing| thing.body.clone()).unwrap_or_default();
                let in_api = self.things.get(&id).and_then(|thing| thing.api.clone());
                for (member, expected) in self.expected(fleet, stack, part, says) {
                    let seen = body.pointer(member).cloned().unwrap_or_default();
                    if seen != expected {
                        self.wrong
                            .push(format!("{document} ({id}): {member} is {seen}, expected {expected}"));
                    }
                }
                let goes = self.things.get(&id).and_then(|thing| thing.tag("hatoba:deletion"));
                if !["routes", "authorizers", "integrations"].contains(&collection) && goes != Some("Delete")
                {
                    self.wrong
                        .push(format!("{document} ({id}): hatoba:deletion is {goes:?}, expected Delete"));
                }
                let is_named = || {
                    let api = self.things.get(&format!("apis:{api}"));
                    api.is_some_and(|api| api.tag(NAMED).is_some())
                };
                if part == Part::Gate && !is_named() {
                    self.wrong.push(format!("{document} ({id}) is not in the tags of {api}"));
                }
                if in_api.is_some_and(|in_api| in_api != api) {
                    self.wrong.push(format!("{document} ({id}) is not in {api}"));
                }
                self.found.insert(id);
            }
        }
    }

    fn child(&self, api: &str, collection: &str, member: &str, is: &str) -> Result<String, String> {
        let mut all = self.things.iter().filter(|(_, thing)| {
            thing.collection == collection && thing.api.as_deref() == Some(api) && thing.text(member) == is
        });
        match (all.next(), all.next()) {
            (Some((id, _)), None) => Ok(id.clone()),
            (None, _) => Err(format!("{is} in {api}: there is none")),
            _ => Err(format!("{is} in {api}: more than one")),
        }
    }

    /// An authorizer that was replaced is called `<name>~<n>`.
    fn gate(&self, api: &str, name: &str) -> Result<String, String> {
        let is = |thing: &&Thing| {
            let shown = thing.text("name");
            thing.collection == "authorizers"
                && thing.api.as_deref() == Some(api)
                && (shown == name || shown.strip_prefix(name).is_some_and(|rest| rest.starts_with('~')))
        };
        let all: Vec<String> =
            self.things.values().filter(is).map(|t| format!("authorizers:{}", t.id)).collect();
        match all.as_slice() {
            [id] => Ok(id.clone()),
            all => Err(format!("{name} in {api}: {}", all.len())),
        }
    }

    /// How many tasks people, or earlier documents, asked for; without any it does not serve.
    fn scaled(&self, stack: usize) -> Value {
        let tasks = self.marked("tasks", &crate::fleet::key(stack, Part::Tasks)).ok();
        let count = tasks.and_then(|id| self.things.get(&id)?.body["desiredCount"].as_u64());
        json!(count.unwrap_or_default().max(1))
    }

    /// Members, by JSON pointer, and what they must be.
    fn expected(&self, fleet: &Fleet, stack: usize, part: Part, says: Says) -> Vec<(&'static str, Value)> {
        let Says { version, a, b } = says;
        let said = json!(format!("v{version}"));
        let arn = || {
            let id = format!("discovery:{}", self.id_of(stack, Part::Discovery));
            self.things.get(&id).map(|thing| thing.body["Arn"].clone()).unwrap_or_default()
        };
        let target = json!(format!("integrations/{}", self.id_of(stack, Part::Back)));
        match part {
            Part::Namespace => {
                vec![("/Description", said), ("/Name", json!(format!("s{stack}.example.com")))]
            }
            Part::Discovery => vec![
                ("/Description", said),
                ("/DnsConfig/DnsRecords/0/TTL", json!(60 - 10 * i64::from(a))),
                ("/DnsConfig/DnsRecords/0/Type", json!("SRV")),
                ("/DnsConfig/RoutingPolicy", json!("MULTIVALUE")),
                ("/HealthCheckCustomConfig/FailureThreshold", json!(1)),
                ("/NamespaceId", json!(self.id_of(stack, Part::Namespace))),
            ],
            Part::Tasks => vec![
                ("/deploymentConfiguration/deploymentCircuitBreaker/enable", json!(says.gives_up())),
                ("/desiredCount", says.tasks().map_or_else(|| self.scaled(stack), Value::from)),
                ("/taskDefinition", json!(format!("{DEFINITION}{}", 1 + a % 2))),
                ("/serviceRegistries/0/registryArn", arn()),
                ("/serviceRegistries/0/port", json!(80)),
                ("/launchType", json!("FARGATE")),
                ("/networkConfiguration/awsvpcConfiguration/subnets", json!(SUBNETS[0])),
                ("/networkConfiguration/awsvpcConfiguration/securityGroups", json!([GROUP])),
            ],
            Part::Api => {
                let cors = if a > 0 { json!(format!("https://o{a}.example.com")) } else { Value::Null };
                let label = |of: u8, value: &str| if b == of { json!(value) } else { Value::Null };
                vec![
                    ("/description", said.clone()),
                    ("/version", said),
                    ("/corsConfiguration/allowOrigins/0", cors),
                    ("/tags/team", label(1, "t1")),
                    ("/tags/crew", label(2, "t2")),
                ]
            }
            Part::Link => {
                vec![("/subnetIds", json!(SUBNETS[usize::from(a)])), ("/securityGroupIds", json!([GROUP]))]
            }
            Part::Back => vec![
                ("/connectionId", json!(self.id_of(stack, Part::Link))),
                ("/integrationUri", arn()),
                ("/integrationMethod", json!("ANY")),
                ("/integrationType", json!("HTTP_PROXY")),
                ("/connectionType", json!("VPC_LINK")),
                ("/timeoutInMillis", json!(9_000 + 1_000 * u32::from(a))),
                ("/tlsConfig/serverNameToVerify", if b == 2 { json!("web.internal") } else { Value::Null }),
            ],
            Part::Home => {
                vec![("/target", target), ("/operationName", said), ("/authorizationType", json!("NONE"))]
            }
            Part::List => {
                let gate = fleet
                    .says(stack, Part::Gate)
                    .and_then(|_| self.gate(&self.id_of(stack, Part::Api), &name(stack, Part::Gate)).ok());
                let gate = gate.and_then(|id| id.rsplit('/').next().map(str::to_owned));
                vec![
                    ("/target", target),
                    ("/operationName", said),
                    ("/authorizationType", json!("JWT")),
                    ("/authorizerId", json!(gate)),
                ]
            }
            Part::Stage => vec![("/description", said), ("/autoDeploy", json!(true))],
            Part::Gate => vec![
                ("/jwtConfiguration/issuer", json!(format!("https://i{a}.example.com"))),
                ("/jwtConfiguration/audience", json!(["web"])),
                ("/authorizerType", json!("JWT")),
            ],
        }
    }
}

const GROUP: &str = "sg-0123456789abcdef0";
const DEFINITION: &str = "arn:aws:ecs:us-east-1:123456789012:task-definition/great-task:";
