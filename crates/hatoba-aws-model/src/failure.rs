//! An error answer, before it takes the form of its protocol.

use crate::object::Object;
use crate::wire::Response;
use serde_json::Value;
use std::time::Duration;

/// AWS refuses: status, code, message, and further members some errors carry.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Failure {
    pub(crate) status: u16,
    pub(crate) code: String,
    pub(crate) message: String,
    /// For S3, names in lower case are headers, and the others elements.
    pub(crate) extra: Object,
}

/// What an operation comes to: the members of its output, or a refusal.
pub(crate) type Outcome = Result<Object, Failure>;

/// What a call comes to when it is not refused.
#[derive(Debug)]
pub(crate) enum Output {
    /// Members of the output structure, to which the protocol gives a form.
    Members(Object),
    /// S3's answers: headers and bytes, whole but for the request's id.
    Whole(Response),
    /// Nothing yet: a long poll that ends at `deadline` and may have something to say at `until`.
    Wait { until: Duration, deadline: Duration },
}

impl From<Object> for Output {
    fn from(members: Object) -> Self {
        Self::Members(members)
    }
}

impl Failure {
    pub(crate) fn new(status: u16, code: &str, message: impl Into<String>) -> Self {
        Self { status, code: code.to_owned(), message: message.into(), extra: Object::new() }
    }

    /// Every modelled client error of the JSON protocols has status 400.
    pub(crate) fn client(code: &str, message: impl Into<String>) -> Self {
        Self::new(400, code, message)
    }

    pub(crate) fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.extra.insert(name.to_owned(), value.into());
        self
    }
}
