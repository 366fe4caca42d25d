"""The clusters of an environment: made here, another stack's, or nobody's here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

import eks_identity as eks
from stacks.settings.models_from_args import Deferred, Model, takes
from stacks.settings.pods import PodSettings

if TYPE_CHECKING:
    from stacks.settings.new_clusters import NewClusterSettings, NodeGroupSettings
else:
    NewClusterSettings = Annotated[Any, Deferred("stacks.settings.new_clusters", "NewClusterSettings")]
    NodeGroupSettings = Annotated[Any, Deferred("stacks.settings.new_clusters", "NodeGroupSettings")]


@takes(eks.AddonArgs, without=["cluster", "addon_name"])
class AddonSettings(PodSettings):
    """An EKS add-on and the identity of its pods; its name is its key."""

    mode: Literal["irsa", "pod-identity", "none"] | None = None
    """How its pods get a role, `none` for their nodes'. Where left out: `defaults.mode` for the add-ons that the
    catalogue knows to need one, else `none`."""


@takes(eks.AuthenticationModeMigrationArgs, without=["cluster"])
class MigrationSettings(Model):
    """The way of a cluster that is there from aws-auth to access entries, as far as `to`."""


@takes(eks.ClusterArgs, without=["name", "create"])
class ClusterSettings(Model):
    """A cluster: new with `create`, another stack's with `stack`, else one that is there by its name."""

    name: str | None = None
    """The cluster's name in EKS, and with `stack` its key in that stack's settings; else the key that it has here."""
    create: NewClusterSettings | None = None
    """Makes the cluster, with these options of `pulumi_eks.Cluster`."""
    node_groups: dict[str, NodeGroupSettings] = Field(default_factory=dict)
    """Managed node groups of a new cluster, each with its options of `pulumi_eks.ManagedNodeGroup`."""
    stack: str | None = None
    """The stack whose cluster it is: `organization/project/stack`. It says how to reach it; nothing is looked up."""
    oidc_provider: Literal["create", "adopt", "none"] | None = None
    """The account's OIDC provider for the cluster's issuer, which IRSA needs: made here (also the default), used as it
    is (the default with `stack`), or not needed."""
    protect: bool | None = None
    """Whether Pulumi refuses to delete a cluster that is made here."""
    addons: dict[str, AddonSettings] = Field(default_factory=dict)
    """EKS add-ons by name, each with the identity of its pods."""
    migration: MigrationSettings | None = None
    """Takes the cluster from aws-auth to access entries; see `AuthenticationModeMigration`."""
