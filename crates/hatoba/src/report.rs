//! What is wrong with documents, printed: for people as text with snippets, for programs as JSON.
//!
//! **Invariant: nothing that stands in a document reaches the terminal as a control sequence.** Everything printed
//! goes through [`visible()`] or, in JSON, is escaped.
//!
//! ```text
//! error: spec.dnsConfig.dnsRecords[0].ttl: expected 0 to 2147483647 seconds, got -1
//!   --> shop/discovery.yaml:14:18
//!    |
//! 14 |           ttl: -1
//!    |                ^^
//!    |
//! hint: 60 is the usual value for SRV records
//! ```

mod excerpt;
mod paint;
#[cfg(test)]
mod tests;
mod visible;

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::Arc;

use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};
use anstyle::AnsiColor;
use hatoba_core::{Diagnostic, Severity};
use hatoba_source::Snapshot;
use serde_json::json;

use excerpt::Excerpt;
pub(crate) use paint::{paint, wants_colour};
pub(crate) use visible::{cut, escaped_json, visible};

/// Prints the whole of what a command was asked for.
///
/// # Errors
/// Standard output cannot be written to; but who has read enough (`hatoba explain … | head`) may close it.
pub(crate) fn print(text: &str) -> anyhow::Result<ExitCode> {
    match io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(ExitCode::SUCCESS),
    }
}

/// How a command prints its result, `--output`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Output {
    /// For people.
    #[default]
    Text,
    /// One JSON object.
    Json,
}

/// Columns of a snippet; a longer source line is cut around the place that is meant. Most terminals are this wide.
const SNIPPET_COLUMNS: usize = 110;

/// Characters of a message or hint that are printed: some may quote a whole value, which may be a whole file.
const MESSAGE_CHARS_MAX: usize = 1_000;

/// What was found in a source, ready to be printed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Findings<'a> {
    /// Documents, good ones and held ones.
    pub(crate) documents: usize,
    /// Files, readable or not.
    pub(crate) files: usize,
    /// In the order in which they are printed.
    pub(crate) diagnostics: &'a [Diagnostic],
    /// The text of each file, for snippets.
    pub(crate) sources: &'a BTreeMap<String, Arc<str>>,
}

impl<'a> Findings<'a> {
    /// These findings about that source.
    pub(crate) fn of(snapshot: &'a Snapshot, diagnostics: &'a [Diagnostic]) -> Self {
        Findings {
            documents: snapshot.documents.len() + snapshot.held.len(),
            files: snapshot.files,
            diagnostics,
            sources: &snapshot.sources,
        }
    }

    /// How many errors there are.
    pub(crate) fn errors(&self) -> usize {
        self.diagnostics.iter().filter(|diagnostic| diagnostic.is_error()).count()
    }

    /// How many warnings there are.
    pub(crate) fn warnings(&self) -> usize {
        self.diagnostics.len() - self.errors()
    }

    /// Every diagnostic with its snippet, then the summary.
    ///
    /// # Errors
    /// What `out` says.
    pub(crate) fn write_text(&self, out: &mut dyn Write, colour: bool) -> io::Result<()> {
        for diagnostic in self.diagnostics {
            writeln!(out, "{}\n", self.render(diagnostic, colour))?;
        }
        let style = match (self.errors(), self.warnings()) {
            (0, 0) => AnsiColor::Green,
            (0, _) => AnsiColor::Yellow,
            (_, _) => AnsiColor::Red,
        };
        writeln!(out, "{}", paint(&self.summary(), style.on_default(), colour))
    }

    /// One JSON object.
    pub(crate) fn json(&self) -> String {
        let found = json!({
            "documents": self.documents,
            "errors": self.errors(),
            "warnings": self.warnings(),
            "diagnostics": self.diagnostics,
        });
        escaped_json(&format!("{found:#}"))
    }

    /// For example `3 documents in 2 files: 1 error, 0 warnings`.
    pub(crate) fn summary(&self) -> String {
        let what = format!("{} in {}", count(self.documents, "document"), count(self.files, "file"));
        match (self.errors(), self.warnings()) {
            (0, 0) if self.documents == 0 => format!("{what}: nothing to check"),
            (0, 0) => format!("{what}: all good"),
            (errors, warnings) => {
                format!("{what}: {}, {}", count(errors, "error"), count(warnings, "warning"))
            }
        }
    }

    /// One diagnostic: message, place, source line, hint. No line break at the end.
    pub(crate) fn render(&self, diagnostic: &Diagnostic, colour: bool) -> String {
        let level = match diagnostic.severity {
            Severity::Error => Level::ERROR,
            Severity::Warning => Level::WARNING,
        };
        let message = match diagnostic.path.as_str() {
            "" => diagnostic.message.clone(),
            path => format!("{path}: {}", diagnostic.message),
        };
        let mut title = level.primary_title(cut(&visible(&message), MESSAGE_CHARS_MAX));
        if let Some(rule) = diagnostic.rule {
            title = title.id(rule);
        }
        let place = &diagnostic.place;
        let file = visible(&place.file);
        let source = self.sources.get(&place.file);
        let mut groups = vec![match source.and_then(|text| Excerpt::of(text, place.line, place.column)) {
            Some(Excerpt { line, span }) => title.element(
                Snippet::source(line)
                    .path(file)
                    .line_start(place.line)
                    .annotation(AnnotationKind::Primary.span(span)),
            ),
            None => title.element(Origin::path(file).line(place.line).char_column(place.column)),
        }];
        if let Some(hint) = &diagnostic.hint {
            // A secondary title may carry styles, so the renderer leaves it as it is: `visible` makes it harmless.
            let hint = cut(&visible(hint), MESSAGE_CHARS_MAX);
            groups.push(Group::with_title(Level::HELP.with_name("hint").secondary_title(hint)));
        }
        let renderer = if colour { Renderer::styled() } else { Renderer::plain() };
        renderer.term_width(SNIPPET_COLUMNS).render(&groups)
    }
}

/// For example `1 file`, `2 files`.
pub(crate) fn count(number: usize, what: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {what}{plural}")
}
