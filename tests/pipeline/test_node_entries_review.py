"""Previews of a change of the authentication mode: EKS itself creates the access entries of nodes."""

import pytest
import yaml

from eks_pipeline.review.access import access_changes
from eks_pipeline.review.losses import losses
from eks_pipeline.stack.engine_output import PreviewOutput
from support.pulumi_stacks import cluster, export, manifest, resource

NODES, PODS, OWN = (f"arn:aws:iam::123456789012:role/{name}" for name in ("team/nodes", "fargate", "self-managed"))
GROUPS = ["system:bootstrappers", "system:nodes"]
MAPPINGS = {
    NODES: ("system:node:{{EC2PrivateDNSName}}", GROUPS),
    PODS: ("system:node:{{SessionName}}", [*GROUPS, "system:node-proxier"]),
    OWN: ("system:node:{{EC2PrivateDNSName}}", GROUPS),
}
NODE_GROUP = resource("aws:eks/nodeGroup:NodeGroup", "workers", {"clusterName": "eks-clu", "nodeRoleArn": NODES})
PROFILE = resource(
    "aws:eks/fargateProfile:FargateProfile", "jobs", {"clusterName": "eks-clu", "podExecutionRoleArn": PODS}
)
READ_PODS = [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}]


def config_map(*arns, groups=()):
    mappings = [
        {"rolearn": arn.replace("/team/", "/"), "username": MAPPINGS[arn][0], "groups": [*MAPPINGS[arn][1], *groups]}
        for arn in arns
    ]
    data = {"mapRoles": yaml.safe_dump(mappings)}
    return manifest("core/v1:ConfigMap", "aws-auth", "kube-system", data=data)


def role(arn):
    name = arn.rpartition("/")[2]
    return resource("aws:iam/role:Role", name, {"name": name, "assumeRolePolicy": "{}"}, {"arn": arn, "name": name})


def preview(mode, *resources):
    """The state before an update that sets the mode of the cluster, and its preview."""
    before, after = cluster(mode="CONFIG_MAP"), cluster(mode=mode)
    steps = [{"op": "update", "urn": after["urn"], "oldState": before, "newState": after}]
    steps += [{"op": "same", "urn": each["urn"], "oldState": each, "newState": each} for each in resources]
    output = PreviewOutput({"steps": steps, "changeSummary": {"same": len(resources)}}, [])
    return export(before, *resources), output


@pytest.mark.parametrize("mode", ["API", "API_AND_CONFIG_MAP"])
@pytest.mark.parametrize(("arn", "declared"), [(NODES, NODE_GROUP), (PODS, PROFILE)], ids=["node group", "Fargate"])
@pytest.mark.parametrize("roles", [(), (role(NODES), role(PODS))], ids=["role of another stack", "role of the stack"])
def test_preview_of_another_mode_shows_no_loss_of_nodes_of_eks(mode, arn, declared, roles):
    (access,) = access_changes(*preview(mode, config_map(arn), declared, *roles))
    assert (access.difference.changes, access.difference.lockouts) == ((), ())


def test_preview_of_the_mode_api_shows_the_loss_of_self_managed_nodes():
    """EKS creates no access entry for them."""
    state, output = preview("API", config_map(OWN, PODS), PROFILE, role(OWN), role(PODS))
    (access,) = access_changes(state, output)
    assert [each.subject for each in access.difference.lockouts] == [OWN]
    assert any(each.startswith(f"{OWN} loses its access") for each in losses(access.difference))


def test_preview_with_the_living_entries_keeps_nodes_of_other_stacks():
    """`migrate` reads the cluster, which has the access entries of node groups and Fargate profiles of other stacks."""
    state, output = preview("API", config_map(OWN), role(OWN))
    (access,) = access_changes(state, output, {"eks-clu": {OWN}})
    assert losses(access.difference) == []


@pytest.mark.parametrize("existing", [(), (PODS,)])
def test_access_entry_of_eks_has_no_further_groups_of_the_mapping(existing):
    """A role for nodes that aws-auth also maps to a group of its own loses what that group may do."""
    subject = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": "readers"}
    reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "reader"}
    reader = manifest("rbac.authorization.k8s.io/v1:ClusterRole", "reader", None, rules=READ_PODS)
    kind = "rbac.authorization.k8s.io/v1:ClusterRoleBinding"
    binding = manifest(kind, "readers", None, roleRef=reference, subjects=[subject])
    resources = config_map(PODS, groups=["readers"]), PROFILE, role(PODS), reader, binding
    (access,) = access_changes(*preview("API", *resources), {"eks-clu": existing})
    assert losses(access.difference) == [f"{PODS} loses get on pods, whole cluster"]
    assert access.difference.lockouts == ()
