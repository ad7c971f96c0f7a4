use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_ecs::types::{
    Compatibility, IpcMode, NetworkMode, PidMode, SortOrder, TaskDefinition, TaskDefinitionFamilyStatus,
    TaskDefinitionField, TaskDefinitionStatus,
};
use hatoba_core::{
    Change, Creation, KindTable, Life, Members, Object, Readiness, TagChange, Target, normalise,
};
use hatoba_shapes::ecs::{
    ContainerDefinition, EphemeralStorage, LIMITS, ProxyConfiguration, RuntimePlatform,
    TaskDefinitionPlacementConstraint, Volume,
};
use serde_json::Value;

use super::content::normal;
use super::fields::TABLE;
use super::spec::EcsTaskDefinitionSpec;
use super::{EcsTaskDefinition, check, usage};
use crate::aws::Aws;
use crate::error::{CallError, Disposition};
use crate::kind::{Answer, Interest, Kind, Limits, Problem, Requests, deleted, marked, members, pages, spec};
use crate::quota::{ECS_DEFINITION_MODIFY, ECS_DEFINITION_READ, Operation};
use crate::tags;
use crate::terraform::Terraform;

const LIST: Operation = Operation::read("ecs", "ListTaskDefinitions", &[ECS_DEFINITION_READ]);
const FAMILIES: Operation = Operation::read("ecs", "ListTaskDefinitionFamilies", &[ECS_DEFINITION_READ]);
const DESCRIBE: Operation = Operation::read("ecs", "DescribeTaskDefinition", &[ECS_DEFINITION_READ]);
const REGISTER: Operation = Operation::write("ecs", "RegisterTaskDefinition", &[ECS_DEFINITION_MODIFY]);
const DEREGISTER: Operation = Operation::write("ecs", "DeregisterTaskDefinition", &[ECS_DEFINITION_MODIFY]);

type Tags = BTreeMap<String, String>;

