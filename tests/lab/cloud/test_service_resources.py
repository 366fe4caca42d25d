"""Resource ARNs of the services that add-ons use: a policy on one resource denies calls on others."""

import pytest
from test_condition_keys import create_table
from test_cross_account import create_function

from support.cloud_helpers import allow, client, deny, expect_error_code, new_user, unique_name


def zone(cloud):
    """Create a hosted zone. Return its ARN, its service, and the call that lists its records."""
    response = client(cloud, "route53").create_hosted_zone(
        Name=f"{unique_name('z')}.test", CallerReference=unique_name("z")
    )
    zone_id = response["HostedZone"]["Id"].rpartition("/")[2]
    arn = f"arn:aws:route53:::hostedzone/{zone_id}"
    return arn, "route53", lambda api: api.list_resource_record_sets(HostedZoneId=zone_id)


def queue(cloud):
    resource_name = unique_name("queue")
    url = client(cloud, "sqs").create_queue(QueueName=resource_name)["QueueUrl"]
    arn = f"arn:aws:sqs:{cloud.region}:{cloud.account}:{resource_name}"
    return arn, "sqs", lambda api: api.receive_message(QueueUrl=url)


def secret(cloud):
    arn = client(cloud, "secretsmanager").create_secret(Name=unique_name("secret"), SecretString="x")["ARN"]
    return arn, "secretsmanager", lambda api: api.get_secret_value(SecretId=arn)


def secret_by_name(cloud):
    resource_name = unique_name("secret")
    arn = client(cloud, "secretsmanager").create_secret(Name=resource_name, SecretString="x")["ARN"]
    return arn, "secretsmanager", lambda api: api.get_secret_value(SecretId=resource_name)


def parameter(cloud):
    path = f"/team/{unique_name('parameter')}"
    client(cloud, "ssm").put_parameter(Name=path, Value="x", Type="String")
    arn = f"arn:aws:ssm:{cloud.region}:{cloud.account}:parameter{path}"
    return arn, "ssm", lambda api: api.get_parameter(Name=path)


def file_system(cloud):
    file_system_id = client(cloud, "efs").create_file_system(CreationToken=unique_name("fs"))["FileSystemId"]
    arn = f"arn:aws:elasticfilesystem:{cloud.region}:{cloud.account}:file-system/{file_system_id}"
    return arn, "efs", lambda api: api.describe_mount_targets(FileSystemId=file_system_id)


def target_group(cloud):
    vpc = client(cloud, "ec2").describe_vpcs()["Vpcs"][0]["VpcId"]
    response = client(cloud, "elbv2").create_target_group(
        Name=unique_name("tg"), Protocol="HTTP", Port=80, VpcId=vpc, TargetType="ip"
    )
    arn = response["TargetGroups"][0]["TargetGroupArn"]
    return (
        arn,
        "elbv2",
        lambda api: api.register_targets(TargetGroupArn=arn, Targets=[{"Id": "172.31.0.9", "Port": 80}]),
    )


def log_group(cloud):
    resource_name, stream = f"/aws/{unique_name('logs')}", unique_name("stream")
    client(cloud, "logs").create_log_group(logGroupName=resource_name)
    arn = f"arn:aws:logs:{cloud.region}:{cloud.account}:log-group:{resource_name}:*"
    return arn, "logs", lambda api: api.create_log_stream(logGroupName=resource_name, logStreamName=stream)


def table(cloud):
    name = create_table(cloud)
    arn = f"arn:aws:dynamodb:{cloud.region}:{cloud.account}:table/{name}"
    return arn, "dynamodb", lambda api: api.put_item(TableName=name, Item={"id": {"S": "1"}})


def index(cloud):
    name = create_table(cloud)
    arn = f"arn:aws:dynamodb:{cloud.region}:{cloud.account}:table/{name}/index/by-id"
    key = {"KeyConditionExpression": "id = :id", "ExpressionAttributeValues": {":id": {"S": "1"}}}
    return arn, "dynamodb", lambda api: api.query(TableName=name, IndexName="by-id", **key)


