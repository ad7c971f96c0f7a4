use hatoba_core::{Drain, Field, KindTable, Literal, MarkStyle, RefField, ReplaceStyle, SelectorField, Shape};
use serde_json::Value;

pub(super) static TABLE: KindTable = KindTable {
    kind: "EcsService",
    fields: &[
        Field::new("serviceName").immutable(),
        Field::new("taskDefinition").shape(Shape::By(same_task_definition)).untouched(),
        Field::new("desiredCount").untouched().at_create(Literal::Int(1)),
        Field::new("launchType").untouched().immutable(),
        Field::new("platformVersion").untouched(),
        Field::new("networkConfiguration.awsvpcConfiguration.subnets").shape(Shape::Set).untouched(),
        // Left out, AWS fills the VPC's default group in.
        Field::new("networkConfiguration.awsvpcConfiguration.securityGroups").shape(Shape::Set).untouched(),
        Field::new("networkConfiguration.awsvpcConfiguration.assignPublicIp").default(Literal::Str("DISABLED")),
        Field::new("serviceRegistries").shape(Shape::Set).default(Literal::EmptyList),
        Field::new("healthCheckGracePeriodSeconds").untouched(),
        Field::new("enableExecuteCommand").default(Literal::Bool(false)),
        Field::new("enableECSManagedTags").default(Literal::Bool(false)),
        Field::new("propagateTags").default(Literal::Str("NONE")),
    ],
    references: &[RefField {
        path: "serviceRegistries[].discoveryServiceRef",
        kinds: &["DiscoveryService"],
        member: "registryArn",
        output: "arn",
        template: "{}",
        required: false,
    }],
    selectors: &[
        SelectorField {
            path: "networkConfiguration.awsvpcConfiguration.subnetSelector",
            member: "subnets",
            resource: "subnet",
            many: true,
        },
        SelectorField {
            path: "networkConfiguration.awsvpcConfiguration.securityGroupSelector",
            member: "securityGroups",
            resource: "security-group",
            many: true,
        },
    ],
    scope_member: Some("cluster"),
    parent: None,
    name_member: Some("serviceName"),
    marks: MarkStyle::Tags,
    unique: true,
    replace: ReplaceStyle::DeleteFirst,
    follows: &[],
    drain: Some(Drain { path: "desiredCount", to: Literal::Int(0), seen: "runningCount" }),
};

/// `family:revision` is enforced; a bare family is in sync with any revision of it. ARNs count by their end.
fn same_task_definition(wanted: &Value, have: &Value) -> bool {
    let (Some(wanted), Some(have)) = (wanted.as_str(), have.as_str()) else { return wanted == have };
    let (wanted, have) = (short(wanted), short(have));
    match wanted.contains(':') {
        true => wanted == have,
        false => have.split(':').next() == Some(wanted),
    }
}

/// `arn:…:task-definition/web:7` → `web:7`.
pub(super) fn short(task_definition: &str) -> &str {
    task_definition.rsplit_once("task-definition/").map_or(task_definition, |(_, short)| short)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_family_takes_any_revision_and_a_revision_only_itself() {
        let have = json!("arn:aws:ecs:us-east-1:123456789012:task-definition/great-task:7");
        for (wanted, same) in [
            ("great-task", true),
            ("great-task:7", true),
            ("great-task:1", false),
            ("great", false),
            ("arn:aws:ecs:us-east-1:123456789012:task-definition/great-task:7", true),
        ] {
            assert_eq!(same_task_definition(&json!(wanted), &have), same, "{wanted}");
        }
    }
}
