//! Stories an operator would tell, on the model AWS and virtual time.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test wants to stop here")]

mod adoption;
mod alarms;
mod article;
mod authorizers;
mod bucket;
mod bucket_model;
mod bucket_setbacks;
mod changed_kind;
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
mod identity;
mod import;
mod incidents;
mod large;
mod leadership;
mod leadership_off;
mod leadership_without;
mod many;
mod once;
mod owners;
mod pauses;
mod plan;
mod prune;
mod replacement;
mod requests;
mod samples;
mod served;
mod serving;
mod setbacks;
mod task_definition_forms;
mod task_definitions;
mod twins;
mod unlisted;
