//! A pause that somebody wrote on the AWS resource itself: a tag that says until when it is left alone.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::Cause;

/// `hatoba:pause-until=2026-12-24T18:00:00Z`: nothing is written to the resource, nor to what stands in it, before then.
pub const PAUSE_TAG: &str = "hatoba:pause-until";

/// What a resource's tags say of a pause.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pause {
    /// None is under way.
    No,
    /// It is to be left alone until then.
    Until(Timestamp),
    /// The tag is there and is no RFC 3339 time: it pauses nothing, and is said.
    Unreadable(Cause),
}

/// Reads the pause tag as of `now`. One that is over counts no more; nobody needs to remove it.
pub fn pause(id: &str, tags: &BTreeMap<String, String>, now: Timestamp) -> Pause {
    let Some(text) = tags.get(PAUSE_TAG) else { return Pause::No };
    match text.parse::<Timestamp>() {
        Ok(until) if until > now => Pause::Until(until),
        Ok(_) => Pause::No,
        Err(_) => Pause::Unreadable(Cause::new(
            "PauseUnreadable",
            format!(
                "the tag {PAUSE_TAG} of {id} pauses nothing: expected a time such as 2026-12-24T18:00:00Z, got `{text}`"
            ),
        )),
    }
}

/// Why nothing is written meanwhile.
pub fn paused(id: &str, until: Timestamp) -> Cause {
    Cause::new("Paused", format!("the tag {PAUSE_TAG} of {id} says to leave it alone until {until}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_ends_by_itself_and_rubbish_pauses_nothing() {
        let now: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        let read = |text: &str| pause("x1", &BTreeMap::from([(PAUSE_TAG.to_owned(), text.to_owned())]), now);
        assert_eq!(pause("x1", &BTreeMap::new(), now), Pause::No);
        for (text, until) in [
            ("2026-01-01T00:00:01Z", Some("2026-01-01T00:00:01Z")),
            ("2026-01-01T09:00:01+09:00", Some("2026-01-01T00:00:01Z")),
            ("2026-01-01T00:00:00Z", None),
            ("2025-12-31T00:00:00Z", None),
        ] {
            let expected = until.map_or(Pause::No, |until| Pause::Until(until.parse().unwrap()));
            assert_eq!(read(text), expected, "{text}");
        }
        for rubbish in ["", "2026-01-02", "tomorrow", "true", "99999999999999999999"] {
            let Pause::Unreadable(cause) = read(rubbish) else { panic!("{rubbish}") };
            assert!(cause.message.contains("expected a time") && cause.message.contains("x1"), "{cause}");
        }
    }
}
