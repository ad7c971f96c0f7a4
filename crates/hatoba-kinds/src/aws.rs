//! The one way to AWS: clients behind a gate that paces and counts every call.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aws_smithy_runtime::client::identity::IdentityCache;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_runtime_api::http::Response;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use aws_types::SdkConfig;
use hatoba_core::{Cause, Lookup, Network, Object};
use tokio::time::{Duration, Instant};

use crate::ec2::Ec2;
use crate::error::CallError;
use crate::kind::Work;
use crate::last_look::{LastLook, Signed};
use crate::quota::{self, Operation};
use crate::route53::Route53;
use crate::visit::visit;

/// Paces and counts calls. The engine's budget is one.
pub trait Gate: Send + Sync {
    /// Resolves when the call may be sent.
    fn admit<'a>(&'a self, operation: &'a Operation) -> Work<'a, ()>;
    /// Takes note of how it went.
    fn record(&self, operation: &Operation, result: Result<(), &CallError>);
    /// The last word before a request leaves; a refused one has not happened.
    ///
    /// # Errors
    /// Why it may not leave.
    fn leaves(&self, request: &Signed<'_>) -> Result<(), Cause>;
}

/// The clients for one account and region.
pub struct Aws {
    pub(crate) gateway: aws_sdk_apigatewayv2::Client,
    pub(crate) discovery: aws_sdk_servicediscovery::Client,
    pub(crate) ecs: aws_sdk_ecs::Client,
    sts: aws_sdk_sts::Client,
    ec2: Ec2,
    pub(crate) route53: Route53,
    gate: Arc<dyn Gate>,
    config: SdkConfig,
    region: String,
    account: std::sync::OnceLock<String>,
    slow: Mutex<SlowFacts>,
    lasting: Mutex<BTreeMap<String, Object>>,
    looking_up: tokio::sync::Mutex<()>,
}

pub(crate) const GET_CALLER_IDENTITY: Operation = Operation::read("sts", "GetCallerIdentity", &[quota::STS]);

impl Aws {
    /// Clients from one SDK configuration. The configuration must have retries disabled and timeouts set.
    pub fn new(config: &SdkConfig, gate: Arc<dyn Gate>) -> Self {
        let config = &with_one_identity(config);
        let last_look = || LastLook(Arc::clone(&gate));
        Aws {
            gateway: aws_sdk_apigatewayv2::Client::from_conf(
                aws_sdk_apigatewayv2::config::Builder::from(config).interceptor(last_look()).build(),
            ),
            discovery: aws_sdk_servicediscovery::Client::from_conf(
                aws_sdk_servicediscovery::config::Builder::from(config).interceptor(last_look()).build(),
            ),
            ecs: aws_sdk_ecs::Client::from_conf(
                aws_sdk_ecs::config::Builder::from(config).interceptor(last_look()).build(),
            ),
            sts: aws_sdk_sts::Client::from_conf(
                aws_sdk_sts::config::Builder::from(config).interceptor(last_look()).build(),
            ),
            ec2: Ec2::new(config),
            route53: Route53::new(config),
            gate,
            config: config.clone(),
            region: config.region().map(ToString::to_string).unwrap_or_default(),
            account: std::sync::OnceLock::new(),
            slow: Mutex::default(),
            lasting: Mutex::default(),
            looking_up: tokio::sync::Mutex::default(),
        }
    }

    /// The region that calls go to.
    pub fn region(&self) -> &str {
        &self.region
    }

    /// The account that calls are made in.
    ///
    /// # Errors
    /// When STS does not answer, or answers without an account.
    pub async fn account(&self) -> Result<String, CallError> {
        let answer = self.call(&GET_CALLER_IDENTITY, self.sts.get_caller_identity().send()).await?;
        answer.account.ok_or_else(|| CallError::nonsense(&GET_CALLER_IDENTITY, "no account in the answer"))
    }

    /// The EC2 ids that carry all of a look-up's tags.
    ///
    /// # Errors
    /// When a page cannot be read; half a listing is none.
    pub async fn lookup(&self, lookup: &Lookup) -> Result<Vec<String>, CallError> {
        let _one_at_a_time = self.looking_up.lock().await; // so that one answer serves all who ask
        if let Some(ids) = self.known_ids(lookup) {
            return Ok(ids);
        }
        let ids = self.ec2.lookup(self, lookup).await?;
        // No hit is no fact: somebody is about to tag the thing.
        if !ids.is_empty() {
            self.slow().lookups.insert(lookup.clone(), Slow { read_at: Instant::now(), value: ids.clone() });
        }
        Ok(ids)
    }

