//! What a kind and each of its fields mean, for people: from the schema's words and the kind's table.
//!
//! ```
//! let text = hatoba_kinds::explain("HttpApi.corsConfiguration").expect("a field");
//! assert!(text.contains("DeleteCorsConfiguration"));
//! ```

mod policy;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::LazyLock;

use hatoba_core::{
    Field, KindTable, Literal, Mutability, NullIs, Omitted, ReplaceStyle, Shape, did_you_mean, one_of,
};
use serde_json::{Map, Value};

use crate::{KindId, http_service, no_such_kind};

/// Every kind in a line, for who does not know them yet.
pub fn explain_kinds() -> String {
    let whole = (http_service::KIND, words(Schema::of_whole().root()));
    let single = KindId::ALL.iter().map(|kind| (kind.table().kind, words(Schema::of(*kind).root())));
    let kinds: Vec<(&str, String)> = std::iter::once(whole).chain(single).collect();
    let width = kinds.iter().map(|(kind, _)| kind.len()).max().unwrap_or(0);
    let mut text = "Kinds of documents:\n\n".to_owned();
    for (kind, about) in kinds {
        let first = about.split_once(". ").map_or(about.as_str(), |(first, _)| first);
        let _ = writeln!(text, "  {kind:width$}  {}", first.trim_end_matches('.'));
    }
    text.push_str(
        "\n`hatoba explain KIND` shows an example and every field, `hatoba explain KIND.field` one of them,\n\
         and `hatoba explain policy` how the controller treats a document.\n",
    );
    text
}

/// Explains `Kind`, `Kind.field.inner`, or `policy` with or without a kind before it.
///
/// # Errors
/// A sentence with what was meant, when there is no such kind or field.
pub fn explain(path: &str) -> Result<String, String> {
    let (name, field) = path.split_once('.').map_or((path, None), |(kind, field)| (kind, Some(field)));
    let is_kind = name == http_service::KIND || KindId::of(name).is_some();
    if name == policy::NAME {
        return policy::explain(field);
    }
    if let Some(rest) = field.and_then(|field| field.strip_prefix(policy::NAME)).filter(|_| is_kind) {
        match rest.strip_prefix('.') {
            None if rest.is_empty() => return policy::explain(None),
            Some(inner) => return policy::explain(Some(inner)),
            None => {}
        }
    }
    if name == http_service::KIND {
        return made_of_others(field);
    }
    let Some(kind) = KindId::of(name) else {
        return Err(no_such_kind(name));
    };
    let schema = Schema::of(kind);
    match field {
        None => Ok(whole(kind, schema)),
        Some(field) => {
            let field = field.strip_prefix("spec.").unwrap_or(field);
            one(kind, schema, field)
        }
    }
}

/// A kind's JSON Schema, with its definitions at hand.
pub struct Schema {
    root: Value,
}

impl Schema {
    /// The schema of a kind's `spec`, made once.
    pub fn of(kind: KindId) -> &'static Self {
        static ALL: LazyLock<BTreeMap<KindId, Schema>> = LazyLock::new(|| {
            let schema = |kind: &KindId| (*kind, Schema { root: kind.schema().to_value() });
            KindId::ALL.iter().map(schema).collect()
        });
        &ALL[&kind]
    }

    /// The schema of documents that are made of others.
    pub(crate) fn of_whole() -> Self {
        Schema { root: http_service::schema().to_value() }
    }

    /// The schema of `spec` itself.
    pub fn root(&self) -> &Value {
        &self.root
    }

    /// The members below a schema, through references, options, lists and maps; `None`: it holds no structure.
    pub fn members<'a>(&'a self, schema: &'a Value) -> Option<&'a Map<String, Value>> {
        if let Some(members) = schema.get("properties").and_then(Value::as_object) {
            return Some(members);
        }
        let pointer = schema.get("$ref").and_then(Value::as_str).and_then(|name| name.strip_prefix('#'));
        if let Some(named) = pointer.and_then(|pointer| self.root.pointer(pointer)) {
            return self.members(named);
        }
        let several =
            ["anyOf", "allOf", "oneOf"].iter().filter_map(|word| schema.get(word)?.as_array()).flatten();
        let inner = ["items", "additionalProperties"].iter().filter_map(|word| schema.get(word));
        several.chain(inner).find_map(|schema| self.members(schema))
    }

    /// The schema at a path of members joined by `.`; list and map steps are not written.
    ///
    /// # Errors
    /// The part that leads nowhere, and the members that would.
    pub fn at(&self, path: &str) -> Result<&Value, (String, Vec<&str>)> {
        path.split('.').try_fold(self.root(), |schema, step| {
            let members = self.members(schema);
            let known = || members.into_iter().flatten().map(|(name, _)| name.as_str()).collect();
            members.and_then(|members| members.get(step)).ok_or_else(|| (step.to_owned(), known()))
        })
    }

    /// Whether the member at a path takes a number; what is not known may.
    pub fn may_be_number(&self, path: &str) -> bool {
        let Ok(member) = self.at(path) else { return true };
        matches!(type_of(self, member).as_str(), "integer" | "number" | "any")
    }

    /// The longest part of a path in a document that leads to a member; list steps and keys of maps are passed over.
    pub fn nearest(&self, path: &str) -> String {
        let plain = path.split(['.', '[']).filter(|step| !step.ends_with(']'));
        let mut found = String::new();
        for step in plain {
            let next = hatoba_core::path::join(&found, step);
            if self.at(&next).is_err() {
                break;
            }
            found = next;
        }
        found
    }
}

