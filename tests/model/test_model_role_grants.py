"""Roles of a group: which objects each declaration makes, and what would reach too far or nowhere."""

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
def test_what_a_role_makes(fields, roles, bindings, binding_name):
    """Rules make the role, where it is; a binding for each place; without rules only the bindings."""
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
def test_what_would_reach_too_far_or_nowhere_is_refused(refused, fields, field):
    """No namespace at all is never read as the whole cluster, and Kubernetes' own roles are never written over."""
    (problem,) = refused(grant, **fields)
    assert problem.input == field


def test_an_administrator_has_cluster_admin_in_the_whole_cluster():
    """In one namespace it is that namespace's."""
    assert grant(name="cluster-admin").is_cluster_admin
    assert not grant(name="cluster-admin", namespace="a").is_cluster_admin
    assert not grant(name="admin").is_cluster_admin
    assert not grant(name="cluster-admin", kind="Role", namespace="a").is_cluster_admin
