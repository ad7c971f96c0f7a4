//! Which answers of AWS hold which resources, and whose they are.

use serde_json::Value;

/// Where a resource stands in an answer.
#[derive(Clone, Copy, Debug)]
pub(super) enum Place {
    /// The answer is the resource.
    Whole,
    /// Each item of this member is one.
    Each(&'static str),
    /// This member is one.
    In(&'static str),
}

impl Place {
    /// The resources in an answer.
    pub(super) fn of(self, body: &Value) -> Vec<Value> {
        let found = match self {
            Place::Whole => vec![body.clone()],
            Place::Each(member) => body[member].as_array().cloned().unwrap_or_default(),
            Place::In(member) => vec![body[member].clone()],
        };
        found.into_iter().filter(Value::is_object).collect()
    }
}

/// One sort of resource in AWS.
#[derive(Debug)]
pub(super) struct Sort {
    pub(super) service: &'static str,
    /// Operations whose answers hold such resources.
    pub(super) operations: &'static [(&'static str, Place)],
    /// Kinds of ours that look at such resources.
    pub(super) kinds: &'static [&'static str],
    /// The kind that a resource is of, or why it is nobody's.
    pub(super) kind: fn(&Value) -> Result<&'static str, &'static str>,
}

/// Members of documents that AWS shows elsewhere than it takes them: kind, where documents have it, where answers do.
/// `[PRIMARY]` is the deployment of that status.
pub(super) const MOVED: &[(&str, &str, &str)] = &[
    ("EcsService", "role", "roleArn"),
    ("EcsService", "serviceConnectConfiguration", "deployments[PRIMARY].serviceConnectConfiguration"),
    ("EcsService", "volumeConfigurations", "deployments[PRIMARY].volumeConfigurations"),
    ("EcsService", "vpcLatticeConfigurations", "deployments[PRIMARY].vpcLatticeConfigurations"),
];

macro_rules! gateway {
    ($noun:literal) => {
        &[
            (concat!("Get", $noun), Place::Whole),
            (concat!("Create", $noun), Place::Whole),
            (concat!("Update", $noun), Place::Whole),
            (concat!("Get", $noun, "s"), Place::Each("items")),
        ]
    };
}

/// Every sort that a kind of ours, or a coming one, looks at.
pub(super) const SORTS: &[Sort] = &[
    Sort {
        service: "apigatewayv2",
        operations: &[
            ("GetApi", Place::Whole),
            ("CreateApi", Place::Whole),
            ("UpdateApi", Place::Whole),
            ("ImportApi", Place::Whole),
            ("ReimportApi", Place::Whole),
            ("GetApis", Place::Each("items")),
        ],
        kinds: &["HttpApi"],
        kind: |api| match api["protocolType"] == "HTTP" {
            true => Ok("HttpApi"),
            false => Err("no HTTP API"),
        },
    },
    Sort {
        service: "apigatewayv2",
        operations: gateway!("VpcLink"),
        kinds: &["VpcLink"],
        kind: |_| Ok("VpcLink"),
    },
    Sort {
        service: "apigatewayv2",
        operations: gateway!("Integration"),
        kinds: &["Integration"],
        kind: |_| Ok("Integration"),
    },
    Sort { service: "apigatewayv2", operations: gateway!("Route"), kinds: &["Route"], kind: |_| Ok("Route") },
    Sort { service: "apigatewayv2", operations: gateway!("Stage"), kinds: &["Stage"], kind: |_| Ok("Stage") },
    Sort {
        service: "apigatewayv2",
        operations: gateway!("Authorizer"),
        kinds: &["Authorizer"],
        kind: |_| Ok("Authorizer"),
    },
    Sort {
        service: "apigatewayv2",
        operations: gateway!("DomainName"),
        kinds: &["DomainName"],
        kind: |_| Ok("DomainName"),
    },
    Sort {
        service: "apigatewayv2",
        operations: gateway!("ApiMapping"),
        kinds: &["ApiMapping"],
        kind: |_| Ok("ApiMapping"),
    },
    Sort {
        service: "ecs",
        operations: &[
            ("DescribeServices", Place::Each("services")),
            ("CreateService", Place::In("service")),
            ("UpdateService", Place::In("service")),
            ("DeleteService", Place::In("service")),
        ],
        kinds: &["EcsService"],
        kind: |service| match service["status"] == "INACTIVE" {
            true => Err("an INACTIVE service is gone"),
            false => Ok("EcsService"),
        },
    },
    Sort {
        service: "ecs",
        operations: &[
            ("DescribeClusters", Place::Each("clusters")),
            ("CreateCluster", Place::In("cluster")),
            ("UpdateCluster", Place::In("cluster")),
            ("PutClusterCapacityProviders", Place::In("cluster")),
            ("DeleteCluster", Place::In("cluster")),
        ],
        kinds: &["EcsCluster"],
        kind: |cluster| match cluster["status"] == "INACTIVE" {
            true => Err("an INACTIVE cluster is gone"),
            false => Ok("EcsCluster"),
        },
    },
    Sort {
        service: "ecs",
        operations: &[
            ("DescribeTaskDefinition", Place::In("taskDefinition")),
            ("RegisterTaskDefinition", Place::In("taskDefinition")),
            ("DeregisterTaskDefinition", Place::In("taskDefinition")),
        ],
        kinds: &["EcsTaskDefinition"],
        kind: |definition| match definition["status"].as_str() {
            None | Some("ACTIVE") => Ok("EcsTaskDefinition"),
            _ => Err("a revision that is not ACTIVE is gone"),
        },
    },
    Sort {
        service: "servicediscovery",
        operations: &[
            ("ListNamespaces", Place::Each("Namespaces")),
            ("GetNamespace", Place::In("Namespace")),
        ],
        kinds: &["PrivateDnsNamespace", "HttpNamespace"],
        kind: |namespace| match namespace["Type"].as_str() {
            Some("DNS_PRIVATE") => Ok("PrivateDnsNamespace"),
            Some("HTTP") => Ok("HttpNamespace"),
            _ => Err("a public namespace, or one that does not say what it is"),
        },
    },
    Sort {
        service: "servicediscovery",
        operations: &[
            ("ListServices", Place::Each("Services")),
            ("GetService", Place::In("Service")),
            ("CreateService", Place::In("Service")),
        ],
        kinds: &["DiscoveryService"],
        kind: |_| Ok("DiscoveryService"),
    },
];

/// The sort whose resources an operation's answer holds, and where.
pub(super) fn of_operation(service: &str, operation: &str) -> Option<(&'static Sort, Place)> {
    SORTS.iter().filter(|sort| sort.service == service).find_map(|sort| {
        let (_, place) = sort.operations.iter().find(|(name, _)| *name == operation)?;
        Some((sort, *place))
    })
}

/// The sort that a kind looks at.
pub(super) fn of_kind(kind: &str) -> Option<&'static Sort> {
    SORTS.iter().find(|sort| sort.kinds.contains(&kind))
}
