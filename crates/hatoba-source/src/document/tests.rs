use serde_json::json;

use super::*;

const GOOD: &str =
    "apiVersion: hatoba/v1\nkind: HttpApi\nmetadata: { name: a, labels: { team: web } }\nspec: { x: 1 }\n";

fn parsed(text: &str) -> ParsedFile {
    let vars = Variables::from_env_and_flags([], ["REGION=eu-west-1", "N=2"]).unwrap();
    parse_documents("f.yaml", text.as_bytes(), &vars)
}

fn told(diagnostics: &[Diagnostic]) -> Vec<String> {
    diagnostics.iter().map(Diagnostic::to_string).collect()
}

#[test]
fn a_good_document() {
    let file = parsed(&format!("{GOOD}policy: {{ deletion: Retain, adopt: {{ match: name }} }}\n"));
    assert_eq!(told(&file.diagnostics), [""; 0]);
    let document = &file.documents[0];
    assert_eq!(document.key.to_string(), "HttpApi/a");
    assert_eq!(document.labels["team"], "web");
    assert_eq!(document.spec["x"], 1);
    assert_eq!(document.policy.deletion, Some(hatoba_core::Deletion::Retain));
    assert_eq!(document.places.value("spec.x").to_string(), "f.yaml:4:12");
    assert_eq!(file.unreadable, None);
}

