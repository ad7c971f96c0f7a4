//! Whether security groups let one thing reach another on a port. Pure.
//!
//! The invariant: **nothing is called closed on a guess**. Closed is what no rule can open; a rule that may or may not
//! count (a prefix list, IPv6, a range that covers a part of the subnets, subnets whose ranges are not known) makes the
//! answer unsure.
//!
//! ```
//! use hatoba_core::{Guard, Network, Peer, Rule, Rules, Way};
//! let guard = |group: &str| Guard { groups: vec![group.into()], ..Guard::default() };
//! let all = Rule { ports: (0, 65_535), peer: Peer::Range("0.0.0.0/0".parse().unwrap()) };
//! let link = Rules { ingress: vec![], egress: vec![all] };
//! let tasks = Rules { ingress: vec![], egress: vec![] };
//! let groups = [("sg-link".to_owned(), Some(link)), ("sg-tasks".to_owned(), Some(tasks))].into();
//! let network = Network { groups, ..Network::default() };
//! let way = network.way(&guard("sg-link"), &guard("sg-tasks"), 80);
//! assert!(matches!(way, Way::Closed(cause) if cause.reason.as_str() == "NoIngressRule"));
//! ```

use core::net::Ipv4Addr;
use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;

use crate::Cause;

/// What stands between a resource and the network.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Guard {
    /// Its security groups, by id.
    pub groups: Vec<String>,
    /// The subnets that its addresses are of.
    pub subnets: Vec<String>,
    /// Where it is reached; none for what only sends.
    pub ports: BTreeSet<u16>,
}

/// IPv4 addresses that begin alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    first: u32,
    mask: u32,
}

/// Not `a.b.c.d/n`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoRange;

impl FromStr for Range {
    type Err = NoRange;

    fn from_str(text: &str) -> Result<Self, NoRange> {
        let (address, length) = text.split_once('/').ok_or(NoRange)?;
        let address: Ipv4Addr = address.parse().map_err(|_| NoRange)?;
        let length: u32 = length.parse().ok().filter(|length| *length <= 32).ok_or(NoRange)?;
        let mask = u32::MAX.checked_shl(32 - length).unwrap_or(0);
        Ok(Range { first: u32::from(address) & mask, mask })
    }
}

impl Range {
    /// Whether every address of the other is one of these.
    fn covers(self, other: Range) -> bool {
        self.mask & other.mask == self.mask && other.first & self.mask == self.first
    }

    /// Every address there is.
    pub fn is_all(self) -> bool {
        self.mask == 0
    }
}

/// Whom a rule lets through.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Peer {
    /// What bears this security group.
    Group(String),
    /// These addresses.
    Range(Range),
    /// What cannot be judged here: IPv6 addresses, a prefix list.
    Other(String),
}

/// One rule for TCP, or for every protocol.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// First and last port.
    pub ports: (u16, u16),
    /// From whom, or to whom.
    pub peer: Peer,
}

/// The rules of a security group.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rules {
    /// Who may come in.
    pub ingress: Vec<Rule>,
    /// Where to go.
    pub egress: Vec<Rule>,
}

/// What EC2 was asked about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Network {
    /// The groups that were asked for; `None`: EC2 shows none of that id.
    pub groups: BTreeMap<String, Option<Rules>>,
    /// The addresses of subnets, as far as they are known.
    pub ranges: BTreeMap<String, Range>,
}

/// Whether there is a way.
#[derive(Clone, Debug, PartialEq)]
pub enum Way {
    /// Rules let it through.
    Open,
    /// No rule can let it through.
    Closed(Cause),
    /// Nobody can say; why.
    Unsure(String),
}

/// What the rules of one direction come to.
enum Said {
    Yes,
    No,
    Maybe(String),
}

impl Network {
    /// Whether `from` reaches `to` on a TCP port.
    pub fn way(&self, from: &Guard, to: &Guard, port: u16) -> Way {
        let names = |guard: &Guard| guard.groups.join(", ");
        let out = self.said(&from.groups, |rules| &rules.egress, to, port);
        let into = self.said(&to.groups, |rules| &rules.ingress, from, port);
        match (out, into) {
            (Said::No, _) => Way::Closed(Cause::new(
                "NoEgressRule",
                format!("no egress rule of {} leads there on TCP port {port}", names(from)),
            )),
            (_, Said::No) => Way::Closed(Cause::new(
                "NoIngressRule",
                format!("no ingress rule lets {} in on TCP port {port}", names(from)),
            )),
            (Said::Maybe(why), _) | (_, Said::Maybe(why)) => Way::Unsure(why),
            (Said::Yes, Said::Yes) => Way::Open,
        }
    }

    fn said(&self, groups: &[String], side: fn(&Rules) -> &Vec<Rule>, peer: &Guard, port: u16) -> Said {
        let mut doubt = None;
        for group in groups {
            let Some(rules) = self.groups.get(group).and_then(Option::as_ref) else {
                doubt = doubt.or_else(|| Some(format!("EC2 shows no security group {group}")));
                continue;
            };
            let counts = |rule: &&Rule| (rule.ports.0..=rule.ports.1).contains(&port);
            for rule in side(rules).iter().filter(counts) {
                match self.fits(&rule.peer, peer) {
                    Said::Yes => return Said::Yes,
                    Said::Maybe(why) => {
                        doubt = doubt.or_else(|| Some(format!("a rule of {group} names {why}")))
                    }
                    Said::No => {}
                }
            }
        }
        doubt.map_or(Said::No, Said::Maybe)
    }

    /// Whether a rule for this peer is one for what stands behind the guard.
    fn fits(&self, rule: &Peer, peer: &Guard) -> Said {
        match rule {
            Peer::Group(group) if peer.groups.contains(group) => Said::Yes,
            Peer::Group(_) => Said::No,
            Peer::Range(range) if range.is_all() => Said::Yes,
            Peer::Range(range) => {
                let known: Vec<Range> =
                    peer.subnets.iter().filter_map(|subnet| self.ranges.get(subnet)).copied().collect();
                let is_whole = !known.is_empty() && known.len() == peer.subnets.len();
                let touches = |own: &Range| range.covers(*own) || own.covers(*range);
                if is_whole && known.iter().all(|own| range.covers(*own)) {
                    Said::Yes
                } else if is_whole && !known.iter().any(touches) {
                    Said::No
                } else if is_whole {
                    Said::Maybe("addresses that are a part of the subnets'".to_owned())
                } else {
                    Said::Maybe("addresses, and the subnets' are not known".to_owned())
                }
            }
            Peer::Other(what) => Said::Maybe(format!("{what}, which is not looked into")),
        }
    }
}

#[cfg(test)]
#[path = "tests/network.rs"]
mod tests;
