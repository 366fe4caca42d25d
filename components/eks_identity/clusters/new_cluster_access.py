"""Options of the access to a new cluster: access entries, and credentials in the kubeconfig of pulumi_eks."""

from typing import NotRequired, TypedDict

import pulumi

from eks_identity.runtime.typed_dicts import Strings, Tags, sdk_options


@sdk_options("pulumi_aws.eks.AccessPolicyAssociationAccessScopeArgs")
class AccessScope(TypedDict):
    """Access scope of an EKS access policy."""

    type: pulumi.Input[str]
    """`cluster` or `namespace`."""
    namespaces: NotRequired[Strings]
    """Namespaces with scope `namespace`; `*` matches any characters, as in `dev-*`."""


@sdk_options("pulumi_eks.AccessPolicyAssociationArgs")
class ClusterAccessPolicy(TypedDict):
    """An EKS access policy of an access entry that is created with the cluster."""

    policy_arn: pulumi.Input[str]
    """ARN of the access policy, such as `arn:aws:eks::aws:cluster-access-policy/AmazonEKSViewPolicy`."""
    access_scope: pulumi.Input[AccessScope]
    """Where the policy applies."""


@sdk_options("pulumi_eks.AccessEntryArgs")
class ClusterAccessEntry(TypedDict):
    """An access entry that is created with the cluster."""

    principal_arn: pulumi.Input[str]
    """ARN of the IAM user or role. EKS has one access entry for a principal."""
    access_policies: NotRequired[dict[str, pulumi.Input[ClusterAccessPolicy]]]
    """Access policies, by names of your choice, which name Pulumi resources."""
    kubernetes_groups: NotRequired[Strings]
    """Kubernetes groups of the principal, for RBAC. By default none."""
    username: NotRequired[pulumi.Input[str]]
    """Kubernetes username. By default EKS sets the user's ARN, or the role's session ARN."""
    type: NotRequired[pulumi.Input[str]]
    """`STANDARD` (default), `EC2_LINUX`, `EC2_WINDOWS`, `FARGATE_LINUX` or `EC2`. Only `STANDARD` accepts
    `kubernetes_groups` and `username`."""
    tags: NotRequired[Tags]
    """Tags of the access entry."""


@sdk_options("pulumi_eks.KubeconfigOptionsArgs")
class KubeconfigOptions(TypedDict):
    """AWS credentials in the kubeconfig of pulumi_eks."""

    role_arn: NotRequired[pulumi.Input[str]]
    """ARN of the role that `aws eks get-token` assumes."""
    profile_name: NotRequired[pulumi.Input[str]]
    """Name of the AWS profile."""
