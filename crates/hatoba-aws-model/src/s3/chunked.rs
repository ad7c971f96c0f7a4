//! Bodies in `aws-chunked` encoding, as clients send streams: chunks with their length and perhaps a signature in front,
//! and a checksum at the end.

use super::Call;
use crate::failure::Failure;

/// A body as it was meant, and the fields that came after it.
pub(super) struct Body {
    pub(super) bytes: Vec<u8>,
    /// Names in lower case.
    pub(super) trailers: Vec<(String, String)>,
}

/// The call's body.
///
/// # Errors
/// `IncompleteBody` when the chunks end too early or have another length than the call says.
pub(super) fn body(call: &Call) -> Result<Body, Failure> {
    let is_streamed = call.header("x-amz-content-sha256").is_some_and(|hash| hash.starts_with("STREAMING-"));
    let is_named = call.header("content-encoding").is_some_and(|value| codings(value).any(is_ours));
    if !is_streamed && !is_named {
        return Ok(Body { bytes: call.body.clone(), trailers: Vec::new() });
    }
    let body = decoded(&call.body).ok_or_else(incomplete)?;
    let told = call.header("x-amz-decoded-content-length").map(str::parse::<usize>);
    match told {
        Some(Ok(length)) if length != body.bytes.len() => Err(incomplete()),
        Some(Err(_)) | None => {
            Err(Failure::new(411, "MissingContentLength", "You must provide the Content-Length HTTP header."))
        }
        _ => Ok(body),
    }
}

/// The content encoding that the object has, without the one of the transfer.
pub(super) fn content_encoding(value: &str) -> Option<String> {
    let kept: Vec<&str> = codings(value).filter(|coding| !is_ours(coding)).collect();
    (!kept.is_empty()).then(|| kept.join(","))
}

fn codings(value: &str) -> impl Iterator<Item = &str> {
    value.split(',').map(str::trim).filter(|coding| !coding.is_empty())
}

fn is_ours(coding: &str) -> bool {
    coding.eq_ignore_ascii_case("aws-chunked")
}

fn incomplete() -> Failure {
    Failure::client(
        "IncompleteBody",
        "You did not provide the number of bytes specified by the Content-Length HTTP header",
    )
}

fn decoded(mut rest: &[u8]) -> Option<Body> {
    let mut bytes = Vec::new();
    loop {
        let (head, after) = line(rest)?;
        let length = head.split(';').next()?.trim();
        let length = usize::from_str_radix(length, 16).ok()?;
        if length == 0 {
            return Some(Body { bytes, trailers: trailers(after)? });
        }
        bytes.extend_from_slice(after.get(..length)?);
        rest = after.get(length..)?.strip_prefix(b"\r\n")?;
    }
}

fn trailers(mut rest: &[u8]) -> Option<Vec<(String, String)>> {
    let mut found = Vec::new();
    while !rest.is_empty() {
        // Some clients end the last line with a single end of line, some with none.
        let (field, after) =
            line(rest).or_else(|| Some((std::str::from_utf8(rest).ok()?, <&[u8]>::default())))?;
        if let Some((name, value)) = field.split_once(':') {
            found.push((name.trim().to_ascii_lowercase(), value.trim().to_owned()));
        }
        rest = after;
    }
    Some(found)
}

/// The first line, and what comes after its end.
fn line(bytes: &[u8]) -> Option<(&str, &[u8])> {
    let end = bytes.windows(2).position(|pair| pair == b"\r\n")?;
    Some((std::str::from_utf8(bytes.get(..end)?).ok()?, bytes.get(end + 2..)?))
}

#[cfg(test)]
mod tests {
    use super::decoded;

    #[test]
    fn chunks_become_the_body_and_its_trailers() {
        let text = b"3;chunk-signature=aa\r\nabc\r\n2\r\n\r\n\r\n0;chunk-signature=bb\r\nx-amz-checksum-crc32:Y2hl\r\n\r\n";
        let body = decoded(text).unwrap();
        assert_eq!(body.bytes, b"abc\r\n");
        assert_eq!(body.trailers, [("x-amz-checksum-crc32".to_owned(), "Y2hl".to_owned())]);
        for cut in [&b""[..], b"3\r\nab", b"3\r\nabc\r\n", b"x\r\n", b"ffffffffffffffff\r\nabc\r\n"] {
            assert!(decoded(cut).is_none(), "{cut:?}");
        }
    }
}
