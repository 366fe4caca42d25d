"""The permissions that `live` needs: an IAM policy, and a ClusterRole. Both only read, and ask services for decisions.

`PARTS` has what each command needs, so that each can have a smaller policy: the fields of `AccessGraph` that it reads,
and the methods of `Services` that it calls. With fewer
permissions, the parts named here are not read. Another account (`--account`) needs the IAM actions on its own objects,
and `sts:AssumeRole` on the role if one is assumed.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
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


@dataclass(frozen=True)
class ServicePermission:
    """What the source needs to ask a service."""

    method: str
    """Method of `Services` that does not answer without it."""
    action: str = ""
    """IAM action, if it needs one."""
    rule: Rule | None = None
    """Rule of the ClusterRole, if it needs one."""
    is_on_cluster: bool = False
    """Whether the action can be limited to the cluster."""


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
_TOKENS = Rule(("create",), ("serviceaccounts/token",), ("",))
SERVICE_PERMISSIONS = (
    ServicePermission("review_access", rule=Rule(("create",), ("subjectaccessreviews",), ("authorization.k8s.io",))),
    ServicePermission("simulate", "iam:SimulatePrincipalPolicy"),
    ServicePermission("assume_with_web_identity", rule=_TOKENS),
    ServicePermission("assume_for_pod_identity", "eks-auth:AssumeRoleForPodIdentity", _TOKENS, is_on_cluster=True),
)

_MAPPINGS = ("cluster", "entries", "principals", "aws_auth")
_RBAC_PARTS = ("rbac_roles", "rbac_bindings")
_ROLES = ("cluster", "principals", "policies", "oidc_providers", "associations", "service_accounts")
PARTS: Mapping[str, tuple[str, ...]] = {
    "principal": (*_MAPPINGS, *_RBAC_PARTS, "review_access"),
    "whoami": (*_MAPPINGS, *_RBAC_PARTS, "review_access"),
    "serviceaccount": (*_ROLES, "has_pod_identity_agent", "pods", "simulate"),
    "pod": (*_ROLES, "has_pod_identity_agent", "pods", "nodes", "simulate"),
    "adopt": (
        *("cluster", "entries", "aws_auth", "associations", "service_accounts"),
        *("principals", "oidc_providers", *_RBAC_PARTS),
    ),
    "explain": ("associations", "service_accounts"),
    "graph": (*_MAPPINGS, *_RBAC_PARTS, *_ROLES, "has_pod_identity_agent", "pods", "nodes"),
}
"""What a command needs, by its name. A command that is not here reads all fields, and asks no service."""
EXCHANGE = ("assume_with_web_identity", "assume_for_pod_identity")
"""What an exchange of a token needs more."""


def iam_policy(cluster_arn: str = "*", parts: Collection[str] | None = None) -> dict[str, Any]:
    """Return the IAM policy for some fields of `AccessGraph` and methods of `Services`, by default for all fields.

    The statement on EKS is limited to one cluster if its ARN is passed.
    """
    needed = [each for each in AWS_PERMISSIONS if parts is None or not set(each.parts).isdisjoint(parts)]
    permissions: list[AwsPermission | ServicePermission] = [*needed, *_services(parts)]
    actions = {each.action: each.is_on_cluster for each in permissions if each.action}
    on_cluster = [action for action, is_on_cluster in actions.items() if is_on_cluster]
    others = [action for action, is_on_cluster in actions.items() if not is_on_cluster]
    resources = {"on_cluster": _eks_resources(cluster_arn), "others": "*"}
    statements = [
        {"Effect": "Allow", "Action": actions, "Resource": resources[name]}
        for name, actions in (("on_cluster", on_cluster), ("others", others))
        if actions
    ]
    return {"Version": "2012-10-17", "Statement": statements}


def cluster_role(name: str = GROUP, parts: Collection[str] | None = None) -> dict[str, Any]:
    """Return the ClusterRole for some fields of `AccessGraph` and methods of `Services`, by default for all fields."""
    rules = [each.rule for each in KUBERNETES_PERMISSIONS if parts is None or each.part in parts]
    rules += [each.rule for each in _services(parts) if each.rule is not None]
    return {
        "apiVersion": f"{_RBAC}/v1",
        "kind": "ClusterRole",
        "metadata": {"name": name},
        "rules": [rule.manifest() for rule in dict.fromkeys(rules)],
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


def _services(parts: Collection[str] | None) -> list[ServicePermission]:
    return [each for each in SERVICE_PERMISSIONS if each.method in (parts or ())]


def _eks_resources(cluster_arn: str) -> list[str]:
    """Return the ARNs of a cluster, its access entries, associations and add-ons."""
    if cluster_arn == "*":
        return ["*"]
    arn = Arn.parse(cluster_arn)
    name = arn.resource.partition("/")[2]
    prefix = cluster_arn.removesuffix(arn.resource)
    kinds = ("access-entry", "podidentityassociation", "addon")
    return [cluster_arn, *(f"{prefix}{kind}/{name}/*" for kind in kinds)]
