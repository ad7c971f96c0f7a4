//! What is generated, and where our documents differ from AWS's own structures.

use super::requests::Requests;

/// One AWS service.
pub(super) struct Service {
    /// The generated module, and the crate path `aws_sdk_<module>`.
    pub(super) module: &'static str,
    /// For doc comments.
    pub(super) title: &'static str,
    /// The folder of the service model, with its version.
    pub(super) model: &'static str,
    /// The SDK's package.
    pub(super) package: &'static str,
    /// Requests whose members documents carry.
    pub(super) requests: &'static [Request],
    /// Members of ours among AWS's.
    pub(super) extras: &'static [Extra],
    /// `(shape, AWS member)` that no document carries.
    pub(super) skipped: &'static [(&'static str, &'static str)],
    /// `(written shape, read shape)` where AWS answers with another structure of the same members.
    pub(super) read_as: &'static [(&'static str, &'static str)],
    /// Enumerations of which only some values are ours to write.
    pub(super) narrowed: &'static [Narrowed],
}

/// A request: the limits of all its plain members, and the structures below some of its members.
pub(super) struct Request {
    pub(super) shape: &'static str,
    /// AWS's member names. Every structure reachable from these gets a type.
    pub(super) structures: &'static [&'static str],
}

/// A member that AWS does not have and that stands for one which it has.
pub(super) struct Extra {
    pub(super) shape: &'static str,
    /// The Rust field; the document's member is its lowerCamelCase.
    pub(super) field: &'static str,
    pub(super) ty: &'static str,
    /// AWS's member that it fills, if any: where the extra is present, a required member may be missing.
    pub(super) fills: &'static str,
    pub(super) doc: &'static str,
}

/// Values that documents may use, out of all that AWS knows.
pub(super) struct Narrowed {
    pub(super) shape: &'static str,
    pub(super) member: &'static str,
    pub(super) values: &'static [&'static str],
}

const SELECTOR: &str = "crate::Selector";

/// Everything that `cargo xtask gen` writes.
pub(super) const SERVICES: &[Service] = &[
    Service {
        module: "ecs",
        title: "Amazon ECS",
        model: "ecs/2014-11-13",
        package: "aws-sdk-ecs",
        requests: &[
            Request {
                shape: "CreateServiceRequest",
                structures: &[
                    "networkConfiguration",
                    "serviceRegistries",
                    "loadBalancers",
                    "capacityProviderStrategy",
                    "deploymentConfiguration",
                    "deploymentController",
                    "placementConstraints",
                    "placementStrategy",
                    "serviceConnectConfiguration",
                    "volumeConfigurations",
                    "vpcLatticeConfigurations",
                ],
            },
            Request {
                shape: "CreateClusterRequest",
                structures: &["settings", "configuration", "defaultCapacityProviderStrategy"],
            },
            Request {
                shape: "RegisterTaskDefinitionRequest",
                structures: &[
                    "containerDefinitions",
                    "volumes",
                    "placementConstraints",
                    "proxyConfiguration",
                    "ephemeralStorage",
                    "runtimePlatform",
                ],
            },
        ],
        extras: &[
            Extra {
                shape: "ServiceRegistry",
                field: "discovery_service_ref",
                ty: "String",
                fills: "registryArn",
                doc: "Names a `DiscoveryService` document; fills `registryArn`.",
            },
            Extra {
                shape: "AwsVpcConfiguration",
                field: "vpc_id",
                ty: "String",
                fills: "",
                doc: "Ours: the VPC in which the selectors here look; in any VPC if left out.",
            },
            Extra {
                shape: "AwsVpcConfiguration",
                field: "vpc_selector",
                ty: SELECTOR,
                fills: "",
                doc: "The only VPC that carries these tags, in place of `vpcId`.",
            },
            Extra {
                shape: "AwsVpcConfiguration",
                field: "subnet_selector",
                ty: SELECTOR,
                fills: "subnets",
                doc: "Looks subnets up by tags; fills `subnets`.",
            },
            Extra {
                shape: "AwsVpcConfiguration",
                field: "security_group_selector",
                ty: SELECTOR,
                fills: "securityGroups",
                doc: "Looks security groups up by tags; fills `securityGroups`.",
            },
        ],
        skipped: &[],
        read_as: &[],
        narrowed: &[],
    },
    Service {
        module: "apigatewayv2",
        title: "Amazon API Gateway v2",
        model: "apigatewayv2/2018-11-29",
        package: "aws-sdk-apigatewayv2",
        requests: &[
            Request { shape: "CreateApiRequest", structures: &["CorsConfiguration"] },
            Request {
                shape: "CreateStageRequest",
                structures: &["AccessLogSettings", "DefaultRouteSettings", "RouteSettings"],
            },
            Request { shape: "CreateRouteRequest", structures: &[] },
            Request { shape: "CreateIntegrationRequest", structures: &["TlsConfig"] },
            Request { shape: "CreateVpcLinkRequest", structures: &[] },
            Request { shape: "CreateAuthorizerRequest", structures: &["JwtConfiguration"] },
            Request {
                shape: "CreateDomainNameRequest",
                structures: &["DomainNameConfigurations", "MutualTlsAuthentication"],
            },
            Request { shape: "CreateApiMappingRequest", structures: &[] },
        ],
        extras: &[],
        // WebSocket APIs only.
        skipped: &[
            ("RouteSettings", "DataTraceEnabled"),
            ("RouteSettings", "LoggingLevel"),
            // What AWS says of a domain name, in the structure that also says what is asked for.
            ("DomainNameConfiguration", "ApiGatewayDomainName"),
            ("DomainNameConfiguration", "CertificateUploadDate"),
            ("DomainNameConfiguration", "DomainNameStatus"),
            ("DomainNameConfiguration", "DomainNameStatusMessage"),
            ("DomainNameConfiguration", "HostedZoneId"),
            // For edge-optimised domain names of REST APIs.
            ("DomainNameConfiguration", "CertificateName"),
        ],
        read_as: &[
            ("TlsConfigInput", "TlsConfig"),
            ("MutualTlsAuthenticationInput", "MutualTlsAuthentication"),
        ],
        narrowed: &[
            Narrowed { shape: "CreateApiRequest", member: "ProtocolType", values: &["HTTP"] },
            // API Gateway v2 takes no edge-optimised domain names, and no TLS 1.0.
            Narrowed { shape: "DomainNameConfiguration", member: "EndpointType", values: &["REGIONAL"] },
            Narrowed { shape: "DomainNameConfiguration", member: "SecurityPolicy", values: &["TLS_1_2"] },
            Narrowed {
                shape: "CreateIntegrationRequest",
                member: "IntegrationType",
                values: &["HTTP_PROXY", "AWS_PROXY"],
            },
        ],
    },
    Service {
        module: "servicediscovery",
        title: "AWS Cloud Map",
        model: "servicediscovery/2017-03-14",
        package: "aws-sdk-servicediscovery",
        requests: &[
            Request { shape: "CreatePrivateDnsNamespaceRequest", structures: &["Properties"] },
            Request { shape: "CreateHttpNamespaceRequest", structures: &[] },
            Request {
                shape: "CreateServiceRequest",
                structures: &["DnsConfig", "HealthCheckConfig", "HealthCheckCustomConfig"],
            },
        ],
        extras: &[],
        // Replaced by the request's own member.
        skipped: &[("DnsConfig", "NamespaceId")],
        read_as: &[],
        narrowed: &[],
    },
];

