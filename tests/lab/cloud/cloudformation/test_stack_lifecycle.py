"""Stacks over their life: events, options of a failed creation, tags, names, retained resources and deletions."""

import re

from support.cloud_helpers import (
    allow,
    expect_error,
    new_user,
    unique_name,
)
from support.cloudformation_stacks import POD_TRUST, READ, READ_ONLY, as_text, inline, policy, resources, role


def test_events_have_the_order_of_cloudformation(stacks):
    """A stack creates dependencies first and deletes them last, with an event for each step."""
    template = resources(Second=policy(READ, Roles=[{"Ref": "First"}]), First=role())
    stack = stacks.create(template)
    arn = stacks.describe(stack)["StackId"]
    assert stacks.delete(stack) == "DELETE_COMPLETE"
    in_progress = ["CREATE_IN_PROGRESS", "CREATE_IN_PROGRESS", "CREATE_COMPLETE"]
    assert stacks.events(arn) == [
        (stack, "CREATE_IN_PROGRESS"),
        *(("First", status) for status in in_progress),
        *(("Second", status) for status in in_progress),
        (stack, "CREATE_COMPLETE"),
        (stack, "DELETE_IN_PROGRESS"),
        *(("Second", status) for status in ("DELETE_IN_PROGRESS", "DELETE_COMPLETE")),
        *(("First", status) for status in ("DELETE_IN_PROGRESS", "DELETE_COMPLETE")),
        (stack, "DELETE_COMPLETE"),
    ]
    assert expect_error(lambda: stacks.describe(stack))[0] == "ValidationError"
    assert stacks.describe(arn)["StackStatus"] == "DELETE_COMPLETE"


def test_resource_that_was_never_created_is_rolled_back_with_one_event(stacks, iam):
    """A rollback has no DELETE_IN_PROGRESS for a resource whose creation failed at once. eksctl prints each of them.

    Source: https://github.com/aws/eks-distro/issues/2805
    """
    existing = unique_name("role")
    iam.create_role(RoleName=existing, AssumeRolePolicyDocument=as_text(POD_TRUST))
    stack = stacks.create(resources(Existing=role(RoleName=existing)))
    assert stacks.events(stack) == [
        (stack, "CREATE_IN_PROGRESS"),
        ("Existing", "CREATE_IN_PROGRESS"),
        ("Existing", "CREATE_FAILED"),
        (stack, "ROLLBACK_IN_PROGRESS"),
        ("Existing", "DELETE_COMPLETE"),
        (stack, "ROLLBACK_COMPLETE"),
    ]


def test_reason_of_a_failed_resource_has_the_failed_call(stacks, iam):
    """The reason has the service, the HTTP status and the request ID of the call after the service's message.

    Source: https://github.com/aws/eks-distro/issues/2805
    """
    existing = unique_name("role")
    iam.create_role(RoleName=existing, AssumeRolePolicyDocument=as_text(POD_TRUST))
    reason = stacks.reasons(stacks.create(resources(Existing=role(RoleName=existing))))
    call = r"\(Service: Iam, Status Code: 409, Request ID: [0-9a-f-]{36}\)"
    assert re.search(
        rf'already exists\. {call}" \(RequestToken: [0-9a-f-]{{36}}, HandlerErrorCode: AlreadyExists', reason
    )


def test_failed_creation_follows_its_options(stacks, iam):
    """DisableRollback and OnFailure decide what remains of a stack that fails."""
    broken = {**role(ManagedPolicyArns=["arn:aws:iam::aws:policy/Missing"]), "DependsOn": "Good"}
    retained = {**role(), "DeletionPolicy": "Retain"}
    template = resources(Good=role(), Kept=retained, Broken={**broken, "DependsOn": ["Good", "Kept"]})
    for options in ({"DisableRollback": True}, {"OnFailure": "DO_NOTHING"}):
        stack = stacks.create(template, **options)
        assert stacks.status(stack) == "CREATE_FAILED"
        assert iam.get_role(RoleName=stacks.physical_ids(stack)["Good"])
        assert "can not be updated" in expect_error(lambda s=stack: stacks.update(s, template))[1]
        assert stacks.delete(stack) == "DELETE_COMPLETE"
    rolled_back = stacks.create(template)
    ids = stacks.physical_ids(rolled_back)
    assert stacks.status(rolled_back) == "ROLLBACK_COMPLETE"
    assert iam.get_role(RoleName=ids["Kept"])
    for logical_id in ("Good", "Broken"):
        assert expect_error(lambda n=ids[logical_id]: iam.get_role(RoleName=n))[0] == "NoSuchEntity"
    gone = unique_name("stack")
    arn = stacks.api.create_stack(
        StackName=gone, TemplateBody=as_text(template), Capabilities=["CAPABILITY_IAM"], OnFailure="DELETE"
    )["StackId"]
    assert stacks.wait(arn) == "DELETE_COMPLETE"
    clean = stacks.create(template, RetainExceptOnCreate=True)
    assert expect_error(lambda: iam.get_role(RoleName=stacks.physical_ids(clean)["Kept"]))[0] == "NoSuchEntity"


