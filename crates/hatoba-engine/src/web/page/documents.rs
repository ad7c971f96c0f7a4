//! Every document and how it stands; and those that are held, with what would change.

use hatoba_core::{Condition, Key, Truth};
use jiff::Timestamp;
use maud::{Markup, html};

use super::is_troubled;
use crate::shown::{DocumentShown, Shown};
use crate::web::html::{ROWS_MAX, badge, code, elapsed, none, section as part, span, table, text};

/// All documents, those that are not well first.
pub(super) fn section(shown: &Shown, now: Timestamp, state: &str) -> Markup {
    let mut all: Vec<(&Key, &DocumentShown)> = shown.documents.iter().collect();
    all.sort_by_key(|(_, document)| !is_troubled(document));
    let columns = ["Document", "Synced", "Ready", "Serving", "Drift", "Message", "Age", "Outputs"];
    let rows = all.iter().take(ROWS_MAX).map(|(key, document)| {
        let status = &document.status;
        [
            html! {
                span.line { (text(&key.name)) }
                span.line.faint.small { (text(&key.kind)) }
                span.line.faint.small { (text(&document.file)) }
            },
            condition(&status.synced),
            condition(&status.ready),
            status.serving.as_ref().map_or_else(|| html! {}, condition),
            drift(&status.drift),
            message(document),
            age(document, now),
            outputs(document, shown),
        ]
    });
    let body = match all.len() {
        0 => none("No documents."),
        total => table("documents", &columns, rows, total),
    };
    part("documents", "Documents", Some(state), &body)
}

/// What differs from the documents and is not written, and why.
pub(super) fn held(shown: &Shown) -> Markup {
    let held: Vec<(&Key, &DocumentShown)> =
        shown.documents.iter().filter(|(_, document)| document.is_held).collect();
    let columns = ["Document", "Why", "Would change"];
    let rows = held.iter().take(ROWS_MAX).map(|(key, document)| {
        let status = &document.status;
        let fields = status.drift.iter().map(|path| code(path));
        [
            html! { (text(&key.to_string())) },
            html! { (badge("unsure", "!", status.synced.reason.as_str())) " " (text(&status.synced.message)) },
            html! { @for field in fields { span.line { (field) } } },
        ]
    });
    let body = match held.len() {
        0 => none("Nothing is held back: what differs is put right."),
        total => table("held", &columns, rows, total),
    };
    part("held", "Held back", Some(&held.len().to_string()), &body)
}

fn condition(condition: &Condition) -> Markup {
    let (tone, sign) = match condition.status {
        Truth::True => ("good", "✓"),
        Truth::False => ("bad", "✕"),
        Truth::Unknown => ("unsure", "?"),
    };
    html! {
        span {
            (badge(tone, sign, condition.status.as_str()))
            span.line.faint.small { (text(condition.reason.as_str())) }
        }
    }
}

fn drift(fields: &[String]) -> Markup {
    let noun = if fields.len() == 1 { "field" } else { "fields" };
    html! {
        @if !fields.is_empty() { (badge("unsure", "≠", &format!("{} {noun}", fields.len()))) }
    }
}

/// Since when its conditions are as they are, and when AWS was last compared with it.
fn age(document: &DocumentShown, now: Timestamp) -> Markup {
    let status = &document.status;
    let checked = match document.verified_seconds_ago {
        Some(seconds) => format!("compared {} ago", span(seconds)),
        None => "never compared".to_owned(),
    };
    let conditions = [Some(&status.synced), Some(&status.ready), status.serving.as_ref()];
    let changed = conditions.into_iter().flatten().map(|condition| condition.last_transition_time).max();
    let changed = changed.unwrap_or_default();
    html! { span { (elapsed(changed, now)) span.line.faint.small { (checked) } } }
}

/// The sentences of the conditions that are not true, what differs, and what is worth saying.
fn message(document: &DocumentShown) -> Markup {
    let status = &document.status;
    let mut lines: Vec<String> = Vec::new();
    for condition in
        [Some(&status.synced), Some(&status.ready), status.serving.as_ref()].into_iter().flatten()
    {
        if condition.status != Truth::True && !lines.contains(&condition.message) {
            lines.push(condition.message.clone());
        }
    }
    let is_named = |field: &String| lines.iter().any(|line| line.contains(field.as_str()));
    if !status.drift.iter().all(is_named) {
        lines.push(format!("differs: {}", status.drift.join(", ")));
    }
    let told: Vec<String> =
        status.notes.iter().filter(|note| !lines.contains(&note.message)).map(ToString::to_string).collect();
    lines.extend(told);
    lines.retain(|line| !line.is_empty());
    html! {
        @if !lines.is_empty() { div { @for line in &lines { span.line { (text(line)) } } } }
    }
}

fn outputs(document: &DocumentShown, shown: &Shown) -> Markup {
    let outputs = &document.status.outputs;
    // Only as much as a browser may follow; `javascript:` is text.
    let is_link = |value: &str| value.starts_with("https://") || value.starts_with("http://");
    html! {
        @if !outputs.is_empty() {
            details id={ "outputs-" (text(&document.status.document.to_string())) } {
                summary { (outputs.len()) @if outputs.len() == 1 { " output" } @else { " outputs" } }
                dl.outputs {
                    @for (name, value) in outputs {
                        dt { (text(name)) }
                        dd {
                            @if is_link(value) { a href=(shown.link(value)) rel="noopener noreferrer" { (text(value)) } }
                            @else { (code(value)) }
                        }
                    }
                }
            }
        }
    }
}
