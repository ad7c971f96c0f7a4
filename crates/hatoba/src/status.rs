//! `hatoba status`: how every document stands, from what a daemon wrote beside its source, or from the daemon itself.

mod waiting;

use std::collections::{BTreeMap, BTreeSet};
use std::io::{IsTerminal as _, Write};
use std::process::ExitCode;
use std::time::Duration;

use anstyle::AnsiColor;
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
use crate::report::{count, cut, escaped_json, paint, visible, wants_colour};

/// How often `--watch` and `--wait` look.
const EVERY: Duration = Duration::from_secs(2);
/// A daemon says every minute that it lives; one such word may get lost.
const SILENT: Duration = Duration::from_secs(125);
/// What was dropped a moment ago counts soon.
const STILL: Duration = Duration::from_millis(1_200);
/// What shows that the daemon has not seen a document as it is.
const UNJUDGED: &str = "it has not been judged as it stands in the source now";
/// Columns of a message in the table.
const MESSAGE_CHARS: usize = 400;
/// Of a line below it.
const LINE_CHARS: usize = 240;

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

/// The documents of the source as it is now, which a daemon must have judged: those that can be read in this
/// version of them.
type Wanted = BTreeMap<Key, Option<Digest>>;

/// Prints the table: 0 if every document is in sync and ready, else 1.
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
    let mut waiting = Waiting::new(stderr, is_terminal);
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
        let is_good = look.is_good();
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
                StatusOutput::Table => look.table(&mut text, colour)?,
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
    fn is_good(&self) -> bool {
        self.warning.is_none()
            && !self.statuses.is_empty()
            && self.unjudged.is_empty()
            && self.statuses.values().all(is_ready)
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
            "ready": self.is_good(),
            "warning": self.warning,
            "notices": self.notices,
            "rogueChildren": self.rogue_children,
            "notJudged": self.unjudged,
            "documents": documents.collect::<Vec<_>>(),
        });
        escaped_json(&format!("{found:#}"))
    }

    fn table(&self, out: &mut Vec<u8>, colour: bool) -> std::io::Result<()> {
        if let Some(warning) = &self.warning {
            writeln!(out, "{}", paint(&visible(warning), AnsiColor::Yellow.on_default(), colour))?;
        }
        let head = ["DOCUMENT", "SYNCED", "READY", "SERVING", "DRIFT", "AGE", "URL", "MESSAGE"];
        let head = head.map(str::to_owned);
        let rows = self.statuses.iter().map(|(key, status)| {
            let conditions = [Some(&status.synced), Some(&status.ready), status.serving.as_ref()];
            let message = conditions.into_iter().flatten().find(|shown| shown.status != Truth::True);
            let message = match (message, self.unjudged.contains(key)) {
                (_, true) => format!("NotJudged: {UNJUDGED}"),
                (Some(shown), false) => format!("{}: {}", shown.reason, shown.message),
                (None, false) => String::new(),
            };
            // What was found was found of another version of it.
            let shown = |truth: Truth| if self.unjudged.contains(key) { Truth::Unknown } else { truth };
            [
                key.to_string(),
                shown(status.synced.status).as_str().to_owned(),
                shown(status.ready.status).as_str().to_owned(),
                status.serving.as_ref().map_or("-", |serving| shown(serving.status).as_str()).to_owned(),
                if status.drift.is_empty() { "-".to_owned() } else { status.drift.len().to_string() },
                self.ages.get(key).map_or_else(|| "-".to_owned(), |seconds| age(*seconds)),
                status.outputs.get("url").cloned().unwrap_or_else(|| "-".to_owned()),
                message,
            ]
        });
        let dashes = || ["Unknown", "Unknown", "-", "-", "-", "-"].map(str::to_owned);
        let unknown = self.unknown().map(|key| {
            let [synced, ready, serving, drift, age, url] = dashes();
            [key.to_string(), synced, ready, serving, drift, age, url, format!("NotJudged: {UNJUDGED}")]
        });
        let rows: Vec<[String; 8]> = std::iter::once(head).chain(rows).chain(unknown).collect();
        let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
        let widths: [usize; 8] = std::array::from_fn(width);
        for (index, row) in rows.iter().enumerate() {
            let mut line = String::new();
            for (column, cell) in row.iter().enumerate().take(7) {
                line.push_str(&format!("{:<1$}  ", visible(cell), widths[column]));
            }
            line.push_str(cut(&visible(&row[7]), MESSAGE_CHARS).as_ref());
            let is_well = |cell: &String| ["True", "-"].contains(&cell.as_str());
            let style = match row[1..4].iter().all(is_well) {
                _ if index == 0 => anstyle::Style::new().bold(),
                true => anstyle::Style::new(),
                false => AnsiColor::Red.on_default(),
            };
            writeln!(out, "{}", paint(line.trim_end(), style, colour))?;
        }
        for line in self.lines() {
            let line = visible(&line);
            writeln!(
                out,
                "{}",
                paint(cut(&line, LINE_CHARS).as_ref(), AnsiColor::Yellow.on_default(), colour)
            )?;
        }
        let is_counted = |(key, status): &(&Key, &Status)| is_ready(status) && !self.unjudged.contains(key);
        let ready = self.statuses.iter().filter(is_counted).count();
        let all = self.statuses.len() + self.unknown().count();
        writeln!(out, "{} of {} ready", ready, count(all, "document"))
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
