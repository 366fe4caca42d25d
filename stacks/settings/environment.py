"""Models of the settings under the project's name in `Pulumi.<stack>.yaml`: clusters, access, workloads, defaults."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from eks_identity import (
    AddonArgs,
    AuthenticationModeMigrationArgs,
    ClusterAccessArgs,
    ClusterArgs,
    NewClusterArgs,
    NodeGroupArgs,
    PrincipalArgs,
    WorkloadIdentityArgs,
)
from eks_identity.model.policy_templates.policies import find_addon_template
from stacks.settings.models_from_args import Model, fields_from

AccessMethod = Literal["access-entry", "aws-auth", "both"]
Mode = Literal["irsa", "pod-identity"]


# Cluster access


@fields_from(PrincipalArgs)
class PrincipalSettings(Model):
    """An IAM principal with access to the cluster: one of user, role, arn and permission_set."""

    user: str | None = None
    """Name of an IAM user in the environment's account, with its path if it has one: `team/name`."""
    role: str | None = None
    """Name of an IAM role in the environment's account, with its path if it has one: `team/name`."""
    arn: str | None = None
    """ARN of an IAM user, IAM role or account root of any account, as IAM returns it, path included."""

    @model_validator(mode="after")
    def _require_one_identifier(self) -> Self:
        identifiers = ("user", "role", "arn", "permission_set")
        if sum(getattr(self, name, None) is not None for name in identifiers) != 1:
            rule = "must have exactly one of user, role, arn and permission_set"
            raise PydanticCustomError("settings", "{rule}", {"rule": rule, "fix": "set one of them, remove the others"})
        return self


@fields_from(ClusterAccessArgs, exclude=["cluster"])
class AccessSettings(Model):
    """Access of a group of principals to one cluster."""

    cluster: str
    """Name of one of `clusters`."""
    principals: list[PrincipalSettings]
    """The principals with access."""
    access_method: AccessMethod | None = None
    """How principals are granted access. `both` writes an aws-auth mapping and an access entry, for a migration.
    Default: `defaults.access_method`."""


# Workload identity


class PodSettings(Model):
    """An IAM role for pods, of a workload or of an add-on."""

    keep_irsa: bool = False
    """With `pod-identity`: the role also trusts the cluster's OIDC provider, so that running pods can still use IRSA
    during a switch."""
    permissions_boundary: str | None = None
    """Permissions boundary of the role: ARN of a managed policy, or the name of one in the environment's account.
    Default: `defaults.permissions_boundary`."""
    role_arn: str | None = None
    """ARN of an existing IAM role. No role is created; role options must be omitted."""
    oidc_provider_arn: str | None = None
    """ARN of an IAM OIDC provider to use instead of the environment's own: for a role in another account, where the
    cluster's issuer is registered."""

    def needs_oidc_provider(self, mode: str) -> bool:
        """Return whether the role trusts the OIDC provider of the environment's account for the cluster."""
        has_irsa_role = mode == "irsa" and self.role_arn is None
        return self.oidc_provider_arn is None and (has_irsa_role or self.keep_irsa)


@fields_from(WorkloadIdentityArgs, exclude=["cluster"])
class WorkloadSettings(PodSettings):
    """Access of a service account to AWS."""

    cluster: str
    """Name of one of `clusters`."""
    mode: Mode | None = None
    """How the service account gets its role: `irsa`, by its token and the cluster's OIDC provider; `pod-identity`, by
    an association, which requires the add-on `eks-pod-identity-agent`. Default: `defaults.mode`."""


@fields_from(AddonArgs, exclude=["cluster", "addon_name"])
class AddonSettings(PodSettings):
    """An EKS add-on, named by its key, and the identity of its pods."""

    mode: Literal["irsa", "pod-identity", "none"] | None = None
    """How the pods get a role; `none`: they use the node role. Default: `defaults.mode` for add-ons with a policy
    template, else `none`."""


# Clusters


@fields_from(AuthenticationModeMigrationArgs, exclude=["cluster"])
class MigrationSettings(Model):
    """Migration of an existing cluster from aws-auth to access entries, up to `target_mode`."""


