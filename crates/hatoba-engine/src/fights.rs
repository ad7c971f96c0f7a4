//! Fields that differ again after every write: written three times, then left alone and said.

use std::collections::{BTreeMap, BTreeSet};

/// So many writes that AWS took, with the field not right in any list since, and it is not written again.
const WRITES_MAX: u32 = 3;

/// How often each field of a document was written since it was last seen right.
#[derive(Debug, Default)]
pub(crate) struct Fights {
    writes: BTreeMap<String, u32>,
    /// Whether people were told of those that are given up.
    is_told: bool,
}

impl Fights {
    /// AWS carried out a write of these fields.
    pub(crate) fn written(&mut self, fields: Vec<String>) {
        for field in fields {
            *self.writes.entry(field).or_default() += 1;
        }
    }

    /// A list that is newer than every write shows that only these differ.
    pub(crate) fn seen(&mut self, differing: &BTreeSet<String>) {
        self.writes.retain(|field, _| differing.contains(field));
        self.is_told &= !self.given_up().is_empty();
    }

    /// Fields that are written no more.
    pub(crate) fn given_up(&self) -> BTreeSet<String> {
        let lost = self.writes.iter().filter(|(_, writes)| **writes >= WRITES_MAX);
        lost.map(|(field, _)| field.clone()).collect()
    }

    /// Somebody changed the document, or asks for another try.
    pub(crate) fn forget(&mut self) {
        *self = Fights::default();
    }

    /// Whether people are to be told now: once for each fight.
    pub(crate) fn tell(&mut self) -> bool {
        !std::mem::replace(&mut self.is_told, true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(fields: &[&str]) -> BTreeSet<String> {
        fields.iter().map(|field| (*field).to_owned()).collect()
    }

    #[test]
    fn a_field_is_given_up_after_three_writes_and_others_are_not() {
        let mut fights = Fights::default();
        for round in 1..=3 {
            assert_eq!(fights.given_up(), set(&[]), "round {round}");
            let mut fields = vec!["a".to_owned()];
            fields.extend((round == 2).then(|| "b".to_owned()));
            fights.written(fields);
            fights.seen(&set(&["a"]));
        }
        assert_eq!(fights.given_up(), set(&["a"]));
        assert!(fights.tell() && !fights.tell(), "said once");
        fights.seen(&set(&["a", "b"]));
        assert!(!fights.tell(), "the same fight");
        assert_eq!(fights.given_up(), set(&["a"]));
        fights.seen(&set(&["b"]));
        assert_eq!(fights.given_up(), set(&[]), "seen right once: it begins anew");
        assert!(fights.tell(), "another fight");
        fights.written(vec!["b".to_owned(); 3]);
        fights.forget();
        assert_eq!(fights.given_up(), set(&[]));
    }
}
