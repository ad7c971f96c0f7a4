//! `hatoba status`: how every document stands, from what a daemon wrote beside its source, or from the daemon itself.

mod table;
mod waiting;

use std::collections::{BTreeMap, BTreeSet};
use std::io::{IsTerminal as _, Write};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, bail};
use hatoba_core::{Cause, Digest, Key, Status, Truth};
use hatoba_engine::{Heartbeat, SCHEMA_VERSION, SourceSeen, StatusSink};
use hatoba_source::{STILL_WRITTEN, Source, SourceError, Variables};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::json;
use tokio::time::{Instant, sleep};

use self::waiting::Waiting;
use crate::arguments::{StatusOf, StatusOutput};
use crate::fetch::{self, TokenFile};
use crate::report::{count, escaped_json, wants_colour};

/// How often `--watch` and `--wait` look.
const EVERY: Duration = Duration::from_secs(2);
/// A daemon says every minute that it lives; one such word may get lost.
const SILENT: Duration = Duration::from_secs(125);
/// What was dropped a moment ago counts soon.
const STILL: Duration = Duration::from_millis(1_200);
/// What shows that the daemon has not seen a document as it is.
const UNJUDGED: &str = "it has not been judged as it stands in the source now";
/// What a daemon wrote is read for so long.
const LOAD: Duration = Duration::from_secs(20);

/// How the documents stand at one moment.
#[derive(Default)]
struct Look {
    statuses: BTreeMap<Key, Status>,
    /// Seconds since AWS was last compared with each.
    ages: BTreeMap<Key, f64>,
    /// Worth saying before the table.
    warning: Option<String>,
    /// Worth saying below it, a line each.
    notices: Vec<Cause>,
    rogue_children: Vec<String>,
    /// Documents of the source that were not judged as they are there now.
    unjudged: BTreeSet<Key>,
}

/// What `--wait` waits for and the exit code tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Goal {
    Ready,
    /// And Serving, where a document shows it.
    Serving,
}

impl Goal {
    fn of(arguments: &StatusOf) -> Goal {
        if arguments.serving { Goal::Serving } else { Goal::Ready }
    }

    fn is_reached(self, status: &Status) -> bool {
        let serves = status.serving.as_ref().is_none_or(|serving| serving.status == Truth::True);
        is_ready(status) && (self == Goal::Ready || serves)
    }

    fn word(self) -> &'static str {
        match self {
            Goal::Ready => "ready",
            Goal::Serving => "ready and serving",
        }
    }
}

/// The documents of the source as it is now, which a daemon must have judged: those that can be read in this
/// version of them.
type Wanted = BTreeMap<Key, Option<Digest>>;

