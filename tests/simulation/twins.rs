//! APIs of one document of which a human has to decide, as the book's page on safety says: the product's own word for it is
//! not enough.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use crate::truth::{NAMED, Thing, Things};

/// Made further apart, one may be a copy that somebody made.
const BORN_WITHIN: SignedDuration = SignedDuration::from_mins(10);

/// What differs between two that hold the same.
const OF_ONE_ALONE: [&str; 12] = [
    "apiEndpoint",
    "apiId",
    "authorizerId",
    "connectionId",
    "createdDate",
    "deploymentId",
    "integrationId",
    "lastDeploymentStatusMessage",
    "lastUpdatedDate",
    "routeId",
    "tags",
    "target",
];

/// Whether one of several APIs of a document must not go by itself: somebody has built in it, or it is no twin by its
/// number or its age, or it holds what the current one does not. Without a current one: what any other does not.
pub(crate) fn need_a_human(
    things: &Things,
    foreign: &BTreeSet<String>,
    document: &str,
    current: Option<&str>,
) -> bool {
    let is_its = |thing: &&Thing| thing.collection == "apis" && thing.document() == Some(document);
    let apis: Vec<&Thing> = things.values().filter(is_its).collect();
    let is_built_in = |api: &Thing| {
        foreign.iter().any(|id| things.get(id).is_some_and(|it| it.api.as_ref() == Some(&api.id)))
    };
    // An authorizer is ours if its API's tags name it; it may have been made, and its name not have come to be there.
    let has_a_nameless = |api: &Thing| {
        let mut all =
            things.values().filter(|it| it.collection == "authorizers" && it.api.as_ref() == Some(&api.id));
        api.tag(NAMED).is_none() && all.next().is_some()
    };
    let goes = |twin: &Thing, other: &Thing| {
        !is_built_in(twin)
            && !has_a_nameless(twin)
            && twin.mark == other.mark
            && were_born_together(twin, other)
            && held(things, twin).is_subset(&held(things, other))
    };
    let is_current = |api: &Thing| current.is_none_or(|id| api.id == id);
    // Alone it has no twin, and what is reported is something else's.
    apis.len() < 2
        || apis.iter().filter(|other| is_current(other)).any(|other| {
            let mut twins = apis.iter().filter(|twin| twin.id != other.id);
            twins.any(|twin| !goes(twin, other))
        })
}

fn were_born_together(one: &Thing, other: &Thing) -> bool {
    let at = |thing: &Thing| thing.text("createdDate").parse::<Timestamp>().ok();
    at(one).zip(at(other)).is_some_and(|(one, other)| one.duration_since(other).abs() <= BORN_WITHIN)
}

/// What an API says of itself, and all that stands in it.
fn held(things: &Things, api: &Thing) -> BTreeSet<String> {
    let inside = things.values().filter(|thing| thing.api.as_ref() == Some(&api.id));
    let plain = |thing: &Thing| {
        let mut body = thing.body.clone();
        if let Value::Object(members) = &mut body {
            // Of a link that is gone, or that people took the mark off, nobody knows any more whose it was.
            let link = members.get("connectionId").and_then(Value::as_str);
            let is_ours = |link: &&str| {
                things.get(&format!("vpcLinks:{link}")).is_some_and(|link| link.document().is_some())
            };
            let link = link.filter(|link| !is_ours(link)).map(str::to_owned);
            members.extend(link.map(|strange| ("link".to_owned(), Value::from(strange))));
            members.retain(|name, _| !OF_ONE_ALONE.contains(&name.as_str()));
        }
        format!("{} {body}", thing.collection)
    };
    inside.chain([api]).map(plain).collect()
}
