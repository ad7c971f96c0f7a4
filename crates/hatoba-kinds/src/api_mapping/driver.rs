use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_apigatewayv2::types::ApiMapping as SdkApiMapping;
use hatoba_core::{Change, Creation, KindTable, Life, Members, Object, Readiness, Seen, Target, normalise};
use hatoba_shapes::apigatewayv2::LIMITS;
use serde_json::Value;

use super::ApiMapping;
use super::fields::TABLE;
use super::spec::ApiMappingSpec;
use crate::aws::Aws;
use crate::error::CallError;
use crate::kind::{Answer, Interest, Kind, Limits, Problem, Requests, deleted, members, none_if_gone, pages, spec};
use crate::quota::{API_GATEWAY, Operation};
use crate::terraform::Terraform;

const GET_MAPPINGS: Operation = Operation::read("apigatewayv2", "GetApiMappings", &[API_GATEWAY]);
const CREATE: Operation = Operation::write("apigatewayv2", "CreateApiMapping", &[API_GATEWAY]);
const UPDATE: Operation = Operation::write("apigatewayv2", "UpdateApiMapping", &[API_GATEWAY]);
const DELETE: Operation = Operation::write("apigatewayv2", "DeleteApiMapping", &[API_GATEWAY]);

/// "Use API mappings to connect API stages to a custom domain name for HTTP APIs".
const KEY_CHARS_MAX: usize = 300;

impl Kind for ApiMapping {
    type Spec = ApiMappingSpec;
    const TABLE: &'static KindTable = &TABLE;
    const SAMPLE: &'static str = "\
apiVersion: hatoba/v1
kind: ApiMapping
metadata: { name: orders }
spec: { domainNameRef: api-example-com, apiRef: crazy-api, stageRef: default-stage, apiMappingKey: orders/v1 }
";
    const OPERATIONS: &'static [Operation] = &[GET_MAPPINGS, CREATE, UPDATE, DELETE];

    const LIMITS: Option<Limits> = Some((LIMITS, "CreateApiMappingRequest"));

    const REQUESTS: Requests =
        ("apigatewayv2/2018-11-29", &["CreateApiMappingRequest", "UpdateApiMappingRequest"]);
    const TERRAFORM: Terraform = Terraform { scope: &["domain_name"], ..Terraform::of("aws_apigatewayv2_api_mapping", "id") };
    const LEFT_OUT: &'static [(&'static str, &'static str)] = &[("apiMappingId", "AWS's id of it")];

    fn check(members: &Members) -> Vec<Problem> {
        let mut found = Vec::new();
        let text = |name: &str| members.get(name).and_then(Value::as_str);
        if text("domainName").is_none() {
            found.push(Problem::new("domainName", "`domainNameRef` or `domainName` is missing", ""));
        }
        if text("stage").is_none() {
            found.push(Problem::new("stage", "`stageRef` or `stage` is missing", "$default is a stage's name too"));
        }
        let key = text("apiMappingKey").unwrap_or_default();
        if !is_mapping_key(key) {
            let message = format!(
                "expected at most {KEY_CHARS_MAX} of letters, digits and $ - _ . + ! * ' ( ), parted by single `/`, got `{key}`"
            );
            found.push(Problem::new("apiMappingKey", message, "for example `orders/v1`"));
        }
        found
    }

    /// No key is the empty one, and not the document's name.
    fn adapt(members: &mut Members) {
        let key = members.entry("apiMappingKey").or_insert(Value::Null);
        if key.is_null() {
            *key = Value::from("");
        }
    }

    async fn list(aws: &Aws, scope: &str, _interest: &Interest) -> Result<Vec<Object>, CallError> {
        let mappings = pages(&GET_MAPPINGS, async |token| {
            let call = aws.gateway.get_api_mappings().domain_name(scope).max_results("100").set_next_token(token).send();
            let page = aws.call(&GET_MAPPINGS, call).await;
            none_if_gone(page.map(|page| (page.items.unwrap_or_default(), page.next_token)))
        })
        .await?;
        mappings.iter().map(|mapping| observe(aws, scope, mapping)).collect()
    }

