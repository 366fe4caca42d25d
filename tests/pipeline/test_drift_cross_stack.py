"""Drift of users, roles and groups to which several stacks of a fleet add policies."""

import json
from dataclasses import replace

import pytest

from eks_access.graph.aws_objects import IamGroup, IamPrincipal
from eks_access.graph.tables import Part
from eks_access.sources.pulumi.values import SECRET, SIGNATURE
from eks_pipeline.review import drift, stack_states
from support.access_graphs import ACCOUNT, REGION, Objects, arn

ROLE, GROUP = arn("role/team/deploy"), arn("group/ops")
READ = "arn:aws:iam::aws:policy/ReadOnlyAccess"
OTHER_ACCOUNT = "999999999999"
OF_ROLE = f"attached policy {READ} of {ROLE}"
TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "pods.eks.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}
ALLOW_PUT = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:PutObject", "Resource": "*"}]}


def resource(type_, logical_name, /, **properties):
    inputs = {key: value for key, value in properties.items() if key != "arn"}
    return {"type": type_, "name": logical_name, "custom": True, "inputs": inputs, "outputs": properties}


DECLARED_ROLE = resource(
    "aws:iam/role:Role", "deploy", name="deploy", path="/team/", assumeRolePolicy=json.dumps(TRUST), arn=ROLE
)
DECLARED_GROUP = resource("aws:iam/group:Group", "ops", name="ops", path="/", arn=GROUP)
ATTACHMENT = resource("aws:iam/rolePolicyAttachment:RolePolicyAttachment", "read", role="deploy", policyArn=READ)
GROUP_ATTACHMENT = resource("aws:iam/groupPolicyAttachment:GroupPolicyAttachment", "read", group="ops", policyArn=READ)
INLINE = resource("aws:iam/rolePolicy:RolePolicy", "put", name="put", role="deploy", policy=json.dumps(ALLOW_PUT))
SECRET_ATTACHMENT = resource(
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment",
    "hidden",
    role="deploy",
    policyArn={SIGNATURE: SECRET, "ciphertext": "x"},
)
CLUSTER = resource(
    "aws:eks/accessEntry:AccessEntry",
    "entry",
    clusterName="eks-clu",
    clusterArn=f"arn:aws:eks:{REGION}:{ACCOUNT}:cluster/eks-clu",
    region=REGION,
    principalArn=arn("role/viewer"),
    arn=None,
)


def in_account(account):
    """A resource whose ARN tells the account of all resources of its stack."""
    return resource("aws:iam/policy:Policy", "own", name="own", arn=f"arn:aws:iam::{account}:policy/own", policy="{}")


def state(tmp_path, stack, *resources, profile=None):
    listed = [{**each, "urn": f"urn:pulumi:{stack}::p::{each['type']}::{each['name']}"} for each in resources]
    file = tmp_path / f"{stack}.json"
    file.write_text(json.dumps({"version": 3, "deployment": {"resources": listed}}))
    return stack_states.StackState(stack, file, profile=profile)


@pytest.fixture
def compare(monkeypatch):
    """Return a function that compares states with the role and the group of a living account and cluster."""

    def compare(*states, attached=(READ,), inline=None, **options):
        role = IamPrincipal(ROLE, trust_policy=TRUST, attached_policies=attached, inline_policies=inline or {})
        objects = Objects(principals={ROLE: role}, groups={"ops": IamGroup(GROUP, {}, (READ,))}, mode="API")
        live = objects.changed(policies={READ: ALLOW_PUT}).graph()
        account = replace(live, cluster=Part.not_read("cluster", "no cluster"))
        monkeypatch.setattr("eks_access.sources.live.open_account", lambda **_options: account)
        monkeypatch.setattr("eks_access.sources.live.open_live", lambda *_arguments, **_options: live)
        monkeypatch.setattr(drift, "run_in", lambda _environment, function, *arguments: function(*arguments))
        monkeypatch.setattr(stack_states, "run_in", lambda _environment, function, *arguments: function(*arguments))
        found = drift.drift_of_fleet(drift.FleetStates(states, **options))
        return {stack: preview.access[0] for stack, preview in found.items()}

    return compare


def unmanaged(access):
    return [each.object for each in access.unmanaged]


def sentences(difference):
    return [sentence for change in difference.changes for sentence in change.sentences()]


def not_evaluated(access):
    return [str(each) for each in access.difference.not_evaluated if "deploy" in str(each)]


def test_attachment_of_another_stack_is_in_a_state(tmp_path, compare):
    """Both stacks hold only IAM: the policy of the other stack is neither drift nor left undecided."""
    found = compare(state(tmp_path, "roles", DECLARED_ROLE), state(tmp_path, "app", ATTACHMENT))
    for access in found.values():
        assert (unmanaged(access), access.difference.changes, not_evaluated(access)) == ([], (), [])