/// Prints the table: 0 if every document is in sync and ready (and serves, if that was asked for), else 1.
///
/// # Errors
/// When the place cannot be read or nobody answers.
pub(crate) async fn status(arguments: StatusOf, vars: Variables) -> anyhow::Result<ExitCode> {
    let mut sink = match (&arguments.url, &arguments.place.source, &arguments.place.status_to) {
        (Some(_), ..) => None,
        (None, None, None) => {
            bail!("expected --source with the daemon's source, or --url with its address")
        }
        (None, ..) => Some(arguments.place.status_to()?.sink_alone().await?),
    };
    // What was just dropped there is to be judged, too.
    let mut source = match &arguments.place.source {
        Some(place) => Some(place.open_alone(vars).await?),
        None => None,
    };
    let colour = wants_colour(&std::io::stdout());
    let until = Instant::now() + arguments.timeout;
    let stderr = std::io::stderr();
    let is_terminal = stderr.is_terminal();
    let goal = Goal::of(&arguments);
    let mut waiting = Waiting::new(stderr, is_terminal, goal);
    loop {
        let wanted = match &mut source {
            Some(source) => Some(wanted(source).await),
            None => None,
        };
        // Who waits for the source waits for nothing if there is none.
        let wanted = match wanted {
            Some(Err(error)) if arguments.wait => return Err(error),
            wanted => wanted,
        };
        let mut look = match (&arguments.url, &mut sink) {
            // Who waits may wait for the daemon itself.
            (Some(url), _) if arguments.wait && Instant::now() < until => {
                asked(url, &arguments.token).await.unwrap_or_default()
            }
            (Some(url), _) => asked(url, &arguments.token).await?,
            (None, Some(sink)) => read(sink).await,
            (None, None) => bail!("there is nowhere to look"),
        };
        match wanted {
            Some(Ok(wanted)) => look.unjudged = look.lacks(wanted),
            // Where nothing was written, the source may say why.
            Some(Err(error)) if look.warning.is_none() || look.statuses.is_empty() => {
                look.warning = Some(format!("{error:#}"));
            }
            Some(Err(_)) | None => {}
        }
        let is_good = look.is_good(goal);
        let is_over = match (arguments.watch, arguments.wait) {
            (true, _) => false,
            (false, true) => is_good || Instant::now() >= until,
            (false, false) => true,
        };
        match is_over {
            true => waiting.end(),
            false if arguments.wait => waiting.tell(&look),
            false => {}
        }
        if arguments.watch || is_over {
            let mut text = Vec::new();
            if arguments.watch && colour {
                text.extend(b"\x1b[2J\x1b[H"); // begin at the top again
            }
            match arguments.output {
                StatusOutput::Table => look.table(&mut text, colour, table::columns())?,
                StatusOutput::Json => writeln!(text, "{}", look.json())?,
            }
            let mut out = anstream::stdout().lock();
            match out.write_all(&text).and_then(|()| out.flush()) {
                Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => return Ok(ExitCode::SUCCESS),
                result => result?,
            }
        }
        if is_over {
            return Ok(if is_good { ExitCode::SUCCESS } else { ExitCode::FAILURE });
        }
        sleep(EVERY).await;
    }
}

/// The source as it is now.
async fn wanted(source: &mut Source) -> anyhow::Result<Wanted> {
    let mut snapshot = source.poll().await.map_err(unreadable)?;
    if snapshot.unreadable.iter().any(|file| file.reason == STILL_WRITTEN) {
        sleep(STILL).await;
        snapshot = source.poll().await.map_err(unreadable)?;
    }
    let held = snapshot.held.iter().map(|held| (held.key.clone(), None));
    let good =
        snapshot.documents.iter().map(|document| (document.key.clone(), Some(document.digest.clone())));
    Ok(held.chain(good).collect())
}

/// As the daemon says it.
fn unreadable(error: SourceError) -> anyhow::Error {
    let reason = error.reason();
    anyhow::Error::from(error).context(format!("the source cannot be read: {reason}"))
}

/// From the documents beside the source.
async fn read(sink: &mut StatusSink) -> Look {
    let statuses = sink.load(LOAD).await;
    let heartbeat = sink.load_heartbeat().await;
    let now = Timestamp::now();
    let seconds = |since: Timestamp| now.duration_since(since).as_secs_f64().max(0.0);
    let warning = match (&heartbeat, statuses.is_empty()) {
        (None, true) => Some(match sink.trouble(LOAD).await {
            Some(cause) => format!("what a daemon wrote cannot be read: {cause}"),
            None => "no daemon has written anything here".to_owned(),
        }),
        (None, false) => Some("no daemon has said lately that it lives".to_owned()),
        (Some(heartbeat), _) if seconds(heartbeat.time) > SILENT.as_secs_f64() => {
            let age = age(seconds(heartbeat.time));
            Some(format!("the newest sign of life is {age} old: no daemon seems to run"))
        }
        (Some(heartbeat), _) => unread(heartbeat.source.error.as_ref(), &heartbeat.source.unreadable),
    };
    let Heartbeat { verified, notices, rogue_children, .. } = heartbeat.unwrap_or_default();
    let ages = verified.into_iter().map(|(key, at)| (key, seconds(at))).collect();
    Look { statuses, ages, warning, notices, rogue_children, unjudged: BTreeSet::new() }
}

/// Says that the source, or files of it, cannot be read.
fn unread(error: Option<&Cause>, unreadable: &[String]) -> Option<String> {
    match (error, unreadable) {
        (Some(cause), _) => Some(format!("the source cannot be read: {cause}")),
        (None, []) => None,
        (None, files) => Some(format!(
            "{} cannot be read, and nothing is deleted meanwhile: {}",
            count(files.len(), "file"),
            files.join("; ")
        )),
    }
}

