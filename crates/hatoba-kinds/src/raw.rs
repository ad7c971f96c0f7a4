//! Calls made on the SDK's own `Operation` builder, for services of which a call or two is wanted.
//!
//! `aws-sdk-ec2` is refused: one `rustc` needs over 7 GB for it and it doubles the build
//! (docs: decisions); `aws-sdk-route53` would be one more client for one call. Signer, clock, timeouts and error
//! metadata are the SDK's. Answers are XML.

use std::fmt;

use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider};
use aws_runtime::auth::SigV4OperationSigningConfig;
use aws_runtime::auth::sigv4::{SCHEME_ID, SigV4AuthScheme};
use aws_smithy_runtime::client::identity::IdentityCache;
use aws_smithy_runtime::client::orchestrator::operation::{Operation as SdkOperation, OperationBuilder};
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::auth::static_resolver::StaticAuthSchemeOptionResolver;
use aws_smithy_runtime_api::client::auth::{
    AuthSchemeOptionResolverParams, SharedAuthScheme, SharedAuthSchemeOptionResolver,
};
use aws_smithy_runtime_api::client::identity::SharedIdentityResolver;
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse, OrchestratorError};
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponentsBuilder;
use aws_smithy_runtime_api::client::runtime_plugin::StaticRuntimePlugin;
use aws_smithy_types::config_bag::Layer;
use aws_smithy_types::error::metadata::{ErrorMetadata, ProvideErrorMetadata};
use aws_types::SdkConfig;
use aws_types::region::SigningRegion;
use aws_types::service_config::ServiceConfigKey;

/// Where a service is, and as what its requests are signed.
#[derive(Clone, Copy)]
pub(crate) struct Service {
    /// As in signatures and endpoint settings.
    pub(crate) name: &'static str,
    /// Its host in a region, before the partition's suffix.
    pub(crate) host: fn(region: &str, suffix: &str) -> String,
    /// The region to sign for, where it is not the client's: global services have one a partition.
    pub(crate) region: Option<fn(region: &str) -> &'static str>,
}

/// What AWS answered when it refused.
#[derive(Debug)]
pub(crate) struct RawError {
    metadata: ErrorMetadata,
}

impl fmt::Display for RawError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.metadata)
    }
}

impl std::error::Error for RawError {}

impl ProvideErrorMetadata for RawError {
    fn meta(&self) -> &ErrorMetadata {
        &self.metadata
    }
}

/// One operation: how its request is written; its answer is the body.
pub(crate) fn operation<I>(
    config: &SdkConfig,
    service: Service,
    name: &'static str,
    write: impl Fn(I) -> Result<HttpRequest, BoxError> + Send + Sync + 'static,
) -> SdkOperation<I, Vec<u8>, RawError>
where
    I: fmt::Debug + Send + Sync + 'static,
{
    let region = config.region().map(ToString::to_string).unwrap_or_else(|| "us-east-1".to_owned());
    let builder = settled(config)
        .service_name(service.name)
        .operation_name(name)
        .endpoint_url(&endpoint(config, service, &region))
        .runtime_plugin(signing(config, service, region));
    builder.serializer(write).deserializer::<Vec<u8>, RawError>(answer).build()
}

/// An operation with nothing but what the configuration says of all calls: their timeouts, their way, their clock, and
/// no retries.
pub(crate) fn settled(config: &SdkConfig) -> OperationBuilder {
    let mut builder = SdkOperation::builder().no_retry();
    if let Some(timeouts) = config.timeout_config() {
        builder = builder.timeout_config(timeouts.clone());
    }
    if let Some(client) = config.http_client() {
        builder = builder.http_client(client);
    }
    if let Some(sleep) = config.sleep_impl() {
        builder = builder.sleep_impl(sleep);
    }
    if let Some(time) = config.time_source() {
        builder = builder.time_source(time);
    }
    if let Some(version) = config.behavior_version() {
        builder = builder.behavior_version(version);
    }
    builder
}

fn endpoint(config: &SdkConfig, service: Service, region: &str) -> String {
    let key = ServiceConfigKey::builder()
        .service_id(service.name)
        .env("AWS_ENDPOINT_URL")
        .profile("endpoint_url")
        .build();
    let own = key.ok().and_then(|key| config.service_config().and_then(|service| service.load_config(key)));
    let suffix = if region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" };
    own.or_else(|| config.endpoint_url().map(str::to_owned))
        .unwrap_or_else(|| format!("https://{}", (service.host)(region, suffix)))
}

fn signing(config: &SdkConfig, service: Service, region: String) -> StaticRuntimePlugin {
    let region = service.region.map_or(region.clone(), |of| of(&region).to_owned());
    let mut layer = Layer::new("raw-signing");
    layer.store_put(AuthSchemeOptionResolverParams::new(()));
    layer.store_put(SigV4OperationSigningConfig {
        region: Some(SigningRegion::from(aws_types::region::Region::new(region))),
        name: Some(service.name.into()),
        ..SigV4OperationSigningConfig::default()
    });
    let mut components = RuntimeComponentsBuilder::new("raw-signing")
        .with_auth_scheme(SharedAuthScheme::new(SigV4AuthScheme::new()))
        .with_auth_scheme_option_resolver(Some(SharedAuthSchemeOptionResolver::new(
            StaticAuthSchemeOptionResolver::new(vec![SCHEME_ID]),
        )))
        .with_identity_cache(Some(config.identity_cache().unwrap_or_else(|| IdentityCache::lazy().build())));
    if let Some(credentials) = config.credentials_provider() {
        components.set_identity_resolver(SCHEME_ID, SharedIdentityResolver::new(credentials));
    }
    StaticRuntimePlugin::new().with_config(layer.freeze()).with_runtime_components(components)
}

fn answer(response: &HttpResponse) -> Result<Vec<u8>, OrchestratorError<RawError>> {
    let body = response.body().bytes().unwrap_or_default();
    if response.status().is_success() {
        return Ok(body.to_vec());
    }
    let text = String::from_utf8_lossy(body);
    let inside = |tag: &str| {
        let (_, rest) = text.split_once(&format!("<{tag}>"))?;
        rest.split_once(&format!("</{tag}>")).map(|(value, _)| value.to_owned())
    };
    let metadata = ErrorMetadata::builder().message(inside("Message").unwrap_or_default());
    let metadata = match inside("Code") {
        Some(code) => metadata.code(code),
        None => metadata,
    };
    Err(OrchestratorError::operation(RawError { metadata: metadata.build() }))
}

/// So that the signature of `Aws::call` fits: the builder's error type is the SDK's.
const _: fn(SdkError<RawError, HttpResponse>) = |_| {};
const _: fn(&SharedCredentialsProvider) -> &dyn ProvideCredentials = |provider| provider;
