"""Errors of the lab's aws and eks plugins, drift, and unknown values in previews."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pulumi
import pulumi_aws as sdk
import pulumi_eks as eks
import pytest

from lab.plugins.install import REPOSITORY

TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"},
            {"Effect": "Allow", "Principal": {"AWS": "123456789012"}, "Action": "sts:AssumeRole"},
        ],
    }
)

DEPLOYER = "deployer"
"""A role that the account may assume."""


def raw(kind, **inputs):
    return lambda: pulumi.CustomResource(kind, "it", inputs, pulumi.ResourceOptions(version="7.51.1"))


def cluster(**arguments):
    return lambda: eks.Cluster("clu", **{"skip_default_node_group": True, "vpc_id": "vpc-1", **arguments})


def configured(**settings):
    def program():
        provider = sdk.Provider("explicit", region="ap-northeast-1", **settings)
        sdk.iam.User("user", opts=pulumi.ResourceOptions(provider=provider))

    return program


class Case(NamedTuple):
    program: Callable[[], Any]
    expected: list[str]
    update: bool = False


REJECTED = {
    "a type that is not covered": Case(
        raw("aws:sqs/queue:Queue"),
        ["aws:sqs/queue:Queue is not covered by the lab's stand-in", "--plugins official"],
    ),
    "a property that no version has": Case(
        raw("aws:iam/role:Role", assumeRolePolicy=TRUST, maxSessionDurations=3600),
        ["aws:iam/role:Role has no property maxSessionDurations; did you mean maxSessionDuration?"],
    ),
    "a property that is not covered": Case(
        lambda: sdk.iam.Role("it", assume_role_policy=TRUST, managed_policy_arns=["arn:aws:iam::aws:policy/X"]),
        ["managedPolicyArns of aws:iam/role:Role is not covered", "use aws.iam.RolePolicyAttachment"],
    ),
    "several problems": Case(
        raw("aws:iam/rolePolicy:RolePolicy", policy="{", name="x" * 200),
        ["role is required by", "policy is not valid JSON", "has 200 characters, and AWS allows 128"],
    ),
    "a function that is not covered": Case(
        lambda: sdk.ssm.get_parameter(name="/aws/service/eks"),
        ["aws:ssm/getParameter:getParameter is not covered by the lab's stand-in"],
    ),
    "an argument of a function that is not covered": Case(
        lambda: sdk.iam.get_role(name="x", tags={"a": "b"}),
        ["argument tags is not covered by the lab's stand-in, which supports name"],
    ),
    "a function without a result": Case(
        lambda: sdk.iam.get_role(name="missing"),
        ["there is no Role missing"],
    ),
    "a provider endpoint": Case(
        configured(endpoints=[sdk.ProviderEndpointArgs(iam="https://example.com")]),
        ["endpoints of the aws provider is not covered", "through the lab's proxy only"],
    ),
    "another account": Case(
        configured(allowed_account_ids=["999999999999"]),
        ["AWS account 123456789012 is not among allowedAccountIds: 999999999999"],
    ),
    "a default node group": Case(
        cluster(skip_default_node_group=False),
        ["skipDefaultNodeGroup is not true", "use a ManagedNodeGroup"],
    ),
    "an OIDC provider of the component": Case(
        cluster(create_oidc_provider=True),
        ["createOidcProvider is not covered", "aws.iam.OpenIdConnectProvider"],
    ),
    "mappings in mode API": Case(
        cluster(
            authentication_mode="API",
            user_mappings=[{"user_arn": "a", "username": "b", "groups": []}],
        ),
        ["userMappings is set in authentication mode API"],
    ),
    "an existing name": Case(
        lambda: sdk.iam.User("taken", name="taken"),
        ["creating User taken: CreateUser: EntityAlreadyExists: User", "already exists"],
        update=True,
    ),
}


@pytest.fixture(scope="module")
def errors(environment, aws, tmp_path_factory):
    """The error of each case."""
    aws("iam").create_user(UserName="taken")
    request = {"folder": str(tmp_path_factory.mktemp("rejected")), "environment": environment}
    folder = Path(__file__).parent
    result = subprocess.run(
        [sys.executable, "-W", "ignore", str(folder / "rejected_programs.py")],
        input=json.dumps(request),
        env={**environment, "PYTHONPATH": os.pathsep.join(map(str, (folder, folder.parents[2], REPOSITORY)))},
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(result.stdout)


@pytest.mark.parametrize("case", sorted(REJECTED))
def test_plugin_errors_have_the_reason_and_a_fix(errors, case):
    """The error of an unsupported resource has its name and a fix, and the error of a rejected call AWS's message."""
    text = errors[case]
    assert all(part in text for part in REJECTED[case].expected), text
    assert "a fault of its own" not in text


