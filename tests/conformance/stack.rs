//! What stands in AWS, read through AWS's own calls, never through the engine.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::port::{Emulator, Port};

/// The document that stays when all others go; no part of the article's stack.
pub(crate) const BYSTANDER: &str = "bystander";

/// Every live resource, by the kind of document that makes it.
#[derive(Debug)]
pub(crate) struct Stack(BTreeMap<&'static str, Vec<Value>>, Emulator);

/// Members that AWS moves by itself, or that marks are kept in.
const MOVING: [&str; 15] = [
    "deployments",
    "events",
    "currentServiceDeployment",
    "currentServiceRevisions",
    "lastUpdatedDate",
    "deploymentId",
    "lastDeploymentStatusMessage",
    "runningCount",
    "pendingCount",
    "Tags",
    "tags",
    "InstanceCount",
    "ServiceCount",
    "apiGatewayManaged",
    "taskSets",
];

impl Stack {
    /// Looks.
    pub(crate) async fn look(port: &Port) -> Stack {
        let mut found: BTreeMap<&'static str, Vec<Value>> = BTreeMap::new();
        let apis = port.items("/v2/apis").await;
        let apis: Vec<Value> = apis.into_iter().filter(|api| api["name"] != BYSTANDER).collect();
        for api in &apis {
            let uri = format!("/v2/apis/{}", text(&api["apiId"]));
            for (kind, noun) in [("Integration", "integrations"), ("Route", "routes"), ("Stage", "stages")] {
                found.entry(kind).or_default().extend(port.items(&format!("{uri}/{noun}")).await);
            }
        }
        found.insert("HttpApi", apis);
        let links = port.items("/v2/vpclinks").await;
        let live = links.into_iter().filter(|link| link["vpcLinkStatus"] != "DELETING");
        found.insert("VpcLink", live.collect());
        for (kind, operation, member) in [
            ("PrivateDnsNamespace", "ListNamespaces", "Namespaces"),
            ("DiscoveryService", "ListServices", "Services"),
        ] {
            let listed = port.ask("servicediscovery", operation, &json!({ "MaxResults": 100 })).await;
            found.insert(kind, listed[member].as_array().cloned().unwrap_or_default());
        }
        found.insert("EcsService", services(port).await);
        Stack(found, port.emulator)
    }

    /// Every live resource of a kind.
    pub(crate) fn all(&self, kind: &str) -> &[Value] {
        self.0.get(kind).map(Vec::as_slice).unwrap_or_default()
    }

    /// The only resource of a kind, without what AWS moves by itself.
    pub(crate) fn only(&self, kind: &str) -> Value {
        assert_eq!(self.all(kind).len(), 1, "{kind}: {:#?}", self.all(kind));
        let mut object = self.all(kind)[0].clone();
        if let Some(members) = object.as_object_mut() {
            members.retain(|name, _| !MOVING.contains(&name.as_str()));
            // moto shows what was sent: an ARN or its end.
            if let Some(definition) = members.get_mut("taskDefinition") {
                *definition = text(definition).rsplit('/').next().into();
            }
        }
        without_nothing(object)
    }

    /// Kinds of which anything stands.
    pub(crate) fn kinds(&self) -> Vec<&'static str> {
        self.0.iter().filter(|(_, objects)| !objects.is_empty()).map(|(kind, _)| *kind).collect()
    }

    /// What is wrong with it as the article's stack: exactly one of each of the eight, wired to each other.
    pub(crate) fn wrong(&self) -> Result<(), String> {
        let one = |kind: &str| match self.all(kind) {
            [only] => Ok(only),
            others => Err(format!("{} of {kind}: {others:#?}", others.len())),
        };
        let equal = |what: &str, left: &Value, right: &Value| match left == right && !left.is_null() {
            true => Ok(()),
            false => Err(format!("{what}: {left} is not {right}")),
        };
        let namespace = one("PrivateDnsNamespace")?;
        equal("its name", &namespace["Name"], &json!("private.example.com"))?;
        let service = one("DiscoveryService")?;
        let ecs = one("EcsService")?;
        equal("the registry", &ecs["serviceRegistries"][0]["registryArn"], &service["Arn"])?;
        one("HttpApi")?;
        let integration = one("Integration")?;
        if self.1 != Emulator::Ministack {
            equal("the connection", &integration["connectionId"], &one("VpcLink")?["vpcLinkId"])?;
            equal("the back end", &integration["integrationUri"], &service["Arn"])?;
        }
        let target = format!("integrations/{}", text(&integration["integrationId"]));
        equal("the target", &one("Route")?["target"], &target.into())?;
        equal("the stage", &one("Stage")?["stageName"], &json!("$default"))
    }
}

/// Absent, `null`, empty, off: the emulators differ in how they say that there is nothing.
fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty() || text == "DISABLED",
        Value::Array(list) => list.is_empty(),
        Value::Object(members) => members.is_empty(),
        Value::Bool(is_on) => !is_on,
        Value::Number(_) => false,
    }
}

pub(crate) fn without_nothing(value: Value) -> Value {
    match value {
        Value::Object(members) => {
            let members = members.into_iter().map(|(name, value)| (name, without_nothing(value)));
            Value::Object(members.filter(|(_, value)| !is_nothing(value)).collect())
        }
        other => other,
    }
}

async fn services(port: &Port) -> Vec<Value> {
    let listed = port.ask("ecs", "ListServices", &json!({ "cluster": "main" })).await;
    let arns = listed["serviceArns"].as_array().cloned().unwrap_or_default();
    if arns.is_empty() {
        return Vec::new();
    }
    let described =
        port.ask("ecs", "DescribeServices", &json!({ "cluster": "main", "services": arns })).await;
    let services = described["services"].as_array().cloned().unwrap_or_default();
    services.into_iter().filter(|service| service["status"] == "ACTIVE").collect()
}

pub(crate) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// The ids that meddlers need.
#[derive(Debug)]
pub(crate) struct Ids {
    pub(crate) api: String,
    pub(crate) link: String,
    pub(crate) integration: String,
    pub(crate) route: String,
    pub(crate) namespace: String,
    pub(crate) service: String,
    pub(crate) service_arn: String,
}

impl Ids {
    pub(crate) fn of(stack: &Stack) -> Ids {
        let member = |kind: &str, name: &str| text(&stack.only(kind)[name]);
        Ids {
            api: member("HttpApi", "apiId"),
            // Not every emulator has VPC links.
            link: stack.all("VpcLink").first().map(|link| text(&link["vpcLinkId"])).unwrap_or_default(),
            integration: member("Integration", "integrationId"),
            route: member("Route", "routeId"),
            namespace: member("PrivateDnsNamespace", "Id"),
            service: member("DiscoveryService", "Id"),
            service_arn: member("DiscoveryService", "Arn"),
        }
    }
}