/// A document that is made of others has no table: its fields are what they say, and the parts' are explained there.
fn made_of_others(field: Option<&str>) -> Result<String, String> {
    let schema = Schema::of_whole();
    let field = field.map(|field| field.strip_prefix("spec.").unwrap_or(field));
    let at = match field.map(|field| schema.at(field)) {
        None => schema.root(),
        Some(Ok(member)) => member,
        Some(Err((step, known))) => {
            let hint = match did_you_mean(&step, known.iter().copied()) {
                Some(guess) => format!("did you mean `{guess}`?"),
                None if known.is_empty() => "see the part's own kind".to_owned(),
                None => format!("fields here: {}", known.join(", ")),
            };
            return Err(format!("{} has no field `{step}` of its own there; {hint}", http_service::KIND));
        }
    };
    let path = field.map(|field| format!(".{field}")).unwrap_or_default();
    let mut text = format!("{}{path}: {}\n", http_service::KIND, words(at));
    if field.is_none() {
        let _ = writeln!(text, "\nExample:\n");
        for line in http_service::SAMPLE.lines() {
            let _ = writeln!(text, "    {line}");
        }
    }
    for (name, member) in schema.members(at).into_iter().flatten() {
        let _ = writeln!(text, "\n  {name} <{}>\n      {}", type_of(&schema, member), words(member));
    }
    if field.is_none() {
        text.push_str(SERVING);
    }
    Ok(text)
}

/// What documents show at which requests enter.
const SERVING: &str = "
Beside Synced and Ready it shows Serving: whether a request gets through, and else the first hop that is broken.

  policy.probe <object>
      a GET that is sent through the chain every so often: it proves what no look at AWS can, and keeps an idle VPC
      link alive. `path` (needed), `every` (10s to 30d, `1h` if left out), `expect` (`200`, or a range; `200-399` if left
      out). Off if left out
";

fn whole(kind: KindId, schema: &Schema) -> String {
    let table = kind.table();
    let mut text = format!("{}: {}\n", table.kind, words(schema.root()));
    let _ = writeln!(text, "\nExample:\n");
    for line in kind.sample().trim_end().lines() {
        let _ = writeln!(text, "    {line}");
    }
    let _ = writeln!(text, "\nFields of spec:\n");
    for (name, member) in schema.members(schema.root()).into_iter().flatten() {
        let _ = writeln!(text, "  {name} <{}>", type_of(schema, member));
        for line in about(kind, name, member) {
            let _ = writeln!(text, "      {line}");
        }
    }
    let left_out: Vec<String> = kind.left_out().map(|(member, why)| format!("  {member}: {why}")).collect();
    if !left_out.is_empty() {
        let _ = writeln!(text, "\nMembers of AWS's that documents do not carry:\n\n{}", left_out.join("\n"));
    }
    if kind.hop().is_some_and(|hop| hop.is_entry) {
        text.push_str(SERVING);
    }
    text
}

