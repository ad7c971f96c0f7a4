//! The rules of the security groups between a VPC link and the tasks, asked for seldom.
//!
//! The invariant: **it is optional**. One call serves all chains; where it is refused, the chains say so and are judged
//! without it.

use std::collections::BTreeSet;
use std::time::Duration;

use hatoba_core::{Cause, Network};
use hatoba_kinds::is_denial;
use tokio::time::Instant;

use crate::engine::Engine;

/// While a chain is closed, somebody may be opening it; and whoever did not answer may do so soon.
const AGAIN: Duration = Duration::from_secs(60);

/// What chains want to know.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Wanted {
    pub(crate) groups: BTreeSet<String>,
    pub(crate) subnets: BTreeSet<String>,
    /// Rules let somebody not in.
    pub(crate) is_closed: bool,
}

/// What EC2 said, and when.
#[derive(Clone, Debug)]
pub(crate) struct Said {
    at: Instant,
    groups: BTreeSet<String>,
    subnets: BTreeSet<String>,
    pub(crate) network: Result<Network, Cause>,
}

impl Said {
    /// Until when it counts. An old answer is shown until there is a new one.
    fn until(&self, wanted: &Wanted, resync: Duration) -> Instant {
        let is_denied = |cause: &Cause| is_denial(cause.reason.as_str());
        let waits = match &self.network {
            Ok(_) => wanted.is_closed,
            Err(cause) => !is_denied(cause),
        };
        self.at + if waits { AGAIN.min(resync) } else { resync }
    }

    fn answers(&self, wanted: &Wanted) -> bool {
        wanted.groups.is_subset(&self.groups) && wanted.subnets.is_subset(&self.subnets)
    }
}

impl Engine {
    /// Asks where the answer is old or does not answer what is wanted; whether there is news.
    pub(crate) async fn ask_network(&self, wanted: &Wanted) -> bool {
        if wanted.groups.is_empty() {
            return self.state().network.take().is_some();
        }
        let at = Instant::now();
        let resync = self.options.resync;
        let is_known = |said: &Said| said.answers(wanted) && said.until(wanted, resync) > at;
        if self.state().network.as_ref().is_some_and(is_known) {
            return false;
        }
        let network = self.aws.network(&wanted.groups, &wanted.subnets).await.map_err(|error| {
            let cause = error.cause();
            let denied = is_denial(cause.reason.as_str());
            let operation = error.operation;
            let message = if denied { format!("{operation} is not allowed") } else { cause.message };
            Cause { message, ..cause }
        });
        let said = Said { at, groups: wanted.groups.clone(), subnets: wanted.subnets.clone(), network };
        let mut state = self.state();
        let is_news = state.network.as_ref().is_none_or(|before| before.network != said.network);
        state.network = Some(said);
        is_news
    }

    /// When the answer gets old.
    pub(crate) fn network_until(&self, wanted: &Wanted) -> Option<Instant> {
        Some(self.state().network.as_ref()?.until(wanted, self.options.resync))
    }
}
