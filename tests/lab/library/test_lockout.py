"""Lockout validation compared with SelfSubjectAccessReviews of the caller before and after each change."""

from __future__ import annotations

import json
from contextlib import contextmanager

import pytest
import yaml
from tenacity import retry, retry_if_result, stop_after_delay, wait_fixed

from eks_identity.access.access_entry import AccessEntryProvider
from eks_identity.access.aws_auth_mapping import AwsAuthMappingProvider
from eks_identity.access.lockout_guard import LockoutGuardProvider
from eks_identity.access.migration import AuthenticationModeMigrationProvider
from eks_identity.clients import kubernetes_api
from lab.interfaces import AuthenticationMode
from support.access_program import ACCOUNT, REGION, Cluster, Watch, acting_as

NAME = "lockout"
ADMIN = f"arn:aws:iam::{ACCOUNT}:user/lab-admin"
CALLER = f"arn:aws:iam::{ACCOUNT}:user/caller"
AWS_AUTH = "/api/v1/namespaces/kube-system/configmaps/aws-auth"
RBAC = "/apis/rbac.authorization.k8s.io/v1"
POLICY = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy"
MASTER = {"userarn": CALLER, "username": "caller", "groups": ["system:masters"]}
VIEWER = {"userarn": CALLER, "username": "caller", "groups": ["norights"]}
PLATFORM = {"userarn": CALLER, "username": "caller", "groups": ["platform"]}


@pytest.fixture(scope="module")
def cluster(running_lab, tools, tmp_path_factory):
    """A cluster that group platform administers by a ClusterRole other than cluster-admin."""
    mode = AuthenticationMode.API_AND_CONFIG_MAP
    cluster = Cluster(running_lab, tools, NAME, mode, tmp_path_factory.mktemp(NAME))
    cluster.user("caller")
    return cluster


class Case:
    """Sets the caller's access in the cluster, and returns declarations that change it."""

    def __init__(self, cluster, tools):
        self.cluster = cluster
        self.tools = tools
        self.caller, self.operator = (Watch(cluster, name, "*", "*") for name in ("caller", "lab-admin"))
        self.nodes = yaml.safe_load(self.api("GET", AWS_AUTH)["data"].get("mapRoles", "[]"))
        rules = [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}]
        self.api("POST", f"{RBAC}/clusterroles", {"metadata": {"name": "platform-admin"}, "rules": rules})

    def api(self, method, path, body=None):
        """Send a request as the operator, who is always an administrator, and return the response."""
        watch = self.operator
        response = watch._http.request(method, path, json=body, headers={"Authorization": f"Bearer {watch._token()}"})
        assert response.is_success or (method == "DELETE" and response.status_code == 404), response.text
        return response.json()

    def is_administrator(self):
        """Return whether a SelfSubjectAccessReview with a new token allows the caller all actions."""
        return self.caller.check_access().endswith(" True")

    @retry(retry=retry_if_result(lambda reached: not reached), wait=wait_fixed(0.2), stop=stop_after_delay(60))
    def wait_until(self, *, administrator):
        """Wait until API server and authenticator have read the changes; return whether the caller is as expected."""
        return self.is_administrator() is administrator

    def set(self, *, groups=None, policy=None, users=(), accounts=(), bound=True):
        """Set the caller's access with the vendors' clients. `groups` are of the access entry; None means no entry."""
        eks = self.cluster.eks
        if CALLER in self.cluster.entries():
            eks.delete_access_entry(clusterName=NAME, principalArn=CALLER)
        if groups is not None:
            eks.create_access_entry(
                clusterName=NAME, principalArn=CALLER, username="caller", kubernetesGroups=list(groups)
            )
        if policy is not None:
            scope = {"type": "namespace", "namespaces": policy} if policy else {"type": "cluster"}
            eks.associate_access_policy(clusterName=NAME, principalArn=CALLER, policyArn=POLICY, accessScope=scope)
        lists = {"mapRoles": self.nodes, "mapUsers": list(users), "mapAccounts": list(accounts)}
        texts = {name: yaml.safe_dump(items) for name, items in lists.items() if items}
        self.api("PUT", AWS_AUTH, {"metadata": {"name": "aws-auth", "namespace": "kube-system"}, "data": texts})
        self.api("DELETE", f"{RBAC}/clusterrolebindings/platform")
        if bound:
            role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "platform-admin"}
            subject = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": "platform"}
            binding = {"metadata": {"name": "platform"}, "roleRef": role, "subjects": [subject]}
            self.api("POST", f"{RBAC}/clusterrolebindings", binding)

    def guard(self, **declared):
        """Return the inputs that ClusterAccess passes to its guard."""
        entries = [CALLER] if declared.get("entries") else []
        plain = {"entries": [], "mappings": [], "policies": [], "roles": [], "bindings": [], **declared}
        cluster = {"cluster_name": NAME, "region": REGION, "kubeconfig": self.cluster.kubeconfig}
        return {**cluster, "principals": entries, "administrators": [], "declared": plain}

    @contextmanager
    def as_caller(self):
        kubernetes_api.client.cache_clear()  # the API server caches authenticated tokens
        with acting_as("caller", self.cluster.home, self.tools):
            yield


