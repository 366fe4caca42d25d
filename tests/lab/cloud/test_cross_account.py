"""Resources of another account: both accounts must allow, and a deny of either account counts."""

import pytest

from lab.interfaces import Credentials
from support.cloud_helpers import (
    allow,
    client,
    deny,
    expect_error,
    expect_error_code,
    policy_document,
    unique_name,
)

PARTNER = "210987654321"


@pytest.fixture(scope="module")
def partner(cloud) -> Credentials:
    """The administrator of a second account."""
    return cloud.add_account(PARTNER)


def partner_user(cloud, partner, *statements):
    """Create a user of the second account. Return its ARN and access key."""
    iam, user = client(cloud, "iam", partner), unique_name("user")
    arn = iam.create_user(UserName=user)["User"]["Arn"]
    if statements:
        iam.put_user_policy(UserName=user, PolicyName="p", PolicyDocument=policy_document(*statements))
    key = iam.create_access_key(UserName=user)["AccessKey"]
    return arn, Credentials(key["AccessKeyId"], key["SecretAccessKey"])


@pytest.fixture
def bucket(cloud):
    name, s3 = unique_name("bucket"), client(cloud, "s3")
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": cloud.region})
    s3.put_object(Bucket=name, Key="k", Body=b"x")
    return name


BUCKET_CALLS = {
    "s3:ListBucket": lambda s3, bucket: s3.list_objects_v2(Bucket=bucket),
    "s3:GetObject": lambda s3, bucket: s3.get_object(Bucket=bucket, Key="k"),
    "s3:PutObject": lambda s3, bucket: s3.put_object(Bucket=bucket, Key="new", Body=b"y"),
    "s3:DeleteObject": lambda s3, bucket: s3.delete_object(Bucket=bucket, Key="k"),
    "s3:GetBucketPolicy": lambda s3, bucket: s3.get_bucket_policy(Bucket=bucket),
    "s3:PutBucketPolicy": lambda s3, bucket: s3.put_bucket_policy(Bucket=bucket, Policy=policy_document()),
    "s3:PutBucketAcl": lambda s3, bucket: s3.put_bucket_acl(Bucket=bucket, ACL="public-read"),
    "s3:PutBucketTagging": lambda s3, bucket: s3.put_bucket_tagging(Bucket=bucket, Tagging={"TagSet": []}),
    "s3:DeleteBucket": lambda s3, bucket: s3.delete_bucket(Bucket=bucket),
}


@pytest.mark.parametrize("action", BUCKET_CALLS)
def test_bucket_of_another_account_is_denied(cloud, partner, bucket, action):
    """Without a bucket policy the administrator of another account has no access to a bucket."""
    code, message = expect_error(lambda: BUCKET_CALLS[action](client(cloud, "s3", partner), bucket))
    assert (code, f"because no resource-based policy allows the {action} action" in message) == ("AccessDenied", True)
    assert client(cloud, "s3").get_object(Bucket=bucket, Key="k")


def test_copy_from_and_to_a_bucket_of_another_account_is_denied(cloud, partner, bucket):
    """Neither the source nor the destination of a copy can be another account's bucket."""
    s3, own = client(cloud, "s3", partner), unique_name("bucket")
    s3.create_bucket(Bucket=own, CreateBucketConfiguration={"LocationConstraint": cloud.region})
    s3.put_object(Bucket=own, Key="k", Body=b"x")
    assert expect_error_code(lambda: s3.copy_object(Bucket=own, Key="x", CopySource=f"{bucket}/k")) == "AccessDenied"
    assert expect_error_code(lambda: s3.copy_object(Bucket=bucket, Key="x", CopySource=f"{own}/k")) == "AccessDenied"
    objects = {"Objects": [{"Key": "k"}]}
    assert s3.delete_objects(Bucket=bucket, Delete=objects)["Errors"][0]["Code"] == "AccessDenied"


