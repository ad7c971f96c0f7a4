use crate::Request;
use crate::testing::Caller;

fn form(aws: &mut Caller, body: &str) -> (u16, String) {
    let request = Request {
        method: "POST".to_owned(),
        uri: "/".to_owned(),
        headers: Vec::new(),
        body: body.as_bytes().to_vec(),
    };
    let response = aws.send(&request);
    (response.status, String::from_utf8(response.body).unwrap_or_default())
}

#[test]
fn filters_select() {
    let mut aws = Caller::instant();
    let vpc = "Filter.2.Name=vpc-id&Filter.2.Value.1=vpc-0a1b2c3d4e5f60718";
    for (query, items) in [
        ("Action=DescribeVpcs".to_owned(), 2),
        ("Action=DescribeVpcs&Filter.1.Name=tag%3AName&Filter.1.Value.1=awesome-vpc".to_owned(), 1),
        ("Action=DescribeVpcs&Filter.1.Name=tag%3AName&Filter.1.Value.1=*-vpc".to_owned(), 2),
        ("Action=DescribeVpcs&Filter.1.Name=tag%3AName&Filter.1.Value.1=%5C*-vpc".to_owned(), 0),
        ("Action=DescribeVpcs&Filter.1.Name=tag%3AName&Filter.1.Value.1=Awesome-vpc".to_owned(), 0),
        ("Action=DescribeVpcs&Filter.1.Name=is-default&Filter.1.Value.1=true".to_owned(), 0),
        ("Action=DescribeVpcs&VpcId.1=vpc-0a1b2c3d4e5f60718".to_owned(), 1),
        (format!("Action=DescribeSubnets&Filter.1.Name=tag-key&Filter.1.Value.1=Name&{vpc}"), 3),
        ("Action=DescribeSubnets&Filter.1.Name=tag-key&Filter.1.Value.1=Name".to_owned(), 4),
        ("Action=DescribeSubnets&Filter.1.Name=tag%3ATier&Filter.1.Value.1=private".to_owned(), 2),
        ("Action=DescribeSecurityGroups&Filter.1.Name=group-name&Filter.1.Value.1=great-s%3F".to_owned(), 1),
    ] {
        let (status, xml) = form(&mut aws, &query);
        assert_eq!(status, 200, "{xml}");
        let names = ["<vpcId>", "<subnetId>", "<groupName>"];
        let id = if query.contains("Subnets") {
            names[1]
        } else if query.contains("Groups") {
            names[2]
        } else {
            names[0]
        };
        assert_eq!(xml.matches(id).count(), items, "{query}");
    }
}

#[test]
fn refusals_are_in_the_protocols_form() {
    let mut aws = Caller::instant();
    for (query, code) in [
        ("Action=DescribeVpcs&VpcId.1=vpc-none", "InvalidVpcID.NotFound"),
        ("Action=DescribeSubnets&SubnetId.1=subnet-none", "InvalidSubnetID.NotFound"),
        ("Action=DescribeSecurityGroups&GroupId.1=sg-none", "InvalidGroup.NotFound"),
        ("Action=DescribeVpcs&Filter.1.Name=colour&Filter.1.Value.1=x", "InvalidParameterValue"),
        ("Action=DescribeVpcs&MaxResults=1", "InvalidParameterValue"),
        ("Action=RunInstances", "InvalidAction"),
    ] {
        let (status, xml) = form(&mut aws, query);
        assert_eq!(status, 400);
        assert!(xml.contains(&format!("<Errors><Error><Code>{code}</Code>")), "{xml}");
    }
}

#[test]
fn sts_says_who_is_calling() {
    let mut aws = Caller::instant();
    let (status, xml) = form(&mut aws, "Action=GetCallerIdentity&Version=2011-06-15");
    assert!(status == 200 && xml.contains("<Account>123456789012</Account>"), "{xml}");
}

#[test]
fn a_vpc_tells_its_attributes_one_by_one() {
    let mut aws = Caller::instant();
    for (attribute, value) in [
        ("enableDnsHostnames", true),
        ("enableDnsSupport", true),
        ("enableNetworkAddressUsageMetrics", false),
    ] {
        let query = format!("Action=DescribeVpcAttribute&VpcId=vpc-0a1b2c3d4e5f60718&Attribute={attribute}");
        let (status, xml) = form(&mut aws, &query);
        assert!(
            status == 200 && xml.contains(&format!("<{attribute}><value>{value}</value></{attribute}>")),
            "{xml}"
        );
    }
    for (query, code) in [
        ("Action=DescribeVpcAttribute&Attribute=enableDnsSupport", "MissingParameter"),
        ("Action=DescribeVpcAttribute&VpcId=vpc-0a1b2c3d4e5f60718", "MissingParameter"),
        ("Action=DescribeVpcAttribute&VpcId=vpc-none&Attribute=enableDnsSupport", "InvalidVpcID.NotFound"),
        ("Action=DescribeVpcAttribute&VpcId=vpc-0a1b2c3d4e5f60718&Attribute=colour", "InvalidParameterValue"),
        ("Action=DescribeAccountAttributes&AttributeName.1=colour", "InvalidParameterValue"),
        ("Action=DescribeRouteTables&RouteTableId.1=rtb-none", "InvalidRouteTableID.NotFound"),
    ] {
        let (status, xml) = form(&mut aws, query);
        assert!(status == 400 && xml.contains(&format!("<Code>{code}</Code>")), "{query}: {xml}");
    }
}

