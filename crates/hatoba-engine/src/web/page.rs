//! The status page: HTML made here, whole, without a script. Pure: picture and time in, text out.
//!
//! The invariant: **every value passes [`value`]**, and nothing of a document is shown but its name, where it
//! stands, and which of its fields differ.

use std::fmt::Write as _;

use hatoba_core::{Condition, Diagnostic, Key, Truth};
use jiff::Timestamp;

use super::html::{ROWS_MAX, ago, badge, elapsed, escape, fact_list, faint, section, span, table, value};
use crate::shown::{DocumentShown, Event, LeadershipShown, PruningShown, Shown};

/// The whole page. `is_live`: it loads itself again every 5 seconds.
pub(super) fn page(shown: &Shown, now: Timestamp, is_live: bool) -> String {
    let troubled = shown.documents.values().filter(|document| is_troubled(document)).count();
    let (refresh, pause) = if is_live {
        (
            r#"<meta http-equiv="refresh" content="5">"#,
            r#"Loads again every 5 s. <a href="?refresh=off">Pause</a>"#,
        )
    } else {
        ("", r#"Paused. <a href="?">Go on</a>"#)
    };
    let mut html = format!(
        r#"<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
{refresh}
<title>{summary} · Hatoba · {owner}</title>
<link rel="stylesheet" href="style.css?v={version}">
<link rel="icon" type="image/svg+xml" href="icon.svg?v={version}">
</head>
<body>
<header>
<h1><img src="icon.svg?v={version}" alt="" width="29" height="29"><span>Hatoba</span> {leader}</h1>
"#,
        summary = summary(shown.documents.len(), troubled),
        owner = value(&shown.owner),
        version = value(shown.version),
        leader =
            if shown.leader { badge("good", "✓", "leader") } else { badge("unsure", "…", "standby") },
    );
    notices(&mut html, shown);
    html.push_str("</header>\n<main>\n");
    controller(&mut html, shown, now);
    source(&mut html, shown, now);
    documents(&mut html, shown, now, troubled);
    findings(&mut html, &shown.source.diagnostics);
    pruning(&mut html, &shown.pruning);
    rogue(&mut html, &shown.rogue_children);
    events(&mut html, shown.events.iter().collect(), now);
    let _ = write!(
        html,
        r#"</main>
<footer><p>{pause} · as of {time} · <a href="api/v1/status">status</a> and <a href="api/v1/events">events</a> as JSON · <a href="metrics">metrics</a></p></footer>
</body>
</html>
"#,
        time = value(&now.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()),
    );
    html
}

fn summary(documents: usize, troubled: usize) -> String {
    let noun = if documents == 1 { "document" } else { "documents" };
    match troubled {
        0 => format!("{documents} {noun}, all well"),
        troubled => format!("{troubled} of {documents} {noun} not well"),
    }
}

fn notices(html: &mut String, shown: &Shown) {
    if !shown.leader {
        notice(html, "unsure", &standby(&shown.leadership));
    }
    if let Some(cause) = &shown.source.error {
        notice(html, "bad", &format!("The source cannot be read, what was read last goes on: {cause}"));
    }
    if !shown.source.unreadable.is_empty() {
        let files = shown.source.unreadable.join(", ");
        notice(html, "bad", &format!("Nothing is deleted while files cannot be read: {files}"));
    }
}

fn standby(leadership: &LeadershipShown) -> String {
    match leadership {
        LeadershipShown::StandsBy { leader: Some(leader) } => {
            format!("Standby for owner {}: {leader}; this one only looks.", leader.owner)
        }
        LeadershipShown::StandsBy { leader: None } => {
            "Standby: this process does not lead, and nobody else is known to.".to_owned()
        }
        LeadershipShown::Unasked | LeadershipShown::Leads => {
            "This process does not write yet, or not any more.".to_owned()
        }
    }
}

fn notice(html: &mut String, tone: &str, text: &str) {
    let _ = writeln!(html, r#"<p class="notice {tone}">{}</p>"#, value(text));
}

fn controller(html: &mut String, shown: &Shown, now: Timestamp) {
    let queue = match shown.queue.depth {
        0 => "nothing due".to_owned(),
        depth => format!("{depth} due, the oldest for {}", span(shown.queue.oldest_seconds)),
    };
    let facts = [
        ("Owner", value(&shown.owner)),
        ("Account", shown.account.as_deref().map_or_else(|| faint("not known yet"), value)),
        ("Region", value(&shown.region)),
        ("Version", value(shown.version)),
        ("Started", ago(shown.started_at, now)),
        (
            "Last full look at AWS",
            shown.last_full_resync.map_or_else(|| faint("never"), |when| ago(when, now)),
        ),
        ("Queue", value(&queue)),
        ("Not converging", shown.queue.nonconverging.to_string()),
        ("Paused in AWS", shown.queue.paused.to_string()),
    ];
    section(html, "controller", "Controller", None, &fact_list(&facts));
}

fn source(html: &mut String, shown: &Shown, now: Timestamp) {
    let source = &shown.source;
    let unreadable = match source.unreadable.len() {
        0 => "none".to_owned(),
        count => badge("bad", "✕", &count.to_string()),
    };
    let invalid = match source.invalid {
        0 => "none".to_owned(),
        count => badge("bad", "✕", &count.to_string()),
    };
    let facts = [
        ("Location", format!("<code>{}</code>", value(&source.location))),
        ("Revision", source.revision.as_deref().map_or_else(|| faint("none"), value)),
        ("Files", source.files.to_string()),
        ("Files that cannot be read", unreadable),
        ("Documents held for errors", invalid),
        ("Last read", source.last_success.map_or_else(|| faint("never"), |when| ago(when, now))),
        ("Error", source.error.as_ref().map_or_else(|| faint("none"), |cause| value(&cause.to_string()))),
    ];
    section(html, "source", "Source", None, &fact_list(&facts));
}

fn documents(html: &mut String, shown: &Shown, now: Timestamp, troubled: usize) {
    let mut all: Vec<(&Key, &DocumentShown)> = shown.documents.iter().collect();
    all.sort_by_key(|(_, document)| !is_troubled(document));
    let columns = ["Document", "Synced", "Ready", "Message", "Age", "Outputs"];
    let rows = all.iter().take(ROWS_MAX).map(|(key, document)| {
        let status = &document.status;
        let checked = match document.verified_seconds_ago {
            Some(seconds) => format!("compared {} ago", span(seconds)),
            None => "never compared".to_owned(),
        };
        let changed = status.synced.last_transition_time.max(status.ready.last_transition_time);
        [
            format!(
                r#"<span class="line">{}</span><span class="line faint small">{}</span><span class="line faint small">{}</span>"#,
                value(&key.name),
                value(&key.kind),
                value(&document.file)
            ),
            condition(&status.synced),
            condition(&status.ready),
            message(document),
            format!(
                r#"<span>{}<span class="line faint small nowrap">{checked}</span></span>"#,
                elapsed(changed, now)
            ),
            outputs(document),
        ]
    });
    let body = match all.len() {
        0 => r#"<p class="none">No documents.</p>"#.to_owned(),
        _ => table("documents", &columns, rows, all.len()),
    };
    section(html, "documents", "Documents", Some(&summary(all.len(), troubled)), &body);
}

fn is_troubled(document: &DocumentShown) -> bool {
    document.status.synced.status != Truth::True || document.status.ready.status != Truth::True
}

fn condition(condition: &Condition) -> String {
    let (tone, sign) = match condition.status {
        Truth::True => ("good", "✓"),
        Truth::False => ("bad", "✕"),
        Truth::Unknown => ("unsure", "?"),
    };
    format!(
        r#"<span>{}<span class="line faint small">{}</span></span>"#,
        badge(tone, sign, condition.status.as_str()),
        value(condition.reason.as_str())
    )
}

/// The sentences of the conditions that are not true, what differs, and what is worth saying.
fn message(document: &DocumentShown) -> String {
    let status = &document.status;
    let mut lines: Vec<String> = Vec::new();
    for condition in [&status.synced, &status.ready] {
        if condition.status != Truth::True && !lines.contains(&condition.message) {
            lines.push(condition.message.clone());
        }
    }
    let is_named = |field: &String| lines.iter().any(|line| line.contains(field.as_str()));
    if !status.drift.iter().all(is_named) {
        lines.push(format!("differs: {}", status.drift.join(", ")));
    }
    lines.extend(status.notes.iter().map(ToString::to_string));
    lines.retain(|line| !line.is_empty());
    let lines: Vec<String> =
        lines.iter().map(|line| format!(r#"<span class="line">{}</span>"#, value(line))).collect();
    if lines.is_empty() { String::new() } else { format!("<div>{}</div>", lines.concat()) }
}

fn outputs(document: &DocumentShown) -> String {
    let outputs: Vec<String> = document
        .status
        .outputs
        .iter()
        .map(|(name, text)| {
            let shown = value(text);
            // Only as much as a browser may follow; `javascript:` is text.
            let shown = if text.starts_with("https://") || text.starts_with("http://") {
                format!(r#"<a href="{}" rel="noopener noreferrer">{shown}</a>"#, escape(text))
            } else {
                format!("<code>{shown}</code>")
            };
            format!("<dt>{}</dt><dd>{shown}</dd>", value(name))
        })
        .collect();
    if outputs.is_empty() {
        String::new()
    } else {
        format!(r#"<dl class="outputs">{}</dl>"#, outputs.concat())
    }
}

/// Where something is wrong, not what: the sentence may quote a value.
fn findings(html: &mut String, diagnostics: &[Diagnostic]) {
    if diagnostics.is_empty() {
        return;
    }
    let rows = diagnostics.iter().take(ROWS_MAX).map(|diagnostic| {
        let tone = if diagnostic.is_error() {
            badge("bad", "✕", "error")
        } else {
            badge("unsure", "!", "warning")
        };
        let path = match diagnostic.path.as_str() {
            "" => faint("the whole"),
            path => format!("<code>{}</code>", value(path)),
        };
        let rule = diagnostic.rule.map_or_else(String::new, |rule| format!("<code>{}</code>", value(rule)));
        [format!("<code>{}</code>", value(&diagnostic.place.to_string())), tone, rule, path]
    });
    let mut body = table("findings", &["Place", "Severity", "Rule", "Field"], rows, diagnostics.len());
    body.push_str(r#"<p class="none small"><code>hatoba validate</code> says what is wrong.</p>"#);
    section(html, "findings", "Findings in the source", Some(&diagnostics.len().to_string()), &body);
}

fn pruning(html: &mut String, pruning: &[PruningShown]) {
    let columns = ["Document that is gone", "Resource", "Why it is still there"];
    let rows = pruning.iter().take(ROWS_MAX).map(|pruning| {
        [
            value(&pruning.document.to_string()),
            format!("<code>{}</code>", value(&pruning.id)),
            value(&pruning.held.to_string()),
        ]
    });
    let body = match pruning.len() {
        0 => r#"<p class="none">Nothing waits to be deleted.</p>"#.to_owned(),
        count => table("pruning", &columns, rows, count),
    };
    section(html, "pruning", "Pruning held", Some(&pruning.len().to_string()), &body);
}

fn rogue(html: &mut String, children: &[String]) {
    let rows = children.iter().take(ROWS_MAX).map(|child| [format!("<code>{}</code>", value(child))]);
    let body = match children.len() {
        0 => r#"<p class="none">None: every child of our APIs is asked for by a document.</p>"#.to_owned(),
        count => table("rogue", &["Resource that no document asks for"], rows, count),
    };
    section(html, "rogue", "Rogue children", Some(&children.len().to_string()), &body);
}

fn events(html: &mut String, events: Vec<&Event>, now: Timestamp) {
    let columns = ["When", "Document", "Action", "AWS id", "Cause"];
    let rows = events.iter().take(ROWS_MAX).map(|event| {
        let id =
            if event.id.is_empty() { String::new() } else { format!("<code>{}</code>", value(&event.id)) };
        let document = value(&event.document.to_string());
        [ago(event.time, now), document, value(&event.action), id, value(&event.cause)]
    });
    let body = match events.len() {
        0 => r#"<p class="none">Nothing was changed since the start.</p>"#.to_owned(),
        count => table("events", &columns, rows, count),
    };
    section(html, "events", "Recent events", None, &body);
}
