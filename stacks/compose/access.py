"""People of the settings as `ClusterAccess`."""

from __future__ import annotations

from typing import Any, cast

import eks_identity as eks
from stacks.compose.clusters import Target
from stacks.compose.iam import Account
from stacks.settings import AccessSettings, PrincipalSettings


def access(key: str, settings: AccessSettings, target: Target, account: Account) -> eks.ClusterAccess:
    """Who `settings` let into the cluster."""
    args = {
        **settings.said("cluster", "principals"),
        "cluster": target.connection,
        "principals": [_principal(principal, account) for principal in settings.principals],
        "tags": account.tags(settings.said().get("tags")),
        "access_method": settings.access_method or account.settings.defaults.access_method,
    }
    return eks.ClusterAccess(key, cast("eks.ClusterAccessArgs", args), target.options)


def _principal(settings: PrincipalSettings, account: Account) -> dict[str, Any]:
    said = settings.said("user", "role")
    for kind, name in (("user", settings.user), ("role", settings.role)):
        if name is not None:
            said["arn"] = account.arn(kind, name)
    return said
