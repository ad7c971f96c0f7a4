use std::collections::{BTreeMap, BTreeSet, HashMap};

use aws_sdk_servicediscovery::types as sdk;
use aws_sdk_servicediscovery::types::{DnsConfigChange, FilterCondition, ServiceChange, ServiceFilter, ServiceFilterName};
use hatoba_core::{
    Change, Creation, Health, Hop, KindTable, Life, Members, Object, Readiness, Reference, TagChange, Target,
    normalise,
};
use hatoba_shapes::servicediscovery::{DnsConfig, DnsRecord, HealthCheckConfig, HealthCheckCustomConfig, LIMITS};

use super::DiscoveryService;
use super::fields::{HOP, INSTANCES, TABLE};
use super::spec::DiscoveryServiceSpec;
use crate::aws::Aws;
use crate::error::{CallError, Disposition};
use crate::kind::{
    Answer, Entry, Interest, Kind, Limits, Problem, Progress, Registrar, Requests, deleted, marked, members,
    none_if_gone, pages, spec,
};
use crate::private_dns_namespace;
use crate::quota::{CLOUD_MAP, Operation};
use crate::tags;
use crate::terraform::Terraform;

const LIST_SERVICES: Operation = Operation::read("servicediscovery", "ListServices", &[CLOUD_MAP]);
const CREATE: Operation = Operation::write("servicediscovery", "CreateService", &[CLOUD_MAP]);
const UPDATE: Operation = Operation::write("servicediscovery", "UpdateService", &[CLOUD_MAP]);
const DELETE: Operation = Operation::write("servicediscovery", "DeleteService", &[CLOUD_MAP]);
const LIST_INSTANCES: Operation = Operation::read("servicediscovery", "ListInstances", &[CLOUD_MAP]);
const HEALTH: Operation = Operation::read("servicediscovery", "GetInstancesHealthStatus", &[CLOUD_MAP]);
const DEREGISTER: Operation = Operation::write("servicediscovery", "DeregisterInstance", &[CLOUD_MAP]);
const GET_ATTRIBUTES: Operation = Operation::read("servicediscovery", "GetServiceAttributes", &[CLOUD_MAP]);
const PUT_ATTRIBUTES: Operation = Operation::write("servicediscovery", "UpdateServiceAttributes", &[CLOUD_MAP]);
const REMOVE_ATTRIBUTES: Operation = Operation::write("servicediscovery", "DeleteServiceAttributes", &[CLOUD_MAP]);

/// AWS: service attributes, at most; their keys and values, characters at most.
const ATTRIBUTES_MAX: usize = 30;
const ATTRIBUTE_KEY_MAX: usize = 255;
const ATTRIBUTE_VALUE_MAX: usize = 1024;

