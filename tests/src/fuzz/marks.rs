//! Owner marks in tags, descriptions and names, and the pause that people write into a tag.

use std::collections::BTreeMap;

use hatoba_core::{
    Key, Mark, PAUSE_TAG, Pause, check_name, labels_written, looks_replaced, name_digits, names_listed,
    owner_is_legal, pause,
};
use jiff::Timestamp;

/// Reads tags (a line each, `key=value`), a description (the whole) and names (each line).
pub fn marks(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let tags: BTreeMap<String, String> = text
        .lines()
        .filter_map(|line| line.split_once('='))
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .collect();
    in_tags(&tags);
    in_a_description(&text);
    for line in text.lines() {
        in_a_name(line);
        of_a_key(line);
        of_a_pause(line);
    }
}

fn in_tags(tags: &BTreeMap<String, String>) {
    let listed = names_listed(tags);
    assert!(listed.iter().all(|name| !name.is_empty() && !name.contains(' ')));
    let Some(mark) = Mark::from_tags(tags) else { return };
    assert!(check_name(&mark.document.name).is_ok(), "a document of no legal name: {mark:?}");
    // What people wrote as labels, as far as documents may have it so.
    let labels: BTreeMap<String, String> = tags
        .iter()
        .filter(|(key, _)| !key.is_empty() && !key.contains(' ') && !key.starts_with("hatoba:"))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    let written = mark.to_tags(&labels);
    assert_eq!(Mark::from_tags(&written).as_ref(), Some(&mark));
    assert_eq!(labels_written(&written), labels.keys().cloned().collect::<Vec<_>>());
    // A copy of the name in another parent's list is nobody's.
    let child = Mark::nobodys(Key::new("Authorizer", ""), 1);
    let is_listed = listed.contains(&name_digits("jwt"));
    assert_eq!(child.confirmed_by("jwt", Some((&mark, tags))).is_nobodys(), !is_listed || mark.is_nobodys());
    assert!(child.confirmed_by("jwt", None).is_nobodys());
    assert_eq!(mark.creator_request_id(), mark.clone().creator_request_id());
    assert!(mark.creator_request_id().len() <= 64, "AWS takes 64 characters");
}

fn in_a_description(text: &str) {
    let (people, mark) = Mark::from_description(text);
    let Some(mark) = mark else {
        return assert_eq!(people.unwrap_or_default(), text, "without a mark everything is people's");
    };
    let written = mark.to_description(people.as_deref());
    let again = Mark::from_description(&written);
    if owner_is_legal(&mark.owner) {
        assert_eq!(again, (people.clone(), Some(mark.clone())), "{written:?}");
        let digest = mark.creator_request_id();
        let digest = digest.split('-').nth(1).unwrap_or_default();
        assert_eq!(mark.deployed(&mark.to_deployment(digest)), Some(digest));
    }
    assert!(people.is_none_or(|people| text.starts_with(&people)), "people's text is as they wrote it");
}

fn in_a_name(shown: &str) {
    let (name, mark) = Mark::from_name("Authorizer", shown);
    assert_eq!(mark.to_name(&name), shown);
    assert!(mark.is_nobodys() && mark.incarnation >= 1);
    assert!(mark.incarnation == 1 || looks_replaced(shown));
}

fn of_a_key(line: &str) {
    if let Ok(key) = line.parse::<Key>() {
        assert_eq!(key.to_string(), line);
        assert!(check_name(&key.name).is_ok());
    }
}

fn of_a_pause(line: &str) {
    let now = Timestamp::UNIX_EPOCH;
    let tags = BTreeMap::from([(PAUSE_TAG.to_owned(), line.to_owned())]);
    match pause("a1b2c3", &tags, now) {
        Pause::Until(until) => {
            assert!(until > now && line.parse::<Timestamp>().is_ok_and(|read| read == until))
        }
        Pause::No => assert!(line.parse::<Timestamp>().is_ok_and(|until| until <= now)),
        Pause::Unreadable(cause) => assert!(cause.message.contains("a1b2c3"), "{cause}"),
    }
}
