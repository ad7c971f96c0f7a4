//! A kind's page of the book, with one spine: example → fields → status → what it never touches → IAM → calls.
//!
//! Everything is made from the code but what only a run shows ([`Measured`]): that is counted against the model AWS by
//! the test that holds the pages to this.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use hatoba_core::{Field, Literal, MarkStyle, Omitted};
use serde_json::Value;

use crate::explain::{Schema, about, type_of, words};
use crate::{KindId, Operation, action_of, ec2, http_service, iam};

/// What a run of the sample shows.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Measured {
    /// The outputs of its status.
    pub outputs: BTreeSet<String>,
    /// Calls until the sample stands, beginning with nothing: writes, and reads of what was written.
    pub making: BTreeMap<String, usize>,
    /// Calls in an hour in which nothing changes.
    pub hour: BTreeMap<String, usize>,
}

/// Structures are told of so deeply; no member of AWS's lies deeper.
const DEPTH_MAX: usize = 8;

/// The page of a kind.
pub fn page(kind: KindId, measured: &Measured) -> String {
    let (table, schema) = (kind.table(), Schema::of(kind));
    let mut text = head(table.kind, &words(schema.root()), kind.sample());
    fields(&mut text, schema, &mut |path, member| about(kind, path, member));
    status(&mut text, kind.hop().is_some_and(|hop| hop.is_entry), measured);
    untouched(&mut text, kind);
    permissions(&mut text, kind);
    calls(&mut text, measured);
    text
}

/// The page of documents that are made of others.
pub fn page_of_whole(measured: &Measured) -> String {
    let schema = Schema::of_whole();
    let mut text = head(http_service::KIND, &words(schema.root()), http_service::SAMPLE);
    fields(&mut text, &schema, &mut |_, member| {
        Some(words(member)).filter(|text| !text.is_empty()).into_iter().collect()
    });
    status(&mut text, true, measured);
    text.push_str(
        "## What it never touches\n\nAn `HttpService` is expanded into documents of the other kinds; their pages say it. \
         `hatoba render DIR` prints them, and [HttpService](../http-service.md) says how.\n\n\
         ## IAM\n\nWhat the kinds need that it is made of: `hatoba iam-policy DIR` prints it.\n\n",
    );
    calls(&mut text, measured);
    text
}

fn head(kind: &str, about: &str, sample: &str) -> String {
    format!(
        "<!-- Made from the code by `cargo xtask gen`; do not edit. -->\n\n# {kind}\n\n{about}\n\n## Example\n\n\
         ```yaml\n{}\n```\n\n",
        sample.trim_end()
    )
}

/// Every member of `spec`, structures with all that is in them.
fn fields(text: &mut String, schema: &Schema, about: &mut dyn FnMut(&str, &Value) -> Vec<String>) {
    text.push_str("## Fields\n\n`hatoba explain KIND.field` says the same for one.\n\n| field of `spec` | type | means |\n|---|---|---|\n");
    below(text, schema, schema.root(), "", "", about, 0);
    text.push('\n');
}

/// Members one by one. `shown`: the path with list steps; `path`: the same without, as the tables have it.
fn below(
    text: &mut String,
    schema: &Schema,
    at: &Value,
    path: &str,
    shown: &str,
    about: &mut dyn FnMut(&str, &Value) -> Vec<String>,
    depth: usize,
) {
    for (name, member) in schema.members(at).into_iter().flatten().filter(|_| depth < DEPTH_MAX) {
        let path = hatoba_core::path::join(path, name);
        let kind = type_of(schema, member);
        let shown = hatoba_core::path::join(shown, name);
        // What is compared with the structure around it says so there, and what is below it says so below.
        let means: Vec<String> =
            told(about(&path, member), &kind).iter().map(|line| cell(&sentence(line))).collect();
        let _ = writeln!(text, "| `{shown}` | {} | {} |", cell(&kind), means.join(" "));
        let shown = if kind.starts_with("list") { format!("{shown}[]") } else { shown };
        below(text, schema, member, &path, &shown, about, depth + 1);
    }
}

/// Lines of `explain` that a table of all members does not need.
const NO_NEWS: [&str; 2] = ["compared and written with", "each member below"];

/// What of these lines a table of all members needs.
fn told(mut lines: Vec<String>, kind: &str) -> Vec<String> {
    lines.retain(|line| NO_NEWS.iter().all(|start| !line.starts_with(start)));
    // A reference's own words may say what the table says of it.
    if lines.len() == 2 && lines[1].starts_with("names ") && lines[0].contains("fills") {
        lines.remove(0);
    }
    lines.into_iter().filter_map(|line| beside_its_type(&line, kind)).collect()
}

/// What a generated line says beside the name and the type, which stand before it; a structure's name says nothing that its
/// members do not.
fn beside_its_type(line: &str, kind: &str) -> Option<String> {
    let Some((_, rest)) = line.strip_prefix("AWS member ").and_then(|rest| rest.split_once(": ")) else {
        return Some(line.to_owned());
    };
    let rest = rest.trim_end_matches('.');
    let (what, more) = rest.split_once(", ").unwrap_or((rest, ""));
    let is_its_type = what == kind
        || what.strip_suffix('s') == Some(kind)
        || what.trim_start_matches("list of ").starts_with('`');
    let news = if is_its_type { more } else { rest };
    Some(news.to_owned()).filter(|news| !news.is_empty())
}

