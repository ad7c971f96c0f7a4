//! What the AWS SDK for Rust makes of a shape: read from the SDK's own source, never guessed.
//!
//! Exact names, which members are plain instead of optional, which builders can fail, what is deprecated.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use super::names;
use crate::shell;

/// Where every package of the workspace has its source.
pub(super) struct Packages(BTreeMap<String, (String, PathBuf)>);

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    version: String,
    manifest_path: PathBuf,
}

impl Packages {
    /// Asks cargo, for this machine's platform only, so that nothing else is downloaded.
    pub(super) fn load() -> Result<Self> {
        let about = shell::output(&mut shell::command("rustc", &["-vV"]))?;
        let host =
            about.lines().find_map(|line| line.strip_prefix("host: ")).context("rustc names no host")?;
        let text = shell::output(&mut shell::cargo(&[
            "metadata",
            "--format-version",
            "1",
            "--locked",
            "--filter-platform",
            host,
        ]))?;
        let metadata: Metadata =
            serde_json::from_str(&text).context("cannot read what cargo metadata printed")?;
        let packages = metadata.packages.into_iter();
        Ok(Packages(
            packages.map(|package| (package.name, (package.version, package.manifest_path))).collect(),
        ))
    }

    /// The types of one SDK package.
    pub(super) fn types(&self, package: &str) -> Result<Types> {
        let (version, manifest) =
            self.0.get(package).with_context(|| format!("{package} is no dependency of the workspace"))?;
        let folder = manifest.parent().unwrap_or(Path::new(".")).join("src/types");
        let entries =
            fs::read_dir(&folder).with_context(|| format!("{package} {version} has no src/types"))?;
        let mut files = BTreeMap::new();
        for entry in entries {
            let path = entry?.path();
            if let Some(stem) = path.file_stem().and_then(|stem| stem.to_str()) {
                files.insert(names::folded(stem), path.clone());
            }
        }
        Ok(Types { label: format!("{package} {version}"), files })
    }
}

/// The source files of one SDK package's types.
pub(super) struct Types {
    /// Package and version, for messages.
    pub(super) label: String,
    files: BTreeMap<String, PathBuf>,
}

/// A structure or union of the SDK.
#[derive(Debug, PartialEq)]
pub(super) struct Structure {
    pub(super) name: String,
    /// A union becomes an enum; its members are the variants.
    pub(super) union: bool,
    /// `build()` returns a Result.
    pub(super) fallible: bool,
    pub(super) members: Vec<Member>,
}

/// One field of a structure, or one variant of a union.
#[derive(Debug, PartialEq)]
pub(super) struct Member {
    /// Rust's name: `r#type`, or `LogLevel` for a variant.
    pub(super) name: String,
    pub(super) optional: bool,
    pub(super) deprecated: bool,
    pub(super) ty: Type,
}

/// The type of a member.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Type {
    String,
    I32,
    I64,
    F64,
    Bool,
    /// Any JSON.
    Document,
    /// An enumeration or structure of the SDK.
    Named(String),
    List(Box<Type>),
    Map(Box<Type>),
}

impl Types {
    /// The SDK's rendering of a shape, without the members that no document carries.
    pub(super) fn structure(&self, shape: &str, is_skipped: &dyn Fn(&str) -> bool) -> Result<Structure> {
        let path = self
            .files
            .get(&names::folded(shape))
            .with_context(|| format!("{} has no type for {shape}", self.label))?;
        let source = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        parse(&source, is_skipped).with_context(|| format!("cannot understand {shape} of {}", self.label))
    }
}

fn parse(source: &str, is_skipped: &dyn Fn(&str) -> bool) -> Result<Structure> {
    let mut lines = source.lines().map(str::trim);
    let (name, union) = lines
        .find_map(|line| {
            let structure = line.strip_prefix("pub struct ").map(|rest| (rest, false));
            structure.or_else(|| line.strip_prefix("pub enum ").map(|rest| (rest, true)))
        })
        .context("no struct and no enum in it")?;
    let name = name.trim_end_matches([' ', '{']).to_owned();
    let mut members = Vec::new();
    let mut deprecated = false;
    for line in lines.take_while(|line| *line != "}") {
        if line.starts_with("#[deprecated") {
            deprecated = true;
        } else if let Some((field, ty)) = member(line, union) {
            let (optional, ty) = optional(ty);
            if is_skipped(field) {
                deprecated = false;
                continue;
            }
            let ty = parse_type(ty).with_context(|| format!("member {field}"))?;
            members.push(Member { name: field.to_owned(), optional, deprecated, ty });
            deprecated = false;
        }
    }
    let build = source.split_once("pub fn build(self)").and_then(|(_, rest)| rest.split_once('{'));
    // A long signature is broken before its parameters.
    let build = build.or_else(|| {
        let (_, rest) = source.split_once("pub fn build(\n")?;
        rest.split_once('{')
    });
    Ok(Structure {
        name,
        union,
        fallible: build.is_some_and(|(signature, _)| signature.contains("Result<")),
        members,
    })
}

