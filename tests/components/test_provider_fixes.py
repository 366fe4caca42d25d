"""Fixes of the dynamic providers' errors, followed on a cluster in memory: each leaves no error."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from eks_identity.access.access_entry import AccessEntryProvider
from eks_identity.access.lockout_guard import LockoutGuardProvider
from eks_identity.access.migration import AuthenticationModeMigrationProvider
from eks_identity.clients import aws_auth as aws_auth_client
from eks_identity.clients.eks_api import EksApi, IamLookup
from eks_identity.errors import AwsDeniedError
from eks_identity.evaluation.rbac import Rbac
from eks_identity.model.access_entries import AuthenticationMode
from eks_identity.model.access_policies import CLUSTER_ADMIN
from eks_identity.model.aws_auth import AwsAuth, UserMapping
from eks_identity.model.existing_entries import AssociatedPolicy, ExistingEntry
from support.component_program import ACCOUNT, REGION, kubeconfig

ME, COLLEAGUE = (f"arn:aws:iam::{ACCOUNT}:user/{name}" for name in ("me", "colleague"))
NODES = f"arn:aws:iam::{ACCOUNT}:role/nodes"
OTHER_ACCOUNT = "444455556666"
ADMINISTRATOR = (AssociatedPolicy(f"arn:aws:eks::aws:cluster-access-policy/{CLUSTER_ADMIN}"),)
LOCATION = {"cluster_name": "eks-clu", "region": REGION}
STATE_NOTE = "; to remove all of this access, run `pulumi up` with that item first, and then remove the access"


@dataclass
class InMemoryCluster:
    """A cluster's mode, access entries and aws-auth, and the principal that reads them."""

    caller: str = ME
    mode: AuthenticationMode = AuthenticationMode.API_AND_CONFIG_MAP
    entries: dict[str, ExistingEntry] = field(default_factory=dict)
    aws_auth: AwsAuth = field(default_factory=AwsAuth)
    denied: AwsDeniedError | None = None

    def add(self, *arns, **entry):
        self.entries |= {arn: ExistingEntry(arn, arn.rpartition("/")[2], **entry) for arn in arns}

    def get_mode(self):
        if self.denied is not None:
            raise self.denied
        return self.mode

    def principals(self, policy_arn=None):
        return [arn for arn, entry in self.entries.items() if policy_arn is None or entry.policies == ADMINISTRATOR]


@pytest.fixture
def cluster(monkeypatch):
    cluster = InMemoryCluster()

    class ConfigMap:
        def __init__(self, _kubeconfig):
            pass

        def read(self):
            return cluster.aws_auth

    monkeypatch.setattr(aws_auth_client, "AwsAuthConfigMap", ConfigMap)
    monkeypatch.setattr("eks_identity.clients.kubernetes_api.read_cluster_rbac", lambda _: Rbac())
    monkeypatch.setattr("eks_identity.clients.kubernetes_api.read_namespaced_rbac", lambda _: Rbac())
    monkeypatch.setattr(IamLookup, "get_caller_identity", lambda _: (ACCOUNT, cluster.caller))
    monkeypatch.setattr(IamLookup, "get_user_arn", lambda _, name: f"arn:aws:iam::{ACCOUNT}:user/{name}")
    monkeypatch.setattr(EksApi, "get_authentication_mode", lambda _: cluster.get_mode())
    monkeypatch.setattr(
        EksApi, "describe_cluster", lambda _: {"arn": f"arn:aws:eks:{REGION}:{ACCOUNT}:cluster/eks-clu"}
    )
    monkeypatch.setattr(EksApi, "describe_access_entry", lambda _, arn: cluster.entries.get(arn))
    monkeypatch.setattr(EksApi, "list_access_entries", lambda _, policy_arn=None: cluster.principals(policy_arn))
    return cluster


def fixes_of(provider, olds, news):
    """Return the fix of each failure of a check, in a run of its own."""
    return [failure.reason.partition("fix:  ")[2] for failure in provider().check(olds, news).failures]


def entry(arn):
    return {**LOCATION, "principal_arn": arn, "username": "ops", "groups": [], "guarded": True}


