//! On a terminal: what is printed is as wide as the screen, coloured unless somebody does not want it, and renewed.

use std::net::SocketAddr;
use std::path::Path;

use hatoba_tests::tools::on_this_machine;
use hatoba_tests::wait::until;

use crate::aws::{Aws, DOCUMENTS, documents};
use crate::process::{Ended, Hatoba, LONG, until_ready};

/// Runs the binary on a terminal of so many columns, which `script` makes; both of its outputs are the terminal's.
async fn on_a_terminal(
    script: &Path,
    columns: u16,
    arguments: &[&str],
    aws: SocketAddr,
    more: &[(&str, &str)],
) -> Ended {
    let script = script.display();
    let lines = format!("exec {script} -qec \"stty rows 40 cols {columns}; $0 $*\" /dev/null");
    let variables = [&[("TERM", "xterm-256color"), ("PATH", "/usr/bin:/bin")], more].concat();
    Hatoba::start_after(&lines, arguments, Some(aws), &variables).ended().await
}

#[tokio::test]
async fn a_table_fits_a_plan_says_findings_once_and_both_are_coloured() {
    let Some(script) = on_this_machine("script", "bsdutils") else { return };
    let (aws, folder) = (Aws::quick().await, documents());
    let source = folder.path().to_str().unwrap();
    let plan = on_a_terminal(&script, 120, &["plan", "--source", source], aws.address, &[]).await;
    assert_eq!(plan.code, Some(0), "{}", plan.stdout);
    assert!(plan.stdout.contains("8 to create") && plan.stdout.contains("\x1b["), "{}", plan.stdout);
    assert_eq!(plan.stdout.matches("PublicRoute").count(), 1, "{}", plan.stdout);

    let daemon = Hatoba::start(&["run", "--source", source, "--listen", "127.0.0.1:0"], Some(aws.address));
    let page = daemon.page().await;
    until_ready(page, DOCUMENTS).await;
    let url = format!("http://{page}");
    let wait = ["status", "--url", &url, "--wait", "--serving", "--timeout", "60s"];
    assert_eq!(Hatoba::run(&wait, None).await.code, Some(0));
    for (columns, colour, more) in
        [(100, true, &[][..]), (100, false, &[("NO_COLOR", "1")]), (220, true, &[])]
    {
        let asked = on_a_terminal(&script, columns, &["status", "--url", &url], aws.address, more).await;
        let text = asked.stdout;
        assert_eq!((asked.code, text.contains('\x1b')), (Some(0), colour), "{columns}: {text}");
        let is_wide = columns == 220;
        assert_eq!(text.contains("  URL  "), is_wide, "{columns}: {text}");
        assert_eq!(text.contains("\nHttpApi/crazy-api: https://"), !is_wide, "{columns}: {text}");
        let is_too_long = |line: &&str| line.trim_end().chars().count() > usize::from(columns) + 8; // and its colours
        assert_eq!(text.lines().find(is_too_long), None, "{columns}: {text}");
    }

    let watching = Hatoba::start(&["status", "--url", &url, "--watch"], None);
    until("it is printed again", LONG, async || watching.stdout().matches("DOCUMENT").count() > 1).await;
    watching.kill();
}
