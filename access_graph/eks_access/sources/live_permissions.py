"""The permissions that `live` needs to read everything: an IAM policy, and a ClusterRole. Both only read.

With fewer permissions, the parts named here are not read. Another account (`--account`) needs the IAM actions on its
own objects, and `sts:AssumeRole` on the role if one is assumed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from eks_identity.model.arns import Arn
from eks_identity.model.rbac import Rule

GROUP = "eks-access"
"""Kubernetes group to which the ClusterRole is bound."""


@dataclass(frozen=True)
class AwsPermission:
    """An IAM action."""

    action: str
    parts: tuple[str, ...]
    """Fields of `AccessGraph` that are not read without it."""
    is_on_cluster: bool = False
    """Whether it can be limited to the cluster and its access entries, associations and add-ons."""


@dataclass(frozen=True)
class KubernetesPermission:
    """A rule of the ClusterRole."""

    rule: Rule
    part: str
    """Field of `AccessGraph` that is not read without it."""


def _actions(parts: str, names: str, *, is_on_cluster: bool = False) -> tuple[AwsPermission, ...]:
    return tuple(AwsPermission(name, tuple(parts.split()), is_on_cluster) for name in names.split())


def _rule(part: str, group: str, resources: str, verbs: str, name: str = "") -> KubernetesPermission:
    names = (name,) if name else ()
    return KubernetesPermission(Rule(tuple(verbs.split()), tuple(resources.split()), (group,), names), part)


_RBAC = "rbac.authorization.k8s.io"

AWS_PERMISSIONS = (
    *_actions("cluster has_pod_identity_agent", "eks:DescribeCluster", is_on_cluster=True),
    *_actions(
        "entries",
        "eks:ListAccessEntries eks:DescribeAccessEntry eks:ListAssociatedAccessPolicies",
        is_on_cluster=True,
    ),
    *_actions("associations", "eks:ListPodIdentityAssociations eks:DescribePodIdentityAssociation", is_on_cluster=True),
    *_actions("has_pod_identity_agent", "eks:DescribeAddon", is_on_cluster=True),
    *_actions(
        "principals",
        "iam:GetRole iam:ListRolePolicies iam:GetRolePolicy iam:ListAttachedRolePolicies iam:GetUser "
        "iam:ListUserPolicies iam:GetUserPolicy iam:ListAttachedUserPolicies iam:ListGroupsForUser",
    ),
    *_actions("principals groups policies", "iam:GetAccountAuthorizationDetails"),
    *_actions("groups", "iam:GetGroup iam:ListGroupPolicies iam:GetGroupPolicy iam:ListAttachedGroupPolicies"),
    *_actions("policies", "iam:GetPolicy iam:GetPolicyVersion"),
    *_actions("oidc_providers", "iam:ListOpenIDConnectProviders iam:GetOpenIDConnectProvider"),
    *_actions("nodes", "ec2:DescribeInstances iam:GetInstanceProfile"),
)
KUBERNETES_PERMISSIONS = (
    _rule("aws_auth", "", "configmaps", "get", "aws-auth"),
    _rule("rbac_roles", _RBAC, "clusterroles roles", "get list"),
    _rule("rbac_bindings", _RBAC, "clusterrolebindings rolebindings", "get list"),
    _rule("service_accounts", "", "serviceaccounts", "get list"),
    _rule("pods", "", "pods", "get list"),
    _rule("nodes", "", "nodes", "get list"),
    _rule("has_pod_identity_agent", "apps", "daemonsets", "get", "eks-pod-identity-agent"),
)


def iam_policy(cluster_arn: str = "*") -> dict[str, Any]:
    """Return the IAM policy; its statement on EKS is limited to one cluster if its ARN is passed."""
    on_cluster = [permission.action for permission in AWS_PERMISSIONS if permission.is_on_cluster]
    others = [permission.action for permission in AWS_PERMISSIONS if not permission.is_on_cluster]
    return {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Action": on_cluster, "Resource": _eks_resources(cluster_arn)},
            {"Effect": "Allow", "Action": others, "Resource": "*"},
        ],
    }


def cluster_role(name: str = GROUP) -> dict[str, Any]:
    """Return the ClusterRole as a manifest."""
    return {
        "apiVersion": f"{_RBAC}/v1",
        "kind": "ClusterRole",
        "metadata": {"name": name},
        "rules": [permission.rule.manifest() for permission in KUBERNETES_PERMISSIONS],
    }


def cluster_role_binding(name: str = GROUP, group: str = GROUP) -> dict[str, Any]:
    """Return the ClusterRoleBinding of a group as a manifest."""
    return {
        "apiVersion": f"{_RBAC}/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": name},
        "roleRef": {"apiGroup": _RBAC, "kind": "ClusterRole", "name": name},
        "subjects": [{"apiGroup": _RBAC, "kind": "Group", "name": group}],
    }


def _eks_resources(cluster_arn: str) -> list[str]:
    """Return the ARNs of a cluster, its access entries, associations and add-ons."""
    if cluster_arn == "*":
        return ["*"]
    arn = Arn.parse(cluster_arn)
    name = arn.resource.partition("/")[2]
    prefix = cluster_arn.removesuffix(arn.resource)
    kinds = ("access-entry", "podidentityassociation", "addon")
    return [cluster_arn, *(f"{prefix}{kind}/{name}/*" for kind in kinds)]
