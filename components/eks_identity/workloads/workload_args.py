"""What a workload identity is given: one declaration for service account, role, and what binds the two."""

from typing import NotRequired

import pulumi

from eks_identity.clusters.connections import ClusterConnection
from eks_identity.workloads.role_settings import RoleSettings
from eks_identity.workloads.service_account import ServiceAccountSettings
from eks_identity.workloads.subjects import SubjectArgs


class WorkloadIdentityArgs(RoleSettings, ServiceAccountSettings):
    """Service accounts, and what their pods may do in AWS."""

    cluster: ClusterConnection
    """`Cluster.connection`."""
    namespace: pulumi.Input[str]
    """The namespace that the service account is in: an RFC 1123 label, at most 63 characters (Kubernetes)."""
    service_account: pulumi.Input[str]
    """The service account's name: an RFC 1123 subdomain, at most 253 characters (Kubernetes)."""
    more_service_accounts: NotRequired[list[SubjectArgs]]
    """Service accounts besides, of the same cluster, whose pods get the same role in the same way."""
    mode: NotRequired[str]
    """`irsa` (also the default) or `pod-identity`, which needs the `eks-pod-identity-agent` add-on, and no Fargate."""
    oidc_provider_arn: NotRequired[pulumi.Input[str]]
    """`OidcProvider.arn`; needed with `irsa`, where it also orders the role behind the provider. With `pod-identity`
    the role's trust policy keeps IRSA's statement as long as it is given, so that a change of `mode` leaves no pod
    without credentials. One that is registered in another account puts the role there (`irsa` only)."""
    role_arn: NotRequired[pulumi.Input[str]]
    """A role that is made elsewhere. None is made here then, and nothing is said of one."""
    target_role_arn: NotRequired[pulumi.Input[str]]
    """The role, mostly of another account, that EKS takes on after the role, and whose credentials the pods get; with
    `pod-identity`. It must trust the role: see `ChainedRole`. Taken out of the program, it stays in EKS, which the
    provider never asks to remove it: `aws eks update-pod-identity-association --target-role-arn ""` does."""
    disable_session_tags: NotRequired[bool]
    """With `pod-identity`: EKS sets no session tags for cluster, namespace, service account and pod. Policies and trust
    conditions that need them are rejected."""
    match_session_tags: NotRequired[bool]
    """With `pod-identity`: the trust policy asks for the session tags of this cluster and these service accounts, so
    that no other association can give the role."""
    keep_pod_identity: NotRequired[bool]
    """With `irsa`, on the way back from `pod-identity`: the role's trust policy keeps a statement for Pod Identity, for
    these service accounts alone, so that pods that start meanwhile get credentials by the one way or the other. Needed
    for that one update, and refused to be left out; take it out in the next."""
    session_policy: NotRequired[pulumi.Input[str]]
    """With `pod-identity` and `disable_session_tags`: a policy document in JSON that bounds the pods' sessions. They
    may do what both role and document allow. Taken out of the program, it stays in EKS, which the provider never asks
    to remove it: give one that allows every action on everything instead."""
    service_account_management: NotRequired[str]
    """`create` (also the default): the service accounts are made here; where one is there, the preview refuses it, and
    `adopt` is the way out. `adopt`: they are there, and are only annotated.
    `none`: they are made and annotated elsewhere."""