def program(version):
    """Declare resources that the tests change outside Pulumi, and a provider with a role; version 2 adds resources."""
    sdk.iam.Role("drift", name="drift", assume_role_policy=TRUST, description="declared", tags={"a": "b"})
    sdk.iam.User("deleted", name="deleted")
    sdk.iam.User("gone", name="gone")
    deployer = f"arn:aws:iam::123456789012:role/{DEPLOYER}"
    assumed = sdk.ProviderAssumeRoleArgs(role_arn=deployer, session_name="ci", duration="15m")
    provider = sdk.Provider("as-role", region="ap-northeast-1", assume_roles=[assumed])
    caller = sdk.get_caller_identity_output(opts=pulumi.InvokeOutputOptions(provider=provider))
    pulumi.export("arn", caller.arn)
    if version == 2:
        declare_dependent_resources()


def declare_dependent_resources():
    role = sdk.iam.Role("later", assume_role_policy=TRUST, tags={"a": "b"})
    sdk.iam.RolePolicy("uses-it", role=role.name, policy=role.arn.apply(lambda arn: json.dumps({"Statement": arn})))
    user = sdk.iam.User("later-user", tags=role.arn.apply(lambda arn: {"role": arn}))
    pulumi.export("tags", role.tags_all)
    pulumi.export("user", user.arn)


@pytest.fixture(scope="module")
def history(new_history, aws):
    """The stack, destroyed by the last test."""
    aws("iam").create_role(RoleName=DEPLOYER, AssumeRolePolicyDocument=TRUST)
    history = new_history(program, destroyed=False)
    history.up(1)
    return history


def test_provider_assumes_a_role(history):
    """A provider with assumeRoles calls AWS with a session of the role."""
    assert history.outputs["arn"].endswith(f":assumed-role/{DEPLOYER}/ci")


def test_preview_has_unknown_values_of_new_resources(history, aws):
    """Outputs of resources that are not created yet are unknown in a preview, which creates nothing."""
    before = len(aws("iam").list_roles()["Roles"])
    steps = history.preview(2)
    assert {steps[name].operation for name in ("later", "uses-it", "later-user")} == {"create"}
    assert len(aws("iam").list_roles()["Roles"]) == before


def test_drift_is_found_and_reverted(history, aws):
    """A refresh finds changes outside Pulumi; the next update reverts them and creates deleted resources again."""
    iam = aws("iam")
    iam.update_role(RoleName="drift", Description="changed")
    iam.tag_role(RoleName="drift", Tags=[{"Key": "external", "Value": "yes"}])
    iam.delete_user(UserName="deleted")
    history.refresh()
    resources = history.resources()
    assert resources["drift"]["outputs"]["description"] == "changed"
    assert "deleted" not in resources
    steps = history.up(1)
    assert (steps["drift"].operation, steps["deleted"].operation) == ("update", "create")
    role = iam.get_role(RoleName="drift")["Role"]
    assert role["Description"] == "declared"
    assert [tag["Key"] for tag in role["Tags"]] == ["a"]


def test_destroy_accepts_deleted_resources(history, aws):
    """Destroy succeeds when a resource was deleted outside Pulumi."""
    aws("iam").delete_user(UserName="gone")
    assert history.stack.destroy().summary.result == "succeeded"
