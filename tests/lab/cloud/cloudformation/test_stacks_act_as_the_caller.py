"""Stacks act as their caller or service role, need capabilities, and remove everything if they fail."""

import pytest

from lab.cloud.services import SERVICES
from support.cloud_helpers import (
    allow,
    client,
    deny,
    expect_error,
    new_role,
    new_user,
    policy_document,
    trust_policy,
    unique_name,
)
from support.cloudformation_stacks import as_text, resources, role

ADMINISTRATOR = "arn:aws:iam::aws:policy/AdministratorAccess"
CLOUDFORMATION_ONLY = allow("cloudformation:*")


def administrator_role(name):
    return resources(Admin=role(RoleName=name, ManagedPolicyArns=[ADMINISTRATOR]))


@pytest.fixture
def roles(cloud):
    """Return a function that returns the names of all roles."""
    iam = client(cloud, "iam")
    return lambda: {entry["RoleName"] for page in iam.get_paginator("list_roles").paginate() for entry in page["Roles"]}


def test_user_with_cloudformation_only_creates_no_role(cloud, stacks_of, roles):
    """A stack creates nothing that its caller may not create, and rolls back with the denial in its events."""
    user, key = new_user(cloud, CLOUDFORMATION_ONLY)
    before, name = roles(), unique_name("admin")
    stacks = stacks_of(key)
    stack = stacks.create(administrator_role(name))
    assert stacks.status(stack) == "ROLLBACK_COMPLETE"
    denial = (
        f"User: arn:aws:iam::{cloud.account}:user/{user} is not authorized to perform: iam:CreateRole on resource: "
    )
    assert f"{denial}arn:aws:iam::{cloud.account}:role/{name}" in stacks.reasons(stack)
    assert "HandlerErrorCode: AccessDenied" in stacks.reasons(stack)
    assert roles() == before


def test_resource_that_fails_in_part_is_removed(cloud, stacks_of, roles):
    """A role whose policy the caller may not attach is deleted, without permission to detach the policy."""
    _, key = new_user(cloud, CLOUDFORMATION_ONLY, allow("iam:CreateRole", "iam:DeleteRole", "iam:GetRole"))
    before, stacks = roles(), stacks_of(key)
    stack = stacks.create(administrator_role(unique_name("admin")))
    assert stacks.status(stack) == "ROLLBACK_COMPLETE"
    assert "is not authorized to perform: iam:AttachRolePolicy" in stacks.reasons(stack)
    assert roles() == before


def test_rollback_fails_without_permission_to_delete(cloud, stacks_of, roles):
    """A stack that cannot delete what it created ends with ROLLBACK_FAILED and names the resource."""
    _, key = new_user(cloud, CLOUDFORMATION_ONLY, allow("iam:CreateRole", "iam:GetRole"))
    stacks, name = stacks_of(key), unique_name("admin")
    stack = stacks.create(administrator_role(name))
    assert stacks.status(stack) == "ROLLBACK_FAILED"
    assert "failed to delete: [Admin]" in stacks.describe(stack)["StackStatusReason"]
    assert name in roles()


def test_caller_with_permission_creates_the_role(cloud, stacks_of):
    """A caller who may call each operation of IAM creates the role, with the name that the template has."""
    _, key = new_user(cloud, CLOUDFORMATION_ONLY, allow("iam:*"))
    stacks, name = stacks_of(key), unique_name("admin")
    stack = stacks.create(administrator_role(name))
    assert (stacks.status(stack), stacks.physical_ids(stack)) == ("CREATE_COMPLETE", {"Admin": name})
    attached = client(cloud, "iam").list_attached_role_policies(RoleName=name)["AttachedPolicies"]
    assert [policy["PolicyArn"] for policy in attached] == [ADMINISTRATOR]


@pytest.mark.parametrize("capabilities", [[], ["CAPABILITY_IAM"], ["CAPABILITY_AUTO_EXPAND"]])
def test_iam_resources_need_capabilities(stacks, roles, capabilities):
    """A template with named IAM resources needs CAPABILITY_NAMED_IAM. Nothing is created without."""
    before, name = roles(), unique_name("stack")
    request = {"StackName": name, "TemplateBody": as_text(administrator_role(unique_name("r")))}
    code, message = expect_error(lambda: stacks.api.create_stack(**request, Capabilities=capabilities))
    assert (code, message) == ("InsufficientCapabilitiesException", "Requires capabilities : [CAPABILITY_NAMED_IAM]")
    changes = {**request, "ChangeSetName": "c", "ChangeSetType": "CREATE", "Capabilities": capabilities}
    assert expect_error(lambda: stacks.api.create_change_set(**changes))[0] == "InsufficientCapabilitiesException"
    assert expect_error(lambda: stacks.describe(name)) == ("ValidationError", f"Stack with id {name} does not exist")
    assert roles() == before


