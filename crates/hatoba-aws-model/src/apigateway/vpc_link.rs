//! VPC links (version 2).

use super::{
    ApiGateway, Event, Record, RestCall, bad_request, check, check_patch, integration, label, list, no_child,
    tags,
};
use crate::env::Env;
use crate::failure::{Failure, Outcome};
use crate::object::{self, Object, Rule, Shape, optional, required};
use crate::time;
use serde_json::json;

/// VPC links of one account and region, by default.
const LINKS_MAX: usize = 10;
/// Subnets of one link.
const SUBNETS_MAX: usize = 10;

const RULES: &[Rule] = &[
    required("name", Shape::Text(1, 128)),
    required("subnetIds", Shape::Texts(SUBNETS_MAX)),
    optional("securityGroupIds", Shape::Texts(10)),
    optional("tags", Shape::TextMap(1600)),
];

impl ApiGateway {
    pub(super) fn vpc_link_call(&mut self, call: RestCall, env: &mut Env<'_>) -> Outcome {
        let id = label(&call, 0).to_owned();
        match call.operation {
            "CreateVpcLink" => self.create_vpc_link(call.body, env),
            "GetVpcLinks" => list(&call, self.vpc_links.iter(), env),
            "GetVpcLink" => Ok(self.vpc_link(&id)?.body.clone()),
            "UpdateVpcLink" => self.update_vpc_link(&id, &call.body),
            _ => self.delete_vpc_link(&id, env),
        }
    }

    fn vpc_link(&self, id: &str) -> Result<&Record, Failure> {
        self.vpc_links.get(id).ok_or_else(|| no_child("VpcLink", id))
    }

    fn create_vpc_link(&mut self, input: Object, env: &mut Env<'_>) -> Outcome {
        check(&input, RULES)?;
        tags::check_map(&input)?;
        if object::list(&input, "subnetIds").is_empty() {
            return Err(bad_request("At least one subnet must be specified"));
        }
        if self.vpc_links.len() >= LINKS_MAX {
            return Err(bad_request(format!(
                "There are too many Vpc Links defined for this account. Limit is {LINKS_MAX}."
            )));
        }
        let id = env.ids.lower(6);
        let mut body = input;
        object::set(&mut body, "vpcLinkId", id.as_str());
        object::set(&mut body, "createdDate", time::iso(env.now));
        object::set(&mut body, "vpcLinkStatus", "PENDING");
        object::set(&mut body, "vpcLinkStatusMessage", "VPC link is provisioning ENIs");
        object::set(&mut body, "vpcLinkVersion", "V2");
        object::default(&mut body, "securityGroupIds", json!([]));
        object::default(&mut body, "tags", json!({}));
        self.vpc_links.insert(id.clone(), Record { body: body.clone(), created: env.now });
        let failure = env.faults.take_vpc_link_failure();
        env.after(env.config.delays.vpc_link, Event::VpcLinkSettles { id, failure });
        Ok(body)
    }

    pub(super) fn settle_vpc_link(&mut self, id: &str, failure: Option<String>) {
        let Some(record) = self.vpc_links.get_mut(id) else { return };
        if object::text(&record.body, "vpcLinkStatus") != Some("PENDING") {
            return;
        }
        let (status, message) = match failure {
            Some(message) => ("FAILED", message),
            None => ("AVAILABLE", "VPC link is ready to route traffic".to_owned()),
        };
        object::set(&mut record.body, "vpcLinkStatus", status);
        object::set(&mut record.body, "vpcLinkStatusMessage", message);
    }

    fn update_vpc_link(&mut self, id: &str, input: &Object) -> Outcome {
        let status = object::text_or_empty(&self.vpc_link(id)?.body, "vpcLinkStatus").to_owned();
        check_patch(input, RULES)?;
        if !["AVAILABLE", "INACTIVE"].contains(&status.as_str()) {
            return Err(bad_request(format!("Cannot update vpc link in status {status}")));
        }
        let Some(record) = self.vpc_links.get_mut(id) else { return Err(no_child("VpcLink", id)) };
        // Subnets and security groups are create-only: UpdateVpcLink has no such members and AWS ignores them.
        if let Some(name) = input.get("name") {
            object::set(&mut record.body, "name", name.clone());
        }
        Ok(record.body.clone())
    }

    fn delete_vpc_link(&mut self, id: &str, env: &mut Env<'_>) -> Outcome {
        self.vpc_link(id)?;
        let users: Vec<String> =
            self.apis.values().flat_map(|api| integration::users_of_link(api, id)).collect();
        if !users.is_empty() {
            return Err(bad_request(format!(
                "Cannot delete vpc link. Vpc link '{id}', is referenced in [{}] in format of [Method:Resource].",
                users.join(", ")
            )));
        }
        let Some(record) = self.vpc_links.get_mut(id) else { return Err(no_child("VpcLink", id)) };
        if object::text(&record.body, "vpcLinkStatus") != Some("DELETING") {
            object::set(&mut record.body, "vpcLinkStatus", "DELETING");
            object::set(&mut record.body, "vpcLinkStatusMessage", "VPC link is being deleted");
            env.after(env.config.delays.vpc_link_delete, Event::VpcLinkGone { id: id.to_owned() });
        }
        Ok(Object::new())
    }

    /// A VPC link's groups and subnets.
    pub(crate) fn link_network(&self, id: &str) -> Option<&Object> {
        Some(&self.vpc_links.get(id)?.body)
    }

    /// Has a VPC link lose its network interfaces, as after 60 days without traffic; false when there is none.
    pub(crate) fn idle_vpc_link(&mut self, id: &str) -> bool {
        let Some(record) = self.vpc_links.get_mut(id) else { return false };
        object::set(&mut record.body, "vpcLinkStatus", "INACTIVE");
        object::set(&mut record.body, "vpcLinkStatusMessage", "VPC link is inactive for lack of traffic");
        true
    }
}
