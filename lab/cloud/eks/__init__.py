"""Amazon EKS and EKS Auth for moto: the operations that moto lacks, or answers without doing anything.

`install` puts them in moto's own dispatch; clusters then run for real, through the `ControlPlanes` given to it. moto's
Fargate profiles stay as they are.
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
from lab.cloud.eks.offers import OfferOperations
from lab.cloud.eks.operations import Operations
from lab.cloud.eks.store import Store
from lab.cloud.eks.tags import TagOperations
from lab.interfaces import ControlPlanes


class EksResponse(
    ClusterOperations,
    ClusterConfigOperations,
    AccessPolicyOperations,
    AddonOperations,
    NodegroupOperations,
    FargateOperations,
    OfferOperations,
    TagOperations,
):
    """Every operation of EKS that the lab has."""


def install(control_planes: ControlPlanes) -> None:
    """Answer EKS and EKS Auth from here on, with clusters that `control_planes` starts. Call it first of all."""
    Operations.store = EksAuthResponse.store = Store(control_planes)
    # EKS Auth is signed as a service of its own, but has no state of its own: moto's application of EKS serves it.
    SIGNING_ALIASES["eks-auth"] = "eks"
    urls.url_paths = {**_paths("eks", EksResponse), **_paths("eks-auth", EksAuthResponse)}


def shutdown() -> None:
    """Wait for what is under way and stop all control planes. Nothing happens where nothing was installed."""
    store: Store | None = getattr(Operations, "store", None)
    if store is not None:
        store.close()


def _paths(service: str, response: Any) -> dict[str, Any]:
    """The table of paths, as moto wants it, for every operation in botocore's model of the service, done or not."""
    model = get_service_model(service)
    uris = {model.operation_model(name).http["requestUri"] for name in model.operation_names}
    return {f"{{0}}{_pattern(uri)}$": response.dispatch for uri in sorted(uris)}


def _pattern(uri: str) -> str:
    """A request URI as moto writes it; an ARN in it holds slashes."""

    def variable(match: re.Match[str]) -> str:
        name = match[1]
        return f"(?P<{name}>.+)" if name.endswith("Arn") else f"(?P<{name}>[^/]+)"

    return re.sub(r"{(\w+)}", variable, uri)


__all__ = ("EksAuthResponse", "EksResponse", "install", "shutdown")
