//! The source line of a place, and how far the value goes that stands there.

use std::ops::Range;

use super::visible::visible_char;

/// One line of a source, harmless to print, and the bytes of it that are meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Excerpt {
    /// The line without its end; one character for each of the source, so that columns stay.
    pub(crate) line: String,
    /// What is to be underlined; empty at the line's end.
    pub(crate) span: Range<usize>,
}

impl Excerpt {
    /// The line at `line` with the value at `column`, both from 1; `None` if the text has no such line.
    pub(crate) fn of(text: &str, line: usize, column: usize) -> Option<Excerpt> {
        let line = nth_line(text, line)?;
        // Tabs stay: the renderer widens them, and counts them as one in the place.
        let line: String = line.chars().map(|c| if c == '\t' { c } else { visible_char(c) }).collect();
        let start = line.char_indices().nth(column.saturating_sub(1)).map_or(line.len(), |(start, _)| start);
        let span = start..start + value_bytes(&line[start..]);
        Some(Excerpt { line, span })
    }
}

/// Lines as YAML counts them: they end with LF, CR LF or CR.
fn nth_line(text: &str, number: usize) -> Option<&str> {
    let mut rest = text;
    for _ in 1..number {
        let end = rest.find(['\n', '\r'])?;
        let end_bytes = if rest[end..].starts_with("\r\n") { 2 } else { 1 };
        rest = &rest[end + end_bytes..];
    }
    let is_past_the_end = rest.is_empty() && number > 1;
    (!is_past_the_end).then(|| rest.split(['\n', '\r']).next().unwrap_or_default())
}

/// Bytes of the value (or member name) that `rest` begins with: a quoted scalar with its quotes, a plain one up to
/// what ends it, one character of anything else. Only for the underline, so it need not know all of YAML.
fn value_bytes(rest: &str) -> usize {
    let Some(first) = rest.chars().next() else { return 0 };
    match first {
        '"' | '\'' => quoted_bytes(rest, first),
        '[' | '{' | '|' | '>' => 1,
        '-' if rest == "-" || rest.starts_with("- ") => 1,
        _ => plain_bytes(rest).max(first.len_utf8()),
    }
}

/// A quoted scalar; what it has on this line if it goes on in the next.
fn quoted_bytes(rest: &str, quote: char) -> usize {
    let mut is_escaped = false;
    for (at, character) in rest.char_indices().skip(1) {
        match character {
            _ if is_escaped => is_escaped = false,
            '\\' if quote == '"' => is_escaped = true,
            _ if character == quote => return at + quote.len_utf8(),
            _ => {}
        }
    }
    rest.len()
}

fn plain_bytes(rest: &str) -> usize {
    let mut end = rest.len();
    let mut braces_open = 0_usize; // of `${NAME}` and the like
    for (at, character) in rest.char_indices() {
        let after = rest[at + character.len_utf8()..].chars().next();
        let ends_here = match character {
            '{' => {
                braces_open += 1;
                false
            }
            '}' if braces_open > 0 => {
                braces_open -= 1;
                false
            }
            ',' | ']' | '}' => true,
            ':' => after.is_none_or(char::is_whitespace),
            '#' => rest[..at].ends_with(char::is_whitespace),
            _ => false,
        };
        if ends_here {
            end = at;
            break;
        }
    }
    rest[..end].trim_end().len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_value_and_nothing_behind_it() {
        for (rest, value) in [
            ("-1", "-1"),
            ("-1 # seconds", "-1"),
            ("MULTIVALUE   ", "MULTIVALUE"),
            ("SRV, ttl: 60 }]", "SRV"),
            ("ttl: 60", "ttl"),
            ("arn:aws:x#y", "arn:aws:x#y"),
            ("${TEAM}-x }", "${TEAM}-x"),
            ("key:", "key"),
            ("\"a # \\\" b\": 1", "\"a # \\\" b\""),
            ("'it goes on", "'it goes on"),
            ("{ a: 1 }", "{"),
            ("- a", "-"),
            ("日本 x: 1", "日本 x"),
            (", odd", ","),
            ("", ""),
        ] {
            assert_eq!(&rest[..value_bytes(rest)], value, "{rest}");
        }
    }

    #[test]
    fn lines_as_yaml_counts_them() {
        let text = "a\nb\r\nc\rd\n";
        let lines: Vec<_> = (1..=6).map(|number| nth_line(text, number)).collect();
        assert_eq!(lines, [Some("a"), Some("b"), Some("c"), Some("d"), None, None]);
        assert_eq!(nth_line("", 1), Some(""));
    }

    #[test]
    fn any_place_has_an_excerpt_or_none_but_never_a_panic() {
        for text in ["", "a", "日本: '語", "\u{1b}[31m: \t x\r\n\r\n", "a: \u{9b}1m\u{202e}"] {
            for line in 0..5 {
                for column in 0..20 {
                    if let Some(Excerpt { line, span }) = Excerpt::of(text, line, column) {
                        assert!(line.get(span).is_some());
                    }
                }
            }
        }
    }
}
