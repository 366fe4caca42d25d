"""Stacks over their life: events, updates, replacements, rollbacks, retained resources and deletions."""

import json

import pytest

from support.cloud_helpers import (
    allow,
    client,
    expect_error,
    new_role,
    new_user,
    run_aws_cli,
    trust_policy,
    unique_name,
)
from support.cloudformation_stacks import POD_TRUST, as_text, resources, role

READ = {"Version": "2012-10-17", "Statement": [allow("s3:GetObject")]}
WRITE = {"Version": "2012-10-17", "Statement": [allow("s3:PutObject")]}
VIEW_ONLY = "arn:aws:iam::aws:policy/job-function/ViewOnlyAccess"
READ_ONLY = "arn:aws:iam::aws:policy/ReadOnlyAccess"


@pytest.fixture
def iam(cloud):
    return client(cloud, "iam")


def inline(name, document):
    return {"PolicyName": name, "PolicyDocument": document}


def policy(document, **properties):
    return {"Type": "AWS::IAM::Policy", "Properties": {"PolicyName": "p", "PolicyDocument": document, **properties}}


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


def test_change_set_shows_and_makes_changes(stacks, iam):
    """A change set lists additions, changes, replacements and removals, and makes them when it is executed."""
    stack = stacks.create(resources(Same=role(), Changed=role(), Replaced=role(Path="/a/"), Gone=role()))
    template = resources(
        Same=role(),
        Changed=role(Description="x"),
        Replaced=role(Path="/b/"),
        New=role(),
        Policy=policy(READ, Roles=[{"Ref": "Replaced"}]),
    )
    request = {"StackName": stack, "ChangeSetName": "c", "Capabilities": ["CAPABILITY_IAM"]}
    stacks.api.create_change_set(**request, TemplateBody=as_text(template))
    stacks.api.get_waiter("change_set_create_complete").wait(StackName=stack, ChangeSetName="c")
    described = stacks.api.describe_change_set(StackName=stack, ChangeSetName="c")
    changes = [entry["ResourceChange"] for entry in described["Changes"]]
    assert {(entry["LogicalResourceId"], entry["Action"], entry.get("Replacement")) for entry in changes} == {
        ("Changed", "Modify", "False"),
        ("Replaced", "Modify", "True"),
        ("New", "Add", None),
        ("Policy", "Add", None),
        ("Gone", "Remove", None),
    }
    assert [entry["ChangeSetName"] for entry in stacks.api.list_change_sets(StackName=stack)["Summaries"]] == ["c"]
    stacks.api.execute_change_set(StackName=stack, ChangeSetName="c")
    assert stacks.wait(stack) == "UPDATE_COMPLETE"
    ids = stacks.physical_ids(stack)
    assert set(ids) == {"Same", "Changed", "Replaced", "New", "Policy"}
    assert iam.get_role(RoleName=ids["Replaced"])["Role"]["Path"] == "/b/"
    assert expect_error(lambda: stacks.api.execute_change_set(StackName=stack, ChangeSetName="c"))[0] == (
        "InvalidChangeSetStatus"
    )
    stacks.api.create_change_set(**{**request, "ChangeSetName": "empty"}, UsePreviousTemplate=True)
    empty = stacks.api.describe_change_set(StackName=stack, ChangeSetName="empty")
    assert (empty["Status"], "didn't contain changes" in empty["StatusReason"]) == ("FAILED", True)
    stacks.api.delete_change_set(StackName=stack, ChangeSetName="empty")
    missing = expect_error(lambda: stacks.api.describe_change_set(StackName=stack, ChangeSetName="empty"))
    assert missing == ("ChangeSetNotFound", "ChangeSet [empty] does not exist")


