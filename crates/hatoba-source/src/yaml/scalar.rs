//! What a plain scalar means: YAML 1.2's core schema, as `serde_yaml` reads it.

use serde_json::Value;

/// What a plain (unquoted) scalar stands for.
#[derive(Debug, PartialEq)]
pub(super) enum Meaning {
    /// Null, a boolean or a number.
    Value(Value),
    /// A string.
    Text,
    /// `.inf`, `.nan`: JSON has no such numbers.
    NotFinite,
    /// A whole number beyond 64 bits, which would be rounded.
    TooLarge,
}

/// The meaning of a plain scalar. Numbers go through `serde_yaml`'s own parser, so that there is one rule.
pub(super) fn meaning(text: &str) -> Meaning {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Meaning::Value(Value::Null),
        "true" | "True" | "TRUE" => return Meaning::Value(Value::Bool(true)),
        "false" | "False" | "FALSE" => return Meaning::Value(Value::Bool(false)),
        _ => {}
    }
    let number = text.parse::<serde_yaml::Number>().ok();
    let whole =
        number.as_ref().and_then(|n| n.as_u64().map(Value::from).or_else(|| n.as_i64().map(Value::from)));
    match (whole, number.and_then(|number| number.as_f64())) {
        (Some(value), _) => Meaning::Value(value),
        _ if is_whole(text) => Meaning::TooLarge,
        (None, Some(float)) if float.is_finite() => Meaning::Value(Value::from(float)),
        (None, Some(_)) => Meaning::NotFinite,
        (None, None) => Meaning::Text,
    }
}

/// Whether the text has the form of a whole number, of whatever size.
fn is_whole(text: &str) -> bool {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (digits, radix) = match (digits.get(..2), digits.get(2..)) {
        (Some("0x"), Some(rest)) => (rest, 16),
        (Some("0o"), Some(rest)) => (rest, 8),
        (Some("0b"), Some(rest)) => (rest, 2),
        // Leading zeros make a string (an account id, for example).
        _ if digits.len() > 1 && digits.starts_with('0') => return false,
        _ => (digits, 10),
    };
    !digits.is_empty() && digits.chars().all(|digit| digit.is_digit(radix))
}

/// Longest piece of somebody's text in a message.
const QUOTED_CHARS_MAX: usize = 60;

/// Text of a document for a message: in backticks, short, on one line.
pub(crate) fn quoted(text: &str) -> String {
    let mut shown: String = text.chars().take(QUOTED_CHARS_MAX).flat_map(escaped).collect();
    if text.chars().nth(QUOTED_CHARS_MAX).is_some() {
        shown.push('…');
    }
    format!("`{shown}`")
}

/// Control characters would break the line, or the terminal.
fn escaped(character: char) -> Vec<char> {
    if character.is_control() { character.escape_default().collect() } else { vec![character] }
}