def test_bucket_of_another_account_needs_both_policies(cloud, partner, bucket):
    """Access needs the bucket policy and the caller's own policy, and a deny on either side counts."""
    arn, key = partner_user(cloud, partner, allow("s3:GetObject"))
    _, without_policy = partner_user(cloud, partner)
    _, denied = partner_user(cloud, partner, allow("s3:*"), deny("s3:GetObject"))
    statement = {**allow("s3:GetObject", "s3:PutObject", on=f"arn:aws:s3:::{bucket}/*"), "Principal": {"AWS": PARTNER}}
    s3 = client(cloud, "s3")
    s3.put_bucket_policy(Bucket=bucket, Policy=policy_document(statement))
    api = client(cloud, "s3", key)
    assert api.get_object(Bucket=bucket, Key="k")["Body"].read() == b"x"
    assert expect_error_code(lambda: api.put_object(Bucket=bucket, Key="k", Body=b"")) == "AccessDenied"
    for caller in (without_policy, denied):
        other = client(cloud, "s3", caller)
        assert expect_error_code(lambda api=other: api.get_object(Bucket=bucket, Key="k")) == "AccessDenied"
    exception = {**deny("s3:GetObject", on=f"arn:aws:s3:::{bucket}/*"), "Principal": {"AWS": arn}}
    s3.put_bucket_policy(Bucket=bucket, Policy=policy_document(statement, exception))
    assert expect_error_code(lambda: api.get_object(Bucket=bucket, Key="k")) == "AccessDenied"
    assert client(cloud, "s3").get_object(Bucket=bucket, Key="k")


def test_bucket_names_are_unique_across_accounts(cloud, partner, bucket):
    """CreateBucket with another account's bucket name fails, and changes nothing."""
    s3 = client(cloud, "s3", partner)
    error = expect_error_code(
        lambda: s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": cloud.region})
    )
    assert error in {"BucketAlreadyExists", "AccessDenied"}
    assert client(cloud, "s3").get_object(Bucket=bucket, Key="k")


def topic(cloud):
    arn = client(cloud, "sns").create_topic(Name=unique_name("topic"))["TopicArn"]

    def grant(*actions):
        statement = {**allow(*actions, on=arn), "Principal": {"AWS": PARTNER}}
        client(cloud, "sns").set_topic_attributes(
            TopicArn=arn, AttributeName="Policy", AttributeValue=policy_document(statement)
        )

    return "sns", lambda api: api.publish(TopicArn=arn, Message="m"), grant, "sns:Publish"


def queue(cloud):
    sqs, name = client(cloud, "sqs"), unique_name("queue")
    url = sqs.create_queue(QueueName=name)["QueueUrl"]

    def grant(*actions):
        arn = f"arn:aws:sqs:{cloud.region}:{cloud.account}:{name}"
        statement = {**allow(*actions, on=arn), "Principal": {"AWS": PARTNER}}
        sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy_document(statement)})

    return "sqs", lambda api: api.send_message(QueueUrl=url, MessageBody="m"), grant, "sqs:SendMessage"


def key_of_kms(cloud):
    kms = client(cloud, "kms")
    arn = kms.create_key()["KeyMetadata"]["Arn"]

    def grant(*actions):
        own = {**allow("kms:*"), "Principal": {"AWS": cloud.account}}
        statement = {**allow(*actions), "Principal": {"AWS": PARTNER}}
        kms.put_key_policy(KeyId=arn, PolicyName="default", Policy=policy_document(own, statement))

    return "kms", lambda api: api.encrypt(KeyId=arn, Plaintext=b"x"), grant, "kms:Encrypt"


def secret(cloud):
    api = client(cloud, "secretsmanager")
    arn = api.create_secret(Name=unique_name("secret"), SecretString="x")["ARN"]

    def grant(*actions):
        statement = {**allow(*actions), "Principal": {"AWS": PARTNER}}
        api.put_resource_policy(SecretId=arn, ResourcePolicy=policy_document(statement))

    return (
        "secretsmanager",
        lambda caller: caller.get_secret_value(SecretId=arn),
        grant,
        "secretsmanager:GetSecretValue",
    )


def repository(cloud):
    ecr, name = client(cloud, "ecr"), unique_name("repository")
    ecr.create_repository(repositoryName=name)

    def grant(*actions):
        statement = {"Effect": "Allow", "Action": list(actions), "Principal": {"AWS": PARTNER}}
        ecr.set_repository_policy(repositoryName=name, policyText=policy_document(statement))

    return (
        "ecr",
        lambda api: api.list_images(registryId=cloud.account, repositoryName=name),
        grant,
        "ecr:ListImages",
    )


def function(cloud):
    api, name = client(cloud, "lambda"), unique_name("function")
    arn = create_function(cloud, name)

    def grant(*actions):
        for action in actions:
            api.add_permission(FunctionName=name, StatementId="partner", Action=action, Principal=PARTNER)

    return (
        "lambda",
        lambda caller: caller.get_function_configuration(FunctionName=arn),
        grant,
        ("lambda:GetFunctionConfiguration"),
    )


