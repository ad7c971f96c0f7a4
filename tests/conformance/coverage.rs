//! AWS's own service models, walked member by member: what a kind's requests can say, its documents can say, or the
//! kind tells why not. The models are read from the `botocore` package; nothing of them is kept here.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use hatoba_kinds::{KindId, Schema, action_of};
use serde_json::Value;

/// Prints one packed service model as JSON.
const UNPACK: &str = "\
import gzip, os, sys, botocore
path = os.path.join(os.path.dirname(botocore.__file__), 'data', sys.argv[1], 'service-2.json.gz')
sys.stdout.write(gzip.open(path, 'rt', encoding='utf-8').read())
";

/// AWS's name as documents write it: `DnsRecords` → `dnsRecords`, `TTL` → `ttl`, `VPCLink` → `vpcLink`.
fn as_written(aws: &str) -> String {
    let capitals = aws.chars().take_while(char::is_ascii_uppercase).count();
    let lowered = if capitals > 1 && capitals < aws.len() { capitals - 1 } else { capitals };
    aws[..lowered].to_ascii_lowercase() + &aws[lowered..]
}

struct Walk<'a> {
    shapes: &'a Value,
    schema: &'a Schema,
    left_out: &'a BTreeMap<String, &'static str>,
    filled_by_a_reference: Option<&'static str>,
    used: BTreeSet<String>,
    missing: BTreeSet<String>,
}

impl Walk<'_> {
    fn structure(&mut self, shape: &str, schema: &Value, path: &str, above: &[&str]) {
        if above.contains(&shape) {
            return; // a structure that holds itself says nothing new
        }
        let above = [above, &[shape]].concat();
        for (aws, member) in self.shapes[shape]["members"].as_object().into_iter().flatten() {
            let name = as_written(aws);
            let at = hatoba_core::path::join(path, &name);
            if self.filled_by_a_reference == Some(at.as_str()) {
                continue;
            }
            if self.left_out.contains_key(&at) {
                self.used.insert(at);
                continue;
            }
            let schema_here = self.schema;
            let Some(inner) = schema_here.members(schema).and_then(|members| members.get(&name)) else {
                self.missing.insert(at);
                continue;
            };
            if let Some(structure) = self.structure_in(member["shape"].as_str().unwrap()) {
                self.structure(&structure, inner, &at, &above);
            }
        }
    }

    /// The structure that a value of this shape holds: itself, its items', its values'.
    fn structure_in(&self, shape: &str) -> Option<String> {
        let found = &self.shapes[shape];
        match found["type"].as_str().unwrap() {
            "structure" if found["document"] != true => Some(shape.to_owned()),
            "list" => self.structure_in(found["member"]["shape"].as_str().unwrap()),
            "map" => self.structure_in(found["value"]["shape"].as_str().unwrap()),
            _ => None,
        }
    }
}

pub(crate) fn model(python: &Path, folder: &str) -> Value {
    let output = Command::new(python).args(["-c", UNPACK, folder]).output().unwrap();
    assert!(output.status.success(), "{folder}: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Members of AWS's that no document can say and no kind gives a reason for, and reasons for members that are none.
pub(crate) fn gaps(python: &Path) -> Vec<String> {
    let mut models: BTreeMap<&str, Value> = BTreeMap::new();
    let mut gaps = Vec::new();
    for kind in KindId::ALL {
        let (folder, requests) = kind.requests();
        assert!(!requests.is_empty(), "{kind:?} names no request");
        let model = models.entry(folder).or_insert_with(|| model(python, folder));
        let schema = Schema::of(*kind);
        // Members that the controller itself computes are refused, too, and AWS does not know them.
        let is_awss = |path: &str| kind.table().field(path).is_none();
        let left_out: BTreeMap<String, &str> = kind
            .left_out()
            .map(|(path, why)| (path.replace("[]", "").replace("{}", ""), why))
            .filter(|(path, _)| is_awss(path))
            .collect();
        assert!(
            left_out.values().all(|why| why.len() > 10),
            "{kind:?}: a reason is a sentence: {left_out:#?}"
        );
        let mut walk = Walk {
            shapes: &model["shapes"],
            schema,
            left_out: &left_out,
            filled_by_a_reference: kind.table().scope_member,
            used: BTreeSet::new(),
            missing: BTreeSet::new(),
        };
        for request in requests {
            assert!(walk.shapes[request].is_object(), "{folder} has no {request}");
            walk.structure(request, schema.root(), "", &[]);
        }
        gaps.extend(
            walk.missing.iter().map(|path| format!("{kind:?}: {path} is neither covered nor left out")),
        );
        let stale = left_out.keys().filter(|path| !walk.used.contains(*path));
        gaps.extend(stale.map(|path| format!("{kind:?}: {path} is left out and no member of AWS's")));
    }
    gaps
}

/// Operations whose IAM action is not the verb and the path of AWS's own model.
pub(crate) fn wrong_actions(python: &Path) -> Vec<String> {
    let (folder, _) = KindId::HttpApi.requests();
    let model = model(python, folder);
    let operations = KindId::ALL.iter().flat_map(|kind| kind.operations());
    let gateway = operations.filter(|operation| operation.service == "apigatewayv2");
    let wrong = gateway.filter_map(|operation| {
        let http = &model["operations"][operation.name]["http"];
        let path: Vec<&str> = http["requestUri"].as_str()?.trim_start_matches("/v2").split('/').collect();
        let path: Vec<&str> =
            path.into_iter().map(|step| if step.starts_with('{') { "*" } else { step }).collect();
        let expected = (
            format!("apigateway:{}", http["method"].as_str()?),
            format!("arn:aws:apigateway:*::{}", path.join("/")),
        );
        (action_of(operation) != Ok(expected.clone())).then(|| format!("{operation}: AWS has {expected:?}"))
    });
    wrong.collect()
}
