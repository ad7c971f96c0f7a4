//! What is wrong with a document, for people: what, where, expected, hint.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

/// A place in a source file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Place {
    /// The file's path relative to the source's root, with `/`.
    pub file: String,
    /// From 1.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.line, self.column)
    }
}

/// Where every path of one document stands: `spec.dnsConfig.dnsRecords[0].ttl` → line and column.
///
/// Paths are member names joined by `.` with `[i]` for list items; the empty path is the document itself.
/// A path points at the value; [`Places::key`] points at the member's name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Places {
    file: String,
    paths: BTreeMap<String, Stand>,
}

/// Line and column, from 1.
type At = (usize, usize);

/// Where what one path names begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Stand {
    key: Option<At>,
    value: Option<At>,
}

impl Places {
    /// No places known yet in this file.
    pub fn new(file: impl Into<String>) -> Self {
        Places { file: file.into(), ..Places::default() }
    }

    /// The file's path relative to the source's root.
    pub fn file(&self) -> &str {
        &self.file
    }

    /// Notes where the value at `path` begins (line and column from 1).
    pub fn insert_value(&mut self, path: &str, line: usize, column: usize) {
        self.stand(path).value = Some((line, column));
    }

    /// Notes where the name of the member at `path` begins.
    pub fn insert_key(&mut self, path: &str, line: usize, column: usize) {
        self.stand(path).key = Some((line, column));
    }

    fn stand(&mut self, path: &str) -> &mut Stand {
        self.paths.entry(path.to_owned()).or_default()
    }

    /// Where the value at `path` stands, or that of the nearest enclosing path that is known.
    pub fn value(&self, path: &str) -> Place {
        let mut path = path;
        loop {
            if let Some((line, column)) = self.paths.get(path).and_then(|stand| stand.value) {
                return Place { file: self.file.clone(), line, column };
            }
            match path.rfind(['.', '[']) {
                Some(cut) => path = &path[..cut],
                None if !path.is_empty() => path = "",
                None => return Place { file: self.file.clone(), line: 1, column: 1 },
            }
        }
    }

    /// Where the member's name at `path` stands, or the nearest enclosing value.
    pub fn key(&self, path: &str) -> Place {
        match self.paths.get(path).and_then(|stand| stand.key) {
            Some((line, column)) => Place { file: self.file.clone(), line, column },
            None => self.value(path),
        }
    }

    /// The same places under other paths: for each `(new, old)` what stands at `old` and below it is found at `new`.
    ///
    /// Later pairs win over earlier ones, so the general ones come first.
    #[must_use]
    pub fn moved(&self, paths: &[(String, String)]) -> Places {
        let mut moved = Places::new(self.file.clone());
        for (new, old) in paths {
            let here = self.value(old);
            moved.insert_value(new, here.line, here.column);
            for (path, stand) in &self.paths {
                let Some(rest) = below(path, old) else { continue };
                let there = moved.stand(&format!("{new}{rest}"));
                *there = Stand { key: stand.key.or(there.key), value: stand.value.or(there.value) };
            }
        }
        moved
    }
}

/// What follows `parent` in `path`, if that is the parent or stands in it.
fn below<'a>(path: &'a str, parent: &str) -> Option<&'a str> {
    let rest = path.strip_prefix(parent)?;
    (rest.is_empty() || rest.starts_with(['.', '['])).then_some(rest)
}

/// How much a diagnostic matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The document is held.
    Error,
    /// The document is used; somebody should look.
    Warning,
}

/// One finding about a document or a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Diagnostic {
    /// Error or warning.
    pub severity: Severity,
    /// The rule that found it, where it is one of the chain's: a stable word with a section in the book.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<&'static str>,
    /// Where; `place.file` may stand alone (line 1, column 1) when the file itself is the matter.
    pub place: Place,
    /// The path within the document, empty when the document or file itself is meant.
    pub path: String,
    /// What is wrong and what was expected, in one sentence without a full stop.
    pub message: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

impl Diagnostic {
    /// An error at a place.
    pub fn error(place: Place, path: impl Into<String>, message: impl Into<String>) -> Self {
        let (path, message) = (path.into(), message.into());
        Diagnostic { severity: Severity::Error, rule: None, place, path, message, hint: None }
    }

