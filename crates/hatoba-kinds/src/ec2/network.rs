//! The rules of security groups, and the addresses of subnets.
//!
//! `DescribeSecurityGroups` shows a group with all its rules, so that many groups are one call, and one that the look-ups
//! need anyway.

use std::collections::{BTreeMap, BTreeSet};

use hatoba_core::{Network, Peer, Range, Rule, Rules};

use super::{DESCRIBE_SECURITY_GROUPS, DESCRIBE_SUBNETS, Ec2, Page, each_end};
use crate::aws::Aws;
use crate::error::CallError;

/// EC2: at most 200 values a filter.
const VALUES_MAX: usize = 200;

impl Ec2 {
    pub(crate) async fn network(
        &self,
        aws: &Aws,
        groups: &BTreeSet<String>,
        subnets: &BTreeSet<String>,
    ) -> Result<Network, CallError> {
        let mut network =
            Network { groups: groups.iter().map(|id| (id.clone(), None)).collect(), ranges: BTreeMap::new() };
        for filters in by_id("group-id", groups) {
            // A filter and not the parameter: one group that is gone would fail them all.
            for (id, rules) in self.all(aws, &DESCRIBE_SECURITY_GROUPS, &filters, read_groups).await? {
                network.groups.entry(id).and_modify(|known| *known = Some(rules));
            }
        }
        let needs_ranges = network.groups.values().flatten().any(|rules| {
            let is_narrow = |rule: &Rule| matches!(rule.peer, Peer::Range(range) if !range.is_all());
            rules.ingress.iter().chain(&rules.egress).any(is_narrow)
        });
        for filters in by_id("subnet-id", subnets).into_iter().filter(|_| needs_ranges) {
            // Without them rules for addresses are not judged, and nothing else is lost.
            let read = self.all(aws, &DESCRIBE_SUBNETS, &filters, read_subnets).await;
            network.ranges.extend(read.unwrap_or_default());
        }
        Ok(network)
    }
}

/// Filters for one request each.
fn by_id(name: &str, ids: &BTreeSet<String>) -> Vec<[(String, Vec<String>); 1]> {
    let ids: Vec<String> = ids.iter().cloned().collect();
    ids.chunks(VALUES_MAX).map(|ids| [(name.to_owned(), ids.to_vec())]).collect()
}

/// An `item` of `ipPermissions`.
#[derive(Default)]
struct Permission {
    protocol: String,
    from: Option<i64>,
    to: Option<i64>,
    peers: Vec<Peer>,
}

impl Permission {
    /// What of it is for TCP: a rule for each peer.
    fn rules(self) -> impl Iterator<Item = Rule> {
        let is_tcp = ["tcp", "6", "-1"].contains(&self.protocol.as_str());
        let port =
            |port: Option<i64>, all: u16| port.and_then(|port| u16::try_from(port).ok()).unwrap_or(all);
        // Every protocol means every port, whatever is said of them.
        let ports = match self.protocol.as_str() {
            "-1" => (0, u16::MAX),
            _ => (port(self.from, 0), port(self.to, u16::MAX)),
        };
        self.peers.into_iter().filter(move |_| is_tcp).map(move |peer| Rule { ports, peer })
    }
}

fn read_groups(body: &[u8]) -> Result<Page<(String, Rules)>, quick_xml::Error> {
    let mut page = Page::default();
    let (mut id, mut rules, mut permission) = (String::new(), Rules::default(), Permission::default());
    each_end(body, |steps, text| match steps {
        [_, _, "item", "groupId"] => id = std::mem::take(text),
        [_, _, "item", set @ ("ipPermissions" | "ipPermissionsEgress"), "item", rest @ ..] => match rest {
            ["ipProtocol"] => permission.protocol = std::mem::take(text),
            ["fromPort"] => permission.from = text.parse().ok(),
            ["toPort"] => permission.to = text.parse().ok(),
            ["groups", "item", "groupId"] => permission.peers.push(Peer::Group(std::mem::take(text))),
            ["ipRanges", "item", "cidrIp"] => permission.peers.push(match text.parse::<Range>() {
                Ok(range) => Peer::Range(range),
                Err(_) => Peer::Other(std::mem::take(text)),
            }),
            ["ipv6Ranges", "item", "cidrIpv6"] => {
                permission.peers.push(Peer::Other("IPv6 addresses".to_owned()))
            }
            ["prefixListIds", "item", "prefixListId"] => {
                permission.peers.push(Peer::Other(format!("the prefix list {text}")));
            }
            [] => {
                let side = if *set == "ipPermissions" { &mut rules.ingress } else { &mut rules.egress };
                side.extend(std::mem::take(&mut permission).rules());
            }
            _ => {}
        },
        [_, _, "item"] => page.items.push((std::mem::take(&mut id), std::mem::take(&mut rules))),
        [_, "nextToken"] if !text.is_empty() => page.next = Some(std::mem::take(text)),
        _ => {}
    })?;
    Ok(page)
}

