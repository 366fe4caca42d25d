"""The security groups of the official component: one for the cluster, one for nodes, and their rules."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import pulumi

from lab.plugins.eks.resources import Resource

_RULE: Final = "aws:ec2/securityGroupRule:SecurityGroupRule"
_INTERNET: Final[Mapping[str, Any]] = {
    "description": "Allow internet access.",
    "type": "egress",
    "fromPort": 0,
    "toPort": 0,
    "protocol": "-1",
    "cidrBlocks": ["0.0.0.0/0"],
}


def cluster_security_group(name: str, vpc_id: Any, tags: Any, own_tags: Any, parent: pulumi.Resource) -> Resource:
    """Register the cluster's security group, with all egress allowed."""
    options = pulumi.ResourceOptions(parent=parent)
    group = _group(f"{name}-eksClusterSecurityGroup", vpc_id, {"tags": tags, "own": own_tags}, options)
    inputs = {**_INTERNET, "securityGroupId": group.id}
    Resource(_RULE, f"{name}-eksClusterInternetEgressRule", inputs, options)
    return group


def node_security_group(
    name: str,
    vpc_id: Any,
    cluster: Resource,
    cluster_group_id: pulumi.Output[str],
    parent: pulumi.Resource,
    *,
    tags: Mapping[str, Any],
) -> tuple[Resource, Resource]:
    """Register the nodes' security group with its rules, and the rule for its access to the API server."""
    options = pulumi.ResourceOptions(parent=parent)
    owned = cluster.output("name").apply(lambda cluster_name: {f"kubernetes.io/cluster/{cluster_name}": "owned"})
    group = _group(f"{name}-nodeSecurityGroup", vpc_id, {**tags, "owned": owned}, options)

    def rule(rule_name: str, description: str, port: int, last: int, protocol: str, **members: Any) -> Resource:
        inputs = {
            "description": description,
            "type": "ingress",
            "fromPort": port,
            "toPort": last,
            "protocol": protocol,
            **members,
        }
        return Resource(_RULE, f"{name}-{rule_name}", inputs, options)

    to_nodes = {"securityGroupId": group.id}
    from_cluster = {"sourceSecurityGroupId": cluster_group_id}
    rule("eksNodeIngressRule", "Allow nodes to communicate with each other", 0, 0, "-1", self=True, **to_nodes)
    rule(
        "eksNodeClusterIngressRule",
        "Allow worker Kubelets and pods to receive communication from the cluster control plane",
        1025,
        65535,
        "tcp",
        **to_nodes,
        **from_cluster,
    )
    rule(
        "eksExtApiServerClusterIngressRule",
        "Allow pods running extension API servers on port 443 to receive communication from cluster control plane",
        443,
        443,
        "tcp",
        **to_nodes,
        **from_cluster,
    )
    Resource(_RULE, f"{name}-eksNodeInternetEgressRule", {**_INTERNET, **to_nodes}, options)
    to_cluster = rule(
        "eksClusterIngressRule",
        "Allow pods to communicate with the cluster API Server",
        443,
        443,
        "tcp",
        securityGroupId=cluster_group_id,
        sourceSecurityGroupId=group.id,
    )
    return group, to_cluster


def _group(name: str, vpc_id: Any, tags: Mapping[str, Any], options: pulumi.ResourceOptions) -> Resource:
    def merged(resolved: Mapping[str, Any]) -> dict[str, str]:
        return {"Name": name, **(resolved.get("owned") or {}), **(resolved["own"] or {}), **(resolved["tags"] or {})}

    inputs = {
        "vpcId": vpc_id,
        "revokeRulesOnDelete": True,
        "tags": pulumi.Output.from_input(dict(tags)).apply(merged),
    }
    return Resource("aws:ec2/securityGroup:SecurityGroup", name, inputs, options)
