"""The techniques of escalation that pathfinding.cloud does not have. `iam_tables` has those with its ids.

Ids are stable. Source of ids such as `iam-001`: DataDog/pathfinding.cloud, `data/paths/aws`.
"""

from __future__ import annotations

from dataclasses import dataclass

_PATHFINDING = "https://pathfinding.cloud/paths/"
_RBAC = "Kubernetes, Role Based Access Control Good Practices"
_SECRETS = "Kubernetes, Managing Service Accounts"
_ENTRIES = "EKS user guide, Grant IAM users access to Kubernetes with EKS access entries"
_IMDS = "EKS best practices guide, Identity and Access Management"


@dataclass(frozen=True)
class Technique:
    """A way to act as another subject."""

    id: str
    title: str
    source: str


OWN = (
    Technique("k8s-create-pods", "create pods, or what creates pods, with another service account", _RBAC),
    Technique("k8s-change-pods", "change the image of running pods", _RBAC),
    Technique("k8s-exec", "run a command in pods", "Kubernetes, Authorization, pods/exec"),
    Technique("k8s-ephemeral-containers", "add an ephemeral container to pods", "Kubernetes, Ephemeral Containers"),
    Technique("k8s-service-account-token", "request the token of a service account", _RBAC),
    Technique("k8s-read-token-secrets", "read Secrets with tokens of service accounts", _SECRETS),
    Technique("k8s-create-token-secrets", "create a Secret for a token of a service account, and read it", _SECRETS),
    Technique("k8s-service-account-role", "write the role annotation of a service account", "README of the webhook"),
    Technique("k8s-aws-auth", "write the ConfigMap aws-auth", "EKS user guide, ConfigMap aws-auth"),
    Technique("k8s-escalate", "add rules to the own role with the verb escalate", _RBAC),
    Technique("k8s-bind", "bind a role with the verb bind", _RBAC),
    Technique("k8s-impersonate", "impersonate users, groups or service accounts", _RBAC),
    Technique("k8s-nodes-proxy", "run a command in pods by the kubelet's API", _RBAC),
    Technique("k8s-certificates", "create and approve a client certificate", _RBAC),
    Technique("k8s-mutating-webhook", "change every pod that is created", _RBAC),
    Technique("k8s-pod-node-role", "create a pod that reads the role of its node from IMDS", _IMDS),
    Technique("k8s-privileged-pod", "create a privileged pod on a node", "Kubernetes, Pod Security Standards"),
    Technique("k8s-cluster-administrator", "use any service account as cluster administrator", _RBAC),
    Technique("eks-create-access-entry", "create the own access entry", _ENTRIES),
    Technique("eks-update-access-entry", "change the groups of the own access entry", _ENTRIES),
    Technique("eks-associate-access-policy", "associate an access policy with the own access entry", _ENTRIES),
    Technique("eks-update-cluster-config", "make the cluster read access entries", _ENTRIES),
    Technique(
        "eks-create-pod-identity-association", "associate a role with a service account", "EKS user guide, Pod Identity"
    ),
    Technique(
        "eks-update-pod-identity-association", "change the role of an association", "EKS user guide, Pod Identity"
    ),
    Technique("iam-set-default-policy-version", "activate another version of an own policy", "IAM API reference"),
    Technique("iam-create-oidc-provider", "create an OIDC provider that a role trusts", "IAM user guide, OIDC"),
    Technique("iam-add-client-id", "add an audience to an OIDC provider that a role trusts", "IAM user guide, OIDC"),
)
"""Techniques without an id of pathfinding.cloud."""


def source_of(technique: str) -> str:
    """Return the documentation of a technique."""
    own = next((each.source for each in OWN if each.id == technique), None)
    return own or f"{_PATHFINDING}{technique}"
