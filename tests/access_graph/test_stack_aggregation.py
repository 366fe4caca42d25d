"""Aggregated ClusterRoles of a stack have the rules that Kubernetes' controller will write."""

import pytest

from eks_access.graph.tables import NotReadError
from eks_identity.evaluation.rbac import Request, allows
from support.pulumi_stacks import cluster, graph, manifest

RBAC = "rbac.authorization.k8s.io"
TO_VIEW = f"{RBAC}/aggregate-to-view"
WIDGETS = {"apiGroups": ["example.com"], "resources": ["widgets"], "verbs": ["list"]}
LIST_WIDGETS = Request("list", "widgets", api_group="example.com")


def cluster_role(name, *rules, labels=None, selectors=None):
    fields = {} if selectors is None else {"aggregationRule": {"clusterRoleSelectors": selectors}}
    return manifest(
        f"{RBAC}/v1:ClusterRole", name, None, metadata={"labels": labels or {}}, rules=list(rules), **fields
    )


def labels(**values):
    return {"matchLabels": values}


def allowed(role, *resources):
    return allows(graph(cluster(), *resources).rbac_roles.get((None, role)).rules, LIST_WIDGETS)


PART = cluster_role("part", WIDGETS, labels={"team": "ops", "more": "x"})


def test_aggregated_role_has_the_rules_of_selected_roles():
    """Each selector selects by all its labels, and the selectors add up. A role of a namespace is not selected."""
    assert allowed("whole", PART, cluster_role("whole", selectors=[labels(team="dev"), labels(team="ops")]))
    assert not allowed("whole", PART, cluster_role("whole", selectors=[labels(team="ops", more="y")]))
    local = manifest(f"{RBAC}/v1:Role", "part", metadata={"labels": {"team": "ops"}}, rules=[WIDGETS])
    assert not allowed("whole", local, cluster_role("whole", selectors=[labels(team="ops")]))


def test_aggregated_role_loses_the_rules_that_the_stack_declares():
    """The controller replaces them by those of the selected roles. If there are none, it leaves them."""
    part = cluster_role("part", {**WIDGETS, "verbs": ["get"]}, labels={"team": "ops"})
    declared = cluster_role("whole", WIDGETS, selectors=[labels(team="ops")])
    assert not allowed("whole", part, declared)
    assert allowed("whole", declared)


def test_aggregated_roles_select_each_other():
    """A role that aggregates an aggregated one has its rules, in any order, and a circle ends."""
    outer = cluster_role("a", selectors=[labels(level="middle")], labels={"team": "ops"})
    middle = cluster_role("b", selectors=[labels(team="ops")], labels={"level": "middle"})
    assert allowed("a", outer, middle, PART)
    assert allowed("b", outer, middle, PART)
    assert not allowed("a", outer, middle)


def test_role_of_the_stack_is_aggregated_to_default_roles():
    """A role with the label aggregate-to-view adds its rules to view, and by way of it to edit and admin."""
    part = cluster_role("part", WIDGETS, labels={TO_VIEW: "true"})
    assert [name for name in ("view", "edit", "admin") if allowed(name, part)] == ["view", "edit", "admin"]
    assert not allowed("view", PART)
    roles = graph(cluster(), part).rbac_roles
    assert allows(roles.get((None, "view")).rules, Request("list", "pods"))


def test_aggregation_by_expressions_is_not_evaluated():
    expressions = [{"key": "team", "operator": "Exists"}]
    found = graph(cluster(), PART, cluster_role("whole", selectors=[{"matchExpressions": expressions}]))
    with pytest.raises(NotReadError, match="matchExpressions: its rules are not evaluated"):
        found.rbac_roles.get((None, "whole"))
