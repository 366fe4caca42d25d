"""Resource-based policies: bucket policies, KMS key policies, and policies of other services in the same account."""

import pytest

from support.cloud_helpers import (
    allow,
    client,
    deny,
    expect_error,
    expect_error_code,
    new_user,
    policy_document,
    run_aws_cli,
    unique_name,
)

KMS_ROOT = {"Sid": "root", **allow("kms:*")}


@pytest.fixture
def bucket(cloud):
    name = unique_name("bucket")
    client(cloud, "s3").create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": cloud.region})
    return name


def put_policy(cloud, bucket, *statements):
    client(cloud, "s3").put_bucket_policy(Bucket=bucket, Policy=policy_document(*statements))


def test_deny_of_insecure_transport_does_not_stop_the_aws_cli(cloud, bucket, tmp_path):
    """The usual bucket policy that denies plain HTTP leaves `aws s3 cp` over TLS alone, up and down."""
    insecure = {"Bool": {"aws:SecureTransport": "false"}}
    put_policy(
        cloud,
        bucket,
        {
            **deny("s3:*", on=[f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"], Condition=insecure),
            "Principal": "*",
        },
    )
    (tmp_path / "file").write_text("content")
    caller = cloud.administrator
    up = run_aws_cli(cloud, "s3", "cp", str(tmp_path / "file"), f"s3://{bucket}/k", home=tmp_path / "h", caller=caller)
    assert up.returncode == 0, up.stderr
    down = run_aws_cli(cloud, "s3", "cp", f"s3://{bucket}/k", "-", home=tmp_path / "h", caller=caller)
    assert down.stdout == "content", down.stderr


def test_deny_in_a_bucket_policy_applies_to_its_principal_only(cloud, bucket):
    """A deny for one user denies this user, and no other principal."""
    user, key = new_user(cloud, allow("s3:*"))
    principal = {"AWS": f"arn:aws:iam::{cloud.account}:user/{user}"}
    put_policy(
        cloud, bucket, {**deny("s3:GetObject", "s3:PutObject", on=f"arn:aws:s3:::{bucket}/*"), "Principal": principal}
    )
    s3 = client(cloud, "s3", key)
    for call in (
        lambda: s3.put_object(Bucket=bucket, Key="k", Body=b"x"),
        lambda: s3.get_object(Bucket=bucket, Key="k"),
    ):
        code, message = expect_error(call)
        assert (code, "explicit deny in a resource-based policy" in message) == ("AccessDenied", True)
    administrator = client(cloud, "s3")
    administrator.put_object(Bucket=bucket, Key="k", Body=b"x")
    assert administrator.get_object(Bucket=bucket, Key="k")


def test_invalid_resource_policy_is_rejected(cloud, bucket):
    """A policy that IAM cannot read is an error when it is written."""
    s3, kms = client(cloud, "s3"), client(cloud, "kms")
    assert (
        expect_error_code(lambda: s3.put_bucket_policy(Bucket=bucket, Policy='{"Statement": 1}')) == "MalformedPolicy"
    )
    error = expect_error_code(lambda: kms.create_key(Policy='{"Version": "2000-01-01"}'))
    assert error == "MalformedPolicyDocumentException"


def test_key_policy_must_allow_every_request(cloud):
    """Without the delegation to the account, a policy of IAM grants no access to a key."""
    kms = client(cloud, "kms")
    user, key = new_user(cloud, allow("kms:*"))
    arn = f"arn:aws:iam::{cloud.account}:user/{user}"
    administrator = f"arn:aws:iam::{cloud.account}:user/lab-admin"
    own = {**allow("kms:*"), "Principal": {"AWS": administrator}}
    key_id = kms.create_key(Policy=policy_document(own))["KeyMetadata"]["KeyId"]
    api = client(cloud, "kms", key)
    code, message = expect_error(lambda: api.encrypt(KeyId=key_id, Plaintext=b"x"))
    assert (code, "no resource-based policy allows the kms:Encrypt action" in message) == (
        "AccessDeniedException",
        True,
    )
    direct = {**allow("kms:Encrypt"), "Principal": {"AWS": arn}}
    kms.put_key_policy(KeyId=key_id, PolicyName="default", Policy=policy_document(own, direct))
    assert api.encrypt(KeyId=key_id, Plaintext=b"x")
    assert expect_error_code(lambda: api.describe_key(KeyId=key_id)) == "AccessDeniedException"


def test_default_key_policy_delegates_to_the_account(cloud):
    """With the default key policy the policies of IAM decide, and a deny in the key policy counts for its principal."""
    kms = client(cloud, "kms")
    key_id = kms.create_key()["KeyMetadata"]["KeyId"]
    user, key = new_user(cloud, allow("kms:DescribeKey"))
    _, without_policy = new_user(cloud)
    assert client(cloud, "kms", key).describe_key(KeyId=key_id)
    assert expect_error_code(lambda: client(cloud, "kms", without_policy).describe_key(KeyId=key_id)) == (
        "AccessDeniedException"
    )
    root = {**allow("kms:*"), "Principal": {"AWS": f"arn:aws:iam::{cloud.account}:root"}}
    denied = {**deny("kms:DescribeKey"), "Principal": {"AWS": f"arn:aws:iam::{cloud.account}:user/{user}"}}
    kms.put_key_policy(KeyId=key_id, PolicyName="default", Policy=policy_document(root, denied))
    assert kms.describe_key(KeyId=key_id)
    assert expect_error_code(lambda: client(cloud, "kms", key).describe_key(KeyId=key_id)) == "AccessDeniedException"


def test_policies_of_resources_grant_and_deny_in_the_same_account(cloud):
    """Policies of topics, queues and secrets grant access without a policy of IAM, and deny it in spite of one."""
    user, key = new_user(cloud)
    denied_user, denied = new_user(cloud, allow("*"))
    prefix = f"arn:aws:iam::{cloud.account}:user/"

    def document(*actions, on):
        grant = {**allow(*actions, on=on), "Principal": {"AWS": prefix + user}}
        return policy_document(grant, {**deny(*actions, on=on), "Principal": {"AWS": prefix + denied_user}})

    sns, sqs, secrets = (client(cloud, service) for service in ("sns", "sqs", "secretsmanager"))
    topic = sns.create_topic(Name=unique_name("topic"))["TopicArn"]
    queue = sqs.create_queue(QueueName=unique_name("queue"))["QueueUrl"]
    queue_arn = f"arn:aws:sqs:{cloud.region}:{cloud.account}:{queue.rpartition('/')[2]}"
    secret = secrets.create_secret(Name=unique_name("secret"), SecretString="x")["ARN"]
    sns.set_topic_attributes(TopicArn=topic, AttributeName="Policy", AttributeValue=document("sns:Publish", on=topic))
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"Policy": document("sqs:SendMessage", on=queue_arn)})
    secrets.put_resource_policy(SecretId=secret, ResourcePolicy=document("secretsmanager:GetSecretValue", on="*"))
    calls = [
        ("sns", lambda api: api.publish(TopicArn=topic, Message="m")),
        ("sqs", lambda api: api.send_message(QueueUrl=queue, MessageBody="m")),
        ("secretsmanager", lambda api: api.get_secret_value(SecretId=secret)),
    ]
    for service, call in calls:
        assert call(client(cloud, service, key))
        code, message = expect_error(lambda name=service, run=call: run(client(cloud, name, denied)))
        assert "explicit deny in a resource-based policy" in message, code