def test_fix_for_an_access_entry_of_nodes_works(cluster):
    """EKS cannot change its type; another principal has no error."""
    cluster.add(NODES, type="EC2_LINUX")
    fix = "pass another principal; nodes need that entry to join the cluster"
    assert fixes_of(AccessEntryProvider, {}, entry(NODES)) == [fix]
    assert fixes_of(AccessEntryProvider, {}, entry(COLLEAGUE)) == []


def test_fix_for_an_unreadable_access_entry_works(cluster):
    """The fix is the one of AWS's error: with the permission there is no error."""
    cluster.denied = AwsDeniedError("AccessDenied\n  fix: run this as an IAM principal that may do DescribeCluster")
    fix = "run this as an IAM principal that may do DescribeCluster"
    assert fixes_of(AccessEntryProvider, {}, entry(COLLEAGUE)) == [fix]
    cluster.denied = None
    assert fixes_of(AccessEntryProvider, {}, entry(COLLEAGUE)) == []


def guard(*arns, **other):
    return {**LOCATION, "principals": [*arns], "administrators": [*arns], **other}


def test_fix_for_the_adoption_of_own_entries_works(cluster):
    """The declaration of the existing entries stays without adopt, and another one adopts the rest."""
    cluster.add(ME, COLLEAGUE, policies=ADMINISTRATOR)
    fix = "remove adopt, and declare the principals to adopt in another declaration"
    assert fixes_of(LockoutGuardProvider, guard(ME), guard(ME, COLLEAGUE, adopted=True)) == [fix]
    assert fixes_of(LockoutGuardProvider, guard(ME), guard(ME)) == []
    assert fixes_of(LockoutGuardProvider, {}, guard(COLLEAGUE, adopted=True)) == []


def test_fixes_for_a_lockout_of_the_caller_work(cluster):
    """Another administrator can make the change; the caller can with a mapping, or if allow_lockout_of lists it."""
    cluster.add(ME, COLLEAGUE, policies=ADMINISTRATOR)
    before, after = guard(ME, COLLEAGUE), guard(COLLEAGUE, kubeconfig=kubeconfig())
    assert fixes_of(LockoutGuardProvider, before, after) == [
        (
            "run this as another administrator; or first grant the principal the same rights by an access entry, an "
            "aws-auth mapping or a binding that this change keeps; or, if it may lose them, add it to allow_lockout_of"
            f"{STATE_NOTE}"
        )
    ]
    assert fixes_of(LockoutGuardProvider, before, {**after, "allow_lockout_of": [ME]}) == []
    cluster.caller = COLLEAGUE
    assert fixes_of(LockoutGuardProvider, before, after) == []
    cluster.caller = ME
    cluster.aws_auth = AwsAuth().add(UserMapping.of(ME, ["system:masters"]))
    assert fixes_of(LockoutGuardProvider, before, after) == []


def test_fixes_for_the_removal_of_the_last_administrator_work(cluster):
    """A second administrator must exist, or allow_lockout_of must list the last one."""
    cluster.add(COLLEAGUE, policies=ADMINISTRATOR)
    before, after = guard(COLLEAGUE), guard()
    assert fixes_of(LockoutGuardProvider, before, after) == [
        (
            "grant another principal one of these first; if the cluster may lose its last administrator, add this one "
            f"to allow_lockout_of{STATE_NOTE}"
        )
    ]
    assert fixes_of(LockoutGuardProvider, before, {**after, "allow_lockout_of": [COLLEAGUE]}) == []
    cluster.add(NODES.replace("nodes", "admin"), policies=ADMINISTRATOR)
    assert fixes_of(LockoutGuardProvider, before, after) == []


