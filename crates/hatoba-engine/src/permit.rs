//! Whether this process may write now: it leads, and its credentials are of the account that was pinned.
//!
//! The invariant: the answer is asked for at the last moment, when a request is signed and about to leave. All that is
//! asked earlier saves work.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hatoba_core::Cause;
use hatoba_kinds::{CallError, Gate, Operation, Signed};
use serde::Serialize;
use tokio::time::Instant;

use crate::budget::Budget;

/// Keys that are known to be the pinned account's: credentials are renewed hourly, and requests overlap.
const KEYS_MAX: usize = 8;

/// Whether this process leads, among those that share a source and an owner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Leadership {
    /// Nobody is asked: the lease is switched off, or there is none.
    Unasked,
    /// It leads; a write may begin until then (`None`: for as long as it lives).
    Leads(Option<Instant>),
    /// The lease is out of reach, and why: it writes as if there were none, until then unless something is heard.
    WithoutLease(Instant, String),
    /// Another one leads, as far as is known.
    StandsBy(Option<Leader>),
}

/// The process that leads, for people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Leader {
    /// The owner that it works for.
    pub owner: String,
    /// Its machine.
    pub host: String,
    /// Its process id.
    pub pid: u32,
    /// Since when, by its own clock.
    pub since: jiff::Timestamp,
}

impl std::fmt::Display for Leader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "process {} on {} leads since {}", self.pid, self.host, self.since)
    }
}

/// What bears on whether this process may write.
pub(crate) struct Permit {
    region: String,
    state: Mutex<State>,
}

struct State {
    leadership: Leadership,
    /// Since when it has led without a gap, in this account: what was seen earlier may be otherwise now.
    leads_since: Instant,
    /// The key of the newest request, and that of the newest question whose it is.
    key: Option<String>,
    asked_with: Option<String>,
    /// Requests that left with a key of which nobody knew that it is the pinned account's.
    strange: u64,
    /// Keys of the pinned account.
    good: VecDeque<String>,
    /// A key of another account, and that account.
    wrong: Option<(String, String)>,
}

/// What a change of the leadership comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    None,
    TakesOver,
    StandsBy,
}

