//! The documents of a world: stacks like the article's, of parts that change, go and come back.
//!
//! What each part asks of AWS is said here a second time, by hand, in [`Fleet::expected`]: the product takes no part in
//! telling whether the product is right.

use std::collections::{BTreeMap, BTreeSet};

use fastrand::Rng;

/// A part of a stack: one document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Part {
    Namespace,
    Discovery,
    Tasks,
    Api,
    Link,
    Back,
    Home,
    List,
    Stage,
    Gate,
}

impl Part {
    pub(crate) const ALL: [Part; 10] = [
        Part::Namespace,
        Part::Discovery,
        Part::Tasks,
        Part::Api,
        Part::Link,
        Part::Back,
        Part::Gate,
        Part::Home,
        Part::List,
        Part::Stage,
    ];

    pub(crate) fn kind(self) -> &'static str {
        match self {
            Part::Namespace => "PrivateDnsNamespace",
            Part::Discovery => "DiscoveryService",
            Part::Tasks => "EcsService",
            Part::Api => "HttpApi",
            Part::Link => "VpcLink",
            Part::Back => "Integration",
            Part::Home | Part::List => "Route",
            Part::Stage => "Stage",
            Part::Gate => "Authorizer",
        }
    }

    fn word(self) -> &'static str {
        match self {
            Part::Namespace => "net",
            Part::Discovery => "find",
            Part::Tasks => "tasks",
            Part::Api => "api",
            Part::Link => "link",
            Part::Back => "back",
            Part::Home => "home",
            Part::List => "list",
            Part::Stage => "stage",
            Part::Gate => "gate",
        }
    }

    /// What must be there for it.
    fn needs(self) -> &'static [Part] {
        match self {
            Part::Namespace | Part::Api | Part::Link => &[],
            Part::Discovery => &[Part::Namespace],
            Part::Tasks => &[Part::Discovery],
            Part::Back => &[Part::Api, Part::Link, Part::Discovery],
            Part::Home => &[Part::Api, Part::Back],
            Part::List => &[Part::Api, Part::Back, Part::Gate],
            Part::Stage | Part::Gate => &[Part::Api],
        }
    }
}

/// What a document says besides its name: a version that its description tells, and two choices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Says {
    pub(crate) version: u64,
    pub(crate) a: u8,
    pub(crate) b: u8,
}

/// With it AWS calls a rollout failed; without, it goes on for ever.
const BREAKER: &str =
    ", deploymentConfiguration: { deploymentCircuitBreaker: { enable: true, rollback: false } }";

impl Says {
    /// Whether rollouts that fail are to be given up.
    pub(crate) fn gives_up(self) -> bool {
        self.a == 2
    }

    /// How many tasks it asks for; `None`: that is left to whoever scales them.
    pub(crate) fn tasks(self) -> Option<u8> {
        (self.b < 2).then_some(1 + self.b)
    }
}

/// The documents.
#[derive(Clone, Debug)]
pub(crate) struct Fleet {
    pub(crate) parts: BTreeMap<(usize, Part), Says>,
    stacks: usize,
    versions: u64,
    /// A document has joined, and went again.
    has_joined: bool,
}

pub(crate) fn name(stack: usize, part: Part) -> String {
    format!("{}{stack}", part.word())
}

/// `Kind/name`.
pub(crate) fn key(stack: usize, part: Part) -> String {
    format!("{}/{}", part.kind(), name(stack, part))
}

