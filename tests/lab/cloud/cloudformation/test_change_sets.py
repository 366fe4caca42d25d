"""Change sets, and the AWS CLI, which deploys with them."""

import json
import time

from support.cloud_helpers import (
    allow,
    expect_error,
    new_user,
    run_aws_cli,
    unique_name,
)
from support.cloudformation_stacks import READ, as_text, policy, resources, role


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
    code, text = run(*deploy, "--no-fail-on-empty-changeset")
    assert (code, "No changes to deploy" in text) == (0, True)
    file.write_text(as_text(resources(Role=role(Description="deployed"))))
    time.sleep(1)  # the AWS CLI names change sets by the second
    code, text = run(*deploy)
    assert (code, "Successfully created/updated stack" in text) == (0, True), text
    changed = iam.get_role(RoleName=described["Outputs"][0]["OutputValue"])["Role"]
    assert changed["Description"] == "deployed"
    assert run("delete-stack", "--stack-name", name)[0] == 0
    assert run("wait", "stack-delete-complete", "--stack-name", described["StackId"]) == (0, "")
    code, text = run("deploy", "--no-execute-changeset", *deploy[1:])
    assert (code, "Changeset created successfully" in text) == (0, True)
    assert run("validate-template", *template)[0] == 0