impl Permit {
    /// One of a process that asks nobody and does not know its account yet.
    pub(crate) fn new(region: &str) -> Permit {
        let state = State {
            leadership: Leadership::Unasked,
            leads_since: Instant::now(),
            key: None,
            asked_with: None,
            strange: 0,
            good: VecDeque::new(),
            wrong: None,
        };
        Permit { region: region.to_owned(), state: Mutex::new(state) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn set(&self, leadership: Leadership) -> Turn {
        let now = Instant::now();
        let mut state = self.state();
        let (led, leads) = (state.leadership.leads(now), leadership.leads(now));
        state.leadership = leadership;
        match (led, leads) {
            (false, true) => {
                state.leads_since = now;
                Turn::TakesOver
            }
            (true, false) => Turn::StandsBy,
            _ => Turn::None,
        }
    }

    pub(crate) fn leadership(&self) -> Leadership {
        self.state().leadership.clone()
    }

    /// Whether this process writes, or waits for one that is known to.
    pub(crate) fn is_settled(&self) -> bool {
        let state = self.state();
        matches!(state.leadership, Leadership::StandsBy(Some(_))) || state.leadership.leads(Instant::now())
    }

    pub(crate) fn leads(&self) -> bool {
        self.state().leadership.leads(Instant::now())
    }

    /// Lists begun earlier than this may be from before another leader's writes.
    pub(crate) fn leads_since(&self) -> Instant {
        self.state().leads_since
    }

    /// Whether a write may begin.
    ///
    /// # Errors
    /// Why not.
    pub(crate) fn may_write(&self) -> Result<(), Cause> {
        let state = self.state();
        state.leadership.may_write(Instant::now())?;
        state.is_known(state.key.as_deref())
    }

    /// The account of the newest key, if it is another than the pinned one.
    pub(crate) fn wrong_account(&self) -> Option<String> {
        let state = self.state();
        let wrong = state.wrong.as_ref().filter(|(key, _)| state.key.as_ref() == Some(key));
        wrong.map(|(_, account)| account.clone())
    }

    /// Whether nobody has asked yet whose the newest key is.
    pub(crate) fn is_unasked(&self) -> bool {
        let state = self.state();
        state.wrong.is_none() && state.is_known(state.key.as_deref()).is_err()
    }

    /// What AWS says to a question, if all of it was asked with keys of which is known that they are the pinned account's.
    /// `what` was done meanwhile, for people.
    ///
    /// # Errors
    /// Nobody knows whose account answered.
    pub(crate) async fn in_our_account<T>(
        &self,
        what: &str,
        question: impl Future<Output = T>,
    ) -> Result<T, Cause> {
        let strange = self.state().strange;
        let answer = question.await;
        match self.state().strange == strange {
            true => Ok(answer),
            false => Err(account_unknown(&format!("the credentials were renewed while it was {what}"))),
        }
    }

    /// STS has told in whose account the question was asked; `true`: that is news.
    pub(crate) fn told(&self, account: &str, pinned: &str) -> bool {
        let mut state = self.state();
        let key = state.asked_with.clone().unwrap_or_default();
        state.key = Some(key.clone());
        let before = state.wrong.take();
        if account == pinned {
            state.good.retain(|good| *good != key);
            state.good.push_front(key);
            state.good.truncate(KEYS_MAX);
            if before.is_some() {
                state.leads_since = Instant::now(); // what was seen meanwhile is another account's
            }
            return before.is_some();
        }
        state.good.retain(|good| *good != key);
        state.wrong = Some((key, account.to_owned()));
        before.is_none_or(|(_, before)| before != account)
    }
}

impl Leadership {
    fn leads(&self, now: Instant) -> bool {
        self.may_write(now).is_ok()
    }

    fn may_write(&self, now: Instant) -> Result<(), Cause> {
        let message = match self {
            Leadership::Unasked | Leadership::Leads(None) => return Ok(()),
            Leadership::Leads(Some(until)) if now < *until => return Ok(()),
            Leadership::WithoutLease(until, _) if now < *until => return Ok(()),
            Leadership::WithoutLease(..) => "it has not been settled lately who leads".to_owned(),
            Leadership::Leads(Some(_)) => "the lease could not be renewed in time".to_owned(),
            Leadership::StandsBy(Some(leader)) => leader.to_string(),
            Leadership::StandsBy(None) => "nobody is known to lead yet".to_owned(),
        };
        Err(Cause::new("StandBy", format!("this process stands by: {message}")))
    }
}

impl State {
    fn is_known(&self, key: Option<&str>) -> Result<(), Cause> {
        let key = key.unwrap_or_default();
        if self.good.iter().any(|good| good == key) {
            return Ok(());
        }
        match self.wrong.as_ref().filter(|(wrong, _)| wrong == key) {
            Some((_, account)) => Err(account_changed(account)),
            None => Err(account_unknown("AWS has not said yet whose account the credentials are of")),
        }
    }
}

pub(crate) fn lease_unreachable(why: &str) -> Cause {
    let message = format!(
        "nobody can say who leads, and this process goes on without the lease; others may, too: {why}"
    );
    Cause::new("LeaseUnreachable", message)
}

pub(crate) fn account_changed(account: &str) -> Cause {
    let message = format!("the credentials are of account {account} now: nothing is written");
    Cause::new("AccountChanged", message)
}

pub(crate) fn account_unknown(why: &str) -> Cause {
    Cause::new("AccountUnknown", format!("{why}: nothing is written meanwhile"))
}

/// Paces every call, and has the last word on whether it leaves.
pub(crate) struct Way {
    pub(crate) budget: Arc<Budget>,
    pub(crate) permit: Arc<Permit>,
}

impl Gate for Way {
    fn admit<'a>(&'a self, operation: &'a Operation) -> Pin<Box<dyn Future<Output = ()> + Send + 'a>> {
        self.budget.admit(operation)
    }

    fn record(&self, operation: &Operation, result: Result<(), &CallError>) {
        self.budget.record(operation, result);
    }

    fn leaves(&self, request: &Signed<'_>) -> Result<(), Cause> {
        let mut state = self.permit.state();
        if request.operation == "GetCallerIdentity" {
            state.asked_with = Some(request.key.to_owned());
            return Ok(());
        }
        if state.key.as_deref() != Some(request.key) {
            state.key = Some(request.key.to_owned());
        }
        let known = state.is_known(Some(request.key));
        // Who never asked, to plan or to import, works in whatever account it is.
        let has_asked = !state.good.is_empty() || state.wrong.is_some();
        state.strange += u64::from(known.is_err() && has_asked);
        if !request.is_write {
            return Ok(());
        }
        if request.region != self.permit.region {
            let message =
                format!("it is signed for region {}, expected {}", request.region, self.permit.region);
            return Err(Cause::new("RegionChanged", message));
        }
        state.leadership.may_write(Instant::now())?;
        known
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::metrics::Metrics;

    fn way() -> Way {
        let budget = Arc::new(Budget::new(1.0, Arc::new(Metrics::new(1))));
        Way { budget, permit: Arc::new(Permit::new("us-east-1")) }
    }

    fn asks(way: &Way, key: &str, account: &str) -> bool {
        let question = Signed { operation: "GetCallerIdentity", is_write: false, key, region: "" };
        way.leaves(&question).unwrap();
        way.permit.told(account, "1")
    }

    fn write(way: &Way, key: &str, region: &str) -> Result<(), &'static str> {
        let request = Signed { operation: "CreateApi", is_write: true, key, region };
        let known =
            ["StandBy", "AccountChanged", "AccountUnknown", "RegionChanged"].map(|reason| (reason, reason));
        way.leaves(&request).map_err(|cause| {
            known
                .iter()
                .find(|(reason, _)| *reason == cause.reason.as_str())
                .map_or("?", |(reason, _)| *reason)
        })
    }

    #[tokio::test(start_paused = true)]
    async fn a_write_leaves_only_with_a_key_of_the_pinned_account() {
        let way = way();
        assert_eq!(write(&way, "a", "us-east-1"), Err("AccountUnknown"), "nobody has asked yet");
        assert!(!asks(&way, "a", "1"));
        assert_eq!(write(&way, "a", "us-east-1"), Ok(()));
        assert_eq!(write(&way, "a", "us-west-2"), Err("RegionChanged"));
        assert_eq!(write(&way, "b", "us-east-1"), Err("AccountUnknown"), "renewed, and not asked about");
        assert!(way.permit.is_unasked());
        assert!(!asks(&way, "b", "1"), "no news: the same account");
        assert_eq!(write(&way, "b", "us-east-1"), Ok(()));
        assert_eq!(write(&way, "a", "us-east-1"), Ok(()), "an older key of the same account");
        assert!(asks(&way, "c", "2"), "another account");
        assert_eq!(write(&way, "c", "us-east-1"), Err("AccountChanged"));
        assert_eq!(way.permit.wrong_account().as_deref(), Some("2"));
        assert!(asks(&way, "d", "1"), "back again");
        assert_eq!(way.permit.may_write(), Ok(()));
    }

    #[tokio::test(start_paused = true)]
    async fn the_right_to_write_ends_by_itself_and_who_gets_it_back_takes_over() {
        let way = way();
        asks(&way, "a", "1");
        let second = Duration::from_secs(1);
        assert_eq!(way.permit.set(Leadership::StandsBy(None)), Turn::StandsBy);
        assert_eq!(write(&way, "a", "us-east-1"), Err("StandBy"));
        assert_eq!(way.permit.set(Leadership::Leads(Some(Instant::now() + second))), Turn::TakesOver);
        let began = way.permit.leads_since();
        assert_eq!(write(&way, "a", "us-east-1"), Ok(()));
        assert_eq!(way.permit.set(Leadership::Leads(Some(Instant::now() + second * 2))), Turn::None);
        assert_eq!(way.permit.leads_since(), began);
        tokio::time::advance(second * 2).await;
        assert_eq!(write(&way, "a", "us-east-1"), Err("StandBy"), "nobody said so; its time is over");
        assert_eq!(way.permit.set(Leadership::Leads(Some(Instant::now() + second))), Turn::TakesOver);
        assert!(way.permit.leads_since() > began, "what was seen before the gap counts no more");
    }
}
