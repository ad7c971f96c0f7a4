use hatoba_core::Place;

use super::*;

fn at(line: usize, column: usize) -> Place {
    Place { file: "shop/discovery.yaml".to_owned(), line, column }
}

fn rendered(source: &str, diagnostic: &Diagnostic) -> String {
    let sources = BTreeMap::from([(diagnostic.place.file.clone(), Arc::from(source))]);
    Findings { documents: 1, files: 1, diagnostics: &[], sources: &sources }.render(diagnostic, false)
}

fn ttl(line: usize, column: usize) -> Diagnostic {
    let message = "expected 0 to 2147483647 seconds, got -1";
    Diagnostic::error(at(line, column), "spec.dnsConfig.dnsRecords[0].ttl", message)
}

#[test]
fn the_shape_of_an_error() {
    let source = "spec:\n  dnsConfig:\n    dnsRecords:\n      - type: SRV\n        ttl: -1  # why not\n";
    let diagnostic = ttl(5, 14).hint("60 is the usual value for SRV records");
    let expected = "\
error: spec.dnsConfig.dnsRecords[0].ttl: expected 0 to 2147483647 seconds, got -1
 --> shop/discovery.yaml:5:14
  |
5 |         ttl: -1  # why not
  |              ^^
  |
hint: 60 is the usual value for SRV records";
    assert_eq!(rendered(source, &diagnostic), expected);
}

#[test]
fn a_rule_stands_beside_the_severity() {
    let diagnostic =
        Diagnostic::warning(at(2, 13), "spec.routeKey", "everybody may call it").rule("PublicRoute");
    let expected = "\
warning[PublicRoute]: spec.routeKey: everybody may call it
 --> shop/discovery.yaml:2:13
  |
2 |   routeKey: $default
  |             ^^^^^^^^";
    assert_eq!(rendered("spec:\n  routeKey: $default\n", &diagnostic), expected);
    assert_eq!(
        diagnostic.to_string(),
        "[PublicRoute] spec.routeKey: everybody may call it (shop/discovery.yaml:2:13)"
    );
}

#[test]
fn a_warning_without_a_path_or_a_hint() {
    let diagnostic = Diagnostic::warning(at(1, 1), "", "nobody names this document");
    let expected = "\
warning: nobody names this document
 --> shop/discovery.yaml:1:1
  |
1 | apiVersion: hatoba/v1
  | ^^^^^^^^^^";
    assert_eq!(rendered("apiVersion: hatoba/v1", &diagnostic), expected);
}

#[test]
fn line_ends_tabs_and_wide_characters_keep_the_caret_in_place() {
    let lines = |source: &str, line, column| {
        let text = rendered(source, &ttl(line, column));
        let lines: Vec<String> = text.lines().skip(1).map(str::to_owned).collect();
        [lines[0].clone(), lines[2].clone(), lines[3].clone()]
    };
    assert_eq!(
        lines("a: 1\r\nb: two\r\n", 2, 4),
        [" --> shop/discovery.yaml:2:4", "2 | b: two", "  |    ^^^"]
    );
    assert_eq!(lines("a: 1\rb: two", 2, 4), [" --> shop/discovery.yaml:2:4", "2 | b: two", "  |    ^^^"]);
    assert_eq!(
        lines("\tb:\t2", 1, 5),
        [" --> shop/discovery.yaml:1:5", "1 |     b:    2", "  |           ^"]
    );
    assert_eq!(
        lines("日本: 語, x", 1, 5),
        [" --> shop/discovery.yaml:1:5", "1 | 日本: 語, x", "  |       ^^"]
    );
    // The value is missing: the caret stands where it should be.
    assert_eq!(lines("ttl:", 1, 5), [" --> shop/discovery.yaml:1:5", "1 | ttl:", "  |     ^"]);
}

#[test]
fn a_place_that_is_not_in_the_text_is_told_without_a_snippet() {
    let expected = "\
error: spec.dnsConfig.dnsRecords[0].ttl: expected 0 to 2147483647 seconds, got -1
--> shop/discovery.yaml:9:4";
    assert_eq!(rendered("a: 1\n", &ttl(9, 4)), expected);
    let findings = Findings { documents: 1, files: 1, diagnostics: &[], sources: &BTreeMap::new() };
    assert_eq!(findings.render(&ttl(9, 4), false), expected);
}

