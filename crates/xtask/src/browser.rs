//! The browser that looks at the status page: Debian's `chromium`, installed where everything is demanded.

use std::env;

use anyhow::{Result, bail};

use crate::check::Depth;
use crate::shell::{self, find};

/// What distributions call it.
const PROGRAMS: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];

/// Makes sure that there is one where no test may be left out; else says what is left out.
///
/// # Errors
/// When one is demanded, and is neither there nor to be had by `apt-get`.
pub(crate) fn prepare(depth: Depth) -> Result<()> {
    if let Some(program) = find(&PROGRAMS) {
        println!("{}", program.display());
        return Ok(());
    }
    if depth == Depth::Usual {
        println!(
            "there is no Chromium here: the status page is not looked at in a browser (Debian: apt install chromium)"
        );
        return Ok(());
    }
    if find(&["apt-get"]).is_none() {
        bail!("there is no Chromium here, and no apt-get to install it: the status page cannot be looked at");
    }
    let root = find(&["sudo"]).filter(|_| env::var_os("USER").is_some_and(|user| user != "root"));
    let mut first: Vec<&str> = match &root {
        Some(_) => vec!["sudo", "-n", "apt-get"],
        None => vec!["apt-get"],
    };
    let program = first.remove(0);
    let update = [first.as_slice(), &["update", "--quiet"]].concat();
    shell::run(&mut shell::command(program, &update))?;
    let packages =
        ["install", "--quiet", "--yes", "--no-install-recommends", "chromium", "fonts-dejavu-core"];
    let install = [first.as_slice(), &packages].concat();
    shell::run(shell::command(program, &install).env("DEBIAN_FRONTEND", "noninteractive"))
}
