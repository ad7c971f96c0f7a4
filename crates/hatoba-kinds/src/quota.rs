//! The request rates that AWS publishes, and the operations that draw on them.

use std::fmt;

/// A token bucket of AWS's: `burst` tokens at most, one more every `1 / per_second`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Quota {
    /// Names the bucket.
    pub name: &'static str,
    /// Tokens per second.
    pub per_second: f64,
    /// Tokens at most.
    pub burst: f64,
}

/// "Amazon API Gateway quotas": all management operations of the account and region together.
pub(crate) const API_GATEWAY: Quota = Quota { name: "apigateway", per_second: 10.0, burst: 40.0 };
/// "Amazon API Gateway quotas": CreateVpcLink (V2), 1 per 15 s.
pub(crate) const CREATE_VPC_LINK: Quota = Quota { name: "CreateVpcLink", per_second: 1.0 / 15.0, burst: 1.0 };
/// "Amazon API Gateway quotas": DeleteVpcLink (V2), 1 per 30 s.
pub(crate) const DELETE_VPC_LINK: Quota = Quota { name: "DeleteVpcLink", per_second: 1.0 / 30.0, burst: 1.0 };
/// "Amazon API Gateway quotas": CreateDomainName, 1 per 30 s.
pub(crate) const CREATE_DOMAIN_NAME: Quota =
    Quota { name: "CreateDomainName", per_second: 1.0 / 30.0, burst: 1.0 };
/// "Amazon API Gateway quotas": UpdateDomainName, 1 per 30 s.
pub(crate) const UPDATE_DOMAIN_NAME: Quota =
    Quota { name: "UpdateDomainName", per_second: 1.0 / 30.0, burst: 1.0 };
/// "Amazon API Gateway quotas": DeleteDomainName, 1 per 30 s.
pub(crate) const DELETE_DOMAIN_NAME: Quota =
    Quota { name: "DeleteDomainName", per_second: 1.0 / 30.0, burst: 1.0 };
/// "Amazon API Gateway quotas": CreateDeployment, 1 per 5 s.
pub(crate) const CREATE_DEPLOYMENT: Quota =
    Quota { name: "CreateDeployment", per_second: 1.0 / 5.0, burst: 1.0 };
/// "Request throttling for the Amazon ECS API": service modify actions.
pub(crate) const ECS_SERVICE_MODIFY: Quota =
    Quota { name: "ecs-service-modify", per_second: 5.0, burst: 50.0 };
/// "Request throttling for the Amazon ECS API": service read actions.
pub(crate) const ECS_SERVICE_READ: Quota = Quota { name: "ecs-service-read", per_second: 20.0, burst: 100.0 };
/// "Request throttling for the Amazon ECS API": cluster read actions.
pub(crate) const ECS_CLUSTER_READ: Quota = Quota { name: "ecs-cluster-read", per_second: 20.0, burst: 50.0 };
/// "Request throttling for the Amazon ECS API": cluster modify actions.
pub(crate) const ECS_CLUSTER_MODIFY: Quota =
    Quota { name: "ecs-cluster-modify", per_second: 1.0, burst: 20.0 };
/// "Request throttling for the Amazon ECS API": task definition modify actions.
pub(crate) const ECS_DEFINITION_MODIFY: Quota =
    Quota { name: "ecs-definition-modify", per_second: 1.0, burst: 20.0 };
/// "Request throttling for the Amazon ECS API": task definition read actions.
pub(crate) const ECS_DEFINITION_READ: Quota =
    Quota { name: "ecs-definition-read", per_second: 20.0, burst: 50.0 };
/// "Request throttling for the Amazon ECS API": service deployment and service revision actions.
pub(crate) const ECS_DEPLOYMENT_READ: Quota =
    Quota { name: "ecs-deployment-read", per_second: 20.0, burst: 50.0 };
/// "Request throttling for the Amazon ECS API": tag modify actions.
pub(crate) const ECS_TAG_MODIFY: Quota = Quota { name: "ecs-tag-modify", per_second: 10.0, burst: 20.0 };
/// Cloud Map publishes no control-plane rate; users report about 50 per second (an assumption, kept well below).
pub(crate) const CLOUD_MAP: Quota = Quota { name: "servicediscovery", per_second: 20.0, burst: 20.0 };
/// EC2 Describe calls: a share of the unpublished default bucket that is far below what EC2 allows.
pub(crate) const EC2_DESCRIBE: Quota = Quota { name: "ec2-describe", per_second: 10.0, burst: 20.0 };
/// "Amazon Route 53 quotas": 5 requests a second and account.
pub(crate) const ROUTE53: Quota = Quota { name: "route53", per_second: 5.0, burst: 5.0 };
/// STS: far below its quota.
pub(crate) const STS: Quota = Quota { name: "sts", per_second: 5.0, burst: 5.0 };

/// One AWS operation that this program can call.
#[derive(Clone, Copy, PartialEq)]
pub struct Operation {
    /// The service as in metrics: `apigatewayv2`, `servicediscovery`, `ecs`, `ec2`, `route53`, `sts`.
    pub service: &'static str,
    /// AWS's name of the operation.
    pub name: &'static str,
    /// Whether it changes anything.
    pub is_write: bool,
    /// Every bucket that it draws on, the widest first.
    pub quotas: &'static [Quota],
}

impl Operation {
    /// An operation that only reads.
    pub const fn read(service: &'static str, name: &'static str, quotas: &'static [Quota]) -> Self {
        Operation { service, name, is_write: false, quotas }
    }

    /// An operation that changes something.
    pub const fn write(service: &'static str, name: &'static str, quotas: &'static [Quota]) -> Self {
        Operation { service, name, is_write: true, quotas }
    }
}

impl fmt::Debug for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.service, self.name)
    }
}
