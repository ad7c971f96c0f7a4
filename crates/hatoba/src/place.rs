//! Places on the command line: a folder, or a prefix in S3.

use std::fmt;
use std::path::PathBuf;

use anyhow::{Context as _, bail, ensure};
use aws_config::SdkConfig;
use hatoba_engine::{BucketBoard, StatusSink};
use hatoba_source::{Bucket, BucketSource, Directory, Keep, Location, Source, Variables};
use tokio::sync::watch;

use crate::daemon::Lead;
use crate::run::aws;

/// Where documents come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// A folder.
    Folder(PathBuf),
    /// A prefix in S3.
    Bucket(Location),
}

/// Where status documents go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum StatusTo {
    /// They stay in memory.
    Nowhere,
    /// `.hatoba` in a folder, or a place in S3 as it stands.
    Place(Place),
}

impl Place {
    /// Opens the place as a source of documents, with the AWS settings for everything else.
    ///
    /// # Errors
    /// When the folder is not there, or there are no AWS settings. A bucket is first asked at the first look.
    pub(crate) async fn open(&self, vars: Variables) -> anyhow::Result<(Source, SdkConfig)> {
        Ok(match self {
            Place::Folder(folder) => (Directory::open(folder, vars)?.into(), aws().await?),
            Place::Bucket(location) => {
                let config = aws().await?;
                (BucketSource::new(&config, location.clone(), vars).into(), config)
            }
        })
    }

    /// Opens the place to read documents and nothing else.
    ///
    /// # Errors
    /// As [`open`](Place::open); a folder needs no AWS settings.
    pub(crate) async fn open_alone(&self, vars: Variables) -> anyhow::Result<Source> {
        match self {
            Place::Folder(folder) => Ok(Directory::open(folder, vars)?.into()),
            Place::Bucket(_) => Ok(self.open(vars).await?.0),
        }
    }

    /// The owner's name for this place and whether it was given on purpose: a prefix in S3 is nobody else's, a folder
    /// of that name may be anywhere.
    ///
    /// # Errors
    /// When the prefix makes no name, and none is given.
    pub(crate) fn owner(&self, given: Option<&String>) -> anyhow::Result<(String, bool)> {
        match (given, self) {
            (Some(owner), _) => Ok((owner.clone(), true)),
            (None, Place::Folder(_)) => Ok(("local".to_owned(), false)),
            (None, Place::Bucket(location)) => location.default_owner().map(|owner| (owner, true)).with_context(|| {
                format!(
                    "{location} cannot be the owner's name, which has 1 to 200 letters, digits and `_.:/=+-@`; give \
                     one with --owner"
                )
            }),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Folder(folder) => folder.display().fmt(f),
            Place::Bucket(location) => location.fmt(f),
        }
    }
}

impl StatusTo {
    /// Where status documents of a source go: beside it, if nothing else was said.
    ///
    /// # Errors
    /// When they would lie in the source.
    pub(crate) fn of(given: Option<&StatusTo>, source: &Place) -> anyhow::Result<StatusTo> {
        let chosen = match (given, source) {
            (Some(given), _) => given.clone(),
            (None, Place::Folder(folder)) => StatusTo::Place(Place::Folder(folder.clone())),
            (None, Place::Bucket(location)) => StatusTo::Place(Place::Bucket(location.status_place())),
        };
        if let (StatusTo::Place(Place::Bucket(status)), Place::Bucket(source)) = (&chosen, source) {
            ensure!(
                !status.overlaps(source),
                "--status-to {status} lies in the source {source}, or the source in it: expected another prefix; \
                 left out, it is {}",
                source.status_place()
            );
        }
        Ok(chosen)
    }

    /// What writes them.
    pub(crate) fn sink(&self, config: &SdkConfig) -> StatusSink {
        match self {
            StatusTo::Nowhere => StatusSink::none(),
            StatusTo::Place(Place::Folder(folder)) => StatusSink::directory(folder.clone()),
            StatusTo::Place(Place::Bucket(location)) => {
                StatusSink::bucket(Bucket::of(config, location), location.clone())
            }
        }
    }

    /// How it is settled who leads: by a lock or a lease beside the status documents. Where those are kept nowhere,
    /// nobody is asked. `looks_around`: whether other sources may have the same owner.
    pub(crate) fn lead(&self, config: &SdkConfig, looks_around: bool) -> Lead {
        match self {
            StatusTo::Nowhere => Lead::Unasked,
            StatusTo::Place(Place::Folder(folder)) => Lead::Lock(folder.clone()),
            StatusTo::Place(Place::Bucket(location)) => {
                Lead::Lease { object: BucketBoard::new(Bucket::of(config, location), location), looks_around }
            }
        }
    }

    /// Where requests lie, too.
    pub(crate) fn keep(&self, config: &SdkConfig) -> Keep {
        match self {
            StatusTo::Nowhere => Keep::Nowhere,
            StatusTo::Place(Place::Folder(folder)) => Keep::folder(folder.join(".hatoba")),
            StatusTo::Place(Place::Bucket(location)) => {
                Keep::bucket(Bucket::of(config, location), location.clone())
            }
        }
    }

    /// The same for a command that has nothing else to do with AWS.
    ///
    /// # Errors
    /// When it is nowhere, or there are no AWS settings for a bucket.
    pub(crate) async fn keep_alone(&self) -> anyhow::Result<Keep> {
        match self {
            StatusTo::Nowhere => bail!("with `--status-to none` nothing lies anywhere"),
            StatusTo::Place(Place::Folder(folder)) => Ok(Keep::folder(folder.join(".hatoba"))),
            StatusTo::Place(Place::Bucket(_)) => Ok(self.keep(&aws().await?)),
        }
    }