#[test]
fn main_route_tables_zones_and_owners_are_there_for_other_peoples_tools() {
    let mut aws = Caller::instant();
    let main = "Filter.1.Name=association.main&Filter.1.Value.1=true";
    for (query, wanted, times) in [
        (format!("Action=DescribeRouteTables&{main}"), "<main>true</main>", 2),
        (
            format!(
                "Action=DescribeRouteTables&{main}&Filter.2.Name=vpc-id&Filter.2.Value.1=vpc-0a1b2c3d4e5f60718"
            ),
            "<gatewayId>local</gatewayId>",
            1,
        ),
        (
            "Action=DescribeRouteTables&Filter.1.Name=association.main&Filter.1.Value.1=false".to_owned(),
            "<main>",
            0,
        ),
        ("Action=DescribeAvailabilityZones".to_owned(), "<zoneState>available</zoneState>", 2),
        ("Action=DescribeAvailabilityZones&ZoneName.1=us-east-1a".to_owned(), "<zoneId>use1-az1</zoneId>", 1),
        (
            "Action=DescribeAvailabilityZones&Filter.1.Name=state&Filter.1.Value.1=available".to_owned(),
            "<zoneName>",
            2,
        ),
        (
            "Action=DescribeAccountAttributes&AttributeName.1=supported-platforms".to_owned(),
            "<attributeValue>VPC<",
            1,
        ),
        ("Action=DescribeSecurityGroups".to_owned(), "<ownerId>123456789012</ownerId>", 2),
        ("Action=DescribeVpcs".to_owned(), "<cidrBlockAssociationSet><item>", 2),
    ] {
        let (status, xml) = form(&mut aws, &query);
        assert_eq!((status, xml.matches(wanted).count()), (200, times), "{query}: {xml}");
    }
}

#[test]
fn rules_are_added_once_taken_away_once_and_shown() {
    let mut aws = Caller::instant();
    let change = |action: &str, permission: &str| {
        format!("Action={action}&GroupId=sg-0123456789abcdef0&IpPermissions.1.{permission}")
    };
    let web = "IpProtocol=tcp&IpPermissions.1.FromPort=80&IpPermissions.1.ToPort=80\
               &IpPermissions.1.IpRanges.1.CidrIp=10.0.0.0/16&IpPermissions.1.Groups.1.GroupId=sg-0fedcba9876543210";
    let all = "IpProtocol=-1&IpPermissions.1.IpRanges.1.CidrIp=0.0.0.0/0";
    for (query, says) in [
        (change("AuthorizeSecurityGroupIngress", web), "<return>true</return>"),
        (change("AuthorizeSecurityGroupIngress", web), "InvalidPermission.Duplicate"),
        (change("RevokeSecurityGroupEgress", all), "<return>true</return>"),
        (change("RevokeSecurityGroupEgress", all), "InvalidPermission.NotFound"),
        (change("AuthorizeSecurityGroupEgress", web), "<return>true</return>"),
        (change("AuthorizeSecurityGroupEgress", "IpProtocol=tcp"), "MissingParameter"),
        ("Action=RevokeSecurityGroupIngress&GroupId=sg-none".to_owned(), "InvalidGroup.NotFound"),
        ("Action=RevokeSecurityGroupIngress".to_owned(), "MissingParameter"),
    ] {
        let (_, xml) = form(&mut aws, &query);
        assert!(xml.contains(says), "{query}: {xml}");
    }
    let (_, xml) = form(&mut aws, "Action=DescribeSecurityGroups&GroupId.1=sg-0123456789abcdef0");
    let ingress = xml.split("<ipPermissionsEgress>").next().unwrap_or_default();
    let rule = "<item><fromPort>80</fromPort><ipProtocol>tcp</ipProtocol><ipRanges><item><cidrIp>10.0.0.0/16</cidrIp>";
    assert!(ingress.contains(rule) && ingress.matches("<groupId>").count() == 3, "{xml}");
    assert!(!xml.contains("0.0.0.0/0"), "{xml}");
}
