//! Events from the operating system: hints when to look, and proof that a file arrived by renaming.
//!
//! An event carries no content and may be lost; nothing rests on it but speed.

use std::collections::BTreeSet;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use notify::event::{EventKind, ModifyKind, RenameMode};
use notify::{Event, RecommendedWatcher, RecursiveMode, Watcher as _};
use tokio::sync::Notify;
use tracing::{debug, warn};

/// Most renames remembered between two looks. A forgotten one costs a settle interval.
const ARRIVALS_MAX: usize = 10_000;

/// A watched folder.
pub(super) struct Watch {
    root: PathBuf,
    signal: Arc<Signal>,
    running: Option<Running>,
    /// The warning was given.
    has_warned: bool,
}

struct Running {
    /// Device and inode of the watched folder: another one may stand at the path by now.
    identity: (u64, u64),
    _watcher: RecommendedWatcher,
}

#[derive(Default)]
struct Signal {
    notify: Notify,
    renamed: Mutex<BTreeSet<String>>,
}

impl Watch {
    /// Begins to watch, or warns.
    pub(super) fn new(root: &Path) -> Self {
        let mut watch =
            Watch { root: root.to_owned(), signal: Arc::default(), running: None, has_warned: false };
        watch.restart_if_moved();
        watch
    }

    /// Whether events come at all.
    #[cfg(test)]
    pub(super) fn is_running(&self) -> bool {
        self.running.is_some()
    }

    /// Resolves at the next event; an event while nobody waits is kept.
    pub(super) async fn event(&self) {
        self.signal.notify.notified().await;
    }

    /// The files that arrived by renaming since the last call. Also follows the root if it was swapped.
    pub(super) fn take_arrivals(&mut self) -> BTreeSet<String> {
        self.restart_if_moved();
        std::mem::take(&mut *self.signal.renamed.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn restart_if_moved(&mut self) {
        let Ok(root) = self.root.canonicalize() else { return };
        let Ok(metadata) = root.metadata() else { return };
        let identity = (metadata.dev(), metadata.ino());
        if self.running.as_ref().is_some_and(|running| running.identity == identity) {
            return;
        }
        let signal = Arc::clone(&self.signal);
        let base = root.clone();
        let started =
            notify::recommended_watcher(move |event| signal.take(&base, event)).and_then(|mut watcher| {
                watcher.watch(&root, RecursiveMode::Recursive)?;
                Ok(watcher)
            });
        match started {
            Ok(watcher) => {
                debug!(root = %self.root.display(), "watching");
                self.running = Some(Running { identity, _watcher: watcher });
                self.has_warned = false;
            }
            Err(error) => {
                self.running = None;
                if !self.has_warned {
                    warn!(root = %self.root.display(), %error, "cannot watch the source; changes are seen at the next rescan");
                    self.has_warned = true;
                }
            }
        }
    }
}

impl Signal {
    /// Takes one event, on the watcher's thread.
    fn take(&self, root: &Path, event: notify::Result<Event>) {
        // After an error (a queue that ran over) anything may have changed.
        let Ok(event) = event else { return self.notify.notify_one() };
        if event.need_rescan() {
            return self.notify.notify_one();
        }
        if matches!(event.kind, EventKind::Access(_)) {
            return; // our own reading is one
        }
        let names: Vec<String> = event.paths.iter().filter_map(|path| name_below(root, path)).collect();
        if names.is_empty() {
            return;
        }
        self.note_renames(event.kind, &names);
        self.notify.notify_one();
    }

    fn note_renames(&self, kind: EventKind, names: &[String]) {
        let mut renamed = self.renamed.lock().unwrap_or_else(PoisonError::into_inner);
        match kind {
            EventKind::Modify(ModifyKind::Name(RenameMode::To | RenameMode::Both)) => {
                // Of both names the new one comes last.
                if let Some(name) = names.last().filter(|_| renamed.len() < ARRIVALS_MAX) {
                    renamed.insert(name.clone());
                }
            }
            // Whoever writes after the renaming may be half-way through.
            _ => names.iter().for_each(|name| {
                renamed.remove(name);
            }),
        }
    }
}

/// The path below the root, if a change there may change the documents; a look too many costs little. Dot folders (`.git`, our own `.hatoba`) do
/// not count, but names that begin with `..` do: Kubernetes swaps `..data`.
fn name_below(root: &Path, path: &Path) -> Option<String> {
    let below = path.strip_prefix(root).ok()?;
    let mut parts = Vec::new();
    for component in below.components() {
        let Component::Normal(part) = component else { return None };
        let part = part.to_string_lossy();
        if part.starts_with('.') && !part.starts_with("..") {
            return None;
        }
        parts.push(part.into_owned());
    }
    Some(parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn renamed_after(events: &[(EventKind, &str)]) -> Vec<String> {
        let signal = Signal::default();
        for (kind, path) in events {
            signal.take(Path::new("/root"), Ok(Event::new(*kind).add_path(Path::new("/root").join(path))));
        }
        let renamed = signal.renamed.lock().unwrap();
        renamed.iter().cloned().collect()
    }

    #[test]
    fn renaming_is_remembered_until_somebody_writes() {
        let to = EventKind::Modify(ModifyKind::Name(RenameMode::To));
        let from = EventKind::Modify(ModifyKind::Name(RenameMode::From));
        let data = EventKind::Modify(ModifyKind::Data(notify::event::DataChange::Any));
        let read = EventKind::Access(notify::event::AccessKind::Any);
        assert_eq!(renamed_after(&[(to, "a.yaml"), (to, "x/b.yaml")]), ["a.yaml", "x/b.yaml"]);
        assert_eq!(renamed_after(&[(to, "a.yaml"), (data, "a.yaml")]), [""; 0]);
        assert_eq!(renamed_after(&[(to, "a.yaml"), (from, "a.yaml")]), [""; 0]);
        assert_eq!(renamed_after(&[(to, "a.yaml"), (read, "a.yaml"), (data, "b.yaml")]), ["a.yaml"]);
    }

    #[test]
    fn which_paths_are_news() {
        let below = |path: &str| name_below(Path::new("/root"), Path::new(path));
        assert_eq!(below("/root/a/b.yaml").as_deref(), Some("a/b.yaml"));
        assert_eq!(below("/root/..data").as_deref(), Some("..data"));
        assert_eq!(below("/root").as_deref(), Some(""));
        for path in ["/root/.hatoba/status.json", "/root/.a.yaml.swp", "/root/a/.git/x", "/other/a.yaml"] {
            assert_eq!(below(path), None, "{path}");
        }
    }
}
