use hatoba_core::Key;
use serde_json::json;

use super::*;

fn entry(kind: &str, action: PlanAction, id: Option<&str>) -> PlanEntry {
    PlanEntry {
        document: Key::new(kind, "x"),
        action,
        id: id.map(str::to_owned),
        fields: Vec::new(),
        after: Vec::new(),
        verdict: None,
        cause: None,
        notes: Vec::new(),
    }
}

fn field(path: &str, from: Value, to: Value, fix: Fix) -> FieldDrift {
    FieldDrift { path: path.to_owned(), from, to, fix }
}

fn printed(plan: &Plan, colour: bool) -> String {
    let mut out = Vec::new();
    print(plan, &mut out, colour).unwrap();
    String::from_utf8(out).unwrap()
}

fn every_action() -> Plan {
    let create = PlanEntry {
        fields: vec![
            field("apiId", Value::Null, json!("(after HttpApi/crazy-api)"), Fix::InPlace),
            field("routeKey", Value::Null, json!("$default"), Fix::InPlace),
            field("authorizationScopes", Value::Null, json!(["a", "b"]), Fix::InPlace),
        ],
        after: vec![Key::new("HttpApi", "crazy-api"), Key::new("Integration", "to-great-service")],
        cause: Some(Cause::new("Absent", "nothing was there")),
        ..entry("Route", PlanAction::Create, None)
    };
    let update = PlanEntry {
        fields: vec![
            field("description", json!("old"), json!("new"), Fix::InPlace),
            field(
                "corsConfiguration",
                json!({ "maxAge": 5 }),
                Value::Null,
                Fix::ClearedBy("DeleteCorsConfiguration".into()),
            ),
        ],
        ..entry("HttpApi", PlanAction::Update, Some("a1b2c3"))
    };
    let replace = PlanEntry {
        fields: vec![field("subnetIds", json!(["subnet-1"]), json!(["subnet-2"]), Fix::Replace)],
        notes: vec![Cause::new("SelectorGrew", "subnetIds: subnet-3 matches the selector now")],
        ..entry("VpcLink", PlanAction::Replace, Some("vl-1a2b3c"))
    };
    let delete = PlanEntry {
        cause: Some(Cause::new("DocumentGone", "no document asks for it")),
        ..entry("Stage", PlanAction::Delete, Some("$default"))
    };
    let held = PlanEntry {
        cause: Some(Cause::new("Suspended", "policy.suspend is set: nothing is written")),
        ..entry("EcsService", PlanAction::Held, Some("great-service"))
    };
    let unknown = PlanEntry {
        cause: Some(Cause::new("AccessDeniedException", "cannot list services")),
        ..entry("DiscoveryService", PlanAction::Unknown, None)
    };
    let none = entry("PrivateDnsNamespace", PlanAction::None, Some("ns-1"));
    let entries = vec![create, update, replace, delete, held, unknown, none];
    Plan { entries, writes: 5, seconds_at_least: 2.2 }
}

