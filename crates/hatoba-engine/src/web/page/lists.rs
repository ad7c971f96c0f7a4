//! What happened, what is wrong with the source, and what is there without a document.

use hatoba_core::Diagnostic;
use jiff::Timestamp;
use maud::{Markup, html};

use crate::shown::{Origin, PruningShown, Shown};
use crate::web::html::{ROWS_MAX, ago, badge, code, faint, none, section, table, text};

/// What was changed lately, and who made that necessary.
pub(super) fn events(shown: &Shown, now: Timestamp) -> Markup {
    let events = &shown.events;
    let columns = ["When", "Document", "Who", "Action", "AWS id", "Cause"];
    let rows = events.iter().take(ROWS_MAX).map(|event| {
        let who = match event.origin {
            Origin::Document => badge("good", "→", "document"),
            Origin::Drift => badge("unsure", "↺", "drift"),
            Origin::Removal => badge("bad", "−", "removal"),
        };
        [
            ago(event.time, now),
            html! { (text(&event.document.to_string())) },
            who,
            html! { (text(&event.action)) },
            if event.id.is_empty() {
                html! {}
            } else {
                code(&event.id)
            },
            html! { (text(&event.cause)) },
        ]
    });
    let body = match events.len() {
        0 => none("Nothing was changed since the start."),
        count => table("events", &columns, rows, count),
    };
    section("events", "Recent changes", None, &body)
}

/// Where something is wrong, not what: the sentence may quote a value.
pub(super) fn findings(diagnostics: &[Diagnostic]) -> Markup {
    if diagnostics.is_empty() {
        return html! {};
    }
    let rows = diagnostics.iter().take(ROWS_MAX).map(|diagnostic| {
        let tone = match diagnostic.is_error() {
            true => badge("bad", "✕", "error"),
            false => badge("unsure", "!", "warning"),
        };
        let path = match diagnostic.path.as_str() {
            "" => faint("the whole"),
            path => code(path),
        };
        let rule = diagnostic.rule.map_or_else(|| html! {}, code);
        [code(&diagnostic.place.to_string()), tone, rule, path]
    });
    let body = html! {
        (table("findings", &["Place", "Severity", "Rule", "Field"], rows, diagnostics.len()))
        p.none.small { code { "hatoba validate" } " says what is wrong." }
    };
    section("findings", "Findings in the source", Some(&diagnostics.len().to_string()), &body)
}

/// What would be deleted, and why it is not.
pub(super) fn pruning(pruning: &[PruningShown]) -> Markup {
    let columns = ["Document that is gone", "Resource", "Why it is still there"];
    let rows = pruning.iter().take(ROWS_MAX).map(|pruning| {
        [
            html! { (text(&pruning.document.to_string())) },
            code(&pruning.id),
            html! { (text(&pruning.held.to_string())) },
        ]
    });
    let body = match pruning.len() {
        0 => none("Nothing waits to be deleted."),
        count => table("pruning", &columns, rows, count),
    };
    section("pruning", "Pruning held", Some(&pruning.len().to_string()), &body)
}

/// Children of our APIs that nobody asked for.
pub(super) fn rogue(children: &[String]) -> Markup {
    let rows = children.iter().take(ROWS_MAX).map(|child| [code(child)]);
    let body = match children.len() {
        0 => none("None: every child of our APIs is asked for by a document."),
        count => table("rogue", &["Resource that no document asks for"], rows, count),
    };
    section("rogue", "Rogue children", Some(&children.len().to_string()), &body)
}
