"""Declares access to clusters: `access` settings as `ClusterAccess` components."""

from __future__ import annotations

from typing import Any, cast

from eks_identity import ClusterAccess, ClusterAccessArgs
from stacks.compose.clusters import Account, ClusterTarget
from stacks.settings import AccessSettings, PrincipalSettings


def declare_access(key: str, settings: AccessSettings, target: ClusterTarget, account: Account) -> ClusterAccess:
    """Return a component that grants the principals of `settings` access to the cluster."""
    args = {
        **settings.to_args("cluster", "principals"),
        "cluster": target.connection,
        "principals": [_principal_args(principal, account) for principal in settings.principals],
        "tags": account.tags(settings.to_args().get("tags")),
        "access_method": settings.access_method or account.settings.defaults.access_method,
    }
    return ClusterAccess(key, cast("ClusterAccessArgs", args), target.options)


def _principal_args(settings: PrincipalSettings, account: Account) -> dict[str, Any]:
    args = settings.to_args("user", "role")
    for kind, name in (("user", settings.user), ("role", settings.role)):
        if name is not None:
            args["arn"] = account.arn(kind, name)
    return args
