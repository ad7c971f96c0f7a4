//! One Route 53 read: in which VPCs a private hosted zone is. Cloud Map does not show it of its namespaces.
//!
//! Made as [`crate::raw`] says. AWS: "GetHostedZone" of the Amazon Route 53 API Reference.

use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_types::body::SdkBody;
use aws_types::SdkConfig;
use quick_xml::Reader;
use quick_xml::events::Event;

use crate::aws::Aws;
use crate::error::CallError;
use crate::quota::{Operation, ROUTE53};
use crate::raw::{self, Service};

/// Global: one host and one signing region a partition.
const SERVICE: Service =
    Service { name: "route53", host: |_, suffix| format!("route53.{suffix}"), region: Some(signing_region) };

pub(crate) const GET_HOSTED_ZONE: Operation = Operation::read("route53", "GetHostedZone", &[ROUTE53]);

fn signing_region(region: &str) -> &'static str {
    match region {
        china if china.starts_with("cn-") => "cn-northwest-1",
        government if government.starts_with("us-gov-") => "us-gov-west-1",
        _ => "us-east-1",
    }
}

pub(crate) struct Route53 {
    config: SdkConfig,
}

impl Route53 {
    pub(crate) fn new(config: &SdkConfig) -> Self {
        Route53 { config: config.clone() }
    }

    /// The VPCs of this region that a private hosted zone is associated with, sorted.
    ///
    /// # Errors
    /// When Route 53 refuses or does not answer, or the answer is no XML.
    pub(crate) async fn vpcs_of(&self, aws: &Aws, zone: &str) -> Result<Vec<String>, CallError> {
        // An id is letters and digits; anything else would be another path.
        if zone.is_empty() || !zone.chars().all(|c| c.is_ascii_alphanumeric()) {
            return Err(CallError::nonsense(&GET_HOSTED_ZONE, "a zone's id is letters and digits"));
        }
        let call = raw::operation(&self.config, SERVICE, GET_HOSTED_ZONE.name, |zone: String| {
            let mut request = HttpRequest::new(SdkBody::empty());
            request.set_method("GET")?;
            request.set_uri(format!("/2013-04-01/hostedzone/{zone}"))?;
            Ok(request)
        });
        let body = aws.call(&GET_HOSTED_ZONE, call.invoke(zone.to_owned())).await?;
        let vpcs = read(&body, aws.region()).map_err(|error| {
            CallError::nonsense(&GET_HOSTED_ZONE, format!("the answer is no XML: {error}"))
        })?;
        Ok(vpcs)
    }
}

/// `VPCs/VPC` of the answer, those of `region`.
fn read(body: &[u8], region: &str) -> Result<Vec<String>, quick_xml::Error> {
    let mut reader = Reader::from_reader(body);
    let (mut buffer, mut text) = (Vec::new(), String::new());
    let (mut id, mut at, mut found) = (String::new(), String::new(), Vec::new());
    loop {
        match reader.read_event_into(&mut buffer)? {
            Event::Start(_) => text.clear(),
            Event::Text(part) => text.push_str(part.as_ref()),
            Event::End(end) => match end.local_name().as_ref() {
                "VPCId" => id = std::mem::take(&mut text),
                "VPCRegion" => at = std::mem::take(&mut text),
                "VPC" => {
                    let (id, at) = (std::mem::take(&mut id), std::mem::take(&mut at));
                    found.extend((at == region && !id.is_empty()).then_some(id));
                }
                _ => {}
            },
            Event::Eof => {
                found.sort();
                found.dedup();
                return Ok(found);
            }
            _ => {}
        }
        buffer.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_vpcs_of_the_region_count() {
        let body = br#"<?xml version="1.0"?><GetHostedZoneResponse xmlns="https://route53.amazonaws.com/doc/2013-04-01/">
          <HostedZone><Id>/hostedzone/Z1</Id><Name>private.example.com.</Name></HostedZone>
          <VPCs><VPC><VPCRegion>us-east-1</VPCRegion><VPCId>vpc-2</VPCId></VPC>
          <VPC><VPCRegion>us-west-2</VPCRegion><VPCId>vpc-3</VPCId></VPC>
          <VPC><VPCId>vpc-1</VPCId><VPCRegion>us-east-1</VPCRegion></VPC></VPCs></GetHostedZoneResponse>"#;
        assert_eq!(read(body, "us-east-1").unwrap(), ["vpc-1", "vpc-2"]);
        assert_eq!(read(b"<GetHostedZoneResponse/>", "us-east-1").unwrap(), Vec::<String>::new());
        assert!(read(b"<a><b></a>", "us-east-1").is_err());
    }
}
