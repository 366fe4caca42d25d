"""A new cluster and its node groups, by the options of pulumi_eks.

Reading those options takes seconds: `stacks.settings.clusters` imports this module when a file has such a setting.
"""

from __future__ import annotations

import pulumi_eks

from eks_identity.clusters.cluster_options import CLUSTER_NOT_OURS, NODE_GROUP_NOT_OURS
from stacks.settings.models_from_args import Model, takes


@takes(pulumi_eks.ClusterArgs, without=CLUSTER_NOT_OURS)
class NewClusterSettings(Model):
    """A new cluster, in the words of `pulumi_eks.Cluster`."""


@takes(pulumi_eks.ManagedNodeGroupArgs, without=NODE_GROUP_NOT_OURS)
class NodeGroupSettings(Model):
    """A managed node group, in the words of `pulumi_eks.ManagedNodeGroup`."""

    version: str | None = None
    """The Kubernetes version of the nodes; the cluster's where left out."""