    async fn create(aws: &Aws, creation: &Creation) -> Result<Answer, CallError> {
        let want: ApiMappingSpec = spec(&CREATE, &creation.members)?;
        let call = aws
            .gateway
            .create_api_mapping()
            .domain_name(&creation.scope)
            .set_api_id(want.api_id)
            .set_stage(want.stage)
            .set_api_mapping_key(want.api_mapping_key.filter(|key| !key.is_empty()))
            .send();
        let made = aws.call(&CREATE, call).await?;
        let mapping = SdkApiMapping::builder()
            .set_api_mapping_id(made.api_mapping_id)
            .set_api_mapping_key(made.api_mapping_key)
            .set_api_id(made.api_id)
            .set_stage(made.stage)
            .build();
        Ok(Answer::object(observe(aws, &creation.scope, &mapping)?))
    }

    async fn update(aws: &Aws, change: &Change) -> Result<Answer, CallError> {
        let want: ApiMappingSpec = spec(&UPDATE, &change.after)?;
        let mut call = aws
            .gateway
            .update_api_mapping()
            .domain_name(&change.target.scope)
            .api_mapping_id(&change.target.id)
            // AWS wants the API with every update.
            .set_api_id(want.api_id);
        // Stages of two APIs may have one name: with another API the stage is always said.
        if change.touches("stage") || change.touches("apiId") {
            call = call.set_stage(want.stage);
        }
        if change.touches("apiMappingKey") {
            call = call.api_mapping_key(want.api_mapping_key.unwrap_or_default());
        }
        aws.call(&UPDATE, call.send()).await?;
        Ok(Answer::Done)
    }

    async fn delete(aws: &Aws, target: &Target) -> Result<Answer, CallError> {
        let call = aws.gateway.delete_api_mapping().domain_name(&target.scope).api_mapping_id(&target.id).send();
        let result = aws.call(&DELETE, call).await;
        deleted(result, Answer::Gone)
    }
}

/// Path segments that are not empty; no key at all is one too.
pub(super) fn is_mapping_key(key: &str) -> bool {
    let legal = |c: char| c.is_ascii_alphanumeric() || "$-_.+!*'()".contains(c);
    let segment = |segment: &str| !segment.is_empty() && segment.chars().all(legal);
    key.is_empty() || (key.chars().count() <= KEY_CHARS_MAX && key.split('/').all(segment))
}

pub(super) fn observe(aws: &Aws, scope: &str, mapping: &SdkApiMapping) -> Result<Object, CallError> {
    let Some(id) = mapping.api_mapping_id.clone() else {
        return Err(CallError::nonsense(&GET_MAPPINGS, "a mapping without an id"));
    };
    let mut uses = BTreeSet::from([scope.to_owned()]);
    uses.extend(mapping.api_id.clone());
    if let (Some(api), Some(stage)) = (&mapping.api_id, &mapping.stage) {
        // A stage's name says nothing without its API.
        uses.insert(aws.gateway_arn(&format!("/apis/{api}/stages/{stage}")));
    }
    let shown = ApiMappingSpec {
        api_id: mapping.api_id.clone(),
        stage: mapping.stage.clone(),
        api_mapping_key: mapping.api_mapping_key.clone(),
        ..ApiMappingSpec::default()
    };
    Ok(Object {
        scope: scope.to_owned(),
        arn: None,
        natural_key: mapping.api_mapping_key.clone().unwrap_or_default(),
        mark: Seen::Absent, // the inventory inherits it from the API
        tags: None,
        life: Life::Live,
        readiness: Readiness::Ready,
        created_at_ms: None,
        uses,
        members: normalise(&TABLE, members(&shown)),
        outputs: BTreeMap::from([("id".to_owned(), id.clone())]),
        id,
    })
}
