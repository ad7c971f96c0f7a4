//! Three-valued sight: what is there, what is not there, and what we could not see.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A stable CamelCase word: the same in the condition, the metric, the log and the docs.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Reason(std::borrow::Cow<'static, str>);

impl Reason {
    /// A reason known at compile time.
    pub const fn new(word: &'static str) -> Self {
        Reason(std::borrow::Cow::Borrowed(word))
    }

    /// A reason made from an AWS error code, for example `AccessDeniedException`.
    pub fn from_code(code: &str) -> Self {
        let word: String = code.chars().filter(char::is_ascii_alphanumeric).collect();
        if word.is_empty() { Reason::new("Unknown") } else { Reason(word.into()) }
    }

    /// The word.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A reason and what a person needs to know beside it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cause {
    /// The stable word.
    pub reason: Reason,
    /// One sentence for people.
    pub message: String,
}

impl Cause {
    /// A cause from a word known at compile time.
    pub fn new(reason: &'static str, message: impl Into<String>) -> Self {
        Cause { reason: Reason::new(reason), message: message.into() }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.reason, self.message)
    }
}

/// What a look at AWS showed. **Unknown is not Absent**: it never creates and never deletes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen<T> {
    /// It is there.
    Present(T),
    /// A complete look showed that it is not there.
    Absent,
    /// The look failed, was partial, or has not happened yet.
    Unknown(Cause),
}

impl<T> Seen<T> {
    /// The thing, if it was seen.
    pub fn present(&self) -> Option<&T> {
        match self {
            Seen::Present(thing) => Some(thing),
            Seen::Absent | Seen::Unknown(_) => None,
        }
    }
}