impl Kind for EcsTaskDefinition {
    type Spec = EcsTaskDefinitionSpec;
    const TABLE: &'static KindTable = &TABLE;
    const SAMPLE: &'static str = "\
apiVersion: hatoba/v1
kind: EcsTaskDefinition
metadata: { name: shop-web }
spec:
  requiresCompatibilities: [FARGATE]
  networkMode: awsvpc
  cpu: 256
  memory: 512
  containerDefinitions:
    - name: web
      image: public.ecr.aws/nginx/nginx:1.27
      portMappings: [{ containerPort: 80 }]
";
    const REQUESTS: Requests = ("ecs/2014-11-13", &["RegisterTaskDefinitionRequest"]);
    const TERRAFORM: Terraform = Terraform::of("aws_ecs_task_definition", "arn");
    const LEFT_OUT: &'static [(&'static str, &'static str)] = &[
        ("tags", "`metadata.labels` become tags, beside the owner mark"),
        ("inferenceAccelerators", "AWS has retired Elastic Inference"),
        ("trustedExecutionConfiguration", "the AWS SDK for Rust does not know it yet"),
    ];
    const OPERATIONS: &'static [Operation] = &[
        LIST,
        FAMILIES,
        DESCRIBE,
        REGISTER,
        DEREGISTER,
        tags::ECS_TAG,
        tags::ECS_UNTAG,
        usage::LIST_CLUSTERS,
        usage::LIST_SERVICES,
        usage::DESCRIBE_SERVICES,
        usage::LIST_TASKS,
        usage::DESCRIBE_TASKS,
    ];
    const LISTS_BY_NAME: bool = true;
    const LIMITS: Option<Limits> = Some((LIMITS, "RegisterTaskDefinitionRequest"));

    fn adapt(members: &mut Members) {
        for member in ["cpu", "memory"] {
            if let Some(Value::Number(number)) = members.get(member) {
                let text = number.to_string();
                members.insert(member.to_owned(), text.into());
            }
        }
    }

    fn check(members: &Members) -> Vec<Problem> {
        check::problems(members)
    }

    async fn list(aws: &Aws, _scope: &str, interest: &Interest) -> Result<Vec<Object>, CallError> {
        let (mut objects, mut listed) = (Vec::new(), BTreeSet::new());
        for family in &interest.names {
            let arns = pages(&LIST, async |token| {
                let call = aws
                    .ecs
                    .list_task_definitions()
                    .family_prefix(family)
                    .status(TaskDefinitionStatus::Active)
                    .sort(SortOrder::Desc)
                    .set_next_token(token)
                    .send();
                let page = aws.call(&LIST, call).await?;
                Ok((page.task_definition_arns.unwrap_or_default(), page.next_token))
            })
            .await?;
            for arn in arns.iter().filter(|arn| usage::family(usage::short(arn)) == family) {
                objects.extend(revision(aws, arn, interest.details.contains(family)).await?);
            }
            listed.extend(arns);
        }
        aws.keep_lasting(&listed);
        Ok(objects)
    }

    async fn create(aws: &Aws, creation: &Creation) -> Result<Answer, CallError> {
        let want: EcsTaskDefinitionSpec = spec(&REGISTER, &creation.members)?;
        let unbuildable =
            |error: aws_sdk_ecs::error::BuildError| CallError::unbuildable(&REGISTER, error.to_string());
        let containers = all(want.container_definitions.as_deref(), ContainerDefinition::to_sdk);
        let volumes = all(want.volumes.as_deref(), Volume::to_sdk);
        let constraints = all(want.placement_constraints.as_deref(), TaskDefinitionPlacementConstraint::to_sdk);
        let proxy = want.proxy_configuration.as_ref().map(ProxyConfiguration::to_sdk).transpose();
        let storage = want.ephemeral_storage.as_ref().map(EphemeralStorage::to_sdk).transpose();
        let platform = want.runtime_platform.as_ref().map(RuntimePlatform::to_sdk).transpose();
        let compatibilities = want.requires_compatibilities.as_ref();
        let compatibilities =
            compatibilities.map(|kinds| kinds.iter().map(|kind| Compatibility::from(kind.as_str())).collect());
        let call = aws
            .ecs
            .register_task_definition()
            .set_family(want.family.clone())
            .set_container_definitions(containers.map_err(unbuildable)?)
            .set_volumes(volumes.map_err(unbuildable)?)
            .set_placement_constraints(constraints.map_err(unbuildable)?)
            .set_proxy_configuration(proxy.map_err(unbuildable)?)
            .set_ephemeral_storage(storage.map_err(unbuildable)?)
            .set_runtime_platform(platform.map_err(unbuildable)?)
            .set_requires_compatibilities(compatibilities)
            .set_cpu(want.cpu.clone())
            .set_memory(want.memory.clone())
            .set_network_mode(want.network_mode.as_deref().map(NetworkMode::from))
            .set_pid_mode(want.pid_mode.as_deref().map(PidMode::from))
            .set_ipc_mode(want.ipc_mode.as_deref().map(IpcMode::from))
            .set_task_role_arn(want.task_role_arn.clone())
            .set_execution_role_arn(want.execution_role_arn.clone())
            .set_enable_fault_injection(want.enable_fault_injection)
            .set_tags(Some(tags::ecs_tags(&creation.tags)))
            .send();
        let answer = aws.call(&REGISTER, call).await?;
        let Some(definition) = answer.task_definition else {
            return Err(CallError::nonsense(&REGISTER, "no task definition in the answer"));
        };
        let object = observe(&definition, creation.tags.clone(), true)?;
        remember(aws, &object);
        Ok(Answer::object(object))
    }

    async fn update(_aws: &Aws, change: &Change) -> Result<Answer, CallError> {
        Err(CallError::unbuildable(&REGISTER, format!("{} never changes", change.target.id)))
    }

    async fn tag(aws: &Aws, target: &Target, change: &TagChange) -> Result<Answer, CallError> {
        let changed = tags::change_ecs_tags(aws, target, change).await;
        // Whatever came of it: the next list reads them. What bore nobody's mark may bear ours now.
        aws.forget_tags(target.arn.as_deref().unwrap_or_default());
        aws.forget_lasting(target.arn.as_deref().unwrap_or_default());
        changed
    }

    async fn delete(aws: &Aws, target: &Target) -> Result<Answer, CallError> {
        let call = aws.ecs.deregister_task_definition().task_definition(&target.id).send();
        let result = aws.call(&DEREGISTER, call).await;
        aws.forget_lasting(target.arn.as_deref().unwrap_or_default());
        deleted(result, Answer::Gone)
    }

    async fn users(aws: &Aws, target: &Target) -> Result<BTreeSet<String>, CallError> {
        usage::users(aws, &target.id).await
    }

    /// Families whose newest revision bears a mark: what is buried under a pipeline's revisions is not looked for.
    async fn discover(aws: &Aws) -> Result<BTreeMap<String, BTreeSet<String>>, CallError> {
        let families = pages(&FAMILIES, async |token| {
            let call = aws
                .ecs
                .list_task_definition_families()
                .status(TaskDefinitionFamilyStatus::Active)
                .set_next_token(token)
                .send();
            let page = aws.call(&FAMILIES, call).await?;
            Ok((page.families.unwrap_or_default(), page.next_token))
        })
        .await?;
        let mut marked = BTreeSet::new();
        for family in families {
            let newest = describe(aws, &family, false).await?;
            if newest.is_some_and(|object| object.mark.present().is_some()) {
                marked.insert(family);
            }
        }
        Ok(BTreeMap::from([(String::new(), marked)]))
    }
}

fn all<T, S, E>(items: Option<&[T]>, convert: impl Fn(&T) -> Result<S, E>) -> Result<Option<Vec<S>>, E> {
    items.map(|items| items.iter().map(convert).collect()).transpose()
}

