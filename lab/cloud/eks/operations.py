"""What every operation of EKS needs: its input, its cluster, and the pages of a list.

moto routes a request by botocore's model to the method named after the operation and serializes its result by the
same model. The operations themselves stand in one module a resource, as mixins over `Operations`.
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
"""EKS gives at most 100 items a page."""


class Operations(EKSResponse):
    """The base of all EKS operations; `store` is set once, when the service is installed."""

    store: ClassVar[Store]

    def __init__(self) -> None:
        super().__init__()
        self.automated_parameter_parsing = True

    def call_action(self) -> Any:
        """Do the operation, or say in EKS's own form that this EKS does not have it, or broke over it."""
        try:
            return super().call_action()
        except NotImplementedError:
            message = f"The lab does not implement eks:{self._get_action()}. Use a real cluster for it."
            return self._error(self.declared(message, errors.InvalidRequestException, errors.ClientException))
        except HTTPException:
            raise
        except Exception as error:  # noqa: BLE001 - a service answers, whatever happens inside it
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

    def declared(self, message: str, *candidates: type[errors.EksError]) -> errors.EksError:
        """The first of `candidates` that botocore's model declares for this operation, with `message`."""
        names = {shape.name for shape in self.operation.error_shapes}
        fitting = (candidate for candidate in candidates if candidate.__name__ in names)
        return next(fitting, errors.ServerException)(message)

    def param(self, name: str, default: Any = None) -> Any:
        """An input member by the name that botocore's model gives it, wherever the request carries it."""
        return self.params.get(name, default)

    def key(self, name: str) -> ClusterKey:
        return ClusterKey(account=self.current_account, region=self.region, name=name, partition=self.partition)

    def arn(self, kind: str, *parts: str) -> str:
        return f"arn:{self.partition}:eks:{self.region}:{self.current_account}:{kind}/{'/'.join(parts)}"

    def cluster(self, name: str | None = None) -> ClusterRecord:
        """The cluster that the request names. Call it with the store's lock held, and use the record within it."""
        wanted = name or self.param("clusterName") or self.param("name")
        cluster = self.store.clusters.get(self.key(wanted))
        if cluster is None:
            raise errors.ResourceNotFoundException(f"No cluster found for name: {wanted}.", cluster=wanted)
        return cluster

    def ready_cluster(self, name: str | None = None) -> ClusterRecord:
        """The cluster that the request names, running."""
        cluster = self.cluster(name)
        if cluster.status not in {"ACTIVE", "UPDATING"}:
            message = f"Cluster '{cluster.key.name}' is not in ACTIVE status"
            raise self.declared(message, errors.InvalidRequestException, errors.InvalidParameterException)
        return cluster

    def page(self, items: Mapping[str, Any]) -> tuple[list[Any], str | None]:
        """One page of `items`, in the order of their keys, and the token of the next page.

        The token holds the last key given, so that items made or deleted between two pages shift nothing.
        """
        limit = self.param("maxResults") or PAGE_LIMIT
        if not 1 <= limit <= PAGE_LIMIT:
            message = f"maxResults must be between 1 and {PAGE_LIMIT}, not {limit}"
            raise self.declared(message, errors.InvalidParameterException, errors.InvalidRequestException)
        after = self._after()
        keys = sorted(key for key in items if after is None or key > after)
        token = base64.urlsafe_b64encode(keys[limit - 1].encode()).decode() if len(keys) > limit else None
        return [items[key] for key in keys[:limit]], token

    def _after(self) -> str | None:
        token = self.param("nextToken")
        if not token:
            return None
        try:
            return base64.b64decode(token, altchars=b"-_", validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            message = "The nextToken is not one that this operation gave"
            raise self.declared(message, errors.InvalidParameterException, errors.InvalidRequestException) from None
