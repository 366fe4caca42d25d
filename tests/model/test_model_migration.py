"""The plan of a migration from aws-auth to access entries."""

from __future__ import annotations

import dataclasses

import pytest
import yaml

from eks_identity.errors import InvalidInput
from eks_identity.model.access_entries import AuthenticationMode
from eks_identity.model.aws_auth import AwsAuth
from eks_identity.model.equivalent_entries import convert_entry
from eks_identity.model.existing_entries import CLUSTER_ADMIN, AssociatedPolicy, ExistingEntry
from eks_identity.model.migration import Resolution, StepAction, effective_entries, plan, steps_to

ACCOUNT = "111122223333"
OTHER = "444455556666"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/team"
ROLE_WITH_PATH = f"arn:aws:iam::{ACCOUNT}:role/people/team"
USER = f"arn:aws:iam::{ACCOUNT}:user/eks-ope"
NODE_GROUPS = ["system:bootstrappers", "system:nodes"]


def document(*, roles=(), users=(), accounts=()):
    data = {"mapRoles": roles, "mapUsers": users, "mapAccounts": accounts}
    return AwsAuth.parse({key: yaml.safe_dump(list(value)) for key, value in data.items() if value})


def role(username="team:{{SessionName}}", groups=("operators",), arn=ROLE):
    return {"rolearn": arn, "username": username, "groups": [*groups]}


def user(username="eks-ope", groups=("operators",), arn=USER):
    return {"userarn": arn, "username": username, "groups": [*groups]}


def make_plan(aws_auth, existing=(), resolved=None, **options):
    """Return the plan if the role has a path in IAM, and every other ARN in aws-auth is complete."""
    default = {
        entry.arn.lower(): Resolution(ROLE_WITH_PATH if entry.arn == ROLE else entry.arn)
        for entry in effective_entries(aws_auth)[0]
    }
    return plan(aws_auth, existing, default | (resolved or {}), account=ACCOUNT, **options)


def test_migration_keeps_username_and_groups_and_adds_path_of_role():
    """The access entry has the principal's full ARN and the same Kubernetes user as aws-auth."""
    steps = make_plan(document(roles=[role()], users=[user()])).steps
    entries = [step.equal.entry for step in steps]
    assert [(entry.principal.arn, entry.username, entry.kubernetes_groups) for entry in entries] == [
        (ROLE_WITH_PATH, "team:{{SessionName}}", ("operators",)),
        (USER, "eks-ope", ("operators",)),
    ]
    assert all(step.todo is StepAction.MAKE for step in steps)


def test_migration_replaces_masters_with_cluster_admin_policy():
    """AmazonEKSClusterAdminPolicy replaces system:masters, and other groups stay."""
    (step,) = make_plan(document(users=[user(groups=["system:masters", "operators"])])).steps
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
def test_migration_creates_node_entry_by_type(username, groups, kind):
    """The type sets username and groups, so the entry has none."""
    (step,) = make_plan(document(roles=[role(username, groups)])).steps
    assert (step.equal.entry.type, step.equal.entry.username, step.equal.entry.kubernetes_groups) == (kind, None, ())


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        (role("system:node:{{EC2PrivateDNSName}}", [*NODE_GROUPS, "operators"]), "a type of access entry for nodes"),
        (role("system:node:{{EC2PrivateDNSName}}", [*NODE_GROUPS, "system:masters"]), "a type of access entry"),
        (role("team", NODE_GROUPS), "a type of access entry"),
        (role("system:node:{{EC2PrivateDNSName}}", NODE_GROUPS, ROLE.replace(ACCOUNT, OTHER)), "cluster's account"),
        (role(groups=["system:aggregate-to-view"]), "must not begin with system:"),
        (role("system:team"), "must not begin with system:"),
        (role("eks:team"), "must not begin with system: eks:"),
        (role("{{SessionName}}"), "must have a colon somewhere before"),
        (role("team:{{EC2PrivateDNSName}}"), "must have no templates but"),
        (role(None), "must have a username"),
        (role(7), "must have a username"),
    ],
)
def test_migration_lists_entries_without_equivalent_with_reason(entry, reason):
    """No access entry is created: an entry with fewer rights would win over aws-auth at once."""
    migration_plan = make_plan(document(roles=[entry]))
    assert migration_plan.steps == ()
    (unmigrated,) = migration_plan.not_migrated
    assert reason in unmigrated.reason
    (problem,) = migration_plan.unnamed([])
    assert problem.rule.startswith("must ")
    assert f"add {unmigrated.name} to accept_loss_of" in problem.fix
    assert not migration_plan.unnamed([entry["rolearn"].upper()])


def test_whole_accounts_are_left_behind():
    """Each by its number, also one that was written without quotes."""
    made = make_plan(document(accounts=[OTHER, int(ACCOUNT)]))
    assert [left.name for left in made.not_migrated] == [OTHER, ACCOUNT]
    assert [problem.value for problem in made.unnamed([OTHER])] == [f"mapAccounts[1] {ACCOUNT}"]


