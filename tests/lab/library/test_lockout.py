"""Whether a change is rejected as a lockout, decided by what the API server says of the caller before and after it."""

from __future__ import annotations

import json
from contextlib import contextmanager

import pytest
import yaml
from lab_program import ACCOUNT, REGION, Cluster, Watch, acting_as
from tenacity import retry, retry_if_result, stop_after_delay, wait_fixed

from eks_identity.access.access_entry import AccessEntryProvider
from eks_identity.access.aws_auth_mapping import AwsAuthMappingProvider
from eks_identity.access.lockout_guard import LockoutGuardProvider
from eks_identity.access.migration import AuthenticationModeMigrationProvider
from eks_identity.clients import kubernetes_api
from lab.interfaces import AuthenticationMode

NAME = "lockout"
ADMIN = f"arn:aws:iam::{ACCOUNT}:user/lab-admin"
CALLER = f"arn:aws:iam::{ACCOUNT}:user/caller"
AWS_AUTH = "/api/v1/namespaces/kube-system/configmaps/aws-auth"
RBAC = "/apis/rbac.authorization.k8s.io/v1"
POLICY = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy"
MASTER = {"userarn": CALLER, "username": "caller", "groups": ["system:masters"]}
VIEWER = {"userarn": CALLER, "username": "caller", "groups": ["nobodys"]}
PLATFORM = {"userarn": CALLER, "username": "caller", "groups": ["platform"]}


@pytest.fixture(scope="module")
def cluster(running_lab, tools, tmp_path_factory):
    """The group platform administers it, by a ClusterRole of another name than cluster-admin."""
    mode = AuthenticationMode.API_AND_CONFIG_MAP
    made = Cluster(running_lab, tools, NAME, mode, tmp_path_factory.mktemp(NAME))
    made.user("caller")
    return made


class Case:
    """The caller's access at first, and a declaration that changes it."""

    def __init__(self, cluster, tools):
        self.cluster = cluster
        self.tools = tools
        self.caller, self.operator = (Watch(cluster, name, "*", "*") for name in ("caller", "lab-admin"))
        self.nodes = yaml.safe_load(self.api("GET", AWS_AUTH)["data"].get("mapRoles", "[]"))
        rules = [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}]
        self.api("POST", f"{RBAC}/clusterroles", {"metadata": {"name": "platform-admin"}, "rules": rules})

    def api(self, method, path, body=None):
        """A request of the operator, who is always an administrator."""
        watch = self.operator
        done = watch._http.request(method, path, json=body, headers={"Authorization": f"Bearer {watch._token()}"})
        assert done.is_success or (method == "DELETE" and done.status_code == 404), done.text
        return done.json()

    def may(self):
        """Whether the caller may do everything: a SelfSubjectAccessReview with a token of its own."""
        return self.caller.ask().endswith(" True")

    @retry(retry=retry_if_result(lambda done: not done), wait=wait_fixed(0.2), stop=stop_after_delay(60))
    def comes_to(self, *, administrator):
        """Waits until the API server and the authenticator have seen what was written."""
        return self.may() is administrator

    def set(self, *, groups=None, policy=None, users=(), accounts=(), bound=True):
        """Makes it so, with the vendor's clients. `groups`: of an access entry; None: there is none."""
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
        texts = {name: yaml.safe_dump(each) for name, each in lists.items() if each}
        self.api("PUT", AWS_AUTH, {"metadata": {"name": "aws-auth", "namespace": "kube-system"}, "data": texts})
        self.api("DELETE", f"{RBAC}/clusterrolebindings/platform")
        if bound:
            role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "platform-admin"}
            subject = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": "platform"}
            binding = {"metadata": {"name": "platform"}, "roleRef": role, "subjects": [subject]}
            self.api("POST", f"{RBAC}/clusterrolebindings", binding)

    def guard(self, **declared):
        """What ClusterAccess hands its guard."""
        entries = [CALLER] if declared.get("entries") else []
        plain = {"entries": [], "mappings": [], "policies": [], "roles": [], "bindings": [], **declared}
        place = {"cluster_name": NAME, "region": REGION, "kubeconfig": self.cluster.kubeconfig}
        return {**place, "principals": entries, "administrators": [], "declared": plain}

    @contextmanager
    def as_caller(self):
        kubernetes_api.client.cache_clear()  # the API server remembers whom it knew a token by
        with acting_as("caller", self.cluster.home, self.tools):
            yield


