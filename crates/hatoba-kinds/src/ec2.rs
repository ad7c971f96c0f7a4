//! Three EC2 reads, by tag and by id ([`crate::raw`] says why without `aws-sdk-ec2`).

mod network;

use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_types::body::SdkBody;
use aws_types::SdkConfig;
use hatoba_core::Lookup;
use quick_xml::Reader;
use quick_xml::events::Event;

use crate::aws::Aws;
use crate::error::CallError;
use crate::quota::{EC2_DESCRIBE, Operation};
use crate::raw::{self, Service};

const SERVICE: Service =
    Service { name: "ec2", host: |region, suffix| format!("ec2.{region}.{suffix}"), region: None };

const DESCRIBE_VPCS: Operation = Operation::read("ec2", "DescribeVpcs", &[EC2_DESCRIBE]);
const DESCRIBE_SUBNETS: Operation = Operation::read("ec2", "DescribeSubnets", &[EC2_DESCRIBE]);
const DESCRIBE_SECURITY_GROUPS: Operation = Operation::read("ec2", "DescribeSecurityGroups", &[EC2_DESCRIBE]);

/// All of them.
pub(crate) const OPERATIONS: &[Operation] = &[DESCRIBE_VPCS, DESCRIBE_SUBNETS, DESCRIBE_SECURITY_GROUPS];

/// Those that tell whether security groups let requests through.
pub(crate) const GUARDS: &[Operation] = &[DESCRIBE_SECURITY_GROUPS, DESCRIBE_SUBNETS];

/// More pages than this is no answer: 100,000 subnets.
const PAGES_MAX: usize = 100;

/// What the answer is read for: its items' id.
struct Question {
    operation: &'static Operation,
    id: &'static str,
}

fn question(resource: &str) -> Option<Question> {
    match resource {
        "vpc" => Some(Question { operation: &DESCRIBE_VPCS, id: "vpcId" }),
        "subnet" => Some(Question { operation: &DESCRIBE_SUBNETS, id: "subnetId" }),
        "security-group" => Some(Question { operation: &DESCRIBE_SECURITY_GROUPS, id: "groupId" }),
        _ => None,
    }
}

/// The form body of one request.
type Form = Vec<(String, String)>;

/// One page: its items, and the next page's token.
#[derive(Debug, PartialEq)]
struct Page<T> {
    items: Vec<T>,
    next: Option<String>,
}

impl<T> Default for Page<T> {
    fn default() -> Self {
        Page { items: Vec::new(), next: None }
    }
}

pub(crate) struct Ec2 {
    config: SdkConfig,
}

impl Ec2 {
    pub(crate) fn new(config: &SdkConfig) -> Self {
        Ec2 { config: config.clone() }
    }

    pub(crate) async fn lookup(&self, aws: &Aws, lookup: &Lookup) -> Result<Vec<String>, CallError> {
        let Some(question) = question(&lookup.resource) else {
            return Err(CallError::unbuildable(
                &DESCRIBE_VPCS,
                format!("nobody looks up a {}", lookup.resource),
            ));
        };
        let read = |body: &[u8]| read_page(body, &question, lookup);
        let mut ids = self.all(aws, question.operation, &filters(lookup), read).await?;
        ids.sort();
        ids.dedup();
        Ok(ids)
    }

    /// The items of every page; half a listing is none.
    async fn all<T>(
        &self,
        aws: &Aws,
        operation: &'static Operation,
        filters: &[(String, Vec<String>)],
        read: impl Fn(&[u8]) -> Result<Page<T>, quick_xml::Error>,
    ) -> Result<Vec<T>, CallError> {
        let mut items = Vec::new();
        let mut token: Option<String> = None;
        for _ in 0..PAGES_MAX {
            let form = form(operation.name, filters, token.as_deref());
            let call = raw::operation(&self.config, SERVICE, operation.name, |form: Form| request(&form));
            let body = aws.call(operation, call.invoke(form)).await?;
            let page = read(&body)
                .map_err(|error| CallError::nonsense(operation, format!("the answer is no XML: {error}")))?;
            items.extend(page.items);
            match page.next {
                None => return Ok(items),
                next if next == token => {
                    return Err(CallError::nonsense(operation, "the same page token twice"));
                }
                next => token = next,
            }
        }
        Err(CallError::nonsense(operation, "the pages do not end"))
    }
}

