"""The base class of all EKS operations: input members, cluster lookup, pagination and errors.

moto uses botocore's model to route a request to the method with the name of the operation, and to serialize the result.
The operations of each resource are a mixin over `Operations` in a module of their own.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any, ClassVar

from moto.core.responses import ActionResult

from lab.cloud.eks import errors
from lab.cloud.eks.input_rules import find_problem
from lab.cloud.eks.rest_json import RestJsonResponse
from lab.cloud.eks.store import ClusterRecord, Store
from lab.cloud.eks.unsupported_members import find_unsupported
from lab.interfaces import ClusterKey

PAGE_LIMIT = 100
"""Maximum number of items per page of EKS."""


class Operations(RestJsonResponse):
    """The base class of all EKS operations. `lab.cloud.eks.install` sets `store`."""

    store: ClassVar[Store]

    def __init__(self) -> None:
        super().__init__("eks")

    def check_input(self) -> None:
        """Reject what the lab does not implement, and what EKS rejects beyond botocore's model."""
        if problem := find_unsupported(self.operation.name, self.params):
            raise self.invalid_input(problem)
        if problem := find_problem(self.operation.name, self.params):
            raise self.invalid_input(problem)

    def key(self, name: str) -> ClusterKey:
        return ClusterKey(account=self.current_account, region=self.region, name=name, partition=self.partition)

    def arn(self, kind: str, *parts: str) -> str:
        return f"arn:{self.partition}:eks:{self.region}:{self.current_account}:{kind}/{'/'.join(parts)}"

    def cluster(self, name: str | None = None) -> ClusterRecord:
        """Return the request's cluster. Call this and use the record with the store's lock held."""
        cluster_name = name or self.param("clusterName") or self.param("name")
        cluster = self.store.clusters.get(self.key(cluster_name))
        if cluster is None:
            raise errors.ResourceNotFoundException(f"No cluster found for name: {cluster_name}.", cluster=cluster_name)
        return cluster

    def ready_cluster(self, name: str | None = None) -> ClusterRecord:
        """Return the request's cluster, which must be ACTIVE or UPDATING."""
        cluster = self.cluster(name)
        if cluster.status not in {"ACTIVE", "UPDATING"}:
            message = f"Cluster '{cluster.key.name}' is not in ACTIVE status"
            raise self.declared_error(message, errors.InvalidRequestException, errors.InvalidParameterException)
        return cluster

    def is_current(self, result: ActionResult) -> bool:
        """Return whether the resource or the update that `result` describes exists."""
        members = result.result
        assert isinstance(members, Mapping)
        ((kind, description),) = members.items()
        with self.store.lock:
            clusters = [
                cluster
                for key, cluster in self.store.clusters.items()
                if (key.account, key.region) == (self.current_account, self.region)
            ]
            if kind == "update":
                return any(description["id"] in cluster.updates for cluster in clusters)
            arn = next(value for name, value in description.items() if name in {"arn", f"{kind}Arn"})
            return any(arn in cluster.tagged_resources() for cluster in clusters)

    def page(self, items: Mapping[str, Any]) -> tuple[list[Any], str | None]:
        """Return one page of `items`, in the order of their keys, and the token of the next page.

        The token is the last key of the page. Items that are created or deleted between two requests therefore do not
        shift the next page.
        """
        limit = self.param("maxResults") or PAGE_LIMIT
        last_key = self._read_last_key()
        keys = sorted(key for key in items if last_key is None or key > last_key)
        token = base64.urlsafe_b64encode(keys[limit - 1].encode()).decode() if len(keys) > limit else None
        return [items[key] for key in keys[:limit]], token

    def _read_last_key(self) -> str | None:
        token = self.param("nextToken")
        if not token:
            return None
        try:
            return base64.b64decode(token, altchars=b"-_", validate=True).decode()
        except ValueError:  # not base64, not ASCII or not UTF-8
            raise self.invalid_input("The nextToken is not a token of this operation") from None
