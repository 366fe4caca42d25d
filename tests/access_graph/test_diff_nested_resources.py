"""`diff` reads the resources of a stack that are nested in components.

cdk diff's check for broadened permissions left out nested stacks.
"""

import pytest

from eks_access.questions.diff import diff
from support.pulumi_stacks import cluster, graph, manifest, resource, urn

ARN = "arn:aws:iam::123456789012:user/ann"
RBAC = "rbac.authorization.k8s.io"
TEAM, SHOP = "shop:index:Team", "shop:index:Team$shop:index:Shop"


def stack(groups, parent):
    user = resource("aws:iam/user:User", "ann", {"name": "ann", "path": "/"}, {"arn": ARN}, parent=parent)
    inputs = {"clusterName": "eks-clu", "principalArn": ARN, "kubernetesGroups": groups, "userName": "ann"}
    entry = resource("aws:eks/accessEntry:AccessEntry", "ann", inputs, parent=parent)
    subjects = [{"kind": "Group", "name": "viewers", "apiGroup": RBAC}]
    role_ref = {"kind": "ClusterRole", "name": "view", "apiGroup": RBAC}
    binding = manifest(f"{RBAC}/v1:ClusterRoleBinding", "viewers", None, roleRef=role_ref, subjects=subjects)
    return graph(cluster(), user, entry, {**binding, "parent": parent})


@pytest.mark.parametrize("parent", [urn(TEAM, "team"), urn(SHOP, "shop")], ids=["component", "component in another"])
def test_diff_reads_resources_nested_in_components(parent):
    """What a nested access entry and binding grant is a change as that of others."""
    (change,) = diff(stack([], parent), stack(["viewers"], parent)).changes
    assert change.subject == ARN
    assert any("configmaps" in sentence for sentence in change.sentences())
