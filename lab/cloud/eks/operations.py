"""The base class of all EKS operations: input members, cluster lookup, pagination and errors.

moto uses botocore's model to route a request to the method with the name of the operation, and to serialize the result.
The operations of each resource are a mixin over `Operations` in a module of their own.
"""

from __future__ import annotations

import base64
import binascii
import logging
from collections.abc import Mapping
from typing import Any, ClassVar

from botocore.model import OperationModel
from moto.core.responses import ActionResult
from moto.core.utils import get_service_model
from moto.eks.responses import EKSResponse
from werkzeug.exceptions import HTTPException

from lab.cloud.eks import errors
from lab.cloud.eks.store import ClusterRecord, Store
from lab.interfaces import ClusterKey

_log = logging.getLogger(__name__)

PAGE_LIMIT = 100
"""Maximum number of items per page of EKS."""


class Operations(EKSResponse):
    """The base class of all EKS operations. `lab.cloud.eks.install` sets `store`."""

    store: ClassVar[Store]

    def __init__(self) -> None:
        super().__init__()
        self.automated_parameter_parsing = True

    def call_action(self) -> Any:
        """Run the operation. Return an EKS error if the lab does not implement it, or if it raises an exception."""
        try:
            return super().call_action()
        except NotImplementedError:
            message = f"The lab does not implement eks:{self._get_action()}. Use a real cluster for it."
            return self._error(self.declared_error(message, errors.InvalidRequestException, errors.ClientException))
        except HTTPException:
            raise
        except Exception as error:  # noqa: BLE001 - a service returns an error response for every exception
            _log.exception("eks:%s", self._get_action())
            return self._error(errors.ServerException(f"{type(error).__name__}: {error}"))

    def _error(self, error: errors.EksError) -> Any:
        status, headers, body = self.serialized(ActionResult(error))
        headers["status"] = str(status)
        return status, headers, body

    @property
    def operation(self) -> OperationModel:
        model: OperationModel = get_service_model(self.boto3_service_name).operation_model(self._get_action())
        return model

    def declared_error(self, message: str, *candidates: type[errors.EksError]) -> errors.EksError:
        """Return the first of `candidates` that botocore's model declares for this operation, with `message`."""
        names = {shape.name for shape in self.operation.error_shapes}
        matching = (candidate for candidate in candidates if candidate.__name__ in names)
        return next(matching, errors.ServerException)(message)

    def param(self, name: str, default: Any = None) -> Any:
        """Return an input member by its name in botocore's model, from the URL, the query or the body."""
        return self.params.get(name, default)

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

    def page(self, items: Mapping[str, Any]) -> tuple[list[Any], str | None]:
        """Return one page of `items`, in the order of their keys, and the token of the next page.

        The token is the last key of the page. Items that are created or deleted between two requests therefore do not
        shift the next page.
        """
        limit = self.param("maxResults") or PAGE_LIMIT
        if not 1 <= limit <= PAGE_LIMIT:
            message = f"maxResults must be between 1 and {PAGE_LIMIT}, not {limit}"
            raise self.declared_error(message, errors.InvalidParameterException, errors.InvalidRequestException)
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
        except (binascii.Error, UnicodeDecodeError):
            message = "The nextToken is not a token of this operation"
            raise self.declared_error(
                message, errors.InvalidParameterException, errors.InvalidRequestException
            ) from None