def test_unnamed_iam_resources_need_either_capability(stacks):
    """A template whose IAM resources have no names needs CAPABILITY_IAM or CAPABILITY_NAMED_IAM."""
    template = resources(Role=role())
    message = expect_error(lambda: stacks.create(template, Capabilities=[]))[1]
    assert message == "Requires capabilities : [CAPABILITY_IAM]"
    for capability in ("CAPABILITY_IAM", "CAPABILITY_NAMED_IAM"):
        assert stacks.status(stacks.create(template, Capabilities=[capability])) == "CREATE_COMPLETE"


def test_service_role_acts_in_place_of_the_caller(cloud, stacks_of):
    """With RoleARN the stack acts as the role, now and later; the caller needs iam:PassRole for CloudFormation only."""
    trust = trust_policy({"Service": "cloudformation.amazonaws.com"})
    service_role = new_role(cloud, trust, allow("iam:*"))
    passing = allow(
        "iam:PassRole",
        on=service_role,
        Condition={"StringEquals": {"iam:PassedToService": "cloudformation.amazonaws.com"}},
    )
    _, with_pass = new_user(cloud, CLOUDFORMATION_ONLY, passing)
    _, without_pass = new_user(cloud, CLOUDFORMATION_ONLY)
    template = resources(Role=role())
    message = expect_error(lambda: stacks_of(without_pass).create(template, RoleARN=service_role))[1]
    assert f"is not authorized to perform: iam:PassRole on resource: {service_role}" in message
    stacks = stacks_of(with_pass)
    stack = stacks.create(template, RoleARN=service_role)
    assert (stacks.status(stack), stacks.describe(stack)["RoleARN"]) == ("CREATE_COMPLETE", service_role)
    assert stacks_of(without_pass).delete(stack) == "DELETE_COMPLETE"


def test_service_role_must_exist_and_trust_cloudformation(cloud, stacks):
    """A role that does not trust CloudFormation, or that does not exist, is a validation error."""
    foreign = new_role(cloud, trust_policy({"Service": "ec2.amazonaws.com"}), allow("iam:*"))
    for arn in (foreign, f"arn:aws:iam::{cloud.account}:role/missing", "arn:aws:s3:::not-a-role-at-all"):
        code, message = expect_error(lambda arn=arn: stacks.create(resources(Role=role()), RoleARN=arn))
        assert (code, message) == ("ValidationError", f"Role {arn} is invalid or cannot be assumed")


def test_calls_of_a_stack_come_through_cloudformation(cloud, stacks_of):
    """aws:CalledVia lets a caller create roles through CloudFormation only. A service role's calls have no such key."""
    condition = {"ForAnyValue:StringEquals": {"aws:CalledVia": "cloudformation.amazonaws.com"}}
    _, key = new_user(cloud, CLOUDFORMATION_ONLY, allow("iam:*", Condition=condition))
    stacks = stacks_of(key)
    assert stacks.status(stacks.create(resources(Role=role()))) == "CREATE_COMPLETE"
    iam = client(cloud, "iam", key)
    trust = trust_policy({"Service": "ec2.amazonaws.com"})
    assert expect_error(lambda: iam.create_role(RoleName="direct", AssumeRolePolicyDocument=trust))[0] == "AccessDenied"
    service_role = new_role(
        cloud,
        trust_policy({"Service": "cloudformation.amazonaws.com"}),
        allow("iam:*", Condition={"Bool": {"aws:ViaAWSService": "true"}}),
    )
    _, passing = new_user(cloud, CLOUDFORMATION_ONLY, allow("iam:PassRole"))
    stack = stacks_of(passing).create(resources(Role=role()), RoleARN=service_role)
    assert stacks.status(stack) == "ROLLBACK_COMPLETE"


def test_stack_arns_and_condition_keys_are_evaluated(cloud, stacks_of):
    """Policies can name stacks, and the template's URL, the resource types and the tags of a stack."""
    mine = f"arn:aws:cloudformation:{cloud.region}:{cloud.account}:stack/mine-*/*"
    other = f"arn:aws:cloudformation:{cloud.region}:{cloud.account}:stack/other/*"
    _, key = new_user(cloud, allow("cloudformation:*", on=mine), allow("iam:*"))
    stacks = stacks_of(key)
    stack = stacks.create(resources(Role=role()), name=unique_name("mine"))
    assert stacks.delete(stack) == "DELETE_COMPLETE"
    message = expect_error(lambda: stacks.create(resources(Role=role()), name="other"))[1]
    assert f"is not authorized to perform: cloudformation:CreateStack on resource: {other}" in message
    assert "cloudformation:DescribeStacks" in expect_error(stacks.api.describe_stacks)[1]
    by_type = {"ForAllValues:StringLike": {"cloudformation:ResourceTypes": "AWS::EKS::*"}}
    null = {"Null": {"cloudformation:ResourceTypes": "false"}}
    _, typed = new_user(cloud, allow("cloudformation:*", Condition={**by_type, **null}))
    request = {"StackName": unique_name("s"), "TemplateBody": as_text(resources(Role=role()))}
    named = ["CAPABILITY_NAMED_IAM"]
    api = stacks_of(typed).api
    for types in (None, ["AWS::IAM::Role"]):
        members = {"ResourceTypes": types} if types else {}
        assert expect_error(lambda m=members: api.create_stack(**request, Capabilities=named, **m))[0] == "AccessDenied"
    code, message = expect_error(lambda: api.create_stack(**request, Capabilities=named, ResourceTypes=["AWS::EKS::*"]))
    assert (code, "[AWS::IAM::Role]" in message) == ("ValidationError", True)


