//! Who a document is: its kind and its name.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Identity of a document: `(kind, name)`, written `Kind/name`.
///
/// Names are DNS-1123 subdomains: at most 253 characters of `a-z`, `0-9`, `-` and `.`, beginning and
/// ending with a letter or digit. `FromStr` checks the name; the kind is only known to the registry.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Key {
    /// The kind as documents write it, for example `VpcLink`.
    pub kind: String,
    /// `metadata.name`.
    pub name: String,
}

impl Key {
    /// A key from its two parts, unchecked.
    pub fn new(kind: impl Into<String>, name: impl Into<String>) -> Self {
        Key { kind: kind.into(), name: name.into() }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.kind, self.name)
    }
}

impl From<Key> for String {
    fn from(key: Key) -> String {
        key.to_string()
    }
}

impl TryFrom<String> for Key {
    type Error = KeyError;
    fn try_from(text: String) -> Result<Self, KeyError> {
        text.parse()
    }
}

impl FromStr for Key {
    type Err = KeyError;
    fn from_str(text: &str) -> Result<Self, KeyError> {
        let (kind, name) = text.split_once('/').ok_or_else(|| KeyError::Shape(text.to_owned()))?;
        let kind_is_word = !kind.is_empty() && kind.chars().all(|c| c.is_ascii_alphanumeric());
        if !kind_is_word {
            return Err(KeyError::Shape(text.to_owned()));
        }
        check_name(name)?;
        Ok(Key::new(kind, name))
    }
}

/// Why a text is no key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Not of the form `Kind/name`.
    #[error("`{0}` is not of the form Kind/name")]
    Shape(String),
    /// The name is not a DNS-1123 subdomain.
    #[error(
        "`{0}` is no legal name: expected 1 to 253 characters of a-z, 0-9, `-` and `.`, \
         beginning and ending with a letter or digit in every part"
    )]
    Name(String),
}

/// Checks that `name` is a DNS-1123 subdomain (RFC 1123 section 2.1, as Kubernetes reads it).
///
/// # Errors
/// [`KeyError::Name`] with the offending name.
pub fn check_name(name: &str) -> Result<(), KeyError> {
    let edge = |c: Option<char>| c.is_some_and(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
    let part_is_legal = |part: &str| {
        edge(part.chars().next())
            && edge(part.chars().last())
            && part.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
    };
    if name.len() <= 253 && name.split('.').all(part_is_legal) {
        Ok(())
    } else {
        Err(KeyError::Name(name.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        for good in ["a", "great-service", "private.example.com", "0", &"a".repeat(253)] {
            assert!(check_name(good).is_ok(), "{good}");
        }
        for bad in ["", "-a", "a-", "A", "a..b", "a_b", "a/b", ".a", "ü", &"a".repeat(254)] {
            assert!(check_name(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_key_survives_its_own_text() {
        let key = Key::new("VpcLink", "fine-vpc-link");
        assert_eq!(key.to_string().parse(), Ok(key));
        assert!("VpcLink".parse::<Key>().is_err());
        assert!("Vpc Link/a".parse::<Key>().is_err());
    }
}
