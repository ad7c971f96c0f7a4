//! Documents that change: the article's stack, and APIs beside it that come and go. A seed says how.

use std::collections::BTreeMap;
use std::path::Path;

use crate::aws::{Aws, SAMPLES, put};

/// APIs beside the stack, at most.
const BESIDE_MAX: usize = 4;
/// Links that stand at one time: one that was replaced stays a minute after its last user.
const LINKS_MAX: usize = 4;

/// Where documents lie.
#[derive(Debug)]
pub(crate) enum Home {
    Folder(tempfile::TempDir),
    /// The prefix `prod` of the bucket `docs`.
    Bucket,
}

impl Home {
    pub(crate) fn folder() -> Home {
        Home::Folder(tempfile::tempdir().unwrap())
    }

    pub(crate) fn bucket(aws: &Aws) -> Home {
        aws.with(|world| world.create_bucket("docs"));
        Home::Bucket
    }

    /// As `--source` takes it.
    pub(crate) fn source(&self) -> String {
        match self {
            Home::Folder(folder) => folder.path().to_str().unwrap().to_owned(),
            Home::Bucket => "s3://docs/prod".to_owned(),
        }
    }

    /// Puts exactly these files there.
    pub(crate) fn put(&self, aws: &Aws, files: &BTreeMap<String, String>) {
        match self {
            Home::Folder(folder) => put_all(folder.path(), files),
            Home::Bucket => aws.with(|world| {
                for (name, text) in files {
                    world.put_object("docs", &format!("prod/{name}"), text.as_bytes());
                }
                for key in world.keys("docs") {
                    if key.strip_prefix("prod/").is_some_and(|name| !files.contains_key(name)) {
                        world.delete_object("docs", &key);
                    }
                }
            }),
        }
    }
}

fn put_all(folder: &Path, files: &BTreeMap<String, String>) {
    for (name, text) in files {
        put(folder, name, text);
    }
    for entry in std::fs::read_dir(folder).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        if !name.starts_with('.') && !files.contains_key(&name) {
            std::fs::remove_file(folder.join(name)).unwrap();
        }
    }
}

/// What the documents say now.
#[derive(Clone, Debug)]
pub(crate) struct Fleet {
    dice: fastrand::Rng,
    version: u32,
    api: u32,
    stage: u32,
    timeout: u32,
    ttl: u32,
    is_other_zone: bool,
    revision: u8,
    tasks: u8,
    /// APIs beside the stack, by number: what they say.
    beside: BTreeMap<u32, u32>,
}

impl Fleet {
    pub(crate) fn new(seed: u64) -> Fleet {
        let dice = fastrand::Rng::with_seed(seed);
        let (timeout, ttl) = (29_000, 60);
        let (revision, tasks, beside) = (1, 1, BTreeMap::new());
        Fleet {
            dice,
            version: 0,
            api: 0,
            stage: 0,
            timeout,
            ttl,
            is_other_zone: false,
            revision,
            tasks,
            beside,
        }
    }

    /// Changes one thing, while so many VPC links stand; says what.
    pub(crate) fn change(&mut self, links: usize) -> String {
        self.version += 1;
        let version = self.version;
        let what = match self.dice.u8(0..10) {
            0 => {
                self.api = version;
                "the API's description".to_owned()
            }
            1 => {
                self.stage = version;
                "a variable of the stage".to_owned()
            }
            2 => {
                self.timeout = 20_000 + version;
                "the integration's timeout".to_owned()
            }
            3 => {
                self.ttl = 60 + version;
                "the records' TTL".to_owned()
            }
            4 if links < LINKS_MAX => {
                self.is_other_zone = !self.is_other_zone;
                "the link's subnets".to_owned()
            }
            5 => {
                self.revision = 3 - self.revision;
                "the task definition".to_owned()
            }
            6 => {
                self.tasks = 3 - self.tasks;
                "the number of tasks".to_owned()
            }
            7 | 8 if self.beside.len() < BESIDE_MAX => {
                self.beside.insert(version, version);
                "an API more".to_owned()
            }
            number if !self.beside.is_empty() => {
                let one = self.one_beside();
                match number {
                    9 => {
                        self.beside.remove(&one);
                        format!("the API beside-{one} less")
                    }
                    _ => {
                        self.beside.insert(one, version);
                        format!("the API beside-{one}")
                    }
                }
            }
            _ => {
                self.api = version;
                "the API's description".to_owned()
            }
        };
        format!("version {version}: {what}")
    }

    fn one_beside(&mut self) -> u32 {
        let all: Vec<u32> = self.beside.keys().copied().collect();
        self.dice.choice(all).unwrap()
    }

    /// The API's description, which counts up with each change of it.
    pub(crate) fn say(&mut self, version: u32) {
        (self.version, self.api) = (self.version.max(version), version);
    }

    /// By name.
    pub(crate) fn files(&self) -> BTreeMap<String, String> {
        let [discovery, service, api] = SAMPLES.map(|(_, text)| text.to_owned());
        let link = "subnetSelector: { tags: { Tier: private } }";
        // Neither has what the other has: subnets that still match would be left in use.
        let zone = if self.is_other_zone { "private-b" } else { "private-a" };
        let subnets = format!("subnetSelector: {{ tags: {{ Name: {zone} }} }}");
        let api = with(&api, "spec: {}", &format!("spec: {{ description: \"version {}\" }}", self.api));
        let api = with(&api, link, &subnets);
        let api = with(&api, "  vpcLinkRef:", &format!("  timeoutInMillis: {}\n  vpcLinkRef:", self.timeout));
        let stage = format!("autoDeploy: true, stageVariables: {{ version: \"{}\" }} }}", self.stage);
        let api = with(&api, "autoDeploy: true }", &stage);
        let discovery = with(&discovery, "ttl: 60", &format!("ttl: {}", self.ttl));
        let service = with(&service, "great-task:1", &format!("great-task:{}", self.revision));
        let service = with(&service, "desiredCount: 1", &format!("desiredCount: {}", self.tasks));
        let mut files: BTreeMap<String, String> =
            [("discovery.yaml", discovery), ("service.yaml", service), ("api.yaml", api)]
                .map(|(name, text)| (name.to_owned(), text))
                .into();
        files.extend(
            self.beside
                .iter()
                .map(|(number, says)| (format!("beside-{number}.yaml"), beside(*number, *says))),
        );
        files
    }
}

/// The text with something else in the first such place, which must be there.
fn with(text: &str, from: &str, to: &str) -> String {
    assert!(text.contains(from), "no `{from}` in {text}");
    text.replacen(from, to, 1)
}

/// An API of its own, in four documents.
fn beside(number: u32, says: u32) -> String {
    format!(
        "\
apiVersion: hatoba/v1
kind: HttpApi
metadata: {{ name: beside-{number} }}
spec: {{ description: \"version {says}\" }}
---
apiVersion: hatoba/v1
kind: Integration
metadata: {{ name: out-of-{number} }}
spec:
  apiRef: beside-{number}
  integrationType: HTTP_PROXY
  integrationMethod: ANY
  integrationUri: https://example.com/{says}
---
apiVersion: hatoba/v1
kind: Route
metadata: {{ name: all-of-{number} }}
spec: {{ apiRef: beside-{number}, routeKey: $default, integrationRef: out-of-{number} }}
---
apiVersion: hatoba/v1
kind: Stage
metadata: {{ name: stage-of-{number} }}
spec: {{ apiRef: beside-{number}, stageName: $default, autoDeploy: true }}
"
    )
}