@pytest.fixture(scope="module")
def case(cluster, tools):
    allowed = {"Effect": "Allow", "Action": ["eks:*", "iam:Get*"], "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
    cluster.iam.put_user_policy(UserName="caller", PolicyName="eks", PolicyDocument=document)
    case = Case(cluster, tools)
    yield case
    case.caller.close()
    case.operator.close()


def entry(*groups):
    return {"entries": [{"arn": CALLER, "username": "caller", "groups": [*groups]}]}


def mapping(*groups):
    return {"mappings": [{"arn": CALLER, "username": "caller", "groups": [*groups]}]}


CLUSTER_WIDE = {"policies": [{"arn": POLICY, "namespaces": []}]}
NAMESPACED = {"policies": [{"arn": POLICY, "namespaces": ["shop"]}]}
BINDING = {
    "bindings": [
        {"namespace": None, "name": "platform", "kind": "ClusterRole", "role": "platform-admin", "group": "platform"}
    ]
}
ACCOUNTS = [ACCOUNT]

CHANGES = {
    # name: (state before, declared before, declared after, state after)
    "an entry is removed beside mapAccounts": (
        {"groups": [], "policy": [], "accounts": ACCOUNTS},
        {**entry(), **CLUSTER_WIDE},
        {},
        {"accounts": ACCOUNTS},
    ),
    "an entry is removed beside a mapping without rights": (
        {"groups": [], "policy": [], "users": [VIEWER]},
        {**entry(), **CLUSTER_WIDE},
        {},
        {"users": [VIEWER]},
    ),
    "an entry is removed beside a mapping of an administrator": (
        {"groups": [], "policy": [], "users": [MASTER]},
        {**entry(), **CLUSTER_WIDE},
        {},
        {"users": [MASTER]},
    ),
    "an entry is removed beside two mappings, of which the last applies": (
        {"groups": [], "policy": [], "users": [MASTER, VIEWER]},
        {**entry(), **CLUSTER_WIDE},
        {},
        {"users": [MASTER, VIEWER]},
    ),
    "a new entry overrides aws-auth with fewer rights": (
        {"users": [MASTER]},
        None,
        entry("norights"),
        {"users": [MASTER], "groups": ["norights"]},
    ),
    "a new entry overrides aws-auth with equal rights": (
        {"users": [MASTER]},
        None,
        entry("platform"),
        {"users": [MASTER], "groups": ["platform"]},
    ),
    "an entry loses its group": (
        {"groups": ["platform"]},
        entry("platform"),
        entry("norights"),
        {"groups": ["norights"]},
    ),
    "a policy is narrowed to namespaces": (
        {"groups": [], "policy": []},
        {**entry(), **CLUSTER_WIDE},
        {**entry(), **NAMESPACED},
        {"groups": [], "policy": ["shop"]},
    ),
    "a policy is replaced by a group": (
        {"groups": [], "policy": []},
        {**entry(), **CLUSTER_WIDE},
        entry("platform"),
        {"groups": ["platform"]},
    ),
    "the binding is removed": (
        {"groups": ["platform"]},
        {**entry("platform"), **BINDING},
        entry("platform"),
        {"groups": ["platform"], "bound": False},
    ),
    "from aws-auth to an access entry": (
        {"users": [PLATFORM]},
        mapping("platform"),
        entry("platform"),
        {"groups": ["platform"]},
    ),
    "from an access entry to aws-auth, with another group": (
        {"groups": ["platform"]},
        entry("platform"),
        mapping("norights"),
        {"users": [VIEWER]},
    ),
    "a mapping loses its group": (
        {"users": [MASTER]},
        mapping("system:masters"),
        mapping("norights"),
        {"users": [VIEWER]},
    ),
    "a mapping beside an entry changes nothing": (
        {"groups": ["platform"], "users": [MASTER]},
        mapping("system:masters"),
        mapping("norights"),
        {"groups": ["platform"], "users": [VIEWER]},
    ),
}


@pytest.mark.parametrize("name", CHANGES)
def test_lockout_validation_equals_access_review(case, name):
    """The guard rejects a change exactly if the API server denies the caller administration after it."""
    first, old, new, after = CHANGES[name]
    case.set(**first)
    assert case.wait_until(administrator=True), "the caller is an administrator at first"
    with case.as_caller():
        provider, news = LockoutGuardProvider(), case.guard(**new)
        olds = {} if old is None else case.guard(**old)
        reasons = [failure.reason for failure in provider.check(olds, news).failures]
        allowed = provider.check(olds, {**news, "allow_lockout_of": [CALLER]}).failures
    case.set(**after)
    assert case.wait_until(administrator=not reasons), reasons
    assert not reasons or ("must keep the caller's rights in the cluster" in reasons[0] and CALLER in reasons[0])
    assert allowed == []


def test_lockout_validation_accepts_changes_of_a_caller_with_few_rights(case):
    """A caller that cannot read RBAC or aws-auth can remove another principal, but not its own entry."""
    case.set(groups=["norights"])
    other = {"arn": f"{CALLER}-2", "username": "other", "groups": ["viewers"]}
    with case.as_caller():
        mine = entry("norights")
        olds = {**case.guard(entries=[other, *mine["entries"]]), "principals": [other["arn"], CALLER]}
        news = case.guard(**mine)
        assert LockoutGuardProvider().check(olds, news).failures == []
        failures = LockoutGuardProvider().check(case.guard(**entry("norights")), case.guard()).failures
    assert "ConfigMap kube-system/aws-auth at" in failures[0].reason


def test_lockout_validation_rejects_unreadable_rbac(case):
    """If the result depends on RBAC that the caller cannot read, the change is rejected with the reason."""
    case.set(groups=["norights"])
    with case.as_caller():
        olds, news = case.guard(**entry("norights")), case.guard(**entry("others"))
        (failure,) = LockoutGuardProvider().check(olds, news).failures
        assert "cannot be read" in failure.reason
        assert "clusterroles" in failure.reason.lower()
        assert LockoutGuardProvider().check(olds, {**news, "allow_lockout_of": [CALLER]}).failures == []


def test_access_entry_and_aws_auth_mapping_reject_a_lockout(case):
    """AccessEntry and AwsAuthMapping validate without a guard that the caller remains an administrator."""
    cluster = {"cluster_name": NAME, "region": REGION, "kubeconfig": case.cluster.kubeconfig}
    adopted = {**cluster, "principal_arn": CALLER, "username": "caller", "groups": ["norights"]}
    mapped = {"kubeconfig": case.cluster.kubeconfig, "arn": CALLER, "username": "caller", "groups": ["norights"]}
    case.set(users=[MASTER])
    with case.as_caller():
        shadowing = AccessEntryProvider().check({}, adopted).failures
        fewer = AwsAuthMappingProvider().check({**mapped, "groups": ["system:masters"]}, mapped).failures
        same = AccessEntryProvider().check({}, {**adopted, "groups": ["platform"]}).failures
    assert ["must keep the caller's rights" in failure.reason for failure in (*shadowing, *fewer)] == [True, True]
    assert same == []
    assert case.is_administrator()


def test_two_guards_do_not_each_remove_one_administrator(case):
    """Each removal alone keeps an administrator, but both in one update would remove all."""
    case.set(groups=["platform"])
    cluster, other = case.cluster, f"arn:aws:iam::{ACCOUNT}:user/lab-admin"
    provider = LockoutGuardProvider()
    provider.config = {}
    kubernetes_api.client.cache_clear()
    with acting_as("lab-admin", cluster.home, case.tools):
        first = provider.check(
            case.guard(
                **entry("platform"),
            ),
            case.guard(),
        ).failures
        mine = {"arn": other, "username": "lab-admin", "groups": []}
        olds = {**case.guard(entries=[mine], **CLUSTER_WIDE), "principals": [other]}
        second = provider.check(olds, {**case.guard(), "allow_lockout_of": []}).failures
    assert first == []
    assert any("must keep an administrator in the cluster" in failure.reason for failure in second)


def test_migration_rejects_a_lockout_of_the_caller(case):
    """Without the group system:masters the caller would have no rights, so accept_loss_of of the group is rejected."""
    case.set(users=[MASTER])
    props = {"cluster_name": NAME, "region": REGION, "kubeconfig": case.cluster.kubeconfig, "target_mode": "API"}
    with case.as_caller():
        provider = AuthenticationModeMigrationProvider()
        dropped = provider.check({}, {**props, "accept_loss_of": ["system:masters"]}).failures
        migrated = provider.check({}, props).failures
    assert ["must keep the caller's rights" in failure.reason for failure in dropped] == [True]
    assert migrated == []
