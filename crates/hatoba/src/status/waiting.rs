//! What `--wait` says while it waits, on standard error: one line that changes on a terminal, a line for each change of
//! the number elsewhere.

use std::io::Write;

use super::{Goal, Look, UNJUDGED};
use crate::report::{cut, visible};

/// Wraps on no usual terminal.
const COLUMNS: usize = 78;

/// The newest word.
pub(super) struct Waiting<W: Write> {
    out: W,
    is_terminal: bool,
    goal: Goal,
    said: Option<String>,
}

impl<W: Write> Waiting<W> {
    pub(super) fn new(out: W, is_terminal: bool, goal: Goal) -> Self {
        Waiting { out, is_terminal, goal, said: None }
    }

    /// Says how far it is. Nobody may be listening: then there is nowhere to say so.
    pub(super) fn tell(&mut self, look: &Look) {
        let (number, why) = standing(look, self.goal);
        let line = match why {
            Some(why) => format!("{number}; {why}"),
            None => number.clone(),
        };
        let (key, text) = match self.is_terminal {
            true => (line.clone(), format!("\r\x1b[2K{}", cut(&visible(&line), COLUMNS))),
            false => (number, format!("{}\n", visible(&line))),
        };
        if self.said.as_ref() != Some(&key) {
            let _ = self.out.write_all(text.as_bytes()).and_then(|()| self.out.flush());
            self.said = Some(key);
        }
    }

    /// Makes room for what comes.
    pub(super) fn end(&mut self) {
        if self.is_terminal && self.said.take().is_some() {
            let _ = self.out.write_all(b"\r\x1b[2K").and_then(|()| self.out.flush());
        }
    }
}

impl<W: Write> Drop for Waiting<W> {
    /// Whatever ends it: an error is said on a line of its own.
    fn drop(&mut self) {
        self.end();
    }
}

/// How many are as they should be, and why not all are: for the first document that is not.
fn standing(look: &Look, goal: Goal) -> (String, Option<String>) {
    let all = look.statuses.len() + look.unknown().count();
    let waits = |key: &hatoba_core::Key| look.unjudged.contains(key);
    let ready = look.statuses.iter().filter(|(key, status)| goal.is_reached(status) && !waits(key)).count();
    let first = look.warning.clone().or_else(|| {
        let (key, status) =
            look.statuses.iter().find(|(key, status)| !goal.is_reached(status) || waits(key))?;
        let conditions = [Some(&status.synced), Some(&status.ready), status.serving.as_ref()];
        let shown = conditions.into_iter().flatten().find(|shown| shown.status.as_str() != "True");
        Some(match shown.filter(|_| !waits(key)) {
            Some(shown) => format!("waiting for {key}: {}: {}", shown.reason, shown.message),
            None => format!("waiting for {key}: {UNJUDGED}"),
        })
    });
    let first = first.or_else(|| look.unknown().next().map(|key| format!("waiting for {key}: {UNJUDGED}")));
    (format!("{ready} of {all} {}", goal.word()), first)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::status::tests::look;

    fn said(is_terminal: bool, looks: &[Look]) -> String {
        let mut out = Vec::new();
        let mut waiting = Waiting::new(&mut out, is_terminal, Goal::Ready);
        looks.iter().for_each(|look| waiting.tell(look));
        drop(waiting);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_line_changes_on_a_terminal_and_elsewhere_each_number_has_one() {
        let looks = || [look(None), look(None), look(Some("no daemon")), Look::default()];
        let first = "0 of 1 ready; waiting for VpcLink/fine: LinkPending: the link is PENDING";
        let elsewhere = said(false, &looks());
        assert_eq!(elsewhere.lines().collect::<Vec<_>>(), [first, "0 of 0 ready"]);
        let terminal = said(true, &looks());
        let shown: Vec<&str> = terminal.split("\r\x1b[2K").collect();
        assert_eq!(shown, ["", first, "0 of 1 ready; no daemon", "0 of 0 ready", ""]);
    }
}