@pytest.mark.parametrize(
    ("reason", "fix"),
    [
        ("AccessDenied", "allow the principal that runs this to read them"),
        ("AccessDenied\n  fix: run this as an IAM principal that may do DescribeCluster", "run this as an IAM"),
    ],
)
def test_fixes_for_unreadable_access_work(cluster, reason, fix):
    """The permission to read, or allow_lockout_of; an error of AWS has a more specific fix, and it is the only one."""
    cluster.add(ME, COLLEAGUE, policies=ADMINISTRATOR)
    cluster.denied = AwsDeniedError(reason)
    before, after = guard(ME, COLLEAGUE), guard(ME)
    (failure,) = LockoutGuardProvider().check(before, after).failures
    assert failure.reason.count("fix:") == 1
    assert f"fix:  {fix}" in failure.reason
    assert failure.reason.endswith(f"; or add the principals that may lose access to allow_lockout_of{STATE_NOTE}")
    assert fixes_of(LockoutGuardProvider, before, {**after, "allow_lockout_of": [COLLEAGUE]}) == []
    cluster.denied = None
    assert fixes_of(LockoutGuardProvider, before, after) == []


def migration(**other):
    return {**LOCATION, "kubeconfig": kubeconfig(), "target_mode": "API", **other}


@pytest.mark.parametrize("fix", ["run this again", "run this as an IAM principal that may do DescribeCluster"])
def test_fix_for_an_unreadable_cluster_of_a_migration_works(cluster, fix):
    """The error has one fix: the one of AWS's error if that has one."""
    cluster.add(ME, policies=ADMINISTRATOR)
    cluster.denied = AwsDeniedError("AccessDenied" if fix == "run this again" else f"AccessDenied\n  fix: {fix}")
    (failure,) = AuthenticationModeMigrationProvider().check({}, migration()).failures
    assert failure.reason.partition("fix:  ")[2] == fix
    assert failure.reason.count("fix:") == 1
    cluster.denied = None
    assert fixes_of(AuthenticationModeMigrationProvider, {}, migration()) == []


def test_fixes_for_an_earlier_mode_of_a_migration_work(cluster):
    """The cluster's own mode as target has no error; without the migration there is none to reject."""
    cluster.mode = AuthenticationMode.API
    fix = "set target_mode to API, or remove the migration; its deletion changes nothing"
    assert fixes_of(AuthenticationModeMigrationProvider, {}, migration(target_mode="API_AND_CONFIG_MAP")) == [fix]
    assert fixes_of(AuthenticationModeMigrationProvider, {}, migration()) == []
    AuthenticationModeMigrationProvider().delete("id", migration(target_mode="API_AND_CONFIG_MAP"))
    assert cluster.mode is AuthenticationMode.API


def test_fixes_for_lost_access_of_a_migration_work(cluster):
    """An access entry that exists before mode API keeps the access; accept_loss_of accepts its loss."""
    cluster.add(ME, policies=ADMINISTRATOR)
    cluster.aws_auth = AwsAuth.parse({"mapUsers": f"- userarn: {COLLEAGUE}\n  groups: [operators]\n"})
    fix = f"create an access entry for its principal first, in mode API_AND_CONFIG_MAP; or add {COLLEAGUE} to "
    assert fixes_of(AuthenticationModeMigrationProvider, {}, migration()) == [f"{fix}accept_loss_of"]
    first = migration(target_mode="API_AND_CONFIG_MAP")
    assert fixes_of(AuthenticationModeMigrationProvider, {}, first) == []
    assert fixes_of(AuthenticationModeMigrationProvider, {}, migration(accept_loss_of=[COLLEAGUE])) == []
    cluster.add(COLLEAGUE)
    assert fixes_of(AuthenticationModeMigrationProvider, {}, migration()) == []


def test_fix_for_a_lost_account_of_a_migration_works(cluster):
    """Its principals that need access get entries, and accept_loss_of has the account."""
    cluster.add(ME, policies=ADMINISTRATOR)
    cluster.aws_auth = AwsAuth.parse({"mapAccounts": f'- "{OTHER_ACCOUNT}"\n'})
    assert fixes_of(AuthenticationModeMigrationProvider, {}, migration()) == [
        (
            "create access entries for the account's principals that need access, in mode API_AND_CONFIG_MAP; and "
            f"add {OTHER_ACCOUNT} to accept_loss_of"
        )
    ]
    cluster.add(f"arn:aws:iam::{OTHER_ACCOUNT}:user/guest")
    assert fixes_of(AuthenticationModeMigrationProvider, {}, migration(accept_loss_of=[OTHER_ACCOUNT])) == []
