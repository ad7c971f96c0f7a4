//! AWS's regular expressions, which are Python's.

use std::cell::RefCell;
use std::collections::BTreeMap;

use regex_lite::Regex;

/// What our engine cannot express, for it has no look-ahead and no classes of Unicode: AWS's pattern, the patterns that
/// must hold in its place, and those that must not.
type InParts = (&'static str, &'static [&'static str], &'static [&'static str]);

const IN_PARTS: [InParts; 4] = [
    (r"^(?!arn:)[!-~]{1,1024}$", &[r"[!-~]{1,1024}"], &[r"arn:.*"]),
    (r"^(?!arn:)[!-~]{1,253}$", &[r"[!-~]{1,253}"], &[r"arn:.*"]),
    (
        r"((?=^.{1,127}$)^([a-zA-Z0-9_][a-zA-Z0-9-_]{0,61}[a-zA-Z0-9_]|[a-zA-Z0-9])(\.([a-zA-Z0-9_][a-zA-Z0-9-_]{0,61}[a-zA-Z0-9_]|[a-zA-Z0-9]))*$)|(^\.$)",
        &[
            r".{1,127}",
            r"([a-zA-Z0-9_][a-zA-Z0-9_-]{0,61}[a-zA-Z0-9_]|[a-zA-Z0-9])(\.([a-zA-Z0-9_][a-zA-Z0-9_-]{0,61}[a-zA-Z0-9_]|[a-zA-Z0-9]))*|\.",
        ],
        &[],
    ),
    // Beyond ASCII nothing is looked at.
    (r"([\p{L}\p{Z}\p{N}_.:/=+\-@]*)", &[r"([^\x00-\x7f]|[a-zA-Z0-9 _.:/=+@-])*"], &[]),
];

thread_local! {
    /// What was compiled.
    static COMPILED: RefCell<BTreeMap<String, Regex>> = RefCell::default();
}

/// Whether the whole text is like AWS's pattern, as AWS takes all of its patterns.
pub(super) fn fits(pattern: &str, text: &str) -> bool {
    match IN_PARTS.iter().find(|(whole, ..)| *whole == pattern) {
        Some((_, parts, never)) => {
            parts.iter().all(|part| is_whole(part, text)) && !never.iter().any(|part| is_whole(part, text))
        }
        None => is_whole(pattern, text),
    }
}

fn is_whole(pattern: &str, text: &str) -> bool {
    COMPILED.with_borrow_mut(|compiled| {
        let regex = compiled.entry(pattern.to_owned()).or_insert_with(|| {
            let whole = Regex::new(&format!(r"^(?:{pattern})$"));
            whole.unwrap_or_else(|error| panic!("{pattern} has to be put in parts: {error}"))
        });
        regex.is_match(text)
    })
}

#[test]
fn a_pattern_in_parts_is_like_the_whole() {
    for (pattern, good, bad) in [
        (IN_PARTS[0].0, "shop", "arn:shop"),
        (IN_PARTS[1].0, "a.example.com", "a b"),
        (IN_PARTS[2].0, "_web._tcp", "-web"),
        (IN_PARTS[3].0, "a ä:1", "a#"),
        (r"^[a-z0-9]+$", "a1", "a1\n"),
        (r"[a-zA-Z0-9\.\*\-]+", "m5.*", "m5 x"),
    ] {
        assert!(fits(pattern, good), "{pattern} {good}");
        assert!(!fits(pattern, bad), "{pattern} {bad}");
    }
}