/// Rows of (what replaces what in the good document, what is said about it); the document is held.
#[test]
fn what_holds_a_document() {
    let mut wrong = Vec::new();
    for (from, to, expected) in [
        (
            "hatoba/v1",
            "v1",
            "apiVersion: expected `hatoba/v1`, got `v1` (f.yaml:1:13); hint: write `apiVersion: hatoba/v1`",
        ),
        (
            "apiVersion: hatoba/v1\n",
            "",
            "apiVersion: expected `hatoba/v1`, got nothing: the member is missing (f.yaml:1:1); hint: write `apiVersion: hatoba/v1`",
        ),
        (
            "spec: { x: 1 }",
            "",
            "spec: expected a mapping, got nothing: the member is missing (f.yaml:1:1); hint: write `spec: {}` if nothing is to be said",
        ),
        (
            "spec: { x: 1 }",
            "spec:",
            "spec: expected a mapping, got nothing (null) (f.yaml:4:5); hint: write `spec: {}` if nothing is to be said",
        ),
        (
            "{ x: 1 }",
            "[1]",
            "spec: expected a mapping, got a list (f.yaml:4:7); hint: for example `spec: {}`",
        ),
        (
            "x: 1",
            "x: 1, x: 2",
            "spec.x: the key `x` is given twice (f.yaml:4:15); hint: the first one is on line 4; keep one of them",
        ),
        (
            "labels:",
            "lables:",
            "metadata.lables: unknown member `lables`, expected one of name, labels (f.yaml:3:22); hint: did you mean `labels`?",
        ),
        (
            "team: web",
            "team: 1.10",
            "metadata.labels.team: expected a string, got the number `1.1` (f.yaml:3:38); hint: quote it to make it a string",
        ),
        (
            "team: web",
            "AWS:x: y",
            "metadata.labels.AWS:x: label keys that begin with `aws:` are reserved (f.yaml:3:32); hint: choose another prefix",
        ),
        (
            "team: web",
            "'hatoba:x': y",
            "metadata.labels.hatoba:x: label keys that begin with `hatoba:` are reserved (f.yaml:3:32); hint: choose another prefix",
        ),
        (
            "team: web",
            "'a;b': y",
            "metadata.labels.a;b: `a;b` is no legal label key: expected 1 to 128 letters, digits, spaces and `_.:/=+-@`, as in AWS tags (f.yaml:3:32)",
        ),
        (
            "team: web",
            "a: 'b;'",
            "metadata.labels.a: `b;` is no legal label value: expected 0 to 256 letters, digits, spaces and `_.:/=+-@`, as in AWS tags (f.yaml:3:35); hint: labels become AWS tags",
        ),
        (
            "x: 1",
            "x: [{ y: '${REGOIN}' }]",
            "spec.x[0].y: the variable `REGOIN` is not defined (f.yaml:4:18); hint: did you mean `${REGION}`? Otherwise give it with `--var REGOIN=…` or HATOBA_VAR_REGOIN; `$${` is a literal `${`",
        ),
        (
            "spec: ",
            "policy: { deletion: retain }\nspec: ",
            "policy.deletion: unknown variant `retain`, expected `Delete` or `Retain` (f.yaml:4:21); hint: did you mean `Retain`?",
        ),
        (
            "spec: ",
            "policy:\n  deletoin: Retain\nspec: ",
            "policy.deletoin: unknown field `deletoin`, expected one of `deletion`, `drift`, `adopt`, `suspend`, `omitted`, `selectors`, `replace`, `keepDeployments`, `probe`, `fields` (f.yaml:5:3); hint: did you mean `deletion`?",
        ),
        (
            "spec: ",
            "policy: { probe: { path: health } }\nspec: ",
            "policy.probe.path: expected a path that begins with one `/`, of visible ASCII and without `#`, got `health` (f.yaml:4:26); hint: for example `/health`; other characters as %20",
        ),
        (
            "spec: ",
            "policy: { probe: { path: /, every: 1s } }\nspec: ",
            "policy.probe.every: expected 10 seconds to 30 days, got 1s (f.yaml:4:36); hint: `1h` keeps an idle VPC link alive",
        ),
        (
            "spec: ",
            "policy: { probe: { path: /, expect: 99 } }\nspec: ",
            "policy.probe.expect: expected a status such as 200, or a range such as 200-399, got 99 (f.yaml:4:37)",
        ),
        (
            "spec: ",
            "policy: { suspend: yes }\nspec: ",
            "policy.suspend: invalid type: string \"yes\", expected a boolean (f.yaml:4:20); hint: for example `policy: { deletion: Retain, drift: Report, suspend: true }`",
        ),
        (
            "spec: ",
            "policy: [x]\nspec: ",
            "policy: expected a mapping, got a list (f.yaml:4:9); hint: for example `policy: { deletion: Retain }`",
        ),
        (
            "spec: ",
            "policy: { adopt: {} }\nspec: ",
            "policy.adopt: expected exactly one of `id` and `match`, got neither (f.yaml:4:18); hint: for example `adopt: { id: abc123 }` or `adopt: { match: name }`",
        ),
        (
            "spec: ",
            "policy: { adopt: { id: a, match: name } }\nspec: ",
            "policy.adopt: expected exactly one of `id` and `match`, got both (f.yaml:4:18); hint: keep `id`: it is exact",
        ),
        (
            "spec: ",
            "policy: { adopt: { id: '' } }\nspec: ",
            "policy.adopt.id: expected the resource's id in AWS, got nothing (f.yaml:4:24); hint: for example `adopt: { id: abc123 }` or `adopt: { match: name }`",
        ),
        (
            "spec: ",
            "policy: { fields: { a.b: ignroe } }\nspec: ",
            "policy.fields.a.b: expected `enforce`, `initial`, `ignore` or `{ range: [min, max] }` (f.yaml:4:26); hint: for example `desiredCount: { range: [2, 20] }`",
        ),
        (
            "spec: ",
            "policy: { fields: { a: { range: [3, 2] } } }\nspec: ",
            "policy.fields.a.range: expected the smaller number first, got [3, 2] (f.yaml:4:33); hint: write [2, 3]",
        ),
        (
            "spec: ",
            "extra: 1\nspec: ",
            "extra: unknown member `extra`, expected one of apiVersion, kind, metadata, spec, policy (f.yaml:4:1)",
        ),
        ("spec: ", "1: x\nspec: ", "1: a key must be a string, got `1` (f.yaml:4:1); hint: quote it: \"1\""),
        (
            "spec: ",
            "<<: { a: 1 }\nspec: ",
            "<<: merge keys (`<<`) are not supported (f.yaml:4:1); hint: write the value out, or use a variable: ${NAME}",
        ),
    ] {
        let text = GOOD.replacen(from, to, 1);
        let file = parsed(&text);
        let found = told(&file.diagnostics);
        if found.first().map(String::as_str) != Some(expected) || found.len() > 1 {
            wrong.push(format!("{to:?}\n  expected {expected:?}\n  found    {found:?}"));
        }
        assert_eq!(
            (file.held.len(), file.documents.len(), file.unreadable),
            (1, 0, None),
            "{text}\n{found:?}"
        );
        assert_eq!(file.held[0].key.to_string(), "HttpApi/a");
        assert_eq!(file.held[0].diagnostics, file.diagnostics);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn everything_that_is_wrong_in_a_policy_is_told_at_once() {
    let fields = "fields: { a.b: { range: [1] }, c: ignore, d: { range: [4, 2] } }";
    let file = parsed(&format!("{GOOD}policy: {{ deletion: Never, foo: 1, {fields}, drift: report }}\n"));
    let mut paths: Vec<&str> = file.diagnostics.iter().map(|found| found.path.as_str()).collect();
    paths.sort_unstable();
    let expected =
        ["policy.deletion", "policy.drift", "policy.fields.a.b", "policy.fields.d.range", "policy.foo"];
    assert_eq!(paths, expected);
    assert!(file.diagnostics.iter().all(|found| found.hint.is_some()), "{:?}", told(&file.diagnostics));
    assert_eq!(file.held.len(), 1);
}

/// Rows whose document cannot be told: the file is unreadable, and its other documents are used.
#[test]
fn what_hides_which_document_it_is() {
    for (from, to, expected) in [
        (
            "kind: HttpApi\n",
            "",
            "kind: expected a word of letters and digits, got nothing: the member is missing",
        ),
        ("kind: HttpApi", "kind: Http Api", "kind: expected a word of letters and digits, got `Http Api`"),
        ("kind: HttpApi", "kind: [a]", "kind: expected a word of letters and digits, got a list"),
        ("kind: HttpApi", "kind: a\nkind: b", "kind: the key `kind` is given twice"),
        ("name: a", "name: A_b", "metadata.name: `A_b` is no legal name"),
        ("name: a", "name: '${N}'", "metadata.name: `${N}` is no legal name"),
        ("name: a", "name: ~", "metadata.name: expected a name, got nothing (null)"),
        ("name: a", "name: 5", "metadata.name: expected a name, got the number `5`"),
        ("name: a", "name: a, name: b", "metadata.name: the key `name` is given twice"),
        (
            "metadata: { name: a, labels: { team: web } }",
            "metadata: x",
            "metadata: expected a mapping, got `x`",
        ),
        (
            "metadata: { name: a, labels: { team: web } }",
            "metdata: { name: a }",
            "metadata: expected a mapping, got nothing: the member is missing",
        ),
        (GOOD, "just text\n", "expected a mapping, got `just text`"),
        (GOOD, "- a\n", "expected a mapping, got a list"),
    ] {
        let file =
            parsed(&format!("{}---\n{}", GOOD.replacen(from, to, 1), GOOD.replace("name: a", "name: other")));
        let found = told(&file.diagnostics);
        assert!(found[0].starts_with(expected), "{to:?}: {found:?}");
        assert_eq!(file.documents.len(), 1, "{to:?}");
        assert_eq!(file.documents[0].key.name, "other");
        assert_eq!(file.held, []);
        let reason = file.unreadable.as_deref();
        assert_eq!(reason, Some("line 1: the document's kind or name cannot be read"), "{to:?}");
        assert!(!found.is_empty());
    }
}

#[test]
fn broken_syntax_makes_the_whole_file_unreadable() {
    let file = parsed(&format!("{GOOD}---\na: [\n"));
    assert!(file.is_broken());
    assert_eq!((file.documents.len(), file.held.len()), (0, 0));
    let reason = "line 6: not valid YAML: while parsing a node, did not find expected node content";
    assert_eq!(file.unreadable.as_deref(), Some(reason));
}

#[test]
fn variables_are_put_into_spec_labels_and_policy() {
    let text = GOOD
        .replace("web", "'web-${REGION}'")
        .replace("x: 1", "x: '${N}', y: ['a ${REGION}', '${request.path.id}', '$${N}'], '${N}': 1")
        + "policy: { adopt: { id: 'i-${N}' } }\n";
    let file = parsed(&text);
    assert_eq!(told(&file.diagnostics), [""; 0]);
    let document = &file.documents[0];
    assert_eq!(document.labels["team"], "web-eu-west-1");
    let spec = json!({ "x": "2", "y": ["a eu-west-1", "${request.path.id}", "${N}"], "${N}": 1 });
    assert_eq!(json!(document.spec), spec);
    assert_eq!(document.policy.adopt.as_ref().unwrap().id.as_deref(), Some("i-2"));
}

#[test]
fn variables_cannot_blow_a_document_up() {
    let vars = Variables::from_env_and_flags([], [format!("A={}", "x".repeat(10_000)).as_str()]).unwrap();
    let text = GOOD.replace("x: 1", &format!("x: [{}]", "'${A}', ".repeat(5_000)));
    let file = parse_documents("f.yaml", text.as_bytes(), &vars);
    let expected = "spec.x[26]: with its variables the document has more than 262144 bytes";
    assert_eq!(file.diagnostics.len(), 1);
    assert!(file.diagnostics[0].to_string().starts_with(expected), "{}", file.diagnostics[0]);
}

#[test]
fn messages_stay_on_one_line() {
    let file = parsed(&GOOD.replace("kind: HttpApi", &format!("kind: \"a\\nb\\e[31m{}\"", "x".repeat(500))));
    let message = &file.diagnostics[0].message;
    assert!(message.len() < 150 && !message.contains(char::is_control), "{message:?}");
}

#[test]
fn a_document_of_nothing_but_errors_is_cut_short() {
    let strangers: String = (0..3_000).map(|i| format!("stranger{i}: ${{NO}}\n")).collect();
    for text in [
        format!("{GOOD}{strangers}"),
        GOOD.replace("{ x: 1 }", &format!("\n  {}", strangers.replace('\n', "\n  "))),
    ] {
        let file = parsed(&text);
        assert_eq!(file.held.len(), 1);
        assert_eq!(file.held[0].diagnostics.len(), 50);
    }
}
