use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_servicediscovery::types as sdk;
use aws_sdk_servicediscovery::types::{DnsConfigChange, FilterCondition, ServiceChange, ServiceFilter, ServiceFilterName};
use hatoba_core::{Change, Creation, KindTable, Life, Members, Object, Readiness, TagChange, Target, normalise};

use super::DiscoveryService;
use super::fields::TABLE;
use super::spec::DiscoveryServiceSpec;
use crate::aws::Aws;
use crate::error::CallError;
use crate::generated::servicediscovery::{DnsConfig, DnsRecord, HealthCheckCustomConfig, LIMITS};
use crate::kind::{Answer, Interest, Kind, Limits, Problem, Requests, Progress, deleted, marked, members, pages, spec};
use crate::private_dns_namespace;
use crate::quota::{CLOUD_MAP, Operation};
use crate::tags;

const LIST_SERVICES: Operation = Operation::read("servicediscovery", "ListServices", &[CLOUD_MAP]);
const CREATE: Operation = Operation::write("servicediscovery", "CreateService", &[CLOUD_MAP]);
const UPDATE: Operation = Operation::write("servicediscovery", "UpdateService", &[CLOUD_MAP]);
const DELETE: Operation = Operation::write("servicediscovery", "DeleteService", &[CLOUD_MAP]);

impl Kind for DiscoveryService {
    type Spec = DiscoveryServiceSpec;
    const TABLE: &'static KindTable = &TABLE;
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
    const LEFT_OUT: &'static [(&'static str, &'static str)] = &[
        ("tags", "`metadata.labels` become tags, beside the owner mark"),
        ("creatorRequestId", "made from owner, document and incarnation, so that a repeated create is the same one"),
    ];
    const OPERATIONS: &'static [Operation] = &[
        LIST_SERVICES,
        CREATE,
        UPDATE,
        DELETE,
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
        let threshold = members.get("healthCheckCustomConfig").and_then(|check| check.get("failureThreshold"));
        if let Some(threshold) = threshold.and_then(serde_json::Value::as_i64).filter(|threshold| *threshold != 1) {
            let message = format!("expected 1, got {threshold}");
            found.push(Problem::new("healthCheckCustomConfig.failureThreshold", message, "AWS treats every number as 1"));
        }
        let Some(dns) = members.get("dnsConfig").filter(|dns| !dns.is_null()) else {
            found.push(Problem::new("dnsConfig", "`dnsConfig` is missing", "dnsRecords: [{ type: SRV, ttl: 60 }]"));
            return found;
        };
        found.extend(check_dns(dns));
        found
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
        for service in services.iter().filter(|service| namespace_of(service).is_none_or(|namespace| namespace == scope)) {
            objects.push(observe(aws, scope, service, interest).await?);
        }
        Ok(objects)
    }

    async fn create(aws: &Aws, creation: &Creation) -> Result<Answer, CallError> {
        let want: DiscoveryServiceSpec = spec(&CREATE, &creation.members)?;
        let unbuildable = |error: aws_sdk_servicediscovery::error::BuildError| CallError::unbuildable(&CREATE, error.to_string());
        let health = want.health_check_custom_config.as_ref().map(HealthCheckCustomConfig::to_sdk);
        let health = health.transpose().map_err(unbuildable)?;
        let dns = want.dns_config.as_ref().map(DnsConfig::to_sdk).transpose().map_err(unbuildable)?;
        let call = aws
            .discovery
            .create_service()
            .set_name(want.name)
            .namespace_id(&creation.scope)
            .set_description(want.description)
            .set_dns_config(dns)
            .set_health_check_custom_config(health)
            .creator_request_id(creation.mark.creator_request_id())
            .set_tags(Some(tags::discovery_tags(&CREATE, &creation.tags)?))
            .send();
        let made = aws.call(&CREATE, call).await?;
        let service = made.service.ok_or_else(|| CallError::nonsense(&CREATE, "no service in the answer"))?;
        if let Some(arn) = &service.arn {
            // The answer is authoritative: what was written is what there is.
            aws.remember_tags(arn, creation.tags.clone());
        }
        let summary = sdk::ServiceSummary::builder()
            .set_id(service.id)
            .set_arn(service.arn)
            .set_name(service.name)
            .set_description(service.description)
            .set_dns_config(service.dns_config)
            .set_health_check_custom_config(service.health_check_custom_config)
            .set_create_date(service.create_date)
            .build();
        Ok(Answer::object(observe(aws, &creation.scope, &summary, &everything()).await?))
    }

    async fn update(aws: &Aws, change: &Change) -> Result<Answer, CallError> {
        let want: DiscoveryServiceSpec = spec(&UPDATE, &change.after)?;
        let unbuildable = |error: aws_sdk_servicediscovery::error::BuildError| CallError::unbuildable(&UPDATE, error.to_string());
        let mut service = ServiceChange::builder().description(want.description.unwrap_or_default());
        if let Some(dns) = &want.dns_config {
            // Records that are left out are deleted: the current ones always go along.
            let records = dns.dns_records.iter().flatten().map(DnsRecord::to_sdk).collect::<Result<_, _>>().map_err(unbuildable)?;
            service = service.dns_config(DnsConfigChange::builder().set_dns_records(Some(records)).build().map_err(unbuildable)?);
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

    async fn poll(aws: &Aws, operation: &str, _made: Option<&Creation>) -> Result<Progress, CallError> {
        private_dns_namespace::driver::follow(aws, operation).await.map(|(progress, _)| progress)
    }
}

fn everything() -> Interest {
    Interest { everything: true, ..Interest::default() }
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
    let shown = DiscoveryServiceSpec {
        name: Some(name.clone()),
        description: service.description.clone(),
        dns_config: service.dns_config.as_ref().map(DnsConfig::from_sdk),
        health_check_custom_config: service
            .health_check_custom_config
            .as_ref()
            .map(|_| HealthCheckCustomConfig { failure_threshold: Some(1) }),
        ..DiscoveryServiceSpec::default()
    };
    Ok(Object {
        scope: scope.to_owned(),
        natural_key: name,
        mark,
        tags,
        life: Life::Live,
        readiness: Readiness::Ready,
        created_at_ms: service.create_date.and_then(|date| date.to_millis().ok()),
        uses: BTreeSet::from([scope.to_owned()]),
        members: normalise(&TABLE, members(&shown)),
        outputs: BTreeMap::from([("id".to_owned(), id.clone()), ("arn".to_owned(), arn.clone())]),
        arn: Some(arn),
        id,
    })
}
