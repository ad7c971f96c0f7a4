//! The house rules that a compiler does not check: who may depend on whom, where AWS's SDK may be named, what is
//! written nowhere. The rules are the design guide's, sections 2, 4, 5, 8 and 9; each test is one of them.
#![expect(clippy::unwrap_used, reason = "a test stops where it is, and says so")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Command;

use hatoba_kinds::{KindId, common_operations};
use hatoba_source::{Location, source_permissions};
use hatoba_tests::root;
use serde_json::Value;

/// Longer files have lost their one idea.
const LINES_MAX: usize = 600;

/// Each crate and the crates of this workspace that it may use.
const ARROWS: &[(&str, &[&str])] = &[
    ("hatoba-core", &[]),
    ("hatoba-shapes", &[]),
    ("hatoba-kinds", &["hatoba-core", "hatoba-shapes"]),
    ("hatoba-source", &["hatoba-core"]),
    ("hatoba-engine", &["hatoba-core", "hatoba-kinds", "hatoba-source"]),
    ("hatoba-aws-model", &[]),
    ("hatoba", &["hatoba-core", "hatoba-kinds", "hatoba-source", "hatoba-engine", "hatoba-aws-model"]),
    ("xtask", &[]),
    ("hatoba-tests", &["hatoba-core", "hatoba-kinds", "hatoba-source", "hatoba-engine", "hatoba-aws-model"]),
];

/// Everything at the top that is kept.
const TOP: [&str; 15] = [
    ".cargo",
    ".ci",
    ".clippy.toml",
    ".config",
    ".deny.toml",
    ".github",
    ".gitignore",
    ".rustfmt.toml",
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE",
    "crates",
    "deploy",
    "docs",
    "tests",
];

/// One Rust file.
struct Source {
    /// From the root, with `/`.
    path: String,
    text: String,
}

impl Source {
    /// Numbered lines without comments, and without what is only compiled for tests.
    fn code(&self) -> Vec<(usize, &str)> {
        if self.path.contains("/tests/") || self.path.ends_with("/tests.rs") {
            return Vec::new();
        }
        let mut code = Vec::new();
        let mut lines = self.text.lines().enumerate();
        while let Some((index, line)) = lines.next() {
            if line == "#[cfg(test)]" {
                // One item: a line that ends it, or all up to its brace.
                lines
                    .by_ref()
                    .map(|(_, line)| line)
                    .find(|line| line.ends_with(';') && !line.starts_with(' ') || *line == "}");
                continue;
            }
            code.push((index + 1, without_comment(line)));
        }
        code
    }

    fn is_in(&self, folders: &[&str]) -> bool {
        folders.iter().any(|folder| self.path.starts_with(&format!("{folder}/")))
    }

    fn is_generated(&self) -> bool {
        self.text.starts_with("// @generated")
    }

    /// Files that speak to AWS through its SDK.
    fn is_wiring(&self) -> bool {
        let buckets = "crates/hatoba-source/src/bucket/";
        if self.path.strip_prefix(buckets).is_some_and(|file| ["store.rs", "queue.rs"].contains(&file)) {
            return true;
        }
        if self.is_generated() {
            return true;
        }
        let Some(path) = self.path.strip_prefix("crates/hatoba-kinds/src/") else { return false };
        path.ends_with("/driver.rs")
            || ["tags.rs", "aws.rs", "ec2.rs", "ec2/network.rs", "raw.rs", "route53.rs", "visit.rs"]
                .contains(&path)
    }
}

/// The line up to `//`, unless that stands in a string.
fn without_comment(line: &str) -> &str {
    let starts = line.match_indices("//").map(|(at, _)| at);
    let outside = starts.into_iter().find(|at| line[..*at].matches('"').count().is_multiple_of(2));
    &line[..outside.unwrap_or(line.len())]
}

/// Every Rust file of the workspace.
fn sources() -> Vec<Source> {
    let mut found = Vec::new();
    for folder in ["crates", "tests"] {
        collect(&root().join(folder), &mut found);
    }
    assert!(found.len() > 100, "only {} files found", found.len());
    found
}

fn collect(folder: &Path, found: &mut Vec<Source>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let shown = path.strip_prefix(root()).unwrap().to_str().unwrap().replace('\\', "/");
            found.push(Source { path: shown, text: fs::read_to_string(&path).unwrap() });
        }
    }
}

