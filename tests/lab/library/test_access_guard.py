"""LockoutGuard with access entries of pulumi_aws, on a cluster of the lab: which removals the engine rejects."""

from __future__ import annotations

import json
import uuid

import pytest

from eks_identity.access.lockout_guard import LockoutGuardProvider
from eks_identity.clients.eks_api import EksApi, IamLookup
from lab.interfaces import AuthenticationMode
from support.access_program import ACCOUNT, REGION, Cluster, Program, acting_as, aws_auth, expect_error, write_aws_auth

ADMIN = f"arn:aws:iam::{ACCOUNT}:user/lab-admin"
CLUSTER_ADMIN = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy"


@pytest.fixture(scope="module")
def cluster(running_lab, tools, tmp_path_factory):
    """A cluster whose only administrator is its creator."""
    mode = AuthenticationMode.API_AND_CONFIG_MAP
    return Cluster(running_lab, tools, "guarded", mode, tmp_path_factory.mktemp("guarded"))


@pytest.fixture
def without_creator(cluster):
    """The cluster without the entry of its creator, which is restored after the test."""
    cluster.eks.delete_access_entry(clusterName="guarded", principalArn=ADMIN)
    yield cluster
    if ADMIN not in cluster.entries():
        cluster.eks.create_access_entry(clusterName="guarded", principalArn=ADMIN)
    cluster.eks.associate_access_policy(
        clusterName="guarded", principalArn=ADMIN, policyArn=CLUSTER_ADMIN, accessScope={"type": "cluster"}
    )


@pytest.fixture
def program(running_lab, tools, tmp_path):
    return Program(tmp_path / "project", running_lab, tools)


def declared(cluster, principals, administrators=(), allow_lockout_of=(), *, kubeconfig=False):
    """Return access entries, the administrators' access policies, and the guard that depends on them."""
    resources = {}
    for arn in principals:
        name = arn.rpartition("/")[2]
        resources[name] = ("Entry", {"cluster_name": "guarded", "principal_arn": arn})
        if arn in administrators:
            policy = {"cluster_name": "guarded", "principal_arn": arn, "policy_arn": CLUSTER_ADMIN}
            resources[f"{name}-admin"] = ("Policy", {**policy, "access_scope": {"type": "cluster"}})
    guard = {"cluster_name": "guarded", "region": REGION, "principals": [*principals]}
    guard |= {"administrators": [*administrators], "allow_lockout_of": [*allow_lockout_of]}
    if kubeconfig:
        guard["kubeconfig"] = cluster.kubeconfig
    return resources | {"guard": ("LockoutGuard", guard)}


def new_user(cluster):
    return cluster.user(f"user-{uuid.uuid4().hex[:8]}")


def test_guard_keeps_the_last_administrator(without_creator, program):
    """A preview rejects the removal of the last administrator or of its policy; with a second one it is accepted."""
    cluster = without_creator
    first, second = new_user(cluster), new_user(cluster)
    program.declare(declared(cluster, [first, second], [first])).up()
    demoted = expect_error(program.declare(declared(cluster, [first, second])).preview)
    removed = expect_error(program.declare(declared(cluster, [second])).preview)
    for error in (demoted, removed):
        assert f"administrators: '{first}'" in error
        assert "must keep an administrator in the cluster" in error
    assert cluster.policies(first) == ["AmazonEKSClusterAdminPolicy"]

    program.declare(declared(cluster, [second], [second])).up()
    assert first not in cluster.entries()
    assert "must keep an administrator in the cluster" in expect_error(program.stack.destroy)
    assert cluster.policies(second) == ["AmazonEKSClusterAdminPolicy"]

    program.declare(declared(cluster, [], allow_lockout_of=[second])).up()
    assert second not in cluster.entries()


@pytest.fixture
def rbac_administrators(cluster):
    """Group admins administers the cluster by RBAC, and the caller can read RBAC by its mapping in aws-auth."""
    resources = [
        ("clusterrolebinding", "admins", "--clusterrole=cluster-admin", "--group=admins"),
        ("clusterrole", "readers", "--verb=get,list", "--resource=clusterroles,clusterrolebindings,configmaps"),
        ("clusterrolebinding", "readers", "--clusterrole=readers", "--group=readers"),
    ]
    before = aws_auth(cluster)
    for command in resources:
        assert cluster.kubectl("create", *command).returncode == 0
    write_aws_auth(
        cluster, {**before, "mapUsers": [{"userarn": ADMIN, "username": "lab-admin", "groups": ["readers"]}]}
    )
    yield
    write_aws_auth(cluster, before)
    for kind, name, *_ in resources:
        cluster.kubectl("delete", kind, name)


