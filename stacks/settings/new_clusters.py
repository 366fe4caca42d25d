"""Models of a new cluster and its node groups, with the options of pulumi_eks.

Importing pulumi_eks takes seconds. `stacks.settings.environment` imports this module only when a file has such a
setting.
"""

from __future__ import annotations

import pulumi_eks

from eks_identity.clusters.cluster_options import REPLACED_CLUSTER_OPTIONS, REPLACED_NODE_GROUP_OPTIONS
from stacks.settings.models_from_args import Model, fields_from


@fields_from(pulumi_eks.ClusterArgs, exclude=REPLACED_CLUSTER_OPTIONS)
class NewClusterSettings(Model):
    """A new cluster, with the options of `pulumi_eks.Cluster`."""


@fields_from(pulumi_eks.ManagedNodeGroupArgs, exclude=REPLACED_NODE_GROUP_OPTIONS)
class NodeGroupSettings(Model):
    """A managed node group, with the options of `pulumi_eks.ManagedNodeGroup`."""

    version: str | None = None
    """Kubernetes version of the nodes. Default: the version of the cluster."""