def test_change_set_acts_as_the_one_who_executes_it(cloud, stacks, stacks_of):
    """A change set that an administrator created has only the rights of the caller who executes it."""
    name = unique_name("stack")
    stacks.api.create_change_set(
        StackName=name,
        ChangeSetName="c",
        ChangeSetType="CREATE",
        TemplateBody=as_text(resources(Role=role())),
        Capabilities=["CAPABILITY_IAM"],
    )
    assert stacks.status(name) == "REVIEW_IN_PROGRESS"
    _, key = new_user(cloud, allow("cloudformation:*"))
    stacks_of(key).api.execute_change_set(StackName=name, ChangeSetName="c")
    assert stacks.wait(name) == "ROLLBACK_COMPLETE"


def test_awscli_creates_waits_deploys_and_deletes(cloud, tmp_path, iam):
    """`aws cloudformation` creates, waits, deploys with and without changes, describes and deletes."""
    file, name = tmp_path / "template.json", unique_name("cli")
    file.write_text(as_text({**resources(Role=role()), "Outputs": {"Role": {"Value": {"Ref": "Role"}}}}))

    def run(*arguments):
        result = run_aws_cli(
            cloud, "cloudformation", *arguments, "--output", "json", home=tmp_path / "home", caller=cloud.administrator
        )
        return result.returncode, result.stdout + result.stderr

    template, capability = ("--template-body", f"file://{file}"), ("--capabilities", "CAPABILITY_IAM")
    code, text = run("create-stack", "--stack-name", name, *template)
    assert (code, "InsufficientCapabilitiesException" in text) == (255, True)
    assert run("create-stack", "--stack-name", name, *template, *capability)[0] == 0
    assert run("wait", "stack-create-complete", "--stack-name", name) == (0, "")
    described = json.loads(run("describe-stacks", "--stack-name", name)[1])["Stacks"][0]
    assert iam.get_role(RoleName=described["Outputs"][0]["OutputValue"])
    deploy = ("deploy", "--stack-name", name, "--template-file", str(file), *capability)
    code, text = run(*deploy)
    assert (code, "No changes to deploy" in text) == (0, True)
    assert run("delete-stack", "--stack-name", name)[0] == 0
    assert run("wait", "stack-delete-complete", "--stack-name", described["StackId"]) == (0, "")
    code, text = run("deploy", "--no-execute-changeset", *deploy[1:])
    assert (code, "Changeset created successfully" in text) == (0, True)
    assert run("validate-template", *template)[0] == 0


