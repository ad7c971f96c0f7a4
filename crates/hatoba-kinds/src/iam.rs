//! What the controller may ask of AWS, as an IAM policy: each kind's operations, and the actions that AWS checks beside
//! them ([`DEPENDENT`]).
//!
//! The invariant: **a policy holds nothing that the code cannot come to need**, and no action is a wildcard. Everything
//! that is read is allowed for all kinds, whatever the documents are: before anything is deleted, every place that may
//! hold resources of ours is listed. Writes are allowed for the kinds that there are documents of.
//!
//! ```
//! use hatoba_kinds::{Needs, iam_policy};
//! let policy = iam_policy(&Needs::default());
//! assert!(policy["Statement"].to_string().contains("ecs:DescribeServices"));
//! assert!(!policy["Statement"].to_string().contains("ecs:CreateService"));
//! ```

use std::collections::{BTreeMap, BTreeSet};

use hatoba_core::{Desired, Members};
use serde_json::{Value, json};

use crate::quota::Operation;
use crate::{KindId, aws, ec2, route53};

/// What a policy is for.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Needs {
    kinds: BTreeSet<KindId>,
    /// Roles that are passed on, by the service that takes them; `None`: any.
    roles: Option<BTreeMap<&'static str, BTreeSet<String>>>,
    /// Objects of S3 that AWS reads in our name.
    objects: BTreeSet<String>,
}

impl Needs {
    /// Every kind there is. Roles are any, so that whoever uses it limits them; objects are none.
    pub fn all_kinds() -> Needs {
        Needs { kinds: KindId::ALL.iter().copied().collect(), roles: None, objects: BTreeSet::new() }
    }

    /// Exactly these documents: their kinds, and the roles and objects that they name.
    pub fn of<'a>(documents: impl IntoIterator<Item = &'a Desired>) -> Needs {
        let mut needs = Needs { roles: Some(BTreeMap::new()), ..Needs::default() };
        for document in documents {
            let Some(kind) = KindId::of(&document.key.kind) else { continue };
            needs.kinds.insert(kind);
            let takers: Vec<&'static str> = dependent(kind).filter_map(|row| row.takes_roles()).collect();
            let mut named = Named::default();
            named.look(&document.members);
            if let Some(roles) = &mut needs.roles {
                for taker in takers.into_iter().filter(|_| !named.roles.is_empty()) {
                    roles.entry(taker).or_default().extend(named.roles.iter().cloned());
                }
            }
            needs.objects.extend(named.objects);
        }
        needs
    }
}

/// What documents name that AWS wants a permission for.
#[derive(Default)]
struct Named {
    roles: BTreeSet<String>,
    objects: BTreeSet<String>,
}

impl Named {
    fn look(&mut self, members: &Members) {
        for (name, value) in members {
            self.look_at(name, value);
        }
    }

    fn look_at(&mut self, name: &str, value: &Value) {
        match value {
            Value::String(text) if name == "truststoreUri" => {
                self.objects
                    .extend(text.strip_prefix("s3://").map(|object| format!("arn:aws:s3:::{object}")));
            }
            Value::String(text) if text.starts_with("arn:") => {
                self.roles.extend(text.contains(":role/").then(|| text.clone()));
            }
            // ECS takes a role's name, too.
            Value::String(text) if name == "role" || name.ends_with("RoleArn") => {
                self.roles.extend((!text.is_empty()).then(|| format!("arn:aws:iam::*:role/{text}")));
            }
            Value::Array(items) => items.iter().for_each(|item| self.look_at(name, item)),
            Value::Object(members) => self.look(members),
            _ => {}
        }
    }
}

/// On what an action beside the operations is needed.
#[derive(Clone, Copy, Debug, PartialEq)]
enum On {
    /// Whatever it is: the action takes no resource, or AWS names it only afterwards.
    Any,
    /// These resources.
    These(&'static [&'static str]),
    /// The role that AWS makes for itself, once in an account: the service, the role.
    ServiceLinked(&'static str, &'static str),
    /// Roles that documents name and this service takes.
    Roles(&'static str),
    /// Objects that documents name.
    Objects,
}

/// Actions that AWS checks when a kind's operations are called.
struct Dependent {
    kinds: &'static [KindId],
    name: &'static str,
    actions: &'static [&'static str],
    on: On,
}

