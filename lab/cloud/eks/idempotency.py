"""Client request tokens: a repeated call with the same token returns the first result, and changes nothing.

EKS keeps the token with the resource. A call with the token of a deleted resource is therefore a new call.

Source: "Ensuring idempotency" of the AWS SDKs and `clientRequestToken` in the EKS API reference.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from functools import wraps
from typing import TYPE_CHECKING, Any, TypeVar

from moto.core.responses import ActionResult

from lab.cloud.eks import errors

if TYPE_CHECKING:
    from lab.cloud.eks.operations import Operations

TOKEN = "clientRequestToken"  # noqa: S105 - the name of a member

OperationsT = TypeVar("OperationsT", bound="Operations")


@dataclass
class _Call:
    """The successful call with a token, if there was one. The lock makes calls with the same token wait."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    params: Mapping[str, Any] | None = None
    result: ActionResult | None = None


class IdempotentCalls:
    """The calls with a client request token. A failed call does not use up its token."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._calls: dict[Hashable, _Call] = {}

    def run(
        self,
        key: Hashable,
        params: Mapping[str, Any],
        call: Callable[[], ActionResult],
        is_current: Callable[[ActionResult], bool],
    ) -> ActionResult:
        """Return the result of the first call with `key`, if its resource still exists. Otherwise run `call`.

        Raises:
            InvalidParameterException: the first call had other parameters.
        """
        with self._lock:
            entry = self._calls.setdefault(key, _Call())
        with entry.lock:
            if entry.result is not None and is_current(entry.result):
                if entry.params != params:
                    raise errors.InvalidParameterException(
                        f"The {TOKEN} was already used in a request with different parameters"
                    )
                return entry.result
            entry.result = call()
            entry.params = dict(params)
            return entry.result


def idempotent(operation: Callable[[OperationsT], ActionResult]) -> Callable[[OperationsT], ActionResult]:
    """Decorate an operation that has the member `clientRequestToken`."""

    @wraps(operation)
    def run(response: OperationsT) -> ActionResult:
        token = response.param(TOKEN)
        if not token:
            return operation(response)
        key = (response.current_account, response.region, response.operation.name, token)
        calls = response.store.idempotent_calls
        return calls.run(key, response.params, lambda: operation(response), response.is_current)

    return run
