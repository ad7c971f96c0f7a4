//! EC2 look-ups: VPCs with their attributes and route tables, subnets, security groups and zones, by filter or id; and the
//! rules of security groups.

mod attributes;
mod filter;
mod rules;
#[cfg(test)]
mod tests;
mod xml;

use crate::env::Env;
use crate::failure::{Failure, Outcome};
use crate::object::{self, Object};
use crate::page::{self, Asked, BadToken, Entry};
use filter::Filter;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::Duration;

type Tags = BTreeMap<String, String>;

/// Parameters of a Query request.
pub(crate) type Form = BTreeMap<String, String>;

/// Largest page, and the page when none is asked for.
const PAGE_MAX: usize = 1000;

#[derive(Debug, Default)]
pub(crate) struct Ec2 {
    vpcs: BTreeMap<String, Resource>,
    subnets: BTreeMap<String, Resource>,
    security_groups: BTreeMap<String, Resource>,
    route_tables: BTreeMap<String, Resource>,
    zones: BTreeMap<String, Resource>,
}

/// Members as the XML has them, in its order of names; tags apart.
#[derive(Debug)]
pub(crate) struct Resource {
    members: Object,
    tags: Tags,
}

/// One of the operations that list.
struct Kind {
    operation: &'static str,
    set: &'static str,
    id: &'static str,
    /// The parameter that names ids, without its number.
    parameter: &'static str,
    missing: &'static str,
}

const KINDS: &[Kind] = &[
    Kind {
        operation: "DescribeVpcs",
        set: "vpcSet",
        id: "vpcId",
        parameter: "VpcId",
        missing: "InvalidVpcID.NotFound",
    },
    Kind {
        operation: "DescribeSubnets",
        set: "subnetSet",
        id: "subnetId",
        parameter: "SubnetId",
        missing: "InvalidSubnetID.NotFound",
    },
    Kind {
        operation: "DescribeSecurityGroups",
        set: "securityGroupInfo",
        id: "groupId",
        parameter: "GroupId",
        missing: "InvalidGroup.NotFound",
    },
    Kind {
        operation: "DescribeRouteTables",
        set: "routeTableSet",
        id: "routeTableId",
        parameter: "RouteTableId",
        missing: "InvalidRouteTableID.NotFound",
    },
    Kind {
        operation: "DescribeAvailabilityZones",
        set: "availabilityZoneInfo",
        id: "zoneName",
        parameter: "ZoneName",
        missing: "InvalidParameterValue",
    },
];

impl Ec2 {
    /// Carries out one call; `None` for an action the model does not have.
    pub(crate) fn call(&mut self, operation: &str, form: &Form, env: &mut Env<'_>) -> Option<Outcome> {
        match operation {
            "DescribeVpcAttribute" => return Some(self.vpc_attribute(form, env)),
            "DescribeAccountAttributes" => return Some(attributes::account(form, env)),
            _ => {}
        }
        if let Some(outcome) = self.change_rules(operation, form, env) {
            return Some(outcome);
        }
        let kind = KINDS.iter().find(|kind| kind.operation == operation)?;
        let table = match kind.id {
            "vpcId" => &self.vpcs,
            "subnetId" => &self.subnets,
            "routeTableId" => &self.route_tables,
            "zoneName" => &self.zones,
            _ => &self.security_groups,
        };
        Some(describe(kind, table, form, env))
    }

    /// A VPC, with the main route table that AWS makes with it.
    pub(crate) fn add_vpc(&mut self, owner: &str, id: &str, cidr: &str, tags: Tags) {
        let number = id.trim_start_matches("vpc-");
        let members = json!({
            "vpcId": id, "ownerId": owner, "state": "available", "cidrBlock": cidr, "isDefault": false,
            "dhcpOptionsId": format!("dopt-{number}"), "instanceTenancy": "default",
            "cidrBlockAssociationSet": [{
                "associationId": format!("vpc-cidr-assoc-{number}"), "cidrBlock": cidr,
                "cidrBlockState": {"state": "associated"},
            }],
        });
        add(&mut self.vpcs, id, members, tags);
        let table = format!("rtb-{number}");
        let members = json!({
            "routeTableId": table, "vpcId": id, "ownerId": owner, "propagatingVgwSet": [],
            "routeSet": [{
                "destinationCidrBlock": cidr, "gatewayId": "local", "state": "active", "origin": "CreateRouteTable",
            }],
            "associationSet": [{
                "routeTableAssociationId": format!("rtbassoc-{number}"), "routeTableId": table, "main": true,
                "associationState": {"state": "associated"},
            }],
        });
        add(&mut self.route_tables, &table, members, Tags::new());
    }