fn read_subnets(body: &[u8]) -> Result<Page<(String, Range)>, quick_xml::Error> {
    let mut page = Page::default();
    let (mut id, mut range) = (String::new(), None);
    each_end(body, |steps, text| match steps {
        [_, _, "item", "subnetId"] => id = std::mem::take(text),
        [_, _, "item", "cidrBlock"] => range = text.parse().ok(),
        [_, _, "item"] => page.items.extend(range.take().map(|range| (std::mem::take(&mut id), range))),
        [_, "nextToken"] if !text.is_empty() => page.next = Some(std::mem::take(text)),
        _ => {}
    })?;
    Ok(page)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_read_with_their_peers_and_only_those_for_tcp() {
        let body = br#"<DescribeSecurityGroupsResponse><securityGroupInfo>
          <item><ownerId>1</ownerId><groupId>sg-1</groupId><ipPermissions>
            <item><ipProtocol>tcp</ipProtocol><fromPort>80</fromPort><toPort>81</toPort>
              <groups><item><userId>1</userId><groupId>sg-2</groupId></item></groups>
              <ipRanges><item><cidrIp>10.0.0.0/16</cidrIp><description>x</description></item></ipRanges></item>
            <item><ipProtocol>udp</ipProtocol><fromPort>0</fromPort><toPort>65535</toPort>
              <ipRanges><item><cidrIp>0.0.0.0/0</cidrIp></item></ipRanges></item>
          </ipPermissions><ipPermissionsEgress>
            <item><ipProtocol>-1</ipProtocol>
              <ipv6Ranges><item><cidrIpv6>::/0</cidrIpv6></item></ipv6Ranges>
              <prefixListIds><item><prefixListId>pl-1</prefixListId></item></prefixListIds></item>
          </ipPermissionsEgress></item>
          <item><groupId>sg-2</groupId><ipPermissions/><ipPermissionsEgress/></item>
          </securityGroupInfo><nextToken>more</nextToken></DescribeSecurityGroupsResponse>"#;
        let page = read_groups(body).unwrap();
        assert_eq!(page.next.as_deref(), Some("more"));
        let (id, rules) = &page.items[0];
        assert_eq!(id, "sg-1");
        let peers = [Peer::Group("sg-2".into()), Peer::Range("10.0.0.0/16".parse().unwrap())];
        assert_eq!(rules.ingress, peers.map(|peer| Rule { ports: (80, 81), peer }));
        let peers = [Peer::Other("IPv6 addresses".into()), Peer::Other("the prefix list pl-1".into())];
        assert_eq!(rules.egress, peers.map(|peer| Rule { ports: (0, 65_535), peer }));
        assert_eq!(page.items[1], ("sg-2".to_owned(), Rules::default()));
    }

    #[test]
    fn subnets_are_read_with_their_addresses() {
        let body = b"<R><subnetSet><item><subnetId>a</subnetId><cidrBlock>10.0.0.0/24</cidrBlock></item>\
            <item><subnetId>b</subnetId></item></subnetSet></R>";
        let page = read_subnets(body).unwrap();
        assert_eq!(page.items, [("a".to_owned(), "10.0.0.0/24".parse().unwrap())]);
    }

    #[test]
    fn many_ids_are_several_requests() {
        let ids: BTreeSet<String> = (0..401).map(|number| format!("sg-{number}")).collect();
        let sizes: Vec<usize> = by_id("group-id", &ids).iter().map(|[(_, ids)]| ids.len()).collect();
        assert_eq!(sizes, [200, 200, 1]);
    }
}
