//! The book holds together: every page is in the table of contents, every link within the repository leads somewhere, to
//! the very section where it names one, and every sample is shown.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Component, Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::shell;

/// Checks `docs/src` and the READMEs.
///
/// # Errors
/// One error that lists everything that is wrong.
pub(crate) fn check() -> Result<()> {
    let source = shell::root().join("docs/src");
    let mut pages = Vec::new();
    collect(&source, &mut pages)?;
    let mut wrong = Vec::new();
    let contents = source.join("SUMMARY.md");
    let listed = targets(&contents)?
        .into_iter()
        .map(|link| clean(&source.join(link.split('#').next().unwrap_or_default())))
        .collect::<BTreeSet<_>>();
    for page in pages.iter().filter(|page| **page != contents && !listed.contains(*page)) {
        wrong.push(format!("{} is not linked in SUMMARY.md", shown(page)));
    }
    wrong.extend(samples_left_out(&pages)?);
    pages.extend(["README.md", "README.ja.md"].map(|readme| shell::root().join(readme)));
    for page in &pages {
        for link in targets(page)? {
            if !leads_somewhere(page, &link)? {
                wrong.push(format!("{} links to {link}, which is not there", shown(page)));
            }
        }
    }
    if !wrong.is_empty() {
        bail!("the book does not hold together:\n  {}", wrong.join("\n  "));
    }
    Ok(())
}

/// Whether the file of a link is there, and in a page the section that it names.
fn leads_somewhere(page: &Path, link: &str) -> Result<bool> {
    let (file, section) = link.split_once('#').unwrap_or((link, ""));
    let target = match file {
        "" => page.to_owned(),
        file => page.parent().unwrap_or(Path::new(".")).join(file),
    };
    if section.is_empty() || target.extension().is_none_or(|extension| extension != "md") {
        return Ok(target.exists());
    }
    if !target.is_file() {
        return Ok(false);
    }
    let text = fs::read_to_string(&target).with_context(|| format!("cannot read {}", target.display()))?;
    Ok(sections(&text).contains(section))
}

/// The names by which the sections of a page are linked, as mdBook and GitHub make them of its headings.
fn sections(text: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut fenced = false;
    for line in text.lines() {
        fenced ^= line.trim_start().starts_with("```");
        let heading = line.trim_start_matches('#');
        if fenced || heading.len() == line.len() || !heading.starts_with(' ') {
            continue;
        }
        let name = heading.trim().to_lowercase().replace(' ', "-");
        found.insert(name.chars().filter(|c| c.is_alphanumeric() || "-_".contains(*c)).collect());
    }
    found
}

/// Sample documents that no page shows, and files that a page would show and that are not there.
fn samples_left_out(pages: &[PathBuf]) -> Result<Vec<String>> {
    let mut wrong = Vec::new();
    let mut included = BTreeSet::new();
    for page in pages {
        let text = fs::read_to_string(page).with_context(|| format!("cannot read {}", page.display()))?;
        let starts = text.split("{{#include ").skip(1).filter_map(|rest| rest.split("}}").next());
        for file in starts.map(|name| clean(&page.parent().unwrap_or(Path::new(".")).join(name))) {
            if !file.is_file() {
                wrong.push(format!("{} includes {}, which is not there", shown(page), shown(&file)));
            }
            included.insert(file);
        }
    }
    for folder in fs::read_dir(shell::root().join("deploy/samples"))? {
        for sample in fs::read_dir(folder?.path())? {
            let sample = sample?.path();
            if !included.contains(&clean(&sample)) {
                wrong.push(format!("{} is shown on no page", shown(&sample)));
            }
        }
    }
    Ok(wrong)
}

fn collect(folder: &Path, pages: &mut Vec<PathBuf>) -> Result<()> {
    let entries = fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))?;
    for entry in entries {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, pages)?;
        } else if path.extension().is_some_and(|extension| extension == "md") {
            pages.push(path);
        }
    }
    pages.sort();
    Ok(())
}

fn targets(page: &Path) -> Result<Vec<String>> {
    let text = fs::read_to_string(page).with_context(|| format!("cannot read {}", page.display()))?;
    Ok(links(&text))
}

/// The targets of links and pictures within the repository; code is left out.
fn links(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut fenced = false;
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        }
        if fenced {
            continue;
        }
        // Every second piece between backticks is code.
        let prose = line.split('`').step_by(2).collect::<Vec<&str>>().join("code");
        let linked = prose.split("](").skip(1).filter_map(|rest| rest.split([')', ' ']).next());
        let pictures = prose.split(" src=\"").skip(1).filter_map(|rest| rest.split('"').next());
        for target in linked.chain(pictures) {
            let elsewhere = target.contains("://") || target.starts_with("mailto:");
            if !target.is_empty() && !elsewhere {
                found.push(target.to_owned());
            }
        }
    }
    found
}

/// The path without `.` and `..`, so that two spellings of it are equal.
fn clean(path: &Path) -> PathBuf {
    let mut clean = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                clean.pop();
            }
            other => clean.push(other),
        }
    }
    clean
}

fn shown(page: &Path) -> String {
    page.strip_prefix(shell::root()).unwrap_or(page).display().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_found_outside_code() {
        let text = "[a](one.md) and [`b`](two.md#part), `[c](no.md)`\n```\n[d](no.md)\n```\n[e](https://x.example/)\n[f](#here)\n\
                    <img src=\"p.png\" width=\"1\">";
        assert_eq!(links(text), ["one.md", "two.md#part", "#here", "p.png"]);
    }

    #[test]
    fn a_section_is_named_as_mdbook_names_it() {
        let text =
            "# One, `null` and two\n```sh\n# no heading\n```\n## はじめに（日本語）\n#no\n### `hatoba run`";
        let named = ["hatoba-run", "one-null-and-two", "はじめに日本語"];
        assert_eq!(sections(text), named.map(str::to_owned).into());
    }

    #[test]
    fn two_spellings_of_a_path_are_equal() {
        assert_eq!(clean(Path::new("a/./b/../c.md")), Path::new("a/c.md"));
    }
}
