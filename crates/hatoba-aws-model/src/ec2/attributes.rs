//! What EC2 tells one by one: the attributes of a VPC, and those of the account.

use super::{Ec2, Form, numbered, xml};
use crate::env::Env;
use crate::failure::{Failure, Outcome};
use serde_json::{Value, json};

/// Attributes of a VPC, and what they are for one made by hand, as the article's is: it has private DNS names, without
/// which its namespaces would not resolve.
const VPC_ATTRIBUTES: &[(&str, bool)] =
    &[("enableDnsHostnames", true), ("enableDnsSupport", true), ("enableNetworkAddressUsageMetrics", false)];

const ACCOUNT_ATTRIBUTES: &[(&str, &str)] = &[
    ("supported-platforms", "VPC"),
    ("default-vpc", "none"),
    ("max-instances", "20"),
    ("vpc-max-security-groups-per-interface", "5"),
    ("max-elastic-ips", "5"),
    ("vpc-max-elastic-ips", "5"),
];

impl Ec2 {
    /// `DescribeVpcAttribute`: one attribute of one VPC.
    pub(super) fn vpc_attribute(&self, form: &Form, env: &mut Env<'_>) -> Outcome {
        let missing = |name: &str| {
            let message = format!("The request must contain the parameter {name}");
            Failure::client("MissingParameter", message)
        };
        let id = form.get("VpcId").ok_or_else(|| missing("vpcId"))?;
        if !self.vpcs.contains_key(id) {
            return Err(Failure::client(
                "InvalidVpcID.NotFound",
                format!("The vpc ID '{id}' does not exist"),
            ));
        }
        let asked = form.get("Attribute").ok_or_else(|| missing("attribute"))?;
        let Some((name, value)) = VPC_ATTRIBUTES.iter().find(|(name, _)| name == asked) else {
            let message = format!("Value ({asked}) for parameter attribute is invalid. Unknown attribute.");
            return Err(Failure::client("InvalidParameterValue", message));
        };
        let inside = format!("<vpcId>{id}</vpcId><{name}><value>{value}</value></{name}>");
        Ok(xml::document("DescribeVpcAttribute", &inside, env))
    }
}

/// `DescribeAccountAttributes`: those asked for, or all.
pub(super) fn account(form: &Form, env: &mut Env<'_>) -> Outcome {
    let asked = numbered(form, "AttributeName");
    if let Some(unknown) =
        asked.iter().find(|name| ACCOUNT_ATTRIBUTES.iter().all(|(known, _)| known != *name))
    {
        let message = format!("Value ({unknown}) for parameter attributeName is invalid. Unknown attribute.");
        return Err(Failure::client("InvalidParameterValue", message));
    }
    let entries: Vec<Value> = ACCOUNT_ATTRIBUTES
        .iter()
        .filter(|(name, _)| asked.is_empty() || asked.contains(name))
        .map(|(name, value)| json!({"attributeName": name, "attributeValueSet": [{"attributeValue": value}]}))
        .collect();
    let Value::Object(set) = json!({"accountAttributeSet": entries}) else {
        return Ok(crate::object::Object::new());
    };
    Ok(xml::document("DescribeAccountAttributes", &xml::members(&set), env))
}
