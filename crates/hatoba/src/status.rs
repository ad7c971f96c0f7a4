//! `hatoba status`: how every document stands, from what a daemon wrote beside its source, or from the daemon itself.

use std::collections::BTreeMap;
use std::io::Write;
use std::process::ExitCode;
use std::time::Duration;

use anstyle::AnsiColor;
use anyhow::{Context as _, bail};
use hatoba_core::{Cause, Digest, Key, Status, Truth};
use hatoba_engine::{Heartbeat, SCHEMA_VERSION, SourceSeen, StatusSink};
use hatoba_source::{Source, Variables};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::json;
use tokio::time::{Instant, sleep};

use crate::arguments::{StatusOf, StatusOutput};
use crate::fetch;
use crate::report::{count, cut, escaped_json, paint, visible, wants_colour};

/// How often `--watch` and `--wait` look.
const EVERY: Duration = Duration::from_secs(2);
/// A daemon says every minute that it lives.
const SILENT: Duration = Duration::from_secs(180);
/// Columns of a message in the table.
const MESSAGE_CHARS: usize = 100;

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
    // What was just dropped there is waited for, too.
    let mut source = match &arguments.place.source {
        Some(place) if arguments.wait => Some(place.open_alone(vars).await?),
        _ => None,
    };
    let colour = wants_colour(&std::io::stdout());
    let until = Instant::now() + arguments.timeout;
    loop {
        let wanted = match &mut source {
            Some(source) => Some(wanted(source).await?),
            None => None,
        };
        let mut look = match (&arguments.url, &mut sink) {
            // Who waits may wait for the daemon itself.
            (Some(url), _) if arguments.wait && Instant::now() < until => {
                asked(url).await.unwrap_or_default()
            }
            (Some(url), _) => asked(url).await?,
            (None, Some(sink)) => read(sink).await,
            (None, None) => bail!("there is nowhere to look"),
        };
        let lacking = wanted.as_ref().and_then(|wanted| look.lacks(wanted));
        let is_good = look.is_good() && lacking.is_none();
        let is_over = match (arguments.watch, arguments.wait) {
            (true, _) => false,
            (false, true) => is_good || Instant::now() >= until,
            (false, false) => true,
        };
        if let (Some(key), None) = (lacking, &look.warning) {
            look.warning = Some(format!("{key} has not been judged as it stands in the source now"));
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
    let snapshot = source.poll().await.context("the source cannot be read")?;
    let held = snapshot.held.iter().map(|held| (held.key.clone(), None));
    let good =
        snapshot.documents.iter().map(|document| (document.key.clone(), Some(document.digest.clone())));
    Ok(held.chain(good).collect())
}

/// From the documents beside the source.
async fn read(sink: &mut StatusSink) -> Look {
    let statuses = sink.load(LOAD).await;
    let heartbeat = sink.load_heartbeat().await;
    let now = Timestamp::now();
    let seconds = |since: Timestamp| now.duration_since(since).as_secs_f64().max(0.0);
    let warning = match (&heartbeat, statuses.is_empty()) {
        (None, true) => Some("no daemon has written anything here".to_owned()),
        (None, false) => Some("no daemon has said lately that it lives".to_owned()),
        (Some(heartbeat), _) if seconds(heartbeat.time) > SILENT.as_secs_f64() => {
            Some(format!("the daemon said last {} ago that it lives", age(seconds(heartbeat.time))))
        }
        (Some(heartbeat), _) => unread(heartbeat.source.error.as_ref(), &heartbeat.source.unreadable),
    };
    let Heartbeat { verified, .. } = heartbeat.unwrap_or_default();
    let ages = verified.into_iter().map(|(key, at)| (key, seconds(at))).collect();
    Look { statuses, ages, warning }
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
struct Picture {
    documents: BTreeMap<Key, Document>,
    source: SourceSeen,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    #[serde(flatten)]
    status: Status,
    verified_seconds_ago: Option<f64>,
}

/// From the daemon itself.
async fn asked(url: &hyper::Uri) -> anyhow::Result<Look> {
    let (status, body) = fetch::get(url, "/api/v1/status").await?;
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
        statuses: picture.documents.into_iter().map(|(key, document)| (key, document.status)).collect(),
    })
}

fn is_ready(status: &Status) -> bool {
    status.synced.status == Truth::True && status.ready.status == Truth::True
}

impl Look {
    /// Whether there is anything, and all of it stands.
    fn is_good(&self) -> bool {
        self.warning.is_none() && !self.statuses.is_empty() && self.statuses.values().all(is_ready)
    }

