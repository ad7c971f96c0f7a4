//! What a document asks for while others that it names are taken down to be made anew. Pure.
//!
//! A field that lets go counts as left out; what stands in the resource that goes is judged where it stands
//! still; everything else waits.

use std::collections::{BTreeMap, BTreeSet};

use hatoba_core::{Desired, Fact, Facts, Key, Lookup, Resolved, Unresolved, path};
use serde_json::Value;

/// A desired state, and what of it holds only for the time being.
#[derive(Clone, Debug)]
pub(crate) struct Ground {
    pub(crate) resolved: Resolved,
    /// The document that gives the scope, while its resource is taken down.
    pub(crate) leaving: Option<Key>,
    /// Documents that are named in fields that let go, while their resources are taken down.
    pub(crate) released: BTreeSet<Key>,
}

/// Fills references and look-ups in.
///
/// # Errors
/// As [`Desired::resolve`].
pub(crate) fn ground(
    desired: &Desired,
    going: &BTreeMap<Key, BTreeMap<String, String>>,
    facts: &dyn Facts,
) -> Result<Ground, Unresolved> {
    let mut asked = desired.clone();
    let (mut leaving, mut released) = (None, BTreeSet::new());
    let mut members = Value::Object(std::mem::take(&mut asked.members));
    for reference in desired.references.iter().filter(|reference| going.contains_key(&reference.target)) {
        let lets_go = desired.table.fields.iter().find(|field| field.lets_go && field.holds(&reference.path));
        if desired.table.scope_member == Some(reference.path.as_str()) {
            leaving = Some(reference.target.clone());
        } else if let Some(field) = lets_go {
            released.insert(reference.target.clone());
            asked.references.retain(|other| !field.holds(&other.path));
            path::set(&mut members, field.path, Value::Null);
        }
    }
    if let Value::Object(members) = members {
        asked.members = members;
    }
    if leaving.is_some() {
        // What goes anyway need not know what it would have been.
        asked.references.retain(|r| !going.contains_key(&r.target) || leaving.as_ref() == Some(&r.target));
    }
    let resolved = asked.resolve(&Old { going, facts, leaving: leaving.as_ref() })?;
    Ok(Ground { resolved, leaving, released })
}

/// The facts, and of the parent that is taken down what it was.
struct Old<'a> {
    going: &'a BTreeMap<Key, BTreeMap<String, String>>,
    facts: &'a dyn Facts,
    leaving: Option<&'a Key>,
}

impl Facts for Old<'_> {
    fn output(&self, target: &Key, output: &str) -> Fact<String> {
        match self.going.get(target) {
            Some(old) if self.leaving == Some(target) => {
                old.get(output).map_or(Fact::NotYet, |value| Fact::Known(value.clone()))
            }
            Some(_) => Fact::NotYet,
            None => self.facts.output(target, output),
        }
    }

    fn lookup(&self, lookup: &Lookup) -> Fact<Vec<String>> {
        self.facts.lookup(lookup)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hatoba_core::{Document, Places, Policy};
    use hatoba_kinds::KindId;
    use serde_json::json;

    /// Every output of what is there is its name.
    struct There;

    impl Facts for There {
        fn output(&self, target: &Key, _output: &str) -> Fact<String> {
            Fact::Known(target.name.clone())
        }

        fn lookup(&self, _: &Lookup) -> Fact<Vec<String>> {
            Fact::Known(Vec::new())
        }
    }

    fn document(kind: KindId, spec: Value) -> Desired {
        let key = Key::new(kind.table().kind, "x");
        let spec = spec.as_object().cloned().unwrap();
        kind.compile(&Document::new(key, BTreeMap::new(), spec, Policy::default(), Places::new("a.yaml")))
            .unwrap()
    }

    fn going(key: Key) -> BTreeMap<Key, BTreeMap<String, String>> {
        BTreeMap::from([(key, BTreeMap::from([("id".to_owned(), "old".to_owned())]))])
    }

    #[test]
    fn a_field_that_lets_go_counts_as_left_out_while_its_target_goes() {
        let service = document(
            KindId::EcsService,
            json!({ "cluster": "main", "taskDefinition": "t:1",
                    "serviceRegistries": [{ "discoveryServiceRef": "d", "port": 80 }] }),
        );
        let target = Key::new("DiscoveryService", "d");
        let ground = super::ground(&service, &going(target.clone()), &There).unwrap();
        assert_eq!(ground.resolved.members["serviceRegistries"], Value::Null);
        assert_eq!((ground.released, ground.leaving), (BTreeSet::from([target]), None));
        let ground = super::ground(&service, &BTreeMap::new(), &There).unwrap();
        assert_eq!(ground.resolved.members["serviceRegistries"][0]["registryArn"], "d");
        assert!(ground.released.is_empty());
    }

    #[test]
    fn what_stands_in_it_is_judged_where_it_stands_and_everything_else_waits() {
        let dns = json!({ "dnsRecords": [{ "type": "SRV", "ttl": 60 }] });
        let inside = document(KindId::DiscoveryService, json!({ "namespaceRef": "n", "dnsConfig": dns }));
        let parent = Key::new("PrivateDnsNamespace", "n");
        let ground = super::ground(&inside, &going(parent.clone()), &There).unwrap();
        assert_eq!((ground.resolved.scope.as_str(), ground.leaving), ("old", Some(parent)));

        let pointing = document(
            KindId::Integration,
            json!({ "apiRef": "a", "integrationType": "HTTP_PROXY", "connectionType": "VPC_LINK",
                    "vpcLinkRef": "l", "discoveryServiceRef": "d", "integrationMethod": "ANY" }),
        );
        let target = Key::new("DiscoveryService", "d");
        let waiting = super::ground(&pointing, &going(target.clone()), &There).unwrap_err();
        assert_eq!(waiting, Unresolved::Waiting(BTreeSet::from([target])));
    }
}
