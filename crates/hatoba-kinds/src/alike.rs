//! Comparing nested members where AWS gives back more than it was given.
//!
//! A document states a structure; AWS returns it with defaults filled in, lists in an order of its own, and names as
//! ARNs. [`Noise`] says as data which of that is no difference; everything else is one.
//!
//! ```text
//! wanted [{ capacityProvider: FARGATE }], have [{ capacityProvider: FARGATE, weight: 0, base: 0 }]: alike
//! ```

use std::collections::BTreeSet;

use hatoba_core::Literal;
use serde_json::{Map, Value};

/// What AWS adds to a structure by itself.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Noise {
    /// Members that AWS fills in where the document is silent: only compared where it states them.
    pub(crate) filled: &'static [&'static str],
    /// Members that are AWS's own default at this value.
    pub(crate) defaults: &'static [(&'static str, Literal)],
}

/// AWS returns it as it was written, but for the order of lists.
pub(crate) const QUIET: Noise = Noise { filled: &[], defaults: &[] };

/// Whether what AWS has is what the document asks for. Lists have no order.
pub(crate) fn alike(wanted: &Value, have: &Value, noise: &Noise) -> bool {
    matches(&plain(wanted, noise), &plain(have, noise), noise)
}

/// Without what is AWS's default and without what is empty: `null` if nothing is left.
pub(crate) fn plain(value: &Value, noise: &Noise) -> Value {
    match value {
        Value::Object(members) => {
            let is_default = |name: &str, value: &Value| {
                noise.defaults.iter().any(|(member, default)| *member == name && default.value() == *value)
            };
            let kept: Map<String, Value> = members
                .iter()
                .filter(|(name, value)| !is_default(name, value))
                .map(|(name, value)| (name.clone(), plain(value, noise)))
                .filter(|(_, value)| !value.is_null())
                .collect();
            if kept.is_empty() { Value::Null } else { Value::Object(kept) }
        }
        Value::Array(items) if items.is_empty() => Value::Null,
        // An item that says nothing is an item all the same.
        Value::Array(items) => items.iter().map(|item| plain(item, noise)).collect(),
        other => other.clone(),
    }
}

fn matches(wanted: &Value, have: &Value, noise: &Noise) -> bool {
    match (wanted, have) {
        (Value::Object(wanted), Value::Object(have)) => {
            let names: BTreeSet<&String> = wanted.keys().chain(have.keys()).collect();
            names.into_iter().all(|name| match (wanted.get(name), have.get(name)) {
                (Some(wanted), Some(have)) => matches(wanted, have, noise),
                (None, Some(_)) => noise.filled.contains(&name.as_str()),
                _ => false,
            })
        }
        (Value::Array(wanted), Value::Array(have)) => {
            let mut left: Vec<&Value> = have.iter().collect();
            let each_has_its_own = wanted.iter().all(|wanted| {
                let found = left.iter().position(|have| matches(wanted, have, noise));
                found.map(|at| left.swap_remove(at)).is_some()
            });
            each_has_its_own && left.is_empty()
        }
        (wanted, have) => wanted == have,
    }
}

/// Whether two texts name the same thing, where one may be an ARN and the other the name at its end.
pub(crate) fn same_name_or_arn(wanted: &str, have: &str) -> bool {
    match (wanted.starts_with("arn:"), have.starts_with("arn:")) {
        (true, false) => wanted.rsplit('/').next() == Some(have),
        (false, true) => have.rsplit('/').next() == wanted.rsplit('/').next(),
        _ => wanted == have,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const NOISE: Noise = Noise { filled: &["given"], defaults: &[("weight", Literal::Int(0))] };

    #[test]
    fn what_aws_adds_is_no_difference_and_everything_else_is() {
        let table = [
            (
                json!([{ "a": 1 }, { "b": 2 }]),
                json!([{ "b": 2, "weight": 0 }, { "a": 1, "given": "x" }]),
                true,
            ),
            (json!({ "a": { "weight": 0 } }), json!(null), true),
            (json!([]), json!(null), true),
            (json!({ "given": "y" }), json!({ "given": "x" }), false),
            (json!({ "given": "y" }), json!({}), false),
            (json!([{ "a": 1 }]), json!([{ "a": 1 }, { "a": 1 }]), false),
            (json!([{ "a": 1 }, { "a": 1 }]), json!([{ "a": 1 }]), false),
            (json!(null), json!({ "weight": 1 }), false),
        ];
        for (wanted, have, same) in table {
            assert_eq!(alike(&wanted, &have, &NOISE), same, "{wanted} {have}");
        }
    }

    #[test]
    fn an_arn_ends_with_the_name() {
        for (wanted, have, same) in [
            ("ecs", "arn:aws:iam::123456789012:role/ecs", true),
            ("arn:aws:iam::123456789012:role/ecs", "arn:aws:iam::123456789012:role/ecs", true),
            ("arn:aws:iam::210987654321:role/ecs", "arn:aws:iam::123456789012:role/ecs", false),
            ("path/ecs", "arn:aws:iam::123456789012:role/path/ecs", true),
            ("other", "arn:aws:iam::123456789012:role/ecs", false),
        ] {
            assert_eq!(same_name_or_arn(wanted, have), same, "{wanted}");
        }
    }
}
