//! The command line.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;
use clap::{Args, Parser, Subcommand, ValueEnum};
use hatoba_engine::{Access, OpenPath, Options};
use hatoba_source::Variables;

use crate::completions::Completions;
use crate::fetch::TokenFile;
use crate::healthcheck::Healthcheck;
use crate::iam_policy::IamPolicy;
use crate::logging::LogFormat;
use crate::place::{self, Place, StatusTo};
use crate::report::Output;
use crate::schema::Schema;
use crate::token::{self, Token};
use crate::version::Version;

/// Keeps AWS Cloud Map, Amazon ECS and API Gateway HTTP API resources as YAML documents say.
#[derive(Debug, Parser)]
#[command(version, propagate_version = true, max_term_width = 100)]
pub(crate) struct Hatoba {
    #[command(subcommand)]
    pub(crate) command: Command,

    /// How logs are written to standard error: text on a terminal, else JSON.
    #[arg(long, global = true, value_enum, default_value_t, env = "HATOBA_LOG_FORMAT")]
    pub(crate) log_format: LogFormat,

    /// A value for `${NAME}` in documents; HATOBA_VAR_NAME in the environment does the same.
    #[arg(long = "var", global = true, value_name = "NAME=VALUE")]
    vars: Vec<String>,
}

impl Hatoba {
    /// The variables of the flags and of the environment; flags win.
    pub(crate) fn variables(&self) -> anyhow::Result<Variables> {
        let env = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
        Ok(Variables::from_env_and_flags(env, self.vars.iter().map(String::as_str))?)
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// The daemon: watches documents and keeps AWS as they say.
    Run(Run),
    /// The daemon on a model of AWS in this process: no account, no network, no set-up.
    Sandbox(Sandbox),
    /// Shows what would change and why, and writes nothing.
    Plan(Plan),
    /// Checks documents without AWS, each by itself and all as a chain; prints what is wrong, where, and a hint.
    ///
    /// Errors and warnings of the chain bear the word of a rule, for example `error[SrvBehindVpcLink]`; the book has a
    /// page about them with a bad and a good sample of each. Exits with 0 if there are no errors; warnings are no errors.
    Validate(Validate),
    /// Lists the kinds, or explains one or a field: what it is, what leaving it out means, how it is changed.
    Explain(Explain),
    /// Prints the documents that documents made of others come to, one for each resource.
    Render(Render),
    /// Writes documents that take over what exists in AWS, and proves them: their plan is empty.
    #[command(after_long_help = IMPORT_EXAMPLES)]
    Import(Import),
    /// Shows how every document stands: 0 if all are in sync and ready, else 1.
    Status(StatusOf),
    /// Asks a running daemon to look again now, at one document or at everything.
    Reconcile(Reconcile),
    /// Shows which resources are held because too many documents vanished at once; lets exactly these go.
    Prune(Prune),
    /// Prints the JSON Schema of documents, for editors.
    Schema(Schema),
    /// Prints the least that the controller's role must be allowed, as an IAM policy.
    IamPolicy(IamPolicy),
    /// Asks the daemon beside it whether it is alive: 0 if it says so, else 1.
    Healthcheck(Healthcheck),
    /// Prints what a shell needs to complete this command line.
    Completions(Completions),
    /// Prints the version, and the commit if the build was told.
    Version(Version),
    /// Prints the book's page about the command line.
    #[command(hide = true)]
    Reference,
}

const IMPORT_EXAMPLES: &str = "\
Examples:
  An API with what stands in it, and the VPC links, Cloud Map services and domain names around it:
    hatoba import --api-id a1b2c3d4e5 --with-dependencies > shop.yaml

  A service of a cluster, into a folder:
    hatoba import --ecs-service main/great-service --to documents

  Everything in a Terraform state that documents cover (`-` is standard input):
    terraform state pull | hatoba import --tfstate - --to documents

Then: read the documents, run `hatoba plan --source documents`, take the resources out of Terraform
with `terraform state rm`, and take `suspend: true` out of the documents.
The book has a guide: Move from Terraform.

Exits with 0 if everything that was named is documented and the plan is empty, else with 1.";

/// Whose resources, and how they are looked after.
#[derive(Clone, Debug, Args)]
pub(crate) struct Owner {
    /// Our name in every owner mark. Left out, it is `<bucket>/<prefix>` for a source in S3; for a folder it is `local`,
    /// and nothing is ever pruned.
    #[arg(long, value_name = "NAME", env = "HATOBA_OWNER", value_parser = owner)]
    pub(crate) owner: Option<String>,