/// A revision, from memory where it can be: nothing but its tags changes, and those of others are not ours. Where one
/// of the family is to be taken over, those of others have their members too.
async fn revision(aws: &Aws, arn: &str, whole: bool) -> Result<Option<Object>, CallError> {
    if let Some(known) = aws.lasting(arn).filter(|known| !whole || !known.members.is_empty()) {
        if known.mark.present().is_none() {
            return Ok(Some(known));
        }
        if let Some(tags) = aws.known_tags(arn) {
            let (mark, tags) = marked(Some(tags));
            return Ok(Some(Object { mark, tags, ..known }));
        }
    }
    describe(aws, arn, whole).await
}

/// A revision as AWS shows it; `None`: there is none that is ACTIVE.
async fn describe(aws: &Aws, given: &str, whole: bool) -> Result<Option<Object>, CallError> {
    let call =
        aws.ecs.describe_task_definition().task_definition(given).include(TaskDefinitionField::Tags).send();
    let answer = match aws.call(&DESCRIBE, call).await {
        Ok(answer) => answer,
        Err(error) if error.disposition == Disposition::Gone => return Ok(None),
        Err(error) => return Err(error),
    };
    let Some(definition) = answer.task_definition else {
        return Err(CallError::nonsense(&DESCRIBE, "no task definition in the answer"));
    };
    if definition.status.as_ref().is_some_and(|status| *status != TaskDefinitionStatus::Active) {
        return Ok(None);
    }
    let tags = answer.tags.unwrap_or_default().into_iter();
    let tags = tags.filter_map(|tag| Some((tag.key?, tag.value.unwrap_or_default()))).collect();
    let object = observe(&definition, tags, whole)?;
    remember(aws, &object);
    Ok(Some(object))
}

fn remember(aws: &Aws, object: &Object) {
    let Some(arn) = object.arn.as_deref() else { return };
    if object.mark.present().is_some() {
        aws.remember_tags(arn, object.tags.clone().unwrap_or_default());
    }
    aws.remember_lasting(arn, object.clone());
}

/// A revision; `whole`: with its members whoever registered it.
pub(super) fn observe(
    definition: &TaskDefinition,
    tags: Tags,
    whole: bool,
) -> Result<Object, CallError> {
    let (Some(arn), Some(family)) = (definition.task_definition_arn.clone(), definition.family.clone()) else {
        return Err(CallError::nonsense(&DESCRIBE, "a task definition without an ARN"));
    };
    let (mark, tags) = marked(Some(tags));
    let id = format!("{family}:{}", definition.revision);
    // What others registered is only compared where it is to be taken over, and there may be thousands.
    let members = match whole || mark.present().is_some() {
        true => normalise(&TABLE, normal(&members(&shown(definition)))),
        false => Members::new(),
    };
    Ok(Object {
        id: id.clone(),
        scope: String::new(),
        arn: Some(arn.clone()),
        natural_key: family.clone(),
        mark,
        tags,
        life: Life::Live,
        readiness: Readiness::Ready,
        created_at_ms: definition.registered_at.and_then(|date| date.to_millis().ok()),
        uses: BTreeSet::new(),
        members,
        outputs: BTreeMap::from([
            ("id".to_owned(), id),
            ("arn".to_owned(), arn),
            ("family".to_owned(), family),
            ("revision".to_owned(), definition.revision.to_string()),
        ]),
    })
}

fn shown(definition: &TaskDefinition) -> EcsTaskDefinitionSpec {
    EcsTaskDefinitionSpec {
        family: definition.family.clone(),
        container_definitions: read(definition.container_definitions.as_deref(), ContainerDefinition::from_sdk),
        cpu: definition.cpu.clone(),
        memory: definition.memory.clone(),
        network_mode: definition.network_mode.as_ref().map(|mode| mode.as_str().to_owned()),
        requires_compatibilities: read(definition.requires_compatibilities.as_deref(), |kind| {
            kind.as_str().to_owned()
        }),
        task_role_arn: definition.task_role_arn.clone(),
        execution_role_arn: definition.execution_role_arn.clone(),
        volumes: read(definition.volumes.as_deref(), Volume::from_sdk),
        placement_constraints: read(
            definition.placement_constraints.as_deref(),
            TaskDefinitionPlacementConstraint::from_sdk,
        ),
        pid_mode: definition.pid_mode.as_ref().map(|mode| mode.as_str().to_owned()),
        ipc_mode: definition.ipc_mode.as_ref().map(|mode| mode.as_str().to_owned()),
        proxy_configuration: definition.proxy_configuration.as_ref().map(ProxyConfiguration::from_sdk),
        ephemeral_storage: definition.ephemeral_storage.as_ref().map(EphemeralStorage::from_sdk),
        runtime_platform: definition.runtime_platform.as_ref().map(RuntimePlatform::from_sdk),
        enable_fault_injection: definition.enable_fault_injection,
    }
}

fn read<S, T>(items: Option<&[S]>, convert: impl Fn(&S) -> T) -> Option<Vec<T>> {
    items.map(|items| items.iter().map(convert).collect())
}
