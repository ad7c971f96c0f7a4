//! Looks whether another source of the same bucket has the same owner: then each takes the other's resources for those
//! of documents that are gone, so nothing is pruned while that lasts.
//!
//! Nothing waits for it: where the other leases cannot be listed, that is said once.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use hatoba_core::{Cause, LeaseRecord, Namesake, Namesakes};
use hatoba_source::StoreError;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use crate::board::BucketBoard;
use crate::engine::Engine;

/// A look takes no longer: a list, and what has changed in it.
const LOOK: Duration = Duration::from_secs(20);

/// The owner is another source's, too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct OwnerShared {
    /// Whose, for people.
    pub(crate) cause: Cause,
    /// It is certain.
    pub(crate) is_live: bool,
}

/// Looks until `ended`. Who stands by looks, too: it must know when it takes over.
pub fn watch_namesakes(
    engine: Arc<Engine>,
    board: BucketBoard,
    ended: CancellationToken,
) -> BoxFuture<'static, ()> {
    Box::pin(async move {
        let origin = Instant::now();
        let mut namesakes = Namesakes::new(&engine.options.owner);
        let mut is_failing = false;
        while !ended.is_cancelled() {
            let why = match timeout(LOOK, look(&board, &mut namesakes, origin)).await {
                Ok(Ok(())) => None,
                Ok(Err(error)) => Some(error.to_string()),
                Err(_elapsed) => Some("no answer came in time".to_owned()),
            };
            if let Some(error) = &why
                && !is_failing
            {
                tracing::warn!(
                    error,
                    "whether another source in this bucket has the same owner cannot be seen; it is tried again, and \
                     nothing waits for it"
                );
            }
            is_failing = why.is_some();
            let now = origin.elapsed();
            engine.set_owner_shared(namesakes.found(now).map(|found| shared(&board, &found)));
            tokio::select! {
                biased;
                () = ended.cancelled() => {}
                () = sleep_until(origin + namesakes.next_look(now)) => {}
            }
        }
    })
}

async fn look(board: &BucketBoard, known: &mut Namesakes, origin: Instant) -> Result<(), StoreError> {
    let listed = board.others().await?;
    let mut read: BTreeMap<String, LeaseRecord> = BTreeMap::new();
    let mut first_error = None;
    for key in known.unread(&listed) {
        match board.read_other(key).await {
            Ok(Some(record)) => drop(read.insert(key.to_owned(), record)),
            Ok(None) => {}
            Err(error) => {
                first_error.get_or_insert(error);
            }
        }
    }
    known.see(listed, read, origin.elapsed());
    first_error.map_or(Ok(()), Err)
}

fn shared(board: &BucketBoard, found: &Namesake<'_>) -> OwnerShared {
    let (place, owner) = (board.source_of(found.key), &found.record.owner);
    let (host, pid) = (&found.record.holder.host, found.record.holder.pid);
    let message = match found.is_live {
        true => format!(
            "owner {owner} is also the owner of {place} (process {pid} on {host}): nothing is deleted because its document \
             is gone, until one of the two has another owner"
        ),
        false => format!(
            "owner {owner} may also be the owner of {place}, where process {pid} on {host} left a lease; in half a minute \
             it is known whether it lives"
        ),
    };
    OwnerShared { cause: Cause::new("OwnerShared", message), is_live: found.is_live }
}

impl Engine {
    /// Notes whether another source has the same owner. When that is over, the time of all that is gone begins anew: a
    /// daemon that is started anew must not lose what it looks after meanwhile.
    pub(crate) fn set_owner_shared(&self, shared: Option<OwnerShared>) {
        let mut state = self.state();
        let before = std::mem::replace(&mut state.owner_shared, shared.clone());
        if before == shared {
            return;
        }
        let is_live = |shared: &Option<OwnerShared>| shared.as_ref().is_some_and(|shared| shared.is_live);
        match (&shared, is_live(&before), is_live(&shared)) {
            (Some(OwnerShared { cause, .. }), false, true) => tracing::error!("{cause}"),
            (_, true, false) => tracing::info!("no other source in this bucket has this owner any more"),
            _ => {}
        }
        if shared.is_none() {
            let now = Instant::now();
            state.vanished.values_mut().for_each(|vanished| vanished.begin_anew(now));
        }
        drop(state);
        self.note_orphans();
        self.published.send_modify(|count| *count += 1);
    }
}
