"""Amazon EKS and EKS Auth, in place of moto's own EKS.

`install` registers them in moto's dispatcher. Its `ControlPlanes` then start a real control plane for each cluster.
"""

from __future__ import annotations

import re
from typing import Any

from moto.core.utils import get_service_model
from moto.eks import urls
from moto.moto_server.werkzeug_app import SIGNING_ALIASES

from lab.cloud.eks.access_policies import AccessPolicyOperations
from lab.cloud.eks.addons import AddonOperations
from lab.cloud.eks.auth import EksAuthResponse
from lab.cloud.eks.cluster_config import ClusterConfigOperations
from lab.cloud.eks.clusters import ClusterOperations
from lab.cloud.eks.fargate import FargateOperations
from lab.cloud.eks.nodegroups import NodegroupOperations
from lab.cloud.eks.operations import Operations
from lab.cloud.eks.store import Store
from lab.cloud.eks.tags import TagOperations
from lab.cloud.eks.versions import VersionOperations
from lab.interfaces import ControlPlanes


class EksResponse(
    ClusterOperations,
    ClusterConfigOperations,
    AccessPolicyOperations,
    AddonOperations,
    NodegroupOperations,
    FargateOperations,
    VersionOperations,
    TagOperations,
):
    """All EKS operations that the lab implements."""


def install(control_planes: ControlPlanes) -> None:
    """Register EKS and EKS Auth in moto, with clusters that `control_planes` starts. Call this before any request."""
    Operations.store = EksAuthResponse.store = Store(control_planes)
    # EKS Auth has its own signing name, but no state of its own: moto's application of EKS serves it.
    SIGNING_ALIASES["eks-auth"] = "eks"
    urls.url_paths = {**_url_paths("eks", EksResponse), **_url_paths("eks-auth", EksAuthResponse)}


def shutdown() -> None:
    """Wait for running jobs and stop all control planes. Does nothing if EKS is not installed."""
    store: Store | None = getattr(Operations, "store", None)
    if store is not None:
        store.close()


def _url_paths(service: str, response: Any) -> dict[str, Any]:
    """Return moto's URL table for all operations in botocore's model of the service, implemented or not."""
    model = get_service_model(service)
    uris = {model.operation_model(name).http["requestUri"] for name in model.operation_names}
    return {f"{{0}}{_url_pattern(uri)}$": response.dispatch for uri in sorted(uris)}


def _url_pattern(uri: str) -> str:
    """Return moto's pattern for a request URI. A variable for an ARN also matches slashes."""

    def variable_pattern(match: re.Match[str]) -> str:
        name = match[1]
        return f"(?P<{name}>.+)" if name.endswith("Arn") else f"(?P<{name}>[^/]+)"

    return re.sub(r"{(\w+)}", variable_pattern, uri)


__all__ = ("EksAuthResponse", "EksResponse", "install", "shutdown")
