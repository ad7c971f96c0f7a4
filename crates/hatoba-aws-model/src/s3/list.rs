//! Lists of objects, in the order of their keys' bytes, page by page.

use super::bucket::OWNER;
use super::{Bucket, Call, S3, Version, xml};
use crate::env::Env;
use crate::failure::{Failure, Output};
use crate::render::escape;
use crate::time;

/// Entries of a page, and the page when none is asked for.
const PAGE_MAX: usize = 1000;

/// What a list is asked for, in either of its two forms.
struct Asked<'a> {
    prefix: &'a str,
    delimiter: &'a str,
    limit: usize,
    /// Only what comes after this.
    after: After,
    is_encoded: bool,
}

/// Where a page begins.
enum After {
    Start,
    Key(String),
    /// Everything below a common prefix has been shown with it.
    Prefix(String),
}

/// One line of a list.
enum Entry<'a> {
    Object(&'a str, &'a Version),
    Prefix(&'a str),
}

impl S3 {
    /// `ListObjects` and `ListObjectsV2`.
    pub(super) fn list_objects(&self, call: &Call, env: &Env<'_>) -> Result<Output, Failure> {
        let bucket = self.bucket(call, env)?;
        let is_second = call.operation == "ListObjectsV2";
        let limit = limit(call)?;
        let after = if is_second { after(call)? } else { after_marker(call) };
        let asked = Asked {
            prefix: call.query("prefix").unwrap_or_default(),
            delimiter: call.query("delimiter").unwrap_or_default(),
            limit: limit.min(env.config.page_size_max.unwrap_or(PAGE_MAX)),
            after,
            is_encoded: match call.query("encoding-type") {
                None => false,
                Some("url") => true,
                Some(_) => return Err(invalid("Invalid Encoding Method specified in Request")),
            },
        };
        let hidden = env.faults.hidden("s3", call.operation);
        let is_shown =
            |version: &Version| hidden.is_zero() || env.now.saturating_sub(version.modified) >= hidden;
        let (entries, is_truncated) = page(bucket, &asked, is_shown);
        Ok(xml::answer("ListBucketResult", &document(call, &asked, &entries, limit, is_truncated)))
    }
}

fn invalid(message: &str) -> Failure {
    Failure::client("InvalidArgument", message)
}

/// Larger pages than the largest are asked for in vain, without a word.
fn limit(call: &Call) -> Result<usize, Failure> {
    match call.query("max-keys") {
        None | Some("") => Ok(PAGE_MAX),
        Some(text) => {
            let number: i32 = text
                .parse()
                .map_err(|_| invalid("Provided max-keys not an integer or within integer range"))?;
            let limit = usize::try_from(number)
                .map_err(|_| invalid("Argument maxKeys must be an integer between 0 and 2147483647"))?;
            Ok(limit.min(PAGE_MAX))
        }
    }
}

fn after(call: &Call) -> Result<After, Failure> {
    match call.query("continuation-token") {
        Some(token) => read(token).ok_or_else(|| invalid("The continuation token provided is incorrect")),
        None => Ok(call.query("start-after").map_or(After::Start, |key| After::Key(key.to_owned()))),
    }
}

/// A marker of the first form may be a common prefix: the next marker was one.
fn after_marker(call: &Call) -> After {
    let marker = call.query("marker").unwrap_or_default();
    let delimiter = call.query("delimiter").unwrap_or_default();
    match marker {
        "" => After::Start,
        marker if !delimiter.is_empty() && marker.ends_with(delimiter) => After::Prefix(marker.to_owned()),
        marker => After::Key(marker.to_owned()),
    }
}

impl After {
    fn is_past(&self, key: &str) -> bool {
        match self {
            Self::Start => true,
            Self::Key(last) => key > last.as_str(),
            Self::Prefix(last) => key > last.as_str() && !key.starts_with(last.as_str()),
        }
    }
}

fn page<'a>(
    bucket: &'a Bucket,
    asked: &Asked<'_>,
    is_shown: impl Fn(&Version) -> bool,
) -> (Vec<Entry<'a>>, bool) {
    let mut entries: Vec<Entry<'a>> = Vec::new();
    if asked.limit == 0 {
        return (entries, false);
    }
    for (key, version) in bucket.listed() {
        let Some(rest) = key.strip_prefix(asked.prefix) else { continue };
        if !is_shown(version) || !asked.after.is_past(key) {
            continue;
        }
        let common = match rest.find(asked.delimiter) {
            Some(at) if !asked.delimiter.is_empty() => {
                key.get(..asked.prefix.len() + at + asked.delimiter.len())
            }
            _ => None,
        };
        let entry = match (common, entries.last()) {
            (Some(common), Some(Entry::Prefix(last))) if common == *last => continue,
            (Some(common), _) => Entry::Prefix(common),
            (None, _) => Entry::Object(key, version),
        };
        if entries.len() == asked.limit {
            return (entries, true);
        }
        entries.push(entry);
    }
    (entries, false)
}

