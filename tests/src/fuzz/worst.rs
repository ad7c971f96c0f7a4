//! The worst files that fit into the limits: what they cost is bounded, whoever wrote them.

use hatoba_source::yaml::{DOCUMENTS_MAX, FILE_BYTES_MAX, NODES_MAX};
use hatoba_source::{Snapshot, Variables, parse_documents};

use super::documents::whole;

/// Begins a document of a kind with many members.
const HEAD: &str = "apiVersion: hatoba/v1\nkind: Stage\nmetadata: { name: a }\nspec:\n  apiRef: a\n";

/// Reads a file, as a source does.
pub fn read(bytes: &[u8]) -> Snapshot {
    let vars = Variables::from_env_and_flags([], ["TEAM=web"]).unwrap_or_default();
    whole(parse_documents("f.yaml", bytes, &vars), &String::from_utf8_lossy(bytes))
}

/// Files and what they are. None is larger than a file may be.
pub fn files() -> Vec<(&'static str, Vec<u8>)> {
    let full = |piece: &str| piece.repeat(FILE_BYTES_MAX / piece.len());
    let after = |start: &str, piece: &str| {
        let times = (FILE_BYTES_MAX - start.len()) / piece.len();
        format!("{start}{}", piece.repeat(times))
    };
    let texts = [
        ("nothing but comments", full("#\n")),
        ("one long comment", after("#", "x")),
        ("one long word", after("a: ", "x")),
        ("one long key", after("", "k").split_at(FILE_BYTES_MAX - 2).0.to_owned() + ": "),
        ("one long line in quotes", after("a: \"", "\\u0041") + "\""),
        ("one long block", after("a: |\n", "  x\n")),
        ("nothing but line breaks", full("\n")),
        ("nothing but blanks", full(" ")),
        ("nothing but tabs", full("\t")),
        ("nested mappings", full("{a: ")),
        ("nested lists", full("[")),
        ("nested dashes", full("- ")),
        ("nested questions", full("? ")),
        ("nested by indentation", nested_by_indentation()),
        ("aliases of aliases", aliases_of_aliases()),
        ("aliases", after("a: &a [x]\nb:\n", "- *a\n")),
        ("anchors", after("", "- &a x\n")),
        ("tags", after("", "- !t x\n")),
        ("one key again and again", after(HEAD, "  a: b\n")),
        ("keys that are no strings", after(HEAD, "  ? [a]\n")),
        ("empty documents", full("---\n")),
        ("small documents", small_documents()),
        ("small documents without an end", small_documents().repeat(4)),
        ("documents of nothing", format!("{}a: b\n", "--- {}\n".repeat(DOCUMENTS_MAX - 1))),
        ("documents with unknown members", full("---\na: b\n")),
        ("as many keys as there may be", keys(NODES_MAX / 2 - 20, "b")),
        ("as many long values as there may be", keys(NODES_MAX / 2 - 20, "0123456789abcdef0123456789")),
        ("as many items as there may be", items("  - x\n", NODES_MAX - 100)),
        ("as many mappings as there may be", items("  - {}\n", NODES_MAX / 2 - 50)),
        ("as many lists as there may be", items("  - [[]]\n", NODES_MAX / 4 - 50)),
        ("as many mappings of one member as there may be", items("  - {a: b}\n", NODES_MAX / 4 - 20)),
        (
            "as many mappings in each other as there may be",
            items(&mappings_in_each_other(), NODES_MAX / 85 - 1),
        ),
        ("as much in brackets as there may be", in_brackets()),
        ("as many documents as there may be", documents_of(NODES_MAX / 14 - 1)),
        ("items below long keys", below_long_keys()),
        ("variables", after(HEAD, "  - ${TEAM}\n")),
        ("variables in one word", after(&format!("{HEAD}  description: "), "${TEAM}")),
        ("many unknown fields", unknown_fields()),
        ("many labels", labels()),
        ("a torn quote", after("a: \"", "x y\n")),
        ("colons", full(": ")),
        ("commas", format!("[{}", ",".repeat(FILE_BYTES_MAX - 1))),
        ("characters of four bytes", after("a: ", "\u{1f6a2}")),
        ("carriage returns", full("\r")),
        ("stray percents", full("%a\n")),
    ];
    let mut files: Vec<(&str, Vec<u8>)> = texts.map(|(name, text)| (name, text.into_bytes())).into();
    files.push(("nothing but NUL", vec![0; FILE_BYTES_MAX]));
    files.push(("nothing but 0xff", vec![0xff; FILE_BYTES_MAX]));
    files.push(("byte-order marks", "\u{feff}".repeat(FILE_BYTES_MAX / 3).into_bytes()));
    files.push(("text, and then no text", [full("a").as_bytes(), &[0xff]].concat()));
    for (_, bytes) in &mut files {
        bytes.truncate(FILE_BYTES_MAX);
    }
    files
}

