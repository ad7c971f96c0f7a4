//! A plan, printed: for people as text, for programs as JSON.
//!
//! ```text
//!   + VpcLink/fine-vpc-link
//!       subnetIds: ["subnet-1","subnet-2"]
//!   ~ Route/default-route  r-1a2b3c
//!       target: "integrations/a" → "integrations/b"
//!       after: Integration/to-great-service
//!
//! Plan: 1 to create, 1 to update, 0 to replace, 0 to delete; 2 calls, at least 1 s at the allowed rate
//! ```

use std::io::{self, Write};

use anstyle::{AnsiColor, Style};
use hatoba_core::{Cause, FieldDrift, Fix};
use hatoba_engine::{Impact, Plan, PlanAction, PlanEntry};
use serde_json::Value;

use crate::report::{count, cut, escaped_json, paint, visible};

/// Characters of a value that are printed: about a line; the JSON has all of it.
const VALUE_CHARS_MAX: usize = 120;

/// Characters shown before the first difference of two long values, so that one sees where one is.
const CONTEXT_CHARS: usize = 30;

/// Prints every entry that has something to tell, then the summary.
///
/// # Errors
/// What `out` says.
pub(crate) fn print(plan: &Plan, out: &mut dyn Write, colour: bool) -> io::Result<()> {
    let mut any = false;
    for entry in plan.entries.iter().filter(|entry| is_told(entry)) {
        any = true;
        print_entry(entry, out, colour)?;
    }
    if any {
        writeln!(out)?;
    }
    writeln!(out, "{}", summary(plan))
}

/// The whole plan as one JSON object.
pub(crate) fn json(plan: &Plan) -> String {
    // A plan is made of maps with string keys, strings, numbers and lists, which always serialise.
    escaped_json(&serde_json::to_string_pretty(plan).unwrap_or_default())
}

/// Entries with nothing to do are only counted, unless something is worth saying.
fn is_told(entry: &PlanEntry) -> bool {
    entry.action != PlanAction::None || !entry.notes.is_empty()
}

fn print_entry(entry: &PlanEntry, out: &mut dyn Write, colour: bool) -> io::Result<()> {
    let (symbol, style, remark) = look(entry);
    let symbol = paint(&format!("{symbol:>3}"), style, colour);
    let document = paint(&visible(&entry.document.to_string()), Style::new().bold(), colour);
    write!(out, "{symbol} {document}")?;
    if let Some(id) = &entry.id {
        write!(out, "  {}", visible(id))?;
    }
    if !remark.is_empty() {
        write!(out, "  ({remark})")?;
    }
    writeln!(out)?;
    for field in &entry.fields {
        writeln!(out, "      {}", field_line(field, entry.action))?;
    }
    if !entry.after.is_empty() {
        let after: Vec<String> = entry.after.iter().map(|key| visible(&key.to_string())).collect();
        writeln!(out, "      after: {}", after.join(", "))?;
    }
    if let Some(cause) = &entry.cause {
        writeln!(out, "      why: {}", cause_words(cause))?;
    }
    for note in &entry.notes {
        writeln!(out, "      note: {}", cause_words(note))?;
    }
    Ok(())
}

/// Symbol, colour and what to say beside the id.
fn look(entry: &PlanEntry) -> (&'static str, Style, &'static str) {
    let moves = match entry.verdict {
        Some(Impact::ConnectionChurn) => "connections move",
        _ => "",
    };
    let (symbol, colour, remark) = match entry.action {
        PlanAction::None => return (" ", Style::new(), "nothing to do"),
        PlanAction::Create => ("+", AnsiColor::Green, ""),
        PlanAction::Update => ("~", AnsiColor::Yellow, moves),
        PlanAction::Replace => match entry.verdict {
            Some(Impact::Downtime) => {
                ("-/+", AnsiColor::Red, "replaced with downtime: the old one goes first")
            }
            Some(Impact::ConnectionChurn) => {
                ("-/+", AnsiColor::Magenta, "replaced, connections move: the new one comes first")
            }
            Some(Impact::NoGap) | None => {
                ("-/+", AnsiColor::Magenta, "replaced, no gap: the new one comes first")
            }
        },
        PlanAction::Delete => ("-", AnsiColor::Red, ""),
        PlanAction::Held => ("!", AnsiColor::Red, "held"),
        PlanAction::Unknown => ("?", AnsiColor::Yellow, "unknown"),
    };
    (symbol, colour.on_default(), remark)
}

