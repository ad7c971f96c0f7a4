//! Rules of security groups: how callers change them, and what they let through.
//!
//! `AuthorizeSecurityGroupIngress`, `…Egress` and `Revoke…` of the EC2 API Reference, by `IpPermissions`; rules are kept
//! with one peer each.

use super::{Ec2, Form, xml};
use crate::env::Env;
use crate::failure::{Failure, Outcome};
use crate::object::{self, Object};
use serde_json::{Value, json};
use std::net::Ipv4Addr;

/// Where the peers of a permission are, in requests and in answers.
const PEERS: &[(&str, &str, &str, &str)] = &[
    ("Groups", "GroupId", "groups", "groupId"),
    ("IpRanges", "CidrIp", "ipRanges", "cidrIp"),
    ("Ipv6Ranges", "CidrIpv6", "ipv6Ranges", "cidrIpv6"),
    ("PrefixListIds", "PrefixListId", "prefixListIds", "prefixListId"),
];

/// The member that a call is about, and whether it adds.
fn side(operation: &str) -> Option<(&'static str, bool)> {
    Some(match operation {
        "AuthorizeSecurityGroupIngress" => ("ipPermissions", true),
        "AuthorizeSecurityGroupEgress" => ("ipPermissionsEgress", true),
        "RevokeSecurityGroupIngress" => ("ipPermissions", false),
        "RevokeSecurityGroupEgress" => ("ipPermissionsEgress", false),
        _ => return None,
    })
}

impl Ec2 {
    /// Carries out one call that changes rules; `None` for any other.
    pub(super) fn change_rules(
        &mut self,
        operation: &str,
        form: &Form,
        env: &mut Env<'_>,
    ) -> Option<Outcome> {
        let (member, adds) = side(operation)?;
        Some(self.change(form, member, adds).map(|()| xml::document(operation, "<return>true</return>", env)))
    }

    fn change(&mut self, form: &Form, member: &str, adds: bool) -> Result<(), Failure> {
        let id = form.get("GroupId").ok_or_else(|| {
            Failure::client("MissingParameter", "The request must contain the parameter groupId")
        })?;
        let group = self.security_groups.get_mut(id).ok_or_else(|| {
            Failure::client("InvalidGroup.NotFound", format!("The security group '{id}' does not exist"))
        })?;
        let owner = object::text_or_empty(&group.members, "ownerId").to_owned();
        let asked = permissions(form, &owner);
        if asked.is_empty() {
            let message = "The request must contain the parameter ipPermissions";
            return Err(Failure::client("MissingParameter", message));
        }
        let mut rules = object::list(&group.members, member).to_vec();
        for rule in asked {
            let at = rules.iter().position(|have| *have == rule);
            match (at, adds) {
                (None, true) => rules.push(rule),
                (Some(at), false) => drop(rules.remove(at)),
                (Some(_), true) => {
                    let message = format!("the specified rule {rule} already exists");
                    return Err(Failure::client("InvalidPermission.Duplicate", message));
                }
                (None, false) => {
                    let message = "The specified rule does not exist in this security group.";
                    return Err(Failure::client("InvalidPermission.NotFound", message));
                }
            }
        }
        object::set(&mut group.members, member, rules);
        Ok(())
    }

    /// Whether what bears `from` in these subnets reaches what bears `to` at an address on a TCP port. Groups that are not
    /// there, or none, refuse nothing.
    pub(crate) fn lets_through(&self, from: (&[&str], &[&str]), to: (&[&str], &str), port: u16) -> bool {
        let (senders, subnets) = from;
        let (receivers, address) = to;
        let known =
            |ids: &[&str]| !ids.is_empty() && ids.iter().all(|id| self.security_groups.contains_key(*id));
        if !known(senders) || !known(receivers) {
            return true;
        }
        let sent_from: Vec<&str> = subnets
            .iter()
            .filter_map(|subnet| object::text(&self.subnets.get(*subnet)?.members, "cidrBlock"))
            .filter_map(|range| range.split('/').next())
            .collect();
        let rules = |ids: &[&str], member: &str| -> Vec<Value> {
            let groups = ids.iter().filter_map(|id| self.security_groups.get(*id));
            groups.flat_map(|group| object::list(&group.members, member).to_vec()).collect()
        };
        let out = rules(senders, "ipPermissionsEgress");
        let into = rules(receivers, "ipPermissions");
        out.iter().any(|rule| fits(rule, receivers, &[address], port))
            && into.iter().any(|rule| fits(rule, senders, &sent_from, port))
    }
}

/// `IpPermissions.N` of a request: a rule for each peer.
fn permissions(form: &Form, owner: &str) -> Vec<Value> {
    let mut rules = Vec::new();
    for number in 1.. {
        let at = format!("IpPermissions.{number}");
        let Some(protocol) = form.get(&format!("{at}.IpProtocol")) else { return rules };
        for (asked, id, set, member) in PEERS {
            let peers = (1..).map_while(|peer| form.get(&format!("{at}.{asked}.{peer}.{id}")));
            for peer in peers {
                let mut entry = object::only(member, peer.clone());
                if *set == "groups" {
                    object::set(&mut entry, "userId", owner);
                }
                rules.push(rule(
                    protocol,
                    &|name| form.get(&format!("{at}.{name}"))?.parse().ok(),
                    set,
                    entry,
                ));
            }
        }
    }
    rules
}

fn rule(protocol: &str, port: &dyn Fn(&str) -> Option<i64>, set: &str, peer: Object) -> Value {
    let mut rule = object::only("ipProtocol", protocol);
    // Every protocol has no ports.
    if protocol != "-1" {
        for (asked, member) in [("FromPort", "fromPort"), ("ToPort", "toPort")] {
            if let Some(port) = port(asked) {
                object::set(&mut rule, member, port);
            }
        }
    }
    object::set(&mut rule, set, json!([peer]));
    Value::Object(rule)
}

/// Whether a rule is for these peers and this port.
fn fits(rule: &Value, groups: &[&str], addresses: &[&str], port: u16) -> bool {
    let protocol = rule["ipProtocol"].as_str().unwrap_or_default();
    let at = |name: &str, default: u16| rule[name].as_u64().unwrap_or(u64::from(default));
    let in_ports = protocol == "-1"
        || (["tcp", "6"].contains(&protocol)
            && (at("fromPort", 0)..=at("toPort", u16::MAX)).contains(&u64::from(port)));
    let is_one = |peer: &Value| groups.iter().any(|group| peer["groupId"] == *group);
    let holds = |range: &Value| {
        let range = range["cidrIp"].as_str();
        range == Some("0.0.0.0/0") || addresses.iter().any(|address| holds(range, address))
    };
    let some = |set: &str, test: &dyn Fn(&Value) -> bool| {
        rule[set].as_array().is_some_and(|peers| peers.iter().any(test))
    };
    in_ports && (some("groups", &is_one) || some("ipRanges", &holds))
}

/// Whether an address is in a range `a.b.c.d/n`.
fn holds(range: Option<&str>, address: &str) -> bool {
    let parsed = range.and_then(|range| {
        let (first, length) = range.split_once('/')?;
        let mask = u32::MAX.checked_shl(32 - length.parse::<u32>().ok()?.min(32)).unwrap_or(0);
        Some((u32::from(first.parse::<Ipv4Addr>().ok()?) & mask, mask))
    });
    let address = address.parse::<Ipv4Addr>().map(u32::from);
    parsed.zip(address.ok()).is_some_and(|((first, mask), address)| address & mask == first)
}
