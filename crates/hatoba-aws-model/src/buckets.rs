//! The published request quotas, as token buckets.
//!
//! Figures: "Amazon API Gateway quotas" and "Request throttling for the Amazon ECS API". Cloud Map publishes none for
//! its control plane; users report about 50 calls a second per operation.

use std::collections::BTreeMap;
use std::time::Duration;

/// A quota: calls per second in the long run, and at once.
struct Quota {
    name: &'static str,
    per_second: f64,
    burst: f64,
}

const fn quota(name: &'static str, per_second: f64, burst: f64) -> Quota {
    Quota { name, per_second, burst }
}

/// The buckets of one account and region.
#[derive(Debug, Default)]
pub(crate) struct Buckets(BTreeMap<String, Bucket>);

#[derive(Debug)]
struct Bucket {
    tokens: f64,
    filled: Duration,
}

impl Buckets {
    /// Takes a token from each bucket the call draws on; false when one of them is empty.
    pub(crate) fn admit(&mut self, service: &str, operation: &str, now: Duration) -> bool {
        let mut admitted = true;
        for quota in quotas(service, operation) {
            // A name ending in a dot is one bucket per operation.
            let key = if quota.name.ends_with('.') {
                format!("{}{operation}", quota.name)
            } else {
                quota.name.to_owned()
            };
            let bucket = self.0.entry(key).or_insert(Bucket { tokens: quota.burst, filled: now });
            let passed = now.saturating_sub(bucket.filled).as_secs_f64();
            bucket.tokens = (bucket.tokens + passed * quota.per_second).min(quota.burst);
            bucket.filled = now;
            // Rounding must not turn "every 15 s" into "every 15 s and a nanosecond".
            if bucket.tokens + 1e-6 >= 1.0 {
                bucket.tokens -= 1.0;
            } else {
                admitted = false;
            }
        }
        admitted
    }
}

fn quotas(service: &str, operation: &str) -> Vec<Quota> {
    match service {
        "apigatewayv2" => {
            let mut all = vec![quota("apigateway", 10.0, 40.0)];
            match operation {
                "CreateVpcLink" => all.push(quota("apigateway.CreateVpcLink", 1.0 / 15.0, 1.0)),
                "DeleteVpcLink" => all.push(quota("apigateway.DeleteVpcLink", 1.0 / 30.0, 1.0)),
                "CreateDomainName" | "UpdateDomainName" | "DeleteDomainName" => {
                    all.push(quota("apigateway.domain.", 1.0 / 30.0, 1.0));
                }
                "CreateDeployment" => all.push(quota("apigateway.CreateDeployment", 1.0 / 5.0, 1.0)),
                _ => {}
            }
            all
        }
        "ecs" => vec![ecs_quota(operation)],
        "servicediscovery" if operation == "DiscoverInstances" => {
            vec![quota("servicediscovery.DiscoverInstances", 1000.0, 2000.0)]
        }
        "servicediscovery" => vec![quota("servicediscovery.", 50.0, 100.0)],
        // Far above what one caller comes to: thousands a second and prefix, or no limit at all.
        "s3" | "sqs" => Vec::new(),
        _ => vec![quota("ec2.", 20.0, 100.0)],
    }
}

fn ecs_quota(operation: &str) -> Quota {
    match operation {
        "CreateCluster" | "DeleteCluster" | "UpdateCluster" | "PutClusterCapacityProviders" => {
            quota("ecs.cluster.modify", 1.0, 20.0)
        }
        "DescribeClusters" | "ListClusters" => quota("ecs.cluster.read", 20.0, 50.0),
        "RegisterTaskDefinition" | "DeregisterTaskDefinition" => quota("ecs.definition.modify", 1.0, 20.0),
        "DeleteTaskDefinitions" => quota("ecs.definition.delete", 1.0, 5.0),
        "DescribeTaskDefinition" | "ListTaskDefinitions" | "ListTaskDefinitionFamilies" => {
            quota("ecs.definition.read", 20.0, 50.0)
        }
        "CreateService" | "UpdateService" | "DeleteService" => quota("ecs.service.modify", 5.0, 50.0),
        "ListServiceDeployments" | "DescribeServiceDeployments" | "DescribeServiceRevisions" => {
            quota("ecs.deployment", 20.0, 50.0)
        }
        "TagResource" | "UntagResource" => quota("ecs.tag.modify", 10.0, 20.0),
        "ListTagsForResource" => quota("ecs.tag.read", 20.0, 50.0),
        _ => quota("ecs.service.read", 20.0, 100.0),
    }
}
