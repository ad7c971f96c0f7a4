//! AWS's name of a request on the wire: `ecs.CreateService`, `apigatewayv2.GetRoutes`.

/// API Gateway's collections in paths, and what one of them is called in operations.
const NOUNS: &[(&str, &str)] = &[
    ("apis", "Api"),
    ("apimappings", "ApiMapping"),
    ("authorizers", "Authorizer"),
    ("deployments", "Deployment"),
    ("domainnames", "DomainName"),
    ("integrations", "Integration"),
    ("routes", "Route"),
    ("stages", "Stage"),
    ("vpclinks", "VpcLink"),
];

/// Service and operation of a request: `target` is its `x-amz-target`, `url` its path, with or without a host.
pub fn operation(method: &str, url: &str, target: Option<&str>) -> Option<(&'static str, String)> {
    match target {
        Some(target) => {
            let (service, operation) = target.rsplit_once('.')?;
            let service = match service.contains("Container") {
                true => "ecs",
                false => "servicediscovery",
            };
            Some((service, operation.to_owned()))
        }
        None => Some(("apigatewayv2", gateway(method, url)?)),
    }
}

/// Whether an operation of that name changes nothing.
pub fn is_read(operation: &str) -> bool {
    ["Get", "List", "Describe", "Discover"].iter().any(|verb| operation.starts_with(verb))
}

fn gateway(method: &str, url: &str) -> Option<String> {
    let path = url.split_once("/v2/")?.1.split('?').next()?;
    let segments: Vec<&str> = path.split('/').filter(|segment| !segment.is_empty()).collect();
    let verb = match method {
        "POST" => "Create",
        "PATCH" => "Update",
        "DELETE" => "Delete",
        "GET" => "Get",
        _ => return None,
    };
    let by_itself = match (segments.as_slice(), verb) {
        (["tags", ..], "Create") => Some("TagResource"),
        (["tags", ..], "Delete") => Some("UntagResource"),
        (["tags", ..], _) => Some("GetTags"),
        ([.., "cors"], _) => Some("DeleteCorsConfiguration"),
        ([.., "accesslogsettings"], _) => Some("DeleteAccessLogSettings"),
        ([.., "routesettings", _], _) => Some("DeleteRouteSettings"),
        _ => None,
    };
    if let Some(operation) = by_itself {
        return Some(operation.to_owned());
    }
    // A collection at the end, or one of it by its id.
    let is_collection = segments.len() % 2 == 1;
    let collection =
        if is_collection { segments.last()? } else { segments.get(segments.len().checked_sub(2)?)? };
    let noun = NOUNS.iter().find(|(name, _)| name == collection)?.1;
    Some(if is_collection && verb == "Get" { format!("Get{noun}s") } else { format!("{verb}{noun}") })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_have_aws_names() {
        for (method, url, name) in [
            ("GET", "/v2/apis?maxResults=100", "GetApis"),
            ("POST", "http://127.0.0.1:1/v2/apis/a/routes", "CreateRoute"),
            ("PATCH", "/v2/apis/a/stages/%24default", "UpdateStage"),
            ("GET", "/v2/domainnames/a.example.com/apimappings", "GetApiMappings"),
            ("DELETE", "/v2/apis/a/cors", "DeleteCorsConfiguration"),
            ("DELETE", "/v2/apis/a/stages/b/accesslogsettings", "DeleteAccessLogSettings"),
            ("DELETE", "/v2/apis/a/stages/b/routesettings/GET%20%2F", "DeleteRouteSettings"),
            ("DELETE", "/v2/tags/arn%3Aaws?tagKeys=a", "UntagResource"),
        ] {
            assert_eq!(
                operation(method, url, None),
                Some(("apigatewayv2", name.to_owned())),
                "{method} {url}"
            );
        }
        let target = Some("AmazonEC2ContainerServiceV20141113.CreateService");
        assert_eq!(operation("POST", "/", target), Some(("ecs", "CreateService".to_owned())));
        let target = Some("Route53AutoNaming_v20170314.CreateService");
        assert_eq!(operation("POST", "/", target), Some(("servicediscovery", "CreateService".to_owned())));
        assert_eq!(operation("POST", "/", None), None);
    }
}