impl Kind for DiscoveryService {
    type Spec = DiscoveryServiceSpec;
    const TABLE: &'static KindTable = &TABLE;
    const HOP: Option<&'static Hop> = Some(&HOP);
    const SAMPLE: &'static str = "\
apiVersion: hatoba/v1
kind: DiscoveryService
metadata: { name: great-service-discovery }
spec:
  namespaceRef: private-example-com
  dnsConfig:
    routingPolicy: MULTIVALUE
    dnsRecords: [{ type: SRV, ttl: 60 }]
  healthCheckCustomConfig: { failureThreshold: 1 }
";
    const REQUESTS: Requests = ("servicediscovery/2017-03-14", &["CreateServiceRequest", "ServiceChange"]);
    const TERRAFORM: Terraform = Terraform {
        scope: &["namespace_id", "dns_config.0.namespace_id"],
        ..Terraform::of("aws_service_discovery_service", "id")
    };
    const LEFT_OUT: &'static [(&'static str, &'static str)] = &[
        ("dnsConfig.namespaceId", "AWS has replaced it by `namespaceId` beside `dnsConfig`"),
        ("tags", "`metadata.labels` become tags, beside the owner mark"),
        ("creatorRequestId", "made from owner, document and incarnation, so that a repeated create is the same one"),
    ];
    const OPERATIONS: &'static [Operation] = &[
        LIST_SERVICES,
        CREATE,
        UPDATE,
        DELETE,
        LIST_INSTANCES,
        HEALTH,
        DEREGISTER,
        GET_ATTRIBUTES,
        PUT_ATTRIBUTES,
        REMOVE_ATTRIBUTES,
        private_dns_namespace::driver::GET_OPERATION,
        tags::DISCOVERY_LIST_TAGS,
        tags::DISCOVERY_TAG,
        tags::DISCOVERY_UNTAG,
    ];

    const LISTS_BY_NAME: bool = true;
    const LIMITS: Option<Limits> = Some((LIMITS, "CreateServiceRequest"));

    fn check(members: &Members) -> Vec<Problem> {
        let mut found = Vec::new();
        if !members.contains_key("namespaceId") {
            found.push(Problem::new("namespaceId", "`namespaceRef` or `namespaceId` is missing", ""));
        }
        let given = |name: &str| members.get(name).filter(|value| !value.is_null());
        if given("healthCheckConfig").is_some() && given("healthCheckCustomConfig").is_some() {
            let message = "expected `healthCheckConfig` or `healthCheckCustomConfig`, got both";
            found.push(Problem::new("healthCheckConfig", message, "ECS reports health through the custom one"));
        }
        match (given("dnsConfig"), given("type")) {
            (Some(_), Some(_)) => {
                let message = "a service of type HTTP takes no DNS records";
                found.push(Problem::new("dnsConfig", message, "leave `type` out, or `dnsConfig`"));
            }
            (Some(dns), None) => found.extend(check_dns(dns)),
            (None, _) => {}
        }
        found.extend(check_attributes(given("attributes")));
        found
    }

    fn check_references(members: &Members, references: &[Reference]) -> Vec<Problem> {
        let given = |name: &str| members.get(name).is_some_and(|value| !value.is_null());
        let namespace = references.iter().find(|reference| reference.path == "namespaceId");
        match namespace.map(|reference| reference.target.kind.as_str()) {
            Some("HttpNamespace") if given("dnsConfig") => vec![Problem::new(
                "dnsConfig",
                "an HTTP namespace has no DNS, so its services take no records",
                "leave `dnsConfig` out, or name a PrivateDnsNamespace",
            )],
            Some("PrivateDnsNamespace") if !given("dnsConfig") && !given("type") => vec![Problem::new(
                "dnsConfig",
                "`dnsConfig` is missing",
                "dnsRecords: [{ type: SRV, ttl: 60 }], or `type: HTTP` for a service without DNS",
            )],
            _ => Vec::new(),
        }
    }

    fn retell(members: &mut Members) {
        // Found by DNS and by API: that follows from the records, and the call takes no word for it.
        if members.contains_key("dnsConfig") {
            members.remove("type");
        }
    }

    async fn list(aws: &Aws, scope: &str, interest: &Interest) -> Result<Vec<Object>, CallError> {
        let filter = ServiceFilter::builder()
            .name(ServiceFilterName::NamespaceId)
            .condition(FilterCondition::Eq)
            .values(scope)
            .build()
            .map_err(|error| CallError::unbuildable(&LIST_SERVICES, error.to_string()))?;
        let services = pages(&LIST_SERVICES, async |token| {
            let call =
                aws.discovery.list_services().filters(filter.clone()).max_results(100).set_next_token(token).send();
            let page = aws.call(&LIST_SERVICES, call).await?;
            Ok((page.services.unwrap_or_default(), page.next_token))
        })
        .await?;
        let mut objects = Vec::new();
        // No server is trusted to filter: DNS services say in whose namespace they stand.
        for service in services.iter().filter(|service| namespace_of(service).is_none_or(|namespace| namespace == id_of(scope))) {
            objects.push(observe(aws, scope, service, interest).await?);
        }
        Ok(objects)
    }

    async fn create(aws: &Aws, creation: &Creation) -> Result<Answer, CallError> {
        let want: DiscoveryServiceSpec = spec(&CREATE, &creation.members)?;
        let unbuildable = |error: aws_sdk_servicediscovery::error::BuildError| CallError::unbuildable(&CREATE, error.to_string());
        let health = want.health_check_custom_config.as_ref().map(HealthCheckCustomConfig::to_sdk);
        let health = health.transpose().map_err(unbuildable)?;
        let stated = want.attributes.is_some();
        let check = want.health_check_config.as_ref().map(HealthCheckConfig::to_sdk).transpose().map_err(unbuildable)?;
        let dns = want.dns_config.clone().map(|dns| DnsConfig {
            // AWS's default, spelt out: not every server fills it in.
            routing_policy: dns.routing_policy.or_else(|| Some("MULTIVALUE".to_owned())),
            ..dns
        });
        let dns = dns.as_ref().map(DnsConfig::to_sdk).transpose().map_err(unbuildable)?;
        let call = aws
            .discovery
            .create_service()
            .set_name(want.name)
            .namespace_id(&creation.scope)
            .set_description(want.description)
            .set_type(want.kind.as_deref().map(sdk::ServiceTypeOption::from))
            .set_dns_config(dns)
            .set_health_check_config(check)
            .set_health_check_custom_config(health)
            .creator_request_id(creation.mark.creator_request_id())
            .set_tags(Some(tags::discovery_tags(&CREATE, &creation.tags)?))
            .send();
        let made = aws.call(&CREATE, call).await?;
        let service = made.service.ok_or_else(|| CallError::nonsense(&CREATE, "no service in the answer"))?;
        if let Some(arn) = &service.arn {
            // The answer is authoritative: what was written is what there is.
            aws.remember_tags(arn, creation.tags.clone());
            aws.remember_attributes(arn, BTreeMap::new());
            if let Some(attributes) = want.attributes.filter(|attributes| !attributes.is_empty()) {
                // A second call: what comes of it, the next look tells.
                let _ = put_attributes(aws, arn, attributes).await;
            }
        }
        let all = everything(service.name.as_deref().filter(|_| stated));
        let summary = sdk::ServiceSummary::builder()
            .set_id(service.id)
            .set_arn(service.arn)
            .set_name(service.name)
            .set_description(service.description)
            .set_type(service.r#type)
            .set_dns_config(service.dns_config)
            .set_health_check_config(service.health_check_config)
            .set_health_check_custom_config(service.health_check_custom_config)
            .set_create_date(service.create_date)
            .set_instance_count(service.instance_count.or(Some(0)))
            .build();
        Ok(Answer::object(observe(aws, &creation.scope, &summary, &all).await?))
    }

    async fn update(aws: &Aws, change: &Change) -> Result<Answer, CallError> {
        let want: DiscoveryServiceSpec = spec(&UPDATE, &change.after)?;
        if change.touches("attributes") {
            change_attributes(aws, change, want.attributes.clone().unwrap_or_default()).await?;
            if change.drift.len() == 1 {
                return Ok(Answer::Done);
            }
        }
        let unbuildable = |error: aws_sdk_servicediscovery::error::BuildError| CallError::unbuildable(&UPDATE, error.to_string());
        let mut service = ServiceChange::builder().description(want.description.unwrap_or_default());
        // Records and checks that are left out are deleted: the current ones always go along.
        if let Some(dns) = &want.dns_config {
            let records = dns.dns_records.iter().flatten().map(DnsRecord::to_sdk).collect::<Result<_, _>>().map_err(unbuildable)?;
            service = service.dns_config(DnsConfigChange::builder().set_dns_records(Some(records)).build().map_err(unbuildable)?);
        }
        if let Some(check) = &want.health_check_config {
            service = service.health_check_config(check.to_sdk().map_err(unbuildable)?);
        }
        let call = aws.discovery.update_service().id(&change.target.id).service(service.build()).send();
        let answer = aws.call(&UPDATE, call).await?;
        Ok(answer.operation_id.map_or(Answer::Done, Answer::Operation))
    }

    async fn tag(aws: &Aws, target: &Target, change: &TagChange) -> Result<Answer, CallError> {
        tags::change_discovery_tags(aws, target, change).await
    }

    async fn delete(aws: &Aws, target: &Target) -> Result<Answer, CallError> {
        let result = aws.call(&DELETE, aws.discovery.delete_service().id(&target.id).send()).await;
        deleted(result, Answer::Gone)
    }

    async fn entries(aws: &Aws, target: &Target) -> Result<Vec<Entry>, CallError> {
        let instances = pages(&LIST_INSTANCES, async |token| {
            let call = aws.discovery.list_instances().service_id(&target.id).max_results(100).set_next_token(token).send();
            let page = aws.call(&LIST_INSTANCES, call).await;
            none_if_gone(page.map(|page| (page.instances.unwrap_or_default(), page.next_token)))
        })
        .await?;
        Ok(instances.iter().map(entry).collect())
    }

    async fn health(aws: &Aws, target: &Target) -> Result<Option<Health>, CallError> {
        let statuses = pages(&HEALTH, async |token| {
            let call = aws.discovery.get_instances_health_status().service_id(&target.id).max_results(100).set_next_token(token).send();
            let page = aws.call(&HEALTH, call).await;
            none_if_gone(page.map(|page| (page.status.unwrap_or_default().into_values().collect(), page.next_token)))
        })
        .await?;
        let mut health = Health::default();
        for status in statuses {
            match status {
                sdk::HealthStatus::Healthy => health.healthy += 1,
                sdk::HealthStatus::Unhealthy => health.unhealthy += 1,
                _ => health.unknown += 1,
            }
        }
        Ok(Some(health))
    }

    async fn evict(aws: &Aws, target: &Target, entry: &str) -> Result<Answer, CallError> {
        let call = aws.discovery.deregister_instance().service_id(&target.id).instance_id(entry).send();
        match aws.call(&DEREGISTER, call).await {
            Ok(answer) => Ok(answer.operation_id.map_or(Answer::Done, Answer::Operation)),
            Err(error) if error.disposition == Disposition::Gone => Ok(Answer::Done),
            Err(error) => Err(error),
        }
    }

    async fn poll(aws: &Aws, operation: &str, _made: Option<&Creation>) -> Result<Progress, CallError> {
        private_dns_namespace::driver::follow(aws, operation).await.map(|(progress, _)| progress)
    }
}

