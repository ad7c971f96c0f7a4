use crate::testing::{Caller, count};
use crate::{Config, Delays};
use serde_json::{Value, json};

fn private(name: &str, token: &str) -> Value {
    json!({"Name": name, "Vpc": "vpc-1", "CreatorRequestId": token, "Tags": [{"Key": "k", "Value": "v"}]})
}

fn status(aws: &mut Caller, operation: &Value) -> Value {
    aws.map("GetOperation", json!({"OperationId": operation["OperationId"]}))["Operation"].clone()
}

#[test]
fn a_namespace_appears_when_its_operation_succeeds() {
    let mut aws = Caller::realistic();
    let asked = aws.map("CreatePrivateDnsNamespace", private("shop.local", "t"));
    assert_eq!(asked.as_object().map(|out| out.len()), Some(1), "the operation id, and nothing else");
    assert_eq!(status(&mut aws, &asked)["Status"], "SUBMITTED");
    aws.wait(20);
    let operation = status(&mut aws, &asked);
    assert_eq!(operation["Status"], "PENDING");
    let id = operation["Targets"]["NAMESPACE"].clone();
    assert_eq!(aws.refused("servicediscovery", "GetNamespace", json!({"Id": id})).0, "NamespaceNotFound");
    aws.wait(25);
    assert_eq!(status(&mut aws, &asked)["Status"], "SUCCESS");
    let namespace = aws.map("GetNamespace", json!({"Id": id}))["Namespace"].clone();
    assert_eq!((&namespace["Type"], &namespace["CreatorRequestId"]), (&json!("DNS_PRIVATE"), &json!("t")));
    assert_eq!(namespace["Properties"]["DnsProperties"]["SOA"]["TTL"], 15);
    for hidden in ["Vpc", "Tags"] {
        assert_eq!(namespace.get(hidden), None, "{hidden}");
    }
    let list = aws.map("ListNamespaces", json!({}));
    assert_eq!(list["Namespaces"][0].get("CreatorRequestId"), None);
    let tags = aws.map("ListTagsForResource", json!({"ResourceARN": namespace["Arn"]}));
    assert_eq!(tags["Tags"], json!([{"Key": "k", "Value": "v"}]));
    let truth = aws.world.dump()["servicediscovery"]["namespaces"][id.as_str().unwrap_or_default()].clone();
    assert_eq!(truth["Vpc"], "vpc-1");
}

#[test]
fn creator_request_ids_tell_repetitions_from_rivals() {
    let mut aws = Caller::realistic();
    let first = aws.map("CreatePrivateDnsNamespace", private("shop.local", "t"));
    let (code, out) =
        aws.refused("servicediscovery", "CreatePrivateDnsNamespace", private("shop.local", "t"));
    assert_eq!((code.as_str(), &out["DuplicateOperationId"]), ("DuplicateRequest", &first["OperationId"]));
    let rival = aws.map("CreatePrivateDnsNamespace", private("shop.local", "other"));
    aws.wait(60);
    assert_eq!(aws.map("CreatePrivateDnsNamespace", private("shop.local", "t")), first);
    let lost = status(&mut aws, &rival);
    assert_eq!((&lost["Status"], &lost["ErrorCode"]), (&json!("FAIL"), &json!("CANNOT_CREATE_HOSTED_ZONE")));
    let (code, out) =
        aws.refused("servicediscovery", "CreatePrivateDnsNamespace", private("shop.local", "third"));
    assert_eq!((code.as_str(), &out["CreatorRequestId"]), ("NamespaceAlreadyExists", &json!("t")));
    assert_eq!(out["NamespaceId"], status(&mut aws, &first)["Targets"]["NAMESPACE"]);
    let below = aws.map("CreatePrivateDnsNamespace", private("sub.shop.local", "sub"));
    aws.wait(60);
    assert_eq!(status(&mut aws, &below)["ErrorCode"], "CANNOT_CREATE_HOSTED_ZONE");
    let mut elsewhere = private("shop.local", "elsewhere");
    elsewhere["Vpc"] = json!("vpc-2");
    let elsewhere = aws.map("CreatePrivateDnsNamespace", elsewhere);
    aws.wait(60);
    assert_eq!(status(&mut aws, &elsewhere)["Status"], "SUCCESS");
    let namespaces = aws.map("ListNamespaces", json!({}));
    assert_eq!(namespaces["Namespaces"].as_array().map(Vec::len), Some(2));
    // After the delete the token is free.
    let id = status(&mut aws, &first)["Targets"]["NAMESPACE"].clone();
    aws.map("DeleteNamespace", json!({"Id": id}));
    assert_eq!(aws.refused("servicediscovery", "DeleteNamespace", json!({"Id": id})).0, "DuplicateRequest");
    aws.wait(60);
    assert_ne!(aws.map("CreatePrivateDnsNamespace", private("shop.local", "t")), first);
}

