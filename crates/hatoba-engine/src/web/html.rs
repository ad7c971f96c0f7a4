//! The pieces of the page: badges, tables, times, and text from outside made harmless. Pure.
//!
//! The template engine escapes what is spliced in; [`text`] does what it does not: it cuts, and makes visible what would
//! not be seen.

use jiff::Timestamp;
use maud::{Markup, html};

/// Rows of one table: more do not help people, and the page is made anew every few seconds.
pub(super) const ROWS_MAX: usize = 500;
/// Characters of one value; AWS's messages can be pages long.
const CHARS_MAX: usize = 600;

/// A part of the page under its own heading.
pub(super) fn section(id: &str, heading: &str, count: Option<&str>, body: &Markup) -> Markup {
    html! {
        section aria-labelledby=(id) {
            h2 #(id) tabindex="-1" {
                (heading)
                @if let Some(count) = count { " " span.count { "· " (count) } }
            }
            (body)
        }
    }
}

/// A table; the first cell of each row names it. Cells without content vanish on narrow screens.
pub(super) fn table<const N: usize>(
    id: &str,
    columns: &[&str; N],
    rows: impl Iterator<Item = [Markup; N]>,
    total: usize,
) -> Markup {
    html! {
        table class=(id) aria-labelledby=(id) {
            thead { tr { @for column in columns { th scope="col" { (column) } } } }
            tbody {
                @for row in rows {
                    tr {
                        @for (index, (column, cell)) in columns.iter().zip(&row).enumerate() {
                            @if index == 0 {
                                th scope="row" { (cell) }
                            } @else {
                                td class=[cell.0.is_empty().then_some("empty")] data-label=(column) { (cell) }
                            }
                        }
                    }
                }
            }
        }
        @if total > ROWS_MAX {
            p.none.small { "and " (total - ROWS_MAX) " more: see " a href="api/v1/status" { "the status as JSON" } "." }
        }
    }
}

/// Names and what they stand for.
pub(super) fn fact_list(facts: &[(&str, Markup)]) -> Markup {
    html! {
        dl.facts { @for (name, fact) in facts { div { dt { (name) } dd { (fact) } } } }
    }
}

/// A word with a sign, so that colour is not all that tells.
pub(super) fn badge(tone: &str, sign: &str, word: &str) -> Markup {
    html! { span class={ "badge " (tone) } { span aria-hidden="true" { (sign) } " " (text(word)) } }
}

pub(super) fn faint(words: &str) -> Markup {
    html! { span.faint { (text(words)) } }
}

pub(super) fn code(words: &str) -> Markup {
    html! { code { (text(words)) } }
}

pub(super) fn none(words: &str) -> Markup {
    html! { p.none { (words) } }
}

/// `3 min ago`.
pub(super) fn ago(when: Timestamp, now: Timestamp) -> Markup {
    time(when, &format!("{} ago", span(now.duration_since(when).as_secs_f64())))
}

/// `3 min`.
pub(super) fn elapsed(when: Timestamp, now: Timestamp) -> Markup {
    time(when, &span(now.duration_since(when).as_secs_f64()))
}

fn time(when: Timestamp, words: &str) -> Markup {
    let whole = when.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    html! { time datetime=(whole) title=(whole) { (words) } }
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

/// Any text from outside, short and visible, to be spliced in. Control characters and those that turn the direction of
/// writing around (Unicode TR 9) are made visible, so that a name cannot look like another.
pub(super) fn text(words: &str) -> String {
    let visible = |letter: char| match letter {
        '\n' | '\r' | '\t' => ' ',
        '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => '\u{fffd}',
        letter if letter.is_control() => '\u{fffd}',
        letter => letter,
    };
    let mut shown: String = words.chars().take(CHARS_MAX).map(visible).collect();
    if words.chars().nth(CHARS_MAX).is_some() {
        shown.push('…');
    }
    shown
}

/// The same in at most so many characters.
pub(super) fn cut(words: &str, chars: usize) -> String {
    let shown = text(words);
    if shown.chars().count() <= chars {
        return shown;
    }
    shown.chars().take(chars.saturating_sub(1)).chain(['…']).collect()
}
