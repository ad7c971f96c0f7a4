//! An in-memory AWS that speaks the real wire protocols: the sandbox, and the world of the simulation.
//!
//! It answers for API Gateway v2 (HTTP APIs and VPC links), Cloud Map, ECS, the look-ups of EC2, Route 53 and STS that
//! go with them, S3 and SQS, and it serves what is deployed: [`World::invoke`] sends a request through an API to a built-in echo task. It mirrors AWS, not its callers: it mints its own ids, orders lists its own way, pages, accepts duplicate names
//! where AWS does, validates, delays, throttles and refuses like AWS.
//!
//! **Invariant.** [`World::answer`] is a pure function of the configuration, the requests and the times they came at: no
//! clock, no I/O, no ambient randomness. What AWS does by itself stands in an agenda and is carried out, in order of its
//! time, before the next request. A long poll that has nothing yet is answered with [`Answer::Later`]: the adapters ask
//! again when the world has changed, and the world itself never waits. [`Connector`] gives a world to the SDK as its HTTP client (and obeys tokio's paused
//! clock), [`serve`] puts it behind a loopback socket.
//!
//! ```
//! use hatoba_aws_model::{Config, Request, World};
//! use serde_json::json;
//! use std::time::Duration;
//!
//! let mut world = World::new(Config::default());
//! let create = Request::rest("POST", "/v2/apis", &json!({"name": "shop", "protocolType": "HTTP"}));
//! let created = world.handle(&create, Duration::from_secs(1));
//! assert_eq!(created.status, 201);
//!
//! // Names of APIs are not unique: a repeated create makes a twin.
//! world.handle(&create, Duration::from_secs(2));
//! assert_eq!(world.dump()["apigatewayv2"]["apis"].as_object().map(|apis| apis.len()), Some(2));
//! ```
//!
//! # Assumptions
//!
//! Where AWS's behaviour is not documented and no recording shows it, the model takes the stricter reading:
//!
//! | subject | what the model does |
//! |---|---|
//! | what AWS's service models forbid in a request's body | refused before anything else is looked at, another type too, with the service's own word for what is not valid; members that the models do not have are let pass |
//! | page size of API Gateway lists | 25; `maxResults` above 500 is refused |
//! | `DeleteApi` | removes every child at once |
//! | `description: ""` in updates | removes the member, in API Gateway and in Cloud Map |
//! | CORS | header names read back in lower case, `allowCredentials` as `false`, empty lists not at all |
//! | unknown integration in a route's target | 404 `NotFoundException` |
//! | `tlsConfig: {}` in `UpdateIntegration` | changes nothing |
//! | route with `authorizationType: NONE` | keeps its `authorizerId`, which still blocks the authorizer's delete, until `""` |
//! | two route keys alike but for variable names | conflict, if the methods are equal |
//! | duplicate authorizer name | 400 `BadRequestException`; duplicate stage: 409 `ConflictException` |
//! | `CreateDeployment` naming an auto-deploy stage | 400, like `UpdateStage(deploymentId)` |
//! | automatic deployment | one per write and auto-deploy stage, PENDING until its delay is over; none without routes |
//! | integration on a VPC link that is PENDING | accepted; on one that is unknown: 400 |
//! | `UpdateVpcLink` before AVAILABLE | 400 |
//! | subnets and groups of a VPC link or an ECS service | not looked up in EC2 |
//! | overlapping names of private namespaces in one VPC | equal, or one below the other: the operation ends FAIL |
//! | second namespace of one name and VPC | `NamespaceAlreadyExists` when the first is there; the later operation FAILs when both are in flight |
//! | `CreatorRequestId` used again | in flight: `DuplicateRequest`; done: the first operation id; after a failure or the delete: free |
//! | operation on a target that has another in flight | of the same type `DuplicateRequest`, else `ResourceInUse` |
//! | Cloud Map `UpdateService` | takes effect when its operation succeeds |
//! | `ServiceCount`, `InstanceCount` | never shown: no recorded answer has them |
//! | `DnsConfig.NamespaceId` in `ListServices` | not shown, as recorded |
//! | Cloud Map request quota | 50 a second and operation, burst 100 |
//! | `CreateCluster` of an ACTIVE name | returns the cluster unchanged |
//! | capacity providers | `FARGATE` and `FARGATE_SPOT`; others cannot be made, and are not found |
//! | `serviceConnectDefaults`, a namespace of Service Connect | shown as sent; no namespace is made of a name |
//! | `UpdateCluster(configuration)` | laid over the one there is, member by member |
//! | `UpdateService(deploymentConfiguration)` | laid over the one there is; the steps of another strategy go |
//! | a service back from a strategy | has the launch type it was made with, else EC2 |
//! | target groups, alarms, roles, hooks, volumes' names | not looked up |
//! | ECS `CreateService` with the same members | returns the service; with others: "not idempotent" |
//! | ECS rolling members sent unchanged | roll the tasks all the same |
//! | ECS service scaled above 0 | `DeleteService` without `force` is refused |
//! | INACTIVE services and clusters | describable for ever; stopped tasks for an hour |
//! | ECS rollback | a new deployment of the last completed definition; the failed one is dropped |
//! | calls that break a quota or are refused | draw on the request quota too |
//! | attributes of a VPC | private DNS names are on; every VPC has the main route table it was made with, and no other |
//!
//! Of S3 and SQS:
//!
//! | subject | what the model does |
//! |---|---|
//! | what there is of S3 | buckets, versioning, objects in one piece, both lists, deletion of one and of many, copies, messages to queues; for all else (parts, ACLs, tags, policies, encryption, `ListObjectVersions`) 501 `NotImplemented` |
//! | ETag | the MD5 of the bytes in quotes, also of copies |
//! | checksums | kept and given back as sent, not computed; signatures of chunks are not checked |
//! | conditions on dates (`If-Modified-Since`, …) | not looked at; those on ETags are |
//! | `DeleteObject` with `If-Match` on a key that is not there | 412 |
//! | object not there, and `s3.ListObjectsV2` denied | 403 |
//! | bucket of another region | 301 by the region of the signature, else of the host; `GetBucketLocation` answers everywhere |
//! | control characters in keys | character references in lists, which strict XML readers refuse; `encoding-type=url` helps |
//! | continuation tokens | hold the last entry: what comes or goes between two pages shifts nothing |
//! | notifications | one event a message, a second after the change, in order, unless ordered otherwise; none for the deletion of what is not there |
//! | a queue that a bucket is to tell | must exist and have a policy that lets `s3.amazonaws.com` (or everybody) send; conditions of the policy are not looked at |
//! | topics, functions | refused; EventBridge is accepted and hears nothing |
//! | queues | standard ones; FIFO, dead letters, message attributes and batches of sends are refused |
//! | order of a queue | oldest first |
//! | an older receipt handle | is good and deletes nothing |
//! | `ReceiveMessage` | counts as a read: what it hides comes back |
//! | URLs of queues | begin with the host that the request came to |
//! | request quotas | none |
//!
//! And when it serves requests:
//!
//! | subject | what the model does |
//! |---|---|
//! | what a deployment holds | routes, integrations, authorizers, CORS and `disableExecuteApiEndpoint`, as of the write that caused it; stage settings count at once |
//! | unknown API, stage without deployment | 404 `Not Found` |
//! | first path segment that names a stage | that stage, before `$default` |
//! | variables and greedy variables | stand for at least one character; of two routes that fit, the one that is more specific from the left, then the one with a method of its own |
//! | throttling | only a limit of 0 has an effect: 429 |
//! | route without a target, or with an authorizer that is not deployed | 500 |
//! | JWT | claims are checked (`iss`, `aud` or `client_id`, `exp`, `nbf`, `iat`, scopes) and the algorithm's name; the signature is not |
//! | AWS_IAM | a signature's form, service and region are checked, the signature is not |
//! | Lambda authorizer | whoever brings every identity source is let in |
//! | CORS | headers are added to refusals too; a stranger's preflight gets 204 without headers; an authorizer on the matched route comes first |
//! | mapping whose value cannot be found | changes nothing |
//! | VPC link being deleted | carries no request any more, whatever still leads through it; one that was idle carries none until it is AVAILABLE again |
//! | instances | found anew for each request (AWS keeps them for an unpublished time), in turn; all UNHEALTHY is as good as none: 503 |
//! | stopped task that is still in Cloud Map | nobody accepts the connection: 503 |
//! | security groups and routes of the network | never in the way |
//! | public URLs, Lambda, load balancers, AWS services | not called: the answer names them |

mod apigateway;
mod article;
mod buckets;
mod clock;
mod cloud_map;
mod config;
mod connector;
mod ec2;
mod ecs;
mod env;
mod failure;
mod faults;
mod ids;
mod object;
mod page;
#[cfg(test)]
mod peers;
mod published;
mod refusal;
mod render;
mod route;
mod route53;
mod s3;
mod served;
mod server;
mod sqs;
mod sts;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod time;
mod wire;
mod world;

pub use clock::Clock;
pub use config::{Config, Delays};
pub use connector::{Connector, request_of, response_of};
pub use faults::Faults;
pub use server::serve;
pub use wire::{Answer, Call, Later, Request, Response};
pub use world::{SharedWorld, World};
