use hatoba_core::{
    Cause, Drain, Field, Guard, Hop, KindTable, Literal, MarkStyle, OUTPUT_NAME, Object, Readiness, Reason, RefField,
    ReplaceStyle, SelectorField, Shape, Status, path,
};
use serde_json::Value;

use super::compare::{
    same_alarms, same_breaker, same_hooks, same_in_any_order, same_or_null, same_placement, same_platform, same_role,
    same_service_connect, same_steps, same_strategy, same_success_criteria, same_task_definition, same_volumes,
};

pub(super) static TABLE: KindTable = KindTable {
    kind: "EcsService",
    fields: &[
        Field::new("serviceName").immutable().renames(),
        Field::new("taskDefinition").shape(Shape::By(same_task_definition)).left_to_aws().rolls(),
        Field::new("desiredCount").shape(Shape::By(same_or_null)).left_to_aws().at_create(Literal::Int(1)),
        // From a strategy back to the launch type there is a way, from one launch type to another there is none.
        Field::new("launchType").shape(Shape::By(same_or_null)).left_to_aws().immutable_if(|from, _| !from.is_null()),
        Field::new("capacityProviderStrategy").shape(Shape::By(same_strategy)).null_is(Literal::EmptyList),
        Field::new("platformVersion").shape(Shape::By(same_platform)).null_is(Literal::Str("LATEST")).rolls(),
        Field::new("availabilityZoneRebalancing").shape(Shape::By(same_or_null)).left_to_aws(),
        Field::new("role").shape(Shape::By(same_role)).left_to_aws().immutable(),
        Field::new("schedulingStrategy").default(Literal::Str("REPLICA")).immutable(),
        Field::new("deploymentController.type").default(Literal::Str("ECS")),
        Field::new("networkConfiguration.awsvpcConfiguration.subnets").shape(Shape::Set).left_to_aws().rolls(),
        // Left out, AWS fills the VPC's default group in.
        Field::new("networkConfiguration.awsvpcConfiguration.securityGroups").shape(Shape::Set).left_to_aws().rolls(),
        Field::new("networkConfiguration.awsvpcConfiguration.assignPublicIp").default(Literal::Str("DISABLED")).rolls(),
        Field::new("loadBalancers").shape(Shape::By(same_in_any_order)).default(Literal::EmptyList).rolls(),
        Field::new("serviceRegistries")
            .shape(Shape::Set)
            .default(Literal::EmptyList)
            .rolls()
            .lets_go()
            .entered_at("deployedAt"),
        Field::new("healthCheckGracePeriodSeconds").default(Literal::Int(0)),
        // A DAEMON has other defaults: its document is read as if it stated them.
        Field::new("deploymentConfiguration.maximumPercent").default(Literal::Int(200)),
        Field::new("deploymentConfiguration.minimumHealthyPercent").default(Literal::Int(100)),
        Field::new("deploymentConfiguration.deploymentCircuitBreaker").shape(Shape::By(same_breaker)),
        Field::new("deploymentConfiguration.alarms").shape(Shape::By(same_alarms)),
        Field::new("deploymentConfiguration.strategy").default(Literal::Str("ROLLING")),
        Field::new("deploymentConfiguration.bakeTimeInMinutes").default(Literal::Int(0)),
        Field::new("deploymentConfiguration.lifecycleHooks")
            .shape(Shape::By(same_hooks))
            .default(Literal::EmptyList),
        Field::new("deploymentConfiguration.linearConfiguration").shape(Shape::By(same_steps)).left_to_aws(),
        Field::new("deploymentConfiguration.canaryConfiguration").shape(Shape::By(same_steps)).left_to_aws(),
        Field::new("deploymentConfiguration.earlySuccessCriteria").shape(Shape::By(same_success_criteria)),
        Field::new("placementConstraints").shape(Shape::By(same_in_any_order)).default(Literal::EmptyList),
        Field::new("placementStrategy").shape(Shape::By(same_placement)).default(Literal::EmptyList),
        Field::new("enableExecuteCommand").default(Literal::Bool(false)),
        Field::new("enableECSManagedTags").default(Literal::Bool(false)),
        Field::new("propagateTags").default(Literal::Str("NONE")),
        Field::new("serviceConnectConfiguration").shape(Shape::By(same_service_connect)).rolls(),
        Field::new("volumeConfigurations").shape(Shape::By(same_volumes)).default(Literal::EmptyList).rolls(),
        Field::new("vpcLatticeConfigurations").shape(Shape::By(same_in_any_order)).default(Literal::EmptyList).rolls(),
    ],
    references: &[
        reference("clusterRef", &["EcsCluster"], "cluster", OUTPUT_NAME),
        reference("taskDefinitionRef", &["EcsTaskDefinition"], "taskDefinition", "arn"),
        reference("serviceRegistries[].discoveryServiceRef", &["DiscoveryService"], "registryArn", "arn"),
    ],
    selectors: &[
        SelectorField::vpc("networkConfiguration.awsvpcConfiguration.vpcSelector").narrowing(),
        SelectorField::all("networkConfiguration.awsvpcConfiguration.subnetSelector", "subnets", "subnet"),
        SelectorField::all(
            "networkConfiguration.awsvpcConfiguration.securityGroupSelector",
            "securityGroups",
            "security-group",
        ),
    ],
    scope_member: Some("cluster"),
    // A cluster may be anybody's: what stands in it is not ours because the cluster is.
    parent: None,
    name_member: Some("serviceName"),
    marks: MarkStyle::Tags,
    unique: true,
    replace: ReplaceStyle::DeleteFirst,
    follows: &[],
    drain: Some(Drain { path: "desiredCount", to: Literal::Int(0), seen: "runningCount" }),
};

