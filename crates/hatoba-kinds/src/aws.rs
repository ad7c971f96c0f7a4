//! The one way to AWS: clients behind a gate that paces and counts every call.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_runtime_api::http::Response;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use aws_types::SdkConfig;

use crate::ec2::Ec2;
use crate::error::CallError;
use crate::quota::{self, Operation};

/// Paces and counts calls. The engine's budget is one.
pub trait Gate: Send + Sync {
    /// Resolves when the call may be sent.
    fn admit<'a>(&'a self, operation: &'a Operation) -> Pin<Box<dyn Future<Output = ()> + Send + 'a>>;
    /// Takes note of how it went.
    fn record(&self, operation: &Operation, result: Result<(), &CallError>);
}

/// The clients for one account and region.
pub struct Aws {
    pub(crate) gateway: aws_sdk_apigatewayv2::Client,
    pub(crate) discovery: aws_sdk_servicediscovery::Client,
    pub(crate) ecs: aws_sdk_ecs::Client,
    sts: aws_sdk_sts::Client,
    ec2: Ec2,
    gate: Arc<dyn Gate>,
    region: String,
    /// Cloud Map shows tags one resource at a time: what was read, by ARN, and in which sweep.
    tags: Mutex<BTreeMap<String, (u64, BTreeMap<String, String>)>>,
}

const GET_CALLER_IDENTITY: Operation = Operation::read("sts", "GetCallerIdentity", &[quota::STS]);

impl Aws {
    /// Clients from one SDK configuration. The configuration must have retries disabled and timeouts set.
    pub fn new(config: &SdkConfig, gate: Arc<dyn Gate>) -> Self {
        Aws {
            gateway: aws_sdk_apigatewayv2::Client::new(config),
            discovery: aws_sdk_servicediscovery::Client::new(config),
            ecs: aws_sdk_ecs::Client::new(config),
            sts: aws_sdk_sts::Client::new(config),
            ec2: Ec2::new(config),
            gate,
            region: config.region().map(ToString::to_string).unwrap_or_default(),
            tags: Mutex::default(),
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
    pub async fn lookup(&self, lookup: &hatoba_core::Lookup) -> Result<Vec<String>, CallError> {
        self.ec2.lookup(self, lookup).await
    }

    /// Sends one call through the gate.
    pub(crate) async fn call<T, E>(
        &self,
        operation: &Operation,
        call: impl Future<Output = Result<T, SdkError<E, Response>>>,
    ) -> Result<T, CallError>
    where
        E: std::error::Error + ProvideErrorMetadata + 'static,
    {
        self.gate.admit(operation).await;
        let result = call.await.map_err(|error| CallError::from_sdk(operation, &error));
        self.gate.record(operation, result.as_ref().map(|_| ()));
        result
    }

    /// The tags of `arn` as read earlier, if that was after sweep `oldest`.
    pub(crate) fn known_tags(&self, arn: &str, oldest: u64) -> Option<BTreeMap<String, String>> {
        let tags = self.tags.lock().unwrap_or_else(PoisonError::into_inner);
        tags.get(arn).filter(|(sweep, _)| *sweep >= oldest).map(|(_, tags)| tags.clone())
    }

    /// Remembers tags that were read, or written, in this sweep.
    pub(crate) fn remember_tags(&self, arn: &str, sweep: u64, read: BTreeMap<String, String>) {
        self.tags.lock().unwrap_or_else(PoisonError::into_inner).insert(arn.to_owned(), (sweep, read));
    }

    /// Forgets the tags of `arn`, so that the next list reads them: before every change.
    pub fn forget_tags(&self, arn: &str) {
        self.tags.lock().unwrap_or_else(PoisonError::into_inner).remove(arn);
    }

    /// Forgets a twelfth of all tags, the oldest: in an hour of sweeps all are read anew.
    pub fn age_tags(&self) {
        let mut tags = self.tags.lock().unwrap_or_else(PoisonError::into_inner);
        let mut ages: Vec<(u64, String)> =
            tags.iter().map(|(arn, (sweep, _))| (*sweep, arn.clone())).collect();
        ages.sort();
        let share = ages.len().div_ceil(SWEEPS_PER_TAG_READ);
        for (_, arn) in ages.into_iter().take(share) {
            tags.remove(&arn);
        }
    }
}

/// Tags that lists do not show are read anew every so many sweeps (an hour of five-minute sweeps).
pub const SWEEPS_PER_TAG_READ: usize = 12;
