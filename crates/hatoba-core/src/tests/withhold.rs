use serde_json::json;

use super::*;
use crate::Step;
use crate::next;
use crate::support::{ME, resolved, widget};
use crate::{Leave, Sight, UsedBy, assess};

fn fields(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[test]
fn what_was_given_up_is_not_written_and_the_rest_is() {
    let wanted = widget(json!({ "paint": "red", "box": { "depth": 3 } }));
    let found = widget(json!({ "paint": "blue", "box": { "depth": 4 } })).made("w1", 1);
    for (withheld, expected) in [
        (&[][..], Some(vec!["paint", "box.depth"])),
        (&["name"][..], Some(vec!["paint", "box.depth"])),
        (&["paint"][..], Some(vec!["box.depth"])),
        (&["paint", "box.depth"][..], None),
    ] {
        let sight = Sight {
            owner: ME,
            objects: Ok(vec![&found]),
            remembered: None,
            last_incarnation: 0,
            is_document: &|_| true,
            claimed: BTreeSet::new(),
            used_by: &|_| UsedBy::Nobody,
            first: BTreeSet::new(),
            named: BTreeSet::new(),
            leaving: None,
            released: BTreeSet::new(),
        };
        let mut assessment = assess(&wanted, &resolved(&wanted), &sight);
        assessment.withhold(&fields(withheld), Cause::new("RolledBack", "no"));
        match (&assessment.verdict, expected) {
            (Verdict::Update(change), Some(expected)) => {
                let drift: Vec<&str> = change.drift.iter().map(|drift| drift.path.as_str()).collect();
                assert_eq!(drift, expected);
                let paint = if withheld.contains(&"paint") { "blue" } else { "red" };
                assert_eq!(change.after["paint"], paint, "what is not written stays as it was");
            }
            (Verdict::Stalled(cause), None) => {
                assert_eq!(cause.reason.as_str(), "RolledBack");
                assert_eq!(next(&wanted, &assessment, &Leave::default()), Step::Rest);
            }
            other => panic!("{withheld:?}: {other:?}"),
        }
    }
}
