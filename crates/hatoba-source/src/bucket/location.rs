//! Where in S3: a bucket and a prefix.

use std::fmt;
use std::str::FromStr;

use hatoba_core::owner_is_legal;

/// What begins every place in S3, and no folder.
const SCHEME: &str = "s3://";
/// The first segment of every place for status documents; S3 lists it beside the source, never within.
const STATUS_SEGMENT: &str = ".hatoba";
/// A key has at most 1,024 bytes; the rest is for the names below.
const PREFIX_BYTES_MAX: usize = 512;

/// A place in S3: a bucket, and a prefix without slashes at its ends.
///
/// ```
/// use hatoba_source::Location;
///
/// let location: Location = "s3://documents/prod/web/".parse()?;
/// assert_eq!(location.to_string(), "s3://documents/prod/web");
/// assert_eq!(location.default_owner().as_deref(), Some("documents/prod/web"));
/// assert_eq!(location.status_place().to_string(), "s3://documents/.hatoba/prod/web");
/// # Ok::<(), hatoba_source::LocationError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Location {
    bucket: String,
    prefix: String,
}

/// Why a text names no place in S3.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LocationError {
    /// It is no `s3://` address.
    #[error("expected s3://bucket/prefix, got `{0}`")]
    NotS3(String),
    /// The bucket's name is not one that S3 takes.
    #[error(
        "expected the name of a bucket (3 to 63 lower-case letters, digits, `.` and `-`) after s3://, got `{0}`"
    )]
    BucketName(String),
    /// A whole bucket.
    #[error(
        "expected a prefix after the bucket's name, got s3://{0}: status documents lie beside the source in the \
         same bucket, so it cannot be the whole bucket; for example s3://{0}/documents"
    )]
    NoPrefix(String),
    /// The prefix has something in it that no prefix needs.
    #[error("the prefix `{prefix}` of bucket {bucket} {what}")]
    Prefix {
        /// The bucket.
        bucket: String,
        /// The prefix, escaped.
        prefix: String,
        /// What is wrong with it.
        what: &'static str,
    },
}

impl Location {
    /// What begins the key of every status document that lies beside its source.
    pub const STATUS_START: &str = ".hatoba/";

    /// Whether a text means a place in S3, rather than a folder.
    pub fn is_meant(text: &str) -> bool {
        text.starts_with(SCHEME)
    }

    /// The bucket's name.
    pub fn bucket(&self) -> &str {
        &self.bucket
    }

    /// The prefix, without slashes at its ends; never empty.
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// The key of something below this place.
    pub fn key(&self, name: &str) -> String {
        format!("{}/{name}", self.prefix)
    }

    /// What begins every key below this place.
    pub fn start(&self) -> String {
        format!("{}/", self.prefix)
    }

    /// Where the status documents and the lease of this source lie: in the same bucket, outside the source.
    pub fn status_place(&self) -> Location {
        Location { bucket: self.bucket.clone(), prefix: format!("{STATUS_SEGMENT}/{}", self.prefix) }
    }

    /// Whether it begins as the places of status documents do, and so cannot be a source.
    pub fn is_for_status(&self) -> bool {
        self.prefix.starts_with(STATUS_SEGMENT)
    }

    /// `<bucket>/<prefix>`, if that can be an owner's name.
    pub fn default_owner(&self) -> Option<String> {
        let owner = format!("{}/{}", self.bucket, self.prefix);
        owner_is_legal(&owner).then_some(owner)
    }

    /// Whether one of two places lies within the other, or they are the same.
    pub fn overlaps(&self, other: &Location) -> bool {
        let (ours, theirs) = (self.start(), other.start());
        self.bucket == other.bucket && (ours.starts_with(&theirs) || theirs.starts_with(&ours))
    }
}

impl FromStr for Location {
    type Err = LocationError;

