//! The log: `tracing` to standard error, text on a terminal and JSON elsewhere.
//!
//! **Invariant: the SDK's own debug log is off unless somebody names it.** It holds whole requests; `HATOBA_LOG=trace`
//! alone turns everything on but that, `HATOBA_LOG=trace,aws=debug` that too.

use std::io::{self, IsTerminal};

use anyhow::{Context, anyhow};
use tracing::Subscriber;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::fmt::MakeWriter;

use crate::report::{visible, wants_colour};

/// Says what is logged, in the syntax of `tracing_subscriber::EnvFilter`: `debug`, `warn,hatoba_engine=trace`.
const VARIABLE: &str = "HATOBA_LOG";

/// What other people's crates may log unless `HATOBA_LOG` names them. A directive covers every target that begins with
/// it: `aws` is the whole SDK. Whoever runs this outside of AWS and has set no region, or no credentials, is told so by us, in
/// a sentence; that the instance metadata service does not answer there is no news.
const QUIET: &str =
    "aws=warn,aws_config::imds=error,aws_config::meta::credentials=error,hyper=warn,h2=warn,rustls=warn";

/// How the log is written, `--log-format`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum LogFormat {
    /// Text on a terminal, JSON elsewhere.
    #[default]
    Auto,
    /// One line for people.
    Text,
    /// One JSON object on a line.
    Json,
}

impl LogFormat {
    fn is_json(self, is_terminal: bool) -> bool {
        match self {
            LogFormat::Auto => !is_terminal,
            LogFormat::Text => false,
            LogFormat::Json => true,
        }
    }
}

/// Begins to log. `default_level` (for example `info`, or directives like those of `HATOBA_LOG`) holds while
/// `HATOBA_LOG` is unset or empty.
///
/// # Errors
/// `HATOBA_LOG` is not understood, or logging has begun before.
pub(crate) fn init(format: LogFormat, default_level: &str) -> anyhow::Result<()> {
    let stderr = io::stderr();
    let said = std::env::var(VARIABLE).unwrap_or_default();
    let filter =
        filter(&said, default_level).with_context(|| format!("cannot understand {VARIABLE}={said}"))?;
    let is_json = format.is_json(stderr.is_terminal());
    let subscriber = subscriber(is_json, filter, io::stderr, wants_colour(&stderr));
    tracing::subscriber::set_global_default(subscriber).context("cannot begin to log")
}

/// The quiet ones first: what follows wins where it is as exact.
fn filter(said: &str, default_level: &str) -> anyhow::Result<EnvFilter> {
    let said = if said.trim().is_empty() { default_level } else { said };
    // Only the outer message: its source says the same once more.
    let parse = |directives: &str| {
        EnvFilter::builder().parse(directives).map_err(|error| anyhow!("`{}`: {error}", visible(said)))
    };
    let filter = parse(said)?;
    if filter.max_level_hint() <= Some(LevelFilter::ERROR) {
        // `error` and `off` mean everybody.
        return Ok(filter);
    }
    parse(&format!("{QUIET},{said}"))
}

fn subscriber<W>(
    is_json: bool,
    filter: EnvFilter,
    writer: W,
    colour: bool,
) -> Box<dyn Subscriber + Send + Sync>
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    // A line that cannot be written would be told on standard error, where the same disk is full: and that panics.
    let builder = tracing_subscriber::fmt().log_internal_errors(false);
    let builder = builder.with_env_filter(filter).with_writer(writer).with_ansi(colour);
    if is_json {
        // Fields beside level and message, so that log queries need not know our nesting.
        Box::new(builder.json().flatten_event(true).with_span_list(false).finish())
    } else {
        Box::new(builder.with_target(false).finish())
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl Write for Written {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn logged(is_json: bool, said: &str) -> Vec<String> {
        let written = Written::default();
        let writer = written.clone();
        let subscriber = subscriber(is_json, filter(said, "info").unwrap(), move || writer.clone(), false);
        tracing::subscriber::with_default(subscriber, || {
            tracing::info!(document = "VpcLink/fine", action = "CreateVpcLink", "changed");
            tracing::debug!("ours, in detail");
            tracing::debug!(target: "aws_smithy_runtime::client", "theirs, in detail");
            tracing::warn!(target: "aws_config", "theirs, \u{1b}[31mloud");
            tracing::warn!(target: "aws_config::imds::region", "no metadata here");
            tracing::warn!(target: "aws_config::meta::credentials::chain", "no metadata here");
        });
        let bytes = written.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap().lines().map(str::to_owned).collect()
    }

    #[test]
    fn json_is_one_flat_object_on_a_line() {
        let lines = logged(true, "");
        assert_eq!(lines.len(), 2, "{lines:?}");
        let read: serde_json::Value = serde_json::from_str(&lines[0]).unwrap();
        assert_eq!(read["level"], "INFO");
        assert_eq!(read["message"], "changed");
        assert_eq!(read["document"], "VpcLink/fine");
        assert!(read["timestamp"].as_str().unwrap().ends_with('Z'));
    }

    #[test]
    fn text_is_for_people() {
        let lines = logged(false, "");
        assert_eq!(lines.len(), 2, "{lines:?}");
        assert!(
            lines[0].ends_with("INFO changed document=\"VpcLink/fine\" action=\"CreateVpcLink\""),
            "{lines:?}"
        );
        assert!(!lines[1].contains('\u{1b}'), "{lines:?}");
    }

    #[test]
    fn the_sdk_is_quiet_unless_it_is_named() {
        let has = |said: &str, words: &str| logged(false, said).iter().any(|line| line.ends_with(words));
        for (said, ours, theirs) in [
            ("", false, false),
            ("debug", true, false),
            ("trace", true, false),
            ("aws=debug", false, true),
            ("debug,aws_smithy_runtime=debug", true, true),
            ("off", false, false),
        ] {
            assert_eq!(has(said, "ours, in detail"), ours, "{said}");
            assert_eq!(has(said, "theirs, in detail"), theirs, "{said}");
        }
    }

    #[test]
    fn that_this_is_no_host_of_awss_is_no_news() {
        for (said, is_said) in
            [("", false), ("warn", false), ("aws=debug", false), ("aws_config::imds=warn", true)]
        {
            let lines = logged(false, said);
            assert_eq!(
                lines.iter().any(|line| line.ends_with("no metadata here")),
                is_said,
                "{said}: {lines:?}"
            );
        }
    }

    #[test]
    fn off_is_off_for_everybody() {
        assert!(logged(false, "off").is_empty());
        assert!(logged(false, "error").is_empty());
        assert_eq!(logged(false, "warn").len(), 1);
    }

    #[test]
    fn auto_looks_at_the_terminal() {
        assert!(LogFormat::Auto.is_json(false) && !LogFormat::Auto.is_json(true));
        assert!(LogFormat::Json.is_json(true) && !LogFormat::Text.is_json(false));
    }

    #[test]
    fn nonsense_is_refused() {
        let error = filter("hatoba=loud", "info").unwrap_err();
        assert!(error.to_string().starts_with("`hatoba=loud`: "), "{error}");
        assert_eq!(error.chain().count(), 1);
    }
}
