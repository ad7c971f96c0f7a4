use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

fn values(text: &str) -> Vec<Value> {
    let documents = parse("f.yaml", text.as_bytes()).unwrap_or_else(|error| panic!("{text:?}: {error}"));
    documents
        .into_iter()
        .map(|document| {
            assert_eq!(document.faults, [], "{text:?}");
            document.value
        })
        .collect()
}

/// Every finding of a text, as `line:column path: message`.
fn findings(bytes: &[u8]) -> Vec<String> {
    let show = |fault: &Diagnostic| {
        format!("{}:{} {}: {}", fault.place.line, fault.place.column, fault.path, fault.message)
    };
    match parse("f.yaml", bytes) {
        Ok(documents) => documents.iter().flat_map(|document| document.faults.iter().map(show)).collect(),
        Err(error) => vec![show(&error)],
    }
}

#[test]
fn what_scalars_mean() {
    for (text, expected) in [
        ("a: ~", json!({ "a": null })),
        ("a:", json!({ "a": null })),
        ("a: null", json!({ "a": null })),
        ("a: ''", json!({ "a": "" })),
        ("a: '~'", json!({ "a": "~" })),
        ("a: \"60\"", json!({ "a": "60" })),
        ("a: 60", json!({ "a": 60 })),
        ("a: -1", json!({ "a": -1 })),
        ("a: 18446744073709551615", json!({ "a": u64::MAX })),
        ("a: 1.10", json!({ "a": 1.1 })),
        ("a: 1e3", json!({ "a": 1000.0 })),
        ("a: 012345678901", json!({ "a": "012345678901" })),
        ("a: 22:22", json!({ "a": "22:22" })),
        ("a: 2026-01-01", json!({ "a": "2026-01-01" })),
        ("a: [no, yes, on, off, y, n]", json!({ "a": ["no", "yes", "on", "off", "y", "n"] })),
        ("a: [true, False]", json!({ "a": [true, false] })),
        ("a: 1_000", json!({ "a": "1_000" })),
        ("a: |\n  x\n  y\n", json!({ "a": "x\ny\n" })),
        ("a: >-\n  x\n  y\n", json!({ "a": "x y" })),
        ("a: x\n  y", json!({ "a": "x y" })),
        ("a: '<<'\n'<<': 1", json!({ "a": "<<", "<<": 1 })),
        ("'1': x", json!({ "1": "x" })),
        ("a: '*x &y !z'", json!({ "a": "*x &y !z" })),
        ("routeKey: $default", json!({ "routeKey": "$default" })),
        ("a: ${request.path.id}", json!({ "a": "${request.path.id}" })),
        (
            "{\"a\": [1, {\"b\": \"\\u00e9\\n\"}], \"c\": null}",
            json!({ "a": [1, { "b": "é\n" }], "c": null }),
        ),
        ("{\n\t\"a\": 1\n}\n", json!({ "a": 1 })),
        ("\u{feff}a: 1", json!({ "a": 1 })),
        ("a: 1\r\nb:\r\n  - c\r\n", json!({ "a": 1, "b": ["c"] })),
        ("%YAML 1.2\n---\na: 1\n...\n", json!({ "a": 1 })),
    ] {
        assert_eq!(values(text), [expected], "{text:?}");
    }
}

#[test]
fn streams() {
    for (text, count) in [
        ("", 0),
        ("# nothing\n", 0),
        ("---\n", 0),
        ("---\n# nothing\n---\n---\n", 0),
        ("---\na: 1\n---\n# nothing\n---\nb: 1\n", 2),
        ("a: 1\n---\nb: 1\n...\n---\nc: 1\n---\n", 3),
        ("null", 1),
    ] {
        assert_eq!(values(text).len(), count, "{text:?}");
    }
}

