"""Identity on Amazon EKS as Pulumi components: people into the cluster, pods out to AWS.

Names are imported when they are first used, so that `eks_identity.model`, which is pure, stays free of Pulumi.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from eks_identity.access_entry import AdoptedAccessEntry, AdoptedAccessEntryArgs
    from eks_identity.access_guard import AccessGuard, AccessGuardArgs
    from eks_identity.access_policies import AccessPolicyArgs
    from eks_identity.access_roles import RoleArgs, RuleArgs
    from eks_identity.addon_args import AddonArgs
    from eks_identity.addons import Addon
    from eks_identity.aws_auth_mapping import AwsAuthMapping, AwsAuthMappingArgs
    from eks_identity.catalogue_args import CatalogueArgs
    from eks_identity.chained import ChainedRole, ChainedRoleArgs
    from eks_identity.cluster import Cluster, ClusterArgs, ClusterConnection
    from eks_identity.cluster_roles import MadeRoleSettings
    from eks_identity.errors import (
        AwsError,
        AwsRefusedError,
        AwsUnreachableError,
        ClusterError,
        ClusterRefusedError,
        ClusterUnreachableError,
        EksIdentityError,
        InvalidInput,
        MalformedDocumentError,
        Problem,
        WriteConflictError,
    )
    from eks_identity.irsa import IrsaRole, IrsaRoleArgs
    from eks_identity.migration import AuthenticationModeMigration, AuthenticationModeMigrationArgs
    from eks_identity.node_isolation import NodeIsolation, NodeIsolationArgs
    from eks_identity.oidc import OidcProvider, OidcProviderArgs
    from eks_identity.pod_identity import PodIdentityRole, PodIdentityRoleArgs
    from eks_identity.principals import PrincipalArgs
    from eks_identity.role_settings import ConditionArgs, RoleSettings, StatementArgs
    from eks_identity.service_accounts import ServiceAccount, ServiceAccountArgs
    from eks_identity.subjects import SubjectArgs
    from eks_identity.users import ClusterAccess, ClusterAccessArgs
    from eks_identity.workload import WorkloadIdentity
    from eks_identity.workload_args import WorkloadIdentityArgs

_MODULES = {
    "access_entry": ("AdoptedAccessEntry", "AdoptedAccessEntryArgs"),
    "access_guard": ("AccessGuard", "AccessGuardArgs"),
    "access_policies": ("AccessPolicyArgs",),
    "access_roles": ("RoleArgs", "RuleArgs"),
    "addon_args": ("AddonArgs",),
    "addons": ("Addon",),
    "aws_auth_mapping": ("AwsAuthMapping", "AwsAuthMappingArgs"),
    "catalogue_args": ("CatalogueArgs",),
    "chained": ("ChainedRole", "ChainedRoleArgs"),
    "cluster": ("Cluster", "ClusterArgs", "ClusterConnection"),
    "cluster_roles": ("MadeRoleSettings",),
    "errors": (
        "AwsError",
        "AwsRefusedError",
        "AwsUnreachableError",
        "ClusterError",
        "ClusterRefusedError",
        "ClusterUnreachableError",
        "EksIdentityError",
        "InvalidInput",
        "MalformedDocumentError",
        "Problem",
        "WriteConflictError",
    ),
    "irsa": ("IrsaRole", "IrsaRoleArgs"),
    "migration": ("AuthenticationModeMigration", "AuthenticationModeMigrationArgs"),
    "node_isolation": ("NodeIsolation", "NodeIsolationArgs"),
    "oidc": ("OidcProvider", "OidcProviderArgs"),
    "pod_identity": ("PodIdentityRole", "PodIdentityRoleArgs"),
    "principals": ("PrincipalArgs",),
    "role_settings": ("ConditionArgs", "RoleSettings", "StatementArgs"),
    "service_accounts": ("ServiceAccount", "ServiceAccountArgs"),
    "subjects": ("SubjectArgs",),
    "users": ("ClusterAccess", "ClusterAccessArgs"),
    "workload": ("WorkloadIdentity",),
    "workload_args": ("WorkloadIdentityArgs",),
}
_HOME = {name: module for module, names in _MODULES.items() for name in names}

__all__ = [
    "AccessGuard",
    "AccessGuardArgs",
    "AccessPolicyArgs",
    "Addon",
    "AddonArgs",
    "AdoptedAccessEntry",
    "AdoptedAccessEntryArgs",
    "AuthenticationModeMigration",
    "AuthenticationModeMigrationArgs",
    "AwsAuthMapping",
    "AwsAuthMappingArgs",
    "AwsError",
    "AwsRefusedError",
    "AwsUnreachableError",
    "CatalogueArgs",
    "ChainedRole",
    "ChainedRoleArgs",
    "Cluster",
    "ClusterAccess",
    "ClusterAccessArgs",
    "ClusterArgs",
    "ClusterConnection",
    "ClusterError",
    "ClusterRefusedError",
    "ClusterUnreachableError",
    "ConditionArgs",
    "EksIdentityError",
    "InvalidInput",
    "IrsaRole",
    "IrsaRoleArgs",
    "MadeRoleSettings",
    "MalformedDocumentError",
    "NodeIsolation",
    "NodeIsolationArgs",
    "OidcProvider",
    "OidcProviderArgs",
    "PodIdentityRole",
    "PodIdentityRoleArgs",
    "PrincipalArgs",
    "Problem",
    "RoleArgs",
    "RoleSettings",
    "RuleArgs",
    "ServiceAccount",
    "ServiceAccountArgs",
    "StatementArgs",
    "SubjectArgs",
    "WorkloadIdentity",
    "WorkloadIdentityArgs",
    "WriteConflictError",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