impl Dependent {
    fn takes_roles(&self) -> Option<&'static str> {
        match self.on {
            On::Roles(taker) => Some(taker),
            _ => None,
        }
    }
}

const TASKS: &str = "ecs-tasks.amazonaws.com";
const ECS: &str = "ecs.amazonaws.com";
const GATEWAY: &str = "apigateway.amazonaws.com";

/// The one table of them. "Service Authorization Reference", the `permissions` of CloudFormation's resource schemas, and
/// for Route 53 "AWS Cloud Map API permissions reference".
const DEPENDENT: &[Dependent] = &[
    Dependent {
        kinds: &[KindId::PrivateDnsNamespace],
        name: "NamespaceZones",
        actions: &[
            "ec2:DescribeRegions",
            "ec2:DescribeVpcs",
            "route53:ChangeResourceRecordSets",
            "route53:CreateHostedZone",
            "route53:DeleteHostedZone",
            "route53:GetHostedZone",
            "route53:ListHostedZonesByName",
        ],
        on: On::Any,
    },
    Dependent {
        kinds: &[KindId::DiscoveryService],
        name: "ServiceRecords",
        actions: &["route53:ChangeResourceRecordSets", "route53:GetHostedZone"],
        on: On::Any,
    },
    Dependent {
        kinds: &[KindId::EcsCluster, KindId::EcsService],
        name: "EcsServiceLinkedRole",
        actions: &["iam:CreateServiceLinkedRole"],
        on: On::ServiceLinked(ECS, "AWSServiceRoleForECS"),
    },
    Dependent {
        kinds: &[KindId::HttpApi, KindId::VpcLink, KindId::DomainName],
        name: "ApiGatewayServiceLinkedRole",
        actions: &["iam:CreateServiceLinkedRole"],
        on: On::ServiceLinked("ops.apigateway.amazonaws.com", "AWSServiceRoleForAPIGateway"),
    },
    Dependent {
        kinds: &[KindId::VpcLink],
        name: "LinkNetwork",
        actions: &["ec2:DescribeSecurityGroups", "ec2:DescribeSubnets", "ec2:DescribeVpcs"],
        on: On::Any,
    },
    Dependent {
        kinds: &[KindId::Stage],
        name: "AccessLogs",
        actions: &[
            "logs:CreateLogDelivery",
            "logs:DeleteLogDelivery",
            "logs:DescribeLogGroups",
            "logs:DescribeResourcePolicies",
            "logs:GetLogDelivery",
            "logs:ListLogDeliveries",
            "logs:PutResourcePolicy",
            "logs:UpdateLogDelivery",
        ],
        on: On::Any,
    },
    Dependent {
        kinds: &[KindId::DomainName],
        name: "DomainCertificates",
        actions: &["acm:DescribeCertificate"],
        on: On::Any,
    },
    Dependent {
        kinds: &[KindId::DomainName],
        name: "DomainMutualTls",
        actions: &["apigateway:AddCertificateToDomain", "apigateway:RemoveCertificateFromDomain"],
        on: On::These(&["arn:aws:apigateway:*::/domainnames", "arn:aws:apigateway:*::/domainnames/*"]),
    },
    Dependent {
        kinds: &[KindId::DomainName],
        name: "Truststores",
        actions: &["s3:GetObject", "s3:GetObjectVersion"],
        on: On::Objects,
    },
    Dependent { kinds: &[KindId::EcsTaskDefinition], name: "", actions: PASS, on: On::Roles(TASKS) },
    Dependent { kinds: &[KindId::EcsService], name: "", actions: PASS, on: On::Roles(ECS) },
    Dependent {
        kinds: &[KindId::Integration, KindId::Authorizer],
        name: "",
        actions: PASS,
        on: On::Roles(GATEWAY),
    },
];

const PASS: &[&str] = &["iam:PassRole"];

fn dependent(kind: KindId) -> impl Iterator<Item = &'static Dependent> {
    DEPENDENT.iter().filter(move |row| row.kinds.contains(&kind))
}