/// `pub subnets: Vec<String>,` or, of a union, `LogLevel(crate::types::X),`.
fn member(line: &str, union: bool) -> Option<(&str, &str)> {
    if union {
        let (name, ty) = line.split_once('(')?;
        let word = name.chars().all(|letter| letter.is_ascii_alphanumeric());
        return if word { Some((name, ty.strip_suffix("),")?)) } else { None };
    }
    let (name, ty) = line.strip_prefix("pub ")?.split_once(": ")?;
    Some((name, ty.strip_suffix(',')?))
}

fn optional(ty: &str) -> (bool, &str) {
    match inside(ty, "::std::option::Option") {
        Some(inner) => (true, inner),
        None => (false, ty),
    }
}

fn parse_type(ty: &str) -> Result<Type> {
    if let Some(item) = inside(ty, "::std::vec::Vec") {
        return Ok(Type::List(Box::new(parse_type(item)?)));
    }
    if let Some(pair) = inside(ty, "::std::collections::HashMap") {
        return match pair.strip_prefix("::std::string::String, ") {
            Some(value) => Ok(Type::Map(Box::new(parse_type(value)?))),
            None => bail!("a map with other keys than strings: {ty}"),
        };
    }
    if let Some(name) = ty.strip_prefix("crate::types::") {
        return Ok(Type::Named(name.to_owned()));
    }
    Ok(match ty {
        "::std::string::String" => Type::String,
        "i32" => Type::I32,
        "i64" => Type::I64,
        "f64" => Type::F64,
        "bool" => Type::Bool,
        "::aws_smithy_types::Document" => Type::Document,
        other => bail!("a type that the generator does not know: {other}"),
    })
}

fn inside<'a>(ty: &'a str, wrapper: &str) -> Option<&'a str> {
    ty.strip_prefix(wrapper)?.strip_prefix('<')?.strip_suffix('>')
}

#[cfg(test)]
mod tests {
    use super::*;

    const STRUCTURE: &str = "
/// Doc.
pub struct DnsConfig {
    /// Doc.
    #[deprecated(note = \"x\")]
    pub namespace_id: ::std::option::Option<::std::string::String>,
    pub r#type: crate::types::RecordType,
    pub dns_records: ::std::vec::Vec<crate::types::DnsRecord>,
}
impl DnsConfig {
    pub fn build(self) -> ::std::result::Result<crate::types::DnsConfig, ::aws_smithy_types::error::operation::BuildError> {
";

    #[test]
    fn a_structure_is_read() {
        let found = parse(STRUCTURE, &|_| false).unwrap();
        assert_eq!((found.name.as_str(), found.union, found.fallible), ("DnsConfig", false, true));
        let member =
            |name: &str, optional, deprecated, ty| Member { name: name.into(), optional, deprecated, ty };
        assert_eq!(
            found.members,
            [
                member("namespace_id", true, true, Type::String),
                member("r#type", false, false, Type::Named("RecordType".into())),
                member("dns_records", false, false, Type::List(Box::new(Type::Named("DnsRecord".into())))),
            ]
        );
    }

    #[test]
    fn a_union_is_read() {
        let found = parse(
            "pub enum Either {\n/// Doc (of it).\nLogLevel(crate::types::Level),\n#[non_exhaustive]\nUnknown,\n}\n",
            &|_| false,
        );
        let found = found.unwrap();
        assert!(found.union && !found.fallible);
        assert_eq!(found.members.len(), 1);
        assert_eq!(found.members[0].name, "LogLevel");
    }

    #[test]
    fn an_unknown_type_is_an_error_and_not_a_guess() {
        let source = "pub struct X {\n    pub when: ::aws_smithy_types::DateTime,\n}\n";
        assert!(parse(source, &|_| false).is_err());
        assert_eq!(parse(source, &|field| field == "when").unwrap().members, []);
    }
}