def test_inline_policy_of_another_stack_is_in_a_state(tmp_path, compare):
    states = state(tmp_path, "roles", DECLARED_ROLE), state(tmp_path, "app", INLINE)
    found = compare(*states, attached=(), inline={"put": ALLOW_PUT})
    assert not any(access.is_drift() for access in found.values())


@pytest.mark.parametrize("of_app", [(ATTACHMENT,), (ATTACHMENT, CLUSTER)], ids=["IAM", "same cluster"])
def test_attachment_of_another_stack_is_in_a_state_of_a_cluster(tmp_path, compare, of_app):
    """The stack of the role names a cluster, and the other stack none or the same."""
    found = compare(state(tmp_path, "roles", DECLARED_ROLE, CLUSTER), state(tmp_path, "app", *of_app))
    assert [unmanaged(access) for access in found.values()] == [[], []]
    assert not [each for each in sentences(found["roles"].difference) if "deploy" in each]


def test_policy_of_a_group_of_another_stack_is_in_a_state(tmp_path, compare):
    found = compare(state(tmp_path, "groups", DECLARED_GROUP), state(tmp_path, "app", GROUP_ATTACHMENT))
    assert not any(access.is_drift() for access in found.values())


def test_stack_that_is_not_selected_declares_its_attachment(tmp_path, compare):
    states = state(tmp_path, "roles", DECLARED_ROLE), state(tmp_path, "app", ATTACHMENT)
    found = compare(*states, left_out=("app",))
    assert list(found) == ["roles"]
    assert not found["roles"].is_drift()


def test_attachment_that_was_removed_by_hand_is_a_loss_of_both_stacks(tmp_path, compare):
    """An update of the stack of the attachment brings it back, so that `--fix` must see that stack, too."""
    found = compare(state(tmp_path, "roles", DECLARED_ROLE), state(tmp_path, "app", ATTACHMENT), attached=())
    for access in found.values():
        assert sentences(access.difference) == [f"role {ROLE} loses s3:PutObject on *"]
        assert sentences(access.restored) == [f"role {ROLE} gains s3:PutObject on *"]


def test_attachment_of_another_account_is_in_no_state(tmp_path, compare):
    """A role of the other account has the same name."""
    other = state(tmp_path, "app", ATTACHMENT, in_account(OTHER_ACCOUNT))
    assert unmanaged(compare(state(tmp_path, "roles", DECLARED_ROLE), other)["roles"]) == [OF_ROLE]


def test_attachment_of_the_same_account_is_in_a_state_whatever_credentials_read_it(tmp_path, compare):
    other = state(tmp_path, "app", ATTACHMENT, in_account(ACCOUNT), profile="app")
    found = compare(state(tmp_path, "roles", DECLARED_ROLE), other)["roles"]
    assert not found.is_drift()


@pytest.mark.parametrize(
    ("policy", "profile"), [(ATTACHMENT, "app"), (SECRET_ATTACHMENT, None)], ids=["account", "secret ARN"]
)
def test_attachment_that_another_state_may_have_is_not_evaluated(tmp_path, compare, policy, profile):
    """The state does not have the account, and is read with other credentials; or the ARN of the policy is a secret."""
    other = state(tmp_path, "app", policy, profile=profile)
    found = compare(state(tmp_path, "roles", DECLARED_ROLE), other)["roles"]
    assert (unmanaged(found), found.difference.changes) == ([], ())
    reason = "the state of app may declare it, but lacks its account or its ARN"
    assert not_evaluated(found) == [f"whether {OF_ROLE} is in a state: {reason}"]


def test_attachment_is_not_evaluated_while_a_state_of_the_fleet_is_missing(tmp_path, compare):
    found = compare(state(tmp_path, "roles", DECLARED_ROLE), missing=("app",))["roles"]
    assert (unmanaged(found), found.difference.changes) == ([], ())
    reason = "the state of app was not compared, and may declare it"
    assert not_evaluated(found) == [f"whether {OF_ROLE} is in a state: {reason}"]


def test_attachment_without_a_fleet_file_may_be_of_another_stack(tmp_path, compare):
    """Only one stack is compared: the policy stays in the list, and that it is in no state at all is not claimed."""
    states = state(tmp_path, "roles", DECLARED_ROLE)
    assert not_evaluated(compare(states)["roles"]) == []
    found = compare(states, has_fleet_file=False)["roles"]
    assert unmanaged(found) == [OF_ROLE]
    (reason,) = not_evaluated(found)
    assert reason.startswith(f"whether {OF_ROLE} is in the state of another stack: no fleet file")
