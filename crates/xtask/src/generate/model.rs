//! AWS's published description of a service, as the `botocore` package carries it.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use serde::Deserialize;

use crate::{shell, venv};

/// Prints one packed service model as JSON.
const UNPACK: &str = "\
import gzip, os, sys, botocore
path = os.path.join(os.path.dirname(botocore.__file__), 'data', sys.argv[1], 'service-2.json.gz')
sys.stdout.write(gzip.open(path, 'rt', encoding='utf-8').read())
";

/// All shapes and operations of a service by name.
#[derive(Deserialize)]
pub(super) struct Model {
    shapes: BTreeMap<String, Shape>,
    operations: BTreeMap<String, Operation>,
}

#[derive(Deserialize)]
struct Operation {
    input: Option<Reference>,
}

/// A named type.
#[derive(Deserialize)]
pub(super) struct Shape {
    /// `structure`, `list`, `map`, `string`, `integer`, `long`, `double`, `float`, `boolean`, `timestamp`, `blob`.
    #[serde(rename = "type")]
    pub(super) kind: String,
    #[serde(default)]
    pub(super) members: BTreeMap<String, Reference>,
    #[serde(default)]
    pub(super) required: Vec<String>,
    /// Of a list.
    pub(super) member: Option<Reference>,
    /// Of a map.
    pub(super) key: Option<Reference>,
    /// Of a map.
    pub(super) value: Option<Reference>,
    #[serde(default, rename = "enum")]
    pub(super) values: Vec<String>,
    pub(super) min: Option<f64>,
    pub(super) max: Option<f64>,
    pub(super) pattern: Option<String>,
    /// Of a timestamp: `iso8601`; none: as the protocol has it.
    #[serde(rename = "timestampFormat")]
    pub(super) timestamp_format: Option<String>,
    /// Any JSON.
    #[serde(default)]
    pub(super) document: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Reference {
    pub(super) shape: String,
    /// `uri`, `querystring`, `header`; none: the body.
    pub(super) location: Option<String>,
    /// The name on the wire, where it is another one.
    pub(super) location_name: Option<String>,
}

impl Model {
    /// Reads the model in this folder of the package's data.
    pub(super) fn load(folder: &str) -> Result<Self> {
        let text = shell::output(&mut shell::command(venv::python(), &["-c", UNPACK, folder]))?;
        serde_json::from_str(&text)
            .with_context(|| format!("the service model {folder} is not what we expect"))
    }

    /// The shape of this name.
    pub(super) fn shape(&self, name: &str) -> Result<&Shape> {
        self.shapes.get(name).with_context(|| format!("the service model has no shape {name}"))
    }

    /// The shape of an operation's request.
    pub(super) fn input(&self, operation: &str) -> Result<&str> {
        let known = self.operations.get(operation);
        let known = known.with_context(|| format!("the service model has no operation {operation}"))?;
        let input = known.input.as_ref();
        Ok(&input.with_context(|| format!("{operation} says nothing"))?.shape)
    }

    /// The structures that a value of this shape may hold directly: itself, its items, its values.
    pub(super) fn structure_in<'a>(&'a self, name: &'a str) -> Result<Option<&'a str>> {
        let shape = self.shape(name)?;
        match (shape.kind.as_str(), &shape.member, &shape.value) {
            ("structure", ..) if !shape.document => Ok(Some(name)),
            ("list", Some(item), _) => self.structure_in(&item.shape),
            ("map", _, Some(value)) => self.structure_in(&value.shape),
            _ => Ok(None),
        }
    }
}

/// What a shape allows.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Bounds {
    pub(super) min: Option<f64>,
    pub(super) max: Option<f64>,
    pub(super) pattern: Option<String>,
    pub(super) values: Vec<String>,
}

impl Bounds {
    /// Reads them off a shape. API Gateway's model says some only in the shape's name
    /// (`StringWithLengthBetween1And64`).
    pub(super) fn of(name: &str, shape: &Shape) -> Self {
        let (min, max) = match (shape.min, shape.max) {
            (None, None) => named_range(name),
            range => range,
        };
        let counted = matches!(shape.kind.as_str(), "string" | "list" | "map");
        let min = min.filter(|min| !counted || *min > 0.0);
        Bounds { min, max, pattern: shape.pattern.clone(), values: shape.values.clone() }
    }
}

fn named_range(name: &str) -> (Option<f64>, Option<f64>) {
    let Some((min, max)) = name.split_once("Between").and_then(|(_, range)| range.split_once("And")) else {
        return (None, None);
    };
    (number(min), number(max))
}

fn number(text: &str) -> Option<f64> {
    if let Some(kibi) = text.strip_suffix('K') {
        return kibi.parse::<f64>().ok().map(|kibi| kibi * 1024.0);
    }
    match text.strip_prefix("Minus") {
        Some(digits) => digits.parse::<f64>().ok().map(|number| -number),
        None => text.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read_off_shape_names() {
        assert_eq!(named_range("StringWithLengthBetween1And64"), (Some(1.0), Some(64.0)));
        assert_eq!(named_range("StringWithLengthBetween0And32K"), (Some(0.0), Some(32_768.0)));
        assert_eq!(named_range("IntegerWithLengthBetweenMinus1And86400"), (Some(-1.0), Some(86_400.0)));
        assert_eq!(named_range("Arn"), (None, None));
    }
}