#[test]
fn services_of_one_name_are_repetitions_or_refused() {
    let mut aws = Caller::realistic();
    let namespace = aws.namespace("shop.local");
    let service = aws.registry(&namespace);
    assert_eq!(aws.registry(&namespace), service, "the same request gives the same service");
    assert_eq!(service["HealthCheckCustomConfig"], json!({"FailureThreshold": 1}));
    assert_eq!(
        (&service["Type"], &service["DnsConfig"]["RoutingPolicy"]),
        (&json!("DNS_HTTP"), &json!("MULTIVALUE"))
    );
    let rival = json!({
        "Name": "WEB", "NamespaceId": namespace, "CreatorRequestId": "other",
        "DnsConfig": {"DnsRecords": [{"Type": "SRV", "TTL": 60}]},
    });
    let (code, out) = aws.refused("servicediscovery", "CreateService", rival);
    assert_eq!(code, "ServiceAlreadyExists");
    assert_eq!((&out["ServiceId"], &out["ServiceArn"]), (&service["Id"], &service["Arn"]));
    let listed =
        aws.map("ListServices", json!({"Filters": [{"Name": "NAMESPACE_ID", "Values": [namespace]}]}));
    assert_eq!(listed["Services"][0].get("NamespaceId"), None);
    assert_eq!(count(&aws.world, "/servicediscovery/services"), 1);
}

#[test]
fn services_are_validated() {
    let mut aws = Caller::instant();
    let dns = aws.namespace("shop.local");
    let operation = aws.map("CreateHttpNamespace", json!({"Name": "http", "CreatorRequestId": "h"}));
    let http = status(&mut aws, &operation)["Targets"]["NAMESPACE"].clone();
    let record = |kind: &str| json!({"Type": kind, "TTL": 60});
    for (namespace, members, code) in [
        (json!(dns), json!({"DnsConfig": {"DnsRecords": [record("SRV"), record("A")]}}), "InvalidInput"),
        (json!(dns), json!({"DnsConfig": {"DnsRecords": [record("CNAME")]}}), "InvalidInput"),
        (json!(dns), json!({"DnsConfig": {"DnsRecords": [{"Type": "A", "TTL": -1}]}}), "InvalidInput"),
        (json!(dns), json!({}), "InvalidInput"),
        (
            json!(dns),
            json!({"DnsConfig": {"DnsRecords": [record("A")]}, "HealthCheckConfig": {"Type": "TCP"}}),
            "InvalidInput",
        ),
        (
            http.clone(),
            json!({"HealthCheckConfig": {"Type": "TCP"}, "HealthCheckCustomConfig": {}}),
            "InvalidInput",
        ),
        (http.clone(), json!({"DnsConfig": {"DnsRecords": [record("A")]}}), "InvalidInput"),
        (json!("ns-none"), json!({}), "NamespaceNotFound"),
    ] {
        let mut body = members;
        body["Name"] = json!("web");
        body["NamespaceId"] = namespace;
        assert_eq!(aws.refused("servicediscovery", "CreateService", body.clone()).0, code, "{body}");
    }
    let out = aws.map("CreateService", json!({"Name": "api-only", "NamespaceId": dns, "Type": "HTTP"}));
    assert_eq!((&out["Service"]["Type"], &out["Service"]["DnsConfig"]), (&json!("HTTP"), &json!({})));
    let update = json!({"Id": out["Service"]["Id"], "Service": {"Description": "x"}});
    assert_eq!(aws.refused("servicediscovery", "UpdateService", update).0, "InvalidInput");
}

