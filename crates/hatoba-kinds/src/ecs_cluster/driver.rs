use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_ecs::error::BuildError;
use aws_sdk_ecs::types::{self, Cluster, ClusterField, ClusterServiceConnectDefaultsRequest};
use hatoba_core::{
    Cause, Change, Creation, KindTable, Life, Members, OUTPUT_NAME, Object, Readiness, TagChange, Target, normalise,
};
use hatoba_shapes::ecs::{CapacityProviderStrategyItem, ClusterConfiguration, ClusterSetting, LIMITS};

use super::EcsCluster;
use super::fields::{TABLE, adapt, check, to_send};
use super::spec::{EcsClusterSpec, ServiceConnectDefaults};
use crate::aws::Aws;
use crate::error::CallError;
use crate::kind::{Answer, Interest, Kind, Limits, Problem, Requests, deleted, marked, members, pages, spec};
use crate::quota::{ECS_CLUSTER_MODIFY, ECS_CLUSTER_READ, Operation};
use crate::tags;
use crate::terraform::Terraform;

const DESCRIBE: Operation = Operation::read("ecs", "DescribeClusters", &[ECS_CLUSTER_READ]);
const LIST: Operation = Operation::read("ecs", "ListClusters", &[ECS_CLUSTER_READ]);
const CREATE: Operation = Operation::write("ecs", "CreateCluster", &[ECS_CLUSTER_MODIFY]);
const UPDATE: Operation = Operation::write("ecs", "UpdateCluster", &[ECS_CLUSTER_MODIFY]);
const PUT_PROVIDERS: Operation = Operation::write("ecs", "PutClusterCapacityProviders", &[ECS_CLUSTER_MODIFY]);
const DELETE: Operation = Operation::write("ecs", "DeleteCluster", &[ECS_CLUSTER_MODIFY]);

/// AWS: DescribeClusters takes up to a hundred.
const DESCRIBE_MAX: usize = 100;

