//! The one place that touches YAML.
//!
//! Two readers look at every file. The *scan* ([`saphyr_parser`]'s event stream) enforces the limits and the
//! strictness below and knows where everything stands; [`serde_yaml`] gives the values. A document is only used
//! if both read the same out of it: where two YAML readers differ, a person is misled too.
//!
//! **Invariant: nothing is guessed.** Duplicate keys, keys that are no strings, anchors, aliases, merge keys, tags,
//! `.inf` and `.nan` are errors at their place; nothing is coerced (`"60"` is a string, `~` is null, `no` is a
//! string); and no input costs more than the limits allow, because nothing but the scan sees a file before the
//! limits were checked.
//!
//! Scalars mean what YAML 1.2's core schema says, as `serde_yaml` reads it. JSON is read by the same path.
//!
//! ```
//! let documents = hatoba_source::yaml::parse("a.yaml", b"spec:\n  ttl: 60\n").unwrap();
//! assert_eq!(documents[0].value["spec"]["ttl"], 60);
//! assert_eq!(documents[0].places.value("spec.ttl").to_string(), "a.yaml:2:8");
//! ```

mod ahead;
mod scalar;
mod scan;
#[cfg(test)]
mod tests;

use std::panic::{AssertUnwindSafe, catch_unwind};

use hatoba_core::{Diagnostic, Place, Places};
use serde::Deserialize;
use serde_json::Value;

pub(crate) use scalar::quoted;
use scan::Scanned;

/// Largest file. The largest thing among our kinds, a task definition, may have 64 KiB in AWS; four of those fit, as far as
/// bytes go.
pub const FILE_BYTES_MAX: usize = 256 * 1024;

/// Deepest nesting of lists and mappings: far beyond any AWS request, whose members nest some ten deep. More only
/// serves bombs (400 KB of nested `{a: ` keep `serde_yaml` busy for 100 s).
pub const NESTING_MAX: usize = 32;

/// Most nodes (keys, values, lists, mappings) in one file, with lists and mappings counted twice. An ordinary document has
/// some dozens, and all routes that an API may have fit; each node costs some hundred bytes in each reader and two
/// microseconds, so this bounds a file to 8 MiB and 20 ms (`tests/fuzz.rs`).
pub const NODES_MAX: usize = 7_000;

/// Most documents in one file; a stream of `---` costs 4 bytes per document and would fill the lists with nothing.
pub const DOCUMENTS_MAX: usize = 1_000;

/// One YAML document: what it says and where.
#[derive(Clone, Debug, PartialEq)]
pub struct YamlDocument {
    /// What it says. With `faults` it is only fit for telling which document is meant.
    pub value: Value,
    /// Where each path stands.
    pub places: Places,
    /// What is wrong with this document (the others of the file are not concerned).
    pub faults: Vec<Diagnostic>,
}

/// Reads every YAML document of a file; empty ones (comments only) are passed over.
///
/// # Errors
/// One [`Diagnostic`] when the file as a whole is not to be trusted: broken syntax, over a limit, not UTF-8.
pub fn parse(file: &str, bytes: &[u8]) -> Result<Vec<YamlDocument>, Diagnostic> {
    let text = decode(file, bytes)?;
    // A bug in a parser costs one file, not the daemon.
    catch_unwind(AssertUnwindSafe(|| parse_text(file, text))).unwrap_or_else(|_| {
        Err(at(file, 1, 1, "the YAML parser failed on this file").hint("please report it"))
    })
}

/// A value as YAML text, without `---`; reading it with [`parse`] gives the same value.
pub fn emit(value: &Value) -> String {
    match serde_yaml::to_string(value) {
        Ok(text) if reads_back(&text, value) => text,
        // Some strings (a key `<<`) come out of the YAML writer such that our own strictness refuses them. JSON is
        // YAML, and quoted throughout.
        _ => json_as_yaml(value),
    }
}

fn reads_back(text: &str, value: &Value) -> bool {
    match parse("", text.as_bytes()).as_deref() {
        Ok([document]) => document.faults.is_empty() && document.value == *value,
        _ => false,
    }
}

/// JSON, with the characters escaped that JSON allows and YAML does not; they only stand in strings.
fn json_as_yaml(value: &Value) -> String {
    let mut text = String::new();
    for character in value.to_string().chars() {
        if is_printable(character) {
            text.push(character);
        } else {
            text.push_str(&format!("\\u{:04x}", u32::from(character)));
        }
    }
    text
}

