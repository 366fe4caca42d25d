"""Calls that the lab makes on behalf of a caller: authorized and executed as the caller's own."""

import pytest

from lab.cloud import iam_lookup
from lab.cloud.authorization import evaluate_caller
from lab.cloud.gate import CallError
from lab.cloud.server import AwsApplication
from lab.faults import FaultFile, FaultSwitch
from support.cloud_helpers import allow, client, new_user, trust_policy, unique_name

TRUST = trust_policy({"Service": "ec2.amazonaws.com"})
SERVICE = "cloudformation.amazonaws.com"


@pytest.fixture
def call(cloud, tmp_path):
    """Return a function that creates a user with policies, and returns its `perform`."""

    def for_user(*statements):
        user, _ = new_user(cloud, *statements)
        entity = iam_lookup.find_user(f"arn:aws:iam::{cloud.account}:user/{user}")
        caller = iam_lookup.caller_of_user(entity)
        gate = AwsApplication(FaultSwitch(FaultFile(tmp_path))).gate

        def perform(service, operation, **params):
            return gate.perform(caller, service, operation, params, region=cloud.region, via=(SERVICE,))

        return perform, caller

    return for_user


def test_call_as_a_caller_is_authorized_and_executed(cloud, call):
    """A call succeeds with the caller's permission and returns the operation's output."""
    perform, _ = call(allow("iam:CreateRole", "iam:DeleteRole", "s3:*", "sqs:*", "eks:ListClusters"))
    name = unique_name("role")
    created = perform("iam", "CreateRole", RoleName=name, AssumeRolePolicyDocument=TRUST)["Role"]
    assert created["Arn"] == client(cloud, "iam").get_role(RoleName=name)["Role"]["Arn"]
    bucket = unique_name("bucket")
    perform("s3", "CreateBucket", Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": cloud.region})
    assert client(cloud, "s3").head_bucket(Bucket=bucket)
    assert perform("sqs", "CreateQueue", QueueName=unique_name("queue"))["QueueUrl"].startswith("https://sqs.")
    assert perform("eks", "ListClusters")["clusters"] == []
    assert perform("iam", "DeleteRole", RoleName=name) == {}


def test_call_as_a_caller_is_denied_without_permission(call):
    """A call that the caller may not make raises the service's error, and is not executed."""
    perform, _ = call(allow("iam:GetRole"))
    for service, operation, params in (
        ("iam", "CreateRole", {"RoleName": "x", "AssumeRolePolicyDocument": TRUST}),
        ("sqs", "CreateQueue", {"QueueName": "x"}),
        ("ec2", "CreateVpc", {"CidrBlock": "10.0.0.0/16"}),
        ("s3", "CreateBucket", {"Bucket": "xyz"}),
    ):
        with pytest.raises(CallError, match=f"is not authorized to perform: {service}:{operation}"):
            perform(service, operation, **params)
    with pytest.raises(CallError) as missing:
        perform("iam", "GetRole", RoleName="missing")
    assert missing.value.code == "NoSuchEntity"
    with pytest.raises(CallError, match="does not implement"):
        perform("apigateway", "GetRestApis")


def test_call_through_a_service_has_its_condition_keys(call):
    """A call that a service makes for the caller has aws:ViaAWSService and aws:CalledVia."""
    condition = {
        "Bool": {"aws:ViaAWSService": "true"},
        "ForAnyValue:StringEquals": {"aws:CalledVia": SERVICE},
        "StringEquals": {"aws:CalledViaLast": SERVICE},
    }
    perform, _ = call(allow("iam:ListRoles", Condition=condition))
    assert perform("iam", "ListRoles")["Roles"] is not None


def test_caller_is_evaluated_for_an_action_and_a_resource(cloud, call):
    """`evaluate_caller` decides about an action on a resource of any account."""
    role = f"arn:aws:iam::{cloud.account}:role/r"
    _, caller = call(allow("iam:PassRole", on=role, Condition={"StringEquals": {"iam:PassedToService": SERVICE}}))
    values = {"iam:PassedToService": SERVICE}
    assert evaluate_caller(caller, "iam:PassRole", role, values).allowed
    assert not evaluate_caller(caller, "iam:PassRole", role, {}).allowed
    assert not evaluate_caller(caller, "iam:PassRole", role.replace(cloud.account, "999999999999"), values).allowed