def create_function(cloud, name, caller=None, role=None):
    iam, role_name = client(cloud, "iam"), unique_name("role")
    trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    role = role or iam.create_role(RoleName=role_name, AssumeRolePolicyDocument=policy_document(trust))["Role"]["Arn"]
    return client(cloud, "lambda", caller).create_function(
        FunctionName=name, Role=role, Runtime="python3.12", Handler="a.b", Code={"ZipFile": b"x"}
    )["FunctionArn"]


RESOURCES = [topic, queue, key_of_kms, secret, repository, function]


@pytest.mark.parametrize("create", RESOURCES)
def test_resource_of_another_account_needs_both_policies(cloud, partner, create):
    """Another account's resource needs its resource-based policy and the caller's own policy."""
    service, call, grant, action = create(cloud)
    _, allowed = partner_user(cloud, partner, allow(action))
    _, without_policy = partner_user(cloud, partner)
    codes = {"AccessDenied", "AccessDeniedException", "AuthorizationError"}
    for caller in (partner, allowed):
        code, message = expect_error(lambda key=caller: call(client(cloud, service, key)))
        assert code in codes
        assert f"because no resource-based policy allows the {action} action" in message
    grant(action)
    assert call(client(cloud, service, allowed))
    assert call(client(cloud, service, partner))
    assert expect_error_code(lambda: call(client(cloud, service, without_policy))) in codes


def test_topic_of_another_account_is_denied(cloud, partner):
    """Another account cannot subscribe to a topic, change it or delete it."""
    arn = client(cloud, "sns").create_topic(Name=unique_name("topic"))["TopicArn"]
    sns = client(cloud, "sns", partner)
    calls = [
        lambda: sns.subscribe(TopicArn=arn, Protocol="email", Endpoint="a@example.com"),
        lambda: sns.set_topic_attributes(TopicArn=arn, AttributeName="DisplayName", AttributeValue="x"),
        lambda: sns.tag_resource(ResourceArn=arn, Tags=[{"Key": "a", "Value": "b"}]),
        lambda: sns.delete_topic(TopicArn=arn),
    ]
    assert [expect_error_code(call) for call in calls] == ["AuthorizationError"] * len(calls)
    assert client(cloud, "sns").get_topic_attributes(TopicArn=arn)


def test_queue_policy_cannot_grant_administration_to_another_account(cloud, partner):
    """SQS ignores statements of a queue policy that grant another account the deletion of the queue."""
    _, _, grant, _ = queue(cloud)
    grant("sqs:*")
    urls = client(cloud, "sqs").list_queues()["QueueUrls"]
    assert expect_error_code(lambda: client(cloud, "sqs", partner).delete_queue(QueueUrl=urls[-1])) == (
        "AccessDeniedException"
    )


def test_arns_of_another_account_are_denied(cloud, partner):
    """Calls that name another account's resource by ARN are denied, and never reach the caller's own of that name."""
    role = client(cloud, "iam").create_role(
        RoleName=unique_name("role"),
        AssumeRolePolicyDocument=policy_document(
            {"Effect": "Allow", "Principal": {"AWS": PARTNER}, "Action": "sts:AssumeRole"}
        ),
    )["Role"]["Arn"]
    policy = client(cloud, "iam").create_policy(
        PolicyName=unique_name("policy"), PolicyDocument=policy_document(allow("s3:*"))
    )["Policy"]["Arn"]
    log_group = unique_name("/group")
    for caller in (None, partner):
        client(cloud, "logs", caller).create_log_group(logGroupName=log_group)
    own = client(cloud, "logs").describe_log_groups(logGroupNamePrefix=log_group)["logGroups"][0]["logGroupArn"]
    iam, logs, eks = (client(cloud, service, partner) for service in ("iam", "logs", "eks"))
    simulation = {"PolicySourceArn": role, "ActionNames": ["s3:GetObject"]}
    calls = [
        lambda: iam.simulate_principal_policy(**simulation),
        lambda: iam.get_policy(PolicyArn=policy),
        lambda: iam.delete_policy(PolicyArn=policy),
        lambda: logs.tag_resource(resourceArn=own, tags={"a": "b"}),
        lambda: eks.tag_resource(resourceArn=f"arn:aws:eks:{cloud.region}:{cloud.account}:cluster/c", tags={"a": "b"}),
    ]
    assert {expect_error_code(call) for call in calls} == {"AccessDenied", "AccessDeniedException"}
    assert client(cloud, "iam").simulate_principal_policy(**simulation)["EvaluationResults"]