#[test]
fn what_is_refused_and_where() {
    let mut wrong = Vec::new();
    for (text, expected) in [
        ("a: 1\nb: 2\na: 3", "3:1 a: the key `a` is given twice"),
        ("x: {a: 1, \"a\": 2}", "1:11 x.a: the key `a` is given twice"),
        ("a: &x 1", "1:4 a: anchors (`&name`) are not supported"),
        ("a: {b: 1}\nc: *x", "2:4 : not valid YAML: while parsing node, found unknown anchor"),
        ("<<: {a: 1}", "1:1 <<: merge keys (`<<`) are not supported"),
        ("a: !Foo bar", "1:4 a: tags are not supported, got `!Foo`"),
        ("a: !!str 5", "1:4 a: tags are not supported, got `!!str`"),
        ("1: x", "1:1 1: a key must be a string, got `1`"),
        ("true: x", "1:1 true: a key must be a string, got `true`"),
        ("~: x", "1:1 ~: a key must be a string, got `~`"),
        (": x", "1:1 : two YAML readers take this differently"),
        (".nan: x", "1:1 .nan: a key must be a string, got `.nan`"),
        ("? [a]\n: x", "1:3 ?: a key must be a string, got a list or mapping"),
        ("a:\n  - .inf", "2:5 a[0]: expected a finite number, got `.inf`"),
        ("a: -.INF", "1:4 a: expected a finite number, got `-.INF`"),
        (
            "a: 18446744073709551616",
            "1:4 a: expected a whole number of at most 64 bits, got `18446744073709551616`",
        ),
        (
            "a: 0xFFFFFFFFFFFFFFFFFF",
            "1:4 a: expected a whole number of at most 64 bits, got `0xFFFFFFFFFFFFFFFFFF`",
        ),
        ("a: 1\nb: \0", "2:4 : the character U+0000 is not allowed in YAML"),
        ("a: \u{85}", "1:4 : the character U+0085 is not allowed in YAML"),
        ("a: b: c", "1:5 : not valid YAML: mapping values are not allowed in this context"),
        ("a: [1, 2", "1:9 : not valid YAML: while parsing a flow sequence, expected ',' or ']'"),
        ("a:\n\tb: 1", "2:2 : not valid YAML: tabs disallowed within this context (block indentation)"),
        ("a: 1\n b: 2", "2:3 : not valid YAML: mapping values are not allowed in this context"),
        ("- a\nb", "2:2 : not valid YAML: simple key expected"),
        ("{a: 1} {b: 2}", "1:8 : not valid YAML: did not find expected <document start>"),
        ("@a", "1:1 : not valid YAML: unexpected character: `@'"),
    ] {
        let found = findings(text.as_bytes());
        if found != [expected] {
            wrong.push(format!("{text:?}\n  expected {expected:?}\n  found    {found:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn bytes_that_are_no_text() {
    assert_eq!(findings(b"a: 1\nb: \xff"), ["2:4 : the file is not valid UTF-8"]);
    assert_eq!(findings(b"\xff\xfea\0"), ["1:1 : the file is not valid UTF-8"]);
    let large = findings(&vec![b'#'; FILE_BYTES_MAX + 1]);
    assert_eq!(large, ["1:1 : the file is too large: expected at most 262144 bytes, got 262145"]);
    assert_eq!(findings(&vec![b'#'; FILE_BYTES_MAX]), [""; 0]);
}

/// YAML says so, and so does the snippet.
#[test]
fn a_carriage_return_ends_a_line_wherever_something_is_found() {
    for (text, expected) in [
        ("a: 1\rb: 2\ra: 3", "3:1 a: the key `a` is given twice"),
        ("a: 1\rb: \0", "2:4 : the character U+0000 is not allowed in YAML"),
        ("a: 1\r\r\nb: \u{85}", "3:4 : the character U+0085 is not allowed in YAML"),
        ("a: 1\r\u{85}", "2:1 : the character U+0085 is not allowed in YAML"),
        ("a:\r\n\r\n\u{85}", "3:1 : the character U+0085 is not allowed in YAML"),
        ("a: 1\rb: [1, 2", "2:9 : not valid YAML: while parsing a flow sequence, expected ',' or ']'"),
        ("a:\r\tb: 1", "2:2 : not valid YAML: tabs disallowed within this context (block indentation)"),
    ] {
        assert_eq!(findings(text.as_bytes()), [expected], "{text:?}");
    }
    assert_eq!(findings(b"a: 1\rb: \xff"), ["2:4 : the file is not valid UTF-8"]);
}

#[test]
fn hints_tell_what_to_do() {
    for (text, hint) in [
        ("a:\n\tb: 1", "indent with spaces, not tabs"),
        ("a: { b: ${C} }", "between `{ }` and `[ ]` a value with `${…}` must stand in quotes"),
        ("{\"a\":\"\\ud83d\\ude00\"}", "write the character itself, in UTF-8"),
        ("80: x", "quote it: \"80\""),
        ("a: 1\na: 2", "the first one is on line 1; keep one of them"),
    ] {
        let found = match parse("f.yaml", text.as_bytes()) {
            Ok(mut documents) => documents.remove(0).faults.remove(0),
            Err(error) => error,
        };
        assert_eq!(found.hint.as_deref(), Some(hint), "{text:?}");
    }
}

#[test]
fn a_fault_concerns_its_document_only() {
    let documents = parse("f.yaml", b"a: 1\n---\nb: 1\nb: 2\n---\nc: &x [1]\n---\nd: 1\n").unwrap();
    let faults: Vec<usize> = documents.iter().map(|document| document.faults.len()).collect();
    assert_eq!(faults, [0, 1, 1, 0]);
    assert_eq!(documents[3].value, json!({ "d": 1 }));
}

#[test]
fn places_of_keys_and_values() {
    let text = "# c\nspec:\n  dnsConfig:\n    dnsRecords:\n      - { type: SRV,\n          ttl: 60 }\n      - type: A\n    x: |\n      text\n";
    let document = parse("shop/a.yaml", text.as_bytes()).unwrap().remove(0);
    for (path, key, value) in [
        ("", "2:1", "2:1"),
        ("spec", "2:1", "3:3"),
        ("spec.dnsConfig", "3:3", "4:5"),
        ("spec.dnsConfig.dnsRecords", "4:5", "5:7"),
        ("spec.dnsConfig.dnsRecords[0]", "5:9", "5:9"),
        ("spec.dnsConfig.dnsRecords[0].type", "5:11", "5:17"),
        ("spec.dnsConfig.dnsRecords[0].ttl", "6:11", "6:16"),
        ("spec.dnsConfig.dnsRecords[1].type", "7:9", "7:15"),
        ("spec.dnsConfig.x", "8:5", "9:7"),
        ("spec.dnsConfig.dnsRecords[1].ttl", "7:9", "7:9"),
    ] {
        assert_eq!(document.places.key(path).to_string(), format!("shop/a.yaml:{key}"), "key of {path}");
        assert_eq!(
            document.places.value(path).to_string(),
            format!("shop/a.yaml:{value}"),
            "value of {path}"
        );
    }
}

/// The one finding of a text. Its place tells how far the scan went, on any machine.
fn refused(text: &str) -> String {
    let found = findings(text.as_bytes());
    assert_eq!(found.len(), 1, "{found:?}");
    found[0].clone()
}

#[test]
fn bombs_end_at_a_limit() {
    let size = FILE_BYTES_MAX;
    let nested = "{a: ".repeat(size / 4);
    assert_eq!(refused(&nested), "1:1021 : nested too deeply: expected at most 32 levels");
    let brackets = "[".repeat(size);
    assert_eq!(refused(&brackets), "1:256 : nested too deeply: expected at most 32 levels");
    let dashes = "- ".repeat(size / 2);
    assert_eq!(refused(&dashes), "1:65 : nested too deeply: expected at most 32 levels");
    let questions = "? ".repeat(size / 2);
    assert_eq!(refused(&questions), "1:65 : nested too deeply: expected at most 32 levels");
    let many = format!("[{}]", "a,".repeat(size / 2 - 1));
    let too_many = " : too many keys and values in one file: expected at most 7000, with lists and mappings counted twice";
    assert!(refused(&many).ends_with(too_many));
    let items = "- {}\n".repeat(size / 5);
    assert_eq!(refused(&items), format!("3500:3{too_many}"));
    // Commas alone are refused by the parser as well, which would keep them all before it says so.
    let commas = format!("- [{}", ",".repeat(size - 3));
    assert!(refused(&commas).ends_with(too_many), "{}", refused(&commas));
    let documents = "---\n".repeat(size / 4);
    assert_eq!(refused(&documents), "1001:1 : too many documents in one file: expected at most 1000");
    let mut aliases = format!("a: &a \"{}\"\nb:\n", "x".repeat(100_000));
    aliases.push_str(&"- *a\n".repeat(2000));
    let found = findings(aliases.as_bytes());
    assert_eq!(found.len(), 50, "one anchor and aliases, up to the limit of faults");
}

#[test]
fn long_keys_do_not_multiply_into_paths() {
    let key = "k".repeat(1000);
    let mut text = String::new();
    for depth in 0..20 {
        text.push_str(&format!("{}{key}:\n", " ".repeat(depth)));
    }
    text.push_str(&format!("{}- x\n", " ".repeat(20)).repeat(6_000));
    let documents = parse("f.yaml", text.as_bytes()).unwrap();
    assert_eq!(documents[0].faults, []);
    // 6,000 items under 20 KB of keys are 120 MB of paths; what is beyond the budget points to its parent.
    let path = vec![key; 20].join(".");
    assert_eq!(documents[0].places.value(&format!("{path}[5999]")), documents[0].places.value(&path));
}

#[test]
fn a_broken_file_is_refused_from_every_cut() {
    let text = "apiVersion: hatoba/v1\nspec: { a: [1, 2, { b: \"x\" }] }\n---\nc: |\n  é\n  y\nd: 'z'\n";
    for end in 0..text.len() {
        let _ = parse("f.yaml", &text.as_bytes()[..end]);
    }
}

fn json_values() -> impl Strategy<Value = Value> {
    let text = prop_oneof![
        ".{0,12}",
        "[a-z0-9.~<>=+:#&*!|%@`'\" -]{0,8}",
        Just("null".to_owned()),
        Just("0x1F".to_owned()),
        Just("1e3".to_owned()),
        Just("<<".to_owned()),
        Just(".inf".to_owned()),
        Just("yes".to_owned()),
        "(\n| |x|\t){0,6}",
    ]
    .boxed();
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_filter("JSON has finite numbers", |f| f.is_finite()).prop_map(Value::from),
        text.clone().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 5, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            proptest::collection::btree_map(text.clone(), inner, 0..5)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn what_is_emitted_is_read_back(value in json_values()) {
        let text = emit(&value);
        prop_assert_eq!(values(&text), [value], "{}", text);
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = parse_without_net(&bytes);
    }

    #[test]
    fn arbitrary_yaml_never_panics(text in "([-?:,\\[\\]{}#&*!|>'\"%@` \n\t\r~]|[a-c1]|\\.\\.\\.\n|---\n|<<|[é\u{85}\u{2028}]){0,60}") {
        let _ = parse_without_net(text.as_bytes());
    }
}

/// As `parse`, without the net below it.
fn parse_without_net(bytes: &[u8]) -> Result<Vec<YamlDocument>, Diagnostic> {
    parse_text("f.yaml", decode("f.yaml", bytes)?)
}
