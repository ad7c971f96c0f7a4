//! Owner marks: how a resource in AWS says whose it is. There is no state file; these are the authority.
//!
//! Taggable resources carry the mark in tags; an integration carries it in the last line of its description. What
//! has neither carries it in its name, and its parent's tags list the names that are ours.

use std::collections::{BTreeMap, BTreeSet};

use crate::{Deletion, Digest, Key};

/// Every tag of ours begins so; labels may not.
pub const TAG_PREFIX: &str = "hatoba:";
pub(crate) const OWNER: &str = "hatoba:owner";
pub(crate) const DOCUMENT: &str = "hatoba:document";
const INCARNATION: &str = "hatoba:incarnation";
const DELETION: &str = "hatoba:deletion";
pub(crate) const LABELS: &str = "hatoba:labels";
/// The tag of a revision that names its content: the digest of the members' normal form.
pub const CONTENT: &str = "hatoba:content";
/// On a parent: which of its children that take neither tags nor a description are ours, by name.
pub(crate) const NAMED: &str = "hatoba:named";
/// Hex digits that stand for a name: names are longer than a tag, and two of one API must not share them.
const NAMED_DIGITS: usize = 8;
/// Names that one tag lists; AWS allows 10 authorizers in an API unless somebody asks for more.
const NAMED_MAX: usize = (TAG_VALUE_CHARS_MAX + 1) / (NAMED_DIGITS + 1);

/// Longest value of a tag in characters (AWS tag limit).
pub const TAG_VALUE_CHARS_MAX: usize = 256;

/// What an owner mark says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    /// The controller's owner name.
    pub owner: String,
    /// The document that asks for the resource.
    pub document: Key,
    /// Which making of the resource this is, from 1: a replacement carries the next number.
    pub incarnation: u32,
    /// What happens to it when the document goes. Pruning reads this and nothing else.
    pub deletion: Deletion,
}

impl Mark {
    /// The tags to write in the create call: the mark and the labels.
    pub fn to_tags(&self, labels: &BTreeMap<String, String>) -> BTreeMap<String, String> {
        let deletion = match self.deletion {
            Deletion::Delete => "Delete",
            Deletion::Retain => "Retain",
        };
        let mut tags = labels.clone();
        tags.extend([
            (OWNER.to_owned(), self.owner.clone()),
            (DOCUMENT.to_owned(), self.document.to_string()),
            (INCARNATION.to_owned(), self.incarnation.to_string()),
            (DELETION.to_owned(), deletion.to_owned()),
        ]);
        if !labels.is_empty() {
            tags.insert(LABELS.to_owned(), label_list(labels.keys()));
        }
        tags
    }

    /// Reads a mark from tags. `None` unless owner and document are both there and legal.
    pub fn from_tags(tags: &BTreeMap<String, String>) -> Option<Mark> {
        Some(Mark {
            owner: tags.get(OWNER)?.clone(),
            document: tags.get(DOCUMENT)?.parse().ok()?,
            incarnation: tags.get(INCARNATION).and_then(|n| n.parse().ok()).unwrap_or(1),
            // Anything but a clear `Delete` keeps the resource.
            deletion: match tags.get(DELETION).map(String::as_str) {
                Some("Delete") => Deletion::Delete,
                _ => Deletion::Retain,
            },
        })
    }

    /// The description to write: the operator's text and our last line.
    /// Nobody's mark writes none.
    pub fn to_description(&self, text: Option<&str>) -> String {
        if self.is_nobodys() {
            return text.unwrap_or_default().to_owned();
        }
        let line = format!("[hatoba {} {} {}]", self.owner, self.document, self.incarnation);
        match text {
            Some(text) if !text.is_empty() => format!("{text}\n{line}"),
            _ => line,
        }
    }

    /// Splits a description into the operator's text and the mark in its last line.
    ///
    /// The policy for deletion is not in the description; it is the parent's.
    pub fn from_description(description: &str) -> (Option<String>, Option<Mark>) {
        let (text, last) = match description.rsplit_once('\n') {
            Some((text, last)) => (Some(text), last),
            None => (None, description),
        };
        match parse_line(last) {
            Some(mark) => (text.filter(|text| !text.is_empty()).map(str::to_owned), Some(mark)),
            None => (Some(description.to_owned()).filter(|text| !text.is_empty()), None),
        }
    }

    /// The name to give: the document's own, and `<name>~<n>` from the second incarnation on.
    pub fn to_name(&self, name: &str) -> String {
        match self.incarnation {
            0 | 1 => name.to_owned(),
            n => format!("{name}~{n}"),
        }
    }

    /// Splits a name that AWS shows into the document's own and what the name alone says: the incarnation.
    /// Nobody owns that mark until the parent says so, see [`Mark::confirmed_by`].
    pub fn from_name(kind: &str, shown: &str) -> (String, Mark) {
        let (name, incarnation) = match shown.rsplit_once('~') {
            Some((name, n)) if is_incarnation(n) && !name.is_empty() => (name, n.parse().unwrap_or(1)),
            _ => (shown, 1),
        };
        (name.to_owned(), Mark::nobodys(Key::new(kind, ""), incarnation))
    }