def test_deletion_can_retain_what_it_cannot_delete(stacks, iam):
    """A stack whose role is in use ends with DELETE_FAILED, and can then be deleted without the role."""
    stack = stacks.create(resources(Role=role(), Other=role()))
    name = stacks.physical_ids(stack)["Role"]
    iam.attach_role_policy(RoleName=name, PolicyArn=READ_ONLY)
    message = expect_error(lambda: stacks.api.delete_stack(StackName=stack, RetainResources=["Role"]))[1]
    assert "Stack state must be DELETE_FAILED" in message
    assert stacks.delete(stack) == "DELETE_FAILED"
    assert "Cannot delete entity, must detach all policies first." in stacks.reasons(stack)
    assert stacks.delete(stack, RetainResources=["Role"]) == "DELETE_COMPLETE"
    assert iam.get_role(RoleName=name)


def test_resources_deleted_outside_of_the_stack_are_no_failure(stacks, iam):
    """A stack can be deleted after its resources were deleted by other calls."""
    stack = stacks.create(resources(Role=role(Policies=[inline("a", READ)])))
    name = stacks.physical_ids(stack)["Role"]
    iam.delete_role_policy(RoleName=name, PolicyName="a")
    iam.delete_role(RoleName=name)
    assert stacks.delete(stack) == "DELETE_COMPLETE"


def test_termination_protection_prevents_deletion(stacks):
    """A protected stack cannot be deleted until the protection is removed."""
    stack = stacks.create(resources(Role=role()), EnableTerminationProtection=True)
    code, message = expect_error(lambda: stacks.api.delete_stack(StackName=stack))
    assert (code, "while TerminationProtection is enabled" in message) == ("ValidationError", True)
    stacks.api.update_termination_protection(StackName=stack, EnableTerminationProtection=False)
    assert stacks.delete(stack) == "DELETE_COMPLETE"


def test_tags_of_a_stack_reach_its_resources(cloud, stacks, stacks_of, iam):
    """Resources that have tags get those of the stack, which needs iam:TagRole. Their own tags win."""
    tags = [{"Key": "team", "Value": "a"}, {"Key": "env", "Value": "x"}]
    template = resources(Role=role(Tags=[{"Key": "env", "Value": "own"}]), Policy=policy(READ, Roles=[{"Ref": "Role"}]))
    stack = stacks.create(template, Tags=tags)
    name = stacks.physical_ids(stack)["Role"]
    found = {tag["Key"]: tag["Value"] for tag in iam.list_role_tags(RoleName=name)["Tags"]}
    assert found == {"team": "a", "env": "own"}
    _, key = new_user(cloud, allow("cloudformation:*", "iam:CreateRole", "iam:GetRole"))
    tagged = stacks_of(key).create(resources(Role=role()), Tags=tags)
    assert "iam:TagRole" in stacks.reasons(tagged)


def test_repeated_tags_must_agree(stacks):
    """eksctl repeats the tags of a stack in change sets. A repeated key must have the same value."""
    pair, other = {"Key": "a", "Value": "1"}, {"Key": "a", "Value": "2"}
    stack = stacks.create(resources(Role=role()), Tags=[pair, pair])
    assert stacks.describe(stack)["Tags"] == [pair]
    for tags in ([pair, other], [{"Key": "aws:x", "Value": "1"}]):
        code = expect_error(lambda tags=tags: stacks.create(resources(Role=role()), Tags=tags))[0]
        assert code == "ValidationError"


def test_stack_names_are_unique_and_checked(stacks):
    """A second stack with a name fails, unless it has the same client request token. Names have a pattern."""
    template = resources(Role=role())
    stack = stacks.create(template, ClientRequestToken="token-1")
    code, message = expect_error(lambda: stacks.create(template, name=stack))
    assert (code, message) == ("AlreadyExistsException", f"Stack [{stack}] already exists")
    request = {"StackName": stack, "TemplateBody": as_text(template), "Capabilities": ["CAPABILITY_IAM"]}
    again = stacks.api.create_stack(**request, ClientRequestToken="token-1")
    assert again["StackId"] == stacks.describe(stack)["StackId"]
    for name in ("1abc", "a_b", "a" * 129):
        assert expect_error(lambda n=name: stacks.create(template, name=n))[0] == "ValidationError"
