//! Reads one document and collects its parts, and everything that is wrong with it.

use std::collections::{BTreeMap, BTreeSet};

use hatoba_core::{Diagnostic, Digest, Document, FieldMode, Key, Members, did_you_mean};
use serde_json::{Value, json};

use super::Facts;
use super::names::without_dots;
use super::spec::{HttpServiceSpec, NetworkSpec};
use crate::expand::{OutputOf, PathMap};

/// Longest name: parts carry it with more behind it, and AWS takes 128 characters for an API.
const NAME_CHARS_MAX: usize = 128;

/// Where `policy.fields` may lead, the longer ones first; each belongs to the parts made with it.
pub(super) const FIELDS: [&str; 7] =
    ["service.taskDefinition", "api.authorizer", "api.stage", "service", "discovery", "api", "integration"];

/// One document that others are made from.
#[derive(Debug)]
pub(super) struct Part {
    pub(super) key: Key,
    pub(super) spec: Members,
    pub(super) paths: PathMap,
    pub(super) fields: BTreeMap<String, FieldMode>,
    /// Whether others may imply the same.
    pub(super) is_shared: bool,
}

/// What a document comes to.
#[derive(Debug, Default)]
pub(super) struct One {
    pub(super) parts: Vec<Part>,
    pub(super) warnings: Vec<Diagnostic>,
    pub(super) outputs: Vec<OutputOf>,
}

/// One document while it is read.
pub(super) struct Reader<'a> {
    pub(super) document: &'a Document,
    pub(super) spec: HttpServiceSpec,
    pub(super) facts: &'a Facts<'a>,
    pub(super) found: Vec<Diagnostic>,
    pub(super) one: One,
    pub(super) stage_is_named: bool,
}

