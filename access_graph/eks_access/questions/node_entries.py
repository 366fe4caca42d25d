"""The access entries that EKS itself creates for nodes. No stack declares them, so a state and a preview lack them.

| nodes                            | role of the access entry         | its type                       |
|----------------------------------|----------------------------------|--------------------------------|
| of a managed node group          | node role                        | `EC2_LINUX` or `EC2_WINDOWS`   |
| of a Fargate profile             | pod execution role               | `FARGATE_LINUX`                |

EKS creates them in the modes `API` and `API_AND_CONFIG_MAP`, and not for self-managed nodes and Karpenter.

Source: EKS user guide, "Create access entries"; terraform-aws-eks, "Upgrade from v19.x to v20.x".
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace

from eks_access.graph import AccessGraph
from eks_access.questions.chain import read_or
from eks_access.questions.cluster_mappings import without_path
from eks_identity.evaluation.cluster_rights import ClusterUser
from eks_identity.model.identities import NODE_IDENTITIES

_GROUPS = frozenset(group for identity in NODE_IDENTITIES.values() for group in identity.groups)


@dataclass(frozen=True)
class NodeEntries:
    """The roles of nodes for which EKS has an access entry after a change."""

    roles: Collection[str] = ()
    """As aws-auth has ARNs: without path, in lower case."""

    def __contains__(self, arn: object) -> bool:
        return without_path(str(arn)).lower() in self.roles

    @staticmethod
    def user(former: ClusterUser) -> ClusterUser:
        """Return the user of a role by this entry. It has the groups of nodes, and no others of a mapping."""
        return replace(former, groups=tuple(group for group in former.groups if group in _GROUPS))


def node_entries(after: AccessGraph, existing: Collection[str] = ()) -> NodeEntries:
    """Return the access entries of EKS in the graph of a state or a preview; a living cluster has them as entries.

    Args:
        after: The graph. An access entry that its update deletes is not one of them.
        existing: Roles with such an entry in the living cluster, as of node groups of other stacks.
    """
    if after.entries.gaps is None or not after.authentication_mode().reads_access_entries:
        return NodeEntries()
    nodes = read_or(after.nodes.all, {}).values()
    roles = {node.role_arn for node in nodes if node.role_arn is not None} | set(existing)
    return NodeEntries({without_path(arn).lower() for arn in roles - after.entries.exceptions.keys()})