/// With a capital and a full stop.
fn sentence(text: &str) -> String {
    let text = text.trim_end_matches('.');
    let mut letters = text.chars();
    let first = letters.next().map(|first| first.to_uppercase().to_string()).unwrap_or_default();
    format!("{first}{}.", letters.as_str())
}

/// Text in a table; in code nothing but the bar means anything.
fn cell(text: &str) -> String {
    let parts = text.split('`').enumerate();
    let parts =
        parts.map(|(index, part)| if index % 2 == 0 { part.replace('<', "&lt;") } else { part.to_owned() });
    parts.collect::<Vec<_>>().join("`").replace('|', "\\|")
}

fn status(text: &mut String, is_entry: bool, measured: &Measured) {
    text.push_str("## Status\n\n| condition | means |\n|---|---|\n");
    text.push_str("| Synced | AWS equals the document |\n| Ready | it has settled |\n");
    if is_entry {
        text.push_str("| Serving | a request gets through: [Serving](../serving.md) |\n");
    }
    text.push_str("\nEach with a [reason](../reasons.md). ");
    match measured.outputs.is_empty() {
        true => text.push_str("No outputs.\n\n"),
        false => {
            let outputs: Vec<String> = measured.outputs.iter().map(|name| format!("`{name}`")).collect();
            let _ = writeln!(text, "Outputs of the example: {}.\n", outputs.join(", "));
        }
    }
}

fn untouched(text: &mut String, kind: KindId) {
    let table = kind.table();
    text.push_str("## What it never touches\n\n");
    let bears = match table.marks {
        MarkStyle::Tags | MarkStyle::TagsReadApart => "whose it is stands in its tags; tags of others stay",
        MarkStyle::Description => "whose it is stands in the last line of its description",
        MarkStyle::Inherited(_) => "it is ours if what it leads to, or stands in, is ours",
        MarkStyle::Name => "it is ours by its name, in an API of ours",
    };
    let _ =
        writeln!(text, "* Resources that are not ours: {bears}. See [Ownership and safety](../safety.md).");
    let is_ours = |field: &&Field| !matches!(field.omitted, Omitted::Untouched(_));
    let others: Vec<&Field> = table.fields.iter().filter(|field| !is_ours(field)).collect();
    if !others.is_empty() {
        let names: Vec<String> = others.iter().map(|field| with_start(field)).collect();
        let _ = writeln!(text, "* Fields that the document leaves out: {}.", names.join(", "));
    }
    for (member, why) in kind.left_out() {
        let _ = writeln!(text, "* `{member}`: {}", cell(why));
    }
    text.push('\n');
}

/// A field that is not ours when it is left out, and what it begins with.
fn with_start(field: &Field) -> String {
    match field.at_create {
        Some(Literal::Null) | None => format!("`{}`", field.path),
        Some(value) => format!("`{}` ({} at creation)", field.path, value.value()),
    }
}

fn permissions(text: &mut String, kind: KindId) {
    text.push_str(
        "## IAM\n\n`hatoba iam-policy DIR` prints the policy for exactly your documents.\n\n\
         | action | on | for |\n|---|---|---|\n",
    );
    for operation in kind.operations() {
        // A test holds the table of actions to every operation.
        let Ok((action, on)) = action_of(operation) else { continue };
        let on = on.rsplit("::").next().unwrap_or(&on).to_owned();
        let _ = writeln!(text, "| `{action}` | `{on}` | {} |", operation.name);
    }
    for (action, on) in iam::beside_operations(kind) {
        let _ = writeln!(text, "| `{action}` | {on} | checked by AWS beside the calls |");
    }
    if kind.hop().is_some_and(|hop| hop.is_entry) {
        for operation in ec2::GUARDS {
            let why = "optional: [security groups](../serving.md#security-groups) are judged";
            let _ = writeln!(text, "| `{}:{}` | `*` | {why} |", operation.service, operation.name);
        }
    }
    text.push('\n');
}

fn calls(text: &mut String, measured: &Measured) {
    text.push_str(
        "## Calls per pass\n\nThe kind's own calls, counted on the model AWS for the example and what it names: until all \
         stands, beginning with nothing, and in an hour in which nothing changes (12 looks, one every 5 minutes). Lists \
         serve all documents of their scope at once.\n\n\
         | operation | to make it | in an hour |\n|---|---|---|\n",
    );
    let operations: BTreeSet<&String> = measured.making.keys().chain(measured.hour.keys()).collect();
    let count = |calls: &BTreeMap<String, usize>, name: &String| match calls.get(name) {
        Some(count) => count.to_string(),
        None => "–".to_owned(),
    };
    for name in operations {
        let _ = writeln!(
            text,
            "| {name} | {} | {} |",
            count(&measured.making, name),
            count(&measured.hour, name)
        );
    }
}

/// The sample of documents that are made of others.
pub fn whole_sample() -> &'static str {
    http_service::SAMPLE
}

/// The file of a kind's page: `vpc-link.md`.
pub fn page_file(kind: &str) -> String {
    let mut file = String::new();
    for letter in kind.chars() {
        if letter.is_ascii_uppercase() && !file.is_empty() {
            file.push('-');
        }
        file.push(letter.to_ascii_lowercase());
    }
    file + ".md"
}

/// Whether a kind's driver makes this call.
pub fn calls_of(kind: KindId, service: &str, name: &str) -> bool {
    kind.operations()
        .iter()
        .any(|operation: &Operation| operation.service == service && operation.name == name)
}
