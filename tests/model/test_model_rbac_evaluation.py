"""Evaluation of RBAC rules, and the rules of access policies and ClusterRoles."""

import pytest

from eks_identity.evaluation.access_policy_rules import ACCESS_POLICY_RULES
from eks_identity.evaluation.default_roles import DEFAULT_ROLES
from eks_identity.evaluation.rbac import Request, allows, covers
from eks_identity.model.rbac import Rule
from lab.cluster.access_policies import ACCESS_POLICIES

READ = ("get", "list")


@pytest.mark.parametrize(
    ("rule", "request_", "allowed"),
    [
        (Rule(READ, ("pods",), ("",)), Request("list", "pods"), True),
        (Rule(READ, ("pods",), ("",)), Request("delete", "pods"), False),
        (Rule(READ, ("pods",), ("",)), Request("get", "pods/log"), False),
        (Rule(READ, ("pods/log",), ("",)), Request("get", "pods/log"), True),
        (Rule(READ, ("*/scale",), ("apps",)), Request("get", "deployments/scale", api_group="apps"), True),
        (Rule(READ, ("deployments",), ("",)), Request("get", "deployments", api_group="apps"), False),
        (Rule(("*",), ("*",), ("*",)), Request("escalate", "roles", api_group="rbac.authorization.k8s.io"), True),
        (Rule(READ, ("secrets",), ("",), ("mine",)), Request("get", "secrets", name="mine"), True),
        (Rule(READ, ("secrets",), ("",), ("mine",)), Request("get", "secrets", name="other"), False),
        (Rule(READ, ("secrets",), ("",), ("mine",)), Request("list", "secrets"), False),
        (Rule(("get",), non_resource_urls=("/healthz",)), Request("get", "/healthz"), True),
        (Rule(("get",), non_resource_urls=("/logs/*",)), Request("get", "/logs/a/b"), True),
        (Rule(("get",), non_resource_urls=("/logs",)), Request("get", "/logs/a"), False),
        (Rule(("get",), non_resource_urls=("/logs/**",)), Request("get", "/logs/a/b"), True),
        (Rule(("*",), ("*",), ("*",)), Request("get", "/healthz"), False),
    ],
)
def test_rbac_rule_allows_requests_as_kubernetes_does(rule, request_, allowed):
    """Verbs, groups, resources, subresources, names and paths match as in Kubernetes' own evaluation."""
    assert allows([rule], request_) is allowed


def test_rbac_path_pattern_can_end_in_several_wildcards():
    """Kubernetes removes all `*` at the end of a pattern, so `/logs/**` covers `/logs/*` and its paths."""
    both = [Rule(("get",), non_resource_urls=("/logs/**",)), Rule(("get",), non_resource_urls=("/logs/*",))]
    for rule in both:
        assert allows([rule], Request("get", "/logs/a"))
        assert covers([rule], Rule(("get",), non_resource_urls=("/logs/a",)))
    assert covers(both[:1], both[1])


def pairs(rules):
    return {
        (group, resource, verb)
        for rule in rules
        for group in rule.api_groups
        for resource in rule.resources
        for verb in rule.verbs
    }


@pytest.mark.parametrize("name", ACCESS_POLICIES)
def test_access_policy_rules_equal_those_of_the_lab(name):
    """The library's table and the lab's agree in every group, resource and verb."""
    theirs = {
        (rule.group, resource, verb)
        for rule in ACCESS_POLICIES[name]
        for resource in rule.resources
        for verb in rule.verbs
        if not rule.non_resource_urls
    }
    assert pairs(ACCESS_POLICY_RULES[name]) == theirs
    assert set(ACCESS_POLICY_RULES) == set(ACCESS_POLICIES)


@pytest.mark.parametrize("role", DEFAULT_ROLES)
def test_default_cluster_roles_include_the_smaller_ones(role):
    """Each of view, edit, admin and cluster-admin allows what the role before it allows."""
    order = ["view", "edit", "admin"]
    if role in order[1:]:
        assert pairs(DEFAULT_ROLES[order[order.index(role) - 1]]) < pairs(DEFAULT_ROLES[role])
    assert allows(DEFAULT_ROLES[role], Request("list", "pods", "default"))
    assert allows(DEFAULT_ROLES[role], Request("list", "secrets", "default")) is (role != "view")
