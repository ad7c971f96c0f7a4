//! The table: a line for each document, what is worth knowing below it, and a last line that says how many stand.
//!
//! URLs are long. On a terminal that is too narrow for them they have lines of their own below the table, so that the
//! message stays where the eye looks for it.

use std::io::Write as _;

use anstyle::AnsiColor;
use hatoba_core::{Key, Status, Truth};

use super::{Look, UNJUDGED, age, is_ready};
use crate::report::{count, cut, paint, visible};

/// Columns of a message in the table.
const MESSAGE_CHARS: usize = 400;
/// Of a line below it.
const LINE_CHARS: usize = 240;
/// What a message needs beside the other columns: less than that, and it begins at the edge of the terminal.
const MESSAGE_CHARS_MIN: usize = 40;

const HEAD: [&str; 8] = ["DOCUMENT", "SYNCED", "READY", "SERVING", "DRIFT", "AGE", "URL", "MESSAGE"];
const URL: usize = 6;

/// Columns of the terminal; `None`: it is none.
pub(super) fn columns() -> Option<usize> {
    terminal_size::terminal_size_of(std::io::stdout()).map(|(width, _)| usize::from(width.0))
}

impl Look {
    pub(super) fn table(
        &self,
        out: &mut Vec<u8>,
        colour: bool,
        columns: Option<usize>,
    ) -> std::io::Result<()> {
        if let Some(warning) = &self.warning {
            writeln!(out, "{}", paint(&visible(warning), AnsiColor::Yellow.on_default(), colour))?;
        }
        let mut rows: Vec<[String; 8]> = vec![HEAD.map(str::to_owned)];
        rows.extend(self.statuses.iter().map(|(key, status)| self.row(key, status)));
        rows.extend(self.unknown().map(|key| {
            let [document, synced, message] = [key.to_string(), "Unknown".to_owned(), not_judged()];
            let [serving, drift, age, url] = std::array::from_fn(|_| "-".to_owned());
            [document, synced.clone(), synced, serving, drift, age, url, message]
        }));
        let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
        let widths: [usize; 8] = std::array::from_fn(width);
        let needed = widths[..=URL].iter().map(|width| width + 2).sum::<usize>() + MESSAGE_CHARS_MIN;
        let is_narrow = columns.is_some_and(|columns| columns < needed);
        for (index, row) in rows.iter().enumerate() {
            let mut line = String::new();
            for (column, cell) in row.iter().enumerate().take(if is_narrow { URL } else { URL + 1 }) {
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
        for row in rows.iter().skip(1).filter(|row| is_narrow && row[URL] != "-") {
            writeln!(out, "{}: {}", visible(&row[0]), visible(&row[URL]))?;
        }
        for line in self.lines() {
            let line = visible(&line);
            writeln!(
                out,
                "{}",
                paint(cut(&line, LINE_CHARS).as_ref(), AnsiColor::Yellow.on_default(), colour)
            )?;
        }
        writeln!(out, "{}{}", self.ready(), self.serving(colour))
    }

    fn row(&self, key: &Key, status: &Status) -> [String; 8] {
        let conditions = [Some(&status.synced), Some(&status.ready), status.serving.as_ref()];
        let message = conditions.into_iter().flatten().find(|shown| shown.status != Truth::True);
        let message = match (message, self.unjudged.contains(key)) {
            (_, true) => not_judged(),
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
    }

    /// `8 of 8 documents ready`.
    fn ready(&self) -> String {
        let is_counted = |(key, status): &(&Key, &Status)| is_ready(status) && !self.unjudged.contains(key);
        let ready = self.statuses.iter().filter(is_counted).count();
        let all = self.statuses.len() + self.unknown().count();
        format!("{ready} of {} ready", count(all, "document"))
    }

    /// `, 1 of 2 serving; not: Route/default-route`: where anything shows Serving, whoever asks whether all is well must
    /// not overlook it.
    fn serving(&self, colour: bool) -> String {
        let shown = self.statuses.iter().filter_map(|(key, status)| Some((key, status.serving.as_ref()?)));
        let (serving, not): (Vec<_>, Vec<_>) =
            shown.partition(|(key, serving)| serving.status == Truth::True && !self.unjudged.contains(*key));
        if serving.is_empty() && not.is_empty() {
            return String::new();
        }
        let text = format!(", {} of {} serving", serving.len(), serving.len() + not.len());
        if not.is_empty() {
            return text;
        }
        let names: Vec<String> = not.iter().map(|(key, _)| visible(&key.to_string())).collect();
        let text = format!("{text}; not: {}", names.join(", "));
        paint(cut(&text, LINE_CHARS).as_ref(), AnsiColor::Red.on_default(), colour)
    }
}

fn not_judged() -> String {
    format!("NotJudged: {UNJUDGED}")
}
