//! Stories an operator would tell, on the model AWS and virtual time.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test wants to stop here")]

mod article;
mod authorizers;
mod clearing;

mod cloud_map;
mod crashes;
mod deployments;
mod documents;
mod domains;
mod drift;
mod ecs_cluster;
mod ecs_fields;
mod ecs_peers;
mod faults;
mod guards;
mod http_service;
mod large;
mod many;
mod pauses;
mod plan;
mod prune;
mod replacement;
mod samples;
mod served;
mod setbacks;
mod task_definition_forms;
mod task_definitions;
mod twins;
