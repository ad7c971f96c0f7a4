//! Route 53: where the private hosted zones of Cloud Map's namespaces are. One read and no more.

use crate::cloud_map::CloudMap;
use crate::env::Env;
use crate::failure::{Failure, Outcome};
use crate::object;
use crate::render::escape;

/// `GetHostedZone` (restXml).
pub(crate) fn get_hosted_zone(zone: &str, cloud_map: &CloudMap, env: &mut Env<'_>) -> Outcome {
    let Some((name, vpc)) = cloud_map.zone(zone) else {
        let message = format!("No hosted zone found with ID: {zone}");
        return Err(Failure::new(404, "NoSuchHostedZone", &message));
    };
    let (name, vpc, region) = (escape(name), escape(vpc), escape(&env.config.region));
    let xml = format!(
        "<?xml version=\"1.0\"?>\n<GetHostedZoneResponse xmlns=\"https://route53.amazonaws.com/doc/2013-04-01/\"><HostedZone>\
         <Id>/hostedzone/{zone}</Id><Name>{name}.</Name><CallerReference>{zone}</CallerReference><Config><Comment/>\
         <PrivateZone>true</PrivateZone></Config><ResourceRecordSetCount>2</ResourceRecordSetCount></HostedZone><VPCs><VPC>\
         <VPCRegion>{region}</VPCRegion><VPCId>{vpc}</VPCId></VPC></VPCs></GetHostedZoneResponse>"
    );
    Ok(object::only("xml", xml))
}
