"""Rules of a role name each resource with its own API group."""

import pytest

from eks_identity.model.rbac import Rule


def rule(resources, api_groups=None):
    return Rule.of(verbs=["get"], resources=resources, api_groups=api_groups)


@pytest.mark.parametrize(
    ("resources", "api_groups", "fix"),
    [
        (["deployments"], None, "give a rule of its own with api_groups ['apps']"),
        (["deployments/scale"], [""], "give a rule of its own with api_groups ['apps']"),
        (["jobs"], ["", "apps"], "give a rule of its own with api_groups ['batch']"),
        (["pods"], ["apps"], "give a rule of its own with api_groups [''], or without api_groups"),
        (["pod"], None, "write pods"),
        (["ingress"], ["networking.k8s.io"], "write ingresses"),
        (["networkpolicy"], ["networking.k8s.io"], "write networkpolicies"),
    ],
)
def test_a_resource_of_another_group_is_refused(refused, resources, api_groups, fix):
    """Kubernetes would take it, and allow nothing by it; the refusal says where the resource is."""
    (problem,) = refused(rule, resources, api_groups)
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
def test_whatever_may_be_there_is_taken(resources, api_groups):
    """Groups of custom resources have any names, and a newer Kubernetes has more of its own."""
    assert rule(resources, api_groups).resources == tuple(resources)
