//! What people ask of a running daemon, left beside its status documents: to look again now, to let a held set of
//! documents go. And what the daemon leaves there for them: the set that is held.
//!
//! The invariant: **nothing asked here can do more than the daemon does by itself**, but for an acknowledgement, which
//! is bound to one set of documents and to an hour. A lost request is asked again; an old one does nothing.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use hatoba_core::{Acknowledgement, Digest, Key};
use hatoba_source::{Keep, KeepError};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

use crate::engine::Engine;

const RECONCILE: &str = "requests/reconcile.json";
const ACKNOWLEDGE: &str = "requests/acknowledge.json";
const HELD: &str = "held.json";
/// A daemon looks for requests in a bucket every 10 s; a request that is older has been seen.
const SEEN_WITHIN: SignedDuration = SignedDuration::from_secs(30);
/// Far above a request; an acknowledgement names every document of a source.
const BYTES_MAX: u64 = 4 * 1024 * 1024;

/// Asks a daemon to look again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Look {
    /// At this document; at everything if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub document: Option<Key>,
    /// When it was asked: two requests are never alike.
    pub at: Timestamp,
}

/// The documents that the open fuse holds together, as a daemon says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldTogether {
    /// Names exactly this set.
    pub hash: Digest,
    /// The set.
    pub documents: BTreeSet<Key>,
}

/// A daemon's side of the requests.
#[derive(Debug)]
pub struct Requests {
    keep: Keep,
    /// The newest request that was carried out, or stood there at the start; nothing before the first look.
    known: Option<Option<Look>>,
    /// What was last written of the held set.
    told: Option<Option<HeldTogether>>,
    is_failing: bool,
}

impl Requests {
    /// Looks at requests in the place where the status documents lie.
    pub fn new(keep: Keep) -> Requests {
        Requests { keep, known: None, told: None, is_failing: false }
    }

    /// Looks at them every so often, until `ended`.
    pub async fn follow(mut self, engine: Arc<Engine>, every: Duration, ended: CancellationToken) {
        loop {
            self.look(&engine, engine.leads()).await;
            tokio::select! {
                biased;
                () = ended.cancelled() => return,
                () = tokio::time::sleep(every) => {}
            }
        }
    }

    /// Carries out what is asked, and writes down what is held. Only the daemon that leads looks for acknowledgements.
    pub async fn look(&mut self, engine: &Engine, leads: bool) {
        match self.carry_out(engine, leads).await {
            Ok(()) => self.is_failing = false,
            Err(error) if !std::mem::replace(&mut self.is_failing, true) => {
                tracing::warn!(place = self.keep.place(), %error, "requests cannot be read here; SIGHUP still works");
            }
            Err(_) => {}
        }
    }

    async fn carry_out(&mut self, engine: &Engine, leads: bool) -> Result<(), KeepError> {
        // What others hold is heard until this one leads, and then once more.
        if !leads || engine.is_asking_for_held() {
            let told = held_here(&self.keep).await?;
            engine.hear_held(told.map(|held| held.documents).unwrap_or_default());
        }
        let asked: Option<Look> = read(&self.keep, RECONCILE).await?;
        match &self.known {
            Some(known) if *known != asked => match asked.as_ref().and_then(|look| look.document.as_ref()) {
                Some(document) => engine.look_at(document),
                None if asked.is_some() => engine.reconcile_now(),
                None => {}
            },
            _ => {}
        }
        self.known = Some(asked);
        if !leads {
            self.told = None; // another one writes it now
            return Ok(());
        }
        let held = engine.held_together().map(|(hash, documents)| HeldTogether { hash, documents });
        // What was told stands until this process knows what vanished.
        if engine.knows_what_vanished() {
            self.tell(held.as_ref()).await?;
        }
        match read::<Acknowledgement>(&self.keep, ACKNOWLEDGE).await? {
            // Taken away, so that whoever leads next does not take it for a new one.
            Some(word) if engine.is_spent(&word) => self.keep.remove(ACKNOWLEDGE).await,
            Some(word) if held.is_some() => {
                engine.acknowledge(&word);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Writes down what is held, where it does not lie there already.
    async fn tell(&mut self, held: Option<&HeldTogether>) -> Result<(), KeepError> {
        // Somebody may have swept the place; people need it most just then.
        let lies_there = match (held, &self.told) {
            (None, Some(told)) => told.is_none(),
            _ => held_here(&self.keep).await?.as_ref() == held,
        };
        if !lies_there {
            match held {
                Some(held) => drop(self.keep.replace(HELD, json(held)).await?),
                None => self.keep.remove(HELD).await?,
            }
        }
        self.told = Some(held.cloned());
        Ok(())
    }
}

/// Asks the daemon whose status documents lie here to look again. A request for another document, which it may not
/// have seen yet, is not lost: both together ask for everything.
///
/// # Errors
/// [`KeepError`] when the request cannot be written.
pub async fn ask_to_look(keep: &Keep, look: &Look) -> Result<(), KeepError> {
    let before: Option<Look> = read(keep, RECONCILE).await.unwrap_or_default(); // may be write-only
    let is_open =
        |before: &Look| before.document != look.document && look.at.duration_since(before.at) < SEEN_WITHIN;
    let document = if before.is_some_and(|before| is_open(&before)) { None } else { look.document.clone() };
    keep.replace(RECONCILE, json(&Look { document, at: look.at })).await.map(drop)
}

/// The set that the daemon holds; `None`: nothing is held, or nobody has said so.
///
/// # Errors
/// [`KeepError`] when the place cannot be read.
pub async fn held_here(keep: &Keep) -> Result<Option<HeldTogether>, KeepError> {
    read(keep, HELD).await
}

/// Lets a held set go.
///
/// # Errors
/// [`KeepError`] when the word cannot be written.
pub async fn acknowledge_here(keep: &Keep, word: &Acknowledgement) -> Result<(), KeepError> {
    keep.replace(ACKNOWLEDGE, json(word)).await.map(drop)
}

/// What lies there under a name; garbage is nothing.
async fn read<T: serde::de::DeserializeOwned>(keep: &Keep, name: &str) -> Result<Option<T>, KeepError> {
    let found = keep.read(name, BYTES_MAX).await?;
    Ok(found.and_then(|(bytes, _)| serde_json::from_slice(&bytes).ok()))
}

fn json(content: &impl Serialize) -> Vec<u8> {
    // Keys, digests and times always serialise.
    let mut text = serde_json::to_vec_pretty(content).unwrap_or_default();
    text.push(b'\n');
    text
}