@pytest.fixture(scope="module")
def case(cluster, tools):
    allowed = {"Effect": "Allow", "Action": ["eks:*", "iam:Get*"], "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
    cluster.iam.put_user_policy(UserName="caller", PolicyName="eks", PolicyDocument=document)
    made = Case(cluster, tools)
    yield made
    made.caller.close()
    made.operator.close()


def entry(*groups):
    return {"entries": [{"arn": CALLER, "username": "caller", "groups": [*groups]}]}


def mapping(*groups):
    return {"mappings": [{"arn": CALLER, "username": "caller", "groups": [*groups]}]}


WHOLE = {"policies": [{"arn": POLICY, "namespaces": []}]}
NARROW = {"policies": [{"arn": POLICY, "namespaces": ["shop"]}]}
BINDING = {
    "bindings": [
        {"namespace": None, "name": "platform", "kind": "ClusterRole", "role": "platform-admin", "group": "platform"}
    ]
}
ANY = [ACCOUNT]

CHANGES = {
    # name: (state before, declared before, declared after, state after)
    "mapAccounts is left": (
        {"groups": [], "policy": [], "accounts": ANY},
        {**entry(), **WHOLE},
        {},
        {"accounts": ANY},
    ),
    "a mapping without rights is left": (
        {"groups": [], "policy": [], "users": [VIEWER]},
        {**entry(), **WHOLE},
        {},
        {"users": [VIEWER]},
    ),
    "a mapping of an administrator is left": (
        {"groups": [], "policy": [], "users": [MASTER]},
        {**entry(), **WHOLE},
        {},
        {"users": [MASTER]},
    ),
    "the last of two mappings wins": (
        {"groups": [], "policy": [], "users": [MASTER, VIEWER]},
        {**entry(), **WHOLE},
        {},
        {"users": [MASTER, VIEWER]},
    ),
    "a new entry wins over aws-auth and gives less": (
        {"users": [MASTER]},
        None,
        entry("nobodys"),
        {"users": [MASTER], "groups": ["nobodys"]},
    ),
    "a new entry wins over aws-auth and gives as much": (
        {"users": [MASTER]},
        None,
        entry("platform"),
        {"users": [MASTER], "groups": ["platform"]},
    ),
    "an entry loses its group": (
        {"groups": ["platform"]},
        entry("platform"),
        entry("nobodys"),
        {"groups": ["nobodys"]},
    ),
    "a policy is narrowed to namespaces": (
        {"groups": [], "policy": []},
        {**entry(), **WHOLE},
        {**entry(), **NARROW},
        {"groups": [], "policy": ["shop"]},
    ),
    "a policy is replaced by a group": (
        {"groups": [], "policy": []},
        {**entry(), **WHOLE},
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
        mapping("nobodys"),
        {"users": [VIEWER]},
    ),
    "a mapping loses its group": (
        {"users": [MASTER]},
        mapping("system:masters"),
        mapping("nobodys"),
        {"users": [VIEWER]},
    ),
    "a mapping beside an entry changes nothing": (
        {"groups": ["platform"], "users": [MASTER]},
        mapping("system:masters"),
        mapping("nobodys"),
        {"groups": ["platform"], "users": [VIEWER]},
    ),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_is_rejected_if_the_caller_is_no_administrator_after_it(case, name):
    """The guard of ClusterAccess rejects exactly what the API server then shows to be a lockout of the caller."""
    first, old, new, after = CHANGES[name]
    case.set(**first)
    assert case.comes_to(administrator=True), "the caller is an administrator at first"
    with case.as_caller():
        provider, news = LockoutGuardProvider(), case.guard(**new)
        olds = {} if old is None else case.guard(**old)
        reasons = [failure.reason for failure in provider.check(olds, news).failures]
        named = provider.check(olds, {**news, "allow_lockout_of": [CALLER]}).failures
    case.set(**after)
    assert case.comes_to(administrator=not reasons), reasons
    assert not reasons or ("must keep the caller's rights in the cluster" in reasons[0] and CALLER in reasons[0])
    assert named == []


def test_a_narrow_caller_that_keeps_what_it_has_is_not_blocked(case):
    """It may read neither RBAC nor aws-auth, and removes somebody else; its own entry it may not remove unseen."""
    case.set(groups=["nobodys"])
    other = {"arn": f"{CALLER}-2", "username": "other", "groups": ["viewers"]}
    with case.as_caller():
        mine = entry("nobodys")
        olds = {**case.guard(entries=[other, *mine["entries"]]), "principals": [other["arn"], CALLER]}
        news = case.guard(**mine)
        assert LockoutGuardProvider().check(olds, news).failures == []
        lost = LockoutGuardProvider().check(case.guard(**entry("nobodys")), case.guard()).failures
    assert "ConfigMap kube-system/aws-auth at" in lost[0].reason


def test_what_cannot_be_read_is_rejected_with_the_reason(case):
    """If only RBAC can tell what the caller keeps, and RBAC may not be read, nothing is reported as fine."""
    case.set(groups=["nobodys"])
    with case.as_caller():
        olds, news = case.guard(**entry("nobodys")), case.guard(**entry("others"))
        (failure,) = LockoutGuardProvider().check(olds, news).failures
        assert "cannot be read" in failure.reason
        assert "clusterroles" in failure.reason.lower()
        assert LockoutGuardProvider().check(olds, {**news, "allow_lockout_of": [CALLER]}).failures == []


def test_an_adopted_entry_and_a_mapping_reject_a_lockout_themselves(case):
    """AccessEntry and AwsAuthMapping on their own: before they write, the caller stays an administrator."""
    place = {"cluster_name": NAME, "region": REGION, "kubeconfig": case.cluster.kubeconfig}
    adopted = {**place, "principal_arn": CALLER, "username": "caller", "groups": ["nobodys"]}
    mapped = {"kubeconfig": case.cluster.kubeconfig, "arn": CALLER, "username": "caller", "groups": ["nobodys"]}
    case.set(users=[MASTER])
    with case.as_caller():
        shadowing = AccessEntryProvider().check({}, adopted).failures
        fewer = AwsAuthMappingProvider().check({**mapped, "groups": ["system:masters"]}, mapped).failures
        same = AccessEntryProvider().check({}, {**adopted, "groups": ["platform"]}).failures
    assert ["must keep the caller's rights" in failure.reason for failure in (*shadowing, *fewer)] == [True, True]
    assert same == []
    assert case.may()


def test_two_declarations_do_not_remove_one_administrator_each(case):
    """Each of them alone leaves the other's administrator; in one update both would go."""
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
        olds = {**case.guard(entries=[mine], **WHOLE), "principals": [other]}
        second = provider.check(olds, {**case.guard(), "allow_lockout_of": []}).failures
    assert first == []
    assert any("must leave an administrator in the cluster" in failure.reason for failure in second)


def test_a_migration_keeps_administrators(case):
    """Dropping the group system:masters would leave the caller, who has an ARN to be named by, without rights."""
    case.set(users=[MASTER])
    props = {"cluster_name": NAME, "region": REGION, "kubeconfig": case.cluster.kubeconfig, "target_mode": "API"}
    with case.as_caller():
        provider = AuthenticationModeMigrationProvider()
        dropped = provider.check({}, {**props, "accept_loss_of": ["system:masters"]}).failures
        kept = provider.check({}, props).failures
    assert ["must keep the caller's rights" in failure.reason for failure in dropped] == [True]
    assert kept == []
