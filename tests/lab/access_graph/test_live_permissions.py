"""The permissions that `live_permissions` lists: with them everything is read, and each is needed for its part."""

import json
from contextlib import suppress
from dataclasses import replace

import pytest
import yaml
from tenacity import retry, stop_after_delay, wait_fixed

from eks_access.graph.tables import NotReadError, Part
from eks_access.sources import live_permissions
from eks_access.sources.live import open_live
from eks_access.sources.live_permissions import AWS_PERMISSIONS, KUBERNETES_PERMISSIONS
from eks_identity.model.rbac import Rule
from lab.principals import client

ACCOUNT = "123456789012"
CLUSTER_ARN = f"arn:aws:eks:ap-northeast-1:{ACCOUNT}:cluster/eks-clu"
READER = "graph-reader"
OBJECTS = {
    "principals": (f"arn:aws:iam::{ACCOUNT}:user/team/ann", f"arn:aws:iam::{ACCOUNT}:role/apps/app"),
    "groups": ("developers",),
    "policies": (f"arn:aws:iam::{ACCOUNT}:policy/buckets",),
    "entries": (f"arn:aws:iam::{ACCOUNT}:role/operators",),
    "associations": (("default", "app"),),
    "rbac_roles": (("default", "one"), (None, "part")),
    "rbac_bindings": (("default", "one"), (None, "cluster-admin")),
    "service_accounts": (("default", "app"),),
    "pods": (("default", "app"),),
    "nodes": ("by-hand",),
}
"""Objects that are read alone before everything is listed."""
VERBS = [
    (permission, resource, verb)
    for permission in KUBERNETES_PERMISSIONS
    for resource in permission.rule.resources
    for verb in permission.rule.verbs
]
ALL_RULES = [permission.rule for permission in KUBERNETES_PERMISSIONS]


@pytest.fixture(scope="module")
def reader(live_lab):
    """An IAM user who has exactly the permissions: its policy, and the ClusterRole by the group of its entry."""
    arn = live_lab.aws("iam", "create-user", "--user-name", READER)["User"]["Arn"]
    set_actions(live_lab, live_permissions.iam_policy(CLUSTER_ARN))
    entry = ("--cluster-name", "eks-clu", "--principal-arn", arn, "--kubernetes-groups", live_permissions.GROUP)
    live_lab.aws("eks", "create-access-entry", *entry)
    live_lab.apply(live_permissions.cluster_role(), live_permissions.cluster_role_binding())
    # The addon hides the DaemonSet, and the DaemonSet a denied DescribeAddon.
    live_lab.aws("eks", "delete-addon", "--cluster-name", "eks-clu", "--addon-name", "eks-pod-identity-agent")
    live_lab.clients.update_kubeconfig("eks-clu", READER)
    with live_lab.environment(READER):
        yield live_lab
    live_lab.aws("eks", "create-addon", "--cluster-name", "eks-clu", "--addon-name", "eks-pod-identity-agent")


def set_actions(lab, document):
    iam = client(lab.clients.home, "iam")
    iam.put_user_policy(UserName=READER, PolicyName="read", PolicyDocument=json.dumps(document))


def set_rules(lab, rules):
    role = live_permissions.cluster_role()
    lab.kubectl("replace", "-f", "-", stdin=yaml.safe_dump(role | {"rules": [rule.manifest() for rule in rules]}))


def parts_not_read():
    """Return the fields of a new graph that cannot be read, alone or all at once, with the reasons."""
    graph = open_live()
    for name, keys in OBJECTS.items():
        for key in keys:
            with suppress(NotReadError):
                assert getattr(graph, name).get(key) is not None
    graph.read_everything()
    failed = {name: list(getattr(graph, name).failures()) for name in (*OBJECTS, "oidc_providers")}
    parts = {name: part for name, part in vars(graph).items() if isinstance(part, Part)}
    failed |= {name: list(part.failures()) for name, part in parts.items()}
    reasons = {name: {each.reason for each in failures} for name, failures in failed.items() if failures}
    if not failed["nodes"]:
        nodes = {node.instance_not_read for node in graph.nodes.all().values() if node.name == "by-hand"}
        reasons |= {"nodes": nodes} if nodes != {""} else {}
    return reasons


def without(action):
    policy = live_permissions.iam_policy(CLUSTER_ARN)
    for statement in policy["Statement"]:
        statement["Action"] = [each for each in statement["Action"] if each != action]
    return policy


def test_reader_with_the_listed_permissions_reads_everything(reader):
    """A user with the IAM policy and the ClusterRole of `live_permissions` reads all parts."""
    assert parts_not_read() == {}


@pytest.mark.parametrize("permission", AWS_PERMISSIONS, ids=lambda permission: permission.action)
def test_each_iam_action_is_needed_for_its_parts(reader, permission):
    """Without one IAM action, exactly its parts are not read, and the reason names the action."""
    set_actions(reader, without(permission.action))
    found = parts_not_read()
    set_actions(reader, live_permissions.iam_policy(CLUSTER_ARN))
    assert found == {part: {f"AccessDenied: {permission.action}"} for part in permission.parts}


@pytest.mark.parametrize(
    ("permission", "resource", "verb"), VERBS, ids=[f"{verb}-{resource}" for _, resource, verb in VERBS]
)
def test_each_verb_is_needed_for_its_part(reader, permission, resource, verb):
    """Without one verb on one resource, exactly its part is not read, and the reason names both."""
    rules = [*(rule for rule in ALL_RULES if rule is not permission.rule), *remaining(permission.rule, resource, verb)]
    set_rules(reader, rules)
    group = permission.rule.api_groups[0]
    start = f"Forbidden: {verb} {resource}{'.' if group else ''}{group}"

    # API servers read changed roles with a delay.
    @retry(stop=stop_after_delay(20), wait=wait_fixed(0.3), reraise=True)
    def check():
        found = parts_not_read()
        assert list(found) == [permission.part]
        assert {reason.partition(" in namespace")[0] for reason in found[permission.part]} == {start}

    try:
        check()
    finally:
        set_rules(reader, ALL_RULES)


def remaining(rule: Rule, resource: str, verb: str) -> list[Rule]:
    """Return what a rule allows without one verb on one resource."""
    others = tuple(each for each in rule.resources if each != resource)
    verbs = tuple(each for each in rule.verbs if each != verb)
    rest = [replace(rule, resources=others)] if others else []
    return [*rest, *([replace(rule, resources=(resource,), verbs=verbs)] if verbs else [])]