    /// What a look-up found earlier.
    pub fn known_ids(&self, lookup: &Lookup) -> Option<Vec<String>> {
        self.slow().lookups.get(lookup).map(|fact| fact.value.clone())
    }

    /// The rules of these security groups, and the addresses of these subnets where a rule asks for them and they can be
    /// read.
    ///
    /// # Errors
    /// When the rules cannot be read.
    pub async fn network(
        &self,
        groups: &BTreeSet<String>,
        subnets: &BTreeSet<String>,
    ) -> Result<Network, CallError> {
        self.ec2.network(self, groups, subnets).await
    }

    /// Sends one call through the gate. The SDK's futures are boxed here: their types are so large that whatever holds
    /// one takes the compiler seconds.
    pub(crate) fn call<'a, T, E>(
        &'a self,
        operation: &'a Operation,
        call: impl Future<Output = Result<T, SdkError<E, Response>>> + Send + 'a,
    ) -> Work<'a, Result<T, CallError>>
    where
        T: Send + 'a,
        E: std::error::Error + ProvideErrorMetadata + Send + Sync + 'static,
    {
        self.through_the_gate(operation, Box::pin(call))
    }

    fn through_the_gate<'a, T, E>(
        &'a self,
        operation: &'a Operation,
        call: Work<'a, Result<T, SdkError<E, Response>>>,
    ) -> Work<'a, Result<T, CallError>>
    where
        T: Send + 'a,
        E: std::error::Error + ProvideErrorMetadata + Send + Sync + 'static,
    {
        Box::pin(async move {
            self.gate.admit(operation).await;
            let mut result = call.await.map_err(|error| CallError::from_sdk(operation, &error));
            self.gate.record(operation, result.as_ref().map(|_| ()));
            let _outside_of_an_action = DONE.try_with(|done| match &mut result {
                Ok(_) if operation.is_write => done.set(Some(operation.name)),
                Ok(_) => {}
                Err(error) => error.done_before = done.get(),
            });
            result
        })
    }

    /// Sends GET to an API itself, as any caller would: the status of the answer, or why there is none. No redirect is
    /// followed, and no body is read.
    pub fn visit<'a>(&'a self, url: &'a str, path: &'a str) -> Work<'a, Result<u16, String>> {
        Box::pin(visit(&self.config, url, path))
    }

    /// Makes the account known to the drivers, which build ARNs from it. The first call counts.
    pub fn pin_account(&self, account: &str) {
        self.account.get_or_init(|| account.to_owned());
    }

    /// An ARN of this account and region.
    pub(crate) fn arn(&self, service: &str, resource: &str) -> String {
        let partition = self.partition();
        let account = self.account.get().map_or("", String::as_str);
        format!("arn:{partition}:{service}:{}:{account}:{resource}", self.region)
    }

    /// An ARN of API Gateway's, which names no account.
    pub(crate) fn gateway_arn(&self, path: &str) -> String {
        format!("arn:{}:apigateway:{}::{path}", self.partition(), self.region)
    }

    fn partition(&self) -> &'static str {
        match self.region.as_str() {
            china if china.starts_with("cn-") => "aws-cn",
            government if government.starts_with("us-gov-") => "aws-us-gov",
            _ => "aws",
        }
    }

    /// The tags of `arn` as read or written earlier.
    pub(crate) fn known_tags(&self, arn: &str) -> Option<BTreeMap<String, String>> {
        self.slow().tags.get(arn).map(|fact| fact.value.clone())
    }

    /// Remembers tags that were read or written.
    pub(crate) fn remember_tags(&self, arn: &str, tags: BTreeMap<String, String>) {
        self.slow().tags.insert(arn.to_owned(), Slow { read_at: Instant::now(), value: tags });
    }

    /// Service attributes as read or written earlier.
    pub(crate) fn known_attributes(&self, arn: &str) -> Option<BTreeMap<String, String>> {
        self.slow().attributes.get(arn).map(|fact| fact.value.clone())
    }

    /// Remembers service attributes that were read or written.
    pub(crate) fn remember_attributes(&self, arn: &str, value: BTreeMap<String, String>) {
        self.slow().attributes.insert(arn.to_owned(), Slow { read_at: Instant::now(), value });
    }

    /// Forgets service attributes, so that the next list reads them.
    pub(crate) fn forget_attributes(&self, arn: &str) {
        self.slow().attributes.remove(arn);
    }

    /// Forgets the tags of `arn`, so that the next list reads them: before every change.
    pub fn forget_tags(&self, arn: &str) {
        let mut slow = self.slow();
        slow.tags.remove(arn);
        slow.attributes.remove(arn);
    }

    /// Whether the tags of `arn` are remembered from so long ago that a change needs them read anew.
    pub fn tags_are_older(&self, arn: &str) -> bool {
        self.slow().tags.get(arn).is_some_and(|fact| fact.read_at.elapsed() > FRESH)
    }

    /// Begins a sweep: the oldest twelfth of the slow facts is forgotten and so read anew.
    pub fn begin_sweep(&self) {
        let mut slow = self.slow();
        let tags = slow.tags.iter().map(|(arn, fact)| (fact.read_at, SlowName::Tags(arn.clone())));
        let lookups =
            slow.lookups.iter().map(|(lookup, fact)| (fact.read_at, SlowName::Lookup(lookup.clone())));
        let attributes =
            slow.attributes.iter().map(|(arn, fact)| (fact.read_at, SlowName::Attributes(arn.clone())));
        let mut ages: Vec<(Instant, SlowName)> = tags.chain(lookups).chain(attributes).collect();
        ages.sort();
        let share = ages.len().div_ceil(SWEEPS_PER_SLOW_READ);
        for (_, name) in ages.into_iter().take(share) {
            match name {
                SlowName::Tags(arn) => drop(slow.tags.remove(&arn)),
                SlowName::Attributes(arn) => drop(slow.attributes.remove(&arn)),
                SlowName::Lookup(lookup) => drop(slow.lookups.remove(&lookup)),
            }
        }
    }

    /// What never changes, by its ARN, as read earlier; its tags may be old.
    pub(crate) fn lasting(&self, arn: &str) -> Option<Object> {
        self.lasting.lock().unwrap_or_else(PoisonError::into_inner).get(arn).cloned()
    }

    /// Remembers what never changes.
    pub(crate) fn remember_lasting(&self, arn: &str, object: Object) {
        self.lasting.lock().unwrap_or_else(PoisonError::into_inner).insert(arn.to_owned(), object);
    }

    /// Forgets what is gone, or may have changed after all.
    pub(crate) fn forget_lasting(&self, arn: &str) {
        self.lasting.lock().unwrap_or_else(PoisonError::into_inner).remove(arn);
    }

    /// Forgets what never changes and is none of these: it has gone.
    pub(crate) fn keep_lasting(&self, arns: &BTreeSet<String>) {
        let mut lasting = self.lasting.lock().unwrap_or_else(PoisonError::into_inner);
        lasting.retain(|arn, _| arns.contains(arn));
    }

    fn slow(&self) -> MutexGuard<'_, SlowFacts> {
        self.slow.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