/// For what was just made: all of it is known.
fn everything(name: Option<&str>) -> Interest {
    Interest { everything: true, details: name.map(str::to_owned).into_iter().collect(), ..Interest::default() }
}

/// An instance; ECS writes for which service it entered a task.
fn entry(instance: &sdk::InstanceSummary) -> Entry {
    let attribute = |name: &str| instance.attributes.as_ref().and_then(|all| all.get(name).cloned());
    let registrar = match (attribute("ECS_CLUSTER_NAME"), attribute("ECS_SERVICE_NAME")) {
        (Some(scope), Some(id)) => Some(Registrar { kind: "EcsService", scope, id }),
        _ => None,
    };
    Entry { id: instance.id.clone().unwrap_or_default(), registrar }
}

async fn put_attributes(aws: &Aws, id: &str, attributes: BTreeMap<String, String>) -> Result<(), CallError> {
    let attributes: HashMap<String, String> = attributes.into_iter().collect();
    let call = aws.discovery.update_service_attributes().service_id(id).set_attributes(Some(attributes)).send();
    let put = aws.call(&PUT_ATTRIBUTES, call).await;
    aws.forget_attributes(id);
    put.map(drop)
}

/// Takes out what is too much, then puts what is missing: at no moment are there more than are allowed.
async fn change_attributes(aws: &Aws, change: &Change, want: BTreeMap<String, String>) -> Result<(), CallError> {
    let arn = change.target.arn.as_deref().unwrap_or(&change.target.id);
    let have = change.drift.iter().find(|drift| drift.path == "attributes").and_then(|drift| drift.from.as_object());
    let gone: Vec<String> = have.into_iter().flatten().map(|(key, _)| key.clone()).filter(|key| !want.contains_key(key)).collect();
    if !gone.is_empty() {
        let call = aws.discovery.delete_service_attributes().service_id(arn).set_attributes(Some(gone)).send();
        let removed = aws.call(&REMOVE_ATTRIBUTES, call).await;
        aws.forget_attributes(arn);
        removed?;
    }
    if want.is_empty() {
        return Ok(());
    }
    put_attributes(aws, arn, want).await
}