/// The actions that AWS checks beside a kind's operations, and on what.
pub(crate) fn beside_operations(kind: KindId) -> impl Iterator<Item = (&'static str, String)> {
    let on = |on: On| match on {
        On::Any => "`*`".to_owned(),
        On::These(resources) => {
            resources.iter().map(|resource| format!("`{resource}`")).collect::<Vec<_>>().join(", ")
        }
        On::ServiceLinked(_, role) => format!("`{role}`"),
        On::Roles(taker) => format!("roles that documents name, for `{taker}`"),
        On::Objects => "objects that documents name".to_owned(),
    };
    dependent(kind).flat_map(move |row| row.actions.iter().map(move |action| (*action, on(row.on))))
}

/// API Gateway's actions are HTTP verbs on paths. A star stands for everything below, too.
const PATHS: &[(&str, &str, &str)] = &[
    ("GetApis", "GET", "/apis"),
    ("CreateApi", "POST", "/apis"),
    ("UpdateApi", "PATCH", "/apis/*"),
    ("DeleteApi", "DELETE", "/apis/*"),
    ("DeleteCorsConfiguration", "DELETE", "/apis/*/cors"),
    ("GetIntegrations", "GET", "/apis/*/integrations"),
    ("CreateIntegration", "POST", "/apis/*/integrations"),
    ("UpdateIntegration", "PATCH", "/apis/*/integrations/*"),
    ("DeleteIntegration", "DELETE", "/apis/*/integrations/*"),
    ("GetAuthorizers", "GET", "/apis/*/authorizers"),
    ("CreateAuthorizer", "POST", "/apis/*/authorizers"),
    ("UpdateAuthorizer", "PATCH", "/apis/*/authorizers/*"),
    ("DeleteAuthorizer", "DELETE", "/apis/*/authorizers/*"),
    ("GetRoutes", "GET", "/apis/*/routes"),
    ("CreateRoute", "POST", "/apis/*/routes"),
    ("UpdateRoute", "PATCH", "/apis/*/routes/*"),
    ("DeleteRoute", "DELETE", "/apis/*/routes/*"),
    ("GetStages", "GET", "/apis/*/stages"),
    ("CreateStage", "POST", "/apis/*/stages"),
    ("UpdateStage", "PATCH", "/apis/*/stages/*"),
    ("DeleteStage", "DELETE", "/apis/*/stages/*"),
    ("DeleteAccessLogSettings", "DELETE", "/apis/*/stages/*/accesslogsettings"),
    ("DeleteRouteSettings", "DELETE", "/apis/*/stages/*/routesettings/*"),
    ("GetDeployments", "GET", "/apis/*/deployments"),
    ("GetDeployment", "GET", "/apis/*/deployments/*"),
    ("CreateDeployment", "POST", "/apis/*/deployments"),
    ("DeleteDeployment", "DELETE", "/apis/*/deployments/*"),
    ("GetVpcLinks", "GET", "/vpclinks"),
    ("CreateVpcLink", "POST", "/vpclinks"),
    ("UpdateVpcLink", "PATCH", "/vpclinks/*"),
    ("DeleteVpcLink", "DELETE", "/vpclinks/*"),
    ("GetDomainNames", "GET", "/domainnames"),
    ("CreateDomainName", "POST", "/domainnames"),
    ("UpdateDomainName", "PATCH", "/domainnames/*"),
    ("DeleteDomainName", "DELETE", "/domainnames/*"),
    ("GetApiMappings", "GET", "/domainnames/*/apimappings"),
    ("CreateApiMapping", "POST", "/domainnames/*/apimappings"),
    ("UpdateApiMapping", "PATCH", "/domainnames/*/apimappings/*"),
    ("DeleteApiMapping", "DELETE", "/domainnames/*/apimappings/*"),
    // Creating with tags asks for this one, too.
    ("TagResource", "POST", "/tags/*"),
    ("UntagResource", "DELETE", "/tags/*"),
];

/// The action that an operation needs, and on what.
///
/// # Errors
/// The operation, where it is one of API Gateway's that the table does not know.
pub fn action_of(operation: &Operation) -> Result<(String, String), Operation> {
    if operation.service != "apigatewayv2" {
        return Ok((operation.to_string(), "*".to_owned()));
    }
    let row = PATHS.iter().find(|(name, ..)| *name == operation.name);
    let (_, verb, path) = row.ok_or(*operation)?;
    Ok((format!("apigateway:{verb}"), format!("arn:aws:apigateway:*::{path}")))
}

