use super::*;
use hatoba_core::{Outcome, fold, fold_serving};

pub(super) fn look(warning: Option<&str>) -> Look {
    let key = Key::new("VpcLink", "fine");
    let outcome = Outcome::waiting(Cause::new("LinkPending", "the link is PENDING"));
    let status = fold(None, &key, &Digest::of_bytes(b"x"), outcome, Timestamp::UNIX_EPOCH);
    Look {
        statuses: BTreeMap::from([(key.clone(), status)]),
        ages: BTreeMap::from([(key, 130.0)]),
        warning: warning.map(str::to_owned),
        ..Look::default()
    }
}

fn table(look: &Look) -> String {
    let mut out = Vec::new();
    look.table(&mut out, false, None).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn the_table_says_how_each_stands_and_why() {
    let mut out = Vec::new();
    look(Some("no daemon")).table(&mut out, false, None).unwrap();
    let text = String::from_utf8(out).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[0], "no daemon");
    assert!(lines[1].starts_with("DOCUMENT"), "{text}");
    assert!(lines[2].starts_with("VpcLink/fine") && lines[2].contains("2 min"), "{text}");
    assert!(lines[2].ends_with("LinkPending: the link is PENDING"), "{text}");
    assert_eq!(lines[3], "0 of 1 document ready");
}

#[test]
fn serving_has_a_column_and_decides_nothing_about_being_ready() {
    let mut shown = look(None);
    for status in shown.statuses.values_mut() {
        (status.synced.status, status.ready.status) = (Truth::True, Truth::True);
        let cause = Cause::new("NoIngressRule", "no rule lets the link in");
        *status = fold_serving(status, Some((Truth::False, cause)), Timestamp::UNIX_EPOCH);
    }
    let text = table(&shown);
    let cells: Vec<Vec<&str>> = text.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(cells[0][1..4], ["SYNCED", "READY", "SERVING"]);
    assert_eq!(cells[1][1..4], ["True", "True", "False"]);
    assert!(text.contains("NoIngressRule: no rule lets the link in"), "{text}");
    assert!(shown.is_good(Goal::Ready), "who waits, waits for in sync and ready");
    assert!(!shown.is_good(Goal::Serving), "unless serving is asked for");
    let json: serde_json::Value = serde_json::from_str(&shown.json()).unwrap();
    assert_eq!(json["documents"][0]["serving"]["reason"], "NoIngressRule");
    assert_eq!((&json["ready"], &json["serving"]), (&json!(true), &json!(false)));
}

#[test]
fn the_last_line_says_what_does_not_serve() {
    let mut shown = look(None);
    let key = shown.statuses.keys().next().unwrap().clone();
    for (truth, last) in [
        (Truth::True, "0 of 1 document ready, 1 of 1 serving\n"),
        (Truth::False, "0 of 1 document ready, 0 of 1 serving; not: VpcLink/fine\n"),
        (Truth::Unknown, "0 of 1 document ready, 0 of 1 serving; not: VpcLink/fine\n"),
    ] {
        let status = shown.statuses.get_mut(&key).unwrap();
        let cause = Cause::new("NoHealthyInstance", "nothing runs");
        *status = fold_serving(status, Some((truth, cause)), Timestamp::UNIX_EPOCH);
        assert!(table(&shown).ends_with(last), "{truth:?}: {}", table(&shown));
    }
}

#[test]
fn a_narrow_terminal_has_the_urls_below_the_table() {
    const URL: &str = "https://a1b2c3d4e5.execute-api.eu-west-1.amazonaws.com";
    let mut shown = look(None);
    let status = shown.statuses.values_mut().next().unwrap();
    status.outputs.insert("url".to_owned(), URL.to_owned());
    let lines = |columns| -> Vec<String> {
        let mut out = Vec::new();
        shown.table(&mut out, false, columns).unwrap();
        String::from_utf8(out).unwrap().lines().map(str::to_owned).collect()
    };
    for wide in [None, Some(200)] {
        let lines = lines(wide);
        assert!(lines[0].contains("  URL ") && lines[1].contains(URL), "{lines:?}");
        assert_eq!(lines.len(), 3, "{lines:?}");
    }
    let narrow = lines(Some(100));
    assert!(narrow.len() == 4 && !narrow[0].contains("URL") && !narrow[1].contains(URL), "{narrow:?}");
    assert!(narrow[1].chars().count() < 100 && narrow[1].contains("LinkPending: "), "{narrow:?}");
    assert_eq!(narrow[2], format!("VpcLink/fine: {URL}"));
}