/// What `/api/v1/status` says, as far as it is shown here.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Picture {
    documents: BTreeMap<Key, Document>,
    source: SourceSeen,
    #[serde(default)]
    notices: Vec<Cause>,
    #[serde(default)]
    rogue_children: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    #[serde(flatten)]
    status: Status,
    verified_seconds_ago: Option<f64>,
}

/// From the daemon itself.
async fn asked(url: &hyper::Uri, token: &TokenFile) -> anyhow::Result<Look> {
    let (status, body) = fetch::get(url, "/api/v1/status", token).await?;
    if status != 200 {
        bail!("the daemon at {url} answers {status} to /api/v1/status");
    }
    let picture: Picture = serde_json::from_slice(&body)
        .with_context(|| format!("what answers at {url} is no daemon of ours"))?;
    let warning = unread(picture.source.error.as_ref(), &picture.source.unreadable);
    let ages = picture
        .documents
        .iter()
        .filter_map(|(key, document)| Some((key.clone(), document.verified_seconds_ago?)));
    Ok(Look {
        ages: ages.collect(),
        warning,
        notices: picture.notices,
        rogue_children: picture.rogue_children,
        unjudged: BTreeSet::new(),
        statuses: picture.documents.into_iter().map(|(key, document)| (key, document.status)).collect(),
    })
}

fn is_ready(status: &Status) -> bool {
    status.synced.status == Truth::True && status.ready.status == Truth::True
}

impl Look {
    /// Whether there is anything, and all of it stands.
    fn is_good(&self, goal: Goal) -> bool {
        self.warning.is_none()
            && !self.statuses.is_empty()
            && self.unjudged.is_empty()
            && self.statuses.values().all(|status| goal.is_reached(status))
    }

    /// The documents of the source that the daemon has not judged as they are.
    fn lacks(&self, wanted: Wanted) -> BTreeSet<Key> {
        let is_judged = |digest: &Option<Digest>, status: &Status| {
            // What is held says so itself, and bears the digest of what was good last.
            let is_held = status.synced.reason.as_str() == "Invalid";
            is_held || digest.as_ref().is_none_or(|digest| *digest == status.observed_digest)
        };
        let lacks = wanted
            .into_iter()
            .filter(|(key, digest)| !self.statuses.get(key).is_some_and(|status| is_judged(digest, status)));
        lacks.map(|(key, _)| key).collect()
    }

    /// Documents of the source of which nothing is known.
    fn unknown(&self) -> impl Iterator<Item = &Key> {
        self.unjudged.iter().filter(|key| !self.statuses.contains_key(key))
    }

    fn json(&self) -> String {
        let documents = self.statuses.iter().map(|(key, status)| {
            let mut shown = json!(status);
            shown["verifiedSecondsAgo"] = json!(self.ages.get(key));
            shown
        });
        let found = json!({
            "schemaVersion": SCHEMA_VERSION,
            "ready": self.is_good(Goal::Ready),
            "serving": self.is_good(Goal::Serving),
            "warning": self.warning,
            "notices": self.notices,
            "rogueChildren": self.rogue_children,
            "notJudged": self.unjudged,
            "documents": documents.collect::<Vec<_>>(),
        });
        escaped_json(&format!("{found:#}"))
    }

    /// What people should know besides the conditions, a line each.
    fn lines(&self) -> Vec<String> {
        let notes = self.statuses.iter().flat_map(|(key, status)| {
            status.notes.iter().map(move |note| format!("{key}: {}: {}", note.reason, note.message))
        });
        let notices = self.notices.iter().map(ToString::to_string);
        let rogue = self.rogue_children.iter().map(|child| format!("RogueChild: {child} is no document's"));
        notices.chain(notes).chain(rogue).collect()
    }
}

/// `12 s`, `3 min`, `2 h`.
fn age(seconds: f64) -> String {
    match seconds {
        few if few < 120.0 => format!("{few:.0} s"),
        some if some < 7_200.0 => format!("{:.0} min", some / 60.0),
        many => format!("{:.0} h", many / 3_600.0),
    }
}

#[cfg(test)]
mod tests;