def test_migration_does_not_guess_unresolved_path():
    """The role is not migrated, with the reason."""
    resolved = {ROLE.lower(): Resolution(None, "the role does not exist")}
    (unmigrated,) = make_plan(document(roles=[role()]), resolved=resolved).not_migrated
    assert (unmigrated.name, unmigrated.reason) == (ROLE, "the role does not exist")


def test_migration_lists_entries_without_effect():
    """Duplicates, a role's path, a session and a missing ARN are listed, and no entry is created."""
    session = f"arn:aws:sts::{ACCOUNT}:assumed-role/team/me"
    users = [user("first"), user("last", arn=USER.upper().replace("ARN:AWS:IAM", "arn:aws:iam"))]
    migration_plan = make_plan(document(roles=[role(arn=ROLE_WITH_PATH), role(arn=session), role(arn="")], users=users))
    assert [step.equal.entry.username for step in migration_plan.steps] == ["last"]
    assert not migration_plan.not_migrated
    assert len(migration_plan.inactive) == 4
    assert "mapUsers[1] maps the same ARN, and the last entry wins" in migration_plan.inactive[-1]


def test_migration_keeps_the_last_of_duplicate_mappings():
    """The authenticator uses the last mapping of an ARN. eksctl's migration keeps the first, and changes the access."""
    duplicates = [user("first", ["system:masters"]), user("last", ["viewers"])]
    (step,) = make_plan(document(users=duplicates)).steps
    assert (step.equal.entry.username, step.equal.entry.kubernetes_groups) == ("last", ("viewers",))


def test_migration_accept_loss_of_drops_principals_and_groups():
    """ARNs match with or without path, in any case; a group is dropped from all entries."""
    aws_auth = document(roles=[role()], users=[user(groups=["system:monitoring", "operators"])])
    migration_plan = make_plan(aws_auth, accept_loss_of=[ROLE_WITH_PATH, "system:monitoring"])
    assert [entry.name for entry in migration_plan.not_migrated] == [ROLE]
    (step,) = migration_plan.steps
    assert step.equal.entry.kubernetes_groups == ("operators",)
    assert not migration_plan.unnamed([ROLE_WITH_PATH])


def test_migration_drops_group_system_authenticated():
    """Kubernetes adds system:authenticated to every authenticated user."""
    (step,) = make_plan(document(users=[user(groups=["system:authenticated", "operators", "operators"])])).steps
    assert step.equal.entry.kubernetes_groups == ("operators",)


ADMIN = AssociatedPolicy(f"arn:aws:eks::aws:cluster-access-policy/{CLUSTER_ADMIN}")
IN_A_NAMESPACE = dataclasses.replace(ADMIN, namespaces=("default",))


@pytest.mark.parametrize(
    ("groups", "existing", "todo"),
    [
        (["b", "a"], ExistingEntry(USER, "eks-ope", ("a", "b")), StepAction.NOTHING),
        (["a"], ExistingEntry(USER, "other", ("a",)), StepAction.CONFLICT),
        (["a"], ExistingEntry(USER, "eks-ope", ("b",)), StepAction.CONFLICT),
        (["a"], ExistingEntry(USER, "eks-ope", ("a",), "EC2_LINUX"), StepAction.CONFLICT),
        (["system:masters"], ExistingEntry(USER, "eks-ope"), StepAction.ASSOCIATE),
        (["system:masters"], ExistingEntry(USER, "eks-ope", policies=(IN_A_NAMESPACE,)), StepAction.ASSOCIATE),
        (["system:masters"], ExistingEntry(USER, "eks-ope", policies=(ADMIN,)), StepAction.NOTHING),
    ],
)
def test_migration_keeps_existing_access_entries(groups, existing, todo):
    """An equal entry needs no step, a missing policy is associated, and another identity is a conflict."""
    (step,) = make_plan(document(users=[user(groups=groups)]), existing=[existing]).steps
    assert step.todo is todo
    assert step.is_pending is (todo is StepAction.ASSOCIATE)
    if todo is StepAction.CONFLICT:
        assert str(existing) in str(step)


@pytest.mark.parametrize(
    ("entry", "resolution", "accept_loss_of"),
    [
        (role(None), Resolution(ROLE_WITH_PATH), []),
        (role(), Resolution(None, "the role does not exist"), []),
        (role(), Resolution(ROLE_WITH_PATH), [ROLE]),
    ],
)
def test_migration_counts_existing_access_entry_of_principal(entry, resolution, accept_loss_of):
    """A declared access entry, whatever its identity, solves an aws-auth entry without equivalent."""
    existing = [ExistingEntry(ROLE_WITH_PATH, "mine", ("operators",))]
    migration_plan = make_plan(
        document(roles=[entry]), existing, {ROLE.lower(): resolution}, accept_loss_of=accept_loss_of
    )
    assert not migration_plan.not_migrated
    assert not migration_plan.pending
    assert f"has an access entry, which EKS uses and which stays: {existing[0]}" in migration_plan.inactive[0]