def test_guard_counts_administrators_by_rbac(rbac_administrators, without_creator, program):
    """A principal bound to ClusterRole cluster-admin is an administrator, so that the last one is kept."""
    cluster = without_creator
    first, second = new_user(cluster), new_user(cluster)

    def with_administrators(*arns):
        resources = declared(cluster, arns, kubeconfig=True)
        for arn in arns:
            resources[arn.rpartition("/")[2]][1]["kubernetes_groups"] = ["admins"]
        resources["guard"][1]["administrators"] = [*arns]
        return resources

    program.declare(with_administrators(first, second)).up()
    program.declare(with_administrators(second)).up()
    assert first not in cluster.entries()
    error = expect_error(program.declare(declared(cluster, [], kubeconfig=True)).preview)
    assert f"administrators: '{second}'" in error
    assert "a ClusterRoleBinding to a ClusterRole that allows everything" in error
    program.declare(declared(cluster, [], allow_lockout_of=[second], kubeconfig=True)).up()
    assert second not in cluster.entries()


def test_guard_counts_administrators_of_other_writers(cluster, program):
    """While the creator administers the cluster, an administrator of the program can be removed."""
    user = new_user(cluster)
    program.declare(declared(cluster, [user], [user])).up()
    program.declare(declared(cluster, [])).up()
    assert user not in cluster.entries()


def test_guard_keeps_the_callers_access(without_creator, program):
    """The caller's entry is kept until aws-auth maps the caller, or allow_lockout_of lists it."""
    cluster = without_creator
    other = new_user(cluster)
    program.declare(declared(cluster, [other, ADMIN], [other, ADMIN])).up()
    error = expect_error(program.declare(declared(cluster, [other], [other], kubeconfig=True)).preview)
    assert f"principals: '{ADMIN}'" in error
    assert "must keep the caller's rights in the cluster" in error

    before = aws_auth(cluster)
    mapping = {"userarn": ADMIN, "username": "lab-admin", "groups": ["system:masters"]}
    write_aws_auth(cluster, {**before, "mapUsers": [mapping]})
    program.declare(declared(cluster, [other], [other], kubeconfig=True)).up()
    assert ADMIN not in cluster.entries()
    cluster.wait_for_identity("lab-admin", "lab-admin ['system:masters']")
    write_aws_auth(cluster, before)
    program.declare(declared(cluster, [], allow_lockout_of=[other])).up()
    assert other not in cluster.entries()


def test_guard_reports_denied_queries(without_creator, tools):
    """A caller that may not read entries gets an error with the reason; with allow_lockout_of nothing is queried."""
    cluster = without_creator
    narrow = new_user(cluster).rpartition("/")[2]
    statement = {"Effect": "Allow", "Action": "eks:DescribeCluster", "Resource": "*"}
    allowed = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    cluster.iam.put_user_policy(UserName=narrow, PolicyName="describe", PolicyDocument=allowed)
    user = new_user(cluster)
    with acting_as(narrow, cluster.home, tools):
        provider = LockoutGuardProvider()
        olds = {"cluster_name": "guarded", "region": REGION, "principals": [user], "administrators": [user]}
        (failure,) = provider.check(olds, {**olds, "principals": [], "administrators": []}).failures
        assert "AccessDeniedException" in failure.reason
        assert "may do DescribeAccessEntry" in failure.reason
        assert not provider.check(
            olds, {**olds, "principals": [], "administrators": [], "allow_lockout_of": [user]}
        ).failures


def test_guard_queries_nothing_without_removals(monkeypatch):
    """An update that removes no principal makes no API call."""

    def query(*_):
        raise AssertionError("queried")

    monkeypatch.setattr(EksApi, "get_authentication_mode", query)
    monkeypatch.setattr(IamLookup, "get_caller_identity", query)
    olds = {"cluster_name": "guarded", "region": REGION, "principals": [ADMIN], "administrators": []}
    news = {**olds, "principals": [f"{ADMIN}-2", ADMIN], "administrators": [ADMIN]}
    assert not LockoutGuardProvider().check(olds, news).failures
    assert not LockoutGuardProvider().check({}, olds).failures