impl Kind for EcsCluster {
    type Spec = EcsClusterSpec;
    const TABLE: &'static KindTable = &TABLE;
    const SAMPLE: &'static str = "\
apiVersion: hatoba/v1
kind: EcsCluster
metadata: { name: main }
spec:
  settings: [{ name: containerInsights, value: enabled }]
  capacityProviders: [FARGATE, FARGATE_SPOT]
  defaultCapacityProviderStrategy: [{ capacityProvider: FARGATE, weight: 1 }]
";
    const REQUESTS: Requests = (
        "ecs/2014-11-13",
        &["CreateClusterRequest", "UpdateClusterRequest", "PutClusterCapacityProvidersRequest"],
    );
    const TERRAFORM: Terraform = Terraform {
        members: &[("name", "clusterName"), ("setting", "settings")],
        ..Terraform::of("aws_ecs_cluster", "name")
    };
    const LEFT_OUT: &'static [(&'static str, &'static str)] = &[
        ("tags", "`metadata.labels` become tags, beside the owner mark"),
        ("cluster", "the name, as UpdateCluster calls it"),
    ];
    const OPERATIONS: &'static [Operation] =
        &[DESCRIBE, LIST, CREATE, UPDATE, PUT_PROVIDERS, DELETE, tags::ECS_TAG, tags::ECS_UNTAG];
    // One call for a hundred names; the names of all are only asked for where something may be pruned.
    const LISTS_BY_NAME: bool = true;
    const LIMITS: Option<Limits> = Some((LIMITS, "CreateClusterRequest"));

    fn adapt(members: &mut Members) {
        adapt(members);
    }

    fn check(members: &Members) -> Vec<Problem> {
        check(members)
    }

    async fn list(aws: &Aws, _scope: &str, interest: &Interest) -> Result<Vec<Object>, CallError> {
        let mut names = interest.names.clone();
        if interest.everything {
            let arns = pages(&LIST, async |token| {
                let page = aws.call(&LIST, aws.ecs.list_clusters().set_next_token(token).send()).await?;
                Ok((page.cluster_arns.unwrap_or_default(), page.next_token))
            })
            .await?;
            names.extend(arns.iter().map(|arn| name_in(arn).to_owned()));
        }
        let names: Vec<String> = names.into_iter().collect();
        let mut objects = Vec::new();
        for chunk in names.chunks(DESCRIBE_MAX) {
            let call = aws
                .ecs
                .describe_clusters()
                .set_clusters(Some(chunk.to_vec()))
                .include(ClusterField::Tags)
                .include(ClusterField::Settings)
                .include(ClusterField::Configurations)
                .send();
            let answer = aws.call(&DESCRIBE, call).await?;
            for failure in answer.failures.unwrap_or_default() {
                let reason = failure.reason.unwrap_or_default();
                if reason != "MISSING" {
                    let arn = failure.arn.unwrap_or_default();
                    return Err(CallError::nonsense(&DESCRIBE, format!("{arn} could not be described: {reason}")));
                }
            }
            for cluster in answer.clusters.unwrap_or_default() {
                // INACTIVE is gone; AWS only has not forgotten it yet.
                if cluster.status.as_deref() != Some("INACTIVE") {
                    objects.push(observe(&cluster)?);
                }
            }
        }
        Ok(objects)
    }

    async fn create(aws: &Aws, creation: &Creation) -> Result<Answer, CallError> {
        let want: EcsClusterSpec = spec(&CREATE, &creation.members)?;
        let parts = Parts::of(&CREATE, &want)?;
        let call = aws
            .ecs
            .create_cluster()
            .set_cluster_name(want.cluster_name)
            .set_settings(parts.settings)
            .set_configuration(parts.configuration)
            .set_capacity_providers(want.capacity_providers)
            .set_default_capacity_provider_strategy(parts.strategy)
            .set_service_connect_defaults(parts.connect)
            .set_tags(Some(tags::ecs_tags(&creation.tags)))
            .send();
        aws.call(&CREATE, call).await?;
        // The answer may be a cluster that somebody made meanwhile: only a list says whose it is.
        Ok(Answer::Done)
    }

    async fn update(aws: &Aws, change: &Change) -> Result<Answer, CallError> {
        let want: EcsClusterSpec = spec(&UPDATE, &to_send(change))?;
        let parts = Parts::of(&UPDATE, &want)?;
        let name = &change.target.id;
        let touches = |member: &str| change.touches(member);
        if ["settings", "configuration", "serviceConnectDefaults"].into_iter().any(touches) {
            let call = aws
                .ecs
                .update_cluster()
                .cluster(name)
                .set_settings(parts.settings.filter(|_| touches("settings")))
                .set_configuration(parts.configuration.filter(|_| touches("configuration")))
                .set_service_connect_defaults(parts.connect.filter(|_| touches("serviceConnectDefaults")))
                .send();
            aws.call(&UPDATE, call).await?;
        }
        if ["capacityProviders", "defaultCapacityProviderStrategy"].into_iter().any(touches) {
            // Both lists are always complete: what is left out would be detached.
            let providers = want.capacity_providers.unwrap_or_default();
            let mut strategy = parts.strategy.unwrap_or_default();
            if !touches("defaultCapacityProviderStrategy") {
                // AWS takes no strategy with a provider that goes.
                strategy.retain(|item| providers.contains(&item.capacity_provider));
            }
            let call = aws
                .ecs
                .put_cluster_capacity_providers()
                .cluster(name)
                .set_capacity_providers(Some(providers))
                .set_default_capacity_provider_strategy(Some(strategy))
                .send();
            aws.call(&PUT_PROVIDERS, call).await?;
        }
        Ok(Answer::Done)
    }

    async fn tag(aws: &Aws, target: &Target, change: &TagChange) -> Result<Answer, CallError> {
        tags::change_ecs_tags(aws, target, change).await
    }

    async fn delete(aws: &Aws, target: &Target) -> Result<Answer, CallError> {
        let result = aws.call(&DELETE, aws.ecs.delete_cluster().cluster(&target.id).send()).await;
        deleted(result, Answer::Done)
    }
}

/// The structures of a cluster in the SDK's types.
struct Parts {
    settings: Option<Vec<types::ClusterSetting>>,
    configuration: Option<types::ClusterConfiguration>,
    strategy: Option<Vec<types::CapacityProviderStrategyItem>>,
    connect: Option<ClusterServiceConnectDefaultsRequest>,
}

impl Parts {
    fn of(operation: &Operation, want: &EcsClusterSpec) -> Result<Self, CallError> {
        Self::built(want).map_err(|error| CallError::unbuildable(operation, error.to_string()))
    }

