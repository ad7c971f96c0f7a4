//! Documents as files: what people read, and how files that are there are left alone.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail, ensure};
use hatoba_core::{Document, Key};
use hatoba_kinds::{Found, Imported};
use hatoba_source::{Variables, emit_with_variables, read_directory};

use crate::report::visible;

/// An API may have hundreds of routes, and a file so many keys and values; an ordinary document has some dozens.
const DOCUMENTS_IN_A_FILE: usize = 80;

/// Where documents go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum To {
    /// Standard output.
    Print,
    /// One file.
    File(PathBuf),
    /// A file for each API, namespace, link and so on, with what stands in it; several, where that is much.
    Folder(PathBuf),
}

impl To {
    /// By the name that was given.
    pub(super) fn of(given: Option<&Path>) -> To {
        match given {
            None => To::Print,
            Some(path)
                if !path.is_dir() && path.extension().is_some_and(|end| end == "yaml" || end == "yml") =>
            {
                To::File(path.to_owned())
            }
            Some(path) => To::Folder(path.to_owned()),
        }
    }

    /// The names of documents that are there already. One that takes a resource of these over is not counted: its name
    /// is the name that it would get again, and the file is in the way.
    ///
    /// # Errors
    /// When the folder cannot be read, or one of its files.
    pub(super) fn taken(&self, found: &[Found]) -> anyhow::Result<BTreeSet<Key>> {
        let folder = match self {
            To::Folder(folder) if folder.exists() => folder,
            _ => return Ok(BTreeSet::new()),
        };
        let snapshot = read_directory(folder, &Variables::default())?;
        if let Some(file) = snapshot.unreadable.first() {
            bail!(
                "{}: {}; expected documents, or an empty folder",
                visible(&file.file),
                visible(&file.reason)
            );
        }
        let is_again = |document: &&Document| {
            let id = document.policy.adopt.as_ref().and_then(|adopt| adopt.id.as_ref());
            let is_it =
                |found: &Found| found.kind.table().kind == document.key.kind && id == Some(&found.object.id);
            found.iter().any(is_it)
        };
        let held = snapshot.held.iter().map(|held| held.key.clone());
        let others = snapshot.documents.iter().filter(|document| !is_again(document));
        Ok(others.map(|document| document.key.clone()).chain(held).collect())
    }

    /// The files, by name: documents in the order in which their resources could be made.
    pub(super) fn files(&self, imported: &[Imported]) -> BTreeMap<PathBuf, String> {
        let mut files: BTreeMap<PathBuf, Vec<String>> = BTreeMap::new();
        let mut written: BTreeMap<String, usize> = BTreeMap::new();
        for one in imported {
            let file = match self {
                To::Print => PathBuf::from("documents.yaml"),
                To::File(path) => path.clone(),
                To::Folder(folder) => {
                    let stem = format!("{}-{}", kebab(&one.root.kind), one.root.name);
                    let before = written.entry(stem.clone()).or_default();
                    let number = *before / DOCUMENTS_IN_A_FILE;
                    *before += 1;
                    folder.join(if number == 0 {
                        format!("{stem}.yaml")
                    } else {
                        format!("{stem}-{}.yaml", number + 1)
                    })
                }
            };
            files.entry(file).or_default().push(text(one));
        }
        files.into_iter().map(|(file, texts)| (file, texts.join("---\n"))).collect()
    }

    /// Prints or writes them.
    ///
    /// # Errors
    /// When one of the files is there already, then nothing is written; or one cannot be written.
    pub(super) fn write(&self, files: &BTreeMap<PathBuf, String>) -> anyhow::Result<()> {
        if *self == To::Print {
            let mut out = std::io::stdout().lock();
            for text in files.values() {
                match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
                    Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => return Err(error.into()),
                    _ => {}
                }
            }
            return Ok(());
        }
        let there: Vec<String> =
            files.keys().filter(|file| file.symlink_metadata().is_ok()).map(|file| shown(file)).collect();
        ensure!(
            there.is_empty(),
            "nothing was written, for no file is overwritten: {}; give another place with --to",
            there.join(", ")
        );
        for (file, text) in files {
            if let Some(folder) = file.parent().filter(|folder| !folder.as_os_str().is_empty()) {
                fs::create_dir_all(folder)
                    .with_context(|| format!("cannot make the folder {}", shown(folder)))?;
            }
            let mut new = OpenOptions::new()
                .write(true)
                .create_new(true)
                .open(file)
                .with_context(|| format!("cannot write {}", shown(file)))?;
            new.write_all(text.as_bytes()).with_context(|| format!("cannot write {}", shown(file)))?;
        }
        Ok(())
    }
}

