"""The node groups and Fargate profiles of a stack as nodes: their roles, and whether pods reach IMDS of the nodes.

| launch template of the node group          | hop limit                                     |
|--------------------------------------------|-----------------------------------------------|
| none                                       | 2, which EKS sets                             |
| of the stack, with `metadataOptions`       | theirs; 0 if they switch the service off      |
| of the stack, without a hop limit          | not read: the AMI decides                     |
| of another stack                           | not read                                      |

Pods on Fargate do not reach a metadata service: their nodes have only the pod execution role.

Source: EKS user guide, "Customize managed nodes with launch templates"; EC2 user guide, "Configure the instance
metadata options".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from eks_access.graph.aws_objects import Unknown
from eks_access.graph.kubernetes_objects import Node
from eks_access.sources.pulumi.resources import Resource

NODE_GROUP = "aws:eks/nodeGroup:NodeGroup"
FARGATE_PROFILE = "aws:eks/fargateProfile:FargateProfile"
LAUNCH_TEMPLATE = "aws:ec2/launchTemplate:LaunchTemplate"
DEFAULT_HOP_LIMIT = 2


def declared_nodes(of_cluster: Sequence[Resource], resources: Sequence[Resource]) -> dict[str, Node]:
    """Return the nodes of each node group and Fargate profile of a cluster, by its type and logical name."""
    templates = [each for each in resources if each.kind == LAUNCH_TEMPLATE]
    groups = {str(each): _nodes(each, templates) for each in of_cluster if each.kind == NODE_GROUP}
    profiles = (each for each in of_cluster if each.kind == FARGATE_PROFILE)
    return groups | {
        str(each): Node(str(each), is_fargate=True, role_arn=_role(each, "podExecutionRoleArn")) for each in profiles
    }


def _role(resource: Resource, name: str) -> str | None:
    arn = resource.get(name)
    return arn if isinstance(arn, str) else None


def _nodes(group: Resource, templates: Sequence[Resource]) -> Node:
    role_arn = _role(group, "nodeRoleArn")
    reference = group.get("launchTemplate")
    if reference is None:
        return Node(str(group), role_arn=role_arn, metadata_hop_limit=DEFAULT_HOP_LIMIT)
    template = next((each for each in templates if _is_of(group, reference, each)), None)
    if template is None:
        return Node(str(group), role_arn=role_arn, instance_not_read=f"launch template of {group} is not in the stack")
    limit = _hop_limit(template.get("metadataOptions"))
    if not isinstance(limit, int):
        reason = limit.reason if limit else f"{template} sets no hop limit, and the AMI decides"
        return Node(str(group), role_arn=role_arn, instance_not_read=reason)
    return Node(str(group), role_arn=role_arn, metadata_hop_limit=limit)


def _is_of(group: Resource, reference: Any, template: Resource) -> bool:
    """Return whether a node group uses a launch template: it names it, or its id or name comes from it."""
    if template.urn in group.dependencies.get("launchTemplate", ()):
        return True
    if not isinstance(reference, Mapping):
        return False
    id_, name = reference.get("id"), reference.get("name")
    return (isinstance(id_, str) and id_ == template.get("id")) or (
        isinstance(name, str) and name == template.get("name")
    )


def _hop_limit(options: Any) -> int | Unknown | None:
    """Return the hop limit that a launch template sets, 0 without a metadata service, or None if it sets none."""
    if isinstance(options, Unknown) or options is None:
        return options
    endpoint, limit = options.get("httpEndpoint"), options.get("httpPutResponseHopLimit")
    if endpoint == "disabled":
        return 0
    return limit if isinstance(limit, Unknown) or limit is None else int(limit)
