//! Paths and methods of the restJson1 protocol.

use crate::object::Object;

/// A request that matched one of the operations.
pub(crate) struct RestCall {
    pub(crate) operation: &'static str,
    /// The path's labels, decoded, in order.
    pub(crate) labels: Vec<String>,
    pub(crate) query: Vec<(String, String)>,
    pub(crate) body: Object,
}

impl RestCall {
    /// The first value of a query parameter.
    pub(crate) fn query(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// Operation and labels of a method and the decoded segments of a path.
pub(crate) fn operation<'a>(method: &str, path: &[&'a str]) -> Option<(&'static str, Vec<&'a str>)> {
    let (version, rest) = path.split_first()?;
    if *version != "v2" {
        return None;
    }
    match rest {
        ["apis"] => Some((of(method, ["CreateApi", "GetApis", "", "", ""])?, vec![])),
        ["apis", api] => Some((of(method, ["", "GetApi", "UpdateApi", "DeleteApi", ""])?, vec![*api])),
        ["apis", api, "cors"] => Some((of(method, ["", "", "", "DeleteCorsConfiguration", ""])?, vec![*api])),
        ["apis", api, kind] => Some((of(method, collection(kind)?)?, vec![*api])),
        ["apis", api, "stages", stage, "accesslogsettings"] => {
            Some((of(method, ["", "", "", "DeleteAccessLogSettings", ""])?, vec![*api, *stage]))
        }
        ["apis", api, "stages", stage, "routesettings", key] => {
            Some((of(method, ["", "", "", "DeleteRouteSettings", ""])?, vec![*api, *stage, *key]))
        }
        ["apis", api, kind, id] => Some((of(method, member(kind)?)?, vec![*api, *id])),
        ["vpclinks"] => Some((of(method, ["CreateVpcLink", "GetVpcLinks", "", "", ""])?, vec![])),
        ["vpclinks", id] => {
            Some((of(method, ["", "GetVpcLink", "UpdateVpcLink", "DeleteVpcLink", ""])?, vec![*id]))
        }
        ["domainnames"] => Some((of(method, ["CreateDomainName", "GetDomainNames", "", "", ""])?, vec![])),
        ["domainnames", name] => Some((
            of(method, ["", "GetDomainName", "UpdateDomainName", "DeleteDomainName", ""])?,
            vec![*name],
        )),
        ["domainnames", name, "apimappings"] => {
            Some((of(method, ["CreateApiMapping", "GetApiMappings", "", "", ""])?, vec![*name]))
        }
        ["domainnames", name, "apimappings", id] => Some((
            of(method, ["", "GetApiMapping", "UpdateApiMapping", "DeleteApiMapping", ""])?,
            vec![*name, *id],
        )),
        ["tags", arn] => Some((of(method, ["TagResource", "GetTags", "", "UntagResource", ""])?, vec![*arn])),
        _ => None,
    }
}

/// Picks the operation of POST, GET, PATCH, DELETE, PUT; an empty name is none.
fn of(method: &str, operations: [&'static str; 5]) -> Option<&'static str> {
    let at = ["POST", "GET", "PATCH", "DELETE", "PUT"].iter().position(|known| *known == method)?;
    operations.get(at).copied().filter(|name| !name.is_empty())
}

fn collection(kind: &str) -> Option<[&'static str; 5]> {
    Some(match kind {
        "authorizers" => ["CreateAuthorizer", "GetAuthorizers", "", "", ""],
        "deployments" => ["CreateDeployment", "GetDeployments", "", "", ""],
        "integrations" => ["CreateIntegration", "GetIntegrations", "", "", ""],
        "routes" => ["CreateRoute", "GetRoutes", "", "", ""],
        "stages" => ["CreateStage", "GetStages", "", "", ""],
        _ => return None,
    })
}

fn member(kind: &str) -> Option<[&'static str; 5]> {
    Some(match kind {
        "authorizers" => ["", "GetAuthorizer", "UpdateAuthorizer", "DeleteAuthorizer", ""],
        "deployments" => ["", "GetDeployment", "UpdateDeployment", "DeleteDeployment", ""],
        "integrations" => ["", "GetIntegration", "UpdateIntegration", "DeleteIntegration", ""],
        "routes" => ["", "GetRoute", "UpdateRoute", "DeleteRoute", ""],
        "stages" => ["", "GetStage", "UpdateStage", "DeleteStage", ""],
        _ => return None,
    })
}

/// The status of a success, by operation.
pub(crate) fn success_status(operation: &str) -> u16 {
    match operation {
        "DeleteVpcLink" => 202,
        "TagResource" => 201,
        "UntagResource" => 204,
        _ if operation.starts_with("Create") => 201,
        _ if operation.starts_with("Delete") => 204,
        _ => 200,
    }
}