#[test]
fn escape_sequences_are_neutralised_everywhere() {
    let evil = "\u{1b}[2J\u{9b}31m\u{7}\u{202e}";
    let place = Place { file: format!("{evil}.yaml"), line: 1, column: 4 };
    let diagnostic = Diagnostic::error(place, evil, format!("{evil}\nerror: forged")).hint(evil);
    let sources = BTreeMap::from([(diagnostic.place.file.clone(), Arc::from(format!("a: {evil}\r\n")))]);
    let diagnostics = [diagnostic];
    let findings = Findings { documents: 1, files: 1, diagnostics: &diagnostics, sources: &sources };
    let mut text = Vec::new();
    findings.write_text(&mut text, false).unwrap();
    let text = String::from_utf8(text).unwrap();
    let expected = "\
error: ␛[2J�31m␇�: ␛[2J�31m␇� error: forged
 --> ␛[2J�31m␇�.yaml:1:4
  |
1 | a: ␛[2J�31m␇�
  |    ^^^^^^^^^^
  |
hint: ␛[2J�31m␇�

1 document in 1 file: 1 error, 0 warnings
";
    assert_eq!(text, expected);
    let coloured = findings.render(&diagnostics[0], true);
    assert!(coloured.contains("\u{1b}["), "{coloured:?}");
    assert!(!coloured.contains("\u{1b}[2J") && !coloured.contains('\u{9b}'), "{coloured:?}");
    assert!(!findings.json().contains(['\u{1b}', '\u{9b}', '\u{202e}']));
}

#[test]
fn a_long_line_is_cut_around_the_place() {
    let source = format!("{}VALUE{}", "\"abcdefg\", ".repeat(100), ", 12345".repeat(100));
    let text = rendered(&source, &ttl(1, 1_101));
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[1], " --> shop/discovery.yaml:1:1101");
    let caret = lines[4].find('^').unwrap();
    assert_eq!(&lines[3][caret..caret + 5], "VALUE");
    assert!(lines[3].contains("| ...") && lines[3].ends_with("..."), "{}", lines[3]);
    assert!(lines.iter().all(|line| line.chars().count() < 130), "{text}");
}

#[test]
fn no_text_upsets_the_renderer() {
    let wide = "日本👩‍💻e\u{301}\t".repeat(60);
    let zero = "\u{301}\u{200d}\u{200b}".repeat(200);
    for source in ["", "\n", "\t", "\u{feff}a: 1", "a\u{85}b\u{2028}c", &wide, &zero, "👩‍💻: \"\\"] {
        for line in 0..3 {
            for column in [0, 1, 2, 3, 50, 200, 10_000, usize::MAX] {
                for colour in [false, true] {
                    let sources = BTreeMap::from([("shop/discovery.yaml".to_owned(), Arc::from(source))]);
                    let findings = Findings { documents: 1, files: 1, diagnostics: &[], sources: &sources };
                    let text = findings.render(&ttl(line, column), colour);
                    assert!(text.contains("shop/discovery.yaml:"), "{text}");
                }
            }
        }
    }
}

#[test]
fn a_long_value_does_not_fill_the_screen() {
    let source = format!("a: {}", "x".repeat(5_000));
    let diagnostic = Diagnostic::error(at(1, 4), "a", format!("got {}", "x".repeat(5_000)));
    let text = rendered(&source, &diagnostic);
    assert!(text.lines().skip(1).all(|line| line.chars().count() < 230), "{text}");
    assert!(text.lines().next().unwrap().chars().count() <= MESSAGE_CHARS_MAX + "error: ".len());
}

#[test]
fn summaries() {
    let error = ttl(1, 1);
    let warning = Diagnostic::warning(at(1, 1), "", "w");
    let summary = |documents, files, diagnostics: &[Diagnostic]| {
        Findings { documents, files, diagnostics, sources: &BTreeMap::new() }.summary()
    };
    assert_eq!(summary(3, 2, std::slice::from_ref(&error)), "3 documents in 2 files: 1 error, 0 warnings");
    assert_eq!(summary(8, 3, &[]), "8 documents in 3 files: all good");
    assert_eq!(summary(1, 1, &[error.clone(), error, warning]), "1 document in 1 file: 2 errors, 1 warning");
    assert_eq!(summary(0, 0, &[]), "0 documents in 0 files: nothing to check");
}

#[test]
fn the_shape_of_the_json() {
    let diagnostics = [ttl(5, 14).hint("60"), Diagnostic::warning(at(6, 1), "", "w").rule("NoRoutes")];
    let findings = Findings { documents: 3, files: 2, diagnostics: &diagnostics, sources: &BTreeMap::new() };
    let read: serde_json::Value = serde_json::from_str(&findings.json()).unwrap();
    let expected = json!({
        "documents": 3,
        "errors": 1,
        "warnings": 1,
        "diagnostics": [
            {
                "severity": "error",
                "place": { "file": "shop/discovery.yaml", "line": 5, "column": 14 },
                "path": "spec.dnsConfig.dnsRecords[0].ttl",
                "message": "expected 0 to 2147483647 seconds, got -1",
                "hint": "60",
            },
            {
                "severity": "warning",
                "rule": "NoRoutes",
                "place": { "file": "shop/discovery.yaml", "line": 6, "column": 1 },
                "path": "",
                "message": "w",
            },
        ],
    });
    assert_eq!(read, expected);
}
