//! Answers that the real AWS gave, read from a folder of files: each goes through the product's own driver and
//! client, and no member that we manage may be lost when it is read or when it is written again.
//!
//! `HATOBA_RECORDINGS` names the folder. A file is one answer: `{service, operation, status, body}`, the body as it
//! was on the wire. The recordings are no part of the repository; what proves that a loss is seen are the made-up
//! answers of [`made_up`].

mod made_up;
mod members;
mod odd;
mod replay;
mod sorts;
mod wire;

use std::collections::BTreeMap;
use std::path::Path;

use hatoba_kinds::KindId;
use serde_json::Value;

use self::replay::Replay;
use hatoba_tests::tools::say;

/// One answer of AWS.
struct Recording {
    file: String,
    service: String,
    operation: String,
    status: u16,
    body: Value,
}

/// What a recording came to.
#[derive(Default)]
struct Tally {
    /// Resources that were replayed, by operation.
    replayed: BTreeMap<String, usize>,
    /// Why others were not.
    left: BTreeMap<String, usize>,
    wrong: Vec<String>,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn recorded_answers_lose_nothing() {
    let Some(folder) = std::env::var_os("HATOBA_RECORDINGS") else {
        say(
            "SKIPPED, also where HATOBA_REQUIRE_ALL is set: HATOBA_RECORDINGS names no folder of recorded answers, \
             which are no part of the repository",
        );
        return;
    };
    let mut tally = Tally::default();
    let recordings = read(Path::new(&folder));
    assert!(!recordings.is_empty(), "{}: no recorded answer", folder.display());
    for recording in recordings {
        recording.replay(&mut tally).await;
    }
    for (what, count) in &tally.replayed {
        println!("replayed {count:4} {what}");
    }
    for (why, count) in &tally.left {
        println!("left     {count:4} {why}");
    }
    assert!(tally.wrong.is_empty(), "{} things are wrong:\n{}", tally.wrong.len(), tally.wrong.join("\n"));
}

/// Every file of a folder, however deep.
fn read(folder: &Path) -> Vec<Recording> {
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .unwrap_or_else(|error| panic!("HATOBA_RECORDINGS: {}: {error}", folder.display()))
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    let mut recordings = Vec::new();
    for file in files {
        if file.is_dir() {
            recordings.extend(read(&file));
        } else if file.extension().is_some_and(|extension| extension == "json") {
            recordings.push(Recording::read(&file));
        }
    }
    recordings
}

impl Recording {
    fn read(file: &Path) -> Recording {
        let shown = file.display();
        let text = std::fs::read_to_string(file).unwrap_or_else(|error| panic!("{shown}: {error}"));
        let mut whole: Value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{shown}: {error}"));
        let text = |name: &str| match whole[name].as_str() {
            Some(text) => text.to_owned(),
            None => panic!("{shown}: expected a text `{name}`, got {}", whole[name]),
        };
        Recording {
            file: file.file_name().unwrap_or_default().to_string_lossy().into_owned(),
            service: text("service"),
            operation: text("operation"),
            status: whole["status"].as_u64().and_then(|status| u16::try_from(status).ok()).unwrap_or(200),
            body: whole["body"].take(),
        }
    }

    fn name(&self) -> String {
        format!("{}.{}", self.service, self.operation)
    }

    async fn replay(&self, tally: &mut Tally) {
        let sort = sorts::of_operation(&self.service, &self.operation);
        if let (Some((sort, place)), 200..300) = (sort, self.status) {
            for resource in place.of(&self.body) {
                self.resource(sort, &resource, tally).await;
            }
        }
        self.answer(tally).await;
    }

    /// A resource in the answer.
    async fn resource(&self, sort: &'static sorts::Sort, resource: &Value, tally: &mut Tally) {
        let leave = |tally: &mut Tally, why: &str| {
            *tally.left.entry(format!("{}: {why}", self.name())).or_default() += 1;
        };
        match (sort.kind)(resource) {
            Ok(name) => match KindId::of(name) {
                Some(kind) => {
                    let replay = Replay::new(kind, sort, resource);
                    let wrong = guarded(replay.clone()).await;
                    tally.wrong.extend(wrong.into_iter().map(|what| format!("{}: {what}", self.file)));
                    let odd = odd::survives(&replay).await;
                    tally.wrong.extend(odd.into_iter().map(|what| format!("{}: {what}", self.file)));
                    *tally.replayed.entry(format!("{} as {name}", self.name())).or_default() += 1;
                }
                None => leave(tally, &format!("{name} is no kind")),
            },
            Err(why) => {
                for kind in sort.kinds.iter().filter_map(|kind| KindId::of(kind)) {
                    match Replay::new(kind, sort, resource).listed(resource).await {
                        Ok(objects) if objects.is_empty() => leave(tally, why),
                        other => tally.wrong.push(format!("{}: {why}, but shown: {other:?}", self.file)),
                    }
                }
            }
        }
    }

    /// The answer itself, as the answer to its operation, with a made-up resource around it.
    async fn answer(&self, tally: &mut Tally) {
        let mut users = 0;
        for (kind, sort, resource) in made_up::resources() {
            let calls = |kind: KindId| {
                kind.operations().iter().any(|one| one.service == self.service && one.name == self.operation)
            };
            if !calls(kind) {
                continue;
            }
            users += 1;
            let mut replay = Replay::new(kind, sort, &resource);
            replay.given.push((self.operation.clone(), (self.status, self.body.clone())));
            let wrong = guarded(replay).await;
            let refused = wrong.iter().filter(|what| {
                // An answer about another resource says other things; it must be readable.
                self.status < 300 && what.contains(&format!("{}:{}: ", self.service, self.operation))
            });
            let kind = kind.table().kind;
            tally.wrong.extend(refused.map(|what| format!("{}: as the answer to {kind}: {what}", self.file)));
            let panics = wrong.iter().filter(|what| what.starts_with("panic"));
            tally.wrong.extend(panics.map(|what| format!("{}: as the answer to {kind}: {what}", self.file)));
        }
        match users {
            0 if sorts::of_operation(&self.service, &self.operation).is_none() => {
                *tally.left.entry(format!("{}: no driver calls it", self.name())).or_default() += 1;
            }
            0 => {}
            _ => *tally.replayed.entry(format!("{} as an answer", self.name())).or_default() += 1,
        }
    }
}

/// A replay; a panic of the product is one of the things that are wrong.
async fn guarded(replay: Replay) -> Vec<String> {
    match tokio::spawn(async move { replay.run().await }).await {
        Ok(wrong) => wrong,
        Err(panic) => vec![format!("panic: {panic}")],
    }
}