    /// A warning at a place.
    pub fn warning(place: Place, path: impl Into<String>, message: impl Into<String>) -> Self {
        Diagnostic { severity: Severity::Warning, ..Diagnostic::error(place, path, message) }
    }

    /// The same with a hint.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The same as found by a rule.
    #[must_use]
    pub fn rule(mut self, rule: &'static str) -> Self {
        self.rule = Some(rule);
        self
    }

    /// Whether the document is held because of this.
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(rule) = self.rule {
            write!(f, "[{rule}] ")?;
        }
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        write!(f, "{} ({})", self.message, self.place)?;
        match &self.hint {
            Some(hint) => write!(f, "; hint: {hint}"),
            None => Ok(()),
        }
    }
}

/// The kinds as they are spoken: `an HttpApi`, `a PrivateDnsNamespace or HttpNamespace`.
pub fn one_of(kinds: &[&str]) -> String {
    let is_spoken_open = |name: &str| name.starts_with(['A', 'E', 'I', 'O', 'U']) || name.starts_with("Http");
    let article = if kinds.first().is_some_and(|name| is_spoken_open(name)) { "an" } else { "a" };
    format!("{article} {}", kinds.join(" or "))
}

/// So many letters of a name's beginning are no accident.
const BEGINNING_CHARS: usize = 3;

/// The one of `candidates` that `wrong` was probably meant to be, for "did you mean": the nearest by letters, else the only
/// one that begins so (`cors` for `corsConfiguration`).
pub fn did_you_mean<'a>(wrong: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let (wrong, letters) = (wrong.to_lowercase(), wrong.chars().count());
    let candidates: Vec<(String, &str)> =
        candidates.into_iter().map(|candidate| (candidate.to_lowercase(), candidate)).collect();
    let limit = (letters / 3).max(1);
    let distances = candidates.iter().map(|(lower, candidate)| (distance(&wrong, lower), *candidate));
    let nearest = distances.filter(|(distance, _)| *distance <= limit).min();
    let mut begins = candidates.iter().filter(|(lower, _)| lower.starts_with(&wrong));
    match (nearest, begins.next(), begins.next()) {
        (Some((_, candidate)), ..) => Some(candidate),
        (None, Some((_, candidate)), None) if letters >= BEGINNING_CHARS => Some(candidate),
        _ => None,
    }
}

/// Levenshtein distance (Levenshtein 1966), one row at a time.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, to) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(from != *to);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_falls_back_to_what_encloses_it() {
        let mut places = Places::new("a.yaml");
        places.insert_value("", 1, 1);
        places.insert_value("spec", 5, 3);
        places.insert_value("spec.dnsRecords[0]", 7, 9);
        places.insert_key("spec.dnsRecords[0].ttl", 8, 11);
        assert_eq!(places.value("spec.dnsRecords[0].ttl").line, 7);
        assert_eq!(places.key("spec.dnsRecords[0].ttl").line, 8);
        assert_eq!(places.value("spec.missing.deep").line, 5);
        assert_eq!(places.value("policy").line, 1);
    }

    #[test]
    fn places_move_to_other_paths_with_all_that_stands_below() {
        let mut places = Places::new("a.yaml");
        places.insert_value("", 1, 1);
        places.insert_value("spec.service", 5, 3);
        places.insert_value("spec.service.desiredCount", 6, 9);
        places.insert_value("spec.services", 9, 9);
        places.insert_key("spec.service.cpuu", 7, 5);
        let pairs = [("", "spec.service"), ("spec", "spec.service"), ("spec.subnets", "spec.services")];
        let moved = places.moved(&pairs.map(|(new, old)| (new.to_owned(), old.to_owned())));
        assert_eq!(moved.value("spec.desiredCount").to_string(), "a.yaml:6:9");
        assert_eq!(moved.key("spec.cpuu").line, 7);
        assert_eq!(moved.value("spec.subnets[0]").line, 9);
        assert_eq!(moved.value("metadata").line, 5);
    }

    #[test]
    fn typos_are_guessed_and_strangers_are_not() {
        let fields = ["namespaceRef", "dnsConfig", "description"];
        assert_eq!(did_you_mean("nameSpaceRef", fields), Some("namespaceRef"));
        assert_eq!(did_you_mean("dnsConfg", fields), Some("dnsConfig"));
        assert_eq!(did_you_mean("colour", fields), None);
    }
}