/// A service's attributes, where a document states some: from memory, else read.
async fn attributes(
    aws: &Aws,
    arn: &str,
    name: &str,
    interest: &Interest,
) -> Result<Option<BTreeMap<String, String>>, CallError> {
    if !interest.details.contains(name) {
        return Ok(None);
    }
    if let Some(attributes) = aws.known_attributes(arn) {
        return Ok(Some(attributes));
    }
    match aws.call(&GET_ATTRIBUTES, aws.discovery.get_service_attributes().service_id(arn).send()).await {
        Ok(answer) => {
            let read = answer.service_attributes.and_then(|all| all.attributes).unwrap_or_default();
            let attributes: BTreeMap<String, String> = read.into_iter().collect();
            aws.remember_attributes(arn, attributes.clone());
            Ok(Some(attributes))
        }
        Err(error) if error.disposition == Disposition::Gone => Ok(None),
        Err(error) => Err(error),
    }
}

/// AWS: `ServiceAttributesMap`.
fn check_attributes(attributes: Option<&serde_json::Value>) -> Vec<Problem> {
    let Some(attributes) = attributes.and_then(serde_json::Value::as_object) else { return Vec::new() };
    let mut found = Vec::new();
    if attributes.len() > ATTRIBUTES_MAX {
        let message = format!("expected at most {ATTRIBUTES_MAX} attributes, got {}", attributes.len());
        found.push(Problem::new("attributes", message, ""));
    }
    for (key, value) in attributes {
        let length = value.as_str().unwrap_or_default().chars().count();
        if key.is_empty() || key.chars().count() > ATTRIBUTE_KEY_MAX || length > ATTRIBUTE_VALUE_MAX {
            let message = format!(
                "expected a key of 1 to {ATTRIBUTE_KEY_MAX} and a value of at most {ATTRIBUTE_VALUE_MAX} characters"
            );
            found.push(Problem::new(format!("attributes.{key}"), message, ""));
        }
    }
    found
}