const fn reference(
    path: &'static str,
    kinds: &'static [&'static str],
    member: &'static str,
    output: &'static str,
) -> RefField {
    RefField { path, kinds, member, output, template: "{}", required: false }
}

pub(super) static HOP: Hop =
    Hop { station: "tasks", count: Some((RUNNING, "tasks")), fault: no_tasks, guard, ..Hop::new("ECS tasks") };

/// The output that says how many tasks run.
pub(super) const RUNNING: &str = "runningCount";

/// Tasks of awsvpc mode have network interfaces and groups of their own, and are reached at the port that is registered.
fn guard(service: &Object, registry: Option<&Object>) -> Option<Guard> {
    let arn = registry?.arn.as_deref()?;
    let ids = |name| {
        path::texts(&service.members, &format!("networkConfiguration.awsvpcConfiguration.{name}"))
    };
    let registries = service.members.get("serviceRegistries").and_then(Value::as_array).into_iter().flatten();
    let is_this = |own: &&Value| own.get("registryArn").and_then(Value::as_str) == Some(arn);
    let port = |own: &Value| ["port", "containerPort"].iter().find_map(|name| own.get(*name)?.as_u64());
    let ports = registries.filter(is_this).filter_map(port).filter_map(|port| u16::try_from(port).ok());
    Some(Guard { groups: ids("securityGroups"), subnets: ids("subnets"), ports: ports.collect() })
}

/// Without a task nobody answers; after a roll-back others answer than the document asks for.
fn no_tasks(service: &Object, status: Option<&Status>) -> Option<Cause> {
    let wanted = service.members.get("desiredCount").and_then(Value::as_i64);
    let running = service.outputs.get(RUNNING).and_then(|count| count.parse::<i64>().ok());
    if wanted == Some(0) {
        return Some(Cause::new("ZeroTasks", "no task is wanted: desiredCount is 0"));
    }
    if running == Some(0) {
        let of = wanted.map_or_else(String::new, |wanted| format!(" of {wanted}"));
        let found = format!("0{of} tasks run");
        let why = match &service.readiness {
            // It may begin with the same words.
            Readiness::Settling(cause) | Readiness::NotReady(cause) => match cause.message.strip_prefix(&found) {
                Some(rest) => rest.to_owned(),
                None => format!("; {}", cause.message),
            },
            Readiness::Ready => String::new(),
        };
        return Some(Cause::new("NoTasks", found + &why));
    }
    let status = status?;
    let is_back = |reason: &Reason| reason.as_str() == "RolledBack";
    let shown = [&status.synced, &status.ready].into_iter().find(|shown| is_back(&shown.reason));
    let shown = shown.map(|shown| Cause { reason: shown.reason.clone(), message: shown.message.clone() });
    shown.or_else(|| status.notes.iter().find(|note| is_back(&note.reason)).cloned())
}
