"""Identity on Amazon EKS as Pulumi components: cluster access for IAM principals, workload identity for pods.

Names are imported on first use, so that importing the pure package `eks_identity.model` does not import Pulumi. The
modules of `pulumi_aws` and `pulumi_kubernetes` are imported when a program declares one of their resources, which saves
seconds. So annotations with their classes are in quotes in components.
"""

from __future__ import annotations

import importlib
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from eks_identity.access.access_entry import AccessEntry, AccessEntryArgs
    from eks_identity.access.access_policies import AccessPolicyArgs
    from eks_identity.access.aws_auth_mapping import AwsAuthMapping, AwsAuthMappingArgs
    from eks_identity.access.cluster_access import ClusterAccess, ClusterAccessArgs
    from eks_identity.access.lockout_guard import LockoutGuard, LockoutGuardArgs
    from eks_identity.access.migration import AuthenticationModeMigration, AuthenticationModeMigrationArgs
    from eks_identity.access.principals import PrincipalArgs
    from eks_identity.access.rbac_roles import RoleArgs, RuleArgs
    from eks_identity.clusters.cluster import Cluster, ClusterArgs
    from eks_identity.clusters.cluster_roles import ClusterRoleSettings
    from eks_identity.clusters.connections import ClusterConnection
    from eks_identity.clusters.new_cluster_args import NewClusterArgs
    from eks_identity.clusters.node_group_args import NodeGroupArgs
    from eks_identity.clusters.node_isolation import NodeIsolation, NodeIsolationArgs
    from eks_identity.errors import (
        AwsDeniedError,
        AwsError,
        AwsUnreachableError,
        ClusterDeniedError,
        ClusterError,
        ClusterUnreachableError,
        EksIdentityError,
        InvalidInput,
        MalformedDocumentError,
        Problem,
        WriteConflictError,
    )
    from eks_identity.model.access_entries import AccessMethod, EntryType
    from eks_identity.workloads.addon import Addon, AddonArgs
    from eks_identity.workloads.chained_role import ChainedRole, ChainedRoleArgs
    from eks_identity.workloads.identity_modes import IdentityMode, ServiceAccountManagement
    from eks_identity.workloads.irsa_role import IrsaRole, IrsaRoleArgs
    from eks_identity.workloads.oidc_provider import OidcProvider, OidcProviderArgs
    from eks_identity.workloads.pipeline_role import GitHubJobsArgs, GitLabJobsArgs, PipelineRole, PipelineRoleArgs
    from eks_identity.workloads.pod_identity_role import PodIdentityRole, PodIdentityRoleArgs
    from eks_identity.workloads.role_settings import ConditionArgs, PolicyTemplateArgs, RoleSettings, StatementArgs
    from eks_identity.workloads.service_account import ServiceAccount, ServiceAccountArgs
    from eks_identity.workloads.subjects import SubjectArgs
    from eks_identity.workloads.workload_identity import WorkloadIdentity, WorkloadIdentityArgs

_MODULES = {
    "model.access_entries": ("AccessMethod", "EntryType"),
    "access.access_entry": ("AccessEntry", "AccessEntryArgs"),
    "access.lockout_guard": ("LockoutGuard", "LockoutGuardArgs"),
    "access.access_policies": ("AccessPolicyArgs",),
    "access.rbac_roles": ("RoleArgs", "RuleArgs"),
    "workloads.addon": ("Addon", "AddonArgs"),
    "access.aws_auth_mapping": ("AwsAuthMapping", "AwsAuthMappingArgs"),
    "workloads.chained_role": ("ChainedRole", "ChainedRoleArgs"),
    "clusters.cluster": ("Cluster", "ClusterArgs"),
    "clusters.cluster_roles": ("ClusterRoleSettings",),
    "clusters.connections": ("ClusterConnection",),
    "errors": (
        "AwsError",
        "AwsDeniedError",
        "AwsUnreachableError",
        "ClusterError",
        "ClusterDeniedError",
        "ClusterUnreachableError",
        "EksIdentityError",
        "InvalidInput",
        "MalformedDocumentError",
        "Problem",
        "WriteConflictError",
    ),
    "workloads.irsa_role": ("IrsaRole", "IrsaRoleArgs"),
    "access.migration": ("AuthenticationModeMigration", "AuthenticationModeMigrationArgs"),
    "clusters.new_cluster_args": ("NewClusterArgs",),
    "clusters.node_group_args": ("NodeGroupArgs",),
    "clusters.node_isolation": ("NodeIsolation", "NodeIsolationArgs"),
    "workloads.identity_modes": ("IdentityMode", "ServiceAccountManagement"),
    "workloads.oidc_provider": ("OidcProvider", "OidcProviderArgs"),
    "workloads.pipeline_role": ("GitHubJobsArgs", "GitLabJobsArgs", "PipelineRole", "PipelineRoleArgs"),
    "workloads.pod_identity_role": ("PodIdentityRole", "PodIdentityRoleArgs"),
    "access.principals": ("PrincipalArgs",),
    "workloads.role_settings": ("ConditionArgs", "PolicyTemplateArgs", "RoleSettings", "StatementArgs"),
    "workloads.service_account": ("ServiceAccount", "ServiceAccountArgs"),
    "workloads.subjects": ("SubjectArgs",),
    "access.cluster_access": ("ClusterAccess", "ClusterAccessArgs"),
    "workloads.workload_identity": ("WorkloadIdentity", "WorkloadIdentityArgs"),
}
_MODULE_OF = {name: module for module, names in _MODULES.items() for name in names}

__all__ = [
    "AccessEntry",
    "AccessEntryArgs",
    "AccessMethod",
    "AccessPolicyArgs",
    "Addon",
    "AddonArgs",
    "AuthenticationModeMigration",
    "AuthenticationModeMigrationArgs",
    "AwsAuthMapping",
    "AwsAuthMappingArgs",
    "AwsDeniedError",
    "AwsError",
    "AwsUnreachableError",
    "ChainedRole",
    "ChainedRoleArgs",
    "Cluster",
    "ClusterAccess",
    "ClusterAccessArgs",
    "ClusterArgs",
    "ClusterConnection",
    "ClusterDeniedError",
    "ClusterError",
    "ClusterRoleSettings",
    "ClusterUnreachableError",
    "ConditionArgs",
    "EksIdentityError",
    "EntryType",
    "GitHubJobsArgs",
    "GitLabJobsArgs",
    "IdentityMode",
    "InvalidInput",
    "IrsaRole",
    "IrsaRoleArgs",
    "LockoutGuard",
    "LockoutGuardArgs",
    "MalformedDocumentError",
    "NewClusterArgs",
    "NodeGroupArgs",
    "NodeIsolation",
    "NodeIsolationArgs",
    "OidcProvider",
    "OidcProviderArgs",
    "PipelineRole",
    "PipelineRoleArgs",
    "PodIdentityRole",
    "PodIdentityRoleArgs",
    "PolicyTemplateArgs",
    "PrincipalArgs",
    "Problem",
    "RoleArgs",
    "RoleSettings",
    "RuleArgs",
    "ServiceAccount",
    "ServiceAccountArgs",
    "ServiceAccountManagement",
    "StatementArgs",
    "SubjectArgs",
    "WorkloadIdentity",
    "WorkloadIdentityArgs",
    "WriteConflictError",
]


def __getattr__(name: str) -> Any:
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_MODULE_OF[name]}"), name)


if "pulumi.runtime" in sys.modules:
    # A program, which may declare IAM roles before its first component.
    from eks_identity.runtime.declared_identities import record_identities

    record_identities()
    del record_identities
