//! Deleting objects, one and many.

use super::notification::Change;
use super::object::version_header;
use super::request::checked_key;
use super::{Call, S3, Version, conditions, empty, header, xml};
use crate::env::Env;
use crate::failure::{Failure, Output};
use crate::render::escape;

/// Objects of one `DeleteObjects`.
const AT_ONCE_MAX: usize = 1000;

/// What a deletion did.
pub(super) struct Removed {
    /// The version that was removed, or the marker that was made.
    id: Option<String>,
    is_marker: bool,
}

impl S3 {
    pub(super) fn delete_object(&mut self, call: &Call, env: &mut Env<'_>) -> Result<Output, Failure> {
        let key = call.key()?;
        self.bucket(call, env)?;
        let removed =
            self.remove(&call.bucket, key, call.query("versionId"), call.header("if-match"), env)?;
        let mut headers = Vec::new();
        if removed.is_marker {
            headers.push(header("x-amz-delete-marker", "true"));
        }
        headers.extend(removed.id.map(|id| header("x-amz-version-id", id)));
        Ok(empty(204, headers))
    }

    pub(super) fn delete_objects(&mut self, call: &Call, env: &mut Env<'_>) -> Result<Output, Failure> {
        self.bucket(call, env)?;
        let body = xml::parse(&super::chunked::body(call)?.bytes, "Delete")?;
        let asked: Vec<&xml::Element> = body.all("Object").collect();
        if asked.is_empty() || asked.len() > AT_ONCE_MAX {
            return Err(xml::malformed());
        }
        let is_quiet = body.text_of("Quiet") == Some("true");
        let mut inside = String::new();
        for object in asked {
            let Some(key) = object.text_of("Key").filter(|key| !key.is_empty()) else {
                return Err(xml::malformed());
            };
            let id = object.text_of("VersionId");
            let removed = checked_key(Some(key))
                .and_then(|key| self.remove(&call.bucket, key, id, object.text_of("ETag"), env));
            match removed {
                Ok(_) if is_quiet => {}
                Ok(removed) => inside.push_str(&deleted(key, id, &removed)),
                Err(failure) => inside.push_str(&format!(
                    "<Error><Key>{}</Key><Code>{}</Code><Message>{}</Message></Error>",
                    escape(key),
                    escape(&failure.code),
                    escape(&failure.message)
                )),
            }
        }
        Ok(xml::answer("DeleteResult", &inside))
    }

    pub(super) fn remove(
        &mut self,
        name: &str,
        key: &str,
        id: Option<&str>,
        wanted: Option<&str>,
        env: &mut Env<'_>,
    ) -> Result<Removed, Failure> {
        let bucket = self.buckets.get_mut(name).ok_or_else(|| super::no_such_bucket(name))?;
        conditions::check_delete(wanted, bucket.current(key))?;
        let mut versions = bucket.objects.remove(key).unwrap_or_default();
        let gone = match id {
            Some(id) => versions.iter().position(|version| version.id == id).map(|at| versions.remove(at)),
            None if bucket.is_versioned() => None,
            None => versions.pop(),
        };
        let mut marker = None;
        if id.is_none() && bucket.is_versioned() {
            let is_enabled = bucket.versioning.as_deref() == Some("Enabled");
            if !is_enabled {
                versions.retain(|version| version.id != "null");
            }
            let made = marker_of(if is_enabled { env.ids.lower(32) } else { "null".to_owned() }, env);
            versions.push(made.clone());
            marker = Some(made);
        }
        if !versions.is_empty() {
            bucket.objects.insert(key.to_owned(), versions);
        }
        let touched = marker.as_ref().or(gone.as_ref());
        let removed = Removed {
            id: touched.and_then(|version| version_header(bucket, version)).map(|(_, id)| id),
            is_marker: touched.is_some_and(|version| version.is_marker),
        };
        let change = if marker.is_some() { Change::Mark } else { Change::Delete };
        if let Some(version) = touched {
            self.tell(name, key, version, change, env);
        }
        Ok(removed)
    }
}

fn marker_of(id: String, env: &Env<'_>) -> Version {
    Version {
        id,
        is_marker: true,
        bytes: Vec::new(),
        etag: super::etag(&[]),
        modified: env.now,
        headers: Vec::new(),
        checksums: Vec::new(),
    }
}

/// One entry of an answer that is not quiet.
fn deleted(key: &str, id: Option<&str>, removed: &Removed) -> String {
    let mut entry = format!("<Key>{}</Key>", escape(key));
    if let Some(id) = id {
        entry.push_str(&format!("<VersionId>{}</VersionId>", escape(id)));
    }
    if removed.is_marker {
        let marker = removed.id.as_deref().unwrap_or_default();
        entry.push_str(&format!(
            "<DeleteMarker>true</DeleteMarker><DeleteMarkerVersionId>{marker}</DeleteMarkerVersionId>"
        ));
    }
    format!("<Deleted>{entry}</Deleted>")
}
