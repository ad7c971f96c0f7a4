//! In whose account this process works: pinned at the start, asked again whenever the credentials were renewed.
//!
//! The invariant: no write leaves while that is not known, or is another account. Reads may; what they show of another
//! account's resources is not acted upon.

use std::time::Duration;

use hatoba_core::{Cause, Key, Outcome};
use hatoba_kinds::{CallError, Interest};
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use crate::engine::Engine;
use crate::inventory::Place;
use crate::memory::Phase;
use crate::permit::{account_changed, account_unknown};
use crate::queue::Priority;
use crate::schedule::Next;

/// One refusal of STS answers all who ask at about the same time.
const REFUSAL_LASTS: Duration = Duration::from_secs(5);

/// Credentials are renewed hourly: once in the middle of a list, not twice.
const LISTS_MAX: usize = 3;

/// When STS refused to tell, last; whoever holds this asks.
pub(crate) type Asking = tokio::sync::Mutex<Option<(Instant, Cause)>>;

impl Engine {
    /// Nothing is read or written before it is known in whose account.
    pub(crate) async fn pin_account(&self, stop: &CancellationToken) -> Option<()> {
        let mut backoff = crate::backoff::Backoff::new();
        loop {
            let asked = tokio::select! {
                biased;
                () = stop.cancelled() => return None,
                asked = self.aws.account() => asked,
            };
            match asked {
                Ok(account) => {
                    self.aws.pin_account(&account);
                    self.permit.told(&account, &account);
                    tracing::info!(
                        account,
                        region = self.aws.region(),
                        owner = self.options.owner,
                        "works in this account"
                    );
                    self.state().account = Some(account);
                    self.published.send_modify(|count| *count += 1);
                    return Some(());
                }
                Err(error) => {
                    tracing::error!(%error, "cannot tell the AWS account; nothing is done until STS answers");
                    let delay = backoff.next(&mut self.state().dice);
                    tokio::select! {
                        biased;
                        () = stop.cancelled() => return None,
                        () = sleep(delay) => {}
                    }
                }
            }
        }
    }

    /// Whether a write may begin; where the credentials were renewed, STS is asked whose they are.
    ///
    /// # Errors
    /// Why it may not.
    pub(crate) async fn may_write(&self) -> Result<(), Cause> {
        if self.permit.leads() && self.permit.is_unasked() {
            self.ask_whose().await?;
        }
        self.permit.may_write()
    }

    /// Asks STS again in whose account this works, if that is in doubt.
    pub(crate) async fn ask_again(&self) {
        if self.permit.is_unasked() || self.permit.wrong_account().is_some() {
            let _ = self.ask_whose().await; // no answer: whoever is about to write asks again
        }
    }

    /// Lists a scope unless a list begun at or after `not_before` is there. Where the credentials were renewed meanwhile
    /// it is asked whose they are, and listed again: what another account holds is nothing of ours.
    pub(crate) async fn list(&self, place: &Place, not_before: Option<Instant>, interest: &Interest) {
        for _ in 0..LISTS_MAX {
            let listed = self.inventory.ensure(place, not_before, interest).await;
            if listed.is_ok() || self.ask_whose().await.is_err() || self.permit.wrong_account().is_some() {
                return;
            }
        }
    }

    async fn ask_whose(&self) -> Result<(), Cause> {
        let Some(pinned) = self.state().account.clone() else {
            return Err(account_unknown("AWS has not said yet in whose account this works"));
        };
        let mut refused = self.asking.lock().await;
        if self.permit.may_write().is_ok() {
            return Ok(()); // somebody else has asked meanwhile
        }
        if let Some((at, cause)) = refused.as_ref()
            && at.elapsed() < REFUSAL_LASTS
        {
            return Err(cause.clone());
        }
        match self.aws.account().await {
            Ok(account) => {
                *refused = None;
                if self.permit.told(&account, &pinned) {
                    self.note_account(&account, &pinned);
                }
                Ok(())
            }
            Err(error) => {
                let cause = unknown(&error);
                tracing::warn!(%error, "cannot tell whose account the renewed credentials are of; nothing is written");
                *refused = Some((Instant::now(), cause.clone()));
                Err(cause)
            }
        }
    }

    /// The account is another one, or the right one again: everything is looked at.
    fn note_account(&self, account: &str, pinned: &str) {
        let key = Key::new("Account", pinned);
        if account == pinned {
            tracing::info!(account, "the credentials are of the pinned account again; writes go on");
            self.tell(&key, "AccountIsBack", account, "the credentials are of the pinned account again");
        } else {
            tracing::error!(account, pinned, "the credentials are of another account; nothing is written");
            self.tell(&key, "AccountChanged", account, &account_changed(account).message);
        }
        self.look_at_everything();
    }

    /// What is seen in another account is nobody's: every document says so.
    pub(crate) fn in_another_account(&self, key: &Key) -> Option<Next> {
        let account = self.permit.wrong_account()?;
        if let Some(desired) = self.desired(key) {
            self.publish(&desired, Outcome::unknown(account_changed(&account)));
        }
        self.memory(key, |memory| memory.phase = Phase::Settled);
        Some(Next::Rest)
    }

    /// Everything that was seen is too old: all documents are looked at, now, and what failed is tried again.
    pub(crate) fn look_at_everything(&self) {
        let now = Instant::now();
        let mut state = self.state();
        let checked = state.checked.clone();
        let gone: Vec<Key> = state.vanished.keys().cloned().collect();
        for key in checked.desired.keys().chain(checked.held.keys()).chain(&gone) {
            let memory = state.memory.entry(key.clone()).or_default();
            memory.not_before = Some(now);
            memory.failure = None;
            memory.polls = 0;
            memory.backoff.reset();
            memory.phase = Phase::Moving;
            state.queue.add(key.clone(), Priority::Repair, now);
        }
        drop(state);
        self.resync_now.notify_one();
        self.wake();
    }
}

fn unknown(error: &CallError) -> Cause {
    account_unknown(&format!("STS does not say whose account the credentials are of ({error})"))
}