    /// How long a document must be gone before its resources are deleted.
    #[arg(long, value_name = "DURATION", default_value = "10m", value_parser = duration)]
    pub(crate) prune_grace: Duration,

    /// How many documents may vanish at once before nothing is deleted.
    #[arg(long, value_name = "N", default_value_t = 10)]
    pub(crate) prune_limit: usize,

    /// The part of every AWS request quota that is used, in percent.
    #[arg(long, value_name = "PERCENT", default_value_t = 50, value_parser = clap::value_parser!(u8).range(1..=100))]
    pub(crate) quota_share: u8,
}

/// One pass instead of for ever.
#[derive(Clone, Debug, Args)]
pub(crate) struct Once {
    /// Converge, then leave: 0 if all are in sync and ready, else 1.
    #[arg(long)]
    pub(crate) once: bool,

    /// How long `--once` takes at most.
    #[arg(long, value_name = "DURATION", default_value = "15m", value_parser = duration)]
    pub(crate) timeout: Duration,
}

/// Who may look at the page.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct AccessFlags {
    /// A file with the token that callers must show (`Authorization: Bearer …`; browsers: any name, the token as the
    /// password): 16 or more visible characters. It is read once, at the start. Left out, the token itself may be in the
    /// environment as HATOBA_LISTEN_TOKEN, which a secret can fill where there is no file.
    #[arg(long, value_name = "FILE", env = "HATOBA_LISTEN_TOKEN_FILE")]
    pub(crate) listen_token_file: Option<PathBuf>,

    /// Paths that are answered without the token, for scrapers and health checks. Without a token all paths are.
    #[arg(long, value_name = "PATH", value_enum, value_delimiter = ',')]
    pub(crate) listen_open: Vec<Open>,
}

/// A path that may be open beside a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Open {
    Metrics,
    Healthz,
    Readyz,
}

impl AccessFlags {
    /// What callers at this address must show; `variable` is what the environment holds ([`token::variable`]).
    ///
    /// # Errors
    /// When the token is missing, cannot be read, or can be guessed.
    pub(crate) fn access(&self, listen: SocketAddr, variable: Option<OsString>) -> anyhow::Result<Access> {
        let Some(token) = Token::find(self.listen_token_file.as_deref(), variable)? else {
            if listen.ip().is_loopback() {
                return Ok(Access::open());
            }
            anyhow::bail!(
                "--listen {listen} can be reached by others and asks nobody who they are: give \
                 --listen-token-file FILE, or {} in the environment, or listen on 127.0.0.1",
                token::VARIABLE
            );
        };
        let open = self.listen_open.iter().map(|open| match open {
            Open::Metrics => OpenPath::Metrics,
            Open::Healthz => OpenPath::Healthz,
            Open::Readyz => OpenPath::Readyz,
        });
        let access = Access::with_token(&token.text, open).map_err(anyhow::Error::msg);
        access.with_context(|| format!("the token in {} will not do", token.place))
    }
}

#[derive(Debug, Args)]
pub(crate) struct Run {
    /// What holds the documents: a folder, or a prefix in S3.
    #[arg(long, value_name = "DIR|s3://bucket/prefix", env = "HATOBA_SOURCE", value_parser = place::source)]
    pub(crate) source: Place,

    /// Where the status page, metrics and health are served. An address that others can reach needs --listen-token-file.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080", env = "HATOBA_LISTEN")]
    pub(crate) listen: SocketAddr,

    #[command(flatten)]
    pub(crate) access: AccessFlags,

    /// How often everything is compared with AWS.
    #[arg(long, value_name = "DURATION", default_value = "5m", value_parser = duration)]
    pub(crate) resync: Duration,

    /// How often the source is looked at, whatever notifications say.
    #[arg(long, value_name = "DURATION", default_value = "15s", value_parser = duration)]
    pub(crate) poll: Duration,

    /// The URL of an SQS queue that S3 sends the bucket's event notifications to: documents dropped into the source are
    /// then seen in about a second. Its messages are hints, and are removed; the polls go on.
    #[arg(long, value_name = "URL", env = "HATOBA_NOTIFY_QUEUE", value_parser = place::queue_url)]
    pub(crate) notify_queue: Option<String>,

