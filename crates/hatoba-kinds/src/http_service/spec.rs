use hatoba_core::Members;
use hatoba_shapes::Selector;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A service behind an HTTP API, with everything that it takes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct HttpServiceSpec {
    /// The private DNS domain in which the tasks are found, shared by all who name it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) namespace: Option<String>,
    /// A PrivateDnsNamespace document in place of `namespace`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) namespace_ref: Option<String>,
    /// Where the tasks and the VPC link stand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) network: Option<NetworkSpec>,
    /// A VpcLink document in place of the network's own link.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) vpc_link_ref: Option<String>,
    /// Members of the DiscoveryService that are not as usual (SRV, TTL 60, MULTIVALUE, custom health check).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) discovery: Option<Members>,
    /// An EcsService spec, and its `port`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) service: Option<ServiceSpec>,
    /// An Integration spec without `apiRef`: the back end of routes that name none, in place of the ECS service,
    /// or more members of the ECS service's integration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) integration: Option<Members>,
    /// The API that it makes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) api: Option<ApiSpec>,
    /// An HttpApi that another document owns; this one only adds `routes`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) api_ref: Option<String>,
    /// The routes beside `apiRef`; the same as `api.routes`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) routes: Option<Vec<RouteEntry>>,
}

/// Where the tasks and the VPC link stand.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct NetworkSpec {
    /// The VPC of the namespace, in which the selectors here look.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) vpc_id: Option<String>,
    /// The only VPC that carries these tags, in place of `vpcId`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) vpc_selector: Option<Selector>,
    /// Subnets of the tasks and of the VPC link.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) subnet_ids: Option<Vec<String>>,
    /// All subnets that carry these tags, in place of `subnetIds`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) subnet_selector: Option<Selector>,
    /// Security groups of the tasks and of the VPC link.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) security_group_ids: Option<Vec<String>>,
    /// All security groups that carry these tags, in place of `securityGroupIds`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) security_group_selector: Option<Selector>,
}

/// An EcsService spec, and how its tasks are reached.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ServiceSpec {
    /// The port of the tasks; the only port mapping's if the task definition stands here and has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) port: Option<i32>,
    /// With the network modes `bridge` and `host`: the container, in place of `port`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) container_name: Option<String>,
    /// With `containerName`: its port.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) container_port: Option<i32>,
    /// A family or revision, or an EcsTaskDefinition spec.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) task_definition: Option<Value>,
    /// Everything else an EcsService spec takes.
    #[serde(flatten)]
    pub(crate) members: Members,
}

/// An HttpApi spec, with its routes, its authorizer and its stage.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ApiSpec {
    /// The routes; `$default` alone if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) routes: Option<Vec<RouteEntry>>,
    /// An Authorizer spec without `apiRef`; JWT if it has no `authorizerType`. Routes then need it by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) authorizer: Option<Members>,
    /// An Authorizer document in place of `authorizer`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) authorizer_ref: Option<String>,
    /// A Stage spec without `apiRef`; `$default` with auto deploy if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) stage: Option<Members>,
    /// Everything else an HttpApi spec takes.
    #[serde(flatten)]
    pub(crate) members: Members,
}

/// One route.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct RouteEntry {
    /// `$default`, `METHOD /path` or `ANY /path`.
    pub(crate) route_key: String,
    /// `NONE`, `AWS_IAM`, `JWT` or `CUSTOM`; as the authorizer is if left out, `NONE` without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) authorization_type: Option<String>,
    /// Scopes of which a token needs one; with JWT only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) authorization_scopes: Option<Vec<String>>,
    /// An Authorizer document in place of the API's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) authorizer_ref: Option<String>,
    /// A name for the operation, 1 to 64 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) operation_name: Option<String>,
    /// An Integration spec without `apiRef`: this route's own back end, or more members of the usual one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) integration: Option<Members>,
    /// An Integration document in place of `integration`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) integration_ref: Option<String>,
}
