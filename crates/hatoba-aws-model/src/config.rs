//! What kind of AWS the model plays: account, region, seed, delays, limits.

use std::time::Duration;

/// How one [`World`](crate::World) behaves. `Config::default()` is a realistic AWS.
#[derive(Clone, Debug)]
pub struct Config {
    /// Twelve-digit account number, part of every ARN. Default `123456789012`.
    pub account: String,
    /// Region, part of every ARN. Default `us-east-1`.
    pub region: String,
    /// Seed of the ids the model mints. Equal seeds and equal requests give equal worlds.
    pub seed: u64,
    /// How long things take.
    pub delays: Delays,
    /// Upper bound on the entries of a page, below what the caller asked for. `None` keeps AWS's own bounds.
    /// Tests set 1 or 2, so that every list needs several calls.
    pub page_size_max: Option<usize>,
    /// Whether the published request quotas are enforced.
    pub rate_limits: bool,
    /// Whether a Cloud Map service that is made again under its name gets the id and ARN of the old one, as users
    /// have seen it (terraform-provider-aws#46930). Default no.
    pub same_service_id: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            account: "123456789012".to_owned(),
            region: "us-east-1".to_owned(),
            seed: 0,
            delays: Delays::default(),
            page_size_max: None,
            rate_limits: true,
            same_service_id: false,
        }
    }
}

/// How long AWS takes for what it does later. `Delays::default()` is realistic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delays {
    /// Latency of every call; also the window in which two writes to one HTTP API collide.
    pub request: Duration,
    /// A Cloud Map namespace operation: create, update, delete.
    pub namespace: Duration,
    /// A VPC link, from PENDING to AVAILABLE.
    pub vpc_link: Duration,
    /// A VPC link, from DELETING to gone.
    pub vpc_link_delete: Duration,
    /// A custom domain name, from UPDATING to AVAILABLE.
    pub domain_name: Duration,
    /// An ECS task, from PENDING to RUNNING.
    pub task_start: Duration,
    /// An ECS task, from the order to stop to STOPPED.
    pub task_stop: Duration,
    /// From a task's stop to the loss of its Cloud Map instance; also every other Cloud Map operation
    /// that is not a namespace's.
    pub deregister: Duration,
    /// From a write to an HTTP API to the end of the automatic deployment it causes.
    pub auto_deploy: Duration,
    /// A deployment that was asked for, from PENDING to DEPLOYED.
    pub deployment: Duration,
    /// From a change in an S3 bucket to the message that tells of it.
    pub notification: Duration,
}

impl Default for Delays {
    fn default() -> Self {
        Self {
            request: Duration::from_millis(30),
            namespace: Duration::from_secs(45),
            vpc_link: Duration::from_secs(90),
            vpc_link_delete: Duration::from_secs(60),
            domain_name: Duration::from_secs(40),
            task_start: Duration::from_secs(40),
            task_stop: Duration::from_secs(30),
            deregister: Duration::from_secs(15),
            auto_deploy: Duration::from_secs(2),
            deployment: Duration::from_secs(1),
            notification: Duration::from_secs(1),
        }
    }
}

impl Delays {
    /// Short enough for a person at a terminal, long enough to see the states in between.
    #[must_use]
    pub fn sandbox() -> Self {
        Self {
            request: Duration::from_millis(30),
            namespace: Duration::from_secs(3),
            vpc_link: Duration::from_secs(4),
            vpc_link_delete: Duration::from_secs(3),
            domain_name: Duration::from_secs(3),
            task_start: Duration::from_secs(3),
            task_stop: Duration::from_secs(2),
            deregister: Duration::from_secs(2),
            auto_deploy: Duration::from_secs(2),
            deployment: Duration::from_secs(1),
            notification: Duration::from_secs(1),
        }
    }

    /// Everything is done when the next call is made; calls never overlap.
    #[must_use]
    pub fn none() -> Self {
        Self {
            request: Duration::ZERO,
            namespace: Duration::ZERO,
            vpc_link: Duration::ZERO,
            vpc_link_delete: Duration::ZERO,
            domain_name: Duration::ZERO,
            task_start: Duration::ZERO,
            task_stop: Duration::ZERO,
            deregister: Duration::ZERO,
            auto_deploy: Duration::ZERO,
            deployment: Duration::ZERO,
            notification: Duration::ZERO,
        }
    }
}