    /// Where status documents go: `.hatoba` in a folder, a place in S3, or `none`. Left out, `.hatoba` in the source's
    /// folder, or s3://bucket/.hatoba/prefix for a source in S3.
    #[arg(long, value_name = "DIR|s3://bucket/prefix|none", env = "HATOBA_STATUS_TO", value_parser = place::status_to)]
    pub(crate) status_to: Option<StatusTo>,

    /// Write without asking whether another daemon of this source leads. Two that write do each other's work twice.
    #[arg(long)]
    pub(crate) no_lease: bool,

    /// Prints the facts that alarms are made of to standard output once a minute, in CloudWatch's Embedded Metric Format.
    #[arg(long, env = "HATOBA_EMF")]
    pub(crate) emf: bool,

    #[command(flatten)]
    pub(crate) owner: Owner,
    #[command(flatten)]
    pub(crate) once: Once,

    /// Documents above which only conditions that are not True become metrics.
    #[arg(long, value_name = "N", default_value_t = 2_000)]
    pub(crate) metric_documents_max: usize,
}

#[derive(Debug, Args)]
pub(crate) struct Sandbox {
    /// The folder that holds the documents; the shipped sample if left out.
    pub(crate) dir: Option<PathBuf>,

    /// Where the model AWS listens for the AWS CLI and SDKs; 127.0.0.1:4566, or any free port, if left out.
    #[arg(long, value_name = "ADDRESS", value_parser = loopback)]
    pub(crate) aws_listen: Option<SocketAddr>,

    /// Where the status page is served; 127.0.0.1:8080, or any free port, if left out.
    #[arg(long, value_name = "ADDRESS", value_parser = loopback)]
    pub(crate) listen: Option<SocketAddr>,

    /// How often everything is compared with the model AWS.
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = duration)]
    pub(crate) resync: Duration,

    /// Writes the whole model AWS to this file at the end, as JSON.
    #[arg(long, value_name = "FILE")]
    pub(crate) dump: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) owner: Owner,
    #[command(flatten)]
    pub(crate) once: Once,
}

#[derive(Debug, Args)]
pub(crate) struct Plan {
    /// What holds the documents: a folder, or a prefix in S3.
    #[arg(long, value_name = "DIR|s3://bucket/prefix", env = "HATOBA_SOURCE", value_parser = place::source)]
    pub(crate) source: Place,

    /// How the plan is printed.
    #[arg(long, value_enum, default_value_t)]
    pub(crate) output: Output,

    /// Exit with 2 if anything would change.
    #[arg(long)]
    pub(crate) detailed_exitcode: bool,

    #[command(flatten)]
    pub(crate) owner: Owner,
}

#[derive(Debug, Args)]
pub(crate) struct Validate {
    /// The folder that holds the documents.
    pub(crate) dir: PathBuf,

    /// How findings are printed.
    #[arg(long, value_enum, default_value_t)]
    pub(crate) output: Output,
}

#[derive(Debug, Args)]
pub(crate) struct Explain {
    /// For example `VpcLink`, `EcsService.networkConfiguration` or `policy`; all kinds if left out.
    #[arg(value_name = "KIND[.FIELD…]")]
    pub(crate) path: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Render {
    /// The folder that holds the documents.
    pub(crate) dir: PathBuf,

    /// How the documents are printed.
    #[arg(long, value_enum, default_value_t)]
    pub(crate) output: Rendering,
}

/// How documents are printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Rendering {
    /// As they are written by hand.
    #[default]
    Yaml,
}

/// What documents are written for. At least one resource must be named.
#[derive(Debug, Args)]
#[group(skip)]
#[command(group(clap::ArgGroup::new("named").required(true).multiple(true).args(["api_ids", "ecs_services", "tfstate"])))]
pub(crate) struct Import {
    /// An HTTP API by its id, with its routes, integrations, authorizers and stages. May be given several times.
    #[arg(long = "api-id", value_name = "ID", value_parser = api_id)]
    pub(crate) api_ids: Vec<String>,

    /// An ECS service by cluster and name. May be given several times.
    #[arg(long = "ecs-service", value_name = "CLUSTER/NAME", value_parser = ecs_service)]
    pub(crate) ecs_services: Vec<(String, String)>,