def topic(cloud):
    arn = client(cloud, "sns").create_topic(Name=unique_name("topic"))["TopicArn"]
    return arn, "sns", lambda api: api.publish(TopicArn=arn, Message="m")


def key_of_kms(cloud):
    arn = client(cloud, "kms").create_key()["KeyMetadata"]["Arn"]
    return arn, "kms", lambda api: api.encrypt(KeyId=arn, Plaintext=b"x")


def key_by_alias(cloud):
    kms, alias = client(cloud, "kms"), f"alias/{unique_name('key')}"
    arn = kms.create_key()["KeyMetadata"]["Arn"]
    kms.create_alias(AliasName=alias, TargetKeyId=arn)
    return arn, "kms", lambda api: api.encrypt(KeyId=alias, Plaintext=b"x")


def key_of_ciphertext(cloud):
    kms = client(cloud, "kms")
    arn = kms.create_key()["KeyMetadata"]["Arn"]
    ciphertext = kms.encrypt(KeyId=arn, Plaintext=b"x")["CiphertextBlob"]
    return arn, "kms", lambda api: api.decrypt(CiphertextBlob=ciphertext)


def repository(cloud):
    name = unique_name("repository")
    arn = client(cloud, "ecr").create_repository(repositoryName=name)["repository"]["repositoryArn"]
    return arn, "ecr", lambda api: api.list_images(repositoryName=name)


def volume(cloud):
    volume_id = client(cloud, "ec2").create_volume(AvailabilityZone=f"{cloud.region}a", Size=1)["VolumeId"]
    arn = f"arn:aws:ec2:{cloud.region}:{cloud.account}:volume/{volume_id}"
    return arn, "ec2", lambda api: api.delete_volume(VolumeId=volume_id)


def security_group(cloud):
    arn, _, group = create_security_group(cloud)
    return arn, "ec2", lambda api: api.delete_security_group(GroupId=group)


def security_group_by_name(cloud):
    arn, name, _ = create_security_group(cloud)
    return arn, "ec2", lambda api: api.delete_security_group(GroupName=name)


def create_security_group(cloud):
    name = unique_name("group")
    group = client(cloud, "ec2").create_security_group(GroupName=name, Description="d")["GroupId"]
    return f"arn:aws:ec2:{cloud.region}:{cloud.account}:security-group/{group}", name, group


def function(cloud):
    name = unique_name("function")
    arn = create_function(cloud, name)
    return arn, "lambda", lambda api: api.get_function_configuration(FunctionName=name)


DENIED = {"AccessDenied", "AccessDeniedException", "AuthorizationError", "UnauthorizedOperation"}
ACTIONS = {
    file_system: "elasticfilesystem:DescribeMountTargets",
    target_group: "elasticloadbalancing:RegisterTargets",
    log_group: "logs:CreateLogStream",
    zone: "route53:ListResourceRecordSets",
    queue: "sqs:ReceiveMessage",
    secret: "secretsmanager:GetSecretValue",
    secret_by_name: "secretsmanager:GetSecretValue",
    parameter: "ssm:GetParameter",
    table: "dynamodb:PutItem",
    index: "dynamodb:Query",
    topic: "sns:Publish",
    key_of_kms: "kms:Encrypt",
    key_by_alias: "kms:Encrypt",
    key_of_ciphertext: "kms:Decrypt",
    repository: "ecr:ListImages",
    volume: "ec2:DeleteVolume",
    security_group: "ec2:DeleteSecurityGroup",
    security_group_by_name: "ec2:DeleteSecurityGroup",
    function: "lambda:GetFunctionConfiguration",
}


@pytest.mark.parametrize("create", ACTIONS)
def test_policy_on_one_resource_denies_others(cloud, create):
    """A policy allows or denies the resource that it names, and not another one of the same kind."""
    arn, service, call = create(cloud)
    _, _, call_other = create(cloud)
    _, key = new_user(cloud, allow(ACTIONS[create], on=arn))
    api = client(cloud, service, key)
    _, denied = new_user(cloud, allow("*"), deny("*", on=arn))
    assert expect_error_code(lambda: call(client(cloud, service, denied))) in DENIED
    assert call(api)
    assert expect_error_code(lambda: call_other(api)) in DENIED
