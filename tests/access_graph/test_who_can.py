"""`who-can` returns everybody who can make a request, each with the path."""

from dataclasses import replace

import pytest

from eks_access.graph.kubernetes_objects import BindingSubject
from eks_access.questions.who_can import who_can
from eks_identity.evaluation.rbac import Request
from eks_identity.model.existing_entries import AssociatedPolicy
from eks_identity.model.rbac import Rule, rule_on
from support.access_graphs import binding, group, role
from support.cluster_chains import BY_AWS_AUTH, BY_ENTRY, BY_POLICY, ENTRY, LIST_PODS, ROLE, USER

UNDOCUMENTED = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSComputePolicy"


def paths(objects, request=LIST_PODS):
    return [str(path) for path in who_can(objects.graph(), request).paths]


def test_who_can_follows_mapping_group_binding_and_role():
    bound = "group operators → ClusterRoleBinding test-clu-rolebinding → ClusterRole test-clu-role"
    assert paths(BY_AWS_AUTH) == [f"{ROLE} → aws-auth → {bound}", f"{USER} → aws-auth → {bound}"]
    assert paths(BY_ENTRY) == [f"{USER} → access entry → {bound}"]


def test_who_can_follows_access_policies_in_their_scope():
    assert paths(BY_POLICY) == [
        f"{USER} → access entry → access policy AmazonEKSViewPolicy (namespaces default)",
        "group operators → ClusterRoleBinding test-clu-rolebinding → ClusterRole test-clu-role",
    ]
    assert USER not in str(paths(BY_POLICY, Request("list", "pods", "web")))


def test_who_can_gives_undocumented_access_policies_as_conditional():
    objects = BY_ENTRY.changed(entries={USER: replace(ENTRY, groups=(), policies=(AssociatedPolicy(UNDOCUMENTED),))})
    *_, last = paths(objects)
    assert last.endswith("if its rules allow it, which AWS does not document")


def test_who_can_knows_system_masters_service_accounts_and_everybody():
    masters = BY_AWS_AUTH.aws_auth["mapUsers"].replace("operators", "system:masters")
    objects = BY_AWS_AUTH.changed(
        aws_auth={"mapUsers": masters},
        rbac_bindings=binding(
            "b",
            "test-clu-role",
            BindingSubject("ServiceAccount", "app", "web"),
            group("system:authenticated"),
            group("system:serviceaccounts:web"),
        ),
    )
    assert [path.partition(" →")[0] for path in paths(objects)] == [
        USER,
        "group system:authenticated: everybody with a valid token",
        "group system:serviceaccounts:web: every service account of namespace web",
        "service account web/app",
    ]


# kubectl-who-can misses the subresources of every resource and the globs of paths.
SUBTLE = {
    "*/scale": (rule_on("", "*/scale", ("update",)), Request("update", "replicationcontrollers/scale", "default")),
    "/healthz/*": (Rule(("get",), non_resource_urls=("/healthz/*",)), Request("get", "/healthz/etcd")),
}


@pytest.mark.parametrize(("rule", "request_"), SUBTLE.values(), ids=SUBTLE)
def test_who_can_matches_subresources_and_paths_by_wildcard(rule, request_):
    objects = BY_ENTRY.changed(rbac_roles=role("test-clu-role", (rule,)))
    assert [path.partition(" →")[0] for path in paths(objects, request_)] == [USER]


def test_who_can_applies_resource_names():
    rule = Rule(("get",), ("secrets",), ("",), ("db",))
    objects = BY_ENTRY.changed(rbac_roles=role("test-clu-role", (rule,)))
    assert paths(objects, Request("get", "secrets", "default", name="db")) != []
    assert paths(objects, Request("get", "secrets", "default", name="other")) == []
    (conditional,) = paths(objects, Request("get", "secrets", "default"))
    assert conditional.endswith("if the object is db")


def test_who_can_leaves_out_deleted_principals():
    assert USER not in str(paths(BY_ENTRY.changed(principals={})))
