"""What calls of the services that add-ons use are about: policies that name one resource reach no other."""

import pytest
from cloud_helpers import allow, client, code, name, new_user


def zone(cloud):
    """A hosted zone, and the call that lists its records."""
    made = client(cloud, "route53").create_hosted_zone(Name=f"{name('z')}.test", CallerReference=name("z"))
    found = made["HostedZone"]["Id"].rpartition("/")[2]
    arn = f"arn:aws:route53:::hostedzone/{found}"
    return arn, "route53", lambda api: api.list_resource_record_sets(HostedZoneId=found)


def queue(cloud):
    called = name("queue")
    url = client(cloud, "sqs").create_queue(QueueName=called)["QueueUrl"]
    arn = f"arn:aws:sqs:{cloud.region}:{cloud.account}:{called}"
    return arn, "sqs", lambda api: api.receive_message(QueueUrl=url)


def secret(cloud):
    arn = client(cloud, "secretsmanager").create_secret(Name=name("secret"), SecretString="x")["ARN"]
    return arn, "secretsmanager", lambda api: api.get_secret_value(SecretId=arn)


def secret_by_name(cloud):
    called = name("secret")
    arn = client(cloud, "secretsmanager").create_secret(Name=called, SecretString="x")["ARN"]
    return arn, "secretsmanager", lambda api: api.get_secret_value(SecretId=called)


def parameter(cloud):
    path = f"/team/{name('parameter')}"
    client(cloud, "ssm").put_parameter(Name=path, Value="x", Type="String")
    arn = f"arn:aws:ssm:{cloud.region}:{cloud.account}:parameter{path}"
    return arn, "ssm", lambda api: api.get_parameter(Name=path)


def file_system(cloud):
    found = client(cloud, "efs").create_file_system(CreationToken=name("fs"))["FileSystemId"]
    arn = f"arn:aws:elasticfilesystem:{cloud.region}:{cloud.account}:file-system/{found}"
    return arn, "efs", lambda api: api.describe_mount_targets(FileSystemId=found)


def target_group(cloud):
    vpc = client(cloud, "ec2").describe_vpcs()["Vpcs"][0]["VpcId"]
    made = client(cloud, "elbv2").create_target_group(
        Name=name("tg"), Protocol="HTTP", Port=80, VpcId=vpc, TargetType="ip"
    )
    arn = made["TargetGroups"][0]["TargetGroupArn"]
    return (
        arn,
        "elbv2",
        lambda api: api.register_targets(TargetGroupArn=arn, Targets=[{"Id": "172.31.0.9", "Port": 80}]),
    )


def log_group(cloud):
    called, stream = f"/aws/{name('logs')}", name("stream")
    client(cloud, "logs").create_log_group(logGroupName=called)
    arn = f"arn:aws:logs:{cloud.region}:{cloud.account}:log-group:{called}:*"
    return arn, "logs", lambda api: api.create_log_stream(logGroupName=called, logStreamName=stream)


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


@pytest.mark.parametrize("make", ACTIONS)
def test_a_policy_on_one_resource_reaches_no_other(cloud, make):
    """Allowed on the one that its policy names, denied on another of the same kind."""
    mine, service, use = make(cloud)
    _, _, use_other = make(cloud)
    _, key = new_user(cloud, allow(ACTIONS[make], on=mine))
    api = client(cloud, service, key)
    assert use(api)
    assert code(lambda: use_other(api)) in {"AccessDenied", "AccessDeniedException"}