/// What the in-memory AWS answers to.
pub(super) const REQUESTS: &[Requests] = &[
    Requests {
        module: "ecs",
        title: "Amazon ECS",
        model: "ecs/2014-11-13",
        operations: &[
            "CreateCluster",
            "CreateService",
            "DeleteCluster",
            "DeleteService",
            "DeleteTaskDefinitions",
            "DeregisterTaskDefinition",
            "DescribeClusters",
            "DescribeServiceDeployments",
            "DescribeServiceRevisions",
            "DescribeServices",
            "DescribeTaskDefinition",
            "DescribeTasks",
            "ListClusters",
            "ListServiceDeployments",
            "ListServices",
            "ListTagsForResource",
            "ListTaskDefinitionFamilies",
            "ListTaskDefinitions",
            "ListTasks",
            "PutClusterCapacityProviders",
            "RegisterTaskDefinition",
            "StopTask",
            "TagResource",
            "UntagResource",
            "UpdateCluster",
            "UpdateService",
        ],
    },
    Requests {
        module: "apigatewayv2",
        title: "Amazon API Gateway v2",
        model: "apigatewayv2/2018-11-29",
        // All that come with a body.
        operations: &[
            "CreateApi",
            "CreateApiMapping",
            "CreateAuthorizer",
            "CreateDeployment",
            "CreateDomainName",
            "CreateIntegration",
            "CreateRoute",
            "CreateStage",
            "CreateVpcLink",
            "TagResource",
            "UpdateApi",
            "UpdateApiMapping",
            "UpdateAuthorizer",
            "UpdateDeployment",
            "UpdateDomainName",
            "UpdateIntegration",
            "UpdateRoute",
            "UpdateStage",
            "UpdateVpcLink",
        ],
    },
    Requests {
        module: "servicediscovery",
        title: "AWS Cloud Map",
        model: "servicediscovery/2017-03-14",
        operations: &[
            "CreateHttpNamespace",
            "CreatePrivateDnsNamespace",
            "CreateService",
            "DeleteNamespace",
            "DeleteService",
            "DeleteServiceAttributes",
            "DeregisterInstance",
            "DiscoverInstances",
            "DiscoverInstancesRevision",
            "GetInstance",
            "GetInstancesHealthStatus",
            "GetNamespace",
            "GetOperation",
            "GetService",
            "GetServiceAttributes",
            "ListInstances",
            "ListNamespaces",
            "ListOperations",
            "ListServices",
            "ListTagsForResource",
            "RegisterInstance",
            "TagResource",
            "UntagResource",
            "UpdateHttpNamespace",
            "UpdatePrivateDnsNamespace",
            "UpdateService",
            "UpdateServiceAttributes",
        ],
    },
];