    fn built(want: &EcsClusterSpec) -> Result<Self, BuildError> {
        let namespace = want.service_connect_defaults.as_ref().and_then(|defaults| defaults.namespace.clone());
        let connect = namespace.map(|namespace| {
            ClusterServiceConnectDefaultsRequest::builder().namespace(namespace).build()
        });
        let settings = want.settings.as_ref();
        let strategy = want.default_capacity_provider_strategy.as_ref();
        Ok(Parts {
            settings: settings.map(|all| all.iter().map(ClusterSetting::to_sdk).collect()).transpose()?,
            configuration: want.configuration.as_ref().map(ClusterConfiguration::to_sdk).transpose()?,
            strategy: strategy
                .map(|items| items.iter().map(CapacityProviderStrategyItem::to_sdk).collect())
                .transpose()?,
            connect: connect.transpose()?,
        })
    }
}

/// `arn:…:cluster/main` → `main`.
fn name_in(arn: &str) -> &str {
    arn.rsplit_once("cluster/").map_or(arn, |(_, name)| name)
}

pub(super) fn observe(cluster: &Cluster) -> Result<Object, CallError> {
    let Some(name) = cluster.cluster_name.clone() else {
        return Err(CallError::nonsense(&DESCRIBE, "a cluster without a name"));
    };
    let tags = cluster.tags.iter().flatten();
    let tags = tags.filter_map(|tag| Some((tag.key.clone()?, tag.value.clone().unwrap_or_default()))).collect();
    let (mark, tags) = marked(Some(tags));
    let (life, readiness) =
        standing(cluster.status.as_deref().unwrap_or_default(), cluster.attachments_status.as_deref());
    let mut outputs = BTreeMap::from(["id", OUTPUT_NAME].map(|output| (output.to_owned(), name.clone())));
    outputs.extend(cluster.cluster_arn.clone().map(|arn| ("arn".to_owned(), arn)));
    let namespace = cluster.service_connect_defaults.as_ref().and_then(|defaults| defaults.namespace.clone());
    let uses: BTreeSet<String> = namespace.iter().cloned().collect();
    let strategy = cluster.default_capacity_provider_strategy.as_ref();
    let settings = cluster.settings.as_ref();
    let shown = EcsClusterSpec {
        cluster_name: Some(name.clone()),
        settings: settings.map(|settings| settings.iter().map(ClusterSetting::from_sdk).collect()),
        configuration: cluster.configuration.as_ref().map(ClusterConfiguration::from_sdk),
        capacity_providers: cluster.capacity_providers.clone(),
        default_capacity_provider_strategy: strategy
            .map(|items| items.iter().map(CapacityProviderStrategyItem::from_sdk).collect()),
        service_connect_defaults: namespace.map(|namespace| ServiceConnectDefaults { namespace: Some(namespace) }),
    };
    Ok(Object {
        id: name.clone(),
        scope: String::new(),
        arn: cluster.cluster_arn.clone(),
        natural_key: name,
        mark,
        tags,
        life,
        readiness,
        created_at_ms: None, // AWS does not say
        uses,
        members: normalise(&TABLE, members(&shown)),
        outputs,
    })
}

/// What a status, and the one of its attachments, come to.
fn standing(status: &str, attachments: Option<&str>) -> (Life, Readiness) {
    let say = |reason, what: &str| Cause::new(reason, format!("the cluster's {what}"));
    match (status, attachments) {
        ("PROVISIONING", _) => (Life::Pending, Readiness::Settling(say("ClusterProvisioning", "capacity is being made"))),
        ("DEPROVISIONING", _) => (
            Life::Leaving { holds_name: true },
            Readiness::Settling(say("ClusterDeprovisioning", "capacity is being removed")),
        ),
        ("FAILED", _) => {
            (Life::Failed, Readiness::NotReady(say("ClusterFailed", "capacity providers could not be made")))
        }
        (_, Some("UPDATE_IN_PROGRESS")) => {
            (Life::Live, Readiness::Settling(say("AttachmentsUpdating", "capacity providers are being attached")))
        }
        (_, Some("UPDATE_FAILED")) => {
            (Life::Live, Readiness::NotReady(say("AttachmentsFailed", "capacity providers could not be attached")))
        }
        _ => (Life::Live, Readiness::Ready),
    }
}