    fn from_str(text: &str) -> Result<Location, LocationError> {
        let rest = text.strip_prefix(SCHEME).ok_or_else(|| LocationError::NotS3(shown(text)))?;
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        if !is_bucket_name(bucket) {
            return Err(LocationError::BucketName(shown(bucket)));
        }
        let prefix = prefix.trim_matches('/');
        if prefix.is_empty() {
            return Err(LocationError::NoPrefix(bucket.to_owned()));
        }
        let wrong = |what| LocationError::Prefix { bucket: bucket.to_owned(), prefix: shown(prefix), what };
        if prefix.len() > PREFIX_BYTES_MAX {
            return Err(wrong("is longer than 512 bytes"));
        }
        if prefix.contains(char::is_control) {
            return Err(wrong("has control characters in it"));
        }
        if prefix.split('/').any(|segment| matches!(segment, "" | "." | "..")) {
            return Err(wrong("has an empty segment, `.` or `..` in it: S3 would take it by the letter"));
        }
        Ok(Location { bucket: bucket.to_owned(), prefix: prefix.to_owned() })
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{SCHEME}{}/{}", self.bucket, self.prefix)
    }
}

/// As S3 has it for general-purpose buckets.
fn is_bucket_name(name: &str) -> bool {
    let legal = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '.' || c == '-';
    let ends_well = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
    (3..=63).contains(&name.len())
        && name.chars().all(legal)
        && ends_well(name.chars().next())
        && ends_well(name.chars().last())
        && !name.contains("..")
}

/// A text from a command line, short and on one line.
fn shown(text: &str) -> String {
    text.chars().take(100).flat_map(char::escape_debug).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> String {
        text.parse::<Location>().unwrap_err().to_string()
    }

    #[test]
    fn a_prefix_is_demanded_and_normalised() {
        for text in ["s3://docs/prod/web", "s3://docs/prod/web/", "s3://docs//prod/web//"] {
            let location: Location = text.parse().unwrap();
            assert_eq!((location.bucket(), location.prefix()), ("docs", "prod/web"), "{text}");
        }
        for text in ["s3://docs", "s3://docs/", "s3://docs//"] {
            assert!(refused(text).contains("for example s3://docs/documents"), "{text}");
        }
    }

    #[test]
    fn what_is_no_place_is_refused_with_what_was_expected() {
        assert!(refused("docs/prod").contains("expected s3://bucket/prefix"));
        for bucket in
            ["", "ab", "Docs", "-docs", "docs-", "do..cs", "do cs", "arn:aws:s3:::x", &"a".repeat(64)]
        {
            assert!(refused(&format!("s3://{bucket}/x")).contains("the name of a bucket"), "{bucket}");
        }
        assert!(refused("s3://docs/a//b").contains("empty segment"));
        assert!(refused("s3://docs/a/../b").contains("`..`"));
        assert!(refused("s3://docs/a\nb").contains("control characters"));
        assert!(refused(&format!("s3://docs/{}", "a".repeat(513))).contains("512"));
    }

    #[test]
    fn the_owner_is_the_place_where_that_is_legal() {
        let owner = |text: &str| text.parse::<Location>().unwrap().default_owner();
        assert_eq!(owner("s3://docs/prod/web").as_deref(), Some("docs/prod/web"));
        assert_eq!(owner("s3://docs/prod web"), None);
        assert_eq!(owner(&format!("s3://docs/{}", "a".repeat(300))), None);
    }

    #[test]
    fn statuses_lie_beside_the_source() {
        let place = |text: &str| text.parse::<Location>().unwrap();
        let source = place("s3://docs/prod");
        assert_eq!(source.status_place(), place("s3://docs/.hatoba/prod"));
        assert!(source.status_place().is_for_status() && !source.is_for_status());
        assert!(
            place("s3://docs/.hatoba-x/prod").is_for_status()
                && !place("s3://docs/x/.hatoba").is_for_status()
        );
        assert!(!source.overlaps(&source.status_place()));
        assert!(
            !source.overlaps(&place("s3://docs/production")) && !source.overlaps(&place("s3://other/prod"))
        );
        for other in ["s3://docs/prod", "s3://docs/prod/statuses"] {
            assert!(source.overlaps(&place(other)) && place(other).overlaps(&source), "{other}");
        }
    }
}