def test_tags_of_a_stack_are_condition_keys(cloud, stacks, stacks_of):
    """aws:ResourceTag has the tags of the stack that a call names."""
    condition = {"StringEquals": {"aws:ResourceTag/team": "a"}}
    _, key = new_user(cloud, allow("cloudformation:*", Condition=condition))
    tagged = stacks.create(resources(Role=role()), Tags=[{"Key": "team", "Value": "a"}])
    untagged = stacks.create(resources(Role=role()))
    assert stacks_of(key).describe(tagged)["Tags"] == [{"Key": "team", "Value": "a"}]
    assert expect_error(lambda: stacks_of(key).describe(untagged))[0] == "AccessDenied"


def test_stacks_of_another_account_are_denied(cloud, stacks, stacks_of):
    """Another account's administrator cannot reach a stack by its ARN or by a change set's ARN."""
    foreign = stacks_of(cloud.add_account("210987654321"))
    stack = stacks.create(resources(Role=role()))
    arn = stacks.describe(stack)["StackId"]
    change_set = stacks.api.create_change_set(
        StackName=stack,
        ChangeSetName="c",
        TemplateBody=as_text(resources(Role=role(), Other=role())),
        Capabilities=["CAPABILITY_IAM"],
    )["Id"]
    for call in (
        lambda: foreign.api.delete_stack(StackName=arn),
        lambda: foreign.api.describe_stacks(StackName=arn),
        lambda: foreign.api.execute_change_set(ChangeSetName=change_set),
        lambda: foreign.api.describe_change_set(ChangeSetName=change_set, StackName=foreign_stack(foreign)),
    ):
        assert expect_error(call)[0] == "AccessDenied"
    assert expect_error(lambda: foreign.describe(stack))[0] == "ValidationError"
    assert foreign.api.describe_stacks()["Stacks"] != []
    assert stacks.status(stack) == "CREATE_COMPLETE"


def foreign_stack(stacks):
    return stacks.create(resources(Role=role()), name=unique_name("own"))


def test_deny_of_one_operation_fails_the_stack(cloud, stacks_of):
    """A deny on an ARN that a stack touches reaches its calls."""
    _, key = new_user(cloud, CLOUDFORMATION_ONLY, allow("iam:*"), deny("iam:PutRolePolicy"))
    inline = [{"PolicyName": "p", "PolicyDocument": {"Version": "2012-10-17", "Statement": [allow("s3:*")]}}]
    stacks = stacks_of(key)
    stack = stacks.create(resources(Role=role(Policies=inline)))
    assert stacks.status(stack) == "ROLLBACK_COMPLETE"
    assert "iam:PutRolePolicy" in stacks.reasons(stack)


def test_operations_outside_the_table_are_rejected_by_name(stacks):
    """Stack sets, drift and others fail and name themselves."""
    code, message = expect_error(stacks.api.list_stack_sets)
    assert (code, "cloudformation:ListStackSets" in message) == ("NotImplemented", True)
    assert "ListStackSets" not in SERVICES["cloudformation"].operations


def test_template_in_s3_is_read_as_the_caller(cloud, stacks, stacks_of):
    """A caller needs s3:GetObject for the template's URL, in either form of the URL."""
    s3, bucket = client(cloud, "s3"), unique_name("templates")
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": cloud.region})
    s3.put_object(Bucket=bucket, Key="a/role.json", Body=as_text(resources(Role=role())))
    _, key = new_user(cloud, CLOUDFORMATION_ONLY, allow("iam:*"))
    for url in (
        f"https://{bucket}.s3.{cloud.region}.amazonaws.com/a/role.json",
        f"https://s3.{cloud.region}.amazonaws.com/{bucket}/a/role.json",
    ):
        assert stacks.api.validate_template(TemplateURL=url)["Capabilities"] == ["CAPABILITY_IAM"]
        name = unique_name("stack")
        stacks.api.create_stack(StackName=name, TemplateURL=url, Capabilities=["CAPABILITY_IAM"])
        assert stacks.wait(name) == "CREATE_COMPLETE"
        message = expect_error(lambda url=url: stacks_of(key).api.validate_template(TemplateURL=url))[1]
        assert "s3:GetObject" in message
    message = expect_error(lambda: stacks.api.validate_template(TemplateURL="https://example.com/t.json"))[1]
    assert message == "TemplateURL must be a supported URL."
    policy = policy_document(allow("cloudformation:*", Condition={"StringEquals": {"cloudformation:TemplateUrl": "x"}}))
    iam, user = client(cloud, "iam"), new_user(cloud)
    iam.put_user_policy(UserName=user[0], PolicyName="url", PolicyDocument=policy)
    api = stacks_of(user[1]).api
    assert expect_error(lambda: api.validate_template(TemplateURL=url))[0] == "AccessDenied"
