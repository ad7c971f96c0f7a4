//! XML as S3 takes and gives it: elements and text. There are no entities but XML's own five and numbers.

use crate::failure::{Failure, Output};
use crate::wire::Response;

/// One element; of its text and its elements one is usually empty.
#[derive(Debug, Default)]
pub(super) struct Element {
    pub(super) name: String,
    pub(super) text: String,
    pub(super) elements: Vec<Element>,
}

/// Elements inside each other; far more than any request has.
const DEPTH_MAX: usize = 32;

impl Element {
    /// The elements of this name.
    pub(super) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Element> {
        self.elements.iter().filter(move |element| element.name == name)
    }

    /// The text of the first element of this name.
    pub(super) fn text_of(&self, name: &str) -> Option<&str> {
        self.elements.iter().find(|element| element.name == name).map(|element| element.text.as_str())
    }
}

/// The root of a request's document.
///
/// # Errors
/// `MalformedXML` for anything that is none, or has another root.
pub(super) fn parse(body: &[u8], root: &str) -> Result<Element, Failure> {
    let text = std::str::from_utf8(body).map_err(|_| malformed())?;
    let mut reader = Reader { rest: text };
    let element = reader.document().ok_or_else(malformed)?;
    if element.name == root { Ok(element) } else { Err(malformed()) }
}

pub(super) fn malformed() -> Failure {
    Failure::client(
        "MalformedXML",
        "The XML you provided was not well-formed or did not validate against our published schema",
    )
}

/// An answer with a document.
pub(super) fn answer(root: &str, inside: &str) -> Output {
    let body = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<{root} xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">\
         {inside}</{root}>"
    );
    let headers = vec![("content-type".to_owned(), "application/xml".to_owned())];
    Output::Whole(Response { status: 200, headers, body: body.into_bytes() })
}

struct Reader<'a> {
    rest: &'a str,
}

/// What stands between two pieces of text.
enum Tag<'a> {
    Open(&'a str),
    Empty(&'a str),
    Close(&'a str),
}

impl<'a> Reader<'a> {
    fn document(&mut self) -> Option<Element> {
        let (before, tag) = self.next()?;
        if !before.trim().is_empty() {
            return None;
        }
        let root = match tag {
            Tag::Open(name) => self.element(name, DEPTH_MAX)?,
            Tag::Empty(name) => Element { name: name.to_owned(), ..Element::default() },
            Tag::Close(_) => return None,
        };
        self.rest.trim().is_empty().then_some(root)
    }

    /// What follows an opening tag, up to the closing one.
    fn element(&mut self, name: &str, depth: usize) -> Option<Element> {
        let mut element = Element { name: name.to_owned(), ..Element::default() };
        loop {
            let (text, tag) = self.next()?;
            element.text.push_str(&text);
            match tag {
                Tag::Open(_) if depth == 0 => return None,
                Tag::Open(name) => element.elements.push(self.element(name, depth - 1)?),
                Tag::Empty(name) => {
                    element.elements.push(Element { name: name.to_owned(), ..Element::default() });
                }
                Tag::Close(closed) => return (closed == name).then_some(element),
            }
        }
    }

    /// The text up to the next tag, and that tag. Comments and declarations are skipped.
    fn next(&mut self) -> Option<(String, Tag<'a>)> {
        let mut text = String::new();
        loop {
            let (before, after) = self.rest.split_once('<')?;
            text.push_str(&unescape(before)?);
            if let Some(literal) = after.strip_prefix("![CDATA[") {
                let (literal, after) = literal.split_once("]]>")?;
                text.push_str(literal);
                self.rest = after;
            } else if let Some(comment) = after.strip_prefix("!--") {
                self.rest = comment.split_once("-->")?.1;
            } else if after.starts_with('?') {
                self.rest = after.split_once("?>")?.1;
            } else {
                let (inside, after) = after.split_once('>')?;
                self.rest = after;
                return Some((text, tag(inside)?));
            }
        }
    }
}

/// A tag without its brackets. Attributes say nothing that S3 needs.
fn tag(inside: &str) -> Option<Tag<'_>> {
    if let Some(closed) = inside.strip_prefix('/') {
        return Some(Tag::Close(name_of(closed)?));
    }
    // A document type would bring entities of its own.
    if inside.starts_with('!') {
        return None;
    }
    Some(match inside.strip_suffix('/') {
        Some(empty) => Tag::Empty(name_of(empty)?),
        None => Tag::Open(name_of(inside)?),
    })
}

/// The name at the start of a tag, without its namespace.
fn name_of(tag: &str) -> Option<&str> {
    tag.split_ascii_whitespace().next()?.rsplit(':').next()
}

fn unescape(text: &str) -> Option<String> {
    let mut pieces = text.split('&');
    let mut out = pieces.next()?.to_owned();
    for piece in pieces {
        let (name, after) = piece.split_once(';')?;
        out.push(match name {
            "amp" => '&',
            "lt" => '<',
            "gt" => '>',
            "quot" => '"',
            "apos" => '\'',
            _ => char::from_u32(match name.strip_prefix("#x") {
                Some(digits) => u32::from_str_radix(digits, 16).ok()?,
                None => name.strip_prefix('#')?.parse().ok()?,
            })?,
        });
        out.push_str(after);
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn documents_are_read_and_others_refused() {
        let text = "<?xml version=\"1.0\"?><!-- c --><a xmlns=\"x\"><b>1 &lt;&#x41;&#66;</b><c/><b><![CDATA[<&]]></b></a>\n";
        let root = parse(text.as_bytes(), "a").unwrap();
        let texts: Vec<&str> = root.all("b").map(|element| element.text.as_str()).collect();
        assert_eq!((texts, root.text_of("c")), (vec!["1 <AB", "<&"], Some("")));
        let deep = "<a>".repeat(100);
        for bad in
            ["", "<a>", "<a></b>", "<b/>", "<a>&x;</a>", "<!DOCTYPE a><a/>", "<a/><a/>", "x<a/>", &deep]
        {
            assert!(parse(bad.as_bytes(), "a").is_err(), "{bad}");
        }
    }
}
