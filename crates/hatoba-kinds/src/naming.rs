//! Which document a reference means that gives a name alone, where it may name documents of several kinds.
//!
//! The first kind that a field's table entry lists has the name, if there is such a document; else the only other kind
//! that has one. Two others of that name are a matter of doubt: then nothing is chosen, and the reference dangles.
//!
//! ```text
//! namespaceRef: shop   with HttpNamespace/shop alone   → HttpNamespace/shop
//! ```

use std::borrow::Cow;

use hatoba_core::{Document, Key, path};
use serde_json::Value;

use crate::KindId;

/// The document with such names written out as `Kind/name`. `exists` says which documents there are.
pub fn spelt_out<'a>(document: &'a Document, exists: &dyn Fn(&Key) -> bool) -> Cow<'a, Document> {
    let Some(kind) = KindId::of(&document.key.kind) else { return Cow::Borrowed(document) };
    let mut spelt = Cow::Borrowed(document);
    for field in kind.table().references {
        let Some((first, others)) = field.kinds.split_first() else { continue };
        if others.is_empty() {
            continue;
        }
        let spec = Value::Object(spelt.spec.clone());
        for at in path::expand(&spec, field.path) {
            let Some(name) = path::get(&spec, &at).and_then(Value::as_str) else { continue };
            if name.contains('/') || exists(&Key::new(*first, name)) {
                continue;
            }
            let mut named = others.iter().map(|kind| Key::new(*kind, name)).filter(|key| exists(key));
            let (Some(only), None) = (named.next(), named.next()) else { continue };
            let mut value = Value::Object(std::mem::take(&mut spelt.to_mut().spec));
            path::set(&mut value, &at, Value::String(only.to_string()));
            if let Value::Object(members) = value {
                spelt.to_mut().spec = members;
            }
        }
    }
    spelt
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use hatoba_core::{Places, Policy};
    use serde_json::json;

    use super::*;

    #[test]
    fn a_bare_name_is_of_the_only_kind_that_has_it() {
        let (private, http) = ("PrivateDnsNamespace/ns", "HttpNamespace/ns");
        for (written, there, expected) in [
            ("ns", vec![private], "ns"),
            ("ns", vec![http], http),
            ("ns", vec![private, http], "ns"),
            ("ns", vec![], "ns"),
            ("ns", vec!["HttpNamespace/other"], "ns"),
            (private, vec![http], private),
            (http, vec![private], http),
        ] {
            let there: BTreeSet<&str> = there.into_iter().collect();
            let spec = json!({ "namespaceRef": written, "description": "d" }).as_object().cloned().unwrap();
            let key = Key::new("DiscoveryService", "s");
            let document =
                Document::new(key, BTreeMap::new(), spec, Policy::default(), Places::new("a.yaml"));
            let spelt = spelt_out(&document, &|key| there.contains(key.to_string().as_str()));
            assert_eq!(spelt.spec["namespaceRef"], expected, "{written} of {there:?}");
            assert_eq!(spelt.spec["description"], "d");
            assert_eq!(spelt.digest, document.digest, "the document is the same");
        }
    }
}