#[test]
fn every_action_has_its_look() {
    let expected = "  \
  + Route/x
      apiId: (after HttpApi/crazy-api)
      routeKey: \"$default\"
      authorizationScopes: [\"a\",\"b\"]
      after: HttpApi/crazy-api, Integration/to-great-service
      why: nothing was there (Absent)
  ~ HttpApi/x  a1b2c3
      description: \"old\" → \"new\"
      corsConfiguration: {\"maxAge\":5} → (not set)  (by DeleteCorsConfiguration)
-/+ VpcLink/x  vl-1a2b3c  (replaced, no gap: the new one comes first)
      subnetIds: [\"subnet-1\"] → [\"subnet-2\"]  (cannot be changed in place)
      note: subnetIds: subnet-3 matches the selector now (SelectorGrew)
  - Stage/x  $default
      why: no document asks for it (DocumentGone)
  ! EcsService/x  great-service  (held)
      why: policy.suspend is set: nothing is written (Suspended)
  ? DiscoveryService/x  (unknown)
      why: cannot list services (AccessDeniedException)

Plan: 1 to create, 1 to update, 1 to replace, 1 to delete, 1 held, 1 unknown, 1 with nothing to do; \
5 calls, at least 3 s at the allowed rate
";
    assert_eq!(printed(&every_action(), false), expected);
}

#[test]
fn a_replacement_says_what_it_costs_in_text_and_for_programs() {
    let looks = |action, verdict| {
        let entry = PlanEntry { verdict, ..entry("EcsService", action, Some("web")) };
        printed(&Plan { entries: vec![entry], writes: 1, seconds_at_least: 1.0 }, false)
    };
    for (action, verdict, line) in [
        (
            PlanAction::Replace,
            Some(Impact::NoGap),
            "-/+ EcsService/x  web  (replaced, no gap: the new one comes first)\n",
        ),
        (
            PlanAction::Replace,
            Some(Impact::ConnectionChurn),
            "-/+ EcsService/x  web  (replaced, connections move: the new one comes first)\n",
        ),
        (
            PlanAction::Replace,
            Some(Impact::Downtime),
            "-/+ EcsService/x  web  (replaced with downtime: the old one goes first)\n",
        ),
        (PlanAction::Update, Some(Impact::ConnectionChurn), "  ~ EcsService/x  web  (connections move)\n"),
        (PlanAction::Update, None, "  ~ EcsService/x  web\n"),
    ] {
        let shown = looks(action, verdict);
        assert!(shown.starts_with(line), "{shown}");
    }
    let entry =
        PlanEntry { verdict: Some(Impact::Downtime), ..entry("EcsService", PlanAction::Replace, None) };
    let shown = json(&Plan { entries: vec![entry], writes: 1, seconds_at_least: 1.0 });
    assert!(shown.contains("\"verdict\": \"Downtime\""), "{shown}");
}

#[test]
fn colours_change_nothing_but_colours() {
    let coloured = printed(&every_action(), true);
    assert!(coloured.contains("\u{1b}[32m  +\u{1b}[0m"), "{coloured:?}");
    let stripped = anstream::adapter::strip_str(&coloured).to_string();
    assert_eq!(stripped, printed(&every_action(), false));
}

#[test]
fn nothing_to_do() {
    let quiet = "No changes: AWS is as the documents say.\n";
    assert_eq!(printed(&Plan::default(), false), quiet);
    let none = entry("VpcLink", PlanAction::None, Some("vl-1"));
    let plan = Plan { entries: vec![none.clone()], ..Plan::default() };
    assert_eq!(printed(&plan, false), quiet);

    let grown = PlanEntry { notes: vec![Cause::new("SelectorGrew", "subnet-3 matches now")], ..none };
    let plan = Plan { entries: vec![grown], ..Plan::default() };
    let told = "    VpcLink/x  vl-1  (nothing to do)\n      note: subnet-3 matches now (SelectorGrew)\n\n";
    assert_eq!(printed(&plan, false), format!("{told}{quiet}"));
}

#[test]
fn what_is_only_held_is_not_called_good() {
    let plan = Plan { entries: vec![entry("Route", PlanAction::Held, None)], ..Plan::default() };
    let expected =
        "Plan: 0 to create, 0 to update, 0 to replace, 0 to delete, 1 held; nothing would be written";
    assert_eq!(summary(&plan), expected);
}

#[test]
fn long_values_are_cut_where_they_tell_something() {
    let long = "x".repeat(500);
    let made = field("a", Value::Null, json!(long), Fix::InPlace);
    let line = field_line(&made, PlanAction::Create);
    assert_eq!(line.chars().count(), "a: ".len() + VALUE_CHARS_MAX);
    assert!(line.ends_with('…'));

    let changed = field("a", json!(format!("{long}1{long}")), json!(format!("{long}2{long}")), Fix::InPlace);
    let line = field_line(&changed, PlanAction::Update);
    let start = "x".repeat(CONTEXT_CHARS);
    assert!(line.starts_with(&format!("a: …{start}1x")), "{line}");
    assert!(line.contains(&format!(" → …{start}2x")), "{line}");
    assert!(line.chars().count() <= 2 * VALUE_CHARS_MAX + 10);
}

#[test]
fn values_cannot_steer_the_terminal() {
    let evil = field("a\u{1b}", json!("\u{1b}[2J\u{9b}1m\u{7f}"), json!("(after \u{1b}[2J)"), Fix::InPlace);
    let plan = Plan {
        entries: vec![PlanEntry {
            fields: vec![evil],
            cause: Some(Cause::new("X", "\u{1b}[2J\nforged")),
            ..entry("Route", PlanAction::Update, Some("\u{1b}[2J"))
        }],
        writes: 1,
        seconds_at_least: 0.1,
    };
    assert!(
        !printed(&plan, false).contains(|c: char| c.is_control() && c != '\n'),
        "{}",
        printed(&plan, false)
    );
    assert!(!json(&plan).contains(|c: char| c.is_control() && c != '\n'));
}

#[test]
fn durations() {
    for (seconds, words) in
        [(0.0, "0 s"), (0.2, "1 s"), (59.5, "1 min"), (125.0, "2 min 5 s"), (f64::NAN, "0 s")]
    {
        assert_eq!(duration(seconds), words);
    }
}

#[test]
fn the_json_has_everything() {
    let plan = every_action();
    let read: Value = serde_json::from_str(&json(&plan)).unwrap();
    assert_eq!(read, serde_json::to_value(&plan).unwrap());
    assert_eq!(read["entries"][0]["action"], "create");
    assert_eq!(read["entries"][0]["document"], "Route/x");
    assert_eq!(read["secondsAtLeast"], 2.2);
}