    /// A Terraform state, format version 4: everything in it that documents cover. `-` is standard input. Only ids are
    /// read from it; what the resources are like is read from AWS.
    #[arg(long, value_name = "FILE")]
    pub(crate) tfstate: Option<PathBuf>,

    /// Also what the resources use (VPC links, Cloud Map services and namespaces, clusters, task definitions), and the
    /// domain names that lead to them. Left out, documents name these by their ids, and they stay as they are.
    #[arg(long)]
    pub(crate) with_dependencies: bool,

    /// Where the documents go: a folder, or one file whose name ends in .yaml or .yml. No file is ever overwritten.
    /// Left out, they are printed.
    #[arg(long, value_name = "DIR|FILE.yaml")]
    pub(crate) to: Option<PathBuf>,

    /// The owner's name that the documents will be under, where their resources bear it already.
    #[arg(long, value_name = "NAME", env = "HATOBA_OWNER", value_parser = owner)]
    pub(crate) owner: Option<String>,
}

/// Where a daemon's status documents lie.
#[derive(Clone, Debug, Args)]
pub(crate) struct Beside {
    /// The daemon's source: a folder, or s3://bucket/prefix.
    #[arg(long, value_name = "DIR|s3://BUCKET/PREFIX", env = "HATOBA_SOURCE", value_parser = place::source)]
    pub(crate) source: Option<Place>,

    /// Where the daemon writes its status documents, if it was given `--status-to`.
    #[arg(long, value_name = "DIR|s3://BUCKET/PREFIX", value_parser = place::status_to)]
    pub(crate) status_to: Option<StatusTo>,
}