fn one(kind: KindId, schema: &Schema, path: &str) -> Result<String, String> {
    let table = kind.table();
    let member = match schema.at(path) {
        Ok(member) => member,
        Err((step, known)) => {
            if let Some((_, why)) = kind.left_out().find(|(member, _)| member.replace("[]", "") == path) {
                return Ok(format!("{}.{path}: not carried by documents: {why}\n", table.kind));
            }
            let hint = match did_you_mean(&step, known.iter().copied()) {
                Some(guess) => format!("did you mean `{guess}`?"),
                None if known.is_empty() => "nothing is below it".to_owned(),
                None => format!("fields here: {}", known.join(", ")),
            };
            let end = if step == path { String::new() } else { format!(": there is no `{step}`") };
            return Err(format!("{} has no field `{path}`{end}; {hint}", table.kind));
        }
    };
    let mut text = format!("{}.{path} <{}>\n", table.kind, type_of(schema, member));
    for line in about(kind, path, member) {
        let _ = writeln!(text, "    {line}");
    }
    if let Some(members) = schema.members(member) {
        let _ = writeln!(text, "\nFields:\n");
        for (name, inner) in members {
            let _ = writeln!(text, "  {name} <{}>", type_of(schema, inner));
            for line in about(kind, &format!("{path}.{name}"), inner) {
                let _ = writeln!(text, "      {line}");
            }
        }
    }
    Ok(text)
}

/// What is to be said of the member at `path`.
pub(crate) fn about(kind: KindId, path: &str, schema: &Value) -> Vec<String> {
    let table = kind.table();
    let mut lines: Vec<String> = Some(words(schema)).filter(|words| !words.is_empty()).into_iter().collect();
    let plain = |path: &str| path.replace("[]", "");
    if let Some(reference) = table.references.iter().find(|field| plain(field.path) == path) {
        let required = if reference.required { "; required" } else { "" };
        lines.push(format!(
            "names {} document and fills `{}`{required}",
            one_of(reference.kinds),
            reference.member
        ));
        return lines;
    }
    if let Some(selector) = table.selectors.iter().find(|field| plain(field.path) == path) {
        let hits = if selector.many { "all that match" } else { "the only one that matches" };
        lines
            .push(format!("looks up {hits} by tags ({}) and fills `{}`", selector.resource, selector.member));
        return lines;
    }
    if Some(path) == table.scope_member {
        return lines;
    }
    let inside = |field: &&Field| {
        field.path == path || path.strip_prefix(field.path).is_some_and(|rest| rest.starts_with('.'))
    };
    match table.fields.iter().find(inside) {
        Some(field) if field.path == path => {
            lines.push(format!("left out: {}", omitted(kind, field)));
            lines.push(format!("changed: {}", changed(table, field)));
        }
        Some(field) => lines.push(format!("compared and written with `{}`", field.path)),
        None if Schema::of(kind).members(schema).is_some() => {
            lines.push("each member below says for itself what leaving it out means".to_owned());
        }
        // No field of the resource: its own words say it all.
        None => {}
    }
    lines
}

/// What leaving the field out means.
fn omitted(kind: KindId, field: &Field) -> String {
    let has_default = !matches!(field.omitted, Omitted::Untouched(_) | Omitted::Default(Literal::Null));
    if Some(field.path) == kind.table().name_member && !has_default {
        let name = match kind.is_named_after_document() {
            true => "`metadata.name`, where that is a legal name; else it must be given",
            false => "it must be given",
        };
        return name.to_owned();
    }
    let default = match field.omitted {
        Omitted::Untouched(null) => {
            let null = match null {
                NullIs::Absent => "`null` is absent".to_owned(),
                NullIs::Value(value) => format!("`null` is {}", value.value()),
                NullIs::LeftOut => "`null` is the same as leaving it out".to_owned(),
                NullIs::Refused(_) => "`null` is refused, for AWS cannot take it away".to_owned(),
            };
            return match field.at_create {
                Some(value) => format!("{} at creation, and not ours afterwards; {null}", value.value()),
                None => format!("not ours: neither compared nor written; {null}"),
            };
        }
        Omitted::Default(default) => default.value(),
    };
    let default = match default {
        Value::Null => "absent".to_owned(),
        Value::String(text) if text.is_empty() => "absent".to_owned(),
        value if field.at_create.is_some() => format!("{value}, which is sent at creation"),
        value => format!("AWS's default {value}"),
    };
    format!("{default}; a difference is drift and is put right")
}

/// How a difference is put right.
fn changed(table: &KindTable, field: &Field) -> String {
    let new_one = match table.replace {
        _ if field.renames => "a new one is made beside it under its new name, then the old one goes",
        ReplaceStyle::MakeBeforeBreak => "a new one is made first, then the old one goes",
        ReplaceStyle::Revisions(_) => "the next revision is made, and what names it moves to it",
        ReplaceStyle::DeleteFirst => "deleted and made anew, only with policy.replace: AllowDowntime",
    };
    let how = match field.mutability {
        Mutability::InPlace if field.renaming.is_some() => {
            "in place, where AWS can give the resource another name; else by replacement".to_owned()
        }
        Mutability::InPlace => "in place".to_owned(),
        Mutability::ClearedBy(operation) => format!("in place; removed by {operation}"),
        Mutability::Deployed => "by a new deployment, to which the stage is moved".to_owned(),
        Mutability::Immutable => format!("by replacement: {new_one}"),
        Mutability::ImmutableIf(_) => format!("in place, or where AWS cannot, by replacement: {new_one}"),
    };
    match field.shape {
        Shape::Set => format!("{how}; order does not matter"),
        Shape::SetIgnoringCase => format!("{how}; order and case do not matter"),
        Shape::Exact | Shape::By(_) => how,
    }
}