@fields_from(NewClusterArgs)
class NewClusterSettings(Model):
    """A new cluster, with the options of `pulumi_eks.Cluster`."""


@fields_from(NodeGroupArgs)
class NodeGroupSettings(Model):
    """A managed node group, with the options of `pulumi_eks.ManagedNodeGroup`."""


@fields_from(ClusterArgs, exclude=["name", "create"])
class ClusterSettings(Model):
    """A cluster: new with `create`, of another stack with `stack`, otherwise an existing one looked up by name."""

    name: str | None = None
    """The cluster's name in EKS; with `stack`, its key in the settings of that stack. Default: its key here."""
    create: NewClusterSettings | None = None
    """Creates the cluster, with these options of `pulumi_eks.Cluster`."""
    node_groups: dict[str, NodeGroupSettings] = Field(default_factory=dict)
    """Managed node groups of a new cluster by name, each with its options of `pulumi_eks.ManagedNodeGroup`."""
    stack: str | None = None
    """The stack that created the cluster: `organization/project/stack`. The connection comes from its outputs; the
    cluster is not looked up."""
    oidc_provider: Literal["create", "adopt", "none"] | None = None
    """The IAM OIDC provider of the cluster's issuer, which IRSA requires: `create` (default), `adopt` (use the existing
    one; default with `stack`) or `none`."""
    protect: bool | None = None
    """Whether Pulumi rejects the deletion of a cluster that this stack creates."""
    addons: dict[str, AddonSettings] = Field(default_factory=dict)
    """EKS add-ons by name, each with the identity of its pods."""
    migration: MigrationSettings | None = None
    """Migrates the cluster from aws-auth to access entries; see `AuthenticationModeMigration`."""


# Environment


class DefaultSettings(Model):
    """Defaults for all entries of the environment."""

    mode: Mode = "irsa"
    """How service accounts get their roles."""
    access_method: AccessMethod = "access-entry"
    """How principals are granted access to clusters."""
    permissions_boundary: str | None = None
    """Permissions boundary of every IAM role that the stack creates: ARN of a managed policy, or the name of one in the
    environment's account."""
    path: str | None = None
    """Path of every IAM role that the stack creates: `/` or `/team/`."""
    role_name_prefix: str | None = None
    """Prefix for the name of every IAM role that the stack creates; the entry's key and Pulumi's suffix follow."""


class Settings(Model):
    """Settings of an environment."""

    account: str = Field(pattern=r"^\d{12}$")
    """AWS account of the environment: 12 digits in quotes. Credentials of any other account are rejected."""
    clusters: dict[str, ClusterSettings] = Field(min_length=1)
    """The clusters, by the names that access and workloads refer to."""
    access: dict[str, AccessSettings] = Field(default_factory=dict)
    """Access of IAM principals to clusters, each under a name of its own."""
    workloads: dict[str, WorkloadSettings] = Field(default_factory=dict)
    """Access of service accounts to AWS, each under a name of its own."""
    tags: dict[str, str] = Field(default_factory=dict)
    """Tags of all AWS resources that the stack creates; tags of an entry are added and take precedence."""
    defaults: DefaultSettings = Field(default_factory=DefaultSettings)
    """Defaults for all entries."""

    def workload_mode(self, workload: WorkloadSettings) -> Mode:
        """Return the identity mode of `workload`, or the environment's default."""
        return workload.mode or self.defaults.mode

    def addon_mode(self, name: str, addon: AddonSettings) -> str:
        """Return the identity mode of the add-on `name`, or the default for add-ons with or without a template."""
        return addon.mode or (self.defaults.mode if find_addon_template(name) else "none")

    def needs_oidc_provider(self, cluster: str) -> bool:
        """Return whether a role of a workload or an add-on in `cluster` trusts the account's OIDC provider."""
        workloads = [workload for workload in self.workloads.values() if workload.cluster == cluster]
        addons = self.clusters[cluster].addons.items()
        return any(workload.needs_oidc_provider(self.workload_mode(workload)) for workload in workloads) or any(
            addon.needs_oidc_provider(self.addon_mode(name, addon)) for name, addon in addons
        )