pub(super) fn shown(path: &Path) -> String {
    visible(&path.display().to_string())
}

/// One document, below what is worth knowing of it.
fn text(imported: &Imported) -> String {
    let mut comments = vec![format!("# {}", visible(&imported.origin))];
    comments.extend(imported.remarks.iter().map(|remark| format!("# {}", visible(remark))));
    if !imported.variables.is_empty() {
        comments.push("# what looks like a secret is a variable: see `hatoba run --help`, --var".to_owned());
    }
    comments.join("\n") + "\n" + &emit_with_variables(&imported.document, &imported.variables)
}

/// `HttpApi` → `http-api`.
fn kebab(kind: &str) -> String {
    let mut kebab = String::new();
    for letter in kind.chars() {
        if letter.is_ascii_uppercase() && !kebab.is_empty() {
            kebab.push('-');
        }
        kebab.push(letter.to_ascii_lowercase());
    }
    kebab
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_file_is_overwritten_and_then_none_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::write(at("b.yaml"), "mine").unwrap();
        let files = BTreeMap::from([(at("a.yaml"), "a".to_owned()), (at("b.yaml"), "b".to_owned())]);
        let error = To::Folder(folder.path().to_owned()).write(&files).unwrap_err().to_string();
        assert!(error.contains("b.yaml") && !error.contains("a.yaml"), "{error}");
        assert!(!at("a.yaml").exists());
        assert_eq!(fs::read_to_string(at("b.yaml")).unwrap(), "mine");
        let elsewhere = BTreeMap::from([(at("new/c.yaml"), "c".to_owned())]);
        To::Folder(at("new")).write(&elsewhere).unwrap();
        assert_eq!(fs::read_to_string(at("new/c.yaml")).unwrap(), "c");
    }

    #[test]
    fn an_api_with_many_routes_comes_in_files_that_can_be_read() {
        const ROUTES: usize = 600;
        let folder = tempfile::tempdir().unwrap();
        let (each, together) = (folder.path().join("each"), folder.path().join("together"));
        fs::create_dir(&each).unwrap();
        for n in 0..ROUTES {
            let route = format!(
                "apiVersion: hatoba/v1\nkind: Route\nmetadata: {{ name: r{n} }}\nspec: {{ apiRef: shop, routeKey: GET /r{n} }}\n"
            );
            fs::write(each.join(format!("r{n}.yaml")), route).unwrap();
        }
        let of_shop = |document: Document| Imported {
            document,
            variables: BTreeMap::new(),
            origin: String::new(),
            remarks: Vec::new(),
            root: Key::new("HttpApi", "shop"),
        };
        let read = |folder: &Path| read_directory(folder, &Variables::default()).unwrap();
        let imported: Vec<Imported> = read(&each).documents.into_iter().map(of_shop).collect();
        let to = To::Folder(together.clone());
        to.write(&to.files(&imported)).unwrap();
        let again = read(&together);
        assert_eq!((again.documents.len(), again.unreadable.len()), (ROUTES, 0), "{:?}", again.unreadable);
        assert!(
            together.join("http-api-shop.yaml").exists() && together.join("http-api-shop-8.yaml").exists()
        );
    }

    #[test]
    fn a_place_is_a_file_by_its_name_unless_it_is_a_folder() {
        let folder = tempfile::tempdir().unwrap();
        let odd = folder.path().join("odd.yaml");
        assert_eq!(To::of(Some(&odd)), To::File(odd.clone()));
        fs::create_dir(&odd).unwrap();
        assert_eq!(To::of(Some(&odd)), To::Folder(odd));
        assert_eq!(To::of(Some(Path::new("documents"))), To::Folder("documents".into()));
        assert_eq!(To::of(None), To::Print);
    }

    #[test]
    fn documents_that_are_there_keep_their_names() {
        let folder = tempfile::tempdir().unwrap();
        let to = To::Folder(folder.path().to_owned());
        let api = "apiVersion: hatoba/v1\nkind: HttpApi\nmetadata: { name: shop }\nspec: {}\n";
        fs::write(folder.path().join("a.yaml"), api).unwrap();
        assert_eq!(to.taken(&[]).unwrap(), BTreeSet::from([Key::new("HttpApi", "shop")]));
        assert_eq!(To::Folder(folder.path().join("new")).taken(&[]).unwrap(), BTreeSet::new());
    }
}
