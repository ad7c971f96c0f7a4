//! The pieces of the page: escaping, tables, times. Pure.

use std::fmt::Write as _;

use jiff::Timestamp;

/// Rows of one table: more do not help people, and the page is made anew every few seconds.
pub(super) const ROWS_MAX: usize = 500;
/// Characters of one value; AWS's messages can be pages long.
const CHARS_MAX: usize = 600;

pub(super) fn section(html: &mut String, id: &str, heading: &str, count: Option<&str>, body: &str) {
    let count = count.map(|count| format!(r#" <span class="count">· {count}</span>"#)).unwrap_or_default();
    let _ = writeln!(
        html,
        r#"<section aria-labelledby="{id}"><h2 id="{id}">{heading}{count}</h2>
{body}</section>"#
    );
}

/// A table of rows that are HTML already; the first cell of each names the row.
pub(super) fn table<const N: usize>(
    id: &str,
    columns: &[&str; N],
    rows: impl Iterator<Item = [String; N]>,
    total: usize,
) -> String {
    let mut html = format!(r#"<table class="{id}" aria-labelledby="{id}"><thead><tr>"#);
    for column in columns {
        let _ = write!(html, r#"<th scope="col">{column}</th>"#);
    }
    html.push_str("</tr></thead>\n<tbody>\n");
    for row in rows {
        html.push_str("<tr>");
        for (index, (column, cell)) in columns.iter().zip(&row).enumerate() {
            if index == 0 {
                let _ = write!(html, r#"<th scope="row">{cell}</th>"#);
            } else {
                let class = if cell.is_empty() { r#" class="empty""# } else { "" };
                let _ = write!(html, r#"<td{class} data-label="{column}">{cell}</td>"#);
            }
        }
        html.push_str("</tr>\n");
    }
    html.push_str("</tbody></table>\n");
    if total > ROWS_MAX {
        let _ = writeln!(
            html,
            r#"<p class="none small">and {} more: see <a href="api/v1/status">the status as JSON</a>.</p>"#,
            total - ROWS_MAX
        );
    }
    html
}

pub(super) fn fact_list(facts: &[(&str, String)]) -> String {
    let facts = facts.iter().map(|(name, fact)| format!("<div><dt>{name}</dt><dd>{fact}</dd></div>\n"));
    format!("<dl class=\"facts\">\n{}</dl>\n", facts.collect::<String>())
}

pub(super) fn badge(tone: &str, sign: &str, word: &str) -> String {
    format!(
        r#"<span class="badge {tone}"><span aria-hidden="true">{sign}</span> {word}</span>"#,
        word = value(word)
    )
}

pub(super) fn faint(text: &str) -> String {
    format!(r#"<span class="faint">{}</span>"#, value(text))
}

pub(super) fn ago(when: Timestamp, now: Timestamp) -> String {
    time(when, &format!("{} ago", span(now.duration_since(when).as_secs_f64())))
}

pub(super) fn elapsed(when: Timestamp, now: Timestamp) -> String {
    time(when, &span(now.duration_since(when).as_secs_f64()))
}

fn time(when: Timestamp, text: &str) -> String {
    let whole = when.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    format!(r#"<time datetime="{whole}" title="{whole}">{text}</time>"#)
}

/// `4 s`, `3 min`, `5 h`, `2 d`; what lies ahead of a clock that was set back is `0 s`.
pub(super) fn span(seconds: f64) -> String {
    match seconds.max(0.0) as u64 {
        seconds @ 0..=119 => format!("{seconds} s"),
        seconds @ 120..=7_199 => format!("{} min", seconds / 60),
        seconds @ 7_200..=172_799 => format!("{} h", seconds / 3_600),
        seconds => format!("{} d", seconds / 86_400),
    }
}

/// Any text from outside, short and harmless.
pub(super) fn value(text: &str) -> String {
    match text.char_indices().nth(CHARS_MAX) {
        Some((end, _)) => escape(&text[..end]) + "…",
        None => escape(text),
    }
}

/// Text for HTML, in an element or a quoted attribute. Control characters and those that turn the direction of
/// writing around (Unicode TR 9) are made visible, so that a name cannot look like another.
pub(super) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len() + 16);
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            '\n' | '\r' | '\t' => escaped.push(' '),
            '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => escaped.push('\u{fffd}'),
            letter if letter.is_control() => escaped.push('\u{fffd}'),
            letter => escaped.push(letter),
        }
    }
    escaped
}
