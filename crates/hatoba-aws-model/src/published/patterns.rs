//! AWS's regular expressions, as the few functions that they come to: nothing is compiled, and nothing is guessed. They
//! hold for a whole text, whether or not they say so.

/// A pattern, and what it comes to.
type Pattern = (&'static str, fn(&str) -> bool);

/// All that stand in requests to the services of the model.
const PATTERNS: [Pattern; 8] = [
    (r"([\p{L}\p{Z}\p{N}_.:/=+\-@]*)", |text| text.chars().all(is_tagged)),
    (r"^[a-zA-Z0-9!-~]+$", |text| !text.is_empty() && is_graphic(text)),
    (r"^([a-zA-Z0-9!-~][ \ta-zA-Z0-9!-~]*){0,1}[a-zA-Z0-9!-~]{0,1}$", |text| {
        !text.starts_with([' ', '\t']) && text.chars().all(|c| c.is_ascii_graphic() || c == ' ' || c == '\t')
    }),
    (r"^[0-9a-zA-Z_/:.@-]+$", |text| {
        !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || "_/:.@-".contains(c))
    }),
    (r"^[!-~]{1,1024}$", |text| is_graphic(text) && (1..=1024).contains(&text.len())),
    (r"^(?!arn:)[!-~]{1,1024}$", |text| is_named(text, 1024)),
    (r"^(?!arn:)[!-~]{1,253}$", |text| is_named(text, 253)),
    (
        r"((?=^.{1,127}$)^([a-zA-Z0-9_][a-zA-Z0-9-_]{0,61}[a-zA-Z0-9_]|[a-zA-Z0-9])(\.([a-zA-Z0-9_][a-zA-Z0-9-_]{0,61}[a-zA-Z0-9_]|[a-zA-Z0-9]))*$)|(^\.$)",
        |text| text == "." || text.len() <= 127 && text.split('.').all(is_label),
    ),
];

/// Whether the whole text is like the pattern. One that is not in the table is like nothing, which a test would show.
pub(super) fn fits(pattern: &str, text: &str) -> bool {
    PATTERNS.iter().any(|(known, is_so)| *known == pattern && is_so(text))
}

/// All that the table has.
#[cfg(test)]
pub(super) fn known() -> impl Iterator<Item = &'static str> {
    PATTERNS.iter().map(|(pattern, _)| *pattern)
}

/// Letters, separators, numbers and some signs. What Unicode calls alphabetic has a few marks that are no letters.
fn is_tagged(letter: char) -> bool {
    letter.is_alphanumeric()
        || (letter.is_whitespace() && !letter.is_control())
        || "_.:/=+-@".contains(letter)
}

fn is_graphic(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// A namespace's name, which is no ARN.
fn is_named(text: &str, most: usize) -> bool {
    !text.starts_with("arn:") && is_graphic(text) && (1..=most).contains(&text.len())
}

/// Between the dots of a service's name.
fn is_label(text: &str) -> bool {
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    match text.as_bytes() {
        [one] => one.is_ascii_alphanumeric(),
        [first, middle @ .., last] => {
            middle.len() <= 61
                && is_word(*first)
                && is_word(*last)
                && middle.iter().all(|byte| is_word(*byte) || *byte == b'-')
        }
        [] => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fitting<'a>(at: usize, texts: &[&'a str]) -> Vec<&'a str> {
        texts.iter().filter(|text| fits(PATTERNS[at].0, text)).copied().collect()
    }

    #[test]
    fn patterns_hold_for_whole_texts() {
        assert_eq!(fitting(0, &["", "Käse 1:a/b=+-@_.", "a#", "a\tb", "*"]), ["", "Käse 1:a/b=+-@_."]);
        assert_eq!(fitting(1, &["", "a!~", "a b", "ä"]), ["a!~"]);
        assert_eq!(fitting(2, &["", "a b\tc ", " a", "\ta", "ä", "~"]), ["", "a b\tc ", "~"]);
        assert_eq!(fitting(3, &["", "a_/:.@-9", "a b"]), ["a_/:.@-9"]);
        assert_eq!(fitting(4, &["", "arn:a", "a b"]), ["arn:a"]);
        let long = "a".repeat(254);
        assert_eq!(fitting(5, &["", "arn:a", "a b", "shop", &long]), ["shop", &long]);
        assert_eq!(fitting(6, &["arn:a", "a.example.com", &long, "ä"]), ["a.example.com"]);
    }

    #[test]
    fn a_services_name_is_of_labels() {
        let (longest, long) = ("a".repeat(63), "a".repeat(64));
        let whole = [longest.as_str(), longest.as_str()].join(".");
        let good = [".", "a", "web", "_web._tcp", "a-b", &longest, &whole];
        assert_eq!(fitting(7, &good), good);
        let over = format!("{whole}.a");
        assert_eq!(fitting(7, &["", "_", "-a", "a-", "a..b", "a.", "a b", &long, &over, "ä"]), [""; 0]);
    }
}