fn document(
    call: &Call,
    asked: &Asked<'_>,
    entries: &[Entry<'_>],
    limit: usize,
    is_truncated: bool,
) -> String {
    let shown = |text: &str| if asked.is_encoded { encode(text) } else { escape(text) };
    let element = |name: &str, value: &str| format!("<{name}>{value}</{name}>");
    let is_second = call.operation == "ListObjectsV2";
    let mut out = element("Name", &escape(&call.bucket));
    out.push_str(&element("Prefix", &shown(asked.prefix)));
    if !asked.delimiter.is_empty() {
        out.push_str(&element("Delimiter", &shown(asked.delimiter)));
    }
    out.push_str(&element("MaxKeys", &limit.to_string()));
    if asked.is_encoded {
        out.push_str(&element("EncodingType", "url"));
    }
    out.push_str(&element("IsTruncated", if is_truncated { "true" } else { "false" }));
    let last = entries.last().filter(|_| is_truncated);
    if is_second {
        out.push_str(&element("KeyCount", &entries.len().to_string()));
        for (query, name) in [("continuation-token", "ContinuationToken"), ("start-after", "StartAfter")] {
            if let Some(value) = call.query(query) {
                out.push_str(&element(
                    name,
                    &if query == "start-after" { shown(value) } else { escape(value) },
                ));
            }
        }
        if let Some(last) = last {
            out.push_str(&element("NextContinuationToken", &token(last)));
        }
    } else {
        out.push_str(&element("Marker", &shown(call.query("marker").unwrap_or_default())));
        if let Some(last) = last.filter(|_| !asked.delimiter.is_empty()) {
            out.push_str(&element("NextMarker", &shown(last.name())));
        }
    }
    let has_owner = !is_second || call.query("fetch-owner") == Some("true");
    for entry in entries {
        out.push_str(&match entry {
            Entry::Prefix(prefix) => element("CommonPrefixes", &element("Prefix", &shown(prefix))),
            Entry::Object(key, version) => element("Contents", &contents(&shown(key), version, has_owner)),
        });
    }
    out
}

fn contents(key: &str, version: &Version, has_owner: bool) -> String {
    let owner = if has_owner { format!("<Owner><ID>{OWNER}</ID></Owner>") } else { String::new() };
    format!(
        "<Key>{key}</Key><LastModified>{}</LastModified><ETag>{}</ETag><Size>{}</Size>{owner}\
         <StorageClass>STANDARD</StorageClass>",
        time::iso_millis(version.modified),
        escape(&version.etag),
        version.bytes.len()
    )
}

impl Entry<'_> {
    fn name(&self) -> &str {
        match self {
            Entry::Object(key, _) => key,
            Entry::Prefix(prefix) => prefix,
        }
    }
}

/// A token holds the last entry, not an offset: what comes or goes between two pages shifts nothing.
fn token(last: &Entry<'_>) -> String {
    let kind = if matches!(last, Entry::Prefix(_)) { 'p' } else { 'k' };
    let hex: String = last.name().bytes().map(|byte| format!("{byte:02x}")).collect();
    format!("{kind}{hex}")
}

fn read(token: &str) -> Option<After> {
    let kind = token.chars().next()?;
    let hex = token.get(1..).filter(|hex| hex.is_ascii() && hex.len().is_multiple_of(2))?;
    let bytes: Option<Vec<u8>> =
        (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(hex.get(at..at + 2)?, 16).ok()).collect();
    let name = String::from_utf8(bytes?).ok()?;
    match kind {
        'k' => Some(After::Key(name)),
        'p' => Some(After::Prefix(name)),
        _ => None,
    }
}

/// Keys as forms have them, in lists that ask for it and in messages: a space becomes `+`, a `/` stays.
pub(super) fn encode(key: &str) -> String {
    key.bytes()
        .map(|byte| match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'*' | b'/' => {
                char::from(byte).to_string()
            }
            b' ' => "+".to_owned(),
            _ => format!("%{byte:02X}"),
        })
        .collect()
}