/// Where the code of these files breaks a rule; each place on a line of its own.
fn breaches<'a>(
    sources: impl IntoIterator<Item = &'a Source>,
    is_breach: impl Fn(&str) -> bool,
) -> Vec<String> {
    let of = |source: &'a Source| {
        let lines = source.code().into_iter().filter(|(_, line)| is_breach(line));
        lines.map(|(number, line)| format!("{}:{number}: {}", source.path, line.trim())).collect::<Vec<_>>()
    };
    sources.into_iter().flat_map(of).collect()
}

/// Package → names of everything it depends on: (all, without what only its tests use).
fn dependencies() -> BTreeMap<String, (BTreeSet<String>, BTreeSet<String>)> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| env!("CARGO").into());
    let arguments = ["metadata", "--no-deps", "--offline", "--format-version", "1"];
    let output = Command::new(cargo).args(arguments).current_dir(root()).output().unwrap();
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let of = |package: &Value| {
        let all = package["dependencies"].as_array().unwrap().iter();
        let name = |dependency: &Value| dependency["name"].as_str().unwrap().to_owned();
        let shipped = all.clone().filter(|dependency| dependency["kind"] != "dev").map(name).collect();
        (package["name"].as_str().unwrap().to_owned(), (all.map(name).collect(), shipped))
    };
    metadata["packages"].as_array().unwrap().iter().map(of).collect()
}

/// Whether the line has it as a whole word.
fn has_word(line: &str, word: &str) -> bool {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    line.match_indices(word)
        .any(|(at, _)| !line[..at].ends_with(is_part) && !line[at + word.len()..].starts_with(is_part))
}

#[test]
fn the_rules_see_code_and_neither_comments_nor_tests() {
    let text = "use a; // Stage\n#[cfg(test)]\nmod tests;\nlet url = \"http://x\";\n#[cfg(test)]\nmod t {\n    x;\n}\nfn z() {}";
    let source = Source { path: "crates/a/src/lib.rs".to_owned(), text: text.to_owned() };
    let code = source.code();
    assert_eq!(code, [(1, "use a; "), (4, "let url = \"http://x\";"), (9, "fn z() {}")]);
    assert!(
        has_word("a Stage.", "Stage") && !has_word("a Stages", "Stage") && !has_word("BackStage", "Stage")
    );
}

#[test]
fn arrows_point_down_only() {
    let packages = dependencies();
    let known: BTreeSet<&str> = ARROWS.iter().map(|(name, _)| *name).collect();
    assert_eq!(
        packages.keys().map(String::as_str).collect::<BTreeSet<_>>(),
        known,
        "the crates of the house"
    );
    for (name, may_use) in ARROWS {
        let (all, _) = &packages[*name];
        for used in all.iter().filter(|used| known.contains(used.as_str())) {
            assert!(may_use.contains(&used.as_str()), "{name} uses {used}");
        }
    }
}

#[test]
fn decisions_know_no_runtime_no_network_and_no_sdk() {
    let packages = dependencies();
    let (all, _) = &packages["hatoba-core"];
    let foreign = |name: &&String| {
        name.starts_with("aws-")
            || ["tokio", "tokio-util", "futures", "axum", "fastrand"].contains(&name.as_str())
    };
    assert_eq!(all.iter().filter(foreign).collect::<Vec<_>>(), [""; 0], "hatoba-core");
    // The source is S3's and SQS's business; everything else of AWS's is the kinds'.
    let (buckets, none): (&[&str], &[&str]) = (&["aws-sdk-s3", "aws-sdk-sqs"], &[]);
    for (name, may) in [("hatoba-source", buckets), ("hatoba-engine", none), ("hatoba", none)] {
        let (_, shipped) = &packages[name];
        let sdk = shipped.iter().filter(|name| name.starts_with("aws-sdk-"));
        let sdk: Vec<_> = sdk.filter(|name| !may.contains(&name.as_str())).collect();
        assert_eq!(sdk, [""; 0], "{name}: only the kinds speak to AWS");
    }
    let sources = sources();
    let core = sources.iter().filter(|source| source.is_in(&["crates/hatoba-core/src"]));
    let impure =
        ["async fn", "Timestamp::now", "Instant::now", "SystemTime", "std::env", "std::fs", "std::net"];
    assert_eq!(breaches(core, |line| impure.iter().any(|word| line.contains(word))), [""; 0]);
}

#[test]
fn decisions_and_the_loop_name_no_kind() {
    let sources = sources();
    let ours =
        sources.iter().filter(|source| source.is_in(&["crates/hatoba-core/src", "crates/hatoba-engine/src"]));
    let names: Vec<&str> = KindId::ALL.iter().map(|kind| kind.table().kind).collect();
    assert_eq!(breaches(ours, |line| names.iter().any(|name| has_word(line, name))), [""; 0]);
}