def test_migration_ignores_access_entry_of_another_path():
    """A role that was deleted and created again under another path is not the entry's principal."""
    stale = ExistingEntry(ROLE_WITH_PATH.replace("people", "before"), "team:{{SessionName}}", ("operators",))
    (step,) = make_plan(document(roles=[role()]), [stale]).steps
    assert step.todo is StepAction.MAKE


def test_migration_compares_node_entries_by_type():
    """EKS creates these entries for managed nodes, with fewer groups than aws-auth has."""
    aws_auth = document(roles=[role("system:node:{{EC2PrivateDNSName}}", NODE_GROUPS)])
    existing = ExistingEntry(ROLE_WITH_PATH, "system:node:{{EC2PrivateDNSName}}", ("system:nodes",), "EC2_LINUX")
    assert make_plan(aws_auth, existing=[existing]).pending == []


def test_authentication_mode_changes_only_forward():
    """One mode at a time, no step if the cluster has the mode, and never back."""
    both, api = AuthenticationMode.API_AND_CONFIG_MAP, AuthenticationMode.API
    assert steps_to(AuthenticationMode.CONFIG_MAP, api) == [both, api]
    assert steps_to(both, both) == []
    with pytest.raises(InvalidInput, match="must not be before the cluster's mode API"):
        steps_to(api, both)


def test_migration_fix_of_an_earlier_mode_works(problems_of):
    """The fix names the cluster's mode, with which no step is left."""
    (problem,) = problems_of(steps_to, AuthenticationMode.API, AuthenticationMode.API_AND_CONFIG_MAP)
    assert problem.fix == "set target_mode to API, or remove the migration; its deletion changes nothing"
    assert steps_to(AuthenticationMode.API, AuthenticationMode.API) == []


UNMIGRATED = {
    "username": (role(None), "write a username in aws-auth", role()),
    "nodes": (
        role("system:node:x", NODE_GROUPS),
        "write those of EC2_LINUX or EC2_WINDOWS or FARGATE_LINUX or HYBRID_LINUX in aws-auth",
        role("system:node:{{EC2PrivateDNSName}}", NODE_GROUPS),
    ),
}


@pytest.mark.parametrize(("entry", "fix", "changed"), UNMIGRATED.values(), ids=list(UNMIGRATED))
def test_migration_fixes_of_an_entry_without_equivalent_work(problems_of, entry, fix, changed):
    """It can be changed in aws-auth, get an access entry first, or be named in accept_loss_of."""
    (source,) = document(roles=[entry]).entries
    (problem,) = problems_of(convert_entry, source, ROLE_WITH_PATH, account=ACCOUNT)
    assert problem.fix == f"{fix}, or create an access entry for its principal"
    (loss,) = make_plan(document(roles=[entry])).unnamed([])
    assert loss.fix == (
        f"create an access entry for its principal first, in mode API_AND_CONFIG_MAP; or add {ROLE} to accept_loss_of"
    )
    existing = ExistingEntry(ROLE_WITH_PATH, "ops", ("operators",))
    assert make_plan(document(roles=[changed])).unnamed([]) == []
    assert make_plan(document(roles=[entry]), existing=[existing]).unnamed([]) == []
    assert make_plan(document(roles=[entry]), accept_loss_of=[ROLE]).unnamed([ROLE]) == []


def test_migration_fix_of_principals_that_no_access_entry_can_have_works():
    """A federated user and an account are named in accept_loss_of; an account id that is none has no effect."""
    federated = f"arn:aws:sts::{ACCOUNT}:federated-user/carol"
    migration_plan = make_plan(document(users=[user(arn=federated)], accounts=[OTHER, None]))
    assert [problem.fix.partition(";")[0] for problem in migration_plan.unnamed([])] == [
        f"add {federated} to accept_loss_of",
        "create access entries for the account's principals that need access, in mode API_AND_CONFIG_MAP",
    ]
    assert migration_plan.unnamed([federated, OTHER]) == []
    assert migration_plan.inactive == ("mapAccounts[1]: has no effect, it is not an account id",)


def test_migration_lists_broken_key_and_federated_user():
    """A broken key has no effect; a federated user has access that no access entry can give."""
    carol = f"arn:aws:sts::{ACCOUNT}:federated-user/carol"
    users = yaml.safe_dump([user(arn=carol), user()])
    migration_plan = make_plan(AwsAuth.parse({"mapUsers": users, "mapRoles": "- rolearn: ["}))
    (description,) = migration_plan.inactive
    assert description.startswith("mapRoles: has no effect")
    assert [entry.name for entry in migration_plan.not_migrated] == [carol]
    assert [step.equal.entry.principal.arn for step in migration_plan.steps] == [USER]