def test_all_iam_types_have_their_identifiers(cloud, stacks, iam):
    """Each IAM type creates its entity, `Ref` and `Fn::GetAtt` name it, and the deletion removes it."""
    user, group = unique_name("user"), unique_name("group")
    iam.create_user(UserName=user)
    iam.create_group(GroupName=group)
    own = new_role(cloud, trust_policy({"Service": "ec2.amazonaws.com"})).rpartition("/")[2]
    issuer = f"https://oidc.example.com/id/{user}"
    document = {"PolicyDocument": READ}
    template = resources(
        Role=role(),
        Profile={"Type": "AWS::IAM::InstanceProfile", "Properties": {"Roles": [{"Ref": "Role"}]}},
        Inline=policy(READ, Roles=[{"Ref": "Role"}, own], Users=[user], Groups=[group]),
        OfRole={"Type": "AWS::IAM::RolePolicy", "Properties": {"PolicyName": "r", "RoleName": own, **document}},
        OfUser={"Type": "AWS::IAM::UserPolicy", "Properties": {"PolicyName": "u", "UserName": user, **document}},
        OfGroup={"Type": "AWS::IAM::GroupPolicy", "Properties": {"PolicyName": "g", "GroupName": group, **document}},
        Managed={"Type": "AWS::IAM::ManagedPolicy", "Properties": {"Users": [user], "Path": "/team/", **document}},
        Provider={"Type": "AWS::IAM::OIDCProvider", "Properties": {"Url": issuer, "ClientIdList": ["a", "b"]}},
        Linked={"Type": "AWS::IAM::ServiceLinkedRole", "Properties": {"AWSServiceName": "spot.amazonaws.com"}},
    )
    attributes = {"Profile": "Arn", "Managed": "PolicyArn", "Provider": "Arn", "Linked": "RoleName", "Inline": "Id"}
    template["Outputs"] = {name: {"Value": {"Fn::GetAtt": [name, value]}} for name, value in attributes.items()}
    stack = stacks.create(template)
    assert stacks.status(stack) == "CREATE_COMPLETE", stacks.reasons(stack)
    ids, outputs = stacks.physical_ids(stack), stacks.outputs(stack)
    profile = iam.get_instance_profile(InstanceProfileName=ids["Profile"])["InstanceProfile"]
    assert [entry["RoleName"] for entry in profile["Roles"]] == [ids["Role"]]
    assert outputs["Profile"] == profile["Arn"]
    assert set(iam.list_role_policies(RoleName=own)["PolicyNames"]) == {"p", "r"}
    assert set(iam.list_user_policies(UserName=user)["PolicyNames"]) == {"p", "u"}
    assert set(iam.list_group_policies(GroupName=group)["PolicyNames"]) == {"p", "g"}
    assert (ids["OfRole"], ids["OfUser"]) == (f"r|{own}", f"u|{user}")
    attached = iam.list_attached_user_policies(UserName=user)["AttachedPolicies"]
    assert [entry["PolicyArn"] for entry in attached] == [ids["Managed"]] == [outputs["Managed"]]
    assert ids["Provider"] == f"arn:aws:iam::{cloud.account}:oidc-provider/oidc.example.com/id/{user}"
    assert iam.get_role(RoleName=ids["Linked"])["Role"]["Path"] == "/aws-service-role/spot.amazonaws.com/"
    changed = json.loads(json.dumps(template))
    changed["Resources"]["Managed"]["Properties"] |= {"PolicyDocument": WRITE, "Users": [], "Groups": [group]}
    changed["Resources"]["Provider"]["Properties"]["ClientIdList"] = ["b", "c"]
    changed["Resources"]["OfUser"]["Properties"]["PolicyDocument"] = WRITE
    changed["Resources"]["Inline"]["Properties"]["Roles"] = [own]
    assert stacks.update(stack, changed) == "UPDATE_COMPLETE", stacks.reasons(stack)
    version = iam.get_policy(PolicyArn=ids["Managed"])["Policy"]["DefaultVersionId"]
    found = iam.get_policy_version(PolicyArn=ids["Managed"], VersionId=version)["PolicyVersion"]["Document"]
    assert found == WRITE
    assert iam.list_attached_user_policies(UserName=user)["AttachedPolicies"] == []
    provider = iam.get_open_id_connect_provider(OpenIDConnectProviderArn=ids["Provider"])
    assert provider["ClientIDList"] == ["b", "c"]
    assert iam.get_user_policy(UserName=user, PolicyName="u")["PolicyDocument"] == WRITE
    assert iam.list_role_policies(RoleName=ids["Role"])["PolicyNames"] == []
    assert stacks.delete(stack) == "DELETE_COMPLETE", stacks.reasons(stack)
    assert iam.list_role_policies(RoleName=own)["PolicyNames"] == []
    assert iam.list_user_policies(UserName=user)["PolicyNames"] == []
    assert expect_error(lambda: iam.get_role(RoleName=ids["Linked"]))[0] == "NoSuchEntity"
    assert expect_error(lambda: iam.get_policy(PolicyArn=ids["Managed"]))[0] == "NoSuchEntity"


def test_role_of_a_stack_trusts_as_the_template_says(stacks, iam):
    """The trust policy of eksctl's form, with a condition and a list of actions, is stored unchanged."""
    stack = stacks.create(resources(Role=role()))
    found = iam.get_role(RoleName=stacks.physical_ids(stack)["Role"])["Role"]
    assert found["AssumeRolePolicyDocument"] == POD_TRUST