/// Every operation that the kinds' code can call for these kinds: all reads, and the kinds' writes.
fn operations(kinds: &BTreeSet<KindId>) -> Vec<&'static Operation> {
    let mut all: Vec<&'static Operation> = common_operations().collect();
    for kind in KindId::ALL {
        let may_write = kinds.contains(kind);
        all.extend(kind.operations().iter().filter(|operation| may_write || !operation.is_write));
    }
    all
}

/// Operations that are called whatever the kinds are.
pub fn common_operations() -> impl Iterator<Item = &'static Operation> {
    [&aws::GET_CALLER_IDENTITY, &route53::GET_HOSTED_ZONE].into_iter().chain(ec2::OPERATIONS)
}

/// The policy for these needs, as a JSON document.
pub fn iam_policy(needs: &Needs) -> Value {
    let mut plain: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut by_verb: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for operation in operations(&needs.kinds) {
        // A test holds the table to every operation.
        let Ok((action, resource)) = action_of(operation) else { continue };
        if resource == "*" {
            plain.entry(operation.service.to_owned()).or_default().insert(action);
        } else {
            by_verb.entry(action).or_default().insert(resource);
        }
    }
    let mut statements: Vec<Value> = Vec::new();
    for (service, actions) in plain {
        statements.push(statement(&capital(&service), &actions, &json!("*"), None));
    }
    for (action, resources) in by_verb {
        let verb = action.rsplit(':').next().unwrap_or_default().to_lowercase();
        let sid = format!("Apigateway{}", capital(&verb));
        statements.push(statement(&sid, &BTreeSet::from([action]), &json!(resources), None));
    }
    let rows = DEPENDENT.iter().filter(|row| row.kinds.iter().any(|kind| needs.kinds.contains(kind)));
    statements.extend(rows.filter_map(|row| beside(row, needs)));
    statements.extend(pass_role(needs));
    json!({ "Version": "2012-10-17", "Statement": statements })
}

/// What a row of the table comes to; roles are gathered in one statement.
fn beside(row: &Dependent, needs: &Needs) -> Option<Value> {
    let actions = row.actions.iter().map(|action| (*action).to_owned()).collect();
    let (resource, condition) = match row.on {
        On::Any => (json!("*"), None),
        On::These(resources) => (json!(resources), None),
        On::ServiceLinked(service, role) => (
            json!(format!("arn:aws:iam::*:role/aws-service-role/{service}/{role}")),
            Some(json!({ "StringEquals": { "iam:AWSServiceName": service } })),
        ),
        On::Objects if needs.objects.is_empty() => return None,
        On::Objects => (json!(needs.objects), None),
        On::Roles(_) => return None,
    };
    Some(statement(row.name, &actions, &resource, condition))
}

/// Roles that may be passed on, and to whom.
fn pass_role(needs: &Needs) -> Option<Value> {
    let (resources, takers): (BTreeSet<String>, BTreeSet<&str>) = match &needs.roles {
        None => {
            let takers =
                needs.kinds.iter().flat_map(|kind| dependent(*kind)).filter_map(Dependent::takes_roles);
            (BTreeSet::from(["arn:aws:iam::*:role/*".to_owned()]), takers.collect())
        }
        Some(roles) => (roles.values().flatten().cloned().collect(), roles.keys().copied().collect()),
    };
    if takers.is_empty() {
        return None;
    }
    let condition = json!({ "StringEquals": { "iam:PassedToService": takers } });
    let actions = BTreeSet::from(["iam:PassRole".to_owned()]);
    Some(statement("PassRole", &actions, &json!(resources), Some(condition)))
}

fn statement(sid: &str, actions: &BTreeSet<String>, resource: &Value, condition: Option<Value>) -> Value {
    let mut statement = json!({ "Sid": sid, "Effect": "Allow", "Action": actions, "Resource": resource });
    if let (Some(condition), Some(members)) = (condition, statement.as_object_mut()) {
        members.insert("Condition".to_owned(), condition);
    }
    statement
}

fn capital(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map(|first| first.to_ascii_uppercase().to_string() + letters.as_str()).unwrap_or_default()
}

#[cfg(test)]
mod tests;