#[test]
fn an_update_of_a_service_drops_what_it_leaves_out() {
    let mut aws = Caller::realistic();
    let namespace = aws.namespace("shop.local");
    let id = aws.registry(&namespace)["Id"].clone();
    let records = |aws: &mut Caller| {
        aws.map("GetService", json!({"Id": id}))["Service"]["DnsConfig"]["DnsRecords"].clone()
    };
    for (change, code) in [
        (json!({"DnsConfig": {"DnsRecords": [{"Type": "A", "TTL": 60}]}}), "InvalidInput"),
        (json!({"HealthCheckCustomConfig": {}}), "InvalidInput"),
        (json!({"HealthCheckConfig": {"Type": "TCP"}}), "InvalidInput"),
    ] {
        let refused = aws.refused("servicediscovery", "UpdateService", json!({"Id": id, "Service": change}));
        assert_eq!(refused.0, code);
    }
    let ttl = json!({"DnsConfig": {"DnsRecords": [{"Type": "SRV", "TTL": 10}]}, "Description": "d"});
    aws.map("UpdateService", json!({"Id": id, "Service": ttl}));
    assert_eq!(records(&mut aws)[0]["TTL"], 60, "not before the operation succeeds");
    assert_eq!(
        aws.refused("servicediscovery", "UpdateService", json!({"Id": id, "Service": ttl})).0,
        "DuplicateRequest"
    );
    aws.wait(15);
    assert_eq!(records(&mut aws)[0]["TTL"], 10);
    aws.map("UpdateService", json!({"Id": id, "Service": {"Description": "only this"}}));
    aws.wait(15);
    assert_eq!(records(&mut aws), json!([]));
}

#[test]
fn parents_are_not_deleted_before_their_children() {
    let mut aws = Caller::realistic();
    let namespace = aws.namespace("shop.local");
    let service = aws.registry(&namespace)["Id"].clone();
    let bare =
        json!({"ServiceId": service, "InstanceId": "i", "Attributes": {"AWS_INSTANCE_IPV4": "10.0.0.1"}});
    assert_eq!(
        aws.refused("servicediscovery", "RegisterInstance", bare).0,
        "InvalidInput",
        "SRV needs a port"
    );
    let attributes = json!({"AWS_INSTANCE_IPV4": "10.0.0.1", "AWS_INSTANCE_PORT": "80", "blue": "yes"});
    let instance = json!({"ServiceId": service, "InstanceId": "i", "Attributes": attributes});
    let operation = aws.map("RegisterInstance", instance);
    assert_eq!(count(&aws.world, "/servicediscovery/instances"), 0);
    aws.wait(15);
    assert_eq!(status(&mut aws, &operation)["Type"], "REGISTER_INSTANCE");
    for (query, found) in [(json!({}), 1), (json!({"blue": "yes"}), 1), (json!({"blue": "no"}), 0)] {
        let asked = json!({"NamespaceName": "shop.local", "ServiceName": "web", "QueryParameters": query});
        let out = aws.map("DiscoverInstances", asked);
        assert_eq!(out["Instances"].as_array().map(Vec::len), Some(found), "{query}");
    }
    let (code, out) = aws.refused("servicediscovery", "DeleteService", json!({"Id": service}));
    assert_eq!(code, "ResourceInUse");
    assert_eq!(
        out["Message"],
        "Service contains registered instances; delete the instances before deleting the service"
    );
    assert_eq!(
        aws.refused("servicediscovery", "DeleteNamespace", json!({"Id": namespace})).0,
        "ResourceInUse"
    );
    aws.map("DeregisterInstance", json!({"ServiceId": service, "InstanceId": "i"}));
    aws.wait(15);
    aws.map("DeleteService", json!({"Id": service}));
    let operation = aws.map("DeleteNamespace", json!({"Id": namespace}));
    aws.wait(45);
    assert_eq!(status(&mut aws, &operation)["Status"], "SUCCESS");
    assert_eq!(count(&aws.world, "/servicediscovery/namespaces"), 0);
}

