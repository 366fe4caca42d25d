"""RBAC roles of a group: the objects of each declaration, and its validation."""

import pytest

from eks_identity.model.role_grants import RoleGrant

PODS = {"resources": ["pods"], "verbs": ["get"]}
NODES = {"resources": ["nodes"], "verbs": ["get"]}


def grant(**fields):
    return RoleGrant.of({"name": "r", **fields}, "team")


@pytest.mark.parametrize(
    ("fields", "roles", "bindings", "binding_name"),
    [
        ({"rules": [NODES]}, (None,), (None,), "r-binding"),
        ({"rules": [PODS], "namespaces": ["a", "b"]}, (None,), ("a", "b"), "r-binding"),
        ({"rules": [PODS], "kind": "Role", "namespaces": ["a", "b"]}, ("a", "b"), ("a", "b"), "r-binding"),
        ({}, (), (None,), "team-r"),
        ({"namespace": "a"}, (), ("a",), "team-r"),
        ({"kind": "Role", "namespace": "a", "binding_name": "x"}, (), ("a",), "x"),
    ],
)
def test_role_grant_roles_and_bindings(fields, roles, bindings, binding_name):
    """Rules create the role; each namespace has a binding; without rules there are only bindings."""
    found = grant(**fields)
    assert (found.role_namespaces, found.binding_namespaces, found.binding_name) == (roles, bindings, binding_name)


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"kind": "Role"}, "namespace"),
        ({"kind": "Rolle"}, "kind"),
        ({"namespaces": []}, "namespaces"),
        ({"kind": "Role", "namespaces": []}, "namespaces"),
        ({"namespace": "a", "namespaces": ["b"]}, "namespaces"),
        ({"namespaces": ["a", "b", "a"]}, "namespaces[2]"),
        ({"namespaces": ["dev-*"]}, "namespaces[0]"),
        ({"namespace": "A"}, "namespace"),
        ({"rules": [NODES], "namespace": "a"}, "rules[0].resources[0]"),
        ({"rules": []}, "rules"),
        ({"name": "a/b"}, "name"),
        ({"binding_name": ""}, "binding_name"),
        ({"name": "cluster-admin", "rules": [PODS]}, "rules"),
        ({"name": "system:node", "rules": [PODS]}, "rules"),
    ],
)
def test_role_grant_rejects_wrong_namespaces_and_builtin_roles(problems_of, fields, field):
    """No namespaces never mean the whole cluster, and rules of built-in roles are never replaced."""
    (problem,) = problems_of(grant, **fields)
    assert problem.input == field


def test_role_grant_cluster_admin_requires_whole_cluster():
    """In a namespace, cluster-admin does not make an administrator of the cluster."""
    assert grant(name="cluster-admin").is_cluster_admin
    assert not grant(name="cluster-admin", namespace="a").is_cluster_admin
    assert not grant(name="admin").is_cluster_admin
    assert not grant(name="cluster-admin", kind="Role", namespace="a").is_cluster_admin