/// The stack that a document, or what stands for one, belongs to: `HttpApi/api0`, `routes HttpApi/api0 $default`.
pub(crate) fn stack_of(document: &str) -> Option<usize> {
    let (_, name) = document.split_once('/')?;
    let digits = name.trim_start_matches(|c: char| c.is_ascii_lowercase());
    digits.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

pub(crate) const SUBNETS: [&[&str]; 3] = [
    &["subnet-0aa11bb22cc33dd44", "subnet-0bb22cc33dd44ee55"],
    &["subnet-0aa11bb22cc33dd44"],
    &["subnet-0cc33dd44ee55ff66"],
];

impl Fleet {
    /// So many whole stacks.
    pub(crate) fn new(stacks: usize) -> Fleet {
        let mut fleet = Fleet { parts: BTreeMap::new(), stacks, versions: 0, has_joined: false };
        for stack in 0..stacks {
            for part in Part::ALL {
                fleet.versions += 1;
                fleet.parts.insert((stack, part), Says { version: fleet.versions, a: 0, b: 0 });
            }
        }
        fleet
    }

    /// Another choice somewhere, or a part less or more. Says what was done.
    pub(crate) fn change(&mut self, dice: &mut Rng) -> String {
        let (stack, part) = (dice.usize(..self.stacks), dice.choice(Part::ALL).unwrap_or(Part::Api));
        self.versions += 1;
        let version = self.versions;
        match (self.parts.get_mut(&(stack, part)), dice.u8(..10)) {
            (Some(_), 0..=2) => {
                self.take_out(stack, part, dice.bool());
                format!("{} goes", key(stack, part))
            }
            (Some(says), _) => {
                *says = Says { version, a: dice.u8(..3), b: dice.u8(..3) };
                format!("{} changes: {says:?}", key(stack, part))
            }
            (None, 0..=7) => {
                self.put_in(stack, part);
                format!("{} comes", key(stack, part))
            }
            (None, _) => "nothing changes".to_owned(),
        }
    }

    /// A part goes, perhaps with what needs it; the documents as they were come with it, to be put back.
    pub(crate) fn go_for_a_while(&mut self, dice: &mut Rng) -> Option<(String, Fleet)> {
        let before = self.clone();
        let there: Vec<(usize, Part)> = self.parts.keys().copied().collect();
        let (stack, part) = dice.choice(there)?;
        self.take_out(stack, part, dice.bool());
        Some((key(stack, part), before))
    }

    /// Takes a part out, with what needs it, or alone.
    fn take_out(&mut self, stack: usize, part: Part, alone: bool) {
        self.parts.remove(&(stack, part));
        if !alone {
            let left = |part: &Part| self.parts.contains_key(&(stack, *part));
            let lame: Vec<Part> =
                Part::ALL.into_iter().filter(|other| left(other) && other.needs().contains(&part)).collect();
            lame.into_iter().for_each(|other| self.take_out(stack, other, false));
        }
    }

    fn put_in(&mut self, stack: usize, part: Part) {
        part.needs().iter().for_each(|needed| self.put_in(stack, *needed));
        self.versions += 1;
        let says = Says { version: self.versions, a: 0, b: 0 };
        self.parts.entry((stack, part)).or_insert(says);
    }

    /// A document joins that has nothing to do with the others; its file. Once: what was held with the others and is
    /// back lets the others go.
    pub(crate) fn join(&mut self) -> Option<(String, Vec<u8>)> {
        if std::mem::replace(&mut self.has_joined, true) {
            return None;
        }
        self.versions += 1;
        let says = Says { version: self.versions, a: 0, b: 0 };
        self.parts.insert((self.stacks, Part::Api), says);
        let file = document(self.stacks, Part::Api, says).into_bytes();
        Some((format!("{}.yaml", name(self.stacks, Part::Api)), file))
    }

    /// It goes again.
    pub(crate) fn leave(&mut self) {
        self.parts.retain(|(stack, _), _| *stack < self.stacks);
    }

    /// The first API says another version, and nothing else is another.
    pub(crate) fn reword(&mut self) {
        self.versions += 1;
        let api = self.parts.iter_mut().find(|((_, part), _)| *part == Part::Api);
        if let Some((_, says)) = api {
            says.version = self.versions;
        }
    }

    /// These are to be otherwise: links to lie in other subnets, services to run another definition.
    pub(crate) fn ask_for_others(&mut self, documents: &[String]) {
        for ((stack, part), says) in &mut self.parts {
            if documents.contains(&key(*stack, *part)) {
                says.a = (says.a + 1) % 3;
            }
        }
    }

    /// Puts in whatever is missing for what is there, so that every document can come true.
    pub(crate) fn close(&mut self) {
        let there: Vec<(usize, Part)> = self.parts.keys().copied().collect();
        for (stack, part) in there {
            self.put_in(stack, part);
            if part == Part::Stage {
                self.put_in(stack, Part::Home); // an API without routes cannot be deployed
            }
        }
        if self.parts.is_empty() {
            self.put_in(0, Part::Api);
        }
    }

    /// `Kind/name` of every document.
    pub(crate) fn keys(&self) -> BTreeSet<String> {
        self.parts.keys().map(|(stack, part)| key(*stack, *part)).collect()
    }

    pub(crate) fn says(&self, stack: usize, part: Part) -> Option<Says> {
        self.parts.get(&(stack, part)).copied()
    }

    /// The files: name and content.
    pub(crate) fn files(&self, file_each: bool) -> BTreeMap<String, String> {
        let mut files: BTreeMap<String, String> = BTreeMap::new();
        for ((stack, part), says) in &self.parts {
            let name = if file_each { name(*stack, *part) } else { format!("stack{stack}") };
            let file = files.entry(format!("{name}.yaml")).or_default();
            if !file.is_empty() {
                file.push_str("---\n");
            }
            file.push_str(&document(*stack, *part, *says));
        }
        files
    }
}

/// A document's text.
pub(crate) fn document(stack: usize, part: Part, says: Says) -> String {
    let of = |part: Part| name(stack, part);
    let Says { version, a, b } = says;
    // From one to the other a label comes and another one goes: two calls.
    let labels = match (part, b) {
        (Part::Api, 1) => ", labels: { team: t1 }",
        (Part::Api, 2) => ", labels: { crew: t2 }",
        _ => "",
    };
    let (api, back, gate) = (of(Part::Api), of(Part::Back), of(Part::Gate));
    let spec = match part {
        Part::Namespace => format!(
            "{{ name: s{stack}.example.com, vpcSelector: {{ tags: {{ Name: awesome-vpc }} }}, description: v{version} }}"
        ),
        Part::Discovery => format!(
            "{{ namespaceRef: {}, description: v{version}, dnsConfig: {{ routingPolicy: MULTIVALUE, dnsRecords: [{{ type: SRV, ttl: {} }}] }}, healthCheckCustomConfig: {{ failureThreshold: 1 }} }}",
            of(Part::Namespace),
            60 - 10 * u32::from(a)
        ),
        Part::Tasks => format!(
            "{{ cluster: main, taskDefinition: \"great-task:{}\"{}{}, launchType: FARGATE, networkConfiguration: {{ awsvpcConfiguration: {{ subnetSelector: {{ tags: {{ Tier: private }} }}, securityGroupSelector: {{ tags: {{ Name: great-sg }} }} }} }}, serviceRegistries: [{{ discoveryServiceRef: {}, port: 80 }}] }}",
            1 + a % 2,
            says.tasks().map(|count| format!(", desiredCount: {count}")).unwrap_or_default(),
            if says.gives_up() { BREAKER } else { "" },
            of(Part::Discovery)
        ),
        Part::Api => {
            let cors = if a > 0 {
                format!("\n  corsConfiguration: {{ allowOrigins: [\"https://o{a}.example.com\"] }}")
            } else {
                String::new()
            };
            // In lines, so that one that is cut off may be a legal document.
            format!("\n  description: v{version}{cors}\n  version: v{version}")
        }
        Part::Link => format!(
            "{{ subnetIds: [{}], securityGroupIds: [sg-0123456789abcdef0] }}",
            SUBNETS[usize::from(a)].join(", ")
        ),
        Part::Back => {
            let tls = if b == 2 { ", tlsConfig: { serverNameToVerify: web.internal }" } else { "" };
            format!(
                "{{ apiRef: {api}, integrationType: HTTP_PROXY, integrationMethod: ANY, connectionType: VPC_LINK, vpcLinkRef: {}, discoveryServiceRef: {}, description: v{version}, timeoutInMillis: {}{tls} }}",
                of(Part::Link),
                of(Part::Discovery),
                9_000 + 1_000 * u32::from(a)
            )
        }
        Part::Home => format!(
            "{{ apiRef: {api}, routeKey: $default, integrationRef: {back}, operationName: v{version} }}"
        ),
        Part::List => format!(
            "{{ apiRef: {api}, routeKey: \"{}\", integrationRef: {back}, authorizationType: JWT, authorizerRef: {gate}, operationName: v{version} }}",
            LIST_KEYS[usize::from(a)]
        ),
        Part::Stage => {
            format!("{{ apiRef: {api}, stageName: $default, autoDeploy: true, description: v{version} }}")
        }
        Part::Gate => format!(
            "{{ apiRef: {api}, authorizerType: JWT, jwtConfiguration: {{ issuer: \"https://i{a}.example.com\", audience: [web] }} }}"
        ),
    };
    format!(
        "apiVersion: hatoba/v1\nkind: {}\nmetadata: {{ name: {}{labels} }}\nspec: {spec}\n",
        part.kind(),
        of(part)
    )
}

pub(crate) const LIST_KEYS: [&str; 3] = ["GET /orders", "POST /orders", "GET /orders/{id}"];

/// Values that only documents hold, and what they ask for in AWS.
pub(crate) const VALUES: [&str; 6] = [
    "o1.example.com",
    "o2.example.com",
    "i0.example.com",
    "i1.example.com",
    "i2.example.com",
    "web.internal",
];