    /// The mark of a child by name, given its parent's mark and tags: ours only if the parent lists the name.
    #[must_use]
    pub fn confirmed_by(&self, name: &str, parent: Option<(&Mark, &BTreeMap<String, String>)>) -> Mark {
        match parent {
            Some((mark, tags)) if names_listed(tags).contains(&name_digits(name)) => {
                Mark { incarnation: self.incarnation, ..mark.clone() }
            }
            _ => Mark::nobodys(self.document.clone(), self.incarnation),
        }
    }

    /// A mark that says nothing but an incarnation; no owner's name is empty.
    pub fn nobodys(document: Key, incarnation: u32) -> Mark {
        Mark { owner: String::new(), document, incarnation, deletion: Deletion::Retain }
    }

    /// Whether nobody is said to own it.
    pub fn is_nobodys(&self) -> bool {
        self.owner.is_empty()
    }

    /// The description of a deployment that serves what `digest` says.
    pub fn to_deployment(&self, digest: &str) -> String {
        format!("[hatoba {} {} {digest}]", self.owner, self.document)
    }

    /// The digest in a deployment's description, if it is one of this mark's owner and document.
    pub fn deployed<'a>(&self, description: &'a str) -> Option<&'a str> {
        let last = description.rsplit_once('\n').map_or(description, |(_, last)| last);
        let rest = last.strip_prefix("[hatoba ")?.strip_suffix(']')?;
        let digest = rest.strip_prefix(&format!("{} {} ", self.owner, self.document))?;
        (!digest.is_empty() && digest.chars().all(|c| c.is_ascii_hexdigit())).then_some(digest)
    }

    /// The idempotency token of this creation: the same for the same owner, document and incarnation.
    pub fn creator_request_id(&self) -> String {
        let digest = Digest::of(&(&self.owner, &self.document, self.incarnation));
        format!("hatoba-{digest}-{}", self.incarnation)
    }
}

/// The label keys that a resource carries because a document said so (`hatoba:labels`).
pub fn labels_written(tags: &BTreeMap<String, String>) -> Vec<String> {
    tags.get(LABELS)
        .map(|list| list.split(' ').filter(|key| !key.is_empty()).map(str::to_owned).collect())
        .unwrap_or_default()
}

/// The value of `hatoba:labels`: label keys joined by one blank.
pub fn label_list<'a>(keys: impl Iterator<Item = &'a String>) -> String {
    keys.map(String::as_str).collect::<Vec<_>>().join(" ")
}

/// Whether a name ends as only the names of later incarnations do: `~2`, `~3`, …
pub fn looks_replaced(name: &str) -> bool {
    name.rsplit_once('~').is_some_and(|(_, n)| is_incarnation(n))
}

fn is_incarnation(text: &str) -> bool {
    text.parse::<u32>().is_ok_and(|n| n > 1 && n.to_string() == text)
}

/// What stands for a name in the tag `hatoba:named`.
pub fn name_digits(name: &str) -> String {
    Digest::of_bytes(name.as_bytes()).as_str().chars().take(NAMED_DIGITS).collect()
}

/// What the tag `hatoba:named` lists.
pub fn names_listed(tags: &BTreeMap<String, String>) -> BTreeSet<String> {
    let list = tags.get(NAMED).map(String::as_str).unwrap_or_default();
    list.split(' ').filter(|digits| !digits.is_empty()).map(str::to_owned).collect()
}

/// The value of `hatoba:named`; names beyond what one tag holds are left out, and so never deleted.
pub(crate) fn name_list(names: &BTreeSet<String>) -> String {
    names.iter().take(NAMED_MAX).map(String::as_str).collect::<Vec<_>>().join(" ")
}

/// Whether `owner` can stand in every mark: 1 to 200 characters that AWS takes in a tag, and no blank.
pub fn owner_is_legal(owner: &str) -> bool {
    let legal = |c: char| c.is_ascii_alphanumeric() || "_.:/=+-@".contains(c);
    (1..=200).contains(&owner.len()) && owner.chars().all(legal)
}

fn parse_line(line: &str) -> Option<Mark> {
    let mut words = line.strip_prefix("[hatoba ")?.strip_suffix(']')?.split(' ');
    let (owner, document, incarnation) = (words.next()?, words.next()?, words.next()?);
    if words.next().is_some() {
        return None;
    }
    Some(Mark {
        owner: owner.to_owned(),
        document: document.parse().ok()?,
        incarnation: incarnation.parse().ok()?,
        deletion: Deletion::Delete,
    })
}

#[cfg(test)]
#[path = "tests/mark.rs"]
mod tests;
