//! The event scan: limits, strictness, places.
//!
//! Every event is counted and checked before the next one is asked for, so the scan stops at the limit and not
//! behind it. Anchors, tags and odd keys are faults of their document; broken syntax and limits end the file.

use hatoba_core::{Diagnostic, Members, Place, Places};
use saphyr_parser::{Event, Marker, Parser, ScalarStyle, ScanError, Span, Tag};
use serde_json::Value;

use super::ahead::{Ahead, Text};
use super::scalar::{Meaning, meaning, quoted};
use super::{DOCUMENTS_MAX, NESTING_MAX, NODES_MAX, at, lines};

/// Most faults told of one file: nobody reads more, and each carries text of the file.
const FAULTS_MAX: usize = 50;

/// Most bytes of paths kept for one file. A path repeats the keys above it, so 250 KiB of text with one long key on
/// top could ask for gigabytes of paths. Beyond this, paths point to what encloses them.
const PATH_BYTES_MAX: usize = 2 * 1024 * 1024;

/// One document as the scan saw it.
pub(super) struct Scanned {
    pub(super) value: Value,
    pub(super) places: Places,
    pub(super) faults: Vec<Diagnostic>,
    /// Nothing but comments.
    pub(super) is_empty: bool,
}

/// Scans a whole file.
///
/// # Errors
/// The diagnostic of broken syntax, or of the limit that was reached.
pub(super) fn scan(file: &str, text: &str) -> Result<Vec<Scanned>, Diagnostic> {
    let mut documents = Vec::new();
    let mut used = Used::default();
    let mut open: Option<Building> = None;
    let ahead = Ahead::default();
    let mut parser = Parser::new(Text::new(text, &ahead));
    while let Some(next) = parser.next_event() {
        if ahead.is_too_far() {
            let place = next.map_or_else(|error| from_1(error.marker()), |(_, span)| place_of(span));
            return Err(too_many(file, place));
        }
        ahead.begin_anew();
        let (event, span) = next.map_err(|error| syntax_error(file, text, &error))?;
        let place = place_of(span);
        match event {
            Event::DocumentStart(_) => {
                if documents.len() == DOCUMENTS_MAX {
                    let message = format!("too many documents in one file: expected at most {DOCUMENTS_MAX}");
                    return Err(at(file, place.0, place.1, message).hint("split the file"));
                }
                open = Some(Building::new(file, place));
            }
            Event::DocumentEnd => documents.extend(open.take().map(Building::finish)),
            Event::StreamEnd => break,
            event => {
                if let Some(building) = &mut open {
                    building.node(&mut used, event, place)?;
                }
            }
        }
    }
    Ok(documents)
}

/// Line and column, from 1.
type At = (usize, usize);

fn place_of(span: Span) -> At {
    from_1(&span.start)
}

fn from_1(marker: &Marker) -> At {
    (marker.line(), marker.col() + 1)
}

/// What one file has used of its limits.
#[derive(Default)]
struct Used {
    nodes: usize,
    faults: usize,
    path_bytes: usize,
}

impl Used {
    /// Whether there is room for one more fault.
    fn takes_fault(&mut self) -> bool {
        self.faults += 1;
        self.faults <= FAULTS_MAX
    }

    /// Whether there is room for one more path.
    fn takes_path(&mut self, path: &str) -> bool {
        self.path_bytes += path.len();
        self.path_bytes <= PATH_BYTES_MAX
    }
}

/// The document that is being read.
struct Building {
    places: Places,
    faults: Vec<Diagnostic>,
    root: Option<Value>,
    is_empty: bool,
    frames: Vec<Frame>,
    /// Path of the node that is being read.
    path: String,
}

/// A list or mapping that is not yet closed.
struct Frame {
    /// Length of its own path.
    base: usize,
    shape: Shape,
    /// Where it began, if it stands where a key belongs.
    key_at: Option<At>,
}

enum Shape {
    List(Vec<Value>),
    Map { members: Members, key: Option<String> },
}

impl Building {
    fn new(file: &str, (line, column): At) -> Self {
        let mut places = Places::new(file);
        places.insert_value("", line, column);
        let path = String::new();
        Building { places, faults: Vec::new(), root: None, is_empty: false, frames: Vec::new(), path }
    }

    fn finish(self) -> Scanned {
        let Building { places, faults, root, is_empty, .. } = self;
        Scanned { value: root.unwrap_or_default(), places, faults, is_empty }
    }

