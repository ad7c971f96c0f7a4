//! Legal documents of a kind: shapes, each with members that may be there or not, and what must stand around them.

use hatoba_core::path;
use serde_json::{Map, Value};

/// A kind to walk over. Its document is called `it`.
#[derive(Clone)]
pub(crate) struct Subject {
    pub(crate) kind: &'static str,
    /// Documents that it needs, and such as name it.
    pub(crate) around: &'static str,
    pub(crate) shapes: Vec<Shape>,
    /// Paths that no walk states, changes or takes away, and why not.
    pub(crate) left_out: &'static [(&'static str, &'static str)],
}

/// A document that is legal by itself, and with any of its choices.
#[derive(Clone)]
pub(crate) struct Shape {
    pub(crate) base: Value,
    pub(crate) choices: Vec<Choice>,
}

/// Members that are stated in one of several ways, or not at all.
pub(crate) type Choice = Vec<Value>;

/// A shape.
pub(crate) fn shape(base: Value, choices: Vec<Choice>) -> Shape {
    Shape { base, choices }
}

/// A member with one of these values.
pub(crate) fn one_of(at: &str, values: impl IntoIterator<Item = Value>) -> Choice {
    let stated = |value: Value| {
        let mut members = Value::Object(Map::new());
        path::set(&mut members, at, value);
        members
    };
    values.into_iter().map(stated).collect()
}

/// The document's members so far, and these.
pub(crate) fn merge(into: &mut Value, more: &Value) {
    match (into, more) {
        (Value::Object(into), Value::Object(more)) => {
            for (name, value) in more {
                merge(into.entry(name.clone()).or_insert(Value::Null), value);
            }
        }
        (into, more) => *into = more.clone(),
    }
}

/// Which shape a document has, and which of its choices are made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct State {
    pub(crate) shape: usize,
    pub(crate) chosen: Vec<Option<usize>>,
    /// A member of the spec that says `null`.
    pub(crate) null: Option<String>,
}

impl Subject {
    pub(crate) fn plain(&self, shape: usize) -> State {
        State { shape, chosen: vec![None; self.shapes[shape].choices.len()], null: None }
    }

    pub(crate) fn spec(&self, state: &State) -> Value {
        let shape = &self.shapes[state.shape];
        let mut spec = shape.base.clone();
        for (choice, chosen) in shape.choices.iter().zip(&state.chosen) {
            if let Some(chosen) = chosen {
                merge(&mut spec, &choice[*chosen]);
            }
        }
        if let Some(null) = &state.null {
            path::set(&mut spec, null, Value::Null);
        }
        spec
    }

    /// The document, without what stands around it. It follows its selectors: what is pinned is as it was before.
    pub(crate) fn document(&self, kind: &str, name: &str, spec: &Value) -> String {
        format!(
            "apiVersion: hatoba/v1\nkind: {kind}\nmetadata: {{ name: {name} }}\n\
             policy: {{ replace: AllowDowntime, selectors: Follow }}\nspec: {spec}\n"
        )
    }
}