    /// What reads status documents, likewise.
    ///
    /// # Errors
    /// As [`keep_alone`](StatusTo::keep_alone).
    pub(crate) async fn sink_alone(&self) -> anyhow::Result<StatusSink> {
        match self {
            StatusTo::Nowhere => bail!("with `--status-to none` nothing lies anywhere"),
            StatusTo::Place(Place::Folder(folder)) => Ok(StatusSink::directory(folder.clone())),
            StatusTo::Place(Place::Bucket(_)) => Ok(self.sink(&aws().await?)),
        }
    }
}

/// A source, from the command line.
pub(crate) fn source(text: &str) -> Result<Place, String> {
    match place(text)? {
        Place::Bucket(location) if location.is_for_status() => Err(format!(
            "status documents lie below .hatoba, and {location} begins so: expected a prefix that does not begin with .hatoba"
        )),
        place => Ok(place),
    }
}

/// Where status documents go, from the command line.
pub(crate) fn status_to(text: &str) -> Result<StatusTo, String> {
    match text {
        "none" => Ok(StatusTo::Nowhere),
        text => place(text).map(StatusTo::Place),
    }
}

fn place(text: &str) -> Result<Place, String> {
    match Location::is_meant(text) {
        true => {
            text.parse().map(Place::Bucket).map_err(|error: hatoba_source::LocationError| error.to_string())
        }
        false if text.is_empty() => Err("expected a folder or s3://bucket/prefix".to_owned()),
        false => Ok(Place::Folder(PathBuf::from(text))),
    }
}

/// The URL of a queue, from the command line.
pub(crate) fn queue_url(text: &str) -> Result<String, String> {
    let is_url = (text.starts_with("https://") || text.starts_with("http://"))
        && text.split('/').count() >= 5
        && !text.contains(char::is_whitespace);
    match is_url {
        true => Ok(text.to_owned()),
        false => Err(format!(
            "expected the URL of an SQS queue, such as https://sqs.eu-west-1.amazonaws.com/123456789012/documents, got `{text}`"
        )),
    }
}

/// Has a source listen to a queue.
///
/// # Errors
/// When the source is a folder, which has no queue.
pub(crate) fn listen(
    source: &mut Source,
    config: &SdkConfig,
    queue_url: &str,
) -> anyhow::Result<watch::Sender<bool>> {
    match source {
        Source::Bucket(bucket) => Ok(bucket.listen(config, queue_url)),
        Source::Directory(_) => {
            bail!("--notify-queue is for a source in S3; a folder is watched without one")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_told_apart() {
        assert_eq!(source("documents"), Ok(Place::Folder("documents".into())));
        assert_eq!(source("s3://docs/prod/"), Ok(Place::Bucket("s3://docs/prod".parse().unwrap())));
        assert!(source("").is_err());
        assert!(source("s3://docs").unwrap_err().contains("expected a prefix"));
        for prefix in [".hatoba/prod", ".hatoba", ".hatoba-x", ".hatobas/prod"] {
            assert!(
                source(&format!("s3://docs/{prefix}")).unwrap_err().contains("begin with .hatoba"),
                "{prefix}"
            );
        }
        assert_eq!(status_to("none"), Ok(StatusTo::Nowhere));
        assert!(status_to("s3://docs/.hatoba/prod").is_ok());
        assert!(queue_url("https://sqs.eu-west-1.amazonaws.com/123456789012/documents").is_ok());
        for url in ["documents", "https://sqs.eu-west-1.amazonaws.com", "arn:aws:sqs:x:1:y", "http://a/b /c"]
        {
            assert!(queue_url(url).is_err(), "{url}");
        }
    }

    #[test]
    fn a_prefix_is_an_owner_and_a_folder_is_none() {
        let owner = |text: &str| source(text).unwrap().owner(None);
        assert_eq!(owner("documents").unwrap(), ("local".to_owned(), false));
        assert_eq!(owner("s3://docs/prod").unwrap(), ("docs/prod".to_owned(), true));
        assert!(owner("s3://docs/prod web").unwrap_err().to_string().contains("--owner"));
        let given = source("s3://docs/prod web").unwrap().owner(Some(&"web".to_owned()));
        assert_eq!(given.unwrap(), ("web".to_owned(), true));
    }

    #[test]
    fn statuses_never_lie_in_the_source() {
        let of = |status: Option<&str>, place: &str| {
            StatusTo::of(status.map(|text| status_to(text).unwrap()).as_ref(), &source(place).unwrap())
        };
        let bucket = |text: &str| StatusTo::Place(Place::Bucket(text.parse().unwrap()));
        assert_eq!(of(None, "s3://docs/prod").unwrap(), bucket("s3://docs/.hatoba/prod"));
        assert_eq!(of(None, "documents").unwrap(), StatusTo::Place(Place::Folder("documents".into())));
        assert_eq!(of(Some("s3://other/prod"), "s3://docs/prod").unwrap(), bucket("s3://other/prod"));
        assert_eq!(of(Some("none"), "s3://docs/prod").unwrap(), StatusTo::Nowhere);
        for status in ["s3://docs/prod", "s3://docs/prod/status"] {
            let error = of(Some(status), "s3://docs/prod").unwrap_err().to_string();
            assert!(error.contains("s3://docs/.hatoba/prod"), "{error}");
        }
        assert!(of(Some("s3://docs/a"), "s3://docs/a/b").is_err());
    }
}
