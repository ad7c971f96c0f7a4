//! Each step of a run as one line in plain words.
//!
//! ```text
//! 12:00:03  VpcLink/fine-vpc-link                     created vl-1a2b3c         because nothing was there
//! ```

use anstyle::{AnsiColor, Style};
use hatoba_engine::Event;

use crate::report::{cut, paint, visible};

/// Columns of the document: as long as the names of an ordinary stack.
const DOCUMENT_COLUMNS: usize = 40;

/// Columns of what was done: a verb and an id of API Gateway or Cloud Map.
const DEED_COLUMNS: usize = 24;

/// Characters of the cause; some quote AWS at length, and the log has all of it.
const CAUSE_CHARS_MAX: usize = 300;

/// One event on one line, without a line break; the time is UTC.
pub(crate) fn line(event: &Event, colour: bool) -> String {
    let time = event.time.strftime("%H:%M:%S").to_string();
    let document = visible(&event.document.to_string());
    let (deed, style) = deed(&visible(&event.action), &event.document.kind, &visible(&event.id));
    let cause = cut(&visible(&event.cause), CAUSE_CHARS_MAX);
    let time = paint(&time, Style::new().dimmed(), colour);
    let start = format!("{time}  {document:<DOCUMENT_COLUMNS$}");
    if cause.is_empty() {
        return format!("{start}  {}", paint(&deed, style, colour));
    }
    let because = because(&cause);
    let deed = paint(&format!("{deed:<DEED_COLUMNS$}"), style, colour);
    format!("{start}  {deed}  {because}{cause}")
}

/// "because nothing was there", "because of drift: description".
fn because(cause: &str) -> &'static str {
    match cause.split_once(": ") {
        _ if cause.starts_with("because ") => "",
        Some((topic, _)) if topic.split(' ').count() <= 2 => "because of ",
        _ => "because ",
    }
}

/// What AWS's operations begin with, what was done then, and its colour.
const VERBS: &[(&str, &str, AnsiColor)] = &[
    ("Create", "created", AnsiColor::Green),
    ("Register", "registered", AnsiColor::Green),
    ("Update", "updated", AnsiColor::Yellow),
    ("Put", "set", AnsiColor::Yellow),
    ("Tag", "tagged", AnsiColor::Yellow),
    ("Untag", "untagged", AnsiColor::Yellow),
    ("Delete", "deleted", AnsiColor::Red),
    ("Deregister", "deregistered", AnsiColor::Red),
];

/// `CreateVpcLink` of a `VpcLink` is "created vl-1"; `DeleteCorsConfiguration` of an `HttpApi`, where the thing is
/// only a part, "removed corsConfiguration of a1b2c3". What is no operation is said in its own words.
fn deed(action: &str, kind: &str, id: &str) -> (String, Style) {
    let operation = VERBS.iter().find_map(|(prefix, verb, colour)| {
        let noun = action.strip_prefix(prefix)?;
        noun.starts_with(|c: char| c.is_ascii_uppercase()).then_some((noun, *verb, colour.on_default()))
    });
    let id = short(id);
    let (words, style) = match operation {
        None => (format!("{} {id}", words(action)), Style::new()),
        // AWS leaves parts of the kind's name out: `DeleteNamespace`, `UpdateService`, `TagResource`.
        Some((noun, verb, style)) if kind.ends_with(noun) || noun == "Resource" => {
            (format!("{verb} {id}"), style)
        }
        Some((part, verb, style)) => {
            let verb = if verb == "deleted" { "removed" } else { verb };
            let of = if id.is_empty() { String::new() } else { format!("of {id}") };
            (format!("{verb} {} {of}", member(part)), style)
        }
    };
    (words.trim_end().to_owned(), style)
}

/// An ARN without what is the same for the whole account: `arn:aws:ecs:eu-west-1:123456789012:service/main/x` →
/// `service/main/x`.
fn short(id: &str) -> &str {
    match id.strip_prefix("arn:") {
        Some(rest) => rest.splitn(5, ':').nth(4).unwrap_or(id),
        None => id,
    }
}

/// `CorsConfiguration` → `corsConfiguration`, as documents write it.
fn member(noun: &str) -> String {
    let mut chars = noun.chars();
    chars.next().map(|first| first.to_ascii_lowercase()).into_iter().chain(chars).collect()
}