    /// Takes one event that belongs to a document.
    fn node(&mut self, used: &mut Used, event: Event<'_>, at: At) -> Result<(), Diagnostic> {
        let (anchor, tag) = match &event {
            Event::SequenceEnd | Event::MappingEnd => {
                self.close(used);
                return Ok(());
            }
            Event::Scalar(_, _, anchor, tag) => (*anchor, tag.as_deref()),
            Event::SequenceStart(anchor, tag) | Event::MappingStart(anchor, tag) => (*anchor, tag.as_deref()),
            _ => (0, None),
        };
        // The end of a list or mapping is kept by the second reader, too, and its place in memory is a large one.
        used.nodes += if matches!(event, Event::Scalar(..) | Event::Alias(..)) { 1 } else { 2 };
        if used.nodes > NODES_MAX {
            return Err(too_many(self.places.file(), at));
        }
        let is_key = self.begin(used, at);
        if anchor != 0 {
            self.fault(used, at, "anchors (`&name`) are not supported", WRITE_OUT);
        }
        if let Some(tag) = tag {
            let message = format!("tags are not supported, got {}", shown(tag));
            self.fault(used, at, message, "leave the tag out; quote the value to make it a string");
        }
        match event {
            Event::Scalar(text, style, ..) if is_key => {
                self.set_key(used, at, text.clone().into_owned());
                self.check_key(used, at, &text, style);
            }
            Event::Scalar(text, style, ..) => {
                let is_bare = text.is_empty() && style == ScalarStyle::Plain;
                self.is_empty = is_bare && self.frames.is_empty() && self.faults.is_empty();
                let value = self.scalar(used, at, &text, style);
                self.put(value);
            }
            Event::SequenceStart(..) => self.open(Shape::List(Vec::new()), is_key, at)?,
            Event::MappingStart(..) => {
                self.open(Shape::Map { members: Members::new(), key: None }, is_key, at)?
            }
            // An alias. What it stands for is not looked up, which is what makes alias bombs harmless.
            _ => {
                self.fault(used, at, "aliases (`*name`) are not supported", WRITE_OUT);
                if is_key { self.set_key(used, at, "*".to_owned()) } else { self.put(Value::Null) }
            }
        }
        Ok(())
    }

    /// Sets the path of the node that begins here; true if it is a key.
    fn begin(&mut self, used: &mut Used, (line, column): At) -> bool {
        if let Some(frame) = self.frames.last() {
            match &frame.shape {
                Shape::Map { key: None, .. } => {
                    self.path.truncate(frame.base);
                    return true;
                }
                Shape::Map { .. } => {}
                Shape::List(items) => {
                    self.path.truncate(frame.base);
                    self.path.push_str(&format!("[{}]", items.len()));
                }
            }
        }
        if used.takes_path(&self.path) {
            self.places.insert_value(&self.path, line, column);
        }
        false
    }

    fn open(&mut self, shape: Shape, is_key: bool, at: At) -> Result<(), Diagnostic> {
        if self.frames.len() == NESTING_MAX {
            return Err(self.refusal(at, too_deep()).hint(DEEP));
        }
        self.frames.push(Frame { base: self.path.len(), shape, key_at: is_key.then_some(at) });
        Ok(())
    }

    fn close(&mut self, used: &mut Used) {
        let Some(frame) = self.frames.pop() else { return };
        self.path.truncate(frame.base);
        if let Some(at) = frame.key_at {
            self.set_key(used, at, "?".to_owned());
            return self.fault(used, at, "a key must be a string, got a list or mapping", "write a word");
        }
        self.put(match frame.shape {
            Shape::List(items) => Value::Array(items),
            Shape::Map { members, .. } => Value::Object(members),
        });
    }

    /// Puts a finished value where it belongs.
    fn put(&mut self, value: Value) {
        match self.frames.last_mut().map(|frame| &mut frame.shape) {
            None => self.root = Some(value),
            Some(Shape::List(items)) => items.push(value),
            Some(Shape::Map { members, key }) => {
                if let Some(key) = key.take() {
                    members.insert(key, value);
                }
            }
        }
    }

    fn check_key(&mut self, used: &mut Used, at: At, text: &str, style: ScalarStyle) {
        if style != ScalarStyle::Plain {
            return;
        }
        let hint = format!("quote it: {}", serde_json::Value::from(text));
        match meaning(text) {
            Meaning::Text if text == "<<" => {
                self.fault(used, at, "merge keys (`<<`) are not supported", WRITE_OUT);
            }
            Meaning::Text => {}
            Meaning::Value(Value::Null) => {
                self.fault(used, at, format!("a key must be a string, got {}", empty_or(text)), hint);
            }
            _ => self.fault(used, at, format!("a key must be a string, got {}", quoted(text)), hint),
        }
    }

