use hatoba_core::{Change, Field, KindTable, Literal, MarkStyle, Members, ReplaceStyle, Shape, path};
use serde_json::{Value, json};

use crate::alike::{Noise, QUIET, alike};
use crate::kind::Problem;

pub(super) static TABLE: KindTable = KindTable {
    kind: "EcsCluster",
    fields: &[
        Field::new("clusterName").immutable(),
        // The account's own setting fills in what is not stated.
        Field::new("settings").shape(Shape::By(stated_settings)).left_to_aws(),
        Field::new("configuration.executeCommandConfiguration").shape(Shape::By(same_execute_command)),
        // AWS knows no call that takes a key away again.
        Field::new("configuration.managedStorageConfiguration").shape(Shape::By(same_storage)).left_to_aws(),
        Field::new("capacityProviders").shape(Shape::By(same_providers)).null_is(Literal::EmptyList),
        Field::new("defaultCapacityProviderStrategy").shape(Shape::By(same_strategy)).null_is(Literal::EmptyList),
        Field::new("serviceConnectDefaults.namespace").shape(Shape::By(same_namespace)),
    ],
    references: &[],
    selectors: &[],
    scope_member: None,
    parent: None,
    name_member: Some("clusterName"),
    marks: MarkStyle::Tags,
    unique: true,
    replace: ReplaceStyle::DeleteFirst,
    follows: &[],
    drain: None,
};

/// What the document states is there, whatever else is.
fn stated_settings(wanted: &Value, have: &Value) -> bool {
    let items = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let have = items(have);
    items(wanted).iter().all(|setting| have.contains(setting))
}

/// `DEFAULT` logging is what there is without a configuration.
fn same_execute_command(wanted: &Value, have: &Value) -> bool {
    let defaults = &[
        ("logging", Literal::Str("DEFAULT")),
        ("cloudWatchEncryptionEnabled", Literal::Bool(false)),
        ("s3EncryptionEnabled", Literal::Bool(false)),
    ];
    alike(wanted, have, &Noise { filled: &[], defaults })
}

fn same_storage(wanted: &Value, have: &Value) -> bool {
    wanted.is_null() || alike(wanted, have, &Noise { filled: &["kmsKeyId", "fargateEphemeralStorageKmsKeyId"], ..QUIET })
}

fn same_providers(wanted: &Value, have: &Value) -> bool {
    alike(wanted, have, &QUIET)
}

/// AWS returns weight and base as 0.
fn same_strategy(wanted: &Value, have: &Value) -> bool {
    alike(wanted, have, &Noise { filled: &[], defaults: &[("weight", Literal::Int(0)), ("base", Literal::Int(0))] })
}

/// By name or ARN: AWS shows an ARN, which ends with an id and tells nothing of the name.
fn same_namespace(wanted: &Value, have: &Value) -> bool {
    match (wanted.as_str().filter(|name| !name.is_empty()), have.as_str().filter(|name| !name.is_empty())) {
        (Some(wanted), Some(have)) => wanted == have || wanted.starts_with("arn:") != have.starts_with("arn:"),
        (wanted, have) => wanted == have,
    }
}

/// What `null` means for lists that are not ours when they are left out: none.
pub(super) fn adapt(members: &mut Members) {
    for name in ["capacityProviders", "defaultCapacityProviderStrategy"] {
        if members.get(name).is_some_and(Value::is_null) {
            members.insert(name.to_owned(), json!([]));
        }
    }
}

/// Rules across members.
pub(super) fn check(members: &Members) -> Vec<Problem> {
    let mut found = Vec::new();
    let name = members.get("clusterName").and_then(Value::as_str).unwrap_or_default();
    let legal = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if !(1..=255).contains(&name.len()) || !name.chars().all(legal) {
        let message = format!("expected 1 to 255 letters, digits, `-` and `_`, got `{name}`");
        found.push(Problem::new("clusterName", message, ""));
    }
    let items = |name: &str| members.get(name).and_then(Value::as_array).cloned();
    let strategy = items("defaultCapacityProviderStrategy").unwrap_or_default();
    if let Some(providers) = items("capacityProviders") {
        for (index, item) in strategy.iter().enumerate() {
            let provider = item.get("capacityProvider").cloned().unwrap_or_default();
            if !provider.is_null() && !providers.contains(&provider) {
                let at = format!("defaultCapacityProviderStrategy[{index}].capacityProvider");
                found.push(Problem::new(at, format!("{provider} is not among `capacityProviders`"), "add it there"));
            }
        }
    }
    crate::ecs_service::check::strategy_rules("defaultCapacityProviderStrategy", &strategy, &mut found);
    let execute = "configuration.executeCommandConfiguration";
    let logging = path::get_member(members, &format!("{execute}.logging")).and_then(Value::as_str);
    let logs = path::get_member(members, &format!("{execute}.logConfiguration"));
    let logs = logs.is_some_and(|logs| !logs.is_null());
    if logging == Some("OVERRIDE") && !logs {
        let at = format!("{execute}.logConfiguration");
        found.push(Problem::new(at, "`logging: OVERRIDE` needs a log configuration", ""));
    }
    if logs && logging != Some("OVERRIDE") {
        let at = format!("{execute}.logging");
        found.push(Problem::new(at, "a log configuration counts only with `logging: OVERRIDE`", ""));
    }
    for (index, setting) in items("settings").unwrap_or_default().iter().enumerate() {
        let value = setting.get("value").and_then(Value::as_str).unwrap_or_default();
        if !["enhanced", "enabled", "disabled"].contains(&value) {
            let message = format!("expected `enhanced`, `enabled` or `disabled`, got `{value}`");
            found.push(Problem::new(format!("settings[{index}].value"), message, ""));
        }
    }
    found
}

/// The members as `UpdateCluster` takes them: what is taken away is said, since leaving it out changes nothing.
pub(super) fn to_send(change: &Change) -> Members {
    let mut after = Value::Object(change.after.clone());
    for drift in change.drift.iter().filter(|drift| drift.to.is_null()) {
        let cleared = match drift.path.as_str() {
            "configuration.executeCommandConfiguration" => json!({ "logging": "DEFAULT" }),
            "serviceConnectDefaults.namespace" => json!(""),
            _ => Value::Null,
        };
        path::set(&mut after, &drift.path, cleared);
    }
    match after {
        Value::Object(after) => after,
        _ => Members::new(),
    }
}
