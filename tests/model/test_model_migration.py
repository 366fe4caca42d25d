"""What becomes of each entry of aws-auth, decided without asking anybody."""

from __future__ import annotations

import dataclasses

import pytest
import yaml

from eks_identity.errors import InvalidInput
from eks_identity.model.access_entries import AuthenticationMode
from eks_identity.model.aws_auth import AwsAuth
from eks_identity.model.existing_entries import CLUSTER_ADMIN, AssociatedPolicy, ExistingEntry
from eks_identity.model.migration import Resolution, Todo, counting, plan, steps_to

ACCOUNT = "111122223333"
OTHER = "444455556666"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/team"
WHOLE = f"arn:aws:iam::{ACCOUNT}:role/people/team"
USER = f"arn:aws:iam::{ACCOUNT}:user/eks-ope"
NODE_GROUPS = ["system:bootstrappers", "system:nodes"]


def document(*, roles=(), users=(), accounts=()):
    data = {"mapRoles": roles, "mapUsers": users, "mapAccounts": accounts}
    return AwsAuth.parse({key: yaml.safe_dump(list(value)) for key, value in data.items() if value})


def role(username="team:{{SessionName}}", groups=("operators",), arn=ROLE):
    return {"rolearn": arn, "username": username, "groups": [*groups]}


def user(username="eks-ope", groups=("operators",), arn=USER):
    return {"userarn": arn, "username": username, "groups": [*groups]}


def planned(said, existing=(), resolved=None, **more):
    """The plan where IAM says that the role has a path, and every other ARN is whole."""
    known = {entry.arn.lower(): Resolution(WHOLE if entry.arn == ROLE else entry.arn) for entry in counting(said)[0]}
    return plan(said, existing, known | (resolved or {}), account=ACCOUNT, **more)


def test_people_keep_name_and_groups_and_roles_get_their_path():
    """The entry names the principal as IAM does, and the same Kubernetes user as before."""
    steps = planned(document(roles=[role()], users=[user()])).steps
    entries = [step.equal.entry for step in steps]
    assert [(entry.principal.arn, entry.username, entry.kubernetes_groups) for entry in entries] == [
        (WHOLE, "team:{{SessionName}}", ("operators",)),
        (USER, "eks-ope", ("operators",)),
    ]
    assert all(step.todo is Todo.MAKE for step in steps)


def test_masters_become_cluster_administrators():
    """system:masters goes, AmazonEKSClusterAdminPolicy comes, and other groups stay."""
    (step,) = planned(document(users=[user(groups=["system:masters", "operators"])])).steps
    assert step.equal.administrator
    assert step.equal.entry.kubernetes_groups == ("operators",)
    assert f"access policy {CLUSTER_ADMIN} (whole cluster)" in str(step)


@pytest.mark.parametrize(
    ("username", "groups", "kind"),
    [
        ("system:node:{{EC2PrivateDNSName}}", NODE_GROUPS, "EC2_LINUX"),
        ("system:node:{{EC2PrivateDNSName}}", [*NODE_GROUPS, "eks:kube-proxy-windows"], "EC2_WINDOWS"),
        ("system:node:{{SessionName}}", [*NODE_GROUPS, "system:node-proxier"], "FARGATE_LINUX"),
    ],
)
def test_nodes_get_an_entry_of_their_type(username, groups, kind):
    """Which gives them name and groups: none are given with it."""
    (step,) = planned(document(roles=[role(username, groups)])).steps
    assert (step.equal.entry.type, step.equal.entry.username, step.equal.entry.kubernetes_groups) == (kind, None, ())


@pytest.mark.parametrize(
    ("entry", "why"),
    [
        (role("system:node:{{EC2PrivateDNSName}}", [*NODE_GROUPS, "operators"]), "no type of access entry gives nodes"),
        (role("system:node:{{EC2PrivateDNSName}}", [*NODE_GROUPS, "system:masters"]), "no type of access entry"),
        (role("team", NODE_GROUPS), "no type of access entry"),
        (role("system:node:{{EC2PrivateDNSName}}", NODE_GROUPS, ROLE.replace(ACCOUNT, OTHER)), "cluster's account"),
        (role(groups=["system:aggregate-to-view"]), "do not begin with system:"),
        (role("system:team"), "does not begin with system:"),
        (role("eks:team"), "does not begin with system: eks:"),
        (role("{{SessionName}}"), "a colon stands somewhere before"),
        (role("team:{{EC2PrivateDNSName}}"), "are filled in for people"),
        (role(None), "its username is empty"),
        (role(7), "its username is empty"),
    ],
)
def test_what_has_no_equal_is_left_behind_with_why(entry, why):
    """And nothing is made for it: an entry that says less would win over aws-auth at once."""
    made = planned(document(roles=[entry]))
    assert made.steps == ()
    (left,) = made.not_migrated
    assert why in left.why
    (problem,) = made.unnamed([])
    assert f"name {left.name} in accept_loss_of" in problem.fix
    assert not made.unnamed([entry["rolearn"].upper()])


def test_whole_accounts_are_left_behind():
    """Each by its number, also one that was written without quotes."""
    made = planned(document(accounts=[OTHER, int(ACCOUNT)]))
    assert [left.name for left in made.not_migrated] == [OTHER, ACCOUNT]
    assert [problem.value for problem in made.unnamed([OTHER])] == [f"mapAccounts[1] {ACCOUNT}"]


def test_a_path_that_nobody_knows_is_never_guessed():
    """The role is left behind, with why nobody knows."""
    (left,) = planned(document(roles=[role()]), resolved={ROLE.lower(): Resolution(None, "nobody knows")}).not_migrated
    assert (left.name, left.why) == (ROLE, "nobody knows")