#[test]
fn the_sdk_is_named_in_drivers_only() {
    let sources = sources();
    let ours = |source: &&Source| {
        source.is_in(&["crates"]) && !source.is_in(&["crates/xtask"]) && !source.is_wiring()
    };
    let names_it = |line: &str| line.contains("aws_sdk_") || line.contains(".send()");
    assert_eq!(breaches(sources.iter().filter(ours), names_it), [""; 0]);
}

#[test]
fn only_drivers_wait_for_aws() {
    let sources = sources();
    let kinds =
        sources.iter().filter(|source| source.is_in(&["crates/hatoba-kinds/src"]) && !source.is_wiring());
    // `kind.rs` and `registry.rs` only pass the call on.
    let others =
        kinds.filter(|source| !source.path.ends_with("/kind.rs") && !source.path.ends_with("/registry.rs"));
    assert_eq!(breaches(others, |line| line.contains("async fn") || line.contains(".await")), [""; 0]);
}

#[test]
fn every_select_is_biased() {
    let mut wrong = Vec::new();
    for source in sources() {
        let lines: Vec<&str> = source.text.lines().map(|line| without_comment(line).trim()).collect();
        for (index, _) in lines.iter().enumerate().filter(|(_, line)| line.ends_with("select! {")) {
            if lines[index + 1..].iter().find(|line| !line.is_empty()) != Some(&"biased;") {
                wrong.push(format!("{}:{}", source.path, index + 1));
            }
        }
    }
    assert_eq!(wrong, [""; 0], "a random order cannot be simulated again");
}

#[test]
fn order_is_never_left_to_a_hash() {
    let folders =
        ["core", "engine", "source", "shapes", "kinds"].map(|name| format!("crates/hatoba-{name}/src"));
    let folders: Vec<&str> = folders.iter().map(String::as_str).collect();
    let sources = sources();
    // The SDK's own maps are hash maps; they are converted where they are met.
    let ours = sources.iter().filter(|source| source.is_in(&folders) && !source.is_wiring());
    let hashed = |line: &str| has_word(line, "HashMap") || has_word(line, "HashSet");
    assert_eq!(breaches(ours, hashed), [""; 0]);
}

#[test]
fn scenarios_let_time_pass_through_the_harness_only() {
    let sources = sources();
    // The simulation is a harness of its own, on the same paused clock.
    let scenarios = sources.iter().filter(|source| source.is_in(&["tests/scenarios"]));
    assert_eq!(breaches(scenarios, |line| has_word(line, "sleep")), [""; 0]);
    let sleeping = |line: &str| line.contains("thread::sleep");
    let all = sources.iter().filter(|source| source.path != "tests/architecture.rs");
    assert_eq!(breaches(all, sleeping), [""; 0], "no thread ever sleeps");
}

#[test]
fn files_are_short() {
    let sources = sources();
    let written = sources.iter().filter(|source| !source.is_generated());
    let long: Vec<String> = written
        .map(|source| (source, source.text.lines().count()))
        .filter(|(_, lines)| *lines > LINES_MAX)
        .map(|(source, lines)| format!("{}: {lines} lines", source.path))
        .collect();
    assert_eq!(long, [""; 0]);
}

#[test]
fn the_top_of_the_house_is_tidy() {
    let kept = Command::new("git").args(["ls-files", "--cached"]).current_dir(root()).output().unwrap();
    let text = String::from_utf8(kept.stdout).unwrap();
    let top: BTreeSet<&str> = text.lines().map(|path| path.split('/').next().unwrap_or(path)).collect();
    let missing: Vec<&&str> = ["Cargo.toml", "LICENSE", "crates", "deploy", "docs", "tests"]
        .iter()
        .filter(|name| !top.contains(*name))
        .collect();
    assert_eq!(missing, [&""; 0]);
    let is_known = |name: &&str| TOP.contains(name) || name.starts_with("README");
    let strange: Vec<&str> = top.into_iter().filter(|name| !is_known(name)).collect();
    assert_eq!(strange, [""; 0]);
    for crate_folder in fs::read_dir(root().join("crates")).unwrap() {
        let folder = crate_folder.unwrap();
        let name = folder.file_name().into_string().unwrap();
        let manifest = fs::read_to_string(folder.path().join("Cargo.toml")).unwrap();
        assert!(
            manifest.contains(&format!("name = \"{name}\"")),
            "crates/{name} holds a crate of another name"
        );
    }
}

