//! Pages of lists.

use crate::env::Env;
use crate::object::Object;
use serde_json::Value;
use std::time::Duration;

/// One entry of a list: the key gives the service's own order.
pub(crate) struct Entry {
    pub(crate) key: String,
    /// For lists that lag behind creates.
    pub(crate) created: Duration,
    pub(crate) value: Value,
}

/// What the caller asked for.
pub(crate) struct Asked<'a> {
    pub(crate) service: &'static str,
    pub(crate) operation: &'a str,
    pub(crate) limit: usize,
    pub(crate) token: Option<&'a str>,
}

/// One page, and the token of the next.
pub(crate) struct Page {
    pub(crate) values: Vec<Value>,
    pub(crate) next: Option<String>,
}

/// A token the model did not hand out.
pub(crate) struct BadToken;

/// Cuts one page out of `entries`, in the order of their keys.
///
/// The token holds the last key, not an offset: entries that come or go between two pages shift nothing.
///
/// # Errors
/// [`BadToken`] for a token that is none of the model's.
pub(crate) fn cut(mut entries: Vec<Entry>, asked: &Asked<'_>, env: &Env<'_>) -> Result<Page, BadToken> {
    let hidden = env.faults.hidden(asked.service, asked.operation);
    entries.retain(|entry| hidden.is_zero() || env.now.saturating_sub(entry.created) >= hidden);
    entries.sort_by(|a, b| a.key.cmp(&b.key));
    if let Some(token) = asked.token {
        let after = decode(token).ok_or(BadToken)?;
        entries.retain(|entry| entry.key > after);
    }
    let limit = asked.limit.min(env.config.page_size_max.unwrap_or(usize::MAX)).max(1);
    let more = entries.len() > limit;
    entries.truncate(limit);
    let next = if more { entries.last().map(|entry| encode(&entry.key)) } else { None };
    Ok(Page { values: entries.into_iter().map(|entry| entry.value).collect(), next })
}

impl Page {
    /// The page as an output structure.
    pub(crate) fn into_output(self, items: &str, token: &str) -> Object {
        let mut out = Object::new();
        out.insert(items.to_owned(), Value::Array(self.values));
        if let Some(next) = self.next {
            out.insert(token.to_owned(), Value::String(next));
        }
        out
    }
}

fn encode(key: &str) -> String {
    key.bytes().map(|byte| format!("{byte:02x}")).collect()
}

fn decode(token: &str) -> Option<String> {
    if !token.is_ascii() || !token.len().is_multiple_of(2) {
        return None;
    }
    let bytes: Option<Vec<u8>> =
        (0..token.len()).step_by(2).map(|at| u8::from_str_radix(token.get(at..at + 2)?, 16).ok()).collect();
    String::from_utf8(bytes?).ok()
}