    /// Whether the daemon has judged every document of the source as it is; if not, which one.
    fn lacks<'a>(&self, wanted: &'a Wanted) -> Option<&'a Key> {
        let is_judged = |digest: &Option<Digest>, status: &Status| {
            digest.as_ref().is_none_or(|digest| *digest == status.observed_digest)
        };
        wanted.iter().find_map(|(key, digest)| {
            let is_shown = self.statuses.get(key).is_some_and(|status| is_judged(digest, status));
            (!is_shown).then_some(key)
        })
    }

    fn json(&self) -> String {
        let documents = self.statuses.iter().map(|(key, status)| {
            let mut shown = json!(status);
            shown["verifiedSecondsAgo"] = json!(self.ages.get(key));
            shown
        });
        let found = json!({ "schemaVersion": SCHEMA_VERSION, "ready": self.is_good(), "warning": self.warning, "documents": documents.collect::<Vec<_>>() });
        escaped_json(&format!("{found:#}"))
    }

    fn table(&self, out: &mut Vec<u8>, colour: bool) -> std::io::Result<()> {
        if let Some(warning) = &self.warning {
            writeln!(out, "{}", paint(&visible(warning), AnsiColor::Yellow.on_default(), colour))?;
        }
        let head = ["DOCUMENT", "SYNCED", "READY", "DRIFT", "AGE", "URL", "MESSAGE"].map(str::to_owned);
        let rows = self.statuses.iter().map(|(key, status)| {
            let message =
                [&status.synced, &status.ready].into_iter().find(|shown| shown.status != Truth::True);
            [
                key.to_string(),
                status.synced.status.as_str().to_owned(),
                status.ready.status.as_str().to_owned(),
                if status.drift.is_empty() { "-".to_owned() } else { status.drift.len().to_string() },
                self.ages.get(key).map_or_else(|| "-".to_owned(), |seconds| age(*seconds)),
                status.outputs.get("url").cloned().unwrap_or_else(|| "-".to_owned()),
                message.map_or_else(String::new, |shown| format!("{}: {}", shown.reason, shown.message)),
            ]
        });
        let rows: Vec<[String; 7]> = std::iter::once(head).chain(rows).collect();
        let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
        let widths: [usize; 7] = std::array::from_fn(width);
        for (index, row) in rows.iter().enumerate() {
            let mut line = String::new();
            for (column, cell) in row.iter().enumerate().take(6) {
                line.push_str(&format!("{:<1$}  ", visible(cell), widths[column]));
            }
            line.push_str(cut(&visible(&row[6]), MESSAGE_CHARS).as_ref());
            let style = match row[1].as_str() == "True" && row[2].as_str() == "True" {
                _ if index == 0 => anstyle::Style::new().bold(),
                true => anstyle::Style::new(),
                false => AnsiColor::Red.on_default(),
            };
            writeln!(out, "{}", paint(line.trim_end(), style, colour))?;
        }
        let ready = self.statuses.values().filter(|status| is_ready(status)).count();
        writeln!(out, "{} of {} ready", ready, count(self.statuses.len(), "document"))
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
mod tests {
    use super::*;
    use hatoba_core::{Outcome, fold};

    fn look(warning: Option<&str>) -> Look {
        let key = Key::new("VpcLink", "fine");
        let outcome = Outcome::waiting(Cause::new("LinkPending", "the link is PENDING"));
        let status = fold(None, &key, &Digest::of_bytes(b"x"), outcome, Timestamp::UNIX_EPOCH);
        Look {
            statuses: BTreeMap::from([(key.clone(), status)]),
            ages: BTreeMap::from([(key, 130.0)]),
            warning: warning.map(str::to_owned),
        }
    }

    #[test]
    fn the_table_says_how_each_stands_and_why() {
        let mut out = Vec::new();
        look(Some("no daemon")).table(&mut out, false).unwrap();
        let text = String::from_utf8(out).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], "no daemon");
        assert!(lines[1].starts_with("DOCUMENT"), "{text}");
        assert!(lines[2].starts_with("VpcLink/fine") && lines[2].contains("2 min"), "{text}");
        assert!(lines[2].ends_with("LinkPending: the link is PENDING"), "{text}");
        assert_eq!(lines[3], "0 of 1 document ready");
    }

    #[test]
    fn nothing_is_not_good() {
        assert!(!look(None).is_good());
        assert!(!Look::default().is_good());
        let json: serde_json::Value = serde_json::from_str(&look(None).json()).unwrap();
        assert_eq!(json["ready"], false);
        assert_eq!(json["documents"][0]["document"], "VpcLink/fine");
    }

    #[test]
    fn what_is_waited_for_is_the_source_as_it_is() {
        let key = Key::new("VpcLink", "fine");
        let wanted =
            |key: &Key, digest: Option<&[u8]>| Wanted::from([(key.clone(), digest.map(Digest::of_bytes))]);
        let look = look(None);
        for seen in [Some(b"x".as_slice()), None] {
            assert_eq!(look.lacks(&wanted(&key, seen)), None);
        }
        assert_eq!(look.lacks(&wanted(&key, Some(b"changed"))), Some(&key), "it was judged as it was before");
        let new = Key::new("VpcLink", "new");
        assert_eq!(look.lacks(&wanted(&new, None)), Some(&new), "it has not been judged at all");
    }

    #[test]
    fn files_that_cannot_be_read_are_said() {
        assert_eq!(unread(None, &[]), None);
        let denied = Cause::new("SourceDenied", "the bucket says no");
        assert!(unread(Some(&denied), &[]).is_some_and(|text| text.contains("the bucket says no")));
        let torn = unread(None, &["a.yaml: not UTF-8".to_owned()]).unwrap();
        assert!(torn.starts_with("1 file cannot be read") && torn.contains("a.yaml"), "{torn}");
    }
}