    /// Takes the key of the next value, and with it the path.
    fn set_key(&mut self, used: &mut Used, at: At, name: String) {
        let Some(frame) = self.frames.last_mut() else { return };
        let Shape::Map { members, key } = &mut frame.shape else { return };
        self.path.truncate(frame.base);
        if frame.base > 0 {
            self.path.push('.');
        }
        self.path.push_str(&name);
        let is_second = members.contains_key(&name);
        let message = is_second.then(|| format!("the key {} is given twice", quoted(&name)));
        *key = Some(name);
        if let Some(message) = message {
            let first = self.places.key(&self.path).line;
            self.fault(used, at, message, format!("the first one is on line {first}; keep one of them"));
        } else if used.takes_path(&self.path) {
            self.places.insert_key(&self.path, at.0, at.1);
        }
    }

    fn scalar(&mut self, used: &mut Used, at: At, text: &str, style: ScalarStyle) -> Value {
        if style != ScalarStyle::Plain {
            return Value::String(text.to_owned());
        }
        match meaning(text) {
            Meaning::Text => return Value::String(text.to_owned()),
            Meaning::Value(value) => return value,
            Meaning::NotFinite => {
                self.fault(
                    used,
                    at,
                    format!("expected a finite number, got {}", quoted(text)),
                    "quote it to make it a string",
                );
            }
            Meaning::TooLarge => {
                let message = format!("expected a whole number of at most 64 bits, got {}", quoted(text));
                self.fault(used, at, message, "a smaller one, or in quotes if it is text");
            }
        }
        Value::Null
    }

    /// Notes a fault of this document at the current path.
    fn fault(&mut self, used: &mut Used, at: At, message: impl Into<String>, hint: impl Into<String>) {
        // The first fault is always kept: a document without faults counts as good.
        if used.takes_fault() || self.faults.is_empty() {
            let fault = Diagnostic::error(self.here(at), self.path.clone(), message);
            self.faults.push(fault.hint(hint));
        }
    }

    fn refusal(&self, at: At, message: String) -> Diagnostic {
        Diagnostic::error(self.here(at), "", message)
    }

    fn here(&self, (line, column): At) -> Place {
        Place { file: self.places.file().to_owned(), line, column }
    }
}

/// The limit that keeps a file from taking more memory than it may.
fn too_many(file: &str, (line, column): At) -> Diagnostic {
    let message = format!(
        "too many keys and values in one file: expected at most {NODES_MAX}, with lists and mappings counted twice"
    );
    at(file, line, column, message).hint("split the file")
}

const DEEP: &str = "AWS's members nest some ten deep: a closing bracket may be missing";

/// Where a reader of YAML stops is seldom where the fault is.
pub(super) const TORN: &str =
    "a quote, a bracket, a colon or a space is missing or too much, here or further up";

const WRITE_OUT: &str = "write the value out, or use a variable: ${NAME}";

fn too_deep() -> String {
    format!("nested too deeply: expected at most {NESTING_MAX} levels")
}

fn empty_or(text: &str) -> String {
    if text.is_empty() { "nothing".to_owned() } else { quoted(text) }
}

fn syntax_error(file: &str, text: &str, error: &ScanError) -> Diagnostic {
    let (mut line, mut column) = from_1(error.marker());
    let last = lines(text).count().max(1);
    if line > last {
        // The end of the file, which no snippet could show.
        (line, column) = (last, lines(text).last().unwrap_or_default().chars().count() + 1);
    }
    // The scanner looks up to 1,024 characters ahead for a `:` and stops itself at 255 levels.
    if error.info().contains("recursion limit") {
        return at(file, line, column, too_deep()).hint(DEEP);
    }
    let diagnostic = at(file, line, column, format!("not valid YAML: {}", error.info()));
    let line = lines(text).nth(line - 1).unwrap_or_default();
    let indent = &line[..line.len() - line.trim_start().len()];
    if indent.contains('\t') {
        diagnostic.hint("indent with spaces, not tabs")
    } else if error.info().contains("Unicode character escape") {
        // JSON writes characters beyond 16 bits as two escapes, which YAML does not join.
        diagnostic.hint("write the character itself, in UTF-8")
    } else if line.contains("${") {
        diagnostic.hint("between `{ }` and `[ ]` a value with `${…}` must stand in quotes")
    } else {
        diagnostic.hint(TORN)
    }
}

fn shown(tag: &Tag) -> String {
    let handle = if tag.is_yaml_core_schema() { "!!" } else { tag.handle.as_str() };
    quoted(&format!("{handle}{}", tag.suffix))
}