/// `FuseOpened` → `fuse opened`; several words stay as they are.
fn words(action: &str) -> String {
    if action.contains(' ') {
        return action.to_owned();
    }
    let mut words = String::new();
    let mut is_after_small = false;
    for character in action.chars() {
        if character.is_ascii_uppercase() && is_after_small {
            words.push(' ');
        }
        is_after_small = !character.is_ascii_uppercase();
        words.push(character.to_ascii_lowercase());
    }
    words
}

#[cfg(test)]
mod tests {
    use hatoba_core::Key;

    use super::*;

    fn event(document: Key, action: &str, id: &str, cause: &str) -> Event {
        let (action, id, cause) = (action.to_owned(), id.to_owned(), cause.to_owned());
        let origin = hatoba_engine::Origin::Document;
        Event { time: "2024-05-06T12:00:03.9Z".parse().unwrap(), document, action, id, cause, origin }
    }

    #[test]
    fn one_line_says_when_what_and_why() {
        let created =
            event(Key::new("VpcLink", "fine-vpc-link"), "CreateVpcLink", "vl-1a2b3c", "nothing was there");
        let expected = "12:00:03  VpcLink/fine-vpc-link                     created vl-1a2b3c         because nothing was there";
        assert_eq!(line(&created, false), expected);
        let coloured = line(&created, true);
        assert_ne!(coloured, expected);
        assert_eq!(anstream::adapter::strip_str(&coloured).to_string(), expected);

        let silent = event(Key::new("Route", "r"), "DeleteRoute", "r-1", "");
        assert_eq!(line(&silent, false), format!("12:00:03  {:<40}  deleted r-1", "Route/r"));
    }

    #[test]
    fn operations_in_plain_words() {
        for (kind, action, id, words) in [
            ("VpcLink", "CreateVpcLink", "vl-1", "created vl-1"),
            ("Route", "UpdateRoute", "r-1", "updated r-1"),
            ("Stage", "DeleteStage", "$default", "deleted $default"),
            ("PrivateDnsNamespace", "DeleteNamespace", "ns-1", "deleted ns-1"),
            ("HttpApi", "CreateApi", "a1", "created a1"),
            ("HttpApi", "TagResource", "a1", "tagged a1"),
            ("HttpApi", "UntagResource", "a1", "untagged a1"),
            ("HttpApi", "DeleteCorsConfiguration", "a1", "removed corsConfiguration of a1"),
            ("Stage", "CreateDeployment", "d1", "created deployment of d1"),
            ("DiscoveryService", "UpdateServiceAttributes", "srv-1", "updated serviceAttributes of srv-1"),
            ("EcsTaskDefinition", "RegisterTaskDefinition", "great:2", "registered great:2"),
            (
                "EcsService",
                "UpdateService",
                "arn:aws:ecs:eu-west-1:1:service/main/great",
                "updated service/main/great",
            ),
            ("EcsService", "CreateService", "", "created"),
            ("Route", "Tagged", "r-1", "tagged r-1"),
            ("Route", "FuseOpened", "", "fuse opened"),
            ("Route", "CNAME", "", "cname"),
            ("Route", "has become ready", "", "has become ready"),
            ("Route", "", "", ""),
        ] {
            assert_eq!(deed(action, kind, id).0, words, "{action}");
        }
        assert_eq!(short("arn:odd"), "arn:odd");
    }

    #[test]
    fn causes_read_as_sentences() {
        for (cause, before) in [
            ("nothing was there", "because "),
            ("drift: corsConfiguration, description", "because of "),
            ("the document: tags", "because of "),
            ("no document asks for it: it is gone", "because "),
            ("because it was gone", ""),
        ] {
            assert_eq!(because(cause), before, "{cause}");
        }
    }

    #[test]
    fn an_event_stays_on_its_line() {
        let evil = event(
            Key::new("Route", "r"),
            "Create\u{1b}[2J",
            "\u{9b}2J\n",
            &format!("\u{1b}\n{}", "x".repeat(900)),
        );
        let line = line(&evil, false);
        assert!(!line.contains(char::is_control), "{line:?}");
        assert!(line.chars().count() < 400);
    }
}
