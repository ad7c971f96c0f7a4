//! Where a route leads: from a few members to a whole Integration spec.

use hatoba_core::Members;
use serde_json::{Value, json};

use super::names::slug;
use super::reader::Reader;
use crate::integration::check::SUBTYPES;

/// What makes an integration lead somewhere.
const TARGETS: [&str; 3] = ["integrationUri", "integrationSubtype", "discoveryServiceRef"];

/// The back end of some routes.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct BackEnd {
    /// An Integration spec without `apiRef`.
    pub(super) spec: Members,
    /// What it is, as a part of a name.
    pub(super) slug: String,
    /// Whether it is the usual one, which no route had to describe.
    pub(super) is_usual: bool,
    /// Where it is described.
    pub(super) at: String,
}

impl Reader<'_> {
    /// The back end of a route; `own`: what the route itself says of it, and where.
    pub(super) fn back_end(&mut self, at: &str, own: Option<&Members>) -> Option<BackEnd> {
        let leads = |members: &Members| {
            TARGETS.iter().any(|target| members.get(*target).is_some_and(|value| !value.is_null()))
        };
        let usual = self.spec.integration.clone();
        let (mut spec, at) = match own {
            Some(own) if leads(own) => (own.clone(), format!("{at}.integration")),
            Some(own) => {
                let mut spec = usual.unwrap_or_default();
                spec.extend(own.clone());
                (spec, format!("{at}.integration"))
            }
            None if usual.is_some() => (usual.unwrap_or_default(), "spec.integration".to_owned()),
            None => (Members::new(), at.to_owned()),
        };
        self.refuse_wired(&at, &spec, &["apiRef", "apiId"]);
        if !leads(&spec) {
            if self.spec.service.is_none() {
                let hint = "give `service`, or `integration: { integrationUri: … }`";
                self.error(&at, "the route leads nowhere: there is no `service`".to_owned(), hint);
                return None;
            }
            spec.insert("discoveryServiceRef".to_owned(), json!(self.document.key.name));
        }
        let slug = self.fill(&at, &mut spec)?;
        Some(BackEnd { spec, slug, is_usual: own.is_none(), at })
    }

    /// Fills in what follows from the target; the slug of what it is.
    fn fill(&mut self, at: &str, spec: &mut Members) -> Option<String> {
        let text = |name: &str| spec.get(name).and_then(Value::as_str).map(str::to_owned);
        if let Some(subtype) = text("integrationSubtype") {
            self.check_subtype(at, &subtype, spec);
            put(spec, "integrationType", "AWS_PROXY");
            put(spec, "payloadFormatVersion", "1.0");
            return Some(slug(&subtype));
        }
        if let Some(service) = text("discoveryServiceRef") {
            self.private(at, spec);
            let is_own = service == self.document.key.name;
            return Some(if is_own { "service".to_owned() } else { slug(&format!("service {service}")) });
        }
        let uri = text("integrationUri").unwrap_or_default();
        match Uri::of(&uri) {
            Uri::Private(what) => {
                self.private(at, spec);
                Some(slug(&what))
            }
            Uri::Lambda(name) => {
                put(spec, "integrationType", "AWS_PROXY");
                put(spec, "integrationMethod", "POST");
                put(spec, "payloadFormatVersion", "2.0");
                Some(slug(&format!("lambda {name}")))
            }
            Uri::Public(host) => {
                put(spec, "integrationType", "HTTP_PROXY");
                put(spec, "integrationMethod", "ANY");
                Some(slug(&host))
            }
            Uri::LoadBalancer => {
                let message = "expected the ARN of a listener, got that of a load balancer".to_owned();
                let hint = "it contains `:listener/`; `aws elbv2 describe-listeners` shows it";
                self.error(&format!("{at}.integrationUri"), message, hint);
                None
            }
            Uri::Other => {
                let message =
                    format!("expected an address or an ARN that an integration can lead to, got `{uri}`");
                let hint = "http(s)://…, or the ARN of a listener, a Cloud Map service or a Lambda function";
                self.error(&format!("{at}.integrationUri"), message, hint);
                None
            }
        }
    }

    /// Through the VPC link, the path without the stage's name.
    fn private(&mut self, at: &str, spec: &mut Members) {
        put(spec, "integrationType", "HTTP_PROXY");
        put(spec, "integrationMethod", "ANY");
        put(spec, "connectionType", "VPC_LINK");
        if !spec.contains_key("vpcLinkRef")
            && !spec.contains_key("connectionId")
            && let Some(link) = self.link(at)
        {
            put(spec, "vpcLinkRef", &link);
        }
        if self.stage_is_named {
            let parameters = spec.entry("requestParameters").or_insert_with(|| json!({}));
            if let Value::Object(parameters) = parameters {
                put(parameters, "overwrite:path", "$request.path");
            }
        }
    }

    fn check_subtype(&mut self, at: &str, subtype: &str, spec: &Members) {
        let Some((_, required)) = SUBTYPES.iter().find(|(known, _)| *known == subtype) else {
            let known = SUBTYPES.iter().map(|(known, _)| *known);
            let guess = hatoba_core::did_you_mean(subtype, known.clone());
            let hint = match guess {
                Some(guess) => format!("did you mean `{guess}`?"),
                None => format!("AWS knows {}", known.collect::<Vec<_>>().join(", ")),
            };
            let message = format!("unknown integration subtype `{subtype}`");
            return self.error(&format!("{at}.integrationSubtype"), message, &hint);
        };
        let given = spec.get("requestParameters").and_then(Value::as_object);
        let missing: Vec<&str> = required
            .iter()
            .copied()
            .filter(|name| given.is_none_or(|given| given.get(*name).is_none_or(Value::is_null)))
            .collect();
        if !missing.is_empty() {
            let message = format!("{subtype} needs {}", missing.join(", "));
            self.error(
                &format!("{at}.requestParameters"),
                message,
                "for example `MessageBody: $request.body`",
            );
        }
        if spec.get("credentialsArn").is_none_or(Value::is_null) {
            let message = format!("{subtype} needs `credentialsArn`");
            self.error(at, message, "the ARN of a role that API Gateway may assume and that may do this");
        }
    }
}

/// Puts a member in that nobody stated.
fn put(members: &mut Members, name: &str, value: &str) {
    members.entry(name).or_insert_with(|| json!(value));
}

/// What an integration's URI leads to, with a word for names.
enum Uri {
    Private(String),
    Lambda(String),
    Public(String),
    LoadBalancer,
    Other,
}

impl Uri {
    fn of(uri: &str) -> Uri {
        let after = |mark: &str| uri.split_once(mark).map(|(_, rest)| rest);
        if uri.starts_with("http://") || uri.starts_with("https://") {
            return Uri::Public(after("://").unwrap_or_default().to_owned());
        }
        if !uri.starts_with("arn:") {
            return Uri::Other;
        }
        if let Some(function) = after(":function:") {
            let name = function.split('/').next().unwrap_or_default();
            return Uri::Lambda(name.to_owned());
        }
        match uri.splitn(6, ':').collect::<Vec<_>>().as_slice() {
            [_, _, "elasticloadbalancing", _, _, resource] => match resource.strip_prefix("listener/") {
                Some(listener) => {
                    Uri::Private(format!("listener {}", listener.split('/').nth(1).unwrap_or(listener)))
                }
                None => Uri::LoadBalancer,
            },
            [_, _, "servicediscovery", _, _, resource] => Uri::Private(resource.replace('/', " ")),
            _ => Uri::Other,
        }
    }
}
