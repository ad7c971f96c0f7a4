//! Where documents come from.
//!
//! A source is looked at as a whole and yields a [`Snapshot`]: every document it holds, every document that is
//! held back by an error, and every file that could not be read.
//!
//! **Invariant: a complete snapshot or an error, never half a listing.** What cannot be listed is a
//! [`SourceError`]; a file that is listed but cannot be read (or is still being written) is named in
//! [`Snapshot::unreadable`], its last good documents stay, and [`Snapshot::is_complete`] turns false: the absence
//! of a document then proves nothing and nothing may be pruned.
//!
//! ```
//! use hatoba_source::{Variables, parse_documents};
//!
//! let text = b"apiVersion: hatoba/v1\nkind: HttpApi\nmetadata: { name: crazy-api }\nspec: { description: '${TEAM}' }\n";
//! let vars = Variables::from_env_and_flags([], ["TEAM=web"])?;
//! let parsed = parse_documents("api.yaml", text, &vars);
//! assert_eq!(parsed.documents[0].key.to_string(), "HttpApi/crazy-api");
//! assert_eq!(parsed.documents[0].spec["description"], "web");
//! # Ok::<(), hatoba_source::VariableError>(())
//! ```

mod bucket;
mod directory;
mod document;
mod error;
mod keep;
mod known;
mod snapshot;
mod source;
mod variables;
pub mod yaml;

pub use bucket::{
    Bucket, BucketSource, Condition, Entry, Fetched, Location, LocationError, StoreError, Stored,
    source_permissions,
};
pub use directory::{
    Content, Directory, FILES_MAX, FOLDER_DEPTH_MAX, Files, Listing, STILL_WRITTEN, Stamp, TOTAL_BYTES_MAX,
    read_directory,
};
pub use document::{Held, ParsedFile, emit_document, emit_with_variables, parse_documents};
pub use error::SourceError;
pub use keep::{Keep, KeepError, Shelf};
pub use snapshot::{Snapshot, Unreadable};
pub use source::{Look, Source};
pub use variables::{VariableError, Variables};
