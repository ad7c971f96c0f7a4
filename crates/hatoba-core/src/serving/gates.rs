//! The security groups between two hops of a chain, as a hop of their own.

use super::{Chain, HopSeen, Walk};
use crate::{Cause, Guard, Key, Object, Readiness, Truth, Way};

pub(super) const LABEL: &str = "security groups";

impl Walk<'_> {
    /// Judges whether what requests leave by reaches the hop at `at`, which was found by a registry.
    pub(super) fn reached(&mut self, at: usize, key: &Key, registry: &Object) {
        let seen = self.scene.seen(key);
        let (Some((from, sender)), Some(hop), Some(object)) =
            (self.sender.clone(), self.scene.hop(&key.kind), seen.present())
        else {
            return;
        };
        let Some(receiver) = (hop.guard)(object, Some(registry)) else { return };
        let (station, leaves_by) =
            self.chain.hops.get(from).map_or((LABEL, LABEL), |hop| (hop.station, hop.label));
        let (truth, cause, is_spare) = self.judge_gate((leaves_by, &sender), (hop.label, &receiver));
        // While it changes, others may answer than those that it asks for now.
        let is_certain = truth != Truth::False || matches!(object.readiness, Readiness::Ready);
        let (truth, cause, is_spare) = match is_certain {
            true => (truth, cause, is_spare),
            false => unknown(&format!("the {} change, and {}", hop.label, cause.message)),
        };
        let gate = HopSeen {
            label: LABEL,
            station,
            kind: "SecurityGroup".to_owned(),
            document: None,
            id: receiver.groups.join(", "),
            status: truth,
            reason: cause.reason,
            message: cause.message,
            is_spare,
        };
        self.gates.push((at, gate));
    }

    /// The verdict, and whether it decides nothing.
    fn judge_gate(
        &mut self,
        (leaves_by, sender): (&str, &Guard),
        (comes_to, receiver): (&str, &Guard),
    ) -> (Truth, Cause, bool) {
        for (label, guard) in [(leaves_by, sender), (comes_to, receiver)] {
            if guard.groups.is_empty() {
                return unknown(&format!("AWS names no security group of the {label}"));
            }
        }
        if receiver.ports.is_empty() {
            return unknown("no port is registered");
        }
        self.chain.groups.extend(sender.groups.iter().chain(&receiver.groups).cloned());
        self.chain.subnets.extend(sender.subnets.iter().chain(&receiver.subnets).cloned());
        let network = match self.scene.network() {
            Some(Err(cause)) => return unknown(&cause.message),
            Some(Ok(network)) => network,
            None => return asked(),
        };
        let is_asked = |group: &String| network.groups.contains_key(group);
        if !sender.groups.iter().chain(&receiver.groups).all(is_asked) {
            return asked();
        }
        let mut open = (Truth::True, Cause::new("Serving", format!("they let the {leaves_by} in")), false);
        for port in &receiver.ports {
            match network.way(sender, receiver, *port) {
                Way::Open => {}
                Way::Closed(cause) => return (Truth::False, cause, false),
                Way::Unsure(why) => open = unknown(&why),
            }
        }
        open
    }

    /// The chain with the gates in it: behind what requests leave by. One that is open, with what it leads to well, is
    /// enough.
    pub(super) fn with_gates(mut self) -> Chain {
        let Some((from, _)) = self.sender else { return self.chain };
        let leads = |(at, _): &&(usize, HopSeen)| self.chain.hops.get(*at).is_some_and(|hop| !hop.is_spare);
        let one_is_open = self.gates.iter().filter(leads).any(|(_, gate)| gate.status != Truth::False);
        let behind: Vec<bool> = self.gates.iter().map(|gate| leads(&gate)).collect();
        let gates = self.gates.drain(..).zip(behind).map(|((_, mut gate), leads)| {
            gate.is_spare |= !leads || (one_is_open && gate.status == Truth::False);
            gate
        });
        let gates: Vec<HopSeen> = gates.collect();
        self.chain.hops.splice(from + 1..from + 1, gates);
        self.chain
    }
}

/// Nobody can say, and need not.
fn unknown(why: &str) -> (Truth, Cause, bool) {
    (Truth::Unknown, Cause::new("RulesUnknown", format!("not known: {why}")), true)
}

/// Nothing was heard yet.
fn asked() -> (Truth, Cause, bool) {
    (Truth::Unknown, Cause::new("RulesUnknown", "their rules are being asked for"), false)
}