impl Beside {
    /// Where they lie.
    ///
    /// # Errors
    /// When neither is given, or they would lie in the source.
    pub(crate) fn status_to(&self) -> anyhow::Result<StatusTo> {
        match (&self.source, &self.status_to) {
            (Some(source), given) => StatusTo::of(given.as_ref(), source),
            (None, Some(given)) => Ok(given.clone()),
            (None, None) => anyhow::bail!("expected --source with the daemon's source"),
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct StatusOf {
    #[command(flatten)]
    pub(crate) place: Beside,

    /// The daemon's own address, in place of what it wrote beside its source.
    #[arg(long, value_name = "URL", conflicts_with_all = ["source", "status_to"])]
    pub(crate) url: Option<hyper::Uri>,

    #[command(flatten)]
    pub(crate) token: TokenFile,

    /// How it is printed.
    #[arg(long, value_enum, default_value_t)]
    pub(crate) output: StatusOutput,

    /// Prints again every two seconds, until interrupted.
    #[arg(long)]
    pub(crate) watch: bool,

    /// Waits until all are in sync and ready, at most `--timeout`; then prints.
    #[arg(long, conflicts_with = "watch")]
    pub(crate) wait: bool,

    /// Serving counts, too: `--wait` waits until requests get through, and the exit code is 1 while one does not.
    #[arg(long)]
    pub(crate) serving: bool,

    /// How long `--wait` waits at most.
    #[arg(long, value_name = "DURATION", default_value = "15m", value_parser = duration)]
    pub(crate) timeout: Duration,
}

/// How `status` is printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum StatusOutput {
    /// For people.
    #[default]
    Table,
    /// One JSON object.
    Json,
}

#[derive(Debug, Args)]
pub(crate) struct Reconcile {
    /// One document, for example `VpcLink/fine-vpc-link`; everything if left out.
    #[arg(value_name = "KIND/NAME")]
    pub(crate) document: Option<String>,

    #[command(flatten)]
    pub(crate) place: Beside,
}

#[derive(Debug, Args)]
pub(crate) struct Prune {
    /// The hash that is shown: exactly the documents that it names may go, within an hour.
    #[arg(long, value_name = "HASH")]
    pub(crate) acknowledge: Option<String>,

    #[command(flatten)]
    pub(crate) place: Beside,
}

impl Owner {
    /// The engine's options, but for what each command has beside them.
    ///
    /// # Errors
    /// When there is no owner's name for the source.
    pub(crate) fn options(&self, source: &Place, resync: Duration) -> anyhow::Result<Options> {
        let (owner, owner_is_explicit) = source.owner(self.owner.as_ref())?;
        Ok(Options {
            owner,
            owner_is_explicit,
            location: source.to_string(),
            resync,
            prune_grace: self.prune_grace,
            prune_limit: self.prune_limit,
            quota_share: f64::from(self.quota_share) / 100.0,
            seed: u64::from(std::process::id()),
            ..Options::default()
        })
    }
}

fn duration(text: &str) -> Result<Duration, String> {
    let parsed: Result<jiff::SignedDuration, _> = text.parse();
    let duration = parsed.ok().and_then(|duration| Duration::try_from(duration).ok());
    duration.ok_or_else(|| format!("expected a duration such as 30s, 5m or 1h30m, got `{text}`"))
}

fn api_id(text: &str) -> Result<String, String> {
    let is_id = !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric());
    match is_id {
        true => Ok(text.to_owned()),
        false => {
            Err("expected an API's id, such as a1b2c3d4e5: `aws apigatewayv2 get-apis` lists them".to_owned())
        }
    }
}

fn ecs_service(text: &str) -> Result<(String, String), String> {
    // An ARN ends so, too: arn:aws:ecs:eu-west-1:123456789012:service/main/great-service
    let plain = text.rsplit_once(":service/").map_or(text, |(_, plain)| plain);
    match plain.split_once('/') {
        Some((cluster, name)) if !cluster.is_empty() && !name.is_empty() && !name.contains('/') => {
            Ok((cluster.to_owned(), name.to_owned()))
        }
        _ => Err("expected cluster and name of the service, such as main/great-service".to_owned()),
    }
}

fn owner(text: &str) -> Result<String, String> {
    match hatoba_core::owner_is_legal(text) {
        true => Ok(text.to_owned()),
        false => Err("expected 1 to 200 letters, digits and `_.:/=+-@`".to_owned()),
    }
}

fn loopback(text: &str) -> Result<SocketAddr, String> {
    let address: SocketAddr =
        text.parse().map_err(|_| format!("expected an address such as 127.0.0.1:8080, got `{text}`"))?;
    match address.ip().is_loopback() {
        true => Ok(address),
        false => Err(format!(
            "`{address}` can be reached from outside; the sandbox serves loopback addresses only"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_consistent() {
        Hatoba::command().debug_assert();
    }

    #[test]
    fn values_are_checked() {
        assert_eq!(duration("5m"), Ok(Duration::from_secs(300)));
        assert_eq!(duration("1h30m"), Ok(Duration::from_secs(5_400)));
        assert!(duration("-5m").is_err());
        assert!(duration("soon").is_err());
        assert!(owner("team/web").is_ok());
        assert!(owner("a b").is_err());
        assert!(loopback("127.0.0.1:0").is_ok());
        assert!(loopback("0.0.0.0:8080").is_err());
    }

    #[test]
    fn an_address_that_others_can_reach_needs_a_token() {
        let (here, everywhere) =
            (SocketAddr::from(([127, 0, 0, 1], 80)), SocketAddr::from(([0, 0, 0, 0], 80)));
        let none = AccessFlags::default();
        assert!(!none.access(here, None).unwrap().has_token());
        let refused = format!("{:#}", none.access(everywhere, None).unwrap_err());
        assert!(refused.contains("0.0.0.0:80") && refused.contains("--listen-token-file"), "{refused}");
        let file = std::env::temp_dir().join(format!("hatoba-token-{}", std::process::id()));
        let flags = AccessFlags { listen_token_file: Some(file.clone()), listen_open: vec![Open::Metrics] };
        let variable = |token: &str| Some(token.into());
        assert!(flags.access(everywhere, variable("in-the-environment")).is_err(), "the file is not there");
        assert!(none.access(everywhere, variable("in-the-environment")).unwrap().has_token());
        assert!(none.access(here, variable("in-the-environment")).unwrap().has_token(), "here as well");
        for bad in ["", "short", "two words that are long enough"] {
            let refused = format!("{:#}", none.access(here, variable(bad)).unwrap_err());
            assert!(refused.starts_with("the token in HATOBA_LISTEN_TOKEN will not do"), "{refused}");
        }
        for (token, is_good) in [("correct-horse-battery\n", true), ("short", false)] {
            std::fs::write(&file, token).unwrap();
            let access = flags.access(everywhere, variable("the file goes before"));
            assert_eq!(access.as_ref().is_ok_and(Access::has_token), is_good, "{access:?}");
            assert!(!format!("{access:?}").contains("horse"), "{access:?}");
        }
        std::fs::remove_file(file).unwrap();
    }
}