/// Every reason that the program can give is explained in the book, and the book explains no other.
#[test]
fn every_reason_is_in_the_book() {
    let book = fs::read_to_string(root().join("docs/src/reasons.md")).unwrap();
    let rows = book.lines().filter(|line| line.starts_with("| `"));
    let explained: BTreeSet<&str> = rows
        .flat_map(|row| row.split('|').nth(1).unwrap_or_default().split('`').skip(1).step_by(2))
        .collect();
    let mut given: BTreeSet<String> = BTreeSet::new();
    for source in sources()
        .iter()
        .filter(|source| source.path.starts_with("crates/") && !source.path.contains("/tests"))
    {
        let code: String =
            source.code().into_iter().map(|(_, line)| line.trim()).collect::<Vec<_>>().join(" ");
        for start in ["Cause::new(", "say(", "Reason::new("] {
            for rest in code.split(start).skip(1) {
                let word = rest
                    .trim_start()
                    .strip_prefix('"')
                    .and_then(|rest| rest.split('"').next())
                    .unwrap_or_default();
                let is_reason =
                    word.starts_with(char::is_uppercase) && word.chars().all(char::is_alphanumeric);
                given.extend(is_reason.then(|| word.to_owned()));
            }
        }
    }
    let sources_own = ["SourceMissing", "SourceNotAFolder", "SourceUnreadable", "SourceTooLarge"];
    given.extend(sources_own.map(str::to_owned));
    let of = ["Conflict", "Missing", "Denied", "WrongRegion", "Throttled", "Refused", "Unanswered"];
    given.extend(of.map(|word| format!("Bucket{word}")));
    let given: BTreeSet<&str> = given.iter().map(String::as_str).collect();
    let unexplained: Vec<_> = given.difference(&explained).collect();
    let unknown: Vec<_> = explained.difference(&given).collect();
    assert!(
        unexplained.is_empty() && unknown.is_empty(),
        "not in the book: {unexplained:?}; only in the book: {unknown:?}"
    );
}

/// What `hatoba iam-policy` is made of is all that the code names, and nothing that it does not.
#[test]
fn every_operation_that_the_code_names_is_in_the_policy() {
    let mut named: BTreeSet<String> = BTreeSet::new();
    let sources = sources();
    for source in sources.iter().filter(|source| source.is_in(&["crates/hatoba-kinds/src"])) {
        let code: String = source.code().into_iter().map(|(_, line)| line).collect();
        for start in ["Operation::read(", "Operation::write("] {
            for rest in code.split(start).skip(1) {
                let words: Vec<&str> = rest.splitn(5, '"').collect();
                named.insert(format!("{}:{}", words[1], words[3]));
            }
        }
    }
    let operations = KindId::ALL.iter().flat_map(|kind| kind.operations()).chain(common_operations());
    assert_eq!(named, operations.map(ToString::to_string).collect());

    let is_action = |word: &&str| word.starts_with("s3:") && !word.starts_with("s3://");
    let mut asked: BTreeSet<&str> = BTreeSet::new();
    for source in sources.iter().filter(|source| source.path.ends_with("/bucket/store.rs")) {
        let words = source.code().into_iter().flat_map(|(_, line)| line.split('"').skip(1).step_by(2));
        asked.extend(words.filter(is_action));
    }
    let source: Location = "s3://documents/prod".parse().unwrap();
    let allowed = serde_json::to_string(&source_permissions(&source, Some(&source.status_place()))).unwrap();
    let allowed: BTreeSet<&str> =
        allowed.split('"').filter(|word| word.starts_with("s3:") && *word != "s3:prefix").collect();
    assert_eq!(asked, allowed);
}

/// Every row of the page of pains is there once, and the test that it names is in the tree.
#[test]
fn every_pain_names_its_proof() {
    let page = fs::read_to_string(root().join("docs/src/pains.md")).unwrap();
    let code = sources();
    let is_there = |test: &str| {
        let named = format!("fn {test}(");
        code.iter().any(|source| source.text.contains(&named))
    };
    let mut rows = BTreeSet::new();
    for line in page.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| row ")) {
        let columns: Vec<&str> = line.split('|').map(str::trim).collect();
        let [_, names, _, here, proof, _] = columns[..] else { panic!("not four columns: {line}") };
        assert!(!here.is_empty() && !proof.is_empty(), "{line}");
        for name in names.split(", ") {
            assert!(rows.insert(name.to_owned()), "{name} is there twice");
        }
        for test in proof.split('`').skip(1).step_by(2) {
            assert!(is_there(test), "there is no test {test}, which proves {names}");
        }
    }
    let wanted = (1..=7).map(|n| format!("T{n}")).chain((1..=14).map(|n| format!("A{n}")));
    let wanted: BTreeSet<String> = wanted.chain((1..=72).map(|n| n.to_string())).collect();
    assert_eq!(rows, wanted);
}