fn nested_by_indentation() -> String {
    (0..700).map(|depth| format!("{}a:\n", " ".repeat(depth))).collect()
}

/// Each stands for nine of the one before: 9^9 if somebody followed them.
fn aliases_of_aliases() -> String {
    let line = |n: usize| format!("a{n}: &a{n} [{}]\n", vec![format!("*a{}", n - 1); 9].join(", "));
    format!("a0: &a0 [x, x, x, x, x, x, x, x, x]\n{}", (1..1_000).map(line).collect::<String>())
}

fn small_documents() -> String {
    let document = |n: usize| {
        format!(
            "apiVersion: hatoba/v1\nkind: Route\nmetadata: {{ name: r{n} }}\nspec: {{ apiRef: a, routeKey: GET /{n} }}\n---\n"
        )
    };
    (0..DOCUMENTS_MAX).map(document).collect()
}

fn keys(count: usize, value: &str) -> String {
    let line = |n: usize| format!("    k{n}: {value}\n");
    format!("{HEAD}  stageVariables:\n{}", (0..count).map(line).collect::<String>())
}

fn items(item: &str, count: usize) -> String {
    format!("{HEAD}  tags:\n{}", item.repeat(count))
}

/// Twenty-eight of them, which is as deep as an item may go.
fn mappings_in_each_other() -> String {
    format!("  - {}b{}\n", "{a: ".repeat(28), "}".repeat(28))
}

/// The scanner keeps all of it before it tells of the first thing in it.
fn in_brackets() -> String {
    let pairs: String = (0..NODES_MAX / 2 - 20).map(|n| format!("\"k{n}\":{n},")).collect();
    format!(
        "{{\"apiVersion\":\"hatoba/v1\",\"kind\":\"HttpApi\",\"metadata\":{{\"name\":\"a\"}},\"spec\":{{{pairs}\"z\":0}}}}"
    )
}

fn documents_of(count: usize) -> String {
    let document = |n: usize| {
        format!("---\napiVersion: hatoba/v1\nkind: HttpApi\nmetadata: {{ name: a{n} }}\nspec: {{}}\n")
    };
    (0..count).map(document).collect()
}

fn below_long_keys() -> String {
    let key = "k".repeat(1_000);
    let around: String = (0..20).map(|depth| format!("{}{key}:\n", " ".repeat(depth))).collect();
    around + &format!("{}- x\n", " ".repeat(20)).repeat(NODES_MAX - 100)
}

fn unknown_fields() -> String {
    let line = |n: usize| format!("  fieldThatNobodyKnows{n}: {{ a: b }}\n");
    format!("{HEAD}{}", (0..NODES_MAX / 5 - 10).map(line).collect::<String>())
}

fn labels() -> String {
    let line = |n: usize| format!("    label{n}: 'value {n}'\n");
    let labels: String = (0..NODES_MAX / 2 - 20).map(line).collect();
    format!("apiVersion: hatoba/v1\nkind: HttpApi\nmetadata:\n  name: a\n  labels:\n{labels}spec: {{}}\n")
}
