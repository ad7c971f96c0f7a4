//! What AWS allows, as a table for the checker and as the facts in doc comments.

use std::fmt::Write;

use anyhow::Result;

use super::model::Bounds;
use super::names;
use super::plan::{Member, Plan, Structure};

/// One line of the table.
#[derive(Default)]
struct Entry {
    bounds: Bounds,
    required: bool,
    unless: Vec<String>,
    structure: Option<String>,
}

/// Writes `LIMITS`.
pub(super) fn table(plan: &Plan, out: &mut String) -> Result<()> {
    writeln!(out, "/// What {} allows, from its service model.", plan.service.title)?;
    writeln!(out, "pub const LIMITS: &[Limit] = &[")?;
    for request in plan.service.requests {
        for (aws, target) in &plan.model.shape(request.shape)?.members {
            // Whether a document must carry a request's member is said by the kind's own table.
            let entry = Entry { bounds: plan.bounds(request.shape, aws, &target.shape)?, ..Entry::default() };
            if !plan.skips(request.shape, aws) {
                rows(plan, request.shape, &names::document(aws), &target.shape, entry, out)?;
            }
        }
    }
    for structure in &plan.structures {
        for member in &structure.members {
            let unless =
                if member.required { plan.stand_ins(&structure.shape, &member.document) } else { Vec::new() };
            let bounds = plan.bounds(&structure.shape, &member.aws, &member.shape)?;
            let entry = Entry { bounds, required: member.required, unless, structure: None };
            rows(plan, &structure.name, &member.document, &member.shape, entry, out)?;
        }
    }
    writeln!(out, "];")?;
    Ok(())
}

/// The line for a member and, below it, for its items (`member[]`) or values (`member{}`).
fn rows(
    plan: &Plan,
    owner: &str,
    member: &str,
    target: &str,
    mut entry: Entry,
    out: &mut String,
) -> Result<()> {
    entry.structure = plan.structure(target).map(|structure| structure.name.clone());
    row(owner, member, &entry, out)?;
    let shape = plan.model.shape(target)?;
    let (suffix, inner) = match (&shape.member, &shape.value) {
        (Some(item), _) => ("[]", &item.shape),
        (_, Some(value)) => ("{}", &value.shape),
        _ => return Ok(()),
    };
    let bounds = Bounds::of(inner, plan.model.shape(inner)?);
    rows(plan, owner, &format!("{member}{suffix}"), inner, Entry { bounds, ..Entry::default() }, out)
}

fn row(owner: &str, member: &str, entry: &Entry, out: &mut String) -> Result<()> {
    let mut says = String::new();
    if entry.required {
        write!(says, "required: true, ")?;
    }
    if !entry.unless.is_empty() {
        write!(says, "unless: &{:?}, ", entry.unless)?;
    }
    if let Some(min) = entry.bounds.min {
        write!(says, "min: Some({min:?}), ")?;
    }
    if let Some(max) = entry.bounds.max {
        write!(says, "max: Some({max:?}), ")?;
    }
    if let Some(pattern) = &entry.bounds.pattern {
        write!(says, "pattern: Some({pattern:?}), ")?;
    }
    if !entry.bounds.values.is_empty() {
        write!(says, "values: &{:?}, ", entry.bounds.values)?;
    }
    if let Some(structure) = &entry.structure {
        write!(says, "structure: Some({structure:?}), ")?;
    }
    if !says.is_empty() {
        writeln!(out, "Limit {{ {says}..Limit::of({owner:?}, {member:?}) }},")?;
    }
    Ok(())
}

/// The facts about a member in one sentence.
pub(super) fn sentence(plan: &Plan, structure: &Structure, member: &Member) -> Result<String> {
    let unless = plan.stand_ins(&structure.shape, &member.document);
    let required = match (member.required, unless.as_slice()) {
        (false, _) => String::new(),
        (true, []) => ", required".into(),
        (true, unless) => format!(", required unless `{}` is given", unless.join("` or `")),
    };
    let deprecated = if member.sdk.deprecated { " Deprecated by AWS." } else { "" };
    Ok(format!("AWS member `{}`: {}{required}.{deprecated}", member.aws, phrase(plan, &member.shape, false)?))
}

fn phrase(plan: &Plan, name: &str, plural: bool) -> Result<String> {
    let shape = plan.model.shape(name)?;
    let bounds = Bounds::of(name, shape);
    let range = range(&bounds);
    let noun = |word: &str| if plural { format!("{word}s") } else { word.to_owned() };
    let with = |word: String, joint: &str, unit: &str| match &range {
        Some(range) => format!("{word} {joint} {range}{unit}"),
        None => word,
    };
    Ok(match shape.kind.as_str() {
        "string" if !bounds.values.is_empty() => format!("one of `{}`", bounds.values.join("`, `")),
        "string" => with(noun("string"), "of", " characters"),
        "integer" | "long" => with(noun("integer"), "from", ""),
        "double" | "float" => with(noun("number"), "from", ""),
        "boolean" => noun("boolean"),
        "structure" if shape.document => "any JSON object".into(),
        "structure" => match plan.structure(name) {
            Some(structure) => format!("[`{}`]", structure.name),
            None => format!("`{name}`"),
        },
        other => {
            let inner = shape.member.as_ref().or(shape.value.as_ref());
            let inner = inner.map_or(Ok("values".into()), |inner| phrase(plan, &inner.shape, true))?;
            let inner = inner
                .strip_prefix("one of ")
                .map_or(inner.clone(), |values| format!("values out of {values}"));
            let of = if other == "map" { "map of strings to" } else { "list of" };
            let size = range.map_or(String::new(), |range| format!(" {range}"));
            format!("{of}{size} {inner}")
        }
    })
}

fn range(bounds: &Bounds) -> Option<String> {
    match (bounds.min, bounds.max) {
        (Some(min), Some(max)) => Some(format!("{min} to {max}")),
        (Some(min), None) => Some(format!("at least {min}")),
        (None, Some(max)) => Some(format!("at most {max}")),
        (None, None) => None,
    }
}
