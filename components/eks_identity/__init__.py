"""Identity on Amazon EKS as Pulumi components: people into the cluster, pods out to AWS.

Names are imported when they are first used, so that `eks_identity.model`, which is pure, stays free of Pulumi.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from eks_identity.aws_auth_mapping import AwsAuthMapping, AwsAuthMappingArgs
    from eks_identity.cluster import Cluster, ClusterArgs, ClusterConnection
    from eks_identity.errors import (
        ClusterError,
        ClusterRefusedError,
        ClusterUnreachableError,
        EksIdentityError,
        InvalidInput,
        MalformedDocumentError,
        Problem,
        WriteConflictError,
    )
    from eks_identity.oidc import OidcProvider, OidcProviderArgs
    from eks_identity.users import ClusterAccess, ClusterAccessArgs, PrincipalArgs, RoleArgs, RuleArgs
    from eks_identity.workload import (
        IrsaRole,
        IrsaRoleArgs,
        ServiceAccount,
        ServiceAccountArgs,
        SubjectArgs,
        WorkloadIdentity,
        WorkloadIdentityArgs,
    )

_MODULES = {
    "aws_auth_mapping": ("AwsAuthMapping", "AwsAuthMappingArgs"),
    "cluster": ("Cluster", "ClusterArgs", "ClusterConnection"),
    "errors": (
        "ClusterError",
        "ClusterRefusedError",
        "ClusterUnreachableError",
        "EksIdentityError",
        "InvalidInput",
        "MalformedDocumentError",
        "Problem",
        "WriteConflictError",
    ),
    "oidc": ("OidcProvider", "OidcProviderArgs"),
    "users": ("ClusterAccess", "ClusterAccessArgs", "PrincipalArgs", "RoleArgs", "RuleArgs"),
    "workload": (
        "IrsaRole",
        "IrsaRoleArgs",
        "ServiceAccount",
        "ServiceAccountArgs",
        "SubjectArgs",
        "WorkloadIdentity",
        "WorkloadIdentityArgs",
    ),
}
_HOME = {name: module for module, names in _MODULES.items() for name in names}

__all__ = [
    "AwsAuthMapping",
    "AwsAuthMappingArgs",
    "Cluster",
    "ClusterAccess",
    "ClusterAccessArgs",
    "ClusterArgs",
    "ClusterConnection",
    "ClusterError",
    "ClusterRefusedError",
    "ClusterUnreachableError",
    "EksIdentityError",
    "InvalidInput",
    "IrsaRole",
    "IrsaRoleArgs",
    "MalformedDocumentError",
    "OidcProvider",
    "OidcProviderArgs",
    "PrincipalArgs",
    "Problem",
    "RoleArgs",
    "RuleArgs",
    "ServiceAccount",
    "ServiceAccountArgs",
    "SubjectArgs",
    "WorkloadIdentity",
    "WorkloadIdentityArgs",
    "WriteConflictError",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