/// The id at the end of an id or ARN.
fn id_of(id_or_arn: &str) -> &str {
    id_or_arn.rsplit('/').next().unwrap_or(id_or_arn)
}

/// AWS: `CreateService`, allowed combinations of records.
fn check_dns(dns: &serde_json::Value) -> Vec<Problem> {
    let mut found = Vec::new();
    let records = dns.get("dnsRecords").and_then(serde_json::Value::as_array).map(Vec::as_slice).unwrap_or_default();
    for (index, record) in records.iter().enumerate() {
        let ttl = record.get("ttl").and_then(serde_json::Value::as_i64).unwrap_or_default();
        if !(0..=i64::from(i32::MAX)).contains(&ttl) {
            let message = format!("expected 0 to 2147483647 seconds, got {ttl}");
            found.push(Problem::new(format!("dnsConfig.dnsRecords[{index}].ttl"), message, "60 is the usual value for SRV records"));
        }
    }
    let mut types: Vec<&str> = records.iter().filter_map(|record| record.get("type")?.as_str()).collect();
    types.sort_unstable();
    if !matches!(types.as_slice(), ["A"] | ["AAAA"] | ["A", "AAAA"] | ["SRV"] | ["CNAME"]) {
        let message = format!("expected SRV, A, AAAA, A with AAAA, or CNAME, got {}", if types.is_empty() { "nothing".to_owned() } else { types.join(", ") });
        found.push(Problem::new("dnsConfig.dnsRecords", message, "ECS behind an HTTP API needs SRV"));
    }
    let weighted = dns.get("routingPolicy").and_then(serde_json::Value::as_str) == Some("WEIGHTED");
    if types == ["CNAME"] && !weighted {
        found.push(Problem::new("dnsConfig.routingPolicy", "CNAME records need WEIGHTED", "routingPolicy: WEIGHTED"));
    }
    match dns.get("routingPolicy").and_then(serde_json::Value::as_str) {
        None | Some("MULTIVALUE" | "WEIGHTED") => {}
        Some(other) => {
            found.push(Problem::new("dnsConfig.routingPolicy", format!("expected MULTIVALUE or WEIGHTED, got `{other}`"), ""));
        }
    }
    found
}

#[expect(deprecated, reason = "the only place where a summary says in whose namespace it stands")]
fn namespace_of(service: &sdk::ServiceSummary) -> Option<&str> {
    service.dns_config.as_ref()?.namespace_id.as_deref()
}

async fn observe(aws: &Aws, scope: &str, service: &sdk::ServiceSummary, interest: &Interest) -> Result<Object, CallError> {
    let (Some(id), Some(arn)) = (service.id.clone(), service.arn.clone()) else {
        return Err(CallError::nonsense(&LIST_SERVICES, "a service without an id or an ARN"));
    };
    let name = service.name.clone().unwrap_or_default();
    let (mark, tags) = marked(tags::read_discovery_tags(aws, &arn, &name, interest).await?);
    let attributes = attributes(aws, &arn, &name, interest).await?;
    let shown = DiscoveryServiceSpec {
        name: Some(name.clone()),
        description: service.description.clone(),
        kind: service.r#type.as_ref().map(|kind| kind.as_str().to_owned()),
        dns_config: service.dns_config.as_ref().filter(|dns| !dns.dns_records.is_empty()).map(DnsConfig::from_sdk),
        health_check_config: service.health_check_config.as_ref().map(HealthCheckConfig::from_sdk),
        attributes,
        health_check_custom_config: service
            .health_check_custom_config
            .as_ref()
            .map(|_| HealthCheckCustomConfig { failure_threshold: Some(1) }),
        ..DiscoveryServiceSpec::default()
    };
    let mut outputs = BTreeMap::from([("id".to_owned(), id.clone()), ("arn".to_owned(), arn.clone())]);
    outputs.extend(service.instance_count.map(|count| (INSTANCES.to_owned(), count.to_string())));
    Ok(Object {
        scope: scope.to_owned(),
        natural_key: name,
        mark,
        tags,
        life: Life::Live,
        readiness: Readiness::Ready,
        created_at_ms: service.create_date.and_then(|date| date.to_millis().ok()),
        uses: BTreeSet::from([scope.to_owned(), id_of(scope).to_owned()]),
        members: normalise(&TABLE, members(&shown)),
        outputs,
        arn: Some(arn),
        id,
    })
}