/// Every tag, and the VPC, is a filter.
fn filters(lookup: &Lookup) -> Vec<(String, Vec<String>)> {
    let tags = lookup.tags.iter().map(|(key, value)| (format!("tag:{key}"), value));
    let vpc = lookup.vpc.iter().map(|vpc| ("vpc-id".to_owned(), vpc));
    tags.chain(vpc).map(|(name, value)| (name, vec![value.clone()])).collect()
}

/// The request's form. Filter values know `*` and `?`: wildcards are escaped.
fn form(action: &str, filters: &[(String, Vec<String>)], token: Option<&str>) -> Form {
    let mut form: Form = vec![("Action".into(), action.into()), ("Version".into(), "2016-11-15".into())];
    for (index, (name, values)) in filters.iter().enumerate() {
        form.push((format!("Filter.{}.Name", index + 1), name.clone()));
        for (number, value) in values.iter().enumerate() {
            let escaped: String = value
                .chars()
                .flat_map(|c| if "\\*?".contains(c) { vec!['\\', c] } else { vec![c] })
                .collect();
            form.push((format!("Filter.{}.Value.{}", index + 1, number + 1), escaped));
        }
    }
    if let Some(token) = token {
        form.push(("NextToken".into(), token.into()));
    }
    form
}

/// Reads ids, VPCs and tags of the items, and keeps those that match: no server is trusted to filter.
fn read_page(body: &[u8], question: &Question, lookup: &Lookup) -> Result<Page<String>, quick_xml::Error> {
    let mut page = Page::default();
    let mut item = Item::default();
    each_end(body, |steps, text| match steps {
        [_, _, "item", name] if *name == question.id => item.id = std::mem::take(text),
        [_, _, "item", "vpcId"] => item.vpc = std::mem::take(text),
        [_, _, "item", "tagSet", "item", "key"] => item.key = std::mem::take(text),
        [_, _, "item", "tagSet", "item", "value"] => item.value = std::mem::take(text),
        [_, _, "item", "tagSet", "item"] => {
            item.tags.push((std::mem::take(&mut item.key), std::mem::take(&mut item.value)));
        }
        [_, _, "item"] => {
            let item = std::mem::take(&mut item);
            if item.matches(lookup) {
                page.items.push(item.id);
            }
        }
        [_, "nextToken"] if !text.is_empty() => page.next = Some(std::mem::take(text)),
        _ => {}
    })?;
    Ok(page)
}

/// Tells of the end of every element: its path, and its text.
fn each_end(body: &[u8], mut tell: impl FnMut(&[&str], &mut String)) -> Result<(), quick_xml::Error> {
    let mut reader = Reader::from_reader(body);
    let mut path: Vec<String> = Vec::new();
    let mut buffer = Vec::new();
    let mut text = String::new();
    loop {
        match reader.read_event_into(&mut buffer)? {
            Event::Start(start) => {
                path.push(start.local_name().as_ref().to_owned());
                text.clear();
            }
            Event::Text(part) => text.push_str(part.as_ref()),
            Event::GeneralRef(entity) => text.push_str(&resolve(entity.as_ref())),
            Event::End(_) => {
                let steps: Vec<&str> = path.iter().map(String::as_str).collect();
                tell(&steps, &mut text);
                text.clear();
                path.pop();
            }
            Event::Eof => return Ok(()),
            _ => {}
        }
        buffer.clear();
    }
}

/// What a reference stands for: one of XML's five names, or a character's number.
fn resolve(entity: &str) -> String {
    let number = |digits: &str, radix| u32::from_str_radix(digits, radix).ok().and_then(char::from_u32);
    let character = match entity {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        _ => match entity.strip_prefix('#') {
            Some(number_) => match number_.strip_prefix('x') {
                Some(digits) => number(digits, 16),
                None => number(number_, 10),
            },
            None => None,
        },
    };
    character.unwrap_or(char::REPLACEMENT_CHARACTER).to_string()
}

#[derive(Default)]
struct Item {
    id: String,
    vpc: String,
    key: String,
    value: String,
    tags: Vec<(String, String)>,
}

