"""Condition keys that operations send: of sessions, of resources and their tags, and of the request's input."""

import datetime as dt
import time

import pytest

from support.cloud_helpers import (
    allow,
    assume,
    client,
    deny,
    expect_error,
    expect_error_code,
    new_role,
    new_user,
    policy_document,
    trust_policy,
    unique_name,
)


def test_token_issue_time_revokes_sessions(cloud):
    """The policy that IAM attaches to revoke a role's sessions denies the earlier ones and not the later ones."""
    role = new_role(cloud, trust_policy({"AWS": cloud.account}), allow("*"))
    old = assume(cloud, role)
    time.sleep(1.1)
    now = dt.datetime.now(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    revocation = deny("*", Condition={"DateLessThan": {"aws:TokenIssueTime": now}})
    client(cloud, "iam").put_role_policy(
        RoleName=role.rpartition("/")[2], PolicyName="revoke", PolicyDocument=policy_document(revocation)
    )
    assert expect_error_code(client(cloud, "s3", old).list_buckets) == "AccessDenied"
    assert client(cloud, "s3", assume(cloud, role)).list_buckets()
    _, key = new_user(cloud, allow("s3:*"), revocation)
    assert client(cloud, "s3", key).list_buckets()


def bucket(cloud):
    name = unique_name("bucket")
    client(cloud, "s3").create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": cloud.region})
    return name


def test_existing_object_tag_of_a_pod(cloud):
    """The example of EKS's own page: an object is readable if its tag is the session's tag of the service account."""
    name, s3 = bucket(cloud), client(cloud, "s3")
    for tag in ("default", "other"):
        s3.put_object(Bucket=name, Key=tag, Body=b"x", Tagging=f"eks-cluster-name={tag}")
    condition = {"StringEquals": {"s3:ExistingObjectTag/eks-cluster-name": "${aws:PrincipalTag/eks-cluster-name}"}}
    role = new_role(
        cloud,
        trust_policy({"AWS": cloud.account}, "sts:AssumeRole", "sts:TagSession"),
        allow("s3:GetObject", "s3:GetObjectTagging", on=f"arn:aws:s3:::{name}/*", Condition=condition),
    )
    session = assume(cloud, role, Tags=[{"Key": "eks-cluster-name", "Value": "default"}])
    api = client(cloud, "s3", session)
    assert api.get_object(Bucket=name, Key="default")
    assert expect_error_code(lambda: api.get_object(Bucket=name, Key="other")) == "AccessDenied"


def test_resource_tags_of_iam(cloud):
    """aws:ResourceTag and iam:ResourceTag have the tags of a role and of a user."""
    for prefix in ("aws", "iam"):
        tags = [{"Key": "team", "Value": prefix}]
        role = new_role(cloud, trust_policy({"Service": "ec2.amazonaws.com"}), Tags=tags).rpartition("/")[2]
        untagged = new_role(cloud, trust_policy({"Service": "ec2.amazonaws.com"})).rpartition("/")[2]
        condition = {"StringEquals": {f"{prefix}:ResourceTag/team": prefix}}
        _, key = new_user(cloud, allow("iam:GetRole", Condition=condition))
        iam = client(cloud, "iam", key)
        assert iam.get_role(RoleName=role)
        assert expect_error_code(lambda api=iam, name=untagged: api.get_role(RoleName=name)) == "AccessDenied"


def volume(cloud, tags):
    specification = [{"ResourceType": "volume", "Tags": tags}]
    ec2 = client(cloud, "ec2")
    zone = f"{cloud.region}a"
    volume_id = ec2.create_volume(
        AvailabilityZone=zone, Size=1, **({"TagSpecifications": specification} if tags else {})
    )
    return "ec2", "ec2:DeleteVolume", lambda api: api.delete_volume(VolumeId=volume_id["VolumeId"])


def queue(cloud, tags):
    pairs = {tag["Key"]: tag["Value"] for tag in tags}
    url = client(cloud, "sqs").create_queue(QueueName=unique_name("queue"), tags=pairs)["QueueUrl"]
    return "sqs", "sqs:PurgeQueue", lambda api: api.purge_queue(QueueUrl=url)


def topic(cloud, tags):
    arn = client(cloud, "sns").create_topic(Name=unique_name("topic"), Tags=tags)["TopicArn"]
    return "sns", "sns:Publish", lambda api: api.publish(TopicArn=arn, Message="m")


def secret(cloud, tags):
    arn = client(cloud, "secretsmanager").create_secret(Name=unique_name("s"), SecretString="x", Tags=tags)["ARN"]
    return "secretsmanager", "secretsmanager:GetSecretValue", lambda api: api.get_secret_value(SecretId=arn)


def key_of_kms(cloud, tags):
    pairs = [{"TagKey": tag["Key"], "TagValue": tag["Value"]} for tag in tags]
    key_id = client(cloud, "kms").create_key(Tags=pairs)["KeyMetadata"]["KeyId"]
    return "kms", "kms:DescribeKey", lambda api: api.describe_key(KeyId=key_id)


def repository(cloud, tags):
    name = unique_name("repository")
    client(cloud, "ecr").create_repository(repositoryName=name, tags=tags)
    return "ecr", "ecr:ListImages", lambda api: api.list_images(repositoryName=name)


def table(cloud, tags):
    name = create_table(cloud, tags)
    return "dynamodb", "dynamodb:DescribeTable", lambda api: api.describe_table(TableName=name)


def create_table(cloud, tags=()):
    name = unique_name("table")
    client(cloud, "dynamodb").create_table(
        TableName=name,
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
        GlobalSecondaryIndexes=[
            {
                "IndexName": "by-id",
                "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
                "Projection": {"ProjectionType": "ALL"},
            }
        ],
        **({"Tags": tags} if tags else {}),
    )
    return name


def parameter(cloud, tags):
    name = f"/{unique_name('parameter')}"
    client(cloud, "ssm").put_parameter(Name=name, Value="x", Type="String", Tags=tags)
    return "ssm", "ssm:GetParameter", lambda api: api.get_parameter(Name=name)


def file_system(cloud, tags):
    file_system_id = client(cloud, "efs").create_file_system(CreationToken=unique_name("t"), Tags=tags)["FileSystemId"]
    return (
        "efs",
        "elasticfilesystem:DescribeFileSystems",
        lambda api: api.describe_file_systems(FileSystemId=file_system_id),
    )


def target_group(cloud, tags):
    vpc = client(cloud, "ec2").describe_vpcs()["Vpcs"][0]["VpcId"]
    arn = client(cloud, "elbv2").create_target_group(
        Name=unique_name("tg"), Protocol="HTTP", Port=80, VpcId=vpc, TargetType="ip", **({"Tags": tags} if tags else {})
    )["TargetGroups"][0]["TargetGroupArn"]
    return (
        "elbv2",
        "elasticloadbalancing:RegisterTargets",
        lambda api: api.register_targets(TargetGroupArn=arn, Targets=[{"Id": "172.31.0.9", "Port": 80}]),
    )


TAGGED = [volume, queue, topic, secret, key_of_kms, repository, table, parameter, file_system, target_group]


@pytest.mark.parametrize("create", TAGGED)
def test_resource_tags_of_each_service(cloud, create):
    """aws:ResourceTag has the tags of the resource, and is missing for a resource without them."""
    service, action, call = create(cloud, [{"Key": "team", "Value": "blue"}])
    _, _, call_untagged = create(cloud, [])
    _, key = new_user(cloud, allow(action, Condition={"StringEquals": {"aws:ResourceTag/team": "blue"}}))
    api = client(cloud, service, key)
    assert call(api)
    code, message = expect_error(lambda: call_untagged(api))
    assert f"perform: {action}" in message, code


def test_resource_account_and_via_aws_service(cloud):
    """aws:ResourceAccount has the account of the resource, and a direct call does not come from a service."""
    name = bucket(cloud)
    own = {"StringEquals": {"aws:ResourceAccount": cloud.account}, "Bool": {"aws:ViaAWSService": "false"}}
    other = {"StringEquals": {"aws:ResourceAccount": "999999999999"}}
    _, key = new_user(cloud, allow("s3:ListBucket", Condition=own), allow("s3:PutObject", Condition=other))
    s3 = client(cloud, "s3", key)
    assert s3.list_objects_v2(Bucket=name)
    assert expect_error_code(lambda: s3.put_object(Bucket=name, Key="k", Body=b"")) == "AccessDenied"


def test_headers_of_an_s3_upload(cloud):
    """s3:x-amz-acl, s3:x-amz-server-side-encryption and s3:RequestObjectTag have the values of the request."""
    name = bucket(cloud)
    required = {
        "StringEquals": {
            "s3:x-amz-acl": "bucket-owner-full-control",
            "s3:x-amz-server-side-encryption": "AES256",
            "s3:RequestObjectTag/team": "blue",
        }
    }
    actions = ("s3:PutObject", "s3:PutObjectAcl", "s3:PutObjectTagging")
    _, key = new_user(
        cloud, allow("s3:PutObject", Condition=required), allow(*actions[1:], on=f"arn:aws:s3:::{name}/*")
    )
    s3 = client(cloud, "s3", key)
    members = {"ACL": "bucket-owner-full-control", "ServerSideEncryption": "AES256", "Tagging": "team=blue"}
    assert s3.put_object(Bucket=name, Key="k", Body=b"x", **members)
    for missing in members:
        rest = {member: value for member, value in members.items() if member != missing}
        assert expect_error_code(lambda extra=rest: s3.put_object(Bucket=name, Key="k", Body=b"x", **extra)) == (
            "AccessDenied"
        )


def test_name_of_a_service_linked_role(cloud):
    """iam:AWSServiceName has the service for which a service-linked role is created."""
    condition = {"StringEquals": {"iam:AWSServiceName": "elasticloadbalancing.amazonaws.com"}}
    _, key = new_user(cloud, allow("iam:CreateServiceLinkedRole", Condition=condition))
    iam = client(cloud, "iam", key)
    assert iam.create_service_linked_role(AWSServiceName="elasticloadbalancing.amazonaws.com")
    error = expect_error_code(lambda: iam.create_service_linked_role(AWSServiceName="autoscaling.amazonaws.com"))
    assert error == "AccessDenied"


def test_permissions_boundary_of_the_changed_role(cloud):
    """iam:PermissionsBoundary has the boundary of the role that PutRolePolicy, AttachRolePolicy and others change."""
    iam = client(cloud, "iam")
    boundary = iam.create_policy(PolicyName=unique_name("b"), PolicyDocument=policy_document(allow("s3:*")))["Policy"][
        "Arn"
    ]
    trust = trust_policy({"Service": "ec2.amazonaws.com"})
    bounded = new_role(cloud, trust, PermissionsBoundary=boundary).rpartition("/")[2]
    unbounded = new_role(cloud, trust).rpartition("/")[2]
    condition = {"StringEquals": {"iam:PermissionsBoundary": boundary}}
    actions = ("iam:PutRolePolicy", "iam:DeleteRolePolicy", "iam:AttachRolePolicy", "iam:DetachRolePolicy")
    _, key = new_user(cloud, allow(*actions, "iam:CreateRole", Condition=condition))
    api = client(cloud, "iam", key)
    document, policy = policy_document(allow("*")), "arn:aws:iam::aws:policy/ReadOnlyAccess"
    calls = [
        lambda role: api.put_role_policy(RoleName=role, PolicyName="p", PolicyDocument=document),
        lambda role: api.delete_role_policy(RoleName=role, PolicyName="p"),
        lambda role: api.attach_role_policy(RoleName=role, PolicyArn=policy),
        lambda role: api.detach_role_policy(RoleName=role, PolicyArn=policy),
    ]
    for call in calls:
        assert expect_error_code(lambda run=call: run(unbounded)) == "AccessDenied"
        assert call(bounded)
    new = {"RoleName": unique_name("role"), "AssumeRolePolicyDocument": trust}
    assert expect_error_code(lambda: api.create_role(**new)) == "AccessDenied"
    assert api.create_role(**new, PermissionsBoundary=boundary)


def test_tags_of_a_new_volume_need_create_tags(cloud):
    """Tags on creation need ec2:CreateTags too, and ec2:CreateAction has the operation."""
    tags = {"TagSpecifications": [{"ResourceType": "volume", "Tags": [{"Key": "team", "Value": "blue"}]}]}
    zone = {"AvailabilityZone": f"{cloud.region}a", "Size": 1}
    requested = allow("ec2:CreateVolume", Condition={"StringEquals": {"aws:RequestTag/team": "blue"}})
    _, without = new_user(cloud, requested)
    _, message = expect_error(lambda: client(cloud, "ec2", without).create_volume(**zone, **tags))
    assert f"ec2:CreateTags on resource: arn:aws:ec2:{cloud.region}:{cloud.account}:volume/*" in message
    creation = allow("ec2:CreateTags", Condition={"StringEquals": {"ec2:CreateAction": "CreateVolume"}})
    _, key = new_user(cloud, requested, creation)
    ec2 = client(cloud, "ec2", key)
    volume_id = ec2.create_volume(**zone, **tags)["VolumeId"]
    assert "ec2:CreateVolume" in expect_error(lambda: ec2.create_volume(**zone))[1]
    error = expect_error_code(lambda: ec2.create_tags(Resources=[volume_id], Tags=[{"Key": "a", "Value": "b"}]))
    assert error == "UnauthorizedOperation"


def test_leading_keys_of_a_table(cloud):
    """dynamodb:LeadingKeys has the partition keys of single items, queries, batches and transactions."""
    name = create_table(cloud)
    condition = {"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": ["own"]}}
    _, key = new_user(cloud, allow("dynamodb:*", Condition=condition))
    api = client(cloud, "dynamodb", key)

    def calls(value):
        item = {"id": {"S": value}}
        query = {
            "TableName": name,
            "ExpressionAttributeNames": {"#k": "id"},
            "ExpressionAttributeValues": {":v": item["id"]},
        }
        return [
            lambda: api.put_item(TableName=name, Item=item),
            lambda: api.get_item(TableName=name, Key=item),
            lambda: api.query(**query, KeyConditionExpression="#k = :v"),
            lambda: api.query(**query, IndexName="by-id", KeyConditionExpression="#k=:v"),
            lambda: api.batch_get_item(RequestItems={name: {"Keys": [item]}}),
            lambda: api.batch_write_item(RequestItems={name: [{"PutRequest": {"Item": item}}]}),
            lambda: api.transact_write_items(TransactItems=[{"Delete": {"TableName": name, "Key": item}}]),
            lambda: api.execute_statement(Statement=f"SELECT * FROM \"{name}\" WHERE id = '{value}'"),  # noqa: S608 - PartiQL of the test
            lambda: api.execute_statement(Statement=f'SELECT * FROM "{name}" WHERE id = ?', Parameters=[item["id"]]),  # noqa: S608 - the same
        ]

    assert all(call() for call in calls("own"))
    assert {expect_error_code(call) for call in calls("other")} == {"AccessDeniedException"}
