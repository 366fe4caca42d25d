"""Resource ARNs of the services that add-ons use: a policy on one resource denies calls on others."""

import pytest

from support.cloud_helpers import allow, client, expect_error_code, new_user, unique_name


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


ACTIONS = {
    file_system: "elasticfilesystem:DescribeMountTargets",
    target_group: "elasticloadbalancing:RegisterTargets",
    log_group: "logs:CreateLogStream",
    zone: "route53:ListResourceRecordSets",
    queue: "sqs:ReceiveMessage",
    secret: "secretsmanager:GetSecretValue",
    secret_by_name: "secretsmanager:GetSecretValue",
    parameter: "ssm:GetParameter",
}


@pytest.mark.parametrize("create", ACTIONS)
def test_policy_on_one_resource_denies_others(cloud, create):
    """A policy allows the resource that it names, and denies another one of the same kind."""
    arn, service, call = create(cloud)
    _, _, call_other = create(cloud)
    _, key = new_user(cloud, allow(ACTIONS[create], on=arn))
    api = client(cloud, service, key)
    assert call(api)
    assert expect_error_code(lambda: call_other(api)) in {"AccessDenied", "AccessDeniedException"}
