//! One call to AWS, and what becomes of it.

use std::time::Duration;

use hatoba_aws_model::Request;

/// One call, as it is known before anything is done with it.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    /// One more with every call.
    pub(crate) number: usize,
    pub(crate) process: usize,
    pub(crate) service: &'static str,
    pub(crate) operation: String,
    pub(crate) is_write: bool,
    /// When the process sent it.
    pub(crate) sent_at: Duration,
    pub(crate) request: Request,
}

impl Call {
    /// Whether it is to change what documents ask for, and not what lies beside them.
    pub(crate) fn changes_aws(&self) -> bool {
        self.is_write && self.service != "s3"
    }
}

/// What becomes of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    Good,
    Lost,
    Refused(u16, &'static str),
    FailsAfter,
    Hangs,
    HangsAfter,
    /// And again so much later.
    Twice(Duration),
    Stale,
    Torn,
    /// A description that fails of the one that was asked for.
    Partly,
}

/// Where the process dies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Death {
    BeforeItArrives,
    WhenItIsDone,
    WithTheAnswer,
}

/// What was decided of a call.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lot {
    pub(crate) fate: Fate,
    pub(crate) death: Option<Death>,
    pub(crate) way_in: Duration,
    pub(crate) way_out: Duration,
}
