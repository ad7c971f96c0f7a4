//! Routes: who may call them, where they lead, and one integration for each distinct back end.

use std::collections::{BTreeMap, BTreeSet};

use hatoba_core::{Diagnostic, Key, Members};
use serde_json::{Value, json};

use super::back_end::BackEnd;
use super::names::{distinct, slug};
use super::reader::Reader;
use super::spec::{ApiSpec, RouteEntry};
use crate::integration::check::is_told_the_method;
use crate::rules::shape;

/// The path of the route on which browsers ask before they send, without a token.
const EVERY_PATH: &str = "/{proxy+}";

impl Reader<'_> {
    /// The routes, each with what it leads to; and the one for the browser's question.
    pub(super) fn routes(
        &mut self,
        api: &ApiSpec,
        api_ref: &str,
        authorizer: Option<Authorizer>,
        at: &str,
        routes: Vec<RouteEntry>,
    ) {
        let mut ways: BTreeMap<String, Way> = BTreeMap::new();
        for (index, route) in routes.into_iter().enumerate() {
            let at = format!("{at}[{index}]");
            if let Some(other) = ways.get(&route.route_key) {
                let message = format!("`{}` is given twice, also at {}", route.route_key, other.at);
                self.error(&format!("{at}.routeKey"), message, "keep one of them");
                continue;
            }
            let mut members = self.authorization(&at, &route, authorizer.as_ref());
            members.insert("apiRef".to_owned(), json!(api_ref));
            members.insert("routeKey".to_owned(), json!(route.route_key));
            if let Some(name) = &route.operation_name {
                members.insert("operationName".to_owned(), json!(name));
            }
            let leads_to = match &route.integration_ref {
                Some(named) => {
                    if route.integration.is_some() {
                        let message =
                            "both `integration` and `integrationRef` are given, expected one of them";
                        self.error(&format!("{at}.integrationRef"), message.to_owned(), "");
                    }
                    Some(LeadsTo::Named(named.clone()))
                }
                None => self.back_end(&at, route.integration.as_ref()).map(LeadsTo::BackEnd),
            };
            if let Some(leads_to) = leads_to {
                ways.insert(route.route_key, Way { members, leads_to, at });
            }
        }
        if api.members.get("corsConfiguration").is_some_and(|cors| !cors.is_null()) {
            self.preflight(&mut ways);
        }
        self.integrations(api_ref, &mut ways);
        let slugs = ways.keys().map(|key| (key.as_str(), slug(key))).collect();
        let names = distinct(&slugs, &BTreeMap::new());
        for (route_key, way) in &ways {
            let name = format!("{}.{}", self.name(), names[route_key.as_str()]);
            let authorizer_at = authorizer.as_ref().map_or("spec.api.authorizer", |authorizer| authorizer.at);
            let stated = way.members.get("authorizerRef").is_some();
            let more: &[(&str, &str)] = if stated { &[("spec.authorizerRef", authorizer_at)] } else { &[] };
            self.part(Key::new("Route", name), way.members.clone(), &way.at, more);
        }
    }

    /// The route's members that say who may call it.
    fn authorization(&mut self, at: &str, route: &RouteEntry, authorizer: Option<&Authorizer>) -> Members {
        let own = route.authorizer_ref.as_ref();
        let default = match own {
            Some(named) => Some(self.facts.authorization_of(named)),
            None => authorizer.map(|authorizer| authorizer.by),
        };
        if route.authorization_type.is_none() && default.is_none() {
            let place = self.document.places.value(at);
            let message = format!("anybody may call `{}`: there is no authorizer", route.route_key);
            let hint = "give `api.authorizer`, or say `authorizationType: NONE` if that is meant";
            self.one.warnings.push(Diagnostic::warning(place, at, message).rule("PublicRoute").hint(hint));
        }
        let by = route.authorization_type.clone().unwrap_or_else(|| default.unwrap_or("NONE").to_owned());
        let mut members = Members::from_iter([("authorizationType".to_owned(), json!(by))]);
        let name = own.or(authorizer.map(|authorizer| &authorizer.name));
        match (by.as_str(), name) {
            ("JWT" | "CUSTOM", Some(name)) => {
                members.insert("authorizerRef".to_owned(), json!(name));
            }
            ("JWT" | "CUSTOM", None) => {
                let message = format!("{by} needs an authorizer, and there is none");
                self.error(&format!("{at}.authorizationType"), message, "give `api.authorizer`");
            }
            _ if own.is_some() => {
                let message = format!("{by} takes no authorizer");
                self.error(&format!("{at}.authorizerRef"), message, "take it out");
            }
            _ => {}
        }
        if let Some(scopes) = &route.authorization_scopes {
            if by != "JWT" {
                let message = format!("only a route with JWT takes scopes; this one has {by}");
                self.error(&format!("{at}.authorizationScopes"), message, "");
            }
            members.insert("authorizationScopes".to_owned(), json!(scopes));
        }
        members
    }

    /// With CORS, a `$default` or `ANY` route that asks for a token swallows the browser's question: the question gets a
    /// route of its own, for every path and for the path of each such `ANY` route, which would come first. It leads
    /// where the route leads, though API Gateway answers by itself; an `OPTIONS` that is no such question arrives there
    /// without a token, so there is none where that would be taken for a call.
    fn preflight(&self, ways: &mut BTreeMap<String, Way>) {
        let swallows = |key: &str, way: &Way| {
            let every_method = key == "$default" || key.starts_with("ANY ");
            every_method && way.members.get("authorizationType") != Some(&json!("NONE"))
        };
        // In the order of their keys, so that the order in the document does not matter.
        let swallowing: Vec<(String, Way)> = ways
            .iter()
            .filter(|(key, way)| swallows(key, way) && self.is_told_the_method(&way.leads_to))
            .map(|(key, way)| (key.strip_prefix("ANY ").unwrap_or(EVERY_PATH).to_owned(), way.clone()))
            .collect();
        let for_every_path = swallowing.first().map(|(_, way)| (EVERY_PATH.to_owned(), way.clone()));
        // AWS cannot keep two routes apart that differ in the name of a variable only.
        let mut given: BTreeSet<String> =
            ways.keys().filter_map(|key| key.strip_prefix("OPTIONS ")).map(shape).collect();
        for (path, mut way) in swallowing.into_iter().chain(for_every_path) {
            if !given.insert(shape(&path)) {
                continue;
            }
            let route_key = format!("OPTIONS {path}");
            way.members.retain(|name, _| name == "apiRef");
            way.members.insert("routeKey".to_owned(), json!(route_key));
            way.members.insert("authorizationType".to_owned(), json!("NONE"));
            ways.insert(route_key, way);
        }
    }

    /// Whether a back end learns with which method it is called; not known of what is not managed here.
    fn is_told_the_method(&self, leads_to: &LeadsTo) -> bool {
        let spec = match leads_to {
            LeadsTo::BackEnd(back_end) => Some(&back_end.spec),
            LeadsTo::Named(name) => {
                let named = Key::new("Integration", name);
                self.facts.singles.get(&&named).copied().map(|document| &document.spec)
            }
        };
        is_told_the_method(|member| spec?.get(member)?.as_str())
    }

    /// One integration for each distinct back end; the routes name them.
    fn integrations(&mut self, api_ref: &str, ways: &mut BTreeMap<String, Way>) {
        // The text of a spec stands for it: members are ordered.
        let text = |back_end: &BackEnd| Value::Object(back_end.spec.clone()).to_string();
        let mut all: BTreeMap<String, BackEnd> = BTreeMap::new();
        for way in ways.values() {
            if let LeadsTo::BackEnd(back_end) = &way.leads_to {
                let known = all.entry(text(back_end)).or_insert_with(|| back_end.clone());
                known.is_usual |= back_end.is_usual;
                // Where several routes share one, the smallest place speaks for it, whatever their order.
                known.at = known.at.clone().min(back_end.at.clone());
            }
        }
        let slugs_of = |usual: bool| {
            let chosen = all.iter().filter(move |(_, back_end)| back_end.is_usual == usual);
            chosen.map(|(text, back_end)| (text.as_str(), back_end.slug.clone())).collect::<BTreeMap<_, _>>()
        };
        let names = distinct(&slugs_of(false), &slugs_of(true));
        let name = |text: &str| format!("{}.{}", self.document.key.name, names[text]);
        for way in ways.values_mut() {
            let named = match &way.leads_to {
                LeadsTo::Named(named) => named.clone(),
                LeadsTo::BackEnd(back_end) => name(&text(back_end)),
            };
            way.members.insert("integrationRef".to_owned(), json!(named));
        }
        let made: Vec<(Key, BackEnd)> = all
            .iter()
            .map(|(text, back_end)| (Key::new("Integration", name(text)), back_end.clone()))
            .collect();
        for (key, back_end) in made {
            let mut members = back_end.spec;
            members.insert("apiRef".to_owned(), json!(api_ref));
            let is_general = self
                .spec
                .vpc_link_ref
                .as_ref()
                .is_some_and(|name| members.get("vpcLinkRef") == Some(&json!(name)));
            let more: &[(&str, &str)] =
                if is_general { &[("spec.vpcLinkRef", "spec.vpcLinkRef")] } else { &[] };
            self.part_with_fields("integration", key, members, &back_end.at, more);
        }
    }
}

/// The authorizer that routes have by default.
pub(super) struct Authorizer {
    pub(super) name: String,
    pub(super) by: &'static str,
    pub(super) at: &'static str,
}

/// One route while it is made.
#[derive(Clone)]
struct Way {
    members: Members,
    leads_to: LeadsTo,
    at: String,
}

#[derive(Clone)]
enum LeadsTo {
    BackEnd(BackEnd),
    Named(String),
}