#[test]
fn nothing_is_not_good() {
    assert!(!look(None).is_good(Goal::Ready));
    assert!(!Look::default().is_good(Goal::Ready));
    let json: serde_json::Value = serde_json::from_str(&look(None).json()).unwrap();
    assert_eq!(json["ready"], false);
    assert_eq!(json["documents"][0]["document"], "VpcLink/fine");
}

#[test]
fn what_is_waited_for_is_the_source_as_it_is() {
    let key = Key::new("VpcLink", "fine");
    let wanted =
        |key: &Key, digest: Option<&[u8]>| Wanted::from([(key.clone(), digest.map(Digest::of_bytes))]);
    let look = look(None);
    let lacks = |key: &Key, digest| look.lacks(wanted(key, digest)).into_iter().collect::<Vec<_>>();
    for seen in [Some(b"x".as_slice()), None] {
        assert_eq!(lacks(&key, seen), []);
    }
    let changed = lacks(&key, Some(b"changed"));
    assert_eq!(changed, std::slice::from_ref(&key), "it was judged as it was before");
    let new = Key::new("VpcLink", "new");
    let mut held = self::look(None);
    held.statuses.values_mut().for_each(|status| status.synced.reason = Cause::new("Invalid", "").reason);
    assert!(held.lacks(wanted(&key, Some(b"changed"))).is_empty(), "it says itself that it is wrong");
    assert_eq!(lacks(&new, None), std::slice::from_ref(&new), "it has not been judged at all");
}

#[test]
fn what_was_not_judged_as_it_is_is_shown_and_not_ready() {
    let (key, new) = (Key::new("VpcLink", "fine"), Key::new("VpcLink", "new"));
    let mut shown = look(None);
    for status in shown.statuses.values_mut() {
        (status.synced.status, status.ready.status) = (Truth::True, Truth::True);
    }
    assert!(
        shown.is_good(Goal::Ready) && table(&shown).ends_with("1 of 1 document ready\n"),
        "{}",
        table(&shown)
    );
    shown.unjudged = BTreeSet::from([new.clone()]);
    assert!(
        !shown.is_good(Goal::Ready) && table(&shown).ends_with("1 of 2 documents ready\n"),
        "{}",
        table(&shown)
    );
    assert!(table(&shown).contains("VpcLink/new   Unknown  Unknown  -"), "{}", table(&shown));
    shown.unjudged = BTreeSet::from([key]);
    assert!(
        !shown.is_good(Goal::Ready) && table(&shown).ends_with("0 of 1 document ready\n"),
        "{}",
        table(&shown)
    );
    assert!(table(&shown).contains(UNJUDGED), "{}", table(&shown));
    let json: serde_json::Value = serde_json::from_str(&shown.json()).unwrap();
    assert_eq!((&json["ready"], &json["notJudged"][0]), (&json!(false), &json!("VpcLink/fine")));
}

#[test]
fn notes_notices_and_rogue_children_have_a_line_each() {
    let mut shown = look(None);
    let status = shown.statuses.values_mut().next().unwrap();
    status.notes = vec![Cause::new("DuplicateInUse", "l-2 bears the same mark")];
    shown.notices = vec![Cause::new("OwnerShared", "s3://docs/other has it, too")];
    shown.rogue_children = vec!["Route GET /x in a1".to_owned()];
    let text = table(&shown);
    let lines: Vec<&str> = text.lines().skip(2).collect();
    let expected = [
        "OwnerShared: s3://docs/other has it, too",
        "VpcLink/fine: DuplicateInUse: l-2 bears the same mark",
        "RogueChild: Route GET /x in a1 is no document's",
        "0 of 1 document ready",
    ];
    assert_eq!(lines, expected);
}

#[test]
fn files_that_cannot_be_read_are_said() {
    assert_eq!(unread(None, &[]), None);
    let denied = Cause::new("SourceDenied", "the bucket says no");
    assert!(unread(Some(&denied), &[]).is_some_and(|text| text.contains("the bucket says no")));
    let torn = unread(None, &["a.yaml: not UTF-8".to_owned()]).unwrap();
    assert!(torn.starts_with("1 file cannot be read") && torn.contains("a.yaml"), "{torn}");
}