/// What a schema says of itself, on one line. Links between types are the code's own.
pub(crate) fn words(schema: &Value) -> String {
    let text = schema.get("description").and_then(Value::as_str).unwrap_or_default();
    text.split_whitespace().collect::<Vec<_>>().join(" ").replace("[`", "`").replace("`]", "`")
}

/// The type in a word: `string`, `list of strings`, `mapping`.
pub(crate) fn type_of(schema: &Schema, member: &Value) -> String {
    let names: Vec<&str> = match member.get("type") {
        Some(Value::String(name)) => vec![name.as_str()],
        Some(Value::Array(names)) => {
            names.iter().filter_map(Value::as_str).filter(|name| *name != "null").collect()
        }
        _ => Vec::new(),
    };
    match names.first() {
        Some(&"array") => match member.get("items").map(|items| type_of(schema, items)) {
            Some(inner) => format!("list of {inner}"),
            None => "list".to_owned(),
        },
        Some(&"object") => "mapping".to_owned(),
        Some(name) => (*name).to_owned(),
        None if schema.members(member).is_some() => "mapping".to_owned(),
        None => "any".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_of_every_kind_says_what_leaving_it_out_means() {
        for kind in KindId::ALL {
            let table = kind.table();
            for field in table.fields {
                let path = format!("{}.{}", table.kind, field.path);
                let text = explain(&path).unwrap_or_else(|error| panic!("{error}"));
                if matches!(field.mutability, Mutability::Deployed) {
                    assert!(text.contains("not carried by documents"), "computed: {text}");
                    continue;
                }
                assert!(text.contains("left out: ") && text.contains("changed: "), "{text}");
            }
            let whole = explain(table.kind).unwrap();
            assert!(whole.starts_with(&format!("{}: ", table.kind)) && whole.contains("Example:"), "{whole}");
            for reference in table.references {
                let path = format!("{}.{}", table.kind, reference.path.replace("[]", ""));
                assert!(explain(&path).unwrap().contains("document and fills"), "{path}");
            }
        }
    }

    #[test]
    fn the_contracts_own_examples_read_so() {
        for (path, says) in [
            ("EcsService.desiredCount", "1 at creation, and not ours afterwards"),
            ("HttpApi.corsConfiguration", "left out: absent; a difference is drift"),
            ("HttpApi.corsConfiguration", "removed by DeleteCorsConfiguration"),
            ("HttpApi.corsConfiguration.allowOrigins", "compared and written with `corsConfiguration`"),
            ("VpcLink.subnetIds", "by replacement: a new one is made first"),
            ("Stage.defaultRouteSettings.throttlingRateLimit", "not ours"),
            ("Integration.timeoutInMillis", "AWS's default 30000"),
            ("EcsService.serviceRegistries.discoveryServiceRef", "fills `registryArn`"),
            ("PrivateDnsNamespace.vpcSelector", "the only one that matches"),
            ("PrivateDnsNamespace.spec.name", "metadata.name"),
            (
                "Authorizer.identitySource",
                "[\"$request.header.Authorization\"], which is sent at creation; a difference",
            ),
            ("Authorizer.authorizerResultTtlInSeconds", "300, which is sent at creation; a difference"),
            ("Stage.autoDeploy", "true, which is sent at creation; a difference"),
            ("Authorizer.authorizerType", "by replacement: a new one is made first"),
            ("Route.routeKey", "left out: it must be given"),
            ("Route.routeKey", "another name"),
            ("DomainName.domainName", "left out: it must be given"),
            ("ApiMapping.apiMappingKey", "left out: absent"),
            ("EcsService.networkConfiguration", "`awsvpcConfiguration`: `AwsVpcConfiguration`."),
            ("Route.requestParameters", "it is for WebSocket APIs"),
            ("DomainName.domainNameConfigurations.hostedZoneId", "the status shows it"),
        ] {
            let text = explain(path).unwrap_or_else(|error| panic!("{error}"));
            assert!(text.contains(says), "{path}: no `{says}` in\n{text}");
        }
    }

    /// What is said of `null` is what `null` does.
    #[test]
    fn null_does_what_is_said_of_it() {
        let same = "`null` is the same as leaving it out";
        for (path, says) in [
            ("EcsService.taskDefinition", same),
            ("EcsService.desiredCount", same),
            ("EcsService.launchType", same),
            ("EcsService.availabilityZoneRebalancing", same),
            ("EcsService.role", same),
            ("EcsService.networkConfiguration.awsvpcConfiguration.subnets", same),
            ("EcsService.networkConfiguration.awsvpcConfiguration.securityGroups", same),
            ("EcsService.deploymentConfiguration.linearConfiguration", same),
            ("EcsService.deploymentConfiguration.canaryConfiguration", same),
            ("EcsService.capacityProviderStrategy", "`null` is []"),
            ("EcsService.platformVersion", "`null` is \"LATEST\""),
            (
                "EcsService.deploymentConfiguration.lifecycleHooks",
                "left out: AWS's default []; a difference is drift",
            ),
            ("EcsCluster.settings", same),
            ("EcsCluster.configuration.managedStorageConfiguration", same),
            ("EcsCluster.capacityProviders", "`null` is []"),
            ("EcsCluster.defaultCapacityProviderStrategy", "`null` is []"),
            ("Integration.payloadFormatVersion", "`null` is \"1.0\""),
            ("Stage.defaultRouteSettings.throttlingBurstLimit", "`null` is 5000"),
            ("DiscoveryService.attributes", "`null` is {}"),
            ("Route.operationName", "`null` is refused"),
        ] {
            let text = explain(path).unwrap_or_else(|error| panic!("{error}"));
            assert!(text.contains(says), "{path}: no `{says}` in\n{text}");
        }
        // No field that documents carry leaves open what `null` is.
        for kind in KindId::ALL {
            for field in kind.table().fields {
                let is_computed = matches!(field.mutability, Mutability::Deployed);
                let is_open = matches!(field.omitted, Omitted::Untouched(NullIs::Absent));
                assert_eq!(is_computed, is_open, "{}.{}", kind.table().kind, field.path);
            }
        }
    }

    #[test]
    fn every_kind_has_its_line() {
        let text = explain_kinds();
        for kind in crate::kind_names() {
            let line = text.lines().find(|line| line.trim_start().starts_with(&format!("{kind} ")));
            assert!(line.is_some_and(|line| line.len() > kind.len() + 15), "{kind}: {text}");
        }
    }

    #[test]
    fn policy_is_explained_with_what_each_word_means() {
        for (path, says) in [
            ("policy", "deletion <Delete or Retain>"),
            ("policy", "keepDeployments <integer>"),
            ("VpcLink.policy", "suspend <boolean>"),
            ("HttpService.policy.probe", "path <string>"),
            ("policy.deletion", "Retain: Leave the resource and remove our marks."),
            ("policy.adopt", "fromOwner <string>"),
            ("policy.adopt.match", "name: By AWS's name."),
            ("policy.fields", "ignore: Neither compared nor written, except at creation."),
            ("policy.fields", "range: Any number from the first to the second is in sync"),
            ("EcsService.policy.fields.desiredCount", "range: "),
        ] {
            let text = explain(path).unwrap_or_else(|error| panic!("{error}"));
            assert!(text.contains(says), "{path}: no `{says}` in\n{text}");
        }
        assert!(!explain("policy.fields").unwrap().contains("Fields:"), "its members are a kind's own");
        assert!(!explain("policy").unwrap().contains("  path: "), "a structure is no word");
    }

    #[test]
    fn a_typo_is_answered_with_what_was_meant() {
        for (path, says) in [
            ("VpcLinc", "did you mean `VpcLink`?"),
            ("Pod", "expected one of"),
            ("VpcLink.subnetIDs", "did you mean `subnetIds`?"),
            ("VpcLink.subnetids", "VpcLink has no field `subnetids`; did you mean `subnetIds`?"),
            ("VpcLink.colour", "fields here: "),
            ("VpcLink.name.first", "nothing is below it"),
            ("HttpApi.cors", "did you mean `corsConfiguration`?"),
            ("HttpService.servce", "did you mean `service`?"),
            ("HttpService.colour", "fields here: api, "),
            ("policy.adoptt", "did you mean `adopt`?"),
            ("VpcLink.policy.adopt.idd", "did you mean `id`?"),
            ("VpcLink.policy.suspend.x", "nothing is below it"),
            ("Nothing.policy", "there is no kind `Nothing`"),
        ] {
            let error = explain(path).unwrap_err();
            assert!(error.contains(says), "{path}: {error}");
        }
    }
}
