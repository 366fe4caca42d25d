"""Updates of stacks: changes in place, replacements, removals and rollbacks."""

import json

from support.cloud_helpers import (
    allow,
    expect_error,
    new_user,
    trust_policy,
    unique_name,
)
from support.cloudformation_stacks import READ, READ_ONLY, VIEW_ONLY, WRITE, inline, policy, resources, role


def test_update_changes_a_role_in_place(stacks, iam):
    """An update changes each property of a role that needs no replacement."""
    before = role(
        Description="a",
        Policies=[inline("keep", READ), inline("change", READ), inline("drop", READ)],
        ManagedPolicyArns=[VIEW_ONLY],
        Tags=[{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "1"}],
    )
    stack = stacks.create(resources(Role=before))
    name = stacks.physical_ids(stack)["Role"]
    after = role(
        Description="b",
        MaxSessionDuration="7200",
        Policies=[inline("keep", READ), inline("change", WRITE), inline("new", json.dumps(READ))],
        ManagedPolicyArns=[READ_ONLY],
        PermissionsBoundary=READ_ONLY,
        Tags=[{"Key": "a", "Value": "2"}, {"Key": "c", "Value": "1"}],
        AssumeRolePolicyDocument=json.loads(trust_policy({"Service": "ec2.amazonaws.com"})),
    )
    assert stacks.update(stack, resources(Role=after)) == "UPDATE_COMPLETE"
    assert stacks.physical_ids(stack)["Role"] == name
    found = iam.get_role(RoleName=name)["Role"]
    assert (found["Description"], found["MaxSessionDuration"]) == ("b", 7200)
    assert found["AssumeRolePolicyDocument"] == after["Properties"]["AssumeRolePolicyDocument"]
    assert found["PermissionsBoundary"]["PermissionsBoundaryArn"] == READ_ONLY
    assert {tag["Key"]: tag["Value"] for tag in found["Tags"]} == {"a": "2", "c": "1"}
    assert set(iam.list_role_policies(RoleName=name)["PolicyNames"]) == {"keep", "change", "new"}
    assert iam.get_role_policy(RoleName=name, PolicyName="change")["PolicyDocument"] == WRITE
    attached = iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]
    assert [entry["PolicyArn"] for entry in attached] == [READ_ONLY]
    assert stacks.update(stack, resources(Role=role())) == "UPDATE_COMPLETE"
    plain = iam.get_role(RoleName=name)["Role"]
    assert ("PermissionsBoundary" in plain, plain["MaxSessionDuration"], plain.get("Tags")) == (False, 3600, None)


def test_update_replaces_what_cannot_change(stacks, iam):
    """A new name or path replaces the role, moves what depends on it, and deletes the old role at the end."""
    names = [unique_name("role") for _ in range(2)]
    templates = [resources(Role=role(RoleName=name), Policy=policy(READ, Roles=[{"Ref": "Role"}])) for name in names]
    stack = stacks.create(templates[0])
    assert stacks.update(stack, templates[1]) == "UPDATE_COMPLETE"
    assert iam.list_role_policies(RoleName=names[1])["PolicyNames"] == ["p"]
    assert expect_error(lambda: iam.get_role(RoleName=names[0]))[0] == "NoSuchEntity"
    events = stacks.events(stack)
    cleanup = events.index((stack, "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS"))
    assert ("Role", "DELETE_COMPLETE") in events[cleanup:]
    assert ("Role", "CREATE_COMPLETE") in events[:cleanup]
    moved = resources(Role=role(RoleName=names[1], Path="/team/"), Policy=policy(READ, Roles=[{"Ref": "Role"}]))
    assert stacks.update(stack, moved) == "UPDATE_ROLLBACK_COMPLETE"
    assert "cannot update a stack when a custom-named resource requires replacing" in stacks.reasons(stack)
    assert iam.get_role(RoleName=names[1])["Role"]["Path"] == "/"


def test_update_adds_and_removes_resources(stacks, iam):
    """An update creates new resources and deletes those that the new template lacks, unless they are retained."""
    retained = {**role(), "DeletionPolicy": "Retain"}
    stack = stacks.create(resources(Old=role(), Kept=retained, Same=role()))
    before = stacks.physical_ids(stack)
    assert stacks.update(stack, resources(Same=role(), New=role())) == "UPDATE_COMPLETE"
    after = stacks.physical_ids(stack)
    assert (set(after), after["Same"]) == ({"Same", "New"}, before["Same"])
    assert expect_error(lambda: iam.get_role(RoleName=before["Old"]))[0] == "NoSuchEntity"
    assert iam.get_role(RoleName=before["Kept"])
    assert ("Kept", "DELETE_SKIPPED") in stacks.events(stack)


def test_failed_update_is_rolled_back(stacks, iam):
    """If a resource fails, an update restores the changed resources and removes the new ones."""
    stack = stacks.create(resources(Role=role(Description="old", Policies=[inline("a", READ)])))
    name = stacks.physical_ids(stack)["Role"]
    broken = {**role(ManagedPolicyArns=["arn:aws:iam::aws:policy/Missing"]), "DependsOn": ["Role", "New"]}
    changed = role(Description="new", Policies=[inline("a", WRITE), inline("b", READ)])
    assert stacks.update(stack, resources(Role=changed, New=role(), Broken=broken)) == "UPDATE_ROLLBACK_COMPLETE"
    assert stacks.describe(stack)["StackId"]
    assert set(stacks.physical_ids(stack)) == {"Role"}
    assert iam.get_role(RoleName=name)["Role"]["Description"] == "old"
    assert iam.list_role_policies(RoleName=name)["PolicyNames"] == ["a"]
    assert iam.get_role_policy(RoleName=name, PolicyName="a")["PolicyDocument"] == READ
    prefixes = (f"{stack}-New", f"{stack}-Broken")
    assert [entry["RoleName"] for entry in iam.list_roles()["Roles"] if entry["RoleName"].startswith(prefixes)] == []
    assert stacks.update(stack, resources(Role=changed)) == "UPDATE_COMPLETE"


def test_update_without_permission_is_rolled_back(cloud, stacks, stacks_of, iam):
    """An update acts as its own caller. What that caller may not do is undone without further permissions."""
    stack = stacks.create(resources(Role=role(Description="old")))
    name = stacks.physical_ids(stack)["Role"]
    _, key = new_user(cloud, allow("cloudformation:*"), allow("iam:UpdateRole", "iam:GetRole"))
    changed = role(Description="new", Policies=[inline("a", READ)], ManagedPolicyArns=[READ_ONLY])
    limited = stacks_of(key)
    assert limited.update(stack, resources(Role=changed)) == "UPDATE_ROLLBACK_COMPLETE"
    assert "is not authorized to perform: iam:PutRolePolicy" in stacks.reasons(stack)
    assert iam.get_role(RoleName=name)["Role"]["Description"] == "old"
    assert limited.delete(stack) == "DELETE_FAILED"
    assert "The following resource(s) failed to delete: [Role]." in stacks.describe(stack)["StackStatusReason"]
    assert stacks.delete(stack) == "DELETE_COMPLETE"
