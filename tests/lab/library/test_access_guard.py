"""Who must not lose their way in: declared with the official entries, refused by the engine on a cluster of the lab."""

from __future__ import annotations

import json
import uuid

import pytest
from lab_program import ACCOUNT, REGION, Cluster, Program, acting_as, aws_auth, refused, write_aws_auth

from eks_identity.access.lockout_guard import LockoutGuardProvider
from eks_identity.clients.eks_api import EksApi, WhoIsWho
from lab.interfaces import AuthenticationMode

ADMIN = f"arn:aws:iam::{ACCOUNT}:user/lab-admin"
CLUSTER_ADMIN = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy"


@pytest.fixture(scope="module")
def cluster(running_lab, tools, tmp_path_factory):
    """One that nobody but its creator administers."""
    mode = AuthenticationMode.API_AND_CONFIG_MAP
    return Cluster(running_lab, tools, "guarded", mode, tmp_path_factory.mktemp("guarded"))


@pytest.fixture
def without_creator(cluster):
    """The cluster, to be administered by whom a test says."""
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
    """Entries, the administrators' policy, and the guard that depends on them."""
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


def someone(cluster):
    return cluster.user(f"person-{uuid.uuid4().hex[:8]}")


def test_the_last_administrator_stays(without_creator, program):
    """A preview refuses to take them out, or their policy; with a successor they may go."""
    cluster = without_creator
    first, second = someone(cluster), someone(cluster)
    program.declare(declared(cluster, [first, second], [first])).up()
    demoted = refused(program.declare(declared(cluster, [first, second])).preview)
    gone = refused(program.declare(declared(cluster, [second])).preview)
    for said in (demoted, gone):
        assert f"administrators: '{first}'" in said
        assert "must leave an administrator in the cluster" in said
    assert cluster.policies(first) == ["AmazonEKSClusterAdminPolicy"]

    program.declare(declared(cluster, [second], [second])).up()
    assert first not in cluster.entries()
    assert "must leave an administrator in the cluster" in refused(program.stack.destroy)
    assert cluster.policies(second) == ["AmazonEKSClusterAdminPolicy"]

    program.declare(declared(cluster, [], break_glass=[second])).up()
    assert second not in cluster.entries()


@pytest.fixture
def bound(cluster):
    """Kubernetes administers the group admins, and whoever runs this may read who administers, by aws-auth."""
    by_hand = [
        ("clusterrolebinding", "admins", "--clusterrole=cluster-admin", "--group=admins"),
        ("clusterrole", "readers", "--verb=get,list", "--resource=clusterroles,clusterrolebindings,configmaps"),
        ("clusterrolebinding", "readers", "--clusterrole=readers", "--group=readers"),
    ]
    before = aws_auth(cluster)
    for command in by_hand:
        assert cluster.kubectl("create", *command).returncode == 0
    write_aws_auth(
        cluster, {**before, "mapUsers": [{"userarn": ADMIN, "username": "lab-admin", "groups": ["readers"]}]}
    )
    yield
    write_aws_auth(cluster, before)
    for kind, name, *_ in by_hand:
        cluster.kubectl("delete", kind, name)


def test_an_administrator_by_rbac_alone_stays(bound, without_creator, program):
    """Whom a binding of ClusterRole cluster-admin names is an administrator, the last one or enough of one."""
    cluster = without_creator
    first, second = someone(cluster), someone(cluster)

    def administered_by(*arns):
        resources = declared(cluster, arns, kubeconfig=True)
        for arn in arns:
            resources[arn.rpartition("/")[2]][1]["kubernetes_groups"] = ["admins"]
        resources["guard"][1]["administrators"] = [*arns]
        return resources

    program.declare(administered_by(first, second)).up()
    program.declare(administered_by(second)).up()
    assert first not in cluster.entries()
    said = refused(program.declare(declared(cluster, [], kubeconfig=True)).preview)
    assert f"administrators: '{second}'" in said
    assert "a ClusterRoleBinding to a ClusterRole that allows everything" in said
    program.declare(declared(cluster, [], allow_lockout_of=[second], kubeconfig=True)).up()
    assert second not in cluster.entries()


def test_somebody_elses_entry_is_administrator_enough(cluster, program):
    """Where the creator still administers the cluster, an administrator of ours goes as anybody does."""
    person = someone(cluster)
    program.declare(declared(cluster, [person], [person])).up()
    program.declare(declared(cluster, [])).up()
    assert person not in cluster.entries()


def test_the_callers_own_way_in_stays(without_creator, program):
    """Whoever runs the update keeps their entry, until aws-auth lets them in too, or they are named."""
    cluster = without_creator
    other = someone(cluster)
    program.declare(declared(cluster, [other, ADMIN], [other, ADMIN])).up()
    said = refused(program.declare(declared(cluster, [other], [other], kubeconfig=True)).preview)
    assert f"principals: '{ADMIN}'" in said
    assert "must keep the caller's rights in the cluster" in said

    before = aws_auth(cluster)
    mapping = {"userarn": ADMIN, "username": "lab-admin", "groups": ["system:masters"]}
    write_aws_auth(cluster, {**before, "mapUsers": [mapping]})
    program.declare(declared(cluster, [other], [other], kubeconfig=True)).up()
    assert ADMIN not in cluster.entries()
    cluster.await_who("lab-admin", "lab-admin ['system:masters']")
    write_aws_auth(cluster, before)
    program.declare(declared(cluster, [], break_glass=[other])).up()
    assert other not in cluster.entries()


def test_what_cannot_be_seen_is_said(without_creator, tools):
    """Who may not list entries is told so, not let through; named in allow_lockout_of, nobody is asked."""
    cluster = without_creator
    blind = someone(cluster).rpartition("/")[2]
    statement = {"Effect": "Allow", "Action": "eks:DescribeCluster", "Resource": "*"}
    allowed = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    cluster.iam.put_user_policy(UserName=blind, PolicyName="describe", PolicyDocument=allowed)
    person = someone(cluster)
    with acting_as(blind, cluster.home, tools):
        provider = LockoutGuardProvider()
        olds = {"cluster_name": "guarded", "region": REGION, "principals": [person], "administrators": [person]}
        (failure,) = provider.check(olds, {**olds, "principals": [], "administrators": []}).failures
        assert "AccessDeniedException" in failure.reason
        assert "may do DescribeAccessEntry" in failure.reason
        assert not provider.check(
            olds, {**olds, "principals": [], "administrators": [], "allow_lockout_of": [person]}
        ).failures


def test_where_nothing_goes_nobody_is_asked(monkeypatch):
    """An update that takes nobody out costs no call."""

    def ask(*_):
        raise AssertionError("asked")

    monkeypatch.setattr(EksApi, "mode", ask)
    monkeypatch.setattr(WhoIsWho, "caller", ask)
    olds = {"cluster_name": "guarded", "region": REGION, "principals": [ADMIN], "administrators": []}
    news = {**olds, "principals": [f"{ADMIN}-2", ADMIN], "administrators": [ADMIN]}
    assert not LockoutGuardProvider().check(olds, news).failures
    assert not LockoutGuardProvider().check({}, olds).failures
