"""What an add-on of a cluster is given: what EKS installs, and whom its pods are in AWS."""

from typing import NotRequired

import pulumi

from eks_identity.clusters.connections import ClusterConnection
from eks_identity.workloads.role_settings import RoleSettings


class AddonArgs(RoleSettings):
    """An add-on of EKS, and what its pods may do in AWS. `tags` are those of the add-on, and of its role."""

    cluster: ClusterConnection
    """`Cluster.connection`."""
    addon_name: str
    """The add-on, as `aws eks describe-addon-versions` calls it: `aws-ebs-csi-driver`."""
    addon_version: NotRequired[pulumi.Input[str]]
    """Its version, such as `v1.53.0-eksbuild.1`; EKS's default for the cluster's version where left out."""
    configuration_values: NotRequired[pulumi.Input[str]]
    """Its configuration: a JSON object, as a string, after the schema that `aws eks describe-addon-configuration`
    gives."""
    namespace: NotRequired[pulumi.Input[str]]
    """The namespace that it is installed into; its own default where left out. Another one replaces it."""
    resolve_conflicts_on_create: NotRequired[pulumi.Input[str]]
    """What becomes of fields that are there already with other values: `NONE` (also the default: the add-on fails) or
    `OVERWRITE`."""
    resolve_conflicts_on_update: NotRequired[pulumi.Input[str]]
    """What becomes of fields that somebody changed: `NONE` (also the default), `OVERWRITE` or `PRESERVE`."""
    preserve: NotRequired[pulumi.Input[bool]]
    """Whether its pods stay when it is destroyed here."""
    mode: NotRequired[str]
    """How its pods get a role: `irsa`, `pod-identity` (an association that the add-on owns; needs the add-on
    `eks-pod-identity-agent`), or `none` (also the default: they have what their nodes have)."""
    oidc_provider_arn: NotRequired[pulumi.Input[str]]
    """`OidcProvider.arn`; needed with `irsa`. With `pod-identity` the role's trust policy keeps IRSA's statement as
    long as it is given, so that a change of `mode` leaves no pod without credentials."""
    service_account: NotRequired[pulumi.Input[str]]
    """The service account of its pods that talk to AWS; known for the add-ons of the catalogue."""
    role_arn: NotRequired[pulumi.Input[str]]
    """A role that is made elsewhere. None is made here then, and nothing is said of one."""