fn parse_text(file: &str, text: &str) -> Result<Vec<YamlDocument>, Diagnostic> {
    let scanned = scan::scan(file, text)?;
    let mut reader = serde_yaml::Deserializer::from_str(text);
    if scanned.is_empty() {
        return match reader.next().map(Value::deserialize) {
            None | Some(Ok(Value::Null)) => Ok(Vec::new()),
            Some(Err(error)) => Err(reader_error(file, &error)),
            Some(Ok(_)) => Err(disagreement(Place { file: file.to_owned(), line: 1, column: 1 }, "")),
        };
    }
    let mut documents = Vec::new();
    for Scanned { value, places, mut faults, is_empty } in scanned {
        let Some(document) = reader.next() else { return Err(disagreement(places.value(""), "")) };
        if faults.is_empty() {
            let read = Value::deserialize(document).map_err(|error| reader_error(file, &error))?;
            // To say where costs a path for every node.
            if read != value
                && let Some(path) = first_difference(&read, &value, String::new())
            {
                faults.push(disagreement(places.value(&path), &path));
            }
        }
        if !is_empty || !faults.is_empty() {
            documents.push(YamlDocument { value, places, faults });
        }
    }
    match reader.next() {
        None => Ok(documents),
        Some(_) => Err(disagreement(Place { file: file.to_owned(), line: 1, column: 1 }, "")),
    }
}

/// Bytes → text: size, UTF-8, byte-order mark, characters that YAML does not allow.
fn decode<'a>(file: &str, bytes: &'a [u8]) -> Result<&'a str, Diagnostic> {
    if bytes.len() > FILE_BYTES_MAX {
        let message =
            format!("the file is too large: expected at most {FILE_BYTES_MAX} bytes, got {}", bytes.len());
        return Err(at(file, 1, 1, message).hint("split it: any number of files and folders is read"));
    }
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let good = String::from_utf8_lossy(&bytes[..error.valid_up_to()]);
        let (line, column) = position(&good, good.len());
        at(file, line, column, "the file is not valid UTF-8").hint("save it as UTF-8")
    })?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    match text.char_indices().find(|(_, character)| !is_printable(*character)) {
        None => Ok(text),
        Some((index, character)) => {
            let (line, column) = position(text, index);
            let message = format!("the character U+{:04X} is not allowed in YAML", u32::from(character));
            Err(at(file, line, column, message)
                .hint("remove it, or write it as \\x.. in a double-quoted string"))
        }
    }
}

/// YAML 1.2 section 5.1, `c-printable`, less the two line breaks only YAML 1.1 knows: readers differ over them.
fn is_printable(character: char) -> bool {
    match character {
        '\t' | '\n' | '\r' => true,
        '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}' => false,
        _ => !character.is_control(),
    }
}

/// Line and column (from 1, in characters) of a byte index.
fn position(text: &str, index: usize) -> (usize, usize) {
    let before = &text[..index];
    let last = before.rsplit(['\n', '\r']).next().unwrap_or_default();
    // What follows the last line end counts, too, if nothing does.
    let line = lines(before).count() + usize::from(last.is_empty());
    (line, last.chars().count() + 1)
}

/// Lines as YAML counts them: they end with LF, CR LF or CR.
fn lines(text: &str) -> impl Iterator<Item = &str> {
    let ended = text.strip_suffix('\n').unwrap_or(text);
    let whole = ended.strip_suffix('\r').unwrap_or(ended);
    let is_empty = text.is_empty();
    whole
        .split('\n')
        .flat_map(|line| line.strip_suffix('\r').unwrap_or(line).split('\r'))
        .filter(move |_| !is_empty)
}

/// The path of the first node over which two values differ.
fn first_difference(a: &Value, b: &Value, path: String) -> Option<String> {
    match (a, b) {
        (Value::Object(a), Value::Object(b)) if a.len() == b.len() => a.iter().find_map(|(name, value)| {
            let path = hatoba_core::path::join(&path, name);
            match b.get(name) {
                Some(other) => first_difference(value, other, path),
                None => Some(path),
            }
        }),
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            a.iter().zip(b).enumerate().find_map(|(i, (a, b))| first_difference(a, b, format!("{path}[{i}]")))
        }
        (a, b) => (a != b).then_some(path),
    }
}

fn disagreement(place: Place, path: &str) -> Diagnostic {
    Diagnostic::error(place, path, "two YAML readers take this differently")
        .hint("write it plainer: quote the value, indent with spaces, keep it on one line")
}

/// What `serde_yaml` says about a text that the scan found nothing wrong with.
fn reader_error(file: &str, error: &serde_yaml::Error) -> Diagnostic {
    let (line, column) = error.location().map_or((1, 1), |place| (place.line(), place.column()));
    let text = error.to_string();
    let text = text.split(" at line ").next().unwrap_or(&text);
    at(file, line, column, format!("not valid YAML: {text}")).hint(scan::TORN)
}

/// An error at a place in a file.
fn at(file: &str, line: usize, column: usize, message: impl Into<String>) -> Diagnostic {
    Diagnostic::error(Place { file: file.to_owned(), line, column }, "", message)
}