def test_what_matches_nobody_today_is_not_missed():
    """Shadowed duplicates in any case, a role's path, a session and no ARN at all: listed, and nothing is made."""
    session = f"arn:aws:sts::{ACCOUNT}:assumed-role/team/me"
    users = [user("first"), user("last", arn=USER.upper().replace("ARN:AWS:IAM", "arn:aws:iam"))]
    made = planned(document(roles=[role(arn=WHOLE), role(arn=session), role(arn="")], users=users))
    assert [step.equal.entry.username for step in made.steps] == ["last"]
    assert not made.not_migrated
    assert len(made.idle) == 4
    assert "mapUsers[1] maps the same ARN, and the last one wins" in made.idle[-1]


def test_named_in_leave_behind_a_principal_gets_no_entry_and_a_group_is_dropped():
    """ARNs with or without the path, in any case; a group from the entries of all."""
    said = document(roles=[role()], users=[user(groups=["system:monitoring", "operators"])])
    made = planned(said, accept_loss_of=[WHOLE, "system:monitoring"])
    assert [left.name for left in made.not_migrated] == [ROLE]
    (step,) = made.steps
    assert step.equal.entry.kubernetes_groups == ("operators",)
    assert not made.unnamed([WHOLE])


def test_the_group_of_everybody_is_no_loss():
    """Kubernetes gives system:authenticated to everybody."""
    (step,) = planned(document(users=[user(groups=["system:authenticated", "operators", "operators"])])).steps
    assert step.equal.entry.kubernetes_groups == ("operators",)


ADMIN = AssociatedPolicy(f"arn:aws:eks::aws:cluster-access-policy/{CLUSTER_ADMIN}")
IN_A_NAMESPACE = dataclasses.replace(ADMIN, namespaces=("default",))


@pytest.mark.parametrize(
    ("groups", "found", "todo"),
    [
        (["b", "a"], ExistingEntry(USER, "eks-ope", ("a", "b")), Todo.NOTHING),
        (["a"], ExistingEntry(USER, "other", ("a",)), Todo.CONFLICT),
        (["a"], ExistingEntry(USER, "eks-ope", ("b",)), Todo.CONFLICT),
        (["a"], ExistingEntry(USER, "eks-ope", ("a",), "EC2_LINUX"), Todo.CONFLICT),
        (["system:masters"], ExistingEntry(USER, "eks-ope"), Todo.ASSOCIATE),
        (["system:masters"], ExistingEntry(USER, "eks-ope", policies=(IN_A_NAMESPACE,)), Todo.ASSOCIATE),
        (["system:masters"], ExistingEntry(USER, "eks-ope", policies=(ADMIN,)), Todo.NOTHING),
    ],
)
def test_entries_that_are_there_stay(groups, found, todo):
    """The same one is done, a policy that is missing is associated, and another one is a conflict that both are named
    of."""
    (step,) = planned(document(users=[user(groups=groups)]), existing=[found]).steps
    assert step.todo is todo
    assert step.is_pending is (todo is Todo.ASSOCIATE)
    if todo is Todo.CONFLICT:
        assert str(found) in str(step)


@pytest.mark.parametrize(
    ("said", "resolution", "accept_loss_of"),
    [
        (role(None), Resolution(WHOLE), []),
        (role(), Resolution(None, "nobody knows"), []),
        (role(), Resolution(WHOLE), [ROLE]),
    ],
)
def test_who_has_an_entry_loses_nothing_with_aws_auth(said, resolution, accept_loss_of):
    """Whatever it says: so an entry of one's own is the way out for what has no equal."""
    found = [ExistingEntry(WHOLE, "mine", ("operators",))]
    made = planned(document(roles=[said]), found, {ROLE.lower(): resolution}, accept_loss_of=accept_loss_of)
    assert not made.not_migrated
    assert not made.pending
    assert f"has an access entry, which EKS takes and which stays: {found[0]}" in made.idle[0]


def test_an_entry_for_another_path_is_not_the_roles():
    """A role that was deleted and made again elsewhere is not the one that the entry is for."""
    stale = ExistingEntry(WHOLE.replace("people", "before"), "team:{{SessionName}}", ("operators",))
    (step,) = planned(document(roles=[role()]), [stale]).steps
    assert step.todo is Todo.MAKE


def test_a_nodes_entry_is_the_same_by_its_type():
    """EKS makes them itself, for managed nodes, with fewer groups than aws-auth has."""
    said = document(roles=[role("system:node:{{EC2PrivateDNSName}}", NODE_GROUPS)])
    found = ExistingEntry(WHOLE, "system:node:{{EC2PrivateDNSName}}", ("system:nodes",), "EC2_LINUX")
    assert planned(said, existing=[found]).pending == []


def test_modes_go_one_way():
    """One step at a time, none where the cluster is there, and never back."""
    both, api = AuthenticationMode.API_AND_CONFIG_MAP, AuthenticationMode.API
    assert steps_to(AuthenticationMode.CONFIG_MAP, api) == [both, api]
    assert steps_to(both, both) == []
    with pytest.raises(InvalidInput, match="one way"):
        steps_to(api, both)


def test_a_broken_key_is_idle_and_a_federated_user_is_left_behind():
    """As the authenticator reads them: the first maps nobody, and the second has access that no access entry gives."""
    carol = f"arn:aws:sts::{ACCOUNT}:federated-user/carol"
    users = yaml.safe_dump([user(arn=carol), user()])
    found = planned(AwsAuth.parse({"mapUsers": users, "mapRoles": "- rolearn: ["}))
    (idle,) = found.idle
    assert idle.startswith("mapRoles: does nothing today")
    assert [left.name for left in found.not_migrated] == [carol]
    assert [step.equal.entry.principal.arn for step in found.steps] == [USER]
