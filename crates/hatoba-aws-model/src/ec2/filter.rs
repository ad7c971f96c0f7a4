//! `Filter.N`: every filter must pass; of its values, one.

use super::{Form, Resource, numbered};
use crate::failure::Failure;
use crate::object::Object;

#[derive(Debug)]
pub(super) struct Filter {
    name: String,
    values: Vec<String>,
}

/// Filters named like a member of the answer; of several rows of a name, the one whose member is there counts.
const MEMBERS: &[(&str, &str)] = &[
    ("vpc-id", "vpcId"),
    ("owner-id", "ownerId"),
    ("route-table-id", "routeTableId"),
    ("association.main", "associationSet/0/main"),
    ("association.route-table-association-id", "associationSet/0/routeTableAssociationId"),
    ("association.subnet-id", "associationSet/0/subnetId"),
    ("zone-name", "zoneName"),
    ("zone-id", "zoneId"),
    ("zone-type", "zoneType"),
    ("region-name", "regionName"),
    ("opt-in-status", "optInStatus"),
    ("state", "zoneState"),
    ("default-for-az", "defaultForAz"),
    ("subnet-id", "subnetId"),
    ("group-id", "groupId"),
    ("group-name", "groupName"),
    ("state", "state"),
    ("is-default", "isDefault"),
    ("isDefault", "isDefault"),
    ("cidr", "cidrBlock"),
    ("cidr-block", "cidrBlock"),
    ("availability-zone", "availabilityZone"),
    ("availability-zone-id", "availabilityZoneId"),
    ("description", "groupDescription"),
];

/// The filters of a request.
///
/// # Errors
/// `InvalidParameterValue` for a filter the model does not know.
pub(super) fn of_form(form: &Form) -> Result<Vec<Filter>, Failure> {
    let mut filters = Vec::new();
    for number in 1.. {
        let Some(name) = form.get(&format!("Filter.{number}.Name")) else { break };
        let known =
            name.starts_with("tag:") || name == "tag-key" || MEMBERS.iter().any(|(known, _)| known == name);
        if !known {
            return Err(Failure::client("InvalidParameterValue", format!("The filter '{name}' is invalid")));
        }
        let values =
            numbered(form, &format!("Filter.{number}.Value")).into_iter().map(str::to_owned).collect();
        filters.push(Filter { name: name.clone(), values });
    }
    Ok(filters)
}

impl Filter {
    pub(super) fn passes(&self, resource: &Resource) -> bool {
        let matches = |actual: &str| self.values.iter().any(|pattern| matches(pattern, actual));
        if let Some(key) = self.name.strip_prefix("tag:") {
            return resource.tags.get(key).is_some_and(|value| matches(value));
        }
        if self.name == "tag-key" {
            return resource.tags.keys().any(|key| matches(key));
        }
        MEMBERS
            .iter()
            .filter(|(name, _)| *name == self.name)
            .filter_map(|(_, member)| at(&resource.members, member))
            .any(|actual| matches(&actual))
    }
}

/// The text of a member, or of a member of a member (`a/0/b`).
fn at(members: &Object, path: &str) -> Option<String> {
    let (first, rest) = path.split_once('/').map_or((path, None), |(first, rest)| (first, Some(rest)));
    let mut value = members.get(first)?;
    if let Some(rest) = rest {
        value = value.pointer(&format!("/{rest}"))?;
    }
    Some(value.as_str().map_or_else(|| value.to_string(), str::to_owned))
}

/// Whether a text fits a pattern with `*`, `?` and `\` escapes, case by case.
fn matches(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
    // Where to go back to when a later character does not fit: the last `*`, and how much it has taken.
    let (mut at, mut seen, mut star) = (0, 0, None);
    while seen < text.len() {
        match pattern.get(at) {
            Some('*') => {
                star = Some((at, seen));
                at += 1;
                continue;
            }
            Some('?') => {
                (at, seen) = (at + 1, seen + 1);
                continue;
            }
            Some('\\') if pattern.get(at + 1) == text.get(seen) => {
                (at, seen) = (at + 2, seen + 1);
                continue;
            }
            Some(letter) if *letter == text[seen] && *letter != '\\' => {
                (at, seen) = (at + 1, seen + 1);
                continue;
            }
            _ => {}
        }
        let Some((back, taken)) = star else { return false };
        star = Some((back, taken + 1));
        (at, seen) = (back + 1, taken + 1);
    }
    pattern[at..].iter().all(|letter| *letter == '*')
}
