"""`escalations` follows the verb `bind`: an actor gets the permissions of a role by a binding that it writes."""

import pytest

from eks_access.questions.escalations import escalations
from eks_identity.model.rbac import Rule, rule_on
from support.access_graphs import role
from support.escalation_graphs import (
    BIND_ANY,
    BIND_NAMESPACED,
    CREATE_ROLE_BINDINGS,
    DEVELOPERS,
    RBAC,
    STRONG,
    with_rules,
)


def binders(*rules, namespace="web"):
    """The paths of developers who have these rules in a cluster with several roles."""
    objects = with_rules(*rules, namespace=namespace)
    more = {f"reads-{name}": (rule_on("", name, ("get",)),) for name in ("pods", "endpoints", "services", "nodes")}
    roles = [role(name, rules) for name, rules in more.items()]
    roles.append(role("endpoints", (rule_on("", "endpoints", ("get",)),), "web"))
    roles.append(role("other", (rule_on("", "endpoints", ("get",)),), "other"))
    for each in roles:
        objects = objects.changed(rbac_roles={**objects.rbac_roles, **each})
    return {path.reaches: path for path in escalations(objects.graph()).paths if path.subject == DEVELOPERS}


def test_bind_of_every_role_is_one_path_to_the_role_that_includes_all_others():
    paths = binders(BIND_ANY, CREATE_ROLE_BINDINGS)
    path = paths.pop("permissions of ClusterRole cluster-admin in namespace web")
    assert (path.techniques, path.also_reaches) == (("k8s-bind",), ())
    assert path.cut.change == "remove bind clusterroles from the rules of Role web/developer"
    assert path.cut.is_checked
    assert {path.techniques[0] for path in paths.values()} == {"k8s-bind"}
    assert paths[STRONG].techniques == ("k8s-bind", "k8s-create-pods")


def test_bind_of_a_role_of_a_namespace_gives_its_permissions():
    (path,) = binders(BIND_NAMESPACED, CREATE_ROLE_BINDINGS).values()
    assert path.reaches == "permissions of Role web/endpoints"


def test_bind_of_named_roles_gives_each_that_no_other_includes():
    named = Rule(("bind",), ("clusterroles",), (RBAC,), ("reads-pods", "reads-endpoints", "missing"))
    (path,) = binders(named, CREATE_ROLE_BINDINGS).values()
    assert [path.reaches, *path.also_reaches] == [
        "permissions of ClusterRole reads-pods in namespace web",
        "permissions of ClusterRole reads-endpoints in namespace web",
    ]


@pytest.mark.parametrize(("name", "is_path"), [("strong", True), ("other", False)])
def test_bind_by_a_change_of_one_binding_gives_the_role_of_that_binding(name, is_path):
    patch = Rule(("patch",), ("clusterrolebindings",), (RBAC,), (name,))
    paths = binders(BIND_ANY, patch, namespace=None)
    assert list(paths) == (["permissions of ClusterRole reader in the whole cluster"] if is_path else [])


def test_bind_needs_a_permission_to_write_bindings_in_the_same_namespace():
    assert binders(BIND_ANY) == {}
    assert binders(BIND_ANY, rule_on(RBAC, "clusterrolebindings", ("create",))) == {}