impl Item {
    fn matches(&self, lookup: &Lookup) -> bool {
        let carries = |key: &String, value: &String| self.tags.iter().any(|(k, v)| k == key && v == value);
        let lies_in = lookup.vpc.as_ref().is_none_or(|vpc| *vpc == self.vpc);
        !self.id.is_empty() && lies_in && lookup.tags.iter().all(|(key, value)| carries(key, value))
    }
}

fn request(form: &Form) -> Result<HttpRequest, aws_smithy_runtime_api::box_error::BoxError> {
    let mut body = String::new();
    for (name, value) in form {
        if !body.is_empty() {
            body.push('&');
        }
        body.push_str(&encode(name));
        body.push('=');
        body.push_str(&encode(value));
    }
    let mut request = HttpRequest::new(SdkBody::from(body));
    request.set_method("POST")?;
    request.set_uri("/")?;
    request.headers_mut().insert("content-type", "application/x-www-form-urlencoded");
    Ok(request)
}

/// `application/x-www-form-urlencoded` with everything but RFC 3986's unreserved characters escaped.
fn encode(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                char::from(byte).to_string()
            }
            _ => format!("%{byte:02X}"),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    fn lookup() -> Lookup {
        Lookup {
            resource: "subnet".into(),
            tags: BTreeMap::from([("Tier".to_owned(), "private*".to_owned())]),
            vpc: None,
        }
    }

    #[test]
    fn the_form_filters_by_every_tag_and_escapes_wildcards() {
        let form = form("DescribeSubnets", &filters(&lookup()), Some("t"));
        assert!(form.contains(&("Filter.1.Name".into(), "tag:Tier".into())));
        assert!(form.contains(&("Filter.1.Value.1".into(), "private\\*".into())));
        assert!(form.contains(&("NextToken".into(), "t".into())));
        assert_eq!(encode("tag:Name=a b"), "tag%3AName%3Da%20b");
    }

    #[test]
    fn references_in_tag_values_keep_what_stands_around_them() {
        let body = b"<R><subnetSet><item><subnetId>s</subnetId><tagSet><item><key>Tier</key>\
            <value>a &amp; b&#39;s &#x41;</value></item></tagSet></item></subnetSet></R>";
        let tags = BTreeMap::from([("Tier".to_owned(), "a & b's A".to_owned())]);
        let lookup = Lookup { resource: "subnet".into(), tags, vpc: None };
        let page = read_page(body, &question("subnet").unwrap(), &lookup).unwrap();
        assert_eq!(page.items, ["s"]);
    }

    #[test]
    fn only_items_that_carry_the_tags_count() {
        let body = br#"<?xml version="1.0"?><DescribeSubnetsResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/">
          <requestId>r</requestId><subnetSet>
          <item><subnetId>subnet-1</subnetId><tagSet><item><key>Tier</key><value>private*</value></item></tagSet></item>
          <item><subnetId>subnet-2</subnetId><tagSet><item><key>Tier</key><value>public</value></item></tagSet></item>
          <item><subnetId>subnet-3</subnetId></item>
          </subnetSet><nextToken>more</nextToken></DescribeSubnetsResponse>"#;
        let question = question("subnet").unwrap();
        let page = read_page(body, &question, &lookup()).unwrap();
        assert_eq!(page, Page { items: vec!["subnet-1".into()], next: Some("more".into()) });
        assert!(read_page(b"<a><b></a>", &question, &lookup()).is_err());
    }

    #[test]
    fn only_items_in_the_vpc_count() {
        let lookup = Lookup { vpc: Some("vpc-1".into()), ..lookup() };
        let form = form("DescribeSubnets", &filters(&lookup), None);
        assert!(form.contains(&("Filter.2.Name".into(), "vpc-id".into())));
        assert!(form.contains(&("Filter.2.Value.1".into(), "vpc-1".into())));
        let item = |id: &str, vpc: &str| {
            format!(
                "<item><subnetId>{id}</subnetId><vpcId>{vpc}</vpcId><tagSet><item><key>Tier</key>\
                 <value>private*</value></item></tagSet></item>"
            )
        };
        let body = format!("<R><subnetSet>{}{}</subnetSet></R>", item("a", "vpc-1"), item("b", "vpc-2"));
        let page = read_page(body.as_bytes(), &question("subnet").unwrap(), &lookup).unwrap();
        assert_eq!(page.items, ["a"]);
    }
}
