//! AWS's model and the SDK's source laid side by side: what is generated for one service.

use anyhow::{Context, Result, bail};

use super::config::{Extra, Service};
use super::model::{Bounds, Model};
use super::names;
use super::sdk::{Member as SdkMember, Structure as SdkStructure, Types};

/// Everything to be generated for one service.
pub(super) struct Plan {
    pub(super) service: &'static Service,
    pub(super) model: Model,
    /// In the order in which they are met from the requests downwards.
    pub(super) structures: Vec<Structure>,
}

/// A structure of AWS's, under the SDK's name.
pub(super) struct Structure {
    pub(super) shape: String,
    pub(super) name: String,
    /// The SDK's type of the same members that reads return.
    pub(super) read_name: String,
    pub(super) union: bool,
    pub(super) fallible: bool,
    pub(super) members: Vec<Member>,
}

/// One member of it.
pub(super) struct Member {
    /// The document's name.
    pub(super) document: String,
    pub(super) aws: String,
    /// The Rust field.
    pub(super) field: String,
    /// The member's shape in the model.
    pub(super) shape: String,
    pub(super) required: bool,
    pub(super) sdk: SdkMember,
}

impl Plan {
    /// Lays out everything reachable from the service's requests.
    pub(super) fn new(service: &'static Service, model: Model, types: &Types) -> Result<Self> {
        let mut waiting = Vec::new();
        for request in service.requests {
            let shape = model.shape(request.shape)?;
            for member in request.structures {
                let target = shape.members.get(*member);
                let target = target.with_context(|| format!("{} has no member {member}", request.shape))?;
                let structure = model.structure_in(&target.shape)?;
                waiting.push(structure.with_context(|| format!("{member} holds no structure"))?.to_owned());
            }
        }
        waiting.reverse();
        let mut plan = Plan { service, model, structures: Vec::new() };
        while let Some(shape) = waiting.pop() {
            if plan.structure(&shape).is_some() {
                continue;
            }
            let structure = plan.lay_out(&shape, types)?;
            let mut below = Vec::new();
            for member in &structure.members {
                below.extend(plan.model.structure_in(&member.shape)?.map(str::to_owned));
            }
            waiting.extend(below.into_iter().rev());
            plan.structures.push(structure);
        }
        Ok(plan)
    }

    /// The generated structure for this shape, if there is one.
    pub(super) fn structure(&self, shape: &str) -> Option<&Structure> {
        self.structures.iter().find(|structure| structure.shape == shape)
    }

    /// Our own members of a shape.
    pub(super) fn extras<'a>(&'a self, shape: &'a str) -> impl Iterator<Item = &'static Extra> + 'a {
        self.service.extras.iter().filter(move |extra| extra.shape == shape)
    }

    /// Our own members that stand for this one.
    pub(super) fn stand_ins(&self, shape: &str, document: &str) -> Vec<String> {
        let extras = self.extras(shape).filter(|extra| extra.fills == document);
        extras.map(|extra| names::camel(extra.field)).collect()
    }

    /// Whether no document carries this member.
    pub(super) fn skips(&self, shape: &str, aws: &str) -> bool {
        self.service.skipped.contains(&(shape, aws))
    }

    /// What the member allows, after our own narrowing.
    pub(super) fn bounds(&self, shape: &str, aws: &str, target: &str) -> Result<Bounds> {
        let mut bounds = Bounds::of(target, self.model.shape(target)?);
        let narrowed =
            self.service.narrowed.iter().find(|narrow| narrow.shape == shape && narrow.member == aws);
        if let Some(narrowed) = narrowed {
            if let Some(stranger) =
                narrowed.values.iter().find(|value| !bounds.values.iter().any(|all| all == *value))
            {
                bail!("{shape}.{aws} is narrowed to {stranger}, which AWS does not know");
            }
            bounds.values = narrowed.values.iter().map(ToString::to_string).collect();
        }
        Ok(bounds)
    }

    fn lay_out(&self, name: &str, types: &Types) -> Result<Structure> {
        let shape = self.model.shape(name)?;
        let is_skipped = |field: &str| {
            shape
                .members
                .keys()
                .any(|aws| names::folded(aws) == names::folded(field) && self.skips(name, aws))
        };
        let sdk = types.structure(name, &is_skipped)?;
        let mut unmet: Vec<&String> = shape.members.keys().filter(|aws| !self.skips(name, aws)).collect();
        let mut members = Vec::new();
        let read_name = self.read_name(name, &sdk, types)?;
        let (sdk_name, union, fallible) = (sdk.name, sdk.union, sdk.fallible);
        for member in sdk.members {
            let found =
                shape.members.iter().find(|(aws, _)| names::folded(aws) == names::folded(&member.name));
            let Some((aws, target)) = found else {
                bail!(
                    "{name}.{} of {} is missing in the service model: move the pin of botocore",
                    member.name,
                    types.label
                );
            };
            unmet.retain(|other| *other != aws);
            if self.skips(name, aws) {
                continue;
            }
            let field = if union { snake(&member.name) } else { member.name.clone() };
            let (aws, shape_name, required) =
                (aws.clone(), target.shape.clone(), shape.required.contains(aws));
            members.push(Member {
                document: names::document(&aws),
                aws,
                field,
                shape: shape_name,
                required,
                sdk: member,
            });
        }
        if let Some(aws) = unmet.first() {
            bail!("{name}.{aws} is missing in {}: update the SDK, or move the pin of botocore", types.label);
        }
        Ok(Structure { shape: name.to_owned(), name: sdk_name, read_name, union, fallible, members })
    }

    fn read_name(&self, name: &str, sdk: &SdkStructure, types: &Types) -> Result<String> {
        let Some((_, read)) = self.service.read_as.iter().find(|(written, _)| *written == name) else {
            return Ok(sdk.name.clone());
        };
        let structure = types.structure(read, &|_| false)?;
        if !sdk.members.iter().all(|member| structure.members.contains(member)) {
            bail!("{read} no longer has the members of {name}");
        }
        Ok(structure.name)
    }
}

/// A variant's name as a field: `LogLevel` → `log_level`.
fn snake(variant: &str) -> String {
    let mut name = String::new();
    for letter in variant.chars() {
        if letter.is_ascii_uppercase() && !name.is_empty() {
            name.push('_');
        }
        name.push(letter.to_ascii_lowercase());
    }
    name
}
