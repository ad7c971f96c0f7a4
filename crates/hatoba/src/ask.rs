//! `hatoba reconcile` and `hatoba prune`: what people ask of a running daemon, left beside its status documents.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use hatoba_core::{Acknowledgement, Key, did_you_mean};
use hatoba_engine::{Look, acknowledge_here, ask_to_look, held_here};
use hatoba_kinds::{kind_names, no_such_kind};
use hatoba_source::Variables;
use jiff::Timestamp;

use crate::arguments::{Beside, Prune, Reconcile};
use crate::report::{count, visible};

/// What a daemon wrote is read for so long.
const LOAD: Duration = Duration::from_secs(20);

/// Asks the daemon to look again: at one document, or at everything.
///
/// # Errors
/// When there is no such document, or the request cannot be written.
pub(crate) async fn reconcile(arguments: Reconcile, vars: Variables) -> anyhow::Result<ExitCode> {
    let document = arguments.document.as_deref().map(document).transpose()?;
    if let Some(document) = &document {
        must_be_there(document, &arguments.place, vars).await?;
    }
    let keep = arguments.place.status_to()?.keep_alone().await?;
    ask_to_look(&keep, &Look { document, at: Timestamp::now() }).await?;
    let what = arguments.document.as_deref().unwrap_or("everything");
    writeln!(
        std::io::stderr(),
        "asked at {}: the daemon looks at {what} within seconds",
        visible(&keep.place())
    )?;
    Ok(ExitCode::SUCCESS)
}

/// The document that is meant, of a kind that there is.
fn document(text: &str) -> anyhow::Result<Key> {
    let key: Key = text.parse().with_context(|| format!("`{text}` is no document: expected Kind/name"))?;
    ensure!(kind_names().any(|kind| kind == key.kind), "{}", no_such_kind(&key.kind));
    Ok(key)
}

/// A document that neither stands in the source nor was made of one that does is a slip of the pen. Where the source
/// cannot be read as a whole, the daemon knows better.
async fn must_be_there(document: &Key, place: &Beside, vars: Variables) -> anyhow::Result<()> {
    let Some(source) = &place.source else { return Ok(()) };
    let mut known: BTreeSet<Key> = match source.open_alone(vars).await?.poll().await {
        Ok(found) if found.is_complete() => {
            let held = found.held.into_iter().map(|held| held.key);
            found.documents.into_iter().map(|document| document.key).chain(held).collect()
        }
        _ => return Ok(()),
    };
    if known.contains(document) {
        return Ok(());
    }
    known.extend(place.status_to()?.sink_alone().await?.load(LOAD).await.into_keys());
    if known.contains(document) {
        return Ok(());
    }
    let known: Vec<String> = known.iter().map(ToString::to_string).collect();
    let guess = did_you_mean(&document.to_string(), known.iter().map(String::as_str));
    let hint = guess.map(|guess| format!("; did you mean `{guess}`?")).unwrap_or_default();
    bail!("there is no {document} in {source}{hint}")
}

/// Whether a daemon has ever written there.
async fn knows_anything(place: &Beside) -> anyhow::Result<bool> {
    let mut sink = place.status_to()?.sink_alone().await?;
    Ok(sink.load_heartbeat().await.is_some() || !sink.load(LOAD).await.is_empty())
}

/// Shows the set that is held, or lets exactly that go.
///
/// # Errors
/// When nothing is held, something else is, or the place cannot be read or written.
pub(crate) async fn prune(arguments: Prune) -> anyhow::Result<ExitCode> {
    let keep = arguments.place.status_to()?.keep_alone().await?;
    let held = held_here(&keep).await?;
    let Some(hash) = arguments.acknowledge else {
        let is_told = held.is_some() || knows_anything(&arguments.place).await?;
        let mut out = std::io::stdout().lock();
        match held {
            None if is_told => writeln!(out, "nothing is held")?,
            None => writeln!(
                out,
                "no daemon has written anything in {}: whether anything is held nobody knows",
                keep.place()
            )?,
            Some(held) => {
                let number = count(held.documents.len(), "document");
                writeln!(out, "{number} vanished together and their resources are held:")?;
                for document in &held.documents {
                    writeln!(out, "  {document}")?;
                }
                writeln!(out, "to let exactly these go: hatoba prune --acknowledge {}", held.hash)?;
            }
        }
        return Ok(ExitCode::SUCCESS);
    };
    let Some(held) = held else {
        bail!("nothing is held in {}, so there is nothing to acknowledge", keep.place());
    };
    ensure!(
        held.hash.as_str() == hash,
        "what is held now is {} ({}), not {hash}: look again with `hatoba prune` without --acknowledge",
        held.hash,
        count(held.documents.len(), "document"),
    );
    let word = Acknowledgement::new(held.documents, Timestamp::now());
    acknowledge_here(&keep, &word).await?;
    let number = count(word.documents.len(), "document");
    writeln!(std::io::stderr(), "acknowledged: what {number} asked for may go until {}", word.expires)?;
    Ok(ExitCode::SUCCESS)
}
