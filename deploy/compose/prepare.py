"""Makes in an emulated AWS what the article's documents presuppose, and drops them into the bucket `documents`."""

import os
import pathlib
import sys
import time

import boto3
from botocore.config import Config
from botocore.exceptions import EndpointConnectionError

NETWORK = "10.0.0.0/16"
SUBNETS = ["10.0.0.0/24", "10.0.1.0/24"]
PATIENT = Config(retries={"max_attempts": 10, "mode": "standard"}, s3={"addressing_style": "path"})


def client(service):
    # boto3 does not read AWS_REGION.
    return boto3.client(service, region_name=os.environ["AWS_REGION"], config=PATIENT)


def wait_for_aws():
    """The emulator needs a few seconds to start."""
    for _ in range(60):
        try:
            return client("sts").get_caller_identity()
        except EndpointConnectionError:
            time.sleep(1)
    sys.exit("the emulated AWS does not answer")


def tagged(kind, key, value):
    return [{"ResourceType": kind, "Tags": [{"Key": key, "Value": value}]}]


def network():
    ec2 = client("ec2")
    vpc = ec2.create_vpc(CidrBlock=NETWORK, TagSpecifications=tagged("vpc", "Name", "awesome-vpc"))["Vpc"]["VpcId"]
    for block in SUBNETS:
        ec2.create_subnet(VpcId=vpc, CidrBlock=block, TagSpecifications=tagged("subnet", "Tier", "private"))
    group = ec2.create_security_group(
        VpcId=vpc,
        GroupName="great-sg",
        Description="great",
        TagSpecifications=tagged("security-group", "Name", "great-sg"),
    )["GroupId"]
    # The VPC link and the tasks both bear it: without this rule nothing would get through.
    own = {"IpProtocol": "-1", "UserIdGroupPairs": [{"GroupId": group}]}
    ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[own])


def tasks():
    ecs = client("ecs")
    ecs.create_cluster(clusterName="main")
    ecs.register_task_definition(
        family="great-task",
        networkMode="awsvpc",
        requiresCompatibilities=["FARGATE"],
        cpu="256",
        memory="512",
        containerDefinitions=[{"name": "web", "image": "nginx", "portMappings": [{"containerPort": 80}]}],
    )


def documents(folder):
    s3 = client("s3")
    s3.create_bucket(Bucket="documents")
    for file in sorted(pathlib.Path(folder).glob("*.yaml")):
        s3.put_object(Bucket="documents", Key=f"article/{file.name}", Body=file.read_bytes())


wait_for_aws()
network()
tasks()
documents(sys.argv[1])
