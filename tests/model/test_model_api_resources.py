"""API groups of resources in RBAC rules."""

import pytest

from eks_identity.model.rbac import Rule


def rule(resources, api_groups=None):
    return Rule.of(verbs=["get"], resources=resources, api_groups=api_groups)


@pytest.mark.parametrize(
    ("resources", "api_groups", "fix"),
    [
        (["deployments"], None, "add a separate rule with api_groups ['apps']"),
        (["deployments/scale"], [""], "add a separate rule with api_groups ['apps']"),
        (["jobs"], ["", "apps"], "add a separate rule with api_groups ['batch']"),
        (["pods"], ["apps"], "add a separate rule with api_groups [''], or without api_groups"),
        (["pod"], None, "write pods"),
        (["ingress"], ["networking.k8s.io"], "write ingresses"),
        (["networkpolicy"], ["networking.k8s.io"], "write networkpolicies"),
    ],
)
def test_rbac_rule_rejects_resource_of_another_api_group(problems_of, resources, api_groups, fix):
    """Kubernetes would accept the rule without effect; the fix names the resource's API group."""
    (problem,) = problems_of(rule, resources, api_groups)
    assert (problem.input, problem.value, problem.fix) == ("resources[0]", resources[0], fix)


@pytest.mark.parametrize(
    ("resources", "api_groups"),
    [
        (["pods", "deployments/scale"], ["", "apps"]),
        (["events"], ["events.k8s.io"]),
        (["*"], None),
        (["*/scale"], ["apps"]),
        (["pods"], ["*"]),
        (["services"], ["serving.knative.dev"]),
        (["pods", "nodes"], ["metrics.k8s.io"]),
        (["deployments"], ["extensions"]),
        (["gizmos"], None),
    ],
)
def test_rbac_rule_accepts_resources_of_unknown_api_groups(resources, api_groups):
    """Custom resources may have any name, and newer Kubernetes releases have more resources."""
    assert rule(resources, api_groups).resources == tuple(resources)