#[test]
fn namespaces_change_in_description_and_soa_only() {
    let mut aws = Caller::realistic();
    let id = aws.namespace("shop.local");
    let change = json!({"Description": "d", "Properties": {"DnsProperties": {"SOA": {"TTL": 99}}}});
    aws.map("UpdatePrivateDnsNamespace", json!({"Id": id, "Namespace": change}));
    aws.wait(45);
    let out = aws.map("GetNamespace", json!({"Id": id}));
    assert_eq!(out["Namespace"]["Description"], "d");
    assert_eq!(out["Namespace"]["Properties"]["DnsProperties"]["SOA"]["TTL"], 99);
    aws.world.faults().cloud_map_operation_fails("INTERNAL_FAILURE", "try again");
    let operation = aws.map("DeleteNamespace", json!({"Id": id}));
    aws.wait(45);
    let failed = status(&mut aws, &operation);
    assert_eq!((&failed["Status"], &failed["ErrorCode"]), (&json!("FAIL"), &json!("INTERNAL_FAILURE")));
    assert_eq!(count(&aws.world, "/servicediscovery/namespaces"), 1);
}

#[test]
fn a_filtered_page_may_be_empty_and_not_the_last() {
    let config =
        Config { delays: Delays::none(), rate_limits: false, page_size_max: Some(1), ..Config::default() };
    let mut aws = Caller::with(config);
    for name in ["a.one", "b.two", "c.three", "d.four"] {
        aws.namespace(name);
    }
    let (mut found, mut empty_pages, mut token) = (Vec::new(), 0, Value::Null);
    loop {
        let filter = json!([{"Name": "NAME", "Values": ["c.three"], "Condition": "EQ"}]);
        let page = aws.map("ListNamespaces", json!({"Filters": filter, "NextToken": token}));
        let names = page["Namespaces"].as_array().cloned().unwrap_or_default();
        empty_pages += usize::from(names.is_empty() && page.get("NextToken").is_some());
        found.extend(names.iter().map(|namespace| namespace["Name"].clone()));
        token = page["NextToken"].clone();
        if token.is_null() {
            break;
        }
    }
    assert_eq!(found, [json!("c.three")]);
    assert!(empty_pages > 0);
    let unknown = json!({"Filters": [{"Name": "COLOUR", "Values": ["x"]}]});
    assert_eq!(aws.refused("servicediscovery", "ListNamespaces", unknown).0, "InvalidInput");
}

#[test]
fn tags_are_changed_by_arn() {
    let mut aws = Caller::instant();
    let namespace = aws.namespace("shop.local");
    let arn = aws.registry(&namespace)["Arn"].clone();
    aws.map(
        "TagResource",
        json!({"ResourceARN": arn, "Tags": [{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}]}),
    );
    aws.map("UntagResource", json!({"ResourceARN": arn, "TagKeys": ["b", "c"]}));
    let tags = aws.map("ListTagsForResource", json!({"ResourceARN": arn}));
    assert_eq!(tags["Tags"], json!([{"Key": "a", "Value": "1"}]));
    let gone = json!({"ResourceARN": "arn:aws:servicediscovery:us-east-1:123456789012:service/srv-none"});
    assert_eq!(aws.refused("servicediscovery", "ListTagsForResource", gone).0, "ResourceNotFoundException");
}
