//! What AWS's published service models demand of a request's body: members that must be there, types, words, lengths,
//! ranges and patterns. What is not so is refused before anything else is looked at.
//!
//! The tables are made by `cargo xtask gen`. What AWS demands besides, each operation checks itself.

mod apigatewayv2;
mod ecs;
mod patterns;
mod servicediscovery;
mod shape;

use crate::failure::Failure;
use crate::object::Object;
use shape::{Shape, Walk};

/// Where AWS takes an empty text that its model forbids: operation, member, and what shows it.
const CLEARABLE: [(&str, &[&str], &str); 7] = [
    (
        "UpdateIntegration",
        &["connectionId", "requestParameters"],
        "Terraform's provider clears both with it, and AWS's guide the parameters",
    ),
    ("UpdateDomainName", &["truststoreUri"], "Terraform's provider switches mutual TLS off with it"),
    ("TagResource", &["tags"], "the model's own words for a value's length are 0 to 1600"),
    ("CreateApi", &["tags"], "as TagResource"),
    ("CreateStage", &["tags"], "as TagResource"),
    ("CreateVpcLink", &["tags"], "as TagResource"),
    ("CreateDomainName", &["tags"], "as TagResource"),
];

/// Checks the body of a request. An operation that the tables do not have says nothing in its body.
///
/// # Errors
/// The service's refusal of what is not valid, naming the first member that is not.
pub(crate) fn check(service: &str, operation: &str, input: &Object) -> Result<(), Failure> {
    let (operations, code) = match service {
        "apigatewayv2" => (apigatewayv2::OPERATIONS, "BadRequestException"),
        "ecs" if operation == "RegisterTaskDefinition" => (ecs::OPERATIONS, "ClientException"),
        "ecs" => (ecs::OPERATIONS, "InvalidParameterException"),
        "servicediscovery" => (servicediscovery::OPERATIONS, "InvalidInput"),
        _ => return Ok(()),
    };
    let Ok(at) = operations.binary_search_by(|(name, _)| (*name).cmp(operation)) else { return Ok(()) };
    let Some((_, Shape::Structure(members))) = operations.get(at) else { return Ok(()) };
    let clearable = match service {
        "apigatewayv2" => CLEARABLE.iter().find(|(name, ..)| *name == operation).map_or(&[][..], |row| row.1),
        _ => &[],
    };
    let checked = Walk { clearable }.structure(members, input);
    checked.map_err(|violation| Failure::client(code, violation.message()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    /// Every pattern at or below a shape.
    fn patterns(
        shape: &'static Shape,
        seen: &mut BTreeSet<*const Shape>,
        found: &mut BTreeSet<&'static str>,
    ) {
        if !seen.insert(shape) {
            return;
        }
        match shape {
            Shape::Structure(members) => {
                members.iter().for_each(|member| patterns(member.shape(), seen, found));
            }
            Shape::List(_, _, item) => patterns(item, seen, found),
            Shape::Map(_, _, key, value) => {
                patterns(key, seen, found);
                patterns(value, seen, found);
            }
            Shape::Like(_, _, pattern) => {
                found.insert(pattern);
            }
            _ => {}
        }
    }

    #[test]
    fn every_pattern_is_known() {
        let (mut seen, mut found) = (BTreeSet::new(), BTreeSet::new());
        for (_, shape) in [apigatewayv2::OPERATIONS, ecs::OPERATIONS, servicediscovery::OPERATIONS].concat() {
            patterns(shape, &mut seen, &mut found);
        }
        assert_eq!(found, patterns::known().collect(), "each has a function in patterns.rs, and no other");
    }
}