impl Reader<'_> {
    /// Notes an error at the value of `path`.
    pub(super) fn error(&mut self, path: &str, message: String, hint: &str) {
        let diagnostic = Diagnostic::error(self.document.places.value(path), path, message);
        let diagnostic = if hint.is_empty() { diagnostic } else { diagnostic.hint(hint) };
        if !self.found.contains(&diagnostic) {
            self.found.push(diagnostic);
        }
    }

    pub(super) fn name(&self) -> &str {
        &self.document.key.name
    }

    /// Adds a part of that kind and name; `at` is where most of it stands.
    pub(super) fn part(&mut self, key: Key, spec: Members, at: &str, more: &[(&str, &str)]) -> &mut Part {
        let general = [("", at), ("spec", at), ("metadata", "metadata"), ("policy", "policy")];
        let owned = |(new, old): (&str, &str)| (new.to_owned(), old.to_owned());
        let paths = general.into_iter().chain(more.iter().copied()).map(owned).collect();
        self.one.parts.push(Part { key, spec, paths, fields: BTreeMap::new(), is_shared: false });
        let last = self.one.parts.len() - 1;
        &mut self.one.parts[last]
    }

    /// Adds a part that takes `policy.fields` below `prefix`.
    pub(super) fn part_with_fields(
        &mut self,
        prefix: &str,
        key: Key,
        spec: Members,
        at: &str,
        more: &[(&str, &str)],
    ) {
        let policy = &self.document.policy.fields;
        let of = |path: &String| {
            FIELDS.iter().find(|prefix| is_below(path, prefix)).is_some_and(|found| *found == prefix)
        };
        let fields = policy.iter().filter(|(path, _)| of(path));
        let fields = fields.map(|(path, mode)| (path[prefix.len() + 1..].to_owned(), mode.clone())).collect();
        let old = format!("policy.fields.{prefix}");
        let part = self.part(key, spec, at, more);
        part.fields = fields;
        part.paths.push(("policy.fields".to_owned(), old));
    }

    /// Refuses members that are wired in here.
    pub(super) fn refuse_wired(&mut self, at: &str, members: &Members, wired: &[&str]) {
        for member in wired.iter().filter(|member| members.contains_key(**member)) {
            let message = format!("`{member}` is filled in here, expected it to be left out");
            self.error(&format!("{at}.{member}"), message, "take it out");
        }
    }

    /// Refuses members that neither this document nor the part's kind knows.
    pub(super) fn refuse_unknown(
        &mut self,
        at: &str,
        members: &Members,
        known: &BTreeSet<String>,
        kind: &str,
    ) {
        for member in members.keys().filter(|member| !known.contains(*member)) {
            let path = format!("{at}.{member}");
            let message = format!(
                "unknown field `{member}`; it is neither a field of {kind} nor one of this document's own"
            );
            let hint = match did_you_mean(member, known.iter().map(String::as_str)) {
                Some(guess) => format!("did you mean `{guess}`?"),
                None => format!("fields here: {}", known.iter().cloned().collect::<Vec<_>>().join(", ")),
            };
            self.found.push(Diagnostic::error(self.document.places.key(&path), path, message).hint(hint));
        }
    }

    /// Name and policy as far as they concern the whole.
    pub(super) fn header(&mut self) {
        if self.name().len() > NAME_CHARS_MAX {
            let message = format!("expected at most {NAME_CHARS_MAX} characters, got {}", self.name().len());
            self.error("metadata.name", message, "the names of its parts begin with it");
        }
        if self.document.policy.adopt.is_some() {
            let message =
                "one resource can be taken over by one document, and this one is made of many".to_owned();
            self.error(
                "policy.adopt",
                message,
                "`hatoba render` writes the parts; put `adopt` on one of them",
            );
        }
    }

    /// After all parts are there: every `policy.fields` path must have found one.
    pub(super) fn check_fields(&mut self) {
        let prefixes: BTreeSet<String> = self
            .one
            .parts
            .iter()
            .flat_map(|part| &part.paths)
            .filter(|(new, _)| new == "policy.fields")
            .map(|(_, old)| old.trim_start_matches("policy.fields.").to_owned())
            .collect();
        for path in self.document.policy.fields.keys() {
            let prefix = FIELDS.iter().find(|prefix| is_below(path, prefix));
            let at = format!("policy.fields.{path}");
            match prefix {
                Some(prefix) if prefixes.contains(*prefix) => {}
                Some(prefix) => {
                    let message =
                        format!("this document makes nothing of `{prefix}`, so `{path}` has no field");
                    self.error(&at, message, "");
                }
                None => {
                    let message = format!("expected a path below {}, got `{path}`", FIELDS.join(", "));
                    self.error(&at, message, "for example `service.desiredCount: ignore`");
                }
            }
        }
    }

    /// The namespace's document: named, written by somebody, or implied.
    pub(super) fn namespace(&mut self) -> Option<String> {
        if let Some(named) = self.spec.namespace_ref.clone() {
            if self.spec.namespace.is_some() {
                let message =
                    "both `namespace` and `namespaceRef` are given, expected one of them".to_owned();
                self.error("spec.namespaceRef", message, "");
            }
            return Some(named);
        }
        let Some(domain) = self.spec.namespace.clone() else {
            let message = "`namespace` is missing: the tasks are found by a name in it".to_owned();
            self.error("spec", message, "for example `namespace: private.example.com`, or `namespaceRef`");
            return None;
        };
        let network = self.spec.network.clone().unwrap_or_default();
        let vpc = vpc_members(&network);
        match self.facts.namespaces(&domain, &vpc).as_slice() {
            [] => {}
            [one] => return Some(one.name.clone()),
            several => {
                let names = several.iter().map(|key| key.name.as_str()).collect::<Vec<_>>().join(", ");
                self.error(
                    "spec.namespace",
                    format!("several documents make `{domain}`: {names}"),
                    "name one by `namespaceRef`",
                );
                return None;
            }
        }
        let key = Key::new("PrivateDnsNamespace", super::names::slug(&domain));
        if vpc.is_empty() && !self.facts.held.contains(&key) {
            let message = format!("`{domain}` needs a VPC: expected `vpcSelector` or `vpcId`");
            self.error("spec.network", message, "for example `vpcSelector: { tags: { Name: awesome-vpc } }`");
            return None;
        }
        let name = key.name.clone();
        let mut spec = Members::from_iter([("name".to_owned(), json!(domain))]);
        spec.extend(vpc);
        let more = [("spec.vpcId", "spec.network.vpcId"), ("spec.vpcSelector", "spec.network.vpcSelector")];
        self.part(key, spec, "spec.namespace", &more).is_shared = true;
        Some(name)
    }

    /// The VPC link's document; made once, when the first back end needs it.
    pub(super) fn link(&mut self, at: &str) -> Option<String> {
        if let Some(named) = self.spec.vpc_link_ref.clone() {
            return Some(named);
        }
        let network = self.spec.network.clone().unwrap_or_default();
        let spec = link_members(&network);
        if network.subnet_ids.is_none() && network.subnet_selector.is_none() {
            let message = "a VPC link leads there, and it needs subnets".to_owned();
            let hint = "give `network: { subnetSelector: … }`, or name a VpcLink by `vpcLinkRef`";
            self.error(if self.spec.network.is_some() { "spec.network" } else { at }, message, hint);
            return None;
        }
        let name = link_name(&network);
        let key = Key::new("VpcLink", name.clone());
        if self.one.parts.iter().all(|part| part.key != key) {
            self.part(key, spec, "spec.network", &[]).is_shared = true;
        }
        Some(name)
    }

    /// What the tasks' `networkConfiguration` is, if the network says.
    pub(super) fn task_network(&self) -> Option<Members> {
        let link = members_of(self.spec.network.as_ref()?);
        let mut members = Members::new();
        for (name, value) in link {
            let name = match name.as_str() {
                "subnetIds" => "subnets".to_owned(),
                "securityGroupIds" => "securityGroups".to_owned(),
                _ => name,
            };
            members.insert(name, value);
        }
        (!members.is_empty()).then_some(members)
    }

    /// AWS's name where the document's own would not be legal.
    pub(super) fn aws_name(&self, members: &mut Members, member: &str) {
        if let Some(name) = without_dots(self.name()) {
            members.entry(member).or_insert_with(|| json!(name));
        }
    }
}

/// Whether `path` stands below `prefix`.
pub(super) fn is_below(path: &str, prefix: &str) -> bool {
    path.strip_prefix(prefix).is_some_and(|rest| rest.starts_with('.'))
}

fn members_of(network: &NetworkSpec) -> Members {
    let mut members = crate::kind::members(network);
    for list in ["subnetIds", "securityGroupIds"] {
        if let Some(Value::Array(ids)) = members.get_mut(list) {
            ids.sort_by_key(ToString::to_string);
            ids.dedup();
        }
    }
    members
}

fn vpc_members(network: &NetworkSpec) -> Members {
    members_of(network).into_iter().filter(|(name, _)| name.starts_with("vpc")).collect()
}

/// What a VPC link takes of the network: the VPC only where something is looked up in it.
fn link_members(network: &NetworkSpec) -> Members {
    let looks_up = network.subnet_selector.is_some() || network.security_group_selector.is_some();
    members_of(network).into_iter().filter(|(name, _)| looks_up || !name.starts_with("vpc")).collect()
}

/// `link-` and a hash of the whole network, its VPC too: equal tags in two VPCs are not the same network.
fn link_name(network: &NetworkSpec) -> String {
    format!("link-{}", &Digest::of(&members_of(network)).as_str()[..10])
}