    /// A subnet, and the zone it is in.
    pub(crate) fn add_subnet(&mut self, id: &str, vpc: &str, zone: &Zone, cidr: &str, tags: Tags) {
        let owner = self.vpcs.get(vpc).map_or("", |vpc| object::text_or_empty(&vpc.members, "ownerId"));
        let region = zone.name.trim_end_matches(|letter: char| letter.is_ascii_lowercase());
        let members = json!({
            "subnetId": id, "vpcId": vpc, "state": "available", "cidrBlock": cidr, "ownerId": owner,
            "subnetArn": format!("arn:aws:ec2:{region}:{owner}:subnet/{id}"),
            "availabilityZone": zone.name, "availabilityZoneId": zone.id, "availableIpAddressCount": 250,
            "defaultForAz": false, "mapPublicIpOnLaunch": false, "mapCustomerOwnedIpOnLaunch": false,
            "assignIpv6AddressOnCreation": false, "ipv6CidrBlockAssociationSet": [], "enableDns64": false,
            "ipv6Native": false, "privateDnsNameOptionsOnLaunch": {
                "hostnameType": "ip-name", "enableResourceNameDnsARecord": false,
                "enableResourceNameDnsAAAARecord": false,
            },
        });
        let zone_members = json!({
            "zoneName": zone.name, "zoneId": zone.id, "zoneState": "available", "regionName": region,
            "groupName": format!("{region}-zg-1"), "networkBorderGroup": region, "zoneType": "availability-zone",
            "optInStatus": "opt-in-not-required", "messageSet": [],
        });
        add(&mut self.subnets, id, members, tags);
        add(&mut self.zones, &zone.name, zone_members, Tags::new());
    }

    /// A security group whose members reach each other and everything else, as a VPC's default group.
    pub(crate) fn add_security_group(&mut self, id: &str, vpc: &str, name: &str, tags: Tags) {
        let owner = self.vpcs.get(vpc).map_or("", |vpc| object::text_or_empty(&vpc.members, "ownerId"));
        let members = json!({
            "groupId": id, "vpcId": vpc, "groupName": name, "groupDescription": name, "ownerId": owner,
            "ipPermissions": [{"ipProtocol": "-1", "groups": [{"groupId": id, "userId": owner}]}],
            "ipPermissionsEgress": [{"ipProtocol": "-1", "ipRanges": [{"cidrIp": "0.0.0.0/0"}]}],
        });
        add(&mut self.security_groups, id, members, tags);
    }

    /// Every resource, by collection.
    pub(crate) fn dump(&self) -> Value {
        let table = |resources: &BTreeMap<String, Resource>| -> Object {
            resources
                .iter()
                .map(|(id, resource)| {
                    let mut body = resource.members.clone();
                    object::set(&mut body, "tags", json!(resource.tags));
                    (id.clone(), Value::Object(body))
                })
                .collect()
        };
        json!({
            "vpcs": table(&self.vpcs),
            "subnets": table(&self.subnets),
            "securityGroups": table(&self.security_groups),
            "routeTables": table(&self.route_tables),
        })
    }
}

/// An Availability Zone: its name, which differs between accounts, and its id, which does not.
pub(crate) struct Zone {
    pub(crate) name: String,
    pub(crate) id: String,
}

fn add(table: &mut BTreeMap<String, Resource>, id: &str, members: Value, tags: Tags) {
    if let Value::Object(members) = members {
        table.insert(id.to_owned(), Resource { members, tags });
    }
}

fn describe(kind: &Kind, table: &BTreeMap<String, Resource>, form: &Form, env: &mut Env<'_>) -> Outcome {
    let ids = numbered(form, kind.parameter);
    if let Some(unknown) = ids.iter().find(|id| !table.contains_key(**id)) {
        let what = kind.id.trim_end_matches("Id");
        return Err(Failure::client(kind.missing, format!("The {what} ID '{unknown}' does not exist")));
    }
    let filters = filter::of_form(form)?;
    let limit = match form.get("MaxResults").map(|text| text.parse::<usize>()) {
        None => PAGE_MAX,
        Some(Ok(number)) if (5..=PAGE_MAX).contains(&number) && ids.is_empty() => number,
        Some(_) => {
            let message = "The parameter MaxResults must be 5 to 1000, and is not valid with ids.";
            return Err(Failure::client("InvalidParameterValue", message));
        }
    };
    let names = numbered(form, "GroupName");
    let entries = table
        .iter()
        .filter(|(id, _)| ids.is_empty() || ids.contains(&id.as_str()))
        .filter(|(_, r)| names.is_empty() || names.contains(&object::text_or_empty(&r.members, "groupName")))
        .filter(|(_, resource)| filters.iter().all(|filter: &Filter| filter.passes(resource)))
        .map(|(id, resource)| Entry {
            key: id.clone(),
            created: Duration::ZERO,
            value: Value::String(xml::item(resource)),
        })
        .collect();
    let token = form.get("NextToken").map(String::as_str);
    let asked = Asked { service: "ec2", operation: kind.operation, limit, token };
    let page = page::cut(entries, &asked, env)
        .map_err(|BadToken| Failure::client("InvalidNextToken", "The token is not valid."))?;
    let items: String = page.values.iter().filter_map(Value::as_str).collect();
    let next = page.next.map(|token| format!("<nextToken>{token}</nextToken>")).unwrap_or_default();
    let inside = format!("<{set}>{items}</{set}>{next}", set = kind.set);
    Ok(xml::document(kind.operation, &inside, env))
}

/// The values of `Name.1`, `Name.2`, …
fn numbered<'a>(form: &'a Form, name: &str) -> Vec<&'a str> {
    (1..).map_while(|number| form.get(&format!("{name}.{number}"))).map(String::as_str).collect()
}
