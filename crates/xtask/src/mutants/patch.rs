//! A patch as `git diff` writes it, applied without git: a scratch copy is no repository, and a machine may have none.
//!
//! A hunk goes where its lines stand, and where they stand several times, nearest to the line that it names: other
//! changes of the file do not matter to it, those of its own lines do.

use std::collections::BTreeMap;
use std::path::{Component, Path};

use anyhow::{Context, Result, bail, ensure};

/// Some changes of some files.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Patch {
    /// By path, from the root.
    files: BTreeMap<String, Vec<Hunk>>,
}

/// Lines that stand in a file, and those that take their place.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Hunk {
    /// From 1.
    line: usize,
    before: Vec<String>,
    after: Vec<String>,
}

impl Patch {
    /// Reads what follows the first line that begins with `diff --git`.
    ///
    /// # Errors
    /// When it is no patch, or one that does more than change files of the product.
    pub(crate) fn read(text: &str) -> Result<Patch> {
        let mut patch = Patch::default();
        let mut file = String::new();
        for line in text.lines().skip_while(|line| !line.starts_with("diff --git ")) {
            if let Some(path) = line.strip_prefix("+++ ") {
                file = path.strip_prefix("b/").context("expected `+++ b/<path>`")?.to_owned();
                let is_plain = Path::new(&file).components().all(|part| matches!(part, Component::Normal(_)));
                ensure!(is_plain && file.starts_with("crates/"), "{file} is no file of the product");
                patch.files.entry(file.clone()).or_default();
            } else if let Some(at) = line.strip_prefix("@@ -") {
                let number = at.split([',', ' ']).next().and_then(|number| number.parse().ok());
                let line = number.with_context(|| format!("expected a line number in `{line}`"))?;
                patch.hunks(&file)?.push(Hunk { line, ..Hunk::default() });
            } else if !["diff --git ", "index ", "--- "].iter().any(|header| line.starts_with(header)) {
                let hunk =
                    patch.hunks(&file)?.last_mut().with_context(|| format!("`{line}` is in no hunk"))?;
                hunk.take(line)?;
            }
        }
        ensure!(patch.files.values().any(|hunks| !hunks.is_empty()), "there is no change in it");
        Ok(patch)
    }

    fn hunks(&mut self, file: &str) -> Result<&mut Vec<Hunk>> {
        self.files.get_mut(file).context("expected `+++ b/<path>` first")
    }

    /// The files that it changes.
    pub(crate) fn files(&self) -> impl Iterator<Item = &str> {
        self.files.keys().map(String::as_str)
    }

    /// The files as they are afterwards, by path. Nothing is written.
    ///
    /// # Errors
    /// When a file, or lines of it, are not there.
    pub(crate) fn applied(&self, root: &Path) -> Result<BTreeMap<String, String>> {
        let mut changed = BTreeMap::new();
        for (file, hunks) in &self.files {
            let text =
                std::fs::read_to_string(root.join(file)).with_context(|| format!("cannot read {file}"))?;
            let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
            let mut shift = 0;
            for hunk in hunks {
                let named = hunk.line.saturating_sub(1).saturating_add_signed(shift);
                let Some(at) = hunk.place(&lines, named) else {
                    bail!("the lines around {file}:{} are not as it expects them", hunk.line);
                };
                lines.splice(at..at + hunk.before.len(), hunk.after.iter().cloned());
                shift += hunk.after.len().cast_signed() - hunk.before.len().cast_signed();
            }
            changed.insert(file.clone(), lines.join("\n") + "\n");
        }
        Ok(changed)
    }
}

impl Hunk {
    fn take(&mut self, line: &str) -> Result<()> {
        let text = || line.get(1..).unwrap_or_default().to_owned();
        match line.chars().next() {
            Some(' ') | None => {
                self.before.push(text());
                self.after.push(text());
            }
            Some('-') => self.before.push(text()),
            Some('+') => self.after.push(text()),
            Some('\\') => {} // no newline at the end of the file
            Some(_) => bail!("`{line}` is no line of a patch"),
        }
        Ok(())
    }

    fn place(&self, lines: &[String], named: usize) -> Option<usize> {
        let size = self.before.len();
        let last = lines.len().checked_sub(size)?;
        let fits = |at: &usize| lines[*at..*at + size] == self.before[..];
        (0..=last).filter(fits).min_by_key(|at| at.abs_diff(named))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATCH: &str = "\
What it stands for.
What kills it.

diff --git a/crates/a/src/lib.rs b/crates/a/src/lib.rs
--- a/crates/a/src/lib.rs
+++ b/crates/a/src/lib.rs
@@ -4,3 +4,2 @@
 one
-two
-three
+drei
@@ -9,1 +8,2 @@
 one
+more
";

    fn root(text: &str) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(root.path().join("crates/a/src")).unwrap();
        std::fs::write(root.path().join("crates/a/src/lib.rs"), text).unwrap();
        root
    }

    fn applied(text: &str) -> Result<String> {
        let patch = Patch::read(PATCH).unwrap();
        patch.applied(root(text).path()).map(|mut files| files.remove("crates/a/src/lib.rs").unwrap())
    }

    #[test]
    fn a_hunk_goes_where_its_lines_stand() {
        let text = "new\nnew\nnew\none\ntwo\nthree\nx\ny\none\n";
        assert_eq!(applied(text).unwrap(), "new\nnew\nnew\none\ndrei\nx\ny\none\nmore\n");
    }

    #[test]
    fn what_does_not_stand_there_is_not_changed() {
        let error = applied("one\ntwo\nvier\n").unwrap_err();
        assert_eq!(error.to_string(), "the lines around crates/a/src/lib.rs:4 are not as it expects them");
    }

    #[test]
    fn a_patch_changes_the_product_alone() {
        for other in ["tests/simulation/judge.rs", "crates/../tests/a.rs", "/etc/passwd"] {
            let error = Patch::read(&PATCH.replace("crates/a/src/lib.rs", other)).unwrap_err();
            assert!(error.to_string().ends_with("is no file of the product"), "{error}");
        }
        assert!(Patch::read("nothing").is_err());
    }
}