fn field_line(field: &FieldDrift, action: PlanAction) -> String {
    let path = visible(&field.path);
    if action == PlanAction::Create && field.from.is_null() {
        return format!("{path}: {}", cut(&value_words(&field.to), VALUE_CHARS_MAX));
    }
    let (from, to) = cut_pair(&value_words(&field.from), &value_words(&field.to));
    let how = match &field.fix {
        Fix::InPlace => String::new(),
        Fix::ClearedBy(operation) => format!("  (by {})", visible(operation)),
        Fix::Deployed => "  (by a new deployment)".to_owned(),
        Fix::Replace => "  (cannot be changed in place)".to_owned(),
    };
    format!("{path}: {from} → {to}{how}")
}

/// A value as compact JSON; what is known only later, `(after HttpApi/crazy-api)`, stands without quotes.
fn value_words(value: &Value) -> String {
    match value {
        Value::Null => "(not set)".to_owned(),
        Value::String(text) if text.starts_with("(after ") && text.ends_with(')') => visible(text),
        value => visible(&value.to_string()),
    }
}

/// Both values, cut; if they are long and begin alike, both begin shortly before the first difference, since two
/// equal beginnings would tell nothing.
fn cut_pair(from: &str, to: &str) -> (String, String) {
    let is_long = |text: &str| text.chars().nth(VALUE_CHARS_MAX).is_some();
    let alike = from.chars().zip(to.chars()).take_while(|(a, b)| a == b).count();
    let skipped = alike.saturating_sub(CONTEXT_CHARS);
    if skipped < 2 || !(is_long(from) || is_long(to)) {
        return (cut(from, VALUE_CHARS_MAX), cut(to, VALUE_CHARS_MAX));
    }
    let tail = |text: &str| {
        let tail: String = std::iter::once('…').chain(text.chars().skip(skipped)).collect();
        cut(&tail, VALUE_CHARS_MAX)
    };
    (tail(from), tail(to))
}

fn cause_words(cause: &Cause) -> String {
    /// As much as a few lines; a cause may quote AWS at length.
    const CAUSE_CHARS_MAX: usize = 500;
    let message = cut(&visible(&cause.message), CAUSE_CHARS_MAX);
    let reason = visible(cause.reason.as_str());
    if message.is_empty() { reason } else { format!("{message} ({reason})") }
}

/// The last line: how many of each, how many calls, how long.
pub(crate) fn summary(plan: &Plan) -> String {
    let number = |action| plan.entries.iter().filter(|entry| entry.action == action).count();
    let unchanged = number(PlanAction::None);
    if unchanged == plan.entries.len() && !plan.has_changes() {
        return "No changes: AWS is as the documents say.".to_owned();
    }
    let always = [
        (PlanAction::Create, "to create"),
        (PlanAction::Update, "to update"),
        (PlanAction::Replace, "to replace"),
        (PlanAction::Delete, "to delete"),
    ];
    let if_any = [
        (PlanAction::Held, "held"),
        (PlanAction::Unknown, "unknown"),
        (PlanAction::None, "with nothing to do"),
    ];
    let always = always.map(|(action, words)| (number(action), words)).into_iter();
    let if_any = if_any.map(|(action, words)| (number(action), words)).into_iter().filter(|(n, _)| *n > 0);
    let numbers: Vec<String> = always.chain(if_any).map(|(n, words)| format!("{n} {words}")).collect();
    let numbers = numbers.join(", ");
    if !plan.has_changes() {
        return format!("Plan: {numbers}; nothing would be written");
    }
    let calls = count(plan.writes, "call");
    format!("Plan: {numbers}; {calls}, at least {} at the allowed rate", duration(plan.seconds_at_least))
}

/// Whole seconds, rounded up: `3 s`, `2 min 5 s`.
fn duration(seconds: f64) -> String {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "`as` goes to the nearest bound, and the bounds are far from any plan"
    )]
    let seconds = seconds.ceil().max(0.0) as u64;
    match (seconds / 60, seconds % 60) {
        (0, seconds) => format!("{seconds} s"),
        (minutes, 0) => format!("{minutes} min"),
        (minutes, seconds) => format!("{minutes} min {seconds} s"),
    }
}

#[cfg(test)]
mod tests;