tokio::task_local! {
    /// The last write of the running action that was carried out.
    static DONE: Cell<Option<&'static str>>;
}

/// An action of several calls: an error of a later one tells of the writes before it.
pub(crate) fn as_one_action<'a, T>(action: Work<'a, T>) -> Work<'a, T>
where
    T: Send + 'a,
{
    Box::pin(DONE.scope(Cell::new(None), action))
}

/// All clients sign with the same credentials at any time: what STS says of its own key holds for the others.
fn with_one_identity(config: &SdkConfig) -> SdkConfig {
    match config.identity_cache() {
        Some(_) => config.clone(),
        None => config.to_builder().identity_cache(IdentityCache::lazy().build()).build(),
    }
}

/// Facts that cost a call each and change rarely: the tags of Cloud Map resources, which lists do not show,
/// and look-ups by tag.
#[derive(Default)]
struct SlowFacts {
    tags: BTreeMap<String, Slow<BTreeMap<String, String>>>,
    attributes: BTreeMap<String, Slow<BTreeMap<String, String>>>,
    lookups: BTreeMap<Lookup, Slow<Vec<String>>>,
}

struct Slow<T> {
    read_at: Instant,
    value: T,
}

#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum SlowName {
    Tags(String),
    Attributes(String),
    Lookup(Lookup),
}

/// Tags read longer ago than this do not prove ownership for a change.
const FRESH: Duration = Duration::from_secs(60);

/// Slow facts are read anew every so many sweeps (an hour of five-minute sweeps).
const SWEEPS_PER_SLOW_READ: usize = 12;
